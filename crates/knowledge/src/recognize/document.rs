use std::collections::BTreeMap;

use super::abbreviation::abbreviations;
use super::lexicon::{Lexicon, Match};
use super::normal::normal;
use super::tagger::{TaggedSpan, Tagger};
use super::token::{Token, sentences, tokens};

/// A text in sentences and tokens, whose places are those of the text.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    text: &'a str,
    sentences: Vec<Vec<Token>>,
    /// Sentence, tokens of the short form, tokens of the long form in that sentence.
    explained: Vec<(usize, Vec<String>, std::ops::Range<usize>)>,
    /// For how many sentences an explanation holds.
    reach: usize,
}

impl<'a> Document<'a> {
    /// Splits a text; what it explains holds for all that comes after.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let place = |range: std::ops::Range<usize>| {
            let mut found = tokens(&text[range.clone()]);
            found
                .iter_mut()
                .for_each(|token| token.at = token.at.start + range.start..token.at.end + range.start);
            found
        };
        Self::of_sentences(text, sentences(text).into_iter().map(place).collect(), usize::MAX)
    }

    /// A text that is split already; an explanation of a short form holds for `reach` sentences, where the ends of documents
    /// are not known.
    #[must_use]
    pub fn of_sentences(text: &'a str, sentences: Vec<Vec<Token>>, reach: usize) -> Self {
        let mut explained = Vec::new();
        for (number, tokens) in sentences.iter().enumerate() {
            let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { continue };
            let from = first.at.start;
            for one in abbreviations(&text[from..last.at.end]) {
                let within = |range: &std::ops::Range<usize>| {
                    let first = tokens.partition_point(|token| token.at.end <= from + range.start);
                    let behind = tokens.partition_point(|token| token.at.start < from + range.end);
                    first..behind
                };
                let short = tokens[within(&one.short_at)].iter().map(|token| token.text.clone()).collect();
                explained.push((number, short, within(&one.long_at)));
            }
        }
        Self { text, sentences, explained, reach }
    }

    /// The tokens of each sentence.
    #[must_use]
    pub fn sentences(&self) -> &[Vec<Token>] {
        &self.sentences
    }

    /// The text.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Where the short forms of the document stand that are explained in or before a sentence, and by which explanation.
    fn short_forms(&self, sentence: usize) -> Vec<(std::ops::Range<usize>, usize)> {
        let tokens = &self.sentences[sentence];
        let mut found: Vec<(std::ops::Range<usize>, usize)> = Vec::new();
        for (rank, (from, short, _)) in self.explained.iter().enumerate().rev() {
            if *from > sentence || sentence - from > self.reach || short.is_empty() {
                continue;
            }
            for at in 0..(tokens.len() + 1).saturating_sub(short.len()) {
                let here = at..at + short.len();
                let same = tokens[here.clone()].iter().zip(short).all(|(token, short)| {
                    // "DSs" of "DS"
                    token.text == *short || token.text.strip_suffix('s') == Some(short)
                });
                if same && !found.iter().any(|(other, _)| other.start < here.end && here.start < other.end) {
                    found.push((here, rank));
                }
            }
        }
        found.sort_by_key(|(range, _)| range.start);
        found
    }

    /// The names of a dictionary in each sentence; a short form that the document explains means what its long form means.
    #[must_use]
    pub fn find(&self, lexicon: &Lexicon) -> Vec<Vec<Match>> {
        let mut found: Vec<Vec<Match>> = self.sentences.iter().map(|tokens| lexicon.find(tokens)).collect();
        let meant: Vec<Option<Vec<String>>> = self
            .explained
            .iter()
            .map(|(sentence, _, long)| {
                found[*sentence].iter().find(|one| one.tokens == *long).map(|one| one.concepts.clone())
            })
            .collect();
        for (sentence, found) in found.iter_mut().enumerate() {
            for (range, rank) in self.short_forms(sentence) {
                let Some(concepts) = &meant[rank] else { continue };
                // What the document says of its short form counts more than what the dictionary says.
                found.retain(|one| one.tokens.end <= range.start || range.end <= one.tokens.start);
                found.push(Match { tokens: range, concepts: concepts.clone() });
            }
            found.sort_by_key(|one| one.tokens.start);
        }
        found
    }

    /// The mentions in each sentence; a short form is what its long form is.
    #[must_use]
    pub fn tag(&self, tagger: &Tagger, lexicon: Option<&Lexicon>) -> Vec<Vec<TaggedSpan>> {
        let hints = hints(self);
        let mut spans: Vec<Vec<TaggedSpan>> = self
            .sentences
            .iter()
            .zip(&hints)
            .map(|(tokens, hints)| tagger.tag(tokens, lexicon, hints))
            .collect();
        let kinds: Vec<Option<String>> = self
            .explained
            .iter()
            .map(|(sentence, _, long)| {
                let same =
                    |span: &&TaggedSpan| span.tokens.end == long.end && span.tokens.start <= long.start + 1;
                spans[*sentence].iter().find(same).map(|span| span.kind.clone())
            })
            .collect();
        for (sentence, spans) in spans.iter_mut().enumerate() {
            for (range, rank) in self.short_forms(sentence) {
                let Some(kind) = &kinds[rank] else { continue };
                if !spans.iter().any(|span| span.tokens.start < range.end && range.start < span.tokens.end) {
                    spans.push(TaggedSpan { tokens: range, kind: kind.clone() });
                }
            }
            spans.sort_by_key(|span| span.tokens.start);
        }
        self.repeat(&mut spans);
        spans
    }

    /// Marks the words of a mention wherever they stand again within reach and nothing is marked; a single word only where it
    /// was marked twice.
    fn repeat(&self, spans: &mut [Vec<TaggedSpan>]) {
        let words = |sentence: usize, range: &std::ops::Range<usize>| -> Vec<String> {
            self.sentences[sentence][range.clone()].iter().map(|token| token.text.to_lowercase()).collect()
        };
        let mut known: BTreeMap<Vec<String>, Vec<(usize, String)>> = BTreeMap::new();
        for (sentence, spans) in spans.iter().enumerate() {
            for span in spans {
                known.entry(words(sentence, &span.tokens)).or_default().push((sentence, span.kind.clone()));
            }
        }
        let longest = known.keys().map(Vec::len).max().unwrap_or(0);
        let mut added: Vec<(usize, TaggedSpan)> = Vec::new();
        for (sentence, tokens) in self.sentences.iter().enumerate() {
            let mut free: Vec<bool> = vec![true; tokens.len()];
            spans[sentence].iter().for_each(|span| free[span.tokens.clone()].fill(false));
            for length in (1..=longest.min(tokens.len())).rev() {
                for from in 0..=tokens.len() - length {
                    let range = from..from + length;
                    if !free[range.clone()].iter().all(|free| *free) {
                        continue;
                    }
                    let Some(places) = known.get(&words(sentence, &range)) else { continue };
                    let near = |place: usize| place.abs_diff(sentence) <= self.reach;
                    let Some((_, kind)) = places.iter().find(|(place, _)| near(*place)) else { continue };
                    let marked = places.iter().filter(|(place, _)| near(*place)).count();
                    if length + marked < 3 {
                        continue;
                    }
                    free[range.clone()].fill(false);
                    added.push((sentence, TaggedSpan { tokens: range, kind: kind.clone() }));
                }
            }
        }
        for (sentence, span) in added {
            spans[sentence].push(span);
            spans[sentence].sort_by_key(|span| span.tokens.start);
        }
    }
}

/// Of each token of each sentence that is a short form, the last word of what it is short for; otherwise empty.
#[must_use]
pub fn hints(document: &Document<'_>) -> Vec<Vec<String>> {
    let mut hints = Vec::with_capacity(document.sentences.len());
    for (number, tokens) in document.sentences.iter().enumerate() {
        let mut row = vec![String::new(); tokens.len()];
        for (range, rank) in document.short_forms(number) {
            let (sentence, _, long) = &document.explained[rank];
            let words = document.sentences[*sentence][long.clone()].iter().rev();
            let last =
                words.map(|token| normal(&token.text)).find(|word| word.chars().any(char::is_alphabetic));
            let last = last.unwrap_or_default();
            row[range].iter_mut().for_each(|hint| hint.clone_from(&last));
        }
        hints.push(row);
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_form_carries_the_last_word_of_its_long_one() {
        let text = "Ataxia telangiectasia (AT) is rare. Few have AT. BRCA1 is a gene.";
        let document = Document::new(text);
        let told: Vec<(String, String)> = document
            .sentences()
            .iter()
            .zip(hints(&document))
            .flat_map(|(tokens, hints)| {
                tokens.iter().zip(hints).map(|(token, hint)| (token.text.clone(), hint)).collect::<Vec<_>>()
            })
            .filter(|(_, hint)| !hint.is_empty())
            .collect();
        assert_eq!(
            told,
            [("AT".to_owned(), "telangiectasia".to_owned()), ("AT".to_owned(), "telangiectasia".to_owned())]
        );
    }
}
