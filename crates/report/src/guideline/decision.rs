use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MeasuredInput;

/// What a rule says of given inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// The rule's id.
    pub rule: String,
    /// Version of its data file.
    pub version: String,
    /// Where the rule comes from, with a DOI where there is one.
    pub citation: String,
    /// The inputs as read.
    pub inputs: BTreeMap<String, String>,
    /// Numbers computed on the way that are known.
    pub values: BTreeMap<String, String>,
    /// The answer.
    pub outcome: Outcome,
    /// Those of the inputs that this program measured, with what they were measured on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<MeasuredInput>,
    /// What the answer would be within the ranges of the measurements, where it differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within_range: Vec<String>,
}

/// The answer of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// A branch fired.
    Decided {
        /// Its name.
        branch: String,
        /// The category.
        category: String,
        /// Place among the categories, where they have an order.
        rank: Option<u32>,
        /// What should be done; `None` where the rule only classifies.
        recommendation: Option<String>,
        /// The same as steps.
        next: Vec<Step>,
    },
    /// The guideline does not speak of such a case.
    Outside {
        /// The name of the exception.
        branch: String,
        /// Why.
        reason: String,
    },
    /// Something that would change the answer is not known.
    Undecided {
        /// The inputs that would decide it.
        without: Vec<String>,
        /// The branches and exceptions that are still possible.
        possible: Vec<String>,
    },
    /// The rule has no answer to these inputs.
    Uncovered {
        /// Why.
        reason: String,
    },
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What.
    pub act: Act,
    /// By which means, one of them; empty where the rule leaves it open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<Means>,
    /// From how many months to how many from now; 0 to 0 is at once, `None` where the rule sets no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_months: Option<[f64; 2]>,
    /// Whether it is one choice among several, or left to judgment.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What may be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Nothing: no further imaging of this finding is needed.
    NoFollowUp,
    /// An image.
    Imaging,
    /// Cells or tissue.
    Sampling,
    /// Somebody else looks at the patient.
    Referral,
    /// Blood or urine.
    Laboratory,
    /// Treatment is considered.
    Treatment,
    /// Earlier images are found and compared.
    Comparison,
}

/// How an image is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// Computed tomography.
    Ct,
    /// Low-dose computed tomography.
    LowDoseCt,
    /// Positron emission tomography with computed tomography.
    PetCt,
    /// Magnetic resonance.
    Mr,
    /// Ultrasound.
    Ultrasound,
    /// Mammography.
    Mammography,
    /// A radiograph.
    Radiograph,
}

impl Decision {
    /// The decision in a few lines for a terminal.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("rule            {} {}", self.rule, self.version)];
        let mut line = |name: &str, what: &str| lines.push(format!("{name:<16}{what}"));
        match &self.outcome {
            Outcome::Decided { branch, category, recommendation, .. } => {
                line("category", category);
                if let Some(recommendation) = recommendation {
                    line("recommendation", recommendation);
                }
                line("branch", branch);
            }
            Outcome::Outside { branch, reason } => {
                line("does not apply", reason);
                line("branch", branch);
            }
            Outcome::Undecided { without, possible } => {
                line("undecided", &format!("cannot be decided without {}", without.join(", ")));
                line("still possible", &possible.join(", "));
            }
            Outcome::Uncovered { reason } => line("no answer", reason),
        }
        for (name, value) in &self.values {
            line("computed", &format!("{name} {value}"));
        }
        for one in &self.measured {
            line("measured", &one.text());
        }
        for other in &self.within_range {
            line("uncertain", other);
        }
        line("source", &self.citation);
        lines.join("\n") + "\n"
    }

    /// The recommendation as a sentence of a report, where there is one.
    pub fn sentence(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Decided { recommendation: Some(recommendation), .. } => Some(recommendation.clone()),
            _ => None,
        }
    }

    /// The category and what it stands on, as a clause of a report; why there is none, otherwise.
    pub fn summary(&self) -> String {
        let rule = format!("{} {}", self.rule, self.version);
        match &self.outcome {
            Outcome::Decided { branch, category, .. } => format!("{category} by {rule}, branch {branch}"),
            Outcome::Outside { branch, reason } => {
                format!("{rule} does not apply: {reason} (branch {branch})")
            }
            Outcome::Undecided { without, .. } => {
                format!("{rule} cannot be decided without {}", without.join(", "))
            }
            Outcome::Uncovered { reason } => format!("{rule} has no answer: {reason}"),
        }
    }
}
