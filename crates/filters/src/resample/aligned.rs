use std::ops::Range;

use rayon::prelude::*;

use super::map::{Aligned, inside, nearest as nearest_index, snapped};

/// What one axis of the target needs of one axis of the source.
pub(super) struct Axis<const K: usize> {
    /// The target's indices that lie on the source.
    range: Range<usize>,
    /// For each of them the source's indices and their weights.
    taps: Vec<([usize; K], [f32; K])>,
    /// The source's indices that are needed at all.
    needed: Range<usize>,
}

impl<const K: usize> Axis<K> {
    pub(super) fn new(
        start: f64,
        step: f64,
        to: usize,
        from: usize,
        tap: impl Fn(f64, usize) -> ([usize; K], [f32; K]),
    ) -> Self {
        let range = covered(start, step, to, from);
        let taps: Vec<_> =
            range.clone().map(|index| tap(snapped(start + step * index as f64), from)).collect();
        let indices = || taps.iter().flat_map(|(index, _)| index.iter().copied());
        let needed = indices().min().unwrap_or(0)..indices().max().map_or(0, |last| last + 1);
        Self { range, taps, needed }
    }
}

/// The target's indices whose places lie on `from` voxels: one run, since the places are in order.
fn covered(start: f64, step: f64, to: usize, from: usize) -> Range<usize> {
    let on = |index: &usize| inside(start + step * *index as f64, from);
    let first = (0..to).find(on).unwrap_or(to);
    let length = (first..to).take_while(on).count();
    first..first + length
}

/// Weighted sums along three parallel axes, one after the other: slices first (a plane), then rows (a
/// line), then columns. What needs no sum (one weight of 1) is not copied.
pub(super) fn weighted<const K: usize>(
    values: &[f32],
    from: [usize; 3],
    [columns, rows, slices]: &[Axis<K>; 3],
    to: [usize; 3],
    outside: f32,
) -> Vec<f32> {
    let plane = from[0] * from[1];
    let width = from[0];
    let mut out = vec![0.0_f32; to.iter().product()];
    out.par_chunks_mut(to[0] * to[1]).enumerate().for_each_init(
        || (Vec::new(), Vec::new()),
        |(plane_sum, line_sum), (slice, out)| {
            if !slices.range.contains(&slice) {
                out.fill(outside);
                return;
            }
            let (index, weights) = &slices.taps[slice - slices.range.start];
            let of_slice = |index: usize| &values[index * plane..(index + 1) * plane];
            let source: &[f32] = match alone(index, weights) {
                Some(index) => of_slice(index),
                None => {
                    plane_sum.resize(plane, 0.0);
                    for row in rows.needed.clone() {
                        let part = row * width + columns.needed.start..row * width + columns.needed.end;
                        let lines = index.map(|index| &of_slice(index)[part.clone()]);
                        blend(&mut plane_sum[part.clone()], lines, weights);
                    }
                    plane_sum
                }
            };
            for (row, out) in out.chunks_exact_mut(to[0]).enumerate() {
                if !rows.range.contains(&row) {
                    out.fill(outside);
                    continue;
                }
                let (index, weights) = &rows.taps[row - rows.range.start];
                let of_row = |index: usize| &source[index * width..(index + 1) * width];
                let line: &[f32] = match alone(index, weights) {
                    Some(index) => of_row(index),
                    None => {
                        line_sum.resize(width, 0.0);
                        let lines = index.map(|index| &of_row(index)[columns.needed.clone()]);
                        blend(&mut line_sum[columns.needed.clone()], lines, weights);
                        line_sum
                    }
                };
                out[..columns.range.start].fill(outside);
                out[columns.range.end..].fill(outside);
                for (value, (index, weights)) in out[columns.range.clone()].iter_mut().zip(&columns.taps) {
                    *value = index.iter().zip(weights).map(|(index, weight)| weight * line[*index]).sum();
                }
            }
        },
    );
    out
}

/// The one voxel that has all the weight, if one has.
fn alone<const K: usize>(index: &[usize; K], weights: &[f32; K]) -> Option<usize> {
    weights.iter().position(|weight| *weight == 1.0).map(|tap| index[tap])
}

/// A weighted sum of lines.
fn blend<const K: usize>(out: &mut [f32], lines: [&[f32]; K], weights: &[f32; K]) {
    let count = out.len();
    let lines = lines.map(|line| &line[..count]);
    for (at, out) in out.iter_mut().enumerate() {
        let mut sum = 0.0;
        for tap in 0..K {
            sum += weights[tap] * lines[tap][at];
        }
        *out = sum;
    }
}

/// Nearest voxels along three parallel axes.
pub(super) fn nearest<T: Copy + Default + Send + Sync>(
    values: &[T],
    size: [usize; 3],
    lines: &Aligned,
    to: [usize; 3],
    outside: T,
) -> Vec<T> {
    let strides = [1, size[0], size[0] * size[1]];
    let axes: [(Range<usize>, Vec<usize>); 3] = std::array::from_fn(|axis| {
        let count = size[lines.order[axis]];
        let range = covered(lines.start[axis], lines.step[axis], to[axis], count);
        let place = |index: usize| lines.start[axis] + lines.step[axis] * index as f64;
        let offsets = range
            .clone()
            .map(|index| nearest_index(place(index), count) * strides[lines.order[axis]])
            .collect();
        (range, offsets)
    });
    let [columns, rows, slices] = &axes;
    let neighbors = columns.1.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let mut out = vec![T::default(); to.iter().product()];
    out.par_chunks_mut(to[0]).enumerate().for_each(|(line, out)| {
        let (row, slice) = (line % to[1], line / to[1]);
        if !rows.0.contains(&row) || !slices.0.contains(&slice) || columns.1.is_empty() {
            out.fill(outside);
            return;
        }
        let start = rows.1[row - rows.0.start] + slices.1[slice - slices.0.start];
        out[..columns.0.start].fill(outside);
        out[columns.0.end..].fill(outside);
        let inner = &mut out[columns.0.clone()];
        if neighbors {
            let first = start + columns.1[0];
            inner.copy_from_slice(&values[first..first + inner.len()]);
        } else {
            inner.iter_mut().zip(&columns.1).for_each(|(value, column)| *value = values[start + column]);
        }
    });
    out
}
