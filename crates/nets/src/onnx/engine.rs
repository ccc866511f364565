//! This program's own models by ONNX Runtime: the network as it is exported, with what the outlier detector looks at.

use super::graph::Graph;
use super::networks::OnnxNetwork;
use super::session::Numbers;
use super::{OnnxError, Session};
use crate::Card;
use crate::arch::Classifier;

/// A table: a row for each image.
type Table = Vec<Vec<f32>>;

const INPUT: &str = "image";

/// The file that ONNX Runtime is handed.
pub(crate) fn engine_file(network: &Classifier, card: &Card) -> Result<Vec<u8>, OnnxError> {
    let sizes = &card.architecture;
    let axes = [sizes.slices, sizes.side, sizes.side];
    let mut graph = Graph::default();
    let input = graph.input(INPUT, &axes);
    let traced = OnnxNetwork::Classifier(network).trace(&mut graph, &input, axes, true);
    let rows = [&traced.logits, &traced.features].into_iter().chain(&traced.taps);
    for (name, row) in names(card).iter().zip(rows) {
        graph.output(name, &[row.width], "", &row.value);
    }
    graph.finish(&card.name, "", &[])
}

/// Logits, features and what the outlier detector looks at, stage by stage, of a batch.
pub(crate) fn engine_rows(
    session: &Session,
    shape: [usize; 4],
    values: Vec<f32>,
    card: &Card,
) -> Result<(Table, Table, Vec<Table>), OnnxError> {
    let sizes = &card.architecture;
    let stages = sizes.tap_widths();
    let widths = [sizes.labels, sizes.features].into_iter().chain(stages.iter().map(|width| 2 * width));
    let names = names(card);
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    let made = session.run(INPUT, Numbers { shape: shape.to_vec(), values }, &asked)?;
    let mut tables = made
        .into_iter()
        .zip(&names)
        .zip(widths)
        .map(|((numbers, name), width)| numbers.rows(name, [shape[0], width]))
        .collect::<Result<Vec<Table>, OnnxError>>()?;
    let taps = tables.split_off(2);
    let features = tables.pop().unwrap_or_default();
    let logits = tables.pop().unwrap_or_default();
    Ok((logits, features, taps))
}

/// The outputs: logits, features, then one a stage.
fn names(card: &Card) -> Vec<String> {
    let stages = (0..card.architecture.stage_widths().len()).map(|stage| format!("statistics_{stage}"));
    ["logits".to_owned(), "features".to_owned()].into_iter().chain(stages).collect()
}
