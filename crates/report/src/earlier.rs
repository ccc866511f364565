//! Findings of earlier examinations matched with those of this one, by what they are and on which side.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Certainty, EvidenceId, Finding, FindingId};

use crate::change::{Change, Compared, Prior};
use crate::{Exam, Heading};

/// An earlier examination, as far as a comparison needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    /// What bears the comparison, in the report to be.
    pub evidence: EvidenceId,
    /// What it looked for, found or not.
    pub findings: Vec<Finding>,
    /// Whole days from it to this one, where both dates are known.
    pub days: Option<u32>,
    /// Whether the files prove that both are of one patient; else whoever asked stated it.
    pub is_proven: bool,
}

/// What a comparison says of one finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The finding of this report; `None` for one that this examination did not look for.
    pub finding: Option<FindingId>,
    /// Its name, with its side.
    pub name: String,
    /// What became of it; `None` where it cannot be told.
    pub change: Option<Change>,
    /// The measurement that shows it.
    pub compared: Option<Compared>,
    /// Why it cannot be told.
    pub reason: Option<String>,
}

/// Matches the findings of this examination with those of earlier ones, the latest first.
///
/// A finding is compared with the latest examination that looked for it. Two findings are the same thing where they have
/// the same key (the same name, where a form keeps no key) and side, and no other finding of either time has; several
/// nodules cannot be told apart by that, and are not compared. A state of health is not compared: its contrary is.
pub fn compare(now: &[Finding], earlier: &[Earlier]) -> (Vec<Prior>, Vec<Outcome>) {
    let mut priors = Vec::new();
    let mut outcomes = Vec::new();
    for finding in now.iter().filter(|finding| !finding.normal) {
        let alone = now.iter().filter(|other| is_same(other, finding)).count() == 1;
        let looked = earlier.iter().find(|exam| exam.findings.iter().any(|before| is_same(before, finding)));
        let mut outcome = Outcome {
            finding: Some(finding.id.clone()),
            name: named(finding),
            change: None,
            compared: None,
            reason: None,
        };
        match looked {
            None => outcome.reason = Some("no earlier examination looked for it".to_owned()),
            Some(exam) => {
                let before: Vec<&Finding> =
                    exam.findings.iter().filter(|before| is_same(before, finding)).collect();
                match before.as_slice() {
                    [before] if alone => {
                        let prior = Prior {
                            of: finding.id.clone(),
                            before: borne((*before).clone(), finding, &exam.evidence),
                            evidence: exam.evidence.clone(),
                        };
                        match prior.change(finding) {
                            Some((change, compared)) => {
                                outcome.change = Some(change);
                                outcome.compared = compared;
                            }
                            None => outcome.reason = Some(untold(before.certainty, finding.certainty)),
                        }
                        priors.push(prior);
                    }
                    _ => {
                        outcome.reason = Some(
                            "there are several of that name and side, and nothing tells which is which"
                                .to_owned(),
                        );
                    }
                }
            }
        }
        outcomes.push(outcome);
    }
    outcomes.extend(unlooked(now, earlier).into_iter().map(|name| Outcome {
        finding: None,
        name,
        change: None,
        compared: None,
        reason: Some("it was not looked for this time".to_owned()),
    }));
    (priors, outcomes)
}

/// Names of what was there, or may have been, at the latest examination and was not looked for this time.
pub(crate) fn unlooked(now: &[Finding], earlier: &[Earlier]) -> Vec<String> {
    let Some(latest) = earlier.first() else { return Vec::new() };
    let mut names = Vec::new();
    for before in latest.findings.iter().filter(|before| !before.normal) {
        let may_be = !matches!(before.certainty, Certainty::Absent | Certainty::Unlikely);
        if may_be && !now.iter().any(|finding| is_same(before, finding)) && !names.contains(&named(before)) {
            names.push(named(before));
        }
    }
    names
}

/// Whether two findings are of one thing, as far as words say.
fn is_same(a: &Finding, b: &Finding) -> bool {
    let (a_key, b_key) = (&a.observation.key, &b.observation.key);
    let is_same_thing = match a_key.is_empty() || b_key.is_empty() {
        true => a.observation.name.trim().eq_ignore_ascii_case(b.observation.name.trim()),
        false => a_key == b_key,
    };
    is_same_thing && a.normal == b.normal && a.laterality == b.laterality
}

/// A finding of before under the name of now, borne by the comparison: its own evidence stayed with its report.
fn borne(mut before: Finding, now: &Finding, evidence: &EvidenceId) -> Finding {
    before.observation.key.clone_from(&now.observation.key);
    before.evidence = vec![evidence.clone()];
    for measurement in &mut before.measurements {
        measurement.evidence = evidence.clone();
    }
    before
}

fn named(finding: &Finding) -> String {
    crate::write::words::subject(finding).0
}

const fn class(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Present => "present",
        Certainty::Probable => "probable",
        Certainty::Indeterminate => "indeterminate",
        Certainty::Unlikely => "unlikely",
        Certainty::Absent => "absent",
    }
}

fn untold(before: Certainty, now: Certainty) -> String {
    match before == now {
        true => format!("{} at both times", class(now)),
        false => format!("{} before and {} now", class(before), class(now)),
    }
}

/// What a report's first sentence of technique says was examined: the inverse of the writer's title, for forms that keep
/// words alone (DICOM SR, FHIR).
pub fn examined(sentences: &[(Heading, String)]) -> Option<Exam> {
    use wilhelm_study::{Modality, View};
    let (_, technique) = sentences.iter().find(|(heading, _)| *heading == Heading::Technique)?;
    let title = technique.split("; ").next()?;
    let exam = |modality: &Modality, part: &str, view: Option<View>| {
        (!part.is_empty()).then(|| Exam {
            modality: Some(modality.clone()),
            body_part: Some(part.to_lowercase()),
            view,
            ..Exam::default()
        })
    };
    let modalities = [Modality::Ct, Modality::Mr, Modality::Pt, Modality::Dx, Modality::Cr, Modality::Us];
    let views = [View::Pa, View::Ap, View::Lateral];
    let (title, view) = views
        .iter()
        .find_map(|view| {
            let title = title.strip_suffix(&format!(", {} view", view.spoken()))?;
            Some((title, Some(view.clone())))
        })
        .unwrap_or((title, None));
    modalities.iter().find_map(|modality| {
        let spoken = modality.spoken();
        let of = format!("{} of the ", crate::write::words::capital(spoken));
        let part = title.strip_prefix(&of).or_else(|| title.strip_suffix(&format!(" {spoken}")))?;
        exam(modality, part.trim(), view.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, write};
    use wilhelm_study::Laterality;

    fn earlier(findings: Vec<Finding>) -> Earlier {
        Earlier { evidence: EvidenceId("P1".to_owned()), findings, days: Some(92), is_proven: true }
    }

    fn check(before: f64, now: f64, expected: Option<Change>, reason: Option<&str>) {
        let of = |probability| example::finding("F1", "pneumonia", &[], probability, 0.02);
        let (_, outcomes) = compare(&[of(now)], &[earlier(vec![of(before)])]);
        assert_eq!(outcomes[0].change, expected, "{before} to {now}");
        assert_eq!(outcomes[0].reason.as_deref(), reason, "{before} to {now}");
    }

    #[test]
    fn each_pair_of_certainties_has_its_answer() {
        check(0.04, 0.95, Some(Change::New), None);
        check(0.95, 0.04, Some(Change::Gone), None);
        check(0.95, 0.8, Some(Change::Persistent), None);
        check(0.04, 0.04, None, Some("absent at both times"));
        check(0.5, 0.95, None, Some("indeterminate before and present now"));
        check(0.2, 0.04, None, Some("unlikely before and absent now"));
    }

    #[test]
    fn a_finding_is_compared_with_the_latest_examination_that_looked_for_it() {
        let of = |name: &str, mm: f64| {
            let mut finding = example::finding("F1", name, &[], 0.95, 0.02);
            finding.measurements = vec![example::measurement("greatest diameter", mm, "mm", 0)];
            finding
        };
        let mut oldest = earlier(vec![of("renal cyst", 10.0)]);
        oldest.evidence = EvidenceId("P3".to_owned());
        let mut middle = earlier(vec![of("renal cyst", 18.0)]);
        middle.evidence = EvidenceId("P2".to_owned());
        let latest = earlier(vec![of("adrenal nodule", 12.0)]);
        let (priors, outcomes) = compare(&[of("renal cyst", 24.0)], &[latest, middle, oldest]);
        assert_eq!(priors[0].evidence.0, "P2");
        assert_eq!(outcomes[0].change, Some(Change::Grown));
        let compared = outcomes[0].compared.as_ref().expect("measured");
        assert_eq!((compared.before.value, compared.now.value), (18.0, 24.0));
        assert_eq!(outcomes[1].finding, None);
        assert_eq!(outcomes[1].name, "adrenal nodule");
    }

    #[test]
    fn several_of_one_name_are_not_told_apart_and_sides_are() {
        let of = |id: &str, side| {
            let mut finding = example::finding(id, "pulmonary nodule", &[], 0.95, 0.02);
            finding.laterality = Some(side);
            finding
        };
        let two = [of("F1", Laterality::Left), of("F2", Laterality::Left)];
        let (priors, outcomes) = compare(&two, &[earlier(vec![of("F1", Laterality::Left)])]);
        assert!(priors.is_empty() && outcomes.iter().all(|outcome| outcome.change.is_none()));
        let both = [of("F1", Laterality::Left), of("F2", Laterality::Right)];
        let (priors, outcomes) = compare(&both, &[earlier(both.to_vec())]);
        assert_eq!(priors.len(), 2);
        assert!(outcomes.iter().all(|outcome| outcome.change == Some(Change::Persistent)));
        let (_, outcomes) = compare(&both[..1], &[earlier(both[1..].to_vec())]);
        assert_eq!(outcomes[0].reason.as_deref(), Some("no earlier examination looked for it"));
    }

    #[test]
    fn a_form_that_keeps_no_key_is_matched_by_name() {
        let now = example::finding("F1", "pneumonia", &[], 0.95, 0.02);
        let mut before = now.clone();
        before.observation.key = String::new();
        before.observation.name = "Pneumonia".to_owned();
        let (priors, _) = compare(std::slice::from_ref(&now), &[earlier(vec![before])]);
        assert_eq!(priors[0].before.observation.key, "pneumonia");
    }

    #[test]
    fn what_was_examined_is_read_out_of_the_technique() {
        for case in example::all() {
            let report = write(&case);
            let sentences: Vec<_> = report.sentences().map(|(h, s)| (h, s.text.clone())).collect();
            let found = examined(&sentences).expect("a title");
            assert_eq!(
                found.modality.as_ref().map(|m| m.spoken()),
                case.exam.modality.as_ref().map(|m| m.spoken())
            );
            assert_eq!(found.body_part, case.exam.body_part);
            assert_eq!(found.view, case.exam.view);
        }
    }
}
