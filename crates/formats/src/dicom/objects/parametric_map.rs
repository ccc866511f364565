//! Parametric Map Storage: a real number for each voxel, for heat maps and feature maps (PS3.3
//! Sections A.75 and C.8.32).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use wilhelm_study::{CodedConcept, Volume, VoxelQuantity};

use super::build::{Item, code_string};
use super::common::{Draft, Imprint, Written, common_instance_reference};
use super::frames::{Frame, check_frames, functional_groups};
use super::planes::{Placement, planes};
use super::reference::Reference;
use crate::FormatError;

/// What the numbers of a map are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapQuantity {
    /// The quantity, for example probability (DCM 122157).
    pub quantity: CodedConcept,
    /// Its unit, for example no units (UCUM 1).
    pub unit: CodedConcept,
    /// A short name for people.
    pub label: String,
    /// How the map came of the source images: a concept of Context Group 7203, for example diffusion
    /// image analysis (DCM 129105), or another.
    pub derivation: CodedConcept,
}

/// A volume as a parametric map of 32-bit floats with its Real World Value Mapping.
///
/// Every slice is a frame.
///
/// # Errors
/// [`FormatError::Voxels`] where the grid does not fit the source and `placement` asks for it,
/// [`FormatError::Malformed`] for values that are not finite, [`FormatError::TooLarge`] for more than
/// 65535 slices.
pub fn parametric_map<Q: VoxelQuantity>(
    volume: &Volume<Q>,
    quantity: &MapQuantity,
    placement: Placement,
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let values = volume.voxels();
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let message = format!("value {} at offset {at}, expected a finite number", values[at]);
        return Err(FormatError::malformed("parametric map", message));
    }
    let planes = planes(volume.geometry(), placement, reference)?;
    let frames: Vec<Frame> = (0..planes.places.len()).map(|place| Frame { place, segment: None }).collect();
    check_frames("parametric map", frames.len(), planes.plane() as u64 * 32)?;
    // The series shows derived values of the source's own modality.
    let modality = reference.modality.as_ref().map_or("OT", |modality| modality.term()).to_owned();
    let mut draft = Draft::new(uids::PARAMETRIC_MAP_STORAGE, &modality, reference, imprint)?;
    draft.frame_of_reference(reference);
    draft.content_date(imprint);
    draft.content_identification(imprint);
    let organization = imprint.stamp.uid(&format!("dimensions of {}", draft.sop_instance().as_str()));
    let item = &mut draft.item;
    common_instance_reference(item, reference);
    const IMAGE_TYPE: &str = "DERIVED\\PRIMARY\\VOLUME\\NONE";
    item.values(tags::IMAGE_TYPE, VR::CS, IMAGE_TYPE);
    item.sequence(tags::ACQUISITION_CONTEXT_SEQUENCE, []);
    item.text(tags::CONTENT_QUALIFICATION, VR::CS, "RESEARCH");
    item.text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO");
    item.text(tags::RECOGNIZABLE_VISUAL_FEATURES, VR::CS, "NO");
    item.text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    item.text(tags::PRESENTATION_LUT_SHAPE, VR::CS, "IDENTITY");
    item.short(tags::SAMPLES_PER_PIXEL, 1);
    item.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    item.short(tags::BITS_ALLOCATED, 32);
    let (low, high) = values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let mut frame_type = Item::new();
    frame_type.values(tags::FRAME_TYPE, VR::CS, IMAGE_TYPE);
    let mut transformation = Item::new();
    transformation.decimals(tags::RESCALE_INTERCEPT, &[0.0]);
    transformation.decimals(tags::RESCALE_SLOPE, &[1.0]);
    transformation.text(tags::RESCALE_TYPE, VR::LO, "US");
    let mut window = Item::new();
    let width = f64::from(high) - f64::from(low);
    window.decimals(tags::WINDOW_CENTER, &[f64::from(low) + width / 2.0]);
    window.decimals(tags::WINDOW_WIDTH, &[width.max(f64::from(f32::EPSILON))]);
    window.text(tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT");
    let shared = vec![
        (tags::PARAMETRIC_MAP_FRAME_TYPE_SEQUENCE, frame_type),
        (tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, transformation),
        (tags::FRAME_VOILUT_SEQUENCE, window),
        (tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE, mapping(quantity, low, high)),
    ];
    functional_groups(item, &organization, &planes, &frames, reference, &quantity.derivation, shared);
    let pixels = frames.iter().flat_map(|frame| planes.pixels(&planes.places[frame.place], values));
    item.float_pixels(tags::FLOAT_PIXEL_DATA, pixels.collect());
    draft.finish()
}

/// Stored numbers are the quantity itself: slope 1, intercept 0 (PS3.3 Section C.7.6.16.2.11).
fn mapping(quantity: &MapQuantity, low: f32, high: f32) -> Item {
    let mut item = Item::new();
    item.doubles(tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_FIRST_VALUE_MAPPED, &[f64::from(low)]);
    item.doubles(tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_LAST_VALUE_MAPPED, &[f64::from(high)]);
    item.doubles(tags::REAL_WORLD_VALUE_INTERCEPT, &[0.0]);
    item.doubles(tags::REAL_WORLD_VALUE_SLOPE, &[1.0]);
    item.text(tags::LUT_LABEL, VR::SH, &code_string(&quantity.label));
    item.text(tags::LUT_EXPLANATION, VR::LO, &quantity.label);
    item.code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, &quantity.unit);
    let mut definition = Item::new();
    definition.text(tags::VALUE_TYPE, VR::CS, "CODE");
    definition.code(tags::CONCEPT_NAME_CODE_SEQUENCE, &CodedConcept::new("SCT", "246205007", "Quantity"));
    definition.code(tags::CONCEPT_CODE_SEQUENCE, &quantity.quantity);
    item.single(tags::QUANTITY_DEFINITION_SEQUENCE, definition);
    item
}
