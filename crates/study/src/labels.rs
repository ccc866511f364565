use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CodedConcept, Geometry, Index, Mask, VoxelError};

/// Who drew a segment: the Enumerated Values of Segment Algorithm Type (0062,0008).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SegmentAlgorithm {
    /// A program alone.
    Automatic,
    /// A program with a person's help (clicks, a starting outline).
    Semiautomatic,
    /// A person.
    Manual,
}

/// What one label of a [`LabelMap`] stands for.
///
/// # Source
/// Segment Sequence, PS3.3 Section C.8.20.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    /// A name for people, for example `left lung`.
    pub name: String,
    /// Segmented Property Category Code, for example anatomical structure (SCT 123037004).
    pub category: CodedConcept,
    /// Segmented Property Type Code, for example lung (SCT 39607008).
    pub property: CodedConcept,
    /// Who drew it.
    pub algorithm: SegmentAlgorithm,
    /// Name and version of the program that drew it; empty for a person.
    pub algorithm_name: String,
    /// Tracking UID, which follows a lesion from one time point to the next.
    pub tracking_uid: Option<String>,
    /// Tracking ID, the same for people.
    pub tracking_id: Option<String>,
}

impl Segment {
    /// A segment of an anatomical structure (SCT 123037004) that the program drew alone.
    pub fn anatomy(name: &str, property: CodedConcept, algorithm_name: &str) -> Self {
        Self {
            name: name.to_owned(),
            category: CodedConcept::new("SCT", "123037004", "Anatomical Structure"),
            property,
            algorithm: SegmentAlgorithm::Automatic,
            algorithm_name: algorithm_name.to_owned(),
            tracking_uid: None,
            tracking_id: None,
        }
    }

    /// A segment of a morphologic abnormality (SCT 49755003) that the program drew alone.
    pub fn abnormality(name: &str, property: CodedConcept, algorithm_name: &str) -> Self {
        Self {
            category: CodedConcept::new("SCT", "49755003", "Morphologically Abnormal Structure"),
            ..Self::anatomy(name, property, algorithm_name)
        }
    }
}

/// Labels on a grid in the patient's space: 0 is background, every other number is a [`Segment`].
///
/// Columns vary fastest, then rows, then slices. A voxel has one label; segments that overlap
/// are several [`Mask`]s.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMap {
    geometry: Geometry,
    labels: Vec<u16>,
    segments: BTreeMap<u16, Segment>,
}

impl LabelMap {
    /// Labels with their grid and their meanings.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit the grid,
    /// [`VoxelError::Label`] for a label without a segment, or a segment for the background.
    pub fn new(
        geometry: Geometry,
        labels: Vec<u16>,
        segments: BTreeMap<u16, Segment>,
    ) -> Result<Self, VoxelError> {
        if labels.len() != geometry.voxels() {
            return Err(VoxelError::Length { found: labels.len(), expected: geometry.voxels() });
        }
        if segments.contains_key(&0) {
            return Err(VoxelError::Label { label: 0 });
        }
        let mut known = vec![false; 1 << 16];
        known[0] = true;
        segments.keys().for_each(|label| known[usize::from(*label)] = true);
        match labels.iter().find(|label| !known[usize::from(**label)]) {
            Some(label) => Err(VoxelError::Label { label: *label }),
            None => Ok(Self { geometry, labels, segments }),
        }
    }

    /// The grid.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    /// All labels, columns fastest.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }
    /// What each label stands for, in the order of the labels.
    pub const fn segments(&self) -> &BTreeMap<u16, Segment> {
        &self.segments
    }
    /// The label of a voxel; `None` outside the grid.
    pub fn at(&self, index: Index) -> Option<u16> {
        let [columns, rows, slices] = self.geometry.size();
        let inside = index.column < columns && index.row < rows && index.slice < slices;
        inside.then(|| self.labels[self.geometry.offset(index)])
    }
    /// The voxels of one label.
    pub fn mask(&self, label: u16) -> Mask {
        let voxels = self.labels.iter().map(|found| *found == label).collect();
        Mask::new(self.geometry, voxels).expect("labels fit their grid")
    }
    /// Gives the array back.
    pub fn into_labels(self) -> Vec<u16> {
        self.labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mm, Spacing};

    #[test]
    fn a_label_without_a_meaning_is_refused_and_one_with_a_meaning_gives_its_mask() {
        let spacing = Spacing::new(Mm(1.0), Mm(2.0), Mm(5.0)).expect("positive");
        let geometry = Geometry::axis_aligned([2, 1, 2], spacing).expect("a grid");
        let lung = Segment::anatomy("lung", CodedConcept::new("SCT", "39607008", "Lung"), "test");
        let segments = BTreeMap::from([(3, lung)]);
        let refused = LabelMap::new(geometry, vec![0, 3, 4, 3], segments.clone()).expect_err("label 4");
        assert_eq!(refused.to_string(), "label 4 has no segment, expected 0 for background or a listed one");
        let map = LabelMap::new(geometry, vec![0, 3, 0, 3], segments).expect("a label map");
        assert_eq!(map.mask(3).voxels(), [false, true, false, true]);
        assert_eq!(map.mask(3).milliliters(), 0.02);
        assert_eq!(map.at(Index { column: 1, row: 0, slice: 1 }), Some(3));
        assert_eq!(map.at(Index { column: 2, row: 0, slice: 1 }), None);
    }
}
