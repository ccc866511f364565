//! Multi-frame objects: functional groups and dimensions (PS3.3 Sections C.7.6.16 and C.7.6.17).

use std::collections::BTreeMap;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use wilhelm_study::CodedConcept;

use super::build::Item;
use super::common::{sop_reference, source_images};
use super::planes::{Place, Planes, thickness};
use super::reference::Reference;
use crate::FormatError;

/// More frames than a reader should meet in one object.
pub(super) const MOST_FRAMES: usize = 65_535;
/// The longest value of Explicit VR Little Endian, even.
const MOST_PIXEL_BYTES: u64 = 0xFFFF_FFFE;

/// One frame: its place by number, and the segment it shows where it shows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub place: usize,
    pub segment: Option<u16>,
}

/// Refuses an object without frames, with too many, or with more bytes than a value can have.
///
/// # Errors
/// [`FormatError::Malformed`], [`FormatError::TooLarge`].
pub(super) fn check_frames(what: &str, frames: usize, frame_bits: u64) -> Result<(), FormatError> {
    if frames == 0 {
        let message = "no voxel is in any segment, expected at least one: an object without frames is not \
                       allowed";
        return Err(FormatError::malformed(what, message));
    }
    if frames > MOST_FRAMES {
        return Err(FormatError::TooLarge {
            what: "number of frames",
            declared: frames as u64,
            limit: MOST_FRAMES as u64,
        });
    }
    let bytes = (frames as u64).saturating_mul(frame_bits).div_ceil(8);
    if bytes > MOST_PIXEL_BYTES {
        return Err(FormatError::TooLarge {
            what: "number of bytes of pixels",
            declared: bytes,
            limit: MOST_PIXEL_BYTES,
        });
    }
    Ok(())
}

/// Dimension Organization, Dimension Index, Shared and Per-Frame Functional Groups, Number of
/// Frames, Rows and Columns.
///
/// `shared` and `own` add an object's own groups: to all frames, and to each by its number.
pub(super) fn functional_groups(
    item: &mut Item,
    organization: &str,
    planes: &Planes,
    frames: &[Frame],
    reference: &Reference,
    derivation: &CodedConcept,
    shared: Vec<(Tag, Item)>,
) {
    item.integer(tags::NUMBER_OF_FRAMES, u32::try_from(frames.len()).unwrap_or(u32::MAX));
    item.short(tags::ROWS, planes.rows);
    item.short(tags::COLUMNS, planes.columns);
    if planes.places.iter().all(|place| place.source.is_none()) {
        source_images(item, reference.images());
    }
    let has_segments = frames.iter().any(|frame| frame.segment.is_some());
    dimensions(item, organization, has_segments);

    let mut groups = Item::new();
    let mut measures = Item::new();
    measures.decimals(tags::PIXEL_SPACING, &[planes.between_rows, planes.between_columns]);
    measures.decimals(tags::SPACING_BETWEEN_SLICES, &[planes.between_slices]);
    measures.decimals(tags::SLICE_THICKNESS, &[thickness(planes, reference)]);
    groups.single(tags::PIXEL_MEASURES_SEQUENCE, measures);
    let mut orientation = Item::new();
    orientation.decimals(tags::IMAGE_ORIENTATION_PATIENT, &planes.orientation);
    groups.single(tags::PLANE_ORIENTATION_SEQUENCE, orientation);
    shared.into_iter().for_each(|(tag, group)| groups.single(tag, group));
    item.single(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, groups);

    let ranks = ranks(frames);
    let per_frame = frames.iter().map(|frame| {
        let place = &planes.places[frame.place];
        let rank = ranks[&frame.place];
        let mut group = Item::new();
        let mut content = Item::new();
        match frame.segment {
            Some(segment) => content.longs(tags::DIMENSION_INDEX_VALUES, &[u32::from(segment), rank]),
            None => content.longs(tags::DIMENSION_INDEX_VALUES, &[rank]),
        }
        group.single(tags::FRAME_CONTENT_SEQUENCE, content);
        let mut position = Item::new();
        position.decimals(tags::IMAGE_POSITION_PATIENT, &place.position);
        group.single(tags::PLANE_POSITION_SEQUENCE, position);
        if let Some(segment) = frame.segment {
            let mut identification = Item::new();
            identification.short(tags::REFERENCED_SEGMENT_NUMBER, segment);
            group.single(tags::SEGMENT_IDENTIFICATION_SEQUENCE, identification);
        }
        if let Some(image) = derivation_image(place, reference, derivation) {
            group.single(tags::DERIVATION_IMAGE_SEQUENCE, image);
        }
        group
    });
    let per_frame: Vec<Item> = per_frame.collect();
    item.sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, per_frame);
}

/// The places that frames are at, numbered from 1 in their order, without gaps.
fn ranks(frames: &[Frame]) -> BTreeMap<usize, u32> {
    let mut ranks: BTreeMap<usize, u32> = frames.iter().map(|frame| (frame.place, 0)).collect();
    ranks.values_mut().zip(1..).for_each(|(rank, number)| *rank = number);
    ranks
}

fn derivation_image(place: &Place, reference: &Reference, derivation: &CodedConcept) -> Option<Item> {
    let image = &reference.images()[place.source?];
    let mut source = sop_reference(image);
    source.text(tags::SPATIAL_LOCATIONS_PRESERVED, VR::CS, "YES");
    let purpose = CodedConcept::new("DCM", "121322", "Source image for image processing operation");
    source.code(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &purpose);
    let mut item = Item::new();
    item.code(tags::DERIVATION_CODE_SEQUENCE, derivation);
    item.single(tags::SOURCE_IMAGE_SEQUENCE, source);
    Some(item)
}

/// Frames are told apart by segment, where there are segments, and by position.
fn dimensions(item: &mut Item, organization: &str, has_segments: bool) {
    let mut named = Item::new();
    named.uid(tags::DIMENSION_ORGANIZATION_UID, organization);
    item.single(tags::DIMENSION_ORGANIZATION_SEQUENCE, named);
    let by = |pointer: Tag, group: Tag, label: &str| {
        let mut index = Item::new();
        index.uid(tags::DIMENSION_ORGANIZATION_UID, organization);
        index.pointer(tags::DIMENSION_INDEX_POINTER, pointer);
        index.pointer(tags::FUNCTIONAL_GROUP_POINTER, group);
        index.text(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, label);
        index
    };
    let segment =
        by(tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment Number");
    let position = by(tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE, "Image Position Patient");
    let indices = if has_segments { vec![segment, position] } else { vec![position] };
    item.sequence(tags::DIMENSION_INDEX_SEQUENCE, indices);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_without_gaps_where_slices_are_left_out() {
        let frame = |place, segment| Frame { place, segment: Some(segment) };
        let found = ranks(&[frame(4, 1), frame(7, 1), frame(2, 2), frame(7, 2)]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(2, 1), (4, 2), (7, 3)]);
    }

    #[test]
    fn no_frame_too_many_frames_and_too_many_bytes_are_refused() {
        assert!(check_frames("segmentation", 0, 8).is_err());
        assert!(check_frames("segmentation", MOST_FRAMES, 8).is_ok());
        let refused = check_frames("segmentation", MOST_FRAMES + 1, 8).expect_err("too many");
        assert_eq!(refused.to_string(), "number of frames is 65536, the limit is 65535");
        assert!(check_frames("segmentation", 60_000, 512 * 512 * 8).is_err());
    }
}
