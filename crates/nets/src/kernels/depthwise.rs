//! Convolutions in which each channel has a kernel of its own and reads no other, and both their gradients.

use rayon::prelude::*;

use super::tile::wide;

/// Sizes of a depthwise convolution of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DepthwiseShape {
    /// Images.
    pub batch: usize,
    /// Channels of input and output.
    pub channels: usize,
    /// Rows and columns of the input.
    pub size: [usize; 2],
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Steps along each axis.
    pub stride: [usize; 2],
    /// Zeros before each axis.
    pub before: [usize; 2],
    /// Rows and columns of the output: what zeros after each axis it takes are there.
    pub output: [usize; 2],
}

/// Output columns that a column of the kernel reaches, the first input column that they read.
#[derive(Clone, Copy)]
struct Reach {
    from: usize,
    to: usize,
    input: usize,
}

impl DepthwiseShape {
    fn places(&self) -> (usize, usize) {
        (self.size[0] * self.size[1], self.output[0] * self.output[1])
    }

    /// The input row that an output row reads by a row of the kernel.
    #[inline(always)]
    fn row(&self, output: usize, tap: usize) -> Option<usize> {
        (output * self.stride[0] + tap).checked_sub(self.before[0]).filter(|row| *row < self.size[0])
    }

    /// Which output columns read the input by a column of the kernel.
    fn reach(&self, tap: usize) -> Reach {
        let [_, stride] = self.stride;
        let [_, columns] = self.size;
        let [_, before] = self.before;
        let from = before.saturating_sub(tap).div_ceil(stride).min(self.output[1]);
        // The last column read is at most the last of the input.
        let to = if columns + before <= tap { 0 } else { (columns + before - tap - 1) / stride + 1 };
        let to = to.min(self.output[1]).max(from);
        Reach { from, to, input: (from * stride + tap).saturating_sub(before) }
    }

    fn reaches(&self) -> Vec<Reach> {
        (0..self.kernel[1]).map(|tap| self.reach(tap)).collect()
    }

    /// Input `[batch, channels, size]` and weights `[channels, 1, kernel]` to `[batch, channels, output]`.
    pub fn forward(&self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        let ((from, to), taps) = (self.places(), self.kernel[0] * self.kernel[1]);
        let reaches = self.reaches();
        output.par_chunks_mut(to).enumerate().for_each(|(plane, output)| {
            let input = &input[plane * from..][..from];
            let weights = &weights[plane % self.channels * taps..][..taps];
            wide!(self.plane(input, weights, &reaches, output));
        });
    }

    #[inline(always)]
    fn plane(&self, input: &[f32], weights: &[f32], reaches: &[Reach], output: &mut [f32]) {
        let (columns, stride) = (self.size[1], self.stride[1]);
        for (y, output) in output.chunks_exact_mut(self.output[1]).enumerate() {
            output.fill(0.0);
            for (tap, weights) in weights.chunks_exact(self.kernel[1]).enumerate() {
                let Some(row) = self.row(y, tap) else { continue };
                let input = &input[row * columns..][..columns];
                for (reach, weight) in reaches.iter().zip(weights) {
                    let output = &mut output[reach.from..reach.to];
                    let input = &input[reach.input.min(columns)..];
                    if stride == 1 {
                        for (output, input) in output.iter_mut().zip(input) {
                            *output += weight * input;
                        }
                    } else {
                        for (output, input) in output.iter_mut().zip(input.iter().step_by(stride)) {
                            *output += weight * input;
                        }
                    }
                }
            }
        }
    }

    /// The gradient with respect to the input; `into` is overwritten.
    pub fn input_gradient(&self, weights: &[f32], gradient: &[f32], into: &mut [f32]) {
        let ((from, to), taps) = (self.places(), self.kernel[0] * self.kernel[1]);
        let reaches = self.reaches();
        into.par_chunks_mut(from).enumerate().for_each(|(plane, into)| {
            let gradient = &gradient[plane * to..][..to];
            let weights = &weights[plane % self.channels * taps..][..taps];
            wide!(self.plane_back(gradient, weights, &reaches, into));
        });
    }

    #[inline(always)]
    fn plane_back(&self, gradient: &[f32], weights: &[f32], reaches: &[Reach], into: &mut [f32]) {
        let (columns, stride) = (self.size[1], self.stride[1]);
        into.fill(0.0);
        for (y, gradient) in gradient.chunks_exact(self.output[1]).enumerate() {
            for (tap, weights) in weights.chunks_exact(self.kernel[1]).enumerate() {
                let Some(row) = self.row(y, tap) else { continue };
                let into = &mut into[row * columns..][..columns];
                for (reach, weight) in reaches.iter().zip(weights) {
                    let gradient = &gradient[reach.from..reach.to];
                    let into = &mut into[reach.input.min(columns)..];
                    if stride == 1 {
                        for (into, gradient) in into.iter_mut().zip(gradient) {
                            *into += weight * gradient;
                        }
                    } else {
                        for (into, gradient) in into.iter_mut().step_by(stride).zip(gradient) {
                            *into += weight * gradient;
                        }
                    }
                }
            }
        }
    }

    /// The gradient with respect to the weights, `[channels, 1, kernel]`; `into` is overwritten.
    pub fn weight_gradient(&self, input: &[f32], gradient: &[f32], into: &mut [f32]) {
        let ((from, to), taps) = (self.places(), self.kernel[0] * self.kernel[1]);
        let reaches = self.reaches();
        into.par_chunks_mut(taps).enumerate().for_each(|(channel, into)| {
            into.fill(0.0);
            for image in 0..self.batch {
                let plane = image * self.channels + channel;
                let (input, gradient) = (&input[plane * from..][..from], &gradient[plane * to..][..to]);
                wide!(self.plane_products(input, gradient, &reaches, into));
            }
        });
    }

    #[inline(always)]
    fn plane_products(&self, input: &[f32], gradient: &[f32], reaches: &[Reach], into: &mut [f32]) {
        let (columns, stride) = (self.size[1], self.stride[1]);
        for (tap, into) in into.chunks_exact_mut(self.kernel[1]).enumerate() {
            for (reach, into) in reaches.iter().zip(into) {
                let mut lanes = [0.0_f32; 16];
                for (y, gradient) in gradient.chunks_exact(self.output[1]).enumerate() {
                    let Some(row) = self.row(y, tap) else { continue };
                    let gradient = &gradient[reach.from..reach.to];
                    let input = &input[row * columns..][..columns][reach.input.min(columns)..];
                    if stride == 1 {
                        add_products(&mut lanes, &input[..gradient.len()], gradient);
                    } else {
                        for (place, (gradient, input)) in
                            gradient.iter().zip(input.iter().step_by(stride)).enumerate()
                        {
                            lanes[place % 16] += gradient * input;
                        }
                    }
                }
                *into += lanes.iter().sum::<f32>();
            }
        }
    }
}

/// Adds the products at equal places, in sixteen lanes, so that no sum waits for the one before.
#[inline(always)]
fn add_products(lanes: &mut [f32; 16], one: &[f32], other: &[f32]) {
    let (ones, rest) = one.as_chunks::<16>();
    let (others, rest_of_other) = other.as_chunks::<16>();
    for (one, other) in ones.iter().zip(others) {
        for (lane, (one, other)) in lanes.iter_mut().zip(one.iter().zip(other)) {
            *lane += one * other;
        }
    }
    for (lane, (one, other)) in lanes.iter_mut().zip(rest.iter().zip(rest_of_other)) {
        *lane += one * other;
    }
}
