use crate::StatsError;

/// A table of finite numbers of which most are 0: of each row only the others, each with its column.
///
/// ```
/// let mut table = wilhelm_stats::SparseRows::new(1000);
/// table.push(vec![(7, 0.5), (993, 2.0)])?;
/// assert_eq!((table.len(), table.columns()), (1, 1000));
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseRows {
    columns: usize,
    rows: Vec<Vec<(u32, f64)>>,
}

impl SparseRows {
    /// A table without rows.
    pub const fn new(columns: usize) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row: columns in rising order, each with its number.
    ///
    /// # Errors
    /// [`StatsError`] for a number that is not finite, and a column that is beyond the table's or not after the one
    /// before it.
    pub fn push(&mut self, row: Vec<(u32, f64)>) -> Result<(), StatsError> {
        for (place, (column, value)) in row.iter().enumerate() {
            if !value.is_finite() {
                return Err(StatsError::NotFinite { what: "row of a table", position: place });
            }
            let least = if place == 0 { 0 } else { row[place - 1].0 as usize + 1 };
            let found = *column as usize;
            if found < least || found >= self.columns {
                let (low, high) = (least as f64, self.columns as f64 - 1.0);
                return Err(StatsError::Range { what: "column", found: found as f64, low, high });
            }
        }
        self.rows.push(row);
        Ok(())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many columns there are.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[(u32, f64)]> {
        self.rows.iter().map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_none_are_refused() {
        let mut table = SparseRows::new(3);
        assert!(matches!(
            table.push(vec![(0, 1.0), (1, f64::NAN)]),
            Err(StatsError::NotFinite { position: 1, .. })
        ));
        for row in [vec![(3, 1.0)], vec![(1, 1.0), (1, 2.0)], vec![(2, 1.0), (0, 1.0)]] {
            assert!(matches!(table.push(row), Err(StatsError::Range { what: "column", .. })));
        }
        assert!(table.is_empty());
        table.push(Vec::new()).expect("a row of zeros");
        assert_eq!(table.len(), 1);
    }
}
