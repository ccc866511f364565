//! Frames as pictures: window, inversion, palette, size.
//!
//! Source: PS3.3 Section C.11.2.1, C.7.6.3.1.5 and C.7.9; PS3.18 Section 8.3.5.

use std::io::Cursor;

use axum::http::StatusCode;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::{FilterType, resize};
use image::{DynamicImage, ExtendedColorType, GrayImage, ImageEncoder, RgbImage};
use wilhelm_formats::Limits;
use wilhelm_formats::dicom::{StoredPixels, decode_frame};

use super::Refusal;

/// A picture's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Png,
    Jpeg,
}

/// What was asked of a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub form: Form,
    /// JPEG's quality, 1 to 100.
    pub quality: u8,
    /// Center and width of the window, in the units after rescaling.
    pub window: Option<(f64, f64)>,
    /// Largest width and height in pixels.
    pub viewport: Option<(u32, u32)>,
}

/// Pixels of a picture beyond which none is drawn.
const LARGEST: usize = 100_000_000;

/// Draws one frame, counted from 0.
pub(crate) fn draw(file: &[u8], number: u32, wish: Wish) -> Result<Vec<u8>, Refusal> {
    let refused = |detail: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let limits = Limits { voxels: LARGEST as u64, ..Limits::default() };
    let pixels = decode_frame(file, number as usize, &limits)
        .map_err(|error| refused(format!("the frame cannot be drawn: {error}")))?;
    let options = dicom_object::OpenFileOptions::new().read_until(tags::PIXEL_DATA);
    let object = options
        .from_reader(Cursor::new(file))
        .map_err(|_| refused("the object's header cannot be read".to_owned()))?
        .into_inner();
    let (columns, rows) = (pixels.columns as u32, pixels.rows as u32);
    let whole = || refused("the frame is not whole".to_owned());
    let mut picture = if pixels.samples == 3 {
        DynamicImage::ImageRgb8(RgbImage::from_raw(columns, rows, color(&pixels)).ok_or_else(whole)?)
    } else if let Some(palette) = palette(&object) {
        let indices = stored(&pixels).map(|index| palette.color(index));
        let bytes: Vec<u8> = indices.flatten().collect();
        DynamicImage::ImageRgb8(RgbImage::from_raw(columns, rows, bytes).ok_or_else(whole)?)
    } else {
        let bytes = gray(&pixels, &object, number, wish.window);
        DynamicImage::ImageLuma8(GrayImage::from_raw(columns, rows, bytes).ok_or_else(whole)?)
    };
    if let Some((width, height)) = wish.viewport {
        let scale = (f64::from(width) / f64::from(columns)).min(f64::from(height) / f64::from(rows));
        let scaled = |size: u32| ((f64::from(size) * scale).round() as u32).clamp(1, 8192);
        if scale < 1.0 {
            picture = match picture {
                DynamicImage::ImageRgb8(picture) => DynamicImage::ImageRgb8(resize(
                    &picture,
                    scaled(columns),
                    scaled(rows),
                    FilterType::Triangle,
                )),
                other => DynamicImage::ImageLuma8(resize(
                    &other.to_luma8(),
                    scaled(columns),
                    scaled(rows),
                    FilterType::Triangle,
                )),
            };
        }
    }
    let kind = if picture.color().has_color() { ExtendedColorType::Rgb8 } else { ExtendedColorType::L8 };
    let mut out = Vec::new();
    let (width, height, bytes) = (picture.width(), picture.height(), picture.as_bytes());
    let encoded = match wish.form {
        Form::Jpeg => {
            JpegEncoder::new_with_quality(&mut out, wish.quality).encode(bytes, width, height, kind)
        }
        Form::Png => PngEncoder::new_with_quality(&mut out, CompressionType::Fast, PngFilter::Sub)
            .write_image(bytes, width, height, kind),
    };
    encoded.map_err(|_| refused("the picture has a size that its form does not hold".to_owned()))?;
    Ok(out)
}

/// Samples as numbers.
fn stored(pixels: &StoredPixels) -> Box<dyn Iterator<Item = f64> + '_> {
    let bytes = &pixels.bytes;
    match (pixels.bits, pixels.signed, pixels.floating) {
        (8, false, _) => Box::new(bytes.iter().map(|byte| f64::from(*byte))),
        (8, true, _) => Box::new(bytes.iter().map(|byte| f64::from(byte.cast_signed()))),
        (16, false, _) => {
            Box::new(bytes.chunks_exact(2).map(|two| f64::from(u16::from_le_bytes([two[0], two[1]]))))
        }
        (16, true, _) => {
            Box::new(bytes.chunks_exact(2).map(|two| f64::from(i16::from_le_bytes([two[0], two[1]]))))
        }
        (32, signed, floating) => Box::new(bytes.chunks_exact(4).map(move |four| {
            let four = [four[0], four[1], four[2], four[3]];
            match (signed, floating) {
                (_, true) => f64::from(f32::from_le_bytes(four)),
                (true, _) => f64::from(i32::from_le_bytes(four)),
                _ => f64::from(u32::from_le_bytes(four)),
            }
        })),
        _ => Box::new(bytes.chunks_exact(8).map(|eight| {
            let mut all = [0; 8];
            all.copy_from_slice(eight);
            f64::from_le_bytes(all)
        })),
    }
}

/// The first number of an element, also where it stands in the functional groups of a frame.
fn number(object: &InMemDicomObject, tag: dicom_core::Tag, frame: u32) -> Option<f64> {
    let of = |object: &InMemDicomObject| {
        object.element_opt(tag).ok()??.value().primitive()?.to_multi_float64().ok()?.first().copied()
    };
    if let Some(number) = of(object) {
        return Some(number);
    }
    let groups = |sequence, item: usize| {
        let items = object.element_opt(sequence).ok()??.items()?;
        let group = items.get(item)?;
        [tags::FRAME_VOILUT_SEQUENCE, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE]
            .into_iter()
            .find_map(|macro_tag| of(group.element_opt(macro_tag).ok()??.items()?.first()?))
    };
    groups(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame as usize)
        .or_else(|| groups(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0))
}

fn gray(pixels: &StoredPixels, object: &InMemDicomObject, frame: u32, wished: Option<(f64, f64)>) -> Vec<u8> {
    let slope = number(object, tags::RESCALE_SLOPE, frame).filter(|slope| *slope != 0.0).unwrap_or(1.0);
    let intercept = number(object, tags::RESCALE_INTERCEPT, frame).unwrap_or(0.0);
    let own = number(object, tags::WINDOW_CENTER, frame).zip(number(object, tags::WINDOW_WIDTH, frame));
    let values = || stored(pixels).map(|value| value * slope + intercept);
    let text = |tag| {
        object.element_opt(tag).ok().flatten().and_then(|element| element.to_str().ok()).unwrap_or_default()
    };
    let (center, width) = wished.or(own).filter(|(_, width)| *width >= 1.0).unwrap_or_else(|| {
        let (least, most) = values()
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
                (least.min(value), most.max(value))
            });
        // LINEAR takes the window from center - 0.5 - (width - 1) / 2 on.
        if least < most { ((least + most + 1.0) / 2.0, most - least + 1.0) } else { (least, 1.0) }
    });
    let exact = text(tags::VOILUT_FUNCTION).trim() == "LINEAR_EXACT";
    let sigmoid = text(tags::VOILUT_FUNCTION).trim() == "SIGMOID";
    let inverted = text(tags::PHOTOMETRIC_INTERPRETATION).trim() == "MONOCHROME1";
    let shade = |value: f64| {
        let part = if sigmoid {
            1.0 / (1.0 + (-4.0 * (value - center) / width).exp())
        } else if exact {
            (value - center) / width + 0.5
        } else if width <= 1.0 {
            f64::from(value > center - 0.5)
        } else {
            (value - (center - 0.5)) / (width - 1.0) + 0.5
        };
        let shade = (part.clamp(0.0, 1.0) * 255.0).round() as u8;
        if inverted { 255 - shade } else { shade }
    };
    if pixels.bits <= 16 && !pixels.floating {
        // As many shades as there are stored values: looked up.
        let offset = if pixels.signed { 1_i32 << (pixels.bits - 1) } else { 0 };
        let table: Vec<u8> = (0..1_i32 << pixels.bits)
            .map(|index| shade(f64::from(index - offset) * slope + intercept))
            .collect();
        return stored(pixels).map(|value| table[(value as i32 + offset) as usize]).collect();
    }
    values().map(shade).collect()
}

fn color(pixels: &StoredPixels) -> Vec<u8> {
    let bytes: Vec<u8> = match pixels.bits {
        8 => pixels.bytes.clone(),
        _ => pixels.bytes.chunks_exact(pixels.bits / 8).map(|sample| sample[sample.len() - 1]).collect(),
    };
    if !pixels.ycbcr {
        return bytes;
    }
    // PS3.3 Section C.7.6.3.1.2.
    let clamp = |value: f32| value.round().clamp(0.0, 255.0) as u8;
    bytes
        .chunks_exact(3)
        .flat_map(|three| {
            let (luma, blue, red) =
                (f32::from(three[0]), f32::from(three[1]) - 128.0, f32::from(three[2]) - 128.0);
            [
                clamp(luma + 1.402 * red),
                clamp(luma - 0.344_136 * blue - 0.714_136 * red),
                clamp(luma + 1.772 * blue),
            ]
        })
        .collect()
}

struct Palette {
    first: f64,
    colors: Vec<[u8; 3]>,
}

impl Palette {
    fn color(&self, index: f64) -> [u8; 3] {
        let last = self.colors.len() - 1;
        let place = (index - self.first).clamp(0.0, last as f64) as usize;
        self.colors[place]
    }
}

/// The palette of an object in PALETTE COLOR.
fn palette(object: &InMemDicomObject) -> Option<Palette> {
    let photometric = object.element_opt(tags::PHOTOMETRIC_INTERPRETATION).ok()??.to_str().ok()?;
    if photometric.trim() != "PALETTE COLOR" {
        return None;
    }
    let descriptor = object
        .element_opt(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR)
        .ok()??
        .value()
        .primitive()?
        .to_multi_int::<i64>()
        .ok()?;
    let [entries, first, bits] = descriptor[..] else { return None };
    let entries = if entries == 0 { 1 << 16 } else { usize::try_from(entries).ok()? };
    let table = |tag| {
        let bytes = object.element_opt(tag).ok()??.value().to_bytes().ok()?.into_owned();
        // Entries of 8 bits may stand in words of 16.
        let wide = bits > 8 || bytes.len() >= entries * 2;
        let shades: Vec<u8> = if wide {
            bytes.chunks_exact(2).map(|two| if bits > 8 { two[1] } else { two[0] }).collect()
        } else {
            bytes
        };
        Some(shades)
    };
    let red = table(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
    let green = table(tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
    let blue = table(tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA)?;
    let colors: Vec<[u8; 3]> =
        red.into_iter().zip(green).zip(blue).take(entries).map(|((r, g), b)| [r, g, b]).collect();
    if colors.is_empty() { None } else { Some(Palette { first: first as f64, colors }) }
}
