//! PNG, JPEG and TIFF: a flat image of luminance.

pub(crate) mod tagged;

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use wilhelm_study::{Defect, DefectKind, Image, Patient, Projection, Series, SourceFile};

use crate::dicom::{ColorCount, rec_601};
use crate::source::{Item, sha256};
use crate::{FormatError, Limits};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
}

/// Deflate cannot do better than this (RFC 1951: 258 bytes in 2 bits), so more is a lie.
const DEFLATE_RATIO: u64 = 1032;
/// Far beyond what JPEG reaches on a picture that is not blank, in pixels a byte.
const JPEG_RATIO: u64 = 2000;
/// Pictures up to this many bytes are read whatever their ratio.
const HARMLESS: u64 = 16 << 20;

/// Decodes a picture.
///
/// Alpha is dropped; three channels become luminance by Rec. 601. 16-bit pictures keep their
/// 16-bit values.
///
/// # Errors
/// [`FormatError`] for what is too large, a bomb, or broken.
pub(crate) fn read(
    item: &Item,
    bytes: &[u8],
    format: Format,
    limits: &Limits,
) -> Result<Series, FormatError> {
    let place = match format {
        Format::Png => "PNG",
        Format::Jpeg => "JPEG",
    };
    let broken = |error: image::ImageError| refusal(error, place, bytes.len());
    let image_format = match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), image_format);
    let mut allocation = image::Limits::default();
    allocation.max_alloc = Some(limits.voxels.saturating_mul(8));
    reader.limits(allocation);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (columns, rows) = decoder.dimensions();
    let pixels = u64::from(columns) * u64::from(rows);
    if pixels > limits.voxels {
        return Err(FormatError::TooLarge {
            what: "number of pixels",
            declared: pixels,
            limit: limits.voxels,
        });
    }
    let (declared, held) = (decoder.total_bytes(), bytes.len() as u64);
    let ratio = if format == Format::Png { DEFLATE_RATIO } else { JPEG_RATIO };
    if declared > HARMLESS && declared > held.saturating_mul(ratio) {
        return Err(FormatError::PixelBomb { declared, held });
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let color_type = decoder.color_type();
    let decoded = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let mut defects = Vec::new();
    if orientation != Orientation::NoTransforms {
        let message = "the file asks to be turned or mirrored for display: pixels are as stored";
        defects.push(Defect::new(DefectKind::Header, &item.label, message));
    }
    let sixteen =
        matches!(color_type, ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16);
    let top: f32 = if sixteen { 65_535.0 } else { 255.0 };
    let (values, color) = if color_type.has_color() {
        let mut count = ColorCount::new(top);
        let mut luminance = |channels: [f32; 3]| {
            count.add(channels);
            rec_601(channels)
        };
        let values: Vec<f32> = if sixteen {
            decoded.to_rgb16().pixels().map(|pixel| luminance(pixel.0.map(f32::from))).collect()
        } else {
            decoded.to_rgb8().pixels().map(|pixel| luminance(pixel.0.map(f32::from))).collect()
        };
        (values, count.is_color())
    } else if sixteen {
        (decoded.to_luma16().pixels().map(|pixel| f32::from(pixel.0[0])).collect(), false)
    } else {
        (decoded.to_luma8().pixels().map(|pixel| f32::from(pixel.0[0])).collect(), false)
    };
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
        stored_range: Some((0.0, top)),
        window: None,
        patient: Patient::default(),
        sources: vec![SourceFile {
            path: item.label.clone(),
            sha256: sha256(bytes, limits),
            sop_instance_uid: None,
        }],
        image: Image::Flat(Projection::new(columns as usize, rows as usize, values, None)?),
        defects,
    })
}

fn refusal(error: image::ImageError, place: &str, held: usize) -> FormatError {
    match error {
        image::ImageError::Limits(_) => FormatError::PixelBomb { declared: u64::MAX, held: held as u64 },
        image::ImageError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            FormatError::Truncated { place: place.to_owned(), found: held as u64, expected: held as u64 + 1 }
        }
        image::ImageError::Unsupported(_) => {
            FormatError::unsupported(format!("this kind of {place}"), "8 or 16 bits, gray, palette or color")
        }
        error => FormatError::malformed(place, error.to_string()),
    }
}
