//! U-Nets as ONNX graphs, of pictures and of volumes.

use burn::nn::InstanceNorm;
use burn::nn::conv::{ConvTranspose2d, ConvTranspose3d};
use burn::tensor::Tensor;

use super::graph::{Graph, Setting, Value};
use super::layers::{convolution, convolution_of_volumes};
use crate::arch::{UNet, UNet3d};

/// Slope of the activation below 0.
const SLOPE: f64 = 0.01;

/// Logits at every place: `[batch, channels, rows, columns]` to `[batch, classes, rows, columns]`; sides are multiples of
/// two to the power of the stages less one.
pub(super) fn flat(graph: &mut Graph, network: &UNet, input: &Value) -> Value {
    let mut current = input.clone();
    let mut maps = Vec::with_capacity(network.down.len());
    for (stage, blocks) in network.down.iter().enumerate() {
        for (place, block) in blocks.iter().enumerate() {
            let at = format!("down.{stage}.{place}");
            let found = convolution(graph, &format!("{at}.convolution"), &block.convolution, &current);
            current = normalized(graph, &at, &block.norm, &found);
        }
        maps.push(current.clone());
    }
    maps.pop();
    for (stage, (up, merged)) in network.up.iter().zip(&network.merged).enumerate() {
        let doubled = doubled(graph, &format!("up.{stage}"), &current, &Doubling::of_pictures(up));
        current = joined(graph, stage, &doubled, maps.pop().as_ref());
        for (place, block) in merged.iter().enumerate() {
            let at = format!("merged.{stage}.{place}");
            let found = convolution(graph, &format!("{at}.convolution"), &block.convolution, &current);
            current = normalized(graph, &at, &block.norm, &found);
        }
    }
    // The coarser stages' scorers are of training alone.
    match network.scorers.last() {
        Some(scorer) => {
            let at = format!("scorers.{}", network.scorers.len() - 1);
            convolution(graph, &at, scorer, &current)
        }
        None => current,
    }
}

/// The same of volumes: `[batch, channels, slices, rows, columns]` to `[batch, classes, slices, rows, columns]`.
pub(super) fn deep(graph: &mut Graph, network: &UNet3d, input: &Value) -> Value {
    let mut current = input.clone();
    let mut maps = Vec::with_capacity(network.down.len());
    for (stage, blocks) in network.down.iter().enumerate() {
        for (place, block) in blocks.iter().enumerate() {
            let at = format!("down.{stage}.{place}");
            let name = format!("{at}.convolution");
            let found = convolution_of_volumes(graph, &name, &block.convolution, &current);
            current = normalized(graph, &at, &block.norm, &found);
        }
        maps.push(current.clone());
    }
    maps.pop();
    for (stage, (up, merged)) in network.up.iter().zip(&network.merged).enumerate() {
        let doubled = doubled(graph, &format!("up.{stage}"), &current, &Doubling::of_volumes(up));
        current = joined(graph, stage, &doubled, maps.pop().as_ref());
        for (place, block) in merged.iter().enumerate() {
            let at = format!("merged.{stage}.{place}");
            let name = format!("{at}.convolution");
            let found = convolution_of_volumes(graph, &name, &block.convolution, &current);
            current = normalized(graph, &at, &block.norm, &found);
        }
    }
    match network.scorers.last() {
        Some(scorer) => {
            let at = format!("scorers.{}", network.scorers.len() - 1);
            convolution_of_volumes(graph, &at, scorer, &current)
        }
        None => current,
    }
}

/// What came up, before what was seen on the way down.
fn joined(graph: &mut Graph, stage: usize, up: &Value, seen: Option<&Value>) -> Value {
    match seen {
        Some(seen) => {
            graph.node(&format!("joined.{stage}"), "Concat", &[up, seen], &[("axis", Setting::Whole(1))])
        }
        None => up.clone(),
    }
}

/// Normalization within each image and channel, then the leaky activation.
fn normalized(graph: &mut Graph, at: &str, norm: &InstanceNorm, input: &Value) -> Value {
    let at = format!("{at}.norm");
    let count = norm.num_channels;
    let gamma = match &norm.gamma {
        Some(gamma) => graph.weights(&format!("{at}.gamma"), gamma.val()),
        None => graph.numbers(&format!("{at}.gamma"), &[count], &vec![1.0; count]),
    };
    let beta = match &norm.beta {
        Some(beta) => graph.weights(&format!("{at}.beta"), beta.val()),
        None => graph.numbers(&format!("{at}.beta"), &[count], &vec![0.0; count]),
    };
    let settings = [("epsilon", Setting::Number(norm.epsilon))];
    let found = graph.node(&at, "InstanceNormalization", &[input, &gamma, &beta], &settings);
    graph.node(&at, "LeakyRelu", &[&found], &[("alpha", Setting::Number(SLOPE))])
}

/// A transposed convolution in any number of dimensions.
struct Doubling<const D: usize> {
    weight: Tensor<D>,
    bias: Option<Tensor<1>>,
    stride: Vec<usize>,
    dilation: Vec<usize>,
    padding: Vec<usize>,
    padding_out: Vec<usize>,
    groups: usize,
}

impl Doubling<4> {
    fn of_pictures(module: &ConvTranspose2d) -> Self {
        Self {
            weight: module.weight.val(),
            bias: module.bias.as_ref().map(|bias| bias.val()),
            stride: module.stride.to_vec(),
            dilation: module.dilation.to_vec(),
            padding: module.padding.to_vec(),
            padding_out: module.padding_out.to_vec(),
            groups: module.groups,
        }
    }
}

impl Doubling<5> {
    fn of_volumes(module: &ConvTranspose3d) -> Self {
        Self {
            weight: module.weight.val(),
            bias: module.bias.as_ref().map(|bias| bias.val()),
            stride: module.stride.to_vec(),
            dilation: module.dilation.to_vec(),
            padding: module.padding.to_vec(),
            padding_out: module.padding_out.to_vec(),
            groups: module.groups,
        }
    }
}

fn doubled<const D: usize>(graph: &mut Graph, at: &str, input: &Value, layer: &Doubling<D>) -> Value {
    let kernel = layer.weight.dims()[2..].to_vec();
    let whole = |numbers: &[usize]| numbers.iter().map(|number| *number as i64).collect::<Vec<_>>();
    let weights = graph.weights(&format!("{at}.weight"), layer.weight.clone());
    let bias = layer.bias.as_ref().map(|bias| graph.weights(&format!("{at}.bias"), bias.clone()));
    let inputs: Vec<&Value> = [Some(input), Some(&weights), bias.as_ref()].into_iter().flatten().collect();
    graph.node(
        at,
        "ConvTranspose",
        &inputs,
        &[
            ("dilations", Setting::Wholes(&whole(&layer.dilation))),
            ("group", Setting::Whole(layer.groups as i64)),
            ("kernel_shape", Setting::Wholes(&whole(&kernel))),
            ("output_padding", Setting::Wholes(&whole(&layer.padding_out))),
            ("pads", Setting::Wholes(&whole(&[layer.padding.as_slice(), &layer.padding].concat()))),
            ("strides", Setting::Wholes(&whole(&layer.stride))),
        ],
    )
}
