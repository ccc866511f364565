use wilhelm_study::{Hu, Mask, Volume};

use crate::FilterError;
use crate::segment::morphology::Element;
use crate::segment::{Connectivity, components, holes, morphology, threshold};

/// Softest tissue of the body's surface, HU: between fat (-100) and air (-1000), nearer to fat so that
/// clothes and foam stay out.
const SURFACE: f32 = -300.0;
/// Blankets and the table's cover are thinner than this, mm (radius).
const THIN: f64 = 2.5;
/// A body fills at least this share of its image.
const LEAST_SHARE: f64 = 0.01;

/// The patient's body in CT, with the air inside it: the largest piece of tissue, its holes filled in
/// each slice.
///
/// A lung or bowel that the image's border cuts is open to the outside and stays out there.
///
/// # Errors
/// [`FilterError::NotFound`] where nothing of the size of a body is there.
pub fn body(ct: &Volume<Hu>) -> Result<Mask, FilterError> {
    let tissue = threshold::range(ct, SURFACE, f32::INFINITY)?;
    let opened = morphology::open(&tissue, Element::BallMm(THIN))?;
    let largest = components::largest(&opened, Connectivity::Faces, 1)?;
    let filled = holes::fill_by_slice(&largest)?;
    let share = filled.count() as f64 / filled.geometry().voxels() as f64;
    if share < LEAST_SHARE {
        let reason = format!("the largest piece of tissue fills {:.1} % of the image", 100.0 * share);
        return Err(FilterError::NotFound { structure: "body", reason });
    }
    Ok(filled)
}
