//! Overlays: masks drawn over a picture, in elements of their own or in unused bits of its pixels.
//!
//! Source: PS3.3 Sections C.9.2 and C.9.3; PS3.5 Section 8.1.2 (retired: bits inside pixels).

use std::sync::Arc;

use dicom_core::Tag;
use wilhelm_study::FlatMask;

use super::element::DataSet;
use super::file::{self, Look, place};
use super::instance::{self, Wanted};
use super::pixels::{Frame, PixelFormat, SampleKind};
use crate::source::{Item, Source};
use crate::{FormatError, Limits};

/// What an overlay's bits mean (Overlay Type).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverlayKind {
    /// `G`: graphics, annotations.
    Graphics,
    /// `R`: a region of interest.
    Region,
}

/// One overlay plane of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// The group of its elements, 0x6000 to 0x601E.
    pub group: u16,
    /// What its bits mean; `None` where the file says neither.
    pub kind: Option<OverlayKind>,
    /// Overlay Label, as written: free text, which can name a patient.
    pub label: Option<wilhelm_study::Phi<String>>,
    /// Row of the overlay's first row in the picture, from 0; negative above it.
    pub first_row: i32,
    /// Column of the overlay's first column in the picture, from 0; negative left of it.
    pub first_column: i32,
    /// The picture's frame that the first mask belongs to, from 0.
    pub first_frame: usize,
    /// One mask a frame: true is drawn.
    pub masks: Vec<FlatMask>,
}

const ROWS: u16 = 0x0010;
const COLUMNS: u16 = 0x0011;
const NUMBER_OF_FRAMES: u16 = 0x0015;
const TYPE: u16 = 0x0040;
const ORIGIN: u16 = 0x0050;
const IMAGE_FRAME_ORIGIN: u16 = 0x0051;
const BITS_ALLOCATED: u16 = 0x0100;
const BIT_POSITION: u16 = 0x0102;
const LABEL: u16 = 0x1500;
const DATA: u16 = 0x3000;

/// All overlays of a DICOM file, in the order of their groups.
///
/// Bits of the picture's own pixels that hold an overlay (an old form) are read too where the
/// pixels are not compressed; [`decode`](super::decode) and [`read`](crate::read) leave such bits
/// out of the values.
///
/// # Errors
/// [`FormatError`] where the file is no DICOM file, or an overlay contradicts itself or is cut.
pub fn overlays(bytes: &[u8], limits: &Limits) -> Result<Vec<Overlay>, FormatError> {
    let held = bytes.len() as u64;
    let Look::Opened(opened) = file::look(bytes, held, limits)? else {
        return Err(FormatError::Truncated { place: "data set".to_owned(), found: held, expected: held + 1 });
    };
    let data_set = opened.data_set();
    let mut overlays = Vec::new();
    for group in (0x6000..=0x601E).step_by(2) {
        if data_set.find(Tag(group, ROWS)).is_none() || data_set.find(Tag(group, COLUMNS)).is_none() {
            continue;
        }
        overlays.push(overlay(&data_set, group, bytes, limits)?);
    }
    Ok(overlays)
}

fn overlay(data_set: &DataSet<'_>, group: u16, file: &[u8], limits: &Limits) -> Result<Overlay, FormatError> {
    let number = |element| data_set.unsigned(Tag(group, element)).map(|number| number as usize);
    let size = |element| {
        number(element)
            .filter(|size| (1..=65_535).contains(size))
            .ok_or_else(|| FormatError::malformed(place(Tag(group, element)), "expected 1 to 65535"))
    };
    let (rows, columns) = (size(ROWS)?, size(COLUMNS)?);
    let frames = number(NUMBER_OF_FRAMES).unwrap_or(1).max(1);
    let plane = rows * columns;
    let declared = (plane as u64).saturating_mul(frames as u64);
    if declared > limits.voxels {
        return Err(FormatError::TooLarge { what: "number of overlay bits", declared, limit: limits.voxels });
    }
    // Signed, counted from 1.
    let origin = data_set.words(Tag(group, ORIGIN));
    let first = |at: usize| origin.get(at).map_or(0, |first| i32::from(first.cast_signed()) - 1);
    let data = Tag(group, DATA);
    let bits: Vec<Vec<bool>> = if data_set.find(data).is_some() {
        packed(data_set, data, plane, frames)?
    } else {
        embedded(file, number(BIT_POSITION), number(BITS_ALLOCATED), [columns, rows], frames, limits)
            .map_err(|error| match error {
                FormatError::Malformed { message, .. } => FormatError::malformed(place(data), message),
                error => error,
            })?
    };
    let masks =
        bits.into_iter().map(|bits| FlatMask::new(columns, rows, bits, None)).collect::<Result<_, _>>()?;
    Ok(Overlay {
        group,
        kind: match data_set.text(Tag(group, TYPE)).as_deref() {
            Some("G") => Some(OverlayKind::Graphics),
            Some("R") => Some(OverlayKind::Region),
            _ => None,
        },
        label: data_set.text(Tag(group, LABEL)).map(wilhelm_study::Phi::new),
        first_row: first(0),
        first_column: first(1),
        first_frame: number(IMAGE_FRAME_ORIGIN).map_or(0, |frame| frame.saturating_sub(1)),
        masks,
    })
}

/// Bits packed without padding between rows or frames, the low bit of a byte first.
fn packed(
    data_set: &DataSet<'_>,
    data: Tag,
    plane: usize,
    frames: usize,
) -> Result<Vec<Vec<bool>>, FormatError> {
    let bytes = data_set.bytes(data);
    let needed = (plane * frames).div_ceil(8);
    if bytes.len() < needed {
        return Err(FormatError::Truncated {
            place: place(data),
            found: bytes.len() as u64,
            expected: needed as u64,
        });
    }
    let bit = |at: usize| bytes[at / 8] >> (at % 8) & 1 == 1;
    Ok((0..frames).map(|frame| (frame * plane..(frame + 1) * plane).map(bit).collect()).collect())
}

/// One bit of each of the picture's own pixels.
fn embedded(
    file: &[u8],
    position: Option<usize>,
    bits_allocated: Option<usize>,
    size: [usize; 2],
    frames: usize,
    limits: &Limits,
) -> Result<Vec<Vec<bool>>, FormatError> {
    let broken = |message: &str| FormatError::malformed("overlay", message);
    let item = Item {
        label: "bytes".to_owned(),
        named: true,
        bytes: file.len() as u64,
        source: Source::Memory(Arc::from(file)),
    };
    let instance = instance::read(&item, None, Wanted::Anything, limits)?;
    let format = &instance.store.format;
    let position = position.ok_or_else(|| broken("no overlay data and no bit position"))?;
    if !instance.store.is_native() {
        return Err(FormatError::unsupported("an overlay inside compressed pixels", "overlay data"));
    }
    if format.kind != SampleKind::Integer {
        return Err(FormatError::unsupported("an overlay inside floating point pixels", "overlay data"));
    }
    if bits_allocated != Some(format.bits_allocated)
        || size != [format.columns, format.rows]
        || format.samples != 1
    {
        return Err(broken("the overlay inside the pixels is not of their size"));
    }
    if !is_unused(format, position) {
        return Err(broken("the bit of the overlay is one of the pixels' own"));
    }
    instance.bytes.with_all(limits, |bytes| {
        let held = instance.store.frames_held(bytes, limits)?.min(frames);
        (0..held).map(|frame| Ok(bits_of(&instance.store.frame(bytes, frame)?, format, position))).collect()
    })
}

/// Whether a bit lies in the pixel's cell and outside its sample.
const fn is_unused(format: &PixelFormat, position: usize) -> bool {
    let lowest = format.high_bit + 1 - format.bits_stored;
    position < format.bits_allocated && (position > format.high_bit || position < lowest)
}

fn bits_of(frame: &Frame<'_>, format: &PixelFormat, position: usize) -> Vec<bool> {
    let width = (format.bits_allocated / 8).max(1);
    let (byte, bit) = (position / 8, position % 8);
    frame.bytes.chunks_exact(width).map(|cell| cell[byte] >> bit & 1 == 1).collect()
}
