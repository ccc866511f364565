use wilhelm_formats::Limits;
use wilhelm_formats::dicom::objects::{SegmentationContent, read_segmentation_on, references_of_bytes};

use crate::raster::runs_of;
use crate::{AnnotateError, Canvas, Outline, Question};

/// What a DICOM segmentation outlines on the volume of an item, as runs.
///
/// A segment is the structure whose key or name its label is, without regard to case; where the question has one structure
/// and the segmentation one segment, they are taken for each other. Fractions count from one half.
///
/// # Errors
/// [`AnnotateError::Images`] where the item is no volume, [`AnnotateError::Answer`] for a segment that is none of the
/// question's, [`AnnotateError::Format`] for an object that is no segmentation or lies on other images.
pub fn outlines_of_segmentation(
    object: &[u8],
    files: &[&[u8]],
    canvas: &Canvas,
    question: &Question,
    limits: &Limits,
) -> Result<Vec<Outline>, AnnotateError> {
    let Question::Outline { structures } = question else {
        return Err(AnnotateError::answer("segmentation", "the question asks for labels"));
    };
    let [piece] = &canvas.pieces[..] else { return Err(no_volume()) };
    if !piece.is_volume {
        return Err(no_volume());
    }
    let reference = references_of_bytes(files, limits)?;
    let read = read_segmentation_on(object, &reference, limits)?;
    let masks: Vec<(String, Vec<bool>)> = match read.content {
        SegmentationContent::Labels(map) => map
            .segments()
            .iter()
            .map(|(label, segment)| (segment.name.clone(), map.mask(*label).into_voxels()))
            .collect(),
        SegmentationContent::Masks(masks) => {
            masks.into_iter().map(|(_, mask, segment)| (segment.name, mask.into_voxels())).collect()
        }
        SegmentationContent::Fractions { segments, .. } => segments
            .into_iter()
            .map(|(_, volume, segment)| {
                (segment.name, volume.voxels().iter().map(|share| *share >= 0.5).collect())
            })
            .collect(),
    };
    let [columns, rows, _] = piece.geometry.size();
    let alone = masks.len() == 1 && structures.len() == 1;
    let mut outlines: Vec<Outline> = Vec::new();
    for (name, voxels) in masks {
        let named = structures.iter().find(|one| {
            let name = name.trim().to_lowercase();
            one.key == name || one.name.trim().to_lowercase() == name
        });
        let structure = named.or_else(|| structures.first().filter(|_| alone)).ok_or_else(|| {
            let known: Vec<&str> = structures.iter().map(|one| one.name.as_str()).collect();
            let what = format!("a segment is none of the structures: {}; name it so", known.join(", "));
            AnnotateError::answer("segmentation", what)
        })?;
        for ([image, frame], plane) in piece.planes.iter().zip(voxels.chunks_exact(columns * rows)) {
            let runs = runs_of(plane);
            if !runs.is_empty() {
                let structure = structure.key.clone();
                outlines.push(Outline {
                    image: *image,
                    frame: *frame,
                    structure,
                    contours: Vec::new(),
                    runs,
                });
            }
        }
    }
    Ok(outlines)
}

fn no_volume() -> AnnotateError {
    let what = "segmentations are taken for series that are one volume: give contours or runs of flat images";
    AnnotateError::Images(what.to_owned())
}
