use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{ExtendedColorType, ImageDecoder};

use crate::FormatError;

/// A gray picture of 8 bits after it was compressed as JPEG and read again: what the compression did to it.
///
/// # Units
/// `quality` from 1 (least) to 100.
///
/// # Errors
/// [`FormatError::Malformed`] where the pixels do not fit the size, or the size is more than JPEG holds.
pub fn through_jpeg(columns: u16, rows: u16, pixels: &[u8], quality: u8) -> Result<Vec<u8>, FormatError> {
    let expected = usize::from(columns) * usize::from(rows);
    if expected == 0 || pixels.len() != expected {
        return Err(FormatError::malformed(
            "JPEG",
            format!("{} bytes of pixels, expected {expected} and more than 0", pixels.len()),
        ));
    }
    let fail = |error: image::ImageError| FormatError::malformed("JPEG", error.to_string());
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
        .encode(pixels, columns.into(), rows.into(), ExtendedColorType::L8)
        .map_err(fail)?;
    let decoder = JpegDecoder::new(std::io::Cursor::new(bytes)).map_err(fail)?;
    let mut read = vec![0; expected];
    if decoder.total_bytes() != expected as u64 {
        let found = decoder.total_bytes();
        return Err(FormatError::malformed("JPEG", format!("{found} bytes of pixels, expected {expected}")));
    }
    decoder.read_image(&mut read).map_err(fail)?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_quality_leaves_less_of_the_picture_and_a_wrong_size_is_refused() {
        let pixels: Vec<u8> =
            (0..32 * 32_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let apart = |quality: u8| -> u32 {
            let read = through_jpeg(32, 32, &pixels, quality).expect("a picture");
            read.iter().zip(&pixels).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
        };
        let (fine, coarse) = (apart(100), apart(5));
        assert!(fine < 32 * 32 * 2 && coarse > 10 * fine, "{fine} {coarse}");
        let flat = through_jpeg(20, 10, &[77; 200], 50).expect("a picture");
        assert!(flat.iter().all(|pixel| pixel.abs_diff(77) <= 1));
        assert!(through_jpeg(20, 10, &[77; 199], 50).is_err());
        assert!(through_jpeg(0, 0, &[], 50).is_err());
    }
}
