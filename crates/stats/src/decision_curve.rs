use crate::StatsError;
use crate::error::{check_at_least, check_length, check_probabilities, check_range};
use serde::{Deserialize, Serialize};

/// The net benefit of three policies at one threshold probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionPoint {
    /// The probability from which on one would treat.
    pub threshold: f64,
    /// Of treating those whose probability reaches the threshold.
    pub model: f64,
    /// Of treating all.
    pub all: f64,
    /// Of treating none: 0.
    pub none: f64,
}

/// Net benefit of a model against treating all and treating none.
///
/// A threshold of 0.1 says that nine needless treatments are worth one needed: hits count 1, alarms
/// `threshold / (1 - threshold)`, both over all cases.
///
/// # Units
/// Net hits a case: at most the share of positive cases, below 0 where harm outweighs.
///
/// # Errors
/// [`StatsError`] if there is no case or no threshold, the lists differ in length, a probability is
/// outside 0 to 1, or a threshold is not at least 0 and below 1.
///
/// # Source
/// Vickers and Elkin 2006, doi:10.1177/0272989X06295361
pub fn decision_curve(
    probabilities: &[f64],
    positives: &[bool],
    thresholds: &[f64],
) -> Result<Vec<DecisionPoint>, StatsError> {
    check_probabilities("probability", probabilities)?;
    check_length("outcomes", positives.len(), probabilities.len())?;
    check_at_least("thresholds", thresholds.len(), 1)?;
    thresholds.iter().try_for_each(|&t| check_range("threshold", t, 0.0, 1.0 - f64::EPSILON / 2.0))?;
    let cases = positives.len() as f64;
    let positive_count = positives.iter().filter(|&&positive| positive).count() as f64;
    let benefit =
        |hits: f64, alarms: f64, threshold: f64| (hits - alarms * threshold / (1.0 - threshold)) / cases;
    // From the least probable on: what a threshold calls is the tail of the order.
    let order = crate::discrimination::ascending(probabilities);
    let mut hits_from = vec![0_usize; order.len() + 1];
    for place in (0..order.len()).rev() {
        hits_from[place] = hits_from[place + 1] + usize::from(positives[order[place]]);
    }
    Ok(thresholds
        .iter()
        .map(|&threshold| {
            let first = order.partition_point(|&case| probabilities[case] < threshold);
            let hits = hits_from[first] as f64;
            let alarms = (order.len() - first) as f64 - hits;
            DecisionPoint {
                threshold,
                model: benefit(hits, alarms, threshold),
                all: benefit(positive_count, cases - positive_count, threshold),
                none: 0.0,
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_benefit_by_hand() {
        let probabilities = [0.9, 0.6, 0.2, 0.1];
        let positives = [true, false, true, false];
        let found = decision_curve(&probabilities, &positives, &[0.0, 0.2, 0.5, 0.95]).expect("sound");
        let check = |place: usize, model: f64, all: f64| {
            let point: &DecisionPoint = &found[place];
            assert!((point.model - model).abs() < 1e-12 && (point.all - all).abs() < 1e-12, "{point:?}");
            assert_eq!(point.none, 0.0);
        };
        check(0, 0.5, 0.5);
        // At 0.2 three are called, two rightly; an alarm costs a quarter.
        check(1, (2.0 - 0.25) / 4.0, (2.0 - 0.5) / 4.0);
        check(2, 0.0, 0.0);
        check(3, 0.0, (2.0 - 2.0 * 19.0) / 4.0);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        assert!(decision_curve(&[0.5], &[true], &[1.0]).is_err());
        assert!(decision_curve(&[0.5], &[true], &[]).is_err());
        assert!(decision_curve(&[1.5], &[true], &[0.5]).is_err());
        assert!(decision_curve(&[0.5], &[true, false], &[0.5]).is_err());
    }
}
