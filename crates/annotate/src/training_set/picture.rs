//! Images and masks as files.

use std::collections::BTreeMap;

use wilhelm_filters::intensity_bounds;
use wilhelm_formats::{Compression, encode_nifti, encode_png_gray};
use wilhelm_study::{
    Arbitrary, CodedConcept, Geometry, LabelMap, Projection, Segment, SegmentAlgorithm, Series,
};

use crate::{AnnotateError, Answer, Piece, Structure};

/// A flat image as a network of this program sees it: 8-bit pictures as they are, others in their window.
pub(super) fn windowed(series: &Series, image: &Projection<Arbitrary>) -> Result<Vec<u8>, AnnotateError> {
    let bounds = intensity_bounds(image.pixels(), series.stored_range, series.window);
    let reach = bounds.high - bounds.low;
    let gray = |value: &f32| {
        let share = if reach > 0.0 { (value - bounds.low) / reach } else { 0.0 };
        (share * 255.0).clamp(0.0, 255.0).round() as u8
    };
    let pixels: Vec<u8> = image.pixels().iter().map(gray).collect();
    Ok(encode_png_gray(image.columns() as u32, image.rows() as u32, &pixels)?)
}

/// The number of a structure in the masks: of one structure in a picture 255, so that people see it too.
pub(super) const fn value_of(place: usize, structures: usize, is_volume: bool) -> u16 {
    if structures == 1 && !is_volume { 255 } else { place as u16 + 1 }
}

/// The code of a structure; where it has none, one of this program's that says its name.
pub(super) fn code_of(structure: &Structure) -> CodedConcept {
    let own = || CodedConcept::new("99WILHELM", &structure.key.to_uppercase(), &structure.name);
    structure.code.clone().unwrap_or_else(own)
}

/// What was outlined, as numbers, on the grid of a volume or as a picture; where structures overlap, the later in the question
/// is kept.
pub(super) fn mask(
    piece: &Piece,
    grid: Option<&Geometry>,
    answer: &Answer,
    structures: &[Structure],
) -> Result<Vec<u8>, AnnotateError> {
    let mut labels = vec![0_u16; piece.geometry.voxels()];
    let mut segments = BTreeMap::new();
    for (place, structure) in structures.iter().enumerate() {
        let value = value_of(place, structures.len(), grid.is_some());
        if piece.has(answer, &structure.key) {
            let mask = piece.mask(answer, &structure.key);
            let own = labels.iter_mut().zip(mask.voxels()).filter(|(_, inside)| **inside);
            own.for_each(|(label, _)| *label = value);
        }
        let drawn = match structure.abnormal {
            true => Segment::abnormality(&structure.name, code_of(structure), ""),
            false => Segment::anatomy(&structure.name, code_of(structure), ""),
        };
        segments.insert(value, Segment { algorithm: SegmentAlgorithm::Manual, ..drawn });
    }
    let Some(grid) = grid else {
        let [columns, rows, _] = piece.geometry.size();
        let pixels: Vec<u8> = labels.iter().map(|label| *label as u8).collect();
        return Ok(encode_png_gray(columns as u32, rows as u32, &pixels)?);
    };
    let map = LabelMap::new(*grid, labels, segments)
        .map_err(|error| AnnotateError::Images(format!("its outlines do not fit its grid: {error}")))?;
    Ok(encode_nifti(&map, Compression::Gzip))
}
