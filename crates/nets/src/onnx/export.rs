use super::graph::{Graph, Setting, Value};
use super::networks::{OnnxNetwork, Row, Traced};
use super::{OnnxError, metadata};
use crate::{Calibration, Card, GroupCalibration, Model, ModelError};

/// A network as an ONNX file.
///
/// The input is called `image`, or `volume` where a classifier has several slices; the outputs are `logits` and
/// `features`, the named feature vector, or what the scorer reads where the network names none. The same network gives
/// the same bytes.
///
/// # Shapes
/// `[batch, channels or slices, rows, columns]` to `[batch, classes]` and `[batch, features]`; `axes` are those of the
/// input after the first, which is free.
///
/// # Errors
/// [`OnnxError::Weights`] if weights cannot be read back from their device, [`OnnxError::Large`].
pub fn export(
    network: OnnxNetwork<'_>,
    axes: [usize; 3],
    name: &str,
    metadata: &[(String, String)],
) -> Result<Vec<u8>, OnnxError> {
    let mut graph = Graph::default();
    let input = input(&mut graph, network, axes);
    let traced = network.trace(&mut graph, &input, axes, false);
    output(&mut graph, "logits", "a score for each class", &traced.logits);
    output(&mut graph, "features", "the feature vector", &traced.features);
    graph.finish(name, "", metadata)
}

impl Model {
    /// The model as an ONNX file: the figures that [`predict`](Self::predict) gives, without the outlier detector.
    ///
    /// The outputs are `logits` before calibration (the mean with the mirror image, where the card asks for it),
    /// `features`, and `probabilities` after calibration; `metadata_props` has what the card says.
    ///
    /// # Errors
    /// [`ModelError::Onnx`].
    pub fn to_onnx(&self) -> Result<Vec<u8>, ModelError> {
        let card = self.card();
        let (network, axes) = (OnnxNetwork::Classifier(&self.network), axes(card));
        let mut graph = Graph::default();
        let input = input(&mut graph, network, axes);
        let traced = if card.mirror {
            let both = with_mirror_image(&mut graph, &input);
            let traced = network.trace(&mut graph, &both, axes, false);
            mean_of_both(&mut graph, &traced)
        } else {
            network.trace(&mut graph, &input, axes, false)
        };
        let words = metadata::output_words(card);
        output(&mut graph, "logits", &words.logits, &traced.logits);
        output(&mut graph, "features", &words.features, &traced.features);
        let probabilities = calibrated(&mut graph, &card.calibration, &traced.logits.value);
        let probabilities = Row { value: probabilities, width: traced.logits.width };
        output(&mut graph, "probabilities", &words.probabilities, &probabilities);
        graph
            .finish(&card.name, &metadata::description(card), &metadata::entries(card))
            .map_err(|source| ModelError::Onnx { model: card.name.clone(), source })
    }
}

/// Slices or channels, rows, columns of a card's network.
fn axes(card: &Card) -> [usize; 3] {
    let sizes = &card.architecture;
    [sizes.slices, sizes.side, sizes.side]
}

fn input(graph: &mut Graph, network: OnnxNetwork<'_>, axes: [usize; 3]) -> Value {
    let of_volumes = matches!(network, OnnxNetwork::Classifier(_)) && axes[0] > 1;
    graph.input(if of_volumes { "volume" } else { "image" }, &axes)
}

fn output(graph: &mut Graph, name: &str, words: &str, row: &Row) {
    graph.output(name, &[row.width], words, &row.value);
}

/// The images, then their mirror images.
fn with_mirror_image(graph: &mut Graph, input: &Value) -> Value {
    // From the last column to before the first, which no number from either end names.
    let [from, to, axis, step] = [("from", -1), ("to", -i64::MAX), ("axis", 3), ("step", -1)]
        .map(|(name, at)| graph.wholes(&format!("mirror.{name}"), &[at]));
    let mirrored = graph.node("mirror", "Slice", &[input, &from, &to, &axis, &step], &[]);
    graph.node("mirror", "Concat", &[input, &mirrored], &[("axis", Setting::Whole(0))])
}

/// Logits are the mean of image and mirror image, features are the image's.
fn mean_of_both(graph: &mut Graph, traced: &Traced) -> Traced {
    let first = [("axis", Setting::Whole(0))];
    let [plain, mirrored] = graph.split("mirror.logits", "Split", &[&traced.logits.value], &first);
    let [features, _] = graph.split("mirror.features", "Split", &[&traced.features.value], &first);
    let sum = graph.node("mirror.logits", "Add", &[&plain, &mirrored], &[]);
    let half = graph.numbers("mirror.half", &[], &[0.5]);
    let logits = graph.node("mirror.logits", "Mul", &[&sum, &half], &[]);
    Traced {
        logits: Row { value: logits, width: traced.logits.width },
        features: Row { value: features, width: traced.features.width },
        taps: Vec::new(),
    }
}

/// Of groups of labels, each group for itself, put back into the order of the card.
fn calibrated_in_groups(graph: &mut Graph, groups: &[GroupCalibration], logits: &Value) -> Value {
    let mut order: Vec<usize> = Vec::new();
    let mut parts = Vec::with_capacity(groups.len());
    for (number, group) in groups.iter().enumerate() {
        let at = format!("calibration.{number}");
        let places: Vec<i64> = group.labels.iter().map(|label| *label as i64).collect();
        let places = graph.wholes(&format!("{at}.labels"), &places);
        let own = graph.node(&at, "Gather", &[logits, &places], &[("axis", Setting::Whole(1))]);
        let temperature = graph.numbers(&format!("{at}.temperature"), &[], &[group.temperature as f32]);
        let is_single = group.labels.len() == 1;
        let bias: Vec<f32> =
            group.bias.iter().skip(usize::from(is_single)).map(|bias| *bias as f32).collect();
        let bias = graph.numbers(&format!("{at}.bias"), &[bias.len()], &bias);
        let scaled = graph.node(&at, "Div", &[&own, &temperature], &[]);
        let scaled = graph.node(&at, "Add", &[&scaled, &bias], &[]);
        parts.push(if is_single {
            graph.node(&at, "Sigmoid", &[&scaled], &[])
        } else {
            graph.node(&at, "Softmax", &[&scaled], &[("axis", Setting::Whole(-1))])
        });
        order.extend(&group.labels);
    }
    let parts: Vec<&Value> = parts.iter().collect();
    let together = graph.node("calibration", "Concat", &parts, &[("axis", Setting::Whole(1))]);
    let mut back = vec![0_i64; order.len()];
    for (place, label) in order.into_iter().enumerate() {
        back[label] = place as i64;
    }
    let back = graph.wholes("calibration.order", &back);
    graph.node("calibration", "Gather", &[&together, &back], &[("axis", Setting::Whole(1))])
}

fn calibrated(graph: &mut Graph, calibration: &Calibration, logits: &Value) -> Value {
    if !calibration.groups.is_empty() {
        return calibrated_in_groups(graph, &calibration.groups, logits);
    }
    let temperature = graph.numbers("calibration.temperature", &[], &[calibration.temperature as f32]);
    let bias: Vec<f32> = calibration.bias.iter().map(|bias| *bias as f32).collect();
    let bias = graph.numbers("calibration.bias", &[bias.len()], &bias);
    let scaled = graph.node("calibration", "Div", &[logits, &temperature], &[]);
    let scaled = graph.node("calibration", "Add", &[&scaled, &bias], &[]);
    graph.node("calibration", "Softmax", &[&scaled], &[("axis", Setting::Whole(-1))])
}
