use rayon::prelude::*;
use wilhelm_study::{Progress, Raster};

use super::{Edge, Padded, Sigma, Steps};
use crate::FilterError;
use crate::lanes::{exp_negative, wide};

/// The window ends this many domain sigmas away, as in ITK.
const DOMAIN_REACH: f64 = 2.5;

/// Half the square of four range sigmas: neighbors that differ by more have no weight, as in ITK.
const RANGE_CUT: f32 = 8.0;

/// Largest window.
const MOST_VOXELS: usize = 1 << 16;

/// Voxels of a row that are worked on together.
const LANES: usize = 64;

/// Averages each voxel with those that are near it in place and in value, so that edges stay.
///
/// The weight of a neighbor is a Gaussian of its distance (`domain`) times a Gaussian of its difference in
/// value (`range_sigma`). The window reaches 2.5 domain sigmas along each axis; differences of four range
/// sigmas and more have no weight. ITK looks the second Gaussian up in a table of 100 steps; here it is
/// computed.
///
/// Edge: the outermost voxel is repeated. Not a number: takes no part and stays as it is.
///
/// # Units
/// `range_sigma` is in the values' own unit.
///
/// # Errors
/// [`FilterError::Parameter`] for a range sigma that is not above 0, or a window of more than 65536 voxels;
/// [`FilterError::Spacing`]; [`FilterError::Cancelled`].
///
/// # Source
/// Tomasi and Manduchi 1998, doi:10.1109/ICCV.1998.710815; window and cut of `itk::BilateralImageFilter`
pub fn bilateral<R: Raster>(
    image: &R,
    domain: Sigma,
    range_sigma: f32,
    progress: &dyn Progress,
) -> Result<R, FilterError> {
    let sigma = domain.in_voxels(image)?;
    if !(range_sigma > 0.0 && range_sigma.is_finite()) {
        return Err(FilterError::parameter("range sigma", range_sigma, "more than 0"));
    }
    Ok(image.with_values(bilateral_values(image.values(), image.size(), sigma, range_sigma, progress)?)?)
}

fn bilateral_values(
    values: &[f32],
    size: [usize; 3],
    sigma: [f64; 3],
    range_sigma: f32,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FilterError> {
    // A hair is taken off so that 2.5 sigmas of exactly three voxels do not become four by rounding.
    let margin = sigma.map(|sigma| (DOMAIN_REACH * sigma - 1e-9).ceil().max(0.0) as usize);
    let window = margin.iter().fold(1_usize, |count, margin| count.saturating_mul(2 * margin + 1));
    if window > MOST_VOXELS {
        return Err(FilterError::parameter("window in voxels", window, "at most 65536"));
    }
    let padded = Padded::new(values, size, margin, Edge::Nearest, |value| value)?;
    let taps = taps(&padded, sigma, margin);
    let scale = std::f32::consts::FRAC_1_SQRT_2 / range_sigma;
    let mut result = vec![0.0_f32; values.len()];
    let steps = Steps::new(progress, size[1] * size[2]);
    result.par_chunks_mut(size[0]).enumerate().try_for_each(|(line, out)| {
        steps.check()?;
        let start = padded.start(line % size[1], line / size[1]);
        wide!({
            let mut column = 0;
            while column < size[0] {
                // The last block overlaps the one before, so that every block is full.
                let place = column.min(size[0].saturating_sub(LANES));
                let out = &mut out[place..(place + LANES).min(size[0])];
                match <&mut [f32; LANES]>::try_from(&mut *out) {
                    Ok(out) => average(&padded.values, start + place, &taps, scale, out),
                    Err(_) => {
                        for (nth, out) in out.iter_mut().enumerate() {
                            let mut one = [0.0];
                            average(&padded.values, start + nth, &taps, scale, &mut one);
                            *out = one[0];
                        }
                    }
                }
                column += LANES;
            }
        });
        steps.made();
        Ok::<(), FilterError>(())
    })?;
    Ok(result)
}

/// Each neighbor but the voxel itself, whose weight is 1: how far it lies, and its weight by distance.
fn taps(padded: &Padded<f32>, sigma: [f64; 3], margin: [usize; 3]) -> Vec<(isize, f32)> {
    let weight = |away: isize, axis: usize| {
        if away == 0 { 1.0 } else { (-0.5 * (away as f64 / sigma[axis]).powi(2)).exp() }
    };
    let [columns, rows, slices] = margin.map(|margin| margin as isize);
    let mut taps = Vec::new();
    for slice in -slices..=slices {
        for row in -rows..=rows {
            for column in -columns..=columns {
                let offset = padded.offset([column, row, slice]);
                if offset != 0 {
                    let weight = weight(column, 0) * weight(row, 1) * weight(slice, 2);
                    taps.push((offset, weight as f32));
                }
            }
        }
    }
    taps
}

/// The average as the voxel plus the weighted mean of its differences, which loses no digits.
#[inline(always)]
fn average<const N: usize>(
    values: &[f32],
    start: usize,
    taps: &[(isize, f32)],
    scale: f32,
    out: &mut [f32; N],
) {
    let mut center = [0.0_f32; N];
    center.copy_from_slice(&values[start..start + N]);
    let mut sum = [0.0_f32; N];
    let mut weights = [1.0_f32; N];
    for (offset, near) in taps {
        let start = start.wrapping_add_signed(*offset);
        let mut others = [0.0_f32; N];
        others.copy_from_slice(&values[start..start + N]);
        for lane in 0..N {
            let difference = others[lane] - center[lane];
            let scaled = difference * scale;
            let exponent = scaled * scaled;
            let weight = near * exp_negative(exponent);
            // False for what is not a number too.
            let counts = exponent < RANGE_CUT;
            weights[lane] += if counts { weight } else { 0.0 };
            sum[lane] += if counts { weight * difference } else { 0.0 };
        }
    }
    for lane in 0..N {
        out[lane] = center[lane] + sum[lane] / weights[lane];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection, Silent};

    fn row(values: &[f32], range_sigma: f32) -> Vec<f32> {
        let image = Projection::<Arbitrary>::new(values.len(), 1, values.to_vec(), None).expect("a row");
        bilateral(&image, Sigma::Voxels(0.4), range_sigma, &Silent).expect("filtered").pixels().to_vec()
    }

    #[test]
    fn three_values_as_worked_on_paper() {
        // Sigma 0.4 reaches one voxel: weight e^(-1/0.32) by distance, e^(-1/2) by one range sigma.
        let near = (-1.0 / 0.32_f64 - 0.5).exp();
        let found = row(&[0.0, 2.0, 4.0, 40.0], 2.0);
        let first = near * 2.0 / (1.0 + (-1.0 / 0.32_f64).exp() + near);
        assert!((f64::from(found[0]) - first).abs() < 1e-6, "{found:?}");
        assert!((found[1] - 2.0).abs() < 1e-6, "both neighbors pull alike");
        assert_eq!(found[3], 40.0, "further than four range sigmas from its neighbor");
    }

    #[test]
    fn what_is_not_a_number_takes_no_part() {
        let found = row(&[1.0, f32::NAN, 1.0], 1.0);
        assert!(found[0] == 1.0 && found[1].is_nan() && found[2] == 1.0);
    }
}
