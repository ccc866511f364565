//! Earlier examinations: read from what they left, proven to be of the same patient, put in order.
//!
//! The principal function is [`in_order`]: it takes what is known of this examination and of earlier ones and gives what a
//! report may be compared with. An examination of another patient, of a later day or of another kind is refused; where
//! the files prove nothing, somebody must vouch for it, and the report says so.

mod identity;
mod read_back;

use wilhelm_report::{Exam, Moment};
use wilhelm_study::{EvidenceId, Finding, Modality, Patient, Phi};

pub use identity::{SamePatient, same_patient};
pub use read_back::{ReadBack, read_back};

/// Why an earlier examination is not compared. No message holds a patient's value or a date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PriorError {
    /// Bytes that are no report this program can read.
    #[error("{0}")]
    Form(String),
    /// The identifiers contradict each other.
    #[error("the earlier examination is of another patient: its {what} differs")]
    OtherPatient {
        /// Which identifier.
        what: &'static str,
    },
    /// Nothing proves that both are of one patient, and nobody vouches for it.
    #[error(
        "nothing proves that the earlier examination is of the same patient: {missing}; give its images with \
         --prior-images, or vouch for it with --same-patient"
    )]
    Unproven {
        /// What is missing.
        missing: String,
    },
    /// An earlier examination that is not earlier.
    #[error("the examination to compare with was made after this one: exchange them")]
    Later,
    /// Several without a date have no order.
    #[error(
        "there are several earlier examinations and the date of one is not known: name one, or give its images"
    )]
    NoOrder,
    /// Another kind of examination.
    #[error("the earlier examination cannot be compared: {0}")]
    Kind(String),
}

/// What identifies an examination.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The patient, as the file says.
    pub patient: Patient,
    /// Study Date, `YYYYMMDD`.
    pub date: Option<Phi<String>>,
    /// Study Time, `HHMMSS` with a fraction.
    pub time: Option<Phi<String>>,
}

/// An earlier examination as it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Whose it is, and when it was made.
    pub identity: Identity,
    /// What it looked for.
    pub findings: Vec<Finding>,
    /// What was examined; `None` where the form does not say.
    pub exam: Option<Exam>,
    /// One line on what it was read from, without patient values.
    pub source: String,
}

/// An earlier examination that may be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparable {
    /// What it looked for.
    pub findings: Vec<Finding>,
    /// What was examined; `None` where the form does not say.
    pub exam: Option<Exam>,
    /// Whole days before this examination, where both dates are known.
    pub days: Option<u32>,
    /// Whether the files prove that the patient is the same.
    pub is_proven: bool,
    /// One line on what it was read from, and on what the proof stands.
    pub source: String,
}

/// Earlier examinations in order, the latest first.
///
/// `is_vouched` says that somebody stated that the patient is the same; it never overrules identifiers that differ.
///
/// # Errors
/// [`PriorError`]: another patient, a later day, no proof and nobody who vouches, or no order among several.
pub fn in_order(
    now: &Identity,
    earlier: Vec<Given>,
    is_vouched: bool,
) -> Result<Vec<Comparable>, PriorError> {
    let several = earlier.len() > 1;
    let mut found: Vec<((u32, Option<String>), Comparable)> = Vec::new();
    for given in earlier {
        let (is_proven, proof) = match same_patient(&now.patient, &given.identity.patient) {
            SamePatient::Proven { by } => (true, format!("the patient is the same by {by}")),
            SamePatient::Differs { what } => return Err(PriorError::OtherPatient { what }),
            SamePatient::Unknown { .. } if is_vouched => {
                (false, "that the patient is the same was stated, not proven".to_owned())
            }
            SamePatient::Unknown { missing } => return Err(PriorError::Unproven { missing }),
        };
        let days = days_between(given.identity.date.as_ref(), now.date.as_ref());
        if days.is_some_and(|days| days < 0) {
            return Err(PriorError::Later);
        }
        if let (Some(0), Some(before), Some(now)) = (days, &given.identity.time, &now.time)
            && before.expose() > now.expose()
        {
            return Err(PriorError::Later);
        }
        if days.is_none() && several {
            return Err(PriorError::NoOrder);
        }
        let days = days.and_then(|days| u32::try_from(days).ok());
        let time = given.identity.time.as_ref().map(|time| time.expose().clone());
        let source = format!("{}; {proof}", given.source);
        let comparable = Comparable { findings: given.findings, exam: given.exam, days, is_proven, source };
        found.push(((days.unwrap_or(0), time), comparable));
    }
    // Of two on one day the later hour is the latest.
    found.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    Ok(found.into_iter().map(|(_, comparable)| comparable).collect())
}

/// Whether an earlier examination is of the same kind: modality and body part.
///
/// # Errors
/// [`PriorError::Kind`] with what differs.
pub fn same_kind(now: &Exam, earlier: Option<&Exam>) -> Result<(), PriorError> {
    let kind = |what: String| Err(PriorError::Kind(what));
    let Some(earlier) = earlier else {
        return kind("its form does not say what was examined".to_owned());
    };
    let spoken = |modality: &Modality| match modality {
        // A radiograph is one whether a plate or a detector took it.
        Modality::Cr | Modality::Dx => "radiograph".to_owned(),
        other => other.term().to_owned(),
    };
    match (&earlier.modality, &now.modality) {
        (Some(before), Some(now)) if spoken(before) == spoken(now) => {}
        (Some(before), Some(now)) => {
            return kind(format!("it is {}, and this one {}", spoken(before), spoken(now)));
        }
        (None, _) => return kind("it states no modality".to_owned()),
        (_, None) => return kind("this one states no modality".to_owned()),
    }
    let part = |exam: &Exam| exam.body_part.as_ref().map(|part| part.trim().to_lowercase());
    match (part(earlier), part(now)) {
        (Some(before), Some(now)) if before == now => Ok(()),
        (Some(before), Some(now)) => kind(format!("it shows the {before}, and this one the {now}")),
        (None, _) => kind("it states no body part".to_owned()),
        (_, None) => kind("this one states no body part".to_owned()),
    }
}

/// The comparison as the report holds it: its evidence under a name, and what was found then.
pub(crate) fn earlier(
    place: usize,
    comparable: &Comparable,
) -> (wilhelm_study::Evidence, wilhelm_report::Earlier) {
    let id = EvidenceId(format!("P{}", place + 1));
    let method = "findings matched by name and side with those of an earlier examination".to_owned();
    let evidence = wilhelm_study::Evidence {
        id: id.clone(),
        source: wilhelm_study::EvidenceSource::Measurement { method },
        summary: comparable.source.clone(),
    };
    let earlier = wilhelm_report::Earlier {
        evidence: id,
        findings: comparable.findings.clone(),
        days: comparable.days,
        is_proven: comparable.is_proven,
    };
    (evidence, earlier)
}

/// Whole days from one date to another, `YYYYMMDD` both.
fn days_between(before: Option<&Phi<String>>, now: Option<&Phi<String>>) -> Option<i64> {
    let day = |date: Option<&Phi<String>>| {
        let digits: String = date?.expose().chars().filter(char::is_ascii_digit).collect();
        // A date that no calendar has is none.
        Moment::parse(&format!(
            "{}-{}-{}T00:00:00+00:00",
            digits.get(..4)?,
            digits.get(4..6)?,
            digits.get(6..8)?
        ))
        .ok()?;
        let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
        Some(day_number(number(0, 4)?, number(4, 6)?, number(6, 8)?))
    };
    Some(day(now)? - day(before)?)
}

/// Days since 1 March of year 0 in the Gregorian calendar.
///
/// # Source
/// Richards 2013, Explanatory Supplement to the Astronomical Almanac, Section 15.11 (days from civil dates)
const fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phi(text: &str) -> Option<Phi<String>> {
        Some(Phi::new(text.to_owned()))
    }

    fn identity(id: &str, date: &str) -> Identity {
        let patient = Patient { id: phi(id), ..Patient::default() };
        Identity { patient, date: phi(date), time: None }
    }

    fn given(id: &str, date: &str) -> Given {
        let exam = Exam::default();
        Given {
            identity: identity(id, date),
            findings: Vec::new(),
            exam: Some(exam),
            source: date.to_owned(),
        }
    }

    #[test]
    fn days_are_counted_over_leap_years_and_refused_for_no_dates() {
        for (before, now, expected) in [
            ("20260101", "20260101", Some(0)),
            ("20240228", "20240301", Some(2)),
            ("20230228", "20230301", Some(1)),
            ("19991231", "20000101", Some(1)),
            ("20260827", "20261127", Some(92)),
            ("20261127", "20260827", Some(-92)),
            ("20261301", "20261127", None),
            ("2026", "20261127", None),
        ] {
            assert_eq!(days_between(phi(before).as_ref(), phi(now).as_ref()), expected, "{before} to {now}");
        }
        assert_eq!(days_between(None, phi("20260101").as_ref()), None);
    }

    #[test]
    fn the_latest_comes_first_and_a_later_one_is_refused() {
        let now = identity("7", "20261127");
        let earlier = vec![given("7", "20250101"), given("7", "20260827"), given("7", "20240101")];
        let ordered = in_order(&now, earlier, false).expect("in order");
        let days: Vec<Option<u32>> = ordered.iter().map(|one| one.days).collect();
        assert_eq!(days, [Some(92), Some(695), Some(1061)]);
        assert!(ordered.iter().all(|one| one.is_proven));
        assert_eq!(in_order(&now, vec![given("7", "20261128")], true), Err(PriorError::Later));
    }

    #[test]
    fn whose_it_is_must_be_proven_or_vouched_for_and_a_contradiction_is_never_overruled() {
        let now = identity("7", "20261127");
        let other = in_order(&now, vec![given("8", "20260827")], true);
        assert_eq!(other, Err(PriorError::OtherPatient { what: "Patient ID" }));
        let nobody = Given { identity: Identity::default(), ..given("7", "20260827") };
        assert!(matches!(in_order(&now, vec![nobody.clone()], false), Err(PriorError::Unproven { .. })));
        let vouched = in_order(&now, vec![nobody.clone()], true).expect("vouched");
        assert_eq!((vouched[0].is_proven, vouched[0].days), (false, None));
        let two = vec![nobody, given("7", "20260827")];
        assert_eq!(in_order(&now, two, true), Err(PriorError::NoOrder));
    }

    #[test]
    fn another_kind_of_examination_is_refused_with_what_differs() {
        let exam = |modality: Option<Modality>, part: Option<&str>| Exam {
            modality,
            body_part: part.map(str::to_owned),
            ..Exam::default()
        };
        let chest = exam(Some(Modality::Dx), Some("chest"));
        assert_eq!(same_kind(&chest, Some(&exam(Some(Modality::Cr), Some("Chest")))), Ok(()));
        for (earlier, expected) in [
            (Some(exam(Some(Modality::Ct), Some("chest"))), "it is CT, and this one radiograph"),
            (Some(exam(Some(Modality::Dx), Some("hand"))), "it shows the hand, and this one the chest"),
            (Some(exam(None, Some("chest"))), "states no modality"),
            (Some(exam(Some(Modality::Dx), None)), "states no body part"),
            (None, "does not say what was examined"),
        ] {
            let refused = same_kind(&chest, earlier.as_ref()).expect_err(expected).to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
