//! What an exported file says of its model: the card's words.

use serde_json::json;
use wilhelm_filters::Fit;

use crate::{Card, GroupCalibration, Targets};

/// What each output is, in words.
pub(super) struct OutputWords {
    pub logits: String,
    pub features: String,
    pub probabilities: String,
}

pub(super) fn output_words(card: &Card) -> OutputWords {
    let labels: Vec<&str> = card.labels.iter().map(|label| label.key.as_str()).collect();
    let labels = labels.join(", ");
    OutputWords {
        logits: format!("before calibration, a label each: {labels}"),
        features: "the feature vector of the CNN".to_owned(),
        probabilities: match &card.targets {
            Targets::OneOf => format!("after calibration, a label each, adding up to 1: {labels}"),
            Targets::MultiLabel => format!("after calibration, a label each, each for itself: {labels}"),
            Targets::Groups(groups) => {
                let groups: Vec<String> = groups.iter().map(|group| group.join(" + ")).collect();
                format!(
                    "after calibration, a label each ({labels}); these add up to 1: {}",
                    groups.join(", ")
                )
            }
        },
    }
}

pub(super) fn description(card: &Card) -> String {
    format!("{} ({}). For research use only: not a medical device.", card.title, card.version)
}

/// `metadata_props`, key and text, in a fixed order.
pub(super) fn entries(card: &Card) -> Vec<(String, String)> {
    let labels: Vec<_> = card.labels.iter().map(|label| label.key.as_str()).collect();
    let names: Vec<_> = card.labels.iter().map(|label| label.name.as_str()).collect();
    let calibration = &card.calibration;
    let entries = [
        ("name", card.name.clone()),
        ("version", card.version.clone()),
        ("title", card.title.clone()),
        ("license", card.license.clone()),
        ("use", "research use only; not a medical device".to_owned()),
        ("must_not", card.must_not.join(" ")),
        ("labels", json!(labels).to_string()),
        ("label_names", json!(names).to_string()),
        ("weights_sha256", card.weights_sha256.clone()),
        ("input", card.input.words.clone()),
        ("population", card.input.population.clone()),
        ("preparation", preparation(card)),
        ("mirror", card.mirror.to_string()),
        (
            "calibration",
            if calibration.groups.is_empty() {
                json!({ "temperature": calibration.temperature, "bias": calibration.bias }).to_string()
            } else {
                let group = |group: &GroupCalibration| {
                    json!({ "labels": group.labels, "temperature": group.temperature, "bias": group.bias })
                };
                json!({ "groups": calibration.groups.iter().map(group).collect::<Vec<_>>() }).to_string()
            },
        ),
        (
            "abstention",
            "not in this file: wilhelm refuses images that its card does not accept and abstains from those that lie \
             far from the training data; here every input gets numbers"
                .to_owned(),
        ),
        ("training_data", card.training.data.clone()),
        ("citation", card.training.citation.clone()),
    ];
    entries.map(|(key, text)| (key.to_owned(), text)).to_vec()
}

/// How the input is made, in words.
fn preparation(card: &Card) -> String {
    let recipe = &card.preparation;
    let slices = card.architecture.slices;
    let fit = match recipe.fit {
        Fit::Stretch => "the whole picture, its aspect given up,",
        Fit::CenterSquare => "the largest centered square",
    };
    let of = if slices == 1 { String::new() } else { format!(" in each of {slices} slices") };
    format!(
        "{fit} is resampled (bicubic, with antialiasing) to {} columns and {} rows{of}, columns fastest; values from \
         black to white become 0 to 1, then {} is subtracted and the result is divided by {}",
        recipe.columns, recipe.rows, recipe.mean, recipe.deviation
    )
}
