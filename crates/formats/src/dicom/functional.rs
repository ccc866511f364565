//! The functional groups of enhanced multi-frame images: each frame's place and calibration.
//!
//! Source: PS3.3 Section C.7.6.16.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::element::DataSet;
use super::header::{self, Plane, Rescale, VARYING};
use super::instance::FrameFacts;

/// Whether a data set describes its frames by functional groups.
pub(crate) fn is_enhanced(data_set: &DataSet<'_>) -> bool {
    data_set.find(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).is_some()
}

/// More frames than any real object describes.
pub(crate) const MOST_FRAMES: usize = 1 << 20;

/// The facts of each frame: the frame's own group before the shared one before the data set.
///
/// Fewer than `count` where the file describes fewer.
pub(crate) fn frames(data_set: &DataSet<'_>, own: &FrameFacts, count: usize) -> Vec<FrameFacts> {
    // Read once: a hostile file has many frames and much to share.
    let shared = data_set.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let shared = shared.as_ref().map(Groups::read).unwrap_or_default();
    data_set
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
        .iter()
        .take(count.min(MOST_FRAMES))
        .map(|frame| Groups::read(frame).facts(&shared, own))
        .collect()
}

/// What the groups of one item say; the outer option says whether the group is there.
#[derive(Default)]
struct Groups {
    position: Option<Option<[f64; 3]>>,
    orientation: Option<Option<[f64; 6]>>,
    measures: Option<Measures>,
    rescale: Option<(Option<Rescale>, Option<String>)>,
    window: Option<Option<(f64, f64)>>,
    /// Of MR, then of CT.
    frame_types: [Option<Option<String>>; 2],
    /// In the order of [`VARYING`], without the frame type.
    varying: [Option<Option<String>>; VARYING.len()],
}

#[derive(Clone, Copy)]
struct Measures {
    spacing: Option<[f64; 2]>,
    thickness: Option<f64>,
}

/// Where the frame type stands in [`VARYING`].
const IMAGE_TYPE: usize = 4;

impl Groups {
    fn read(item: &DataSet<'_>) -> Self {
        let group = |tag: Tag| item.item(tag);
        let doubles = |sequence: Option<&DataSet<'_>>, tag| {
            let numbers = sequence?.doubles(tag);
            Some((!numbers.is_empty()).then(|| header::short(format!("{numbers:?}"))))
        };
        let content = group(tags::FRAME_CONTENT_SEQUENCE);
        let number = |tag| Some(content.as_ref()?.unsigned(tag).map(|number| number.to_string()));
        let diffusion = group(tags::MR_DIFFUSION_SEQUENCE);
        let direction = diffusion.as_ref().map(|diffusion| {
            let direction = diffusion.item(tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE)?;
            let numbers = direction.doubles(tags::DIFFUSION_GRADIENT_ORIENTATION);
            Some(header::short(format!("{numbers:?}")))
        });
        let frame_type = |tag| group(tag).map(|group| group.text(tags::FRAME_TYPE).map(header::short));
        Self {
            position: group(tags::PLANE_POSITION_SEQUENCE).map(|group| header::plane(&group).position),
            orientation: group(tags::PLANE_ORIENTATION_SEQUENCE)
                .map(|group| header::plane(&group).orientation),
            measures: group(tags::PIXEL_MEASURES_SEQUENCE).map(|group| {
                let Plane { spacing, thickness, .. } = header::plane(&group);
                Measures { spacing, thickness }
            }),
            rescale: group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE).map(|group| header::rescale(&group)),
            window: group(tags::FRAME_VOILUT_SEQUENCE).map(|group| header::window(&group)),
            frame_types: [
                frame_type(tags::MR_IMAGE_FRAME_TYPE_SEQUENCE),
                frame_type(tags::CT_IMAGE_FRAME_TYPE_SEQUENCE),
            ],
            varying: [
                doubles(group(tags::MR_ECHO_SEQUENCE).as_ref(), tags::EFFECTIVE_ECHO_TIME),
                doubles(diffusion.as_ref(), tags::DIFFUSION_B_VALUE),
                direction,
                number(tags::TEMPORAL_POSITION_INDEX),
                None,
                doubles(
                    group(tags::CARDIAC_SYNCHRONIZATION_SEQUENCE).as_ref(),
                    tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME,
                ),
                content.as_ref().map(|content| content.text(tags::STACK_ID).map(header::short)),
                number(tags::FRAME_ACQUISITION_NUMBER),
                None,
            ],
        }
    }

    /// The facts of a frame that has these groups.
    fn facts(self, shared: &Self, own: &FrameFacts) -> FrameFacts {
        let measures = self.measures.or(shared.measures);
        let plane = Plane {
            position: self.position.or(shared.position).flatten().or(own.plane.position),
            orientation: self.orientation.or(shared.orientation).flatten().or(own.plane.orientation),
            spacing: measures.and_then(|measures| measures.spacing).or(own.plane.spacing),
            thickness: measures.and_then(|measures| measures.thickness).or(own.plane.thickness),
        };
        let (rescale, rescale_type) = self
            .rescale
            .or_else(|| shared.rescale.clone())
            .unwrap_or_else(|| (own.rescale, own.rescale_type.clone()));
        let window = self.window.or(shared.window).flatten().or(own.window);
        let mut inherited = shared.varying.iter();
        let mut varying = self.varying.map(|stated| {
            let shared = inherited.next();
            stated.or_else(|| shared.cloned().flatten()).flatten()
        });
        varying[0] = varying[0].take().or_else(|| own.varying[0].clone());
        let [mr, ct] = self.frame_types;
        let [shared_mr, shared_ct] = &shared.frame_types;
        varying[IMAGE_TYPE] =
            mr.or_else(|| shared_mr.clone()).flatten().or_else(|| ct.or_else(|| shared_ct.clone()).flatten());
        FrameFacts { plane, rescale, rescale_type, window, varying }
    }
}
