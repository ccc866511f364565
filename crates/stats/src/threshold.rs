use crate::StatsError;
use crate::discrimination::{ascending, check_two_kinds, tie_length};
use crate::error::{check_finite, check_range};
use crate::order::sorted;

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
    let needed = (sensitivity * falling.len() as f64).ceil() as usize;
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
    }

    #[test]
    fn the_best_cut_by_hand() {
        // At 0.6: three of four found, one of two alarms: 0.25. At 0.8: two found, none: 0.5.
        let scores = [0.9, 0.8, 0.6, 0.3, 0.7, 0.1];
        let positives = [true, true, true, true, false, false];
        assert_eq!(threshold_for_youden(&scores, &positives), Ok(0.8));
    }
}
