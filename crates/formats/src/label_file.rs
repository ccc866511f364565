//! Label maps out of volume files.

use std::path::Path;

use wilhelm_study::LabelMap;

use crate::read::volume_file;
use crate::source::{Item, Source};
use crate::volume::companion::Companions;
use crate::{FormatError, Limits};

/// Reads a label map from a NIfTI, NRRD or MetaImage file; content decides which, never the name.
///
/// Segments get the names that the file gives them (the label table of Caret in NIfTI, the keys of
/// a 3D Slicer segmentation in NRRD, with its codes), otherwise `label N` and a code that says that
/// nothing more is stated.
///
/// # Errors
/// [`FormatError`] as for any volume; further for values that are no whole numbers from 0 to 65535
/// (a value closer to one than 32-bit floats can tell counts as one), for several layers, and for a
/// file whose place in space is missing or sheared, since a label must lie where its voxel is.
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
/// use wilhelm_formats::{Compression, Limits, encode_nrrd, read_label_map, write_atomically};
/// use wilhelm_study::{CodedConcept, Geometry, LabelMap, Mm, Segment, Spacing};
///
/// let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(2.5))?;
/// let geometry = Geometry::axis_aligned([2, 2, 1], spacing)?;
/// let liver = Segment::anatomy("liver", CodedConcept::new("SCT", "10200004", "Liver"), "example");
/// let map = LabelMap::new(geometry, vec![0, 7, 7, 0], BTreeMap::from([(7, liver)]))?;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("liver.seg.nrrd");
/// write_atomically(&path, false, &encode_nrrd(&map, Compression::Gzip))?;
/// let read = read_label_map(&path, &Limits::default())?;
/// assert_eq!(read.labels(), map.labels());
/// assert_eq!(read.segments()[&7].property.value, "10200004");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_label_map(path: &Path, limits: &Limits) -> Result<LabelMap, FormatError> {
    let metadata = path.metadata().map_err(|source| FormatError::io("reading", path, source))?;
    if !metadata.is_file() {
        return Err(FormatError::NotAnImage { found: "no file".to_owned() });
    }
    if metadata.len() == 0 {
        return Err(FormatError::Empty);
    }
    let item = Item {
        label: path.display().to_string(),
        named: true,
        source: Source::File(path.to_owned()),
        bytes: metadata.len(),
    };
    label_map(&item, limits)
}

/// The same as [`read_label_map`] from wherever the bytes are.
///
/// # Errors
/// As [`read_label_map`].
pub(crate) fn label_map(item: &Item, limits: &Limits) -> Result<LabelMap, FormatError> {
    let companions = Companions::default();
    item.source.with_all(limits, |bytes| volume_file(item, bytes, &companions, limits)?.into_label_map())
}
