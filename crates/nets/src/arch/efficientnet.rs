use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::kernels::{Then, convolve, convolve_same, normalize};

use super::Activations;
use super::activations::OF_BATCH_NORM;
use super::head::Head;
use super::torch::TorchNames;

/// Blocks, side of the kernel, stride, how many times wider the inside is, and channels of each stage.
const STAGES: [[usize; 5]; 6] = [
    [1, 3, 1, 1, 16],
    [2, 3, 2, 6, 24],
    [2, 5, 2, 6, 40],
    [3, 3, 2, 6, 80],
    [3, 5, 1, 6, 112],
    [4, 5, 2, 6, 192],
];
/// Channels of the stem.
const STEM: usize = 32;
/// Of the batch normalizations.
const EPSILON: f64 = 1e-3;

/// A 1x1 convolution that widens, one of each channel by itself, and a 1x1 convolution that narrows again, around which
/// the input goes where it has the output's shape.
///
/// # Shapes
/// `[batch, in, h, w]` to `[batch, out, ceil(h / stride), ceil(w / stride)]`
///
/// # Source
/// Sandler et al. 2018, doi:10.1109/CVPR.2018.00474
#[derive(Module, Debug)]
pub struct InvertedResidual {
    pub(crate) widening: Option<Conv2d>,
    pub(crate) widening_norm: Option<BatchNorm>,
    pub(crate) depthwise: Conv2d,
    pub(crate) depthwise_norm: BatchNorm,
    pub(crate) narrowing: Conv2d,
    pub(crate) narrowing_norm: BatchNorm,
    pub(crate) goes_around: bool,
}

impl InvertedResidual {
    /// A block with random weights; without a widening where the inside is as wide as the input.
    pub fn new(
        [input, output]: [usize; 2],
        wider: usize,
        kernel: usize,
        stride: usize,
        device: &Device,
    ) -> Self {
        let inside = wider * input;
        let norm = |channels: usize| BatchNormConfig::new(channels).with_epsilon(EPSILON).init(device);
        Self {
            widening: (wider > 1).then(|| convolution([input, inside], 1, 1, 1, device)),
            widening_norm: (wider > 1).then(|| norm(inside)),
            depthwise: convolution([inside, inside], kernel, stride, inside, device),
            depthwise_norm: norm(inside),
            narrowing: convolution([inside, output], 1, 1, 1, device),
            narrowing_norm: norm(output),
            goes_around: stride == 1 && input == output,
        }
    }

    /// The whole block.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let inside = match (&self.widening, &self.widening_norm) {
            (Some(widening), Some(norm)) => held(norm, convolve(widening, input.clone())),
            _ => input.clone(),
        };
        let inside = held(&self.depthwise_norm, convolve_same(&self.depthwise, inside));
        let output = normalize(&self.narrowing_norm, convolve(&self.narrowing, inside), Then::Nothing);
        if self.goes_around { output + input } else { output }
    }
}

/// EfficientNet-Lite0 without its last stage and the 1280 channels behind it: what it saw of the images at a quarter, an
/// eighth, a sixteenth and a thirty-second of their side.
///
/// # Shapes
/// `[batch, 3, h, w]` to maps of 24, 40, 112 and 192 channels, each side rounded up.
///
/// # Source
/// Tan and Le 2019, arXiv:1905.11946; its Lite form without squeeze and excitation and with activations between 0 and 6:
/// tensorflow/tpu, models/official/efficientnet/lite
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    pub(crate) stem: Conv2d,
    pub(crate) stem_norm: BatchNorm,
    pub(crate) stages: Vec<Vec<InvertedResidual>>,
    /// Not there where something else reads the maps.
    pub(crate) head: Option<Head>,
}

impl EfficientNetLite {
    /// Channels of the feature maps.
    pub const WIDTHS: [usize; 4] = [24, 40, 112, 192];
    /// Stages after the stem.
    pub const STAGES: usize = STAGES.len();
    /// Channels of the input.
    pub const CHANNELS: usize = 3;
    /// The stages whose maps are the feature maps, counted from 0: the last of each grid, but for the first.
    pub(crate) const SEEN: [usize; 4] = [1, 2, 4, 5];

    /// A network with random weights; the device's seed decides them. With `features` and `classes` it has a linear head.
    pub fn new(head: Option<(Option<usize>, usize)>, device: &Device) -> Self {
        let mut input = STEM;
        let stage = |[blocks, kernel, stride, wider, output]: [usize; 5]| {
            (0..blocks)
                .map(|block| {
                    let stride = if block == 0 { stride } else { 1 };
                    let channels = [std::mem::replace(&mut input, output), output];
                    InvertedResidual::new(channels, wider, kernel, stride, device)
                })
                .collect()
        };
        let stages = STAGES.map(stage).into();
        let last = Self::WIDTHS[3];
        Self {
            stem: convolution([Self::CHANNELS, STEM], 3, 2, 1, device),
            stem_norm: BatchNormConfig::new(STEM).with_epsilon(EPSILON).init(device),
            stages,
            head: head.map(|(features, classes)| Head::new(last, features, classes, device)),
        }
    }

    /// Lengths of an axis in the feature maps.
    pub fn lengths(length: usize) -> [usize; 4] {
        [2, 3, 4, 5].map(|halvings| (0..halvings).fold(length, |length, _| length.div_ceil(2)))
    }

    /// Of all stages and one image or so many slices; three maps are kept of each convolution, its normalization and what
    /// holds it between 0 and 6.
    pub(super) fn activations(side: usize, slices: usize) -> Activations {
        let places = |side: usize| (side * side * slices) as f64;
        let mut side = side.div_ceil(2);
        let stem = STEM as f64 * places(side);
        let (mut maps, mut largest, mut input) = (3.0 * stem, stem, STEM);
        for [blocks, _, stride, wider, output] in STAGES {
            for block in 0..blocks {
                let before = places(side);
                side = if block == 0 { side.div_ceil(stride) } else { side };
                let (inside, after) = ((wider * input) as f64, places(side));
                let widened = if wider > 1 { inside * before } else { 0.0 };
                maps += 3.0 * widened + 3.0 * inside * after + 3.0 * output as f64 * after;
                largest = largest.max(widened);
                input = output;
            }
        }
        Activations { kept: OF_BATCH_NORM * maps, passing: 4.0 * largest }
    }

    /// The feature maps, shallowest first; the stem and the first stages as they are, without gradients and by their
    /// running statistics, where `fixed` is above 0: 1 fixes the stem, each further one a stage.
    pub fn feature_maps(&self, input: Tensor<4>, fixed: usize) -> Vec<Tensor<4>> {
        let mut maps = Vec::with_capacity(Self::SEEN.len());
        let mut current = match fixed {
            0 => self.stemmed(input),
            _ => fixed_part(self, input, |network, input| network.stemmed(input)),
        };
        for (number, stage) in self.stages.iter().enumerate() {
            let through = |stage: &Vec<InvertedResidual>, map: Tensor<4>| {
                stage.iter().fold(map, |map, block| block.forward(map))
            };
            current = if number + 1 < fixed {
                fixed_part(stage, current, through)
            } else {
                through(stage, current)
            };
            if Self::SEEN.contains(&number) {
                maps.push(current.clone());
            }
        }
        maps
    }

    /// The last feature map that follows from another, counted from 0.
    pub(crate) fn after(&self, map: Tensor<4>, at: usize) -> Tensor<4> {
        let later = self.stages.iter().skip(Self::SEEN[at] + 1).flatten();
        later.fold(map, |map, block| block.forward(map))
    }

    fn stemmed(&self, input: Tensor<4>) -> Tensor<4> {
        held(&self.stem_norm, convolve_same(&self.stem, input))
    }
}

/// What a part of a network makes of a map when nothing of it is to change.
fn fixed_part<M: Module>(
    part: &M,
    map: Tensor<4>,
    through: impl Fn(&M, Tensor<4>) -> Tensor<4>,
) -> Tensor<4> {
    if !map.is_autodiff() {
        return through(part, map);
    }
    through(&part.valid(), map.inner()).autodiff()
}

/// Normalized and held between 0 and 6.
fn held(norm: &BatchNorm, map: Tensor<4>) -> Tensor<4> {
    normalize(norm, map, Then::Rectify).clamp_max(6.0)
}

/// A convolution without bias, and without padding of its own.
fn convolution(channels: [usize; 2], kernel: usize, stride: usize, groups: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_groups(groups)
        .with_padding(PaddingConfig2d::Valid)
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true })
        .init(device)
}

impl TorchNames for EfficientNetLite {
    /// The names of the package `efficientnet_lite_pytorch`, which counts the blocks of all stages in one row.
    fn torch_name(&self, own: &str) -> String {
        match own.split('.').collect::<Vec<_>>()[..] {
            ["stem", leaf] => format!("_conv_stem.{leaf}"),
            ["stem_norm", leaf] => format!("_bn0.{leaf}"),
            ["stages", stage, block, part, leaf] => {
                let (stage, block): (usize, usize) = (stage.parse().unwrap_or(0), block.parse().unwrap_or(0));
                let before: usize = STAGES.iter().take(stage).map(|[blocks, ..]| blocks).sum();
                let name = match part {
                    "widening" => "_expand_conv",
                    "widening_norm" => "_bn0",
                    "depthwise" => "_depthwise_conv",
                    "depthwise_norm" => "_bn1",
                    "narrowing" => "_project_conv",
                    "narrowing_norm" => "_bn2",
                    other => other,
                };
                format!("_blocks.{}.{name}.{leaf}", before + block)
            }
            _ => own.to_owned(),
        }
    }

    /// The last stage and what follows it are not needed.
    fn current_name(&self, found: &str) -> Option<String> {
        let is_beyond = found.starts_with("_blocks.15.")
            || ["_conv_head.", "_bn1.", "_fc."].iter().any(|name| found.starts_with(name));
        (!is_beyond && !found.ends_with("num_batches_tracked")).then(|| found.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{golden, learning};
    use super::*;

    fn network() -> EfficientNetLite {
        let device = Device::flex();
        device.seed(5);
        EfficientNetLite::new(None, &device)
    }

    #[test]
    fn shapes_of_the_maps_and_the_number_of_weights() {
        for (side, sides) in [(64, [16, 8, 4, 2]), (70, [18, 9, 5, 3])] {
            let maps = network().feature_maps(Tensor::zeros([2, 3, side, side], &Device::flex()), 0);
            let expected: Vec<[usize; 4]> = EfficientNetLite::WIDTHS
                .iter()
                .zip(sides)
                .map(|(width, side)| [2, *width, side, side])
                .collect();
            assert_eq!(maps.iter().map(Tensor::dims).collect::<Vec<_>>(), expected);
            assert_eq!(EfficientNetLite::lengths(side), sides);
        }
        // Of the published network's 4,652,008 numbers (PyTorch's count, without running statistics) those of the last
        // stage (605,440), the 1280 channels (412,160) and the scorer (1,281,000) are not here. Running statistics are counted,
        // a mean and a variance for each of 17,104 channels.
        assert_eq!(network().num_params(), 4_652_008 - 605_440 - 412_160 - 1_281_000 + 2 * 17_104);
    }

    #[test]
    fn maps_are_those_of_pytorch() {
        let case = golden::case("efficientnet_lite0");
        let network = case.loaded(network());
        let maps = network.feature_maps(case.input(&Device::flex()), 0);
        for (at, map) in maps.into_iter().enumerate() {
            case.check(&format!("map_{at}"), map);
        }
    }

    #[test]
    fn what_follows_from_a_map_is_the_last_one() {
        let network = network();
        let maps = network.feature_maps(Tensor::ones([1, 3, 40, 40], &Device::flex()), 0);
        for at in 0..4 {
            assert_eq!(network.after(maps[at].clone(), at).into_data(), maps[3].clone().into_data(), "{at}");
        }
    }

    #[test]
    fn the_gradient_of_a_block_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(12);
        for (channels, wider, kernel, stride) in [([4, 4], 2, 3, 1), ([4, 3], 3, 5, 2), ([4, 6], 1, 3, 1)] {
            let block = InvertedResidual::new(channels, wider, kernel, stride, &device);
            learning::check_gradient([2, 4, 5, 6], &device, |input| block.forward(input));
        }
    }

    #[test]
    fn fixed_stages_have_no_gradients_and_keep_their_statistics() {
        let device = Device::flex().autodiff();
        device.seed(13);
        let network = EfficientNetLite::new(None, &device);
        let before = network.stages[2][0].depthwise_norm.running_mean.value().into_data();
        let input = Tensor::random([2, 3, 40, 40], burn::tensor::Distribution::Default, &device);
        // The stem and the first three stages.
        let maps = network.feature_maps(input.clone(), 4);
        let gradients = maps[3].clone().sum().backward();
        assert!(network.stem.weight.grad(&gradients).is_none());
        assert!(network.stages[2][0].depthwise.weight.grad(&gradients).is_none());
        assert!(network.stages[3][0].depthwise.weight.grad(&gradients).is_some());
        assert_eq!(network.stages[2][0].depthwise_norm.running_mean.value().into_data(), before);
        // What they see is what the whole network sees once it is trained.
        let still = network.clone().valid().feature_maps(input.inner(), 0);
        assert_eq!(maps[1].clone().inner().into_data(), still[1].clone().into_data());
    }
}
