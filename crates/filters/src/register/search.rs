//! Regular step gradient descent over rigid and affine maps, in steps of millimeters, and a
//! quasi-Newton search from where it ends.

use nalgebra::{DMatrix, DVector, Matrix3, Matrix3x4, Matrix4, Rotation3, Vector3};
use wilhelm_study::Progress;

use super::interpolate::Local;
use super::metric::{Comparison, Measured};
use super::transform::Affine;
use crate::FilterError;

/// Which maps are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freedom {
    Rigid,
    Affine,
}

/// How one level is searched.
#[derive(Clone, Copy)]
pub(super) struct Search {
    pub freedom: Freedom,
    /// Root mean square shift of the first step, and of the last, mm.
    pub first_step: f64,
    pub last_step: f64,
    pub iterations: usize,
}

/// Where a search ended.
pub(super) struct Found {
    pub map: Affine,
    /// Value at each iteration, in the metric's own units.
    pub values: Vec<f64>,
    pub last_step: f64,
}

/// Searches from `start`; `None` where the images cannot be compared there.
///
/// A unit step is one along which the sampled points move by 1 mm root mean square: rotations,
/// translations and shears are weighed by the shift they cause (the steepest descent in the
/// metric of shifts, which needs no scales set by hand).
pub(super) fn descend(
    comparison: &Comparison<'_>,
    start: Affine,
    search: Search,
    progress: &dyn Progress,
    mut tick: impl FnMut(),
) -> Result<Option<Found>, FilterError> {
    let mut locals: Vec<Local> = Vec::new();
    let Some(mut measured) = comparison.measure(&start, true, &mut locals) else { return Ok(None) };
    let mut map = start;
    let mut best = (start, measured);
    let mut values = vec![measured.value];
    let mut step = search.first_step;
    let mut before: Option<Matrix3x4<f64>> = None;
    let moments = comparison.samples.moments;
    let mut left = search.iterations;
    while left > 0 {
        if progress.cancelled() {
            return Err(FilterError::Cancelled);
        }
        let Some(direction) = steepest(search.freedom, &map, &measured.slope, &moments) else { break };
        let turned_back = before.is_some_and(|before| shift_product(&direction, &before, &moments) < 0.0);
        if turned_back {
            step /= 2.0;
        }
        if step < search.last_step {
            break;
        }
        left -= 1;
        tick();
        let moved = moved(search.freedom, &map, &(direction * step));
        match comparison.measure(&moved, true, &mut locals) {
            Some(found) => {
                (map, measured) = (moved, found);
                before = Some(direction);
                values.push(found.value);
                if comparison.metric.is_better(found.value, best.1.value) {
                    best = (moved, found);
                }
            }
            // Out of the moving image: back to the best place, more carefully.
            None => {
                (map, measured) = best;
                before = None;
                step /= 2.0;
            }
        }
    }
    let mut valley = Valley::new(search.freedom, &best.0, &moments);
    while let Some(direction) =
        valley.as_mut().filter(|_| left > 0).and_then(|valley| valley.direction(&best.1, &best.0))
    {
        let valley = valley.as_mut().expect("it gave a direction");
        let mut length = direction.norm().min(search.first_step);
        let unit = direction.normalize();
        let fall = unit.dot(&valley.slope(&best.1, &best.0));
        let cost = comparison.metric.cost(best.1.value);
        let mut found = None;
        while left > 0 && length >= search.last_step {
            if progress.cancelled() {
                return Err(FilterError::Cancelled);
            }
            left -= 1;
            tick();
            let next = moved(search.freedom, &best.0, &valley.velocity(&(&unit * length), &best.0));
            let there = comparison.measure(&next, true, &mut locals);
            // Armijo's condition: the cost has to fall by a share of what its slope promises.
            if let Some(there) =
                there.filter(|there| comparison.metric.cost(there.value) <= cost + 1e-4 * length * fall)
            {
                found = Some((next, there));
                break;
            }
            length /= 2.0;
        }
        let Some((next, there)) = found else {
            // Against a wrong notion of the valley: once more along the slope itself.
            if left > 0 && valley.forget() {
                continue;
            }
            break;
        };
        let before = valley.slope(&best.1, &best.0);
        best = (next, there);
        values.push(there.value);
        valley.learn(&(&unit * length), &(valley.slope(&best.1, &best.0) - before));
        step = length;
    }
    Ok(Some(Found { map: best.0, values, last_step: step }))
}

/// What the slopes seen so far tell of the cost's curvature: the inverse Hessian of the method of
/// Broyden, Fletcher, Goldfarb and Shanno, in coordinates whose length is the root mean square
/// shift in mm. Steepest descent goes to and fro across a narrow valley; this goes along it.
struct Valley {
    freedom: Freedom,
    /// Cholesky factor of the products of shifts.
    lower: DMatrix<f64>,
    inverse: DMatrix<f64>,
    fresh: bool,
    /// Length of a first step, mm.
    first: f64,
}

impl Valley {
    fn new(freedom: Freedom, map: &Affine, moments: &Matrix4<f64>) -> Option<Self> {
        let basis = basis(freedom, map);
        let count = basis.len();
        let products = DMatrix::from_fn(count, count, |a, b| shift_product(&basis[a], &basis[b], moments));
        let lower = products.cholesky()?.l();
        Some(Self { freedom, lower, inverse: DMatrix::identity(count, count), fresh: true, first: 0.5 })
    }

    /// The cost's derivative by the coordinates.
    fn slope(&self, measured: &Measured, map: &Affine) -> DVector<f64> {
        let basis = basis(self.freedom, map);
        let slopes = DVector::from_fn(basis.len(), |a, _| basis[a].dot(&measured.slope));
        self.lower.solve_lower_triangular(&slopes).expect("a Cholesky factor has no 0 on its diagonal")
    }

    /// The step to where the cost is least as far as is known; `None` where it is flat.
    fn direction(&mut self, measured: &Measured, map: &Affine) -> Option<DVector<f64>> {
        let slope = self.slope(measured, map);
        let length = slope.norm();
        if !length.is_normal() {
            return None;
        }
        if self.fresh {
            return Some(slope * (-self.first / length));
        }
        let direction = -(&self.inverse * &slope);
        if direction.dot(&slope) < 0.0 && direction.norm().is_normal() {
            return Some(direction);
        }
        self.forget();
        Some(slope * (-self.first / length))
    }

    /// Forgets what was learned; `false` where nothing was.
    fn forget(&mut self) -> bool {
        !std::mem::replace(&mut self.fresh, true)
    }

    /// Takes in how the slope changed along a step.
    fn learn(&mut self, step: &DVector<f64>, change: &DVector<f64>) {
        let product = step.dot(change);
        let curves_up = product > 1e-10 * step.norm() * change.norm();
        if !curves_up {
            return;
        }
        let count = step.len();
        if std::mem::replace(&mut self.fresh, false) {
            self.inverse = DMatrix::identity(count, count) * (product / change.norm_squared());
        }
        let left = DMatrix::identity(count, count) - step * change.transpose() / product;
        self.inverse = &left * &self.inverse * left.transpose() + step * step.transpose() / product;
    }

    /// The velocity of coordinates.
    fn velocity(&self, coordinates: &DVector<f64>, map: &Affine) -> Matrix3x4<f64> {
        let weights = self
            .lower
            .transpose()
            .solve_upper_triangular(coordinates)
            .expect("a Cholesky factor has no 0 on its diagonal");
        let mut velocity = Matrix3x4::zeros();
        basis(self.freedom, map)
            .iter()
            .zip(weights.iter())
            .for_each(|(one, weight)| velocity += one * *weight);
        velocity
    }
}

/// Maps near the current one: each as the velocity of a point relative to the center.
fn basis(freedom: Freedom, map: &Affine) -> Vec<Matrix3x4<f64>> {
    let entry = |row: usize, column: usize| {
        let mut one = Matrix3x4::zeros();
        one[(row, column)] = 1.0;
        one
    };
    match freedom {
        Freedom::Affine => (0..12).map(|place| entry(place / 4, place % 4)).collect(),
        Freedom::Rigid => (0..3)
            .map(|axis| {
                let mut turn = Matrix3x4::zeros();
                let cross = Vector3::ith(axis, 1.0).cross_matrix();
                turn.fixed_view_mut::<3, 3>(0, 0).copy_from(&(cross * map.matrix));
                turn
            })
            .chain((0..3).map(|axis| entry(axis, 3)))
            .collect(),
    }
}

/// Mean scalar product of the shifts of two velocities over the sampled points, mm squared.
fn shift_product(a: &Matrix3x4<f64>, b: &Matrix3x4<f64>, moments: &Matrix4<f64>) -> f64 {
    (a * moments * b.transpose()).trace()
}

/// The velocity of 1 mm root mean square along which the cost falls fastest; `None` where it is flat.
fn steepest(
    freedom: Freedom,
    map: &Affine,
    slope: &Matrix3x4<f64>,
    moments: &Matrix4<f64>,
) -> Option<Matrix3x4<f64>> {
    let basis = basis(freedom, map);
    let count = basis.len();
    let products = DMatrix::from_fn(count, count, |a, b| shift_product(&basis[a], &basis[b], moments));
    let slopes = DVector::from_fn(count, |a, _| -basis[a].dot(slope));
    let weights = products.cholesky()?.solve(&slopes);
    let mut direction = Matrix3x4::zeros();
    basis.iter().zip(weights.iter()).for_each(|(velocity, weight)| direction += velocity * *weight);
    let length = shift_product(&direction, &direction, moments).sqrt();
    length.is_normal().then(|| direction / length)
}

/// The map after a step along a velocity.
fn moved(freedom: Freedom, map: &Affine, velocity: &Matrix3x4<f64>) -> Affine {
    let linear: Matrix3<f64> = velocity.fixed_view::<3, 3>(0, 0).into();
    let matrix = match freedom {
        Freedom::Affine => map.matrix + linear,
        Freedom::Rigid => {
            // The velocity is a cross product after the rotation: taken apart again, and turned by.
            let cross = linear * map.matrix.transpose();
            let turn = Rotation3::from_scaled_axis(Vector3::new(cross[(2, 1)], cross[(0, 2)], cross[(1, 0)]));
            let mut matrix = turn.into_inner() * map.matrix;
            renormalize(&mut matrix);
            matrix
        }
    };
    Affine { center: map.center, matrix, translation: map.translation + velocity.column(3) }
}

/// Rounding of many products must not turn a rotation into a scaling: one step of Newton's
/// iteration toward the nearest rotation.
fn renormalize(matrix: &mut Matrix3<f64>) {
    let square = matrix.transpose() * *matrix;
    *matrix *= Matrix3::identity() * 1.5 - square * 0.5;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rigid_step_of_one_millimeter_moves_the_points_by_one_and_stays_a_rotation() {
        let mut moments = Matrix4::from_diagonal_element(100.0);
        moments[(3, 3)] = 1.0;
        let map = Affine::identity();
        let slope = Matrix3x4::from_fn(|row, column| {
            (1 + row + 2 * column) as f64 * if row == 1 { -1.0 } else { 1.0 }
        });
        let direction = steepest(Freedom::Rigid, &map, &slope, &moments).expect("not flat");
        assert!((shift_product(&direction, &direction, &moments) - 1.0).abs() < 1e-12);
        let mut turned = map;
        for _ in 0..1000 {
            let direction = steepest(Freedom::Rigid, &turned, &slope, &moments).expect("not flat");
            turned = moved(Freedom::Rigid, &turned, &(direction * 0.5));
        }
        let off = (turned.matrix.transpose() * turned.matrix - Matrix3::identity()).amax();
        assert!(off < 1e-12, "off by {off}");
        // Downhill: a small step along it lowers the cost's linear part.
        assert!(direction.dot(&slope) < 0.0);
    }
}
