use rayon::prelude::*;
use wilhelm_study::Raster;

use super::Edge;
use crate::FilterError;

/// Analysis high-pass of the Daubechies wavelet with two vanishing moments (`db2`).
const HIGH_PASS: [f64; 4] =
    [-0.482_962_913_144_690_25, 0.836_516_303_737_469, -0.224_143_868_041_857_35, -0.129_409_522_550_921_45];

/// The 0.75 quantile of the normal distribution: the median magnitude of noise of deviation 1.
const MEDIAN_OF_NOISE: f64 = 0.674_489_750_196_081_7;

/// Estimates the standard deviation of white Gaussian noise from the finest details of an image.
///
/// The image is transformed once by the `db2` wavelet along every axis; the median magnitude of the
/// coefficients that are details along all axes, exact zeros left out (they are masked background), is that
/// of the noise. Noise that was smoothed or resampled is estimated too low. A volume is transformed in space.
///
/// Edge: mirrored. Not a number: coefficients that meet one are left out. An image without details has 0.
///
/// # Units
/// The values' own.
///
/// # Errors
/// [`FilterError::NotFinite`] where no coefficient is a number.
///
/// # Source
/// Donoho and Johnstone 1994, doi:10.1093/biomet/81.3.425; `skimage.restoration.estimate_sigma`
pub fn estimate_noise(image: &impl Raster) -> Result<f64, FilterError> {
    estimate(image.values(), image.size())
}

fn estimate(values: &[f32], size: [usize; 3]) -> Result<f64, FilterError> {
    let halves = size.map(|size| if size > 1 { (size + 3) / 2 } else { 1 });
    let taps = |axis: usize, at: usize| -> Vec<(usize, f64)> {
        if size[axis] == 1 {
            return vec![(0, 1.0)];
        }
        let place = |tap: usize| Edge::Reflect.place((2 * at + 1) as isize - tap as isize, size[axis]);
        HIGH_PASS.iter().enumerate().map(|(tap, weight)| (place(tap), *weight)).collect()
    };
    let columns: Vec<Vec<(usize, f64)>> = (0..halves[0]).map(|at| taps(0, at)).collect();
    let details: Vec<Vec<f32>> = (0..halves[1] * halves[2])
        .into_par_iter()
        .map_init(
            || vec![0.0_f64; size[0]],
            |line, at| {
                line.fill(0.0);
                for (slice, across) in taps(2, at / halves[1]) {
                    for (row, weight) in taps(1, at % halves[1]) {
                        let start = (slice * size[1] + row) * size[0];
                        for (sum, value) in line.iter_mut().zip(&values[start..start + size[0]]) {
                            *sum += across * weight * f64::from(*value);
                        }
                    }
                }
                let along =
                    |taps: &Vec<(usize, f64)>| taps.iter().map(|(at, weight)| weight * line[*at]).sum();
                columns.iter().map(along).map(|detail: f64| detail.abs() as f32).collect()
            },
        )
        .collect();
    let mut details: Vec<f32> = details.into_iter().flatten().filter(|detail| *detail != 0.0).collect();
    let all = details.len();
    details.retain(|detail| detail.is_finite());
    if details.is_empty() {
        return if all > 0 { Err(FilterError::NotFinite { count: all }) } else { Ok(0.0) };
    }
    let half = details.len() / 2;
    let even = details.len().is_multiple_of(2);
    let (lower, middle, _) = details.select_nth_unstable_by(half, f32::total_cmp);
    let below = lower.iter().copied().fold(0.0, f32::max);
    let median = if even { (f64::from(below) + f64::from(*middle)) / 2.0 } else { f64::from(*middle) };
    Ok(median / MEDIAN_OF_NOISE)
}

/// The noise of both channels behind a magnitude MR image, from the mean and the standard deviation measured
/// where the signal is even.
///
/// A magnitude image has Rician noise: where the signal is weak, the measured deviation is too small, down to
/// 0.655 of the true one in air. Where the measured mean is below 1.91 deviations, the signal is taken as 0.
///
/// # Units
/// Those of the arguments, which share one.
///
/// # Errors
/// [`FilterError::Parameter`] for a mean or a deviation below 0 or not a number.
///
/// # Source
/// Koay and Basser 2006, doi:10.1016/j.jmr.2006.01.016, the fixed point of equations 18 to 22
pub fn rician_sigma(mean: f64, deviation: f64) -> Result<f64, FilterError> {
    if !(mean >= 0.0 && mean.is_finite()) {
        return Err(FilterError::parameter("mean of a magnitude", mean, "at least 0"));
    }
    if !(deviation >= 0.0 && deviation.is_finite()) {
        return Err(FilterError::parameter("standard deviation", deviation, "at least 0"));
    }
    if deviation == 0.0 {
        return Ok(0.0);
    }
    let ratio = mean / deviation;
    let air = (std::f64::consts::PI / (4.0 - std::f64::consts::PI)).sqrt();
    if ratio <= air {
        return Ok(deviation / variance_factor(0.0).sqrt());
    }
    let mut signal = ratio - air;
    for _ in 0..500 {
        let next = (variance_factor(signal) * (1.0 + ratio * ratio) - 2.0).max(0.0).sqrt();
        let settled = (next - signal).abs() < 1e-10;
        signal = next;
        if settled {
            break;
        }
    }
    Ok(deviation / variance_factor(signal).sqrt())
}

/// Variance of a Rician magnitude over that of one channel, for a signal in units of the noise.
fn variance_factor(signal: f64) -> f64 {
    let square = signal * signal;
    if signal > 30.0 {
        // The series in 1 / signal^2: the closed form would subtract two large numbers.
        return 1.0 - 0.5 / square - 0.5 / (square * square);
    }
    let (zeroth, first) = scaled_bessel(square / 4.0);
    let sum = (2.0 + square) * zeroth + square * first;
    2.0 + square - std::f64::consts::PI / 8.0 * sum * sum
}

/// Modified Bessel functions of order 0 and 1 at `x` from 0 to 225, times e^-x: the mean of
/// `exp(x cos t - x)` and of `cos t` times that over the circle, by the trapezoidal rule, which converges
/// faster than any power for a periodic function.
fn scaled_bessel(x: f64) -> (f64, f64) {
    const POINTS: usize = 256;
    let mut sums = (0.0, 0.0);
    for point in 0..POINTS {
        let cosine = (std::f64::consts::TAU * point as f64 / POINTS as f64).cos();
        let value = (x * (cosine - 1.0)).exp();
        sums = (sums.0 + value, sums.1 + value * cosine);
    }
    (sums.0 / POINTS as f64, sums.1 / POINTS as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection};

    #[test]
    fn bessel_functions_have_the_values_of_the_tables() {
        // Abramowitz and Stegun 1964, table 9.8: e^-x I0 and e^-x I1.
        for (x, zeroth, first) in [
            (0.0, 1.0, 0.0),
            (1.0, 0.465_759_607_6, 0.207_910_415_3),
            (5.0, 0.183_540_812_6, 0.163_972_266_9),
        ] {
            let found = scaled_bessel(x);
            assert!((found.0 - zeroth).abs() < 1e-9 && (found.1 - first).abs() < 1e-9, "{x}: {found:?}");
        }
    }

    #[test]
    fn air_and_strong_signal_have_their_known_factors() {
        // Rayleigh: the variance is (2 - pi/2) of a channel's.
        assert!((variance_factor(0.0) - (2.0 - std::f64::consts::FRAC_PI_2)).abs() < 1e-12);
        assert!((variance_factor(29.999) - variance_factor(30.001)).abs() < 1e-6);
        assert!((rician_sigma(1000.0, 1.0).expect("a signal") - 1.0).abs() < 1e-5);
        assert!(rician_sigma(-1.0, 1.0).is_err() && rician_sigma(1.0, f64::NAN).is_err());
    }

    #[test]
    fn an_even_image_has_no_noise() {
        let image = Projection::<Arbitrary>::new(2, 1, vec![5.0; 2], None).expect("two pixels");
        assert!(estimate_noise(&image).expect("numbers") < 1e-6);
        let image = Projection::<Arbitrary>::new(3, 3, vec![f32::NAN; 9], None).expect("nine pixels");
        assert!(estimate_noise(&image).is_err());
    }
}
