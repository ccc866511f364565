use burn::module::Module;
use burn::nn::conv::{
    Conv2d, Conv2dConfig, Conv3d, Conv3dConfig, ConvTranspose2d, ConvTranspose2dConfig, ConvTranspose3d,
    ConvTranspose3dConfig,
};
use burn::nn::{InstanceNorm, InstanceNormConfig, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::kernels::{convolve, convolve_transposed, convolve_transposed_volume, convolve_volume};

use super::head::MOST_PARAMETERS;
use super::torch::TorchNames;

/// Sizes of a [`UNet`] or a [`UNet3d`]; stands on a model's card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UNetConfig {
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the stages, each on half the grid of the one before.
    pub widths: Vec<usize>,
    /// Classes, a logit each at every place.
    pub classes: usize,
}

impl UNetConfig {
    /// How many weights a network of these sizes has in two or three dimensions.
    pub fn parameters(&self, dimensions: u32) -> usize {
        let block = |input: usize, output: usize| 3_usize.pow(dimensions) * input * output + 3 * output;
        let mut count = 0;
        let mut input = self.channels;
        for width in &self.widths {
            count += block(input, *width) + block(*width, *width);
            input = *width;
        }
        for pair in self.widths.windows(2) {
            let [width, below] = [pair[0], pair[1]];
            count += (2_usize.pow(dimensions) * below + 1) * width;
            count += block(2 * width, width) + block(width, width);
            count += (width + 1) * self.classes;
        }
        count
    }

    /// Sides are padded to a multiple of this before the first convolution.
    pub fn multiple(&self) -> usize {
        1 << self.widths.len().saturating_sub(1)
    }

    /// Whether the sizes make a network, and one that a hostile card cannot blow up memory with.
    pub fn is_sound(&self) -> bool {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        within(self.channels, 64)
            && (2..=8).contains(&self.widths.len())
            // burn's normalization refuses a map of one or two numbers, as the deepest one may be.
            && self.widths.iter().all(|width| (3..=1024).contains(width))
            && within(self.classes, 256)
            && self.parameters(3) <= MOST_PARAMETERS
    }
}

/// Slope of the activation below 0.
const SLOPE: f64 = 0.01;

/// The same network in two and three dimensions: burn has a type for each.
macro_rules! unet {
    (
        $(#[$about:meta])* $network:ident, $block:ident, $rank:literal, $convolution:ident, $config:ident,
        $transposed:ident, $transposed_config:ident, $padding:expr, $convolve:ident, $convolve_transposed:ident
    ) => {
        /// A 3-wide convolution, normalization within each image and channel, leaky activation.
        #[derive(Module, Debug)]
        pub struct $block {
            pub(crate) convolution: $convolution,
            pub(crate) norm: InstanceNorm,
        }

        impl $block {
            /// A block with random weights.
            pub fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
                Self {
                    convolution: $config::new(channels, [3; $rank - 2])
                        .with_stride([stride; $rank - 2])
                        .with_padding($padding)
                        .init(device),
                    norm: InstanceNormConfig::new(channels[1]).init(device),
                }
            }

            /// The whole block.
            pub fn forward(&self, input: Tensor<$rank>) -> Tensor<$rank> {
                leaky_relu(self.norm.forward($convolve(&self.convolution, input)), SLOPE)
            }
        }

        $(#[$about])*
        #[derive(Module, Debug)]
        pub struct $network {
            pub(crate) down: Vec<Vec<$block>>,
            pub(crate) up: Vec<$transposed>,
            pub(crate) merged: Vec<Vec<$block>>,
            pub(crate) scorers: Vec<$convolution>,
        }

        impl $network {
            /// A network with random weights; the device's seed decides them.
            pub fn new(config: &UNetConfig, device: &Device) -> Self {
                let widths = &config.widths;
                let pair = |input: usize, width: usize, stride: usize| {
                    let first = $block::new([input, width], stride, device);
                    vec![first, $block::new([width, width], 1, device)]
                };
                let mut down = Vec::with_capacity(widths.len());
                let mut input = config.channels;
                for (stage, width) in widths.iter().enumerate() {
                    down.push(pair(input, *width, if stage == 0 { 1 } else { 2 }));
                    input = *width;
                }
                let (mut up, mut merged, mut scorers) = (Vec::new(), Vec::new(), Vec::new());
                for sizes in widths.windows(2).rev() {
                    let [width, below] = [sizes[0], sizes[1]];
                    let doubling = $transposed_config::new([below, width], [2; $rank - 2]);
                    up.push(doubling.with_stride([2; $rank - 2]).init(device));
                    merged.push(pair(2 * width, width, 1));
                    scorers.push($config::new([width, config.classes], [1; $rank - 2]).init(device));
                }
                Self { down, up, merged, scorers }
            }

            /// The encoder's feature maps of the padded input, finest first.
            pub fn feature_maps(&self, input: Tensor<$rank>) -> Vec<Tensor<$rank>> {
                let mut current = padded(input, 1 << (self.down.len() - 1));
                let mut maps = Vec::with_capacity(self.down.len());
                for stage in &self.down {
                    current = stage.iter().fold(current, |current, block| block.forward(current));
                    maps.push(current.clone());
                }
                maps
            }

            /// Logits from every stage of the decoder, coarsest first, on the padded grid: training may look at all.
            pub fn deep(&self, input: Tensor<$rank>) -> Vec<Tensor<$rank>> {
                let mut maps = self.feature_maps(input);
                let mut current = maps.pop().expect("there are at least two stages");
                let mut logits = Vec::with_capacity(self.up.len());
                for ((up, merged), scorer) in self.up.iter().zip(&self.merged).zip(&self.scorers) {
                    let seen = maps.pop().expect("one stage less up than down");
                    let joined = Tensor::cat(vec![$convolve_transposed(up, current), seen], 1);
                    current = merged.iter().fold(joined, |current, block| block.forward(current));
                    logits.push($convolve(scorer, current.clone()));
                }
                logits
            }

            /// The whole pass.
            pub fn forward(&self, input: Tensor<$rank>) -> Tensor<$rank> {
                let sides = input.dims();
                let logits = self.deep(input).pop().expect("there are at least two stages");
                cropped(logits, sides)
            }
        }

        impl TorchNames for $network {
            fn torch_name(&self, own: &str) -> String {
                torch_name(own)
            }

            /// nnU-Net's files hold each tensor of a block twice, and each of the encoder twice again.
            fn current_name(&self, found: &str) -> Option<String> {
                let again = found.contains(".all_modules.") || found.starts_with("decoder.encoder.");
                (!again).then(|| found.to_owned())
            }
        }
    };
}

unet!(
    /// A U-Net of images as nnU-Net makes it: strided convolutions down, transposed ones up, and at each size what the
    /// encoder saw beside what came up.
    ///
    /// # Shapes
    /// `[batch, channels, h, w]` to logits `[batch, classes, h, w]`. Sides that are no multiple of two to the power of
    /// the stages less one are padded with zeros at both ends, and the padding is cut off again.
    ///
    /// # Source
    /// Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28; Isensee et al. 2021,
    /// doi:10.1038/s41592-020-01008-z
    UNet, UNetBlock, 4, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig,
    PaddingConfig2d::Explicit(1, 1, 1, 1), convolve, convolve_transposed
);

unet!(
    /// The U-Net of volumes: [`UNet`] with every layer in three dimensions.
    ///
    /// # Shapes
    /// `[batch, channels, x, y, z]` to logits `[batch, classes, x, y, z]`; sides are padded and cut off as there.
    ///
    /// # Source
    /// Çiçek et al. 2016, doi:10.1007/978-3-319-46723-8_49; Isensee et al. 2021, doi:10.1038/s41592-020-01008-z
    UNet3d, UNetBlock3d, 5, Conv3d, Conv3dConfig, ConvTranspose3d, ConvTranspose3dConfig,
    PaddingConfig3d::Explicit(1, 1, 1), convolve_volume, convolve_transposed_volume
);

/// nnU-Net's name of a tensor.
fn torch_name(own: &str) -> String {
    let leaf_of = |leaf: &str| match leaf {
        "gamma" => "weight".to_owned(),
        "beta" => "bias".to_owned(),
        other => other.to_owned(),
    };
    match own.split('.').collect::<Vec<_>>()[..] {
        [path @ ("down" | "merged"), stage, at, part, leaf] => {
            let path = if path == "down" {
                format!("encoder.stages.{stage}.0")
            } else {
                format!("decoder.stages.{stage}")
            };
            let part = if part == "norm" { "norm" } else { "conv" };
            format!("{path}.convs.{at}.{part}.{}", leaf_of(leaf))
        }
        ["up", stage, leaf] => format!("decoder.transpconvs.{stage}.{leaf}"),
        ["scorers", stage, leaf] => format!("decoder.seg_layers.{stage}.{leaf}"),
        _ => own.to_owned(),
    }
}

/// How many zeros go before and behind each side so that it becomes a multiple; none for batch and channels.
fn padding<const D: usize>(sides: [usize; D], multiple: usize) -> [(usize, usize); D] {
    let mut axis = 0;
    sides.map(|side| {
        axis += 1;
        let more = if axis <= 2 { 0 } else { side.next_multiple_of(multiple) - side };
        (more / 2, more - more / 2)
    })
}

fn padded<const D: usize>(input: Tensor<D>, multiple: usize) -> Tensor<D> {
    let padding = padding(input.dims(), multiple);
    if padding == [(0, 0); D] { input } else { input.pad(padding, 0.0_f32) }
}

/// The middle of a padded map, with the sides that the input had.
fn cropped<const D: usize>(map: Tensor<D>, sides: [usize; D]) -> Tensor<D> {
    (2..D).fold(map, |map, axis| {
        let before = (map.dims()[axis] - sides[axis]) / 2;
        map.narrow(axis, before, sides[axis])
    })
}

#[cfg(test)]
mod tests {
    use super::super::{golden, learning};
    use super::*;

    fn config() -> UNetConfig {
        UNetConfig { channels: 1, widths: vec![3, 4, 5], classes: 2 }
    }

    #[test]
    fn logits_stand_on_the_grid_of_the_input_whatever_its_sides() {
        let device = Device::flex();
        let flat = UNet::new(&config(), &device);
        for [rows, columns] in [[8, 12], [9, 6], [1, 7]] {
            let logits = flat.forward(Tensor::ones([2, 1, rows, columns], &device));
            assert_eq!(logits.dims(), [2, 2, rows, columns]);
            assert!(logits.contains_nan().into_data().iter::<bool>().all(|found| !found));
        }
        let deep = UNet3d::new(&config(), &device);
        assert_eq!(deep.forward(Tensor::zeros([1, 1, 5, 8, 3], &device)).dims(), [1, 2, 5, 8, 3]);
        let maps = deep.feature_maps(Tensor::zeros([1, 1, 5, 8, 3], &device));
        assert_eq!(
            maps.iter().map(Tensor::dims).collect::<Vec<_>>(),
            [[1, 3, 8, 8, 4], [1, 4, 4, 4, 2], [1, 5, 2, 2, 1]]
        );
        let all = deep.deep(Tensor::zeros([1, 1, 8, 8, 4], &device));
        assert_eq!(all.iter().map(Tensor::dims).collect::<Vec<_>>(), [[1, 2, 4, 4, 2], [1, 2, 8, 8, 4]]);
    }

    #[test]
    fn padding_and_cutting_off_worked_on_paper() {
        assert_eq!(padding([3, 5, 8, 9, 6], 4), [(0, 0), (0, 0), (0, 0), (1, 2), (1, 1)]);
        let input = Tensor::<4>::from_data([[[[1.0, 2.0, 3.0, 4.0, 5.0]]]], &Device::flex());
        let wide = padded(input.clone(), 4);
        assert_eq!(wide.dims(), [1, 1, 4, 8]);
        assert_eq!(wide.clone().sum().into_scalar::<f32>(), 15.0);
        assert_eq!(cropped(wide, input.dims()).into_data(), input.into_data());
    }

    #[test]
    fn a_block_worked_on_paper() {
        let device = Device::flex();
        let mut block = UNetBlock::new([1, 1], 1, &device);
        // Only the middle of the kernel counts, doubled; the offset falls out in the normalization.
        let mut kernel = [[[[0.0; 3]; 3]; 1]; 1];
        kernel[0][0][1][1] = 2.0;
        block.convolution.weight = burn::module::Param::from_data(kernel, &device);
        let found = block.forward(Tensor::from_data([[[[1.0, 3.0, 3.0, 1.0]]]], &device));
        let found = found.into_data().try_to_vec::<f32>().expect("floats");
        for (found, expected) in found.iter().zip([-0.01, 1.0, 1.0, -0.01]) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }

    #[test]
    fn the_number_of_weights_is_what_the_card_foretells() {
        let device = Device::flex();
        assert_eq!(config().parameters(2), golden::count(&UNet::new(&config(), &device)));
        assert_eq!(config().parameters(3), golden::count(&UNet3d::new(&config(), &device)));
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(14);
        let block = UNetBlock::new([2, 3], 2, &device);
        learning::check_gradient([1, 2, 6, 5], &device, |input| block.forward(input));
        let block = UNetBlock3d::new([2, 3], 1, &device);
        learning::check_gradient([1, 2, 3, 4, 3], &device, |input| block.forward(input));
        let network = UNet::new(&UNetConfig { widths: vec![3, 4], ..config() }, &device);
        learning::check_gradient([1, 1, 7, 6], &device, |input| network.forward(input));
    }

    #[test]
    fn what_nnu_net_stores_twice_is_read_once() {
        let network = UNet::new(&config(), &Device::flex());
        assert_eq!(network.current_name("encoder.stages.0.0.convs.0.all_modules.0.weight"), None);
        assert_eq!(network.current_name("decoder.encoder.stages.0.0.convs.0.conv.weight"), None);
        let own = "encoder.stages.0.0.convs.0.conv.weight";
        assert_eq!(network.current_name(own).as_deref(), Some(own));
    }

    #[test]
    fn a_card_that_asks_for_too_much_is_not_sound() {
        assert!(config().is_sound());
        assert!(UNetConfig { widths: vec![32, 64, 128, 256, 320, 320], ..config() }.is_sound());
        assert!(!UNetConfig { widths: vec![1024; 8], ..config() }.is_sound());
        assert!(!UNetConfig { widths: vec![8], ..config() }.is_sound());
        assert!(!UNetConfig { widths: vec![3, 2], ..config() }.is_sound());
        assert!(!UNetConfig { channels: 1 << 40, ..config() }.is_sound());
    }
}
