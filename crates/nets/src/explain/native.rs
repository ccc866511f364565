use wilhelm_study::{Arbitrary, Projection, Raster, Volume, VoxelQuantity};

use super::{Attribution, ExplainError, Placement};

/// A map on the grid of the flat image that was explained, with its spacing; 0 where the network did not look.
///
/// # Errors
/// [`ExplainError::Grid`] for a box that leaves the image.
pub fn on_projection<Q: VoxelQuantity>(
    map: &Attribution,
    place: Placement,
    image: &Projection<Q>,
) -> Result<Projection<Arbitrary>, ExplainError> {
    let native = map.onto(place, image.size())?;
    Ok(Projection::new(image.columns(), image.rows(), native.values().to_vec(), image.spacing())?)
}

/// A map on the grid of the volume that was explained, with its geometry; 0 where the network did not look.
///
/// # Errors
/// [`ExplainError::Grid`] for a box that leaves the volume.
pub fn on_volume<Q: VoxelQuantity>(
    map: &Attribution,
    place: Placement,
    volume: &Volume<Q>,
) -> Result<Volume<Arbitrary>, ExplainError> {
    let native = map.onto(place, volume.size())?;
    Ok(Volume::new(*volume.geometry(), native.values().to_vec())?)
}
