//! The readers on bytes in memory, for the fuzz targets in `fuzz/` and the replay of their corpus.
//!
//! No promise is made about this module: programs use [`read`](crate::read) and its like.

use std::sync::Arc;

use wilhelm_study::{LabelMap, Silent};

use crate::dicom::raw;
use crate::gather::Gathered;
use crate::source::{Item, Source};
use crate::{FormatError, Limits, NpzImages, Reading, archive, label_file, npz, read};

pub use crate::dicom::raw::{FrameShape, Samples};

fn item(label: &str, bytes: &[u8]) -> Item {
    Item {
        label: label.to_owned(),
        named: true,
        bytes: bytes.len() as u64,
        source: Source::Memory(Arc::from(bytes)),
    }
}

/// The same as [`read`](crate::read) from named files, archives among them.
pub fn read_files(files: &[(&str, &[u8])], limits: &Limits) -> Reading {
    let mut gathered = Gathered::default();
    for (label, bytes) in files {
        let item = item(label, bytes);
        if archive::is_zip(bytes) {
            let (items, failures) = archive::zip_items(&item.source, label, limits);
            gathered.items.extend(items);
            gathered.failures.extend(failures);
        } else {
            gathered.items.push(item);
        }
    }
    read::read_gathered(gathered, limits, &Silent)
}

/// The same as [`read_label_map`](crate::read_label_map) from bytes.
///
/// # Errors
/// As there.
pub fn read_label_map(bytes: &[u8], limits: &Limits) -> Result<LabelMap, FormatError> {
    label_file::label_map(&item("labels", bytes), limits)
}

/// The same as [`read_npz`](crate::read_npz) from bytes.
///
/// # Errors
/// As there.
pub fn read_npz(bytes: &[u8], limits: &Limits) -> Result<NpzImages, FormatError> {
    npz::read_source(&item("images.npz", bytes).source, limits)
}

/// A JPEG-LS stream, whose own header says its size.
///
/// # Errors
/// [`FormatError`] as for a frame of a DICOM file.
pub fn jpeg_ls(bytes: &[u8], limits: &Limits) -> Result<Samples, FormatError> {
    raw::jpeg_ls(bytes, limits)
}

/// A JPEG stream of 12 bits a sample, whose own header says its size.
///
/// # Errors
/// [`FormatError`] as for a frame of a DICOM file.
pub fn jpeg_extended(bytes: &[u8], limits: &Limits) -> Result<Samples, FormatError> {
    raw::jpeg_extended(bytes, limits)
}

/// One frame in a transfer syntax; gives its bytes.
///
/// # Errors
/// [`FormatError`] as for a frame of a DICOM file.
pub fn frame(transfer_syntax: &str, shape: FrameShape, coded: &[u8]) -> Result<Vec<u8>, FormatError> {
    raw::frame(transfer_syntax, shape, coded)
}
