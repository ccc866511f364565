//! Bytes to studies: DICOM, NIfTI, NRRD, MetaImage, PNG, JPEG, TIFF and NPZ, checked, sorted and
//! calibrated.
//!
//! The principal function is [`read`]: paths in, [`Series`](wilhelm_study::Series) out, with what
//! was wrong with them. [`read_npz`] reads collections of small pictures, [`read_label_map`] labels.
//! [`encode_nifti`], [`encode_nrrd`] and [`encode_mha`] make the bytes of volumes and label maps,
//! [`write_atomically`] writes results.
//!
//! Invariants held here: world space is LPS+ on the way out, and RAS never leaves [`read`]; slices
//! are ordered by their position along the normal, never by file name or number; a value's unit is
//! known or the series says that it is not; identifying values are in [`Phi`](wilhelm_study::Phi)
//! as soon as they are read and in no message; no declared size is allocated before it is judged.
//! This crate knows no network and writes only where it is told to.
//!
//! ```
//! use wilhelm_formats::{Limits, Silent, phantom, read};
//!
//! let folder = tempfile::tempdir()?;
//! phantom::write_ct_series(folder.path(), &phantom::CtPhantom { columns: 64, rows: 64, slices: 5, ..Default::default() })?;
//! let reading = read(&[folder.path().to_owned()], &Limits::default(), &Silent);
//! assert_eq!(reading.series[0].image.size(), [64, 64, 5]);
//! assert!(reading.series[0].defects.is_empty() && reading.failures.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
pub mod dicom;
mod encode;
mod error;
mod finite;
mod gather;
pub mod hl7;
#[doc(hidden)]
pub mod in_memory;
mod label_file;
mod limits;
mod metaimage;
mod nifti;
mod npz;
mod nrrd;
pub mod phantom;
mod picture;
mod read;
mod recompress;
mod segment;
mod source;
mod volume;
mod write;

pub use encode::{Compression, VolumeContent, encode_mha, encode_nifti, encode_nrrd};
pub use error::FormatError;
pub use label_file::read_label_map;
pub use limits::Limits;
pub use npz::{NpzImages, NpzSplit, read_npz};
pub use read::{Failure, Reading, Skipped, read, read_bytes};
pub use recompress::through_jpeg;
pub use wilhelm_study::{Progress, Silent};
pub use write::{encode_png_gray, encode_png_rgb, write_atomically};
