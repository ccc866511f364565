//! The nouns of Wilhelm: what a study, an image, a finding and its evidence are.
//!
//! The principal types are [`Volume`] and [`Projection`] (voxels whose unit is in their type),
//! [`Series`] (one calibrated series with what was wrong with it) and [`Finding`] (what was seen,
//! how sure we are, and which [`Evidence`] bears it).
//!
//! Invariants held here: world space is LPS+ in millimeters; axes have names, not numbers;
//! a number has its unit in its type; a patient's values travel in [`Phi`], which never prints.
//! This crate knows no files, threads, clocks or network.
//!
//! ```
//! use wilhelm_study::{Geometry, Index, Mm, Spacing};
//!
//! let spacing = Spacing::new(Mm(0.7), Mm(0.8), Mm(5.0))?;
//! let geometry = Geometry::axis_aligned([512, 512, 40], spacing)?;
//! let point = geometry.point(Index { column: 10, row: 0, slice: 2 });
//! assert!((point.left - 7.0).abs() < 1e-9 && (point.superior - 10.0).abs() < 1e-9);
//! # Ok::<(), wilhelm_study::GeometryError>(())
//! ```

mod cine;
mod code;
mod defect;
mod evidence;
mod finding;
mod geometry;
mod identifier;
mod labels;
mod mask;
mod modality;
mod phi;
mod progress;
mod raster;
mod sentence;
mod series;
mod unit;
mod voxels;

pub use cine::Cine;
pub use code::CodedConcept;
pub use defect::{Defect, DefectKind};
pub use evidence::{
    Contribution, Contributor, Evidence, EvidenceId, EvidenceSource, KnownFrequency, KnownTerm,
};
pub use finding::{Certainty, Finding, FindingId, ImageBox, Laterality, Measurement, Observation, Quantity};
pub use geometry::{Direction, Geometry, GeometryError, Index, PointLps, Spacing};
pub use identifier::{
    FrameOfReferenceUid, IdentifierError, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid,
};
pub use labels::{LabelMap, Segment, SegmentAlgorithm};
pub use mask::{FlatMask, Mask};
pub use modality::{Modality, View};
pub use phi::Phi;
pub use progress::{Progress, Silent};
pub use raster::Raster;
pub use sentence::{is_abbreviated, sentence_end};
pub use series::{Image, Patient, Series, SourceFile};
pub use unit::{Mm, Probability, ProbabilityInterval, UnitError};
pub use voxels::{
    Arbitrary, Hu, PixelSpacing, Projection, QuantityKind, Stored, Suv, Volume, VoxelError, VoxelQuantity,
};
