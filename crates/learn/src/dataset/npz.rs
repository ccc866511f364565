use std::path::Path;

use rayon::prelude::*;
use wilhelm_filters::volume_bounds;
use wilhelm_formats::Limits;

use super::{Example, grid};
use crate::error::some;
use crate::relations::copies_between;
use crate::{CopiesOfTest, LearnError, Recipe};

/// The splits of an archive in MedMNIST's layout except `test`, pooled; those of `test` are held against them, so that what
/// is measured by them later was not learned from.
pub(super) fn read(
    recipe: &Recipe,
    file: &Path,
    copies_of_test: CopiesOfTest,
) -> Result<Vec<Example>, LearnError> {
    let npz = wilhelm_formats::read_npz(file, &Limits::default())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let volumes = recipe.architecture.slices > 1;
    let (mut examples, mut test) = (Vec::new(), Vec::new());
    let mut index = 0;
    for split in npz.splits {
        let first = index;
        index += split.len();
        let is_test = split.name == "test";
        let fail = |what: String| LearnError::Data { place: format!("{name}, split {}", split.name), what };
        if split.labels.is_none() && !is_test {
            return Err(fail("has no labels".to_owned()));
        }
        let label = |place: usize| {
            let labels = split.labels.as_ref();
            labels
                .and_then(|labels| labels.get(place))
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
                // A test may keep its labels to itself.
                label: if is_test { 0 } else { label(place)? },
                truths: Vec::new(),
            })
        };
        let read = (0..*found).into_par_iter().map(one).collect::<Result<Vec<_>, _>>()?;
        if is_test { &mut test } else { &mut examples }.extend(read);
    }
    apart(examples, &test, (recipe.duplicates_above, copies_of_test), &name)
}

/// Refuses images of which the archive's test has a copy, or leaves them out.
fn apart(
    examples: Vec<Example>,
    test: &[Example],
    (duplicates_above, copies_of_test): (f64, CopiesOfTest),
    name: &str,
) -> Result<Vec<Example>, LearnError> {
    let copies = copies_between(&examples, test, duplicates_above);
    if copies.is_empty() {
        return Ok(examples);
    }
    match copies_of_test {
        CopiesOfTest::LeaveOut => {
            let place = |at: &usize| copies.binary_search_by_key(at, |(own, _)| *own).is_err();
            Ok(examples.into_iter().enumerate().filter(|(at, _)| place(at)).map(|(_, one)| one).collect())
        }
        CopiesOfTest::Refuse => {
            let pairs: Vec<String> = copies
                .iter()
                .map(|(own, other)| {
                    format!("{} and {} of its test", examples[*own].source, test[*other].source)
                })
                .collect();
            Err(LearnError::Data {
                place: name.to_owned(),
                what: format!(
                    "{} of {} images to learn from show the same as one of its test, by equal pixels or by thumbnails that \
                     correlate above {duplicates_above}, so that a figure on the test would be too good: {}; \
                     copies_of_test = \"leave_out\" under [data] does without them",
                    pairs.len(),
                    examples.len(),
                    some(&pairs, "; ")
                ),
            })
        }
    }
}
