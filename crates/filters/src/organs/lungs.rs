use wilhelm_study::{Hu, Index, Mask, Progress, Volume};

use super::{axial, body, piece};
use crate::FilterError;
use crate::segment::distance::Metric;
use crate::segment::morphology::Element;
use crate::segment::{
    Component, Connectivity, components, distance, holes, morphology, region, threshold, watershed,
};

/// Both lungs and the large airways.
#[derive(Clone, Debug, PartialEq)]
pub struct Lungs {
    /// The patient's left lung; empty where only the right one is in the image.
    pub left: Mask,
    /// The patient's right lung; empty where only the left one is in the image.
    pub right: Mask,
    /// Trachea and main bronchi; empty where no trachea was found.
    pub airway: Mask,
    /// What a reader should know, in words.
    pub notes: Vec<String>,
}

impl Lungs {
    /// Both lungs together.
    ///
    /// # Errors
    /// Never for lungs that [`lungs`] gave: they share a grid.
    pub fn both(&self) -> Result<Mask, FilterError> {
        Ok(self.left.union(&self.right)?)
    }
}

/// A lung in the image is at least this large, mL.
const LEAST_MILLILITERS: f64 = 10.0;
/// Air of the bowel has a median below this, HU; emphysema does not.
const GAS: f64 = -965.0;
/// Vessels of the hilum that a closing bridges, mm (radius).
const HILUM: f64 = 7.0;

/// Both lungs in chest CT, without trachea and main bronchi, with the vessels inside them.
///
/// Air inside the body, less the airway grown from the trachea before it leaks, less bowel gas; joined
/// lungs are parted where they are narrowest.
///
/// # Errors
/// [`FilterError::Parameter`] where the slices are not axial, [`FilterError::NotFound`] where there is
/// no body or no lung, [`FilterError::Cancelled`].
///
/// # Source
/// Hu, Hoffman, Reinhardt 2001, doi:10.1109/42.929615 (threshold, airway, parting), with a closing
/// instead of its smoothing.
pub fn lungs(ct: &Volume<Hu>, progress: &dyn Progress) -> Result<Lungs, FilterError> {
    const STEPS: usize = 6;
    let step = |done: usize| {
        progress.step(done, STEPS);
        if progress.cancelled() { Err(FilterError::Cancelled) } else { Ok(()) }
    };
    axial(ct.geometry())?;
    let geometry = *ct.geometry();
    let body = body(ct)?;
    step(1)?;
    let limit = between_air_and_tissue(ct, &body);
    let air = threshold::range(ct, f32::NEG_INFINITY, limit)?.intersection(&body)?;
    let mut notes = Vec::new();
    let airway = airway(ct, &air, &body)?;
    if airway.is_empty() {
        notes.push("no trachea was found: airways may be counted with the lungs".to_owned());
    }
    step(2)?;
    let wall = morphology::dilate(&airway, Element::BallMm(2.0))?;
    let candidates = air.difference(&wall)?;
    let found = lung_pieces(ct, &candidates)?;
    step(3)?;
    let middle = center_left(&body);
    let (mut left, mut right) = (Mask::none(geometry), Mask::none(geometry));
    for mask in found {
        for part in parted(&mask, middle, progress)? {
            if center_left(&part) > middle {
                left = left.union(&part)?;
            } else {
                right = right.union(&part)?;
            }
        }
    }
    step(4)?;
    for (lung, side) in [(&left, "left"), (&right, "right")] {
        if lung.is_empty() {
            notes.push(format!("no {side} lung was found"));
        }
        if touches_side(lung) {
            notes.push(format!("the {side} lung is cut off at the side of the image"));
        }
    }
    let closed = |lung: &Mask, other: &Mask| -> Result<Mask, FilterError> {
        if lung.is_empty() {
            return Ok(lung.clone());
        }
        let closed = holes::fill(&morphology::close(lung, Element::BallMm(HILUM))?)?;
        Ok(closed.intersection(&body)?.difference(other)?.difference(&wall)?.union(lung)?)
    };
    let whole_left = closed(&left, &right)?;
    step(5)?;
    let whole_right = closed(&right, &whole_left)?;
    step(6)?;
    Ok(Lungs { left: whole_left, right: whole_right, airway, notes })
}

/// The threshold midway between the means of what lies below and above it, sought from -500 HU.
fn between_air_and_tissue(ct: &Volume<Hu>, body: &Mask) -> f32 {
    let mut limit = -500.0_f64;
    for _ in 0..50 {
        let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
        for (value, inside) in ct.voxels().iter().zip(body.voxels()) {
            if *inside && value.is_finite() {
                let side = usize::from(f64::from(*value) >= limit);
                // Air of a scanner's padding value is air.
                sums[side] += f64::from(value.max(-1024.0));
                counts[side] += 1.0;
            }
        }
        if counts[0] == 0.0 || counts[1] == 0.0 {
            break;
        }
        let next = (sums[0] / counts[0] + sums[1] / counts[1]) / 2.0;
        if (next - limit).abs() < 0.5 {
            break;
        }
        limit = next;
    }
    // Fat must not count as air, whatever the image holds.
    limit.clamp(-700.0, -300.0) as f32
}

/// The trachea and what hangs together with it, up to the threshold at which it would leak into the lungs.
fn airway(ct: &Volume<Hu>, air: &Mask, body: &Mask) -> Result<Mask, FilterError> {
    const MOST_MILLILITERS: f64 = 150.0;
    let geometry = *ct.geometry();
    let Some(seed) = trachea(ct, air, body)? else { return Ok(Mask::none(geometry)) };
    let mut kept = Mask::none(geometry);
    for limit in [-960.0, -940.0, -920.0, -900.0, -880.0, -850.0] {
        let grown =
            region::grow(ct, &[seed], f32::NEG_INFINITY, limit, Connectivity::Faces)?.intersection(air)?;
        let (before, now) = (kept.milliliters(), grown.milliliters());
        if now > MOST_MILLILITERS || (before > 15.0 && now > 2.0 * before) {
            break;
        }
        kept = grown;
    }
    Ok(kept)
}

/// A voxel in the middle of the trachea: the uppermost round piece of air near the body's middle that goes
/// on over some slices.
fn trachea(ct: &Volume<Hu>, air: &Mask, body: &Mask) -> Result<Option<Index>, FilterError> {
    const SQUARE_MILLIMETERS: std::ops::Range<f64> = 50.0..900.0;
    const LEAST_LENGTH: f64 = 20.0;
    const MIDDLE: f64 = 50.0;
    let geometry = ct.geometry();
    let [columns, rows, slices] = geometry.size();
    let [x, y, z] = geometry.spacing().millimeters();
    let from_above: Vec<usize> = if geometry.direction().through_slices()[2] > 0.0 {
        (0..slices).rev().collect()
    } else {
        (0..slices).collect()
    };
    let plane = columns * rows;
    let mut last: Option<([f64; 3], Index, f64)> = None;
    for slice in from_above {
        let size = [columns, rows, 1];
        let flat = geometry.cropped([0, 0, slice], size)?;
        let here = Mask::new(flat, air.voxels()[slice * plane..(slice + 1) * plane].to_vec())?;
        let body_here = Mask::new(flat, body.voxels()[slice * plane..(slice + 1) * plane].to_vec())?;
        if body_here.is_empty() {
            continue;
        }
        let middle = center_left(&body_here);
        let found = components::label(&here, Connectivity::Faces)?;
        let round = |piece: &&Component| {
            let area = piece.voxels as f64 * x * y;
            let [width, height] =
                [(piece.end[0] - piece.start[0]) as f64 * x, (piece.end[1] - piece.start[1]) as f64 * y];
            let point = flat.point_at(piece.centroid);
            SQUARE_MILLIMETERS.contains(&area)
                && (0.4..2.5).contains(&(width / height))
                && area / (width * height) > 0.5
                && (point.left - middle).abs() < MIDDLE
                && !piece.is_on_border(size)
        };
        let mut best: Option<(f64, &Component)> = None;
        for piece in found.list.iter().filter(round) {
            let off = match &last {
                Some((center, _, _)) => (piece.centroid[0] - center[0]).hypot(piece.centroid[1] - center[1]),
                None => (flat.point_at(piece.centroid).left - middle).abs(),
            };
            if best.is_none_or(|(least, _)| off < least) {
                best = Some((off, piece));
            }
        }
        last = match (best, last) {
            // It goes on where the next slice has one within a centimeter.
            (Some((off, piece)), Some((_, seed, length))) if off * x.max(y) < 10.0 => {
                if length + z >= LEAST_LENGTH {
                    return Ok(Some(seed));
                }
                Some((piece.centroid, seed, length + z))
            }
            (Some((_, piece)), _) => {
                inner(&found.labels, columns, piece, slice, &found.list).map(|seed| (piece.centroid, seed, z))
            }
            (None, _) => None,
        };
    }
    Ok(None)
}

/// A voxel of a flat piece next to its center.
fn inner(
    labels: &[u32],
    columns: usize,
    piece: &Component,
    slice: usize,
    list: &[Component],
) -> Option<Index> {
    let number = list.iter().position(|other| other == piece)? as u32 + 1;
    let square = |at: usize| {
        let (column, row) = ((at % columns) as f64, (at / columns) as f64);
        (column - piece.centroid[0]).powi(2) + (row - piece.centroid[1]).powi(2)
    };
    let of_piece = labels.iter().enumerate().filter(|(_, label)| **label == number).map(|(at, _)| at);
    let at = of_piece.min_by(|a, b| square(*a).total_cmp(&square(*b)))?;
    Some(Index { column: at % columns, row: at / columns, slice })
}

/// Pieces of air that are lung: large enough, and neither as empty as gas nor as dense as tissue.
fn lung_pieces(ct: &Volume<Hu>, air: &Mask) -> Result<Vec<Mask>, FilterError> {
    let geometry = *ct.geometry();
    let voxel = geometry.voxel_milliliters();
    let found = components::label(air, Connectivity::Faces)?;
    let mut kept = Vec::new();
    for (place, piece_found) in found.list.iter().enumerate() {
        if (piece_found.voxels as f64) * voxel < LEAST_MILLILITERS {
            continue;
        }
        let number = place as u32 + 1;
        let mut values: Vec<f32> = ct
            .voxels()
            .iter()
            .zip(&found.labels)
            .filter(|(value, label)| **label == number && value.is_finite())
            .map(|(value, _)| *value)
            .collect();
        if values.is_empty() {
            continue;
        }
        let middle = values.len() / 2;
        let (_, median, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
        if f64::from(*median) > GAS {
            kept.push((piece_found.voxels, piece(geometry, &found.labels, number)?));
        }
    }
    let largest = kept.iter().map(|(voxels, _)| *voxels).max().unwrap_or(0);
    if largest == 0 {
        let reason = format!("no air of {LEAST_MILLILITERS} mL or more inside the body is lung");
        return Err(FilterError::NotFound { structure: "lungs", reason });
    }
    // Air of the bowel that holds stool is not as empty as gas, but smaller than a lung.
    kept.retain(|(voxels, _)| *voxels * 10 >= largest);
    Ok(kept.into_iter().map(|(_, mask)| mask).collect())
}

/// A mask in two, where it lies on both sides of the middle and a neck joins the sides; else as it is.
fn parted(mask: &Mask, middle: f64, progress: &dyn Progress) -> Result<Vec<Mask>, FilterError> {
    const LEAST_SHARE: f64 = 0.15;
    let geometry = *mask.geometry();
    let [columns, rows, _] = geometry.size();
    let total = mask.count();
    let left = mask
        .voxels()
        .iter()
        .enumerate()
        .filter(|(_, inside)| **inside)
        .filter(|(at, _)| {
            let place = [(at % columns) as f64, (at / columns % rows) as f64, (at / (columns * rows)) as f64];
            geometry.point_at(place).left > middle
        })
        .count();
    let share = left as f64 / total as f64;
    if !(LEAST_SHARE..=1.0 - LEAST_SHARE).contains(&share) {
        return Ok(vec![mask.clone()]);
    }
    let depth = distance::to_outside(mask, Metric::Millimeters, progress)?;
    for neck in [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0_f32] {
        let core = threshold::range(&depth, neck, f32::INFINITY)?.intersection(mask)?;
        let found = components::label(&core, Connectivity::Faces)?;
        let mut order: Vec<usize> = (0..found.list.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(found.list[*at].voxels), *at));
        let core_total = core.count() as f64;
        if let [first, second, ..] = order[..]
            && found.list[second].voxels as f64 >= LEAST_SHARE * core_total
        {
            let markers: Vec<u32> = found
                .labels
                .iter()
                .map(|label| match label.checked_sub(1).map(|at| at as usize) {
                    Some(at) if at == first => 1,
                    Some(at) if at == second => 2,
                    _ => 0,
                })
                .collect();
            let hills: Vec<f32> = depth.voxels().iter().map(|depth| -depth).collect();
            let hills = Volume::<wilhelm_study::Arbitrary>::new(geometry, hills)?;
            let sides =
                watershed::flood(&hills, &markers, Some(mask.voxels()), Connectivity::Faces, progress)?;
            return Ok(vec![piece(geometry, &sides, 1)?, piece(geometry, &sides, 2)?]);
        }
    }
    // No neck: the middle parts it.
    let half = |is_left: bool| {
        let inside = mask.voxels().iter().enumerate().map(|(at, inside)| {
            let place = [(at % columns) as f64, (at / columns % rows) as f64, (at / (columns * rows)) as f64];
            *inside && (geometry.point_at(place).left > middle) == is_left
        });
        Mask::new(geometry, inside.collect())
    };
    Ok(vec![half(true)?, half(false)?])
}

/// Where a mask's center of mass lies along the patient's left, mm.
fn center_left(mask: &Mask) -> f64 {
    let [columns, rows, _] = mask.geometry().size();
    let (mut sum, mut count) = ([0.0_f64; 3], 0.0);
    for (at, _) in mask.voxels().iter().enumerate().filter(|(_, inside)| **inside) {
        sum[0] += (at % columns) as f64;
        sum[1] += (at / columns % rows) as f64;
        sum[2] += (at / (columns * rows)) as f64;
        count += 1.0;
    }
    mask.geometry().point_at(sum.map(|sum| sum / f64::max(count, 1.0))).left
}

/// Whether a mask reaches the sides of its slices (not the first or last slice, where scans end).
fn touches_side(mask: &Mask) -> bool {
    let [columns, rows, _] = mask.geometry().size();
    mask.voxels().chunks_exact(columns).enumerate().any(|(line, row)| {
        let edge = line % rows == 0 || line % rows == rows - 1;
        row[0] || row[columns - 1] || (edge && row.contains(&true))
    })
}
