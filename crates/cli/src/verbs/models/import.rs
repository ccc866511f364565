use std::path::Path;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use wilhelm_filters::{Fit, Preparation};
use wilhelm_learn::Normalization;
use wilhelm_nets::arch::CnnName;
use wilhelm_nets::onnx::OnnxSource;
use wilhelm_nets::{
    AcceptedInput, AdoptError, Adopted, AdoptedCard, EncoderCard, Label, Preset, Targets, Training, adopt,
};

use crate::args::{ImportAs, ModelsImport};
use crate::exit::Stop;
use crate::output::{print, print_json, read_text, write_folder};

const WEIGHTS: &str = "weights.safetensors";
/// The largest file of weights that is read, bytes.
const MOST_BYTES: u64 = 1 << 30;

/// What whoever takes weights over states of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    name: String,
    version: String,
    title: String,
    license: String,
    must_not: Vec<String>,
    /// How their source's networks want their input; single keys below go before it.
    #[serde(default)]
    preset: Option<Preset>,
    /// Which network they are of; the file says so itself, and another one is refused.
    #[serde(default)]
    cnn: Option<CnnName>,
    #[serde(default = "usual_side")]
    side: usize,
    #[serde(default = "usual_fit")]
    fit: Fit,
    #[serde(default)]
    normalization: Option<Normalization>,
    #[serde(default)]
    channel_means: Option<Vec<f32>>,
    #[serde(default)]
    channel_deviations: Option<Vec<f32>>,
    #[serde(default)]
    targets: Option<Targets>,
    /// The license of what they were trained on, of an encoder.
    #[serde(default)]
    data_license: Option<String>,
    #[serde(default)]
    input: Option<AcceptedInput>,
    #[serde(default)]
    labels: Vec<Label>,
    source: OnnxSource,
}

const fn usual_side() -> usize {
    224
}

const fn usual_fit() -> Fit {
    Fit::CenterSquare
}

/// `wilhelm models import`
pub fn run(wanted: &ModelsImport, json: bool) -> anyhow::Result<()> {
    let file = match wanted.kind {
        ImportAs::Classifier => "card.toml",
        ImportAs::Encoder => EncoderCard::FILE,
    };
    if !wanted.force && wanted.out.join(file).exists() {
        return Err(Stop::usage(format!(
            "{} holds a model: add --force to replace it",
            wanted.out.display()
        )));
    }
    let statement: Statement = toml::from_str(&read_text(&wanted.card, "card")?)
        .map_err(|error| Stop::input(format!("{}: {}", wanted.card.display(), error.message())))?;
    let bytes = weights(&wanted.weights)?;
    let source_sha256 = sha256(&bytes);
    let (mean, deviation) = match (statement.normalization, statement.preset) {
        (Some(stated), _) => (stated.mean, stated.deviation),
        (None, Some(preset)) => preset.normalization(),
        (None, None) => {
            return Err(Stop::input(format!(
                "{} says nothing of the scale of the input: set preset, or normalization",
                wanted.card.display()
            )));
        }
    };
    let of_preset = statement.preset.map(Preset::channels).unwrap_or_default();
    let channels = (
        statement.channel_means.clone().unwrap_or(of_preset.0),
        statement.channel_deviations.clone().unwrap_or(of_preset.1),
    );
    let is_classifier = wanted.kind == ImportAs::Classifier;
    let name = wanted.weights.file_name().unwrap_or_default().to_string_lossy();
    let adopted = adopt(bytes, statement.cnn, statement.side, channels, is_classifier)
        .map_err(|error: AdoptError| Stop::input(format!("{name}: {error}")))?;
    let side = adopted.architecture.side;
    let preparation = Preparation { columns: side, rows: side, fit: statement.fit, mean, deviation };
    let (text, summary) = if is_classifier {
        let card = classifier(statement, &adopted, preparation, source_sha256)?;
        (card.to_toml().map_err(|error| Stop::input(error.to_string()))?, json!(card))
    } else {
        let card = encoder(statement, &adopted, preparation, &source_sha256);
        (card.to_toml().map_err(|error| Stop::input(error.to_string()))?, json!(card))
    };
    write_folder(
        &wanted.out,
        &[(file, text.as_bytes()), (WEIGHTS, adopted.weights.as_slice())],
        wanted.force,
    )?;
    if json {
        return print_json(&summary);
    }
    let word = adopted.architecture.cnn.as_ref().map_or("", |cnn| cnn.name.word());
    let note = if is_classifier {
        "for predict alone: its probabilities are not calibrated here, and it abstains from nothing that its card accepts; \
         `wilhelm train classifier --weights` calibrates and measures it on data of yours"
    } else {
        "recipes begin with it by start, with the same cnn and normalization"
    };
    print(&format!("{word} in {}: {note}\n", wanted.out.display()))
}

fn weights(place: &Path) -> anyhow::Result<Vec<u8>> {
    let fail = |error| Stop::input(format!("weights {} cannot be read: {error}", place.display()));
    let length = std::fs::metadata(place).map_err(fail)?.len();
    if length > MOST_BYTES {
        return Err(Stop::input(format!(
            "weights {} have {length} bytes, at most {MOST_BYTES} are read",
            place.display()
        )));
    }
    std::fs::read(place).map_err(fail)
}

fn classifier(
    statement: Statement,
    adopted: &Adopted,
    preparation: Preparation,
    source_sha256: String,
) -> anyhow::Result<AdoptedCard> {
    let Some(scores) = adopted.scores else {
        return Err(Stop::input(
            "the weights have no head, so there is nothing that they predict: --as encoder takes them"
                .to_owned(),
        ));
    };
    let Some(input) = statement.input else {
        return Err(Stop::input("the card says nothing of what is accepted: it has no [input]".to_owned()));
    };
    let labels = if statement.labels.is_empty() {
        statement.preset.map(|preset| preset.labels(scores)).unwrap_or_default()
    } else {
        statement.labels
    };
    if labels.len() != scores {
        return Err(Stop::input(format!(
            "the weights give {scores} scores and the card has {} labels: name one for each, in their order",
            labels.len()
        )));
    }
    let of_preset = statement.preset.map(Preset::targets).unwrap_or_default();
    Ok(AdoptedCard {
        schema: AdoptedCard::SCHEMA,
        kind: AdoptedCard::KIND.to_owned(),
        name: statement.name,
        version: statement.version,
        title: statement.title,
        license: statement.license,
        must_not: statement.must_not,
        weights: WEIGHTS.to_owned(),
        weights_sha256: sha256(&adopted.weights),
        source_sha256,
        targets: statement.targets.unwrap_or(of_preset),
        thresholds: adopted.thresholds.clone(),
        input,
        preparation,
        architecture: adopted.architecture.clone(),
        labels,
        source: statement.source,
    })
}

fn encoder(
    statement: Statement,
    adopted: &Adopted,
    preparation: Preparation,
    source_sha256: &str,
) -> EncoderCard {
    EncoderCard {
        schema: EncoderCard::SCHEMA,
        name: statement.name,
        method: format!(
            "trained by others: {} ({}), taken over from PyTorch weights of SHA-256 {source_sha256}",
            statement.title, statement.source.url
        ),
        license: statement.license,
        weights: WEIGHTS.to_owned(),
        weights_sha256: sha256(&adopted.weights),
        preparation,
        architecture: adopted.architecture.clone(),
        // How many images, passes and which seed is not known here.
        training: Training {
            data: statement.source.data,
            data_license: statement.data_license.unwrap_or_else(|| "not stated".to_owned()),
            citation: statement.source.citation,
            images: 0,
            data_sha256: String::new(),
            epochs: 0,
            seed: 0,
            program: "PyTorch".to_owned(),
            recipe: "its makers'".to_owned(),
        },
        validation: None,
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
