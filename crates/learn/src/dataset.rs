use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use wilhelm_filters::{Plane, Preparation, intensity_bounds, prepare, prepare_volume, volume_bounds};
use wilhelm_formats::{Limits, Silent};
use wilhelm_study::{Arbitrary, Image, Projection, Series, Volume};

use crate::{DataSource, LearnError, Recipe};

/// One labeled image or volume on the network's grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The file, or `file.npz#index`.
    pub source: String,
    /// Pixels from 0 to 1, columns fastest; a volume's slices one after another.
    pub pixels: Vec<f32>,
    /// 32 x 32, or all voxels of a volume, for finding near-duplicates.
    pub thumbnail: Vec<f32>,
    /// Index of its label.
    pub label: usize,
}

/// Labeled images, in the order of their source.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The images.
    pub examples: Vec<Example>,
    /// SHA-256 over all pixels and labels.
    pub sha256: String,
}

/// Reads what a recipe asks for below `folder` and brings it onto the network's grid.
///
/// # Errors
/// [`LearnError::Data`] for a table or file that is not as the recipe says; a listed image that
/// cannot be read is an error, not a smaller data set.
pub fn load(recipe: &Recipe, folder: &Path) -> Result<Dataset, LearnError> {
    let examples = match &recipe.data {
        DataSource::Table { table, classes } => from_table(recipe, folder, table, classes)?,
        DataSource::Npz { file } => from_npz(recipe, &folder.join(file))?,
    };
    let mut hash = Sha256::new();
    for example in &examples {
        hash.update(example.label.to_le_bytes());
        for pixel in &example.pixels {
            hash.update(pixel.to_le_bytes());
        }
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Dataset { examples, sha256 })
}

fn from_table(
    recipe: &Recipe,
    folder: &Path,
    table: &str,
    classes: &[String],
) -> Result<Vec<Example>, LearnError> {
    let place = folder.join(table);
    let fail = |what: String| LearnError::Data { place: place.display().to_string(), what };
    let text = std::fs::read_to_string(&place).map_err(|error| fail(error.to_string()))?;
    let rows = table_rows(&text, classes).map_err(fail)?;
    rows.par_iter()
        .map(|(file, label)| {
            let path: PathBuf = folder.join(file);
            let reading = wilhelm_formats::read(std::slice::from_ref(&path), &Limits::default(), &Silent);
            if let Some(failure) = reading.failures.into_iter().next() {
                return Err(failure.error.into());
            }
            match reading.series.as_slice() {
                [series] => example(recipe, file.clone(), series, *label),
                other => Err(LearnError::Data {
                    place: path.display().to_string(),
                    what: format!("holds {} images, expected one", other.len()),
                }),
            }
        })
        .collect()
}

/// The columns `file` and `class` of a comma-separated table without quotes.
fn table_rows(text: &str, classes: &[String]) -> Result<Vec<(String, usize)>, String> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    let column =
        |name: &str| header.iter().position(|title| *title == name).ok_or(format!("has no column {name}"));
    let (file, class) = (column("file")?, column("class")?);
    let known: BTreeMap<&str, usize> =
        classes.iter().enumerate().map(|(label, name)| (name.as_str(), label)).collect();
    let mut rows = Vec::new();
    for (number, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |place: usize| cells.get(place).copied().ok_or(format!("line {} is short", number + 2));
        let name = cell(class)?;
        let label = known.get(name).ok_or(format!("line {}: class {name} is unknown", number + 2))?;
        rows.push((cell(file)?.to_owned(), *label));
    }
    if rows.is_empty() { Err("has no rows".to_owned()) } else { Ok(rows) }
}

fn from_npz(recipe: &Recipe, file: &Path) -> Result<Vec<Example>, LearnError> {
    let npz = wilhelm_formats::read_npz(file, &Limits::default())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
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
        let volumes = recipe.architecture.slices > 1;
        let (found, other) =
            if volumes { (&split.volumes.len(), "flat images") } else { (&split.images.len(), "volumes") };
        if *found == 0 && !split.is_empty() {
            return Err(fail(format!(
                "holds {other}, but the network reads {} slices",
                recipe.architecture.slices
            )));
        }
        let source = |place: usize| format!("{name}#{}", first + place);
        if volumes {
            let read = |(place, volume): (usize, &Volume<Arbitrary>)| {
                volume_example(recipe, source(place), volume, split.stored_range, label(place)?)
            };
            examples.extend(split.volumes.par_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?);
        } else {
            for (place, image) in split.images.iter().enumerate() {
                examples.push(flat_example(recipe, source(place), image, split.stored_range, label(place)?)?);
            }
        }
    }
    Ok(examples)
}

fn flat_example(
    recipe: &Recipe,
    source: String,
    image: &Projection<Arbitrary>,
    range: (f32, f32),
    label: usize,
) -> Result<Example, LearnError> {
    on_grid(recipe, source, image.pixels(), [image.columns(), image.rows()], range, label)
}

fn volume_example(
    recipe: &Recipe,
    source: String,
    volume: &Volume<Arbitrary>,
    range: (f32, f32),
    label: usize,
) -> Result<Example, LearnError> {
    let (side, slices) = (recipe.architecture.side, recipe.architecture.slices);
    let preparation = Preparation { columns: side, rows: side, fit: recipe.fit, mean: 0.0, deviation: 1.0 };
    let bounds = volume_bounds(volume.voxels(), Some(range), None);
    let prepared = prepare_volume(volume.voxels(), volume.geometry().size(), slices, bounds, &preparation)
        .map_err(|error| LearnError::Data { place: source.clone(), what: error.to_string() })?;
    Ok(Example { source, thumbnail: prepared.pixels.clone(), pixels: prepared.pixels, label })
}

fn example(recipe: &Recipe, source: String, series: &Series, label: usize) -> Result<Example, LearnError> {
    let Image::Flat(image) = &series.image else {
        return Err(LearnError::Data {
            place: source,
            what: "is a volume or a cine, expected a flat image".to_owned(),
        });
    };
    let bounds = intensity_bounds(image.pixels(), series.stored_range, series.window);
    on_grid(recipe, source, image.pixels(), [image.columns(), image.rows()], (bounds.low, bounds.high), label)
}

fn on_grid(
    recipe: &Recipe,
    source: String,
    values: &[f32],
    [columns, rows]: [usize; 2],
    bounds: (f32, f32),
    label: usize,
) -> Result<Example, LearnError> {
    let grid = |side: usize| -> Result<Vec<f32>, LearnError> {
        let preparation =
            Preparation { columns: side, rows: side, fit: recipe.fit, mean: 0.0, deviation: 1.0 };
        let fail = |error: wilhelm_filters::PrepareError| LearnError::Data {
            place: source.clone(),
            what: error.to_string(),
        };
        let plane = Plane::new(values, columns, rows).map_err(fail)?;
        Ok(prepare(plane, bounds, &preparation).map_err(fail)?.pixels)
    };
    let (pixels, thumbnail) = (grid(recipe.architecture.side)?, grid(32)?);
    Ok(Example { source, pixels, thumbnail, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_names_its_bad_line() {
        let classes = ["a".to_owned(), "b".to_owned()];
        assert_eq!(
            table_rows("file,class,x\n1.png,b,0\n2.png,a,1\n", &classes),
            Ok(vec![("1.png".to_owned(), 1), ("2.png".to_owned(), 0)])
        );
        let refused = [
            ("file,kind\n", "has no column class"),
            ("file,class\n1.png,c\n", "line 2: class c is unknown"),
            ("file,class\n1.png\n", "line 2 is short"),
            ("file,class\n", "has no rows"),
        ];
        for (text, expected) in refused {
            assert_eq!(table_rows(text, &classes), Err(expected.to_owned()));
        }
    }
}
