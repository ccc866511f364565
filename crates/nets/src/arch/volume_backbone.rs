use burn::module::Module;
use burn::nn::conv::Conv3d;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};

use crate::kernels::{Then, convolve_volume, normalize};

use super::ResNetDepth;
use super::resnet3d::{ResNetBlock3d, convolution};

/// [`Backbone`](super::Backbone) in three dimensions: a stem and one residual block a stage.
///
/// # Shapes
/// `[batch, channels, slices, rows, columns]` to a list of feature maps, one a stage; each stage after the first halves the
/// three axes (rounded up), and the stem halves them too where `stem_stride` is 2.
///
/// # Source
/// Hara et al. 2018, doi:10.1109/CVPR.2018.00685
#[derive(Module, Debug)]
pub struct VolumeBackbone {
    pub(crate) stem: Conv3d,
    pub(crate) stem_norm: BatchNorm,
    pub(crate) stages: Vec<ResNetBlock3d>,
}

impl VolumeBackbone {
    /// A backbone of gray images with random weights; `widths` are the channels of the stages.
    pub fn new(widths: &[usize], stem_stride: usize, device: &Device) -> Self {
        Self::of_channels(1, widths, stem_stride, device)
    }

    /// The same for images of so many channels.
    pub fn of_channels(channels: usize, widths: &[usize], stem_stride: usize, device: &Device) -> Self {
        let first = widths.first().copied().unwrap_or(1);
        let mut before = first;
        let stages = widths.iter().enumerate().map(|(stage, width)| {
            let stride = if stage == 0 { 1 } else { 2 };
            let block = ResNetBlock3d::new(ResNetDepth::Eighteen, before, *width, stride, device);
            before = *width;
            block
        });
        Self {
            stages: stages.collect(),
            stem: convolution([channels, first], if stem_stride == 1 { 3 } else { 5 }, stem_stride, device),
            stem_norm: BatchNormConfig::new(first).init(device),
        }
    }

    /// The feature maps of every stage, shallowest first.
    pub fn forward(&self, input: Tensor<5>) -> Vec<Tensor<5>> {
        let mut current = normalize(&self.stem_norm, convolve_volume(&self.stem, input), Then::Rectify);
        self.stages
            .iter()
            .map(|stage| {
                current = stage.forward(current.clone());
                current.clone()
            })
            .collect()
    }

    /// The last feature map that follows from the map of a stage, counted from 0.
    pub(super) fn after(&self, map: Tensor<5>, stage: usize) -> Tensor<5> {
        self.stages.iter().skip(stage + 1).fold(map, |current, stage| stage.forward(current))
    }
}
