//! Sums of products of an image and a small window, as one matrix product that is packed while it runs.
//!
//! Where windows step by one they are read from [`planes`](super::planes). Elsewhere the matrix
//! of windows is never held: a panel of some columns (places) is packed, multiplied by all rows of weights and dropped. A convolution is one such sum; its gradient with respect to the input is one for each
//! remainder of the places by the stride.

use super::planes::Planes;
use super::tile;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Places a panel: four panels of 48 (three registers of sixteen) or twelve of 16 (two of eight).
const COLUMNS: usize = 192;
/// Window elements packed at once.
const DEPTH: usize = 384;

/// Where the columns of a product are, what they read and where their sums belong.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    /// Images.
    pub batch: usize,
    /// Channels that are read.
    pub inputs: usize,
    /// Channels that are written.
    pub outputs: usize,
    /// Depth, height and width of what is read.
    pub from: [usize; 3],
    /// Depth, height and width of what is written.
    pub to: [usize; 3],
    /// Columns computed along each axis.
    pub grid: [usize; 3],
    /// Steps of the place read from column to column.
    pub step: [usize; 3],
    /// The place read by column 0 for each window element, which may lie outside.
    pub taps: Vec<[isize; 3]>,
    /// The place written by column 0, and the steps from column to column.
    pub start: [usize; 3],
    pub spread: [usize; 3],
}

/// Columns of one row of the grid.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// First column within the panel.
    pub at: usize,
    pub length: usize,
    pub image: usize,
    pub place: [usize; 3],
}

impl Correlation {
    /// Elements of a window over all channels.
    fn depth(&self) -> usize {
        self.inputs * self.taps.len()
    }

    fn runs(&self, columns: Range<usize>) -> Vec<Run> {
        let [_, height, width] = self.grid;
        let each = self.grid.iter().product::<usize>();
        let mut runs = Vec::new();
        let mut column = columns.start;
        while column < columns.end {
            let (image, within) = (column / each, column % each);
            let (row, x) = (within / width, within % width);
            let length = (width - x).min(columns.end - column);
            let place = [row / height, row % height, x];
            runs.push(Run { at: column - columns.start, length, image, place });
            column += length;
        }
        runs
    }

    /// The numbers that window elements `depth` read in the columns of `runs`, in panels of `wide` columns.
    // Inlined into the product's loop it takes that one's registers: a third of the speed.
    #[inline(never)]
    fn pack(&self, input: &[f32], runs: &[Run], depth: Range<usize>, wide: usize, panels: &mut [f32]) {
        let taps = self.taps.len();
        let [_, rows, columns] = self.from;
        let plane = rows * columns;
        let volume = self.from[0] * plane;
        let deep = depth.len();
        for (row, element) in depth.enumerate() {
            let (channel, tap) = (element / taps, self.taps[element % taps]);
            for run in runs {
                let z = (run.place[0] * self.step[0]) as isize + tap[0];
                let y = (run.place[1] * self.step[1]) as isize + tap[1];
                let inside = (0..self.from[0] as isize).contains(&z) && (0..rows as isize).contains(&y);
                let base = (run.image * self.inputs + channel) * volume
                    + if inside { z as usize * plane + y as usize * columns } else { 0 };
                let line = &input[base..base + columns];
                let x = (run.place[2] * self.step[2]) as isize + tap[2];
                let (mut at, mut x, mut left) = (run.at, x, run.length);
                while left > 0 {
                    let lane = at % wide;
                    let length = left.min(wide - lane);
                    let place = (at / wide) * deep * wide + row * wide + lane;
                    let out = &mut panels[place..place + length];
                    if inside {
                        read(line, x, self.step[2], out);
                    } else {
                        out.fill(0.0);
                    }
                    at += length;
                    left -= length;
                    x += (length * self.step[2]) as isize;
                }
            }
        }
    }

    /// Writes `products` (rows of `stride` numbers, one an output channel of `part`), or adds them.
    #[inline(never)]
    pub(super) fn put(&self, part: &mut Part, runs: &[Run], tile: &Tile, products: &[f32], stride: usize) {
        let [_, rows, columns] = self.to;
        let volume = self.to.iter().product::<usize>();
        let channels = part.channels.len();
        for run in runs {
            let (start, end) = (run.at.max(tile.columns.start), (run.at + run.length).min(tile.columns.end));
            if start >= end {
                continue;
            }
            let place: [usize; 3] = std::array::from_fn(|axis| {
                let moved = if axis == 2 { start - run.at } else { 0 };
                self.start[axis] + (run.place[axis] + moved) * self.spread[axis]
            });
            let within = (place[0] * rows + place[1]) * columns + place[2];
            for (row, channel) in tile.rows.clone().enumerate() {
                let from = row * stride + start - tile.columns.start;
                let products = &products[from..from + end - start];
                let base = ((run.image - part.image) * channels + channel - part.channels.start) * volume;
                let out = &mut part.output[base + within..base + volume];
                let out = out.iter_mut().step_by(self.spread[2]).zip(products);
                if tile.adds {
                    out.for_each(|(out, product)| *out += product);
                } else {
                    out.for_each(|(out, product)| *out = *product);
                }
            }
        }
    }

    /// Writes every sum; places that no column belongs to keep what they hold.
    ///
    /// Images and channels are dealt out to threads; no sum depends on how.
    pub(super) fn run(&self, input: &[f32], weights: &Weights, output: &mut [f32]) {
        match Planes::new(self) {
            Some(planes) => planes.run(self, input, weights, output),
            None => self.run_packed(input, weights, output),
        }
    }

    /// The same, packed while it runs.
    fn run_packed(&self, input: &[f32], weights: &Weights, output: &mut [f32]) {
        let each = self.grid.iter().product::<usize>();
        let volume = self.to.iter().product::<usize>();
        if self.batch == 0 || self.outputs == 0 || each == 0 {
            return;
        }
        let threads = rayon::current_num_threads();
        // Small maps share a panel with their neighbors, as long as every thread has images.
        let images = COLUMNS.div_ceil(each).min(self.batch.div_ceil(threads)).max(1);
        let groups = self.batch.div_ceil(images);
        let parts = if images == 1 { (2 * threads).div_ceil(groups) } else { 1 };
        let channels = if groups >= threads { self.outputs } else { self.outputs.div_ceil(parts) };
        let channels = channels.next_multiple_of(tile::rows()).min(self.outputs);
        let group = images * self.outputs * volume;
        output[..self.batch * self.outputs * volume].par_chunks_mut(group).enumerate().for_each(
            |(group, output)| {
                let image = group * images;
                let images = image..(image + images).min(self.batch);
                let of = |(part, output): (usize, &mut [f32])| {
                    let first = part * channels;
                    let channels = first..(first + channels).min(self.outputs);
                    let part = Part { image, channels, output };
                    tile::arch().dispatch(Work { of: self, input, weights, part, images: images.clone() });
                };
                if channels == self.outputs {
                    of((0, output));
                } else {
                    output.par_chunks_mut(channels * volume).enumerate().for_each(of);
                }
            },
        );
    }
}

/// Reads `line` from `x` on by `step`; what lies outside is 0.
#[inline(always)]
fn read(line: &[f32], x: isize, step: usize, out: &mut [f32]) {
    let before = if x < 0 { ((-x) as usize).div_ceil(step).min(out.len()) } else { 0 };
    let first = x + (before * step) as isize;
    let there = (line.len() as isize - first).max(0) as usize;
    let inside = there.div_ceil(step).min(out.len() - before);
    out[..before].fill(0.0);
    let (within, after) = out[before..].split_at_mut(inside);
    after.fill(0.0);
    if inside == 0 {
        return;
    }
    let first = first as usize;
    if step == 1 {
        let line = &line[first..first + inside];
        // Rows of feature maps are short: a call of memcpy costs more than a loop.
        for (to, from) in within.iter_mut().zip(line) {
            *to = *from;
        }
    } else {
        for (to, from) in within.iter_mut().zip(line[first..].iter().step_by(step)) {
            *to = *from;
        }
    }
}

pub(super) struct Tile {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub adds: bool,
}

/// What one task writes: some channels of one image, or all of several.
pub(super) struct Part<'a> {
    pub image: usize,
    pub channels: Range<usize>,
    pub output: &'a mut [f32],
}

/// Weights: a row for each output channel, with all window elements.
pub(super) struct Weights<'a> {
    pub depth: usize,
    pub values: Cow<'a, [f32]>,
}

impl Weights<'_> {
    /// Some elements of a row; behind the last row stands the last once more.
    pub(super) fn row(&self, row: usize, depth: &Range<usize>) -> &[f32] {
        let from = row.min(self.values.len() / self.depth - 1) * self.depth;
        &self.values[from + depth.start..from + depth.end]
    }
}

struct Work<'a> {
    of: &'a Correlation,
    input: &'a [f32],
    weights: &'a Weights<'a>,
    part: Part<'a>,
    images: Range<usize>,
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
        let of = self.of;
        let each = of.grid.iter().product::<usize>();
        let wide = V * S::F32_LANES;
        let most = COLUMNS / wide * wide;
        let mut packed = vec![0.0_f32; DEPTH.min(of.depth()) * most];
        let mut products = vec![0.0_f32; R * wide];
        let (first, last) = (self.images.start * each, self.images.end * each);
        for start in (first..last).step_by(most) {
            let columns = start..(start + most).min(last);
            let runs = of.runs(columns.clone());
            for depth in (0..of.depth()).step_by(DEPTH) {
                let depth = depth..(depth + DEPTH).min(of.depth());
                of.pack(self.input, &runs, depth.clone(), wide, &mut packed);
                for row in self.part.channels.clone().step_by(R) {
                    let weights: [&[f32]; R] = std::array::from_fn(|at| self.weights.row(row + at, &depth));
                    let rows = row..(row + R).min(self.part.channels.end);
                    for panel in 0..columns.len().div_ceil(wide) {
                        let numbers = &packed[panel * depth.len() * wide..(panel + 1) * depth.len() * wide];
                        multiply::<S, R, V>(simd, weights, S::as_simd_f32s(numbers).0, &mut products);
                        let tile = Tile {
                            rows: rows.clone(),
                            columns: panel * wide..(panel + 1) * wide,
                            adds: depth.start > 0,
                        };
                        of.put(&mut self.part, &runs, &tile, &products, wide);
                    }
                }
            }
        }
    }
}

/// The sums of `R` rows of weights times `V` registers of numbers over the depth.
#[inline(always)]
fn multiply<S: Simd, const R: usize, const V: usize>(
    simd: S,
    weights: [&[f32]; R],
    numbers: &[S::f32s],
    products: &mut [f32],
) {
    const TOGETHER: usize = 4;
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    let numbers = numbers.as_chunks::<V>().0;
    let chunks = weights.map(|row| row.as_chunks::<TOGETHER>().0);
    let whole = numbers.len() / TOGETHER * TOGETHER;
    for (chunk, numbers) in numbers.as_chunks::<TOGETHER>().0.iter().enumerate() {
        let weights = chunks.map(|row| &row[chunk]);
        for place in 0..TOGETHER {
            accumulate(simd, &mut sums, std::array::from_fn(|row| weights[row][place]), &numbers[place]);
        }
    }
    for (place, numbers) in numbers.iter().enumerate().skip(whole) {
        accumulate(simd, &mut sums, std::array::from_fn(|row| weights[row][place]), numbers);
    }
    let (products, _) = S::as_mut_simd_f32s(products);
    for (out, sums) in products.as_chunks_mut::<V>().0.iter_mut().zip(sums) {
        *out = sums;
    }
}

/// Adds the products of one window element. No closure: one that is not inlined is compiled for the least processor.
#[inline(always)]
pub(super) fn accumulate<S: Simd, const R: usize, const V: usize>(
    simd: S,
    sums: &mut [[S::f32s; V]; R],
    weights: [f32; R],
    numbers: &[S::f32s; V],
) {
    for row in 0..R {
        let weight = simd.splat_f32s(weights[row]);
        for register in 0..V {
            sums[row][register] = simd.mul_add_f32s(weight, numbers[register], sums[row][register]);
        }
    }
}
