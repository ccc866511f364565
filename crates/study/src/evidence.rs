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
    /// The person who signed the report.
    Person {
        /// The name.
        name: String,
        /// When, as RFC 3339 writes it.
        at: String,
    },
}
