use std::ops::Range;

use super::descent::minimize;
use super::features::features;
use super::field::{Field, Sequence, size};
use super::lexicon::Lexicon;
use super::token::Token;

/// A linear-chain conditional random field that marks mentions of some kinds in the tokens of a sentence.
///
/// Features are kept as hashes: neither the texts it learned from nor their words can be read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagger {
    kinds: Vec<String>,
    /// Hashes in ascending order.
    features: Vec<u64>,
    weights: Vec<f64>,
}

/// A sentence whose mentions are known.
#[derive(Clone, Debug)]
pub struct Labeled {
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// Kind of each mention and the first and the last but one of its tokens.
    pub mentions: Vec<TaggedSpan>,
    /// Of each token that is a short form, what it is short for, as [`hints`](super::hints) gives it; may be empty.
    pub hints: Vec<String>,
}

/// A mention by its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedSpan {
    /// Its tokens.
    pub tokens: Range<usize>,
    /// Of which kind.
    pub kind: String,
}

/// How a tagger learns.
#[derive(Clone, Copy, Debug)]
pub struct Training {
    /// Weight of the squared weights, halved.
    pub penalty: f64,
    /// The most iterations.
    pub iterations: usize,
    /// How often a feature must be seen.
    pub least_count: usize,
    /// Threads; the result does not depend on them.
    pub threads: usize,
}

impl Default for Training {
    fn default() -> Self {
        Self { penalty: 1.0, iterations: 150, least_count: 2, threads: 2 }
    }
}

/// Why there is no tagger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaggerError {
    /// No sentence, or no mention.
    #[error("nothing to learn from: {what}")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// A mention outside its sentence, or over another.
    #[error("sentence {sentence}: mention {from}..{to} is not of the sentence or overlaps another")]
    Mention {
        /// Which sentence, from 1.
        sentence: usize,
        /// First token.
        from: usize,
        /// Behind the last.
        to: usize,
    },
    /// A file that is no tagger.
    #[error("this is no tagger of this program: {what}")]
    Damaged {
        /// Where it differs.
        what: &'static str,
    },
}

/// How many parts the sum over sentences has; fixed, so that threads do not move its last digits.
const PARTS: usize = 4;
/// Places within a mention.
const BEGINS: usize = 0;
const GOES_ON: usize = 1;
const ENDS: usize = 2;
const ALONE: usize = 3;
const MAGIC: &[u8] = b"wilhelm tagger 1\n";

impl Tagger {
    /// Learns from sentences, each seen with the dictionary that `lexicon(its place)` gives: one that holds the mentions of
    /// other sentences teaches what a known name is worth. `step` is told each iteration and its loss.
    ///
    /// # Errors
    /// [`TaggerError::Nothing`], [`TaggerError::Mention`].
    ///
    /// # Source
    /// Penalized maximum likelihood, as in Sha and Pereira 2003, doi:10.3115/1073445.1073473
    pub fn learn<'a>(
        sentences: &[Labeled],
        lexicon: impl Fn(usize) -> Option<&'a Lexicon>,
        training: &Training,
        mut step: impl FnMut(usize, f64),
    ) -> Result<Self, TaggerError> {
        let mut kinds: Vec<String> = sentences
            .iter()
            .flat_map(|one| one.mentions.iter().map(|mention| mention.kind.clone()))
            .collect();
        kinds.sort();
        kinds.dedup();
        if kinds.is_empty() {
            return Err(TaggerError::Nothing { what: "no mention in the sentences" });
        }
        let labels = labels_of(kinds.len());
        let mut sequences = Vec::with_capacity(sentences.len());
        let mut all = Vec::new();
        for (number, sentence) in sentences.iter().enumerate() {
            let mut truth = vec![0; sentence.tokens.len()];
            for mention in &sentence.mentions {
                let Range { start, end } = mention.tokens;
                if start >= end || end > truth.len() || truth[start..end].iter().any(|label| *label != 0) {
                    return Err(TaggerError::Mention { sentence: number + 1, from: start, to: end });
                }
                let kind = kinds.binary_search(&mention.kind).expect("gathered above");
                truth[start..end].fill(label(kind, GOES_ON));
                truth[start] = label(kind, BEGINS);
                truth[end - 1] = label(kind, if end - start == 1 { ALONE } else { ENDS });
            }
            let found = features(&sentence.tokens, lexicon(number), &sentence.hints);
            all.extend(found.iter().flatten().copied());
            sequences.push((found, truth));
        }
        all.sort_unstable();
        let known: Vec<u64> = all
            .chunk_by(|one, other| one == other)
            .filter(|same| same.len() >= training.least_count)
            .map(|same| same[0])
            .collect();
        drop(all);
        let sequences: Vec<Sequence> = sequences
            .into_iter()
            .map(|(found, truth)| Sequence { features: indexes(&known, &found), truth })
            .collect();
        let parts: Vec<&[Sequence]> = sequences.chunks(sequences.len().div_ceil(PARTS)).collect();
        let mut sums = vec![vec![0.0; size(known.len(), labels)]; parts.len()];
        let loss = |weights: &[f64], gradient: &mut [f64]| {
            let mut losses = vec![0.0; parts.len()];
            let mut work: Vec<_> = parts.iter().zip(&mut sums).zip(&mut losses).collect();
            let share = work.len().div_ceil(training.threads.max(1));
            std::thread::scope(|scope| {
                for work in work.chunks_mut(share) {
                    scope.spawn(move || {
                        for ((part, sum), loss) in work {
                            sum.fill(0.0);
                            let field = Field { labels, weights };
                            **loss = part.iter().map(|sequence| field.loss(sequence, sum)).sum();
                        }
                    });
                }
            });
            for (at, slope) in gradient.iter_mut().enumerate() {
                *slope = training.penalty * weights[at] + sums.iter().map(|sum| sum[at]).sum::<f64>();
            }
            losses.iter().sum::<f64>() + 0.5 * training.penalty * weights.iter().map(|w| w * w).sum::<f64>()
        };
        let start = vec![0.0; size(known.len(), labels)];
        let weights = minimize(start, training.iterations, 1e-5, loss, &mut step);
        Ok(Self { kinds, features: known, weights }.rounded())
    }

    /// Its kinds of mentions, in order.
    #[must_use]
    pub fn kinds(&self) -> &[String] {
        &self.kinds
    }

    /// How many features it knows.
    #[must_use]
    pub fn size(&self) -> usize {
        self.features.len()
    }

    /// The mentions in a sentence, in order; `hints` tell what its short forms are short for.
    #[must_use]
    pub fn tag(&self, tokens: &[Token], lexicon: Option<&Lexicon>, hints: &[String]) -> Vec<TaggedSpan> {
        let found = indexes(&self.features, &features(tokens, lexicon, hints));
        let labels = labels_of(self.kinds.len());
        let is_open = |label: usize| label > 0 && matches!((label - 1) % 4, BEGINS | GOES_ON);
        let goes_on = |label: usize| label > 0 && matches!((label - 1) % 4, GOES_ON | ENDS);
        // What began must go on or end, and nothing else may.
        let may_follow = |before: Option<usize>, label: usize| match before {
            Some(before) if is_open(before) => goes_on(label) && (before - 1) / 4 == (label - 1) / 4,
            _ => !goes_on(label),
        };
        let field = Field { labels, weights: &self.weights };
        let path = field.decode(&found, may_follow, |label| !is_open(label));
        let mut spans: Vec<TaggedSpan> = Vec::new();
        for (at, label) in path.into_iter().enumerate().filter(|(_, label)| *label > 0) {
            if goes_on(label) {
                spans.last_mut().expect("what goes on has begun").tokens.end = at + 1;
            } else {
                spans.push(TaggedSpan { tokens: at..at + 1, kind: self.kinds[(label - 1) / 4].clone() });
            }
        }
        spans
    }

    /// As the bytes of a file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.kinds.join("\t").bytes());
        bytes.push(b'\n');
        bytes.extend((self.features.len() as u64).to_le_bytes());
        self.features.iter().for_each(|hash| bytes.extend(hash.to_le_bytes()));
        self.weights.iter().for_each(|weight| bytes.extend((*weight as f32).to_le_bytes()));
        bytes
    }

    /// Reads what [`Tagger::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`TaggerError::Damaged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TaggerError> {
        let damaged = |what| TaggerError::Damaged { what };
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("it does not begin as one"))?;
        let end =
            rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("its kinds do not end"))?;
        let kinds = std::str::from_utf8(&rest[..end]).map_err(|_| damaged("its kinds are not UTF-8"))?;
        let kinds: Vec<String> = kinds.split('\t').map(str::to_owned).collect();
        let (count, rest) = rest[end + 1..].split_first_chunk().ok_or_else(|| damaged("it is cut short"))?;
        let count = usize::try_from(u64::from_le_bytes(*count)).map_err(|_| damaged("its size is absurd"))?;
        let labels = labels_of(kinds.len());
        let expected = count
            .checked_mul(8 + 4 * labels)
            .and_then(|bytes| bytes.checked_add(4 * labels * (labels + 1)))
            .ok_or_else(|| damaged("its size is absurd"))?;
        if rest.len() != expected {
            return Err(damaged("its size is not what it says"));
        }
        let (hashes, weights) = rest.split_at(8 * count);
        let features: Vec<u64> = hashes.as_chunks().0.iter().map(|hash| u64::from_le_bytes(*hash)).collect();
        let weights: Vec<f64> =
            weights.as_chunks().0.iter().map(|w| f64::from(f32::from_le_bytes(*w))).collect();
        if !features.is_sorted() || weights.iter().any(|weight| !weight.is_finite()) {
            return Err(damaged("its numbers are out of order"));
        }
        Ok(Self { kinds, features, weights })
    }

    /// With the digits that a file keeps, and without the features whose weights are all next to nothing.
    fn rounded(mut self) -> Self {
        let labels = labels_of(self.kinds.len());
        let mut weights = Vec::with_capacity(self.weights.len());
        let (own, rest) = self.weights.split_at(labels * self.features.len());
        let mut kept = Vec::with_capacity(self.features.len());
        for (hash, row) in self.features.iter().zip(own.chunks(labels)) {
            if row.iter().any(|weight| weight.abs() > 1e-4) {
                kept.push(*hash);
                weights.extend_from_slice(row);
            }
        }
        weights.extend_from_slice(rest);
        weights.iter_mut().for_each(|weight| *weight = f64::from(*weight as f32));
        self.features = kept;
        self.weights = weights;
        self
    }
}

/// Outside of every mention, and four places within one of each kind.
const fn labels_of(kinds: usize) -> usize {
    1 + 4 * kinds
}

const fn label(kind: usize, place: usize) -> usize {
    1 + 4 * kind + place
}

/// The known ones among the features of each place, as their indexes.
fn indexes(known: &[u64], found: &[Vec<u64>]) -> Vec<Vec<u32>> {
    let index = |hash: &u64| known.binary_search(hash).ok().map(|at| at as u32);
    found.iter().map(|place| place.iter().filter_map(index).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognize::tokens;

    fn labeled(text: &str, mentions: &[(Range<usize>, &str)]) -> Labeled {
        let mentions = mentions
            .iter()
            .map(|(tokens, kind)| TaggedSpan { tokens: tokens.clone(), kind: (*kind).to_owned() });
        Labeled { tokens: tokens(text), mentions: mentions.collect(), hints: Vec::new() }
    }

    #[test]
    fn what_was_learned_is_found_again_by_any_number_of_threads_and_from_the_file() {
        let sentences = [
            labeled("He has breast cancer .", &[(2..4, "Disease")]),
            labeled("She took aspirin for colon cancer .", &[(2..3, "Chemical"), (4..6, "Disease")]),
            labeled("No aspirin was given .", &[(1..2, "Chemical")]),
            labeled("He walks home .", &[]),
        ];
        let training = Training { penalty: 0.1, iterations: 50, least_count: 1, threads: 1 };
        let tagger = Tagger::learn(&sentences, |_| None, &training, |_, _| {}).expect("learned");
        assert_eq!(tagger.kinds(), ["Chemical", "Disease"]);
        for sentence in &sentences {
            assert_eq!(tagger.tag(&sentence.tokens, None, &[]), sentence.mentions);
        }
        let more = Training { threads: 3, ..training };
        assert_eq!(Tagger::learn(&sentences, |_| None, &more, |_, _| {}).expect("learned"), tagger);
        let bytes = tagger.to_bytes();
        assert_eq!(Tagger::from_bytes(&bytes).expect("whole"), tagger);
        for cut in [0, 5, 20, bytes.len() - 1] {
            assert!(Tagger::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn mentions_that_make_no_sense_are_refused() {
        let training = Training::default();
        let wrong = [labeled("a b", &[(0..2, "X"), (1..2, "X")])];
        let error = Tagger::learn(&wrong, |_| None, &training, |_, _| {}).expect_err("refused");
        assert_eq!(error.to_string(), "sentence 1: mention 1..2 is not of the sentence or overlaps another");
        assert!(matches!(
            Tagger::learn(&[], |_| None, &training, |_, _| {}),
            Err(TaggerError::Nothing { .. })
        ));
    }
}
