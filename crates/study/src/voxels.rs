use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Geometry, Mm};

/// What is wrong with an array of voxels.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VoxelError {
    /// The array does not fit its grid.
    #[error("array holds {found} values, expected {expected} for its grid")]
    Length {
        /// Values in the array.
        found: usize,
        /// Values the grid needs.
        expected: usize,
    },
    /// Frame times that do not fit their frames, or run back.
    #[error("{found} frame times, expected {expected} finite ones, each at least the one before")]
    FrameTimes {
        /// Times there.
        found: usize,
        /// Frames there.
        expected: usize,
    },
    /// Two arrays that must share a grid do not.
    #[error("grids differ: size, spacing, origin or direction is not the same")]
    Grid,
    /// A label that stands for nothing, or a segment for the background.
    #[error("label {label} has no segment, expected 0 for background or a listed one")]
    Label {
        /// The label.
        label: u16,
    },
}

/// The meaning of a voxel's number, at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuantityKind {
    /// As stored in the file, before any Modality LUT.
    Stored,
    /// Hounsfield units.
    Hounsfield,
    /// Standardized uptake value, body weight, g/mL.
    SuvBodyWeight,
    /// A scale without a unit (MR, ultrasound, radiograph).
    Arbitrary,
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// A type that says what a voxel's number means.
pub trait VoxelQuantity: sealed::Sealed + Send + Sync + Clone + Copy + 'static {
    /// The same, as a value.
    const KIND: QuantityKind;
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident => $kind:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl VoxelQuantity for $name {
            const KIND: QuantityKind = QuantityKind::$kind;
        }
    };
}

quantity!(
    /// As stored in the file, before any Modality LUT.
    Stored => Stored
);
quantity!(
    /// Hounsfield units.
    Hu => Hounsfield
);
quantity!(
    /// Standardized uptake value by body weight, g/mL.
    Suv => SuvBodyWeight
);
quantity!(
    /// A scale without a unit.
    Arbitrary => Arbitrary
);

/// Voxels on a grid in the patient's space, with their unit in the type.
///
/// Columns vary fastest, then rows, then slices.
///
/// ```compile_fail
/// use wilhelm_study::{Hu, Stored, Volume};
/// fn lung_window(_: &Volume<Hu>) {}
/// fn wrong(raw: &Volume<Stored>) { lung_window(raw) } // raw values are no Hounsfield units
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Volume<Q: VoxelQuantity> {
    geometry: Geometry,
    voxels: Vec<f32>,
    quantity: PhantomData<Q>,
}

impl<Q: VoxelQuantity> sealed::Sealed for Volume<Q> {}
impl<Q: VoxelQuantity> sealed::Sealed for Projection<Q> {}

impl<Q: VoxelQuantity> Volume<Q> {
    /// Voxels with their grid.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit the grid.
    pub fn new(geometry: Geometry, voxels: Vec<f32>) -> Result<Self, VoxelError> {
        if voxels.len() != geometry.voxels() {
            return Err(VoxelError::Length { found: voxels.len(), expected: geometry.voxels() });
        }
        Ok(Self { geometry, voxels, quantity: PhantomData })
    }

    /// The grid.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    /// All values, columns fastest.
    pub fn voxels(&self) -> &[f32] {
        &self.voxels
    }
    /// The values of one slice, columns fastest; `None` past the last.
    pub fn slice(&self, slice: usize) -> Option<&[f32]> {
        let [columns, rows, _] = self.geometry.size();
        self.voxels.chunks_exact(columns * rows).nth(slice)
    }
    /// Gives the array back.
    pub fn into_voxels(self) -> Vec<f32> {
        self.voxels
    }
}

/// Distances between neighboring pixel centers of a flat image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PixelSpacing {
    /// Between neighboring columns.
    pub between_columns: Mm,
    /// Between neighboring rows.
    pub between_rows: Mm,
}

/// A flat image without a place in the patient's space: a radiograph, an ultrasound frame, a
/// picture file.
///
/// Pixels are luminance, columns fastest; black is low (MONOCHROME1 is inverted on reading).
#[derive(Clone, Debug, PartialEq)]
pub struct Projection<Q: VoxelQuantity> {
    columns: usize,
    rows: usize,
    pixels: Vec<f32>,
    spacing: Option<PixelSpacing>,
    quantity: PhantomData<Q>,
}

impl<Q: VoxelQuantity> Projection<Q> {
    /// Pixels with their size.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit, or is empty.
    pub fn new(
        columns: usize,
        rows: usize,
        pixels: Vec<f32>,
        spacing: Option<PixelSpacing>,
    ) -> Result<Self, VoxelError> {
        let expected = columns.saturating_mul(rows);
        if pixels.len() != expected || expected == 0 {
            return Err(VoxelError::Length { found: pixels.len(), expected });
        }
        Ok(Self { columns, rows, pixels, spacing, quantity: PhantomData })
    }

    /// Number of columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }
    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }
    /// All values, columns fastest.
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }
    /// Distances between pixel centers, where the file states them.
    pub const fn spacing(&self) -> Option<PixelSpacing> {
        self.spacing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spacing;

    #[test]
    fn an_array_that_does_not_fit_its_grid_is_refused() {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let geometry = Geometry::axis_aligned([2, 3, 4], spacing).expect("a grid");
        assert_eq!(
            Volume::<Hu>::new(geometry, vec![0.0; 23]),
            Err(VoxelError::Length { found: 23, expected: 24 })
        );
        let volume = Volume::<Hu>::new(geometry, (0..24).map(|v| v as f32).collect()).expect("fits");
        assert_eq!(volume.slice(1).map(|plane| plane[0]), Some(6.0));
        assert_eq!(volume.slice(4), None);
        assert!(Projection::<Arbitrary>::new(0, 0, vec![], None).is_err());
    }
}
