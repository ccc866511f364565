//! What became of a finding since an earlier examination.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Certainty, EvidenceId, Finding, FindingId, Quantity};

use crate::StatedQuantity;

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
    /// Its length rose by 20 percent and 5 mm or more.
    Grown,
    /// Neither grown nor shrunk.
    Stable,
    /// Its length fell by 30 percent or more.
    Shrunk,
    /// There before, absent now.
    Gone,
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
    /// That a thing grew, shrank or stayed needs a length measured at both times under one name; that it is new or gone
    /// needs that it was looked for at both times and was absent (not only unlikely) at one.
    ///
    /// # Source
    /// The thresholds of RECIST 1.1, Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026, as `wilhelm register --follow-up`
    /// applies them.
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
        let compared = now.measurements.iter().find_map(|now| {
            let before = self.before.measurements.iter().find(|before| before.name == now.name)?;
            let lengths = (length_mm(&before.quantity)?, length_mm(&now.quantity)?);
            let compared = Compared {
                name: now.name.clone(),
                before: before.quantity.clone(),
                now: now.quantity.clone(),
            };
            Some((lengths, compared))
        });
        let ((before, now), compared) = compared?;
        let change = if now >= 1.2 * before && now - before >= 5.0 {
            Change::Grown
        } else if now <= 0.7 * before {
            Change::Shrunk
        } else {
            Change::Stable
        };
        Some((change, Some(compared)))
    }
}

impl Compared {
    /// The measurement of now, as a finding states it.
    pub fn stated(&self) -> StatedQuantity {
        StatedQuantity { name: self.name.clone(), quantity: self.now.clone() }
    }
}

/// A length as it is printed, in millimeters; `None` for what is no length.
fn length_mm(quantity: &Quantity) -> Option<f64> {
    let scale = 10_f64.powi(i32::from(quantity.decimals));
    let printed = (quantity.value * scale).round() / scale;
    match quantity.unit.as_str() {
        "mm" => Some(printed),
        "cm" => Some(printed * 10.0),
        _ => None,
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
    fn without_a_length_at_both_times_there_is_no_growth() {
        let now = example::finding("F1", "renal cyst", &[], 0.95, 0.03);
        let mut before = now.clone();
        before.measurements = vec![example::measurement("greatest diameter", 20.0, "mm", 0)];
        let prior = Prior { of: now.id.clone(), before, evidence: EvidenceId("P1".to_owned()) };
        assert_eq!(prior.change(&now), None);
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
