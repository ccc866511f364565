use burn::module::Module;
use burn::nn::conv::{Conv3d, Conv3dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig3d};
use burn::tensor::{Device, Tensor};

use crate::kernels::{Then, convolve_volume, normalize};

use super::head::{Head, StagedForward, pooled};
use super::link_net::halved;
use super::resnet::torch_name;
use super::torch::TorchNames;
use super::{ResNetConfig, ResNetDepth};

/// Convolutions with normalization, and a shortcut around them.
///
/// # Shapes
/// `[batch, in, x, y, z]` to `[batch, out, x, y, z]`, each side divided by the stride (rounded up).
#[derive(Module, Debug)]
pub struct ResNetBlock3d {
    pub(crate) convolutions: Vec<Conv3d>,
    pub(crate) norms: Vec<BatchNorm>,
    pub(crate) shortcut: Option<Conv3d>,
    pub(crate) shortcut_norm: Option<BatchNorm>,
}

impl ResNetBlock3d {
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
    pub fn forward(&self, input: Tensor<5>) -> Tensor<5> {
        let short = match (&self.shortcut, &self.shortcut_norm) {
            (Some(shortcut), Some(norm)) => {
                normalize(norm, convolve_volume(shortcut, input.clone()), Then::Nothing)
            }
            _ => input.clone(),
        };
        let mut current = input;
        let last = self.norms.len();
        for (at, (convolution, norm)) in self.convolutions.iter().zip(&self.norms).enumerate() {
            let then = if at + 1 < last { Then::Rectify } else { Then::AddAndRectify(short.clone()) };
            current = normalize(norm, convolve_volume(convolution, current), then);
        }
        current
    }
}

/// A residual network of volumes: [`ResNet`](super::ResNet) with every layer in three dimensions.
///
/// # Shapes
/// `[batch, channels, x, y, z]` to [`StagedForward`]: maps of 64, 128, 256, 512 channels (four times as many at
/// fifty layers), each stage after the first with half of every side (rounded up).
///
/// # Source
/// Hara et al. 2018, doi:10.1109/CVPR.2018.00685; Chen et al. 2019, arXiv:1904.00625
#[derive(Module, Debug)]
pub struct ResNet3d {
    pub(crate) stem: Conv3d,
    pub(crate) stem_norm: BatchNorm,
    pub(crate) stages: Vec<Vec<ResNetBlock3d>>,
    /// Not there where something else reads the maps.
    pub(super) head: Option<Head>,
    pub(crate) pools: bool,
}

impl ResNet3d {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &ResNetConfig, device: &Device) -> Self {
        Self::with_head(config, true, device)
    }

    /// The same without its head.
    pub(super) fn headless(self) -> Self {
        Self { head: None, ..self }
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
                    let made = ResNetBlock3d::new(config.depth, input, width, stride, device);
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
    pub fn feature_maps(&self, input: Tensor<5>) -> Vec<Tensor<5>> {
        let mut current = normalize(&self.stem_norm, convolve_volume(&self.stem, input), Then::Rectify);
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

    /// The logits that follow from the map of a stage, counted from 0.
    pub(crate) fn logits_after(&self, map: Tensor<5>, stage: usize) -> Tensor<2> {
        let later = self.stages.iter().skip(stage + 1).flatten();
        self.own_head().forward(pooled(later.fold(map, |current, block| block.forward(current)))).1
    }

    fn own_head(&self) -> &Head {
        self.head.as_ref().expect("a network by itself has a head")
    }

    /// The whole pass.
    ///
    /// # Panics
    /// If it was made without a head.
    pub fn forward(&self, input: Tensor<5>) -> StagedForward<5> {
        let stages = self.feature_maps(input);
        let pooled = pooled(stages.last().cloned().expect("there are four stages"));
        let (features, logits) = self.own_head().forward(pooled.clone());
        StagedForward { stages, pooled, features, logits }
    }
}

impl TorchNames for ResNet3d {
    fn torch_name(&self, own: &str) -> String {
        torch_name(self.head.as_ref(), own)
    }
}

pub(super) fn convolution(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Conv3d {
    let side = kernel / 2;
    Conv3dConfig::new(channels, [kernel; 3])
        .with_stride([stride; 3])
        .with_padding(PaddingConfig3d::Explicit(side, side, side))
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true })
        .init(device)
}

#[cfg(test)]
mod tests {
    use super::super::learning;
    use super::*;

    #[test]
    fn shapes_before_and_behind_the_stages() {
        let device = Device::flex();
        let config = ResNetConfig {
            depth: ResNetDepth::Eighteen,
            channels: 2,
            small_stem: false,
            features: Some(20),
            classes: 3,
        };
        // The maps of the stages are compared with PyTorch's; to draw their weights once more takes seconds.
        let network = ResNet3d::new(&config, &device);
        assert_eq!(network.stem.forward(Tensor::zeros([1, 2, 6, 8, 5], &device)).dims(), [1, 64, 3, 4, 3]);
        let (features, logits) = network.own_head().forward(Tensor::zeros([1, 512], &device));
        assert_eq!((features.expect("it is named").dims(), logits.dims()), ([1, 20], [1, 3]));
        let small = ResNet3d::new(&ResNetConfig { small_stem: true, ..config }, &device);
        assert_eq!(small.stem.forward(Tensor::zeros([1, 2, 4, 4, 2], &device)).dims(), [1, 64, 4, 4, 2]);
        assert!(network.pools && !small.pools);
    }

    #[test]
    fn the_gradient_of_a_block_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(16);
        let block = ResNetBlock3d::new(ResNetDepth::Eighteen, 2, 3, 2, &device);
        learning::check_gradient([2, 2, 3, 4, 5], &device, |input| block.forward(input));
    }
}
