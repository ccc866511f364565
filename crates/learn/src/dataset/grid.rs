use wilhelm_filters::{Plane, Preparation, intensity_bounds, prepare, prepare_volume, volume_bounds};
use wilhelm_study::{DefectKind, Image, Series};

use crate::Recipe;

/// Side of the thumbnail of a flat image.
const THUMBNAIL: usize = 32;

/// An image or volume as the network takes it, and as near-duplicates are found by.
pub(crate) struct OnGrid {
    pub pixels: Vec<f32>,
    pub thumbnail: Vec<f32>,
}

fn preparation(recipe: &Recipe, side: usize) -> Preparation {
    Preparation { columns: side, rows: side, fit: recipe.fit, mean: 0.0, deviation: 1.0 }
}

/// A flat image; `bounds` become black and white. An error is words.
pub(super) fn of_plane(
    recipe: &Recipe,
    values: &[f32],
    [columns, rows]: [usize; 2],
    bounds: (f32, f32),
) -> Result<OnGrid, String> {
    let plane = Plane::new(values, columns, rows).map_err(|error| error.to_string())?;
    let grid = |side: usize| {
        let prepared = prepare(plane, bounds, &preparation(recipe, side));
        prepared.map(|prepared| prepared.pixels).map_err(|error| error.to_string())
    };
    Ok(OnGrid { pixels: grid(recipe.architecture.side)?, thumbnail: grid(THUMBNAIL)? })
}

/// A volume, as `wilhelm predict` brings it to a model of volumes; `bounds` become black and white.
pub(super) fn of_volume(
    recipe: &Recipe,
    values: &[f32],
    size: [usize; 3],
    bounds: (f32, f32),
) -> Result<OnGrid, String> {
    let preparation = preparation(recipe, recipe.architecture.side);
    let prepared = prepare_volume(values, size, recipe.architecture.slices, bounds, &preparation)
        .map_err(|error| error.to_string())?;
    Ok(OnGrid { thumbnail: prepared.pixels.clone(), pixels: prepared.pixels })
}

/// Refuses an image with values that are no numbers, which reading replaced: nothing is learned from what is not there.
pub(crate) fn refuse_no_numbers(series: &Series) -> Result<(), String> {
    match series.defects.iter().find(|defect| defect.kind == DefectKind::Values) {
        Some(defect) => Err(format!("{}; a network would learn from the replacement", defect.message)),
        None => Ok(()),
    }
}

/// What a file holds: a volume for a network of several slices, else a flat image; `bounds` become black and white, or
/// what is found for them in the file.
pub(crate) fn of_series(
    recipe: &Recipe,
    series: &Series,
    bounds: Option<(f32, f32)>,
) -> Result<OnGrid, String> {
    refuse_no_numbers(series)?;
    let slices = recipe.architecture.slices;
    match &series.image {
        Image::Flat(image) if slices == 1 => {
            let found = || {
                let bounds = intensity_bounds(image.pixels(), series.stored_range, series.window);
                (bounds.low, bounds.high)
            };
            let bounds = bounds.unwrap_or_else(found);
            of_plane(recipe, image.pixels(), [image.columns(), image.rows()], bounds)
        }
        Image::Flat(_) => Err(format!("is a flat image, but the network reads {slices} slices")),
        Image::Cine(_) => Err("is a cine, expected one image or volume".to_owned()),
        _ if slices == 1 => Err("is a volume, but the network reads flat images".to_owned()),
        volume => {
            let found = || volume_bounds(volume.values(), series.stored_range, series.window);
            of_volume(recipe, volume.values(), volume.size(), bounds.unwrap_or_else(found))
        }
    }
}
