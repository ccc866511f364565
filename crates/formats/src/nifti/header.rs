//! The NIfTI header.
//!
//! Source: nifti1.h and nifti2.h, <https://nifti.nimh.nih.gov>.

use crate::volume::stored::{Coding, StoredType};
use crate::{FormatError, finite};

/// Bytes of the longer of the two headers.
pub(super) const LONGEST: usize = 540;

/// The type of one voxel, by its code.
///
/// # Errors
/// [`FormatError::Unsupported`] for what is not one number.
fn stored_type(code: i64) -> Result<StoredType, FormatError> {
    Ok(match code {
        2 => StoredType::U8,
        4 => StoredType::I16,
        8 => StoredType::I32,
        16 => StoredType::F32,
        64 => StoredType::F64,
        256 => StoredType::I8,
        512 => StoredType::U16,
        768 => StoredType::U32,
        1024 => StoredType::I64,
        1280 => StoredType::U64,
        other => {
            let name = match other {
                0 => "unknown",
                1 => "binary",
                32 | 1792 | 2048 => "complex",
                128 | 2304 => "color",
                1536 => "128-bit floating point",
                _ => "no known",
            };
            return Err(FormatError::unsupported(
                format!("datatype {other} ({name})"),
                "integers of 8 to 64 bits or floating point of 32 or 64",
            ));
        }
    })
}

/// What the header says, in the file's own RAS+ frame.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// Bytes of the header itself.
    pub length: usize,
    pub size: [usize; 3],
    /// Volumes of the fourth and higher dimensions.
    pub volumes: u64,
    pub coding: Coding,
    pub voxel_offset: u64,
    pub window: Option<(f32, f32)>,
    /// Code of the unit of length: 1 m, 2 mm, 3 um, 0 unknown.
    pub unit: u8,
    /// `pixdim`: qfac, then spacing.
    pub pixdim: [f64; 4],
    pub qform_code: i64,
    pub sform_code: i64,
    pub quaternion: [f64; 3],
    pub offset: [f64; 3],
    pub rows: [[f64; 4]; 3],
}

/// Whether bytes begin as a NIfTI file or an Analyze header does.
pub(crate) fn is_nifti(bytes: &[u8]) -> bool {
    matches!(bytes.get(..4), Some([0x5C, 1, 0, 0] | [0, 0, 1, 0x5C] | [0x1C, 2, 0, 0] | [0, 0, 2, 0x1C]))
}

/// Numbers at fixed places, in the file's byte order.
struct Fields<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut array: [u8; N] = std::array::from_fn(|i| self.bytes[at + i]);
        if self.big {
            array.reverse();
        }
        array
    }
    fn i16(&self, at: usize) -> i64 {
        i64::from(i16::from_le_bytes(self.array(at)))
    }
    fn i32(&self, at: usize) -> i64 {
        i64::from(i32::from_le_bytes(self.array(at)))
    }
    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.array(at))
    }
    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.array(at)))
    }
    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.array(at))
    }
}

impl Header {
    /// Reads a header of either version.
    ///
    /// # Errors
    /// [`FormatError`] for headers that are cut, of a pair of files, or of impossible sizes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let (second, big) = match bytes.get(..4) {
            Some([0x5C, 1, 0, 0]) => (false, false),
            Some([0, 0, 1, 0x5C]) => (false, true),
            Some([0x1C, 2, 0, 0]) => (true, false),
            Some([0, 0, 2, 0x1C]) => (true, true),
            _ => return Err(FormatError::NotAnImage { found: "no NIfTI header".to_owned() }),
        };
        let length = if second { 540 } else { 348 };
        if bytes.len() < length {
            return Err(FormatError::Truncated {
                place: "NIfTI header".to_owned(),
                found: bytes.len() as u64,
                expected: length as u64,
            });
        }
        let magic = if second { &bytes[4..8] } else { &bytes[344..348] };
        match magic {
            b"n+1\0" | b"n+2\0" => {}
            b"ni1\0" | b"ni2\0" => {
                return Err(FormatError::unsupported(
                    "NIfTI as a pair of files (.hdr and .img)",
                    "a single .nii file",
                ));
            }
            _ => return Err(FormatError::unsupported("Analyze 7.5 header", "NIfTI-1 or NIfTI-2")),
        }
        let fields = Fields { bytes, big };
        let header = if second { Self::second(&fields) } else { Self::first(&fields) }?;
        if header.voxel_offset < length as u64 {
            return Err(FormatError::malformed(
                "vox_offset",
                format!("{}, expected at least {length}", header.voxel_offset),
            ));
        }
        Ok(header)
    }

    fn first(fields: &Fields<'_>) -> Result<Self, FormatError> {
        let dim: [i64; 8] = std::array::from_fn(|i| fields.i16(40 + 2 * i));
        let (size, volumes) = dimensions(dim)?;
        let offset = fields.f32(108);
        // Some writers leave it 0 in single files; the voxels then follow the header's 352 bytes.
        let voxel_offset = if offset == 0.0 { 352 } else { whole(offset, "vox_offset")? };
        Ok(Self {
            length: 348,
            size,
            volumes,
            coding: Coding {
                stored: stored_type(fields.i16(70))?,
                big_endian: fields.big,
                slope: slope(fields.f32(112)),
                intercept: intercept(fields.f32(112), fields.f32(116)),
            },
            voxel_offset,
            window: window(fields.f32(128), fields.f32(124)),
            unit: fields.bytes[123] & 7,
            pixdim: std::array::from_fn(|i| fields.f32(76 + 4 * i)),
            qform_code: fields.i16(252),
            sform_code: fields.i16(254),
            quaternion: std::array::from_fn(|i| fields.f32(256 + 4 * i)),
            offset: std::array::from_fn(|i| fields.f32(268 + 4 * i)),
            rows: std::array::from_fn(|row| std::array::from_fn(|i| fields.f32(280 + 16 * row + 4 * i))),
        })
    }

    fn second(fields: &Fields<'_>) -> Result<Self, FormatError> {
        let dim: [i64; 8] = std::array::from_fn(|i| fields.i64(16 + 8 * i));
        let (size, volumes) = dimensions(dim)?;
        let voxel_offset = u64::try_from(fields.i64(168))
            .map_err(|_| FormatError::malformed("vox_offset", "below 0, expected a place in the file"))?;
        Ok(Self {
            length: 540,
            size,
            volumes,
            coding: Coding {
                stored: stored_type(fields.i16(12))?,
                big_endian: fields.big,
                slope: slope(fields.f64(176)),
                intercept: intercept(fields.f64(176), fields.f64(184)),
            },
            voxel_offset: if voxel_offset == 0 { 544 } else { voxel_offset },
            window: window(fields.f64(200), fields.f64(192)),
            unit: (fields.i32(500) & 7) as u8,
            pixdim: std::array::from_fn(|i| fields.f64(104 + 8 * i)),
            qform_code: fields.i32(344),
            sform_code: fields.i32(348),
            quaternion: std::array::from_fn(|i| fields.f64(352 + 8 * i)),
            offset: std::array::from_fn(|i| fields.f64(376 + 8 * i)),
            rows: std::array::from_fn(|row| std::array::from_fn(|i| fields.f64(400 + 32 * row + 8 * i))),
        })
    }

    /// Voxels of one volume; `None` where they cannot be counted.
    pub(super) fn voxels(&self) -> Option<u64> {
        self.size.iter().try_fold(1_u64, |product, n| product.checked_mul(*n as u64))
    }
}

fn dimensions(dim: [i64; 8]) -> Result<([usize; 3], u64), FormatError> {
    let count = usize::try_from(dim[0]).ok().filter(|count| (1..=7).contains(count));
    let count =
        count.ok_or_else(|| FormatError::malformed("dim[0]", format!("{}, expected 1 to 7", dim[0])))?;
    let mut size = [1_usize; 3];
    let mut volumes = 1_u64;
    for (axis, length) in dim.iter().enumerate().skip(1).take(count) {
        let length = usize::try_from(*length).ok().filter(|length| *length > 0).ok_or_else(|| {
            FormatError::malformed(format!("dim[{axis}]"), format!("{length}, expected more than 0"))
        })?;
        match size.get_mut(axis - 1) {
            Some(place) => *place = length,
            None => volumes = volumes.saturating_mul(length as u64),
        }
    }
    Ok((size, volumes))
}

fn whole(value: f64, place: &str) -> Result<u64, FormatError> {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) {
        Ok(value as u64)
    } else {
        Err(FormatError::malformed(place, format!("{value}, expected a whole number of bytes")))
    }
}

/// A slope of 0 means no scaling, and so does one that is no number.
fn slope(slope: f64) -> f64 {
    if slope == 0.0 || !slope.is_finite() { 1.0 } else { slope }
}

fn intercept(slope: f64, intercept: f64) -> f64 {
    if slope == 0.0 || !slope.is_finite() || !intercept.is_finite() { 0.0 } else { intercept }
}

fn window(low: f64, high: f64) -> Option<(f32, f32)> {
    if high > low { finite::pair(((low + high) / 2.0, high - low)) } else { None }
}
