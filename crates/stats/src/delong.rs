use crate::StatsError;
use crate::discrimination::{ascending, check_two_kinds, tie_length};
use crate::distribution::{normal_reach, normal_two_sided};
use crate::error::check_at_least;
use serde::{Deserialize, Serialize};

/// On which scale the interval of an area is symmetric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AucScale {
    /// On the area itself, cut at 0 and 1 (as pROC does).
    Plain,
    /// On its log odds: never leaves 0 to 1, and covers better near 1.
    Logit,
}

/// An area under the curve, its variance and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AucInterval {
    /// The area, as [`crate::roc_auc`].
    pub auc: f64,
    /// DeLong's estimate of its variance.
    pub variance: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Coverage aimed at, for example 0.95.
    pub level: f64,
    /// The scale on which the interval is symmetric.
    pub scale: AucScale,
}

/// How the areas of two scores of the same cases differ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AucComparison {
    /// Area of the first score.
    pub first: f64,
    /// Area of the second score.
    pub second: f64,
    /// First minus second.
    pub difference: f64,
    /// Variance of the difference; it knows that the cases are the same.
    pub variance: f64,
    /// Lower end of the interval of the difference.
    pub low: f64,
    /// Upper end of the interval of the difference.
    pub high: f64,
    /// Coverage aimed at.
    pub level: f64,
    /// The difference in standard errors; `None` if both scores order the cases alike, so that its
    /// variance is 0.
    pub z: Option<f64>,
    /// Two-sided chance of such a difference if there were none; `None` as `z`.
    pub p: Option<f64>,
}

/// Area under the curve with DeLong's variance and interval, in the time it takes to sort.
///
/// A score that never errs has variance 0, and a plain interval without width: few cases can do that, and it
/// is no certainty.
///
/// # Units
/// None: areas from 0 to 1.
///
/// # Errors
/// [`StatsError::TooFew`] for fewer than two cases of a kind; [`StatsError::NoValue`] for the logit scale
/// where the area or its variance leaves none (areas of 0 and 1); as [`crate::roc_auc`] otherwise.
///
/// # Source
/// DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595; Sun and Xu 2014,
/// doi:10.1109/LSP.2014.2337313; logit scale: Pepe 2003, ISBN 978-0198565826 (section 5.2.4)
pub fn delong_interval(
    scores: &[f64],
    positives: &[bool],
    level: f64,
    scale: AucScale,
) -> Result<AucInterval, StatsError> {
    let reach = normal_reach(level)?;
    let placements = Placements::of(scores, positives)?;
    let (auc, variance) = (placements.auc, placements.variance());
    let (low, high) = match scale {
        AucScale::Plain => {
            let half = reach * variance.sqrt();
            ((auc - half).max(0.0), (auc + half).min(1.0))
        }
        AucScale::Logit => {
            if auc <= 0.0 || auc >= 1.0 {
                let reason = "an area of 0 or 1 has no log odds";
                return Err(StatsError::NoValue { what: "logit interval of the area", reason });
            }
            let center = (auc / (1.0 - auc)).ln();
            let half = reach * variance.sqrt() / (auc * (1.0 - auc));
            (crate::sigmoid(center - half, 1.0), crate::sigmoid(center + half, 1.0))
        }
    };
    Ok(AucInterval { auc, variance, low, high, level, scale })
}

/// DeLong's test of the areas of two scores of the same cases.
///
/// # Units
/// None: areas from 0 to 1, differences from -1 to 1.
///
/// # Errors
/// As [`delong_interval`], on the plain scale.
///
/// # Source
/// DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595; Sun and Xu 2014,
/// doi:10.1109/LSP.2014.2337313
pub fn delong_test(
    first: &[f64],
    second: &[f64],
    positives: &[bool],
    level: f64,
) -> Result<AucComparison, StatsError> {
    let reach = normal_reach(level)?;
    let (first, second) = (Placements::of(first, positives)?, Placements::of(second, positives)?);
    let difference = first.auc - second.auc;
    // Differences case by case: their variance is v1 + v2 - 2 cov without its cancellation.
    let variance = first.minus(&second).variance();
    let error = variance.sqrt();
    let z = (variance > 0.0).then(|| difference / error);
    Ok(AucComparison {
        first: first.auc,
        second: second.auc,
        difference,
        variance,
        low: (difference - reach * error).max(-1.0),
        high: (difference + reach * error).min(1.0),
        level,
        z,
        p: z.map(normal_two_sided),
    })
}

/// For each case the share of the other kind that it is ordered rightly against.
struct Placements {
    auc: f64,
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

impl Placements {
    fn of(scores: &[f64], positives: &[bool]) -> Result<Self, StatsError> {
        let (positive_count, negative_count) = check_two_kinds(scores, positives)?;
        check_at_least("positive cases", positive_count, 2)?;
        check_at_least("negative cases", negative_count, 2)?;
        let among = midranks(scores);
        let of_kind = |kind: bool, others: f64| -> Vec<f64> {
            let cases: Vec<usize> = (0..scores.len()).filter(|&case| positives[case] == kind).collect();
            let own: Vec<f64> = cases.iter().map(|&case| scores[case]).collect();
            // The rank among all less that among its own kind: how many of the other lie below.
            cases.iter().zip(midranks(&own)).map(|(&case, rank)| (among[case] - rank) / others).collect()
        };
        let above = of_kind(true, negative_count as f64);
        let negatives = of_kind(false, positive_count as f64).into_iter().map(|share| 1.0 - share).collect();
        Ok(Self { auc: crate::roc_auc(scores, positives)?, positives: above, negatives })
    }

    fn minus(&self, other: &Self) -> Self {
        let less = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
        Self {
            auc: self.auc - other.auc,
            positives: less(&self.positives, &other.positives),
            negatives: less(&self.negatives, &other.negatives),
        }
    }

    /// Variance of the area.
    fn variance(&self) -> f64 {
        [&self.positives, &self.negatives]
            .into_iter()
            .map(|values| {
                let count = values.len() as f64;
                let mean = values.iter().sum::<f64>() / count;
                values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / ((count - 1.0) * count)
            })
            .sum()
    }
}

/// The rank of each value from 1 up; equal values share the mean of their ranks.
fn midranks(values: &[f64]) -> Vec<f64> {
    let order = ascending(values);
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = tie_length(values, &order[start..]);
        let rank = start as f64 + (tied as f64 + 1.0) / 2.0;
        order[start..start + tied].iter().for_each(|&case| ranks[case] = rank);
        start += tied;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_ties_are_shared() {
        assert_eq!(midranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), [4.0, 1.0, 4.0, 2.0, 4.0]);
    }

    #[test]
    fn the_variance_by_hand() {
        // Positives 3, 5, 7 and negatives 1, 4, 5. Shares of negatives below each positive: 1/3, 5/6, 1.
        // Shares of positives above each negative: 1, 2/3, 1/2 (a tie counts half).
        let scores = [3.0, 5.0, 7.0, 1.0, 4.0, 5.0];
        let positives = [true, true, true, false, false, false];
        let found = delong_interval(&scores, &positives, 0.95, AucScale::Plain).expect("three each");
        let mean = 13.0 / 18.0;
        let spread = |shares: [f64; 3]| shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / 6.0;
        let expected = spread([1.0 / 3.0, 5.0 / 6.0, 1.0]) + spread([1.0, 2.0 / 3.0, 0.5]);
        assert!((found.auc - mean).abs() < 1e-12);
        assert!((found.variance - expected).abs() < 1e-12, "{found:?}");
        assert!(found.low > 0.0 && found.high == 1.0);
        let logit = delong_interval(&scores, &positives, 0.95, AucScale::Logit).expect("three each");
        assert!(logit.low > 0.0 && logit.high < 1.0 && logit.variance == found.variance);
    }

    #[test]
    fn a_score_does_not_differ_from_itself() {
        let scores = [0.1, 0.5, 0.4, 0.9, 0.3];
        let positives = [false, true, false, true, true];
        let doubled = scores.map(|score| 2.0 * score);
        let found = delong_test(&scores, &doubled, &positives, 0.95).expect("two each");
        assert_eq!((found.difference, found.variance, found.z, found.p), (0.0, 0.0, None, None));
    }

    #[test]
    fn a_perfect_score_has_no_logit_interval_and_few_cases_have_none() {
        let (scores, positives) = ([1.0, 2.0, 3.0, 4.0], [false, false, true, true]);
        let plain = delong_interval(&scores, &positives, 0.95, AucScale::Plain).expect("two each");
        assert_eq!((plain.low, plain.high, plain.variance), (1.0, 1.0, 0.0));
        let logit = delong_interval(&scores, &positives, 0.95, AucScale::Logit);
        assert!(matches!(logit, Err(StatsError::NoValue { .. })));
        let few = delong_interval(&scores[1..], &positives[1..], 0.95, AucScale::Plain);
        assert_eq!(few, Err(StatsError::TooFew { what: "negative cases", found: 1, expected: 2 }));
        assert!(delong_test(&scores, &scores[1..], &positives, 0.95).is_err());
    }
}
