use super::porter_stem;
use crate::StatsError;
use crate::error::{check_at_least, check_range};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How METEOR weighs what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeteorRule {
    /// How much the recall weighs in the mean with the precision, 0 to 1.
    pub alpha: f64,
    /// The power of the fragmentation.
    pub beta: f64,
    /// The greatest share that fragmentation takes away, 0 to 1.
    pub gamma: f64,
}

impl MeteorRule {
    /// The weights of the first versions, which NLTK has too.
    pub const FIRST: Self = Self { alpha: 0.9, beta: 3.0, gamma: 0.5 };
}

/// METEOR by exact words and stems: no synonyms and no paraphrases, for which it would take WordNet and tables.
///
/// It is not comparable with the figures of METEOR 1.5 (pycocoevalcap's), whose paraphrases and tuned weights give
/// others. Words are matched as NLTK does: first equal words, then equal stems ([`porter_stem`]), the hypothesis from
/// its end, each word with the last one of the reference that is still free.
///
/// The score is the weighted mean of precision and recall, less `gamma * (chunks / matches)^beta`, where a chunk is a
/// run of matches in the same order on both sides. Of several references the best counts.
///
/// # Units
/// None: 0 to 1. No match, and an empty text on either side, scores 0.
///
/// # Errors
/// [`StatsError`] without a reference, and for weights outside their range.
///
/// # Source
/// Lavie and Agarwal 2007, doi:10.3115/1626355.1626389
pub fn meteor(
    hypothesis: &[String],
    references: &[Vec<String>],
    rule: MeteorRule,
) -> Result<f64, StatsError> {
    check_at_least("references", references.len(), 1)?;
    check_range("alpha", rule.alpha, 0.0, 1.0)?;
    check_range("beta", rule.beta, 0.0, 1e3)?;
    check_range("gamma", rule.gamma, 0.0, 1.0)?;
    let stems: Vec<String> = hypothesis.iter().map(|word| porter_stem(word)).collect();
    let score = |reference: &Vec<String>| {
        let pairs = align(hypothesis, &stems, reference);
        if pairs.is_empty() {
            return 0.0;
        }
        let matches = pairs.len() as f64;
        let (precision, recall) = (matches / hypothesis.len() as f64, matches / reference.len() as f64);
        let mean = precision * recall / (rule.alpha * precision + (1.0 - rule.alpha) * recall);
        let is_broken = |pair: &&[(usize, usize)]| pair[1] != (pair[0].0 + 1, pair[0].1 + 1);
        let chunks = 1 + pairs.windows(2).filter(is_broken).count();
        (1.0 - rule.gamma * (chunks as f64 / matches).powf(rule.beta)) * mean
    };
    Ok(references.iter().map(score).fold(0.0, f64::max))
}

/// Pairs of places in the hypothesis and in the reference, in the order of the hypothesis.
fn align(hypothesis: &[String], stems: &[String], reference: &[String]) -> Vec<(usize, usize)> {
    let mut partners = vec![None; hypothesis.len()];
    let mut is_free = vec![true; reference.len()];
    let reference_stems: Vec<String> = reference.iter().map(|word| porter_stem(word)).collect();
    for (words, others) in [(hypothesis, reference), (stems, &reference_stems[..])] {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, word) in others.iter().enumerate().filter(|(place, _)| is_free[*place]) {
            places.entry(word).or_default().push(place);
        }
        for (word, partner) in words.iter().zip(&mut partners).rev().filter(|(_, partner)| partner.is_none())
        {
            *partner = places.get_mut(word.as_str()).and_then(Vec::pop);
            if let Some(place) = *partner {
                is_free[place] = false;
            }
        }
    }
    partners.into_iter().enumerate().filter_map(|(place, partner)| Some((place, partner?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(hypothesis: &str, references: &[&str]) -> f64 {
        let tokens = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        let references: Vec<Vec<String>> = references.iter().map(|text| tokens(text)).collect();
        meteor(&tokens(hypothesis), &references, MeteorRule::FIRST).expect("a reference")
    }

    #[test]
    fn one_chunk_and_a_broken_order_worked_on_paper() {
        // All four words match in one chunk: 1 - 0.5 (1/4)^3.
        assert!((score("a b c d", &["a b c d"]) - (1.0 - 0.5 / 64.0)).abs() < 1e-12);
        // Two chunks, c d and a b: 1 - 0.5 (2/4)^3.
        assert!((score("c d a b", &["a b c d"]) - (1.0 - 0.5 / 8.0)).abs() < 1e-12);
        // A stem matches where no word does: precision 1, recall 1/2, one chunk of one match.
        let mean = 0.5 / (0.9 + 0.1 * 0.5);
        assert!((score("opacity", &["opacities seen"]) - 0.5 * mean).abs() < 1e-12);
    }

    #[test]
    fn empty_texts_score_0_and_the_best_reference_counts() {
        assert_eq!(
            (score("", &["a"]), score("a", &[""]), score("", &[""]), score("a", &["b"])),
            (0.0, 0.0, 0.0, 0.0)
        );
        assert_eq!(score("a b", &["x", "a b"]), score("a b", &["a b"]));
        assert!(meteor(&[], &[], MeteorRule::FIRST).is_err());
    }
}
