use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use wilhelm_stats::{
    KolmogorovSmirnov, MeanDiscrepancy, Rows, kolmogorov_smirnov, mean_discrepancy, population_stability,
};

use super::{Cases, EvaluationError, Settings, Table};

/// Most rows of each table that the mean discrepancy takes: every pair of them is held.
const MOST_ROWS: usize = 1000;
/// Deals of its permutation test.
const DEALS: usize = 999;
/// Bins of the population stability index, as is the custom.
const BINS: usize = 10;

/// How far the numbers of these cases lie from those of a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftFigures {
    /// The file of the reference.
    pub reference: String,
    /// Its rows with numbers.
    pub reference_rows: usize,
    /// Each column of numbers.
    pub columns: Vec<ColumnDrift>,
    /// All probabilities together; `None` where they leave it undefined.
    pub discrepancy: Option<MeanDiscrepancy>,
    /// Rows of each table that it was measured on, drawn by the seed.
    pub discrepancy_rows: [usize; 2],
}

/// One column in both tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnDrift {
    /// Its name.
    pub column: String,
    /// The test of Kolmogorov and Smirnov.
    pub kolmogorov_smirnov: KolmogorovSmirnov,
    /// The population stability index; `None` where the reference has one value alone.
    pub population_stability: Option<f64>,
}

pub(super) fn drift_figures(
    cases: &Cases,
    reference: &Table,
    settings: &Settings,
) -> Result<DriftFigures, EvaluationError> {
    let places: Vec<usize> = cases
        .columns
        .iter()
        .map(|name| {
            let columns = reference.header().join(", ");
            reference
                .column(name)
                .ok_or_else(|| reference.fail(format!("no column {name}; there are {columns}")))
        })
        .collect::<Result<_, _>>()?;
    let abstained = reference.column("abstained").filter(|column| !places.contains(column));
    let mut rows: Vec<Vec<f64>> = Vec::new();
    let mut outliers: Option<Vec<f64>> = cases.outlier_scores.as_ref().map(|_| Vec::new());
    let outlier_column = reference.column("outlier_score");
    for row in reference.rows() {
        if abstained.is_some_and(|column| !row.cells[column].is_empty()) {
            continue;
        }
        let mut numbers: Vec<f64> =
            places.iter().map(|column| reference.number(row, *column)).collect::<Result<_, _>>()?;
        let sum: f64 = numbers.iter().sum();
        // Probabilities of several labels are divided by their sum, as those of the cases are.
        if numbers.len() > 1 && sum > 0.0 && (sum - 1.0).abs() > 1e-9 {
            numbers.iter_mut().for_each(|number| *number /= sum);
        }
        rows.push(numbers);
        let score = outlier_column.and_then(|column| reference.number(row, column).ok());
        match (&mut outliers, score) {
            (Some(all), Some(score)) => all.push(score),
            _ => outliers = None,
        }
    }
    if rows.is_empty() {
        return Err(reference.fail("no row has numbers, expected some".to_owned()));
    }
    let current = cases.numbers();
    let one = |column: usize, of: &[Vec<f64>]| of.iter().map(|row| row[column]).collect::<Vec<f64>>();
    let compare = |column: &str, before: &[f64], now: &[f64]| -> Result<ColumnDrift, EvaluationError> {
        Ok(ColumnDrift {
            column: column.to_owned(),
            kolmogorov_smirnov: kolmogorov_smirnov(before, now)?,
            population_stability: population_stability(before, now, BINS).ok().map(|found| found.index),
        })
    };
    let mut columns = Vec::new();
    for (place, name) in cases.columns.iter().enumerate() {
        columns.push(compare(name, &one(place, &rows), &one(place, &current))?);
    }
    if let (Some(before), Some(now)) = (&outliers, &cases.outlier_scores) {
        columns.push(compare("outlier_score", before, now)?);
    }
    let sample = |of: &[Vec<f64>]| -> Vec<f64> {
        let mut order: Vec<usize> = (0..of.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(settings.resampling.seed));
        order.truncate(MOST_ROWS);
        order.into_iter().flat_map(|row| of[row].iter().copied()).collect()
    };
    let (before, now) = (sample(&rows), sample(&current));
    let width = places.len();
    let discrepancy = match (Rows::new(&before, width), Rows::new(&now, width)) {
        (Ok(before), Ok(now)) => mean_discrepancy(before, now, DEALS, settings.resampling.seed).ok(),
        _ => None,
    };
    Ok(DriftFigures {
        reference: reference.file().to_owned(),
        reference_rows: rows.len(),
        columns,
        discrepancy,
        discrepancy_rows: [before.len() / width, now.len() / width],
    })
}
