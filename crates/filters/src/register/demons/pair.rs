//! The forces between two images on one level, and the algebra of displacements.

use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use wilhelm_study::{Geometry, PointLps};

use crate::register::field::vector_at;
use crate::register::interpolate::Grid;
use crate::register::pyramid::Level;
use crate::register::transform::Affine;

/// Two images on one level. Displacements are in mm along the fixed grid's own axes.
pub(super) struct Pair<'a> {
    pub fixed: Grid<'a>,
    geometry: &'a Geometry,
    moving: Grid<'a>,
    spacing: [f32; 3],
    /// From mm along the fixed grid's axes, counted from its first voxel, to the moving index.
    to_index: [[f32; 3]; 3],
    first: [f32; 3],
}

impl<'a> Pair<'a> {
    pub fn new(fixed: &'a Level<'_>, moving: &'a Level<'_>, start: &Affine) -> Self {
        let axes = frame(&fixed.geometry);
        let spacing = moving.geometry.spacing().millimeters();
        let across = moving.geometry.direction().axes();
        let rows = Matrix3::from_fn(|row, column| across[row][column] / spacing[row]);
        let matrix = rows * start.matrix * axes;
        let first = moving.geometry.index_at(PointLps::from_components(
            start.apply(Vector3::from(fixed.geometry.origin().components())).into(),
        ));
        Self {
            fixed: fixed.grid(),
            geometry: &fixed.geometry,
            moving: moving.grid(),
            spacing: fixed.geometry.spacing().millimeters().map(|spacing| spacing as f32),
            to_index: std::array::from_fn(|row| std::array::from_fn(|column| matrix[(row, column)] as f32)),
            first: first.map(|index| index as f32),
        }
    }

    /// The moving value for a fixed voxel with its displacement.
    #[inline]
    fn moving_at(&self, voxel: [usize; 3], shift: &[f32]) -> Option<f32> {
        let at: [f32; 3] = std::array::from_fn(|axis| voxel[axis] as f32 * self.spacing[axis] + shift[axis]);
        self.moving.linear(std::array::from_fn(|axis| {
            let row = self.to_index[axis];
            self.first[axis] + row[0] * at[0] + row[1] * at[1] + row[2] * at[2]
        }))
    }

    /// The moving image on the fixed grid, NaN outside, and the mean squared difference; `None`
    /// where no voxel lies in the moving image.
    pub fn warp(&self, shifts: &[f32], warped: &mut [f32]) -> Option<f64> {
        let [columns, rows, _] = self.fixed.size;
        let lines = warped.par_chunks_mut(columns).zip(shifts.par_chunks(3 * columns));
        let sums: Vec<(f64, usize)> = lines
            .zip(self.fixed.values.par_chunks(columns))
            .enumerate()
            .map(|(line, ((warped, shifts), fixed))| {
                let mut sum = (0.0, 0);
                let voxels = warped.iter_mut().zip(shifts.chunks_exact(3)).zip(fixed);
                for (column, ((value, shift), fixed)) in voxels.enumerate() {
                    match self.moving_at([column, line % rows, line / rows], shift) {
                        Some(found) => {
                            *value = found;
                            sum.0 += f64::from(fixed - found).powi(2);
                            sum.1 += 1;
                        }
                        None => *value = f32::NAN,
                    }
                }
                sum
            })
            .collect();
        let (total, count) = sums.iter().fold((0.0, 0), |(total, count), (sum, n)| (total + sum, count + n));
        (count > 0).then(|| total / count as f64)
    }

    /// Each voxel's update, put into `target` or added to it; `noise` is a variance that is no sign
    /// of a shift.
    pub fn force(&self, warped: &[f32], longest: f64, noise: f64, add: bool, target: &mut [f32]) {
        let [columns, rows, slices] = self.fixed.size;
        let plane = columns * rows;
        // The longest update is this root times a voxel's mean size.
        let squared = self.spacing.iter().map(|spacing| spacing * spacing).sum::<f32>() / 3.0;
        let normalizer = squared * (longest * longest) as f32;
        let steps = self.spacing.map(|spacing| 0.5 / spacing);
        let noise = noise as f32;
        target.par_chunks_mut(3 * columns).enumerate().for_each(|(line, target)| {
            // Where a neighbor is missing the slope is 0: the line itself stands for both.
            let beside = |at: usize, count: usize, stride: usize| {
                let start = line * columns;
                if at == 0 || at + 1 == count { [start; 2] } else { [start - stride, start + stride] }
            };
            let row_starts = beside(line % rows, rows, columns);
            let slice_starts = beside(line / rows, slices, plane);
            let fixed = &self.fixed.values[line * columns..][..columns];
            let moving = &warped[line * columns..][..columns];
            let fixed_rows = row_starts.map(|start| &self.fixed.values[start..][..columns]);
            let fixed_slices = slice_starts.map(|start| &self.fixed.values[start..][..columns]);
            let moving_rows = row_starts.map(|start| &warped[start..][..columns]);
            let moving_slices = slice_starts.map(|start| &warped[start..][..columns]);
            for (column, target) in target.chunks_exact_mut(3).enumerate() {
                let speed = fixed[column] - moving[column];
                let mut update = [0.0_f32; 3];
                if speed.is_finite() {
                    let ends = column == 0 || column + 1 == columns;
                    let [before, after] = if ends { [column; 2] } else { [column - 1, column + 1] };
                    let slope = |line: &[f32], rows: &[&[f32]; 2], slices: &[&[f32]; 2]| {
                        [
                            line[after] - line[before],
                            rows[1][column] - rows[0][column],
                            slices[1][column] - slices[0][column],
                        ]
                    };
                    let of_fixed = slope(fixed, &fixed_rows, &fixed_slices);
                    let of_moving = slope(moving, &moving_rows, &moving_slices);
                    // A slope that reaches outside the moving image is unknown: the fixed one stands alone.
                    let both: [f32; 3] = std::array::from_fn(|axis| {
                        let known = of_moving[axis].is_finite();
                        (of_fixed[axis] + if known { of_moving[axis] } else { of_fixed[axis] }) * steps[axis]
                    });
                    let length = both[0] * both[0] + both[1] * both[1] + both[2] * both[2];
                    let denominator = (speed * speed + noise) / normalizer + length;
                    if denominator > 1e-9 {
                        let scale = 2.0 * speed / denominator;
                        update = both.map(|slope| slope * scale);
                    }
                }
                for (target, update) in target.iter_mut().zip(update) {
                    *target = if add { *target + update } else { update };
                }
            }
        });
    }

    /// The flow of an update for one unit of time, by scaling and squaring once: updates are at
    /// most two voxels long.
    pub fn exponential(&self, update: &mut Vec<f32>, room: &mut Vec<f32>) {
        update.par_iter_mut().for_each(|part| *part /= 2.0);
        self.compose(update, update, room);
        std::mem::swap(update, room);
    }

    /// The displacements of a map after another: `first(x) + second(x + first(x))` where the outer
    /// map is `second`.
    pub fn compose(&self, second: &[f32], first: &[f32], composed: &mut [f32]) {
        let size = self.fixed.size;
        let [columns, rows, _] = size;
        composed.par_chunks_mut(3 * columns).zip(first.par_chunks(3 * columns)).enumerate().for_each(
            |(line, (composed, first))| {
                for (column, (target, step)) in
                    composed.chunks_exact_mut(3).zip(first.chunks_exact(3)).enumerate()
                {
                    let voxel = [column, line % rows, line / rows];
                    let at = std::array::from_fn(|axis| voxel[axis] as f32 + step[axis] / self.spacing[axis]);
                    let more = vector_at(second, size, at);
                    target.iter_mut().enumerate().for_each(|(axis, part)| *part = step[axis] + more[axis]);
                }
            },
        );
    }

    /// Mean squared differences without and with displacements, over voxels where both are known.
    pub fn compare(&self, shifts: &[f32]) -> Option<(f64, f64)> {
        let [columns, rows, _] = self.fixed.size;
        let lines = self.fixed.values.par_chunks(columns).zip(shifts.par_chunks(3 * columns));
        let sums: Vec<[f64; 3]> = lines
            .enumerate()
            .map(|(line, (fixed, shifts))| {
                let mut sums = [0.0; 3];
                for (column, (fixed, shift)) in fixed.iter().zip(shifts.chunks_exact(3)).enumerate() {
                    let voxel = [column, line % rows, line / rows];
                    let found = (self.moving_at(voxel, &[0.0; 3]), self.moving_at(voxel, shift));
                    if let (Some(before), Some(after)) = found {
                        sums[0] += f64::from(before - fixed).powi(2);
                        sums[1] += f64::from(after - fixed).powi(2);
                        sums[2] += 1.0;
                    }
                }
                sums
            })
            .collect();
        let total = sums.iter().fold([0.0; 3], |mut total, sums| {
            total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
            total
        });
        (total[2] > 0.0).then(|| (total[0] / total[2], total[1] / total[2]))
    }

    /// Displacements in LPS with the start's map behind them; those of the start alone for `None`.
    pub fn displacements(&self, shifts: Option<Vec<f32>>, start: &Affine) -> Vec<f32> {
        let [columns, rows, _] = self.fixed.size;
        let axes = frame(self.geometry);
        let mut field = shifts.unwrap_or_else(|| vec![0.0; self.fixed.values.len() * 3]);
        field.par_chunks_mut(3 * columns).enumerate().for_each(|(line, field)| {
            for (column, shift) in field.chunks_exact_mut(3).enumerate() {
                let at = [column, line % rows, line / rows].map(|index| index as f64);
                let point = Vector3::from(self.geometry.point_at(at).components());
                let along = Vector3::new(f64::from(shift[0]), f64::from(shift[1]), f64::from(shift[2]));
                let moved = start.apply(point + axes * along) - point;
                shift.iter_mut().zip(moved.iter()).for_each(|(shift, moved)| *shift = *moved as f32);
            }
        });
        field
    }
}

/// The grid's axes as the columns of a matrix.
fn frame(geometry: &Geometry) -> Matrix3<f64> {
    let axes = geometry.direction().axes();
    Matrix3::from_fn(|row, column| axes[column][row])
}
