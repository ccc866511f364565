use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::kernels::{Then, convolve, normalize};

/// Two 3x3 convolutions with a shortcut.
///
/// # Shapes
/// `[batch, in, h, w]` to `[batch, out, ceil(h / stride), ceil(w / stride)]`
///
/// # Source
/// He et al. 2016, doi:10.1109/CVPR.2016.90
#[derive(Module, Debug)]
pub struct ResidualBlock {
    pub(crate) first: Conv2d,
    pub(crate) first_norm: BatchNorm,
    pub(crate) second: Conv2d,
    pub(crate) second_norm: BatchNorm,
    pub(crate) shortcut: Option<Conv2d>,
    pub(crate) shortcut_norm: Option<BatchNorm>,
}

impl ResidualBlock {
    /// A block with random weights.
    pub fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let [input, output] = channels;
        let projects = input != output || stride != 1;
        Self {
            first: convolution(channels, 3, stride, device),
            first_norm: BatchNormConfig::new(output).init(device),
            second: convolution([output, output], 3, 1, device),
            second_norm: BatchNormConfig::new(output).init(device),
            shortcut: projects.then(|| convolution(channels, 1, stride, device)),
            shortcut_norm: projects.then(|| BatchNormConfig::new(output).init(device)),
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let short = match (&self.shortcut, &self.shortcut_norm) {
            (Some(shortcut), Some(norm)) => normalize(norm, convolve(shortcut, input.clone()), Then::Nothing),
            _ => input.clone(),
        };
        let inner = normalize(&self.first_norm, convolve(&self.first, input), Then::Rectify);
        normalize(&self.second_norm, convolve(&self.second, inner), Then::AddAndRectify(short))
    }
}

/// The CNN: a stem and one residual block a stage.
///
/// # Shapes
/// `[batch, channels, h, w]` to a list of feature maps, one a stage; each stage after the first halves
/// the grid, and the stem halves it too where `stem_stride` is 2.
#[derive(Module, Debug)]
pub struct Backbone {
    pub(crate) stem: Conv2d,
    pub(crate) stem_norm: BatchNorm,
    pub(crate) stages: Vec<ResidualBlock>,
}

impl Backbone {
    /// A backbone of gray images with random weights; `widths` are the channels of the stages.
    pub fn new(widths: &[usize], stem_stride: usize, device: &Device) -> Self {
        Self::of_channels(1, widths, stem_stride, device)
    }

    /// The same for images of so many channels.
    pub fn of_channels(channels: usize, widths: &[usize], stem_stride: usize, device: &Device) -> Self {
        let first = widths.first().copied().unwrap_or(1);
        let stages = widths
            .iter()
            .enumerate()
            .map(|(stage, width)| {
                let before = if stage == 0 { first } else { widths[stage - 1] };
                ResidualBlock::new([before, *width], if stage == 0 { 1 } else { 2 }, device)
            })
            .collect();
        Self {
            stem: convolution([channels, first], if stem_stride == 1 { 3 } else { 5 }, stem_stride, device),
            stem_norm: BatchNormConfig::new(first).init(device),
            stages,
        }
    }

    /// The feature maps of every stage, shallowest first.
    pub fn forward(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        let mut current = normalize(&self.stem_norm, convolve(&self.stem, input), Then::Rectify);
        self.stages
            .iter()
            .map(|stage| {
                current = stage.forward(current.clone());
                current.clone()
            })
            .collect()
    }

    /// The last feature map that follows from the map of a stage, counted from 0.
    pub(super) fn after(&self, map: Tensor<4>, stage: usize) -> Tensor<4> {
        self.stages.iter().skip(stage + 1).fold(map, |current, stage| stage.forward(current))
    }
}

fn convolution(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Conv2d {
    let side = kernel / 2;
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(side, side, side, side))
        .with_bias(false)
        .with_initializer(burn::nn::Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: false,
        })
        .init(device)
}
