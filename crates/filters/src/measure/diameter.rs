use std::collections::BTreeMap;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{Geometry, LabelMap, Mask, PointLps};

use super::Measured;
use super::outline::{self, Line, Point};
use crate::FilterError;

/// The long axis within one plane and the longest line across it at a right angle.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Diameters {
    /// The plane in which the long axis is longest, counted from 0 along the axis through the planes.
    pub slice: usize,
    /// Longest distance between two points of the border in one plane, mm.
    pub long_axis: Measured,
    /// Longest distance at a right angle to the long axis in that plane, mm.
    pub short_axis: Measured,
    /// Ends of the long axis in the patient's space.
    pub long_ends: [PointLps; 2],
    /// Ends of the short axis.
    pub short_ends: [PointLps; 2],
}

/// RECIST's diameters of a mask: the long axis in the plane where it is longest, and the short axis
/// across it.
///
/// The planes are the acquired ones, whatever order the grid's axes come in: those across the axis
/// of the coarsest spacing, or, where no spacing stands out by a hundredth, the axial ones (across
/// the axis that comes nearest to head-feet).
///
/// The border runs through the middles of the edges between pixels inside and outside, so that one
/// pixel is as long as it is wide. The ends of the range are a pixel's diagonal shorter and longer:
/// half of one at either end.
///
/// # Errors
/// [`FilterError::TooFew`] for an empty mask.
///
/// # Source
/// Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026: measured in the axial plane
/// for CT, in the plane of acquisition for MR.
pub fn in_plane_diameters(mask: &Mask) -> Result<Diameters, FilterError> {
    let found = by_label(mask.geometry(), mask.voxels(), false);
    found.into_values().next().ok_or(FilterError::TooFew { what: "mask", found: 0, expected: 1 })
}

/// RECIST's diameters of every label of a map that has a voxel, as [`in_plane_diameters`].
pub fn diameters_of_labels(map: &LabelMap) -> BTreeMap<u16, Diameters> {
    by_label(map.geometry(), map.labels(), 0)
}

/// The grid's axis through the acquired planes.
fn through(geometry: &Geometry) -> usize {
    let spacing = geometry.spacing().millimeters();
    let coarsest = (0..3).max_by(|a, b| spacing[*a].total_cmp(&spacing[*b])).expect("three axes");
    if (0..3).all(|axis| axis == coarsest || spacing[coarsest] > 1.01 * spacing[axis]) {
        return coarsest;
    }
    let axes = geometry.direction().axes();
    (0..3).max_by(|a, b| axes[*a][2].abs().total_cmp(&axes[*b][2].abs())).expect("three axes")
}

/// The least and the greatest place of a label on each line of a plane.
type Lines = BTreeMap<usize, (usize, usize)>;

fn by_label<L: Copy + Ord + Send + Sync>(
    geometry: &Geometry,
    voxels: &[L],
    background: L,
) -> BTreeMap<L, Diameters> {
    let normal = through(geometry);
    let [across, down] = [[1, 2], [0, 2], [0, 1]][normal];
    let spacing = geometry.spacing().millimeters();
    let mut planes: BTreeMap<(L, usize), Lines> = BTreeMap::new();
    each_run(geometry.size(), voxels, background, |at, length, label| {
        let mut note = |at: [usize; 3], last: usize| {
            let line = planes.entry((label, at[normal])).or_default().entry(at[down]);
            let ends = line.or_insert((at[across], last));
            *ends = (ends.0.min(at[across]), ends.1.max(last));
        };
        if across == 0 {
            note(at, at[0] + length - 1);
        } else {
            (at[0]..at[0] + length).for_each(|column| note([column, at[1], at[2]], at[1]));
        }
    });
    let found: Vec<(L, usize, [Line; 2])> = planes
        .par_iter()
        .filter_map(|((label, plane), lines)| {
            let hull = outline::hull(border(lines, spacing[across], spacing[down]));
            outline::axes(&hull).map(|axes| (*label, *plane, axes))
        })
        .collect();
    let mut longest: BTreeMap<L, (usize, [Line; 2])> = BTreeMap::new();
    for (label, plane, axes) in found {
        if longest.get(&label).is_none_or(|best| axes[0].length > best.1[0].length) {
            longest.insert(label, (plane, axes));
        }
    }
    let diagonal = spacing[across].hypot(spacing[down]);
    let measured = |line: &Line| {
        Measured::new(line.length, (line.length - diagonal).max(0.0), line.length + diagonal, "mm")
    };
    let finish = |plane: usize, [long, short]: [Line; 2]| {
        let point = |place: Point| {
            let mut index = [plane as f64; 3];
            index[across] = place[0] / spacing[across];
            index[down] = place[1] / spacing[down];
            geometry.point_at(index)
        };
        Diameters {
            slice: plane,
            long_axis: measured(&long),
            short_axis: measured(&short),
            long_ends: long.ends.map(point),
            short_ends: short.ends.map(point),
        }
    };
    longest.into_iter().map(|(label, (plane, axes))| (label, finish(plane, axes))).collect()
}

/// Calls `visit` with the first voxel, the length and the label of every run along the columns.
fn each_run<L: Copy + PartialEq>(
    [columns, rows, _]: [usize; 3],
    voxels: &[L],
    background: L,
    mut visit: impl FnMut([usize; 3], usize, L),
) {
    for (line, voxels) in voxels.chunks_exact(columns).enumerate() {
        let mut column = 0;
        for run in voxels.chunk_by(|a, b| a == b) {
            if run[0] != background {
                visit([column, line % rows, line / rows], run.len(), run[0]);
            }
            column += run.len();
        }
    }
}

/// Middles of the edges of each line's outermost pixels, mm: the hull has no others.
fn border(lines: &Lines, width: f64, height: f64) -> Vec<Point> {
    let mut points = Vec::with_capacity(6 * lines.len());
    for (line, (first, last)) in lines {
        let (first, last, line) = (*first as f64, *last as f64, *line as f64);
        points.push([(first - 0.5) * width, line * height]);
        points.push([(last + 0.5) * width, line * height]);
        for column in [first, last] {
            points.push([column * width, (line - 0.5) * height]);
            points.push([column * width, (line + 0.5) * height]);
        }
    }
    points
}

/// The greatest distance between any two points of a mask's surface in space, mm (Feret's diameter).
///
/// The surface runs through the middles of the faces between voxels inside and outside. The ends of
/// the range are a voxel's diagonal shorter and longer.
///
/// # Errors
/// [`FilterError::TooFew`] for an empty mask.
pub fn greatest_diameter(mask: &Mask) -> Result<Measured, FilterError> {
    let spacing = mask.geometry().spacing().millimeters();
    let points = far_points(surface(mask));
    if points.is_empty() {
        return Err(FilterError::TooFew { what: "mask", found: 0, expected: 1 });
    }
    let square = points
        .par_iter()
        .enumerate()
        .map(|(i, a)| points[i..].iter().map(|b| squared(*a, *b)).fold(0.0, f64::max))
        .reduce(|| 0.0, f64::max);
    let length = square.sqrt();
    let diagonal = spacing[0].hypot(spacing[1]).hypot(spacing[2]);
    Ok(Measured::new(length, (length - diagonal).max(0.0), length + diagonal, "mm"))
}

fn squared(a: [f64; 3], b: [f64; 3]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2)
}

/// Corners of the hull of each slice's border, and of its voxel centers on both faces.
fn surface(mask: &Mask) -> Vec<[f64; 3]> {
    let [columns, rows, slices] = mask.geometry().size();
    let [x, y, z] = mask.geometry().spacing().millimeters();
    let of_slice = |slice: usize| {
        let plane = &mask.voxels()[slice * columns * rows..(slice + 1) * columns * rows];
        let mut lines = Lines::new();
        for (row, line) in plane.chunks_exact(columns).enumerate() {
            if let (Some(first), Some(last)) = (line.iter().position(|v| *v), line.iter().rposition(|v| *v)) {
                lines.insert(row, (first, last));
            }
        }
        let center = slice as f64 * z;
        let mut points: Vec<[f64; 3]> =
            outline::hull(border(&lines, x, y)).into_iter().map(|[a, b]| [a, b, center]).collect();
        let middles = lines
            .iter()
            .flat_map(|(row, (first, last))| [*first, *last].map(|c| [c as f64 * x, *row as f64 * y]))
            .collect();
        for [a, b] in outline::hull(middles) {
            points.extend([center - z / 2.0, center + z / 2.0].map(|height| [a, b, height]));
        }
        points
    };
    (0..slices).into_par_iter().flat_map_iter(of_slice).collect()
}

/// Drops points that cannot be an end of the longest line: a point's distance from any center and
/// the farthest point's have to add up to at least a length already found.
fn far_points(mut points: Vec<[f64; 3]>) -> Vec<[f64; 3]> {
    let count = points.len() as f64;
    let center = [0, 1, 2].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count);
    let farthest = |from: [f64; 3]| {
        points.iter().copied().max_by(|a, b| squared(*a, from).total_cmp(&squared(*b, from)))
    };
    let Some(one) = farthest(center) else { return points };
    let Some(other) = farthest(one) else { return points };
    let (known, radius) = (squared(one, other).sqrt(), squared(one, center).sqrt());
    points.retain(|point| squared(*point, center).sqrt() + radius >= known * (1.0 - 1e-12));
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Direction, Mm, Spacing};

    fn grid(size: [usize; 3], spacing: [f64; 3]) -> Geometry {
        let [x, y, z] = spacing.map(Mm);
        Geometry::axis_aligned(size, Spacing::new(x, y, z).expect("positive")).expect("a grid")
    }

    fn on(grid: Geometry, inside: impl Fn([usize; 3]) -> bool) -> Mask {
        let size = grid.size();
        let place = |at: usize| [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
        Mask::new(grid, (0..grid.voxels()).map(|at| inside(place(at))).collect()).expect("fits")
    }

    fn mask(size: [usize; 3], spacing: [f64; 3], inside: impl Fn([usize; 3]) -> bool) -> Mask {
        on(grid(size, spacing), inside)
    }

    #[test]
    fn a_rectangle_worked_on_paper() {
        // 4 columns and 3 rows of 1 mm: from the middle of the first row's left edge to the middle of
        // the last row's right edge, 4 mm across and 2 mm down.
        let found = in_plane_diameters(&mask([8, 8, 2], [1.0; 3], |[c, r, s]| s == 1 && c < 4 && r < 3))
            .expect("one");
        assert_eq!(found.slice, 1);
        assert!((found.long_axis.value - 20.0_f64.sqrt()).abs() < 1e-12, "{found:?}");
        assert!((found.long_axis.low - (20.0_f64.sqrt() - 2.0_f64.sqrt())).abs() < 1e-12);
        let ends = found.long_ends.map(PointLps::components);
        assert!(ends.contains(&[-0.5, 0.0, 1.0]) || ends.contains(&[3.5, 0.0, 1.0]), "{ends:?}");
    }

    #[test]
    fn one_voxel_is_as_long_as_its_longest_edge() {
        let one = mask([3, 3, 3], [3.0, 4.0, 12.0], |place| place == [1, 1, 1]);
        let found = in_plane_diameters(&one).expect("one");
        assert!((found.long_axis.value - 4.0).abs() < 1e-12);
        assert!((found.short_axis.value - 3.0).abs() < 1e-12);
        assert!((greatest_diameter(&one).expect("one").value - 12.0).abs() < 1e-12);
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
            assert!((axis.value - 24.0).abs() <= 0.5, "{found:?}");
            assert!(axis.low <= 24.0 && 24.0 <= axis.high);
        }
    }

    #[test]
    fn the_order_of_the_grids_axes_does_not_change_a_diameter() {
        let inside = |[x, y, z]: [usize; 3]| z == 2 && (2..9).contains(&x) && y >= 1 && y < 4 + x / 3;
        let straight = in_plane_diameters(&mask([10, 9, 4], [0.7, 0.8, 2.5], inside)).expect("one");
        // The same voxels, stored with the slices along the columns.
        let axes = Direction::new([0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).expect("orthonormal");
        let [z, x, y] = [2.5, 0.7, 0.8].map(Mm);
        let spacing = Spacing::new(z, x, y).expect("positive");
        let turned = Geometry::new([4, 10, 9], spacing, PointLps::from_components([0.0; 3]), axes);
        let turned =
            in_plane_diameters(&on(turned.expect("a grid"), |[z, x, y]| inside([x, y, z]))).expect("one");
        assert_eq!(straight.slice, turned.slice);
        assert!((straight.long_axis.value - turned.long_axis.value).abs() < 1e-12);
        assert!((straight.short_axis.value - turned.short_axis.value).abs() < 1e-12);
        let lengths = |ends: [PointLps; 2]| ends.map(PointLps::components);
        let (a, b) = (lengths(straight.long_ends), lengths(turned.long_ends));
        let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(
            (near(a[0], b[0]) && near(a[1], b[1])) || (near(a[0], b[1]) && near(a[1], b[0])),
            "{a:?} {b:?}"
        );
    }

    #[test]
    fn dropping_points_does_not_change_the_greatest_distance() {
        let shape = mask([20, 17, 9], [0.9, 1.1, 3.0], |[c, r, s]| {
            let (c, r, s) = (c as f64 - 9.0, r as f64 - 8.0, s as f64 - 4.0);
            c * c / 70.0 + r * r / 30.0 + s * s / 12.0 + c * r / 60.0 <= 1.0
        });
        let points = surface(&shape);
        let all = points.iter().flat_map(|a| points.iter().map(move |b| squared(*a, *b))).fold(0.0, f64::max);
        assert!((greatest_diameter(&shape).expect("one").value - all.sqrt()).abs() < 1e-12);
        assert!(far_points(points.clone()).len() < points.len());
    }
}
