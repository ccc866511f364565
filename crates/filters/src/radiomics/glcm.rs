use nalgebra::DMatrix;
use rayon::prelude::*;

use super::definition::{Dimension, Entry, entry};
use super::directions::Aggregation;
use super::discretize::Levels;
use crate::lanes::wide;

use Dimension::Number;

/// Co-occurrence features, in the order of [`features_of`].
#[rustfmt::skip]
pub(super) const GLCM: [Entry; 25] = [
    entry("Autocorrelation", "QWB0", Number, "sum p(i,j) i j"),
    entry("ClusterProminence", "AE86", Number, "sum p(i,j) (i + j - 2 mean)^4"),
    entry("ClusterShade", "7NFM", Number, "sum p(i,j) (i + j - 2 mean)^3"),
    entry("ClusterTendency", "DG8W", Number, "sum p(i,j) (i + j - 2 mean)^2"),
    entry("Contrast", "ACUI", Number, "sum p(i,j) (i - j)^2"),
    entry("Correlation", "NI2N", Number, "(sum p(i,j) i j - mean^2) / variance; 1 for a flat region"),
    entry("DifferenceAverage", "TF7R", Number, "sum k p(|i-j|=k)"),
    entry("DifferenceEntropy", "NTRS", Number, "-sum p(|i-j|=k) log2 p(|i-j|=k)"),
    entry("DifferenceVariance", "D3YU", Number, "sum (k - DifferenceAverage)^2 p(|i-j|=k)"),
    entry("Id", "IB1Z", Number, "sum p(|i-j|=k) / (1 + k)"),
    entry("Idm", "WF0Z", Number, "sum p(|i-j|=k) / (1 + k^2)"),
    entry("Idmn", "1QCO", Number, "sum p(|i-j|=k) / (1 + k^2 / Ng^2)"),
    entry("Idn", "NDRX", Number, "sum p(|i-j|=k) / (1 + k / Ng)"),
    entry("Imc1", "R8DG", Number, "(HXY - HXY1) / HX; 0 for a flat region"),
    entry("Imc2", "JN9H", Number, "sqrt(1 - exp(-2 (HXY2 - HXY))); 0 where HXY > HXY2"),
    entry("InverseVariance", "E8JP", Number, "sum over k > 0 of p(|i-j|=k) / k^2"),
    entry("JointAverage", "60VM", Number, "sum p(i,j) i"),
    entry("JointEnergy", "8ZQL", Number, "sum p(i,j)^2"),
    entry("JointEntropy", "TU9B", Number, "-sum p(i,j) log2 p(i,j)"),
    entry("MCC", "", Number, "second largest singular value of p(i,j) / sqrt(p(i) p(j)); 1 for a flat region"),
    entry("MaximumProbability", "GYBY", Number, "max p(i,j)"),
    entry("SumAverage", "ZGXS", Number, "sum k p(i+j=k)"),
    entry("SumEntropy", "P6QZ", Number, "-sum p(i+j=k) log2 p(i+j=k)"),
    entry("SumSquares", "UR99", Number, "sum p(i,j) (i - mean)^2, the joint variance"),
    entry("SumVariance", "OEEB", Number, "sum (k - SumAverage)^2 p(i+j=k), equal to ClusterTendency (IBSI)"),
];

/// Symmetric co-occurrence features over all steps.
///
/// None are defined (NaN) where no two voxels of the mask are a step apart.
pub(super) fn glcm(
    levels: &Levels,
    steps: &[[i32; 3]],
    aggregation: Aggregation,
    spacing: [f64; 3],
) -> [f64; GLCM.len()] {
    let weights: Option<Vec<f64>> = steps.iter().map(|step| aggregation.weight(*step, spacing)).collect();
    match weights {
        Some(weights) if !steps.is_empty() => {
            let mut merged = vec![0.0; (levels.highest + 1) * (levels.highest + 1)];
            for (step, weight) in steps.iter().zip(weights) {
                let counts = co_occurrences(levels, *step);
                merged.iter_mut().zip(counts).for_each(|(sum, count)| *sum += weight * f64::from(count));
            }
            Joint::new(&merged, levels.highest).map_or([f64::NAN; GLCM.len()], |joint| joint.features())
        }
        _ => {
            let found: Vec<_> = steps
                .par_iter()
                .filter_map(|step| Joint::new(&co_occurrences(levels, *step), levels.highest))
                .map(|joint| joint.features())
                .collect();
            super::mean_of(&found)
        }
    }
}

/// How often gray level `j` lies a step from gray level `i`, at `i * (Ng + 1) + j`; not symmetric.
///
/// Row and column 0 count voxels outside the mask and mean nothing.
fn co_occurrences(levels: &Levels, step: [i32; 3]) -> Vec<u32> {
    let width = levels.highest + 1;
    let offset = levels.offset(step);
    let cells = width * width;
    // Neighbors often fall in the same cell, and an increment waits for the one before it: four
    // tables in turn shorten the wait. Large tables are sparse and would only cost memory.
    let tables = if width > 256 { 1 } else { TABLES };
    let mut counts = vec![0_u32; tables * cells];
    // Widths are at most 4097, so that a cell's number fits.
    let stride = width as u32;
    let mut row = vec![0_u32; levels.size[0]];
    for from in levels.rows() {
        let (here, there) = (levels.row(from, 0), levels.row(from, offset));
        wide!({
            let pairs = here.iter().zip(there);
            row.iter_mut()
                .zip(pairs)
                .for_each(|(cell, (a, b))| *cell = u32::from(*a) * stride + u32::from(*b));
        });
        let (groups, rest) = if tables == 1 { (&[][..], &row[..]) } else { row.as_chunks::<TABLES>() };
        let mut tables = counts.chunks_exact_mut(cells);
        if let (Some(a), Some(b), Some(c), Some(d)) =
            (tables.next(), tables.next(), tables.next(), tables.next())
        {
            for group in groups {
                a[group[0] as usize] += 1;
                b[group[1] as usize] += 1;
                c[group[2] as usize] += 1;
                d[group[3] as usize] += 1;
            }
        }
        rest.iter().for_each(|cell| counts[*cell as usize] += 1);
    }
    let (sum, others) = counts.split_at_mut(cells);
    for other in others.chunks_exact(cells) {
        sum.iter_mut().zip(other).for_each(|(sum, count)| *sum += count);
    }
    counts.truncate(cells);
    counts
}

/// Tables that are filled in turn.
const TABLES: usize = 4;

/// A symmetric joint distribution of gray levels.
struct Joint {
    /// `(i, j, p)` with `i <= j` and `p` above 0; `p` of both orders together.
    cells: Vec<(usize, usize, f64)>,
    /// Marginal distribution, index 0 unused.
    marginal: Vec<f64>,
    highest: usize,
}

impl Joint {
    /// Adds the transpose and normalizes; `None` without any pair.
    fn new<T: Copy + Into<f64>>(counts: &[T], highest: usize) -> Option<Self> {
        let width = highest + 1;
        let count = |i: usize, j: usize| -> f64 { counts[i * width + j].into() };
        let mut cells = Vec::new();
        let mut total = 0.0;
        for i in 1..width {
            for j in i..width {
                let pairs = count(i, j) + if i == j { 0.0 } else { count(j, i) };
                if pairs > 0.0 {
                    cells.push((i, j, pairs));
                    total += pairs;
                }
            }
        }
        if cells.is_empty() {
            return None;
        }
        let mut marginal = vec![0.0; width];
        for (i, j, share) in &mut cells {
            *share /= total;
            marginal[*i] += *share / 2.0;
            marginal[*j] += *share / 2.0;
        }
        Some(Self { cells, marginal, highest })
    }

    fn features(&self) -> [f64; GLCM.len()] {
        let levels = self.highest as f64;
        let mean: f64 = self.marginal.iter().enumerate().map(|(i, p)| i as f64 * p).sum();
        let variance: f64 =
            self.marginal.iter().enumerate().map(|(i, p)| (i as f64 - mean).powi(2) * p).sum();
        let (mut sums, mut differences) = (vec![0.0; 2 * self.highest + 1], vec![0.0; self.highest + 1]);
        let [mut product, mut energy, mut entropy, mut cross, mut highest] = [0.0_f64; 5];
        for (i, j, both) in self.cells.iter().copied() {
            // One cell of the matrix on the diagonal, two equal ones beside it.
            let (p, copies) = if i == j { (both, 1.0) } else { (both / 2.0, 2.0) };
            sums[i + j] += both;
            differences[j - i] += both;
            product += both * (i * j) as f64;
            energy += copies * p * p;
            entropy -= both * p.log2();
            cross -= both * (self.marginal[i] * self.marginal[j]).log2();
            highest = highest.max(p);
        }
        let by_sum = |term: &dyn Fn(f64) -> f64| -> f64 {
            sums.iter().enumerate().filter(|(_, p)| **p > 0.0).map(|(k, p)| p * term(k as f64)).sum()
        };
        let by_difference = |term: &dyn Fn(f64) -> f64| -> f64 {
            differences.iter().enumerate().filter(|(_, p)| **p > 0.0).map(|(k, p)| p * term(k as f64)).sum()
        };
        let about = |power: i32| by_sum(&|k| (k - 2.0 * mean).powi(power));
        let difference = by_difference(&|k| k);
        let sum = by_sum(&|k| k);
        let marginal_entropy = entropy_of(&self.marginal);
        // The sum over p(i) p(j) log2 (p(i) p(j)) parts into twice the marginal's entropy.
        let independent = 2.0 * marginal_entropy;
        let first = if marginal_entropy > 0.0 { (entropy - cross) / marginal_entropy } else { 0.0 };
        let second = (1.0 - (-2.0 * (independent - entropy)).exp()).max(0.0).sqrt();
        [
            product,
            about(4),
            about(3),
            about(2),
            by_difference(&|k| k * k),
            if self.is_flat() { 1.0 } else { (product - mean * mean) / variance },
            difference,
            entropy_of(&differences),
            by_difference(&|k| (k - difference).powi(2)),
            by_difference(&|k| 1.0 / (1.0 + k)),
            by_difference(&|k| 1.0 / (1.0 + k * k)),
            by_difference(&|k| 1.0 / (1.0 + (k / levels).powi(2))),
            by_difference(&|k| 1.0 / (1.0 + k / levels)),
            first,
            second,
            by_difference(&|k| if k > 0.0 { 1.0 / (k * k) } else { 0.0 }),
            mean,
            energy,
            entropy + 0.0,
            self.maximal_correlation(),
            highest,
            sum,
            entropy_of(&sums),
            variance,
            by_sum(&|k| (k - sum).powi(2)),
        ]
    }

    fn is_flat(&self) -> bool {
        matches!(self.cells[..], [(i, j, _)] if i == j)
    }

    /// Maximal correlation coefficient.
    ///
    /// The matrix of the literature is similar to the square of `S = p(i,j) / sqrt(p(i) p(j))`,
    /// which is symmetric and has the eigenvector `sqrt(p(i))` of eigenvalue 1. That one is taken
    /// out, and a Lanczos process finds the largest of what is left; up to 96 gray levels it is exact.
    fn maximal_correlation(&self) -> f64 {
        if self.is_flat() {
            return 1.0;
        }
        let present: Vec<usize> =
            (0..self.marginal.len()).filter(|level| self.marginal[*level] > 0.0).collect();
        let mut place = vec![0; self.marginal.len()];
        present.iter().enumerate().for_each(|(at, level)| place[*level] = at);
        let first: Vec<f64> = present.iter().map(|level| self.marginal[*level].sqrt()).collect();
        let scaled: Vec<(usize, usize, f64)> = self
            .cells
            .iter()
            .map(|(i, j, both)| {
                let p = if i == j { *both } else { both / 2.0 };
                let (i, j) = (place[*i], place[*j]);
                (i, j, p / (first[i] * first[j]))
            })
            .collect();
        let apply = |vector: &[f64]| {
            let mut result = vec![0.0; vector.len()];
            for (i, j, value) in &scaled {
                result[*i] += value * vector[*j];
                if i != j {
                    result[*j] += value * vector[*i];
                }
            }
            result
        };
        // Any start that is not an eigenvector will do: a fixed one, so that results repeat.
        let start = (0..present.len()).map(|at| (at as f64 * 0.754_877_666 + 0.1).fract() - 0.45).collect();
        largest_eigenvalue(apply, vec![first], start)
    }
}

/// Largest absolute eigenvalue of a symmetric matrix apart from those of known eigenvectors.
fn largest_eigenvalue(apply: impl Fn(&[f64]) -> Vec<f64>, mut basis: Vec<Vec<f64>>, start: Vec<f64>) -> f64 {
    let known = basis.len();
    let most = (start.len() - known.min(start.len())).min(96);
    let mut next = start;
    let (mut diagonal, mut beside): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    while diagonal.len() < most {
        // Twice: once leaves rounding errors that grow.
        for _ in 0..2 {
            for vector in &basis {
                let along = dot(vector, &next);
                next.iter_mut().zip(vector).for_each(|(value, part)| *value -= along * part);
            }
        }
        let length = dot(&next, &next).sqrt();
        if length < 1e-12 {
            break;
        }
        if !diagonal.is_empty() {
            beside.push(length);
        }
        next.iter_mut().for_each(|value| *value /= length);
        let image = apply(&next);
        diagonal.push(dot(&image, &next));
        basis.push(std::mem::replace(&mut next, image));
    }
    let count = diagonal.len();
    if count == 0 {
        return 0.0;
    }
    let tridiagonal = DMatrix::from_fn(count, count, |row, column| match row.abs_diff(column) {
        0 => diagonal[row],
        1 => beside[row.min(column)],
        _ => 0.0,
    });
    tridiagonal.symmetric_eigenvalues().amax()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn entropy_of(shares: &[f64]) -> f64 {
    shares.iter().filter(|share| **share > 0.0).map(|share| -share * share.log2()).sum::<f64>() + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(found: &[f64; GLCM.len()], name: &str) -> f64 {
        found[GLCM.iter().position(|entry| entry.name == name).expect("a name")]
    }

    #[test]
    fn a_row_of_four_pixels_worked_on_paper() {
        // 1 1 2 3 along the row: pairs 11, 12, 23; symmetric counts 11: 2, 12: 1 + 1, 23: 1 + 1.
        let joint = Joint::new(&[0_u32, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0], 3).expect("pairs");
        let found = joint.features();
        let third = 1.0 / 3.0;
        let check = |name, expected: f64| {
            let value = feature(&found, name);
            assert!((value - expected).abs() < 1e-14, "{name} is {value}, expected {expected}");
        };
        check("JointAverage", (3.0 + 2.0 * 2.0 + 3.0) / 6.0);
        check("Contrast", 2.0 * third);
        check("DifferenceAverage", 2.0 * third);
        check("MaximumProbability", third);
        check("JointEnergy", third * third + 4.0 / 36.0);
        check("JointEntropy", third * 3.0_f64.log2() + 2.0 * third * 6.0_f64.log2());
        check("InverseVariance", 2.0 * third);
        check("Idm", third + third);
        check("Autocorrelation", third + 2.0 * third + 6.0 * third);
        check("SumVariance", feature(&found, "ClusterTendency"));
        // Marginal 1/2, 1/3, 1/6: S = [2/3, 1/6/sqrt(1/6), 0; ., 0, 1/6/sqrt(1/18); 0, ., 0]; its
        // characteristic polynomial is (x - 1)(x^2 + x/3 - 1/3).
        check("MCC", (1.0 / 3.0 + (1.0_f64 / 9.0 + 4.0 / 3.0).sqrt()) / 2.0);
    }

    #[test]
    fn a_flat_region_correlates_fully_and_holds_no_information() {
        let found = Joint::new(&[0_u32, 0, 0, 12], 1).expect("pairs").features();
        for (name, expected) in [
            ("Correlation", 1.0),
            ("MCC", 1.0),
            ("Imc1", 0.0),
            ("Imc2", 0.0),
            ("JointEntropy", 0.0),
            ("Id", 1.0),
        ] {
            assert_eq!(feature(&found, name), expected, "{name}");
        }
    }
}
