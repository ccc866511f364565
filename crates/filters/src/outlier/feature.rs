use rayon::prelude::*;
use wilhelm_study::{Geometry, Raster};

use crate::FilterError;
use crate::normalize::percentiles;
use crate::quality::slice_noise;

/// Named features, one row a slice, a series or whatever is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureTable {
    names: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl FeatureTable {
    /// A table; each row has one number a name.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for a row of another length, or without a name.
    pub fn new(names: Vec<String>, rows: Vec<Vec<f64>>) -> Result<Self, FilterError> {
        if names.is_empty() {
            return Err(FilterError::parameter("features", 0, "at least one"));
        }
        match rows.iter().find(|row| row.len() != names.len()) {
            Some(row) => {
                Err(FilterError::parameter("numbers in a row", row.len(), "as many as there are names"))
            }
            None => Ok(Self { names, rows }),
        }
    }

    /// What the features are called.
    pub fn names(&self) -> &[String] {
        &self.names
    }
    /// The numbers.
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }
    /// One feature of all rows.
    pub(super) fn column(&self, feature: usize) -> Vec<f64> {
        self.rows.iter().map(|row| row[feature]).collect()
    }
}

/// Features of each slice's finite values: mean, standard deviation, 1st, 50th and 99th percentile and noise.
///
/// A slice without a finite value has NaN everywhere, and is an outlier by that.
pub fn slice_features<R: Raster>(image: &R) -> FeatureTable {
    let [columns, rows, _] = image.size();
    let of_slice = |values: &[f32]| {
        let finite: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
        if finite.is_empty() {
            return vec![f64::NAN; 6];
        }
        let count = finite.len() as f64;
        let mean = finite.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let variance = finite.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
        let ranks = percentiles(finite, &[1.0, 50.0, 99.0]);
        let noise = slice_noise(values, columns, rows).unwrap_or(0.0);
        vec![mean, variance.sqrt(), ranks[0], ranks[1], ranks[2], noise]
    };
    let names = ["mean", "standard deviation", "1st percentile", "median", "99th percentile", "noise"];
    let rows = image.values().par_chunks(columns * rows).map(of_slice).collect();
    FeatureTable { names: names.map(str::to_owned).to_vec(), rows }
}

/// Features of grids: the number of columns, rows and slices, and the distances between them in mm.
pub fn grid_features(grids: &[Geometry]) -> FeatureTable {
    let names = [
        "number of columns",
        "number of rows",
        "number of slices",
        "distance between columns (mm)",
        "distance between rows (mm)",
        "distance between slices (mm)",
    ];
    let row = |grid: &Geometry| {
        let counts = grid.size().map(|count| count as f64);
        counts.into_iter().chain(grid.spacing().millimeters()).collect()
    };
    FeatureTable { names: names.map(str::to_owned).to_vec(), rows: grids.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlier::{ROBUST_THRESHOLD, robust_outliers};
    use wilhelm_study::{Arbitrary, Mm, Spacing, Volume};

    fn grid(size: [usize; 3], step: [f64; 3]) -> Geometry {
        let [columns, rows, slices] = step.map(Mm);
        Geometry::axis_aligned(size, Spacing::new(columns, rows, slices).expect("positive")).expect("a grid")
    }

    #[test]
    fn a_slice_that_is_brighter_and_one_that_is_no_number_stand_out() {
        let values = (0..12 * 64).map(|at| match at / 64 {
            5 => 500.0 + (at % 7) as f32,
            9 => f32::NAN,
            slice => 100.0 + (at * 31 % 17) as f32 + slice as f32,
        });
        let volume = Volume::<Arbitrary>::new(grid([8, 8, 12], [1.0; 3]), values.collect()).expect("fits");
        let found = robust_outliers(&slice_features(&volume), ROBUST_THRESHOLD).expect("scored");
        let of = |row: usize| found.iter().find(|outlier| outlier.row == row).expect("stands out");
        assert!(of(5).reasons.iter().any(|reason| reason.starts_with("mean is 50")), "{:?}", of(5));
        assert!(of(9).reasons[0].contains("not a finite number"), "{:?}", of(9));
    }

    #[test]
    fn a_grid_with_thicker_slices_stands_out() {
        let mut grids = vec![grid([512, 512, 40], [0.7, 0.7, 5.0]); 8];
        grids.push(grid([512, 512, 40], [0.7, 0.7, 10.0]));
        let found = robust_outliers(&grid_features(&grids), ROBUST_THRESHOLD).expect("scored");
        assert_eq!(found.len(), 1);
        assert!(found[0].reasons[0].starts_with("distance between slices (mm) is 10, above the median 5"));
    }

    #[test]
    fn a_table_with_a_short_row_is_refused() {
        assert!(FeatureTable::new(vec!["a".to_owned()], vec![vec![1.0], vec![]]).is_err());
        assert!(FeatureTable::new(vec![], vec![]).is_err());
    }
}
