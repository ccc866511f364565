//! Convolutions of images and volumes and both their gradients.

use super::correlate::{Correlation, Weights};
use rayon::prelude::*;

/// Sizes of a convolution; a flat image has depth 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConvolutionShape {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Depth, height and width of the input.
    pub size: [usize; 3],
    /// Depth, height and width of the kernel.
    pub kernel: [usize; 3],
    /// Steps along each axis.
    pub stride: [usize; 3],
    /// Zeros before and after each axis.
    pub padding: [usize; 3],
}

impl ConvolutionShape {
    /// Whether the kernel fits at least once, and every step is one.
    pub fn has_output(&self) -> bool {
        self.stride.iter().all(|step| *step > 0)
            && (0..3).all(|axis| (1..=self.size[axis] + 2 * self.padding[axis]).contains(&self.kernel[axis]))
    }

    /// Depth, height and width of the output.
    pub fn output(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            (self.size[axis] + 2 * self.padding[axis]).saturating_sub(self.kernel[axis]) / self.stride[axis]
                + 1
        })
    }

    fn taps(&self) -> Vec<[usize; 3]> {
        let [depth, height, width] = self.kernel;
        let line = |z, y| (0..width).map(move |x| [z, y, x]);
        (0..depth).flat_map(|z| (0..height).flat_map(move |y| line(z, y))).collect()
    }

    /// Input `[batch, inputs, size]` and weights `[outputs, inputs, kernel]` to `[batch, outputs, output]`.
    pub fn forward(&self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        let taps = self.taps();
        let depth = self.inputs * taps.len();
        let offset =
            |tap: &[usize; 3]| std::array::from_fn(|axis| tap[axis] as isize - self.padding[axis] as isize);
        let to = self.output();
        let correlation = Correlation {
            batch: self.batch,
            inputs: self.inputs,
            outputs: self.outputs,
            from: self.size,
            to,
            grid: to,
            step: self.stride,
            taps: taps.iter().map(offset).collect(),
            start: [0; 3],
            spread: [1; 3],
        };
        correlation.run(input, &Weights { depth, values: weights.into() }, output);
    }

    /// The gradient with respect to the weights, from the input and the gradient with respect to the output.
    pub fn weight_gradient(&self, input: &[f32], gradient: &[f32], into: &mut [f32]) {
        super::weight_gradient::weight_gradient(self, input, gradient, into);
    }

    /// The gradient with respect to the input; `into` must hold zeros.
    pub fn input_gradient(&self, weights: &[f32], gradient: &[f32], into: &mut [f32]) {
        let [depth, height, width] = self.stride;
        for z in 0..depth {
            for y in 0..height {
                for x in 0..width {
                    self.phase([z, y, x], weights, gradient, into);
                }
            }
        }
    }

    /// Input places that leave the remainder `phase` by the stride: each reads the same window elements.
    fn phase(&self, phase: [usize; 3], weights: &[f32], gradient: &[f32], into: &mut [f32]) {
        let grid = std::array::from_fn(|axis| {
            self.size[axis].saturating_sub(phase[axis]).div_ceil(self.stride[axis])
        });
        let all = self.taps();
        // The input place `phase + stride * column` was read by the output place `column + offset`.
        let offset = |tap: &[usize; 3]| -> Option<[isize; 3]> {
            let mut offset = [0; 3];
            for axis in 0..3 {
                let apart = (phase[axis] + self.padding[axis]) as isize - tap[axis] as isize;
                let stride = self.stride[axis] as isize;
                if apart.rem_euclid(stride) != 0 {
                    return None;
                }
                offset[axis] = apart.div_euclid(stride);
            }
            Some(offset)
        };
        let (elements, taps): (Vec<usize>, Vec<[isize; 3]>) =
            all.iter().enumerate().filter_map(|(place, tap)| Some((place, offset(tap)?))).unzip();
        if taps.is_empty() {
            return;
        }
        let depth = self.outputs * taps.len();
        let window = all.len();
        let mut values = vec![0.0; self.inputs * depth];
        values.par_chunks_mut(depth).enumerate().for_each(|(row, values)| {
            for (channel, values) in values.chunks_exact_mut(elements.len()).enumerate() {
                let window = &weights[(channel * self.inputs + row) * window..][..window];
                values.iter_mut().zip(&elements).for_each(|(value, tap)| *value = window[*tap]);
            }
        });
        let correlation = Correlation {
            batch: self.batch,
            inputs: self.outputs,
            outputs: self.inputs,
            from: self.output(),
            to: self.size,
            grid,
            step: [1; 3],
            taps,
            start: phase,
            spread: self.stride,
        };
        correlation.run(gradient, &Weights { depth, values: values.into() }, into);
    }
}
