//! What volume files have in common: NIfTI, NRRD and MetaImage.
//!
//! Each reader gives a [`Loaded`], which becomes series (one for each volume of the file) or a
//! label map.

pub(crate) mod affine;
pub(crate) mod arrange;
pub(crate) mod companion;
pub(crate) mod payload;
pub(crate) mod stored;

use std::collections::BTreeMap;

use wilhelm_study::{
    Arbitrary, Defect, Geometry, Image, LabelMap, Patient, PixelSpacing, Projection, Segment, Series,
    SourceFile, Volume,
};

use crate::source::Item;
use crate::{FormatError, Limits, finite, segment};

/// The grid that all volumes of one file share.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grid {
    /// In the patient's space.
    Space(Geometry),
    /// Two axes and no space.
    Flat { columns: usize, rows: usize, spacing: Option<PixelSpacing> },
}

/// The content of one volume file, before it is a series or a label map.
pub(crate) struct Loaded {
    pub grid: Grid,
    /// The values of each volume, columns fastest.
    pub volumes: Vec<Vec<f32>>,
    /// Why a label map must not be taken from this file: its place in space is a guess.
    pub doubt: Option<String>,
    pub stored_range: Option<(f32, f32)>,
    pub window: Option<(f32, f32)>,
    pub color: bool,
    pub defects: Vec<Defect>,
    /// What labels stand for, where the file says so.
    pub segments: BTreeMap<u16, Segment>,
    /// The file that the header points to.
    pub data: Option<SourceFile>,
}

/// Judges the number of voxels of a file before anything is allocated for them.
///
/// # Errors
/// [`FormatError::TooLarge`].
pub(crate) fn judge_voxels(each: Option<u64>, volumes: u64, limits: &Limits) -> Result<u64, FormatError> {
    let total =
        each.and_then(|each| each.checked_mul(volumes)).filter(|total| total.checked_mul(8).is_some());
    let declared = total.unwrap_or(u64::MAX);
    if declared > limits.voxels {
        return Err(FormatError::TooLarge { what: "number of voxels", declared, limit: limits.voxels });
    }
    let limit = limits.archive_entries as u64;
    if volumes > limit {
        return Err(FormatError::TooLarge { what: "number of volumes", declared: volumes, limit });
    }
    Ok(declared)
}

impl Loaded {
    /// One series for each volume; several are told apart by their titles.
    ///
    /// # Errors
    /// [`FormatError::NoFiniteValue`] where a volume holds no number.
    pub(crate) fn into_series(self, item: &Item, sha256: String) -> Result<Vec<Series>, FormatError> {
        let name = item.label.rsplit(['/', '\\', '!']).next().unwrap_or(&item.label);
        let header = SourceFile { path: item.label.clone(), sha256, sop_instance_uid: None };
        let sources: Vec<SourceFile> = [header].into_iter().chain(self.data).collect();
        let count = self.volumes.len();
        let series = self.volumes.into_iter().enumerate().map(|(i, mut values)| {
            let mut defects = self.defects.clone();
            let title =
                if count == 1 { name.to_owned() } else { format!("{name}, volume {} of {count}", i + 1) };
            let place =
                if count == 1 { item.label.clone() } else { format!("{} volume {}", item.label, i + 1) };
            defects.extend(finite::mend(&mut values, &place)?);
            let image = match self.grid {
                Grid::Space(geometry) => Image::Arbitrary(Volume::<Arbitrary>::new(geometry, values)?),
                Grid::Flat { columns, rows, spacing } => {
                    Image::Flat(Projection::new(columns, rows, values, spacing)?)
                }
            };
            Ok(Series {
                study: None,
                series: None,
                frame_of_reference: None,
                title,
                modality: None,
                body_part: None,
                view: None,
                color: self.color,
                stored_range: self.stored_range,
                window: self.window,
                patient: Patient::default(),
                sources: sources.clone(),
                image,
                defects,
            })
        });
        series.collect()
    }

    /// The labels, where the file holds one volume of whole numbers on a grid that is certain.
    ///
    /// # Errors
    /// [`FormatError`] that names what is no label map.
    pub(crate) fn into_label_map(mut self) -> Result<LabelMap, FormatError> {
        let refused = |message: String| FormatError::malformed("label map", message);
        let Grid::Space(geometry) = self.grid else {
            return Err(refused("a flat picture, expected labels on a grid in space".to_owned()));
        };
        if let Some(doubt) = self.doubt {
            return Err(refused(doubt));
        }
        if self.color {
            return Err(refused("a color picture, expected one label a voxel".to_owned()));
        }
        let [values] = self.volumes.as_slice() else {
            let layers = self.volumes.len();
            return Err(refused(format!("{layers} layers, expected one: their segments may overlap")));
        };
        let mut labels = Vec::with_capacity(values.len());
        let mut found = vec![false; 1 << 16];
        for (offset, value) in values.iter().enumerate() {
            if !(value.fract() == 0.0 && (0.0..=65_535.0).contains(value)) {
                return Err(refused(format!(
                    "value {value} at offset {offset}, expected whole numbers from 0 to 65535"
                )));
            }
            let label = *value as u16;
            found[usize::from(label)] = true;
            labels.push(label);
        }
        let mut segments = std::mem::take(&mut self.segments);
        segments.remove(&0);
        for label in (1..=u16::MAX).filter(|label| found[usize::from(*label)]) {
            segments.entry(label).or_insert_with(|| segment::unstated(&format!("label {label}")));
        }
        Ok(LabelMap::new(geometry, labels, segments)?)
    }
}
