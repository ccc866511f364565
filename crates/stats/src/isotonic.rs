use crate::discrimination::{ascending, check_two_kinds, tie_length};
use crate::error::{check_finite, check_length, check_range};
use crate::{StatsError, error};
use serde::{Deserialize, Serialize};

/// A rising curve that turns scores into probabilities, straight between its knots and level outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct IsotonicFit {
    /// Rising scores.
    scores: Vec<f64>,
    /// The probability at each.
    probabilities: Vec<f64>,
}

impl IsotonicFit {
    /// The scores of the knots, rising.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// The probability at each knot, never falling.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// The probability of a score: linear between knots, that of the last knot beyond them.
    ///
    /// # Errors
    /// [`StatsError::NotFinite`] for a score that is not a finite number.
    pub fn probability(&self, score: f64) -> Result<f64, StatsError> {
        check_finite("score", &[score])?;
        let above = self.scores.partition_point(|&knot| knot <= score);
        if above == 0 {
            return Ok(self.probabilities[0]);
        }
        let below = above - 1;
        let Some(&next) = self.scores.get(above) else {
            return Ok(self.probabilities[below]);
        };
        let (from, to) = (self.probabilities[below], self.probabilities[above]);
        // Halves, since the distance of two finite scores may be infinite.
        let share = (score / 2.0 - self.scores[below] / 2.0) / (next / 2.0 - self.scores[below] / 2.0);
        Ok(from + share * (to - from))
    }
}

/// Fits the rising curve with the least squared distance to what happened, by pooling neighbors that are
/// out of order.
///
/// Cases with equal scores are one knot at their share of positives. It needs more cases than a sigmoid:
/// with few it promises 0 and 1.
///
/// # Errors
/// As [`crate::roc_auc`].
///
/// # Source
/// Zadrozny and Elkan 2002, doi:10.1145/775047.775151; Ayer et al. 1955, doi:10.1214/aoms/1177728423
pub fn fit_isotonic(scores: &[f64], positives: &[bool]) -> Result<IsotonicFit, StatsError> {
    check_two_kinds(scores, positives)?;
    let order = ascending(scores);
    let mut blocks: Vec<Block> = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let tied = tie_length(scores, &order[start..]);
        let here = &order[start..start + tied];
        let score = scores[here[0]];
        let positives = here.iter().filter(|&&case| positives[case]).count();
        let mut block = Block { first: score, last: score, positives, cases: tied };
        while let Some(before) = blocks.pop_if(|before| before.is_not_below(&block)) {
            block = Block {
                first: before.first,
                last: block.last,
                positives: before.positives + block.positives,
                cases: before.cases + block.cases,
            };
        }
        blocks.push(block);
        start += tied;
    }
    // A block is level: its two ends say all.
    let (mut knots, mut probabilities) = (Vec::new(), Vec::new());
    for block in blocks {
        let probability = block.positives as f64 / block.cases as f64;
        knots.push(block.first);
        probabilities.push(probability);
        if block.last > block.first {
            knots.push(block.last);
            probabilities.push(probability);
        }
    }
    Ok(IsotonicFit { scores: knots, probabilities })
}

/// Neighboring scores with one probability.
#[derive(Clone, Copy)]
struct Block {
    first: f64,
    last: f64,
    positives: usize,
    cases: usize,
}

impl Block {
    /// Whether its share of positives is at least that of `next`; counts make that exact.
    fn is_not_below(&self, next: &Self) -> bool {
        self.positives as u128 * next.cases as u128 >= next.positives as u128 * self.cases as u128
    }
}

/// What [`IsotonicFit`] looks like in a file, before its parts are checked against each other.
#[derive(Deserialize)]
struct Stored {
    scores: Vec<f64>,
    probabilities: Vec<f64>,
}

impl TryFrom<Stored> for IsotonicFit {
    type Error = StatsError;
    fn try_from(stored: Stored) -> Result<Self, StatsError> {
        check_finite("scores of the knots", &stored.scores)?;
        check_length("probabilities of the knots", stored.probabilities.len(), stored.scores.len())?;
        error::check_probabilities("probability of a knot", &stored.probabilities)?;
        for pair in stored.scores.windows(2) {
            // The least number above the score before.
            check_range("score of a knot", pair[1], pair[0].next_up(), f64::MAX)?;
        }
        for pair in stored.probabilities.windows(2) {
            check_range("probability of a knot", pair[1], pair[0], 1.0)?;
        }
        Ok(Self { scores: stored.scores, probabilities: stored.probabilities })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbors_out_of_order_are_pooled_by_hand() {
        // Shares by score: 0, 1, 0, 1/2 (twice scored 4), 1. The second and third pool to 1/2, which is
        // not below the next 1/2: four cases from 2 to 4 at 2/4.
        let scores = [1.0, 2.0, 3.0, 4.0, 4.0, 5.0];
        let positives = [false, true, false, true, false, true];
        let fit = fit_isotonic(&scores, &positives).expect("both kinds");
        assert_eq!(fit.scores(), [1.0, 2.0, 4.0, 5.0]);
        assert_eq!(fit.probabilities(), [0.0, 0.5, 0.5, 1.0]);
        let at = |score| fit.probability(score).expect("finite");
        assert_eq!([at(-9.0), at(1.5), at(3.0), at(4.5), at(9.0)], [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert!(fit.probability(f64::NAN).is_err());
    }

    #[test]
    fn scores_in_wrong_order_become_one_level() {
        let fit = fit_isotonic(&[1.0, 2.0], &[true, false]).expect("both kinds");
        assert_eq!((fit.scores(), fit.probabilities()), (&[1.0, 2.0][..], &[0.5, 0.5][..]));
        let wide = fit_isotonic(&[f64::MIN, f64::MAX], &[false, true]).expect("both kinds");
        assert_eq!(wide.probability(0.0), Ok(0.5));
        assert!(fit_isotonic(&[1.0], &[true]).is_err());
    }

    #[test]
    fn a_stored_curve_is_checked_when_read() {
        let fit = fit_isotonic(&[1.0, 2.0, 3.0], &[false, true, true]).expect("both kinds");
        let text = serde_json::to_string(&fit).expect("plain numbers");
        assert_eq!(serde_json::from_str::<IsotonicFit>(&text).expect("its own text"), fit);
        for wrong in [
            r#"{"scores":[],"probabilities":[]}"#,
            r#"{"scores":[1.0,1.0],"probabilities":[0.1,0.2]}"#,
            r#"{"scores":[1.0,2.0],"probabilities":[0.2,0.1]}"#,
            r#"{"scores":[1.0,2.0],"probabilities":[0.2]}"#,
            r#"{"scores":[1.0],"probabilities":[1.5]}"#,
        ] {
            assert!(serde_json::from_str::<IsotonicFit>(wrong).is_err(), "{wrong} was accepted");
        }
    }

    proptest! {
        #[test]
        fn the_curve_never_falls_and_keeps_the_number_of_positives(
            cases in prop::collection::vec((0_u8..20, any::<bool>()), 2..50)
        ) {
            let scores: Vec<f64> = cases.iter().map(|case| f64::from(case.0)).collect();
            let positives: Vec<bool> = cases.iter().map(|case| case.1).collect();
            if let Ok(fit) = fit_isotonic(&scores, &positives) {
                prop_assert!(fit.probabilities().windows(2).all(|pair| pair[0] <= pair[1]));
                let promised: f64 = scores.iter().map(|&score| fit.probability(score).expect("finite")).sum();
                let found = positives.iter().filter(|&&positive| positive).count() as f64;
                prop_assert!((promised - found).abs() < 1e-9);
            }
        }
    }
}
