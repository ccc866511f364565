//! Volumes, label maps and masks as the bytes of a file: NIfTI, NRRD and MetaImage.
//!
//! Only bytes are made here; [`write_atomically`](crate::write_atomically) writes them. The same
//! input gives the same bytes: no time, no file name and no machine is in them.

mod mha;
mod nifti;
mod nrrd;

pub use mha::encode_mha;
pub use nifti::encode_nifti;
pub use nrrd::encode_nrrd;

use std::collections::BTreeMap;
use std::io::Write;

use flate2::GzBuilder;
use flate2::write::ZlibEncoder;
use wilhelm_study::{Geometry, Image, LabelMap, Mask, Segment, Volume, VoxelQuantity};

use crate::FormatError;

/// Whether voxels are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// Deflated: a whole gzip file for NIfTI (`.nii.gz`), gzip encoding in NRRD, zlib in MetaImage.
    Gzip,
}

/// What a volume file can hold: values, labels or a mask on a grid in the patient's space.
///
/// Made from a [`Volume`], a [`LabelMap`] or a [`Mask`] by `into`, and from an [`Image`] by
/// `try_into`, since a flat image has no grid.
#[derive(Clone, Copy, Debug)]
pub struct VolumeContent<'a> {
    geometry: &'a Geometry,
    voxels: Voxels<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Voxels<'a> {
    Values(&'a [f32]),
    Labels(&'a LabelMap),
    Mask(&'a Mask),
}

/// The type that voxels are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    U8,
    U16,
    F32,
}

impl<'a, Q: VoxelQuantity> From<&'a Volume<Q>> for VolumeContent<'a> {
    fn from(volume: &'a Volume<Q>) -> Self {
        Self { geometry: volume.geometry(), voxels: Voxels::Values(volume.voxels()) }
    }
}

impl<'a> From<&'a LabelMap> for VolumeContent<'a> {
    fn from(map: &'a LabelMap) -> Self {
        Self { geometry: map.geometry(), voxels: Voxels::Labels(map) }
    }
}

impl<'a> From<&'a Mask> for VolumeContent<'a> {
    fn from(mask: &'a Mask) -> Self {
        Self { geometry: mask.geometry(), voxels: Voxels::Mask(mask) }
    }
}

impl<'a> TryFrom<&'a Image> for VolumeContent<'a> {
    type Error = FormatError;

    /// # Errors
    /// [`FormatError::Unsupported`] for a flat image.
    fn try_from(image: &'a Image) -> Result<Self, FormatError> {
        let flat = || FormatError::unsupported("a flat image as a volume file", "a volume");
        let geometry = image.geometry().ok_or_else(flat)?;
        Ok(Self { geometry, voxels: Voxels::Values(image.values()) })
    }
}

impl Written {
    const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::F32 => 4,
        }
    }
}

impl VolumeContent<'_> {
    /// Values as 32-bit floats, masks as bytes, labels as bytes where all of them fit.
    fn written(&self) -> Written {
        match self.voxels {
            Voxels::Values(_) => Written::F32,
            Voxels::Mask(_) => Written::U8,
            Voxels::Labels(map) => {
                let small = map.segments().keys().next_back().is_none_or(|last| *last <= 255);
                if small { Written::U8 } else { Written::U16 }
            }
        }
    }

    /// The segments of a label map; nothing for values and masks.
    fn segments(&self) -> Option<&BTreeMap<u16, Segment>> {
        match self.voxels {
            Voxels::Labels(map) => Some(map.segments()),
            Voxels::Values(_) | Voxels::Mask(_) => None,
        }
    }

    /// Steps to the next column, row and slice in LPS+, mm.
    fn steps(&self) -> [[f64; 3]; 3] {
        let spacing = self.geometry.spacing().millimeters();
        let axes = self.geometry.direction().axes();
        std::array::from_fn(|axis| axes[axis].map(|component| component * spacing[axis]))
    }

    /// All voxels, little endian, in pieces so that no second array of them is held.
    fn write_voxels(&self, into: &mut impl Write) {
        const PIECE: usize = 1 << 14;
        let mut piece = Vec::with_capacity(4 * PIECE);
        macro_rules! write {
            ($values:expr, $bytes:expr) => {
                for values in $values.chunks(PIECE) {
                    piece.clear();
                    values.iter().for_each(|value| piece.extend_from_slice(&$bytes(*value)));
                    into.write_all(&piece).expect("memory takes every byte");
                }
            };
        }
        match self.voxels {
            Voxels::Values(values) => write!(values, f32::to_le_bytes),
            Voxels::Mask(mask) => write!(mask.voxels(), |inside: bool| [u8::from(inside)]),
            Voxels::Labels(map) if self.written() == Written::U8 => {
                write!(map.labels(), |label: u16| [label as u8]);
            }
            Voxels::Labels(map) => write!(map.labels(), u16::to_le_bytes),
        }
    }

    /// Floating point packs badly, so that little time is spent on it.
    fn level(&self) -> flate2::Compression {
        match self.voxels {
            Voxels::Values(_) => flate2::Compression::fast(),
            Voxels::Labels(_) | Voxels::Mask(_) => flate2::Compression::default(),
        }
    }

    /// Appends `before` and all voxels as one gzip member without time and name.
    fn gzip(&self, into: Vec<u8>, before: &[u8]) -> Vec<u8> {
        let mut encoder = GzBuilder::new().mtime(0).write(into, self.level());
        encoder.write_all(before).expect("memory takes every byte");
        self.write_voxels(&mut encoder);
        encoder.finish().expect("memory takes every byte")
    }

    fn zlib(&self) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), self.level());
        self.write_voxels(&mut encoder);
        encoder.finish().expect("memory takes every byte")
    }
}

/// Numbers with a space between them.
fn words<T: ToString>(numbers: impl IntoIterator<Item = T>) -> String {
    numbers.into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
}
