use wilhelm_study::{Geometry, LabelMap, Mask, Volume, VoxelError, VoxelQuantity};

mod sealed {
    use wilhelm_study::{LabelMap, Mask, Volume, VoxelQuantity};

    pub trait Sealed {}
    impl<Q: VoxelQuantity> Sealed for Volume<Q> {}
    impl Sealed for Mask {}
    impl Sealed for LabelMap {}
}

/// Whatever has one value a voxel on a grid in the patient's space: a volume, a mask, a label map.
///
/// What only moves voxels ([`reorient`](crate::reorient), [`crop`](crate::crop), [`pad`](crate::pad),
/// [`paste`](crate::paste)) is written for this trait and gives back the type it was given.
pub trait Gridded: sealed::Sealed + Sized + Sync {
    /// What one voxel holds.
    type Voxel: Copy + Default + PartialEq + Send + Sync;
    /// The grid.
    fn grid(&self) -> &Geometry;
    /// All voxels, columns fastest.
    fn cells(&self) -> &[Self::Voxel];
    /// The same meaning on another grid.
    ///
    /// # Errors
    /// [`VoxelError`] if the array does not fit the grid, or holds a label without a meaning.
    fn on_grid(&self, geometry: Geometry, cells: Vec<Self::Voxel>) -> Result<Self, VoxelError>;
}

impl<Q: VoxelQuantity> Gridded for Volume<Q> {
    type Voxel = f32;
    fn grid(&self) -> &Geometry {
        self.geometry()
    }
    fn cells(&self) -> &[f32] {
        self.voxels()
    }
    fn on_grid(&self, geometry: Geometry, cells: Vec<f32>) -> Result<Self, VoxelError> {
        Self::new(geometry, cells)
    }
}

impl Gridded for Mask {
    type Voxel = bool;
    fn grid(&self) -> &Geometry {
        self.geometry()
    }
    fn cells(&self) -> &[bool] {
        self.voxels()
    }
    fn on_grid(&self, geometry: Geometry, cells: Vec<bool>) -> Result<Self, VoxelError> {
        Self::new(geometry, cells)
    }
}

impl Gridded for LabelMap {
    type Voxel = u16;
    fn grid(&self) -> &Geometry {
        self.geometry()
    }
    fn cells(&self) -> &[u16] {
        self.labels()
    }
    fn on_grid(&self, geometry: Geometry, cells: Vec<u16>) -> Result<Self, VoxelError> {
        Self::new(geometry, cells, self.segments().clone())
    }
}
