use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::wide;

use super::map::{IndexMap, SNAP, inside, mirrored_taps, nearest as nearest_index};

/// Nearest voxels on any two grids.
pub(super) fn nearest<T: Copy + Default + Send + Sync>(
    values: &[T],
    size: [usize; 3],
    map: &IndexMap,
    to: [usize; 3],
    outside: T,
) -> Vec<T> {
    by_place(size, map, to, outside, |at| {
        let index: [usize; 3] = std::array::from_fn(|axis| nearest_index(at[axis], size[axis]));
        values[(index[2] * size[1] + index[1]) * size[0] + index[0]]
    })
}

/// A value for each place that lies on the source, `outside` for every other.
pub(super) fn by_place<T: Copy + Default + Send + Sync>(
    size: [usize; 3],
    map: &IndexMap,
    to: [usize; 3],
    outside: T,
    value: impl Fn([f64; 3]) -> T + Sync,
) -> Vec<T> {
    rows(map, to, |line, out| {
        let near = line.near(size, out.len());
        out[..near.start].fill(outside);
        out[near.end..].fill(outside);
        for (column, out) in near.clone().zip(&mut out[near]) {
            let at = line.at(column);
            *out = if on_grid(at, size) { value(at) } else { outside };
        }
    })
}

/// Straight lines along three axes, on any two grids.
pub(super) fn linear(
    values: &[f32],
    size: [usize; 3],
    map: &IndexMap,
    to: [usize; 3],
    outside: f32,
) -> Vec<f32> {
    let (width, plane) = (size[0], size[0] * size[1]);
    let at_border = |at: [f64; 3]| {
        let taps: [(usize, usize, f64); 3] = std::array::from_fn(|axis| {
            let place = at[axis].clamp(0.0, (size[axis] - 1) as f64);
            let first = place as usize;
            (first, (first + 1).min(size[axis] - 1), place - first as f64)
        });
        let [x, y, z] = taps;
        let line = |row: usize, slice: usize| {
            let start = slice * plane + row * width;
            mix(values[start + x.0], values[start + x.1], x.2 as f32)
        };
        let near = mix(line(y.0, z.0), line(y.1, z.0), y.2 as f32);
        let far = mix(line(y.0, z.1), line(y.1, z.1), y.2 as f32);
        mix(near, far, z.2 as f32)
    };
    rows(map, to, |line, out| {
        let inner = line.inner(size, out.len(), 0.0);
        fill(line, size, out, outside, &inner, at_border);
        let mut cells = Cells::new(size);
        for (chunk, out) in out[inner.clone()].chunks_mut(Cells::MOST).enumerate() {
            cells.find(line, inner.start + chunk * Cells::MOST);
            cells.mix(values, out);
        }
    })
}

/// The cells of eight voxels that some places lie in: found in wide registers, fetched one by one, mixed in wide
/// registers.
struct Cells {
    size: [usize; 3],
    /// Each cell's first voxel.
    first: [usize; Self::MOST],
    /// Where in the cell the place lies.
    part: [[f32; Self::MOST]; 3],
    /// The cell's four pairs of neighbors in a row, which lie side by side.
    pairs: [[[f32; 2]; Self::MOST]; 4],
}

impl Cells {
    /// Places at once.
    const MOST: usize = 64;

    fn new(size: [usize; 3]) -> Self {
        let (part, pairs) = ([[0.0; Self::MOST]; 3], [[[0.0; 2]; Self::MOST]; 4]);
        Self { size, first: [0; Self::MOST], part, pairs }
    }

    /// Of the columns from `start` on, the first of which have neighbors on both sides; the others get some cell.
    fn find(&mut self, line: Line, start: usize) {
        let Self { size, first, part, .. } = self;
        let strides = [1, size[0], size[0] * size[1]];
        wide!({
            *first = [0; Self::MOST];
            for axis in 0..3 {
                // A volume has fewer than 2^31 voxels along an axis.
                let last = (size[axis] - 2) as i32;
                for (place, (first, part)) in first.iter_mut().zip(&mut part[axis]).enumerate() {
                    let at = line.start[axis] + line.step[axis] * f64::from((start + place) as u32);
                    let whole = (at.max(0.0) as i32).min(last);
                    *part = (at - f64::from(whole)) as f32;
                    *first += whole as usize * strides[axis];
                }
            }
        });
    }

    /// By straight lines along three axes.
    fn mix(&mut self, values: &[f32], out: &mut [f32]) {
        let Self { size, first, part, pairs } = self;
        let (width, plane) = (size[0], size[0] * size[1]);
        for (pairs, row) in pairs.iter_mut().zip([0, width, plane, plane + width]) {
            let row = &values[row..];
            for (pair, first) in pairs.iter_mut().zip(&*first).take(out.len()) {
                *pair = [row[*first], row[first + 1]];
            }
        }
        let mut mixed = [0.0; Self::MOST];
        wide!({
            let [x, y, z] = &*part;
            let [a, b, c, d] = &*pairs;
            for (place, mixed) in mixed.iter_mut().enumerate() {
                let [a, b, c, d] = [a[place], b[place], c[place], d[place]];
                let near = mix(mix(a[0], a[1], x[place]), mix(b[0], b[1], x[place]), y[place]);
                let far = mix(mix(c[0], c[1], x[place]), mix(d[0], d[1], x[place]), y[place]);
                *mixed = mix(near, far, z[place]);
            }
        });
        out.copy_from_slice(&mixed[..out.len()]);
    }
}

/// The cubic B-spline of the given coefficients, on any two grids.
pub(super) fn cubic(
    coefficients: &[f32],
    size: [usize; 3],
    map: &IndexMap,
    to: [usize; 3],
    outside: f32,
) -> Vec<f32> {
    let (width, plane) = (size[0], size[0] * size[1]);
    let at_border = |at: [f64; 3]| {
        let [x, y, z]: [([usize; 4], [f64; 4]); 3] =
            std::array::from_fn(|axis| mirrored_taps(at[axis], size[axis]));
        let mut sum = 0.0;
        for (slice, of_slice) in z.0.iter().zip(z.1) {
            for (row, of_row) in y.0.iter().zip(y.1) {
                let line = &coefficients[slice * plane + row * width..][..width];
                let along: f64 =
                    x.0.iter().zip(x.1).map(|(column, weight)| weight * f64::from(line[*column])).sum();
                sum += of_slice * of_row * along;
            }
        }
        sum as f32
    };
    rows(map, to, |line, out| {
        let inner = line.inner(size, out.len(), 1.0);
        fill(line, size, out, outside, &inner, at_border);
        for (column, out) in inner.clone().zip(&mut out[inner]) {
            let at = line.at(column);
            let second: [usize; 3] =
                std::array::from_fn(|axis| (at[axis].max(0.0) as i32 as usize).clamp(1, size[axis] - 3));
            let [x, y, z]: [[f32; 4]; 3] = std::array::from_fn(|axis| {
                super::spline::weights(at[axis] - second[axis] as f64).map(|weight| weight as f32)
            });
            let start = (second[2] - 1) * plane + (second[1] - 1) * width + second[0] - 1;
            let mut sums = [0.0_f32; 4];
            for (slice, of_slice) in z.iter().enumerate() {
                for (row, of_row) in y.iter().enumerate() {
                    let begin = start + slice * plane + row * width;
                    let weight = of_slice * of_row;
                    for (sum, value) in sums.iter_mut().zip(&coefficients[begin..begin + 4]) {
                        *sum += weight * value;
                    }
                }
            }
            *out = sums.iter().zip(x).map(|(sum, weight)| sum * weight).sum();
        }
    })
}

#[inline(always)]
fn mix(first: f32, second: f32, part: f32) -> f32 {
    first + part * (second - first)
}

fn on_grid(at: [f64; 3], size: [usize; 3]) -> bool {
    (0..3).all(|axis| inside(at[axis], size[axis]))
}

/// A row of the target as a straight line through the source.
#[derive(Clone, Copy)]
struct Line {
    start: [f64; 3],
    step: [f64; 3],
}

impl Line {
    fn at(&self, column: usize) -> [f64; 3] {
        std::array::from_fn(|axis| self.start[axis] + self.step[axis] * column as f64)
    }

    /// The columns whose places lie between `low` and `high` of each axis.
    fn between(&self, columns: usize, low: [f64; 3], high: [f64; 3]) -> Range<usize> {
        let (mut first, mut last) = (0.0_f64, columns as f64 - 1.0);
        for axis in 0..3 {
            let (start, step) = (self.start[axis], self.step[axis]);
            if step == 0.0 {
                if start < low[axis] || start > high[axis] {
                    return 0..0;
                }
                continue;
            }
            let (a, b) = ((low[axis] - start) / step, (high[axis] - start) / step);
            first = first.max(a.min(b).ceil());
            last = last.min(a.max(b).floor());
        }
        if first <= last { first as usize..last as usize + 1 } else { 0..0 }
    }

    /// Columns that may lie on the source: one more at each end than computed, against rounding.
    fn near(&self, size: [usize; 3], columns: usize) -> Range<usize> {
        let high = size.map(|count| count as f64 - 0.5 + 2.0 * SNAP);
        let found = self.between(columns, [-0.5 - 2.0 * SNAP; 3], high);
        if found.is_empty() { found } else { found.start.saturating_sub(1)..(found.end + 1).min(columns) }
    }

    /// Columns whose neighbors on both sides (and `margin` more) are voxels of the source.
    fn inner(&self, size: [usize; 3], columns: usize, margin: f64) -> Range<usize> {
        if size.iter().any(|count| (*count as f64) < 2.0 + 2.0 * margin) {
            return 0..0;
        }
        self.between(columns, [margin; 3], size.map(|count| count as f64 - 1.0 - margin))
    }
}

/// Each row of the target in parallel.
fn rows<T: Copy + Default + Send + Sync>(
    map: &IndexMap,
    to: [usize; 3],
    row: impl Fn(Line, &mut [T]) + Sync,
) -> Vec<T> {
    let step = std::array::from_fn(|axis| map.matrix[axis][0]);
    let mut out = vec![T::default(); to.iter().product()];
    out.par_chunks_mut(to[0]).enumerate().for_each(|(line, out)| {
        let start = map.at([0.0, (line % to[1]) as f64, (line / to[1]) as f64]);
        row(Line { start, step }, out);
    });
    out
}

/// Fills what lies outside, and what lies near the border by `at_border`; the `inner` columns are left.
fn fill(
    line: Line,
    size: [usize; 3],
    out: &mut [f32],
    outside: f32,
    inner: &Range<usize>,
    at_border: impl Fn([f64; 3]) -> f32,
) {
    let near = line.near(size, out.len());
    out[..near.start].fill(outside);
    out[near.end..].fill(outside);
    for column in near.filter(|column| !inner.contains(column)) {
        let at = line.at(column);
        out[column] = if on_grid(at, size) { at_border(at) } else { outside };
    }
}
