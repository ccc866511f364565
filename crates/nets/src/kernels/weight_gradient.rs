//! The gradient of a convolution with respect to its weights.
//!
//! With channels last, the window of one output place is, for each row of the kernel, one run of numbers. The
//! gradient of the weights is the sum over all places of the outer product of the output's gradient there with that
//! run; sums stay in registers over some images.

use super::convolution::ConvolutionShape;
use super::tile::{lanes, registers, rows};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Numbers of the input held with channels last: half of a second-level cache.
const HELD: usize = 1 << 17;
/// Places summed at least between two visits to the sums' memory, as far as there are images.
const PLACES: usize = 512;
/// Some images, with channels last and zeros about them.
struct Held {
    images: usize,
    /// Numbers of a row, an image.
    row: usize,
    image: usize,
    input: Vec<f32>,
    /// For some output channels each: all places, those channels last.
    gradient: Vec<f32>,
}

/// Overwrites what `into` holds.
pub(super) fn weight_gradient(shape: &ConvolutionShape, input: &[f32], gradient: &[f32], into: &mut [f32]) {
    let (rows, wide) = (rows(), registers() * lanes());
    let to = shape.output();
    let places: usize = to.iter().product();
    let padded: [usize; 3] = std::array::from_fn(|axis| shape.size[axis] + 2 * shape.padding[axis]);
    let row = padded[2] * shape.inputs;
    let image = padded[0] * padded[1] * row;
    let images = (HELD / image.max(1)).max(PLACES.div_ceil(places.max(1))).clamp(1, shape.batch.max(1));
    let blocks = shape.outputs.div_ceil(rows);
    let run = shape.kernel[2] * shape.inputs;
    let across = run.div_ceil(wide);
    let lines = shape.kernel[0] * shape.kernel[1];
    let mut sums = vec![0.0_f32; blocks * lines * across * rows * wide];
    let mut held = Held {
        images,
        row,
        image,
        // The last run is read to the end of its registers.
        input: vec![0.0; images * image + wide],
        gradient: vec![0.0; blocks * images * places * rows],
    };
    for first in (0..shape.batch).step_by(images) {
        held.images = images.min(shape.batch - first);
        held.fill(shape, first, input, gradient);
        sums.par_chunks_mut(rows * wide).enumerate().for_each(|(tile, sums)| {
            let (block, rest) = (tile / (lines * across), tile % (lines * across));
            let (line, part) = (rest / across, rest % across);
            let line = [line / shape.kernel[1], line % shape.kernel[1]];
            let left = (run - part * wide).min(wide);
            super::tile::arch().dispatch(Products {
                shape,
                held: &held,
                block,
                line,
                column: part * wide,
                left,
                sums,
            });
        });
    }
    let kernel = lines * shape.kernel[2];
    into.par_chunks_mut(shape.inputs * kernel).enumerate().for_each(|(output, into)| {
        for (place, into) in into.iter_mut().enumerate() {
            let (channel, tap) = (place / kernel, place % kernel);
            let (line, x) = (tap / shape.kernel[2], tap % shape.kernel[2]);
            let column = x * shape.inputs + channel;
            let tile = ((output / rows) * lines + line) * across + column / wide;
            *into = sums[(tile * rows + output % rows) * wide + column % wide];
        }
    });
}

impl Held {
    fn fill(&mut self, shape: &ConvolutionShape, first: usize, input: &[f32], gradient: &[f32]) {
        let [depth, height, width] = shape.size;
        let [pz, py, px] = shape.padding;
        let padded = height + 2 * py;
        let (plane, volume) = (height * width, depth * height * width);
        let inputs = shape.inputs;
        let (row, image) = (self.row, self.image);
        self.input[..self.images * image].par_chunks_mut(row).enumerate().for_each(|(line, out)| {
            let (place, y) = (line * row / image, line % padded);
            let z = (line - place * (image / row)) / padded;
            if z < pz || z >= depth + pz || y < py || y >= height + py {
                return;
            }
            let base = (first + place) * inputs * volume + (z - pz) * plane + (y - py) * width;
            let out = &mut out[px * inputs..(px + width) * inputs];
            for channel in 0..inputs {
                let from = &input[base + channel * volume..base + channel * volume + width];
                for (to, from) in out[channel..].iter_mut().step_by(inputs).zip(from) {
                    *to = *from;
                }
            }
        });
        let rows = rows();
        let places: usize = shape.output().iter().product();
        let outputs = shape.outputs;
        let room = self.gradient.len() / outputs.div_ceil(rows);
        self.gradient.par_chunks_mut(room).enumerate().for_each(|(block, room)| {
            for (place, out) in room.chunks_exact_mut(places * rows).take(self.images).enumerate() {
                for row in 0..rows.min(outputs - block * rows) {
                    let base = ((first + place) * outputs + block * rows + row) * places;
                    let from = &gradient[base..base + places];
                    for (to, from) in out[row..].iter_mut().step_by(rows).zip(from) {
                        *to = *from;
                    }
                }
            }
        });
    }
}

struct Products<'a> {
    shape: &'a ConvolutionShape,
    held: &'a Held,
    block: usize,
    line: [usize; 2],
    column: usize,
    left: usize,
    sums: &'a mut [f32],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let registers = self.left.div_ceil(S::F32_LANES);
        match (rows(), registers) {
            (8, 1) => self.add::<S, 8, 1>(simd, 3),
            (8, 2) => self.add::<S, 8, 2>(simd, 3),
            (8, _) => self.add::<S, 8, 3>(simd, 3),
            (_, 1) => self.add::<S, 6, 1>(simd, 2),
            (..) => self.add::<S, 6, 2>(simd, 2),
        }
    }
}

impl Products<'_> {
    /// Adds the products of a tile's places in their order.
    #[inline(always)]
    fn add<S: Simd, const R: usize, const V: usize>(self, simd: S, stride: usize) {
        let Self { shape, held, .. } = self;
        let [depth, height, width] = shape.output();
        let places = depth * height * width;
        let step = shape.stride[2] * shape.inputs;
        let padded = shape.size[1] + 2 * shape.padding[1];
        let room = held.gradient.len() / shape.outputs.div_ceil(R);
        let gradient = &held.gradient[self.block * room..(self.block + 1) * room];
        let (kept, _) = S::as_mut_simd_f32s(self.sums);
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for (sums, kept) in sums.iter_mut().zip(kept.chunks_exact(stride)) {
            sums.copy_from_slice(&kept[..V]);
        }
        for image in 0..held.images {
            for z in 0..depth {
                for y in 0..height {
                    let place = image * places + (z * height + y) * width;
                    let gradient = gradient[place * R..(place + width) * R].as_chunks::<R>().0;
                    let from = z * shape.stride[0] + self.line[0];
                    let from = from * padded + y * shape.stride[1] + self.line[1];
                    let from = image * held.image + from * held.row + self.column;
                    let input = &held.input[from..];
                    for (x, gradient) in gradient.iter().enumerate() {
                        let input = &input[x * step..x * step + V * S::F32_LANES];
                        let numbers = S::as_simd_f32s(input).0;
                        let numbers: &[S::f32s; V] = numbers.try_into().expect("whole registers");
                        for row in 0..R {
                            let weight = simd.splat_f32s(gradient[row]);
                            for register in 0..V {
                                sums[row][register] =
                                    simd.mul_add_f32s(weight, numbers[register], sums[row][register]);
                            }
                        }
                    }
                }
            }
        }
        for (sums, kept) in sums.iter().zip(kept.chunks_exact_mut(stride)) {
            kept[..V].copy_from_slice(sums);
        }
    }
}
