use wilhelm_study::Geometry;

use crate::orient::{dot, inverse_direction};

/// How far (in voxels of the source) axes may lean over the whole target and still count as parallel, and
/// how near a place must be to a voxel's center to be that voxel: header cosines carry six digits.
const PARALLEL: f64 = 1e-3;
/// A place this near (in voxels) to a voxel's center, to a voxel's border or to the border of the grid is
/// on it: far below what a header's digits can tell, far above the rounding of 64-bit floats.
pub(super) const SNAP: f64 = 1e-6;

/// Where a voxel of the target lies on the source's grid: `source = matrix * target + offset`, in voxels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexMap {
    /// One row an axis of the source, one column an axis of the target.
    pub(super) matrix: [[f64; 3]; 3],
    pub(super) offset: [f64; 3],
}

/// A map whose axes are parallel: one source axis and a straight line for each target axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aligned {
    /// The source axis of each target axis.
    pub(super) order: [usize; 3],
    /// The step on the source a step on the target, below 0 where they run against each other.
    pub(super) step: [f64; 3],
    /// The place on the source of the target's index 0.
    pub(super) start: [f64; 3],
}

impl IndexMap {
    pub(super) fn new(source: &Geometry, target: &Geometry) -> Self {
        let inverse = inverse_direction(source);
        let axes = target.direction().axes();
        let (from, to) = (source.spacing().millimeters(), target.spacing().millimeters());
        let matrix = std::array::from_fn(|row| {
            std::array::from_fn(|column| dot(inverse[row], axes[column]) * to[column] / from[row])
        });
        let (a, b) = (target.origin().components(), source.origin().components());
        let moved = std::array::from_fn(|axis| a[axis] - b[axis]);
        Self { matrix, offset: std::array::from_fn(|axis| dot(inverse[axis], moved) / from[axis]) }
    }

    /// The map that agrees with `place`, which has to be affine: where a place on the target lies on the source.
    pub(crate) fn agreeing(place: impl Fn([f64; 3]) -> [f64; 3]) -> Self {
        let offset = place([0.0; 3]);
        let beside: [[f64; 3]; 3] = std::array::from_fn(|column| {
            place(std::array::from_fn(|axis| if axis == column { 1.0 } else { 0.0 }))
        });
        let matrix =
            std::array::from_fn(|row| std::array::from_fn(|column| beside[column][row] - offset[row]));
        Self { matrix, offset }
    }

    /// The place on the source of a place on the target.
    pub(super) fn at(&self, target: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| {
            let row = self.matrix[axis];
            row[0] * target[0] + row[1] * target[1] + row[2] * target[2] + self.offset[axis]
        })
    }

    /// The same as three straight lines, where the axes of both grids are parallel (in any order and
    /// direction): what leans is below a thousandth of a voxel over the whole target, and is taken at its
    /// middle.
    pub(super) fn aligned(&self, target: [usize; 3]) -> Option<Aligned> {
        let last = target.map(|count| (count - 1) as f64);
        const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let leaning = |order: &[usize; 3], source: usize| -> f64 {
            (0..3)
                .filter(|axis| order[*axis] != source)
                .map(|axis| self.matrix[source][axis].abs() * last[axis])
                .sum()
        };
        let order = ORDERS.into_iter().find(|order| {
            (0..3).all(|source| leaning(order, source) <= PARALLEL)
                && (0..3).all(|axis| self.matrix[order[axis]][axis] != 0.0)
        })?;
        let start = std::array::from_fn(|axis| {
            let source = order[axis];
            let others: f64 = (0..3)
                .filter(|other| *other != axis)
                .map(|other| self.matrix[source][other] * last[other] / 2.0)
                .sum();
            self.offset[source] + others
        });
        let step = std::array::from_fn(|axis| self.matrix[order[axis]][axis]);
        Some(Aligned { order, step, start })
    }
}

/// Whether a place lies on a grid of `count` voxels: from half a voxel before the first center to half a
/// voxel after the last.
pub(super) fn inside(at: f64, count: usize) -> bool {
    at >= -0.5 - SNAP && at <= count as f64 - 0.5 + SNAP
}

/// The nearest voxel of a place on the grid; a border between two belongs to the higher.
pub(super) fn nearest(at: f64, count: usize) -> usize {
    // Not below 0, so that the cast rounds down.
    ((at + 0.5 + SNAP).max(0.0) as usize).min(count - 1)
}

/// A place nearly on a voxel's center is on it, so that the same grid gives the same bits.
pub(super) fn snapped(at: f64) -> f64 {
    let center = at.round();
    if (at - center).abs() <= SNAP { center } else { at }
}

/// The four voxels (mirrored at the ends) and weights of the cubic B-spline at a place.
pub(super) fn mirrored_taps(at: f64, count: usize) -> ([usize; 4], [f64; 4]) {
    let first = at.floor();
    let weights = super::spline::weights(at - first);
    let index = std::array::from_fn(|tap| super::spline::mirrored(first as isize - 1 + tap as isize, count));
    (index, weights)
}
