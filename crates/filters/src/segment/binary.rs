use rayon::prelude::*;
use wilhelm_study::{
    Arbitrary, FlatMask, Index, Mask, Projection, Raster, Volume, VoxelError, VoxelQuantity,
};

use crate::FilterError;

mod sealed {
    pub trait Sealed {}
    impl Sealed for wilhelm_study::Mask {}
    impl Sealed for wilhelm_study::FlatMask {}
}

/// A set of places on a regular grid, flat or in space.
///
/// Columns vary fastest, then rows, then slices; a flat set has one slice.
pub trait BinaryRaster: sealed::Sealed + Sized + Sync {
    /// Numbers on the same grid, for example distances.
    type Map: Raster;
    /// Columns, rows, slices.
    fn size(&self) -> [usize; 3];
    /// Whether each place is in the set, columns fastest.
    fn inside(&self) -> &[bool];
    /// Distances in mm between neighboring columns, rows and slices, where they are known; the
    /// third of a flat set is 1 and means nothing.
    fn spacing_mm(&self) -> Option<[f64; 3]>;
    /// The same grid with another set.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit.
    fn with_inside(&self, inside: Vec<bool>) -> Result<Self, VoxelError>;
    /// Numbers on this grid.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit.
    fn map(&self, values: Vec<f32>) -> Result<Self::Map, VoxelError>;
}

impl BinaryRaster for Mask {
    type Map = Volume<Arbitrary>;
    fn size(&self) -> [usize; 3] {
        self.geometry().size()
    }
    fn inside(&self) -> &[bool] {
        self.voxels()
    }
    fn spacing_mm(&self) -> Option<[f64; 3]> {
        Some(self.geometry().spacing().millimeters())
    }
    fn with_inside(&self, inside: Vec<bool>) -> Result<Self, VoxelError> {
        Self::new(*self.geometry(), inside)
    }
    fn map(&self, values: Vec<f32>) -> Result<Self::Map, VoxelError> {
        Volume::new(*self.geometry(), values)
    }
}

impl BinaryRaster for FlatMask {
    type Map = Projection<Arbitrary>;
    fn size(&self) -> [usize; 3] {
        [self.columns(), self.rows(), 1]
    }
    fn inside(&self) -> &[bool] {
        self.pixels()
    }
    fn spacing_mm(&self) -> Option<[f64; 3]> {
        self.spacing().map(|spacing| [spacing.between_columns.0, spacing.between_rows.0, 1.0])
    }
    fn with_inside(&self, inside: Vec<bool>) -> Result<Self, VoxelError> {
        Self::new(self.columns(), self.rows(), inside, self.spacing())
    }
    fn map(&self, values: Vec<f32>) -> Result<Self::Map, VoxelError> {
        Projection::new(self.columns(), self.rows(), values, self.spacing())
    }
}

/// An image out of which a set of voxels can be picked: a volume gives a [`Mask`], a flat image a
/// [`FlatMask`].
pub trait Maskable: Raster {
    /// The set's type.
    type Mask: BinaryRaster<Map = Self::Map>;
    /// Numbers of another meaning on the same grid, for example probabilities.
    type Map: Raster;
    /// A set on the image's grid.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit.
    fn mask(&self, inside: Vec<bool>) -> Result<Self::Mask, VoxelError>;
    /// Numbers of another meaning on the image's grid.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit.
    fn map(&self, values: Vec<f32>) -> Result<Self::Map, VoxelError>;
}

impl<Q: VoxelQuantity> Maskable for Volume<Q> {
    type Mask = Mask;
    type Map = Volume<Arbitrary>;
    fn mask(&self, inside: Vec<bool>) -> Result<Mask, VoxelError> {
        Mask::new(*self.geometry(), inside)
    }
    fn map(&self, values: Vec<f32>) -> Result<Self::Map, VoxelError> {
        Volume::new(*self.geometry(), values)
    }
}

impl<Q: VoxelQuantity> Maskable for Projection<Q> {
    type Mask = FlatMask;
    type Map = Projection<Arbitrary>;
    fn mask(&self, inside: Vec<bool>) -> Result<FlatMask, VoxelError> {
        FlatMask::new(self.columns(), self.rows(), inside, self.spacing())
    }
    fn map(&self, values: Vec<f32>) -> Result<Self::Map, VoxelError> {
        Projection::new(self.columns(), self.rows(), values, self.spacing())
    }
}

/// How many values one thread takes at a time.
const CHUNK: usize = 1 << 16;

/// A set from a rule of the value.
pub(super) fn where_value(values: &[f32], rule: impl Fn(f32) -> bool + Sync) -> Vec<bool> {
    let mut inside = vec![false; values.len()];
    inside.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(inside, values)| {
        inside.iter_mut().zip(values).for_each(|(inside, value)| *inside = rule(*value));
    });
    inside
}

/// Refuses values that are not numbers, and infinities where `finite` asks for it.
pub(super) fn refuse_nan(values: &[f32], finite: bool) -> Result<(), FilterError> {
    let wrong = |value: &&f32| if finite { !value.is_finite() } else { value.is_nan() };
    let count = values.par_chunks(CHUNK).map(|chunk| chunk.iter().filter(wrong).count()).sum();
    if count > 0 { Err(FilterError::NotFinite { count }) } else { Ok(()) }
}

/// The place of an index in an array, or a refusal that names the grid.
pub(super) fn offset(
    name: &'static str,
    index: Index,
    [columns, rows, slices]: [usize; 3],
) -> Result<usize, FilterError> {
    if index.column < columns && index.row < rows && index.slice < slices {
        return Ok((index.slice * rows + index.row) * columns + index.column);
    }
    let found = format!("({}, {}, {})", index.column, index.row, index.slice);
    Err(FilterError::parameter(name, found, "a place inside the grid"))
}
