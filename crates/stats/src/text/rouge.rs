use super::ngrams::{ngrams, runs, shared};
use crate::StatsError;
use crate::error::{check_at_least, check_range};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How much more the recall weighs than the precision in pycocoevalcap's ROUGE-L.
pub const CAPTION_BETA: f64 = 1.2;

/// How much of the hypothesis is in the reference, how much of the reference is in the hypothesis, and both in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RougeScore {
    /// Share of the hypothesis that the reference has too.
    pub precision: f64,
    /// Share of the reference that the hypothesis has too.
    pub recall: f64,
    /// Their harmonic mean; 0 where both are 0.
    pub f: f64,
}

impl RougeScore {
    fn new(hits: f64, hypothesis: f64, reference: f64) -> Self {
        let (precision, recall) = (hits / hypothesis.max(1.0), hits / reference.max(1.0));
        let sum = precision + recall;
        Self { precision, recall, f: if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 } }
    }

    /// The score with the greatest F, of equal ones the first: how rouge-score takes several references.
    ///
    /// # Errors
    /// [`StatsError::TooFew`] without a score.
    pub fn best(scores: &[Self]) -> Result<Self, StatsError> {
        check_at_least("references", scores.len(), 1)?;
        Ok(scores.iter().skip(1).fold(scores[0], |best, score| if score.f > best.f { *score } else { best }))
    }
}

/// ROUGE of runs of `length` tokens.
///
/// An empty hypothesis, an empty reference, and texts shorter than `length` score 0 (a choice, rouge-score's: the
/// formula is 0/0 there).
///
/// # Units
/// None: 0 to 1.
///
/// # Errors
/// [`StatsError::Range`] for a length of 0.
///
/// # Source
/// Lin 2004, <https://aclanthology.org/W04-1013>
pub fn rouge_n(hypothesis: &[String], reference: &[String], length: usize) -> Result<RougeScore, StatsError> {
    check_range("length of runs", length as f64, 1.0, f64::MAX)?;
    let hits = shared(&ngrams(hypothesis, length), &ngrams(reference, length));
    Ok(RougeScore::new(hits as f64, runs(hypothesis, length) as f64, runs(reference, length) as f64))
}

/// ROUGE of the longest common subsequence of two texts.
///
/// An empty text on either side scores 0.
///
/// # Units
/// None: 0 to 1.
///
/// # Source
/// Lin 2004, <https://aclanthology.org/W04-1013>
pub fn rouge_l(hypothesis: &[String], reference: &[String]) -> RougeScore {
    RougeScore::new(common(hypothesis, reference) as f64, hypothesis.len() as f64, reference.len() as f64)
}

/// ROUGE-L of one text against several references as pycocoevalcap has it: the greatest precision and the greatest
/// recall, of whichever reference, with the recall weighing `beta` times as much.
///
/// # Units
/// None: 0 to 1. An empty hypothesis scores 0.
///
/// # Errors
/// [`StatsError`] without a reference, or for a `beta` that is not above 0.
///
/// # Source
/// Lin 2004, <https://aclanthology.org/W04-1013> (section 3.1); Chen et al. 2015, arXiv:1504.00325
pub fn rouge_l_caption(
    hypothesis: &[String],
    references: &[Vec<String>],
    beta: f64,
) -> Result<f64, StatsError> {
    check_at_least("references", references.len(), 1)?;
    check_range("beta", beta, f64::MIN_POSITIVE, 1e100)?;
    let scores: Vec<RougeScore> = references.iter().map(|reference| rouge_l(hypothesis, reference)).collect();
    let precision = scores.iter().map(|score| score.precision).fold(0.0, f64::max);
    let recall = scores.iter().map(|score| score.recall).fold(0.0, f64::max);
    let square = beta * beta;
    let below = recall + square * precision;
    Ok(if below > 0.0 { (1.0 + square) * precision * recall / below } else { 0.0 })
}

/// ROUGE-L of summaries: of each sentence of the reference the union of its common subsequences with all sentences of
/// the hypothesis, no token counted more often than either text has it.
///
/// # Shapes
/// One list of tokens a sentence; rouge-score takes the lines of a text for its sentences.
///
/// # Units
/// None: 0 to 1. A text without tokens on either side scores 0.
///
/// # Source
/// Lin 2004, <https://aclanthology.org/W04-1013> (section 3.2); counts clipped as ROUGE-1.5.5 and rouge-score do
pub fn rouge_l_summary(hypothesis: &[Vec<String>], reference: &[Vec<String>]) -> RougeScore {
    let mut left = [tally(hypothesis), tally(reference)];
    let mut hits = 0_u64;
    for sentence in reference {
        let union: BTreeSet<usize> =
            hypothesis.iter().flat_map(|other| common_places(sentence, other)).collect();
        for place in union {
            let token = sentence[place].as_str();
            if left.iter().all(|counts| counts.get(token).is_some_and(|count| *count > 0)) {
                hits += 1;
                left.iter_mut().for_each(|counts| *counts.entry(token).or_default() -= 1);
            }
        }
    }
    let tokens = |sentences: &[Vec<String>]| sentences.iter().map(Vec::len).sum::<usize>() as f64;
    RougeScore::new(hits as f64, tokens(hypothesis), tokens(reference))
}

fn tally(sentences: &[Vec<String>]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for token in sentences.iter().flatten() {
        *counts.entry(token.as_str()).or_default() += 1;
    }
    counts
}

/// The length of the longest common subsequence.
fn common(one: &[String], other: &[String]) -> usize {
    let mut row = vec![0; other.len() + 1];
    for token in one {
        let mut diagonal = 0;
        for (place, candidate) in other.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if token == candidate { diagonal + 1 } else { above.max(row[place]) };
            diagonal = above;
        }
    }
    row[other.len()]
}

/// The places in `reference` of one longest common subsequence: of several the one that rouge-score walks back to.
fn common_places(reference: &[String], other: &[String]) -> Vec<usize> {
    let width = other.len() + 1;
    let mut table = vec![0_usize; (reference.len() + 1) * width];
    for row in 1..=reference.len() {
        for column in 1..width {
            table[row * width + column] = if reference[row - 1] == other[column - 1] {
                table[(row - 1) * width + column - 1] + 1
            } else {
                table[(row - 1) * width + column].max(table[row * width + column - 1])
            };
        }
    }
    let (mut row, mut column, mut places) = (reference.len(), other.len(), Vec::new());
    while row > 0 && column > 0 {
        if reference[row - 1] == other[column - 1] {
            places.push(row - 1);
            row -= 1;
            column -= 1;
        } else if table[row * width + column - 1] > table[(row - 1) * width + column] {
            column -= 1;
        } else {
            row -= 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_example_of_the_paper() {
        // Lin 2004: police kill the gunman / police killed the gunman, F of 3/4; the gunman kill police, 2/4.
        let reference = tokens("police killed the gunman");
        assert_eq!(rouge_l(&tokens("police kill the gunman"), &reference).f, 0.75);
        assert_eq!(rouge_l(&tokens("the gunman kill police"), &reference).f, 0.5);
        assert_eq!(
            rouge_n(&tokens("police kill the gunman"), &reference, 2).expect("sound").recall,
            1.0 / 3.0
        );
    }

    #[test]
    fn the_union_of_subsequences_of_the_paper() {
        // Reference w1..w5; the sentences w1 w2 w6 w7 w8 and w1 w3 w8 w9 w5 share w1 w2 and w1 w3 w5: 4 of 5.
        let reference = [tokens("w1 w2 w3 w4 w5")];
        let hypothesis = [tokens("w1 w2 w6 w7 w8"), tokens("w1 w3 w8 w9 w5")];
        let found = rouge_l_summary(&hypothesis, &reference);
        assert_eq!((found.recall, found.precision), (0.8, 0.4));
    }

    #[test]
    fn empty_texts_score_0() {
        let (empty, some) = (tokens(""), tokens("a b"));
        for (one, other) in [(&empty, &some), (&some, &empty), (&empty, &empty)] {
            assert_eq!(rouge_l(one, other), RougeScore::default());
            assert_eq!(rouge_n(one, other, 1), Ok(RougeScore::default()));
            assert_eq!(
                rouge_l_summary(std::slice::from_ref(one), std::slice::from_ref(other)),
                RougeScore::default()
            );
            assert_eq!(rouge_l_caption(one, std::slice::from_ref(other), CAPTION_BETA), Ok(0.0));
        }
        assert_eq!(rouge_l_summary(&[], &[]), RougeScore::default());
        assert!(rouge_n(&some, &some, 0).is_err());
        assert!(rouge_l_caption(&some, &[], CAPTION_BETA).is_err());
        assert!(RougeScore::best(&[]).is_err());
    }
}
