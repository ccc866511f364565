use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::kernels::{Then, convolve, normalize};

use super::head::{Head, MOST_PARAMETERS, StagedForward, pooled};
use super::resnet::{convolution, halved};
use super::torch::{TorchNames, next};

/// Sizes of a [`DenseNet`]; stands on a model's card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseNetConfig {
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the stem.
    pub stem: usize,
    /// A stem of 3 at stride 1 without pooling, for sides of 28 to 64; else 7 at stride 2 and pooling.
    #[serde(default)]
    pub small_stem: bool,
    /// Channels that each layer adds.
    pub growth: usize,
    /// Layers of each block.
    pub blocks: Vec<usize>,
    /// Length of the named feature vector, where there is one.
    #[serde(default)]
    pub features: Option<usize>,
    /// Classes, a logit each.
    pub classes: usize,
}

impl DenseNetConfig {
    /// DenseNet-121, as torchvision has it for three channels and TorchXRayVision for one: 1024 features.
    pub fn densenet_121(channels: usize, classes: usize) -> Self {
        Self {
            channels,
            stem: 64,
            small_stem: false,
            growth: 32,
            blocks: vec![6, 12, 24, 16],
            features: None,
            classes,
        }
    }

    /// Channels that leave each block.
    pub fn widths(&self) -> Vec<usize> {
        let mut width = self.stem;
        let mut widths = Vec::with_capacity(self.blocks.len());
        for (block, layers) in self.blocks.iter().enumerate() {
            width = if block == 0 { width } else { width / 2 } + layers * self.growth;
            widths.push(width);
        }
        widths
    }

    /// How many weights a network of these sizes has.
    pub fn parameters(&self) -> usize {
        let mut width = self.stem;
        let mut count = self.stem().0.pow(2) * self.channels * self.stem + 2 * self.stem;
        for (block, layers) in self.blocks.iter().enumerate() {
            if block > 0 {
                count += 2 * width + width * (width / 2);
                width /= 2;
            }
            for _ in 0..*layers {
                let inner = 4 * self.growth;
                count += 2 * width + width * inner + 2 * inner + 9 * inner * self.growth;
                width += self.growth;
            }
        }
        count + 2 * width + Head::parameters(width, self.features, self.classes)
    }

    /// Side and stride of the stem's kernel.
    fn stem(&self) -> (usize, usize) {
        if self.small_stem { (3, 1) } else { (7, 2) }
    }

    /// Whether the sizes make a network, and one that a hostile card cannot blow up memory with.
    pub fn is_sound(&self) -> bool {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        within(self.channels, 64)
            && within(self.stem, 256)
            && within(self.growth, 64)
            && within(self.blocks.len(), 6)
            && self.blocks.iter().all(|layers| within(*layers, 64))
            && Head::is_sound(self.features, self.classes)
            && self.widths().iter().all(|width| *width > 1)
            && self.parameters() <= MOST_PARAMETERS
    }
}

/// A 1x1 and a 3x3 convolution, each of what was normalized and activated before; its output goes beside its input.
///
/// # Shapes
/// `[batch, in, h, w]` to `[batch, in + growth, h, w]`
#[derive(Module, Debug)]
pub struct DenseLayer {
    pub(crate) first_norm: BatchNorm,
    pub(crate) first: Conv2d,
    pub(crate) second_norm: BatchNorm,
    pub(crate) second: Conv2d,
}

impl DenseLayer {
    /// A layer with random weights.
    pub fn new(input: usize, growth: usize, device: &Device) -> Self {
        let inner = 4 * growth;
        Self {
            first_norm: BatchNormConfig::new(input).init(device),
            first: convolution([input, inner], 1, 1, device),
            second_norm: BatchNormConfig::new(inner).init(device),
            second: convolution([inner, growth], 3, 1, device),
        }
    }

    /// Input and output, one after the other.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let inner = convolve(&self.first, normalize(&self.first_norm, input.clone(), Then::Rectify));
        let added = convolve(&self.second, normalize(&self.second_norm, inner, Then::Rectify));
        Tensor::cat(vec![input, added], 1)
    }
}

/// Half the channels on half the grid, by a 1x1 convolution and the mean of 2x2 places.
///
/// # Shapes
/// `[batch, in, h, w]` to `[batch, in / 2, h / 2, w / 2]`, rounded down.
#[derive(Module, Debug)]
pub struct Transition {
    pub(crate) norm: BatchNorm,
    pub(crate) convolution: Conv2d,
}

impl Transition {
    fn new(input: usize, device: &Device) -> Self {
        Self {
            norm: BatchNormConfig::new(input).init(device),
            convolution: convolution([input, input / 2], 1, 1, device),
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let thinned = convolve(&self.convolution, normalize(&self.norm, input, Then::Rectify));
        let [batch, channels, rows, columns] = thinned.dims();
        let [rows, columns] = [rows / 2, columns / 2];
        thinned
            .slice([0..batch, 0..channels, 0..2 * rows, 0..2 * columns])
            .reshape([batch, channels, rows, 2, columns, 2])
            .mean_dim(5)
            .mean_dim(3)
            .reshape([batch, channels, rows, columns])
    }
}

/// A densely connected network of images: every layer of a block reads what all layers before it made.
///
/// # Shapes
/// `[batch, channels, h, w]`, each side at least 2 to the power of the number of blocks plus one, to
/// [`StagedForward`]: a map for each block, as the next block (or the head) reads it.
///
/// # Source
/// Huang et al. 2017, doi:10.1109/CVPR.2017.243
#[derive(Module, Debug)]
pub struct DenseNet {
    pub(crate) stem: Conv2d,
    pub(crate) stem_norm: BatchNorm,
    pub(crate) blocks: Vec<Vec<DenseLayer>>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) norm: BatchNorm,
    /// Not there where something else reads the maps.
    pub(crate) head: Option<Head>,
    pub(crate) pools: bool,
}

impl DenseNet {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &DenseNetConfig, device: &Device) -> Self {
        Self::with_head(config, true, device)
    }

    /// The same with or without its head.
    pub(super) fn with_head(config: &DenseNetConfig, with_head: bool, device: &Device) -> Self {
        let (kernel, stride) = config.stem();
        let widths = config.widths();
        let last = widths.last().copied().unwrap_or(config.stem);
        let blocks = config.blocks.iter().enumerate().map(|(block, layers)| {
            let width = if block == 0 { config.stem } else { widths[block - 1] / 2 };
            (0..*layers)
                .map(|layer| DenseLayer::new(width + layer * config.growth, config.growth, device))
                .collect()
        });
        Self {
            stem: convolution([config.channels, config.stem], kernel, stride, device),
            stem_norm: BatchNormConfig::new(config.stem).init(device),
            blocks: blocks.collect(),
            transitions: widths[..widths.len().saturating_sub(1)]
                .iter()
                .map(|width| Transition::new(*width, device))
                .collect(),
            norm: BatchNormConfig::new(last).init(device),
            head: with_head.then(|| Head::new(last, config.features, config.classes, device)),
            pools: !config.small_stem,
        }
    }

    /// The feature maps of every block, shallowest first.
    pub fn feature_maps(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        let mut current = normalize(&self.stem_norm, convolve(&self.stem, input), Then::Rectify);
        if self.pools {
            current = halved(current);
        }
        let mut maps = Vec::with_capacity(self.blocks.len());
        for (at, block) in self.blocks.iter().enumerate() {
            current = block.iter().fold(current, |current, layer| layer.forward(current));
            current = self.between(current, at);
            maps.push(current.clone());
        }
        maps
    }

    /// What stands between a block and whatever reads it.
    fn between(&self, map: Tensor<4>, block: usize) -> Tensor<4> {
        match self.transitions.get(block) {
            Some(transition) => transition.forward(map),
            None => normalize(&self.norm, map, Then::Rectify),
        }
    }

    /// The last feature map that follows from that of a block, counted from 0.
    pub(super) fn after(&self, map: Tensor<4>, block: usize) -> Tensor<4> {
        let mut current = map;
        for (at, block) in self.blocks.iter().enumerate().skip(block + 1) {
            current = self.between(block.iter().fold(current, |current, layer| layer.forward(current)), at);
        }
        current
    }

    /// The logits that follow from the map of a block, counted from 0.
    pub(crate) fn logits_after(&self, map: Tensor<4>, block: usize) -> Tensor<2> {
        self.own_head().forward(pooled(self.after(map, block))).1
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
        let pooled = pooled(stages.last().cloned().expect("there is at least one block"));
        let (features, logits) = self.own_head().forward(pooled.clone());
        StagedForward { stages, pooled, features, logits }
    }
}

impl TorchNames for DenseNet {
    fn torch_name(&self, own: &str) -> String {
        match own.split('.').collect::<Vec<_>>()[..] {
            ["stem", leaf] => format!("features.conv0.{leaf}"),
            ["stem_norm", leaf] => format!("features.norm0.{leaf}"),
            ["blocks", block, layer, part, leaf] => {
                let part = match part {
                    "first_norm" => "norm1",
                    "first" => "conv1",
                    "second_norm" => "norm2",
                    _ => "conv2",
                };
                format!("features.denseblock{}.denselayer{}.{part}.{leaf}", next(block), next(layer))
            }
            ["transitions", at, "norm", leaf] => format!("features.transition{}.norm.{leaf}", next(at)),
            ["transitions", at, _, leaf] => format!("features.transition{}.conv.{leaf}", next(at)),
            // Its number is 5 whatever the number of blocks, in torchvision and TorchXRayVision.
            ["norm", leaf] => format!("features.norm5.{leaf}"),
            ["head", part, leaf] => self
                .head
                .as_ref()
                .map_or_else(|| own.to_owned(), |head| head.torch_name(part, leaf, "classifier")),
            _ => own.to_owned(),
        }
    }

    /// Weights of before 2018 write `norm.1` for `norm1`; TorchXRayVision keeps thresholds among the weights.
    fn current_name(&self, found: &str) -> Option<String> {
        if found.ends_with("num_batches_tracked") || found == "op_threshs" {
            return None;
        }
        let current = ["norm", "conv"].into_iter().fold(found.to_owned(), |name, part| {
            name.replace(&format!(".{part}.1."), &format!(".{part}1."))
                .replace(&format!(".{part}.2."), &format!(".{part}2."))
        });
        Some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{golden, learning, load_torch};
    use super::*;

    fn config() -> DenseNetConfig {
        DenseNetConfig {
            channels: 1,
            stem: 6,
            small_stem: false,
            growth: 4,
            blocks: vec![2, 3],
            features: None,
            classes: 2,
        }
    }

    #[test]
    fn shapes_of_every_output() {
        let device = Device::flex();
        let config = DenseNetConfig { features: Some(9), ..config() };
        assert_eq!(config.widths(), [14, 19]);
        let out = DenseNet::new(&config, &device).forward(Tensor::zeros([2, 1, 36, 24], &device));
        assert_eq!(out.stages.iter().map(Tensor::dims).collect::<Vec<_>>(), [[2, 7, 4, 3], [2, 19, 4, 3]]);
        assert_eq!(out.pooled.dims(), [2, 19]);
        assert_eq!(out.features.expect("it is named").dims(), [2, 9]);
        assert_eq!(out.logits.dims(), [2, 2]);
    }

    #[test]
    fn the_number_of_weights_is_what_the_card_foretells() {
        let device = Device::flex();
        for config in [config(), DenseNetConfig { features: Some(9), ..config() }] {
            assert_eq!(config.parameters(), golden::count(&DenseNet::new(&config, &device)));
        }
        // 6 953 856 of the feature extractor and 1025 for each class, as torchvision counts them.
        assert_eq!(DenseNetConfig::densenet_121(3, 1000).parameters(), 7_978_856);
    }

    #[test]
    fn the_mean_of_four_places_worked_on_paper() {
        let device = Device::flex();
        let mut transition = Transition::new(2, &device).valid();
        // The convolution passes the first channel on; normalization divides by sqrt(1 + 1e-5).
        transition.convolution.weight = burn::module::Param::from_data([[[[1.0]], [[0.0]]]], &device);
        let input = Tensor::<4>::from_data(
            [[[[1.0, 3.0, 9.0], [5.0, -7.0, 9.0]], [[9.0, 9.0, 9.0], [9.0, 9.0, 9.0]]]],
            &device,
        );
        let found = transition.forward(input);
        assert_eq!(found.dims(), [1, 1, 1, 1]);
        // (1 + 3 + 5 + 0) / 4, the odd column left out
        assert!((found.into_scalar::<f32>() - 2.25).abs() < 1e-4);
    }

    #[test]
    fn the_gradient_of_a_layer_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(12);
        let layer = DenseLayer::new(3, 2, &device);
        learning::check_gradient([2, 3, 4, 5], &device, |input| layer.forward(input));
        let transition = Transition::new(4, &device);
        learning::check_gradient([2, 4, 5, 4], &device, |input| transition.forward(input));
    }

    #[test]
    fn names_of_old_files_are_read_as_todays() {
        let network = DenseNet::new(&config(), &Device::flex());
        let current = |name: &str| network.current_name(name);
        assert_eq!(
            current("features.denseblock1.denselayer2.norm.1.weight").as_deref(),
            Some("features.denseblock1.denselayer2.norm1.weight")
        );
        assert_eq!(
            current("features.transition1.conv.weight").as_deref(),
            Some("features.transition1.conv.weight")
        );
        assert_eq!(current("features.norm0.num_batches_tracked"), None);
        assert_eq!(current("op_threshs"), None);
        let names = [
            "features.denseblock1.denselayer1.norm1.weight",
            "features.denseblock1.denselayer1.norm.1.weight",
        ];
        let twice = names.map(|name| (name.to_owned(), vec![6])).into();
        let error = load_torch(network, golden::file(&twice)).expect_err("one of them is too many");
        assert!(
            error.to_string().ends_with("denselayer1.norm1.weight stands there under two names"),
            "{error}"
        );
    }

    #[test]
    fn a_card_that_asks_for_too_much_is_not_sound() {
        assert!(config().is_sound());
        assert!(DenseNetConfig::densenet_121(1, 18).is_sound());
        assert!(!DenseNetConfig { growth: 1 << 40, ..config() }.is_sound());
        assert!(!DenseNetConfig { blocks: Vec::new(), ..config() }.is_sound());
        assert!(!DenseNetConfig { blocks: vec![64; 6], growth: 64, ..config() }.is_sound());
    }
}
