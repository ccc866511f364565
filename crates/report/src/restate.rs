//! What the other forms of a report say, read back and compared with the report.

use wilhelm_study::{Certainty, Finding};

use crate::write::words;
use crate::{Heading, Measured, Report, State};

/// What was read from another form of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Restated {
    /// Where it stands.
    pub state: State,
    /// Its sentences, in order.
    pub sentences: Vec<(Heading, String)>,
    /// What was looked for; empty where the form has only words (plain text).
    pub findings: Vec<Finding>,
    /// What was measured and no finding carries; empty where the form has only words.
    pub measured: Vec<Measured>,
}

/// What a sentence says of one finding, as far as words can say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The section it stands in.
    pub heading: Heading,
    /// The thing spoken of, with its side, in lower case; of a state of health its contrary.
    pub subject: String,
    /// How sure of that.
    pub certainty: Certainty,
    /// Measurements in words: `volume 6.4 mL`.
    pub quantities: Vec<String>,
    /// The probability in words.
    pub probability: Option<String>,
}

/// What a report's claims say, in the order of its sentences.
pub fn stated(report: &Report) -> Vec<Stated> {
    let mut found = Vec::new();
    for (heading, sentence) in report.sentences() {
        for statement in sentence.claim.statements() {
            let Some(finding) = report.finding(&statement.finding) else { continue };
            let (subject, certainty, _) = words::subject(finding);
            let quantities = statement.quantities.iter();
            found.push(Stated {
                heading,
                subject: subject.to_lowercase(),
                certainty,
                quantities: quantities
                    .map(|stated| format!("{} {}", stated.name, words::quantity(&stated.quantity)))
                    .collect(),
                probability: statement.probability.as_ref().map(words::probability),
            });
        }
    }
    found
}

/// What sentences say of findings, by their words alone: the writer's own and its listed wordings.
///
/// Sentences about other things give nothing.
pub fn stated_in(sentences: &[(Heading, String)]) -> Vec<Stated> {
    sentences.iter().flat_map(|(heading, text)| of_sentence(*heading, text)).collect()
}

fn of_sentence(heading: Heading, text: &str) -> Vec<Stated> {
    if !matches!(heading, Heading::Findings | Heading::Impression) {
        return Vec::new();
    }
    let text = text.trim().trim_end_matches('.');
    let (head, probability) = match text.find("estimated probability") {
        Some(at) => (before_tail(&text[..at]), tail(&text[at + "estimated probability".len()..])),
        None => (text.to_owned(), None),
    };
    let is_quantity = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit());
    let mut parts: Vec<&str> = head.split(", ").collect();
    let first = parts.iter().position(|part| is_quantity(part)).unwrap_or(parts.len());
    let quantities: Vec<String> = parts.split_off(first).into_iter().map(str::to_owned).collect();
    let Some((certainty, subjects)) = certainty_of(&parts.join(", ")) else { return Vec::new() };
    let subjects = listed(&subjects);
    subjects
        .into_iter()
        .map(|subject| Stated {
            heading,
            subject: subject.to_lowercase(),
            certainty,
            quantities: quantities.clone(),
            probability: probability.clone(),
        })
        .collect()
}

/// What stands before `estimated probability`, without the words that lead to it.
fn before_tail(head: &str) -> String {
    let mut head = head.trim_end();
    for lead in [", with an", "; the", ";", "("] {
        if let Some(shorter) = head.strip_suffix(lead) {
            head = shorter.trim_end();
            break;
        }
    }
    head.to_owned()
}

/// The numbers behind `estimated probability`, in the writer's form.
fn tail(text: &str) -> Option<String> {
    let start = ["less than", "more than"].iter().filter_map(|words| text.find(words)).min();
    let digit = text.find(|c: char| c.is_ascii_digit())?;
    let numbers = text[start.map_or(digit, |start| start.min(digit))..].trim_end_matches(')').trim();
    let (estimate, interval) = numbers.split_once(" %")?;
    let interval = interval.trim_start_matches([',', ' ', '(']);
    Some(format!("{estimate} % ({interval})"))
}

/// Forms of sentences about findings: what stands before and behind the name, and how sure that is.
const FORMS: &[(&str, &str, Certainty)] = &[
    ("there is no evidence of ", "", Certainty::Absent),
    ("no evidence of ", "", Certainty::Absent),
    ("no sign of ", "", Certainty::Absent),
    ("the @ shows no evidence of ", "", Certainty::Absent),
    ("no ", " is seen", Certainty::Absent),
    ("no ", " is identified", Certainty::Absent),
    ("the appearance is indeterminate for ", "", Certainty::Indeterminate),
    ("the findings are indeterminate for ", "", Certainty::Indeterminate),
    ("the @ is indeterminate for ", "", Certainty::Indeterminate),
    ("indeterminate for ", "", Certainty::Indeterminate),
    ("", " can be neither confirmed nor excluded", Certainty::Indeterminate),
    ("", " is possible", Certainty::Indeterminate),
    ("the appearance is consistent with ", "", Certainty::Present),
    ("the findings are consistent with ", "", Certainty::Present),
    ("the @ is consistent with ", "", Certainty::Present),
    ("appearance consistent with ", "", Certainty::Present),
    ("findings consistent with ", "", Certainty::Present),
    ("consistent with ", "", Certainty::Present),
    ("findings suspicious for ", "", Certainty::Probable),
    ("probable ", "", Certainty::Probable),
    ("", " is probably present", Certainty::Probable),
    ("", " is probable", Certainty::Probable),
    ("", " is likely", Certainty::Probable),
    ("", " is considered unlikely", Certainty::Unlikely),
    ("", " are considered unlikely", Certainty::Unlikely),
    ("", " appears unlikely", Certainty::Unlikely),
    ("", " appear unlikely", Certainty::Unlikely),
    ("", " is unlikely", Certainty::Unlikely),
    ("", " are unlikely", Certainty::Unlikely),
];

/// The nouns that stand for `@` in a form.
const NOUNS: [&str; 5] = ["radiograph", "ultrasound image", "CT image", "MR image", "image"];

fn certainty_of(head: &str) -> Option<(Certainty, String)> {
    FORMS.iter().find_map(|(before, behind, certainty)| {
        let within = |before: &str| {
            let start = head.get(..before.len()).filter(|start| start.eq_ignore_ascii_case(before))?;
            let subject = head[start.len()..].strip_suffix(behind)?;
            (!subject.trim().is_empty()).then(|| (*certainty, subject.trim().to_owned()))
        };
        match before.contains('@') {
            true => NOUNS.iter().find_map(|noun| within(&before.replace('@', noun))),
            false => within(before),
        }
    })
}

/// `a, b or c` as its members.
fn listed(subjects: &str) -> Vec<String> {
    for last in [" or ", " and "] {
        if let Some((before, end)) = subjects.rsplit_once(last) {
            return before.split(", ").chain([end]).map(str::to_owned).collect();
        }
    }
    vec![subjects.to_owned()]
}
