//! The one way in: paths to series.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use wilhelm_study::Series;

use crate::dicom::{self, Instance, Wanted, Watch};
use crate::gather::{Gathered, gather};
use crate::picture::tagged;
use crate::source::{Item, Source, sha256};
use crate::volume::Loaded;
use crate::volume::companion::Companions;
use crate::{FormatError, Limits, Progress, archive, metaimage, nifti, nrrd, picture};

/// What came of reading: what could be read, what could not, what was passed over.
#[derive(Debug, Default)]
pub struct Reading {
    /// The series, in an order that does not depend on the order of the files.
    pub series: Vec<Series>,
    /// Files that are images or were named by the caller, and could not be read.
    pub failures: Vec<Failure>,
    /// Files beside the images that are none: text, tables, reports, DICOMDIR.
    pub skipped: Vec<Skipped>,
}

/// A file that could not be read.
#[derive(Debug)]
pub struct Failure {
    /// Its name as the caller gave it; inside a zip `a.zip!b`.
    pub path: String,
    /// Why.
    pub error: FormatError,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.error)
    }
}

/// A file that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its name.
    pub path: String,
    /// What it is instead of an image.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.reason)
    }
}

/// Reads all images behind `paths`: files, folders (walked down) and zip archives.
///
/// Content decides what a file is, never its name. One bad file never stops the others. DICOM
/// files are grouped by their series, wherever they lie. The same files give the same series in
/// the same order, whatever the order of `paths` or the number of threads.
///
/// Work is spread over the current `rayon` pool: a caller who wants another number of threads
/// calls this inside its own pool.
///
/// Files beside images (text, tables, reports) are passed over in folders and archives; a path
/// that the caller named must be an image, or hold at least one.
///
/// # Examples
/// ```no_run
/// use wilhelm_formats::{Limits, Silent, read};
///
/// let reading = read(&["study/".into()], &Limits::default(), &Silent);
/// for series in &reading.series {
///     tracing::info!(title = %series.title, defects = series.defects.len());
/// }
/// ```
pub fn read(paths: &[PathBuf], limits: &Limits, progress: &dyn Progress) -> Reading {
    let _span = tracing::info_span!("formats.read").entered();
    let reading = read_gathered(gather(paths, limits), limits, progress);
    if progress.cancelled() {
        let label = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
        return Reading {
            failures: vec![Failure { path: label, error: FormatError::Cancelled }],
            ..Reading::default()
        };
    }
    reading
}

/// The same as [`read`] from bytes that are at hand, each file under the name that it is reported by; nothing of them is
/// written anywhere. An archive is one file of its own kind here, and not opened.
pub fn read_bytes(files: Vec<(String, Arc<[u8]>)>, limits: &Limits, progress: &dyn Progress) -> Reading {
    let item = |(label, bytes): (String, Arc<[u8]>)| Item {
        label,
        named: false,
        bytes: bytes.len() as u64,
        source: Source::Memory(bytes),
    };
    let items = files.into_iter().map(item).collect();
    read_gathered(Gathered { items, ..Gathered::default() }, limits, progress)
}

/// Reads what was gathered.
pub(crate) fn read_gathered(gathered: Gathered, limits: &Limits, progress: &dyn Progress) -> Reading {
    let Gathered { items, mut failures, roots } = gathered;
    let total = items.len();
    let companions = Companions::new(&items);
    let done = AtomicUsize::new(0);
    let step = || progress.step((done.fetch_add(1, Ordering::Relaxed) + 1).min(total), total);
    let outcomes: Vec<Outcome> = items
        .par_iter()
        .map(|item| {
            if progress.cancelled() {
                return Outcome::Failed(FormatError::Cancelled);
            }
            let outcome = one(item, &companions, limits);
            if !matches!(outcome, Outcome::Dicom(_)) {
                step();
            }
            outcome
        })
        .collect();
    let mut reading = Reading::default();
    let mut instances = Vec::new();
    let mut useful = vec![false; total];
    let pointed_to = pointed_to(&outcomes);
    for (i, (item, outcome)) in items.iter().zip(outcomes).enumerate() {
        let path = || item.label.clone();
        useful[i] = !matches!(outcome, Outcome::Skipped(_));
        match outcome {
            Outcome::Dicom(instance) => instances.push(*instance),
            Outcome::Series(series) => reading.series.extend(series),
            Outcome::Skipped(_) | Outcome::Failed(_) if pointed_to.contains(&same_file(item)) => {
                let reason = "data of the header beside it".to_owned();
                reading.skipped.push(Skipped { path: path(), reason });
            }
            Outcome::Skipped(reason) => reading.skipped.push(Skipped { path: path(), reason }),
            Outcome::Failed(error) => failures.push(Failure { path: path(), error }),
        }
    }
    for root in roots {
        if !root.failed && !root.items.clone().any(|i| useful[i]) {
            let found = format!("{} without images", root.kind);
            failures.push(Failure { path: root.label, error: FormatError::NotAnImage { found } });
        }
    }
    let watch = Watch { decoded: &step, cancelled: &|| progress.cancelled() };
    let (assembled, broken) = dicom::assemble(instances, limits, &watch);
    reading.series.splice(0..0, assembled);
    failures.extend(broken);
    failures.sort_by(|a, b| a.path.cmp(&b.path));
    reading.series.sort_by_cached_key(order);
    reading.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    reading.failures = failures;
    reading
}

/// Studies together, then by series and title, so that no order of files can show.
fn order(series: &Series) -> (bool, String, String, String, String) {
    let study = series.study.as_ref().map(|uid| uid.as_str().to_owned());
    let uid = series.series.as_ref().map(|uid| uid.as_str().to_owned());
    (
        study.is_none(),
        study.unwrap_or_default(),
        uid.unwrap_or_default(),
        natural(&series.title),
        series.sources.first().map(|source| source.path.clone()).unwrap_or_default(),
    )
}

/// A text with its numbers padded, so that `image 10` comes behind `image 9`.
fn natural(text: &str) -> String {
    let mut padded = String::with_capacity(text.len() + 16);
    let mut digits = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            padded.push_str(&format!("{digits:0>12}"));
            digits.clear();
        }
        padded.push(c);
    }
    padded
}

/// One name for one file, however the caller wrote it; entries of archives have their labels.
fn same_file(item: &Item) -> PathBuf {
    match &item.source {
        Source::File(path) => path.canonicalize().unwrap_or_else(|_| path.clone()),
        Source::Memory(_) => PathBuf::from(&item.label),
    }
}

/// Files that a header names as its data: they are no images of their own.
fn pointed_to(outcomes: &[Outcome]) -> BTreeSet<PathBuf> {
    let series = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Series(series) => series.first(),
        _ => None,
    });
    let data = series.flat_map(|series| series.sources.iter().skip(1));
    data.map(|source| {
        let path = Path::new(&source.path);
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    })
    .collect()
}

enum Outcome {
    Dicom(Box<Instance>),
    /// Every volume of one file.
    Series(Vec<Series>),
    Skipped(String),
    Failed(FormatError),
}

/// What content is, from its first bytes.
enum Kind {
    Dicom,
    Nifti,
    Nrrd,
    MetaImage,
    Png,
    Jpeg,
    Tiff,
    Gzip,
    Other(&'static str),
}

/// Enough to tell every kind: a NIfTI-2 header has 540 bytes.
const BEGINNING: usize = 544;

fn kind(bytes: &[u8]) -> Kind {
    match bytes {
        _ if bytes.get(128..132) == Some(b"DICM") => Kind::Dicom,
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Kind::Png,
        [0xFF, 0xD8, 0xFF, ..] => Kind::Jpeg,
        _ if archive::is_gzip(bytes) => Kind::Gzip,
        _ if nifti::is_nifti(bytes) => Kind::Nifti,
        _ if nrrd::is_nrrd(bytes) => Kind::Nrrd,
        _ if tagged::is_tiff(bytes) => Kind::Tiff,
        _ if metaimage::is_metaimage(bytes) => Kind::MetaImage,
        _ if dicom::is_dicom(bytes) => Kind::Dicom,
        _ => Kind::Other(other(bytes)),
    }
}

/// What content looks like that is no image.
fn other(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'G', b'I', b'F', b'8', ..] => "a GIF picture",
        [b'B', b'M', ..] => "a BMP picture",
        [0x7F, b'E', b'L', b'F', ..] => "a program",
        [b'P', b'K', ..] => "an archive",
        _ => {
            // A character may be cut at the end of what was looked at.
            let text = match std::str::from_utf8(bytes) {
                Ok(_) => true,
                Err(error) => error.error_len().is_none(),
            };
            let binary = bytes.iter().any(|b| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0C));
            if text && !binary { "text" } else { "unknown content" }
        }
    }
}

/// Whether a name promises an image, so that other content is worth a word.
fn promises_an_image(label: &str) -> bool {
    let name = label.rsplit(['/', '\\', '!']).next().unwrap_or(label).to_ascii_lowercase();
    const EXTENSIONS: [&str; 14] = [
        ".dcm", ".dicom", ".ima", ".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".png", ".jpg",
        ".jpeg", ".tif", ".tiff",
    ];
    EXTENSIONS.iter().any(|extension| name.ends_with(extension))
}

fn one(item: &Item, companions: &Companions<'_>, limits: &Limits) -> Outcome {
    let _span = tracing::debug_span!("formats.one", bytes = item.bytes).entered();
    let must_be = item.named || promises_an_image(&item.label);
    match try_one(item, companions, limits) {
        Ok(outcome) => outcome,
        Err(error @ (FormatError::NotAnImageObject { .. } | FormatError::NotAnImage { .. }))
            if !item.named && !(must_be && matches!(error, FormatError::NotAnImage { .. })) =>
        {
            Outcome::Skipped(error.to_string())
        }
        Err(FormatError::Empty) if !must_be => Outcome::Skipped(FormatError::Empty.to_string()),
        Err(error) => Outcome::Failed(error),
    }
}

/// Refuses an empty file and one beyond the limit before it is opened.
fn judge_size(item: &Item, limits: &Limits) -> Result<(), FormatError> {
    if item.bytes == 0 {
        return Err(FormatError::Empty);
    }
    if item.bytes > limits.file_bytes {
        return Err(FormatError::TooLarge {
            what: "number of bytes in the file",
            declared: item.bytes,
            limit: limits.file_bytes,
        });
    }
    Ok(())
}

fn try_one(item: &Item, companions: &Companions<'_>, limits: &Limits) -> Result<Outcome, FormatError> {
    judge_size(item, limits)?;
    let flat = |format| {
        item.source
            .with_all(limits, |bytes| Ok(Outcome::Series(vec![picture::read(item, bytes, format, limits)?])))
    };
    match kind(&item.source.beginning(BEGINNING)?) {
        Kind::Dicom => Ok(Outcome::Dicom(Box::new(dicom::read(item, None, Wanted::Images, limits)?))),
        Kind::Nifti | Kind::Nrrd | Kind::MetaImage => item.source.with_all(limits, |bytes| {
            let loaded = volume_file(item, bytes, companions, limits)?;
            Ok(Outcome::Series(loaded.into_series(item, sha256(bytes, limits))?))
        }),
        Kind::Png => flat(picture::Format::Png),
        Kind::Jpeg => flat(picture::Format::Jpeg),
        Kind::Tiff => item
            .source
            .with_all(limits, |bytes| Ok(Outcome::Series(vec![tagged::read(item, bytes, limits)?]))),
        Kind::Gzip => {
            item.source.with_all(limits, |bytes| match kind(&archive::gzip_beginning(bytes, BEGINNING)) {
                Kind::Nifti => {
                    let loaded = volume_file(item, bytes, companions, limits)?;
                    Ok(Outcome::Series(loaded.into_series(item, sha256(bytes, limits))?))
                }
                Kind::Dicom => {
                    let content = archive::gunzip(bytes, limits)?;
                    Ok(Outcome::Dicom(Box::new(dicom::read(item, Some(content), Wanted::Images, limits)?)))
                }
                _ => Err(FormatError::NotAnImage { found: "a gzip file of something else".to_owned() }),
            })
        }
        Kind::Other(found) => Err(FormatError::NotAnImage { found: found.to_owned() }),
    }
}

/// Reads NIfTI, NRRD or MetaImage, by content.
///
/// # Errors
/// [`FormatError::NotAnImage`] for anything else, and what the readers refuse.
pub(crate) fn volume_file(
    item: &Item,
    bytes: &[u8],
    companions: &Companions<'_>,
    limits: &Limits,
) -> Result<Loaded, FormatError> {
    match kind(&bytes[..bytes.len().min(BEGINNING)]) {
        Kind::Nifti => nifti::load(&item.label, bytes, false, limits),
        Kind::Nrrd => nrrd::load(item, bytes, companions, limits),
        Kind::MetaImage => metaimage::load(item, bytes, companions, limits),
        Kind::Gzip if matches!(kind(&archive::gzip_beginning(bytes, BEGINNING)), Kind::Nifti) => {
            nifti::load(&item.label, bytes, true, limits)
        }
        Kind::Other(found) => Err(FormatError::NotAnImage { found: found.to_owned() }),
        _ => Err(FormatError::unsupported("this format for volumes", "NIfTI, NRRD or MetaImage")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_titles_sort_as_numbers() {
        assert!(natural("series 3: DX, image 9 of 12") < natural("series 3: DX, image 10 of 12"));
    }

    #[test]
    fn content_that_is_no_image_is_named() {
        for (bytes, expected) in [
            (&b"%PDF-1.7"[..], "a PDF document"),
            (b"a,b,c\n1,2,3\n", "text"),
            (&[0, 1, 2, 255], "unknown content"),
        ] {
            assert_eq!(other(bytes), expected);
        }
    }
}
