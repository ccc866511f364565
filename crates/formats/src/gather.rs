//! From the paths a caller gives to the files and archive entries behind them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::archive;
use crate::source::{Item, Source};
use crate::{Failure, FormatError, Limits};

/// All there is to read, in a fixed order.
#[derive(Default)]
pub(crate) struct Gathered {
    pub items: Vec<Item>,
    pub failures: Vec<Failure>,
    /// Folders and archives the caller named, with how many items and failures each gave.
    pub roots: Vec<Root>,
}

/// A folder or an archive that the caller named.
pub(crate) struct Root {
    pub label: String,
    pub kind: &'static str,
    pub items: std::ops::Range<usize>,
    pub failed: bool,
}

/// Walks folders and opens archives.
pub(crate) fn gather(paths: &[PathBuf], limits: &Limits) -> Gathered {
    let mut gathered = Gathered::default();
    for path in paths {
        let label = path.display().to_string();
        let before = (gathered.items.len(), gathered.failures.len());
        let kind = match fs::metadata(path) {
            Err(source) => {
                gathered.fail(label, FormatError::io("reading", path, source));
                continue;
            }
            Ok(metadata) if metadata.is_dir() => {
                folder(path, limits, &mut gathered);
                "a folder"
            }
            Ok(metadata) if metadata.is_file() => {
                match file(path, metadata.len(), true, limits, &mut gathered) {
                    true => "an archive",
                    false => continue,
                }
            }
            Ok(_) => {
                let found = "neither a file nor a folder".to_owned();
                gathered.fail(label, FormatError::NotAnImage { found });
                continue;
            }
        };
        gathered.roots.push(Root {
            label,
            kind,
            items: before.0..gathered.items.len(),
            failed: gathered.failures.len() > before.1,
        });
    }
    gathered
}

impl Gathered {
    fn fail(&mut self, path: String, error: FormatError) {
        self.failures.push(Failure { path, error });
    }
}

/// Adds a file, or the entries of an archive; whether it was one.
fn file(path: &Path, bytes: u64, named: bool, limits: &Limits, gathered: &mut Gathered) -> bool {
    let label = path.display().to_string();
    let source = Source::File(path.to_owned());
    match source.beginning(4) {
        Ok(beginning) if archive::is_zip(&beginning) => {
            let (items, failures) = archive::zip_items(&source, &label, limits);
            gathered.items.extend(items);
            gathered.failures.extend(failures);
            true
        }
        Ok(_) => {
            gathered.items.push(Item { label, named, source, bytes });
            false
        }
        Err(error) => {
            gathered.fail(label, error);
            false
        }
    }
}

/// Walks a folder in the order of its names. Links to folders are not followed, so there is no loop.
fn folder(root: &Path, limits: &Limits, gathered: &mut Gathered) {
    let mut open = vec![root.to_owned()];
    let mut files = 0_usize;
    while let Some(folder) = open.pop() {
        let label = folder.display().to_string();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(source) => {
                gathered.fail(label, FormatError::io("reading", &folder, source));
                continue;
            }
        };
        let paths: BTreeSet<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        let mut inner = Vec::new();
        for path in paths {
            let is_link = path.is_symlink();
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() && !is_link => inner.push(path),
                Ok(metadata) if metadata.is_file() => {
                    files += 1;
                    if files > limits.archive_entries {
                        gathered.fail(
                            root.display().to_string(),
                            FormatError::TooLarge {
                                what: "number of files in the folder",
                                declared: files as u64,
                                limit: limits.archive_entries as u64,
                            },
                        );
                        return;
                    }
                    file(&path, metadata.len(), false, limits, gathered);
                }
                // Links to nowhere, links to folders, pipes and devices hold no image.
                _ => {}
            }
        }
        open.extend(inner.into_iter().rev());
    }
}
