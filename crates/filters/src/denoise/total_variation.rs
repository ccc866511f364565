use rayon::prelude::*;
use wilhelm_study::{Progress, Raster};

use super::Steps;
use crate::FilterError;
use crate::lanes::wide;

/// How strongly the total variation is lowered, and when to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TotalVariation {
    /// Weight of the variation against the likeness to the input, in the values' unit: about the noise's
    /// standard deviation; more gives fewer details.
    pub weight: f32,
    /// Stops when the cost falls by less than this part of its first value; 2e-4 is usual.
    pub tolerance: f64,
    /// Most iterations; 200 is usual.
    pub iterations: usize,
}

/// Slices (of a flat image: rows) that one task works on.
const SLAB: usize = 16;
/// What stands for the greatest length of the field, the weight.
const GREATEST: f32 = 32767.0;

/// Finds the image with the least total variation near the input: flat regions with sharp borders.
///
/// Minimizes the sum of gradient magnitudes plus `|u - image|^2 / (2 weight)` by projection of a dual
/// field, step 1/(2 n) in n dimensions. Voxels count as cubes, whatever the spacing.
///
/// The field is no longer than the weight anywhere; its parts are kept in 65535 steps, which moves a voxel by less than
/// 1e-4 of the weight. Beside the result it takes half the image's memory for each axis.
///
/// Edge: no gradient leaves the image. Not a number: refused, since every voxel depends on all.
///
/// # Errors
/// [`FilterError::Parameter`] for a weight that is not above 0, a tolerance below 0 or not a number, or more
/// than 100000 iterations; [`FilterError::NotFinite`]; [`FilterError::Cancelled`].
///
/// # Source
/// Chambolle 2004, doi:10.1023/B:JMIV.0000011325.36760.1e; cost, step and stop of
/// `skimage.restoration.denoise_tv_chambolle`, which gives the result of the iteration before its last
pub fn total_variation<R: Raster>(
    image: &R,
    options: &TotalVariation,
    progress: &dyn Progress,
) -> Result<R, FilterError> {
    Ok(image.with_values(least_variation(image.values(), image.size(), options, progress)?)?)
}

fn least_variation(
    values: &[f32],
    [columns, rows, slices]: [usize; 3],
    options: &TotalVariation,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FilterError> {
    let &TotalVariation { weight, tolerance, iterations } = options;
    if !(weight > 0.0 && weight.is_finite()) {
        return Err(FilterError::parameter("weight", weight, "more than 0"));
    }
    if tolerance.is_nan() || tolerance < 0.0 {
        return Err(FilterError::parameter("tolerance", tolerance, "at least 0"));
    }
    if iterations > 100_000 {
        return Err(FilterError::parameter("iterations", iterations, "at most 100000"));
    }
    let count = values.par_iter().filter(|value| !value.is_finite()).count();
    if count > 0 {
        return Err(FilterError::NotFinite { count });
    }
    // A flat image is taken as a stack of single rows, so that tasks share it too.
    let size = if slices == 1 { [columns, 1, rows] } else { [columns, rows, slices] };
    let mut dual = Dual::zero(size, weight);
    let axes = size.iter().filter(|size| **size > 1).count().max(1);
    let step = 1.0 / (2.0 * axes as f32);
    let steps = Steps::new(progress, iterations);
    let (mut first, mut before) = (0.0, f64::INFINITY);
    for iteration in 0..iterations {
        steps.check()?;
        let cost = dual.iterate(values, step) / values.len() as f64;
        if iteration == 0 {
            first = cost;
        } else if (before - cost).abs() < tolerance * first {
            break;
        }
        before = cost;
        steps.made();
    }
    Ok(dual.into_primal(values))
}

/// The dual field: one number a voxel along each axis, in units of its greatest length by 32767; empty along an axis of
/// one voxel.
struct Dual {
    size: [usize; 3],
    weight: f32,
    along: [Vec<i16>; 3],
    /// The first slice of each task's part in the image that the field stands for.
    seams: Vec<f32>,
}

/// The part of the field that one task works on.
struct Slab<'a> {
    first: usize,
    along: [&'a mut [i16]; 3],
}

impl Dual {
    fn zero(size: [usize; 3], weight: f32) -> Self {
        let count: usize = size.iter().product();
        let along = size.map(|voxels| vec![0; if voxels > 1 { count } else { 0 }]);
        let seams = vec![0.0; size[2].div_ceil(SLAB) * size[0] * size[1]];
        Self { size, weight, along, seams }
    }

    /// One step; gives the cost of the image before it.
    fn iterate(&mut self, values: &[f32], step: f32) -> f64 {
        let weight = self.weight;
        let [columns, rows, slices] = self.size;
        let plane = columns * rows;
        // A task's last slice needs the one after, which its neighbor is about to change: it is made first.
        let along = self.along.each_ref().map(Vec::as_slice);
        let firsts = self.seams.par_chunks_mut(plane).enumerate().map(|(nth, seam)| {
            let mut cost = 0.0;
            wide!({
                for (row, out) in seam.chunks_exact_mut(columns).enumerate() {
                    cost += primal(out, values, self.size, nth * SLAB, row, 0, along, weight);
                }
            });
            cost
        });
        let firsts: Vec<f64> = firsts.collect();
        let seams = self.seams.as_slice();
        let seam_of = |nth: usize| &seams[nth * plane..][..plane];
        let mut parts = self.along.each_mut().map(|along| along.chunks_mut(SLAB * plane));
        let slabs: Vec<Slab<'_>> = (0..slices)
            .step_by(SLAB)
            .map(|first| Slab { first, along: parts.each_mut().map(|part| part.next().unwrap_or_default()) })
            .collect();
        let costs: Vec<f64> = slabs
            .into_par_iter()
            .enumerate()
            .map(|(nth, mut slab)| {
                let (mut here, mut cost) = (seam_of(nth).to_vec(), firsts[nth]);
                let mut next = vec![0.0; columns];
                let mut squares = vec![0.0; columns];
                for slice in slab.first..(slab.first + SLAB).min(slices) {
                    let seam =
                        (slice + 1 == slab.first + SLAB && slice + 1 < slices).then(|| seam_of(nth + 1));
                    wide!({
                        for row in 0..rows {
                            let line = row * columns..(row + 1) * columns;
                            if slice + 1 == slices {
                                next.copy_from_slice(&here[line.clone()]);
                            } else if let Some(seam) = seam {
                                next.copy_from_slice(&seam[line.clone()]);
                            } else {
                                let along = slab.along.each_ref().map(|along| &**along);
                                let first = slab.first;
                                cost += primal(
                                    &mut next,
                                    values,
                                    self.size,
                                    slice + 1,
                                    row,
                                    first,
                                    along,
                                    weight,
                                );
                            }
                            let below = if row + 1 < rows { line.end } else { line.start };
                            let planes = [&here[line.clone()], &here[below..below + columns], &next];
                            let start = ((slice - slab.first) * rows + row) * columns;
                            let along = slab.along.each_mut().map(|along| {
                                if along.is_empty() {
                                    &mut [][..]
                                } else {
                                    &mut along[start..start + columns]
                                }
                            });
                            cost += project(along, planes, &mut squares, step, weight);
                            // Nothing of this slice is asked for any more but the rows below.
                            here[line].copy_from_slice(&next);
                        }
                    });
                }
                cost
            })
            .collect();
        costs.iter().sum()
    }

    /// The image that the field stands for.
    fn into_primal(self, values: &[f32]) -> Vec<f32> {
        let [columns, rows, _] = self.size;
        let mut result = vec![0.0; values.len()];
        let along = self.along.each_ref().map(Vec::as_slice);
        result.par_chunks_mut(columns).enumerate().with_min_len(16).for_each(|(line, out)| {
            wide!({
                primal(out, values, self.size, line / rows, line % rows, 0, along, self.weight);
            });
        });
        result
    }
}

/// Takes a row of the field from `out`, and puts back the row before it.
#[inline(always)]
fn subtract(out: &mut [f32], here: &[i16], before: Option<&[i16]>, unit: f32) {
    out.iter_mut().zip(here).for_each(|(out, here)| *out -= f32::from(*here) * unit);
    if let Some(before) = before {
        out.iter_mut().zip(before).for_each(|(out, before)| *out += f32::from(*before) * unit);
    }
}

/// One row of the image that the field stands for, and the squares of its difference from the input.
///
/// `along` begins at slice `begin`; a slice at `begin` above 0 is never asked for.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the innermost loop, called in three places")]
fn primal(
    out: &mut [f32],
    values: &[f32],
    [columns, rows, _]: [usize; 3],
    slice: usize,
    row: usize,
    begin: usize,
    along: [&[i16]; 3],
    weight: f32,
) -> f64 {
    let unit = weight / GREATEST;
    let plane = columns * rows;
    let values = &values[slice * plane + row * columns..][..columns];
    let start = (slice - begin) * plane + row * columns;
    out.copy_from_slice(values);
    if !along[0].is_empty() {
        let field = &along[0][start..start + columns];
        subtract(out, field, None, unit);
        out[1..].iter_mut().zip(field).for_each(|(out, before)| *out += f32::from(*before) * unit);
    }
    if !along[1].is_empty() {
        let before = (row > 0).then(|| &along[1][start - columns..start]);
        subtract(out, &along[1][start..start + columns], before, unit);
    }
    if !along[2].is_empty() {
        let before = (start >= plane).then(|| &along[2][start - plane..start - plane + columns]);
        subtract(out, &along[2][start..start + columns], before, unit);
    }
    sum_in_lanes(out.iter().zip(values).map(|(out, value)| (out - value) * (out - value)))
}

/// Moves the field of one row toward the gradient and shortens what is too long; the gradients' magnitudes
/// times the weight come back.
///
/// `planes` are the row, the one below, and the same one of the next slice.
#[inline(always)]
fn project(along: [&mut [i16]; 3], planes: [&[f32]; 3], squares: &mut [f32], step: f32, weight: f32) -> f64 {
    let [here, below, behind] = planes;
    let [along_columns, along_rows, along_slices] = along;
    squares.fill(0.0);
    for (square, pair) in squares.iter_mut().zip(here.windows(2)) {
        *square = (pair[1] - pair[0]) * (pair[1] - pair[0]);
    }
    for (field, other) in [(&along_rows, below), (&along_slices, behind)] {
        if !field.is_empty() {
            for ((square, here), other) in squares.iter_mut().zip(here).zip(other) {
                *square += (other - here) * (other - here);
            }
        }
    }
    squares.iter_mut().for_each(|square| *square = square.sqrt());
    let cost = f64::from(weight) * sum_in_lanes(squares.iter().copied());
    let ratio = step / weight;
    squares.iter_mut().for_each(|norm| *norm = 1.0 / (1.0 + *norm * ratio));
    let unit = weight / GREATEST;
    if let Some(last) = along_columns.last_mut() {
        *last = stored(f32::from(*last), squares[here.len() - 1]);
    }
    let step = step / unit;
    for ((field, pair), factor) in along_columns.iter_mut().zip(here.windows(2)).zip(squares.iter()) {
        *field = stored(f32::from(*field) - step * (pair[1] - pair[0]), *factor);
    }
    for (field, other) in [(along_rows, below), (along_slices, behind)] {
        for (((field, here), other), factor) in field.iter_mut().zip(here).zip(other).zip(squares.iter()) {
            *field = stored(f32::from(*field) - step * (other - here), *factor);
        }
    }
    cost
}

/// The whole number nearest to a part of the field; the field is never longer than [`GREATEST`].
#[inline(always)]
fn stored(part: f32, factor: f32) -> i16 {
    // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    (part * factor + ROUND).to_bits() as i16
}

/// A sum whose order does not depend on the processor: sixteen sums side by side, then those.
#[inline(always)]
fn sum_in_lanes(values: impl ExactSizeIterator<Item = f32>) -> f64 {
    let mut sums = [0.0_f32; 16];
    for (at, value) in values.enumerate() {
        sums[at % 16] += value;
    }
    sums.iter().map(|sum| f64::from(*sum)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection, Silent};

    #[test]
    fn two_values_approach_each_other_by_twice_the_weight_as_worked_on_paper() {
        // Least |b - a| + ((a - 0)^2 + (b - 10)^2) / (2 * 1): a = 1, b = 9.
        let image = Projection::<Arbitrary>::new(2, 1, vec![0.0, 10.0], None).expect("two pixels");
        let options = TotalVariation { weight: 1.0, tolerance: 0.0, iterations: 500 };
        let found = total_variation(&image, &options, &Silent).expect("filtered");
        assert!(
            (found.pixels()[0] - 1.0).abs() < 1e-3 && (found.pixels()[1] - 9.0).abs() < 1e-3,
            "{found:?}"
        );
    }

    #[test]
    fn no_iteration_gives_the_image_and_no_number_is_refused() {
        let image = Projection::<Arbitrary>::new(1, 3, vec![5.0, 6.0, 9.0], None).expect("three pixels");
        let options = TotalVariation { weight: 1.0, tolerance: 0.0, iterations: 0 };
        assert_eq!(total_variation(&image, &options, &Silent).expect("filtered"), image);
        let image = Projection::<Arbitrary>::new(1, 2, vec![5.0, f32::NAN], None).expect("two pixels");
        let refused = total_variation(&image, &options, &Silent);
        assert_eq!(refused, Err(FilterError::NotFinite { count: 1 }));
    }
}
