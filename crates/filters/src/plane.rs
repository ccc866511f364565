use crate::PrepareError;

/// A borrowed flat image: one frame, one slice or a radiograph, columns fastest.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    values: &'a [f32],
    columns: usize,
    rows: usize,
}

impl<'a> Plane<'a> {
    /// A view of `values` as `rows` rows of `columns` values.
    ///
    /// # Errors
    /// [`PrepareError::Size`] if the lengths differ or the plane is empty.
    pub fn new(values: &'a [f32], columns: usize, rows: usize) -> Result<Self, PrepareError> {
        if values.is_empty() || columns.checked_mul(rows) != Some(values.len()) {
            return Err(PrepareError::Size { columns, rows, found: values.len() });
        }
        Ok(Self { values, columns, rows })
    }

    /// All values, columns fastest.
    pub const fn values(self) -> &'a [f32] {
        self.values
    }
    /// Number of columns.
    pub const fn columns(self) -> usize {
        self.columns
    }
    /// Number of rows.
    pub const fn rows(self) -> usize {
        self.rows
    }
}
