//! DICOM: parse, group, sort, decode, calibrate.
//!
//! [`decode`] gives the stored pixels of one file, before any Modality LUT, and [`overlays`] the
//! masks drawn over them; whole series come from [`read`](crate::read).

mod calibrate;
mod codec;
mod codestream;
mod deidentify;
mod element;
mod file;
mod flat;
mod functional;
mod header;
mod instance;
mod jpeg2000;
mod jpeg_extended;
mod jpeg_ls;
mod jpeg_xl;
pub mod objects;
mod overlay;
mod palette;
mod pixels;
pub(crate) mod raw;
mod series;
mod split;
mod stack;
mod suv;
mod timing;

pub(crate) use calibrate::{ColorCount, rec_601};
pub use deidentify::{DeidentifyError, Pseudonyms, deidentify, is_without_patient, may_show_patient};
pub(crate) use file::is_dicom;
pub(crate) use instance::{Instance, Wanted, read};
pub use overlay::{Overlay, OverlayKind, overlays};
pub(crate) use series::{Watch, assemble};

use std::sync::Arc;

use pixels::{Photometric, SampleKind};

use crate::source::{Item, Source};
use crate::{FormatError, Limits};

/// The pixels of one file as stored, before any Modality LUT.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPixels {
    /// Number of columns.
    pub columns: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of frames that the file holds; a cut file holds fewer than it declares.
    pub frames: usize,
    /// Samples of one pixel: 1 or 3.
    pub samples: usize,
    /// Bits of one sample in `bytes`: 8, 16, 32 or 64.
    pub bits: usize,
    /// Whether the samples are signed integers.
    pub signed: bool,
    /// Whether the samples are floating point numbers.
    pub floating: bool,
    /// Whether the three samples are luma and two chromas instead of red, green and blue.
    pub ycbcr: bool,
    /// Samples, low byte first, with bits that are not theirs removed and the sign carried up: frames, rows, columns, samples, the last fastest. A bit takes a byte.
    pub bytes: Vec<u8>,
}

/// Decodes all frames of a DICOM file.
///
/// Segmentations, doses and slides are decoded too, which [`read`](crate::read) passes over.
/// Pictures in YCbCr stay so where their codec does not undo it; a palette's indices stay indices.
///
/// # Errors
/// [`FormatError`] where it is no image, is too large, or cannot be decoded.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<StoredPixels, FormatError> {
    decode_some(bytes, None, limits)
}

/// Decodes one frame of a DICOM file, counted from 0, as [`decode`] does.
///
/// # Errors
/// [`FormatError`] where it is no image, is too large, cannot be decoded, or has no such frame.
pub fn decode_frame(bytes: &[u8], number: usize, limits: &Limits) -> Result<StoredPixels, FormatError> {
    decode_some(bytes, Some(number), limits)
}

fn decode_some(bytes: &[u8], only: Option<usize>, limits: &Limits) -> Result<StoredPixels, FormatError> {
    let item = Item {
        label: "bytes".to_owned(),
        named: true,
        bytes: bytes.len() as u64,
        source: Source::Memory(Arc::from(bytes)),
    };
    let instance = read(&item, None, Wanted::Anything, limits)?;
    let format = instance.store.format;
    let mut pixels = Vec::new();
    let mut ycbcr = false;
    let mut frames = 0;
    instance.bytes.with_all(limits, |bytes| {
        let held = instance.store.frames_held(bytes, limits)?;
        let wanted = only.map_or(0..held, |number| number..number + 1);
        if wanted.end > held {
            let message = format!("holds {held} frames, expected at least {}", wanted.end);
            return Err(FormatError::malformed("pixels", message));
        }
        frames = wanted.len();
        for number in wanted {
            let frame = instance.store.frame(bytes, number)?;
            ycbcr = frame.photometric == Photometric::YbrFull;
            if frame.planar {
                let sample = format.bits_allocated.div_ceil(8);
                let plane = format.plane() * sample;
                for pixel in 0..format.plane() {
                    for channel in 0..format.samples {
                        let start = channel * plane + pixel * sample;
                        pixels.extend_from_slice(frame.bytes.get(start..start + sample).unwrap_or_default());
                    }
                }
            } else {
                let length = format.frame_bytes().min(frame.bytes.len());
                pixels.extend_from_slice(&frame.bytes[..length]);
            }
        }
        Ok(())
    })?;
    calibrate::normalize(&mut pixels, &format);
    Ok(StoredPixels {
        columns: format.columns,
        rows: format.rows,
        frames,
        samples: format.samples,
        bits: format.bits_allocated.max(8),
        signed: format.signed && format.bits_allocated > 1,
        floating: format.kind != SampleKind::Integer,
        ycbcr,
        bytes: pixels,
    })
}
