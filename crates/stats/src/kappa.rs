use crate::distribution::{normal_reach, student_reach};
use crate::error::{check_at_least, check_labels};
use crate::{ConfusionMatrix, StatsError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much a disagreement weighs by the distance of the two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KappaWeights {
    /// Every disagreement alike: classes have no order.
    None,
    /// By the distance.
    Linear,
    /// By the square of the distance.
    Quadratic,
}

/// Agreement beyond chance, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KappaInterval {
    /// 1 is full agreement, 0 what chance gives, below 0 less than that.
    pub kappa: f64,
    /// Its standard error in large samples.
    pub standard_error: f64,
    /// Lower end, at least -1.
    pub low: f64,
    /// Upper end, at most 1.
    pub high: f64,
    /// Coverage aimed at.
    pub level: f64,
}

impl KappaInterval {
    fn around(kappa: f64, variance: f64, reach: f64, level: f64) -> Self {
        // Rounding may leave a variance of 0 a trifle below.
        let standard_error = variance.max(0.0).sqrt();
        let half = reach * standard_error;
        Self { kappa, standard_error, low: (kappa - half).max(-1.0), high: (kappa + half).min(1.0), level }
    }
}

/// Cohen's kappa of two raters, with the large-sample interval.
///
/// # Shapes
/// `table` counts the classes of the first rater by row and of the second by column.
///
/// # Units
/// None: see [`KappaInterval::kappa`].
///
/// # Errors
/// [`StatsError::NoValue`] if both raters use one and the same class only; [`StatsError::Range`] for a level
/// outside 0 to 1 (exclusive).
///
/// # Source
/// Cohen 1960, doi:10.1177/001316446002000104; Cohen 1968, doi:10.1037/h0026256 (weights); Fleiss, Cohen and
/// Everitt 1969, doi:10.1037/h0028106 (standard error)
pub fn cohen_kappa(
    table: &ConfusionMatrix,
    weights: KappaWeights,
    level: f64,
) -> Result<KappaInterval, StatsError> {
    let reach = normal_reach(level)?;
    let classes = table.classes();
    let cases = table.total() as f64;
    let share = |row: usize, column: usize| table.count(row, column) as f64 / cases;
    let rows: Vec<f64> =
        (0..classes).map(|row| (0..classes).map(|column| share(row, column)).sum()).collect();
    let columns: Vec<f64> =
        (0..classes).map(|column| (0..classes).map(|row| share(row, column)).sum()).collect();
    // 1 on the diagonal, 0 for the classes furthest apart.
    let agreement = |row: usize, column: usize| {
        let apart = row.abs_diff(column) as f64 / (classes - 1).max(1) as f64;
        match weights {
            KappaWeights::None => f64::from(u8::from(row == column)),
            KappaWeights::Linear => 1.0 - apart,
            KappaWeights::Quadratic => 1.0 - apart * apart,
        }
    };
    let over_pairs = |of: &dyn Fn(usize, usize) -> f64| -> f64 {
        (0..classes)
            .flat_map(|row| (0..classes).map(move |column| (row, column)))
            .map(|(r, c)| of(r, c))
            .sum()
    };
    let disagreement = over_pairs(&|row, column| (1.0 - agreement(row, column)) * share(row, column));
    let by_chance = over_pairs(&|row, column| (1.0 - agreement(row, column)) * rows[row] * columns[column]);
    if by_chance <= 0.0 {
        let reason = "both raters use one and the same class only";
        return Err(StatsError::NoValue { what: "kappa", reason });
    }
    let lack = disagreement / by_chance;
    let row_means: Vec<f64> = (0..classes)
        .map(|row| (0..classes).map(|column| agreement(row, column) * columns[column]).sum())
        .collect();
    let column_means: Vec<f64> =
        (0..classes).map(|column| (0..classes).map(|row| agreement(row, column) * rows[row]).sum()).collect();
    let squares = over_pairs(&|row, column| {
        let own = agreement(row, column) - (row_means[row] + column_means[column]) * lack;
        share(row, column) * own * own
    });
    let kappa = 1.0 - lack;
    let mean = kappa - (1.0 - by_chance) * lack;
    let variance = (squares - mean * mean) / (cases * by_chance * by_chance);
    Ok(KappaInterval::around(kappa, variance, reach, level))
}

/// Fleiss' kappa of several raters, with Gwet's interval (Student's, one degree of freedom less than there
/// are subjects).
///
/// The standard error says what other subjects would have given; the raters stay as they are.
///
/// # Shapes
/// `ratings` holds one row a subject of `raters` classes each, every class below `classes`. Which rater
/// gave which does not matter.
///
/// # Units
/// None: see [`KappaInterval::kappa`].
///
/// # Errors
/// [`StatsError::TooFew`] for fewer than two subjects or raters; [`StatsError::NoValue`] if all ratings are
/// of one class; [`StatsError`] for a short row, a class that is none, or a level outside 0 to 1
/// (exclusive).
///
/// # Source
/// Fleiss 1971, doi:10.1037/h0031619; Gwet 2021, doi:10.1177/0013164420973080 (variance)
pub fn fleiss_kappa(
    classes: usize,
    raters: usize,
    ratings: &[usize],
    level: f64,
) -> Result<KappaInterval, StatsError> {
    check_at_least("raters", raters, 2)?;
    check_labels(ratings, ratings.len(), classes)?;
    let short = ratings.len() % raters;
    if short != 0 {
        return Err(StatsError::Length {
            what: "ratings of the last subject",
            found: short,
            expected: raters,
        });
    }
    let subjects = ratings.len() / raters;
    check_at_least("subjects", subjects, 2)?;
    let reach = student_reach(level, (subjects - 1) as f64)?;
    // Only classes that occur: the number stated may be absurd.
    let counts = tally(ratings);
    if counts.len() < 2 {
        return Err(StatsError::NoValue { what: "kappa", reason: "all ratings are of one class" });
    }
    let all = ratings.len() as f64;
    let share = |class: usize| counts[&class] as f64 / all;
    let by_chance: f64 = counts.values().map(|&count| (count as f64 / all).powi(2)).sum();
    let pairs = (raters * (raters - 1)) as f64;
    // Of each subject: agreeing pairs of raters, and how common its classes are in general.
    let own: Vec<(f64, f64)> = ratings
        .chunks_exact(raters)
        .map(|own| {
            // Counted class by class: every pair of raters would take the square of their number.
            let agreeing: usize = tally(own).values().map(|&count| count * (count - 1)).sum();
            (agreeing as f64 / pairs, own.iter().map(|&class| share(class)).sum::<f64>() / raters as f64)
        })
        .collect();
    let found = own.iter().map(|(agreeing, _)| agreeing).sum::<f64>() / subjects as f64;
    let room = 1.0 - by_chance;
    let kappa = (found - by_chance) / room;
    let squares: f64 = own
        .iter()
        .map(|(agreeing, common)| {
            let part = (agreeing - by_chance) / room - 2.0 * (1.0 - kappa) * (common - by_chance) / room;
            (part - kappa).powi(2)
        })
        .sum();
    let variance = squares / (subjects * (subjects - 1)) as f64;
    Ok(KappaInterval::around(kappa, variance, reach, level))
}

/// How often each class occurs.
fn tally(ratings: &[usize]) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    ratings.iter().for_each(|&rating| *counts.entry(rating).or_default() += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counts: &[&[u64]]) -> ConfusionMatrix {
        ConfusionMatrix::try_from(counts.iter().map(|row| row.to_vec()).collect::<Vec<_>>()).expect("square")
    }

    #[test]
    fn cohen_by_hand() {
        // 50 cases: 20 and 15 agreed, 5 and 10 not. Found 0.7, by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
        let found = cohen_kappa(&table(&[&[20, 5], &[10, 15]]), KappaWeights::None, 0.95).expect("sound");
        assert!((found.kappa - 0.4).abs() < 1e-12);
        // Means of agreement: rows 0.6 and 0.4, columns 0.5; squares of w - (row + column) * 0.6.
        let squares = 0.4 * (1.0 - 1.1 * 0.6_f64).powi(2)
            + 0.3 * (1.0 - 0.9 * 0.6_f64).powi(2)
            + 0.1 * (1.1 * 0.6_f64).powi(2)
            + 0.2 * (0.9 * 0.6_f64).powi(2);
        let variance = (squares - (0.4 - 0.5 * 0.6_f64).powi(2)) / (50.0 * 0.25);
        assert!((found.standard_error - variance.sqrt()).abs() < 1e-12, "{found:?}");
        // With two classes all weights are one.
        for weights in [KappaWeights::Linear, KappaWeights::Quadratic] {
            let same = cohen_kappa(&table(&[&[20, 5], &[10, 15]]), weights, 0.95).expect("sound");
            assert!((same.kappa - found.kappa).abs() < 1e-12);
        }
    }

    #[test]
    fn a_near_miss_weighs_less_than_a_far_one() {
        let near = table(&[&[10, 2, 0], &[2, 10, 2], &[0, 2, 10]]);
        let far = table(&[&[10, 0, 3], &[1, 10, 1], &[3, 0, 10]]);
        let of = |table, weights| cohen_kappa(table, weights, 0.95).expect("sound").kappa;
        assert!(of(&near, KappaWeights::Quadratic) > of(&near, KappaWeights::Linear));
        assert!(of(&near, KappaWeights::Linear) > of(&near, KappaWeights::None));
        assert!(of(&far, KappaWeights::Quadratic) < of(&far, KappaWeights::None));
    }

    #[test]
    fn full_agreement_has_no_width() {
        let found = cohen_kappa(&table(&[&[5, 0], &[0, 7]]), KappaWeights::None, 0.95).expect("sound");
        assert!((found.kappa - 1.0).abs() < 1e-12 && found.standard_error < 1e-7 && found.high <= 1.0);
        let one = cohen_kappa(&table(&[&[5, 0], &[0, 0]]), KappaWeights::None, 0.95);
        assert!(matches!(one, Err(StatsError::NoValue { .. })));
    }

    #[test]
    fn fleiss_by_hand() {
        // Three raters: aaa, aab, bbb, abb. Shares 1/2 each, by chance 1/2; found (1 + 1/3 + 1 + 1/3) / 4.
        let ratings = [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1];
        let found = fleiss_kappa(2, 3, &ratings, 0.95).expect("sound");
        assert!((found.kappa - 1.0 / 3.0).abs() < 1e-12, "{found:?}");
        // Own parts 1, -1/3, 1, -1/3: squares 4 * (2/3)^2, over 4 * 3.
        assert!((found.standard_error - (4.0 * 4.0 / 9.0 / 12.0_f64).sqrt()).abs() < 1e-12, "{found:?}");
        // Class numbers need not be dense.
        let sparse: Vec<usize> = ratings.iter().map(|rating| 1_000_000_000 * rating).collect();
        assert_eq!(fleiss_kappa(usize::MAX, 3, &sparse, 0.95), Ok(found));
    }

    #[test]
    fn ratings_that_cannot_be_compared_are_refused() {
        assert!(fleiss_kappa(2, 3, &[0, 1, 0, 1], 0.95).is_err());
        assert!(fleiss_kappa(2, 1, &[0, 1], 0.95).is_err());
        assert!(fleiss_kappa(2, 2, &[0, 1], 0.95).is_err());
        assert!(fleiss_kappa(2, 2, &[0, 1, 2, 0], 0.95).is_err());
        assert!(matches!(fleiss_kappa(2, 2, &[1; 4], 0.95), Err(StatsError::NoValue { .. })));
    }
}
