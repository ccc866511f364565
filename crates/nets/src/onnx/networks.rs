//! The architectures as ONNX graphs.

use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;

use super::graph::{Graph, Setting, Value};
use super::layers::{
    EPSILON, attention, batch_norm, batch_norm_and_rectifier, convolution, convolution_of_volumes,
    feed_forward, gelu, layer_norm, linear, mean_along, multi_head, pooled, rectifier, reshape,
};
use super::recurrent;
use crate::arch::{
    Backbone, Classifier, DenseLayer, DenseNet, Head, ResNet, ResNetBlock, ResNetBlock3d, ResidualBlock,
    TransformerLayer, VisionTransformer, VolumeBackbone,
};

/// A network that can be written as ONNX.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum OnnxNetwork<'a> {
    /// The network of the models that this program trains.
    Classifier(&'a Classifier),
    /// A residual network of images.
    ResNet(&'a ResNet),
    /// A densely connected network of images.
    DenseNet(&'a DenseNet),
    /// A vision transformer.
    VisionTransformer(&'a VisionTransformer),
}

/// An output and the length of its second axis.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub value: Value,
    pub width: usize,
}

/// What a network gives.
pub(super) struct Traced {
    pub logits: Row,
    pub features: Row,
    /// What the outlier detector looks at, where it was asked for; only a [`Classifier`] has it.
    pub taps: Vec<Row>,
}

impl OnnxNetwork<'_> {
    /// The nodes from an input of `[batch, channels or slices, rows, columns]` to the outputs.
    pub(super) fn trace(self, graph: &mut Graph, input: &Value, axes: [usize; 3], taps: bool) -> Traced {
        match self {
            Self::Classifier(network) => classifier(graph, network, input, axes, taps),
            Self::ResNet(network) => resnet(graph, network, input),
            Self::DenseNet(network) => dense_net(graph, network, input),
            Self::VisionTransformer(network) => vision_transformer(graph, network, input),
        }
    }
}

fn classifier(
    graph: &mut Graph,
    network: &Classifier,
    input: &Value,
    [slices, rows, columns]: [usize; 3],
    taps: bool,
) -> Traced {
    let (map, looks, slices) = match (&network.backbone, &network.volume_backbone) {
        (_, Some(backbone)) => {
            let volume = [-1, 1, slices as i64, rows as i64, columns as i64];
            let volumes = reshape(graph, "volumes", input, &volume);
            let (map, looks) = volume_maps(graph, backbone, &volumes, taps);
            // What is made of the map are places, as those of one image.
            (map, looks, 1)
        }
        (Some(backbone), None) => {
            let images = match slices {
                1 => input.clone(),
                // The CNN reads every slice.
                _ => reshape(graph, "slices", input, &[-1, 1, rows as i64, columns as i64]),
            };
            let (map, looks) = maps(graph, backbone, &images, slices, taps);
            (map, looks, slices)
        }
        (None, None) => unreachable!("a classifier has one of the two"),
    };
    let [channels, length] = network.feature.weight.dims();
    let means = pooled(graph, "pooled", &map);
    let vector = linear(graph, "feature", &network.feature, &means);
    let mut features = rectifier(graph, "feature", &vector);
    let places = if slices == 1 {
        let flat = reshape(graph, "places", &map, &[0, channels as i64, -1]);
        graph.node("places", "Transpose", &[&flat], &[("perm", Setting::Wholes(&[0, 2, 1]))])
    } else {
        let sequence = reshape(graph, "sequence", &features, &[-1, slices as i64, length as i64]);
        features = mean_along(graph, "features_of_slices", &sequence, 1, false);
        match &network.recurrent {
            Some(memory) => recurrent::states(graph, "recurrent", memory, &sequence),
            None => sequence,
        }
    };
    let logits = label_logits(graph, network, &features, &places);
    let labels = network.scorer.dims()[1];
    Traced {
        logits: Row { value: logits, width: labels },
        features: Row { value: features, width: length },
        taps: looks,
    }
}

/// The last feature map of images, and what the outlier detector looks at.
fn maps(
    graph: &mut Graph,
    backbone: &Backbone,
    images: &Value,
    slices: usize,
    taps: bool,
) -> (Value, Vec<Row>) {
    let stem = convolution(graph, "backbone.stem", &backbone.stem, images);
    let mut map = batch_norm_and_rectifier(graph, "backbone.stem_norm", &backbone.stem_norm, &stem);
    let mut looks = Vec::new();
    for (number, stage) in backbone.stages.iter().enumerate() {
        map = residual_block(graph, &format!("backbone.stages.{number}"), stage, &map);
        if taps {
            let channels = stage.second_norm.gamma.dims()[0];
            looks.push(channel_statistics(graph, &format!("taps.{number}"), &map, channels, slices));
        }
    }
    (map, looks)
}

/// The same of volumes that are read as one; the map's places stand one below the other.
fn volume_maps(
    graph: &mut Graph,
    backbone: &VolumeBackbone,
    volumes: &Value,
    taps: bool,
) -> (Value, Vec<Row>) {
    let stem = convolution_of_volumes(graph, "volume_backbone.stem", &backbone.stem, volumes);
    let mut map = batch_norm_and_rectifier(graph, "volume_backbone.stem_norm", &backbone.stem_norm, &stem);
    let (mut looks, mut channels) = (Vec::new(), 0);
    for (number, block) in backbone.stages.iter().enumerate() {
        map = volume_block(graph, &format!("volume_backbone.stages.{number}"), block, &map);
        channels = block.norms.last().map_or(channels, |norm| norm.gamma.dims()[0]);
        if taps {
            looks.push(channel_statistics(graph, &format!("taps.{number}"), &map, channels, 1));
        }
    }
    (reshape(graph, "volume_backbone.places", &map, &[0, channels as i64, -1, 1]), looks)
}

fn volume_block(graph: &mut Graph, at: &str, block: &ResNetBlock3d, input: &Value) -> Value {
    let short = match (&block.shortcut, &block.shortcut_norm) {
        (Some(layer), Some(norm)) => {
            let short = convolution_of_volumes(graph, &format!("{at}.shortcut"), layer, input);
            batch_norm(graph, &format!("{at}.shortcut_norm"), norm, &short)
        }
        _ => input.clone(),
    };
    let mut current = input.clone();
    let last = block.norms.len();
    for (number, (layer, norm)) in block.convolutions.iter().zip(&block.norms).enumerate() {
        current = convolution_of_volumes(graph, &format!("{at}.convolutions.{number}"), layer, &current);
        current = batch_norm(graph, &format!("{at}.norms.{number}"), norm, &current);
        if number + 1 < last {
            current = rectifier(graph, &format!("{at}.norms.{number}"), &current);
        }
    }
    let sum = graph.node(at, "Add", &[&current, &short], &[]);
    rectifier(graph, at, &sum)
}

/// The Transformer over the summary and the places, as `Classifier::logits` has it.
fn label_logits(graph: &mut Graph, network: &Classifier, features: &Value, places: &Value) -> Value {
    let summary = linear(graph, "feature_token", &network.feature_token, features);
    let second = graph.wholes("second_axis", &[1]);
    let summary = graph.node("summary", "Unsqueeze", &[&summary, &second], &[]);
    let tokens = linear(graph, "token", &network.token, places);
    let tokens = graph.node("tokens", "Concat", &[&summary, &tokens], &[("axis", Setting::Whole(1))]);
    let position = graph.weights("position", network.position.val());
    let mut memory = graph.node("tokens", "Add", &[&tokens, &position], &[]);
    for (number, layer) in network.encoder.layers.iter().enumerate() {
        let at = format!("encoder.layers.{number}");
        let normalized = layer_norm(graph, &format!("{at}.norm_2"), &layer.norm_2, EPSILON, &memory);
        let read = multi_head(graph, &format!("{at}.mha"), &layer.mha, &normalized, &normalized);
        let sum = graph.node(&format!("{at}.attended"), "Add", &[&memory, &read], &[]);
        let normalized = layer_norm(graph, &format!("{at}.norm_1"), &layer.norm_1, EPSILON, &sum);
        let perceived = feed_forward(graph, &format!("{at}.pwff"), &layer.pwff, &normalized);
        memory = graph.node(&at, "Add", &[&sum, &perceived], &[]);
    }
    let read = if network.decoder.layers.is_empty() {
        let [from, to, axis] = [("first", 0), ("end", 1), ("axis", 1)]
            .map(|(name, at)| graph.wholes(&format!("summary.{name}"), &[at]));
        graph.node("summary", "Slice", &[&memory, &from, &to, &axis], &[])
    } else {
        // The queries are the same for every image: what is read of the tokens brings the batch in.
        let mut target = graph.weights("queries", network.queries.val());
        for (number, layer) in network.decoder.layers.iter().enumerate() {
            let at = format!("decoder.layers.{number}");
            let normalized = layer_norm(graph, &format!("{at}.norm_3"), &layer.norm_3, EPSILON, &target);
            let own =
                multi_head(graph, &format!("{at}.self_attn"), &layer.self_attn, &normalized, &normalized);
            let asked = graph.node(&format!("{at}.asked"), "Add", &[&target, &own], &[]);
            let query = layer_norm(graph, &format!("{at}.norm_1"), &layer.norm_1, EPSILON, &asked);
            let read = multi_head(graph, &format!("{at}.cross_attn"), &layer.cross_attn, &query, &memory);
            let sum = graph.node(&format!("{at}.read"), "Add", &[&asked, &read], &[]);
            let normalized = layer_norm(graph, &format!("{at}.norm_2"), &layer.norm_2, EPSILON, &sum);
            let perceived = feed_forward(graph, &format!("{at}.pwff"), &layer.pwff, &normalized);
            target = graph.node(&at, "Add", &[&sum, &perceived], &[]);
        }
        target
    };
    let read = layer_norm(graph, "norm", &network.norm, EPSILON, &read);
    let scorer = graph.weights("scorer", network.scorer.val());
    let scored = graph.node("scorer", "Mul", &[&read, &scorer], &[]);
    let last = graph.wholes("last_axis", &[2]);
    let sums = graph.node("scorer", "ReduceSum", &[&scored, &last], &[("keepdims", Setting::Whole(0))]);
    let bias = graph.weights("bias", network.bias.val());
    graph.node("scorer", "Add", &[&sums, &bias], &[])
}

fn residual_block(graph: &mut Graph, at: &str, block: &ResidualBlock, input: &Value) -> Value {
    let short = shortcut(graph, at, block.shortcut.as_ref().zip(block.shortcut_norm.as_ref()), input);
    let inner = convolution(graph, &format!("{at}.first"), &block.first, input);
    let inner = batch_norm_and_rectifier(graph, &format!("{at}.first_norm"), &block.first_norm, &inner);
    let inner = convolution(graph, &format!("{at}.second"), &block.second, &inner);
    let inner = batch_norm(graph, &format!("{at}.second_norm"), &block.second_norm, &inner);
    let sum = graph.node(at, "Add", &[&inner, &short], &[]);
    rectifier(graph, at, &sum)
}

/// What is added to a block's output: its input, by a convolution where the shapes differ.
fn shortcut(graph: &mut Graph, at: &str, projection: Option<(&Conv2d, &BatchNorm)>, input: &Value) -> Value {
    let Some((layer, norm)) = projection else { return input.clone() };
    let short = convolution(graph, &format!("{at}.shortcut"), layer, input);
    batch_norm(graph, &format!("{at}.shortcut_norm"), norm, &short)
}

/// Mean and standard deviation of each channel over the places, then their means over the slices.
fn channel_statistics(graph: &mut Graph, at: &str, map: &Value, channels: usize, slices: usize) -> Row {
    let flat = reshape(graph, &format!("{at}.flat"), map, &[0, channels as i64, -1]);
    let mean = mean_along(graph, &format!("{at}.mean"), &flat, 2, true);
    let centered = graph.node(&format!("{at}.centered"), "Sub", &[&flat, &mean], &[]);
    let squares = graph.node(&format!("{at}.squares"), "Mul", &[&centered, &centered], &[]);
    let variance = mean_along(graph, &format!("{at}.variance"), &squares, 2, true);
    let deviation = graph.node(&format!("{at}.deviation"), "Sqrt", &[&variance], &[]);
    let both = graph.node(at, "Concat", &[&mean, &deviation], &[("axis", Setting::Whole(1))]);
    let width = 2 * channels;
    let value = if slices == 1 {
        reshape(graph, at, &both, &[0, width as i64])
    } else {
        let of_slices = reshape(graph, at, &both, &[-1, slices as i64, width as i64]);
        mean_along(graph, at, &of_slices, 1, false)
    };
    Row { value, width }
}

fn resnet(graph: &mut Graph, network: &ResNet, input: &Value) -> Traced {
    let stem = convolution(graph, "stem", &network.stem, input);
    let mut map = batch_norm_and_rectifier(graph, "stem_norm", &network.stem_norm, &stem);
    if network.pools {
        map = halved(graph, &map);
    }
    let mut width = 0;
    for (number, stage) in network.stages.iter().enumerate() {
        for (block_number, block) in stage.iter().enumerate() {
            map = resnet_block(graph, &format!("stages.{number}.{block_number}"), block, &map);
            width = block.norms.last().map_or(width, |norm| norm.gamma.dims()[0]);
        }
    }
    let means = pooled(graph, "pooled", &map);
    head(graph, &network.head, &Row { value: means, width })
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

fn dense_net(graph: &mut Graph, network: &DenseNet, input: &Value) -> Traced {
    let stem = convolution(graph, "stem", &network.stem, input);
    let stem = batch_norm_and_rectifier(graph, "stem_norm", &network.stem_norm, &stem);
    let mut map = halved(graph, &stem);
    for (number, block) in network.blocks.iter().enumerate() {
        for (layer_number, layer) in block.iter().enumerate() {
            map = dense_layer(graph, &format!("blocks.{number}.{layer_number}"), layer, &map);
        }
        if let Some(transition) = network.transitions.get(number) {
            let at = format!("transitions.{number}");
            let thinned = batch_norm_and_rectifier(graph, &format!("{at}.norm"), &transition.norm, &map);
            let thinned = convolution(graph, &format!("{at}.convolution"), &transition.convolution, &thinned);
            let two = [2, 2];
            let settings = [("kernel_shape", Setting::Wholes(&two)), ("strides", Setting::Wholes(&two))];
            map = graph.node(&at, "AveragePool", &[&thinned], &settings);
        }
    }
    let map = batch_norm_and_rectifier(graph, "norm", &network.norm, &map);
    let means = pooled(graph, "pooled", &map);
    head(graph, &network.head, &Row { value: means, width: network.norm.gamma.dims()[0] })
}

fn dense_layer(graph: &mut Graph, at: &str, layer: &DenseLayer, input: &Value) -> Value {
    let inner = batch_norm_and_rectifier(graph, &format!("{at}.first_norm"), &layer.first_norm, input);
    let inner = convolution(graph, &format!("{at}.first"), &layer.first, &inner);
    let inner = batch_norm_and_rectifier(graph, &format!("{at}.second_norm"), &layer.second_norm, &inner);
    let added = convolution(graph, &format!("{at}.second"), &layer.second, &inner);
    graph.node(at, "Concat", &[input, &added], &[("axis", Setting::Whole(1))])
}

/// Maximum over 3x3 with stride 2.
fn halved(graph: &mut Graph, input: &Value) -> Value {
    let settings = [
        ("kernel_shape", Setting::Wholes(&[3, 3])),
        ("pads", Setting::Wholes(&[1, 1, 1, 1])),
        ("strides", Setting::Wholes(&[2, 2])),
    ];
    graph.node("halved", "MaxPool", &[input], &settings)
}

/// The named feature vector where there is one, else the pooled one, and the logits.
fn head(graph: &mut Graph, head: &Head, means: &Row) -> Traced {
    let features = match &head.named {
        Some(named) => {
            let vector = linear(graph, "head.named", named, &means.value);
            Row { value: rectifier(graph, "head.named", &vector), width: named.weight.dims()[1] }
        }
        None => means.clone(),
    };
    let logits = linear(graph, "head.scorer", &head.scorer, &features.value);
    let width = head.scorer.weight.dims()[1];
    Traced { logits: Row { value: logits, width }, features, taps: Vec::new() }
}

fn vision_transformer(graph: &mut Graph, network: &VisionTransformer, input: &Value) -> Traced {
    let [_, _, width] = network.positions.dims();
    let patches = convolution(graph, "patches", &network.patches, input);
    let flat = reshape(graph, "patches", &patches, &[0, width as i64, -1]);
    let patches = graph.node("patches", "Transpose", &[&flat], &[("perm", Setting::Wholes(&[0, 2, 1]))]);
    // The class token as often as there are images.
    let class = graph.weights("class_token", network.class_token.val());
    let first = [("end", Setting::Whole(1)), ("start", Setting::Whole(0))];
    let batch = graph.node("batch", "Shape", &[input], &first);
    let one = graph.wholes("one_token", &[1, width as i64]);
    let shape = graph.node("batch", "Concat", &[&batch, &one], &[("axis", Setting::Whole(0))]);
    let class = graph.node("class_token", "Expand", &[&class, &shape], &[]);
    let joined = graph.node("tokens", "Concat", &[&class, &patches], &[("axis", Setting::Whole(1))]);
    let positions = graph.weights("positions", network.positions.val());
    let mut current = graph.node("tokens", "Add", &[&joined, &positions], &[]);
    for (number, layer) in network.layers.iter().enumerate() {
        current = transformer_layer(graph, &format!("layers.{number}"), layer, &current);
    }
    let normalized = layer_norm(graph, "norm", &network.norm, VisionTransformer::EPSILON, &current);
    let [from, to, axis] =
        [("from", 0), ("to", 1), ("axis", 1)].map(|(name, at)| graph.wholes(&format!("class.{name}"), &[at]));
    let class = graph.node("class", "Slice", &[&normalized, &from, &to, &axis], &[]);
    let features = reshape(graph, "features", &class, &[0, width as i64]);
    let logits = linear(graph, "scorer", &network.scorer, &features);
    let classes = network.scorer.weight.dims()[1];
    Traced {
        logits: Row { value: logits, width: classes },
        features: Row { value: features, width },
        taps: Vec::new(),
    }
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
