use crate::{Geometry, Index, PixelSpacing, VoxelError};

/// A set of voxels on a grid in the patient's space.
///
/// Columns vary fastest, then rows, then slices.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    geometry: Geometry,
    voxels: Vec<bool>,
}

impl Mask {
    /// Voxels with their grid.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit the grid.
    pub fn new(geometry: Geometry, voxels: Vec<bool>) -> Result<Self, VoxelError> {
        if voxels.len() != geometry.voxels() {
            return Err(VoxelError::Length { found: voxels.len(), expected: geometry.voxels() });
        }
        Ok(Self { geometry, voxels })
    }

    /// No voxel of a grid.
    pub fn none(geometry: Geometry) -> Self {
        Self { geometry, voxels: vec![false; geometry.voxels()] }
    }

    /// The grid.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    /// All voxels, columns fastest.
    pub fn voxels(&self) -> &[bool] {
        &self.voxels
    }
    /// Gives the array back.
    pub fn into_voxels(self) -> Vec<bool> {
        self.voxels
    }
    /// Whether a voxel is in the set; `false` outside the grid.
    pub fn contains(&self, index: Index) -> bool {
        let [columns, rows, slices] = self.geometry.size();
        let inside = index.column < columns && index.row < rows && index.slice < slices;
        inside && self.voxels[self.geometry.offset(index)]
    }
    /// Number of voxels in the set.
    pub fn count(&self) -> usize {
        self.voxels.iter().filter(|inside| **inside).count()
    }
    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        !self.voxels.contains(&true)
    }
    /// Volume of the set in milliliters.
    pub fn milliliters(&self) -> f64 {
        self.count() as f64 * self.geometry.voxel_milliliters()
    }

    /// Voxels in both sets.
    ///
    /// # Errors
    /// [`VoxelError::Grid`] if the grids differ.
    pub fn intersection(&self, other: &Self) -> Result<Self, VoxelError> {
        self.combined(other, |a, b| a && b)
    }
    /// Voxels in either set.
    ///
    /// # Errors
    /// [`VoxelError::Grid`] if the grids differ.
    pub fn union(&self, other: &Self) -> Result<Self, VoxelError> {
        self.combined(other, |a, b| a || b)
    }
    /// Voxels in this set and not in the other.
    ///
    /// # Errors
    /// [`VoxelError::Grid`] if the grids differ.
    pub fn difference(&self, other: &Self) -> Result<Self, VoxelError> {
        self.combined(other, |a, b| a && !b)
    }
    /// Voxels of the grid that are not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { geometry: self.geometry, voxels: self.voxels.iter().map(|inside| !inside).collect() }
    }

    fn combined(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Result<Self, VoxelError> {
        if !self.geometry.is_same_grid(&other.geometry) {
            return Err(VoxelError::Grid);
        }
        let voxels = self.voxels.iter().zip(&other.voxels).map(|(a, b)| keep(*a, *b)).collect();
        Ok(Self { geometry: self.geometry, voxels })
    }
}

/// A set of pixels of a flat image.
///
/// Columns vary fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct FlatMask {
    columns: usize,
    rows: usize,
    pixels: Vec<bool>,
    spacing: Option<PixelSpacing>,
}

impl FlatMask {
    /// Pixels with their size.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit, or is empty.
    pub fn new(
        columns: usize,
        rows: usize,
        pixels: Vec<bool>,
        spacing: Option<PixelSpacing>,
    ) -> Result<Self, VoxelError> {
        let expected = columns.saturating_mul(rows);
        if pixels.len() != expected || expected == 0 {
            return Err(VoxelError::Length { found: pixels.len(), expected });
        }
        Ok(Self { columns, rows, pixels, spacing })
    }

    /// Number of columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }
    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }
    /// All pixels, columns fastest.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }
    /// Distances between pixel centers, where known.
    pub const fn spacing(&self) -> Option<PixelSpacing> {
        self.spacing
    }
    /// Number of pixels in the set.
    pub fn count(&self) -> usize {
        self.pixels.iter().filter(|inside| **inside).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mm, PointLps, Spacing};

    #[test]
    fn sets_on_one_grid_combine_and_sets_on_two_do_not() {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let geometry = Geometry::axis_aligned([2, 2, 1], spacing).expect("a grid");
        let a = Mask::new(geometry, vec![true, true, false, false]).expect("fits");
        let b = Mask::new(geometry, vec![true, false, true, false]).expect("fits");
        let voxels = |mask: Result<Mask, VoxelError>| mask.expect("one grid").into_voxels();
        assert_eq!(voxels(a.intersection(&b)), [true, false, false, false]);
        assert_eq!(voxels(a.union(&b)), [true, true, true, false]);
        assert_eq!(voxels(a.difference(&b)), [false, true, false, false]);
        assert_eq!(a.complement().count(), 2);
        let moved = PointLps::from_components([0.5, 0.0, 0.0]);
        let other = Geometry::new([2, 2, 1], spacing, moved, geometry.direction()).expect("a grid");
        assert_eq!(a.union(&Mask::none(other)), Err(VoxelError::Grid));
        assert!(!a.contains(Index { column: 2, row: 0, slice: 0 }));
    }
}
