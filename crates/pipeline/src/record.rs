//! A patient's record out of what was supplied: notes, dictations, a FHIR bundle, a report of this program.
//!
//! The principal function is [`record`]. Every sentence names the bytes it comes from; without a model its words are those
//! of the source, with short forms written out. Nothing is concluded: what no source says is said to be missing.

mod compare;
mod dates;
mod fhir;
mod gate;
mod html;
mod json;
mod note;
mod parts;
mod report_json;
mod short_forms;
mod terms;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::{Deserialize, Serialize};
use wilhelm_knowledge::{ContextRules, Meaning};

pub use compare::{Change, Kind as ChangeKind, compare};
pub use gate::{Unproven, proven};
pub use html::record_html;
pub use parts::Part;

/// A file as it was supplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSource {
    /// Its name, without folders.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What a source turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Free text.
    Note,
    /// A FHIR R4 bundle.
    FhirBundle,
    /// A report of this program.
    Report,
}

/// Where a sentence comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Index of the source, from 0.
    pub source: usize,
    /// Its bytes there.
    pub bytes: Range<usize>,
    /// The same in characters.
    pub characters: Range<usize>,
    /// JSON Pointer of the value, where the source is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// A sentence of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name: `R1`.
    pub id: String,
    /// Where it stands.
    pub part: Part,
    /// The words.
    pub text: String,
    /// What it comes from; never empty.
    pub spans: Vec<Span>,
    /// A day it speaks of, as `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What it says of known terms: findings, symptoms, diseases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
    /// The model whose words it has; `None` is the writer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worded_by: Option<String>,
    /// The writer's words, where a model's stand in their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
}

/// A known term in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mention {
    /// Its name in the table of terms.
    pub term: String,
    /// How it is meant.
    pub status: Status,
    /// Numbers with their units beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<String>,
}

/// How a term is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The patient has it.
    Present,
    /// It is denied.
    Absent,
    /// It is in doubt, or only conceivable.
    Possible,
    /// It is past.
    Past,
    /// It is of somebody else.
    OfOther,
}

impl Status {
    /// Of a mention that begins at `start`.
    fn of(meaning: &Meaning, start: usize) -> Self {
        // "No fever, possible pneumonia": the doubt is nearer than the denial.
        let doubted = match (&meaning.negated, &meaning.uncertain) {
            (Some(negated), Some(doubt)) => negated.at.end <= doubt.at.start && doubt.at.end <= start,
            _ => false,
        };
        if meaning.of_other.is_some() {
            Self::OfOther
        } else if meaning.negated.is_some() && !doubted {
            Self::Absent
        } else if meaning.uncertain.is_some() || meaning.hypothetical.is_some() {
            Self::Possible
        } else if meaning.historical.is_some() {
            Self::Past
        } else {
            Self::Present
        }
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Absent => "denied",
            Self::Possible => "possible",
            Self::Past => "past",
            Self::OfOther => "of somebody else",
        }
    }
}

/// A proposal of a model that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The sentence it was to replace.
    pub entry: String,
    /// The refused words.
    pub text: String,
    /// Why.
    pub reason: String,
}

/// A source as the record lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSource {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
    /// Its length in bytes.
    pub bytes: usize,
}

/// A record in which every sentence names its source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatientRecord {
    /// Version of this form.
    pub schema_version: String,
    /// Always `draft`: a person reads it and signs.
    pub state: String,
    /// What every record says of itself.
    pub disclaimer: String,
    /// The sources, in order.
    pub sources: Vec<ListedSource>,
    /// The sentences, part by part.
    pub entries: Vec<Entry>,
    /// Parts that no source says anything for.
    pub missing: Vec<Part>,
    /// A summary as at discharge: ids of its sentences, in order.
    pub summary: Vec<String>,
    /// Ids of the sentences that speak of a day, in the order of the days.
    pub timeline: Vec<String>,
    /// Against an earlier record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What a model proposed and was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// What the reader should know of how it was made.
    pub notes: Vec<String>,
}

/// A model that may put sentences otherwise.
pub struct Wording<'a> {
    /// Its name.
    pub model: &'a str,
    /// Its proposal for a sentence.
    pub propose: &'a dyn Fn(&str) -> Result<String, String>,
}

/// What is wrong with the sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A source says nothing.
    #[error("{name} holds no text")]
    Empty {
        /// The source.
        name: String,
    },
    /// JSON that is none, or neither a FHIR bundle nor a report.
    #[error(
        "{name} cannot be read: {reason}; expected text, a FHIR R4 bundle or a report.json of this program"
    )]
    Json {
        /// The source.
        name: String,
        /// Why.
        reason: String,
    },
    /// A day that is none.
    #[error("the day of the note is {found}, expected YYYY-MM-DD")]
    Day {
        /// What was given.
        found: String,
    },
}

const DISCLAIMER: &str = "Research software, not a medical device. This is a draft made by a program out of the sources \
                          named in it; a person has to check it against them.";
/// After so many failures one after the other a model is not asked again.
const FAILURES: usize = 3;

/// Makes a record.
///
/// `day` is the day of the notes (`YYYY-MM-DD`): with it "3 days ago" becomes a day. `wording` may put sentences of notes
/// otherwise; what [`proven`] does not bear out is refused.
///
/// # Errors
/// [`RecordError`]
pub fn record(
    sources: &[RecordSource],
    day: Option<&str>,
    wording: Option<&Wording<'_>>,
) -> Result<PatientRecord, RecordError> {
    let day = match day {
        Some(text) => Some(dates::Day::parse(text).ok_or(RecordError::Day { found: text.to_owned() })?),
        None => None,
    };
    let mut entries = Vec::new();
    let mut listed = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        if source.text.trim().is_empty() {
            return Err(RecordError::Empty { name: source.name.clone() });
        }
        let (kind, found) = read(source, index, day)?;
        listed.push(ListedSource { name: source.name.clone(), kind, bytes: source.text.len() });
        entries.extend(found);
    }
    // The order of the parts; within a part that of the sources.
    entries.sort_by_key(|entry| entry.part);
    for (number, entry) in entries.iter_mut().enumerate() {
        entry.id = format!("R{}", number + 1);
    }
    let mut record = PatientRecord {
        schema_version: "1".to_owned(),
        state: "draft".to_owned(),
        disclaimer: DISCLAIMER.to_owned(),
        missing: Part::ALL
            .into_iter()
            .filter(|part| entries.iter().all(|entry| entry.part != *part))
            .collect(),
        summary: summary(&entries),
        timeline: timeline(&entries),
        sources: listed,
        entries,
        changes: Vec::new(),
        refused: Vec::new(),
        notes: vec!["The words are those of the sources, with short forms written out.".to_owned()],
    };
    let to_programs: Vec<&str> = record
        .entries
        .iter()
        .filter(|entry| entry.part == Part::Unplaced)
        .map(|entry| entry.id.as_str())
        .collect();
    if !to_programs.is_empty() {
        record.notes.push(format!(
            "Sentences that read like instructions to a program are quoted, not followed, and mention nothing: {}.",
            to_programs.join(", ")
        ));
    }
    if let Some(wording) = wording {
        reword(&mut record, wording);
    }
    Ok(record)
}

/// What a source is, and its sentences, not yet named.
fn read(
    source: &RecordSource,
    index: usize,
    day: Option<dates::Day>,
) -> Result<(SourceKind, Vec<Entry>), RecordError> {
    if !source.text.trim_start().starts_with('{') {
        return Ok((SourceKind::Note, note::entries(&source.text, index, day)));
    }
    let refuse = |reason: String| RecordError::Json { name: source.name.clone(), reason };
    let value: serde_json::Value =
        serde_json::from_str(&source.text).map_err(|error| refuse(error.to_string()))?;
    let places = json::places(&source.text);
    if value["resourceType"] == "Bundle" {
        return Ok((SourceKind::FhirBundle, fhir::entries(&value, &places, &source.text, index)));
    }
    if value.get("sections").is_some() && value.get("findings").is_some() {
        return Ok((SourceKind::Report, report_json::entries(&value, &places, &source.text, index)));
    }
    Err(refuse("it is JSON of another kind".to_owned()))
}

/// What a discharge letter tells: the complaint, what the patient has, results, assessment and plan; denials and the
/// family stay in the record.
fn summary(entries: &[Entry]) -> Vec<String> {
    let tells = |entry: &&Entry| {
        let denies = !entry.mentions.is_empty()
            && entry
                .mentions
                .iter()
                .all(|mention| matches!(mention.status, Status::Absent | Status::OfOther));
        match entry.part {
            Part::ChiefComplaint | Part::Results | Part::Assessment | Part::Plan | Part::Medications => true,
            Part::History | Part::Past | Part::Examination | Part::Allergies => !denies,
            Part::Family | Part::Social | Part::Unplaced => false,
        }
    };
    entries.iter().filter(tells).map(|entry| entry.id.clone()).collect()
}

/// The sentences with a day, by their days.
fn timeline(entries: &[Entry]) -> Vec<String> {
    let mut dated: Vec<(&str, &str)> =
        entries.iter().filter_map(|entry| Some((entry.date.as_deref()?, entry.id.as_str()))).collect();
    // Stable: within a day the order of the record.
    dated.sort_by_key(|(date, _)| *date);
    dated.into_iter().map(|(_, id)| id.to_owned()).collect()
}

/// Lets a model put the sentences of notes otherwise.
fn reword(record: &mut PatientRecord, wording: &Wording<'_>) {
    let notes: Vec<bool> = record.sources.iter().map(|source| source.kind == SourceKind::Note).collect();
    let (mut asked, mut accepted, mut failures) = (0, 0, 0);
    let mut reason = None;
    for entry in record.entries.iter_mut().filter(|entry| entry.spans.iter().all(|span| notes[span.source])) {
        if failures == FAILURES {
            break;
        }
        asked += 1;
        match (wording.propose)(&entry.text) {
            Ok(candidate) => {
                failures = 0;
                let candidate = candidate.trim().to_owned();
                if candidate == entry.text {
                    continue;
                }
                match proven(&entry.text, &candidate) {
                    Ok(()) => {
                        accepted += 1;
                        entry.replaced = Some(std::mem::replace(&mut entry.text, candidate));
                        entry.worded_by = Some(wording.model.to_owned());
                    }
                    Err(unproven) => {
                        let (entry, reason) = (entry.id.clone(), unproven.to_string());
                        record.refused.push(Refused { entry, text: candidate, reason });
                    }
                }
            }
            Err(error) => {
                failures += 1;
                reason = Some(error);
            }
        }
    }
    let model = wording.model;
    record.notes.push(format!(
        "Of {asked} sentences put to the language model {model}, {accepted} have its words; {} proposals were refused.",
        record.refused.len()
    ));
    if failures == FAILURES {
        let reason = reason.unwrap_or_default();
        record.notes.push(format!(
            "The language model {model} failed {FAILURES} times one after the other ({reason}) and was not asked again: the \
             words of the sources stand."
        ));
    }
}

/// A sentence, not yet named.
fn entry(text: String, part: Part, spans: Vec<Span>, date: Option<String>) -> Entry {
    let part = if terms::is_to_a_program(&text) { Part::Unplaced } else { part };
    let mentions = terms::mentions(&text, part);
    Entry { id: String::new(), part, text, spans, date, mentions, worded_by: None, replaced: None }
}

/// A place in a text, in bytes and characters.
fn span(source: usize, text: &str, bytes: Range<usize>, pointer: Option<String>) -> Span {
    let start = text[..bytes.start].chars().count();
    let characters = start..start + text[bytes.clone()].chars().count();
    Span { source, bytes, characters, pointer }
}

/// How the words of a text are meant, by the program's own rules.
fn context() -> &'static ContextRules {
    ContextRules::built_in()
}
