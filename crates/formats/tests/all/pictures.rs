//! PNG, JPEG and TIFF.

use std::io::Cursor;
use std::path::PathBuf;

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb};
use wilhelm_formats::{encode_png_gray, encode_png_rgb};
use wilhelm_study::{DefectKind, Image, QuantityKind};

use crate::shared::{data, kinds, only, read_one, refusal, written};

fn saved(name: &str, picture: &DynamicImage, format: ImageFormat) -> (tempfile::TempDir, PathBuf) {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    written(name, bytes.get_ref())
}

#[test]
fn sixteen_bits_are_kept_and_alpha_is_dropped() {
    let wide = ImageBuffer::from_fn(3, 2, |x, y| Luma([(x * 1000 + y) as u16]));
    let (_folder, path) = saved("wide.png", &DynamicImage::ImageLuma16(wide), ImageFormat::Png);
    let read = only(&path);
    assert_eq!(read.image.values(), [0.0, 1000.0, 2000.0, 1.0, 1001.0, 2001.0]);
    assert_eq!(read.stored_range, Some((0.0, 65535.0)));
    assert_eq!(read.image.quantity(), QuantityKind::Arbitrary);
    assert_eq!(read.title, "wide.png");
    let alpha = ImageBuffer::from_fn(2, 1, |x, _| LumaA([100 + x as u8, 0]));
    let (_folder, path) = saved("alpha.png", &DynamicImage::ImageLumaA8(alpha), ImageFormat::Png);
    assert_eq!(only(&path).image.values(), [100.0, 101.0]);
}

#[test]
fn color_becomes_luminance_and_gray_in_three_channels_is_no_color() {
    let colors =
        ImageBuffer::from_fn(4, 4, |x, _| if x < 2 { Rgb([200_u8, 10, 40]) } else { Rgb([90, 90, 90]) });
    let (_folder, path) = saved("color.png", &DynamicImage::ImageRgb8(colors), ImageFormat::Png);
    let read = only(&path);
    assert!(read.color);
    assert!((read.image.values()[0] - (0.299 * 200.0 + 0.587 * 10.0 + 0.114 * 40.0)).abs() < 1e-4);
    let gray = ImageBuffer::from_fn(64, 64, |x, y| Rgb([(x * 3) as u8; 3].map(|v| v.wrapping_add(y as u8))));
    let (_folder, path) = saved("gray.jpg", &DynamicImage::ImageRgb8(gray), ImageFormat::Jpeg);
    let read = only(&path);
    assert!(!read.color);
    assert!(matches!(read.image, Image::Flat(_)));
}

#[test]
fn a_png_that_is_encoded_here_is_read_back() {
    let pixels: Vec<u8> = (0..35).collect();
    let (_folder, path) = written("a.png", &encode_png_gray(7, 5, &pixels).unwrap());
    assert!(
        only(&path)
            .image
            .values()
            .iter()
            .zip(&pixels)
            .all(|(found, expected)| *found == f32::from(*expected))
    );
    let (_folder, path) = written("b.png", &encode_png_rgb(1, 1, &[255, 255, 255]).unwrap());
    assert!((only(&path).image.values()[0] - 255.0).abs() < 1e-3);
    assert!(encode_png_gray(7, 5, &pixels[1..]).is_err());
    assert!(encode_png_rgb(0, 5, &[]).is_err());
}

#[test]
fn a_png_that_declares_a_huge_picture_is_a_bomb() {
    let mut bytes = encode_png_gray(16, 16, &[7; 256]).unwrap();
    // Width and height of the header chunk, and its checksum.
    bytes[16..20].copy_from_slice(&40_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&40_000_u32.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    let (_folder, path) = written("bomb.png", &bytes);
    let message = refusal(&path);
    assert!(message.contains("pixel bomb"), "{message}");
}

#[test]
fn a_jpeg_that_declares_a_huge_picture_is_a_bomb() {
    let gray = ImageBuffer::from_pixel(16, 16, Luma([128_u8]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(gray).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    let mut bytes = bytes.into_inner();
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
    let (_folder, path) = written("bomb.jpg", &bytes);
    let message = refusal(&path);
    assert!(message.contains("bomb") || message.contains("limit"), "{message}");
}

#[test]
fn a_cut_picture_is_refused() {
    let bytes = encode_png_gray(64, 64, &crate::shared::noise(3, 64 * 64)).unwrap();
    for cut in [9, 40, bytes.len() / 2] {
        let (_folder, path) = written("cut.png", &bytes[..cut]);
        assert_eq!(read_one(&path).failures.len(), 1, "{cut}");
    }
}

/// CRC-32 as PNG uses it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn real_pictures_are_read() {
    let Some(path) = data("nih_cxr_samples/00000001_000.png") else { return };
    let read = only(&path);
    assert_eq!(read.image.size(), [512, 512, 1]);
    assert!(!read.color);
}

/// A TIFF file of one or several pages, made by the encoder of another program part.
fn tiff_pages<C: tiff::encoder::colortype::ColorType>(size: [u32; 2], pages: &[&[C::Inner]]) -> Vec<u8>
where
    [C::Inner]: tiff::encoder::TiffValue,
{
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    for page in pages {
        encoder.write_image::<C>(size[0], size[1], page).unwrap();
    }
    bytes.into_inner()
}

#[test]
fn gray_tiff_of_8_to_32_bits_keeps_its_values() {
    use tiff::encoder::colortype::{Gray8, Gray16, Gray32, Gray32Float, GrayI16};
    let check = |bytes: &[u8], expected: &[f32], range| {
        let (_folder, path) = written("a.tif", bytes);
        let read = only(&path);
        assert_eq!(read.image.values(), expected);
        assert_eq!(read.image.size(), [3, 2, 1]);
        assert_eq!(read.stored_range, range);
        assert!(read.defects.is_empty() && !read.color);
    };
    let small = [0, 1, 2, 3, 4, 255];
    check(&tiff_pages::<Gray8>([3, 2], &[&small]), &small.map(f32::from), Some((0.0, 255.0)));
    let wide = [0_u16, 1, 2, 3, 4, 65_535];
    check(&tiff_pages::<Gray16>([3, 2], &[&wide]), &wide.map(f32::from), Some((0.0, 65_535.0)));
    let signed = [0_i16, -1, 2, -32_768, 4, 32_767];
    check(&tiff_pages::<GrayI16>([3, 2], &[&signed]), &signed.map(f32::from), None);
    let long = [0_u32, 1, 70_000, 3, 4, 1 << 31];
    check(&tiff_pages::<Gray32>([3, 2], &[&long]), &long.map(|value| value as f32), None);
    let real = [0.5_f32, -1.25, 1e6, 3.0, 4.0, 5.0];
    check(&tiff_pages::<Gray32Float>([3, 2], &[&real]), &real, None);
}

#[test]
fn color_tiff_becomes_luminance_and_further_pages_are_counted() {
    use tiff::encoder::colortype::{Gray8, RGB8};
    let pixels = [[200, 10, 40], [7, 7, 7], [200, 10, 40], [200, 10, 40], [200, 10, 40], [0, 0, 0]];
    let (_folder, path) = written("a.tiff", &tiff_pages::<RGB8>([2, 3], &[pixels.as_flattened()]));
    let read = only(&path);
    assert!(read.color);
    assert!((read.image.values()[0] - (0.299 * 200.0 + 0.587 * 10.0 + 0.114 * 40.0)).abs() < 1e-4);
    assert!((read.image.values()[1] - 7.0).abs() < 1e-4);
    let (_folder, path) = written("b.tiff", &tiff_pages::<Gray8>([2, 1], &[&[1, 2], &[3, 4], &[5, 6]]));
    let read = only(&path);
    assert_eq!(read.image.values(), [1.0, 2.0]);
    assert_eq!(kinds(&read), [DefectKind::Unsupported]);
    assert!(read.defects[0].message.starts_with("3 pages"), "{}", read.defects[0]);
}

#[test]
fn a_tiff_that_is_cut_or_declares_a_huge_picture_is_refused() {
    let bytes = tiff_pages::<tiff::encoder::colortype::Gray8>([64, 64], &[&[9; 64 * 64]]);
    for cut in [5, 9, bytes.len() / 2, bytes.len() - 3] {
        let (_folder, path) = written("cut.tif", &bytes[..cut]);
        assert_eq!(read_one(&path).failures.len(), 1, "{cut}");
    }
    // Width, height and rows of a strip are the entries with tags 256, 257 and 278, of 16 or 32 bits.
    let mut bomb = bytes;
    for tag in [256_u16, 257, 278] {
        let entry =
            |window: &[u8]| window[..2] == tag.to_le_bytes() && matches!(window[2..], [3 | 4, 0, 1, 0]);
        let at = bomb.windows(6).position(entry).expect("an entry of one number");
        bomb[at + 8..at + 12].copy_from_slice(&40_000_u32.to_le_bytes());
    }
    let (_folder, path) = written("bomb.tif", &bomb);
    let message = refusal(&path);
    assert!(message.contains("pixel bomb"), "{message}");
}
