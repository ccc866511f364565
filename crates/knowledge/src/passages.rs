//! Texts in pieces that can be cited: PubMed and JATS XML, MedQuAD, PubMedQA, web pages, Markdown and plain text.
//!
//! The principal type is [`Passage`]: a few sentences with an identifier that stays the same as long as the document does,
//! its source and its license. A text is data here: nothing that stands in it is followed.

mod cut;
mod json;
mod markup;
#[cfg(test)]
mod tests;
mod xml;

use std::io::BufRead;

use serde::{Deserialize, Serialize};

pub use cut::{Piece, pieces};
pub use markup::{of_html, of_markdown};

/// A piece of a document, as it can be found and cited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The document's identifier, `#` and the number of the piece in it from 1: `pubmed:31000001#2`.
    pub id: String,
    /// The document's identifier.
    pub document: String,
    /// The document's title, or what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The part of the document that the piece stands in: `RESULTS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Where it comes from: a journal and year, a collection, a file.
    pub source: String,
    /// License of the text, as far as its collection says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Its words.
    pub text: String,
}

impl Passage {
    /// The words that it is found by: its title's and its own.
    #[must_use]
    pub fn found_by(&self) -> String {
        match &self.title {
            Some(title) => format!("{title}. {}", self.text),
            None => self.text.clone(),
        }
    }
}

/// Forms of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// XML: PubMed's citations, articles in JATS, MedQuAD; which of them its elements say.
    Xml,
    /// One JSON value: PubMedQA's object of questions, or a list of documents.
    Json,
    /// A JSON value a line.
    JsonLines,
    /// A web page.
    Html,
    /// Markdown.
    Markdown,
    /// Plain text.
    Text,
}

impl Form {
    /// The form that the ending of a file's name says, in any case, a closing `.gz` aside.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending {
            "xml" | "nxml" => Self::Xml,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::JsonLines,
            "html" | "htm" => Self::Html,
            "md" | "markdown" => Self::Markdown,
            "txt" | "text" => Self::Text,
            _ => return None,
        })
    }
}

/// What is said of all documents of a file unless a document says it itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Identifies the file among the files of the index: its path within the folder that was given.
    pub file: String,
    /// Tells files of one such path and another content apart: the first digits of the content's hash, as [`Origin::name`]
    /// puts them behind the path.
    pub version: Option<String>,
    /// License of the texts.
    pub license: Option<String>,
}

impl Origin {
    /// What documents without an identifier of their own are called by: `texts/a.txt@3f2a91c0`. It hangs on the file alone,
    /// and on nothing else that is indexed.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.file),
            None => self.file.clone(),
        }
    }
}

/// What is wrong with a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassageError {
    /// It is not of its form.
    #[error("{file} line {line}: {what}")]
    Malformed {
        /// Which file.
        file: String,
        /// Line from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// It cannot be read.
    #[error("{file} is not readable: {reason}")]
    Unreadable {
        /// Which file.
        file: String,
        /// Why.
        reason: std::io::Error,
    },
    /// It has nothing that could be cited.
    #[error("{file} has no text that could be cited: expected {expected}")]
    Empty {
        /// Which file.
        file: String,
        /// What would have been one.
        expected: &'static str,
    },
    /// It is too large to be read at once.
    #[error("{file} is larger than {most} MB, which is the most for {form}: {instead}")]
    TooLarge {
        /// Which file.
        file: String,
        /// Megabytes.
        most: usize,
        /// The form.
        form: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// The one who takes the passages failed or broke off.
    #[error("{0}")]
    Taker(String),
}

/// What takes passages, one after the other.
pub type Take<'a> = dyn FnMut(Passage) -> Result<(), PassageError> + 'a;

/// Most bytes of a file that is read at once: everything but XML and JSON lines.
const AT_ONCE: usize = 256 << 20;

/// Reads the documents of a file and hands their passages over, in order. XML and JSON lines are streamed: memory holds
/// one article or line at a time.
///
/// # Errors
/// [`PassageError`] naming the file and, where there is one, the line; what was handed over before stays so.
pub fn read_passages(
    input: &mut dyn BufRead,
    form: Form,
    origin: &Origin,
    take: &mut Take<'_>,
) -> Result<(), PassageError> {
    let mut any = false;
    let mut counted = |passage: Passage| {
        any = true;
        take(passage)
    };
    let expected = match form {
        Form::Xml => {
            xml::read(input, origin, &mut counted)?;
            "abstracts of PubMed, articles in JATS or MedQuAD's answers"
        }
        Form::Json => {
            json::read(
                &whole(input, origin, "JSON", "a value a line (.jsonl) is streamed")?,
                origin,
                &mut counted,
            )?;
            "PubMedQA's questions, or documents with an id and a text"
        }
        Form::JsonLines => {
            json::read_lines(input, origin, &mut counted)?;
            "a document with a text or an answer a line"
        }
        Form::Html | Form::Markdown | Form::Text => {
            let text = whole(input, origin, "a text", "cut it into several files")?;
            let (title, text) = match form {
                Form::Html => of_html(&text),
                Form::Markdown => of_markdown(&text),
                _ => (None, text),
            };
            let document = Document { id: format!("file:{}", origin.name()), title, ..Document::of(origin) };
            document.hand_over(&[(None, text)], &mut counted)?;
            "sentences"
        }
    };
    if any { Ok(()) } else { Err(PassageError::Empty { file: origin.file.clone(), expected }) }
}

fn whole(
    input: &mut dyn BufRead,
    origin: &Origin,
    form: &'static str,
    instead: &'static str,
) -> Result<String, PassageError> {
    let file = || origin.file.clone();
    let mut bytes = Vec::new();
    let most = AT_ONCE as u64 + 1;
    std::io::Read::read_to_end(&mut std::io::Read::take(input, most), &mut bytes)
        .map_err(|reason| PassageError::Unreadable { file: file(), reason })?;
    if bytes.len() > AT_ONCE {
        return Err(PassageError::TooLarge { file: file(), most: AT_ONCE >> 20, form, instead });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        PassageError::Malformed { file: file(), line, what: "not UTF-8 text: save it as UTF-8".to_owned() }
    })
}

/// A document before it is cut into passages.
struct Document {
    id: String,
    title: Option<String>,
    source: String,
    license: Option<String>,
}

impl Document {
    fn of(origin: &Origin) -> Self {
        Self { id: origin.name(), title: None, source: origin.file.clone(), license: origin.license.clone() }
    }

    /// Cuts sections into passages; a section that is empty gives none.
    fn hand_over(
        &self,
        sections: &[(Option<String>, String)],
        take: &mut Take<'_>,
    ) -> Result<(), PassageError> {
        let mut number = 0;
        for (section, text) in sections {
            for piece in pieces(text) {
                number += 1;
                take(Passage {
                    id: format!("{}#{number}", self.id),
                    document: self.id.clone(),
                    title: self.title.clone(),
                    section: section.clone(),
                    source: self.source.clone(),
                    license: self.license.clone(),
                    text: piece.text,
                })?;
            }
        }
        Ok(())
    }
}
