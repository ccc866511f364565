//! The architectures as ONNX graphs.

use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;

use super::graph::{Graph, Setting, Value};
use super::layers::{
    EPSILON, batch_norm, batch_norm_and_rectifier, convolution, convolution_of_volumes, feed_forward,
    layer_norm, linear, mean_along, multi_head, pooled, rectifier, reshape,
};
use super::published::{self, Wanted, dense_net, resnet, vision_transformer};
use super::recurrent;
use crate::arch::{
    Backbone, Classifier, DenseNet, ResNet, ResNetBlock3d, ResidualBlock, VisionTransformer, VolumeBackbone,
};
use crate::arch::{MOST_TAPPED, Scores, Tokens};

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
    let (map, looks, slices) = match (&network.trunk, &network.backbone, &network.volume_backbone) {
        (Some(trunk), ..) => {
            let is_volumetric = trunk.is_volumetric();
            let shape: &[i64] = match (slices, is_volumetric) {
                (1, _) => &[],
                (_, true) => &[-1, 1, slices as i64, rows as i64, columns as i64],
                (_, false) => &[-1, 1, rows as i64, columns as i64],
            };
            let images =
                if shape.is_empty() { input.clone() } else { reshape(graph, "slices", input, shape) };
            let apart = if is_volumetric { 1 } else { slices };
            let wanted = match (taps, network.parts().is_some()) {
                (true, _) => Wanted::All,
                (false, true) => Wanted::Last,
                (false, false) => Wanted::OwnHead,
            };
            let looked = published::look(graph, trunk, &images, wanted);
            let looks = if taps { statistics_of(graph, &looked.maps, apart) } else { Vec::new() };
            if network.parts().is_none() {
                return Traced { taps: looks, ..published::own_head(graph, trunk, looked) };
            }
            let last = looked.maps.into_iter().next_back().expect("there is at least one stage");
            (last.0, looks, apart)
        }
        (None, _, Some(backbone)) => {
            let volume = [-1, 1, slices as i64, rows as i64, columns as i64];
            let volumes = reshape(graph, "volumes", input, &volume);
            let (map, looks) = volume_maps(graph, backbone, &volumes, taps);
            // What is made of the map are places, as those of one image.
            (map, looks, 1)
        }
        (None, Some(backbone), None) => {
            let images = match slices {
                1 => input.clone(),
                // The CNN reads every slice.
                _ => reshape(graph, "slices", input, &[-1, 1, rows as i64, columns as i64]),
            };
            let (map, looks) = maps(graph, backbone, &images, slices, taps);
            (map, looks, slices)
        }
        (None, None, None) => unreachable!("a classifier has one of the three"),
    };
    let (tokens, scores) = network.parts().expect("own CNNs have a Transformer's parts behind them");
    let [channels, length] = tokens.feature.weight.dims();
    let means = pooled(graph, "pooled", &map);
    let vector = linear(graph, "feature", tokens.feature, &means);
    let mut features = rectifier(graph, "feature", &vector);
    let places = if slices == 1 {
        let flat = reshape(graph, "places", &map, &[0, channels as i64, -1]);
        graph.node("places", "Transpose", &[&flat], &[("perm", Setting::Wholes(&[0, 2, 1]))])
    } else {
        let sequence = reshape(graph, "sequence", &features, &[-1, slices as i64, length as i64]);
        features = mean_along(graph, "features_of_slices", &sequence, 1, false);
        match tokens.recurrent {
            Some(memory) => recurrent::states(graph, "recurrent", memory, &sequence),
            None => sequence,
        }
    };
    let logits = label_logits(graph, &tokens, &scores, &features, &places);
    let labels = network.labels;
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

pub(super) fn volume_block(graph: &mut Graph, at: &str, block: &ResNetBlock3d, input: &Value) -> Value {
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
fn label_logits(
    graph: &mut Graph,
    parts: &Tokens<'_>,
    network: &Scores<'_>,
    features: &Value,
    places: &Value,
) -> Value {
    let summary = linear(graph, "feature_token", parts.feature_token, features);
    let second = graph.wholes("second_axis", &[1]);
    let summary = graph.node("summary", "Unsqueeze", &[&summary, &second], &[]);
    let tokens = linear(graph, "token", parts.token, places);
    let tokens = graph.node("tokens", "Concat", &[&summary, &tokens], &[("axis", Setting::Whole(1))]);
    let position = graph.weights("position", parts.position.clone());
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
        let mut target = graph.weights("queries", network.queries.clone());
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
    let read = layer_norm(graph, "norm", network.norm, EPSILON, &read);
    let scorer = graph.weights("scorer", network.scorer.clone());
    let scored = graph.node("scorer", "Mul", &[&read, &scorer], &[]);
    let last = graph.wholes("last_axis", &[2]);
    let sums = graph.node("scorer", "ReduceSum", &[&scored, &last], &[("keepdims", Setting::Whole(0))]);
    let bias = graph.weights("bias", network.bias.clone());
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
pub(super) fn shortcut(
    graph: &mut Graph,
    at: &str,
    projection: Option<(&Conv2d, &BatchNorm)>,
    input: &Value,
) -> Value {
    let Some((layer, norm)) = projection else { return input.clone() };
    let short = convolution(graph, &format!("{at}.shortcut"), layer, input);
    batch_norm(graph, &format!("{at}.shortcut_norm"), norm, &short)
}

/// What the outlier detector looks at of a published network, a row a map; of many channels every so many.
fn statistics_of(graph: &mut Graph, maps: &published::Maps, slices: usize) -> Vec<Row> {
    let rows = maps.iter().enumerate().map(|(number, (map, channels))| {
        let every = channels / MOST_TAPPED;
        let (map, channels) = if every < 2 {
            (map.clone(), *channels)
        } else {
            let at = format!("taps.{number}.tapped");
            let places = [("from", 0), ("to", *channels as i64), ("axis", 1), ("step", every as i64)];
            let [from, to, axis, step] =
                places.map(|(name, place)| graph.wholes(&format!("{at}.{name}"), &[place]));
            (graph.node(&at, "Slice", &[map, &from, &to, &axis, &step], &[]), channels / every)
        };
        channel_statistics(graph, &format!("taps.{number}"), &map, channels, slices)
    });
    rows.collect()
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
