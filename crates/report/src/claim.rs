use crate::change::{Change, Compared};
use crate::reference::Known;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Certainty, EvidenceId, Finding, FindingId, Laterality, ProbabilityInterval, Quantity};

use crate::guideline::Step;

/// What a sentence of the report asserts, in a form a program can compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Claim {
    /// How sure the report is of one or more findings, with the numbers that are stated.
    Finding {
        /// One statement a finding.
        statements: Vec<Statement>,
    },
    /// What became of a finding since an earlier examination.
    Change {
        /// The finding.
        finding: FindingId,
        /// What became of it.
        change: Change,
        /// The measurement that shows it, where stated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        compared: Option<Compared>,
    },
    /// Where on the image a network looked.
    Place {
        /// The finding it looked for.
        finding: FindingId,
    },
    /// What the requester wrote, quoted.
    Indication,
    /// What was examined, and how.
    Technique,
    /// What it was compared with.
    Comparison,
    /// Image quality, or a defect of the files.
    Quality,
    /// What was measured on the image and no finding carries.
    Measurement {
        /// The measurements.
        measured: Vec<EvidenceId>,
    },
    /// A model did not read the image.
    NotRead {
        /// Its name.
        model: String,
    },
    /// No model read the image.
    NoInterpretation,
    /// What the report cannot know.
    Limitation {
        /// The rule, or the evidence of a caution, that says so.
        rule: String,
    },
    /// What should be done next.
    Recommendation {
        /// The rule that says so.
        rule: String,
        /// How a published rule came to say so; `None` for the program's own rules.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        applied: Option<Applied>,
    },
    /// The category that a published rule gives.
    Category {
        /// The rule.
        rule: String,
        /// How it came to say so.
        applied: Applied,
    },
    /// General knowledge, of no patient.
    Reference {
        /// What it says.
        says: Known,
    },
    /// Words of the person who signed; the program neither made nor checked them.
    Attested,
}

/// What a published rule said of the inputs that it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Applied {
    /// Version of the rule.
    pub version: String,
    /// The branch that fired.
    pub branch: String,
    /// The category.
    pub category: String,
    /// Where the rule comes from.
    pub citation: String,
    /// What it asks for.
    pub next: Vec<Step>,
}

impl Claim {
    /// The statements about findings; none for other kinds.
    pub fn statements(&self) -> &[Statement] {
        match self {
            Self::Finding { statements } => statements,
            _ => &[],
        }
    }
}

/// One finding as a sentence states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// The finding.
    pub finding: FindingId,
    /// Its observation's key.
    pub observation: String,
    /// How sure; `None` where only a number is stated.
    pub certainty: Option<Certainty>,
    /// The side, where stated.
    pub laterality: Option<Laterality>,
    /// The measurements stated.
    pub quantities: Vec<StatedQuantity>,
    /// The probability, where stated.
    pub probability: Option<ProbabilityInterval>,
}

/// A measurement as a sentence states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatedQuantity {
    /// What was measured.
    pub name: String,
    /// The number.
    pub quantity: Quantity,
}

impl Statement {
    /// How sure, and on which side; no numbers.
    pub fn brief(finding: &Finding) -> Self {
        Self {
            finding: finding.id.clone(),
            observation: finding.observation.key.clone(),
            certainty: Some(finding.certainty),
            laterality: finding.laterality,
            quantities: Vec::new(),
            probability: None,
        }
    }

    /// The same with the measurements.
    pub fn measured(finding: &Finding) -> Self {
        let quantities = finding
            .measurements
            .iter()
            .map(|m| StatedQuantity { name: m.name.clone(), quantity: m.quantity.clone() })
            .collect();
        Self { quantities, ..Self::brief(finding) }
    }

    /// The same with measurements and probability: all the finding says.
    pub fn full(finding: &Finding) -> Self {
        Self { probability: Some(finding.probability), ..Self::measured(finding) }
    }
}
