//! The longest diameter in a plane, and the longest across it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Geometry, LabelMap, Mm};

use super::each;

/// A lesion's diameters in the plane where it is longest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diameters {
    /// The longest.
    pub long_axis: Mm,
    /// The longest at a right angle to it.
    pub short_axis: Mm,
    /// Position of the plane along the axis that runs through the planes, counted from 0.
    pub plane: usize,
}

/// The long and short axis of a label in the axial planes of its grid; `None` where it has no voxel.
///
/// The axial planes are those across the grid's axis that comes nearest to head-feet. An outline
/// runs through the middles of the edges between voxels inside and outside (as pyradiomics and
/// marching squares have it), so that a single voxel is as long as it is wide; the diameters are
/// those of its convex hull.
///
/// # Source
/// RECIST 1.1, doi:10.1016/j.ejca.2008.10.026
pub fn axial_diameters(map: &LabelMap, label: u16) -> Option<Diameters> {
    by_label(map).get(&label).copied()
}

/// The grid's axis that comes nearest to head-feet; the last of equals.
fn through(geometry: &Geometry) -> usize {
    let axes = geometry.direction().axes();
    (0..3).max_by(|a, b| axes[*a][2].abs().total_cmp(&axes[*b][2].abs())).expect("three axes")
}

/// The least and the greatest place of a label on each line of a plane.
type Lines = BTreeMap<usize, (usize, usize)>;

/// The diameters of every label.
pub(super) fn by_label(map: &LabelMap) -> BTreeMap<u16, Diameters> {
    let geometry = map.geometry();
    let normal = through(geometry);
    let [across, down] = [[1, 2], [0, 2], [0, 1]][normal];
    let spacing = geometry.spacing().millimeters();
    let mut planes: BTreeMap<(u16, usize), Lines> = BTreeMap::new();
    each(map, |index, label| {
        let at = [index.column, index.row, index.slice];
        let line = planes.entry((label, at[normal])).or_default().entry(at[down]);
        let ends = line.or_insert((at[across], at[across]));
        *ends = (ends.0.min(at[across]), ends.1.max(at[across]));
    });
    let mut found: BTreeMap<u16, Diameters> = BTreeMap::new();
    for ((label, plane), lines) in planes {
        let outline = outline(&lines, spacing[across], spacing[down]);
        let (long, short) = axes_of(&hull(outline));
        let longest = found.get(&label).is_none_or(|best| long > best.long_axis.0);
        if longest {
            found.insert(label, Diameters { long_axis: Mm(long), short_axis: Mm(short), plane });
        }
    }
    found
}

/// Middles of the edges of each line's outermost voxels, mm: the hull has no others.
fn outline(lines: &Lines, width: f64, height: f64) -> Vec<[f64; 2]> {
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

fn cross(from: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - from[0]) * (b[1] - from[1]) - (a[1] - from[1]) * (b[0] - from[0])
}

/// The convex hull, counterclockwise, by Andrew's monotone chains.
fn hull(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let chain = |points: &mut dyn Iterator<Item = &[f64; 2]>| {
        let mut chain: Vec<[f64; 2]> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                if cross(a, b, *point) > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(*point);
        }
        // Its last point is the other chain's first.
        chain.pop();
        chain
    };
    let mut hull = chain(&mut points.iter());
    hull.extend(chain(&mut points.iter().rev()));
    hull
}

/// The longest diameter of a convex polygon by rotating calipers, and the longest chord across it.
fn axes_of(hull: &[[f64; 2]]) -> (f64, f64) {
    let count = hull.len();
    let squared = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
    let mut longest = (0.0, hull[0], hull[0]);
    let mut keep = |a: [f64; 2], b: [f64; 2]| {
        if squared(a, b) > longest.0 {
            longest = (squared(a, b), a, b);
        }
    };
    let mut far = 1;
    for (place, start) in hull.iter().enumerate() {
        let end = hull[(place + 1) % count];
        // The farthest vertex from an edge moves on as the edge does; it turns once at most.
        for _ in 0..count {
            let next = (far + 1) % count;
            if cross(*start, end, hull[next]) <= cross(*start, end, hull[far]) {
                break;
            }
            far = next;
        }
        // Where an edge lies opposite, both its ends are as far.
        for vertex in [hull[far], hull[(far + 1) % count]] {
            keep(*start, vertex);
            keep(end, vertex);
        }
    }
    let (squared, from, to) = longest;
    let long = squared.sqrt();
    if long == 0.0 {
        return (0.0, 0.0);
    }
    let along = [(to[0] - from[0]) / long, (to[1] - from[1]) / long];
    // Each vertex by how far along the long axis it lies, and how far beside it.
    let turned: Vec<[f64; 2]> = hull
        .iter()
        .map(|point| {
            let (x, y) = (point[0] - from[0], point[1] - from[1]);
            [x * along[0] + y * along[1], y * along[0] - x * along[1]]
        })
        .collect();
    // A chord's length is concave along the axis: the longest stands at a vertex.
    let short = turned.iter().map(|vertex| chord(&turned, vertex[0])).fold(0.0, f64::max);
    (long, short)
}

/// Length of a convex polygon's cut at `x`.
fn chord(polygon: &[[f64; 2]], x: f64) -> f64 {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (place, a) in polygon.iter().enumerate() {
        let b = polygon[(place + 1) % polygon.len()];
        if (a[0] - x) * (b[0] - x) > 0.0 {
            continue;
        }
        let run = b[0] - a[0];
        let crossing = if run == 0.0 { [a[1], b[1]] } else { [a[1] + (b[1] - a[1]) * (x - a[0]) / run; 2] };
        for y in crossing {
            (low, high) = (low.min(y), high.max(y));
        }
    }
    if high > low { high - low } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_of_points_has_its_diagonal_and_the_longest_cut_across_it() {
        let (long, short) = axes_of(&hull(vec![[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0], [2.0, 1.0]]));
        assert!((long - 5.0).abs() < 1e-12);
        // Through a corner, at a right angle to the diagonal, to the long side: 3 * 5 / 4.
        assert!((short - 3.75).abs() < 1e-12, "{short}");
    }

    #[test]
    fn calipers_find_what_all_pairs_find() {
        for seed in 1..200_u64 {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 59) as f64) * 0.7
            };
            let points: Vec<[f64; 2]> = (0..3 + seed as usize % 20).map(|_| [next(), next()]).collect();
            let all =
                points.iter().flat_map(|a| points.iter().map(move |b| (a[0] - b[0]).hypot(a[1] - b[1])));
            let expected = all.fold(0.0, f64::max);
            let hull = hull(points.clone());
            if hull.is_empty() {
                continue;
            }
            let (long, short) = axes_of(&hull);
            assert!((long - expected).abs() < 1e-9, "seed {seed}: {long} is not {expected}");
            assert!(short <= long + 1e-9);
        }
    }
}
