//! Batch normalization, a shortcut and a rectifier in as few passes as there can be.

use rayon::prelude::*;

use super::tile::wide;

/// Numbers a task at least.
const TASK: usize = 1 << 15;

/// A tensor `[batch, channels, places]`.
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pub batch: usize,
    pub channels: usize,
    pub places: usize,
}

/// What the forward pass left for the backward step.
pub(super) struct Batch<'a> {
    pub input: &'a [f32],
    /// Where a rectifier followed: nothing flows back where it is not above 0.
    pub output: Option<&'a [f32]>,
    pub mean: Vec<f32>,
    /// One over the deviation.
    pub deviation: Vec<f32>,
}

pub(super) fn deviation(variance: &[f32], epsilon: f64) -> Vec<f32> {
    variance.iter().map(|variance| (1.0 / (f64::from(*variance) + epsilon).sqrt()) as f32).collect()
}

/// Scale and shift of each channel.
pub(super) fn line(
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    variance: &[f32],
    epsilon: f64,
) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> =
        gamma.iter().zip(deviation(variance, epsilon)).map(|(gamma, deviation)| gamma * deviation).collect();
    let shift = beta.iter().zip(mean.iter().zip(&scale)).map(|(beta, (mean, scale))| beta - mean * scale);
    let shift = shift.collect();
    (scale, shift)
}

/// Adds up what `of` makes of numbers at the same place, in sixteen lanes, so that no sum waits for the one before.
#[inline(always)]
fn sum<const N: usize>(numbers: [&[f32]; N], of: impl Fn([f32; N]) -> f32) -> f64 {
    let mut lanes = [0.0_f32; 16];
    let whole = numbers[0].len() / 16;
    for chunk in 0..whole {
        let chunks: [&[f32; 16]; N] = numbers.map(|numbers| &numbers.as_chunks().0[chunk]);
        for (place, lane) in lanes.iter_mut().enumerate() {
            *lane += of(chunks.map(|chunk| chunk[place]));
        }
    }
    for place in whole * 16..numbers[0].len() {
        lanes[place % 16] += of(numbers.map(|numbers| numbers[place]));
    }
    f64::from(lanes.iter().sum::<f32>())
}

impl Channels {
    fn segments(self, channel: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        (0..self.batch).map(move |image| {
            let start = (image * self.channels + channel) * self.places;
            start..start + self.places
        })
    }

    /// Mean and biased variance of each channel.
    pub fn moments(self, input: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let count = (self.batch * self.places) as f64;
        let of = |channel: usize| {
            wide!({
                let total: f64 = self.segments(channel).map(|segment| sum([&input[segment]], |[x]| x)).sum();
                let mean = (total / count) as f32;
                let apart: f64 = self
                    .segments(channel)
                    .map(|segment| sum([&input[segment]], |[x]| (x - mean) * (x - mean)))
                    .sum();
                (mean, (apart / count) as f32)
            })
        };
        (0..self.channels).into_par_iter().map(of).unzip()
    }

    /// Runs a loop over each image's channel: channel and where its numbers lie.
    fn each(self, out: &mut [f32], of: impl Fn(usize, std::ops::Range<usize>, &mut [f32]) + Sync) {
        if self.places == 0 {
            return;
        }
        let least = TASK.div_ceil(self.places);
        out.par_chunks_mut(self.places).enumerate().with_min_len(least).for_each(|(segment, out)| {
            let start = segment * self.places;
            wide!(of(segment % self.channels, start..start + self.places, out));
        });
    }

    /// `input * scale + shift`, the shortcut added, then rectified.
    pub fn affine(
        self,
        input: &[f32],
        scale: &[f32],
        shift: &[f32],
        short: Option<&[f32]>,
        rectify: bool,
        out: &mut [f32],
    ) {
        let least = if rectify { 0.0 } else { f32::NEG_INFINITY };
        // What is no number must stay so: `max` would make 0 of it.
        let cut = |value: f32| if value < least { least } else { value };
        self.each(
            out,
            #[inline(always)]
            |channel, range, out| {
                let (scale, shift) = (scale[channel], shift[channel]);
                let input = &input[range.clone()];
                match short {
                    Some(short) => {
                        for ((out, x), short) in out.iter_mut().zip(input).zip(&short[range]) {
                            *out = cut(x * scale + shift + short);
                        }
                    }
                    None => {
                        for (out, x) in out.iter_mut().zip(input) {
                            *out = cut(x * scale + shift);
                        }
                    }
                }
            },
        );
    }

    /// The gradients with respect to gamma and beta.
    pub fn sums(self, batch: &Batch, gradient: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let of = |channel: usize| {
            wide!({
                let (mean, deviation) = (batch.mean[channel], batch.deviation[channel]);
                let (mut of_gamma, mut of_beta) = (0.0_f64, 0.0_f64);
                for segment in self.segments(channel) {
                    let (g, x) = (&gradient[segment.clone()], &batch.input[segment.clone()]);
                    match batch.output {
                        Some(output) => {
                            let y = &output[segment];
                            let open = |g: f32, y: f32| if y > 0.0 { g } else { 0.0 };
                            of_beta += sum([g, y], |[g, y]| open(g, y));
                            of_gamma += sum([g, y, x], |[g, y, x]| open(g, y) * (x - mean));
                        }
                        None => {
                            of_beta += sum([g], |[g]| g);
                            of_gamma += sum([g, x], |[g, x]| g * (x - mean));
                        }
                    }
                }
                ((of_gamma * f64::from(deviation)) as f32, of_beta as f32)
            })
        };
        (0..self.channels).into_par_iter().map(of).unzip()
    }

    /// The gradient with respect to the input.
    ///
    /// # Source
    /// Ioffe and Szegedy 2015, arXiv:1502.03167, section 3
    pub fn input_gradient(
        self,
        batch: &Batch,
        gradient: &[f32],
        gamma: &[f32],
        [of_gamma, of_beta]: [&[f32]; 2],
        into: &mut [f32],
    ) {
        let count = (self.batch * self.places) as f32;
        self.each(
            into,
            #[inline(always)]
            |channel, range, into| {
                let (mean, deviation) = (batch.mean[channel], batch.deviation[channel]);
                let scale = gamma[channel] * deviation;
                let slope = -scale * deviation * of_gamma[channel] / count;
                let shift = -scale * of_beta[channel] / count - slope * mean;
                let (g, x) = (&gradient[range.clone()], &batch.input[range.clone()]);
                match batch.output {
                    Some(output) => {
                        for ((into, g), (x, y)) in into.iter_mut().zip(g).zip(x.iter().zip(&output[range])) {
                            let open = if *y > 0.0 { *g } else { 0.0 };
                            *into = open * scale + (x * slope + shift);
                        }
                    }
                    None => {
                        for ((into, g), x) in into.iter_mut().zip(g).zip(x) {
                            *into = g * scale + (x * slope + shift);
                        }
                    }
                }
            },
        );
    }
}

/// The gradient where the output is above 0.
pub(super) fn rectifier_gradient(output: &[f32], gradient: &[f32], into: &mut [f32]) {
    into.par_chunks_mut(TASK).zip(output.par_chunks(TASK)).zip(gradient.par_chunks(TASK)).for_each(
        |((into, output), gradient)| {
            wide!({
                for ((into, y), g) in into.iter_mut().zip(output).zip(gradient) {
                    *into = if *y > 0.0 { *g } else { 0.0 };
                }
            });
        },
    );
}
