//! EfficientNet-Lite as ONNX nodes.

use burn::nn::BatchNorm;

use super::graph::{Graph, Setting, Value};
use super::layers::{batch_norm, convolution, convolution_same};
use super::published::Maps;
use crate::arch::{EfficientNetLite, InvertedResidual};

/// The feature maps, shallowest first, each with its channels.
pub(super) fn maps(graph: &mut Graph, before: &str, network: &EfficientNetLite, input: &Value) -> Maps {
    let stem = convolution_same(graph, &format!("{before}stem"), &network.stem, input);
    let mut map = held(graph, &format!("{before}stem_norm"), &network.stem_norm, &stem);
    let mut maps = Vec::new();
    for (number, stage) in network.stages.iter().enumerate() {
        for (place, block) in stage.iter().enumerate() {
            map = inverted(graph, &format!("{before}stages.{number}.{place}"), block, &map);
        }
        if EfficientNetLite::SEEN.contains(&number) {
            maps.push((map.clone(), EfficientNetLite::WIDTHS[maps.len()]));
        }
    }
    maps
}

fn inverted(graph: &mut Graph, at: &str, block: &InvertedResidual, input: &Value) -> Value {
    let inside = match (&block.widening, &block.widening_norm) {
        (Some(widening), Some(norm)) => {
            let wide = convolution(graph, &format!("{at}.widening"), widening, input);
            held(graph, &format!("{at}.widening_norm"), norm, &wide)
        }
        _ => input.clone(),
    };
    let inside = convolution_same(graph, &format!("{at}.depthwise"), &block.depthwise, &inside);
    let inside = held(graph, &format!("{at}.depthwise_norm"), &block.depthwise_norm, &inside);
    let output = convolution(graph, &format!("{at}.narrowing"), &block.narrowing, &inside);
    let output = batch_norm(graph, &format!("{at}.narrowing_norm"), &block.narrowing_norm, &output);
    if block.goes_around { graph.node(at, "Add", &[&output, input], &[]) } else { output }
}

/// Normalized and held between 0 and 6.
fn held(graph: &mut Graph, at: &str, norm: &BatchNorm, map: &Value) -> Value {
    let normalized = batch_norm(graph, at, norm, map);
    let [least, most] = [("least", 0.0), ("most", 6.0)]
        .map(|(name, value)| graph.numbers(&format!("{at}.{name}"), &[], &[value]));
    graph.node(at, "Clip", &[&normalized, &least, &most], &[] as &[(&str, Setting)])
}
