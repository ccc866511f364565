//! Secondary Capture: a picture of a result, as the last resort (PS3.3 Section A.8).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

use super::common::{Draft, Imprint, RESEARCH_USE, Written, source_images};
use super::reference::Reference;
use crate::FormatError;

/// The colors of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureColor {
    /// One byte a pixel, 0 is black.
    Gray,
    /// Red, green and blue, a byte each.
    Rgb,
}

/// A picture with marks burned in, which refers to the source images it was made from, by their
/// numbers in [`Reference::images`].
///
/// # Shapes
/// `pixels` are rows from the top, pixel by pixel.
///
/// # Errors
/// [`FormatError::Malformed`] where the pixels do not fit the size, no image is named or a number is
/// beyond the last.
pub fn secondary_capture(
    [columns, rows]: [u16; 2],
    color: CaptureColor,
    pixels: &[u8],
    images: &[usize],
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let samples = match color {
        CaptureColor::Gray => 1,
        CaptureColor::Rgb => 3,
    };
    let expected = usize::from(columns) * usize::from(rows) * samples;
    if expected == 0 || pixels.len() != expected {
        let message = format!("{} bytes of pixels, expected {expected} and more than 0", pixels.len());
        return Err(FormatError::malformed("secondary capture", message));
    }
    let selected = reference.selected(images, "secondary capture")?;
    let mut draft = Draft::new(uids::SECONDARY_CAPTURE_IMAGE_STORAGE, "OT", reference, imprint)?;
    draft.content_date(imprint);
    let item = &mut draft.item;
    item.text(tags::CONVERSION_TYPE, VR::CS, "WSD");
    item.values(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY");
    item.empty(tags::PATIENT_ORIENTATION, VR::CS);
    item.text(tags::BURNED_IN_ANNOTATION, VR::CS, "YES");
    item.text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    let derivation = format!("{}: drawn by a program, {RESEARCH_USE}", imprint.description);
    item.text(tags::DERIVATION_DESCRIPTION, VR::ST, &derivation);
    item.text(tags::IMAGE_COMMENTS, VR::LT, RESEARCH_USE);
    source_images(item, selected);
    item.short(tags::SAMPLES_PER_PIXEL, samples as u16);
    let photometric = match color {
        CaptureColor::Gray => "MONOCHROME2",
        CaptureColor::Rgb => "RGB",
    };
    item.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric);
    if color == CaptureColor::Rgb {
        item.short(tags::PLANAR_CONFIGURATION, 0);
    }
    item.short(tags::ROWS, rows);
    item.short(tags::COLUMNS, columns);
    item.short(tags::BITS_ALLOCATED, 8);
    item.short(tags::BITS_STORED, 8);
    item.short(tags::HIGH_BIT, 7);
    item.short(tags::PIXEL_REPRESENTATION, 0);
    item.bytes(tags::PIXEL_DATA, pixels.to_vec());
    draft.finish()
}
