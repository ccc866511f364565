//! Segmentation Storage and Label Map Segmentation Storage (PS3.3 Sections A.51 and C.8.20).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;
use wilhelm_study::{
    Arbitrary, CodedConcept, Geometry, LabelMap, Mask, Segment, SegmentAlgorithm, SopInstanceUid, Volume,
    VoxelError,
};

use super::build::Item;
use super::common::{Draft, Imprint, Written, common_instance_reference};
use super::frames::{Frame, check_frames, functional_groups};
use super::planes::{Placement, Planes, planes};
use super::reference::Reference;
use crate::FormatError;

/// How a label map is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelCoding {
    /// Segmentation Storage, one bit a voxel and segment: what every reader knows. Segments are
    /// numbered 1, 2, 3 in the order of their labels, as the Standard wants.
    Binary,
    /// Label Map Segmentation Storage (Supplement 243), one number a voxel: far smaller where there
    /// are many segments, and labels stay as they are. Readers from before 2024 do not know it.
    LabelMap,
}

/// The largest number of a fractional segmentation, which stands for 1.
const MOST_FRACTION: u8 = 255;

/// How the pixels of a segmentation are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Binary,
    Fractional,
    LabelMap { bits: u16 },
}

/// A label map as a segmentation object.
///
/// Frames without a segment are left out. A segment without a voxel is described and has no frame.
///
/// # Errors
/// [`FormatError::Voxels`] where the map's grid does not fit the source and `placement` asks for it;
/// [`FormatError::Malformed`] for a map without any segment's voxel; [`FormatError::TooLarge`] for
/// more than 65535 frames.
///
/// # Examples
/// See [the module](crate::dicom::objects).
pub fn label_segmentation(
    map: &LabelMap,
    coding: LabelCoding,
    placement: Placement,
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let planes = planes(map.geometry(), placement, reference)?;
    let found = planes.judged(map.labels(), |labels| {
        let mut found = std::collections::BTreeSet::new();
        let mut last = 0;
        for label in labels {
            // Neighbors are mostly alike.
            if label != last {
                found.insert(label);
                last = label;
            }
        }
        found.remove(&0);
        found
    });
    match coding {
        LabelCoding::LabelMap => {
            let segments: Vec<(u16, &Segment)> = map.segments().iter().map(|(n, s)| (*n, s)).collect();
            let bits = if segments.iter().all(|(label, _)| *label <= 255) { 8 } else { 16 };
            let frames: Vec<Frame> = (0..found.len())
                .filter(|place| !found[*place].is_empty())
                .map(|place| Frame { place, segment: None })
                .collect();
            let coding = Coding::LabelMap { bits };
            let mut draft = draft(coding, &segments, &planes, &frames, reference, imprint, "NO")?;
            let gathered: Vec<u16> =
                frames.iter().flat_map(|f| planes.pixels(&planes.places[f.place], map.labels())).collect();
            if bits == 8 {
                // Every label was found to fit a byte.
                draft.item.bytes(tags::PIXEL_DATA, gathered.into_iter().map(|label| label as u8).collect());
            } else {
                draft.item.words(tags::PIXEL_DATA, gathered);
            }
            draft.finish()
        }
        LabelCoding::Binary => {
            let labels: Vec<u16> = map.segments().keys().copied().collect();
            let mut frames = Vec::new();
            let mut numbered = Vec::new();
            for ((label, segment), number) in map.segments().iter().zip(1_u16..) {
                numbered.push((number, segment));
                let at = (0..found.len()).filter(|place| found[*place].contains(label));
                frames.extend(at.map(|place| Frame { place, segment: Some(number) }));
            }
            let mut draft = draft(Coding::Binary, &numbered, &planes, &frames, reference, imprint, "NO")?;
            let bits = packed(&planes, &frames, |frame, write| {
                let label = labels[usize::from(frame.segment.unwrap_or(1)) - 1];
                let pixels = planes.pixels(&planes.places[frame.place], map.labels());
                pixels.enumerate().filter(|(_, found)| *found == label).for_each(|(i, _)| write(i));
            });
            draft.item.bytes(tags::PIXEL_DATA, bits);
            draft.finish()
        }
    }
}

/// Masks, which may overlap, as a binary segmentation object; segment `i + 1` is the mask at `i`.
///
/// # Errors
/// As [`label_segmentation`], and [`FormatError::Voxels`] for masks on several grids.
pub fn segmentation(
    masks: &[(Mask, Segment)],
    placement: Placement,
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let geometry = one_grid(masks.iter().map(|(mask, _)| mask.geometry()))?;
    let planes = planes(geometry, placement, reference)?;
    let mut frames = Vec::new();
    let mut numbered = Vec::new();
    for ((mask, segment), number) in masks.iter().zip(numbers(masks.len())?) {
        numbered.push((number, segment));
        let used = planes.judged(mask.voxels(), |mut pixels| Iterator::any(&mut pixels, |inside| inside));
        let at = used.into_iter().enumerate().filter(|(_, used)| *used);
        frames.extend(at.map(|(place, _)| Frame { place, segment: Some(number) }));
    }
    let overlap = if overlaps(masks) { "YES" } else { "NO" };
    let mut draft = draft(Coding::Binary, &numbered, &planes, &frames, reference, imprint, overlap)?;
    let bits = packed(&planes, &frames, |frame, write| {
        let (mask, _) = &masks[usize::from(frame.segment.unwrap_or(1)) - 1];
        let pixels = planes.pixels(&planes.places[frame.place], mask.voxels());
        pixels.enumerate().filter(|(_, inside)| *inside).for_each(|(i, _)| write(i));
    });
    draft.item.bytes(tags::PIXEL_DATA, bits);
    draft.finish()
}

/// Probabilities as a fractional segmentation object, in 255 steps; segment `i + 1` is the volume at `i`.
///
/// Frames whose probabilities all round to 0 are left out.
///
/// # Units
/// Voxels are probabilities, 0 to 1.
///
/// # Errors
/// As [`segmentation`], and [`FormatError::Malformed`] for a value outside 0 to 1 or not a number.
pub fn fractional_segmentation(
    probabilities: &[(Volume<Arbitrary>, Segment)],
    placement: Placement,
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let geometry = one_grid(probabilities.iter().map(|(volume, _)| volume.geometry()))?;
    for (volume, _) in probabilities {
        if let Some(at) = volume.voxels().par_iter().position_first(|value| !(0.0..=1.0).contains(value)) {
            let message = format!("value {} at offset {at}, expected 0 to 1", volume.voxels()[at]);
            return Err(FormatError::malformed("probability", message));
        }
    }
    let planes = planes(geometry, placement, reference)?;
    let step = |value: f32| (value * f32::from(MOST_FRACTION)).round() as u8;
    let mut frames = Vec::new();
    let mut numbered = Vec::new();
    for ((volume, segment), number) in probabilities.iter().zip(numbers(probabilities.len())?) {
        numbered.push((number, segment));
        let used =
            planes.judged(volume.voxels(), |mut pixels| Iterator::any(&mut pixels, |value| step(value) > 0));
        let at = used.into_iter().enumerate().filter(|(_, used)| *used);
        frames.extend(at.map(|(place, _)| Frame { place, segment: Some(number) }));
    }
    let mut draft = draft(Coding::Fractional, &numbered, &planes, &frames, reference, imprint, "UNDEFINED")?;
    let bytes = frames.iter().flat_map(|frame| {
        let (volume, _) = &probabilities[usize::from(frame.segment.unwrap_or(1)) - 1];
        planes.pixels(&planes.places[frame.place], volume.voxels()).map(step)
    });
    draft.item.bytes(tags::PIXEL_DATA, bytes.collect());
    draft.finish()
}

/// The grid that all share.
fn one_grid<'a>(mut grids: impl Iterator<Item = &'a Geometry>) -> Result<&'a Geometry, FormatError> {
    let first = grids.next().ok_or_else(|| {
        FormatError::malformed("segmentation", "no segment is given, expected at least one")
    })?;
    match grids.all(|grid| grid.is_same_grid(first)) {
        true => Ok(first),
        false => Err(FormatError::Voxels(VoxelError::Grid)),
    }
}

/// The numbers of segments: 1, 2, 3.
fn numbers(count: usize) -> Result<std::ops::RangeInclusive<u16>, FormatError> {
    u16::try_from(count).map(|last| 1..=last).map_err(|_| FormatError::TooLarge {
        what: "number of segments",
        declared: count as u64,
        limit: u64::from(u16::MAX),
    })
}

fn overlaps(masks: &[(Mask, Segment)]) -> bool {
    let Some((first, _)) = masks.first() else { return false };
    if masks.len() < 2 {
        return false;
    }
    (0..first.voxels().len())
        .into_par_iter()
        .with_min_len(1 << 16)
        .any(|voxel| masks.iter().filter(|(mask, _)| mask.voxels()[voxel]).nth(1).is_some())
}

/// One bit a pixel, frames without padding between them, the first pixel in the lowest bit (PS3.5
/// Section 8.1.1). `fill` gives the pixels of a frame that are set.
fn packed(planes: &Planes, frames: &[Frame], fill: impl Fn(&Frame, &mut dyn FnMut(usize)) + Sync) -> Vec<u8> {
    let plane = planes.plane();
    let mut bytes = vec![0_u8; (plane * frames.len()).div_ceil(8)];
    if plane.is_multiple_of(8) {
        bytes.par_chunks_exact_mut(plane / 8).zip(frames).for_each(|(bytes, frame)| {
            fill(frame, &mut |pixel| bytes[pixel / 8] |= 1 << (pixel % 8));
        });
    } else {
        for (number, frame) in frames.iter().enumerate() {
            fill(frame, &mut |pixel| {
                let bit = number * plane + pixel;
                bytes[bit / 8] |= 1 << (bit % 8);
            });
        }
    }
    bytes
}

/// All of a segmentation but its pixels.
fn draft(
    coding: Coding,
    segments: &[(u16, &Segment)],
    planes: &Planes,
    frames: &[Frame],
    reference: &Reference,
    imprint: &Imprint,
    overlap: &str,
) -> Result<Draft, FormatError> {
    let bits = match coding {
        Coding::Binary => 1,
        Coding::Fractional => 8,
        Coding::LabelMap { bits } => bits,
    };
    check_frames("segmentation", frames.len(), planes.plane() as u64 * u64::from(bits))?;
    let sop_class = match coding {
        Coding::LabelMap { .. } => uids::LABEL_MAP_SEGMENTATION_STORAGE,
        _ => uids::SEGMENTATION_STORAGE,
    };
    let mut draft = Draft::new(sop_class, "SEG", reference, imprint)?;
    draft.frame_of_reference(reference);
    draft.content_date(imprint);
    draft.content_identification(imprint);
    let organization = imprint.stamp.uid(&format!("dimensions of {}", draft.sop_instance().as_str()));
    let item = &mut draft.item;
    common_instance_reference(item, reference);
    item.values(tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY");
    item.short(tags::SAMPLES_PER_PIXEL, 1);
    item.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    item.short(tags::BITS_ALLOCATED, bits);
    item.short(tags::BITS_STORED, bits);
    item.short(tags::HIGH_BIT, bits - 1);
    item.short(tags::PIXEL_REPRESENTATION, 0);
    item.text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    item.text(tags::SEGMENTS_OVERLAP, VR::CS, overlap);
    match coding {
        Coding::Binary => item.text(tags::SEGMENTATION_TYPE, VR::CS, "BINARY"),
        Coding::Fractional => {
            item.text(tags::SEGMENTATION_TYPE, VR::CS, "FRACTIONAL");
            item.text(tags::SEGMENTATION_FRACTIONAL_TYPE, VR::CS, "PROBABILITY");
            item.short(tags::MAXIMUM_FRACTIONAL_VALUE, u16::from(MOST_FRACTION));
        }
        Coding::LabelMap { .. } => {
            item.text(tags::SEGMENTATION_TYPE, VR::CS, "LABELMAP");
            // What is in no segment.
            item.short(tags::PIXEL_PADDING_VALUE, 0);
        }
    }
    let described: Result<Vec<Item>, FormatError> =
        segments.iter().map(|(number, segment)| segment_item(*number, segment, imprint)).collect();
    item.sequence(tags::SEGMENT_SEQUENCE, described?);
    let derivation = CodedConcept::new("DCM", "113076", "Segmentation");
    functional_groups(item, &organization, planes, frames, reference, &derivation, Vec::new());
    Ok(draft)
}

/// An item of the Segment Sequence (PS3.3 Section C.8.20.2).
fn segment_item(number: u16, segment: &Segment, imprint: &Imprint) -> Result<Item, FormatError> {
    let mut item = Item::new();
    item.short(tags::SEGMENT_NUMBER, number);
    let name =
        if segment.name.trim().is_empty() { format!("segment {number}") } else { segment.name.clone() };
    item.text(tags::SEGMENT_LABEL, VR::LO, &name);
    item.code(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, &segment.category);
    item.code(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, &segment.property);
    let (kind, named) = match segment.algorithm {
        SegmentAlgorithm::Automatic => ("AUTOMATIC", true),
        SegmentAlgorithm::Semiautomatic => ("SEMIAUTOMATIC", true),
        SegmentAlgorithm::Manual => ("MANUAL", false),
    };
    item.text(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, kind);
    if named {
        let equipment = &imprint.equipment;
        let program = format!("{} {}", equipment.model_name, equipment.software_version);
        let blank = segment.algorithm_name.trim().is_empty();
        let name = if blank { &program } else { &segment.algorithm_name };
        item.text(tags::SEGMENT_ALGORITHM_NAME, VR::LO, name);
    }
    item.shorts(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &display_color(number));
    // Each of the two requires the other.
    if segment.tracking_id.is_some() || segment.tracking_uid.is_some() {
        let id = segment.tracking_id.as_deref().filter(|id| !id.trim().is_empty()).unwrap_or(&name);
        let uid = segment.tracking_uid.clone();
        let uid = uid.unwrap_or_else(|| imprint.stamp.uid(&format!("tracking {id}")));
        let uid = SopInstanceUid::new(&uid).map_err(|_| {
            FormatError::malformed(
                format!("tracking UID of segment {number}"),
                "not a UID of 1 to 64 digits and dots",
            )
        })?;
        item.text(tags::TRACKING_ID, VR::UT, id);
        item.uid(tags::TRACKING_UID, uid.as_str());
    }
    Ok(item)
}

/// A color for a segment, far from those of its neighbors: hues a golden angle apart, as 16-bit
/// CIELab (PS3.3 Section C.10.7.1.1).
fn display_color(number: u16) -> [u16; 3] {
    const GOLDEN_ANGLE_DEGREES: f64 = 137.507_764;
    let hue = (f64::from(number) * GOLDEN_ANGLE_DEGREES).to_radians();
    let (lightness, chroma) = (if number.is_multiple_of(2) { 55.0 } else { 70.0 }, 50.0);
    let scaled = |share: f64| (share * 65_535.0).round() as u16;
    [
        scaled(lightness / 100.0),
        scaled((chroma * hue.cos() + 128.0) / 255.0),
        scaled((chroma * hue.sin() + 128.0) / 255.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colors_of_neighbors_differ() {
        let colors: std::collections::BTreeSet<[u16; 3]> = (1..200).map(display_color).collect();
        assert_eq!(colors.len(), 199);
        // Worked on paper: number 0 has hue 0, a* 50, b* 0, L* 55.
        assert_eq!(display_color(0), [36_044, 45_746, 32_896]);
    }
}
