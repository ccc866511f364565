//! Compressed content: zip archives and gzip files, with the limits that make bombs harmless.
//!
//! Names of entries are labels only and are never used as paths.

use std::io::{Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::source::{Item, Source};
use crate::{Failure, FormatError, Limits};

/// Whether bytes begin as a zip archive does.
pub(crate) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Whether bytes begin as a gzip file does.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1F, 0x8B, 0x08])
}

/// What an archive is read from.
pub(crate) trait Seekable: Read + Seek {}

impl<T: Read + Seek> Seekable for T {}

/// An opened archive.
pub(crate) type Opened = ZipArchive<Box<dyn Seekable>>;

/// Opens a zip archive and refuses it as a whole if its directory declares a bomb.
///
/// # Errors
/// [`FormatError`]: unreadable, too many entries, [`FormatError::ArchiveBomb`].
pub(crate) fn open_zip(source: &Source, limits: &Limits) -> Result<Opened, FormatError> {
    let (content, stored) = source.seekable()?;
    if stored > limits.file_bytes {
        let what = "number of bytes in the archive";
        return Err(FormatError::TooLarge { what, declared: stored, limit: limits.file_bytes });
    }
    let archive = ZipArchive::new(content).map_err(|error| zip_error(error, "archive"))?;
    if archive.len() > limits.archive_entries {
        return Err(FormatError::TooLarge {
            what: "number of entries in the archive",
            declared: archive.len() as u64,
            limit: limits.archive_entries as u64,
        });
    }
    if let Some(expanded) = archive.decompressed_size() {
        let expanded = u64::try_from(expanded).unwrap_or(u64::MAX);
        if !limits.expansion_is_fair(stored, expanded) {
            return Err(FormatError::ArchiveBomb {
                place: "archive".to_owned(),
                expanded,
                stored,
                limit: limits.expansion_ceiling(stored),
            });
        }
    }
    Ok(archive)
}

fn zip_error(error: ZipError, place: &str) -> FormatError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            FormatError::Encrypted { place: place.to_owned() }
        }
        ZipError::CompressionMethodNotSupported(method) => {
            FormatError::unsupported(format!("compression method {method}"), "stored or deflated entries")
        }
        error => FormatError::malformed(place, format!("not readable as a zip archive: {error}")),
    }
}

/// The entries of a zip archive in the order of their names, and what failed.
///
/// Entries are expanded in parallel, each thread with its own handle on the archive.
pub(crate) fn zip_items(source: &Source, label: &str, limits: &Limits) -> (Vec<Item>, Vec<Failure>) {
    let whole = |error| (Vec::new(), vec![Failure { path: label.to_owned(), error }]);
    let archive = match open_zip(source, limits) {
        Ok(archive) => archive,
        Err(error) => return whole(error),
    };
    let stored = source.length().unwrap_or(0);
    let mut entries: Vec<(String, usize)> = (0..archive.len())
        .map(|i| {
            (
                archive
                    .name_for_index(i)
                    .and_then(Result::ok)
                    .map_or_else(|| format!("entry {i}"), |name| clean(&name)),
                i,
            )
        })
        .filter(|(name, _)| !name.ends_with('/'))
        .collect();
    if entries.is_empty() {
        return whole(FormatError::NotAnImage { found: "an archive without files".to_owned() });
    }
    entries.sort();
    drop(archive);
    let expanded = AtomicU64::new(0);
    let chunk = entries.len().div_ceil(rayon::current_num_threads()).max(1);
    let results: Vec<Result<Item, Failure>> = entries
        .par_chunks(chunk)
        .flat_map_iter(|chunk| {
            let mut archive = open_zip(source, limits);
            chunk
                .iter()
                .map(|(name, index)| {
                    let place = format!("{label}!{name}");
                    let content = match &mut archive {
                        Ok(archive) => entry(archive, *index, &place, stored, &expanded, limits),
                        Err(_) => Err(FormatError::malformed("archive", "not readable a second time")),
                    };
                    match content {
                        Ok(content) if is_zip(&content) => {
                            Err(Failure { path: place.clone(), error: FormatError::NestedArchive { place } })
                        }
                        Ok(content) => Ok(Item {
                            label: place,
                            named: false,
                            bytes: content.len() as u64,
                            source: Source::Memory(content.into()),
                        }),
                        Err(error) => Err(Failure { path: place, error }),
                    }
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let mut items = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    for result in results {
        match result {
            Ok(item) => items.push(item),
            Err(failure) => failures.push(failure),
        }
    }
    // A bomb is refused whole, whichever entry made it one.
    let expanded = expanded.into_inner();
    if !limits.expansion_is_fair(stored, expanded) {
        let limit = limits.expansion_ceiling(stored);
        return whole(FormatError::ArchiveBomb { place: "archive".to_owned(), expanded, stored, limit });
    }
    // One password locks all entries: that is said once.
    let locked = |failure: &Failure| matches!(failure.error, FormatError::Encrypted { .. });
    if items.is_empty() && !failures.is_empty() && failures.iter().all(locked) {
        return whole(FormatError::Encrypted { place: "archive".to_owned() });
    }
    (items, failures)
}

/// One entry's content; `expanded` counts what all entries have given so far.
///
/// What the directory declares may be a lie, so that what comes out is counted as it comes.
pub(crate) fn entry(
    archive: &mut Opened,
    index: usize,
    place: &str,
    stored: u64,
    expanded: &AtomicU64,
    limits: &Limits,
) -> Result<Vec<u8>, FormatError> {
    const CHUNK: u64 = 1 << 20;
    let mut file = archive.by_index(index).map_err(|error| zip_error(error, place))?;
    let ceiling = limits.expansion_ceiling(stored);
    let declared = file.size().min(ceiling).min(64 << 20);
    let mut content = Vec::with_capacity(usize::try_from(declared).unwrap_or(0));
    loop {
        let found = file.by_ref().take(CHUNK).read_to_end(&mut content).map_err(|error| {
            FormatError::malformed(place, format!("the compressed entry is broken: {error}"))
        })? as u64;
        let total = expanded.fetch_add(found, Ordering::Relaxed) + found;
        if total > ceiling {
            return Err(FormatError::ArchiveBomb {
                place: place.to_owned(),
                expanded: total,
                stored,
                limit: ceiling,
            });
        }
        if found < CHUNK {
            return Ok(content);
        }
    }
}

/// A name without control characters, so that it can stand in a message.
fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The first `most` bytes of a gzip file's content, fewer where it is broken.
pub(crate) fn gzip_beginning(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut beginning = Vec::with_capacity(most);
    // A stream that breaks gives what came before; the full reading reports it.
    let _ = flate2::read::MultiGzDecoder::new(bytes).take(most as u64).read_to_end(&mut beginning);
    beginning
}

/// A gzip file's whole content.
///
/// # Errors
/// [`FormatError::ArchiveBomb`], or [`FormatError::Malformed`] for a broken stream.
pub(crate) fn gunzip(bytes: &[u8], limits: &Limits) -> Result<Arc<[u8]>, FormatError> {
    let stored = bytes.len() as u64;
    let ceiling = limits.expansion_ceiling(stored);
    let mut content = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes)
        .take(ceiling + 1)
        .read_to_end(&mut content)
        .map_err(|_| FormatError::malformed("gzip stream", "the compressed stream is broken or cut"))?;
    if content.len() as u64 > ceiling {
        return Err(FormatError::ArchiveBomb {
            place: "gzip file".to_owned(),
            expanded: content.len() as u64,
            stored,
            limit: ceiling,
        });
    }
    Ok(content.into())
}
