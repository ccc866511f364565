//! Classifiers of texts and of tokens as the model hub saves them.

#[cfg(test)]
mod tests;

use std::path::Path;

use burn::tensor::{Device, Tensor};
use serde_json::Value;
use wilhelm_study::Progress;

use crate::arch::{BertClassifier, BertLabeler, HubConfigError};

use super::base::{bytes, fitting, json, limits, text};
use super::{TextError, TokenBatch, Tokenizer, Tokens};

/// A part of a text that a network of tokens gave a label.
#[derive(Clone, Debug, PartialEq)]
pub struct TextSpan {
    /// The label, without what says that it begins or goes on (`B-`, `I-`).
    pub label: String,
    /// First byte in the text.
    pub start: usize,
    /// The byte past its last.
    pub end: usize,
    /// The least probability of its tokens' labels.
    pub probability: f64,
}

/// What a network of the model hub says of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum HubAnswer {
    /// Of the whole text: the probability of each class, in the order of [`HubReader::classes`].
    Text(Vec<f64>),
    /// Of its parts.
    Spans(Vec<TextSpan>),
}

#[derive(Debug)]
enum Network {
    Text(Box<BertClassifier>),
    Tokens(Box<BertLabeler>),
}

/// A `BertForSequenceClassification` or `BertForTokenClassification` in a folder of the model hub.
#[derive(Debug)]
pub struct HubReader {
    tokenizer: Tokenizer,
    classes: Vec<String>,
    network: Network,
    most_tokens: usize,
    lowers: bool,
    kinds: usize,
}

impl HubReader {
    /// Opens `config.json`, whose `architectures` says which of the two it is, `tokenizer.json` and `model.safetensors`.
    ///
    /// # Errors
    /// [`TextError`] naming the file and what in it is missing, does not fit or is not known here.
    pub fn open(folder: &Path) -> Result<Self, TextError> {
        let path = folder.join("config.json");
        let (config, tokenizer) = fitting(&path, &text(&path)?, &bytes(&folder.join("tokenizer.json"))?)?;
        let unfit = |key: &'static str, found: String, expected: &str| TextError::Config {
            path: path.clone(),
            source: HubConfigError::Value { key, found, expected: expected.to_owned() },
        };
        if config.classes.len() < 2 {
            let found = format!("{} names", config.classes.len());
            return Err(unfit("id2label", found, "the names of at least two classes"));
        }
        let (most_tokens, lowers) = limits(folder, config.positions)?;
        let named = json(&path)?;
        let named: Vec<&str> =
            named["architectures"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let place = folder.join("model.safetensors");
        let weights = bytes(&place)?;
        let device = Device::flex();
        let wrong = |source| TextError::Weights { path: place.clone(), source };
        let network = match named[..] {
            ["BertForSequenceClassification"] => {
                Network::Text(Box::new(BertClassifier::load(&config, weights, &device).map_err(wrong)?))
            }
            ["BertForTokenClassification"] => {
                Network::Tokens(Box::new(BertLabeler::load(&config, weights, &device).map_err(wrong)?))
            }
            _ => {
                let found = if named.is_empty() { "nothing".to_owned() } else { named.join(", ") };
                let expected = "BertForSequenceClassification or BertForTokenClassification";
                return Err(unfit("architectures", found, expected));
            }
        };
        Ok(Self { tokenizer, classes: config.classes, network, most_tokens, lowers, kinds: config.kinds })
    }

    /// Names of the classes; of a network of tokens with `B-` and `I-` where the file has them.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Most tokens that are read of a text, those that the tokenizer adds included.
    pub fn most_tokens(&self) -> usize {
        self.most_tokens
    }

    /// What is said of each text, and how many of its tokens were not read.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`], [`TextError::Cancelled`].
    pub fn read(
        &self,
        texts: &[&str],
        progress: &dyn Progress,
    ) -> Result<Vec<(HubAnswer, usize)>, TextError> {
        let device = Device::flex();
        let mut answers = Vec::with_capacity(texts.len());
        for (done, text) in texts.iter().enumerate() {
            if progress.cancelled() {
                return Err(TextError::Cancelled);
            }
            let tokens = self.tokenizer.read(text, self.lowers, self.most_tokens, self.kinds)?;
            let TokenBatch { ids, kinds, valid, .. } = TokenBatch::of(&[&tokens], &device);
            let answer = match &self.network {
                Network::Text(network) => {
                    HubAnswer::Text(shares(network.forward(ids, kinds, Some(&valid))).remove(0))
                }
                Network::Tokens(network) => {
                    let logits = network.forward(ids, kinds, Some(&valid)).squeeze_dim::<2>(0);
                    HubAnswer::Spans(self.spans(text, &tokens, &shares(logits)))
                }
            };
            answers.push((answer, tokens.cut));
            progress.step(done + 1, texts.len());
        }
        Ok(answers)
    }

    /// Neighbors of one label become one span; `B-` begins a new one, a word has the label of its first piece, `O` is none.
    fn spans(&self, text: &str, tokens: &Tokens, rows: &[Vec<f64>]) -> Vec<TextSpan> {
        let mut spans: Vec<TextSpan> = Vec::new();
        // Where the token before ended, and whether it is of the last span.
        let mut before = (0, false);
        for (row, [start, end]) in rows.iter().zip(&tokens.places) {
            if start == end {
                continue;
            }
            let best = (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0);
            let (begins, label) = match self.classes[best].split_once('-') {
                Some(("B" | "S" | "U", label)) => (true, label),
                Some(("I" | "E" | "L", label)) => (false, label),
                _ => (false, self.classes[best].as_str()),
            };
            let is_piece = before.0 == *start && within_a_word(text, *start);
            let goes_on =
                before.1 && (is_piece || (!begins && spans.last().is_some_and(|last| last.label == label)));
            if let (true, Some(last)) = (goes_on, spans.last_mut()) {
                last.end = *end;
                last.probability = last.probability.min(row[best]);
            } else if !is_piece && label != "O" {
                let (label, probability) = (label.to_owned(), row[best]);
                spans.push(TextSpan { label, start: *start, end: *end, probability });
            } else {
                before = (*end, false);
                continue;
            }
            before = (*end, true);
        }
        spans
    }
}

/// Whether letters or digits stand on both sides of a place.
fn within_a_word(text: &str, at: usize) -> bool {
    let sides = text.get(..at).zip(text.get(at..));
    sides.is_some_and(|(before, after)| {
        before.chars().next_back().is_some_and(char::is_alphanumeric)
            && after.chars().next().is_some_and(char::is_alphanumeric)
    })
}

/// The softmax of each row.
fn shares(logits: Tensor<2>) -> Vec<Vec<f64>> {
    let share = |row: Vec<f32>| {
        let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let parts: Vec<f64> = row.iter().map(|logit| f64::from(logit - greatest).exp()).collect();
        let sum: f64 = parts.iter().sum();
        parts.into_iter().map(|part| part / sum).collect()
    };
    crate::model::rows(logits).into_iter().map(share).collect()
}
