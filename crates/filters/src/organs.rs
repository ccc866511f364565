//! Body parts found without weights, by their values, shapes and places: the body, both lungs without
//! the trachea, bones, the brain, candidates for lung nodules and for lesions of the breast.
//!
//! These are classical methods: they hold on ordinary images of the kind each names, and say
//! [`NotFound`](crate::FilterError::NotFound) with a reason where what they found cannot be it.

mod body;
mod bones;
mod brain;
mod breast;
mod lungs;
mod nodules;

pub use body::body;
pub use bones::bones;
pub use brain::brain;
pub use breast::{BreastCandidate, BreastSettings, breast_candidates};
pub use lungs::{Lungs, lungs};
pub use nodules::{NoduleCandidate, NoduleSettings, Zone, nodule_candidates};

use wilhelm_study::{Geometry, Mask};

use crate::FilterError;

/// Refuses grids whose slices are not axial within 30 degrees.
fn axial(geometry: &Geometry) -> Result<(), FilterError> {
    let cosine = geometry.direction().through_slices()[2].abs();
    if cosine < 30.0_f64.to_radians().cos() {
        let letters = geometry.direction().letters();
        return Err(FilterError::parameter("orientation", letters, "axial slices within 30 degrees"));
    }
    Ok(())
}

/// The voxels of one piece out of labels that [`components::label`](crate::segment::components::label) gave.
fn piece(geometry: Geometry, labels: &[u32], number: u32) -> Result<Mask, FilterError> {
    Ok(Mask::new(geometry, labels.iter().map(|label| *label == number).collect())?)
}
