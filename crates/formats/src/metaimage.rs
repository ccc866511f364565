//! MetaImage, in one file (`.mha`) and in two (`.mhd` with the file that it names).
//!
//! Its world is LPS+, as ITK writes it. A series in several files (`LIST` or a pattern) is not read.
//!
//! Source: <https://itk.org/Wiki/ITK/MetaIO/Documentation>.

mod header;

pub(crate) use header::is_metaimage;

use std::collections::BTreeMap;

use wilhelm_study::{Defect, Mm, PixelSpacing, Segment, SourceFile};

use crate::nrrd::read_segments;
use crate::source::{Item, sha256};
use crate::volume::arrange::{AxisRole, arranged};
use crate::volume::companion::Companions;
use crate::volume::payload::{Packing, Payload};
use crate::volume::stored::{Coding, StoredType};
use crate::volume::{Grid, Loaded, affine, judge_voxels};
use crate::{FormatError, Limits, archive, segment};
use header::Header;

/// Reads a MetaImage with all its volumes.
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
        None => voxels(item, &header, &bytes[behind..], Some(0), limits),
        Some(name) => {
            let data = companions.beside(item, "ElementDataFile", name)?;
            data.source.with_all(limits, |bytes| {
                let mut loaded = voxels(item, &header, bytes, header.header_size, limits)?;
                let (path, sha256) = (data.label.clone(), sha256(bytes, limits));
                loaded.data = Some(SourceFile { path, sha256, sop_instance_uid: None });
                Ok(loaded)
            })
        }
    }
}

fn voxels(
    item: &Item,
    header: &Header,
    bytes: &[u8],
    skip: Option<u64>,
    limits: &Limits,
) -> Result<Loaded, FormatError> {
    let product = |sizes: &[usize]| sizes.iter().try_fold(1_u64, |p, size| p.checked_mul(*size as u64));
    let in_space = header.sizes.len().min(3);
    let each = product(&header.sizes[..in_space]);
    let later = product(&header.sizes[in_space..]).unwrap_or(u64::MAX);
    // ITK writes RGB and RGBA as channels of bytes.
    let is_color = matches!(header.channels, 3 | 4) && header.stored == StoredType::U8;
    let channels = header.channels as u64;
    let count = if is_color { later } else { later.saturating_mul(channels) };
    judge_voxels(each.and_then(|each| each.checked_mul(channels)), later, limits)?;
    judge_voxels(each, count, limits)?;
    let each = each.expect("judged above");
    let mut defects: Vec<Defect> = header
        .doubts
        .iter()
        .map(|(field, message)| affine::defect(&item.label, field, message.as_str()))
        .collect();
    let (grid, shear) = grid(header, &item.label, &mut defects)?;
    let coding = Coding::plain(header.stored, header.big_endian);
    let payload = payload(header, bytes, skip, each * channels * later)?;
    let (volumes, color) = if header.channels == 1 {
        (payload.volumes(later, each, coding, limits)?, false)
    } else {
        let mut whole = payload.volumes(1, each * channels * later, coding, limits)?;
        let sizes: Vec<usize> = [header.channels].iter().chain(&header.sizes).copied().collect();
        let first = if is_color { AxisRole::Color } else { AxisRole::Volumes };
        let rest = (0..header.sizes.len())
            .map(|axis| if axis < in_space { AxisRole::Space } else { AxisRole::Volumes });
        let roles: Vec<AxisRole> = [first].into_iter().chain(rest).collect();
        let top = coding.stored_range().map_or(255.0, |(_, high)| high);
        arranged(&whole.remove(0), &sizes, &roles, top)
    };
    Ok(Loaded {
        grid,
        volumes,
        doubt: shear,
        stored_range: coding.stored_range(),
        window: None,
        color,
        defects,
        // Our own writer names them in the way of NRRD.
        segments: read_segments(&header.other),
        data: None,
    })
}

fn payload<'a>(
    header: &Header,
    mut bytes: &'a [u8],
    skip: Option<u64>,
    values: u64,
) -> Result<Payload<'a>, FormatError> {
    let packing = match (header.binary, header.compressed) {
        (true, false) => Packing::Plain,
        // MetaIO takes either; it writes zlib.
        (true, true) if archive::is_gzip(bytes) => Packing::Gzip,
        (true, true) => Packing::Zlib,
        (false, false) => Packing::Text,
        (false, true) => return Err(FormatError::unsupported("compressed text", "compressed binary data")),
    };
    if let (Some(size), true) = (header.compressed_size, header.compressed) {
        let held = bytes.len() as u64;
        if size > held {
            let place = "voxels".to_owned();
            return Err(FormatError::Truncated { place, found: held, expected: size });
        }
        bytes = &bytes[..size as usize];
    }
    let skip = match (skip, packing) {
        (Some(skip), _) => skip,
        (None, Packing::Plain) => {
            let wanted = values.saturating_mul(header.stored.bytes() as u64);
            (bytes.len() as u64).saturating_sub(wanted)
        }
        (None, _) => {
            return Err(FormatError::unsupported("HeaderSize -1 of packed data", "plain binary data"));
        }
    };
    if skip > 0 && packing != Packing::Plain {
        return Err(FormatError::unsupported("HeaderSize before packed data", "plain binary data"));
    }
    Ok(Payload { bytes, packing, skip })
}

/// The grid, and why it is in doubt.
fn grid(
    header: &Header,
    label: &str,
    defects: &mut Vec<Defect>,
) -> Result<(Grid, Option<String>), FormatError> {
    let spacing = &header.spacing;
    if let [columns, rows] = header.sizes[..] {
        let spacing = PixelSpacing { between_columns: Mm(spacing[0]), between_rows: Mm(spacing[1]) };
        let spacing = header.spacing_stated.then_some(spacing);
        return Ok((Grid::Flat { columns, rows, spacing }, None));
    }
    let steps = std::array::from_fn(|axis| std::array::from_fn(|i| header.matrix[axis][i] * spacing[axis]));
    let size = std::array::from_fn(|axis| header.sizes[axis]);
    let origin = std::array::from_fn(|i| header.offset[i]);
    let straightened = affine::grid(size, steps, origin, "TransformMatrix")?;
    let geometry = straightened.geometry;
    if let Some(stated) = header.anatomical.as_deref() {
        // MetaIO names the sides that the axes come from, we those that they go to.
        let from: String = geometry.direction().letters().chars().map(opposite).collect();
        if stated != from {
            let message = format!(
                "AnatomicalOrientation is {stated}, the matrix says {from}: the matrix is used, as ITK does"
            );
            defects.push(affine::defect(label, "AnatomicalOrientation", message));
        }
    }
    let mut doubt = None;
    if let Some(shear) = straightened.shear {
        defects.push(affine::defect(label, "TransformMatrix", shear.as_str()));
        doubt = Some(shear);
    }
    if !header.matrix_stated {
        doubt = doubt.or_else(|| Some("no TransformMatrix, expected a place in space".to_owned()));
    }
    Ok((Grid::Space(geometry), doubt))
}

/// The other side of the body.
pub(crate) const fn opposite(side: char) -> char {
    match side {
        'L' => 'R',
        'R' => 'L',
        'A' => 'P',
        'P' => 'A',
        'S' => 'I',
        'I' => 'S',
        other => other,
    }
}

/// The segments of a label map as fields, one a line.
pub(crate) fn encoded_segments(segments: &BTreeMap<u16, Segment>) -> String {
    segments
        .iter()
        .enumerate()
        .map(|(i, (label, segment))| {
            let name = segment::written_name(*label, segment);
            format!("Segment{i}_LabelValue = {label}\nSegment{i}_Name = {name}\n")
        })
        .collect()
}
