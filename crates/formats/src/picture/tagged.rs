//! TIFF: gray of 8 to 64 bits, whole or floating point, and color of 8 or 16 bits.
//!
//! The `tiff` crate is used directly, since `image` gives no gray of 32 bits.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};
use wilhelm_study::{Defect, DefectKind, Image, Patient, Projection, Series, SourceFile};

use crate::dicom::{ColorCount, rec_601};
use crate::source::{Item, sha256};
use crate::{FormatError, Limits, finite};

/// Beyond what LZW and Deflate reach, in bytes of pixels a byte of file.
const RATIO: u64 = 3000;
/// Pages are counted this far.
const MOST_PAGES: usize = 10_000;

/// Whether bytes begin as a TIFF or BigTIFF file does.
pub(crate) fn is_tiff(bytes: &[u8]) -> bool {
    matches!(bytes.get(..4), Some([b'I', b'I', 42 | 43, 0] | [b'M', b'M', 0, 42 | 43]))
}

/// Decodes the first page.
///
/// Alpha is dropped; three channels become luminance by Rec. 601; white-is-zero is turned over by
/// the decoder.
///
/// # Errors
/// [`FormatError`] for what is too large, a bomb, broken, or of another color type.
pub(crate) fn read(item: &Item, bytes: &[u8], limits: &Limits) -> Result<Series, FormatError> {
    let held = bytes.len() as u64;
    let broken = |error: TiffError| refusal(error, held);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(broken)?;
    let (columns, rows) = decoder.dimensions().map_err(broken)?;
    let color_type = decoder.colortype().map_err(broken)?;
    let pixels = u64::from(columns) * u64::from(rows);
    if pixels > limits.voxels {
        let what = "number of pixels";
        return Err(FormatError::TooLarge { what, declared: pixels, limit: limits.voxels });
    }
    let channels: usize = match color_type {
        ColorType::Gray(1 | 2 | 4 | 8 | 16 | 32 | 64) => 1,
        ColorType::RGB(8 | 16) => 3,
        ColorType::RGBA(8 | 16) => 4,
        _ => {
            let what = format!("TIFF of color type {color_type:?}");
            return Err(FormatError::unsupported(what, "gray, or color of 8 or 16 bits"));
        }
    };
    let bits = color_type.bit_depth();
    let declared = pixels * channels as u64 * u64::from(bits.max(8) / 8);
    if declared > super::HARMLESS && declared > held.saturating_mul(RATIO) {
        return Err(FormatError::PixelBomb { declared, held });
    }
    let mut allocation = TiffLimits::default();
    allocation.decoding_buffer_size = usize::try_from(declared).unwrap_or(usize::MAX);
    allocation.intermediate_buffer_size = usize::try_from(declared.max(1 << 20)).unwrap_or(usize::MAX);
    decoder = decoder.with_limits(allocation);
    let mut decoded = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut decoded).map_err(broken)?;
    let planar = layout.planes > 1;
    let (columns, rows) = (columns as usize, rows as usize);
    let (values, top) = numbers(decoded, bits, columns);
    let expected = columns * rows * channels;
    if values.len() < expected {
        return Err(FormatError::Truncated {
            place: "TIFF pixels".to_owned(),
            found: values.len() as u64,
            expected: expected as u64,
        });
    }
    let (mut values, color) = luminance(values, columns * rows, channels, planar, top.unwrap_or(1.0));
    let mut defects: Vec<Defect> = finite::mend(&mut values, &item.label)?.into_iter().collect();
    let orientation = decoder.find_tag(Tag::Orientation).ok().flatten().and_then(|tag| tag.into_u16().ok());
    if orientation.is_some_and(|orientation| orientation != 1) {
        let message = "the file asks to be turned or mirrored for display: pixels are as stored";
        defects.push(Defect::new(DefectKind::Header, &item.label, message));
    }
    let pages = pages(&mut decoder);
    if pages > 1 {
        let message = format!("{pages} pages without a place in space: the first is read");
        defects.push(Defect::new(DefectKind::Unsupported, &item.label, message));
    }
    let title = item.label.rsplit(['/', '\\', '!']).next().unwrap_or(&item.label).to_owned();
    Ok(Series {
        study: None,
        series: None,
        frame_of_reference: None,
        title,
        modality: None,
        body_part: None,
        view: None,
        color,
        stored_range: top.map(|top| (0.0, top)),
        window: None,
        patient: Patient::default(),
        sources: vec![SourceFile {
            path: item.label.clone(),
            sha256: sha256(bytes, limits),
            sop_instance_uid: None,
        }],
        image: Image::Flat(Projection::new(columns, rows, values, None)?),
        defects,
    })
}

/// All samples, and the highest that small unsigned integers could take.
fn numbers(decoded: DecodingResult, bits: u8, columns: usize) -> (Vec<f32>, Option<f32>) {
    match decoded {
        DecodingResult::U8(bytes) if bits < 8 => {
            (unpacked(&bytes, bits, columns), Some(f32::from((1_u16 << bits) - 1)))
        }
        DecodingResult::U8(values) => (values.into_iter().map(f32::from).collect(), Some(255.0)),
        DecodingResult::U16(values) => (values.into_iter().map(f32::from).collect(), Some(65_535.0)),
        DecodingResult::I8(values) => (values.into_iter().map(f32::from).collect(), None),
        DecodingResult::I16(values) => (values.into_iter().map(f32::from).collect(), None),
        DecodingResult::U32(values) => (values.into_iter().map(|value| value as f32).collect(), None),
        DecodingResult::I32(values) => (values.into_iter().map(|value| value as f32).collect(), None),
        DecodingResult::U64(values) => (values.into_iter().map(|value| value as f32).collect(), None),
        DecodingResult::I64(values) => (values.into_iter().map(|value| value as f32).collect(), None),
        DecodingResult::F16(values) => (values.into_iter().map(f32::from).collect(), None),
        DecodingResult::F32(values) => (values, None),
        DecodingResult::F64(values) => (values.into_iter().map(|value| value as f32).collect(), None),
    }
}

/// Samples of 1, 2 or 4 bits; each row begins with a byte of its own.
fn unpacked(bytes: &[u8], bits: u8, columns: usize) -> Vec<f32> {
    let in_byte = usize::from(8 / bits);
    let mask = ((1_u16 << bits) - 1) as u8;
    bytes
        .chunks(columns.div_ceil(in_byte))
        .flat_map(|row| {
            (0..columns.min(row.len() * in_byte)).map(move |column| {
                let shift = 8 - usize::from(bits) * (column % in_byte + 1);
                f32::from(row[column / in_byte] >> shift & mask)
            })
        })
        .collect()
}

/// One value a pixel, and whether there were colors.
fn luminance(
    mut values: Vec<f32>,
    pixels: usize,
    channels: usize,
    planar: bool,
    top: f32,
) -> (Vec<f32>, bool) {
    if channels == 1 {
        values.truncate(pixels);
        return (values, false);
    }
    let mut count = ColorCount::new(top);
    let gray = (0..pixels)
        .map(|pixel| {
            let channels = [0, 1, 2].map(|channel| {
                values[if planar { channel * pixels + pixel } else { pixel * channels + channel }]
            });
            count.add(channels);
            rec_601(channels)
        })
        .collect();
    (gray, count.is_color())
}

fn pages(decoder: &mut Decoder<Cursor<&[u8]>>) -> usize {
    let mut pages = 1;
    while pages < MOST_PAGES && decoder.more_images() && decoder.next_image().is_ok() {
        pages += 1;
    }
    pages
}

fn refusal(error: TiffError, held: u64) -> FormatError {
    match error {
        TiffError::LimitsExceeded => FormatError::PixelBomb { declared: u64::MAX, held },
        TiffError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            FormatError::Truncated { place: "TIFF".to_owned(), found: held, expected: held + 1 }
        }
        TiffError::UnsupportedError(_) => {
            FormatError::unsupported("this kind of TIFF", "gray, or color of 8 or 16 bits")
        }
        error => FormatError::malformed("TIFF", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_samples_begin_each_row_with_a_byte() {
        assert_eq!(unpacked(&[0b1010_0000, 0b0110_0000], 1, 3), [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
        assert_eq!(unpacked(&[0x12, 0x30], 4, 3), [1.0, 2.0, 3.0]);
    }
}
