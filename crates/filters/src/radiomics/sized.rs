use std::collections::BTreeMap;

/// Counts of gray level and size (length of a run, voxels of a zone, dependent neighbors).
pub(super) struct Sized {
    /// `(gray level, size, count)`, each pair once, in ascending order.
    pub(super) cells: Vec<(u32, u32, f64)>,
    /// Voxels that could have been a cell's own: what a percentage is taken of.
    pub(super) voxels: f64,
}

/// The statistics that run lengths, zones and dependences share.
pub(super) struct SizedFeatures {
    pub(super) small: f64,
    pub(super) large: f64,
    pub(super) low_gray: f64,
    pub(super) high_gray: f64,
    pub(super) small_low_gray: f64,
    pub(super) small_high_gray: f64,
    pub(super) large_low_gray: f64,
    pub(super) large_high_gray: f64,
    pub(super) gray_non_uniformity: f64,
    pub(super) gray_non_uniformity_normalized: f64,
    pub(super) size_non_uniformity: f64,
    pub(super) size_non_uniformity_normalized: f64,
    pub(super) percentage: f64,
    pub(super) gray_variance: f64,
    pub(super) size_variance: f64,
    pub(super) entropy: f64,
    pub(super) energy: f64,
}

impl Sized {
    /// Counts of a dense table of `sizes` columns, one row a gray level.
    pub(super) fn from_table<T: Copy + Into<f64>>(table: &[T], sizes: usize, voxels: f64) -> Self {
        let cells = table
            .iter()
            .enumerate()
            .map(|(at, count)| -> (u32, u32, f64) {
                ((at / sizes) as u32, (at % sizes) as u32, (*count).into())
            })
            .filter(|(gray, size, count)| *gray > 0 && *size > 0 && *count > 0.0)
            .collect();
        Self { cells, voxels }
    }

    /// Every statistic; all NaN without a cell.
    pub(super) fn features(&self) -> SizedFeatures {
        let total: f64 = self.cells.iter().map(|(.., count)| count).sum();
        let (mut by_gray, mut by_size) = (BTreeMap::new(), BTreeMap::new());
        for (gray, size, count) in &self.cells {
            *by_gray.entry(*gray).or_insert(0.0) += count;
            *by_size.entry(*size).or_insert(0.0) += count;
        }
        let mean = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
            let sum: f64 = self
                .cells
                .iter()
                .map(|(gray, size, count)| count * term(f64::from(*gray), f64::from(*size)))
                .sum();
            sum / total
        };
        let squares = |counts: &BTreeMap<u32, f64>| counts.values().map(|count| count * count).sum::<f64>();
        let (gray_mean, size_mean) = (mean(&|gray, _| gray), mean(&|_, size| size));
        let (gray_squares, size_squares) = (squares(&by_gray), squares(&by_size));
        let defined = if total > 0.0 { 1.0 } else { f64::NAN };
        let shares = || self.cells.iter().map(|(.., count)| count / total);
        SizedFeatures {
            small: mean(&|_, size| 1.0 / (size * size)),
            large: mean(&|_, size| size * size),
            low_gray: mean(&|gray, _| 1.0 / (gray * gray)),
            high_gray: mean(&|gray, _| gray * gray),
            small_low_gray: mean(&|gray, size| 1.0 / (gray * gray * size * size)),
            small_high_gray: mean(&|gray, size| gray * gray / (size * size)),
            large_low_gray: mean(&|gray, size| size * size / (gray * gray)),
            large_high_gray: mean(&|gray, size| gray * gray * size * size),
            gray_non_uniformity: gray_squares / total,
            gray_non_uniformity_normalized: gray_squares / (total * total),
            size_non_uniformity: size_squares / total,
            size_non_uniformity_normalized: size_squares / (total * total),
            percentage: total / self.voxels,
            gray_variance: mean(&|gray, _| (gray - gray_mean).powi(2)),
            size_variance: mean(&|_, size| (size - size_mean).powi(2)),
            entropy: shares().map(|share| -share * share.log2()).sum::<f64>() * defined + 0.0,
            energy: shares().map(|share| share * share).sum::<f64>() * defined,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_three_cells_worked_on_paper() {
        // One run of 2 ones, two runs of 1 two: 4 voxels.
        let sized = Sized { cells: vec![(1, 2, 1.0), (2, 1, 2.0)], voxels: 4.0 };
        let found = sized.features();
        assert_eq!(found.small, (0.25 + 2.0) / 3.0);
        assert_eq!(found.large, (4.0 + 2.0) / 3.0);
        assert_eq!(found.low_gray, (1.0 + 0.5) / 3.0);
        assert_eq!(found.small_high_gray, (0.25 + 8.0) / 3.0);
        assert_eq!(found.gray_non_uniformity, 5.0 / 3.0);
        assert_eq!(found.percentage, 0.75);
        assert!((found.gray_variance - 2.0 / 9.0).abs() < 1e-15);
        assert!((found.entropy - (3.0_f64.log2() - 2.0 / 3.0)).abs() < 1e-15);
    }

    #[test]
    fn nothing_counted_gives_nothing_defined() {
        let found = Sized { cells: Vec::new(), voxels: 4.0 }.features();
        assert!(found.small.is_nan() && found.entropy.is_nan() && found.energy.is_nan());
    }
}
