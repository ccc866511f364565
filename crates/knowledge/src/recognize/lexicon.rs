use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::normal::{is_passed_over, normal};
use super::token::Token;

/// Names that lead to concepts, found in one pass over a text.
///
/// Names and texts are compared word by word in their [`normal`] form; hyphens, slashes and apostrophes are passed over, and
/// of names that overlap the first and longest counts.
#[derive(Clone, Debug)]
pub struct Lexicon {
    finder: AhoCorasick,
    /// Of each name: its concepts, as indexes into `concepts`.
    names: Vec<Vec<u32>>,
    /// Which names are short forms in capitals alone: "AS" is not "as".
    capital: Vec<bool>,
    concepts: Vec<String>,
}

/// A name where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The first and the last but one of the tokens.
    pub tokens: Range<usize>,
    /// What the name may mean, in order.
    pub concepts: Vec<String>,
}

/// Why there is no dictionary.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LexiconError {
    /// More names than the search can hold.
    #[error("the dictionary holds more than its search can: {what}")]
    Size {
        /// What the search says.
        what: String,
    },
}

impl Lexicon {
    /// A dictionary of names with their concepts. Names of less than two letters are left out.
    ///
    /// # Errors
    /// [`LexiconError::Size`].
    pub fn new<'a>(names: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, LexiconError> {
        let mut concepts = BTreeMap::new();
        let mut by_name: BTreeMap<String, (BTreeSet<u32>, bool)> = BTreeMap::new();
        let mut order = Vec::new();
        for (name, concept) in names {
            let key = key(&super::token::tokens(name)).0;
            if key.chars().filter(|c| c.is_alphabetic()).count() < 2 {
                continue;
            }
            let index = *concepts.entry(concept.to_owned()).or_insert_with(|| {
                order.push(concept.to_owned());
                order.len() as u32 - 1
            });
            let capital = name.len() <= 5 && name.chars().all(|c| !c.is_lowercase());
            let (meant, always_capital) = by_name.entry(key).or_insert((BTreeSet::new(), true));
            meant.insert(index);
            *always_capital &= capital;
        }
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(by_name.keys())
            .map_err(|error| LexiconError::Size { what: error.to_string() })?;
        let (names, capital) =
            by_name.into_values().map(|(set, capital)| (set.into_iter().collect(), capital)).unzip();
        Ok(Self { finder, names, capital, concepts: order })
    }

    /// How many different names it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names in a text, in order, none overlapping another.
    #[must_use]
    pub fn find(&self, tokens: &[Token]) -> Vec<Match> {
        let (text, places) = key(tokens);
        self.finder
            .find_iter(&text)
            .filter_map(|found| {
                let first = places.partition_point(|(from, _)| *from < found.start());
                let last = places.partition_point(|(from, _)| *from < found.end()) - 1;
                let concepts = &self.names[found.pattern().as_usize()];
                let range = places[first].1..places[last].1 + 1;
                let has_capital =
                    tokens[range.clone()].iter().any(|token| token.text.chars().any(char::is_uppercase));
                (has_capital || !self.capital[found.pattern().as_usize()]).then(|| Match {
                    tokens: range,
                    concepts: concepts.iter().map(|index| self.concepts[*index as usize].clone()).collect(),
                })
            })
            .collect()
    }
}

/// Words in normal form, each between two marks that no word holds, so that names begin and end with words; with the place
/// of each word in it and the token it comes from.
fn key(tokens: &[Token]) -> (String, Vec<(usize, usize)>) {
    let mut text = String::new();
    let mut places = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        let after_apostrophe = at > 0 && matches!(tokens[at - 1].text.as_str(), "'" | "\u{2019}");
        if is_passed_over(&token.text) || (after_apostrophe && token.text == "s") {
            continue;
        }
        places.push((text.len(), at));
        text.push('\u{1}');
        text.push_str(&normal(&token.text));
        text.push('\u{2}');
    }
    (text, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognize::tokens;

    #[test]
    fn the_longest_name_is_found_whatever_its_spelling() {
        let lexicon = Lexicon::new([
            ("breast cancer", "A:1"),
            ("cancer", "A:2"),
            ("Crohn's disease", "A:3"),
            ("non-small-cell tumor", "A:4"),
            ("cold", "A:5"),
            ("common cold", "A:5"),
            ("cold", "A:6"),
            ("AS", "A:7"),
        ])
        .expect("a dictionary");
        let text = "Breast cancers, cancer; Crohn disease and non small cell tumours as AS. A scold, colds.";
        let found: Vec<(String, Vec<String>)> = {
            let tokens = tokens(text);
            let spans = lexicon.find(&tokens).into_iter();
            spans
                .map(|one| {
                    let (first, last) = (&tokens[one.tokens.start], &tokens[one.tokens.end - 1]);
                    (text[first.at.start..last.at.end].to_owned(), one.concepts)
                })
                .collect()
        };
        let expected = [
            ("Breast cancers", vec!["A:1"]),
            ("cancer", vec!["A:2"]),
            ("Crohn disease", vec!["A:3"]),
            ("non small cell tumours", vec!["A:4"]),
            ("AS", vec!["A:7"]),
            ("colds", vec!["A:5", "A:6"]),
        ];
        assert_eq!(found.len(), expected.len());
        for ((words, concepts), (expected_words, expected_concepts)) in found.iter().zip(&expected) {
            assert_eq!(
                (words.as_str(), concepts),
                (*expected_words, &expected_concepts.iter().map(ToString::to_string).collect())
            );
        }
    }
}
