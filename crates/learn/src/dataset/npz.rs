use std::path::Path;

use rayon::prelude::*;
use wilhelm_filters::volume_bounds;
use wilhelm_formats::Limits;

use super::{Example, grid};
use crate::{LearnError, Recipe};

/// The splits of an archive in MedMNIST's layout except `test`, pooled.
pub(super) fn read(recipe: &Recipe, file: &Path) -> Result<Vec<Example>, LearnError> {
    let npz = wilhelm_formats::read_npz(file, &Limits::default())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let volumes = recipe.architecture.slices > 1;
    let mut examples = Vec::new();
    let mut index = 0;
    for split in npz.splits {
        let first = index;
        index += split.len();
        if split.name == "test" {
            continue;
        }
        let fail = |what: String| LearnError::Data { place: format!("{name}, split {}", split.name), what };
        let labels = split.labels.as_ref().ok_or_else(|| fail("has no labels".to_owned()))?;
        let label = |place: usize| {
            labels
                .get(place)
                .and_then(|row| row.first())
                .and_then(|label| usize::try_from(*label).ok())
                .filter(|label| *label < recipe.labels.len())
                .ok_or_else(|| {
                    fail(format!("row {place} has no label from 0 to {}", recipe.labels.len() - 1))
                })
        };
        let (found, other) =
            if volumes { (&split.volumes.len(), "flat images") } else { (&split.images.len(), "volumes") };
        if *found == 0 && !split.is_empty() {
            return Err(fail(format!(
                "holds {other}, but the network reads {} slices",
                recipe.architecture.slices
            )));
        }
        let one = |place: usize| -> Result<Example, LearnError> {
            let source = format!("{name}#{}", first + place);
            let on_grid = if volumes {
                let volume = &split.volumes[place];
                let size = volume.geometry().size();
                let bounds = volume_bounds(volume.voxels(), Some(split.stored_range), None);
                grid::of_volume(recipe, volume.voxels(), size, bounds)
            } else {
                let image = &split.images[place];
                let size = [image.columns(), image.rows()];
                grid::of_plane(recipe, image.pixels(), size, split.stored_range)
            };
            let on_grid = on_grid.map_err(|what| LearnError::Data { place: source.clone(), what })?;
            Ok(Example {
                source,
                line: None,
                patient: None,
                side: None,
                pixels: on_grid.pixels,
                thumbnail: on_grid.thumbnail,
                label: label(place)?,
            })
        };
        examples.extend((0..*found).into_par_iter().map(one).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(examples)
}
