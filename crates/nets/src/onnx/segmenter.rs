//! A segmenter that was trained here as an ONNX file: what its network sees at once, and what its card says.

use serde_json::json;

use super::graph::{Graph, Setting, Value};
use super::{OnnxError, unet};
use crate::segmenter::Networks;
use crate::{ModelError, OutputKind, Segmenter, SegmenterCard, TrainedSegmenter};

/// What a network sees.
#[derive(Clone, Copy)]
enum Form {
    Picture,
    Volume,
}

impl Segmenter {
    /// The network as an ONNX file: the numbers that [`outline`](Self::outline) makes labels of, for one window.
    ///
    /// The input is `image`, or `volume` of a network of volumes, with the sides of the card's window; the outputs are
    /// `logits` and `probabilities`, a number for each class at each place. `metadata_props` has what the card says, how the
    /// input is made, and how labels follow.
    ///
    /// # Shapes
    /// `[batch, 1, rows, columns]`, or `[batch, 1, slices, rows, columns]`, to `[batch, classes, ...]` of the same sides.
    ///
    /// # Errors
    /// [`ModelError::Onnx`]: [`OnnxError::Network`] for networks made by others, and where a window's side does not halve
    /// as often as the network has stages.
    pub fn to_onnx(&self) -> Result<Vec<u8>, ModelError> {
        self.file().map_err(|source| ModelError::Onnx { model: self.card().name.clone(), source })
    }

    fn file(&self) -> Result<Vec<u8>, OnnxError> {
        let card = self.card();
        let other = |what: &str| OnnxError::Network { what: what.to_owned() };
        let trained = card.trained.as_ref().ok_or_else(|| {
            other("it was made by others, as two networks one after the other; only those of `train segmenter` are written")
        })?;
        let [slices, rows, columns] = trained.preparation.window;
        let (form, sides, stages) = match &self.networks {
            Networks::Flat(network) => (Form::Picture, vec![rows, columns], network.down.len()),
            Networks::Deep(network) => (Form::Volume, vec![slices, rows, columns], network.down.len()),
            Networks::Pair(_) => return Err(other("it is a pair of networks")),
        };
        let multiple = 1_usize << stages.saturating_sub(1);
        if let Some(side) = sides.iter().find(|side| !side.is_multiple_of(multiple)) {
            return Err(other(&format!(
                "its window has a side of {side}, which is no multiple of {multiple}"
            )));
        }
        let mut graph = Graph::default();
        let axes: Vec<usize> = std::iter::once(1).chain(sides.iter().copied()).collect();
        let name = match form {
            Form::Picture => "image",
            Form::Volume => "volume",
        };
        let input = graph.input(name, &axes);
        let logits = match &self.networks {
            Networks::Flat(network) => unet::flat(&mut graph, network, &input),
            Networks::Deep(network) => unet::deep(&mut graph, network, &input),
            Networks::Pair(_) => return Err(other("it is a pair of networks")),
        };
        let probabilities = probabilities(&mut graph, trained.output, &logits);
        let classes: Vec<usize> = std::iter::once(trained.classes()).chain(sides).collect();
        let names = classes_in_words(trained);
        graph.output("logits", &classes, &format!("a number for each class at each place: {names}"), &logits);
        graph.output("probabilities", &classes, &format!("from 0 to 1: {names}"), &probabilities);
        let words =
            format!("{} ({}). For research use only: not a medical device.", card.title, card.version);
        graph.finish(&card.name, &words, &entries(card, trained, form))
    }
}

fn probabilities(graph: &mut Graph, output: OutputKind, logits: &Value) -> Value {
    match output {
        OutputKind::Softmax => {
            graph.node("probabilities_of_classes", "Softmax", &[logits], &[("axis", Setting::Whole(1))])
        }
        OutputKind::Sigmoid => graph.node("probabilities_of_classes", "Sigmoid", &[logits], &[]),
    }
}

fn classes_in_words(trained: &TrainedSegmenter) -> String {
    let background = (trained.output == OutputKind::Softmax).then_some("background");
    let segments = trained.segments.iter().map(|segment| segment.name.as_str());
    background.into_iter().chain(segments).collect::<Vec<_>>().join(", ")
}

/// `metadata_props`, key and text, in a fixed order.
fn entries(card: &SegmenterCard, trained: &TrainedSegmenter, form: Form) -> Vec<(String, String)> {
    let segments: Vec<_> = (1..)
        .zip(&trained.segments)
        .map(|(label, segment): (u16, _)| {
            json!({ "label": label, "name": segment.name, "code": segment.code, "abnormal": segment.abnormal })
        })
        .collect();
    let labels = match trained.output {
        OutputKind::Softmax => {
            "a place has the class of its greatest logit; class 0 is the background, the others are the labels"
        }
        OutputKind::Sigmoid => {
            "a place has the label, from 1, of its greatest logit where that is above 0, else it is background"
        }
    };
    let entries = [
        ("name", card.name.clone()),
        ("version", card.version.clone()),
        ("title", card.title.clone()),
        ("license", card.license.clone()),
        ("use", "research use only; not a medical device".to_owned()),
        ("must_not", card.must_not.join(" ")),
        ("segments", json!(segments).to_string()),
        ("labels", labels.to_owned()),
        ("weights_sha256", card.weights_sha256.clone()),
        ("input", card.input.words.clone()),
        ("population", card.input.population.clone()),
        ("preparation", preparation(trained, form)),
        ("truth", trained.truth.clone()),
        (
            "abstention",
            "not in this file: wilhelm refuses other modalities and units than the card's; here every input gets numbers"
                .to_owned(),
        ),
        ("training_data", trained.training.data.clone()),
        ("citation", trained.training.citation.clone()),
    ];
    entries.map(|(key, text)| (key.to_owned(), text)).to_vec()
}

/// How the input is made, in words.
fn preparation(trained: &TrainedSegmenter, form: Form) -> String {
    let recipe = &trained.preparation;
    let [slices, rows, columns] = recipe.window;
    let grid = match form {
        Form::Picture => format!(
            "the whole picture, its aspect given up, is resampled (bicubic, with antialiasing) to {columns} columns and \
             {rows} rows, and the logits are brought back to the picture's own"
        ),
        Form::Volume => {
            let spacing = recipe.spacing.map_or_else(String::new, |[x, y, z]| {
                format!(" resampled linearly to {x}, {y} and {z} mm between columns, rows and slices,")
            });
            format!(
                "the volume is turned so that columns run to the left, rows to the back and slices up,{spacing} and seen in \
                 windows of {slices} slices, {rows} rows and {columns} columns that cover {} of one another; logits are \
                 summed with the product of three Gaussians about a window's middle, an eighth of its side wide",
                recipe.overlap
            )
        }
    };
    let bounds = recipe.bounds.map_or_else(
        || "the values that the file proposes, or its percentiles 0.5 and 99.5, become 0 and 1".to_owned(),
        |[low, high]| format!("values from {low} to {high} become 0 to 1, those beyond are held there"),
    );
    format!(
        "{grid}; {bounds}; then {} is subtracted and the result is divided by {}",
        recipe.mean, recipe.deviation
    )
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use burn::tensor::Device;

    use super::*;
    use crate::SegmenterArchitecture;
    use crate::arch::{UNet, UNetConfig, save_torch};
    use crate::onnx::tests::{decoded, fits_together};
    use crate::segmenter::outline::tests::{card, config, deep};

    /// A network of pictures with random weights, by itself and as a segmenter of two segments that may overlap.
    pub(in crate::onnx) fn flat(window: [usize; 3], widths: Vec<usize>) -> (Segmenter, UNet) {
        let device = Device::flex();
        device.seed(6);
        let config = UNetConfig { widths, ..config(2) };
        let network = UNet::new(&config, &device);
        let weights = save_torch(&network).expect("weights");
        let card = card(SegmenterArchitecture::UNet(config), window, OutputKind::Sigmoid, &weights);
        (Segmenter::from_parts(card, weights).expect("a segmenter"), network)
    }

    #[test]
    fn a_segmenter_s_file_fits_together_and_says_how_labels_follow() {
        let pictures = flat([1, 8, 12], vec![3, 4, 5]).0;
        let volumes = deep([4, 6, 8]).0;
        for (segmenter, input, sides, labels) in [
            (&pictures, "image", vec![1, 8, 12], "where that is above 0, else it is background"),
            (&volumes, "volume", vec![1, 4, 6, 8], "class 0 is the background"),
        ] {
            let file = segmenter.to_onnx().expect("written");
            assert_eq!(file, segmenter.to_onnx().expect("written"), "the same bytes twice");
            let model = decoded(&file);
            let told: BTreeMap<&str, &str> =
                model.metadata_props.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
            assert!(told["labels"].contains(labels), "{told:?}");
            assert!(told["segments"].contains("\"label\":1,\"name\":\"part\""), "{told:?}");
            assert_eq!(told["weights_sha256"], segmenter.card().weights_sha256);
            let graph = model.graph.as_ref().expect("a graph");
            fits_together(input, graph);
            assert_eq!(graph.input[0].name, input);
            let lengths = |value: &crate::onnx::message::ValueProto| -> Vec<i64> {
                let kind = value.kind.as_ref().and_then(|kind| kind.tensor.as_ref()).expect("a tensor");
                let axes = &kind.shape.as_ref().expect("a shape").axes;
                axes[1..].iter().map(|axis| axis.length.expect("a length")).collect()
            };
            assert_eq!(lengths(&graph.input[0]), sides);
            let names: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
            assert_eq!(names, ["logits", "probabilities"]);
            for output in &graph.output {
                assert_eq!(lengths(output), [&[2], &sides[1..]].concat());
            }
        }
    }

    #[test]
    fn what_is_not_written_is_said() {
        let odd = flat([1, 9, 12], vec![3, 4, 5]).0;
        let said = odd.to_onnx().expect_err("refused").to_string();
        assert!(said.contains("its window has a side of 9, which is no multiple of 4"), "{said}");
    }
}
