//! What is looked at first: an order of unsigned reports by their findings, out of a table.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use wilhelm_study::{Finding, FindingId};

use crate::{Report, State};

/// The table, as data.
const TABLE: &str = include_str!("../data/triage.toml");

/// How soon a report is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// In its turn.
    Routine,
    /// Before those.
    Soon,
    /// Before all others.
    Urgent,
}

/// Why a report is looked at when.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Triage {
    /// How soon.
    pub level: Urgency,
    /// The finding that decides it.
    pub finding: FindingId,
    /// Its name and probability, in words.
    pub reason: String,
    /// Its calibrated probability, 0 to 1.
    pub probability: f64,
}

/// A row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    words: Vec<String>,
    urgent: Option<f64>,
    soon: f64,
    /// What the row stands on; for readers of the table.
    #[serde(rename = "why")]
    _why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    finding: Vec<Row>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let table: Table = toml::from_str(TABLE).expect("the table is compiled in and tested");
    table.finding
});

/// How soon a draft is looked at, by the findings of diseases that nobody rejected; `None` for what a person has signed and
/// for what speaks of no disease.
///
/// The likeliest finding of the highest level decides. Where none reaches a threshold of the table, the likeliest of all is the
/// reason of a routine.
pub fn triage(report: &Report, rejected: &BTreeSet<FindingId>) -> Option<Triage> {
    if report.state != State::Draft {
        return None;
    }
    let diseases =
        report.findings.iter().filter(|finding| !finding.normal && !rejected.contains(&finding.id));
    let (level, finding) = diseases.map(|finding| (level(finding), finding)).max_by(
        |(level, finding), (other_level, other)| {
            level.cmp(other_level).then(estimate(finding).total_cmp(&estimate(other)))
        },
    )?;
    let probability = estimate(finding);
    let reason = format!("{}, probability {}", finding.observation.name, shown(probability));
    Some(Triage { level, finding: finding.id.clone(), reason, probability })
}

/// A probability as reports print it: never as certain.
fn shown(probability: f64) -> String {
    match probability * 100.0 {
        percent if percent > 99.0 => "more than 99 %".to_owned(),
        percent if percent < 1.0 => "less than 1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

fn estimate(finding: &Finding) -> f64 {
    finding.probability.estimate.value()
}

fn level(finding: &Finding) -> Urgency {
    let probability = estimate(finding);
    let reached = |row: &Row| {
        if row.urgent.is_some_and(|from| probability >= from) {
            Urgency::Urgent
        } else if probability >= row.soon {
            Urgency::Soon
        } else {
            Urgency::Routine
        }
    };
    ROWS.iter().filter(|row| names(row, finding)).map(reached).max().unwrap_or(Urgency::Routine)
}

/// Whether one of a row's words stands in what the finding is called.
fn names(row: &Row, finding: &Finding) -> bool {
    let observation = &finding.observation;
    let called = [&observation.key, &observation.name].into_iter().chain(&observation.synonyms);
    let called: Vec<String> = called.map(|text| plain(text)).collect();
    row.words.iter().any(|words| {
        ["", "s", "es"].iter().any(|end| {
            let wanted = format!(" {words}{end} ");
            called.iter().any(|text| text.contains(&wanted))
        })
    })
}

/// Lower letters and digits in American spelling, one space around each word.
fn plain(text: &str) -> String {
    let mut lower = text.to_lowercase();
    for (british, american) in
        [("haem", "hem"), ("aemi", "emi"), ("oedema", "edema"), ("tumour", "tumor"), ("oesoph", "esoph")]
    {
        lower = lower.replace(british, american);
    }
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Moment, Signer, example, sign, write};

    fn of(case: &crate::Case) -> Option<Triage> {
        triage(&write(case), &BTreeSet::new())
    }

    #[test]
    fn the_table_is_whole_and_its_words_are_plain() {
        assert!(ROWS.len() >= 8);
        for row in ROWS.iter() {
            assert!(!row.words.is_empty() && row.urgent.is_none_or(|urgent| urgent > row.soon), "{row:?}");
            assert!((0.0..=1.0).contains(&row.soon), "{row:?}");
            assert!(row.words.iter().all(|words| plain(words) == format!(" {words} ")), "{row:?}");
        }
    }

    #[test]
    fn british_words_and_several_of_a_thing_are_known_and_no_probability_is_certain() {
        assert_eq!(plain("Intracranial haemorrhage, tumours"), " intracranial hemorrhage tumors ");
        assert_eq!(plain("ischaemia"), " ischemia ");
        let mut case = example::pneumonia(0.93);
        case.findings[0].observation.name = "rib fractures".to_owned();
        case.findings[0].observation.key = "rib_fractures".to_owned();
        case.findings[0].observation.synonyms.clear();
        assert_eq!(of(&case).map(|found| found.level), Some(Urgency::Soon));
        assert_eq!([shown(0.999), shown(0.004), shown(0.5)], ["more than 99 %", "less than 1 %", "50 %"]);
    }

    #[test]
    fn the_worst_finding_decides_and_what_is_signed_waits_for_nobody() {
        let found = of(&example::pneumonia(0.93)).expect("a level");
        assert_eq!((found.level, found.finding.0.as_str()), (Urgency::Urgent, "F1"));
        assert_eq!(found.reason, "pneumonia, probability 93 %");
        assert_eq!(of(&example::pneumonia(0.89)).map(|found| found.level), Some(Urgency::Soon));
        assert_eq!(of(&example::pneumonia(0.03)).map(|found| found.level), Some(Urgency::Routine));
        // The effusion is likelier, and both are read soon; the pneumothorax is at 0.02.
        let chest = of(&example::chest_ct()).expect("a level");
        assert_eq!((chest.level, chest.finding.0.as_str()), (Urgency::Soon, "F1"));
        // The model is sure that the breast is normal: a state of health is no reason.
        assert_eq!(of(&example::breast(0.01, 0.02)).map(|found| found.level), Some(Urgency::Routine));
        assert_eq!(of(&example::breast(0.1, 0.4)).map(|found| found.level), Some(Urgency::Soon));
        assert_eq!(of(&example::unread()), None);
        let draft = write(&example::pneumonia(0.93));
        assert_eq!(triage(&draft, &[FindingId("F1".to_owned())].into()), None, "a person rejected it");
        let at = Moment::parse("2026-11-26T12:00:00Z").expect("a moment");
        let signer = Signer { by: "jane".to_owned(), organization: None, at };
        let signed = sign(&draft, State::Preliminary, &signer).expect("signed");
        assert_eq!(triage(&signed, &BTreeSet::new()), None);
    }
}
