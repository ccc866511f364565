//! DICOM images by the identifiers in their headers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use wilhelm_formats::Limits;
use wilhelm_formats::dicom::objects::{Reference, references};

use super::files::Entry;
use crate::error::some;
use crate::{DicomKey, LearnError, Recipe};

/// Files that one folder and those in it may hold.
const MOST_FILES: usize = 1_000_000;
/// Folders within folders.
const DEEPEST: usize = 32;

/// An image file with what its header says.
struct Headed {
    /// Its place below the folder.
    name: String,
    path: PathBuf,
    header: Reference,
}

impl Headed {
    /// What the table may call it.
    fn key(&self, key: DicomKey) -> Option<&str> {
        match key {
            DicomKey::SopInstanceUid => self.header.images().first().map(|image| image.sop_instance.as_str()),
            DicomKey::SeriesInstanceUid => Some(self.header.series().as_str()),
            DicomKey::StudyInstanceUid => Some(self.header.study().as_str()),
            DicomKey::AccessionNumber => {
                self.header.study_facts().accession_number.as_ref().map(|number| number.expose().trim())
            }
        }
    }

    /// Whose image it is; where the header does not say, the study stands for the patient.
    fn patient(&self) -> &str {
        let id = self.header.patient().id.as_ref().map(|id| id.expose().trim());
        id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.header.study().as_str())
    }

    /// Whether the recipe is for its modality; a file that states none is let through.
    fn is_accepted(&self, recipe: &Recipe) -> bool {
        self.header.modality().is_none_or(|found| recipe.input.modalities.contains(found))
    }
}

/// The images that a table names by `key`, as files to read: each image of a network of flat images, each series of one of
/// volumes. Their names are their places below the folder; no identifier goes further.
///
/// Of an examination, images of other modalities than the recipe's are passed over; of what is named by itself they are at
/// fault. Images that no row names are not read.
///
/// # Errors
/// [`LearnError::Data`] for a folder that cannot be listed, and naming the lines that name no image.
pub(super) fn entries(
    recipe: &Recipe,
    folder: &Path,
    key: DicomKey,
    rows: Vec<Entry>,
) -> Result<Vec<Entry>, LearnError> {
    let mut names = Vec::new();
    list(folder, folder, 0, &mut names)?;
    names.sort();
    let headed: Vec<Headed> = names.into_par_iter().filter_map(|name| headed(folder, name)).collect();
    let mut by_key: BTreeMap<&str, Vec<&Headed>> = BTreeMap::new();
    for file in &headed {
        if let Some(found) = file.key(key).filter(|found| !found.is_empty()) {
            by_key.entry(found).or_default().push(file);
        }
    }
    // Identifiers go no further than this map.
    let mut patients: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    let line = |row: &Entry| row.line.map_or_else(|| "a row".to_owned(), |line| format!("line {line}"));
    for row in &rows {
        let Some(files) = by_key.get(row.source.trim()) else {
            faults.push(format!("{}: no image has this {}", line(row), key.column()));
            continue;
        };
        let accepted: Vec<&Headed> = files.iter().copied().filter(|file| file.is_accepted(recipe)).collect();
        if accepted.is_empty() || (!key.is_of_examination() && accepted.len() < files.len()) {
            let found: BTreeSet<String> =
                files.iter().filter_map(|file| file.header.modality().map(ToString::to_string)).collect();
            let known: Vec<&str> = recipe.input.modalities.iter().map(|modality| modality.term()).collect();
            let found: Vec<String> = found.into_iter().collect();
            faults.push(format!(
                "{}: {} of modality {}, the recipe is for {}",
                line(row),
                files.first().map_or("", |file| file.name.as_str()),
                found.join(", "),
                known.join(", ")
            ));
            continue;
        }
        let mut together: BTreeMap<&str, Vec<&Headed>> = BTreeMap::new();
        for file in accepted {
            let deep = recipe.architecture.slices > 1;
            let image = if deep { file.header.series().as_str() } else { file.name.as_str() };
            together.entry(image).or_default().push(file);
        }
        for files in together.into_values() {
            let Some((first, others)) = files.split_first() else { continue };
            let next = patients.len() + 1;
            let of_header = *patients.entry(first.patient()).or_insert(next);
            entries.push(Entry {
                source: first.name.clone(),
                path: first.path.clone(),
                beside: others.iter().map(|file| file.path.clone()).collect(),
                patient: Some(row.patient.unwrap_or(of_header)),
                ..row.clone()
            });
        }
    }
    if faults.is_empty() {
        return Ok(entries);
    }
    Err(LearnError::Data {
        place: folder.display().to_string(),
        what: format!(
            "{} of {} rows name no image that can be used: {}; {} DICOM images were found",
            faults.len(),
            rows.len(),
            some(&faults, "; "),
            headed.len()
        ),
    })
}

/// A file with its header, where it is a DICOM image.
fn headed(folder: &Path, name: String) -> Option<Headed> {
    let path = folder.join(&name);
    let header = references(std::slice::from_ref(&path), &[], &Limits::default()).ok()?;
    Some(Headed { name, path, header })
}

/// The files of a folder and of those in it, by their place below `root`; hidden ones are passed over.
fn list(root: &Path, folder: &Path, depth: usize, names: &mut Vec<String>) -> Result<(), LearnError> {
    let fail = |what: String| LearnError::Data { place: folder.display().to_string(), what };
    if depth > DEEPEST {
        return Err(fail(format!("lies more than {DEEPEST} folders deep")));
    }
    for entry in std::fs::read_dir(folder).map_err(|error| fail(error.to_string()))? {
        let path = entry.map_err(|error| fail(error.to_string()))?.path();
        if path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            list(root, &path, depth + 1, names)?;
        } else {
            names.push(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned());
        }
        if names.len() > MOST_FILES {
            return Err(fail(format!("holds more than {MOST_FILES} files")));
        }
    }
    Ok(())
}
