use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::kernels::{Then, convolve, normalize};

use super::head::{Head, StagedForward, pooled};
use super::torch::{TorchNames, next};

/// How many layers a [`ResNet`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResNetDepth {
    /// Two 3x3 convolutions a block; 512 channels at the end.
    #[serde(rename = "resnet-18")]
    Eighteen,
    /// A 1x1, a 3x3 and a 1x1 convolution a block; 2048 channels at the end.
    #[serde(rename = "resnet-50")]
    Fifty,
}

impl ResNetDepth {
    /// Blocks of each stage.
    pub(super) fn blocks(self) -> [usize; 4] {
        match self {
            Self::Eighteen => [2, 2, 2, 2],
            Self::Fifty => [3, 4, 6, 3],
        }
    }

    /// Kernel, stride and channels of a block's convolutions for a stage's width.
    pub(super) fn layers(self, width: usize, stride: usize) -> Vec<(usize, usize, usize)> {
        match self {
            Self::Eighteen => vec![(3, stride, width), (3, 1, width)],
            // The stride stands at the 3x3 convolution, as torchvision has it since 2016.
            Self::Fifty => vec![(1, 1, width), (3, stride, width), (1, 1, 4 * width)],
        }
    }

    /// Channels of the last map.
    pub fn width(self) -> usize {
        match self {
            Self::Eighteen => 512,
            Self::Fifty => 2048,
        }
    }
}

/// Sizes of a [`ResNet`] or a [`ResNet3d`](super::ResNet3d); stands on a model's card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResNetConfig {
    /// How many layers.
    pub depth: ResNetDepth,
    /// Channels of the input.
    pub channels: usize,
    /// A stem of 3 at stride 1 without pooling, for sides of 28 to 64; else 7 at stride 2 and pooling.
    #[serde(default)]
    pub small_stem: bool,
    /// Length of the named feature vector, where there is one.
    #[serde(default)]
    pub features: Option<usize>,
    /// Classes, a logit each.
    pub classes: usize,
}

impl ResNetConfig {
    /// Whether the sizes make a network, and one that a hostile card cannot blow up memory with.
    pub fn is_sound(&self) -> bool {
        (1..=64).contains(&self.channels) && Head::is_sound(self.features, self.classes)
    }

    /// Side and stride of the stem's kernel.
    pub(super) fn stem(&self) -> (usize, usize) {
        if self.small_stem { (3, 1) } else { (7, 2) }
    }
}

/// Convolutions with normalization, and a shortcut around them.
///
/// # Shapes
/// `[batch, in, h, w]` to `[batch, out, ceil(h / stride), ceil(w / stride)]`
#[derive(Module, Debug)]
pub struct ResNetBlock {
    pub(crate) convolutions: Vec<Conv2d>,
    pub(crate) norms: Vec<BatchNorm>,
    pub(crate) shortcut: Option<Conv2d>,
    pub(crate) shortcut_norm: Option<BatchNorm>,
}

impl ResNetBlock {
    /// A block with random weights that reads `input` channels; `width` is its stage's.
    pub fn new(depth: ResNetDepth, input: usize, width: usize, stride: usize, device: &Device) -> Self {
        let mut convolutions = Vec::new();
        let mut norms = Vec::new();
        let mut current = input;
        for (kernel, stride, output) in depth.layers(width, stride) {
            convolutions.push(convolution([current, output], kernel, stride, device));
            norms.push(BatchNormConfig::new(output).init(device));
            current = output;
        }
        let projects = stride != 1 || input != current;
        Self {
            convolutions,
            norms,
            shortcut: projects.then(|| convolution([input, current], 1, stride, device)),
            shortcut_norm: projects.then(|| BatchNormConfig::new(current).init(device)),
        }
    }

    /// The whole block.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let short = match (&self.shortcut, &self.shortcut_norm) {
            (Some(shortcut), Some(norm)) => normalize(norm, convolve(shortcut, input.clone()), Then::Nothing),
            _ => input.clone(),
        };
        let mut current = input;
        let last = self.norms.len();
        for (at, (convolution, norm)) in self.convolutions.iter().zip(&self.norms).enumerate() {
            let then = if at + 1 < last { Then::Rectify } else { Then::AddAndRectify(short.clone()) };
            current = normalize(norm, convolve(convolution, current), then);
        }
        current
    }
}

/// A residual network of images, with torchvision's layers.
///
/// # Shapes
/// `[batch, channels, h, w]` to [`StagedForward`]: maps of 64, 128, 256, 512 channels (four times as many at
/// fifty layers), each stage after the first with half the grid (rounded up).
///
/// # Source
/// He et al. 2016, doi:10.1109/CVPR.2016.90
#[derive(Module, Debug)]
pub struct ResNet {
    pub(crate) stem: Conv2d,
    pub(crate) stem_norm: BatchNorm,
    pub(crate) stages: Vec<Vec<ResNetBlock>>,
    /// Not there where something else reads the maps.
    pub(crate) head: Option<Head>,
    pub(crate) pools: bool,
}

impl ResNet {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &ResNetConfig, device: &Device) -> Self {
        Self::with_head(config, true, device)
    }

    /// The same with or without its head.
    pub(super) fn with_head(config: &ResNetConfig, with_head: bool, device: &Device) -> Self {
        let (kernel, stride) = config.stem();
        let mut input = 64;
        let stages = config.depth.blocks().into_iter().enumerate().map(|(stage, blocks)| {
            let width = 64 << stage;
            (0..blocks)
                .map(|block| {
                    let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                    let made = ResNetBlock::new(config.depth, input, width, stride, device);
                    input = width * config.depth.width() / 512;
                    made
                })
                .collect()
        });
        Self {
            stem: convolution([config.channels, 64], kernel, stride, device),
            stem_norm: BatchNormConfig::new(64).init(device),
            stages: stages.collect(),
            head: with_head.then(|| Head::new(config.depth.width(), config.features, config.classes, device)),
            pools: !config.small_stem,
        }
    }

    /// The feature maps of every stage, shallowest first.
    pub fn feature_maps(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        let mut current = normalize(&self.stem_norm, convolve(&self.stem, input), Then::Rectify);
        if self.pools {
            current = halved(current);
        }
        let mut maps = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            current = stage.iter().fold(current, |current, block| block.forward(current));
            maps.push(current.clone());
        }
        maps
    }

    /// The last feature map that follows from that of a stage, counted from 0.
    pub(super) fn after(&self, map: Tensor<4>, stage: usize) -> Tensor<4> {
        let later = self.stages.iter().skip(stage + 1).flatten();
        later.fold(map, |current, block| block.forward(current))
    }

    /// The logits that follow from the map of a stage, counted from 0.
    pub(crate) fn logits_after(&self, map: Tensor<4>, stage: usize) -> Tensor<2> {
        self.own_head().forward(pooled(self.after(map, stage))).1
    }

    fn own_head(&self) -> &Head {
        self.head.as_ref().expect("a network by itself has a head")
    }

    /// The whole pass.
    ///
    /// # Panics
    /// If it was made without a head.
    pub fn forward(&self, input: Tensor<4>) -> StagedForward<4> {
        let stages = self.feature_maps(input);
        let pooled = pooled(stages.last().cloned().expect("there are four stages"));
        let (features, logits) = self.own_head().forward(pooled.clone());
        StagedForward { stages, pooled, features, logits }
    }
}

impl TorchNames for ResNet {
    fn torch_name(&self, own: &str) -> String {
        torch_name(self.head.as_ref(), own)
    }
}

/// torchvision's name of a residual network's tensor, which is the same for images and volumes.
pub(super) fn torch_name(head: Option<&Head>, own: &str) -> String {
    match own.split('.').collect::<Vec<_>>()[..] {
        ["stem", leaf] => format!("conv1.{leaf}"),
        ["stem_norm", leaf] => format!("bn1.{leaf}"),
        ["stages", stage, block, "convolutions", at, leaf] => {
            format!("layer{}.{block}.conv{}.{leaf}", next(stage), next(at))
        }
        ["stages", stage, block, "norms", at, leaf] => {
            format!("layer{}.{block}.bn{}.{leaf}", next(stage), next(at))
        }
        ["stages", stage, block, "shortcut", leaf] => {
            format!("layer{}.{block}.downsample.0.{leaf}", next(stage))
        }
        ["stages", stage, block, "shortcut_norm", leaf] => {
            format!("layer{}.{block}.downsample.1.{leaf}", next(stage))
        }
        ["head", part, leaf] => head.map_or_else(|| own.to_owned(), |head| head.torch_name(part, leaf, "fc")),
        _ => own.to_owned(),
    }
}

/// A convolution without bias that keeps the grid at stride 1.
pub(super) fn convolution(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Conv2d {
    let side = kernel / 2;
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(side, side, side, side))
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true })
        .init(device)
}

/// Maximum over 3x3 with stride 2.
pub(super) fn halved(input: Tensor<4>) -> Tensor<4> {
    max_pool2d(input, MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]))
}

#[cfg(test)]
mod tests {
    use super::super::learning;
    use super::*;

    fn config() -> ResNetConfig {
        ResNetConfig {
            depth: ResNetDepth::Eighteen,
            channels: 1,
            small_stem: false,
            features: None,
            classes: 3,
        }
    }

    fn shapes(config: &ResNetConfig, side: usize) -> (Vec<[usize; 4]>, Vec<[usize; 2]>) {
        let device = Device::flex();
        let input = Tensor::zeros([1, config.channels, side, side], &device);
        let out = ResNet::new(config, &device).forward(input);
        let vectors = [Some(out.pooled), out.features, Some(out.logits)];
        (out.stages.iter().map(Tensor::dims).collect(), vectors.iter().flatten().map(Tensor::dims).collect())
    }

    #[test]
    fn shapes_of_every_output_of_eighteen_layers() {
        let (maps, vectors) = shapes(&config(), 40);
        assert_eq!(maps, [[1, 64, 10, 10], [1, 128, 5, 5], [1, 256, 3, 3], [1, 512, 2, 2]]);
        assert_eq!(vectors, [[1, 512], [1, 3]]);
    }

    #[test]
    fn a_small_stem_keeps_the_grid_and_the_named_vector_stands_before_the_scorer() {
        let (maps, vectors) = shapes(&ResNetConfig { small_stem: true, features: Some(1000), ..config() }, 8);
        assert_eq!(maps[0], [1, 64, 8, 8]);
        assert_eq!(maps[3], [1, 512, 1, 1]);
        assert_eq!(vectors, [[1, 512], [1, 1000], [1, 3]]);
    }

    #[test]
    fn shapes_of_every_output_of_fifty_layers() {
        let (maps, vectors) =
            shapes(&ResNetConfig { depth: ResNetDepth::Fifty, channels: 3, ..config() }, 32);
        assert_eq!(maps, [[1, 256, 8, 8], [1, 512, 4, 4], [1, 1024, 2, 2], [1, 2048, 1, 1]]);
        assert_eq!(vectors, [[1, 2048], [1, 3]]);
    }

    #[test]
    fn the_gradient_of_both_kinds_of_block_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(11);
        for depth in [ResNetDepth::Eighteen, ResNetDepth::Fifty] {
            let block = ResNetBlock::new(depth, 4, 3, 2, &device);
            learning::check_gradient([2, 4, 5, 6], &device, |input| block.forward(input));
        }
    }

    #[test]
    fn a_card_that_asks_for_too_much_is_not_sound() {
        assert!(config().is_sound());
        assert!(!ResNetConfig { channels: 0, ..config() }.is_sound());
        assert!(!ResNetConfig { classes: 1 << 40, ..config() }.is_sound());
        assert!(!ResNetConfig { features: Some(0), ..config() }.is_sound());
    }

    #[test]
    fn unknown_keys_of_a_card_are_refused() {
        let known = "depth = 'resnet-18'\nchannels = 1\nclasses = 3";
        assert_eq!(toml::from_str::<ResNetConfig>(known).expect("it is one"), config());
        assert!(toml::from_str::<ResNetConfig>(&format!("{known}\nlayers = 18")).is_err());
    }
}
