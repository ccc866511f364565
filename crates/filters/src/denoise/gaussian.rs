use rayon::prelude::*;
use wilhelm_study::Raster;

use super::{Edge, Sigma};
use crate::FilterError;
use crate::lanes::wide;

/// The kernel ends where the next value would lie beyond this many standard deviations.
const TRUNCATE: f64 = 4.0;

/// Smooths by a Gaussian, one axis after the other.
///
/// The kernel is sampled at whole voxels, cut at four standard deviations and scaled to a sum of 1, as
/// SciPy does it. It is summed directly at every width: on registers of many numbers a recursive filter
/// wins only beyond widths that no image here asks for, and it is an approximation.
///
/// Edge: as `edge` says. Not a number: spreads to every voxel that the kernel reaches.
///
/// # Units
/// `sigma` says its own; the values keep theirs.
///
/// # Errors
/// [`FilterError::Parameter`] for a width below 0, above 256 voxels or not a number;
/// [`FilterError::Spacing`] for a width in mm on an image without spacing.
///
/// # Source
/// `scipy.ndimage.gaussian_filter`, `truncate` 4
pub fn gaussian<R: Raster>(image: &R, sigma: Sigma, edge: Edge) -> Result<R, FilterError> {
    let sigma = sigma.in_voxels(image)?;
    Ok(image.with_values(gaussian_values(image.values(), image.size(), sigma, edge))?)
}

/// The same on bare values, with a width in voxels for each axis.
pub(crate) fn gaussian_values(values: &[f32], size: [usize; 3], sigma: [f64; 3], edge: Edge) -> Vec<f32> {
    let kernels = sigma.map(half_kernel);
    let (columns, rows) = (size[0], size[1]);
    // Slices first, alone; then rows and columns of one line together, so that two arrays are enough.
    let between = (kernels[2].len() > 1).then(|| {
        let mut between = vec![0.0_f32; values.len()];
        between.par_chunks_mut(columns * LINES).enumerate().for_each(|(first, chunk)| {
            wide!({
                for (nth, out) in chunk.chunks_exact_mut(columns).enumerate() {
                    let line = first * LINES + nth;
                    let (slice, row) = (line / rows, line % rows);
                    let at = |away: isize| {
                        let place = edge.place(slice as isize + away, size[2]) * rows + row;
                        &values[place * columns..(place + 1) * columns]
                    };
                    weigh(out, &kernels[2], at);
                }
            });
        });
        between
    });
    let values = between.as_deref().unwrap_or(values);
    let mut result = vec![0.0_f32; values.len()];
    let reach = kernels[0].len() - 1;
    result.par_chunks_mut(columns * LINES).enumerate().for_each_init(
        || vec![0.0_f32; columns + 2 * reach],
        |line_with_margin, (first, chunk)| {
            wide!({
                for (nth, out) in chunk.chunks_exact_mut(columns).enumerate() {
                    let (slice, row) = ((first * LINES + nth) / rows, (first * LINES + nth) % rows);
                    let at = |away: isize| {
                        let place = slice * rows + edge.place(row as isize + away, rows);
                        &values[place * columns..(place + 1) * columns]
                    };
                    weigh(&mut line_with_margin[reach..reach + columns], &kernels[1], at);
                    for away in 1..=reach {
                        let (before, after) = (-(away as isize), (columns - 1 + away) as isize);
                        line_with_margin[reach - away] =
                            line_with_margin[reach + edge.place(before, columns)];
                        line_with_margin[reach + columns - 1 + away] =
                            line_with_margin[reach + edge.place(after, columns)];
                    }
                    weigh(out, &kernels[0], |away: isize| {
                        let start = reach.wrapping_add_signed(away);
                        &line_with_margin[start..start + columns]
                    });
                }
            });
        },
    );
    result
}

/// Rows that one task works on.
const LINES: usize = 16;

/// The weighted sum of rows at equal distances on both sides of the one at 0.
#[inline(always)]
fn weigh<'a>(out: &mut [f32], kernel: &[f32], at: impl Fn(isize) -> &'a [f32]) {
    out.iter_mut().zip(at(0)).for_each(|(out, value)| *out = kernel[0] * value);
    for (away, weight) in kernel.iter().enumerate().skip(1) {
        let (before, after) = (at(-(away as isize)), at(away as isize));
        for ((out, before), after) in out.iter_mut().zip(before).zip(after) {
            *out += weight * (before + after);
        }
    }
}

/// The kernel from its middle outward.
fn half_kernel(sigma: f64) -> Vec<f32> {
    if sigma <= 0.0 {
        return vec![1.0];
    }
    let reach = (TRUNCATE * sigma + 0.5) as usize;
    let half: Vec<f64> = (0..=reach).map(|x| (-0.5 * (x as f64 / sigma).powi(2)).exp()).collect();
    let sum = 2.0 * half.iter().sum::<f64>() - half[0];
    half.iter().map(|weight| (weight / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_becomes_the_kernel_as_worked_on_paper() {
        // sigma 0.5: reach 2, weights 1, e^-2, e^-8 over 1 + 2 (e^-2 + e^-8).
        let kernel = half_kernel(0.5);
        let (one, two) = ((-2.0_f64).exp(), (-8.0_f64).exp());
        let sum = 1.0 + 2.0 * (one + two);
        for (found, expected) in kernel.iter().zip([1.0 / sum, one / sum, two / sum]) {
            assert!((f64::from(*found) - expected).abs() < 1e-7);
        }
        let mut spike = vec![0.0; 7];
        spike[3] = 1.0;
        let smooth = gaussian_values(&spike, [7, 1, 1], [0.5, 0.0, 0.0], Edge::Reflect);
        assert_eq!(smooth, [0.0, kernel[2], kernel[1], kernel[0], kernel[1], kernel[2], 0.0]);
        // Along slices the same numbers, by the other pass.
        assert_eq!(gaussian_values(&spike, [1, 1, 7], [0.0, 0.0, 0.5], Edge::Reflect), smooth);
    }

    #[test]
    fn an_image_narrower_than_the_kernel_keeps_its_mean() {
        let smooth = gaussian_values(&[1.0, 2.0, 6.0], [3, 1, 1], [40.0, 0.0, 0.0], Edge::Reflect);
        assert!(smooth.iter().all(|value| (value - 3.0).abs() < 1e-2), "{smooth:?}");
    }
}
