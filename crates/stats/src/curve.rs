use crate::StatsError;
use crate::discrimination::{ascending, check_two_kinds, tie_length};
use serde::{Deserialize, Serialize};

/// Which points of a curve are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CurvePoints {
    /// One a distinct score.
    All,
    /// Those that a drawn line needs: points on the straight line between their neighbors are left out.
    Corners,
}

/// One point of a receiver operating characteristic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Scores at or above this are called positive; `None` where nothing is.
    pub threshold: Option<f64>,
    /// Negative cases that are called positive: 1 minus the specificity.
    pub false_positive_rate: f64,
    /// Positive cases that are called positive.
    pub sensitivity: f64,
}

/// One point of a precision-recall curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallPoint {
    /// Scores at or above this are called positive.
    pub threshold: f64,
    /// Positive cases that are called positive: the sensitivity.
    pub recall: f64,
    /// Calls that are right.
    pub precision: f64,
}

/// The points of a receiver operating characteristic, by falling threshold, from (0, 0) to (1, 1).
///
/// Tied scores enter together, so that the area under the straight lines between the points is
/// [`crate::roc_auc`].
///
/// # Units
/// Thresholds those of the scores; rates are shares from 0 to 1.
///
/// # Errors
/// As [`crate::roc_auc`].
///
/// # Source
/// Fawcett 2006, doi:10.1016/j.patrec.2005.10.010
pub fn roc_curve(
    scores: &[f64],
    positives: &[bool],
    points: CurvePoints,
) -> Result<Vec<RocPoint>, StatsError> {
    let cuts = cuts(scores, positives)?;
    let all = cuts[cuts.len() - 1];
    let point = |cut: Cut| RocPoint {
        threshold: cut.threshold,
        false_positive_rate: cut.alarms as f64 / all.alarms as f64,
        sensitivity: cut.hits as f64 / all.hits as f64,
    };
    Ok(match points {
        CurvePoints::All => cuts.into_iter().map(point).collect(),
        CurvePoints::Corners => {
            let mut corners: Vec<Cut> = Vec::new();
            for (place, &cut) in cuts.iter().enumerate() {
                let straight = match (corners.last(), cuts.get(place + 1)) {
                    (Some(last), Some(next)) => last.is_in_line(cut, *next),
                    _ => false,
                };
                if !straight {
                    corners.push(cut);
                }
            }
            corners.into_iter().map(point).collect()
        }
    })
}

/// The points of a precision-recall curve, by falling threshold.
///
/// Precision has no value where nothing is called, so there is no point at recall 0 unless the highest
/// scores are all of negative cases. Between two points the curve is no straight line: the area is
/// [`crate::average_precision`], which does not interpolate. [`CurvePoints::Corners`] leaves out points
/// between two others of the same recall.
///
/// # Units
/// Thresholds those of the scores; rates are shares from 0 to 1.
///
/// # Errors
/// As [`crate::roc_auc`].
///
/// # Source
/// Davis and Goadrich 2006, doi:10.1145/1143844.1143874
pub fn precision_recall_curve(
    scores: &[f64],
    positives: &[bool],
    points: CurvePoints,
) -> Result<Vec<PrecisionRecallPoint>, StatsError> {
    let cuts = cuts(scores, positives)?;
    let all = cuts[cuts.len() - 1];
    let is_corner = |place: usize| {
        let hits = |place: usize| cuts.get(place).map(|cut| cut.hits);
        let here = hits(place);
        // Place 0 calls nothing and is no point.
        place == 1 || hits(place - 1) != here || hits(place + 1) != here
    };
    let point = |cut: &Cut| {
        Some(PrecisionRecallPoint {
            threshold: cut.threshold?,
            recall: cut.hits as f64 / all.hits as f64,
            precision: cut.hits as f64 / (cut.hits + cut.alarms) as f64,
        })
    };
    let kept = (1..cuts.len()).filter(|&place| points == CurvePoints::All || is_corner(place));
    Ok(kept.filter_map(|place| point(&cuts[place])).collect())
}

/// What is called positive at a threshold, and how much of it rightly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    /// Scores at or above this are called; `None` where nothing is.
    pub threshold: Option<f64>,
    /// Positive cases that are called.
    pub hits: usize,
    /// Negative cases that are called.
    pub alarms: usize,
}

impl Cut {
    /// Whether `middle` lies on the straight line from here to `end`; counts make that exact.
    fn is_in_line(self, middle: Cut, end: Cut) -> bool {
        let wide = |to: usize, from: usize| (to - from) as u128;
        wide(middle.alarms, self.alarms) * wide(end.hits, middle.hits)
            == wide(middle.hits, self.hits) * wide(end.alarms, middle.alarms)
    }
}

/// The cut above all scores, then one at each distinct score, by falling threshold.
pub(crate) fn cuts(scores: &[f64], positives: &[bool]) -> Result<Vec<Cut>, StatsError> {
    check_two_kinds(scores, positives)?;
    let mut order = ascending(scores);
    order.reverse();
    let mut cut = Cut { threshold: None, hits: 0, alarms: 0 };
    let mut cuts = vec![cut];
    let mut start = 0;
    while start < order.len() {
        let tied = tie_length(scores, &order[start..]);
        let hits = order[start..start + tied].iter().filter(|&&case| positives[case]).count();
        cut = Cut {
            threshold: Some(scores[order[start]]),
            hits: cut.hits + hits,
            alarms: cut.alarms + tied - hits,
        };
        cuts.push(cut);
        start += tied;
    }
    Ok(cuts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCORES: [f64; 6] = [0.9, 0.8, 0.8, 0.4, 0.3, 0.1];
    const POSITIVES: [bool; 6] = [true, true, false, true, false, false];

    #[test]
    fn the_curve_by_hand() {
        let found: Vec<(Option<f64>, f64, f64)> = roc_curve(&SCORES, &POSITIVES, CurvePoints::All)
            .expect("both kinds")
            .iter()
            .map(|point| (point.threshold, point.false_positive_rate, point.sensitivity))
            .collect();
        let third = 1.0 / 3.0;
        let expected = [
            (None, 0.0, 0.0),
            (Some(0.9), 0.0, third),
            (Some(0.8), third, 2.0 / 3.0),
            (Some(0.4), third, 1.0),
            (Some(0.3), 2.0 / 3.0, 1.0),
            (Some(0.1), 1.0, 1.0),
        ];
        assert_eq!(found, expected);
        let corners = roc_curve(&SCORES, &POSITIVES, CurvePoints::Corners).expect("both kinds");
        let thresholds: Vec<Option<f64>> = corners.iter().map(|point| point.threshold).collect();
        assert_eq!(thresholds, [None, Some(0.9), Some(0.8), Some(0.4), Some(0.1)]);
    }

    #[test]
    fn precision_and_recall_by_hand() {
        let found: Vec<(f64, f64, f64)> = precision_recall_curve(&SCORES, &POSITIVES, CurvePoints::All)
            .expect("both kinds")
            .iter()
            .map(|point| (point.threshold, point.recall, point.precision))
            .collect();
        let expected = [
            (0.9, 1.0 / 3.0, 1.0),
            (0.8, 2.0 / 3.0, 2.0 / 3.0),
            (0.4, 1.0, 0.75),
            (0.3, 1.0, 0.6),
            (0.1, 1.0, 0.5),
        ];
        assert_eq!(found, expected);
        let corners = precision_recall_curve(&SCORES, &POSITIVES, CurvePoints::Corners).expect("both kinds");
        let thresholds: Vec<f64> = corners.iter().map(|point| point.threshold).collect();
        assert_eq!(thresholds, [0.9, 0.8, 0.4, 0.1]);
    }

    #[test]
    fn scores_that_are_all_equal_make_one_line() {
        for points in [CurvePoints::All, CurvePoints::Corners] {
            let curve = roc_curve(&[0.5; 3], &[true, false, true], points).expect("both kinds");
            assert_eq!(curve.len(), 2);
            assert_eq!((curve[1].false_positive_rate, curve[1].sensitivity), (1.0, 1.0));
        }
        assert!(roc_curve(&[0.5], &[true], CurvePoints::All).is_err());
    }

    proptest! {
        #[test]
        fn the_area_under_the_lines_is_the_area_with_half_credit_for_ties(
            cases in prop::collection::vec((0_u8..8, any::<bool>()), 2..60)
        ) {
            let scores: Vec<f64> = cases.iter().map(|case| f64::from(case.0)).collect();
            let positives: Vec<bool> = cases.iter().map(|case| case.1).collect();
            if let Ok(area) = crate::roc_auc(&scores, &positives) {
                for points in [CurvePoints::All, CurvePoints::Corners] {
                    let curve = roc_curve(&scores, &positives, points).expect("both kinds are there");
                    let under: f64 = curve
                        .windows(2)
                        .map(|pair| {
                            (pair[1].false_positive_rate - pair[0].false_positive_rate)
                                * f64::midpoint(pair[0].sensitivity, pair[1].sensitivity)
                        })
                        .sum();
                    prop_assert!((under - area).abs() < 1e-12);
                }
            }
        }
    }
}
