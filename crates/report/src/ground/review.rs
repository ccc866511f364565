//! The gate while a person writes: what of their words the findings bear out, what they contradict, and what cannot be told.
//!
//! A person may write what the gate does not like: this warns, and refuses nothing.

use std::ops::Range;

use serde::Serialize;
use wilhelm_study::{Finding, FindingId, sentence_end};

use super::parse::{Assertion, parse};
use super::{GroundContext, change, complement, ground, judge, numbers};
use crate::{Claim, Report, Statement};

/// How words stand to the findings of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// All of them are borne out.
    Agrees,
    /// Something in them cannot be read, or is neither borne out nor contradicted.
    Unknown,
    /// Something in them is not what the findings say.
    Contradicts,
}

/// What is to be said of one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Where the sentence begins, in UTF-16 units as browsers count.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// [`Stance::Unknown`] or [`Stance::Contradicts`].
    pub stance: Stance,
    /// Why, as a clause whose subject is the sentence.
    pub reason: String,
    /// The finding that it contradicts.
    pub finding: Option<FindingId>,
}

/// What the gate says of a person's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Review {
    /// The worst of the sentences.
    pub verdict: Stance,
    /// Sentences that are not borne out, in their order.
    pub remarks: Vec<Remark>,
}

/// Holds a person's words against a report's findings, sentence by sentence, in English or Chinese.
///
/// Sentences that a person wrote into the report bear nothing: only what the program found does.
pub fn review(text: &str, report: &Report) -> Review {
    let mut own = report.clone();
    for section in &mut own.sections {
        section.sentences.retain(|sentence| sentence.claim != Claim::Attested);
    }
    let context = GroundContext::of(&own);
    if ground(text, &context).accepted {
        return Review { verdict: Stance::Agrees, remarks: Vec::new() };
    }
    let units = |byte: usize| text[..byte].encode_utf16().count();
    let mut remarks = Vec::new();
    for place in sentences(text) {
        let sentence = &text[place.clone()];
        let verdict = ground(sentence, &context);
        if verdict.accepted {
            continue;
        }
        let (stance, reason, finding) = match contradicted(sentence, &context) {
            Some((reason, finding)) => (Stance::Contradicts, reason, finding),
            None => (Stance::Unknown, verdict.reason, None),
        };
        let (start, end) = (units(place.start), units(place.end));
        remarks.push(Remark { start, end, stance, reason, finding });
    }
    let verdict = remarks.iter().map(|remark| remark.stance).max().unwrap_or(Stance::Agrees);
    Review { verdict, remarks }
}

/// Where the sentences of a text are, without the spaces around them.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let end = if c == '\n' { Some(at + 1) } else { sentence_end(text, at) };
        if let Some(end) = end.filter(|end| *end > start) {
            found.push(start..end);
            start = end;
        }
    }
    found.push(start..text.len());
    let trimmed = |place: Range<usize>| {
        let piece = &text[place.clone()];
        let start = place.start + (piece.len() - piece.trim_start().len());
        start..start + piece.trim().len()
    };
    found
        .into_iter()
        .map(trimmed)
        .filter(|place| text[place.clone()].chars().any(char::is_alphanumeric))
        .collect()
}

/// What a sentence contradicts, where it can be read and does.
fn contradicted(sentence: &str, context: &GroundContext) -> Option<(String, Option<FindingId>)> {
    if let Some(said) = change::read(sentence, context) {
        // Of what was never compared, a person may know more.
        return said.err().filter(|_| !context.priors.is_empty()).map(|reason| (reason, None));
    }
    let segments = parse(sentence, context).ok()?;
    segments.iter().flatten().find_map(|assertion| {
        let reason = judge(assertion, context).err()?;
        let targets = &context.concepts[assertion.concept].targets;
        let (index, _) = targets
            .iter()
            .find(|(index, contrary)| differs(assertion, &context.findings[*index], *contrary))?;
        Some((reason, Some(context.findings[*index].id.clone())))
    })
}

/// Whether an assertion says of a finding what it is not: another certainty, another side, another number. What is only more
/// than the finding says, such as a place, is not.
fn differs(assertion: &Assertion, finding: &Finding, of_contrary: bool) -> bool {
    let certainty = assertion.certainty.map(|said| if of_contrary { complement(said) } else { said });
    if certainty.is_some_and(|said| said != finding.certainty) {
        return true;
    }
    if let (Some(said), Some(is)) = (assertion.side, finding.laterality)
        && said != is
    {
        return true;
    }
    let probability = assertion.estimate.is_some() || assertion.range.is_some() || assertion.level.is_some();
    let measured = !assertion.quantities.is_empty() && !finding.measurements.is_empty();
    (probability || measured)
        && numbers(assertion, finding, of_contrary, &mut Statement::brief(finding)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edit, Moment, Signer, amend, example, write};

    fn check(text: &str, report: &Report, expected: &[(Stance, &str, Option<&str>)]) {
        let found = review(text, report);
        let units: Vec<u16> = text.encode_utf16().collect();
        let remarks: Vec<(Stance, String, Option<&str>)> = found
            .remarks
            .iter()
            .map(|remark| {
                let piece = String::from_utf16(&units[remark.start..remark.end]).expect("whole letters");
                (remark.stance, piece, remark.finding.as_ref().map(|id| id.0.as_str()))
            })
            .collect();
        let expected: Vec<(Stance, String, Option<&str>)> =
            expected.iter().map(|(stance, piece, id)| (*stance, (*piece).to_owned(), *id)).collect();
        assert_eq!(remarks, expected, "{text}: {found:?}");
        let worst = expected.iter().map(|(stance, ..)| *stance).max().unwrap_or(Stance::Agrees);
        assert_eq!(found.verdict, worst);
    }

    #[test]
    fn words_are_held_against_the_findings_sentence_by_sentence() {
        use Stance::{Contradicts, Unknown};
        let report = write(&example::pneumonia(0.93));
        check("The appearance is consistent with pneumonia.", &report, &[]);
        check("There is no pneumonia.", &report, &[(Contradicts, "There is no pneumonia.", Some("F1"))]);
        // The letter before is two UTF-16 units and four bytes.
        check(
            "\u{1f642} is fine. There is no pneumonia.",
            &report,
            &[(Unknown, "\u{1f642} is fine.", None), (Contradicts, "There is no pneumonia.", Some("F1"))],
        );
        check(
            "\u{672a}\u{89c1}\u{80ba}\u{708e}\u{3002}",
            &report,
            &[(Contradicts, "\u{672a}\u{89c1}\u{80ba}\u{708e}\u{3002}", Some("F1"))],
        );
        check("  ", &report, &[]);
        check("The heart is not enlarged.", &report, &[(Unknown, "The heart is not enlarged.", None)]);
    }

    #[test]
    fn another_side_and_another_size_contradict_and_another_place_is_not_known() {
        use Stance::{Contradicts, Unknown};
        let report = write(&example::abdomen());
        check("There is a left renal cyst.", &report, &[]);
        check(
            "There is a right renal cyst.",
            &report,
            &[(Contradicts, "There is a right renal cyst.", Some("F1"))],
        );
        check(
            "There is a left renal cyst of 32 mm.",
            &report,
            &[(Contradicts, "There is a left renal cyst of 32 mm.", Some("F1"))],
        );
        check(
            "There is a left renal cyst in the upper pole.",
            &report,
            &[(Unknown, "There is a left renal cyst in the upper pole.", None)],
        );
    }

    #[test]
    fn what_a_person_wrote_bears_nothing() {
        let report = write(&example::pneumonia(0.93));
        let at = Moment::parse("2026-11-26T12:00:00Z").expect("a moment");
        let signer = Signer { by: "jane".to_owned(), organization: None, at };
        let (_, sentence) = report.sentences().find(|(_, s)| !s.findings.is_empty()).expect("one");
        let edit = Edit::Replace { sentence: sentence.id.clone(), text: "There is no pneumonia.".to_owned() };
        let edited = amend(&report, &[edit], &signer, "").expect("edited");
        assert_eq!(review("There is no pneumonia.", &edited).verdict, Stance::Contradicts);
    }
}
