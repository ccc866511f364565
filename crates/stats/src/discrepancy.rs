use crate::error::{check_at_least, check_length};
use crate::order::median;
use crate::{Rows, StatsError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Most rows that both samples may have together: every pair of them is held.
pub const DISCREPANCY_LIMIT: usize = 6_000;

/// How far two samples of feature vectors lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanDiscrepancy {
    /// Squared maximum mean discrepancy, without bias: about 0, and sometimes below, if the samples are alike.
    pub squared: f64,
    /// Width of the kernel `exp(-distance^2 / (2 width^2))`: the median distance of all pairs of rows.
    pub bandwidth: f64,
    /// Chance of at least this discrepancy if rows were dealt to the samples at random.
    pub p: f64,
    /// Deals tried.
    pub replicates: usize,
}

/// Maximum mean discrepancy of two samples under a Gaussian kernel, with a permutation test.
///
/// It finds any difference of the distributions, not only of their means. Features count by their scale:
/// standardize them first if they have different units.
///
/// # Shapes
/// One row a case, one column a feature, the same features in both samples. Time and memory grow with the
/// square of all rows.
///
/// # Errors
/// [`StatsError::TooFew`] for fewer than two rows in a sample or no replicate; [`StatsError::TooMany`] for
/// more than [`DISCREPANCY_LIMIT`] rows; [`StatsError::Length`] for other features; [`StatsError::NoValue`] if
/// more than half of the pairs are equal, so that the kernel has no width, or distances overflow.
///
/// # Source
/// Gretton et al. 2012, doi:10.48550/arXiv.0805.2368 (equation 3); Phipson and Smyth 2010,
/// doi:10.2202/1544-6115.1585 (one added to the count)
pub fn mean_discrepancy(
    first: Rows<'_>,
    second: Rows<'_>,
    replicates: usize,
    seed: u64,
) -> Result<MeanDiscrepancy, StatsError> {
    check_length("features of the second sample", second.columns(), first.columns())?;
    check_at_least("rows of the first sample", first.len(), 2)?;
    check_at_least("rows of the second sample", second.len(), 2)?;
    check_at_least("replicates", replicates, 1)?;
    let found = first.len() + second.len();
    if found > DISCREPANCY_LIMIT {
        return Err(StatsError::TooMany { what: "rows of both samples", found, limit: DISCREPANCY_LIMIT });
    }
    let kernel = Kernel::of(first, second)?;
    let mut order: Vec<usize> = (0..found).collect();
    let squared = kernel.discrepancy(&order, first.len());
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut as_far = 0_usize;
    let bar = squared - squared.abs() * 1e-12;
    for _ in 0..replicates {
        for place in (1..found).rev() {
            order.swap(place, generator.random_range(0..=place));
        }
        as_far += usize::from(kernel.discrepancy(&order, first.len()) >= bar);
    }
    let p = (as_far as f64 + 1.0) / (replicates as f64 + 1.0);
    Ok(MeanDiscrepancy { squared, bandwidth: kernel.bandwidth, p, replicates })
}

/// The kernel of every pair of rows of both samples, the first sample's first.
struct Kernel {
    bandwidth: f64,
    /// Lower triangle without the diagonal, row after row.
    pairs: Vec<f64>,
    /// Of each row, its sum over all other rows.
    sums: Vec<f64>,
}

impl Kernel {
    fn of(first: Rows<'_>, second: Rows<'_>) -> Result<Self, StatsError> {
        let rows: Vec<&[f64]> = first.iter().chain(second.iter()).collect();
        let squares = |(place, row): (usize, &&[f64])| -> Vec<f64> {
            let to = |other: &&[f64]| row.iter().zip(*other).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
            rows[..place].iter().map(to).collect()
        };
        let mut pairs: Vec<f64> = rows.iter().enumerate().flat_map(squares).collect();
        let what = "mean discrepancy";
        let distances: Vec<f64> = pairs.iter().map(|square| square.sqrt()).collect();
        let bandwidth = median(&distances)
            .map_err(|_| StatsError::NoValue { what, reason: "distances are too large for numbers" })?;
        drop(distances);
        if bandwidth * bandwidth <= 0.0 {
            return Err(StatsError::NoValue {
                what,
                reason: "more than half of the pairs of rows are equal",
            });
        }
        let scale = -0.5 / (bandwidth * bandwidth);
        let mut sums = vec![0.0; rows.len()];
        let mut start = 0;
        for row in 0..rows.len() {
            for other in 0..row {
                let value = (pairs[start + other] * scale).exp();
                pairs[start + other] = value;
                sums[row] += value;
                sums[other] += value;
            }
            start += row;
        }
        Ok(Self { bandwidth, pairs, sums })
    }

    /// The discrepancy if the first `count` rows of `order` are one sample and the rest the other.
    fn discrepancy(&self, order: &[usize], count: usize) -> f64 {
        // Only pairs within the smaller sample are added up: the rest follows from the rows' sums.
        let (few, many) = order.split_at(count);
        let (few, many) = if few.len() <= many.len() { (few, many) } else { (many, few) };
        let mut within_few = 0.0;
        let mut sorted = few.to_vec();
        sorted.sort_unstable();
        for (place, &row) in sorted.iter().enumerate() {
            let line = &self.pairs[row * row.saturating_sub(1) / 2..];
            within_few += sorted[..place].iter().map(|&other| line[other]).sum::<f64>();
        }
        let of_few: f64 = sorted.iter().map(|&row| self.sums[row]).sum();
        let all = self.sums.iter().sum::<f64>() / 2.0;
        let across = of_few - 2.0 * within_few;
        let within_many = all - within_few - across;
        let (m, n) = (few.len() as f64, many.len() as f64);
        2.0 * (within_few / (m * (m - 1.0)) + within_many / (n * (n - 1.0)) - across / (m * n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[f64]) -> Rows<'_> {
        Rows::new(values, 1).expect("numbers")
    }

    #[test]
    fn the_discrepancy_by_hand() {
        // 0, 1 against 3, 5: distances 1, 3, 5, 2, 4, 2, so the width is 2.5.
        let found = mean_discrepancy(rows(&[0.0, 1.0]), rows(&[3.0, 5.0]), 50, 1).expect("two each");
        let kernel = |distance: f64| (-distance * distance / 12.5).exp();
        let across = (kernel(3.0) + kernel(5.0) + kernel(2.0) + kernel(4.0)) / 4.0;
        let expected = kernel(1.0) + kernel(2.0) - 2.0 * across;
        assert_eq!(found.bandwidth, 2.5);
        assert!((found.squared - expected).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn samples_apart_are_told_apart_and_alike_are_not() {
        let near: Vec<f64> = (0..30).map(|value| f64::from(value % 10)).collect();
        let far: Vec<f64> = near.iter().map(|value| value + 20.0).collect();
        let apart = mean_discrepancy(rows(&near), rows(&far), 99, 4).expect("sound");
        assert_eq!(apart.p, 0.01);
        let alike = mean_discrepancy(rows(&near), rows(&near[..20]), 99, 4).expect("sound");
        assert!(alike.p > 0.5 && alike.squared < 0.0, "{alike:?}");
        assert_eq!(mean_discrepancy(rows(&near), rows(&near[..20]), 99, 4), Ok(alike));
        // Which sample is named first does not matter to the figure.
        let turned = mean_discrepancy(rows(&near[..20]), rows(&near), 99, 4).expect("sound");
        assert!((turned.squared - alike.squared).abs() < 1e-12);
    }

    #[test]
    fn rows_that_cannot_be_compared_are_refused() {
        let flat = mean_discrepancy(rows(&[1.0; 4]), rows(&[1.0; 4]), 9, 1);
        assert!(matches!(flat, Err(StatsError::NoValue { .. })));
        let wide = mean_discrepancy(rows(&[f64::MAX, 0.0]), rows(&[f64::MIN, 1.0]), 9, 1);
        assert!(matches!(wide, Err(StatsError::NoValue { .. })));
        assert!(mean_discrepancy(rows(&[1.0]), rows(&[1.0, 2.0]), 9, 1).is_err());
        let pair = Rows::new(&[1.0, 2.0, 3.0, 4.0], 2).expect("two rows");
        assert!(mean_discrepancy(pair, rows(&[1.0, 2.0]), 9, 1).is_err());
        let many = vec![1.0; DISCREPANCY_LIMIT];
        let refused = mean_discrepancy(rows(&many), rows(&[1.0, 2.0]), 9, 1);
        assert!(matches!(refused, Err(StatsError::TooMany { .. })));
    }
}
