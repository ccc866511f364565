use std::collections::BTreeMap;

use serde_json::json;
use wilhelm_nets::text::{TextError, Tokenizer};

use crate::LearnError;

/// What ends a text.
const END: &str = "<end>";
/// What stands for a word that was not learned.
const UNKNOWN: &str = "<unknown>";

/// The words of texts as numbers, and back; kept as a `tokenizer.json` of whole words.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    tokenizer: Tokenizer,
    end: u32,
    words: usize,
}

impl Vocabulary {
    /// The file of the words of some texts.
    pub fn json_of<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<u8> {
        let mut words: BTreeMap<String, usize> = BTreeMap::new();
        for word in texts.flat_map(split) {
            words.insert(word, 0);
        }
        let numbered: BTreeMap<String, usize> = [END.to_owned(), UNKNOWN.to_owned()]
            .into_iter()
            .chain(words.into_keys())
            .enumerate()
            .map(|(number, word)| (word, number))
            .collect();
        let file = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": [],
            "normalizer": { "type": "Lowercase" },
            "pre_tokenizer": { "type": "Whitespace" },
            "post_processor": null,
            "decoder": null,
            "model": { "type": "WordLevel", "vocab": numbered, "unk_token": UNKNOWN },
        });
        format!("{file:#}\n").into_bytes()
    }

    /// Reads its file.
    ///
    /// # Errors
    /// [`LearnError::Text`] for what is no tokenizer, or has no end.
    pub fn from_json(json: &[u8]) -> Result<Self, LearnError> {
        let tokenizer = Tokenizer::from_json(json)?;
        let end = tokenizer.number(END).ok_or_else(|| TextError::Tokenizer {
            reason: format!("has no token {END}, which ends a text: it is not one of this program's"),
        })?;
        let words = tokenizer.greatest().map_or(0, |greatest| greatest + 1);
        Ok(Self { tokenizer, end, words })
    }

    /// The number that ends a text.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// How many words there are, ends included.
    pub fn len(&self) -> usize {
        self.words
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words == 0
    }

    /// A text's words as numbers.
    ///
    /// # Errors
    /// [`LearnError::Text`] if the tokenizer fails.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, LearnError> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.tokenizer.encode(text, None, usize::MAX)?.ids)
    }

    /// The text of numbers: sentences with a capital, no space before a point.
    ///
    /// # Errors
    /// [`LearnError::Text`] if the tokenizer fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, LearnError> {
        Ok(joined(&self.tokenizer.decode(ids)?))
    }
}

/// Lowercase words and marks, as the file's tokenizer cuts them.
pub(crate) fn split(text: &str) -> Vec<String> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut words: Vec<String> = Vec::new();
    for piece in text.split_whitespace() {
        let mut last: Option<bool> = None;
        for character in piece.chars().flat_map(char::to_lowercase) {
            let word = is_word(character);
            if last == Some(word) {
                words.last_mut().expect("a word was begun").push(character);
            } else {
                words.push(character.to_string());
            }
            last = Some(word);
        }
    }
    words
}

fn joined(words: &str) -> String {
    let mut text = String::new();
    let mut capital = true;
    for word in words.split_whitespace() {
        let mark = matches!(word, "." | "," | ";" | ":" | "?" | "!" | ")");
        if !text.is_empty() && !mark {
            text.push(' ');
        }
        if capital && !mark {
            let mut characters = word.chars();
            text.extend(characters.next().into_iter().flat_map(char::to_uppercase));
            text.push_str(characters.as_str());
        } else {
            text.push_str(word);
        }
        capital = matches!(word, "." | "?" | "!");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_their_numbers_and_unknown_words_have_one() {
        let texts = ["No sign of pneumonia, here.", "The picture is dark."];
        let json = Vocabulary::json_of(texts.into_iter());
        let known = Vocabulary::from_json(&json).expect("its own file");
        // Nine words and two marks, with what ends and what is unknown.
        assert_eq!((known.len(), known.end()), (13, 0));
        for text in texts {
            let ids = known.encode(text).expect("numbers");
            assert_eq!(ids.len(), split(text).len());
            assert_eq!(known.decode(&ids).expect("words"), text);
        }
        assert_eq!(known.encode("mass").expect("a number"), [1]);
        assert!(known.encode("  ").expect("nothing").is_empty());
        assert!(Vocabulary::from_json(b"{}").is_err());
    }
}
