use wilhelm_study::{Hu, Mask, Volume, VoxelError};

use crate::FilterError;
use crate::segment::{Connectivity, components, holes, threshold};

/// What is bone for sure, HU.
const CORE: f32 = 300.0;
/// What is bone where it hangs together with what is for sure, HU.
const RIM: f32 = 160.0;
/// Smaller pieces are calcified plaques and noise, mL.
const LEAST_MILLILITERS: f64 = 0.5;

/// Bones in CT: voxels above 160 HU that hang together with voxels above 300 HU inside the body, with
/// what they enclose in each slice.
///
/// Vessels and bowel filled with contrast medium lie in the same range and come along where they do;
/// the image alone does not tell them apart.
///
/// # Errors
/// [`FilterError::Voxels`] if the grids differ, [`FilterError::NotFound`] where there is no bone.
pub fn bones(ct: &Volume<Hu>, body: &Mask) -> Result<Mask, FilterError> {
    if !ct.geometry().is_same_grid(body.geometry()) {
        return Err(VoxelError::Grid.into());
    }
    let dense = threshold::hysteresis(ct, RIM, CORE)?.intersection(body)?;
    let least = (LEAST_MILLILITERS / ct.geometry().voxel_milliliters()).ceil() as usize;
    let kept = components::remove_small(&dense, Connectivity::Corners, least.max(1))?;
    if kept.is_empty() {
        let reason = format!("no piece of {LEAST_MILLILITERS} mL or more reaches {CORE} HU");
        return Err(FilterError::NotFound { structure: "bones", reason });
    }
    holes::fill_by_slice(&kept)
}
