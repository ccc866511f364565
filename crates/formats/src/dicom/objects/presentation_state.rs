//! Grayscale Softcopy Presentation State: how images are to be shown, with marks on them (PS3.3
//! Section A.33.1).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

use super::build::Item;
use super::common::{Draft, Imprint, Written, instances, sop_reference};
use super::reference::{Reference, SourceImage};
use crate::FormatError;
use crate::dicom::header::Rescale;

/// A mark on an image, in pixels; (0, 0) is the upper left corner of the first pixel, (1, 1) its lower
/// right one.
///
/// # Source
/// Graphic Annotation Units, PS3.3 Section C.10.5.1.1
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A box by its upper left and lower right corner.
    Box {
        /// Column and row of the upper left corner.
        from: [f32; 2],
        /// Column and row of the lower right corner.
        to: [f32; 2],
    },
    /// An upright ellipse by its center and half axes.
    Ellipse {
        /// Column and row of the center.
        center: [f32; 2],
        /// Half axes along columns and rows, each above 0.
        radius: [f32; 2],
    },
    /// Words beside a point.
    Text {
        /// Column and row of the point.
        at: [f32; 2],
        /// What to say; no patient's value.
        words: String,
    },
}

/// How images are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Presentation {
    /// Window center and width, in the images' calibrated unit; the width is at least 1.
    pub window: Option<(f64, f64)>,
    /// Marks with the number of their image in [`Reference::images`].
    pub marks: Vec<(usize, Mark)>,
}

/// A presentation state for some of the source images, by their numbers in [`Reference::images`].
///
/// # Errors
/// [`FormatError::Malformed`] where no image is named, a number is beyond the last, an image is marked
/// that is not shown, a mark or window is not finite, or the images are calibrated in several ways.
pub fn presentation_state(
    presentation: &Presentation,
    images: &[usize],
    reference: &Reference,
    imprint: &Imprint,
) -> Result<Written, FormatError> {
    let refused = |message: &str| FormatError::malformed("presentation state", message.to_owned());
    let shown = reference.selected(images, "presentation state")?;
    let first = shown[0];
    if shown.iter().any(|image| image.rescale != first.rescale) {
        return Err(refused("images of several rescale slopes or intercepts, expected one for all"));
    }
    if let Some((center, width)) = presentation.window
        && !(center.is_finite() && width.is_finite() && width >= 1.0)
    {
        return Err(refused("a window that is not finite or narrower than 1"));
    }
    let mut draft =
        Draft::new(uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE, "PR", reference, imprint)?;
    draft.content_identification(imprint);
    let item = &mut draft.item;
    item.text(tags::PRESENTATION_CREATION_DATE, VR::DA, imprint.stamp.date());
    item.text(tags::PRESENTATION_CREATION_TIME, VR::TM, imprint.stamp.time());
    let mut series = Item::new();
    series.uid(tags::SERIES_INSTANCE_UID, reference.series().as_str());
    series.sequence(tags::REFERENCED_IMAGE_SEQUENCE, references(&shown));
    item.single(tags::REFERENCED_SERIES_SEQUENCE, series);
    // The window is in calibrated units only where the state carries the calibration.
    if let Some(Rescale { slope, intercept }) = first.rescale {
        item.decimals(tags::RESCALE_INTERCEPT, &[intercept]);
        item.decimals(tags::RESCALE_SLOPE, &[slope]);
        item.text(tags::RESCALE_TYPE, VR::LO, first.rescale_type.as_deref().unwrap_or(unit(reference)));
    }
    item.single(tags::DISPLAYED_AREA_SELECTION_SEQUENCE, displayed_area(first));
    if let Some((center, width)) = presentation.window {
        let mut window = Item::new();
        window.decimals(tags::WINDOW_CENTER, &[center]);
        window.decimals(tags::WINDOW_WIDTH, &[width]);
        item.single(tags::SOFTCOPY_VOILUT_SEQUENCE, window);
    }
    item.text(tags::PRESENTATION_LUT_SHAPE, VR::CS, "IDENTITY");
    if !presentation.marks.is_empty() {
        annotations(item, presentation, images, reference)?;
    }
    draft.finish()
}

/// The unit of calibrated values that a header leaves unsaid: CT has Hounsfield units.
fn unit(reference: &Reference) -> &'static str {
    if reference.modality == Some(wilhelm_study::Modality::Ct) { "HU" } else { "US" }
}

/// Each file once, with its frames where it has several.
fn references(shown: &[&SourceImage]) -> Vec<Item> {
    if shown.iter().all(|image| image.frame.is_none()) {
        return instances(shown.iter().copied());
    }
    shown.iter().map(|image| sop_reference(image)).collect()
}

fn displayed_area(image: &SourceImage) -> Item {
    let mut area = Item::new();
    area.signed_longs(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, &[1, 1]);
    let corner = [i32::from(image.columns), i32::from(image.rows)];
    area.signed_longs(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, &corner);
    area.text(tags::PRESENTATION_SIZE_MODE, VR::CS, "SCALE TO FIT");
    match image.plane.spacing {
        Some([rows, columns]) => area.decimals(tags::PRESENTATION_PIXEL_SPACING, &[rows, columns]),
        None => area.values(tags::PRESENTATION_PIXEL_ASPECT_RATIO, VR::IS, "1\\1"),
    }
    area
}

/// Graphic Annotation and Graphic Layer Modules.
fn annotations(
    item: &mut Item,
    presentation: &Presentation,
    images: &[usize],
    reference: &Reference,
) -> Result<(), FormatError> {
    const LAYER: &str = "RESULTS";
    let mut annotations = Vec::new();
    for (number, mark) in &presentation.marks {
        if !images.contains(number) {
            let message = format!("a mark on source image {number}, which is not shown");
            return Err(FormatError::malformed("presentation state", message));
        }
        let mut annotation = Item::new();
        annotation.single(tags::REFERENCED_IMAGE_SEQUENCE, sop_reference(&reference.images()[*number]));
        annotation.text(tags::GRAPHIC_LAYER, VR::CS, LAYER);
        draw(&mut annotation, mark)?;
        annotations.push(annotation);
    }
    item.sequence(tags::GRAPHIC_ANNOTATION_SEQUENCE, annotations);
    let mut layer = Item::new();
    layer.text(tags::GRAPHIC_LAYER, VR::CS, LAYER);
    layer.integer(tags::GRAPHIC_LAYER_ORDER, 1);
    layer.text(tags::GRAPHIC_LAYER_DESCRIPTION, VR::LO, super::common::RESEARCH_USE);
    item.single(tags::GRAPHIC_LAYER_SEQUENCE, layer);
    Ok(())
}

fn draw(annotation: &mut Item, mark: &Mark) -> Result<(), FormatError> {
    let mut graphic = Item::new();
    let points: Vec<[f32; 2]> = match mark {
        Mark::Box { from: [left, top], to: [right, bottom] } => {
            vec![[*left, *top], [*right, *top], [*right, *bottom], [*left, *bottom], [*left, *top]]
        }
        Mark::Ellipse { center: [column, row], radius: [along, down] } => {
            if !(*along > 0.0 && *down > 0.0) {
                return Err(FormatError::malformed("ellipse", "a half axis is not above 0"));
            }
            let (column, row) = (*column, *row);
            let across = [[column - along, row], [column + along, row]];
            let upright = [[column, row - down], [column, row + down]];
            // The longer axis comes first.
            let [first, second] = if along >= down { [across, upright] } else { [upright, across] };
            [first, second].concat()
        }
        Mark::Text { at, .. } => vec![*at],
    };
    if points.iter().flatten().any(|coordinate| !coordinate.is_finite()) {
        return Err(FormatError::malformed("mark", "a coordinate is not finite"));
    }
    let numbers: Vec<f32> = points.iter().flatten().copied().collect();
    if let Mark::Text { words, .. } = mark {
        let mut text = Item::new();
        let words = if words.trim().is_empty() { "?" } else { words };
        text.text(tags::UNFORMATTED_TEXT_VALUE, VR::ST, words);
        text.text(tags::ANCHOR_POINT_ANNOTATION_UNITS, VR::CS, "PIXEL");
        text.floats(tags::ANCHOR_POINT, &numbers);
        text.text(tags::ANCHOR_POINT_VISIBILITY, VR::CS, "N");
        annotation.single(tags::TEXT_OBJECT_SEQUENCE, text);
        return Ok(());
    }
    graphic.text(tags::GRAPHIC_ANNOTATION_UNITS, VR::CS, "PIXEL");
    graphic.short(tags::GRAPHIC_DIMENSIONS, 2);
    graphic.short(tags::NUMBER_OF_GRAPHIC_POINTS, (numbers.len() / 2) as u16);
    graphic.floats(tags::GRAPHIC_DATA, &numbers);
    let kind = if matches!(mark, Mark::Ellipse { .. }) { "ELLIPSE" } else { "POLYLINE" };
    graphic.text(tags::GRAPHIC_TYPE, VR::CS, kind);
    graphic.text(tags::GRAPHIC_FILLED, VR::CS, "N");
    annotation.single(tags::GRAPHIC_OBJECT_SEQUENCE, graphic);
    Ok(())
}
