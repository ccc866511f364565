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
        /// Version of the rule, where it has one of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// Address of the rule in the graph of what is known, where that has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        statement: Option<String>,
    },
    /// A statement of the graph of what is known: it speaks of no patient.
    Statement {
        /// Of what.
        subject: KnownTerm,
        /// What is said.
        predicate: KnownTerm,
        /// The other end: a thing, or a text.
        object: KnownTerm,
        /// Address of the named graph that holds it.
        graph: String,
        /// Title of the source that this graph was made from.
        source: String,
        /// Release of the source.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// License of the source, in its makers' words.
        license: String,
        /// Whom the statement itself cites.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        citation: Option<String>,
        /// The figures of a statement on how often a finding goes with a disease.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        figures: Option<KnownFrequency>,
        /// The sentence that supports it, where it was built from a text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sentence: Option<String>,
    },
    /// A passage of a text that speaks of no patient of this program.
    Passage {
        /// Its identifier, which stays as long as its document does: `pubmed:31000001#2`.
        id: String,
        /// Title of its document.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// Where it comes from.
        source: String,
        /// Its license, as far as one is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        license: Option<String>,
        /// The words that bear the sentence, as they stand there.
        quote: String,
        /// Where they stand in the passage: first character and the one behind the last, from 0.
        span: [usize; 2],
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

impl EvidenceSource {
    /// A rule without a version of its own.
    pub fn rule(citation: impl Into<String>) -> Self {
        Self::Rule { citation: citation.into(), version: None, statement: None }
    }

    /// Whether it is general knowledge, which bears nothing of a patient.
    pub const fn is_general(&self) -> bool {
        matches!(self, Self::Statement { .. } | Self::Passage { .. })
    }
}

/// An end of a statement, or what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownTerm {
    /// Its address; `None` for a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iri: Option<String>,
    /// Its name, or the text.
    pub label: String,
}

/// How often a finding goes with a disease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KnownFrequency {
    /// Share of those with the disease who have the finding.
    pub sensitivity: f64,
    /// Share of those without it who have the finding.
    pub false_positive_rate: f64,
    /// Of whom these figures are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<String>,
}

impl KnownFrequency {
    /// How many times likelier the finding, or its absence, is with the disease than without it.
    pub fn likelihood_ratio(&self, present: bool) -> f64 {
        if present {
            self.sensitivity / self.false_positive_rate
        } else {
            (1.0 - self.sensitivity) / (1.0 - self.false_positive_rate)
        }
    }
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
