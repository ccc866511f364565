use super::STRUCK;
use crate::{Heading, Restated, State};

/// Why a text is no report of this program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextReportError {
    /// No line says where the report stands.
    #[error(
        "no line begins with a report's state (DRAFT, PRELIMINARY, FINAL ...), expected the text form of a report"
    )]
    NoState,
    /// A sentence without the evidence in brackets at its end.
    #[error("line {line}: the sentence that ends here has no evidence in brackets")]
    NoEvidence {
        /// The line, from 1.
        line: usize,
    },
}

/// Reads the text form of a report again: where it stands, and its sentences by section.
///
/// # Errors
/// [`TextReportError`] for a text of another form.
pub fn read_text_report(text: &str) -> Result<Restated, TextReportError> {
    const STATES: [State; 5] =
        [State::Addendum, State::Amended, State::Final, State::Preliminary, State::Draft];
    let mut state = None;
    let mut heading = None;
    let mut sentences: Vec<(Heading, String)> = Vec::new();
    let mut open = String::new();
    let mut author = String::new();
    for (number, line) in text.lines().enumerate() {
        if state.is_none() {
            state = STATES
                .into_iter()
                .find(|state| line.starts_with(&format!("{}. ", state.title().to_uppercase())));
            continue;
        }
        let title = Heading::ALL.into_iter().find(|heading| heading.title().to_uppercase() == line);
        if title.is_some() || line.is_empty() || line == STRUCK || line == "EVIDENCE" {
            if !open.is_empty() {
                return Err(TextReportError::NoEvidence { line: number });
            }
            heading = title;
            // What stands before a section belongs to none of its sentences.
            author = AUTHORS[0].to_owned();
            continue;
        }
        let Some(heading) = heading else { continue };
        let words = line.trim();
        // Who worded the sentence before may stand on a line of its own, or begin on the one before.
        let behind = format!("{author} {words}");
        if open.is_empty() && is_author(behind.trim()) {
            author = behind.trim().to_owned();
            continue;
        }
        if !open.is_empty() {
            open.push(' ');
        }
        open.push_str(words);
        if let Some((sentence, rest)) = closed(&open) {
            sentences.push((heading, sentence.to_owned()));
            author = rest.to_owned();
            open.clear();
        }
    }
    let state = state.ok_or(TextReportError::NoState)?;
    Ok(Restated { state, sentences, findings: Vec::new(), measured: Vec::new() })
}

/// What may stand behind the evidence.
const AUTHORS: [&str; 2] = ["(reworded)", "(by the person who signed)"];

/// Whether words are the beginning of what may stand behind the evidence, or nothing.
fn is_author(words: &str) -> bool {
    AUTHORS.iter().any(|author| author.starts_with(words))
}

/// A sentence whose evidence is complete, without its number and its evidence, and what stands behind them.
fn closed(open: &str) -> Option<(&str, &str)> {
    let (rest, author) = open.rsplit_once(']').filter(|(_, author)| is_author(author.trim()))?;
    let (sentence, evidence) = rest.rsplit_once(" [")?;
    let is_id = |id: &str| {
        let id = id.trim();
        id.starts_with(|c: char| c.is_ascii_uppercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if !evidence.split(',').all(is_id) {
        return None;
    }
    let unnumbered = sentence.split_once(". ").filter(|(number, _)| number.parse::<u32>().is_ok());
    Some((unnumbered.map_or(sentence, |(_, sentence)| sentence), author.trim()))
}
