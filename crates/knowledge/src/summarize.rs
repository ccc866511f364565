//! Articles in the order that a reader of studies asks: question, population, intervention, comparison, outcome, design,
//! numbers, limits; each as a sentence of the article itself, with its passage.
//!
//! The principal function is [`summarize`]. [`lead`], [`text_rank`] and [`to_question`] are plain extracts to compare with.

mod parts;
mod rank;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::passages::Passage;
use crate::recognize::sentences;

pub use parts::{Part, design, interval_texts, sample_size};
pub use rank::{lead, text_rank, to_question};

/// A sentence of an article and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedSentence {
    /// As it stands in the passage.
    pub text: String,
    /// The passage's identifier.
    pub passage: String,
}

/// What an article says of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartOfSummary {
    /// Which part.
    pub part: Part,
    /// The sentences that say it, in their order; never empty.
    pub sentences: Vec<LinkedSentence>,
}

/// A summary of an article, and its row in a table of studies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The document's identifier.
    pub document: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it comes from.
    pub source: String,
    /// Kind of study, where the article names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub design: Option<String>,
    /// How many were studied, where a sentence says it; the largest such number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub studied: Option<u64>,
    /// Intervals and p values, as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<String>,
    /// What is said of each part, in the order of [`Part`]; a part of which nothing is said is not there.
    pub parts: Vec<PartOfSummary>,
    /// Parts of which the article says nothing that was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_found: Vec<Part>,
}

/// Sentences of a part at most.
const OF_A_PART: usize = 2;

/// Summarizes documents, each by itself, in the order in which their passages come. Every sentence is one of the document's
/// own; which part it speaks of say the labels of its section and the words that it has.
#[must_use]
pub fn summarize(passages: &[Passage]) -> Vec<Summary> {
    let mut documents: Vec<(&str, Vec<&Passage>)> = Vec::new();
    for passage in passages {
        match documents.iter_mut().find(|(document, _)| *document == passage.document) {
            Some((_, of_document)) => of_document.push(passage),
            None => documents.push((&passage.document, vec![passage])),
        }
    }
    documents.into_iter().map(|(_, passages)| of_document(&passages)).collect()
}

fn of_document(passages: &[&Passage]) -> Summary {
    let mut all: Vec<(LinkedSentence, Option<&str>)> = Vec::new();
    for passage in passages {
        for place in sentences(&passage.text) {
            let text = passage.text[place].to_owned();
            all.push((LinkedSentence { text, passage: passage.id.clone() }, passage.section.as_deref()));
        }
    }
    let mut parts = Vec::new();
    let mut not_found = Vec::new();
    for part in Part::ALL {
        let mut scored: Vec<(f64, usize)> = all
            .iter()
            .enumerate()
            .map(|(at, (sentence, section))| (part.score(&sentence.text, *section), at))
            .filter(|(score, _)| *score >= 1.0)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        scored.truncate(OF_A_PART);
        scored.sort_by_key(|(_, at)| *at);
        if scored.is_empty() {
            not_found.push(part);
        } else {
            let sentences = scored.into_iter().map(|(_, at)| all[at].0.clone()).collect();
            parts.push(PartOfSummary { part, sentences });
        }
    }
    let first = passages[0];
    let text: String = all.iter().map(|(sentence, _)| sentence.text.as_str()).collect::<Vec<_>>().join("\n");
    let titled = format!("{}\n{text}", first.title.as_deref().unwrap_or_default());
    Summary {
        document: first.document.clone(),
        title: first.title.clone(),
        source: first.source.clone(),
        design: design(&titled).map(str::to_owned),
        studied: all.iter().filter_map(|(sentence, _)| sample_size(&sentence.text)).max(),
        intervals: all.iter().flat_map(|(sentence, _)| interval_texts(&sentence.text)).collect(),
        parts,
        not_found,
    }
}
