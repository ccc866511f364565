use super::ngrams::{ngrams, runs};
use std::collections::BTreeSet;

/// Share of the runs of `length` tokens of all texts that are distinct (distinct-n).
///
/// A model that says the same of every image has few. It falls as texts get more or longer, so compare it only with
/// the references of the same cases.
///
/// # Units
/// None: 0 to 1; `None` if no text is long enough, or `length` is 0.
///
/// # Source
/// Li et al. 2016, doi:10.18653/v1/N16-1014
pub fn distinct_ngrams(texts: &[Vec<String>], length: usize) -> Option<f64> {
    if length == 0 {
        return None;
    }
    let distinct: BTreeSet<&[String]> = texts.iter().flat_map(|text| text.windows(length)).collect();
    let all: u64 = texts.iter().map(|text| runs(text, length)).sum();
    (all > 0).then(|| distinct.len() as f64 / all as f64)
}

/// Share of the texts that are distinct, token by token: 1 if none is said twice.
///
/// # Units
/// None: above 0 to 1; `None` without a text.
pub fn distinct_texts(texts: &[Vec<String>]) -> Option<f64> {
    let distinct: BTreeSet<&Vec<String>> = texts.iter().collect();
    (!texts.is_empty()).then(|| distinct.len() as f64 / texts.len() as f64)
}

/// Share of the runs of `length` tokens of one text that it has said before: what a model that runs in circles has.
///
/// # Units
/// None: 0 to below 1; 0 for a text that is too short to repeat one, `None` for a `length` of 0.
///
/// # Source
/// Welleck et al. 2020 (`seq-rep-n`), arXiv:1908.04319
pub fn repetition_rate(text: &[String], length: usize) -> Option<f64> {
    if length == 0 {
        return None;
    }
    let all = runs(text, length);
    Some(if all == 0 { 0.0 } else { 1.0 - ngrams(text, length).len() as f64 / all as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variety_worked_on_paper() {
        let tokens = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        let texts = [tokens("a b a"), tokens("a b a"), tokens("c")];
        // a b a a b a c: three of seven; ab ba ab ba: two of four.
        assert_eq!(distinct_ngrams(&texts, 1), Some(3.0 / 7.0));
        assert_eq!(distinct_ngrams(&texts, 2), Some(0.5));
        assert_eq!(distinct_texts(&texts), Some(2.0 / 3.0));
        // ab bc ca ab bc: three of five are new.
        assert_eq!(repetition_rate(&tokens("a b c a b c"), 2), Some(1.0 - 3.0 / 5.0));
        assert_eq!(repetition_rate(&tokens("a"), 2), Some(0.0));
        assert_eq!((distinct_ngrams(&texts, 0), distinct_ngrams(&[], 1)), (None, None));
        assert_eq!((distinct_texts(&[]), repetition_rate(&[], 0)), (None, None));
    }
}
