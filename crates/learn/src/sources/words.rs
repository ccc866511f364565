use std::collections::BTreeMap;

use wilhelm_stats::{Rows, SoftmaxRegression, fit_softmax_regression};

use crate::LearnError;

/// Texts in which a word must stand to be learned.
const LEAST_TEXTS: usize = 5;
/// Most words that are learned: the commonest.
const MOST_WORDS: usize = 600;

/// Logistic regression on which words a text has, each weighted by how rare it is, with vectors of length 1.
///
/// # Source
/// Salton and Buckley 1988, doi:10.1016/0306-4573(88)90021-0
#[derive(Clone, Debug)]
pub struct WordModel {
    terms: Terms,
    fitted: SoftmaxRegression,
}

/// The words of some texts and how rare each is.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    places: BTreeMap<String, usize>,
    rarity: Vec<f64>,
}

/// Words in lower case, of letters and digits alone.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

impl Terms {
    /// Of texts: words and pairs of neighbors that stand in at least `least` of them, the commonest `most`.
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>, least: usize, most: usize) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut all = 0;
        for text in texts {
            all += 1;
            let mut of: Vec<String> = terms(text);
            of.sort_unstable();
            of.dedup();
            for term in of {
                *counts.entry(term).or_default() += 1;
            }
        }
        let mut kept: Vec<(String, usize)> =
            counts.into_iter().filter(|(_, count)| *count >= least).collect();
        kept.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        kept.truncate(most);
        let rarity = kept.iter().map(|(_, count)| ((1.0 + all as f64) / (1.0 + *count as f64)).ln() + 1.0);
        let rarity = rarity.collect();
        let places = kept.into_iter().enumerate().map(|(place, (term, _))| (term, place)).collect();
        Self { places, rarity }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rarity.len()
    }

    /// The vector of a text: place and weight of each of its terms, of length 1 unless it has none.
    pub fn vector(&self, text: &str) -> Vec<(usize, f64)> {
        let mut of: Vec<usize> =
            terms(text).iter().filter_map(|term| self.places.get(term).copied()).collect();
        of.sort_unstable();
        of.dedup();
        let length = of.iter().map(|place| self.rarity[*place].powi(2)).sum::<f64>().sqrt();
        of.into_iter().map(|place| (place, self.rarity[place] / length)).collect()
    }

    /// The same with a number for every term.
    pub fn row(&self, text: &str) -> Vec<f64> {
        let mut row = vec![0.0; self.len()];
        self.vector(text).into_iter().for_each(|(place, value)| row[place] = value);
        row
    }
}

/// Product of two vectors of [`Terms::vector`]: the cosine of their angle.
pub(crate) fn cosine(one: &[(usize, f64)], other: &[(usize, f64)]) -> f64 {
    let (mut a, mut b, mut sum) = (0, 0, 0.0);
    while a < one.len() && b < other.len() {
        match one[a].0.cmp(&other[b].0) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                sum += one[a].1 * other[b].1;
                a += 1;
                b += 1;
            }
        }
    }
    sum
}

fn terms(text: &str) -> Vec<String> {
    let single: Vec<String> = words(text).collect();
    let pairs: Vec<String> = single.windows(2).map(|pair| pair.join(" ")).collect();
    single.into_iter().chain(pairs).collect()
}

impl WordModel {
    /// Learns from texts of which the truth is known.
    ///
    /// # Errors
    /// [`LearnError::Data`] where no word stands in enough texts; [`LearnError::Stats`] where only one kind of case is there.
    pub fn fit(texts: &[&str], positives: &[bool], strength: f64) -> Result<Self, LearnError> {
        let terms = Terms::of(texts.iter().copied(), LEAST_TEXTS, MOST_WORDS);
        if terms.len() == 0 {
            return Err(LearnError::Data {
                place: "the texts".to_owned(),
                what: format!(
                    "no word stands in {LEAST_TEXTS} of {} texts: too few to learn from",
                    texts.len()
                ),
            });
        }
        let values: Vec<f64> = texts.iter().flat_map(|text| terms.row(text)).collect();
        let labels: Vec<usize> = positives.iter().map(|positive| usize::from(*positive)).collect();
        let fitted = fit_softmax_regression(Rows::new(&values, terms.len())?, &labels, 2, strength)?;
        Ok(Self { terms, fitted })
    }

    /// The log odds that it gives a text.
    pub fn log_odds(&self, text: &str) -> f64 {
        self.fitted.logits(&self.terms.row(text))[1]
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn vectors_have_length_1_and_weigh_rare_words_more() {
        let terms = Terms::of(["cough", "cough fever", "cough pain"].into_iter(), 1, 10);
        // Three words and two pairs.
        assert_eq!(terms.len(), 5);
        let vector = terms.vector("Fever, cough!");
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-12);
        // "cough" is in all of 3 texts, ln(4/4) + 1; "fever" in one, ln(4/2) + 1.
        let row = terms.row("cough; fever");
        let of = |term: &str| row[terms.places[term]];
        assert!((of("fever") / of("cough") - (2.0_f64.ln() + 1.0)).abs() < 1e-12);
        assert!(terms.vector("nothing known").is_empty());
    }

    #[test]
    fn what_a_word_says_is_learned() {
        let texts: Vec<String> =
            (0..40).map(|case| format!("case with {}", ["fever", "trauma"][case % 2])).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let positives: Vec<bool> = (0..40).map(|case| case % 2 == 0).collect();
        let model = WordModel::fit(&texts, &positives, 1.0).expect("both kinds");
        assert!(model.log_odds("fever") > 0.5 && model.log_odds("trauma") < -0.5);
        assert!(WordModel::fit(&texts[..3], &positives[..3], 1.0).is_err());
    }
}
