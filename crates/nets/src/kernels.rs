//! Convolutions, batch normalization, recurrent steps and attention on the processor, faster than burn's own, under
//! burn's traits.
//!
//! The networks of [`arch`](crate::arch) call [`convolve`], [`normalize`], [`remember`], [`encode`] and their siblings on burn's
//! modules, so that weights, records and gradients stay burn's. What the kernels do not know (groups that are no single channels, dilation, uneven padding)
//! is left to burn, and so is all of it on a device that is not the main processor.

mod attention;
mod autodiff;
mod batch_norm;
mod convolution;
mod correlate;
mod depthwise;
mod dropout;
mod flex;
mod gelu;
mod layers;
pub(crate) mod plain;
mod planes;
mod product;
mod recurrent;
mod tile;
mod transformer;
mod weight_gradient;

#[cfg(test)]
mod tests;

pub(crate) use attention::Attention;
pub(crate) use convolution::ConvolutionShape;
pub(crate) use depthwise::DepthwiseShape;
pub(crate) use dropout::Draw;
pub(crate) use layers::{
    Then, convolve, convolve_same, convolve_transposed, convolve_transposed_volume, convolve_volume,
    normalize, remember,
};
pub(crate) use recurrent::{Gates, Steps};
#[cfg(test)]
pub(crate) use tile::at_every_level;
pub(crate) use transformer::{Mask, attend, attend_masked, drop, encode_layer, gelu};
pub use transformer::{decode, encode};

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};

/// What a backend must compute itself.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait Kernels: Backend {
    /// `[batch, in, depth, height, width]` (or without depth) with weights `[out, in, ...]`.
    fn convolve(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self>;

    /// The gradient with respect to the input, which as a layer is the transposed convolution.
    fn convolve_input_gradient(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self>;

    /// The gradient with respect to the weights.
    fn convolve_weight_gradient(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        shape: ConvolutionShape,
    ) -> FloatTensor<Self>;

    /// Each channel by a kernel of its own: `[batch, channels, height, width]` with weights `[channels, 1, ...]`.
    fn convolve_depthwise(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        shape: DepthwiseShape,
    ) -> FloatTensor<Self>;

    /// The gradients with respect to input and weights.
    fn convolve_depthwise_gradient(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        shape: DepthwiseShape,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Normalized by the batch's own mean and variance, and rectified where asked: output, mean, variance (biased).
    fn normalize(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        rectify: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The same with a shortcut that is added before the rectifier.
    fn normalize_and_add(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        short: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The gradients with respect to input, gamma and beta.
    #[allow(clippy::too_many_arguments, reason = "burn's macro takes tensors one by one")]
    fn normalize_gradient(
        input: FloatTensor<Self>,
        output: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        rectified: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The gradient where the output is above 0, and 0 elsewhere.
    fn rectifier_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `input * scale + shift` by channel, and rectified where asked.
    fn affine(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        rectify: bool,
    ) -> FloatTensor<Self>;

    /// The same with a shortcut that is added before the rectifier.
    fn affine_and_add(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        short: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// The states of a recurrent network's direction, from what each step brings (`[batch, steps, gates * hidden]`),
    /// the weights of the state (`[hidden, gates * hidden]`), their bias, and which steps count (`[batch, steps]`,
    /// 1 or 0): the states, 0 where a step does not count, and what the way back needs.
    fn remember(
        brought: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradients with respect to what the steps brought and to the product of state and weights, and the state
    /// before each step.
    fn remember_gradient(
        weights: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        kept: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Numbers dropped by chance, the others scaled so that the mean stays.
    fn dropout(input: FloatTensor<Self>, draw: Draw) -> FloatTensor<Self>;

    /// The Gaussian error linear unit.
    fn error_linear(input: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradient with respect to its input.
    fn error_linear_gradient(input: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;

    /// What queries (`[batch, queries, heads * width]`) read of values by the likeness of their keys (`[batch, keys,
    /// heads * width]`), and what the way back needs. Where the attention is masked, `valid` (`[batch, keys]`) is 0
    /// for keys that do not count; elsewhere it is not looked at.
    fn attend(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        of: Attention,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradients with respect to queries, keys and values.
    #[allow(clippy::too_many_arguments, reason = "burn's macro takes tensors one by one")]
    fn attend_gradient(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        valid: FloatTensor<Self>,
        context: FloatTensor<Self>,
        log_sums: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        of: Attention,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}
