//! Labeled images and volumes on the network's grid, whatever form they come in.

mod dicom;
pub(crate) mod files;
pub(crate) mod folders;
pub(crate) mod grid;
mod npz;
pub(crate) mod stated;
pub(crate) mod table;

use std::path::Path;

pub use stated::Side;

use sha2::{Digest, Sha256};

use crate::evaluation::label_tables::LabelCell;
use crate::multi::{self, LabelColumns};
use crate::{DataSource, LearnError, Recipe};

/// One labeled image or volume on the network's grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The file, or `file.npz#index`.
    pub source: String,
    /// The line of the table that names it, from 1.
    pub line: Option<u64>,
    /// Whose it is, as a running number from 1; the identifier itself is not kept.
    pub patient: Option<usize>,
    /// On which side of the split the data say that it is.
    pub side: Option<Side>,
    /// Pixels from 0 to 1, columns fastest; a volume's slices one after another.
    pub pixels: Vec<f32>,
    /// 32 x 32, or all voxels of a volume, for finding near-duplicates.
    pub thumbnail: Vec<f32>,
    /// Index of its label; where labels are not one of all, of its stratum.
    pub label: usize,
    /// What the table says of each label, where labels are not one of all; else empty.
    pub truths: Vec<LabelCell>,
}

impl Example {
    /// Where it is, for messages.
    pub(crate) fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{} (line {line})", self.source),
            None => self.source.clone(),
        }
    }
}

/// Labeled images, in the order of their source.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The images.
    pub examples: Vec<Example>,
    /// SHA-256 over all pixels and labels, and over the patients' running numbers and the stated sides where
    /// there are any: all that decides a run beside its recipe.
    pub sha256: String,
}

impl Dataset {
    pub(crate) fn new(examples: Vec<Example>) -> Self {
        let mut hash = Sha256::new();
        for example in &examples {
            hash.update(example.label.to_le_bytes());
            for pixel in &example.pixels {
                hash.update(pixel.to_le_bytes());
            }
        }
        if examples.iter().any(|example| !example.truths.is_empty()) {
            hash.update(b"labels");
            for cell in examples.iter().flat_map(|example| &example.truths) {
                hash.update([*cell as u8]);
            }
        }
        if examples.iter().any(|example| example.patient.is_some()) {
            hash.update(b"patients");
            for example in &examples {
                hash.update(example.patient.unwrap_or(0).to_le_bytes());
            }
        }
        if examples.iter().any(|example| example.side.is_some()) {
            hash.update(b"sides");
            for example in &examples {
                hash.update(example.side.map_or("none", Side::name));
            }
        }
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { examples, sha256 }
    }

    /// Refuses images with pixels that are no numbers, by name.
    ///
    /// # Errors
    /// [`LearnError::Data`].
    pub(crate) fn check_finite(&self) -> Result<(), LearnError> {
        let spoiled = |example: &&Example| example.pixels.iter().any(|pixel| !pixel.is_finite());
        match self.examples.iter().find(spoiled) {
            Some(example) => Err(LearnError::Data {
                place: example.place(),
                what: "has pixels that are no finite numbers: mend it or take it out".to_owned(),
            }),
            None => Ok(()),
        }
    }
}

/// Reads what a recipe asks for below `folder` and brings it onto the network's grid.
///
/// # Errors
/// [`LearnError::Data`] and [`LearnError::Evaluation`] for a table or files that are not as the recipe says;
/// a listed image that cannot be read is an error, not a smaller data set.
pub fn load(recipe: &Recipe, folder: &Path) -> Result<Dataset, LearnError> {
    let mut examples = match &recipe.data {
        DataSource::Table { table, classes, patient, split, .. } => {
            let columns = table::Columns { classes, patient: patient.as_deref(), split: split.as_deref() };
            files::read_all(recipe, folder, table::read(folder, table, &columns)?)?
        }
        DataSource::LabelTable { table, columns, patient, split, .. } => {
            let columns =
                LabelColumns { labels: columns, patient: patient.as_deref(), split: split.as_deref() };
            let (entries, cells) = columns.read(folder, &table::parse(folder, table)?)?;
            let mut examples = files::read_all(recipe, folder, entries)?;
            multi::add_truths(recipe, &mut examples, cells)?;
            examples
        }
        DataSource::Folders { classes, .. } => {
            files::read_all(recipe, folder, folders::entries(folder, classes)?)?
        }
        DataSource::Dicom { folder: images, table, key, column, classes, patient, split, .. } => {
            let columns = table::Columns { classes, patient: patient.as_deref(), split: split.as_deref() };
            let column = column.as_deref().unwrap_or(key.column());
            let rows = table::keyed(folder, &table::parse(folder, table)?, &columns, column)?;
            let images = folder.join(images);
            files::read_all(recipe, &images, dicom::entries(recipe, &images, *key, rows)?)?
        }
        DataSource::Npz { file, copies_of_test, .. } => {
            npz::read(recipe, &folder.join(file), *copies_of_test)?
        }
    };
    if let Some(list) = recipe.data.validation() {
        stated::apply_list(folder, list, &mut examples)?;
    }
    Ok(Dataset::new(examples))
}

#[cfg(test)]
pub(crate) mod tests;
