use crate::voxels::sealed::Sealed;
use crate::{Projection, Volume, VoxelError, VoxelQuantity};

/// Values on a regular grid, flat or in space: what a filter reads and gives back.
///
/// Columns vary fastest, then rows, then slices; a flat image has one slice. A filter written for
/// this trait gives back the type it was given, so that a unit and a grid are never lost.
pub trait Raster: Sealed + Sized + Sync {
    /// Columns, rows, slices.
    fn size(&self) -> [usize; 3];
    /// All values, columns fastest.
    fn values(&self) -> &[f32];
    /// Distances in mm between neighboring columns, rows and slices, where they are known; the
    /// third of a flat image is 1 and means nothing.
    fn spacing_mm(&self) -> Option<[f64; 3]>;
    /// The same grid with other values.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit.
    fn with_values(&self, values: Vec<f32>) -> Result<Self, VoxelError>;
}

impl<Q: VoxelQuantity> Raster for Volume<Q> {
    fn size(&self) -> [usize; 3] {
        self.geometry().size()
    }
    fn values(&self) -> &[f32] {
        self.voxels()
    }
    fn spacing_mm(&self) -> Option<[f64; 3]> {
        Some(self.geometry().spacing().millimeters())
    }
    fn with_values(&self, values: Vec<f32>) -> Result<Self, VoxelError> {
        Self::new(*self.geometry(), values)
    }
}

impl<Q: VoxelQuantity> Raster for Projection<Q> {
    fn size(&self) -> [usize; 3] {
        [self.columns(), self.rows(), 1]
    }
    fn values(&self) -> &[f32] {
        self.pixels()
    }
    fn spacing_mm(&self) -> Option<[f64; 3]> {
        self.spacing().map(|spacing| [spacing.between_columns.0, spacing.between_rows.0, 1.0])
    }
    fn with_values(&self, values: Vec<f32>) -> Result<Self, VoxelError> {
        Self::new(self.columns(), self.rows(), values, self.spacing())
    }
}
