use std::collections::BTreeMap;

use super::TextTokenizer;
use crate::SparseRows;

/// Texts as counts of their terms, each weighted down by how many texts have it: words of at least two letters or digits
/// ([`TextTokenizer::Alphanumeric`]) and, up to an order, such words in a row.
///
/// The weight of a term is its count times `ln((1 + texts) / (1 + texts that have it)) + 1`; each text's weights are then
/// scaled to length 1. These are the weights of scikit-learn's `TfidfVectorizer` on texts of ASCII letters.
///
/// # Source
/// Sparck Jones 1972, doi:10.1108/eb026526
///
/// # Examples
/// ```
/// use wilhelm_stats::text::TfIdf;
///
/// let texts = ["no effusion", "large effusion"];
/// let terms = TfIdf::of(texts, 1, 1);
/// let weights = terms.weights("effusion, effusion, large mass");
/// // "effusion" twice, in both texts; "large" once, in one; "mass" is unknown.
/// let (effusion, large) = (2.0, (3.0_f64 / 2.0).ln() + 1.0);
/// assert!((weights[0].1 / weights[1].1 - effusion / large).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TfIdf {
    order: usize,
    /// The column of each term, and its weight.
    terms: BTreeMap<String, (u32, f64)>,
}

impl TfIdf {
    /// The terms of some texts: words, and up to `order` of them in a row, that at least `least` texts have.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>, order: usize, least: usize) -> Self {
        let mut having: BTreeMap<String, usize> = BTreeMap::new();
        let mut count = 0_usize;
        for text in texts {
            count += 1;
            for term in counted(text, order).into_keys() {
                *having.entry(term).or_default() += 1;
            }
        }
        having.retain(|_, texts| *texts >= least.max(1));
        let weight = |texts: usize| ((1.0 + count as f64) / (1.0 + texts as f64)).ln() + 1.0;
        let terms = having.into_iter().enumerate();
        let terms = terms.map(|(column, (term, texts))| (term, (column as u32, weight(texts)))).collect();
        Self { order, terms }
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms in order of their columns.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.terms.keys().map(String::as_str)
    }

    /// A text's weights, each with its column; none for a text without a known term.
    pub fn weights(&self, text: &str) -> Vec<(u32, f64)> {
        let mut row: Vec<(u32, f64)> = counted(text, self.order)
            .into_iter()
            .filter_map(|(term, count)| {
                self.terms.get(&term).map(|(column, weight)| (*column, count as f64 * weight))
            })
            .collect();
        let length = row.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
        row.iter_mut().for_each(|(_, weight)| *weight /= length);
        row.sort_unstable_by_key(|(column, _)| *column);
        row
    }

    /// A row for each text.
    pub fn rows<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> SparseRows {
        let mut rows = SparseRows::new(self.terms.len());
        for text in texts {
            rows.push(self.weights(text)).expect("columns rise, and weights of length 1 are finite");
        }
        rows
    }
}

/// How often each term stands in a text.
fn counted(text: &str, order: usize) -> BTreeMap<String, usize> {
    let words = TextTokenizer::Alphanumeric.tokens(text);
    let words: Vec<&String> = words.iter().filter(|word| word.len() > 1).collect();
    let mut counts = BTreeMap::new();
    for length in 1..=order.max(1) {
        for row in words.windows(length) {
            let term = row.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" ");
            *counts.entry(term).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_texts_worked_on_paper() {
        let texts = ["No nodule, no mass.", "A nodule", ""];
        let terms = TfIdf::of(texts, 2, 1);
        // "a" is too short, so that no term joins it.
        assert_eq!(
            terms.terms().collect::<Vec<_>>(),
            ["mass", "no", "no mass", "no nodule", "nodule", "nodule no"]
        );
        let rare = (4.0_f64 / 2.0).ln() + 1.0;
        let common = (4.0_f64 / 3.0).ln() + 1.0;
        let weights = terms.weights(texts[0]);
        let length = (4.0 * rare * rare + 4.0 * rare * rare + common * common).sqrt();
        let expected = [rare, 2.0 * rare, rare, rare, common, rare].map(|weight| weight / length);
        for ((column, weight), (place, expected)) in weights.iter().zip(expected.iter().enumerate()) {
            assert_eq!(*column as usize, place);
            assert!((weight - expected).abs() < 1e-12, "{weight} for {expected}");
        }
        assert!(terms.weights("unknown words").is_empty());
        assert_eq!(TfIdf::of(texts, 2, 2).terms().collect::<Vec<_>>(), ["nodule"]);
    }
}
