use std::path::{Path, PathBuf};

use rayon::prelude::*;
use wilhelm_formats::{Limits, Silent};

use super::{Example, Side, grid};
use crate::error::some;
use crate::{LearnError, Recipe};

/// A file and what is said of it, before it is read: of a labeled one the index of its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<T = usize> {
    /// Its name in messages and lists.
    pub source: String,
    /// Where it is.
    pub path: PathBuf,
    /// Further files of the same series.
    pub beside: Vec<PathBuf>,
    /// The line of the table that names it.
    pub line: Option<u64>,
    /// Whose it is, as a running number from 1.
    pub patient: Option<usize>,
    /// On which side of the split it is said to be.
    pub side: Option<Side>,
    /// What is said of it.
    pub truth: T,
}

/// Reads all files, or names those that cannot be used.
pub(super) fn read_all(
    recipe: &Recipe,
    folder: &Path,
    entries: Vec<Entry>,
) -> Result<Vec<Example>, LearnError> {
    let count = entries.len();
    let read: Vec<Result<Example, String>> =
        entries.into_par_iter().map(|entry| one(recipe, entry)).collect();
    let (mut examples, mut faults) = (Vec::with_capacity(count), Vec::new());
    for result in read {
        match result {
            Ok(example) => examples.push(example),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        return Ok(examples);
    }
    Err(LearnError::Data {
        place: folder.display().to_string(),
        what: format!(
            "{} of {count} images cannot be used: {}; mend them or take them out",
            faults.len(),
            some(&faults, "; ")
        ),
    })
}

/// A file, or a folder that holds the slices of one series.
fn one(recipe: &Recipe, entry: Entry) -> Result<Example, String> {
    let fault = |what: &dyn std::fmt::Display| match entry.line {
        Some(line) => format!("{} (line {line}): {what}", entry.source),
        None => format!("{}: {what}", entry.source),
    };
    let paths: Vec<PathBuf> = std::iter::once(&entry.path).chain(&entry.beside).cloned().collect();
    let reading = wilhelm_formats::read(&paths, &Limits::default(), &Silent);
    if let Some(failure) = reading.failures.first() {
        return Err(fault(&failure.error));
    }
    let [series] = reading.series.as_slice() else {
        return Err(fault(&format!("holds {} images, expected one", reading.series.len())));
    };
    let on_grid = grid::of_series(recipe, series, None).map_err(|what| fault(&what))?;
    Ok(Example {
        source: entry.source,
        line: entry.line,
        patient: entry.patient,
        side: entry.side,
        pixels: on_grid.pixels,
        thumbnail: on_grid.thumbnail,
        label: entry.truth,
        truths: Vec::new(),
    })
}
