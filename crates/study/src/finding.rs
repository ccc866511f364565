use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CodedConcept, EvidenceId, ProbabilityInterval};

/// Name of a finding in one report: `F1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FindingId(pub String);

impl fmt::Display for FindingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What was looked for: a key, its words and its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// Stable key, lower case with underscores, for example `pneumonia`.
    pub key: String,
    /// The noun phrase a report uses, for example `pneumonia` or `pituitary tumor`.
    pub name: String,
    /// Other noun phrases that mean the same.
    pub synonyms: Vec<String>,
    /// Its code.
    pub code: Option<CodedConcept>,
}

/// How sure a statement is: five classes cut from the calibrated probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Below 0.10.
    Absent,
    /// 0.10 to below 0.30.
    Unlikely,
    /// 0.30 to below 0.70.
    Indeterminate,
    /// 0.70 to below 0.90.
    Probable,
    /// 0.90 and above.
    Present,
}

impl Certainty {
    /// The class of a calibrated probability.
    pub fn of(probability: f64) -> Self {
        match probability {
            p if p >= 0.90 => Self::Present,
            p if p >= 0.70 => Self::Probable,
            p if p >= 0.30 => Self::Indeterminate,
            p if p >= 0.10 => Self::Unlikely,
            _ => Self::Absent,
        }
    }

    /// Whether the class speaks for the finding.
    pub const fn is_positive(self) -> bool {
        matches!(self, Self::Probable | Self::Present)
    }
}

/// Which side of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Laterality {
    /// The patient's left.
    Left,
    /// The patient's right.
    Right,
    /// Both.
    Bilateral,
}

/// A number with its unit as UCUM writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantity {
    /// The number.
    pub value: f64,
    /// UCUM unit, for example `mm`, `mL`, `[hnsf'U]`.
    pub unit: String,
    /// Digits after the point that the number supports.
    pub decimals: u8,
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.*} {}", usize::from(self.decimals), self.value, self.unit)
    }
}

/// Something measured on the image that a finding carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// What was measured, for example `greatest diameter`.
    pub name: String,
    /// The number.
    pub quantity: Quantity,
    /// What bears it.
    pub evidence: EvidenceId,
}

/// A place on the native image, in pixels from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageBox {
    /// First column.
    pub column: usize,
    /// First row.
    pub row: usize,
    /// Columns covered.
    pub columns: usize,
    /// Rows covered.
    pub rows: usize,
    /// Slice, from 0; 0 on a flat image.
    pub slice: usize,
}

/// What was seen, how sure we are, where, and what bears it: the first thing that may become a
/// sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Its name in this report.
    pub id: FindingId,
    /// What was looked for.
    pub observation: Observation,
    /// Calibrated probability and interval.
    pub probability: ProbabilityInterval,
    /// The class of that probability; a caution may lower it to indeterminate.
    pub certainty: Certainty,
    /// Which side, where it is known.
    pub laterality: Option<Laterality>,
    /// Where the network looked, on the native image.
    pub place: Option<ImageBox>,
    /// Numbers it carries.
    pub measurements: Vec<Measurement>,
    /// Whether it is a state of health (`no tumor`, `normal`) rather than a disease.
    pub normal: bool,
    /// What bears it, strongest first.
    pub evidence: Vec<EvidenceId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cuts_between_certainty_classes() {
        let cases = [
            (0.0, Certainty::Absent),
            (0.0999, Certainty::Absent),
            (0.10, Certainty::Unlikely),
            (0.30, Certainty::Indeterminate),
            (0.6999, Certainty::Indeterminate),
            (0.70, Certainty::Probable),
            (0.90, Certainty::Present),
            (1.0, Certainty::Present),
        ];
        for (probability, expected) in cases {
            assert_eq!(Certainty::of(probability), expected, "{probability}");
        }
    }
}
