use wilhelm_formats::Limits;
use wilhelm_formats::dicom::objects::references_of_bytes;
use wilhelm_study::{Geometry, Mask, Mm, Spacing};

use crate::{AnnotateError, Answer, ImageSize, paint};

/// Which images of an item lie in one space, and how.
///
/// Slices of a series that have their places in the patient are one volume; every other image is flat and stands alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Canvas {
    /// Its volumes and flat images.
    pub pieces: Vec<Piece>,
}

/// A volume, or a flat image.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The grid; of a flat image with one slice.
    pub geometry: Geometry,
    /// Whether it is a volume.
    pub is_volume: bool,
    /// Whether the grid's spacing is known; else it is 1 and means pixels.
    pub in_millimeters: bool,
    /// Image and frame of each slice, both from 1.
    pub planes: Vec<[u32; 2]>,
}

impl Canvas {
    /// The canvas of an item: its images with SOP Instance UIDs, what each has room for, and the distances between columns
    /// and rows in mm where they are known; and their files, of which everything before the pixels suffices.
    ///
    /// # Errors
    /// [`AnnotateError::Images`] where the pixels of a volume are more than `limits` allow.
    pub fn new(
        images: &[(&str, ImageSize, Option<[f64; 2]>)],
        files: &[&[u8]],
        limits: &Limits,
    ) -> Result<Self, AnnotateError> {
        if let Some(volume) = volume(images, files, limits)? {
            return Ok(Self { pieces: vec![volume] });
        }
        let mut pieces = Vec::new();
        for (number, (_, size, spacing)) in (1..).zip(images) {
            let known = spacing.and_then(|[columns, rows]| Spacing::new(Mm(columns), Mm(rows), Mm(1.0)).ok());
            let pixels = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("1 is above 0");
            let grid = [size.columns as usize, size.rows as usize, 1];
            let geometry = Geometry::axis_aligned(grid, known.unwrap_or(pixels))
                .map_err(|_| AnnotateError::Images(format!("image {number} has no pixels")))?;
            pieces.extend((1..=size.frames).map(|frame| Piece {
                geometry,
                is_volume: false,
                in_millimeters: known.is_some(),
                planes: vec![[number, frame]],
            }));
        }
        Ok(Self { pieces })
    }
}

/// The images as one volume, where they are one.
fn volume(
    images: &[(&str, ImageSize, Option<[f64; 2]>)],
    files: &[&[u8]],
    limits: &Limits,
) -> Result<Option<Piece>, AnnotateError> {
    let Ok(reference) = references_of_bytes(files, limits) else { return Ok(None) };
    let Some(geometry) = reference.geometry().copied() else { return Ok(None) };
    let place = |uid: &str| images.iter().position(|(own, ..)| *own == uid);
    let planes: Option<Vec<[u32; 2]>> = reference
        .images()
        .iter()
        .map(|image| Some([place(image.sop_instance.as_str())? as u32 + 1, image.frame.unwrap_or(1)]))
        .collect();
    let all: u32 = images.iter().map(|(_, size, _)| size.frames).sum();
    let Some(planes) = planes.filter(|planes| planes.len() == all as usize && planes.len() > 1) else {
        return Ok(None);
    };
    if geometry.voxels() as u64 > limits.voxels {
        return Err(AnnotateError::Images(format!(
            "the volume has {} voxels, the limit is {}",
            geometry.voxels(),
            limits.voxels
        )));
    }
    Ok(Some(Piece { geometry, is_volume: true, in_millimeters: true, planes }))
}

impl Piece {
    /// What an answer outlines of a structure here.
    pub fn mask(&self, answer: &Answer, structure: &str) -> Mask {
        let [columns, rows, _] = self.geometry.size();
        let mut voxels = Vec::with_capacity(self.geometry.voxels());
        for [image, frame] in &self.planes {
            let own = answer
                .outlines
                .iter()
                .flatten()
                .find(|one| one.image == *image && one.frame == *frame && one.structure == structure);
            match own {
                Some(outline) => voxels.extend(paint(outline, columns as u32, rows as u32)),
                None => voxels.resize(voxels.len() + columns * rows, false),
            }
        }
        Mask::new(self.geometry, voxels).expect("one plane a slice of this very grid")
    }

    /// Whether an answer outlines anything of a structure here.
    pub fn has(&self, answer: &Answer, structure: &str) -> bool {
        answer
            .outlines
            .iter()
            .flatten()
            .any(|one| one.structure == structure && self.planes.contains(&[one.image, one.frame]))
    }
}
