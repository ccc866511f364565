//! The forces between two images on one level, and the algebra of displacements.

use std::collections::VecDeque;

use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use wilhelm_study::{Geometry, PointLps};

use crate::register::field::vector_of;
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
        self.warp_lines(0, shifts, warped, Squares::default()).mean()
    }

    /// The same for a stretch of lines from the given one on, whose shifts are given; the squares go on from `before`.
    fn warp_lines(&self, first: usize, shifts: &[f32], warped: &mut [f32], before: Squares) -> Squares {
        let [columns, rows, _] = self.fixed.size;
        let lines = warped.par_chunks_mut(columns).zip(shifts.par_chunks(3 * columns));
        let sums: Vec<Squares> = lines
            .zip(self.fixed.values[first * columns..].par_chunks(columns))
            .enumerate()
            .map(|(line, ((warped, shifts), fixed))| {
                let (row, slice) = ((first + line) % rows, (first + line) / rows);
                let mut sum = Squares::default();
                let voxels = warped.iter_mut().zip(shifts.chunks_exact(3)).zip(fixed);
                for (column, ((value, shift), fixed)) in voxels.enumerate() {
                    match self.moving_at([column, row, slice], shift) {
                        Some(found) => {
                            *value = found;
                            sum.total += f64::from(fixed - found).powi(2);
                            sum.count += 1;
                        }
                        None => *value = f32::NAN,
                    }
                }
                sum
            })
            .collect();
        sums.iter().fold(before, Squares::and)
    }

    /// Each voxel's update, put into `target` or added to it; `noise` is a variance that is no sign
    /// of a shift.
    pub fn force(&self, warped: &[f32], longest: f64, noise: f64, add: bool, target: &mut [f32]) {
        let [columns, rows, slices] = self.fixed.size;
        let plane = columns * rows;
        let push = self.push(longest, noise);
        target.par_chunks_mut(3 * columns).enumerate().for_each(|(line, target)| {
            let (row, slice) = (line % rows, line / rows);
            let [before, after] = beside(slice, slices);
            let planes = [before, slice, after].map(|slice| &warped[slice * plane..][..plane]);
            for (target, update) in target.chunks_exact_mut(3).zip(self.updates(row, slice, planes, push)) {
                for (target, update) in target.iter_mut().zip(update) {
                    *target = if add { *target + update } else { update };
                }
            }
        });
    }

    /// [`Self::warp`], then [`Self::force`] without noise, added to the displacements: a few slices of
    /// the warped image are held at a time.
    pub fn advance(&self, shifts: &mut [f32], longest: f64) -> Option<f64> {
        let [columns, rows, slices] = self.fixed.size;
        let plane = columns * rows;
        let push = self.push(longest, 0.0);
        // The slice before a stretch, its own, and the one behind.
        let mut window = vec![0.0; plane * (STRETCH + 2)];
        let mut squares = Squares::default();
        let mut known = 0;
        for first in (0..slices).step_by(STRETCH) {
            let end = (first + STRETCH).min(slices);
            // What is known already: all but in front of the first stretch, one slice before and one of its own.
            if first > 0 {
                window.copy_within(plane * STRETCH.., 0);
            }
            let next = known..(end + 1).min(slices);
            let place = plane * (next.start + 1 - first)..plane * (next.end + 1 - first);
            let here = &shifts[3 * plane * next.start..3 * plane * next.end];
            squares = self.warp_lines(next.start * rows, here, &mut window[place], squares);
            known = next.end;
            let stretch = &mut shifts[3 * plane * first..3 * plane * end];
            stretch.par_chunks_mut(3 * columns).enumerate().for_each(|(line, target)| {
                let (row, slice) = (line % rows, first + line / rows);
                let [before, after] = beside(slice, slices);
                let planes =
                    [before, slice, after].map(|slice| &window[plane * (slice + 1 - first)..][..plane]);
                for (target, update) in target.chunks_exact_mut(3).zip(self.updates(row, slice, planes, push))
                {
                    target.iter_mut().zip(update).for_each(|(target, update)| *target += update);
                }
            });
        }
        squares.mean()
    }

    fn push(&self, longest: f64, noise: f64) -> Push {
        // The longest update is this root times a voxel's mean size.
        let squared = self.spacing.iter().map(|spacing| spacing * spacing).sum::<f32>() / 3.0;
        Push { normalizer: squared * (longest * longest) as f32, noise: noise as f32 }
    }

    /// The updates of a line; `warped` are the slices beside it and in their middle its own.
    #[inline]
    fn updates<'b>(
        &'b self,
        row: usize,
        slice: usize,
        warped: [&'b [f32]; 3],
        push: Push,
    ) -> impl Iterator<Item = [f32; 3]> + 'b {
        let [columns, rows, slices] = self.fixed.size;
        let steps = self.spacing.map(|spacing| 0.5 / spacing);
        let fixed_line =
            |row: usize, slice: usize| &self.fixed.values[(slice * rows + row) * columns..][..columns];
        let (above_below, before_after) = (beside(row, rows), beside(slice, slices));
        let fixed = fixed_line(row, slice);
        let fixed_rows = above_below.map(|row| fixed_line(row, slice));
        let fixed_slices = before_after.map(|slice| fixed_line(row, slice));
        let moving_line = |plane: &'b [f32], row: usize| &plane[row * columns..][..columns];
        let moving = moving_line(warped[1], row);
        let moving_rows = above_below.map(|row| moving_line(warped[1], row));
        let moving_slices = [warped[0], warped[2]].map(|plane| moving_line(plane, row));
        (0..columns).map(move |column| {
            let speed = fixed[column] - moving[column];
            if !speed.is_finite() {
                return [0.0; 3];
            }
            let [before, after] = beside(column, columns);
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
            let denominator = (speed * speed + push.noise) / push.normalizer + length;
            if denominator > 1e-9 {
                let scale = 2.0 * speed / denominator;
                both.map(|slope| slope * scale)
            } else {
                [0.0; 3]
            }
        })
    }

    /// The flow of an update for one unit of time, in its place, by scaling and squaring once: updates
    /// are at most two voxels long.
    pub fn exponential(&self, update: &mut [f32]) {
        update.par_iter_mut().for_each(|part| *part /= 2.0);
        self.compose(update, None);
    }

    /// The displacements of a map after another, in place of the former: `first(x) + second(x + first(x))`
    /// where the outer map is `second`, which is also the inner one for `None`.
    ///
    /// Slices that are still to be read are kept aside, as many as the longest inner displacement reaches over.
    pub fn compose(&self, second: &mut [f32], first: Option<&[f32]>) {
        let size = self.fixed.size;
        let [columns, rows, slices] = size;
        let plane = 3 * columns * rows;
        let highest =
            |part: &[f32]| part.chunks_exact(3).fold(0.0_f32, |most, shift| most.max(shift[2].abs()));
        let far = first.unwrap_or(second).par_chunks(3 * columns).map(highest).reduce(|| 0.0, f32::max);
        // One more for the voxel on the other side.
        let reach = ((far / self.spacing[2]).ceil() as usize).saturating_add(1).min(slices);
        let mut kept: VecDeque<Vec<f32>> = VecDeque::with_capacity(reach + STRETCH);
        for first_slice in (0..slices).step_by(STRETCH) {
            let end = (first_slice + STRETCH).min(slices);
            for slice in first_slice..end {
                // Below the reach of this stretch nothing is read any more.
                let spare = if kept.len() + first_slice > slice + reach { kept.pop_front() } else { None };
                let mut old = spare.unwrap_or_else(|| vec![0.0; plane]);
                old.copy_from_slice(&second[slice * plane..][..plane]);
                kept.push_back(old);
            }
            let (before, rest) = second.split_at_mut(end * plane);
            let lowest = end - kept.len();
            let near: Vec<&[f32]> =
                kept.iter().map(Vec::as_slice).chain(rest.chunks(plane).take(reach)).collect();
            // What an overflow makes of a displacement may point anywhere: it is not a number, whatever is read.
            let read = |at: usize| near[at.saturating_sub(lowest).min(near.len() - 1)];
            let stretch = &mut before[first_slice * plane..];
            stretch.par_chunks_mut(3 * columns).enumerate().for_each(|(line, composed)| {
                let (row, slice) = (line % rows, first_slice + line / rows);
                let inner = first.map_or_else(|| read(slice), |first| &first[slice * plane..][..plane]);
                let inner = &inner[3 * columns * row..][..3 * columns];
                for (column, (target, step)) in
                    composed.chunks_exact_mut(3).zip(inner.chunks_exact(3)).enumerate()
                {
                    let voxel = [column, row, slice];
                    let at = std::array::from_fn(|axis| voxel[axis] as f32 + step[axis] / self.spacing[axis]);
                    let more = vector_of(read, size, at);
                    target.iter_mut().enumerate().for_each(|(axis, part)| *part = step[axis] + more[axis]);
                }
            });
        }
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

/// Slices that are worked on at once where an array is changed in place: threads meet after each stretch.
const STRETCH: usize = 4;

/// What an update is measured by.
#[derive(Clone, Copy)]
struct Push {
    normalizer: f32,
    noise: f32,
}

/// Squared differences so far.
#[derive(Clone, Copy, Default)]
struct Squares {
    total: f64,
    count: usize,
}

impl Squares {
    fn and(self, other: &Self) -> Self {
        Self { total: self.total + other.total, count: self.count + other.count }
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.total / self.count as f64)
    }
}

/// The places before and after one; where a neighbor is missing the place itself stands for both.
#[inline]
fn beside(at: usize, count: usize) -> [usize; 2] {
    if at == 0 || at + 1 == count { [at; 2] } else { [at - 1, at + 1] }
}

/// The grid's axes as the columns of a matrix.
fn frame(geometry: &Geometry) -> Matrix3<f64> {
    let axes = geometry.direction().axes();
    Matrix3::from_fn(|row, column| axes[column][row])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::field::vector_at;
    use std::borrow::Cow;
    use wilhelm_study::{Mm, Spacing};

    const SIZE: [usize; 3] = [5, 4, 9];

    /// Numbers without a pattern, from -0.5 to 0.5.
    fn scattered(count: usize, seed: u32) -> Vec<f32> {
        let mix = |at: u32| (at ^ seed).wrapping_mul(0x9E37_79B9).rotate_left(13).wrapping_mul(0x85EB_CA6B);
        (0..count as u32).map(|at| (mix(at) >> 8) as f32 / (1 << 24) as f32 - 0.5).collect()
    }

    fn level(seed: u32) -> Level<'static> {
        let spacing = Spacing::new(Mm(1.0), Mm(2.0), Mm(0.5)).expect("positive");
        let geometry = Geometry::axis_aligned(SIZE, spacing).expect("a grid");
        let values = scattered(geometry.voxels(), seed);
        Level { geometry, values: Cow::Owned(values) }
    }

    #[test]
    fn maps_composed_in_place_are_those_composed_apart() {
        let (fixed, moving) = (level(1), level(2));
        let pair = Pair::new(&fixed, &moving, &Affine::identity());
        // Up to five slices far: more than half of them.
        let shifts = |seed| scattered(3 * 180, seed).into_iter().map(|part| 5.0 * part).collect::<Vec<f32>>();
        let apart = |second: &[f32], first: &[f32]| -> Vec<f32> {
            let voxels = first.chunks_exact(3).enumerate();
            let after = voxels.map(|(voxel, step)| {
                let place = [voxel % 5, voxel / 5 % 4, voxel / 20];
                let at = std::array::from_fn(|axis| place[axis] as f32 + step[axis] / [1.0, 2.0, 0.5][axis]);
                let more = vector_at(second, SIZE, at);
                [step[0] + more[0], step[1] + more[1], step[2] + more[2]]
            });
            after.flatten().collect()
        };
        let (second, first) = (shifts(3), shifts(4));
        let mut composed = second.clone();
        pair.compose(&mut composed, Some(&first));
        assert_eq!(composed, apart(&second, &first));
        pair.compose(&mut composed, None);
        let twice = apart(&second, &first);
        assert_eq!(composed, apart(&twice, &twice));
    }

    #[test]
    fn an_update_by_three_slices_at_a_time_is_that_of_the_whole_image() {
        let (fixed, moving) = (level(1), level(2));
        let pair = Pair::new(&fixed, &moving, &Affine::identity());
        let shifts = scattered(3 * 180, 5);
        let (mut at_once, mut whole) = (shifts.clone(), shifts);
        let mut warped = vec![0.0; 180];
        let squares = pair.warp(&whole, &mut warped);
        pair.force(&warped, 0.5, 0.0, true, &mut whole);
        assert!(warped.iter().any(|value| value.is_nan()), "some voxels lie outside");
        assert_eq!(pair.advance(&mut at_once, 0.5), squares);
        assert_eq!(at_once, whole);
    }
}
