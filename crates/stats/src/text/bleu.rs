use super::ngrams::{ngrams, runs, shared};
use crate::StatsError;
use crate::error::{check_at_least, check_range};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::AddAssign;

/// The longest runs of tokens that [`BleuCounts`] holds.
pub const BLEU_ORDER: usize = 4;

/// What BLEU needs to know of one text, or of many: these add up.
///
/// BLEU of a corpus is that of the sum of its texts' counts, not the mean of their scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BleuCounts {
    /// Runs of 1 to 4 tokens that a reference has too, each as often as the reference that has it most.
    pub matches: [u64; BLEU_ORDER],
    /// Runs of 1 to 4 tokens of the hypothesis.
    pub runs: [u64; BLEU_ORDER],
    /// Tokens of the hypothesis.
    pub hypothesis_tokens: u64,
    /// Tokens of the reference whose length is closest to the hypothesis; of two as close the shorter.
    pub reference_tokens: u64,
}

/// What stands in for a share of 0, whose logarithm there is none of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "method")]
pub enum BleuSmoothing {
    /// Nothing: a text without a match of some length scores 0.
    None,
    /// A count of 0 becomes `matches` (method 1 of Chen and Cherry; they take 0.1).
    Floor {
        /// What stands in for 0.
        matches: f64,
    },
    /// Matches and runs of two tokens and more are raised by `added` (method 2; they take 1).
    Add {
        /// What is added.
        added: f64,
    },
    /// The first length without a match gets half a match, the next a quarter, and so on (method 3; sacrebleu's default).
    Exponential,
    /// `(matches + 1e-15) / (runs + 1e-9)`, as pycocoevalcap: hardly any smoothing, but never exactly 0.
    Tiny,
}

/// Which BLEU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BleuRule {
    /// The longest runs counted: 4 for BLEU-4.
    pub order: usize,
    /// What is done about lengths without a match.
    pub smoothing: BleuSmoothing,
    /// Whether lengths that the hypothesis is too short for are left out.
    pub effective_order: bool,
}

impl BleuRule {
    /// sacrebleu's, for corpora.
    pub const CORPUS: Self =
        Self { order: BLEU_ORDER, smoothing: BleuSmoothing::Exponential, effective_order: false };
    /// sacrebleu's, for single texts.
    pub const SENTENCE: Self = Self { effective_order: true, ..Self::CORPUS };
    /// pycocoevalcap's, as papers on report generation have it.
    pub const CAPTION: Self = Self { smoothing: BleuSmoothing::Tiny, ..Self::CORPUS };
}

/// Counts the runs that a hypothesis shares with its references.
///
/// # Errors
/// [`StatsError::TooFew`] without a reference. An empty hypothesis, or an empty reference, is counted as it is.
///
/// # Source
/// Papineni et al. 2002, doi:10.3115/1073083.1073135
pub fn count_bleu(hypothesis: &[String], references: &[Vec<String>]) -> Result<BleuCounts, StatsError> {
    check_at_least("references", references.len(), 1)?;
    let mut counts = BleuCounts { hypothesis_tokens: hypothesis.len() as u64, ..BleuCounts::default() };
    for place in 0..BLEU_ORDER {
        let length = place + 1;
        let mut most: BTreeMap<&[String], u64> = BTreeMap::new();
        for reference in references {
            for (run, count) in ngrams(reference, length) {
                let kept = most.entry(run).or_default();
                *kept = count.max(*kept);
            }
        }
        counts.matches[place] = shared(&ngrams(hypothesis, length), &most);
        counts.runs[place] = runs(hypothesis, length);
    }
    let distance = |reference: &Vec<String>| (reference.len().abs_diff(hypothesis.len()), reference.len());
    let (_, closest) = references.iter().map(distance).min().unwrap_or_default();
    counts.reference_tokens = closest as u64;
    Ok(counts)
}

impl BleuCounts {
    /// The geometric mean of the shares of runs that match, times the brevity penalty.
    ///
    /// The penalty is 1 where the hypothesis has as many tokens as the reference, and `exp(1 - reference / hypothesis)`
    /// where it has fewer. No match at all gives 0 (but for `Tiny`, where it gives nearly 0).
    ///
    /// # Units
    /// None: 0 to 1. Others print it times 100.
    ///
    /// # Errors
    /// [`StatsError::Range`] for an order outside 1 to 4, and a smoothing number below 0 or not finite.
    ///
    /// # Source
    /// Papineni et al. 2002, doi:10.3115/1073083.1073135; smoothing: Chen and Cherry 2014, doi:10.3115/v1/W14-3346;
    /// as sacrebleu: Post 2018, doi:10.18653/v1/W18-6319
    pub fn score(&self, rule: BleuRule) -> Result<f64, StatsError> {
        check_range("order of BLEU", rule.order as f64, 1.0, BLEU_ORDER as f64)?;
        match rule.smoothing {
            BleuSmoothing::Floor { matches: number } | BleuSmoothing::Add { added: number } => {
                check_range("smoothing number", number, 0.0, f64::MAX)?;
            }
            BleuSmoothing::Tiny => return Ok(self.caption(rule.order)),
            BleuSmoothing::None | BleuSmoothing::Exponential => {}
        }
        if self.matches[..rule.order].iter().all(|&matches| matches == 0) {
            return Ok(0.0);
        }
        let (mut sum, mut lengths, mut halved) = (0.0, rule.order, 1.0);
        for place in 0..rule.order {
            let added = match rule.smoothing {
                BleuSmoothing::Add { added } if place > 0 => added,
                _ => 0.0,
            };
            let (matches, runs) = (self.matches[place] as f64 + added, self.runs[place] as f64 + added);
            if runs == 0.0 {
                if !rule.effective_order {
                    return Ok(0.0);
                }
                lengths = place;
                break;
            }
            let matches = match rule.smoothing {
                BleuSmoothing::Exponential if matches == 0.0 => {
                    halved /= 2.0;
                    halved
                }
                BleuSmoothing::Floor { matches: floor } if matches == 0.0 => floor,
                _ => matches,
            };
            sum += (matches / runs).ln();
        }
        Ok(self.brevity_penalty() * (sum / lengths as f64).exp())
    }

    /// What a hypothesis shorter than its reference is multiplied by.
    ///
    /// # Units
    /// None: 0 to 1; 0 for an empty hypothesis with a reference that is not.
    pub fn brevity_penalty(&self) -> f64 {
        let (found, expected) = (self.hypothesis_tokens as f64, self.reference_tokens as f64);
        if found >= expected {
            1.0
        } else if found == 0.0 {
            0.0
        } else {
            (1.0 - expected / found).exp()
        }
    }

    fn caption(&self, order: usize) -> f64 {
        const TINY: f64 = 1e-15;
        const SMALL: f64 = 1e-9;
        let share = |place: usize| (self.matches[place] as f64 + TINY) / (self.runs[place] as f64 + SMALL);
        let score = (0..order).map(share).product::<f64>().powf(1.0 / order as f64);
        let ratio = (self.hypothesis_tokens as f64 + TINY) / (self.reference_tokens as f64 + SMALL);
        if ratio < 1.0 { score * (1.0 - 1.0 / ratio).exp() } else { score }
    }
}

impl AddAssign for BleuCounts {
    fn add_assign(&mut self, other: Self) {
        for place in 0..BLEU_ORDER {
            self.matches[place] += other.matches[place];
            self.runs[place] += other.runs[place];
        }
        self.hypothesis_tokens += other.hypothesis_tokens;
        self.reference_tokens += other.reference_tokens;
    }
}

impl Sum for BleuCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, counts| {
            sum += counts;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextTokenizer;

    fn counts(hypothesis: &str, references: &[&str]) -> BleuCounts {
        let tokens = |text: &str| TextTokenizer::Whitespace.tokens(text);
        let references: Vec<Vec<String>> = references.iter().map(|text| tokens(text)).collect();
        count_bleu(&tokens(hypothesis), &references).expect("a reference")
    }

    #[test]
    fn a_word_said_again_and_again_counts_as_often_as_a_reference_says_it() {
        // The example of Papineni et al.: "the" occurs twice in the first reference.
        let found =
            counts("the the the the the the the", &["the cat is on the mat", "there is a cat on the mat"]);
        assert_eq!((found.matches[0], found.runs[0]), (2, 7));
        assert_eq!((found.hypothesis_tokens, found.reference_tokens), (7, 7));
    }

    #[test]
    fn of_two_references_as_close_the_shorter_gives_the_length() {
        assert_eq!(counts("a b c", &["a b c d", "a b"]).reference_tokens, 2);
    }

    #[test]
    fn smoothing_worked_on_paper() {
        // Four words, three match, one of three pairs, nothing longer; as long as the reference.
        let found = counts("a b x d", &["a b c d"]);
        assert_eq!((found.matches, found.runs), ([3, 1, 0, 0], [4, 3, 2, 1]));
        let of = |smoothing| found.score(BleuRule { smoothing, ..BleuRule::CORPUS }).expect("sound");
        let mean = |shares: [f64; 4]| shares.iter().product::<f64>().powf(0.25);
        let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-12, "{one} for {other}");
        assert_eq!(of(BleuSmoothing::None), 0.0);
        near(of(BleuSmoothing::Floor { matches: 0.1 }), mean([0.75, 1.0 / 3.0, 0.05, 0.1]));
        near(of(BleuSmoothing::Add { added: 1.0 }), mean([0.75, 0.5, 1.0 / 3.0, 0.5]));
        near(of(BleuSmoothing::Exponential), mean([0.75, 1.0 / 3.0, 0.25, 0.25]));
    }

    #[test]
    fn empty_texts_score_0_and_no_reference_is_refused() {
        for (hypothesis, reference) in [("", "a b"), ("a b", ""), ("", "")] {
            let found = counts(hypothesis, &[reference]);
            for rule in [BleuRule::CORPUS, BleuRule::SENTENCE, BleuRule::CAPTION] {
                let score = found.score(rule).expect("sound");
                // pycocoevalcap's number for nothing at all is not quite 0.
                assert!((0.0..1e-3).contains(&score), "{hypothesis} {reference}: {score}");
            }
        }
        assert!(count_bleu(&[], &[]).is_err());
        assert!(counts("a", &["a"]).score(BleuRule { order: 5, ..BleuRule::CORPUS }).is_err());
        let smoothing = BleuSmoothing::Floor { matches: f64::NAN };
        assert!(counts("a", &["a"]).score(BleuRule { smoothing, ..BleuRule::CORPUS }).is_err());
    }
}
