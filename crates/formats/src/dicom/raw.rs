//! Single compressed frames without a DICOM file around them, as [`in_memory`](crate::in_memory) gives them.

use super::codestream::{self, Declared, Picture};
use super::pixels::{Photometric, PixelFormat, SampleKind};
use super::{codec, jpeg_extended, jpeg_ls as ls};
use crate::{FormatError, Limits};

/// What a DICOM header would say of a frame: gray with one sample, RGB with three.
#[derive(Clone, Copy, Debug)]
pub struct FrameShape {
    /// Number of columns.
    pub columns: u16,
    /// Number of rows.
    pub rows: u16,
    /// Samples of one pixel: 1 or 3.
    pub samples: usize,
    /// Bits of one sample: 8, 16 or 32.
    pub bits: usize,
}

/// A decoded picture: rows, columns, components, the last fastest.
#[derive(Clone, Debug)]
pub struct Samples {
    /// Number of columns.
    pub columns: usize,
    /// Number of rows.
    pub rows: usize,
    /// Samples of one pixel.
    pub components: usize,
    /// Bits of one sample.
    pub precision: u32,
    /// All samples.
    pub samples: Vec<u16>,
    /// Rows decoded, where the stream ends early.
    pub cut_at_row: Option<usize>,
}

pub(crate) fn jpeg_ls(bytes: &[u8], limits: &Limits) -> Result<Samples, FormatError> {
    let declared = ls::frame(bytes)?;
    judge(&declared, limits)?;
    Ok(named(&declared, ls::decode(bytes)?))
}

pub(crate) fn jpeg_extended(bytes: &[u8], limits: &Limits) -> Result<Samples, FormatError> {
    let declared =
        codestream::jpeg(bytes).ok_or_else(|| FormatError::malformed("JPEG frame", "no start of frame"))?;
    judge(&declared, limits)?;
    Ok(named(&declared, jpeg_extended::decode(bytes)?))
}

pub(crate) fn frame(transfer_syntax: &str, shape: FrameShape, coded: &[u8]) -> Result<Vec<u8>, FormatError> {
    let format = PixelFormat {
        columns: usize::from(shape.columns),
        rows: usize::from(shape.rows),
        frames: 1,
        samples: shape.samples,
        bits_allocated: shape.bits,
        bits_stored: shape.bits,
        high_bit: shape.bits - 1,
        signed: false,
        planar: false,
        photometric: if shape.samples == 1 { Photometric::Monochrome2 } else { Photometric::Rgb },
        kind: SampleKind::Integer,
    };
    Ok(codec::decode(transfer_syntax, &format, coded)?.bytes)
}

/// What the header of a DICOM file does where there is one.
fn judge(declared: &Declared, limits: &Limits) -> Result<(), FormatError> {
    let samples = [declared.columns, declared.rows, declared.components]
        .iter()
        .fold(1_u64, |product, size| product.saturating_mul(*size as u64));
    if samples > limits.voxels {
        return Err(FormatError::TooLarge {
            what: "number of samples",
            declared: samples,
            limit: limits.voxels,
        });
    }
    if samples == 0 {
        return Err(FormatError::malformed("frame", "no pixels"));
    }
    Ok(())
}

fn named(declared: &Declared, picture: Picture) -> Samples {
    Samples {
        columns: declared.columns,
        rows: declared.rows,
        components: declared.components,
        precision: declared.precision,
        samples: picture.samples,
        cut_at_row: picture.cut_at_row,
    }
}
