use super::BLEU_ORDER as ORDER;
use super::ngrams::ngrams;
use crate::StatsError;
use crate::error::{check_at_least, check_range};
use std::collections::{BTreeMap, BTreeSet};

/// The spread of the penalty on other lengths, in tokens, that pycocoevalcap has.
pub const CIDER_SIGMA: f64 = 6.0;

/// In how many cases' references each run of 1 to 4 tokens occurs: what CIDEr-D weighs runs by.
///
/// A run that every case has (`is seen in the`) weighs nothing, so a score depends on the other cases: figures of two
/// sets cannot be compared, and a resample is scored with the weights of the whole set.
#[derive(Clone, Debug)]
pub struct CiderDocuments {
    cases: f64,
    /// By run: the number of cases whose references hold it.
    frequencies: BTreeMap<Vec<String>, u64>,
}

/// A text as weighted runs of each length.
struct Weighted<'text> {
    runs: [BTreeMap<&'text [String], f64>; ORDER],
    norms: [f64; ORDER],
    length: f64,
}

impl CiderDocuments {
    /// Counts the runs of the references of all cases.
    ///
    /// # Shapes
    /// One list of references a case.
    ///
    /// # Errors
    /// [`StatsError::TooFew`] for fewer than two cases: a run of the only case would weigh nothing.
    ///
    /// # Source
    /// Vedantam, Zitnick and Parikh 2015, doi:10.1109/CVPR.2015.7299087
    pub fn of(cases: &[Vec<Vec<String>>]) -> Result<Self, StatsError> {
        check_at_least("cases", cases.len(), 2)?;
        let mut frequencies: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for references in cases {
            let runs: BTreeSet<&[String]> = (1..=ORDER)
                .flat_map(|length| references.iter().flat_map(move |reference| reference.windows(length)))
                .collect();
            for run in runs {
                match frequencies.get_mut(run) {
                    Some(count) => *count += 1,
                    None => {
                        frequencies.insert(run.to_vec(), 1);
                    }
                }
            }
        }
        Ok(Self { cases: cases.len() as f64, frequencies })
    }

    /// CIDEr-D of one hypothesis: the mean over lengths and references of the cosine of weighted runs, each clipped to
    /// what the reference has, times a penalty on another length, times 10.
    ///
    /// # Units
    /// None: 0 to 10. An empty text on either side scores 0. Lengths that the reference is too short for count as 0.
    ///
    /// # Errors
    /// [`StatsError`] without a reference, or for a `sigma` (in tokens, [`CIDER_SIGMA`] as a rule) that is not above 0.
    ///
    /// # Source
    /// Vedantam, Zitnick and Parikh 2015, doi:10.1109/CVPR.2015.7299087 (section 7); pycocoevalcap takes the number of
    /// bigrams for the length, and so does this
    pub fn score(
        &self,
        hypothesis: &[String],
        references: &[Vec<String>],
        sigma: f64,
    ) -> Result<f64, StatsError> {
        check_at_least("references", references.len(), 1)?;
        check_range("sigma", sigma, f64::MIN_POSITIVE, f64::MAX)?;
        let written = self.weighted(hypothesis);
        let mut sum = 0.0;
        for reference in references {
            let truth = self.weighted(reference);
            let penalty = (-(written.length - truth.length).powi(2) / (2.0 * sigma * sigma)).exp();
            for place in 0..ORDER {
                let norms = written.norms[place] * truth.norms[place];
                let product: f64 = written.runs[place]
                    .iter()
                    .filter_map(|(run, weight)| {
                        truth.runs[place].get(run).map(|there| weight.min(*there) * there)
                    })
                    .sum();
                if norms > 0.0 {
                    sum += product / norms * penalty;
                }
            }
        }
        Ok(10.0 * sum / (ORDER * references.len()) as f64)
    }

    fn weighted<'text>(&self, tokens: &'text [String]) -> Weighted<'text> {
        let runs: [BTreeMap<&'text [String], f64>; ORDER] = std::array::from_fn(|place| {
            ngrams(tokens, place + 1)
                .into_iter()
                .map(|(run, count)| {
                    let frequency = self.frequencies.get(run).map_or(1.0, |count| *count as f64);
                    (run, count as f64 * (self.cases.ln() - frequency.ln()))
                })
                .collect()
        });
        let norm =
            |runs: &BTreeMap<&[String], f64>| runs.values().map(|weight| weight * weight).sum::<f64>().sqrt();
        let norms = std::array::from_fn(|place| norm(&runs[place]));
        Weighted { norms, length: tokens.len().saturating_sub(1) as f64, runs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_same_text_scores_10_and_words_of_every_case_weigh_nothing() {
        let cases = [vec![tokens("the lungs are clear today")], vec![tokens("the heart is very large")]];
        let documents = CiderDocuments::of(&cases).expect("two cases");
        let of =
            |hypothesis: &str| documents.score(&tokens(hypothesis), &cases[0], CIDER_SIGMA).expect("sound");
        assert!((of("the lungs are clear today") - 10.0).abs() < 1e-12);
        assert_eq!(of("the"), 0.0);
        assert_eq!(of(""), 0.0);
        // Two unigrams of the four that weigh, no longer run whole: cosine of 2 / sqrt(2 * 4), a quarter of 10, and
        // a penalty on one bigram instead of four.
        let expected = 10.0 / 4.0 * (2.0 / 8.0_f64.sqrt()) * (-9.0_f64 / 72.0).exp();
        assert!((of("lungs clear") - expected).abs() < 1e-12);
    }

    #[test]
    fn one_case_and_no_reference_are_refused() {
        assert!(CiderDocuments::of(&[vec![tokens("a")]]).is_err());
        let documents = CiderDocuments::of(&[vec![tokens("a")], vec![Vec::new()]]).expect("two cases");
        assert!(documents.score(&tokens("a"), &[], CIDER_SIGMA).is_err());
        assert!(documents.score(&tokens("a"), &[tokens("a")], 0.0).is_err());
        assert_eq!(documents.score(&tokens("a"), &[Vec::new()], CIDER_SIGMA), Ok(0.0));
    }
}
