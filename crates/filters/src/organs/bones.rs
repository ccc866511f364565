use wilhelm_study::{Hu, Mask, Volume, VoxelError};

use crate::FilterError;
use crate::segment::morphology::Element;
use crate::segment::{Connectivity, components, holes, morphology, threshold};

/// What is bone for sure, HU.
const CORE: f32 = 300.0;
/// What is bone where it hangs together with what is for sure, HU.
const RIM: f32 = 130.0;
/// Gaps of the cortex that a closing bridges, mm (radius).
const GAP: f64 = 4.5;
/// What a closing and a filling may not take in, HU: fat and air beside a bone.
const LEAST: f32 = -50.0;
/// Smaller pieces are calcified plaques and noise, mL.
const LEAST_MILLILITERS: f64 = 0.5;

/// Bones in CT: voxels above 130 HU that hang together with voxels above 300 HU inside the body, gaps
/// of 9 mm closed, with the marrow that they enclose in each slice.
///
/// The thresholds and the closing were chosen on one CT without contrast medium at 3 mm.
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
    let whole = holes::fill_by_slice(&morphology::close(&kept, Element::BallMm(GAP))?)?;
    let not_fat = threshold::range(ct, LEAST, f32::INFINITY)?;
    Ok(whole.intersection(&not_fat)?.intersection(body)?.union(&kept)?)
}
