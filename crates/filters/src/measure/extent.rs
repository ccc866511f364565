use wilhelm_study::{FlatMask, Mask};

use crate::FilterError;

/// How a mask lies along the patient's left-right axis in each slice: `None` where the slice is empty.
///
/// # Errors
/// [`FilterError::Parameter`] where no axis of the slices runs along left-right within 30 degrees.
pub(super) fn widths_left_right(mask: &Mask) -> Result<Vec<Option<Run>>, FilterError> {
    let (axis, sign) = left_right_axis(mask)?;
    let [columns, rows, slices] = mask.geometry().size();
    let step = mask.geometry().spacing().millimeters()[axis];
    let plane = columns * rows;
    Ok((0..slices)
        .map(|slice| {
            let here = &mask.voxels()[slice * plane..(slice + 1) * plane];
            let run = if axis == 0 {
                widest(here, columns, 1, rows, columns)
            } else {
                widest(here, rows, columns, columns, 1)
            };
            run.map(|(first, last)| Run { first, last, step, sign })
        })
        .collect())
}

/// Extent of pixels along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub first: usize,
    pub last: usize,
    /// Millimeters from one to the next.
    pub step: f64,
    /// 1 where the axis runs toward the patient's left.
    pub sign: f64,
}

impl Run {
    /// From edge to edge, mm.
    pub(super) fn millimeters(self) -> f64 {
        (self.last + 1 - self.first) as f64 * self.step
    }
}

/// First and last index along one axis at which any line has a voxel.
fn widest(here: &[bool], along: usize, step: usize, lines: usize, jump: usize) -> Option<(usize, usize)> {
    let any = |i: usize| (0..lines).any(|line| here[i * step + line * jump]);
    let first = (0..along).find(|i| any(*i))?;
    let last = (first..along).rev().find(|i| any(*i))?;
    Some((first, last))
}

/// Which axis of the slices runs along left-right, and whether toward the left (1) or right (-1).
fn left_right_axis(mask: &Mask) -> Result<(usize, f64), FilterError> {
    let axes = mask.geometry().direction().axes();
    let axis = if axes[0][0].abs() >= axes[1][0].abs() { 0 } else { 1 };
    let cosine = axes[axis][0];
    if cosine.abs() < 30.0_f64.to_radians().cos() {
        return Err(FilterError::parameter(
            "orientation",
            mask.geometry().direction().letters(),
            "slices with an axis along the patient's left and right",
        ));
    }
    Ok((axis, cosine.signum()))
}

/// First and last column of a flat mask that has a pixel, over all rows.
pub(super) fn columns(mask: &FlatMask) -> Option<(usize, usize)> {
    widest(mask.pixels(), mask.columns(), 1, mask.rows(), mask.columns())
}

/// The widest row-wise extent of a flat mask: row, first and last column.
pub(super) fn widest_row(mask: &FlatMask) -> Option<(usize, usize, usize)> {
    let mut best: Option<(usize, usize, usize)> = None;
    for (row, line) in mask.pixels().chunks_exact(mask.columns()).enumerate() {
        let Some(first) = line.iter().position(|inside| *inside) else { continue };
        let last = line.iter().rposition(|inside| *inside).unwrap_or(first);
        if best.is_none_or(|(_, from, to)| last - first > to - from) {
            best = Some((row, first, last));
        }
    }
    best
}
