//! burn's layers as ONNX nodes, as they predict: batch normalization by its running statistics, no dropout.

use burn::nn::attention::MultiHeadAttention;
use burn::nn::conv::{Conv2d, Conv3d};
use burn::nn::transformer::PositionWiseFeedForward;
use burn::nn::{BatchNorm, LayerNorm, Linear, PaddingConfig2d, PaddingConfig3d};

use super::graph::{Graph, Setting, Value};

/// The guard against a deviation of 0 in burn's layer normalization, which keeps its own to itself.
pub(crate) const EPSILON: f64 = 1e-5;

/// `[batch, in, h, w]` to `[batch, out, h', w']`
pub(crate) fn convolution(graph: &mut Graph, at: &str, module: &Conv2d, input: &Value) -> Value {
    let pads = match &module.padding {
        PaddingConfig2d::Explicit(top, left, bottom, right) => [*top, *left, *bottom, *right],
        // The networks here pad by numbers, or not at all.
        _ => [0; 4],
    };
    padded(graph, at, module, input, ("pads", Setting::Wholes(&pads.map(|pad| pad as i64))))
}

/// `[batch, in, h, w]` to `[batch, out, ceil(h / stride), ceil(w / stride)]`, an odd zero behind.
pub(crate) fn convolution_same(graph: &mut Graph, at: &str, module: &Conv2d, input: &Value) -> Value {
    padded(graph, at, module, input, ("auto_pad", Setting::Word("SAME_UPPER")))
}

fn padded(
    graph: &mut Graph,
    at: &str,
    module: &Conv2d,
    input: &Value,
    padding: (&str, Setting<'_>),
) -> Value {
    let weights = module.weight.val();
    let [_, _, rows, columns] = weights.dims();
    let whole = |numbers: &[usize]| numbers.iter().map(|number| *number as i64).collect::<Vec<_>>();
    let weights = graph.weights(&format!("{at}.weight"), weights);
    let bias = module.bias.as_ref().map(|bias| graph.weights(&format!("{at}.bias"), bias.val()));
    let inputs: Vec<&Value> = [Some(input), Some(&weights), bias.as_ref()].into_iter().flatten().collect();
    graph.node(
        at,
        "Conv",
        &inputs,
        &[
            ("dilations", Setting::Wholes(&whole(&module.dilation))),
            ("group", Setting::Whole(module.groups as i64)),
            ("kernel_shape", Setting::Wholes(&whole(&[rows, columns]))),
            padding,
            ("strides", Setting::Wholes(&whole(&module.stride))),
        ],
    )
}

/// `[batch, in, d, h, w]` to `[batch, out, d', h', w']`
pub(crate) fn convolution_of_volumes(graph: &mut Graph, at: &str, module: &Conv3d, input: &Value) -> Value {
    let weights = module.weight.val();
    let [_, _, slices, rows, columns] = weights.dims();
    let side = match &module.padding {
        PaddingConfig3d::Explicit(depth, height, width) => [*depth, *height, *width],
        // The networks here pad by numbers, or not at all.
        _ => [0; 3],
    };
    let whole = |numbers: &[usize]| numbers.iter().map(|number| *number as i64).collect::<Vec<_>>();
    let weights = graph.weights(&format!("{at}.weight"), weights);
    let bias = module.bias.as_ref().map(|bias| graph.weights(&format!("{at}.bias"), bias.val()));
    let inputs: Vec<&Value> = [Some(input), Some(&weights), bias.as_ref()].into_iter().flatten().collect();
    graph.node(
        at,
        "Conv",
        &inputs,
        &[
            ("dilations", Setting::Wholes(&whole(&module.dilation))),
            ("group", Setting::Whole(module.groups as i64)),
            ("kernel_shape", Setting::Wholes(&whole(&[slices, rows, columns]))),
            ("pads", Setting::Wholes(&whole(&[side, side].concat()))),
            ("strides", Setting::Wholes(&whole(&module.stride))),
        ],
    )
}

/// `[batch, channels, ...]` to the same
pub(crate) fn batch_norm(graph: &mut Graph, at: &str, module: &BatchNorm, input: &Value) -> Value {
    let scale = graph.weights(&format!("{at}.gamma"), module.gamma.val());
    let shift = graph.weights(&format!("{at}.beta"), module.beta.val());
    let mean = graph.weights(&format!("{at}.running_mean"), module.running_mean.value());
    let variance = graph.weights(&format!("{at}.running_var"), module.running_var.value());
    let settings = [("epsilon", Setting::Number(module.epsilon))];
    graph.node(at, "BatchNormalization", &[input, &scale, &shift, &mean, &variance], &settings)
}

/// Batch normalization, then a rectifier.
pub(crate) fn batch_norm_and_rectifier(
    graph: &mut Graph,
    at: &str,
    module: &BatchNorm,
    input: &Value,
) -> Value {
    let normalized = batch_norm(graph, at, module, input);
    rectifier(graph, at, &normalized)
}

/// What is below 0 becomes 0.
pub(crate) fn rectifier(graph: &mut Graph, at: &str, input: &Value) -> Value {
    graph.node(at, "Relu", &[input], &[])
}

/// `[..., in]` to `[..., out]`
pub(crate) fn linear(graph: &mut Graph, at: &str, module: &Linear, input: &Value) -> Value {
    let weights = graph.weights(&format!("{at}.weight"), module.weight.val());
    let product = graph.node(at, "MatMul", &[input, &weights], &[]);
    match &module.bias {
        None => product,
        Some(bias) => {
            let bias = graph.weights(&format!("{at}.bias"), bias.val());
            graph.node(at, "Add", &[&product, &bias], &[])
        }
    }
}

/// Normalization of the last axis.
pub(crate) fn layer_norm(
    graph: &mut Graph,
    at: &str,
    module: &LayerNorm,
    epsilon: f64,
    input: &Value,
) -> Value {
    let scale = graph.weights(&format!("{at}.gamma"), module.gamma.val());
    let shift = module.beta.as_ref().map(|beta| graph.weights(&format!("{at}.beta"), beta.val()));
    let inputs: Vec<&Value> = [Some(input), Some(&scale), shift.as_ref()].into_iter().flatten().collect();
    let settings = [("axis", Setting::Whole(-1)), ("epsilon", Setting::Number(epsilon))];
    graph.node(at, "LayerNormalization", &inputs, &settings)
}

/// The Gaussian error linear unit, by the error function: it has an operator of its own only since version 20.
pub(crate) fn gelu(graph: &mut Graph, at: &str, input: &Value) -> Value {
    let number =
        |graph: &mut Graph, name: &str, value: f32| graph.numbers(&format!("{at}.{name}"), &[], &[value]);
    let root = number(graph, "root", std::f32::consts::SQRT_2);
    let one = number(graph, "one", 1.0);
    let half = number(graph, "half", 0.5);
    let scaled = graph.node(at, "Div", &[input, &root], &[]);
    let error = graph.node(at, "Erf", &[&scaled], &[]);
    let share = graph.node(at, "Add", &[&error, &one], &[]);
    let twice = graph.node(at, "Mul", &[input, &share], &[]);
    graph.node(&format!("{at}.halved"), "Mul", &[&twice, &half], &[])
}

/// The perceptron of a Transformer's layer.
pub(crate) fn feed_forward(
    graph: &mut Graph,
    at: &str,
    module: &PositionWiseFeedForward,
    input: &Value,
) -> Value {
    let inner = linear(graph, &format!("{at}.linear_inner"), &module.linear_inner, input);
    let inner = gelu(graph, &format!("{at}.gelu"), &inner);
    linear(graph, &format!("{at}.linear_outer"), &module.linear_outer, &inner)
}

/// burn's attention: `[batch, queries, width]` over `[batch, tokens, width]`.
pub(crate) fn multi_head(
    graph: &mut Graph,
    at: &str,
    module: &MultiHeadAttention,
    queries: &Value,
    tokens: &Value,
) -> Value {
    let query = linear(graph, &format!("{at}.query"), &module.query, queries);
    let key = linear(graph, &format!("{at}.key"), &module.key, tokens);
    let value = linear(graph, &format!("{at}.value"), &module.value, tokens);
    let read = attention(graph, at, [&query, &key, &value], module.n_heads, module.d_k);
    linear(graph, &format!("{at}.output"), &module.output, &read)
}

/// Attention of several heads over vectors that lie one head after the other: `[batch, count, heads * width]` each.
///
/// Queries that are the same for every image may have a batch of 1.
pub(crate) fn attention(
    graph: &mut Graph,
    at: &str,
    [query, key, value]: [&Value; 3],
    heads: usize,
    width: usize,
) -> Value {
    // 0 keeps the axis.
    let apart = graph.wholes(&format!("{at}.apart"), &[0, -1, heads as i64, width as i64]);
    let mut by_head = |name: &str, value: &Value, order: &[i64]| {
        let at = format!("{at}.{name}");
        let apart = graph.node(&at, "Reshape", &[value, &apart], &[]);
        graph.node(&at, "Transpose", &[&apart], &[("perm", Setting::Wholes(order))])
    };
    let query = by_head("queries_by_head", query, &[0, 2, 1, 3]);
    let key = by_head("keys_by_head", key, &[0, 2, 3, 1]);
    let value = by_head("values_by_head", value, &[0, 2, 1, 3]);
    let scores = graph.node(&format!("{at}.scores"), "MatMul", &[&query, &key], &[]);
    let root = graph.numbers(&format!("{at}.root"), &[], &[(width as f32).sqrt()]);
    let scores = graph.node(&format!("{at}.scores"), "Div", &[&scores, &root], &[]);
    let weights = graph.node(at, "Softmax", &[&scores], &[("axis", Setting::Whole(-1))]);
    let read = graph.node(&format!("{at}.read"), "MatMul", &[&weights, &value], &[]);
    let order = [0, 2, 1, 3];
    let read = graph.node(&format!("{at}.read"), "Transpose", &[&read], &[("perm", Setting::Wholes(&order))]);
    let together = graph.wholes(&format!("{at}.together"), &[0, -1, (heads * width) as i64]);
    graph.node(&format!("{at}.read"), "Reshape", &[&read, &together], &[])
}

/// The mean of each channel over all places: `[batch, channels, h, w]` to `[batch, channels]`.
pub(crate) fn pooled(graph: &mut Graph, at: &str, map: &Value) -> Value {
    let means = graph.node(at, "GlobalAveragePool", &[map], &[]);
    graph.node(at, "Flatten", &[&means], &[("axis", Setting::Whole(1))])
}

/// The mean along an axis, which is kept or goes.
pub(crate) fn mean_along(graph: &mut Graph, at: &str, input: &Value, axis: i64, keep: bool) -> Value {
    let settings = [("axes", Setting::Wholes(&[axis])), ("keepdims", Setting::Whole(i64::from(keep)))];
    graph.node(at, "ReduceMean", &[input], &settings)
}

/// Another shape; 0 keeps an axis, -1 is what remains.
pub(crate) fn reshape(graph: &mut Graph, at: &str, input: &Value, shape: &[i64]) -> Value {
    let shape = graph.wholes(&format!("{at}.shape"), shape);
    graph.node(at, "Reshape", &[input, &shape], &[])
}
