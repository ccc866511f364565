use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use wilhelm_filters::{Fit, Plane, Preparation, prepare, prepare_volume};
use wilhelm_formats::{Limits, Silent};
use wilhelm_nets::{DistanceUnit, bounds_of, labels_at, on_network_grid};
use wilhelm_study::{Geometry, Image, LabelMap, Mm, QuantityKind, Series, Spacing};

use super::pairs::{MaskFile, pairs};
use super::recipe::SegmenterRecipe;
use crate::dataset::files::Entry;
use crate::dataset::grid::refuse_no_numbers;
use crate::dataset::stated::apply_list;
use crate::error::some;
use crate::evaluation::masks::difference;
use crate::{Example, LearnError};

/// Side of a thumbnail, and slices of a volume's.
const THUMBNAIL: [usize; 2] = [32, 16];

/// An image and its mask on the network's grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// What the split needs: its name, whose it is, its thumbnail; label 1 where the mask is empty.
    pub example: Example,
    /// The mask's name.
    pub mask: String,
    /// Where both files are.
    pub paths: [PathBuf; 2],
    /// Slices, rows and columns.
    pub size: [usize; 3],
    /// Values from 0 to 1, columns fastest.
    pub values: Vec<f32>,
    /// 0 for the background, else the recipe's segment from 1.
    pub labels: Vec<u16>,
    /// Whether the file says how large its pixels are.
    pub has_spacing: bool,
}

impl Outline {
    /// Whether the mask has nothing.
    pub const fn is_empty(&self) -> bool {
        self.example.label == 1
    }
}

/// Images with their masks, in the order of their source.
#[derive(Clone, Debug, PartialEq)]
pub struct OutlineSet {
    /// The images.
    pub outlines: Vec<Outline>,
    /// Images whose mask has nothing.
    pub empty: usize,
    /// What distances can be measured in.
    pub unit: DistanceUnit,
    /// SHA-256 over all values and labels, patients' running numbers and stated sides.
    pub sha256: String,
}

/// Reads the images and masks that a recipe asks for below `folder` and brings them onto the network's grid.
///
/// # Errors
/// [`LearnError::Data`] and [`LearnError::Evaluation`] for a table or files that are not as the recipe says: an image or
/// mask that cannot be read, a mask on another grid than its image, a value that is none of the recipe's.
pub fn load_masks(recipe: &SegmenterRecipe, folder: &Path) -> Result<OutlineSet, LearnError> {
    let entries = pairs(folder, &recipe.data)?;
    let count = entries.len();
    let read: Vec<Result<Outline, String>> =
        entries.into_par_iter().map(|entry| outline(recipe, entry)).collect();
    let (mut outlines, mut faults) = (Vec::with_capacity(count), Vec::new());
    for result in read {
        match result {
            Ok(outline) => outlines.push(outline),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(LearnError::Data {
            place: folder.display().to_string(),
            what: format!(
                "{} of {count} images cannot be used: {}; mend them or take them out",
                faults.len(),
                some(&faults, "; ")
            ),
        });
    }
    if let Some(list) = recipe.data.validation() {
        let mut examples: Vec<Example> =
            outlines.iter_mut().map(|outline| std::mem::replace(&mut outline.example, nobody())).collect();
        apply_list(folder, list, &mut examples)?;
        outlines.iter_mut().zip(examples).for_each(|(outline, example)| outline.example = example);
    }
    let everywhere = outlines.iter().all(|outline| outline.has_spacing);
    Ok(OutlineSet {
        empty: outlines.iter().filter(|outline| outline.is_empty()).count(),
        unit: if everywhere { DistanceUnit::Millimeters } else { DistanceUnit::Pixels },
        sha256: hash(&outlines),
        outlines,
    })
}

fn nobody() -> Example {
    Example {
        source: String::new(),
        line: None,
        patient: None,
        side: None,
        pixels: Vec::new(),
        thumbnail: Vec::new(),
        label: 0,
        truths: Vec::new(),
    }
}

fn hash(outlines: &[Outline]) -> String {
    let mut hash = Sha256::new();
    for outline in outlines {
        outline.size.iter().for_each(|side| hash.update(side.to_le_bytes()));
        outline.values.iter().for_each(|value| hash.update(value.to_le_bytes()));
        outline.labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
        hash.update(outline.example.patient.unwrap_or(0).to_le_bytes());
        hash.update(outline.example.side.map_or("none", |side| side.name()));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn outline(recipe: &SegmenterRecipe, entry: Entry<MaskFile>) -> Result<Outline, String> {
    let place = match entry.line {
        Some(line) => format!("{} (line {line})", entry.source),
        None => entry.source.clone(),
    };
    let fault = |what: &dyn std::fmt::Display| format!("{place}: {what}");
    let preparation = recipe.preparation(0.0, 1.0);
    let pair = Pair::read(recipe, &entry.path, &entry.truth).map_err(|what| fault(&what))?;
    let grid =
        on_network_grid(&pair.series, &preparation, recipe.is_flat()).map_err(|error| fault(&error))?;
    let labels =
        labels_at(&pair.truth, &grid, preparation.spacing.is_none()).map_err(|error| fault(&error))?;
    let bounds = bounds_of(&pair.series, &preparation).map_err(|error| fault(&error))?;
    let thumbnail = thumbnail(&pair.series, bounds).map_err(|what| fault(&what))?;
    // What is smaller than a place of the network's grid may be lost on it: the mask itself says whether it is empty.
    let empty = pair.truth.labels().iter().all(|label| *label == 0);
    let has_spacing = match &pair.series.image {
        Image::Flat(image) => image.spacing().is_some(),
        _ => true,
    };
    let example = Example {
        source: entry.source,
        line: entry.line,
        patient: entry.patient,
        side: entry.side,
        // Copies are found by their thumbnails.
        pixels: thumbnail.clone(),
        thumbnail,
        label: usize::from(empty),
        truths: Vec::new(),
    };
    Ok(Outline {
        example,
        mask: entry.truth.source.clone(),
        paths: [entry.path, entry.truth.path],
        size: grid.size,
        values: grid.scaled(),
        labels,
        has_spacing,
    })
}

fn thumbnail(series: &Series, bounds: (f32, f32)) -> Result<Vec<f32>, String> {
    let [side, slices] = THUMBNAIL;
    let small = Preparation { columns: side, rows: side, fit: Fit::Stretch, mean: 0.0, deviation: 1.0 };
    let prepared = match &series.image {
        Image::Flat(image) => Plane::new(image.pixels(), image.columns(), image.rows())
            .and_then(|plane| prepare(plane, bounds, &small)),
        volume => prepare_volume(volume.values(), volume.size(), slices, bounds, &small),
    };
    prepared.map(|prepared| prepared.pixels).map_err(|error| error.to_string())
}

/// An image and its mask as their files have them.
pub(super) struct Pair {
    /// The image.
    pub series: Series,
    /// The mask on the image's grid, its values brought to the recipe's segments from 1.
    pub truth: LabelMap,
}

impl Pair {
    /// Reads both; an error is words.
    pub(super) fn read(recipe: &SegmenterRecipe, image: &Path, mask: &MaskFile) -> Result<Self, String> {
        let mut series = one(image)?;
        if recipe.input.quantity == QuantityKind::Hounsfield {
            // NIfTI, NRRD and MetaImage cannot say it: the recipe does.
            series.image = match series.image.declared_hounsfield() {
                Ok(ct) => ct,
                Err(other) => *other,
            };
        }
        let (found, wanted) = (series.image.quantity(), recipe.input.quantity);
        if found != wanted {
            return Err(format!("holds {found:?} values, but [input] says {wanted:?}").to_lowercase());
        }
        let of_mask = |what: &dyn std::fmt::Display| format!("its mask {} {what}", mask.source);
        let (geometry, values) = match &series.image {
            Image::Flat(picture) => {
                let drawn = one(&mask.path).map_err(|what| of_mask(&what))?;
                let Image::Flat(drawn) = drawn.image else { return Err(of_mask(&"is no flat picture")) };
                let size = |columns: usize, rows: usize| format!("{columns} x {rows} pixels");
                let (own, other) = ([drawn.columns(), drawn.rows()], [picture.columns(), picture.rows()]);
                if own != other {
                    return Err(of_mask(&format!(
                        "lies on another grid: {} against {} of the image",
                        size(own[0], own[1]),
                        size(other[0], other[1])
                    )));
                }
                let [x, y] = picture
                    .spacing()
                    .map_or([1.0; 2], |spacing| [spacing.between_columns.0, spacing.between_rows.0]);
                let spacing = Spacing::new(Mm(x), Mm(y), Mm(1.0)).map_err(|error| error.to_string())?;
                let geometry = Geometry::axis_aligned([own[0], own[1], 1], spacing)
                    .map_err(|error| error.to_string())?;
                let whole = |value: &f32| {
                    (value.fract() == 0.0 && (0.0..=65535.0).contains(value)).then_some(*value as u16)
                };
                let values: Option<Vec<u16>> = drawn.pixels().iter().map(whole).collect();
                (geometry, values.ok_or_else(|| of_mask(&"has values that are no whole numbers from 0"))?)
            }
            volume => {
                let geometry = *volume.geometry().ok_or("is a cine, expected one picture or volume")?;
                let map = wilhelm_formats::read_label_map(&mask.path, &Limits::default())
                    .map_err(|error| of_mask(&format!("is not readable: {error}")))?;
                if !map.geometry().is_same_grid(&geometry) {
                    let what = difference(map.geometry(), &geometry);
                    return Err(of_mask(&format!("lies on another grid than the image: {what}")));
                }
                (geometry, map.into_labels())
            }
        };
        let mut known: Vec<Option<u16>> = vec![None; 1 << 16];
        known[0] = Some(0);
        for (label, segment) in (1_u16..).zip(&recipe.segments) {
            known[usize::from(segment.value)] = Some(label);
        }
        let is_unknown = |value: &u16| known[usize::from(*value)].is_none();
        let unknown: BTreeSet<u16> = values.iter().copied().filter(is_unknown).collect();
        if !unknown.is_empty() {
            let words =
                |values: Vec<u16>| some(&values.iter().map(u16::to_string).collect::<Vec<String>>(), ", ");
            let (noun, verb) = if unknown.len() == 1 { ("value", "is") } else { ("values", "are") };
            let wanted = words(recipe.segments.iter().map(|segment| segment.value).collect());
            return Err(of_mask(&format!(
                "has the {noun} {}, which {verb} none of the recipe's {wanted} (0 is background)",
                words(unknown.into_iter().collect())
            )));
        }
        let labels = values.iter().map(|value| known[usize::from(*value)].unwrap_or(0)).collect();
        let segments =
            (1..).zip(recipe.segments.iter().map(|segment| segment.class().segment("truth"))).collect();
        let truth = LabelMap::new(geometry, labels, segments).map_err(|error| of_mask(&error))?;
        Ok(Self { series, truth })
    }
}

/// The one image of a file, or of a folder with the slices of one series.
fn one(path: &Path) -> Result<Series, String> {
    let reading = wilhelm_formats::read(&[path.to_owned()], &Limits::default(), &Silent);
    if let Some(failure) = reading.failures.first() {
        return Err(failure.error.to_string());
    }
    let mut series = reading.series;
    match (series.pop(), series.len()) {
        (Some(only), 0) => {
            refuse_no_numbers(&only)?;
            Ok(only)
        }
        (found, others) => {
            Err(format!("holds {} images, expected one", usize::from(found.is_some()) + others))
        }
    }
}
