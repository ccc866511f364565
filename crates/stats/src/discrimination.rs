use crate::error::{check_finite, check_labels, check_length};
use crate::{Rows, StatsError};

/// Area under the receiver operating characteristic: the chance that a positive case scores above a
/// negative one.
///
/// Tied scores get half the credit (the Mann-Whitney statistic with midranks).
///
/// # Units
/// None: 0.5 is guessing, 1 is perfect, 0 is perfectly wrong.
///
/// # Errors
/// [`StatsError::OneKind`] if all cases are of one kind; [`StatsError`] for lists that differ in length
/// or a score that is not finite.
///
/// # Source
/// Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747
pub fn roc_auc(scores: &[f64], positives: &[bool]) -> Result<f64, StatsError> {
    let (positive_count, negative_count) = check_two_kinds(scores, positives)?;
    let order = ascending(scores);
    let mut rank_sum = 0.0;
    let mut start = 0;
    while start < order.len() {
        let tied = tie_length(scores, &order[start..]);
        // Ranks count from 1: places start+1 to start+tied share their mean.
        let midrank = start as f64 + (tied as f64 + 1.0) / 2.0;
        let positives_here = order[start..start + tied].iter().filter(|&&case| positives[case]).count();
        rank_sum += midrank * positives_here as f64;
        start += tied;
    }
    let (positive_count, negative_count) = (positive_count as f64, negative_count as f64);
    let wins = rank_sum - positive_count * (positive_count + 1.0) / 2.0;
    Ok(wins / (positive_count * negative_count))
}

/// Average precision: the precision at each new recall, weighted by the gain in recall.
///
/// No interpolation; tied scores enter together.
///
/// # Units
/// None: the share of positive cases is guessing, 1 is perfect.
///
/// # Errors
/// As [`roc_auc`].
///
/// # Source
/// Su, Yuan and Zhu 2015, doi:10.1145/2808194.2809481
pub fn average_precision(scores: &[f64], positives: &[bool]) -> Result<f64, StatsError> {
    let (positive_count, _) = check_two_kinds(scores, positives)?;
    let mut order = ascending(scores);
    order.reverse();
    let (mut area, mut found, mut start) = (0.0, 0, 0);
    while start < order.len() {
        let tied = tie_length(scores, &order[start..]);
        let new = order[start..start + tied].iter().filter(|&&case| positives[case]).count();
        start += tied;
        found += new;
        area += new as f64 * (found as f64 / start as f64);
    }
    Ok(area / positive_count as f64)
}

/// The area of each class against all others, in class order.
///
/// # Shapes
/// `scores` holds one row a case and one column a class; `labels` the class of each case.
///
/// # Errors
/// [`StatsError::LonelyClass`] if a class has no case or every case; as [`roc_auc`] otherwise.
///
/// # Source
/// Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747
pub fn one_vs_rest_auc(scores: Rows<'_>, labels: &[usize]) -> Result<Vec<f64>, StatsError> {
    check_labels(labels, scores.len(), scores.columns())?;
    (0..scores.columns())
        .map(|class| {
            let positives: Vec<bool> = labels.iter().map(|&label| label == class).collect();
            roc_auc(&scores.column(class), &positives).map_err(|error| match error {
                StatsError::OneKind { .. } => StatsError::LonelyClass {
                    class,
                    cases: positives.iter().filter(|&&positive| positive).count(),
                    total: labels.len(),
                },
                other => other,
            })
        })
        .collect()
}

/// The unweighted mean over classes of [`one_vs_rest_auc`].
///
/// # Errors
/// As [`one_vs_rest_auc`].
pub fn macro_one_vs_rest_auc(scores: Rows<'_>, labels: &[usize]) -> Result<f64, StatsError> {
    let areas = one_vs_rest_auc(scores, labels)?;
    Ok(areas.iter().sum::<f64>() / areas.len() as f64)
}

/// How many cases are positive and negative, at least one each.
pub(crate) fn check_two_kinds(scores: &[f64], positives: &[bool]) -> Result<(usize, usize), StatsError> {
    check_finite("scores", scores)?;
    check_length("positives", positives.len(), scores.len())?;
    let positive_count = positives.iter().filter(|&&positive| positive).count();
    match (positive_count, positives.len() - positive_count) {
        (0, _) => Err(StatsError::OneKind { missing: "positive" }),
        (_, 0) => Err(StatsError::OneKind { missing: "negative" }),
        both => Ok(both),
    }
}

/// Case numbers by rising score.
pub(crate) fn ascending(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    order
}

/// How many cases at the head of `order` share their score (`0.0` and `-0.0` are equal).
pub(crate) fn tie_length(scores: &[f64], order: &[usize]) -> usize {
    order.iter().take_while(|&&case| scores[case] == scores[order[0]]).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check_auc(scores: &[f64], positives: &[u8], expected: f64) {
        let positives: Vec<bool> = positives.iter().map(|&positive| positive == 1).collect();
        let found = roc_auc(scores, &positives).expect("both kinds are there");
        assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
    }

    #[test]
    fn the_area_counts_pairs_that_are_ordered_rightly() {
        check_auc(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], 0.75); // 3 of 4 pairs
        check_auc(&[1.0, 2.0, 3.0, 4.0], &[0, 0, 1, 1], 1.0);
        check_auc(&[4.0, 3.0, 2.0, 1.0], &[0, 0, 1, 1], 0.0);
    }

    #[test]
    fn a_tied_pair_counts_half() {
        check_auc(&[0.5, 0.5], &[0, 1], 0.5);
        check_auc(&[0.2, 0.5, 0.5, 0.5], &[0, 0, 1, 1], 0.75); // pairs: 1, 1, 1/2, 1/2
        check_auc(&[0.0, -0.0], &[0, 1], 0.5);
    }

    #[test]
    fn average_precision_by_hand() {
        // Falling scores find: positive (1/1), negative, positive (2/3).
        let found = average_precision(&[0.9, 0.8, 0.7, 0.1], &[true, false, true, false]);
        assert!((found.expect("both kinds") - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        // All tied: the share of positive cases.
        let found = average_precision(&[0.5; 4], &[true, false, false, false]);
        assert_eq!(found, Ok(0.25));
    }

    #[test]
    fn cases_of_one_kind_have_no_area() {
        assert_eq!(roc_auc(&[1.0, 2.0], &[true, true]), Err(StatsError::OneKind { missing: "negative" }));
        assert_eq!(average_precision(&[1.0], &[false]), Err(StatsError::OneKind { missing: "positive" }));
        assert!(matches!(roc_auc(&[1.0], &[true, false]), Err(StatsError::Length { .. })));
        assert!(matches!(roc_auc(&[f64::NAN, 1.0], &[true, false]), Err(StatsError::NotFinite { .. })));
    }

    #[test]
    fn a_class_without_cases_is_named() {
        let scores = [0.5, 0.3, 0.2, 0.1, 0.8, 0.1];
        let table = Rows::new(&scores, 3).expect("two full rows");
        let expected = StatsError::LonelyClass { class: 2, cases: 0, total: 2 };
        assert_eq!(one_vs_rest_auc(table, &[0, 1]), Err(expected));
    }

    proptest! {
        #[test]
        fn the_area_equals_the_count_over_all_pairs(
            cases in prop::collection::vec((0_u8..6, any::<bool>()), 2..40)
        ) {
            let scores: Vec<f64> = cases.iter().map(|case| f64::from(case.0)).collect();
            let positives: Vec<bool> = cases.iter().map(|case| case.1).collect();
            let (mut credit, mut pairs) = (0.0, 0.0);
            for (a, _) in positives.iter().enumerate().filter(|(_, positive)| **positive) {
                for (b, _) in positives.iter().enumerate().filter(|(_, positive)| !**positive) {
                    pairs += 1.0;
                    credit += if scores[a] > scores[b] { 1.0 } else if scores[a] == scores[b] { 0.5 } else { 0.0 };
                }
            }
            match roc_auc(&scores, &positives) {
                Ok(area) => prop_assert!((area - credit / pairs).abs() < 1e-12),
                Err(_) => prop_assert_eq!(pairs, 0.0),
            }
        }
    }
}
