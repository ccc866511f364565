//! The cheapest way between two places, and the center line of a tube.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wilhelm_study::{Index, Progress, Raster};

use super::binary::{BinaryRaster, offset};
use super::distance::{Metric, squared};
use super::runs::{Connectivity, Runs};
use super::steps::Steps;
use super::vesselness::metric_spacing;
use crate::FilterError;

/// A way through an image from voxel to neighboring voxel.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The voxels, both ends included; neighbors share a face, an edge or a corner.
    pub places: Vec<Index>,
    /// Sum over the steps of their length times the mean cost of their two voxels.
    pub cost: f64,
}

/// The cheapest way between two voxels, where a voxel's value is what a unit of length costs there.
///
/// Voxels of a negative, infinite or undefined value cannot be entered. Of ways of equal cost one
/// is taken, always the same.
///
/// # Units
/// Costs are those of the image times the unit of `metric`.
///
/// # Errors
/// [`FilterError::Parameter`] for an end outside the grid, [`FilterError::NotFound`] where no way
/// joins the ends, [`FilterError::Spacing`], [`FilterError::Cancelled`].
///
/// # Source
/// Dijkstra 1959, doi:10.1007/BF01386390; costs as scikit-image's `MCP_Geometric`.
pub fn cheapest(
    cost: &impl Raster,
    from: Index,
    to: Index,
    metric: Metric,
    progress: &dyn Progress,
) -> Result<Path, FilterError> {
    let size = cost.size();
    let ends = [offset("start", from, size)?, offset("end", to, size)?];
    let spacing = metric_spacing(cost, metric)?;
    dijkstra(size, spacing, cost.values(), ends, progress)
}

/// The middle of a tube from one end to the other.
#[derive(Clone, Debug, PartialEq)]
pub struct CenterLine {
    /// The voxels, both ends included.
    pub places: Vec<Index>,
    /// Distance from each voxel's center to the nearest center outside the tube.
    pub to_outside: Vec<f32>,
}

/// The center line of a set between two of its voxels: the way that keeps furthest from its surface.
///
/// The cost of a voxel is its distance to the outside, to the power of -4: to leave the middle of a
/// bend costs more than the shorter way saves. The given ends are joined as they are, also where
/// they lie beside the middle.
///
/// # Units
/// Distances are in the unit of `metric`.
///
/// # Errors
/// [`FilterError::Parameter`] for an end outside the grid or the set, [`FilterError::NotFound`] for
/// ends in different pieces of the set, [`FilterError::Spacing`], [`FilterError::Cancelled`].
///
/// # Source
/// Minimal paths through the distance map: Deschamps, Cohen 2001, doi:10.1016/S1361-8415(01)00046-9.
pub fn center_line(
    set: &impl BinaryRaster,
    from: Index,
    to: Index,
    metric: Metric,
    progress: &dyn Progress,
) -> Result<CenterLine, FilterError> {
    let size = set.size();
    let spacing = metric.spacing(set)?;
    let ends = [("start", from), ("end", to)];
    for (name, end) in ends {
        if !set.inside()[offset(name, end, size)?] {
            let found = format!("({}, {}, {})", end.column, end.row, end.slice);
            return Err(FilterError::parameter(name, found, "a place inside the set"));
        }
    }
    let runs = Runs::of(size, set.inside(), true, Connectivity::Corners)?;
    let [first, second] = ends.map(|(name, end)| offset(name, end, size).ok().and_then(|at| runs.at(at)));
    let piece = first.filter(|_| first == second).ok_or_else(|| FilterError::NotFound {
        structure: "center line",
        reason: "the ends lie in different pieces of the set".to_owned(),
    })?;
    // The box of the piece, one voxel wider where the grid goes on: what is outside it cannot be nearer.
    let piece = runs.list[piece];
    let start: [usize; 3] = piece.start.map(|at| at.saturating_sub(1));
    let end: [usize; 3] = std::array::from_fn(|axis| (piece.end[axis] + 1).min(size[axis]));
    let cut: [usize; 3] = std::array::from_fn(|axis| end[axis] - start[axis]);
    let mut inside = Vec::with_capacity(cut.iter().product());
    for slice in start[2]..end[2] {
        for row in start[1]..end[1] {
            let line = (slice * size[1] + row) * size[0];
            inside.extend_from_slice(&set.inside()[line + start[0]..line + end[0]]);
        }
    }
    let distance = squared(cut, spacing, &inside, false, progress)?;
    // Relative to the largest, so that no unit makes the cost overflow; a set without an outside costs 1.
    let most = distance.iter().copied().filter(|value| value.is_finite()).fold(0.0, f32::max);
    let cost: Vec<f32> = distance
        .iter()
        .map(|square| match *square {
            0.0 => f32::INFINITY,
            square if square.is_finite() => (most / square) * (most / square),
            _ => 1.0,
        })
        .collect();
    let offset_of = |index: Index| {
        let [column, row, slice] = [index.column - start[0], index.row - start[1], index.slice - start[2]];
        (slice * cut[1] + row) * cut[0] + column
    };
    let path = dijkstra(cut, spacing, &cost, [offset_of(from), offset_of(to)], progress)?;
    let moved = |at: &Index| Index {
        column: at.column + start[0],
        row: at.row + start[1],
        slice: at.slice + start[2],
    };
    let places: Vec<Index> = path.places.iter().map(moved).collect();
    let to_outside = places.iter().map(|at| distance[offset_of(*at)].sqrt()).collect();
    Ok(CenterLine { places, to_outside })
}

/// The voxel of a set that is furthest from another on ways within the set, and how far that is.
///
/// # Units
/// The distance is in the unit of `metric`.
///
/// # Errors
/// [`FilterError::Parameter`] for a start outside the grid or the set, [`FilterError::Spacing`],
/// [`FilterError::Cancelled`].
pub fn farthest(
    set: &impl BinaryRaster,
    from: Index,
    metric: Metric,
    progress: &dyn Progress,
) -> Result<(Index, f64), FilterError> {
    let size = set.size();
    let spacing = metric.spacing(set)?;
    let start = offset("start", from, size)?;
    if !set.inside()[start] {
        let found = format!("({}, {}, {})", from.column, from.row, from.slice);
        return Err(FilterError::parameter("start", found, "a place inside the set"));
    }
    let cost: Vec<f32> =
        set.inside().iter().map(|inside| if *inside { 1.0 } else { f32::INFINITY }).collect();
    let reached = reach(size, spacing, &cost, start, None, progress)?;
    let known = reached.best.iter().enumerate().filter(|(_, sum)| sum.is_finite());
    let (at, length) = known.max_by(|a, b| a.1.total_cmp(b.1)).expect("the start is reached");
    Ok((place(at, size), *length))
}

fn place(at: usize, [columns, rows, _]: [usize; 3]) -> Index {
    Index { column: at % columns, row: at / columns % rows, slice: at / columns / rows }
}

/// Voxels settled between two questions whether to stop: 2 to this power.
const BATCH: u32 = 17;
/// The step of the start, and of what was not reached, among 26 neighbors.
const START: u8 = 26;
const NONE: u8 = 27;

/// What the cheapest way to each voxel costs, and by which of [`neighbors`] it is entered.
struct Reached {
    best: Vec<f64>,
    came: Vec<u8>,
}

/// Steps to the 26 neighbors with their lengths.
fn neighbors(spacing: [f64; 3]) -> Vec<([isize; 3], f64)> {
    let mut steps = Vec::with_capacity(26);
    for slice in -1..=1_isize {
        for row in -1..=1_isize {
            for column in -1..=1_isize {
                if (column, row, slice) != (0, 0, 0) {
                    let part = [column, row, slice].map(|step| step as f64);
                    let length = (0..3).map(|axis| (part[axis] * spacing[axis]).powi(2)).sum::<f64>().sqrt();
                    steps.push(([column, row, slice], length));
                }
            }
        }
    }
    steps
}

fn can_enter(cost: f32) -> bool {
    (0.0..f32::INFINITY).contains(&cost)
}

/// Dijkstra's search from one voxel, up to another where one is given.
fn reach(
    size: [usize; 3],
    spacing: [f64; 3],
    cost: &[f32],
    from: usize,
    to: Option<usize>,
    progress: &dyn Progress,
) -> Result<Reached, FilterError> {
    let [columns, rows, slices] = size;
    let steps = neighbors(spacing);
    let mut best = vec![f64::INFINITY; cost.len()];
    let mut came = vec![NONE; cost.len()];
    let mut queue = BinaryHeap::new();
    best[from] = 0.0;
    came[from] = START;
    // Costs are not negative: their bits have the order of their values.
    queue.push(Reverse((0_u64, from)));
    let counted = Steps::new(progress, (cost.len() >> BATCH) + 1);
    let mut settled = 0_usize;
    while let Some(Reverse((bits, at))) = queue.pop() {
        let sum = f64::from_bits(bits);
        if sum > best[at] {
            continue;
        }
        if Some(at) == to {
            break;
        }
        settled += 1;
        if settled.trailing_zeros() >= BATCH {
            counted.made()?;
        }
        let Index { column, row, slice } = place(at, size);
        for (number, ([by_column, by_row, by_slice], length)) in steps.iter().enumerate() {
            let next = (
                column.wrapping_add_signed(*by_column),
                row.wrapping_add_signed(*by_row),
                slice.wrapping_add_signed(*by_slice),
            );
            if next.0 >= columns || next.1 >= rows || next.2 >= slices {
                continue;
            }
            let there = (next.2 * rows + next.1) * columns + next.0;
            if !can_enter(cost[there]) {
                continue;
            }
            let sum = sum + length * 0.5 * (f64::from(cost[at]) + f64::from(cost[there]));
            if sum < best[there] {
                best[there] = sum;
                came[there] = number as u8;
                queue.push(Reverse((sum.to_bits(), there)));
            }
        }
    }
    Ok(Reached { best, came })
}

fn dijkstra(
    size: [usize; 3],
    spacing: [f64; 3],
    cost: &[f32],
    [from, to]: [usize; 2],
    progress: &dyn Progress,
) -> Result<Path, FilterError> {
    let unreached = |reason: &str| FilterError::NotFound { structure: "path", reason: reason.to_owned() };
    if !can_enter(cost[from]) || !can_enter(cost[to]) {
        return Err(unreached("an end cannot be entered"));
    }
    let Reached { best, came } = reach(size, spacing, cost, from, Some(to), progress)?;
    if came[to] == NONE {
        return Err(unreached("no way joins the ends"));
    }
    let steps = neighbors(spacing);
    let mut places = Vec::new();
    let mut at = to;
    loop {
        places.push(place(at, size));
        if came[at] == START {
            break;
        }
        let ([by_column, by_row, by_slice], _) = steps[usize::from(came[at])];
        let (plane, line) = ((size[0] * size[1]) as isize, size[0] as isize);
        at = at.wrapping_add_signed(-(by_slice * plane + by_row * line + by_column));
    }
    places.reverse();
    Ok(Path { places, cost: best[to] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Geometry, Mask, Mm, Projection, Silent, Spacing};

    fn at(column: usize, row: usize, slice: usize) -> Index {
        Index { column, row, slice }
    }

    #[test]
    fn a_wall_is_walked_around_and_a_closed_one_is_not_passed() {
        let wall = f32::INFINITY;
        let cost = [1.0, wall, 1.0, 1.0, wall, 1.0, 1.0, 1.0, 1.0].to_vec();
        let image = Projection::<Arbitrary>::new(3, 3, cost.clone(), None).expect("fits");
        let path = cheapest(&image, at(0, 0, 0), at(2, 0, 0), Metric::Voxels, &Silent).expect("a way");
        assert_eq!(path.places, [at(0, 0, 0), at(0, 1, 0), at(1, 2, 0), at(2, 1, 0), at(2, 0, 0)]);
        assert!((path.cost - (2.0 + 2.0 * 2.0_f64.sqrt())).abs() < 1e-12);
        let mut closed = cost;
        closed[7] = -1.0;
        let image = Projection::<Arbitrary>::new(3, 3, closed, None).expect("fits");
        assert!(cheapest(&image, at(0, 0, 0), at(2, 0, 0), Metric::Voxels, &Silent).is_err());
        assert!(cheapest(&image, at(1, 0, 0), at(2, 0, 0), Metric::Voxels, &Silent).is_err());
        assert!(cheapest(&image, at(3, 0, 0), at(2, 0, 0), Metric::Voxels, &Silent).is_err());
    }

    #[test]
    fn the_center_line_of_a_bend_keeps_to_its_middle() {
        // A quarter of a ring: radius 30 mm, tube radius 7 mm, slices 2 mm apart.
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(2.0)).expect("positive");
        let grid = Geometry::axis_aligned([42, 42, 11], spacing).expect("a grid");
        let off_middle = |c: usize, r: usize, s: usize| {
            let around = (c as f64).hypot(r as f64) - 30.0;
            around.hypot(2.0 * s as f64 - 10.0)
        };
        let inside = (0..42 * 42 * 11).map(|n| off_middle(n % 42, n / 42 % 42, n / 1764) <= 7.0).collect();
        let tube = Mask::new(grid, inside).expect("fits");
        let (from, to) = (at(30, 0, 5), at(0, 30, 5));
        let line = center_line(&tube, from, to, Metric::Millimeters, &Silent).expect("a line");
        assert_eq!((line.places.first(), line.places.last()), (Some(&from), Some(&to)));
        for (place, distance) in line.places.iter().zip(&line.to_outside) {
            let off = off_middle(place.column, place.row, place.slice);
            assert!(off <= 1.5, "{place:?} is {off} mm off the middle");
            assert!((6.0..=8.5).contains(distance), "{place:?} is {distance} mm from the outside");
        }
        assert!(center_line(&tube, at(0, 0, 0), to, Metric::Millimeters, &Silent).is_err());
    }

    #[test]
    fn ends_in_different_pieces_have_no_center_line() {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let grid = Geometry::axis_aligned([3, 1, 1], spacing).expect("a grid");
        let two = Mask::new(grid, vec![true, false, true]).expect("fits");
        let found = center_line(&two, at(0, 0, 0), at(2, 0, 0), Metric::Voxels, &Silent);
        assert!(matches!(found, Err(FilterError::NotFound { .. })));
        let full = Mask::new(grid, vec![true; 3]).expect("fits");
        let line = center_line(&full, at(0, 0, 0), at(2, 0, 0), Metric::Voxels, &Silent).expect("a line");
        assert_eq!(line.places.len(), 3);
    }
}
