use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{Mask, PointLps};

use super::Measured;
use crate::FilterError;

/// The long axis of a mask within one slice and the longest line across it at a right angle.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Diameters {
    /// The slice, from 0, in which the long axis is longest.
    pub slice: usize,
    /// Longest distance between two points of the border in one slice, mm.
    pub long_axis: Measured,
    /// Longest distance at a right angle to the long axis in that slice, mm.
    pub short_axis: Measured,
    /// Ends of the long axis in the patient's space.
    pub long_ends: [PointLps; 2],
    /// Ends of the short axis.
    pub short_ends: [PointLps; 2],
}

/// RECIST's diameters: the long axis in the slice where it is longest, and the short axis across it.
///
/// Distances run between voxel edges: a single voxel is as long as its diagonal is, not 0. The ends
/// of the range are one pixel's diagonal shorter (voxel centers) and one longer.
///
/// # Errors
/// [`FilterError::TooFew`] for an empty mask.
///
/// # Source
/// Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026
pub fn in_plane_diameters(mask: &Mask) -> Result<Diameters, FilterError> {
    let [columns, rows, slices] = mask.geometry().size();
    let [x, y, _] = mask.geometry().spacing().millimeters();
    let mut best: Option<(usize, Line, Vec<Corner>)> = None;
    for slice in 0..slices {
        let plane = &mask.voxels()[slice * columns * rows..(slice + 1) * columns * rows];
        let hull = hull(corners(plane, columns, x, y));
        if let Some(line) = longest(&hull)
            && best.as_ref().is_none_or(|(_, longest, _)| line.length > longest.length)
        {
            best = Some((slice, line, hull));
        }
    }
    let Some((slice, long, hull)) = best else {
        return Err(FilterError::TooFew { what: "mask", found: 0, expected: 1 });
    };
    let short = widest_across(&hull, &long);
    let diagonal = x.hypot(y);
    let measured = |line: &Line| {
        Measured::new(line.length, (line.length - diagonal).max(0.0), line.length + diagonal, "mm")
    };
    let point =
        |corner: Corner| mask.geometry().point_at([corner[0] / x - 0.5, corner[1] / y - 0.5, slice as f64]);
    Ok(Diameters {
        slice,
        long_axis: measured(&long),
        short_axis: measured(&short),
        long_ends: long.ends.map(point),
        short_ends: short.ends.map(point),
    })
}

/// The greatest distance between any two points of a mask in space, mm (Feret's diameter).
///
/// Distances run between voxel corners, as for [`in_plane_diameters`].
///
/// # Errors
/// [`FilterError::TooFew`] for an empty mask.
pub fn greatest_diameter(mask: &Mask) -> Result<Measured, FilterError> {
    let [columns, rows, slices] = mask.geometry().size();
    let [x, y, z] = mask.geometry().spacing().millimeters();
    // Only hull corners of each slice can be ends; both faces of a slice have the same.
    let mut points: Vec<[f64; 3]> = Vec::new();
    for slice in 0..slices {
        let plane = &mask.voxels()[slice * columns * rows..(slice + 1) * columns * rows];
        for [a, b] in hull(corners(plane, columns, x, y)) {
            points.push([a, b, slice as f64 * z]);
            points.push([a, b, (slice + 1) as f64 * z]);
        }
    }
    if points.is_empty() {
        return Err(FilterError::TooFew { what: "mask", found: 0, expected: 1 });
    }
    let mut square = 0.0_f64;
    for (i, a) in points.iter().enumerate() {
        for b in &points[i + 1..] {
            square = square.max((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2));
        }
    }
    let (length, diagonal) = (square.sqrt(), x.hypot(y).hypot(z));
    Ok(Measured::new(length, (length - diagonal).max(0.0), length + diagonal, "mm"))
}

type Corner = [f64; 2];

struct Line {
    ends: [Corner; 2],
    length: f64,
}

/// Corners of each row's first and last pixel, mm from the grid's corner: all that a hull can need.
fn corners(plane: &[bool], columns: usize, x: f64, y: f64) -> Vec<Corner> {
    let mut corners = Vec::new();
    for (row, line) in plane.chunks_exact(columns).enumerate() {
        let Some(first) = line.iter().position(|inside| *inside) else { continue };
        let last = line.iter().rposition(|inside| *inside).unwrap_or(first);
        for edge in [row, row + 1] {
            corners.push([first as f64 * x, edge as f64 * y]);
            corners.push([(last + 1) as f64 * x, edge as f64 * y]);
        }
    }
    corners
}

/// Convex hull, counterclockwise (Andrew's monotone chain).
fn hull(mut points: Vec<Corner>) -> Vec<Corner> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let turn =
        |o: Corner, a: Corner, b: Corner| (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
    let mut chain: Vec<Corner> = Vec::with_capacity(points.len() + 1);
    for pass in 0..2 {
        let start = chain.len();
        let ordered: Box<dyn Iterator<Item = &Corner>> =
            if pass == 0 { Box::new(points.iter()) } else { Box::new(points.iter().rev()) };
        for point in ordered {
            while chain.len() >= start + 2
                && turn(chain[chain.len() - 2], chain[chain.len() - 1], *point) <= 0.0
            {
                chain.pop();
            }
            chain.push(*point);
        }
        chain.pop();
    }
    chain
}

/// The longest line between two corners of a hull.
fn longest(hull: &[Corner]) -> Option<Line> {
    let mut best: Option<Line> = None;
    for (i, a) in hull.iter().enumerate() {
        for b in &hull[i + 1..] {
            let length = (a[0] - b[0]).hypot(a[1] - b[1]);
            if best.as_ref().is_none_or(|line| length > line.length) {
                best = Some(Line { ends: [*a, *b], length });
            }
        }
    }
    best
}

/// The longest chord of a hull at a right angle to a line.
fn widest_across(hull: &[Corner], line: &Line) -> Line {
    let [start, end] = line.ends;
    let along = [(end[0] - start[0]) / line.length, (end[1] - start[1]) / line.length];
    let across = [-along[1], along[0]];
    let position = |p: &Corner| p[0] * along[0] + p[1] * along[1];
    let mut best = Line { ends: [start, start], length: 0.0 };
    // The width is piecewise linear along the line, so that it is greatest at a corner of the hull.
    for place in hull.iter().map(position) {
        let mut chord: Vec<Corner> = Vec::new();
        for (i, a) in hull.iter().enumerate() {
            let b = &hull[(i + 1) % hull.len()];
            let (from, to) = (position(a), position(b));
            if (from - place) * (to - place) <= 0.0 && (from - to).abs() > 1e-12 {
                let share = (place - from) / (to - from);
                chord.push([a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]);
            } else if (from - place).abs() < 1e-9 {
                chord.push(*a);
            }
        }
        let side = |p: &Corner| p[0] * across[0] + p[1] * across[1];
        let low = chord.iter().min_by(|a, b| side(a).total_cmp(&side(b)));
        let high = chord.iter().max_by(|a, b| side(a).total_cmp(&side(b)));
        if let (Some(low), Some(high)) = (low, high) {
            let length = side(high) - side(low);
            if length > best.length {
                best = Line { ends: [*low, *high], length };
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Geometry, Mm, Spacing};

    fn mask(size: [usize; 3], spacing: [f64; 3], inside: impl Fn([usize; 3]) -> bool) -> Mask {
        let [x, y, z] = spacing.map(Mm);
        let grid = Geometry::axis_aligned(size, Spacing::new(x, y, z).expect("positive")).expect("a grid");
        let place = |at: usize| [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
        Mask::new(grid, (0..grid.voxels()).map(|at| inside(place(at))).collect()).expect("fits")
    }

    #[test]
    fn a_rectangle_worked_on_paper() {
        // 4 columns and 3 rows of 1 mm: the long axis is the diagonal, 5 mm.
        let found = in_plane_diameters(&mask([8, 8, 2], [1.0; 3], |[c, r, s]| s == 1 && c < 4 && r < 3))
            .expect("one");
        assert_eq!(found.slice, 1);
        assert!((found.long_axis.value - 5.0).abs() < 1e-12, "{found:?}");
        // At a right angle to the diagonal of a 4 x 3 rectangle the longest chord is 3 x 5 / 4 mm.
        assert!((found.short_axis.value - 3.75).abs() < 1e-9, "{found:?}");
        assert!((found.long_axis.low - (5.0 - 2.0_f64.sqrt())).abs() < 1e-12);
        // Corner to corner: half a voxel before the first center.
        let ends = found.long_ends.map(PointLps::components);
        assert!(ends.contains(&[-0.5, -0.5, 1.0]) || ends.contains(&[3.5, -0.5, 1.0]), "{ends:?}");
    }

    #[test]
    fn one_voxel_is_as_long_as_its_diagonal() {
        let one = mask([3, 3, 3], [3.0, 4.0, 12.0], |place| place == [1, 1, 1]);
        assert!((in_plane_diameters(&one).expect("one").long_axis.value - 5.0).abs() < 1e-12);
        assert!((greatest_diameter(&one).expect("one").value - 13.0).abs() < 1e-12);
        let none = mask([3, 3, 3], [1.0; 3], |_| false);
        assert!(in_plane_diameters(&none).is_err() && greatest_diameter(&none).is_err());
    }

    #[test]
    fn a_disk_has_its_diameter_both_ways() {
        let disk = mask([64, 64, 1], [0.5, 0.5, 1.0], |[c, r, _]| {
            (c as f64 - 31.5).powi(2) + (r as f64 - 31.5).powi(2) <= 24.0 * 24.0
        });
        let found = in_plane_diameters(&disk).expect("one");
        for axis in [found.long_axis, found.short_axis] {
            assert!((axis.value - 24.0).abs() < 0.8, "{found:?}");
            assert!(axis.low <= 24.0 && 24.0 <= axis.high);
        }
    }
}
