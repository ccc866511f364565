//! Results as DICOM objects, and segmentations read back.
//!
//! Plain functions build the bytes of a conforming Part 10 file from typed inputs;
//! [`write_atomically`](crate::write_atomically) puts them on the disk. Each object lies in the
//! study of the images it was made from, which a [`Reference`] carries, and says that it is for
//! research. Time and randomness come in as a [`Stamp`]: the same inputs give the same bytes.
//!
//! Invariants held here: a voxel of a result has the physical place of the voxel it was computed
//! from; a text is cut to what its VR allows, between characters; no message shows a patient's
//! value; the character set of every object is Unicode in UTF-8.
//!
//! ```
//! use std::collections::BTreeMap;
//! use wilhelm_formats::dicom::objects::{self, Imprint, LabelCoding, Placement, SegmentationContent, Stamp};
//! use wilhelm_formats::{Limits, phantom};
//! use wilhelm_study::{CodedConcept, LabelMap, Segment};
//!
//! let folder = tempfile::tempdir()?;
//! let phantom = phantom::CtPhantom { columns: 32, rows: 32, slices: 4, ..Default::default() };
//! phantom::write_ct_series(folder.path(), &phantom)?;
//! let limits = Limits::default();
//! let reference = objects::references(&[folder.path().to_owned()], &[], &limits)?;
//!
//! let geometry = *reference.geometry().ok_or("a volume")?;
//! let lung = Segment::anatomy("lung", CodedConcept::new("SCT", "39607008", "Lung"), "threshold 1.0");
//! let labels = (0..geometry.voxels()).map(|i| u16::from(i % 32 < 16)).collect();
//! let map = LabelMap::new(geometry, labels, BTreeMap::from([(1, lung)]))?;
//! let imprint = Imprint::new("lungs", Stamp::new(7, "20260101", "120000")?);
//! let written = objects::label_segmentation(&map, LabelCoding::Binary, Placement::OnSource, &reference, &imprint)?;
//! let back = objects::read_segmentation(&written.bytes, &limits)?;
//! assert!(matches!(back.content, SegmentationContent::Labels(found) if found.labels() == map.labels()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod common;
mod content;
mod encapsulated_pdf;
mod frames;
mod key_objects;
mod measurement_report;
mod parametric_map;
mod planes;
mod presentation_state;
mod read_report;
mod read_segmentation;
mod reference;
mod secondary_capture;
mod segmentation;
mod stamp;
mod text_document;

pub use common::{Equipment, Imprint, RESEARCH_USE, Written};
pub use encapsulated_pdf::encapsulated_pdf;
pub use key_objects::{KeyObjectTitle, key_objects};
pub use measurement_report::{
    Algorithm, MeasuredValue, MeasurementGroup, MeasurementReport, RESEARCH_STATEMENT, Region,
    VerifyingObserver, measurement_report,
};
pub use parametric_map::{MapQuantity, parametric_map};
pub use planes::Placement;
pub use presentation_state::{Mark, Presentation, presentation_state};
pub use read_report::read_measurement_report;
pub use read_segmentation::{
    FractionKind, Segmentation, SegmentationContent, read_segmentation, read_segmentation_on,
};
pub use reference::{
    ObjectFacts, Reference, SourceImage, StudyFacts, object_facts, references, references_of_bytes,
};
pub use secondary_capture::{CaptureColor, secondary_capture};
pub use segmentation::{LabelCoding, fractional_segmentation, label_segmentation, segmentation};
pub use stamp::Stamp;
pub use text_document::{TextDocument, text_document};
