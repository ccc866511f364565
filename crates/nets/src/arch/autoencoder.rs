use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Distribution, Tensor};
use serde::{Deserialize, Serialize};

use crate::kernels::{convolve, convolve_transposed};

use super::head::MOST_PARAMETERS;
use super::torch::TorchNames;

/// Sizes of an autoencoder of images; stands on a model's card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderConfig {
    /// Channels of the image.
    pub channels: usize,
    /// Columns and rows of the image (it is square), a multiple of two to the power of the stages.
    pub side: usize,
    /// Channels of the stages, each on half the grid of the one before.
    pub widths: Vec<usize>,
    /// Length of the vector between encoder and decoder.
    pub latent: usize,
}

impl AutoencoderConfig {
    /// Side of the encoder's last map.
    pub fn small_side(&self) -> usize {
        self.side >> self.widths.len().min(16)
    }

    /// How many weights a variational autoencoder of these sizes has.
    pub fn parameters(&self) -> usize {
        let last = self.widths.last().copied().unwrap_or(1);
        let flat = last * self.small_side() * self.small_side();
        let mut count = 2 * (flat + 1) * self.latent + (self.latent + 1) * flat;
        let mut before = self.channels;
        for width in &self.widths {
            count += (9 * before + 1) * width + (16 * width + 1) * before;
            before = *width;
        }
        count
    }

    /// Whether the sizes make a network, and one that a hostile card cannot blow up memory with.
    pub fn is_sound(&self) -> bool {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        within(self.channels, 64)
            && within(self.side, 1024)
            && within(self.widths.len(), 8)
            && self.side.is_multiple_of(1 << self.widths.len())
            && self.widths.iter().all(|width| within(*width, 1024))
            && within(self.latent, 4096)
            && self.parameters() <= MOST_PARAMETERS
    }
}

/// Slope of the activation below 0.
const SLOPE: f64 = 0.01;

/// Strided convolutions, each with half the grid.
///
/// # Shapes
/// `[batch, channels, side, side]` to `[batch, places and channels of the last map]`.
#[derive(Module, Debug)]
pub struct ConvolutionalEncoder {
    stages: Vec<Conv2d>,
}

impl ConvolutionalEncoder {
    fn new(config: &AutoencoderConfig, device: &Device) -> Self {
        let before = [&[config.channels][..], &config.widths].concat();
        let stages = before.iter().zip(&config.widths).map(|(before, width)| {
            Conv2dConfig::new([*before, *width], [3, 3])
                .with_stride([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        });
        Self { stages: stages.collect() }
    }

    fn forward(&self, image: Tensor<4>) -> Tensor<2> {
        let map = self.stages.iter().fold(image, |map, stage| leaky_relu(convolve(stage, map), SLOPE));
        let [batch, channels, rows, columns] = map.dims();
        map.reshape([batch, channels * rows * columns])
    }
}

/// Transposed convolutions, each with twice the grid.
///
/// # Shapes
/// `[batch, latent]` to `[batch, channels, side, side]`.
#[derive(Module, Debug)]
pub struct ConvolutionalDecoder {
    widening: Linear,
    stages: Vec<ConvTranspose2d>,
    width: usize,
    small_side: usize,
}

impl ConvolutionalDecoder {
    fn new(config: &AutoencoderConfig, device: &Device) -> Self {
        let width = config.widths.last().copied().unwrap_or(1);
        let small_side = config.small_side();
        let after = [&[config.channels][..], &config.widths].concat();
        let stages = config.widths.iter().zip(&after).rev().map(|(width, after)| {
            ConvTranspose2dConfig::new([*width, *after], [4, 4])
                .with_stride([2, 2])
                .with_padding([1, 1])
                .init(device)
        });
        Self {
            widening: LinearConfig::new(config.latent, width * small_side * small_side).init(device),
            stages: stages.collect(),
            width,
            small_side,
        }
    }

    fn forward(&self, latent: Tensor<2>) -> Tensor<4> {
        let [batch, _] = latent.dims();
        let flat = leaky_relu(self.widening.forward(latent), SLOPE);
        let map = flat.reshape([batch, self.width, self.small_side, self.small_side]);
        let last = self.stages.len().saturating_sub(1);
        self.stages.iter().enumerate().fold(map, |map, (at, stage)| {
            let map = convolve_transposed(stage, map);
            if at == last { map } else { leaky_relu(map, SLOPE) }
        })
    }
}

/// An autoencoder that learns to make the clean image from a noisy one: what it cannot make again was not among the
/// images it learned from.
///
/// # Shapes
/// `[batch, channels, side, side]` to the same.
///
/// # Source
/// Vincent et al. 2008, doi:10.1145/1390156.1390294
#[derive(Module, Debug)]
pub struct DenoisingAutoencoder {
    encoder: ConvolutionalEncoder,
    mean: Linear,
    decoder: ConvolutionalDecoder,
}

impl DenoisingAutoencoder {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &AutoencoderConfig, device: &Device) -> Self {
        let decoder = ConvolutionalDecoder::new(config, device);
        let flat = decoder.width * decoder.small_side * decoder.small_side;
        Self {
            encoder: ConvolutionalEncoder::new(config, device),
            mean: LinearConfig::new(flat, config.latent).init(device),
            decoder,
        }
    }

    /// The vector between encoder and decoder, `[batch, latent]`.
    pub fn encode(&self, image: Tensor<4>) -> Tensor<2> {
        self.mean.forward(self.encoder.forward(image))
    }

    /// The image made again.
    pub fn forward(&self, image: Tensor<4>) -> Tensor<4> {
        self.decoder.forward(self.encode(image))
    }

    /// What training makes small: the mean squared difference between the clean image and what was made from it with
    /// normal noise of this standard deviation. The device's seed decides the noise.
    pub fn loss(&self, image: Tensor<4>, noise: f64) -> Tensor<1> {
        let noisy = image.clone() + image.random_like(Distribution::Normal(0.0, noise));
        mean_squares(self.forward(noisy), image).mean()
    }

    /// How far each image is from what is made of it, `[batch]`: the outlier score.
    pub fn errors(&self, image: Tensor<4>) -> Tensor<1> {
        mean_squares(self.forward(image.clone()), image)
    }
}

impl TorchNames for DenoisingAutoencoder {
    fn torch_name(&self, own: &str) -> String {
        torch_name(own)
    }
}

/// A normal distribution for each image, its axes independent.
#[derive(Clone, Debug)]
pub struct Latent {
    /// `[batch, latent]`
    pub mean: Tensor<2>,
    /// Natural logarithm of the variance, `[batch, latent]`
    pub log_variance: Tensor<2>,
}

impl Latent {
    /// A vector from each distribution, so that the gradient reaches mean and variance; the device's seed decides it.
    pub fn sampled(&self) -> Tensor<2> {
        let noise = self.mean.random_like(Distribution::Normal(0.0, 1.0));
        self.mean.clone() + (self.log_variance.clone() * 0.5).exp() * noise
    }

    /// Kullback-Leibler divergence of each distribution from the standard normal one, `[batch]`.
    ///
    /// # Units
    /// Nats.
    pub fn divergence(&self) -> Tensor<1> {
        let square = self.mean.clone() * self.mean.clone();
        let terms = self.log_variance.clone().exp() + square - self.log_variance.clone() - 1.0;
        terms.sum_dim(1).squeeze_dim::<1>(1) * 0.5
    }
}

/// The two terms of the bound that a variational autoencoder is trained by.
#[derive(Clone, Debug)]
pub struct EvidenceBound {
    /// Logarithm of the images' density given the vectors, `[batch]`, nats.
    pub log_likelihood: Tensor<1>,
    /// Divergence of the vectors' distributions from the standard normal one, `[batch]`, nats.
    pub divergence: Tensor<1>,
}

impl EvidenceBound {
    /// The bound itself, `[batch]`: the likelihood less the divergence, which weighs `weight` (1 in the paper).
    pub fn bound(&self, weight: f64) -> Tensor<1> {
        self.log_likelihood.clone() - self.divergence.clone() * weight
    }
}

/// An autoencoder whose vector is a normal distribution: an image's bound says how likely it is among those that the
/// network learned from.
///
/// # Shapes
/// `[batch, channels, side, side]` to the same.
///
/// # Source
/// Kingma, Welling 2014, arXiv:1312.6114
#[derive(Module, Debug)]
pub struct VariationalAutoencoder {
    encoder: ConvolutionalEncoder,
    mean: Linear,
    log_variance: Linear,
    decoder: ConvolutionalDecoder,
}

impl VariationalAutoencoder {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &AutoencoderConfig, device: &Device) -> Self {
        let decoder = ConvolutionalDecoder::new(config, device);
        let flat = decoder.width * decoder.small_side * decoder.small_side;
        Self {
            encoder: ConvolutionalEncoder::new(config, device),
            mean: LinearConfig::new(flat, config.latent).init(device),
            log_variance: LinearConfig::new(flat, config.latent).init(device),
            decoder,
        }
    }

    /// Each image's distribution.
    pub fn encode(&self, image: Tensor<4>) -> Latent {
        let flat = self.encoder.forward(image);
        Latent { mean: self.mean.forward(flat.clone()), log_variance: self.log_variance.forward(flat) }
    }

    /// The image that a vector stands for.
    pub fn decode(&self, latent: Tensor<2>) -> Tensor<4> {
        self.decoder.forward(latent)
    }

    /// The bound's terms with one vector from each distribution; training makes the mean of the bound great.
    pub fn evidence(&self, image: Tensor<4>) -> EvidenceBound {
        let latent = self.encode(image.clone());
        let again = self.decode(latent.sampled());
        EvidenceBound { log_likelihood: log_likelihood(again, image), divergence: latent.divergence() }
    }

    /// The negative bound at each distribution's mean, `[batch]`: the outlier score, without chance.
    pub fn scores(&self, image: Tensor<4>) -> Tensor<1> {
        let latent = self.encode(image.clone());
        let again = self.decode(latent.mean.clone());
        latent.divergence() - log_likelihood(again, image)
    }
}

impl TorchNames for VariationalAutoencoder {
    fn torch_name(&self, own: &str) -> String {
        torch_name(own)
    }
}

/// Logarithm of each image's density where every pixel is normal about `expected` with variance 1: `[batch]`, nats.
pub fn log_likelihood(expected: Tensor<4>, image: Tensor<4>) -> Tensor<1> {
    let [_, channels, rows, columns] = image.dims();
    let pixels = (channels * rows * columns) as f64;
    let constant = 0.5 * pixels * std::f64::consts::TAU.ln();
    mean_squares(expected, image) * (-0.5 * pixels) - constant
}

/// Mean squared difference of each image: `[batch]`.
fn mean_squares(left: Tensor<4>, right: Tensor<4>) -> Tensor<1> {
    let difference = left - right;
    let [batch, channels, rows, columns] = difference.dims();
    let flat = difference.reshape([batch, channels * rows * columns]);
    (flat.clone() * flat).mean_dim(1).squeeze_dim::<1>(1)
}

/// PyTorch's name where encoder and decoder are `nn.Sequential`, an activation between every two layers.
fn torch_name(own: &str) -> String {
    let even = |at: &str| 2 * at.parse::<usize>().unwrap_or(0);
    match own.split('.').collect::<Vec<_>>()[..] {
        [path, "stages", at, leaf] => format!("{path}.{}.{leaf}", even(at)),
        ["decoder", "widening", leaf] => format!("widen.{leaf}"),
        _ => own.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{golden, learning};
    use super::*;

    fn config() -> AutoencoderConfig {
        AutoencoderConfig { channels: 2, side: 8, widths: vec![3, 4], latent: 5 }
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec::<f32>().expect("floats")
    }

    #[test]
    fn shapes_of_every_output() {
        let device = Device::flex();
        let image = Tensor::<4>::zeros([3, 2, 8, 8], &device);
        let plain = DenoisingAutoencoder::new(&config(), &device);
        assert_eq!(plain.encode(image.clone()).dims(), [3, 5]);
        assert_eq!(plain.forward(image.clone()).dims(), [3, 2, 8, 8]);
        assert_eq!(plain.errors(image.clone()).dims(), [3]);
        assert_eq!(plain.loss(image.clone(), 0.1).dims(), [1]);
        let spread = VariationalAutoencoder::new(&config(), &device);
        assert_eq!(spread.encode(image.clone()).sampled().dims(), [3, 5]);
        assert_eq!(spread.evidence(image.clone()).bound(1.0).dims(), [3]);
        assert_eq!(spread.scores(image).dims(), [3]);
    }

    #[test]
    fn the_terms_of_the_bound_worked_on_paper() {
        let device = Device::flex();
        let latent = Latent {
            mean: Tensor::from_data([[0.0, 0.0], [1.0, 2.0]], &device),
            log_variance: Tensor::from_data([[0.0, 0.0], [0.0, 2.0_f32.ln()]], &device),
        };
        // Half of 1 + 1 - 0 - 1 for the first axis and of 2 + 4 - ln 2 - 1 for the second.
        let expected = [0.0, 0.5 + 0.5 * (5.0 - 2.0_f32.ln())];
        for (found, expected) in numbers(latent.divergence()).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
        let image = Tensor::<4>::from_data([[[[1.0, 2.0]]]], &device);
        let again = Tensor::<4>::from_data([[[[1.0, 4.0]]]], &device);
        // Two pixels, ln(1 / sqrt(2 pi)) each, and half of the square of 2 off.
        let expected = -std::f32::consts::TAU.ln() - 2.0;
        assert!((numbers(log_likelihood(again, image))[0] - expected).abs() < 1e-6);
    }

    #[test]
    fn vectors_are_drawn_with_the_mean_and_variance_asked_for_and_the_seed_repeats_them() {
        let device = Device::flex();
        let latent = Latent {
            mean: Tensor::full([1, 20_000], 3.0, &device),
            log_variance: Tensor::full([1, 20_000], 4.0_f32.ln(), &device),
        };
        device.seed(21);
        let first = numbers(latent.sampled());
        device.seed(21);
        assert_eq!(numbers(latent.sampled()), first);
        let count = first.len() as f32;
        let mean = first.iter().sum::<f32>() / count;
        let deviation = (first.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt();
        // Five standard errors: 2 / sqrt(20000) of the mean, 2 / sqrt(40000) of the deviation.
        assert!((mean - 3.0).abs() < 0.071, "{mean}");
        assert!((deviation - 2.0).abs() < 0.05, "{deviation}");
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let device = Device::flex().autodiff();
        device.seed(17);
        // One stage: behind more of them the gradient of fresh weights comes near the roundings of the differences.
        let config = AutoencoderConfig { channels: 2, side: 4, widths: vec![4], latent: 6 };
        let plain = DenoisingAutoencoder::new(&config, &device);
        learning::check_gradient([1, 2, 4, 4], &device, |image| plain.forward(image));
        let spread = VariationalAutoencoder::new(&config, &device);
        learning::check_gradient([2, 2, 4, 4], &device, |image| {
            let latent = spread.encode(image);
            Tensor::cat(vec![latent.mean.clone(), latent.divergence().unsqueeze_dim::<2>(1)], 1)
        });
    }

    #[test]
    fn the_number_of_weights_is_what_the_card_foretells() {
        let network = VariationalAutoencoder::new(&config(), &Device::flex());
        assert_eq!(config().parameters(), golden::count(&network));
    }

    #[test]
    fn a_card_that_asks_for_too_much_is_not_sound() {
        assert!(config().is_sound());
        assert!(!AutoencoderConfig { side: 10, ..config() }.is_sound());
        assert!(!AutoencoderConfig { widths: vec![4; 40], ..config() }.is_sound());
        assert!(!AutoencoderConfig { side: 1024, widths: vec![1024], latent: 4096, ..config() }.is_sound());
        assert!(!AutoencoderConfig { latent: 0, ..config() }.is_sound());
    }
}
