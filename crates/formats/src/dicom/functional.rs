//! The functional groups of enhanced multi-frame images: each frame's place and calibration.
//!
//! Source: PS3.3 Section C.7.6.16.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::element::DataSet;
use super::header::{self, Plane, VARYING};
use super::instance::FrameFacts;

/// Whether a data set describes its frames by functional groups.
pub(crate) fn is_enhanced(data_set: &DataSet<'_>) -> bool {
    data_set.find(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).is_some()
}

/// The facts of each frame: the frame's own group before the shared one before the data set.
///
/// Fewer than `count` where the file describes fewer.
pub(crate) fn frames(data_set: &DataSet<'_>, own: &FrameFacts, count: usize) -> Vec<FrameFacts> {
    let shared = data_set.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    data_set
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
        .iter()
        .take(count)
        .map(|frame| facts(frame, shared.as_ref(), own))
        .collect()
}

fn facts(frame: &DataSet<'_>, shared: Option<&DataSet<'_>>, own: &FrameFacts) -> FrameFacts {
    let group = |tag: Tag| frame.item(tag).or_else(|| shared.and_then(|shared| shared.item(tag)));
    let position = group(tags::PLANE_POSITION_SEQUENCE).map(|group| header::plane(&group));
    let orientation = group(tags::PLANE_ORIENTATION_SEQUENCE).map(|group| header::plane(&group));
    let measures = group(tags::PIXEL_MEASURES_SEQUENCE).map(|group| header::plane(&group));
    let plane = Plane {
        position: position.and_then(|plane| plane.position).or(own.plane.position),
        orientation: orientation.and_then(|plane| plane.orientation).or(own.plane.orientation),
        spacing: measures.as_ref().and_then(|plane| plane.spacing).or(own.plane.spacing),
        thickness: measures.and_then(|plane| plane.thickness).or(own.plane.thickness),
    };
    let (rescale, rescale_type) = match group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE) {
        Some(group) => header::rescale(&group),
        None => (own.rescale, own.rescale_type.clone()),
    };
    let window = group(tags::FRAME_VOILUT_SEQUENCE).and_then(|group| header::window(&group)).or(own.window);
    FrameFacts { plane, rescale, rescale_type, window, varying: varying(&group, own) }
}

/// What can differ between frames at one position, in the order of [`VARYING`].
fn varying<'a>(
    group: &impl Fn(Tag) -> Option<DataSet<'a>>,
    own: &FrameFacts,
) -> [Option<String>; VARYING.len()] {
    let doubles = |sequence, tag| {
        let numbers = group(sequence)?.doubles(tag);
        (!numbers.is_empty()).then(|| format!("{numbers:?}"))
    };
    let content = group(tags::FRAME_CONTENT_SEQUENCE);
    let content = content.as_ref();
    let number = |tag| content.and_then(|content| content.unsigned(tag)).map(|number| number.to_string());
    let image_type = [tags::MR_IMAGE_FRAME_TYPE_SEQUENCE, tags::CT_IMAGE_FRAME_TYPE_SEQUENCE]
        .into_iter()
        .find_map(|sequence| group(sequence)?.text(tags::FRAME_TYPE));
    let direction = group(tags::MR_DIFFUSION_SEQUENCE)
        .and_then(|diffusion| diffusion.item(tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE))
        .map(|direction| format!("{:?}", direction.doubles(tags::DIFFUSION_GRADIENT_ORIENTATION)));
    [
        doubles(tags::MR_ECHO_SEQUENCE, tags::EFFECTIVE_ECHO_TIME).or_else(|| own.varying[0].clone()),
        doubles(tags::MR_DIFFUSION_SEQUENCE, tags::DIFFUSION_B_VALUE),
        direction,
        number(tags::TEMPORAL_POSITION_INDEX),
        image_type,
        doubles(tags::CARDIAC_SYNCHRONIZATION_SEQUENCE, tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME),
        content.and_then(|content| content.text(tags::STACK_ID)),
        number(tags::FRAME_ACQUISITION_NUMBER),
        None,
    ]
}
