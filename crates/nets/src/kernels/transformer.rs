//! burn's Transformer layers, with attention, dropout and activation computed by the kernels.

use burn::backend::Dispatch;
use burn::nn::activation::Activation;
use burn::nn::attention::{MhaInput, MultiHeadAttention};
use burn::nn::transformer::{
    PositionWiseFeedForward, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder,
    TransformerEncoderLayer,
};
use burn::nn::{Dropout, Gelu};
use burn::tensor::{DType, Device, Distribution, Tensor};

use super::plain::{self, has_kernels};
use super::{Attention, Draw, Kernels};

/// The layers of an encoder, one after another, without masks.
///
/// # Shapes
/// `[batch, tokens, width]` to the same
pub fn encode(module: &TransformerEncoder, tokens: Tensor<3>) -> Tensor<3> {
    module.layers.iter().fold(tokens, |tokens, layer| encode_layer(layer, tokens))
}

/// The layers of a decoder, one after another, without masks.
///
/// # Shapes
/// `[batch, queries, width]` and `[batch, tokens, width]` to `[batch, queries, width]`
pub fn decode(module: &TransformerDecoder, queries: Tensor<3>, memory: &Tensor<3>) -> Tensor<3> {
    module.layers.iter().fold(queries, |queries, layer| decode_layer(layer, queries, memory))
}

/// A layer of an encoder.
pub(crate) fn encode_layer(layer: &TransformerEncoderLayer, tokens: Tensor<3>) -> Tensor<3> {
    let normalized = if layer.norm_first { layer.norm_2.forward(tokens.clone()) } else { tokens.clone() };
    let read = among(&layer.mha, normalized.clone(), normalized);
    let mut tokens = tokens + drop(&layer.dropout, read);
    if !layer.norm_first {
        tokens = layer.norm_1.forward(tokens);
    }
    let normalized = if layer.norm_first { layer.norm_1.forward(tokens.clone()) } else { tokens.clone() };
    let tokens = tokens + drop(&layer.dropout, perceive(&layer.pwff, normalized));
    if layer.norm_first { tokens } else { layer.norm_2.forward(tokens) }
}

fn decode_layer(layer: &TransformerDecoderLayer, queries: Tensor<3>, memory: &Tensor<3>) -> Tensor<3> {
    let before = |norm: &burn::nn::LayerNorm, x: &Tensor<3>| {
        if layer.norm_first { norm.forward(x.clone()) } else { x.clone() }
    };
    let normalized = before(&layer.norm_3, &queries);
    let read = among(&layer.self_attn, normalized.clone(), normalized);
    let mut queries = queries + drop(&layer.dropout, read);
    if !layer.norm_first {
        queries = layer.norm_1.forward(queries);
    }
    let read = among(&layer.cross_attn, before(&layer.norm_1, &queries), memory.clone());
    let mut queries = queries + drop(&layer.dropout, read);
    if !layer.norm_first {
        queries = layer.norm_2.forward(queries);
    }
    let perceived = perceive(&layer.pwff, before(&layer.norm_2, &queries));
    let queries = queries + drop(&layer.dropout, perceived);
    if layer.norm_first { queries } else { layer.norm_3.forward(queries) }
}

/// What the queries read of the memory.
fn among(module: &MultiHeadAttention, queries: Tensor<3>, memory: Tensor<3>) -> Tensor<3> {
    if module.quiet_softmax || queries.dtype() != DType::F32 {
        return module.forward(MhaInput::new(queries, memory.clone(), memory)).context;
    }
    let keys = module.key.forward(memory.clone());
    let values = module.value.forward(memory);
    let read = attend(module.query.forward(queries), keys, values, module.n_heads, Some(&module.dropout));
    module.output.forward(read)
}

/// Sums of the values, weighted by how alike query and key are, for each head.
///
/// # Shapes
/// `[batch, queries, width]` and twice `[batch, keys, width]` to `[batch, queries, width]`, all of 32-bit floats
pub(crate) fn attend(
    queries: Tensor<3>,
    keys: Tensor<3>,
    values: Tensor<3>,
    heads: usize,
    dropout: Option<&Dropout>,
) -> Tensor<3> {
    attend_masked(queries, keys, values, heads, dropout, Mask::default())
}

/// Which keys a query reads; all of them by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mask<'a> {
    /// `[batch, keys]`, 0 where a key counts for no query (padding) and 1 elsewhere.
    pub valid: Option<&'a Tensor<2>>,
    /// Whether a query reads no later key than its own: the last query's is the last key.
    pub causal: bool,
}

/// The same, of those keys that the mask leaves; 0 for a query that is left none.
///
/// # Shapes
/// As [`attend`].
pub(crate) fn attend_masked(
    queries: Tensor<3>,
    keys: Tensor<3>,
    values: Tensor<3>,
    heads: usize,
    dropout: Option<&Dropout>,
    mask: Mask,
) -> Tensor<3> {
    let [batch, count, width] = queries.dims();
    let [_, of_memory, _] = keys.dims();
    let device = queries.device();
    if !has_kernels(&device) {
        return plain::attend(queries, keys, values, heads, dropout, mask);
    }
    let draw = dropout.and_then(|dropout| drawn(dropout, &device));
    let valid = mask.valid.map_or_else(|| Tensor::ones([1, 1], &device), Tensor::clone);
    let of = Attention {
        batch,
        heads,
        queries: count,
        keys: of_memory,
        width: width / heads,
        draw,
        causal: mask.causal,
        masked: mask.valid.is_some(),
    };
    let (read, _) = Dispatch::attend(
        queries.into_dispatch(),
        keys.into_dispatch(),
        values.into_dispatch(),
        valid.into_dispatch(),
        of,
    );
    Tensor::from_dispatch(read)
}

/// The perceptron of each token.
fn perceive(module: &PositionWiseFeedForward, tokens: Tensor<3>) -> Tensor<3> {
    let inner = module.linear_inner.forward(tokens);
    let inner = match &module.activation {
        Activation::Gelu(Gelu { approximate: false }) => gelu(inner),
        other => other.forward(inner),
    };
    module.linear_outer.forward(drop(&module.dropout, inner))
}

/// The Gaussian error linear unit.
pub(crate) fn gelu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if input.dtype() != DType::F32 || !has_kernels(&input.device()) {
        return burn::tensor::activation::gelu(input);
    }
    Tensor::from_dispatch(Dispatch::error_linear(input.into_dispatch()))
}

/// burn's dropout, drawn in parallel.
pub(crate) fn drop<const D: usize>(module: &Dropout, input: Tensor<D>) -> Tensor<D> {
    if input.dtype() != DType::F32 || !has_kernels(&input.device()) {
        return module.forward(input);
    }
    match drawn(module, &input.device()) {
        Some(draw) => Tensor::from_dispatch(Dispatch::dropout(input.into_dispatch(), draw)),
        None => input,
    }
}

/// What a dropout draws next, where it drops at all; the device's generator decides.
fn drawn(module: &Dropout, device: &Device) -> Option<Draw> {
    // As burn's module: only on a device with gradients, and not where it is frozen.
    if !module.training.is_enabled() || !device.is_autodiff() || module.prob == 0.0 {
        return None;
    }
    let parts = Tensor::<1>::random([4], Distribution::Uniform(0.0, 1.0), device).into_data();
    let parts = parts.try_into_vec::<f32>().expect("the device computes in 32-bit floats");
    // A float has 24 random bits: sixteen of each are taken.
    let seed = parts.iter().fold(0, |seed, part| seed << 16 | (f64::from(*part) * 65536.0) as u64 & 0xFFFF);
    Some(Draw::new(seed, module.prob))
}
