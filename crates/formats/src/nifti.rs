//! NIfTI-1 and NIfTI-2: the only place that knows RAS.
//!
//! The header is read here rather than by a library, so that every declared size is judged before
//! anything is allocated for it.

mod affine;
mod header;

pub(crate) use header::is_nifti;

use std::io::Read;

use wilhelm_study::{Arbitrary, Defect, DefectKind, Image, Patient, Series, SourceFile, Volume};

use crate::finite;
use crate::source::{Item, sha256};
use crate::{FormatError, Limits};
use header::{DataType, Header};

/// Deflate cannot do better than this (RFC 1951), so a larger promise is a lie.
const DEFLATE_RATIO: u64 = 1032;

/// Reads a NIfTI file, the first volume of a series in time.
///
/// # Errors
/// [`FormatError`] for what is cut, too large, or of a type that is no number.
pub(crate) fn read(item: &Item, bytes: &[u8], gzip: bool, limits: &Limits) -> Result<Series, FormatError> {
    let mut stream: Box<dyn Read> =
        if gzip { Box::new(flate2::read::MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
    let mut defects = Vec::new();
    let mut header_bytes = Vec::with_capacity(header::LONGEST);
    fill(&mut stream, &mut header_bytes, header::LONGEST as u64)?;
    let header = Header::read(&header_bytes)?;
    let [columns, rows, slices] = header.size;
    let voxels = header.voxels()?;
    if voxels > limits.voxels {
        return Err(FormatError::TooLarge {
            what: "number of voxels",
            declared: voxels,
            limit: limits.voxels,
        });
    }
    let wanted = voxels * header.data_type.bytes() as u64;
    let offset = header.voxel_offset;
    let reach = offset.saturating_add(wanted);
    let held = bytes.len() as u64;
    if gzip {
        if reach > limits.expansion_bytes {
            let limit = limits.expansion_bytes;
            return Err(FormatError::ArchiveBomb {
                place: "gzip file".to_owned(),
                expanded: reach,
                stored: held,
                limit,
            });
        }
        if reach > held.saturating_mul(DEFLATE_RATIO).saturating_add(1 << 16) {
            return Err(FormatError::PixelBomb { declared: wanted, held });
        }
    } else if reach > held {
        let error = if wanted > (16 << 20) && held.saturating_mul(16) < wanted {
            FormatError::PixelBomb { declared: wanted, held }
        } else {
            FormatError::Truncated { place: "voxels".to_owned(), found: held, expected: reach }
        };
        return Err(error);
    }
    // The header buffer may reach into the voxels, whose place the header itself gives.
    let mut data =
        header_bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default().to_vec();
    let skipped = offset.saturating_sub(header_bytes.len() as u64);
    std::io::copy(&mut stream.by_ref().take(skipped), &mut std::io::sink()).map_err(|_| broken())?;
    data.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
    let left = wanted - data.len() as u64;
    fill(&mut stream, &mut data, left)?;
    if (data.len() as u64) < wanted {
        return Err(FormatError::Truncated {
            place: "voxels".to_owned(),
            found: data.len() as u64,
            expected: wanted,
        });
    }
    let mut values = header.values(&data);
    drop(data);
    defects.extend(finite::mend(&mut values, &item.label)?);
    if header.volumes > 1 {
        let message = format!("{} volumes found: the first is read", header.volumes);
        defects.push(Defect::new(DefectKind::Unsupported, &item.label, message));
    }
    let geometry = affine::geometry(&header, [columns, rows, slices], &item.label, &mut defects)?;
    let title = item.label.rsplit(['/', '\\', '!']).next().unwrap_or(&item.label).to_owned();
    Ok(Series {
        study: None,
        series: None,
        frame_of_reference: None,
        title,
        modality: None,
        body_part: None,
        view: None,
        color: false,
        stored_range: header.stored_range(),
        window: header.window,
        patient: Patient::default(),
        sources: vec![SourceFile {
            path: item.label.clone(),
            sha256: sha256(bytes, limits),
            sop_instance_uid: None,
        }],
        image: Image::Arbitrary(Volume::<Arbitrary>::new(geometry, values)?),
        defects,
    })
}

/// Appends up to `most` bytes; memory grows with what comes, not with what is promised.
fn fill(stream: &mut dyn Read, into: &mut Vec<u8>, most: u64) -> Result<(), FormatError> {
    stream.take(most).read_to_end(into).map(|_| ()).map_err(|_| broken())
}

fn broken() -> FormatError {
    FormatError::malformed("gzip stream", "the compressed stream is broken or cut")
}

impl Header {
    /// The voxels as numbers: stored x slope + intercept.
    fn values(&self, data: &[u8]) -> Vec<f32> {
        let (slope, intercept) = (self.slope, self.intercept);
        let plain = slope == 1.0 && intercept == 0.0;
        macro_rules! convert {
            ($type:ty, $bytes:literal) => {
                data.as_chunks::<$bytes>()
                    .0
                    .iter()
                    .map(|chunk| {
                        let stored = if self.big_endian {
                            <$type>::from_be_bytes(*chunk)
                        } else {
                            <$type>::from_le_bytes(*chunk)
                        };
                        if plain { stored as f32 } else { (stored as f64 * slope + intercept) as f32 }
                    })
                    .collect()
            };
        }
        match self.data_type {
            DataType::U8 => convert!(u8, 1),
            DataType::I8 => convert!(i8, 1),
            DataType::U16 => convert!(u16, 2),
            DataType::I16 => convert!(i16, 2),
            DataType::U32 => convert!(u32, 4),
            DataType::I32 => convert!(i32, 4),
            DataType::U64 => convert!(u64, 8),
            DataType::I64 => convert!(i64, 8),
            DataType::F32 => convert!(f32, 4),
            DataType::F64 => convert!(f64, 8),
        }
    }
}
