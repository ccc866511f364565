//! What became of a finding since an earlier examination.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Certainty, EvidenceId, Finding, FindingId, Quantity};

use crate::StatedQuantity;
use crate::yardstick::Yardstick;

/// A finding of an earlier examination that was matched with one of this report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prior {
    /// The finding of this report.
    pub of: FindingId,
    /// What the earlier examination found.
    pub before: Finding,
    /// What bears that the two are the same: the earlier report, or a registration.
    pub evidence: EvidenceId,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Absent before, there now.
    New,
    /// Its size rose by more than its yardstick: a length by 20 percent and 5 mm or more.
    Grown,
    /// Measured at both times, and neither grown nor shrunk.
    Stable,
    /// Its size fell by more than its yardstick: a length by 30 percent or more.
    Shrunk,
    /// There before, absent now.
    Gone,
    /// There at both times; no size tells whether it changed.
    Persistent,
}

/// One measurement at both times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// What was measured.
    pub name: String,
    /// Before.
    pub before: Quantity,
    /// Now.
    pub now: Quantity,
}

impl Prior {
    /// What became of the finding, with the measurement that shows it; `None` where it cannot be told.
    ///
    /// That a thing grew, shrank or stayed needs a size measured at both times under one name; that it is new or gone
    /// needs that it was looked for at both times and was absent (not only unlikely) at one. There at both times without
    /// such a size, it is not new, and no more is said.
    ///
    /// # Source
    /// Lengths by the thresholds of RECIST 1.1, Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026; lung nodules by
    /// yardsticks of their own, which the report names where they were used.
    pub fn change(&self, now: &Finding) -> Option<(Change, Option<Compared>)> {
        if self.before.observation.key != now.observation.key || self.before.laterality != now.laterality {
            return None;
        }
        match (self.before.certainty, now.certainty) {
            (Certainty::Absent, Certainty::Present) => return Some((Change::New, None)),
            (Certainty::Present, Certainty::Absent) => return Some((Change::Gone, None)),
            (before, now) if before.is_positive() && now.is_positive() => {}
            _ => return None,
        }
        for yardstick in Yardstick::ALL {
            for now_measured in &now.measurements {
                if Yardstick::of(now, &now_measured.name, &now_measured.quantity) != Some(yardstick) {
                    continue;
                }
                let mut earlier = self.before.measurements.iter();
                let Some(before) = earlier.find(|before| before.name == now_measured.name) else { continue };
                let Some(change) = yardstick.judge(&before.quantity, &now_measured.quantity) else {
                    continue;
                };
                let compared = Compared {
                    name: now_measured.name.clone(),
                    before: before.quantity.clone(),
                    now: now_measured.quantity.clone(),
                };
                return Some((change, Some(compared)));
            }
        }
        Some((Change::Persistent, None))
    }

    /// What the change is held against, where a measurement shows it.
    pub(crate) fn yardstick(&self, now: &Finding) -> Option<Yardstick> {
        let (_, compared) = self.change(now)?;
        let compared = compared?;
        Yardstick::of(now, &compared.name, &compared.now)
    }
}

impl Change {
    /// The word by which other systems are told of it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Grown => "larger",
            Self::Stable => "stable",
            Self::Shrunk => "smaller",
            Self::Gone => "resolved",
            Self::Persistent => "not new",
        }
    }
}

impl Compared {
    /// The measurement of now, as a finding states it.
    pub fn stated(&self) -> StatedQuantity {
        StatedQuantity { name: self.name.clone(), quantity: self.now.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn check(before: f64, now: f64, expected: Change) {
        let report = |diameter: f64| {
            let mut finding = example::finding("F1", "renal cyst", &[], 0.95, 0.03);
            finding.measurements = vec![example::measurement("greatest diameter", diameter, "mm", 0)];
            finding
        };
        let prior = Prior {
            of: FindingId("F1".to_owned()),
            before: report(before),
            evidence: EvidenceId("P1".to_owned()),
        };
        let (change, compared) = prior.change(&report(now)).expect("both are measured");
        assert_eq!(change, expected, "{before} to {now} mm");
        assert_eq!(compared.expect("measured").now.value, now);
    }

    #[test]
    fn thresholds_of_recist_by_hand() {
        check(20.0, 25.0, Change::Grown);
        check(20.0, 24.0, Change::Stable); // 20 percent, but 4 mm
        check(40.0, 46.0, Change::Stable); // 6 mm, but 15 percent
        check(20.0, 14.0, Change::Shrunk);
        check(20.0, 15.0, Change::Stable);
    }

    #[test]
    fn without_a_length_at_both_times_there_is_no_growth_but_it_is_not_new() {
        let now = example::finding("F1", "renal cyst", &[], 0.95, 0.03);
        let mut before = now.clone();
        before.measurements = vec![example::measurement("greatest diameter", 20.0, "mm", 0)];
        let prior = Prior { of: now.id.clone(), before, evidence: EvidenceId("P1".to_owned()) };
        assert_eq!(prior.change(&now), Some((Change::Persistent, None)));
    }

    #[test]
    fn new_and_gone_need_a_denial_at_one_time() {
        let now = example::finding("F1", "pneumonia", &[], 0.95, 0.03);
        let of = |probability| Prior {
            of: now.id.clone(),
            before: example::finding("F1", "pneumonia", &[], probability, 0.03),
            evidence: EvidenceId("P1".to_owned()),
        };
        assert_eq!(of(0.04).change(&now), Some((Change::New, None)));
        assert_eq!(of(0.2).change(&now), None);
        let absent = example::finding("F1", "pneumonia", &[], 0.04, 0.03);
        assert_eq!(of(0.95).change(&absent), Some((Change::Gone, None)));
    }
}
