//! Answers whose every sentence cites a passage that bears it.
//!
//! The principal function is [`check_sentence`]: whether a sentence that somebody wrote (a language model, for instance) is
//! borne by the passages that it cites, by words, numbers, denial, doubt and direction, without a model. [`extract`] answers
//! with sentences of the passages themselves. Passages are data: what reads like an instruction in them is a sentence like
//! any other.

mod check;
mod choice;
mod extract;
mod polarity;
mod quote;
mod terms;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use check::{Borne, Refusal, check_sentence};
pub use choice::choice;
pub use extract::{Asked, Candidate, extract};
pub use quote::{Unquotable, quotable};
pub use terms::{content_terms, numbers};

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// As it was asked, with what identifies a patient taken out.
    pub question: String,
    /// Whether the sources answer it; if not, there are no sentences.
    pub answered: bool,
    /// Who wrote the sentences: `passages`, or a model's name.
    pub wording: String,
    /// The sentences.
    pub sentences: Vec<AnsweredSentence>,
    /// Sentences that were proposed and refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedSentence>,
    /// Why there is no answer, or what a reader should know of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A sentence of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnsweredSentence {
    /// Its words.
    pub text: String,
    /// What bears it; never empty.
    pub sources: Vec<Cited>,
    /// How well it fits the question, 0 to 1.
    pub fit: f64,
}

/// What a sentence cites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cited {
    /// The passage's identifier.
    pub passage: String,
    /// The words of the passage that bear the sentence, as they stand there.
    pub quote: String,
    /// Where the passage comes from.
    pub source: String,
    /// Its license, as far as one is known.
    pub license: Option<String>,
}

/// A sentence that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedSentence {
    /// Its words.
    pub text: String,
    /// Why.
    pub reason: String,
}
