//! What is looked at in an ONNX file before another program parses it.

use prost::Message;

use super::message::{AttributeProto, EXTERNAL, GraphProto, ModelProto, NodeProto, TensorProto};
use super::{MOST_BYTES, OnnxError};

/// Refuses what is no ONNX, is too large, or has weights in other files.
///
/// # Errors
/// [`OnnxError::Large`], [`OnnxError::Form`], [`OnnxError::Outside`].
pub(super) fn check(file: &[u8]) -> Result<(), OnnxError> {
    if file.len() > MOST_BYTES {
        return Err(OnnxError::Large { bytes: file.len(), most: MOST_BYTES });
    }
    let model = ModelProto::decode(file).map_err(|error| OnnxError::Form { what: error.to_string() })?;
    let graph = model.graph.as_ref().filter(|graph| !graph.node.is_empty() && !graph.output.is_empty());
    let graph = graph.ok_or_else(|| OnnxError::Form { what: "it has no graph".to_owned() })?;
    if model.opset_import.is_empty() {
        return Err(OnnxError::Form { what: "it does not say which operators it is written in".to_owned() });
    }
    in_graph(graph)?;
    model.functions.iter().try_for_each(|function| in_nodes(&function.node))
}

fn in_graph(graph: &GraphProto) -> Result<(), OnnxError> {
    graph.initializer.iter().try_for_each(in_tensor)?;
    for sparse in &graph.sparse_initializer {
        sparse.values.iter().chain(&sparse.indices).try_for_each(in_tensor)?;
    }
    in_nodes(&graph.node)
}

fn in_nodes(nodes: &[NodeProto]) -> Result<(), OnnxError> {
    nodes.iter().flat_map(|node| &node.attribute).try_for_each(in_attribute)
}

/// Graphs lie within graphs; the parser ended at a depth of 100.
fn in_attribute(attribute: &AttributeProto) -> Result<(), OnnxError> {
    attribute.t.iter().chain(&attribute.tensors).try_for_each(in_tensor)?;
    for sparse in attribute.sparse_tensor.iter().chain(&attribute.sparse_tensors) {
        sparse.values.iter().chain(&sparse.indices).try_for_each(in_tensor)?;
    }
    attribute.g.iter().chain(&attribute.graphs).try_for_each(in_graph)
}

fn in_tensor(tensor: &TensorProto) -> Result<(), OnnxError> {
    if tensor.data_location == EXTERNAL || !tensor.external_data.is_empty() {
        return Err(OnnxError::Outside { tensor: tensor.name.chars().take(100).collect() });
    }
    Ok(())
}
