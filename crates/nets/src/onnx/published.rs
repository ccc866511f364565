//! Published networks as ONNX graphs: their feature maps, and their own heads.

use super::efficientnet;
use super::graph::{Graph, Setting, Value};
use super::layers::{
    attention, batch_norm, batch_norm_and_rectifier, convolution, convolution_of_volumes, gelu, layer_norm,
    linear, pooled, rectifier, reshape,
};
use super::networks::{Row, Traced, shortcut, volume_block};
use crate::arch::{
    DenseLayer, DenseNet, Head, ResNet, ResNet3d, ResNetBlock, TransformerLayer, Trunk, VisionTransformer,
};

/// The feature maps of a network, shallowest first, each with its channels.
pub(super) type Maps = Vec<(Value, usize)>;

/// Which feature maps are read by something; what nothing reads is not written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// None but what a network's own head reads.
    OwnHead,
    /// The last.
    Last,
    /// All.
    All,
}

/// What a network makes of images: its maps, and the tokens of a vision transformer.
pub(super) struct Looked {
    pub maps: Maps,
    pub tokens: Option<Value>,
}

pub(super) fn resnet(graph: &mut Graph, network: &ResNet, input: &Value) -> Traced {
    let (map, width) = last(resnet_maps(graph, "", network, input));
    let means = pooled(graph, "pooled", &map);
    head(graph, "", own(network.head.as_ref()), &Row { value: means, width })
}

pub(super) fn dense_net(graph: &mut Graph, network: &DenseNet, input: &Value) -> Traced {
    let (map, width) = last(dense_net_maps(graph, "", network, input));
    let means = pooled(graph, "pooled", &map);
    head(graph, "", own(network.head.as_ref()), &Row { value: means, width })
}

pub(super) fn vision_transformer(graph: &mut Graph, network: &VisionTransformer, input: &Value) -> Traced {
    let [_, _, width] = network.positions.dims();
    let (_, tokens) = vision_transformer_maps(graph, "", network, input, Wanted::OwnHead);
    let features = class_token(graph, "", &tokens, width);
    scored(graph, "", network, features)
}

fn last(maps: Maps) -> (Value, usize) {
    maps.into_iter().next_back().expect("there is at least one stage")
}

fn own(head: Option<&Head>) -> &Head {
    head.expect("a network by itself has a head")
}

/// What a trunk makes of its input: images one after another, or volumes as one.
///
/// # Shapes
/// `[images, 1, rows, columns]`, or `[batch, 1, slices, rows, columns]`; the maps of volumes have their slices as rows.
pub(super) fn look(graph: &mut Graph, trunk: &Trunk, input: &Value, wanted: Wanted) -> Looked {
    let axes = if trunk.is_volumetric() { 5 } else { 4 };
    let images = dressed(graph, trunk, input, axes);
    if let Some(network) = &trunk.vision_transformer {
        let (maps, tokens) = vision_transformer_maps(graph, "trunk.", network, &images, wanted);
        return Looked { maps, tokens: Some(tokens) };
    }
    let maps = match trunk {
        Trunk { resnet: Some(network), .. } => resnet_maps(graph, "trunk.", network, &images),
        Trunk { densenet: Some(network), .. } => dense_net_maps(graph, "trunk.", network, &images),
        Trunk { resnet_of_volumes: Some(network), .. } => {
            maps_of_volumes(graph, "trunk.", network, &images, wanted)
        }
        Trunk { efficientnet: Some(network), .. } => efficientnet::maps(graph, "trunk.", network, &images),
        _ => unreachable!("one of the five is made"),
    };
    Looked { maps, tokens: None }
}

/// Logits and features of what a trunk saw, by its own head.
pub(super) fn own_head(graph: &mut Graph, trunk: &Trunk, looked: Looked) -> Traced {
    if let (Some(network), Some(tokens)) = (&trunk.vision_transformer, &looked.tokens) {
        let [_, _, width] = network.positions.dims();
        let features = class_token(graph, "trunk.", tokens, width);
        return scored(graph, "trunk.", network, features);
    }
    let (map, width) = last(looked.maps);
    let means = pooled(graph, "pooled", &map);
    head(graph, "trunk.", own(trunk.head()), &Row { value: means, width })
}

/// The gray image as each channel, normalized as the network was trained.
fn dressed(graph: &mut Graph, trunk: &Trunk, gray: &Value, axes: usize) -> Value {
    let mut current = gray.clone();
    if trunk.channels > 1 {
        let each = vec![gray; trunk.channels];
        current = graph.node("trunk.channels", "Concat", &each, &[("axis", Setting::Whole(1))]);
    }
    let mut shape = vec![1; axes];
    shape[1] = trunk.channels;
    if !trunk.channel_means.is_empty() {
        let means = graph.numbers("trunk.channel_means", &shape, &trunk.channel_means);
        current = graph.node("trunk.channels", "Sub", &[&current, &means], &[]);
    }
    if !trunk.channel_deviations.is_empty() {
        let deviations = graph.numbers("trunk.channel_deviations", &shape, &trunk.channel_deviations);
        current = graph.node("trunk.channels", "Div", &[&current, &deviations], &[]);
    }
    current
}

fn resnet_maps(graph: &mut Graph, before: &str, network: &ResNet, input: &Value) -> Maps {
    let stem = convolution(graph, &format!("{before}stem"), &network.stem, input);
    let mut map = batch_norm_and_rectifier(graph, &format!("{before}stem_norm"), &network.stem_norm, &stem);
    if network.pools {
        map = halved(graph, before, &map, 2);
    }
    let (mut maps, mut width) = (Vec::new(), 0);
    for (number, stage) in network.stages.iter().enumerate() {
        for (block_number, block) in stage.iter().enumerate() {
            map = resnet_block(graph, &format!("{before}stages.{number}.{block_number}"), block, &map);
            width = block.norms.last().map_or(width, |norm| norm.gamma.dims()[0]);
        }
        maps.push((map.clone(), width));
    }
    maps
}

fn resnet_block(graph: &mut Graph, at: &str, block: &ResNetBlock, input: &Value) -> Value {
    let short = shortcut(graph, at, block.shortcut.as_ref().zip(block.shortcut_norm.as_ref()), input);
    let mut current = input.clone();
    let last = block.norms.len();
    for (number, (layer, norm)) in block.convolutions.iter().zip(&block.norms).enumerate() {
        current = convolution(graph, &format!("{at}.convolutions.{number}"), layer, &current);
        current = batch_norm(graph, &format!("{at}.norms.{number}"), norm, &current);
        if number + 1 < last {
            current = rectifier(graph, &format!("{at}.norms.{number}"), &current);
        }
    }
    let sum = graph.node(at, "Add", &[&current, &short], &[]);
    rectifier(graph, at, &sum)
}

fn maps_of_volumes(
    graph: &mut Graph,
    before: &str,
    network: &ResNet3d,
    input: &Value,
    wanted: Wanted,
) -> Maps {
    let stem = convolution_of_volumes(graph, &format!("{before}stem"), &network.stem, input);
    let mut map = batch_norm_and_rectifier(graph, &format!("{before}stem_norm"), &network.stem_norm, &stem);
    if network.pools {
        map = halved(graph, before, &map, 3);
    }
    let (mut maps, mut width) = (Vec::new(), 0);
    for (number, stage) in network.stages.iter().enumerate() {
        for (block_number, block) in stage.iter().enumerate() {
            map = volume_block(graph, &format!("{before}stages.{number}.{block_number}"), block, &map);
            width = block.norms.last().map_or(width, |norm| norm.gamma.dims()[0]);
        }
        if wanted != Wanted::All && number + 1 < network.stages.len() {
            continue;
        }
        let places = [0, width as i64, -1, 1];
        maps.push((reshape(graph, &format!("{before}places.{number}"), &map, &places), width));
    }
    maps
}

fn dense_net_maps(graph: &mut Graph, before: &str, network: &DenseNet, input: &Value) -> Maps {
    let stem = convolution(graph, &format!("{before}stem"), &network.stem, input);
    let mut map = batch_norm_and_rectifier(graph, &format!("{before}stem_norm"), &network.stem_norm, &stem);
    if network.pools {
        map = halved(graph, before, &map, 2);
    }
    let mut maps = Vec::new();
    for (number, block) in network.blocks.iter().enumerate() {
        for (layer_number, layer) in block.iter().enumerate() {
            map = dense_layer(graph, &format!("{before}blocks.{number}.{layer_number}"), layer, &map);
        }
        if let Some(transition) = network.transitions.get(number) {
            let at = format!("{before}transitions.{number}");
            let thinned = batch_norm_and_rectifier(graph, &format!("{at}.norm"), &transition.norm, &map);
            let thinned = convolution(graph, &format!("{at}.convolution"), &transition.convolution, &thinned);
            let two = [2, 2];
            let settings = [("kernel_shape", Setting::Wholes(&two)), ("strides", Setting::Wholes(&two))];
            map = graph.node(&at, "AveragePool", &[&thinned], &settings);
            maps.push((map.clone(), transition.convolution.weight.dims()[0]));
        }
    }
    let map = batch_norm_and_rectifier(graph, &format!("{before}norm"), &network.norm, &map);
    maps.push((map, network.norm.gamma.dims()[0]));
    maps
}

fn dense_layer(graph: &mut Graph, at: &str, layer: &DenseLayer, input: &Value) -> Value {
    let inner = batch_norm_and_rectifier(graph, &format!("{at}.first_norm"), &layer.first_norm, input);
    let inner = convolution(graph, &format!("{at}.first"), &layer.first, &inner);
    let inner = batch_norm_and_rectifier(graph, &format!("{at}.second_norm"), &layer.second_norm, &inner);
    let added = convolution(graph, &format!("{at}.second"), &layer.second, &inner);
    graph.node(at, "Concat", &[input, &added], &[("axis", Setting::Whole(1))])
}

/// Maximum over three places along each axis with stride 2.
fn halved(graph: &mut Graph, before: &str, input: &Value, axes: usize) -> Value {
    let (three, one, two) = (vec![3; axes], vec![1; 2 * axes], vec![2; axes]);
    let settings = [
        ("kernel_shape", Setting::Wholes(&three)),
        ("pads", Setting::Wholes(&one)),
        ("strides", Setting::Wholes(&two)),
    ];
    graph.node(&format!("{before}halved"), "MaxPool", &[input], &settings)
}

/// The named feature vector where there is one, else the pooled one, and the logits.
fn head(graph: &mut Graph, before: &str, head: &Head, means: &Row) -> Traced {
    let at = format!("{before}head.named");
    let features = match &head.named {
        Some(named) => {
            let vector = linear(graph, &at, named, &means.value);
            Row { value: rectifier(graph, &at, &vector), width: named.weight.dims()[1] }
        }
        None => means.clone(),
    };
    let logits = linear(graph, &format!("{before}head.scorer"), &head.scorer, &features.value);
    let width = head.scorer.weight.dims()[1];
    Traced { logits: Row { value: logits, width }, features, taps: Vec::new() }
}

/// The logits of a vision transformer's class token, which is its feature vector.
fn scored(graph: &mut Graph, before: &str, network: &VisionTransformer, features: Row) -> Traced {
    let scorer = network.scorer.as_ref().expect("a network by itself has a scorer");
    let logits = linear(graph, &format!("{before}scorer"), scorer, &features.value);
    let classes = scorer.weight.dims()[1];
    Traced { logits: Row { value: logits, width: classes }, features, taps: Vec::new() }
}

/// The tokens of the patches as maps after each quarter of the layers, where they are wanted, and the tokens
/// behind the last.
fn vision_transformer_maps(
    graph: &mut Graph,
    before: &str,
    network: &VisionTransformer,
    input: &Value,
    wanted: Wanted,
) -> (Maps, Value) {
    let [_, tokens, width] = network.positions.dims();
    let patches = convolution(graph, &format!("{before}patches"), &network.patches, input);
    let flat = reshape(graph, &format!("{before}patches"), &patches, &[0, width as i64, -1]);
    let patches = graph.node(
        &format!("{before}patches"),
        "Transpose",
        &[&flat],
        &[("perm", Setting::Wholes(&[0, 2, 1]))],
    );
    // The class token as often as there are images.
    let class = graph.weights(&format!("{before}class_token"), network.class_token.val());
    let first = [("end", Setting::Whole(1)), ("start", Setting::Whole(0))];
    let batch = graph.node(&format!("{before}batch"), "Shape", &[input], &first);
    let one = graph.wholes(&format!("{before}one_token"), &[1, width as i64]);
    let shape =
        graph.node(&format!("{before}batch"), "Concat", &[&batch, &one], &[("axis", Setting::Whole(0))]);
    let class = graph.node(&format!("{before}class_token"), "Expand", &[&class, &shape], &[]);
    let joined =
        graph.node(&format!("{before}tokens"), "Concat", &[&class, &patches], &[("axis", Setting::Whole(1))]);
    let positions = graph.weights(&format!("{before}positions"), network.positions.val());
    let mut current = graph.node(&format!("{before}tokens"), "Add", &[&joined, &positions], &[]);
    let along = (tokens - 1).isqrt();
    let map = |graph: &mut Graph, at: &str, tokens: &Value| {
        let [from, to, axis] = [("from", 1), ("to", i64::MAX), ("axis", 1)]
            .map(|(name, place)| graph.wholes(&format!("{at}.{name}"), &[place]));
        let places = graph.node(at, "Slice", &[tokens, &from, &to, &axis], &[]);
        let channels = graph.node(at, "Transpose", &[&places], &[("perm", Setting::Wholes(&[0, 2, 1]))]);
        reshape(graph, at, &channels, &[0, width as i64, along as i64, along as i64])
    };
    let (mut maps, count) = (Vec::new(), network.layers.len());
    for (number, layer) in network.layers.iter().enumerate() {
        current = transformer_layer(graph, &format!("{before}layers.{number}"), layer, &current);
        if wanted == Wanted::All && number + 1 < count && VisionTransformer::ends_a_quarter(number, count) {
            maps.push((map(graph, &format!("{before}map.{number}"), &current), width));
        }
    }
    let normalized =
        layer_norm(graph, &format!("{before}norm"), &network.norm, VisionTransformer::EPSILON, &current);
    if wanted != Wanted::OwnHead {
        maps.push((map(graph, &format!("{before}map"), &normalized), width));
    }
    (maps, normalized)
}

/// The class token of the tokens behind the last layer.
fn class_token(graph: &mut Graph, before: &str, tokens: &Value, width: usize) -> Row {
    let [from, to, axis] = [("from", 0), ("to", 1), ("axis", 1)]
        .map(|(name, at)| graph.wholes(&format!("{before}class.{name}"), &[at]));
    let class = graph.node(&format!("{before}class"), "Slice", &[tokens, &from, &to, &axis], &[]);
    Row { value: reshape(graph, &format!("{before}features"), &class, &[0, width as i64]), width }
}

fn transformer_layer(graph: &mut Graph, at: &str, layer: &TransformerLayer, tokens: &Value) -> Value {
    const EPSILON: f64 = VisionTransformer::EPSILON;
    let normalized =
        layer_norm(graph, &format!("{at}.attention_norm"), &layer.attention_norm, EPSILON, tokens);
    let name = format!("{at}.queries_keys_values");
    let all = linear(graph, &name, &layer.queries_keys_values, &normalized);
    let [query, key, value] = graph.split(&name, "Split", &[&all], &[("axis", Setting::Whole(2))]);
    let [_, width] = layer.projection.weight.dims();
    let (heads, each) = (layer.heads, width / layer.heads);
    let read = attention(graph, &format!("{at}.attention"), [&query, &key, &value], heads, each);
    let read = linear(graph, &format!("{at}.projection"), &layer.projection, &read);
    let sum = graph.node(&format!("{at}.attended"), "Add", &[tokens, &read], &[]);
    let normalized = layer_norm(graph, &format!("{at}.norm"), &layer.norm, EPSILON, &sum);
    let inner = linear(graph, &format!("{at}.widening"), &layer.widening, &normalized);
    let inner = gelu(graph, &format!("{at}.gelu"), &inner);
    let perceived = linear(graph, &format!("{at}.narrowing"), &layer.narrowing, &inner);
    graph.node(at, "Add", &[&sum, &perceived], &[])
}
