use wilhelm_study::Raster;

use crate::FilterError;

/// The width of a Gaussian: its standard deviation, in a unit that is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sigma {
    /// In the patient's millimeters: the same width along every axis, whatever the voxels' shape.
    Millimeters(f64),
    /// In voxels: as many along every axis.
    Voxels(f64),
}

/// Widest Gaussian: its kernel of 2049 values is still summed directly.
const MOST_VOXELS: f64 = 256.0;

impl Sigma {
    /// The width in voxels along columns, rows and slices; 0 along an axis of one voxel.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for a negative width, one that is no number, or more than 256 voxels;
    /// [`FilterError::Spacing`] for millimeters on an image that states none.
    pub fn in_voxels(self, image: &impl Raster) -> Result<[f64; 3], FilterError> {
        let per_axis = match self {
            Self::Voxels(sigma) => [sigma; 3],
            Self::Millimeters(sigma) => {
                image.spacing_mm().ok_or(FilterError::Spacing)?.map(|spacing| sigma / spacing)
            }
        };
        let mut axes = [0.0; 3];
        for ((axis, sigma), size) in axes.iter_mut().zip(per_axis).zip(image.size()) {
            if size > 1 {
                if !(0.0..=MOST_VOXELS).contains(&sigma) {
                    return Err(FilterError::parameter("sigma in voxels", sigma, "0 to 256"));
                }
                *axis = sigma;
            }
        }
        Ok(axes)
    }
}
