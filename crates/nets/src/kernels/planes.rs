//! A correlation by steps of one, on planes with margins of zeros.
//!
//! With margins a window's elements lie at fixed distances from each other wherever the window is: a register reads
//! its numbers at the place of a column plus such a distance, and nothing is packed. Columns are counted through the
//! margins too; their sums are thrown away.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::correlate::{Correlation, Part, Run, Tile, Weights, accumulate};
use super::tile;

/// Most numbers of an image with its margins.
const MOST: usize = 1 << 20;
/// Share of the columns that must lie on the grid.
const LEAST: f64 = 0.5;

/// The planes of an image with margins.
pub(super) struct Planes {
    /// The place that is read by column 0 for the first window element along each axis.
    low: [isize; 3],
    /// Depth, height and width with margins.
    size: [usize; 3],
    /// How far each window element is from the first of them.
    distances: Vec<usize>,
    /// From a channel to the next.
    stride: usize,
    /// One more than the last column on the grid.
    end: usize,
}

impl Planes {
    /// `None` where a correlation steps further, or packing costs less.
    pub(super) fn new(of: &Correlation) -> Option<Self> {
        if of.step != [1; 3] || of.taps.len() < 2 || of.grid.contains(&0) {
            return None;
        }
        let low = [0, 1, 2].map(|axis| of.taps.iter().map(|tap| tap[axis]).min().unwrap_or(0));
        let high = [0, 1, 2].map(|axis| of.taps.iter().map(|tap| tap[axis]).max().unwrap_or(0));
        let size = [0, 1, 2].map(|axis| of.grid[axis] + (high[axis] - low[axis]) as usize);
        let flat = |place: [usize; 3]| (place[0] * size[1] + place[1]) * size[2] + place[2];
        let distance = |tap: &[isize; 3]| flat([0, 1, 2].map(|axis| (tap[axis] - low[axis]) as usize));
        let distances: Vec<usize> = of.taps.iter().map(distance).collect();
        let end = flat(of.grid.map(|count| count - 1)) + 1;
        // The last register reads past the last column.
        let read = end.next_multiple_of(tile::lanes());
        let stride = (read + distances.iter().max()?).max(flat([size[0], 0, 0]));
        let share = of.grid.iter().product::<usize>() as f64 / read as f64;
        let planes = Self { low, size, distances, stride, end };
        (share >= LEAST && of.inputs * stride <= MOST).then_some(planes)
    }

    /// Copies an image between the margins, which hold zeros.
    fn fill(&self, of: &Correlation, image: &[f32], planes: &mut [f32]) {
        let [depth, height, width] = self.size;
        let volume = of.from.iter().product::<usize>();
        // Where a row of the image lies in a row with margins.
        let first = self.low[2].max(0) as usize;
        let at = (-self.low[2]).max(0) as usize;
        let length = (of.from[2].saturating_sub(first)).min(width.saturating_sub(at));
        let inside = |place: usize, axis: usize| {
            let place = place as isize + self.low[axis];
            (0..of.from[axis] as isize).contains(&place).then_some(place as usize)
        };
        for (plane, channel) in planes.chunks_exact_mut(self.stride).zip(image.chunks_exact(volume)) {
            for z in 0..depth {
                let Some(slice) = inside(z, 0) else { continue };
                for y in 0..height {
                    let Some(row) = inside(y, 1) else { continue };
                    let from = (slice * of.from[1] + row) * of.from[2] + first;
                    let to = (z * height + y) * width + at;
                    // Rows are short: a call of memcpy costs more than a loop.
                    let pairs = plane[to..to + length].iter_mut().zip(&channel[from..from + length]);
                    pairs.for_each(|(to, from)| *to = *from);
                }
            }
        }
    }

    /// The columns of the grid among some columns.
    fn runs(&self, of: &Correlation, image: usize, columns: Range<usize>, runs: &mut Vec<Run>) {
        let [_, height, width] = self.size;
        runs.clear();
        let mut column = columns.start;
        while column < columns.end {
            let (row, x) = (column / width, column % width);
            let place = [row / height, row % height, x];
            let next = (column - x + width).min(columns.end);
            if x < of.grid[2] && place[1] < of.grid[1] && place[0] < of.grid[0] {
                let length = (of.grid[2] - x).min(next - column);
                runs.push(Run { at: column - columns.start, length, image, place });
            }
            column = next;
        }
    }

    /// Writes every sum; places that no column belongs to keep what they hold.
    pub(super) fn run(&self, of: &Correlation, input: &[f32], weights: &Weights, output: &mut [f32]) {
        let (rows, threads) = (tile::rows(), rayon::current_num_threads());
        let weights = &turned(weights, of.outputs, rows);
        let volume = of.to.iter().product::<usize>();
        let each = of.inputs * of.from.iter().product::<usize>();
        let parts = if of.batch >= threads { 1 } else { (2 * threads).div_ceil(of.batch) };
        let channels = of.outputs.div_ceil(parts).next_multiple_of(rows).min(of.outputs);
        let images = output[..of.batch * of.outputs * volume].par_chunks_mut(of.outputs * volume).enumerate();
        images.for_each_init(
            || vec![0.0; of.inputs * self.stride],
            |planes, (image, output)| {
                self.fill(of, &input[image * each..][..each], planes);
                let planes = planes.as_slice();
                let write = |(part, output): (usize, &mut [f32])| {
                    let channels = part * channels..((part + 1) * channels).min(of.outputs);
                    let part = Part { image, channels, output };
                    tile::arch().dispatch(Work { of, by: self, planes, weights, part });
                };
                if channels == of.outputs {
                    write((0, output));
                } else {
                    output.par_chunks_mut(channels * volume).enumerate().for_each(write);
                }
            },
        );
    }
}

/// The weights of some rows side by side: `[tiles, depth, rows]`; behind the last row stands the last once more.
fn turned(weights: &Weights, outputs: usize, rows: usize) -> Vec<f32> {
    let depth = weights.depth;
    let mut turned = vec![0.0; outputs.div_ceil(rows) * depth * rows];
    turned.par_chunks_mut(depth * rows).enumerate().for_each(|(tile, turned)| {
        for row in 0..rows {
            let from = weights.row(tile * rows + row, &(0..depth));
            turned.iter_mut().skip(row).step_by(rows).zip(from).for_each(|(to, from)| *to = *from);
        }
    });
    turned
}

struct Work<'a> {
    of: &'a Correlation,
    by: &'a Planes,
    planes: &'a [f32],
    weights: &'a [f32],
    part: Part<'a>,
}

impl WithSimd for Work<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match tile::rows() {
            8 => self.tiles::<S, 8, 3>(simd),
            _ => self.tiles::<S, 6, 2>(simd),
        }
    }
}

impl Work<'_> {
    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const V: usize>(mut self, simd: S) {
        let depth = self.of.inputs * self.by.distances.len();
        let mut products = vec![0.0_f32; R * V * S::F32_LANES];
        let mut runs = Vec::new();
        for start in (0..self.by.end).step_by(V * S::F32_LANES) {
            let registers = (self.by.end - start).div_ceil(S::F32_LANES).min(V);
            let wide = registers * S::F32_LANES;
            self.by.runs(self.of, self.part.image, start..start + wide, &mut runs);
            if runs.is_empty() {
                continue;
            }
            let planes = &self.planes[start..];
            for row in self.part.channels.clone().step_by(R) {
                let weights = &self.weights[row / R * depth * R..][..depth * R];
                match registers {
                    1 => multiply::<S, R, 1>(simd, weights, self.by, planes, &mut products),
                    2 => multiply::<S, R, 2>(simd, weights, self.by, planes, &mut products),
                    _ => multiply::<S, R, V>(simd, weights, self.by, planes, &mut products),
                }
                let rows = row..(row + R).min(self.part.channels.end);
                let tile = Tile { rows, columns: 0..wide, adds: false };
                self.of.put(&mut self.part, &runs, &tile, &products, wide);
            }
        }
    }
}

/// The sums of `R` rows of weights times `V` registers of numbers over the depth.
#[inline(always)]
fn multiply<S: Simd, const R: usize, const V: usize>(
    simd: S,
    weights: &[f32],
    by: &Planes,
    planes: &[f32],
    products: &mut [f32],
) {
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    let wide = V * S::F32_LANES;
    let channels = weights.as_chunks::<R>().0.chunks_exact(by.distances.len());
    for (channel, weights) in channels.enumerate() {
        let plane = &planes[channel * by.stride..];
        for (weights, distance) in weights.iter().zip(&by.distances) {
            let (numbers, _) = S::as_simd_f32s(&plane[*distance..*distance + wide]);
            let numbers: &[S::f32s; V] = numbers.first_chunk().expect("whole registers");
            accumulate(simd, &mut sums, *weights, numbers);
        }
    }
    let (products, _) = S::as_mut_simd_f32s(products);
    for (out, sums) in products.as_chunks_mut::<V>().0.iter_mut().zip(sums) {
        *out = sums;
    }
}
