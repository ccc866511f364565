use serde::Serialize;
use wilhelm_filters::quality::QualityCard;
use wilhelm_filters::{IntensityBounds, Preparation, Region};
use wilhelm_study::{Defect, SourceFile};

use crate::{DraftSettings, FusionSettings, KnowledgeUse, RequestReading};

/// A model that took part, or could have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelVersion {
    /// Its name.
    pub name: String,
    /// Version of its weights.
    pub version: String,
    /// SHA-256 of its weights.
    pub weights_sha256: String,
}

/// What one model made of the image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelVerdict {
    /// Which model.
    pub model: ModelVersion,
    /// Whether its findings are in the report.
    pub read: bool,
    /// Why it did not read the image.
    pub reason: Option<String>,
    /// Distance from its training data, where a network saw the image.
    pub outlier_score: Option<f64>,
    /// How its input was made, where it read the image.
    pub preparation: Option<Preparation>,
    /// The native pixels it saw, where it read the image.
    pub region: Option<Region>,
}

/// The language model that proposed words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LanguageModelUse {
    /// Its name.
    pub name: String,
    /// SHA-256 of its file.
    pub sha256: Option<String>,
    /// Sentences it was asked about.
    pub asked: usize,
    /// Sentences of its own words that passed the gate.
    pub accepted: usize,
    /// Proposals that were struck out.
    pub struck: usize,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// How the language model was asked, where one was.
    pub language_model: Option<DraftSettings>,
    /// SHA-256 of the request's text, where one was given.
    pub request_sha256: Option<String>,
    /// How request and base rates moved probabilities, where they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fusion: Option<FusionSettings>,
    /// What an encoder and a language model said of the request, where they were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_readings: Vec<RequestReading>,
    /// What general knowledge the report was given, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<KnowledgeUse>,
}

/// Everything that decided a report: the same provenance gives the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// Version of this file's form.
    pub schema_version: String,
    /// The program.
    pub program: String,
    /// Its version.
    pub program_version: String,
    /// Files read, in slice order.
    pub inputs: Vec<SourceFile>,
    /// What was asked for.
    pub settings: Settings,
    /// What was wrong with the input.
    pub defects: Vec<Defect>,
    /// The quality card of the plane that was judged.
    pub quality: QualityCard,
    /// What became black and white.
    pub intensity: IntensityBounds,
    /// What each model made of it.
    pub models: Vec<ModelVerdict>,
    /// The language model, where one was asked.
    pub language_model: Option<LanguageModelUse>,
    /// SHA-256 of `report.json`.
    pub report_sha256: String,
}
