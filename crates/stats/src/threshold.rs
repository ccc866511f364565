use crate::StatsError;
use crate::curve::cuts;
use crate::discrimination::{ascending, check_two_kinds, tie_length};
use crate::error::{check_finite, check_range};
use crate::order::sorted;
use serde::{Deserialize, Serialize};

/// The least of the given scores that at least a `share` of them do not exceed.
///
/// Made for alarms on scores of unremarkable cases: with `share` 0.99, at most 1 % of the given scores
/// lie above. No interpolation, so the promise holds exactly on the given scores.
///
/// # Units
/// Those of `scores`.
///
/// # Errors
/// [`StatsError`] if there is no score, one is not finite, or `share` is outside 0 to 1.
///
/// # Source
/// Hyndman and Fan 1996 (type 1), doi:10.1080/00031305.1996.10473566
pub fn threshold_at_quantile(scores: &[f64], share: f64) -> Result<f64, StatsError> {
    check_finite("scores", scores)?;
    check_range("share", share, 0.0, 1.0)?;
    let sorted = sorted(scores);
    let needed = (share * sorted.len() as f64).ceil() as usize;
    Ok(sorted[needed.clamp(1, sorted.len()) - 1])
}

/// The greatest threshold at which at least the wanted share of positive cases score at or above it.
///
/// # Units
/// Those of `scores`.
///
/// # Errors
/// [`StatsError::OneKind`] if all cases are of one kind; [`StatsError`] for lists that differ in length,
/// a score that is not finite, or a wanted sensitivity outside 0 to 1.
pub fn threshold_for_sensitivity(
    scores: &[f64],
    positives: &[bool],
    sensitivity: f64,
) -> Result<f64, StatsError> {
    check_two_kinds(scores, positives)?;
    check_range("sensitivity", sensitivity, 0.0, 1.0)?;
    let chosen: Vec<f64> =
        scores.iter().zip(positives).filter(|(_, positive)| **positive).map(|(&score, _)| score).collect();
    let falling: Vec<f64> = sorted(&chosen).into_iter().rev().collect();
    let needed = least_count(sensitivity, falling.len());
    Ok(falling[needed.clamp(1, falling.len()) - 1])
}

/// The score at or above which calling a case positive makes sensitivity + specificity greatest.
///
/// The greatest such score if several are equally good.
///
/// # Units
/// Those of `scores`.
///
/// # Errors
/// As [`threshold_for_sensitivity`].
///
/// # Source
/// Youden 1950, doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3
pub fn threshold_for_youden(scores: &[f64], positives: &[bool]) -> Result<f64, StatsError> {
    let (positive_count, negative_count) = check_two_kinds(scores, positives)?;
    let mut order = ascending(scores);
    order.reverse();
    let (mut hits, mut alarms, mut start) = (0_usize, 0_usize, 0);
    let mut best = (f64::NEG_INFINITY, scores[order[0]]);
    while start < order.len() {
        let tied = tie_length(scores, &order[start..]);
        let here = &order[start..start + tied];
        let new = here.iter().filter(|&&case| positives[case]).count();
        hits += new;
        alarms += tied - new;
        let youden = hits as f64 / positive_count as f64 - alarms as f64 / negative_count as f64;
        if youden > best.0 {
            best = (youden, scores[here[0]]);
        }
        start += tied;
    }
    Ok(best.1)
}

/// The least given score for which at least the wanted share of negative cases score below it.
///
/// # Units
/// Those of `scores`.
///
/// # Errors
/// [`StatsError::NoValue`] if even the highest score leaves too few negative cases below; as
/// [`threshold_for_sensitivity`] otherwise.
pub fn threshold_for_specificity(
    scores: &[f64],
    positives: &[bool],
    specificity: f64,
) -> Result<f64, StatsError> {
    let (_, negative_count) = check_two_kinds(scores, positives)?;
    check_range("specificity", specificity, 0.0, 1.0)?;
    let needed = least_count(specificity, negative_count);
    let low_enough = cuts(scores, positives)?.into_iter().rev().find_map(|cut| {
        let threshold = cut.threshold?;
        (negative_count - cut.alarms >= needed).then_some(threshold)
    });
    let reason = "the highest score is shared by too many negative cases";
    low_enough.ok_or(StatsError::NoValue { what: "threshold for the specificity", reason })
}

/// What mistakes cost, in a unit of the caller's: only their ratio matters to a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MistakeCosts {
    /// A positive case that is not called.
    pub missed: f64,
    /// A negative case that is called.
    pub false_alarm: f64,
}

/// A threshold and what to expect of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// Scores at or above this are called; `None` if it is cheapest to call nothing.
    pub threshold: Option<f64>,
    /// Positive cases that are called.
    pub sensitivity: f64,
    /// Negative cases that are not called.
    pub specificity: f64,
    /// Expected cost of a case at the stated prevalence, in the unit of [`MistakeCosts`].
    pub cost: f64,
}

/// The threshold at which mistakes cost least where a share `prevalence` of cases is positive.
///
/// Of thresholds that cost the same, the highest.
///
/// # Units
/// The threshold that of `scores`, the cost that of `costs`.
///
/// # Errors
/// [`StatsError::Range`] if a cost is below 0 or not finite, or the prevalence is outside 0 to 1; as
/// [`threshold_for_sensitivity`] otherwise.
///
/// # Source
/// Metz 1978, doi:10.1016/S0001-2998(78)80014-2
pub fn threshold_for_costs(
    scores: &[f64],
    positives: &[bool],
    costs: MistakeCosts,
    prevalence: f64,
) -> Result<OperatingPoint, StatsError> {
    check_range("cost of a missed case", costs.missed, 0.0, f64::MAX)?;
    check_range("cost of a false alarm", costs.false_alarm, 0.0, f64::MAX)?;
    check_range("prevalence", prevalence, 0.0, 1.0)?;
    let cuts = cuts(scores, positives)?;
    let all = cuts[cuts.len() - 1];
    let mut points = cuts.iter().map(|cut| {
        let sensitivity = cut.hits as f64 / all.hits as f64;
        let specificity = (all.alarms - cut.alarms) as f64 / all.alarms as f64;
        let cost = prevalence * (1.0 - sensitivity) * costs.missed
            + (1.0 - prevalence) * (1.0 - specificity) * costs.false_alarm;
        OperatingPoint { threshold: cut.threshold, sensitivity, specificity, cost }
    });
    let none = points.next().expect("the first cut calls nothing");
    Ok(points.fold(none, |best, point| if point.cost < best.cost { point } else { best }))
}

/// The probability from which on a call is cheaper than a pass: the cost of a false alarm over that of
/// both mistakes.
///
/// It holds for probabilities that are calibrated where they are used, and needs no cases.
///
/// # Errors
/// [`StatsError::Range`] if a cost is below 0 or not finite; [`StatsError::NoValue`] if both are 0.
///
/// # Source
/// Elkan 2001, ISBN 1-55860-812-5 (IJCAI, pages 973 to 978)
pub fn probability_threshold_for_costs(costs: MistakeCosts) -> Result<f64, StatsError> {
    check_range("cost of a missed case", costs.missed, 0.0, f64::MAX)?;
    check_range("cost of a false alarm", costs.false_alarm, 0.0, f64::MAX)?;
    let larger = costs.missed.max(costs.false_alarm);
    if larger == 0.0 {
        return Err(StatsError::NoValue {
            what: "threshold for the costs",
            reason: "no mistake costs anything",
        });
    }
    let (missed, false_alarm) = (costs.missed / larger, costs.false_alarm / larger);
    Ok(false_alarm / (missed + false_alarm))
}

/// The least number of cases that makes up a share; a product that misses a whole number by rounding alone
/// (0.55 of 100 is 55.000000000000007) counts as that number.
fn least_count(share: f64, cases: usize) -> usize {
    (share * cases as f64 * (1.0 - 4.0 * f64::EPSILON)).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_the_stated_share_lies_above() {
        let scores: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(threshold_at_quantile(&scores, 0.99), Ok(198.0));
        assert_eq!(threshold_at_quantile(&scores, 1.0), Ok(200.0));
        assert_eq!(threshold_at_quantile(&scores, 0.0), Ok(1.0));
        assert_eq!(threshold_at_quantile(&[5.0, 1.0, 3.0], 0.5), Ok(3.0));
    }

    #[test]
    fn the_wanted_sensitivity_is_reached_and_no_more() {
        let scores = [0.9, 0.8, 0.6, 0.3, 0.7, 0.1];
        let positives = [true, true, true, true, false, false];
        assert_eq!(threshold_for_sensitivity(&scores, &positives, 0.75), Ok(0.6));
        assert_eq!(threshold_for_sensitivity(&scores, &positives, 0.76), Ok(0.3));
        assert_eq!(threshold_for_sensitivity(&scores, &positives, 0.0), Ok(0.9));
        assert!(threshold_for_sensitivity(&scores, &[true; 6], 0.5).is_err());
        // 0.55 * 100 is a trifle more than 55.
        let scores: Vec<f64> = (0..=100).map(f64::from).collect();
        let positives: Vec<bool> = scores.iter().map(|&score| score > 0.0).collect();
        assert_eq!(threshold_for_sensitivity(&scores, &positives, 0.55), Ok(46.0));
    }

    #[test]
    fn the_best_cut_by_hand() {
        // At 0.6: three of four found, one of two alarms: 0.25. At 0.8: two found, none: 0.5.
        let scores = [0.9, 0.8, 0.6, 0.3, 0.7, 0.1];
        let positives = [true, true, true, true, false, false];
        assert_eq!(threshold_for_youden(&scores, &positives), Ok(0.8));
    }

    #[test]
    fn the_wanted_specificity_is_reached_and_no_more() {
        let scores = [0.9, 0.8, 0.6, 0.3, 0.7, 0.1];
        let positives = [true, true, true, true, false, false];
        assert_eq!(threshold_for_specificity(&scores, &positives, 1.0), Ok(0.8));
        assert_eq!(threshold_for_specificity(&scores, &positives, 0.5), Ok(0.3));
        assert_eq!(threshold_for_specificity(&scores, &positives, 0.0), Ok(0.1));
        let tied = threshold_for_specificity(&[0.5, 0.5], &[true, false], 0.5);
        assert!(matches!(tied, Err(StatsError::NoValue { .. })));
        assert!(threshold_for_specificity(&scores, &positives, 1.5).is_err());
    }

    #[test]
    fn the_cheapest_cut_by_hand() {
        let scores = [0.9, 0.8, 0.6, 0.3, 0.7, 0.1];
        let positives = [true, true, true, true, false, false];
        let at = |missed, false_alarm, prevalence| {
            threshold_for_costs(&scores, &positives, MistakeCosts { missed, false_alarm }, prevalence)
                .expect("possible costs")
        };
        // Half positive, equal costs: the best cut of Youden, at cost 0.5 * 0.5.
        let even = at(1.0, 1.0, 0.5);
        assert_eq!((even.threshold, even.cost), (Some(0.8), 0.25));
        // A miss costs ten alarms: all positives are called, one of two negatives too.
        let anxious = at(10.0, 1.0, 0.5);
        assert_eq!((anxious.threshold, anxious.sensitivity, anxious.specificity), (Some(0.3), 1.0, 0.5));
        // Nothing to find: calling nothing is free, and nothing beats it.
        assert_eq!(at(1.0, 1.0, 0.0).threshold, None);
        assert_eq!(probability_threshold_for_costs(MistakeCosts { missed: 3.0, false_alarm: 1.0 }), Ok(0.25));
        let free = MistakeCosts { missed: 0.0, false_alarm: 0.0 };
        assert!(probability_threshold_for_costs(free).is_err());
        let negative = MistakeCosts { missed: -1.0, false_alarm: 1.0 };
        assert!(threshold_for_costs(&scores, &positives, negative, 0.5).is_err());
    }
}
