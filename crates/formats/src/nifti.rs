//! NIfTI-1 and NIfTI-2: the only place that knows RAS.
//!
//! The header is read here rather than by a library, so that every declared size is judged before
//! anything is allocated for it.

mod affine;
mod extension;
mod header;

pub(crate) use extension::encoded_names;
pub(crate) use header::is_nifti;

use crate::volume::payload::{Packing, Payload};
use crate::volume::{Grid, Loaded, judge_voxels};
use crate::{FormatError, Limits, archive};
use header::Header;

/// Extensions are looked at up to this far into the file.
const EXTENSIONS: u64 = 1 << 20;

/// Reads a NIfTI file with all its volumes.
///
/// # Errors
/// [`FormatError`] for what is cut, too large, or of a type that is no number.
pub(crate) fn load(label: &str, bytes: &[u8], gzip: bool, limits: &Limits) -> Result<Loaded, FormatError> {
    let beginning = |most: u64| {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if gzip { archive::gzip_beginning(bytes, most) } else { bytes[..bytes.len().min(most)].to_vec() }
    };
    let header = Header::read(&beginning(header::LONGEST as u64))?;
    judge_voxels(header.voxels(), header.volumes, limits)?;
    let each = header.voxels().expect("judged above");
    let packing = if gzip { Packing::Gzip } else { Packing::Plain };
    let payload = Payload { bytes, packing, skip: header.voxel_offset };
    let volumes = payload.volumes(header.volumes, each, header.coding, limits)?;
    let mut defects = Vec::new();
    let (geometry, doubt) = affine::geometry(&header, label, &mut defects)?;
    let before_voxels = beginning(header.voxel_offset.min(EXTENSIONS));
    Ok(Loaded {
        grid: Grid::Space(geometry),
        volumes,
        doubt,
        stored_range: header.coding.stored_range(),
        window: header.window,
        color: false,
        defects,
        segments: extension::segments(before_voxels.get(header.length..).unwrap_or_default()),
        data: None,
    })
}
