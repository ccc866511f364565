use crate::StatsError;
use crate::error::{check_finite, check_range};

/// A borrowed table of finite numbers: one row a case, one column a class or a feature.
///
/// ```
/// let table = wilhelm_stats::Rows::new(&[0.9, 0.1, 0.3, 0.7], 2)?;
/// assert_eq!((table.len(), table.columns(), table.row(1)), (2, 2, &[0.3, 0.7][..]));
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rows<'a> {
    values: &'a [f64],
    columns: usize,
}

impl<'a> Rows<'a> {
    /// Reads `values` as consecutive rows of `columns` numbers each.
    ///
    /// # Errors
    /// [`StatsError`] if there is no row, the last row is short, or a number is not finite.
    pub fn new(values: &'a [f64], columns: usize) -> Result<Self, StatsError> {
        check_finite("table", values)?;
        if columns == 0 {
            return Err(StatsError::TooFew { what: "columns", found: 0, expected: 1 });
        }
        let short = values.len() % columns;
        if short != 0 {
            return Err(StatsError::Length {
                what: "numbers in the last row",
                found: short,
                expected: columns,
            });
        }
        Ok(Self { values, columns })
    }

    /// How many rows there are, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "never empty: the constructor refuses that")]
    pub const fn len(&self) -> usize {
        self.values.len() / self.columns
    }

    /// How many columns there are, at least 1.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    ///
    /// # Panics
    /// If `row` is not below [`Rows::len`].
    pub fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [f64]> + use<'a> {
        self.values.chunks_exact(self.columns)
    }

    /// One column, copied.
    ///
    /// # Panics
    /// If `column` is not below [`Rows::columns`].
    pub fn column(&self, column: usize) -> Vec<f64> {
        assert!(column < self.columns, "column {column} of {}", self.columns);
        self.iter().map(|row| row[column]).collect()
    }

    /// Refuses rows that are not probabilities adding up to 1 within a ten-thousandth (32-bit networks
    /// round).
    pub(crate) fn check_distributions(&self) -> Result<(), StatsError> {
        for (row, values) in self.iter().enumerate() {
            for &value in values {
                check_range("probability", value, 0.0, 1.0)?;
            }
            let found: f64 = values.iter().sum();
            if (found - 1.0).abs() > 1e-4 {
                return Err(StatsError::Sum { row, found });
            }
        }
        Ok(())
    }
}

/// The column of the largest number, the first of equals.
pub(crate) fn largest(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, column| if row[column] > row[best] { column } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_a_short_row_or_a_hole_is_refused() {
        assert!(matches!(Rows::new(&[1.0; 5], 2), Err(StatsError::Length { found: 1, expected: 2, .. })));
        assert!(matches!(Rows::new(&[1.0, f64::NAN], 2), Err(StatsError::NotFinite { position: 1, .. })));
        assert!(matches!(Rows::new(&[], 2), Err(StatsError::TooFew { .. })));
        assert!(matches!(Rows::new(&[1.0], 0), Err(StatsError::TooFew { .. })));
    }

    #[test]
    fn the_first_of_equal_numbers_is_the_largest() {
        assert_eq!(largest(&[0.2, 0.4, 0.4]), 1);
        assert_eq!(largest(&[3.0]), 0);
    }
}
