use rayon::prelude::*;

use super::{FeatureTable, Outlier, center_and_scale, reasons};
use crate::FilterError;

/// Most rows: all pairs are compared.
const MOST_ROWS: usize = 20_000;

/// How much sparser it is around each row than around its neighbors: about 1 within a group, more outside.
///
/// Distances are Euclidean, in the numbers as they are. Of neighbors equally far the lower row comes first.
///
/// # Errors
/// [`FilterError::Parameter`] for rows of unequal length, more than 20,000 rows, no neighbors, or as many
/// neighbors as there are rows or more; [`FilterError::NotFinite`].
///
/// # Source
/// Breunig, Kriegel, Ng, Sander 2000, doi:10.1145/335191.335388; equal rows as in scikit-learn, which adds
/// 1e-10 to the mean reachability distance
pub fn local_outlier_factors(rows: &[Vec<f64>], neighbors: usize) -> Result<Vec<f64>, FilterError> {
    if rows.len() > MOST_ROWS {
        return Err(FilterError::parameter("rows", rows.len(), "at most 20000"));
    }
    if neighbors == 0 || neighbors >= rows.len() {
        return Err(FilterError::parameter("neighbors", neighbors, "1 or more, and fewer than rows"));
    }
    if let Some(row) = rows.iter().find(|row| row.len() != rows[0].len()) {
        return Err(FilterError::parameter("numbers in a row", row.len(), "as many as in the first row"));
    }
    let count = rows.iter().flatten().filter(|value| !value.is_finite()).count();
    if count > 0 {
        return Err(FilterError::NotFinite { count });
    }
    let near: Vec<Vec<(f64, usize)>> = rows
        .par_iter()
        .enumerate()
        .map(|(row, here)| {
            let mut all: Vec<(f64, usize)> = rows
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != row)
                .map(|(other, there)| (distance(here, there), other))
                .collect();
            let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            all.select_nth_unstable_by(neighbors - 1, order);
            all.truncate(neighbors);
            all.sort_unstable_by(order);
            all
        })
        .collect();
    let furthest = |row: usize| near[row][neighbors - 1].0;
    let density: Vec<f64> = near
        .iter()
        .map(|near| {
            let reach: f64 = near.iter().map(|(distance, other)| distance.max(furthest(*other))).sum();
            1.0 / (reach / neighbors as f64 + 1e-10)
        })
        .collect();
    Ok(near
        .iter()
        .zip(&density)
        .map(|(near, here)| {
            near.iter().map(|(_, other)| density[*other] / here).sum::<f64>() / neighbors as f64
        })
        .collect())
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// Rows whose local outlier factor is above `threshold` (1.5 is usual), in the order of the rows.
///
/// Each feature counts in robust standard deviations from its median, so that no unit outweighs another; a
/// feature that never varies counts nothing. The reasons are the row's features furthest from their median,
/// up to three; where none is far, that the combination is what is rare.
///
/// # Errors
/// As [`local_outlier_factors`]; [`FilterError::Parameter`] for a threshold that is not above 1.
pub fn local_outliers(
    table: &FeatureTable,
    neighbors: usize,
    threshold: f64,
) -> Result<Vec<Outlier>, FilterError> {
    if threshold.is_nan() || threshold <= 1.0 {
        return Err(FilterError::parameter("threshold", threshold, "more than 1"));
    }
    let scales: Vec<(f64, f64)> =
        (0..table.names().len()).map(|feature| center_and_scale(&table.column(feature))).collect();
    let scaled: Vec<Vec<f64>> = table
        .rows()
        .iter()
        .map(|row| {
            let one = |(value, (center, scale)): (&f64, &(f64, f64))| {
                if *scale > 0.0 || !value.is_finite() { (value - center) / scale } else { 0.0 }
            };
            row.iter().zip(&scales).map(one).collect()
        })
        .collect();
    let factors = local_outlier_factors(&scaled, neighbors)?;
    let reasons = reasons(table);
    Ok(factors
        .into_iter()
        .zip(reasons)
        .enumerate()
        .filter(|(_, (factor, _))| *factor > threshold)
        .map(|(row, (factor, reasons))| {
            let density =
                format!("it lies {factor:.1} times as sparsely as its {neighbors} nearest neighbors");
            let far = reasons.into_iter().filter(|(score, _)| *score > 2.0).map(|(_, text)| text);
            let mut texts: Vec<String> = far.take(3).collect();
            if texts.is_empty() {
                texts.push("each feature alone is usual, their combination is not".to_owned());
            }
            texts.push(density);
            Outlier { row, score: factor, reasons: texts }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_on_a_line_worked_on_paper() {
        // 0, 1, 2, 10 with one neighbor. Nearest: 1, 0 (the lower of two), 1, 2; furthest 1, 1, 1, 8.
        // Reachability 1, 1, 1, 8; density 1, 1, 1, 1/8; factors 1, 1, 1, 8.
        let rows: Vec<Vec<f64>> = [0.0, 1.0, 2.0, 10.0].map(|value| vec![value]).to_vec();
        let found = local_outlier_factors(&rows, 1).expect("factors");
        assert!(found.iter().zip([1.0, 1.0, 1.0, 8.0]).all(|(f, e)| (f - e).abs() < 1e-8), "{found:?}");
    }

    #[test]
    fn a_rare_combination_is_found_though_each_feature_is_usual() {
        let mut rows: Vec<Vec<f64>> =
            (0..40).map(|at| vec![f64::from(at), f64::from(at) + f64::from(at % 3) * 0.2]).collect();
        rows.push(vec![30.0, 10.0]);
        let names = vec!["mean".to_owned(), "noise".to_owned()];
        let table = FeatureTable::new(names, rows).expect("a table");
        let found = local_outliers(&table, 5, 2.0).expect("factors");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].row, 40);
        assert!(found[0].reasons[0].contains("combination"), "{:?}", found[0].reasons);
    }

    #[test]
    fn hostile_tables_are_refused_or_answered() {
        assert_eq!(local_outlier_factors(&vec![vec![1.0]; 5], 2).expect("equal rows"), [1.0; 5]);
        assert!(local_outlier_factors(&[], 1).is_err());
        assert!(local_outlier_factors(&[vec![1.0], vec![2.0]], 2).is_err());
        assert!(local_outlier_factors(&[vec![1.0], vec![]], 1).is_err());
        let refused = local_outlier_factors(&[vec![1.0], vec![f64::NAN]], 1);
        assert_eq!(refused, Err(FilterError::NotFinite { count: 1 }));
        let table = FeatureTable::new(vec!["a".to_owned()], vec![vec![1.0]; 6]).expect("a table");
        assert!(local_outliers(&table, 2, 1.5).expect("no spread").is_empty());
        assert!(local_outliers(&table, 2, f64::NAN).is_err());
    }
}
