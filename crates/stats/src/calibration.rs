use crate::error::{check_labels, check_length, check_probabilities};
use crate::rows::largest;
use crate::{Rows, StatsError};
use serde::{Deserialize, Serialize};

/// Mean squared distance between the probability of a yes and what happened.
///
/// # Units
/// None: 0 is certain and right, 1 certain and wrong, 0.25 is always saying one half.
///
/// # Errors
/// [`StatsError`] if there is no case, the lists differ in length or a probability is outside 0 to 1.
///
/// # Source
/// Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
pub fn brier_score(probabilities: &[f64], positives: &[bool]) -> Result<f64, StatsError> {
    check_binary(probabilities, positives)?;
    let sum: f64 =
        probabilities.iter().zip(positives).map(|(p, &y)| (p - f64::from(u8::from(y))).powi(2)).sum();
    Ok(sum / probabilities.len() as f64)
}

/// Mean squared distance between the class probabilities and the actual class, summed over classes.
///
/// # Shapes
/// One row a case, one column a class, each row adding up to 1.
///
/// # Units
/// None: 0 is certain and right, 2 certain and wrong. For two classes it is twice [`brier_score`].
///
/// # Errors
/// [`StatsError`] if a row is no distribution or a label names no class.
///
/// # Source
/// Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
pub fn brier_score_multiclass(probabilities: Rows<'_>, labels: &[usize]) -> Result<f64, StatsError> {
    check_multiclass(probabilities, labels)?;
    let sum: f64 = probabilities
        .iter()
        .zip(labels)
        .flat_map(|(row, &label)| {
            row.iter().enumerate().map(move |(class, p)| (p - f64::from(u8::from(class == label))).powi(2))
        })
        .sum();
    Ok(sum / labels.len() as f64)
}

/// Mean negative logarithm of the probability given to what happened.
///
/// Probabilities are held within one rounding step (2.2e-16) of 0 and 1, so that one certain mistake
/// costs 36 and not infinity.
///
/// # Units
/// Nats: 0 is certain and right, 0.693 is always saying one half.
///
/// # Errors
/// As [`brier_score`].
///
/// # Source
/// Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x
pub fn log_loss(probabilities: &[f64], positives: &[bool]) -> Result<f64, StatsError> {
    check_binary(probabilities, positives)?;
    let sum: f64 =
        probabilities.iter().zip(positives).map(|(&p, &y)| surprise(if y { p } else { 1.0 - p })).sum();
    Ok(sum / probabilities.len() as f64)
}

/// Mean negative logarithm of the probability given to the actual class.
///
/// # Shapes
/// One row a case, one column a class, each row adding up to 1.
///
/// # Units
/// Nats.
///
/// # Errors
/// As [`brier_score_multiclass`].
///
/// # Source
/// Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x
pub fn log_loss_multiclass(probabilities: Rows<'_>, labels: &[usize]) -> Result<f64, StatsError> {
    check_multiclass(probabilities, labels)?;
    let sum: f64 = probabilities.iter().zip(labels).map(|(row, &label)| surprise(row[label])).sum();
    Ok(sum / labels.len() as f64)
}

/// One bar of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Probabilities above this belong here (0 itself belongs to the first bin).
    pub low: f64,
    /// Probabilities up to and including this belong here.
    pub high: f64,
    /// Cases in the bin.
    pub cases: usize,
    /// Mean of their probabilities, if there are any.
    pub mean_probability: Option<f64>,
    /// Share of them that came true, if there are any.
    pub observed_share: Option<f64>,
}

/// Sorts cases into `bins` equally wide bins of probability, and compares promise with outcome.
///
/// # Errors
/// As [`brier_score`]; also [`StatsError::TooFew`] for no bins.
///
/// # Source
/// Guo et al. 2017, doi:10.48550/arXiv.1706.04599
pub fn reliability(
    probabilities: &[f64],
    came_true: &[bool],
    bins: usize,
) -> Result<Vec<ReliabilityBin>, StatsError> {
    check_binary(probabilities, came_true)?;
    if bins == 0 {
        return Err(StatsError::TooFew { what: "bins", found: 0, expected: 1 });
    }
    let edge = |bin: usize| bin as f64 / bins as f64;
    let edges: Vec<f64> = (1..bins).map(edge).collect();
    let mut sums = vec![(0_usize, 0.0, 0_usize); bins];
    for (&probability, &came_true) in probabilities.iter().zip(came_true) {
        let bin = edges.partition_point(|&edge| edge < probability);
        sums[bin].0 += 1;
        sums[bin].1 += probability;
        sums[bin].2 += usize::from(came_true);
    }
    let bin = |(bin, (cases, sum, hits)): (usize, (usize, f64, usize))| ReliabilityBin {
        low: edge(bin),
        high: edge(bin + 1),
        cases,
        mean_probability: (cases > 0).then(|| sum / cases as f64),
        observed_share: (cases > 0).then(|| hits as f64 / cases as f64),
    };
    Ok(sums.into_iter().enumerate().map(bin).collect())
}

/// Expected calibration error: the distance between promise and outcome, averaged over bins by their
/// cases.
///
/// # Units
/// None: 0 is calibrated. It depends on `bins` and is biased upward for few cases.
///
/// # Errors
/// As [`reliability`].
///
/// # Source
/// Naeini, Cooper and Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602
pub fn expected_calibration_error(
    probabilities: &[f64],
    came_true: &[bool],
    bins: usize,
) -> Result<f64, StatsError> {
    let gap = |bin: &ReliabilityBin| match (bin.mean_probability, bin.observed_share) {
        (Some(promised), Some(observed)) => bin.cases as f64 * (promised - observed).abs(),
        _ => 0.0,
    };
    let bins = reliability(probabilities, came_true, bins)?;
    Ok(bins.iter().map(gap).sum::<f64>() / probabilities.len() as f64)
}

/// Expected calibration error of the likeliest class: its probability against whether it was right.
///
/// # Errors
/// As [`brier_score_multiclass`] and [`reliability`].
///
/// # Source
/// Guo et al. 2017, doi:10.48550/arXiv.1706.04599
pub fn top_label_calibration_error(
    probabilities: Rows<'_>,
    labels: &[usize],
    bins: usize,
) -> Result<f64, StatsError> {
    check_multiclass(probabilities, labels)?;
    let (confidence, right): (Vec<f64>, Vec<bool>) = probabilities
        .iter()
        .zip(labels)
        .map(|(row, &label)| {
            let top = largest(row);
            (row[top], top == label)
        })
        .unzip();
    expected_calibration_error(&confidence, &right, bins)
}

fn surprise(probability: f64) -> f64 {
    -probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}

fn check_binary(probabilities: &[f64], positives: &[bool]) -> Result<(), StatsError> {
    check_probabilities("probability", probabilities)?;
    check_length("outcomes", positives.len(), probabilities.len())
}

fn check_multiclass(probabilities: Rows<'_>, labels: &[usize]) -> Result<(), StatsError> {
    probabilities.check_distributions()?;
    check_labels(labels, probabilities.len(), probabilities.columns())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Result<f64, StatsError>, expected: f64) {
        let found = found.expect("the input is sound");
        assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
    }

    #[test]
    fn scores_of_two_classes_by_hand() {
        check(brier_score(&[0.8, 0.3], &[true, false]), (0.04 + 0.09) / 2.0);
        check(log_loss(&[0.8, 0.3], &[true, false]), -(0.8_f64.ln() + 0.7_f64.ln()) / 2.0);
        // A certain mistake is expensive but finite.
        assert!(log_loss(&[1.0], &[false]).is_ok_and(|loss| (36.0..36.1).contains(&loss)));
    }

    #[test]
    fn scores_of_three_classes_by_hand() {
        let values = [0.5, 0.3, 0.2, 0.1, 0.1, 0.8];
        let table = Rows::new(&values, 3).expect("two full rows");
        let expected = ((0.25 + 0.09 + 0.04) + (0.01 + 0.81 + 0.64)) / 2.0;
        check(brier_score_multiclass(table, &[0, 1]), expected);
        check(log_loss_multiclass(table, &[0, 1]), -(0.5_f64.ln() + 0.1_f64.ln()) / 2.0);
        // Confidences 0.5 (right) and 0.8 (wrong) lie in different bins of ten.
        check(top_label_calibration_error(table, &[0, 1], 10), (0.5 + 0.8) / 2.0);
    }

    #[test]
    fn two_columns_cost_twice_the_binary_brier_score() {
        let positive = [0.8, 0.3, 0.6];
        let values: Vec<f64> = positive.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let table = Rows::new(&values, 2).expect("three full rows");
        let binary = brier_score(&positive, &[true, false, false]).expect("sound");
        check(brier_score_multiclass(table, &[1, 0, 0]), 2.0 * binary);
    }

    #[test]
    fn a_bin_holds_its_upper_edge_and_the_first_holds_zero() {
        let bins = reliability(&[0.0, 0.5, 0.500_001, 1.0], &[false, true, true, true], 2).expect("sound");
        assert_eq!((bins[0].cases, bins[1].cases), (2, 2));
        assert_eq!((bins[0].mean_probability, bins[0].observed_share), (Some(0.25), Some(0.5)));
        let empty = reliability(&[0.9], &[true], 2).expect("sound")[0];
        assert_eq!((empty.cases, empty.mean_probability, empty.observed_share), (0, None, None));
    }

    #[test]
    fn calibration_error_by_hand() {
        // Bin 1: promised 0.2, one of two came true. Bin 2: promised 0.9, both came true.
        check(
            expected_calibration_error(&[0.1, 0.3, 0.85, 0.95], &[false, true, true, true], 2),
            0.5 * 0.3 + 0.5 * 0.1,
        );
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        assert!(matches!(brier_score(&[1.2], &[true]), Err(StatsError::Range { .. })));
        let values = [0.5, 0.6];
        let table = Rows::new(&values, 2).expect("one row");
        assert!(matches!(log_loss_multiclass(table, &[0]), Err(StatsError::Sum { row: 0, .. })));
        assert!(matches!(reliability(&[0.5], &[true], 0), Err(StatsError::TooFew { .. })));
    }
}
