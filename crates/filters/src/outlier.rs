//! Which slices, series or grids of a set do not fit the others, and why, in words.
//!
//! Two methods: the robust z-score looks at each feature alone, the local outlier factor at all together.
//! (The isolation forests on crates.io draw from the thread's own random source and fix the number of
//! features at compile time: the same input would not give the same answer.)

mod feature;
mod local;

pub use feature::{FeatureTable, grid_features, slice_features};
pub use local::{local_outlier_factors, local_outliers};

use wilhelm_stats::median;

use crate::FilterError;

/// A row that does not fit the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// Which row, from 0.
    pub row: usize,
    /// How far it is off: the greatest robust z-score (magnitude), or the local outlier factor.
    pub score: f64,
    /// Why, in words, the strongest reason first; without a final period.
    pub reasons: Vec<String>,
}

/// The threshold of the robust z-score that Iglewicz and Hoaglin recommend.
pub const ROBUST_THRESHOLD: f64 = 3.5;

/// Robust z-scores of a feature: `0.6745 (value - median) / MAD`, in which MAD is the median absolute
/// deviation from the median.
///
/// Where more than half of the values are equal the MAD is 0, and the mean absolute deviation (times 1.2533)
/// stands in; where all are equal every score is 0. The score of a value that is not finite is infinite, and
/// it takes no part in the medians.
///
/// # Units
/// Standard deviations of a normal distribution.
///
/// # Source
/// Iglewicz, Hoaglin 1993, How to Detect and Handle Outliers, ASQC Quality Press
pub fn robust_scores(values: &[f64]) -> Vec<f64> {
    let (center, scale) = center_and_scale(values);
    values
        .iter()
        .map(|value| match () {
            () if !value.is_finite() => f64::INFINITY,
            () if scale > 0.0 => (value - center) / scale,
            () => 0.0,
        })
        .collect()
}

/// The median, and what a robust standard deviation is.
pub(crate) fn center_and_scale(values: &[f64]) -> (f64, f64) {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let Ok(center) = median(&finite) else { return (0.0, 0.0) };
    let off: Vec<f64> = finite.iter().map(|value| (value - center).abs()).collect();
    let mean = off.iter().sum::<f64>() / off.len() as f64;
    // 0.6745 is the MAD, and 1 / 1.2533 the mean absolute deviation, of a standard normal distribution.
    let scale = match median(&off) {
        Ok(deviation) if deviation > 0.0 => deviation / 0.6745,
        _ => 1.253_314 * mean,
    };
    (center, if scale.is_finite() { scale } else { 0.0 })
}

/// Rows in which a feature lies further from its median than `threshold` robust standard deviations, in the
/// order of the rows.
///
/// [`ROBUST_THRESHOLD`] is the usual threshold.
///
/// # Errors
/// [`FilterError::Parameter`] for a threshold that is not above 0.
///
/// # Examples
/// ```
/// use wilhelm_filters::outlier::{FeatureTable, ROBUST_THRESHOLD, robust_outliers};
///
/// let rows = [5.0, 5.0, 5.1, 4.9, 9.0].map(|spacing| vec![spacing]).to_vec();
/// let table = FeatureTable::new(vec!["distance between slices".to_owned()], rows)?;
/// let found = robust_outliers(&table, ROBUST_THRESHOLD)?;
/// assert_eq!(found[0].row, 4);
/// assert_eq!(
///     found[0].reasons[0],
///     "distance between slices is 9, above the median 5 by 27.0 robust standard deviations"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn robust_outliers(table: &FeatureTable, threshold: f64) -> Result<Vec<Outlier>, FilterError> {
    if threshold.is_nan() || threshold <= 0.0 {
        return Err(FilterError::parameter("threshold", threshold, "more than 0"));
    }
    let reasons = reasons(table);
    Ok(reasons
        .into_iter()
        .enumerate()
        .filter_map(|(row, reasons)| {
            let strong: Vec<_> = reasons.into_iter().filter(|(score, _)| *score > threshold).collect();
            let score = strong.first()?.0;
            Some(Outlier { row, score, reasons: strong.into_iter().map(|(_, text)| text).collect() })
        })
        .collect())
}

/// For each row every feature's robust z-score (magnitude) with its sentence, strongest first.
fn reasons(table: &FeatureTable) -> Vec<Vec<(f64, String)>> {
    let mut all: Vec<Vec<(f64, String)>> = vec![Vec::new(); table.rows().len()];
    for (feature, name) in table.names().iter().enumerate() {
        let values = table.column(feature);
        let (center, _) = center_and_scale(&values);
        for ((row, value), score) in all.iter_mut().zip(&values).zip(robust_scores(&values)) {
            let text = if value.is_finite() {
                let side = if score < 0.0 { "below" } else { "above" };
                format!(
                    "{name} is {}, {side} the median {} by {:.1} robust standard deviations",
                    short(*value),
                    short(center),
                    score.abs()
                )
            } else {
                format!("{name} is {value}, not a finite number")
            };
            row.push((score.abs(), text));
        }
    }
    for row in &mut all {
        row.sort_by(|a, b| b.0.total_cmp(&a.0));
    }
    all
}

/// A number with four significant digits at the most behind which nothing is hidden.
fn short(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { (3 - value.abs().log10().floor() as i32).clamp(0, 9) };
    let text = format!("{value:.*}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robust_scores_worked_on_paper() {
        // 1 2 3 4 100: median 3, deviations 2 1 0 1 97 with median 1.
        let found = robust_scores(&[1.0, 2.0, 3.0, 4.0, 100.0]);
        let expected = [-2.0, -1.0, 0.0, 1.0, 97.0].map(|off| 0.6745 * off);
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12));
        // Four of five equal: the mean absolute deviation is 2 / 5.
        let found = robust_scores(&[1.0, 1.0, 1.0, 1.0, 3.0]);
        assert!((found[4] - 2.0 / (1.253_314 * 0.4)).abs() < 1e-12);
        assert_eq!(robust_scores(&[2.0; 3]), [0.0; 3]);
        assert_eq!(robust_scores(&[1.0, f64::NAN]), [0.0, f64::INFINITY]);
        assert!(robust_scores(&[]).is_empty());
        assert!(robust_scores(&[f64::MAX, f64::MIN, 0.0]).iter().all(|score| !score.is_nan()));
    }

    #[test]
    fn an_outlier_says_why_strongest_reason_first() {
        let mut rows: Vec<Vec<f64>> =
            (0..9).map(|at| vec![100.0 + f64::from(at), 1.0 + 0.1 * f64::from(at)]).collect();
        rows.push(vec![300.0, 9.0]);
        rows.push(vec![103.0, f64::NAN]);
        let names = vec!["mean".to_owned(), "noise".to_owned()];
        let found = robust_outliers(&FeatureTable::new(names, rows).expect("a table"), 3.5).expect("scored");
        assert_eq!(found.iter().map(|outlier| outlier.row).collect::<Vec<_>>(), [9, 10]);
        assert_eq!(found[0].reasons.len(), 2);
        assert!(
            found[0].reasons[0].starts_with("mean is 300, above the median 104 by"),
            "{:?}",
            found[0].reasons
        );
        assert_eq!(found[1].reasons, ["noise is NaN, not a finite number"]);
    }

    #[test]
    fn numbers_in_sentences_are_short() {
        let found = [0.0, 0.123_456, 12.5, 1234.56, -0.7, 5.0].map(short);
        assert_eq!(found, ["0", "0.1235", "12.5", "1235", "-0.7", "5"]);
    }
}
