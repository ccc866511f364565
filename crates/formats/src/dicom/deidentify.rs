//! Objects without what identifies the patient: what a list names stays, everything else goes.
//!
//! The list is of attributes that describe pixels, geometry and acquisition by numbers and terms. It is stricter than the Basic
//! Application Level Confidentiality Profile, which names what goes and leaves the rest (PS3.15 Annex E): no date, no time,
//! no free text and no private attribute is on it. Pixels are not looked into: an object whose kind, or whose own word, says
//! that words may be burned into them is refused. Faces that can be computed from a head's slices stay.

use std::io::Cursor;

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

/// What takes the place of what identifies.
pub struct Pseudonyms<'a> {
    /// Of the patient: the new name and number, 1 to 16 letters, digits and hyphens.
    pub patient: &'a str,
    /// The new identifier for an identifier; the same one for the same, so that objects keep to each other.
    pub uid: &'a dyn Fn(&str) -> String,
}

/// Why an object is not given without its patient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeidentifyError {
    /// Words may be burned into its pixels, or its content is words.
    #[error("an object of its kind may show the patient in its pixels or its text: {0}")]
    MayShowPatient(&'static str),
    /// It cannot be read, or written again.
    #[error("the object cannot be read: {0}")]
    Unreadable(&'static str),
}

/// Identifiers that are given anew.
const MAPPED: [Tag; 6] = [
    tags::SOP_INSTANCE_UID,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::FRAME_OF_REFERENCE_UID,
    tags::DIMENSION_ORGANIZATION_UID,
    tags::SYNCHRONIZATION_FRAME_OF_REFERENCE_UID,
];

/// Attributes that stay as they are, sequences with those of their items that are on the list.
const KEPT: &[Tag] = &[
    tags::SOP_CLASS_UID,
    tags::IMAGE_TYPE,
    tags::MODALITY,
    tags::PRESENTATION_INTENT_TYPE,
    tags::BURNED_IN_ANNOTATION,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
    // What was examined, and how it lay.
    tags::BODY_PART_EXAMINED,
    tags::LATERALITY,
    tags::IMAGE_LATERALITY,
    tags::FRAME_LATERALITY,
    tags::VIEW_POSITION,
    tags::PATIENT_POSITION,
    tags::PATIENT_ORIENTATION,
    tags::SERIES_NUMBER,
    tags::INSTANCE_NUMBER,
    tags::ACQUISITION_NUMBER,
    tags::IMAGES_IN_ACQUISITION,
    tags::TEMPORAL_POSITION_IDENTIFIER,
    tags::NUMBER_OF_TEMPORAL_POSITIONS,
    // Where.
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::SLICE_LOCATION,
    tags::SLICE_THICKNESS,
    tags::SPACING_BETWEEN_SLICES,
    tags::PIXEL_SPACING,
    tags::IMAGER_PIXEL_SPACING,
    tags::NOMINAL_SCANNED_PIXEL_SPACING,
    tags::PIXEL_ASPECT_RATIO,
    tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR,
    // How.
    tags::KVP,
    tags::EXPOSURE,
    tags::EXPOSURE_TIME,
    tags::X_RAY_TUBE_CURRENT,
    tags::DATA_COLLECTION_DIAMETER,
    tags::RECONSTRUCTION_DIAMETER,
    tags::DISTANCE_SOURCE_TO_DETECTOR,
    tags::DISTANCE_SOURCE_TO_PATIENT,
    tags::GANTRY_DETECTOR_TILT,
    tags::TABLE_HEIGHT,
    tags::SPIRAL_PITCH_FACTOR,
    tags::SCANNING_SEQUENCE,
    tags::SEQUENCE_VARIANT,
    tags::SCAN_OPTIONS,
    tags::MR_ACQUISITION_TYPE,
    tags::REPETITION_TIME,
    tags::ECHO_TIME,
    tags::INVERSION_TIME,
    tags::ECHO_NUMBERS,
    tags::ECHO_TRAIN_LENGTH,
    tags::NUMBER_OF_AVERAGES,
    tags::IMAGING_FREQUENCY,
    tags::IMAGED_NUCLEUS,
    tags::MAGNETIC_FIELD_STRENGTH,
    tags::PERCENT_SAMPLING,
    tags::PERCENT_PHASE_FIELD_OF_VIEW,
    tags::PIXEL_BANDWIDTH,
    tags::ACQUISITION_MATRIX,
    tags::IN_PLANE_PHASE_ENCODING_DIRECTION,
    tags::FLIP_ANGLE,
    tags::SAR,
    tags::UNITS,
    tags::COUNTS_SOURCE,
    tags::DECAY_CORRECTION,
    tags::DECAY_FACTOR,
    tags::SERIES_TYPE,
    tags::NUMBER_OF_SLICES,
    tags::NUMBER_OF_TIME_SLICES,
    tags::FRAME_TIME,
    tags::FRAME_TIME_VECTOR,
    tags::FRAME_INCREMENT_POINTER,
    // Pixels.
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::PLANAR_CONFIGURATION,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::SMALLEST_IMAGE_PIXEL_VALUE,
    tags::LARGEST_IMAGE_PIXEL_VALUE,
    tags::PIXEL_PADDING_VALUE,
    tags::PIXEL_PADDING_RANGE_LIMIT,
    tags::PIXEL_INTENSITY_RELATIONSHIP,
    tags::PIXEL_INTENSITY_RELATIONSHIP_SIGN,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::VOILUT_FUNCTION,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::RESCALE_TYPE,
    tags::PRESENTATION_LUT_SHAPE,
    tags::MODALITY_LUT_SEQUENCE,
    tags::MODALITY_LUT_TYPE,
    tags::VOILUT_SEQUENCE,
    tags::LUT_DESCRIPTOR,
    tags::LUT_DATA,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::PIXEL_DATA,
    // Frames of enhanced objects.
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::FRAME_VOILUT_SEQUENCE,
    tags::FRAME_CONTENT_SEQUENCE,
    tags::FRAME_ANATOMY_SEQUENCE,
    tags::STACK_ID,
    tags::IN_STACK_POSITION_NUMBER,
    tags::TEMPORAL_POSITION_INDEX,
    tags::DIMENSION_INDEX_VALUES,
    tags::DIMENSION_INDEX_SEQUENCE,
    tags::DIMENSION_INDEX_POINTER,
    tags::FUNCTIONAL_GROUP_POINTER,
    tags::DIMENSION_ORGANIZATION_SEQUENCE,
    tags::DIMENSION_ORGANIZATION_TYPE,
];

/// Attributes that objects have to have, without a value.
const EMPTIED: [(Tag, VR); 7] = [
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::PATIENT_SEX, VR::CS),
    (tags::STUDY_DATE, VR::DA),
    (tags::STUDY_TIME, VR::TM),
    (tags::ACCESSION_NUMBER, VR::SH),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
    (tags::STUDY_ID, VR::SH),
];

/// Kinds of images whose scanners burn no words into the pixels, as a rule.
const CLASSES: [&str; 14] = [
    uids::CT_IMAGE_STORAGE,
    uids::ENHANCED_CT_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
    uids::MR_IMAGE_STORAGE,
    uids::ENHANCED_MR_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE,
    uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE,
    uids::ENHANCED_PET_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_PET_IMAGE_STORAGE,
    uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
];

const WRITTEN: DeidentifyError = DeidentifyError::Unreadable("it cannot be written again");

/// How deep sequences are followed.
const DEPTH: usize = 8;

/// Why an object of a class, with its Burned In Annotation and Image Type as they are said, may show the patient beyond its
/// header; `None` where it may not.
pub fn may_show_patient(sop_class: &str, burned_in: &str, image_type: &str) -> Option<&'static str> {
    if !CLASSES.contains(&sop_class.trim_end_matches(['\0', ' '])) {
        return Some("only CT, MR, PET and X-ray images are de-identified");
    }
    if burned_in.trim().eq_ignore_ascii_case("YES") {
        return Some("it says that words are burned into its pixels");
    }
    // Screens that a scanner saves among its images: the dose page of a CT.
    let is_screen = |part: &str| matches!(part.trim(), "SCREEN SAVE" | "SECONDARY" | "DOSE_INFO");
    if image_type.split('\\').any(is_screen) {
        return Some("it is a picture of a screen, or derived from one");
    }
    None
}

/// Whether an attribute says nothing of whose images they are; identifiers of study, series and object are not looked at.
pub fn is_without_patient(tag: Tag) -> bool {
    KEPT.contains(&tag)
}

/// An object without what identifies the patient, in its own transfer syntax, its pixels byte for byte.
///
/// # Errors
/// [`DeidentifyError`].
pub fn deidentify(bytes: &[u8], pseudonyms: &Pseudonyms<'_>) -> Result<Vec<u8>, DeidentifyError> {
    let file = dicom_object::from_reader(Cursor::new(bytes))
        .map_err(|_| DeidentifyError::Unreadable("it is no DICOM file"))?;
    let syntax = file.meta().transfer_syntax.trim_end_matches(['\0', ' ']).to_owned();
    let object = file.into_inner();
    let text = |tag| {
        let found = object.element(tag).ok().and_then(|element| element.to_str().ok());
        found.map(|text| text.trim_end_matches(['\0', ' ']).to_owned()).unwrap_or_default()
    };
    let said = (text(tags::SOP_CLASS_UID), text(tags::BURNED_IN_ANNOTATION), text(tags::IMAGE_TYPE));
    if let Some(why) = may_show_patient(&said.0, &said.1, &said.2) {
        return Err(DeidentifyError::MayShowPatient(why));
    }
    for (tag, what) in [
        (tags::SOP_INSTANCE_UID, "it has no SOP Instance UID"),
        (tags::STUDY_INSTANCE_UID, "it has no Study Instance UID"),
        (tags::SERIES_INSTANCE_UID, "it has no Series Instance UID"),
    ] {
        if text(tag).is_empty() {
            return Err(DeidentifyError::Unreadable(what));
        }
    }
    let mut left = kept(&object, pseudonyms, 0);
    let mut put = |tag, vr, value: &str| {
        left.put(DataElement::new(tag, vr, value));
    };
    put(tags::PATIENT_NAME, VR::PN, pseudonyms.patient);
    put(tags::PATIENT_ID, VR::LO, pseudonyms.patient);
    put(tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES");
    let method = concat!("Wilhelm ", env!("CARGO_PKG_VERSION"), ": only listed attributes kept");
    put(tags::DEIDENTIFICATION_METHOD, VR::LO, method);
    put(tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, VR::CS, "REMOVED");
    for (tag, vr) in EMPTIED {
        left.put(DataElement::empty(tag, vr));
    }
    let meta = FileMetaTableBuilder::new().transfer_syntax(syntax);
    let file = left.with_meta(meta).map_err(|_| WRITTEN)?;
    let mut out = Vec::with_capacity(bytes.len());
    file.write_all(&mut out).map_err(|_| WRITTEN)?;
    Ok(out)
}

/// The listed attributes of a data set, and of the items of its listed sequences.
fn kept(object: &InMemDicomObject, pseudonyms: &Pseudonyms<'_>, depth: usize) -> InMemDicomObject {
    let mut left = InMemDicomObject::new_empty();
    for element in object {
        let tag = element.header().tag;
        if MAPPED.contains(&tag) {
            let uid = element.to_str().unwrap_or_default();
            let uid = uid.trim_end_matches(['\0', ' ']);
            if !uid.is_empty() {
                left.put(DataElement::new(tag, VR::UI, (pseudonyms.uid)(uid)));
            }
        } else if is_without_patient(tag) {
            match element.items() {
                Some(items) if depth < DEPTH => {
                    let items: Vec<InMemDicomObject> =
                        items.iter().map(|item| kept(item, pseudonyms, depth + 1)).collect();
                    left.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
                }
                Some(_) => {}
                None => {
                    left.put(element.clone());
                }
            }
        }
    }
    left
}

#[cfg(test)]
mod tests;
