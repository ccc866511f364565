//! NRRD, attached (`.nrrd`) and detached (`.nhdr` with a file beside it).
//!
//! Source: <https://teem.sourceforge.net/nrrd/format.html>.

mod header;
mod segments;
mod space;

pub(crate) use segments::{encoded as encoded_segments, read as read_segments};

use wilhelm_study::SourceFile;

use crate::source::{Item, sha256};
use crate::volume::arrange::{AxisRole, arranged, is_in_order};
use crate::volume::companion::Companions;
use crate::volume::payload::{Packing, Payload};
use crate::volume::stored::Coding;
use crate::volume::{Loaded, affine, judge_voxels};
use crate::{FormatError, Limits};
use header::{Header, Kind};

/// Whether bytes begin as an NRRD file does.
pub(crate) fn is_nrrd(bytes: &[u8]) -> bool {
    bytes.starts_with(b"NRRD000")
}

/// Reads an NRRD file with all its volumes.
///
/// # Errors
/// [`FormatError`] for what is cut, too large, of a type that is no number, or whose data lie
/// outside the folder of the header.
pub(crate) fn load(
    item: &Item,
    bytes: &[u8],
    companions: &Companions<'_>,
    limits: &Limits,
) -> Result<Loaded, FormatError> {
    let (header, behind) = Header::read(bytes)?;
    match &header.data_file {
        None => voxels(item, &header, &bytes[behind..], limits),
        Some(name) => {
            let data = companions.beside(item, "data file", name)?;
            data.source.with_all(limits, |bytes| {
                let mut loaded = voxels(item, &header, bytes, limits)?;
                let (path, sha256) = (data.label.clone(), sha256(bytes, limits));
                loaded.data = Some(SourceFile { path, sha256, sop_instance_uid: None });
                Ok(loaded)
            })
        }
    }
}

fn voxels(item: &Item, header: &Header, bytes: &[u8], limits: &Limits) -> Result<Loaded, FormatError> {
    let roles = space::roles(header)?;
    let product = |role: AxisRole| {
        let mut sizes = header.axes.iter().zip(&roles).filter(|(_, found)| **found == role);
        sizes.try_fold(1_u64, |product, (axis, _)| product.checked_mul(axis.size as u64))
    };
    let too_many =
        || FormatError::TooLarge { what: "number of voxels", declared: u64::MAX, limit: limits.voxels };
    let each = product(AxisRole::Space).ok_or_else(too_many)?;
    let count = product(AxisRole::Volumes).ok_or_else(too_many)?;
    let channels = product(AxisRole::Color).ok_or_else(too_many)?;
    judge_voxels(each.checked_mul(channels), count, limits)?;
    let coding = Coding::plain(header.stored, header.big_endian);
    let mut defects: Vec<_> = header
        .unknown
        .iter()
        .map(|message| affine::defect(&item.label, "header", message.as_str()))
        .collect();
    let space::Placed { grid, doubt } = space::grid(header, &roles, &item.label, &mut defects)?;
    for (axis, role) in header.axes.iter().zip(&roles) {
        if let (Kind::Other(kind), AxisRole::Volumes) = (&axis.kind, role) {
            let message = format!("an axis of kind {kind} is read as {} volumes", axis.size);
            defects.push(affine::defect(&item.label, "kinds", message));
        }
    }
    let payload = payload(header, bytes, each * channels * count)?;
    let (volumes, color) = if is_in_order(&roles) {
        (payload.volumes(count, each, coding, limits)?, false)
    } else {
        let mut whole = payload.volumes(1, each * channels * count, coding, limits)?;
        let sizes: Vec<usize> = header.axes.iter().map(|axis| axis.size).collect();
        let top = coding.stored_range().map_or(255.0, |(_, high)| high);
        arranged(&whole.remove(0), &sizes, &roles, top)
    };
    Ok(Loaded {
        grid,
        volumes,
        doubt,
        stored_range: coding.stored_range(),
        window: None,
        color,
        defects,
        segments: read_segments(&header.pairs),
        data: None,
    })
}

/// Where the voxels begin: behind skipped lines, then skipped bytes (after unpacking).
fn payload<'a>(header: &Header, mut bytes: &'a [u8], values: u64) -> Result<Payload<'a>, FormatError> {
    for line in 0..header.line_skip {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            let message = format!("{}, but the data have {line} lines", header.line_skip);
            return Err(FormatError::malformed("line skip", message));
        };
        bytes = &bytes[end + 1..];
    }
    let skip = match header.byte_skip {
        Some(skip) => skip,
        None if header.packing == Packing::Plain => {
            let wanted = values.saturating_mul(header.stored.bytes() as u64);
            (bytes.len() as u64).saturating_sub(wanted)
        }
        None => {
            let expected = "byte skip from the end with raw encoding only";
            return Err(FormatError::unsupported("byte skip -1", expected));
        }
    };
    if header.packing == Packing::Text && skip > 0 {
        return Err(FormatError::unsupported("byte skip before text", "line skip"));
    }
    Ok(Payload { bytes, packing: header.packing, skip })
}
