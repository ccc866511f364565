use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name by which a sentence points at what bears it, unique in one report: `E1`, `R-LIMITS`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EvidenceId(pub String);

impl fmt::Display for EvidenceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Something a sentence may stand on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Its name in this report.
    pub id: EvidenceId,
    /// What it is.
    pub source: EvidenceSource,
    /// One line for a reader.
    pub summary: String,
}

/// The kinds of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EvidenceSource {
    /// The output of a network on this image.
    Model {
        /// Name of the model.
        model: String,
        /// Version on its card.
        version: String,
        /// SHA-256 of its weights.
        weights_sha256: String,
        /// SHA-256 of the input file (of the first slice, for a series).
        input_sha256: String,
        /// File name of the heat map, where one was made.
        heatmap: Option<String>,
    },
    /// A number measured on the image.
    Measurement {
        /// How it was measured.
        method: String,
    },
    /// What the file's header says.
    Header {
        /// Which attributes.
        attributes: Vec<String>,
    },
    /// What the person who asked for the reading wrote.
    PatientText {
        /// Line of the text, from 1.
        line: usize,
    },
    /// A rule of this program or of a guideline.
    Rule {
        /// Where the rule comes from.
        citation: String,
    },
    /// Several sources put together to the probability of one finding.
    Fusion {
        /// Key of what was looked for.
        observation: String,
        /// The probability by the image alone.
        before: f64,
        /// The probability by all sources.
        after: f64,
        /// What each source adds; together they are the log odds of `after`.
        contributions: Vec<Contribution>,
    },
    /// The person who signed the report.
    Person {
        /// The name.
        name: String,
        /// When, as RFC 3339 writes it.
        at: String,
    },
}

/// What one source adds to the log odds of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contribution {
    /// What kind of source it is.
    pub by: Contributor,
    /// What it says, in a few words.
    pub words: String,
    /// What it adds, natural logarithm of the odds; 0 for what was seen and does not count.
    pub log_odds: f64,
    /// Line of the request, from 1, where it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Where its weight is printed or was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<String>,
}

/// The kinds of sources that are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Contributor {
    /// How common the finding is before anything is known of the patient.
    BaseRate,
    /// A network's calibrated probability.
    Image,
    /// What the request states or denies.
    Text,
    /// A network of texts on the request's words.
    Encoder,
    /// A language model that was asked what the request states or denies.
    LanguageModel,
    /// A rule that holds a source back.
    Rule,
}
