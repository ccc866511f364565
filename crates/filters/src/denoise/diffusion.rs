use rayon::prelude::*;
use wilhelm_study::{Progress, Raster};

use super::{Edge, Padded, Steps};
use crate::FilterError;
use crate::lanes::{exp_negative, wide};

/// What flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffusionKind {
    /// The values, where the gradient is small (Perona and Malik).
    Gradient,
    /// The level lines, along their curvature where the gradient is small (modified curvature): sharper at
    /// edges, slower.
    Curvature,
}

/// How long and how freely values flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diffusion {
    /// What flows.
    pub kind: DiffusionKind,
    /// Gradients above this many times the image's root mean square gradient count as edges; 1 to 3 is usual.
    pub conductance: f32,
    /// Length of a step; 0.0625 in space and 0.125 in a plane are usual for spacings of 1 mm and above.
    pub time_step: f32,
    /// Number of steps; 5 is usual.
    pub iterations: usize,
}

/// Lets values flow between neighbors, but little across edges.
///
/// The conductance at each step is `exp(-|gradient|^2 / (2 conductance^2 m))`, where `m` is the mean squared
/// gradient of the whole image at that step. Gradients are per mm where the spacing is known, else per voxel.
///
/// Edge: nothing flows out. Not a number: refused, since the conductance depends on every voxel.
///
/// # Errors
/// [`FilterError::Parameter`] for a conductance that is not above 0, a time step that is not above 0 or exceeds
/// the least spacing over 2^(n+1) in n dimensions (it would not be stable), or more than 100000 iterations;
/// [`FilterError::NotFinite`]; [`FilterError::Cancelled`].
///
/// # Source
/// Perona and Malik 1990, doi:10.1109/34.56205; Whitaker and Xue 2001, doi:10.1109/ICIP.2001.958628; stencils
/// of `itk::GradientNDAnisotropicDiffusionFunction` and `itk::CurvatureNDAnisotropicDiffusionFunction`
pub fn diffusion<R: Raster>(
    image: &R,
    options: &Diffusion,
    progress: &dyn Progress,
) -> Result<R, FilterError> {
    let spacing = image.spacing_mm().unwrap_or([1.0; 3]);
    Ok(image.with_values(diffuse(image.values(), image.size(), spacing, options, progress)?)?)
}

fn diffuse(
    values: &[f32],
    size: [usize; 3],
    spacing: [f64; 3],
    options: &Diffusion,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FilterError> {
    let axes = size.iter().filter(|size| **size > 1).count();
    let active = size.iter().zip(spacing).filter(|(size, _)| **size > 1).map(|(_, spacing)| spacing);
    let most = active.fold(f64::INFINITY, f64::min) / f64::from(2_u32.pow(axes as u32 + 1));
    if !(options.conductance > 0.0 && options.conductance.is_finite()) {
        return Err(FilterError::parameter("conductance", options.conductance, "more than 0"));
    }
    if !(options.time_step > 0.0 && f64::from(options.time_step) <= most * 1.000_001) {
        let expected = "more than 0 and at most the least spacing / 2^(dimensions + 1)";
        return Err(FilterError::parameter("time step", options.time_step, expected));
    }
    if options.iterations > 100_000 {
        return Err(FilterError::parameter("iterations", options.iterations, "at most 100000"));
    }
    let count = values.par_iter().filter(|value| !value.is_finite()).count();
    if count > 0 {
        return Err(FilterError::NotFinite { count });
    }
    let margin = size.map(|size| usize::from(size > 1));
    let mut field = Padded::new(values, size, margin, Edge::Nearest, |value| value)?;
    let mut next = field.values.clone();
    let stencil = Stencil::new(&field, size, spacing);
    let steps = Steps::new(progress, options.iterations);
    for _ in 0..options.iterations {
        steps.check()?;
        let mean = stencil.mean_square_gradient(&field);
        let scale = 1.0 / (2.0 * f64::from(options.conductance).powi(2) * mean);
        // An image without a gradient has nothing to flow.
        if !(mean > 0.0 && scale.is_finite()) {
            break;
        }
        match options.kind {
            DiffusionKind::Gradient => {
                stencil.step::<false>(&field, &mut next, scale as f32, options.time_step);
            }
            DiffusionKind::Curvature => {
                stencil.step::<true>(&field, &mut next, scale as f32, options.time_step);
            }
        }
        stencil.fill_margin(&mut next);
        std::mem::swap(&mut field.values, &mut next);
        steps.made();
    }
    drop(next);
    Ok(stencil.without_margin(&field))
}

/// Least squared gradient magnitude that curvature divides by, as in ITK.
const LEAST: f32 = 1e-10;

/// Lines of the padded image that one task works on.
const LINES: usize = 16;

/// The axes that take part: how far the next voxel is, and one over the spacing.
struct Stencil {
    size: [usize; 3],
    axes: Vec<(usize, f32)>,
    columns_take_part: bool,
}

/// Scratch of one task, a row each.
struct Rows {
    flux: Vec<f32>,
    before: Vec<f32>,
    kept: Vec<f32>,
    speed: Vec<f32>,
    upwind: [Vec<f32>; 2],
}

impl Stencil {
    fn new(field: &Padded<f32>, size: [usize; 3], spacing: [f64; 3]) -> Self {
        let strides = [1, field.size[0], field.size[0] * field.size[1]];
        let axes = (0..3)
            .filter(|axis| size[*axis] > 1)
            .map(|axis| (strides[axis], (1.0 / spacing[axis]) as f32))
            .collect();
        Self { size, axes, columns_take_part: size[0] > 1 }
    }

    /// The mean over all voxels of the squared central gradient.
    fn mean_square_gradient(&self, field: &Padded<f32>) -> f64 {
        let [columns, rows, slices] = self.size;
        let lines = (0..rows * slices).into_par_iter().with_min_len(LINES);
        let sums: Vec<f64> = lines
            .map(|line| {
                let start = field.start(line % rows, line / rows);
                let mut sum = 0.0;
                wide!({
                    for (stride, scale) in &self.axes {
                        let half = 0.5 * scale;
                        let after = &field.values[start + stride..][..columns];
                        let before = &field.values[start - stride..][..columns];
                        let mut sums = [0.0_f32; 16];
                        for (after, before) in after.chunks(16).zip(before.chunks(16)) {
                            for ((sum, after), before) in sums.iter_mut().zip(after).zip(before) {
                                let slope = (after - before) * half;
                                *sum += slope * slope;
                            }
                        }
                        sum += sums.iter().map(|sum| f64::from(*sum)).sum::<f64>();
                    }
                });
                sum
            })
            .collect();
        sums.iter().sum::<f64>() / (columns * rows * slices) as f64
    }

    /// One step from `field` into the inner voxels of `next`.
    fn step<const CURVATURE: bool>(&self, field: &Padded<f32>, next: &mut [f32], scale: f32, time_step: f32) {
        let [columns, rows, slices] = self.size;
        let [length, lines, _] = field.size;
        let (first_row, first_slice) = (usize::from(rows > 1), usize::from(slices > 1));
        let inside = |line: usize| {
            let (row, slice) = (line % lines, line / lines);
            (first_row..first_row + rows).contains(&row)
                && (first_slice..first_slice + slices).contains(&slice)
        };
        next.par_chunks_mut(LINES * length).enumerate().for_each_init(
            || Rows {
                flux: vec![0.0; columns + 1],
                before: vec![0.0; columns],
                kept: vec![0.0; columns],
                speed: vec![0.0; columns],
                upwind: [vec![0.0; columns], vec![0.0; columns]],
            },
            |scratch, (task, chunk)| {
                wide!({
                    let mut kept = false;
                    for (nth, out) in chunk.chunks_exact_mut(length).enumerate() {
                        let line = task * LINES + nth;
                        if !inside(line) {
                            kept = false;
                            continue;
                        }
                        let start = line * length + usize::from(self.columns_take_part);
                        self.line::<CURVATURE>(&field.values, start, scale, kept, scratch);
                        // Only rows of one slice follow each other by the stride of rows.
                        kept = rows > 1;
                        let at = start - line * length;
                        let out = &mut out[at..at + columns];
                        let here = &field.values[start..start + columns];
                        if CURVATURE {
                            self.upwind(&field.values, start, scratch);
                        }
                        for ((out, here), speed) in out.iter_mut().zip(here).zip(&scratch.speed) {
                            *out = here + time_step * speed;
                        }
                    }
                });
            },
        );
    }

    /// What flows into each voxel of a row, left in `speed`.
    #[inline(always)]
    fn line<const CURVATURE: bool>(
        &self,
        values: &[f32],
        start: usize,
        scale: f32,
        kept: bool,
        scratch: &mut Rows,
    ) {
        let columns = self.size[0];
        scratch.speed.fill(0.0);
        for (axis, (stride, _)) in self.axes.iter().enumerate() {
            if *stride == 1 {
                self.flux::<CURVATURE>(values, start - 1, axis, scale, &mut scratch.flux);
                for (speed, pair) in scratch.speed.iter_mut().zip(scratch.flux.windows(2)) {
                    *speed += pair[1] - pair[0];
                }
                continue;
            }
            let flux = &mut scratch.flux[..columns];
            self.flux::<CURVATURE>(values, start, axis, scale, flux);
            // What the row before sent along rows was computed with that row.
            let along_rows = self.size[1] > 1 && axis == usize::from(self.columns_take_part);
            let before = if along_rows && kept {
                &scratch.kept
            } else {
                self.flux::<CURVATURE>(values, start - stride, axis, scale, &mut scratch.before);
                &scratch.before
            };
            for ((speed, after), before) in scratch.speed.iter_mut().zip(flux.iter()).zip(before) {
                *speed += after - before;
            }
            if along_rows {
                scratch.kept.copy_from_slice(flux);
            }
        }
    }

    /// What flows from each voxel of a row to its next along an axis.
    #[inline(always)]
    fn flux<const CURVATURE: bool>(
        &self,
        values: &[f32],
        start: usize,
        axis: usize,
        scale: f32,
        out: &mut [f32],
    ) {
        let length = out.len();
        let (stride, slope) = self.axes[axis];
        let at = |start: usize| &values[start..start + length];
        out.fill(0.0);
        for (other, (across, slope)) in self.axes.iter().enumerate() {
            if other != axis {
                // Central slopes here and at the next voxel, averaged: half of their sum is a quarter of this.
                let quarter = 0.25 * slope;
                let (a, b) = (at(start + across), at(start - across));
                let (c, d) = (at(start + stride + across), at(start + stride - across));
                for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    let mean = ((a - b) + (c - d)) * quarter;
                    *out += mean * mean;
                }
            }
        }
        for ((out, here), next) in out.iter_mut().zip(at(start)).zip(at(start + stride)) {
            let forward = (next - here) * slope;
            let square = forward * forward + *out;
            let conducts = exp_negative((square * scale).min(80.0));
            *out = if CURVATURE { forward / (LEAST + square).sqrt() * conducts } else { forward * conducts };
        }
    }

    /// Turns the speed of level lines into a change of values, by the gradient on the side it comes from.
    #[inline(always)]
    fn upwind(&self, values: &[f32], start: usize, scratch: &mut Rows) {
        let columns = self.size[0];
        let [growing, shrinking] = &mut scratch.upwind;
        growing.fill(0.0);
        shrinking.fill(0.0);
        for (stride, slope) in &self.axes {
            let here = &values[start..start + columns];
            let (after, before) = (&values[start + stride..], &values[start - stride..]);
            for ((((growing, shrinking), here), after), before) in
                growing.iter_mut().zip(shrinking.iter_mut()).zip(here).zip(after).zip(before)
            {
                let (forward, backward) = ((after - here) * slope, (here - before) * slope);
                let (up, down) = (forward.max(0.0), backward.min(0.0));
                *growing += up * up + down * down;
                let (down, up) = (forward.min(0.0), backward.max(0.0));
                *shrinking += up * up + down * down;
            }
        }
        for ((speed, growing), shrinking) in
            scratch.speed.iter_mut().zip(growing.iter()).zip(shrinking.iter())
        {
            *speed *= if *speed > 0.0 { *growing } else { *shrinking }.sqrt();
        }
    }

    /// Repeats the outermost voxels into the margin.
    fn fill_margin(&self, values: &mut [f32]) {
        let [columns, rows, slices] = self.size;
        let [x, y, z] = self.size.map(|size| usize::from(size > 1));
        let (length, plane) = (columns + 2 * x, (columns + 2 * x) * (rows + 2 * y));
        if x == 1 {
            for line in values.chunks_exact_mut(length) {
                line[0] = line[1];
                line[columns + 1] = line[columns];
            }
        }
        if y == 1 {
            for slice in values.chunks_exact_mut(plane) {
                slice.copy_within(length..2 * length, 0);
                slice.copy_within(rows * length..(rows + 1) * length, (rows + 1) * length);
            }
        }
        if z == 1 {
            values.copy_within(plane..2 * plane, 0);
            values.copy_within(slices * plane..(slices + 1) * plane, (slices + 1) * plane);
        }
    }

    fn without_margin(&self, field: &Padded<f32>) -> Vec<f32> {
        let [columns, rows, slices] = self.size;
        let mut result = Vec::with_capacity(columns * rows * slices);
        for line in 0..rows * slices {
            result.extend_from_slice(field.row(line % rows, line / rows, 0));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection, Silent};

    #[test]
    fn a_step_of_three_values_as_worked_on_paper() {
        // 0, 1, 1 in a row: central slopes 0.5, 0.5, 0, so m = 1/6 and conductance 1 gives exp(-3 g^2).
        let image = Projection::<Arbitrary>::new(3, 1, vec![0.0, 1.0, 1.0], None).expect("a row");
        let options =
            Diffusion { kind: DiffusionKind::Gradient, conductance: 1.0, time_step: 0.25, iterations: 1 };
        let found = diffusion(&image, &options, &Silent).expect("filtered");
        let flux = 0.25 * (-3.0_f32).exp();
        for (found, expected) in found.pixels().iter().zip([flux, 1.0 - flux, 1.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    }

    #[test]
    fn equal_values_stay_and_a_step_too_long_is_refused() {
        let image = Projection::<Arbitrary>::new(4, 4, vec![7.0; 16], None).expect("a square");
        let mut options =
            Diffusion { kind: DiffusionKind::Curvature, conductance: 1.0, time_step: 0.125, iterations: 3 };
        assert_eq!(diffusion(&image, &options, &Silent).expect("filtered"), image);
        options.time_step = 0.2;
        assert!(diffusion(&image, &options, &Silent).is_err());
    }
}
