use rayon::prelude::*;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use super::{BiasSettings, Samples};

/// Samples that one thread counts at a time: the same parts whatever the threads.
const PART: usize = 1 << 14;

/// For every log intensity what it would be without the field's blur of the histogram.
pub(super) struct Sharpening {
    least: f64,
    slope: f64,
    expected: Vec<f64>,
}

impl Sharpening {
    /// From the histogram of the samples that take part; `None` where they have one value.
    ///
    /// # Source
    /// Sled, Zijdenbos, Evans 1998, doi:10.1109/42.668698; the padding and the bins as in ITK's
    /// `N4BiasFieldCorrectionImageFilter`.
    pub(super) fn new(log: &[f32], samples: &Samples, settings: &BiasSettings) -> Option<Self> {
        let (least, most) = log
            .par_chunks(PART)
            .zip(samples.taken.par_chunks(PART))
            .map(|(log, taken)| {
                let kept = log.iter().zip(taken).filter(|(_, taken)| **taken).map(|(value, _)| *value);
                kept.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)))
            })
            .reduce(|| (f32::INFINITY, f32::NEG_INFINITY), |(a, b), (c, d)| (a.min(c), b.max(d)));
        let bins = settings.bins;
        let least = f64::from(least);
        let slope = (f64::from(most) - least) / (bins - 1) as f64;
        if !(slope > 0.0 && slope.is_finite()) || samples.count == 0 {
            return None;
        }
        let parts: Vec<Vec<f64>> = log
            .par_chunks(PART)
            .zip(samples.taken.par_chunks(PART))
            .map(|(log, taken)| {
                let mut counts = vec![0.0; bins + 1];
                for (value, _) in log.iter().zip(taken).filter(|(_, taken)| **taken) {
                    let place = (f64::from(*value) - least) / slope;
                    let bin = (place as usize).min(bins - 1);
                    let part = place - bin as f64;
                    counts[bin] += 1.0 - part;
                    counts[bin + 1] += part;
                }
                counts
            })
            .collect();
        let mut counts = vec![0.0; bins];
        for part in &parts {
            counts.iter_mut().zip(part).for_each(|(sum, count)| *sum += count);
        }
        let expected = expected(&counts, least, slope, settings);
        Some(Self { least, slope, expected })
    }

    /// What the sharpening takes away from each sample; 0 for those that take no part.
    pub(super) fn removed(&self, log: &[f32], taken: &[bool], out: &mut [f32]) {
        let last = self.expected.len() - 1;
        out.par_chunks_mut(PART).zip(log.par_chunks(PART)).zip(taken.par_chunks(PART)).for_each(
            |((out, log), taken)| {
                for ((out, value), taken) in out.iter_mut().zip(log).zip(taken) {
                    *out = 0.0;
                    if *taken {
                        let place = (f64::from(*value) - self.least) / self.slope;
                        let bin = (place as usize).min(last - 1);
                        let [a, b] = [self.expected[bin], self.expected[bin + 1]];
                        *out = value - (a + (b - a) * (place - bin as f64).clamp(0.0, 1.0)) as f32;
                    }
                }
            },
        );
    }
}

/// E(u|v): the expected log intensity without the field for each bin of the observed.
fn expected(counts: &[f64], least: f64, slope: f64, settings: &BiasSettings) -> Vec<f64> {
    let bins = counts.len();
    let padded = bins.next_power_of_two() * 2;
    let offset = (padded - bins) / 2;
    let mut planner = FftPlanner::<f64>::new();
    let (forward, backward) = (planner.plan_fft_forward(padded), planner.plan_fft_inverse(padded));
    let real = |value: f64| Complex::new(value, 0.0);

    let mut observed = vec![real(0.0); padded];
    observed[offset..offset + bins].iter_mut().zip(counts).for_each(|(out, count)| out.re = *count);
    forward.process(&mut observed);

    let width = settings.width_at_half_maximum / slope;
    let height = 2.0 * (2.0_f64.ln() / std::f64::consts::PI).sqrt() / width;
    let factor = 4.0 * 2.0_f64.ln() / (width * width);
    let mut gaussian: Vec<Complex<f64>> =
        (0..padded).map(|at| real(height * (-(at.min(padded - at) as f64).powi(2) * factor).exp())).collect();
    forward.process(&mut gaussian);

    // Wiener's filter of the Gaussian; only its real part counts, as the Gaussian is even.
    let mut sharp: Vec<Complex<f64>> = observed
        .iter()
        .zip(&gaussian)
        .map(|(observed, gaussian)| {
            let filter = gaussian.conj() / (gaussian.norm_sqr() + settings.wiener_noise);
            observed * filter.re
        })
        .collect();
    backward.process(&mut sharp);
    // Rounding noise of the transforms counts as nothing, wherever it lies: far from the intensities the
    // quotient below would be of noise alone. (The scale of the transforms cancels in it.)
    sharp.iter_mut().for_each(|value| *value = real(value.re.max(0.0)));

    let blurred = |mut values: Vec<Complex<f64>>| {
        forward.process(&mut values);
        values.iter_mut().zip(&gaussian).for_each(|(value, gaussian)| *value *= gaussian);
        backward.process(&mut values);
        values
    };
    let weighted = sharp
        .iter()
        .enumerate()
        .map(|(at, value)| value * (least + (at as f64 - offset as f64) * slope))
        .collect();
    let (numerator, denominator) = (blurred(weighted), blurred(sharp));
    (offset..offset + bins)
        .map(|at| {
            let found = numerator[at].re / denominator[at].re;
            if found.is_finite() { found } else { 0.0 }
        })
        .collect()
}

/// Otsu's threshold on 256 bins of the finite values; the greatest value where there is no spread.
///
/// # Source
/// Otsu 1979, doi:10.1109/TSMC.1979.4310076
pub(crate) fn otsu(values: &[f32]) -> f32 {
    const BINS: usize = 256;
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (least, most) = finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let width = (f64::from(most) - f64::from(least)) / BINS as f64;
    if !(width > 0.0 && width.is_finite()) {
        return most;
    }
    let mut counts = [0.0_f64; BINS];
    for value in finite() {
        let bin = ((f64::from(value) - f64::from(least)) / width) as usize;
        counts[bin.min(BINS - 1)] += 1.0;
    }
    let total: f64 = counts.iter().sum();
    let sum: f64 = counts.iter().enumerate().map(|(bin, count)| bin as f64 * count).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (0.0, 0);
    for (bin, count) in counts.iter().enumerate() {
        below += count;
        sum_below += bin as f64 * count;
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let apart = sum_below / below - (sum - sum_below) / above;
            let between = below * above * apart * apart;
            if between > best.0 {
                best = (between, bin);
            }
        }
    }
    (f64::from(least) + (best.1 + 1) as f64 * width) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_blurred_peaks_are_pulled_to_their_centers() {
        // Peaks at bins 60 and 140 of 200, each blurred: what lies beside a peak is expected nearer to it.
        let counts: Vec<f64> = (0..200)
            .map(|bin| {
                let peak = |center: f64| (-(f64::from(bin) - center).powi(2) / 50.0).exp();
                1000.0 * (peak(60.0) + peak(140.0))
            })
            .collect();
        let settings = BiasSettings { width_at_half_maximum: 0.10, ..BiasSettings::default() };
        let found = expected(&counts, 0.0, 0.01, &settings);
        assert!((found[60] - 0.60).abs() < 0.005 && (found[140] - 1.40).abs() < 0.005);
        assert!(found[66] < 0.64 && found[54] > 0.56, "{} {}", found[66], found[54]);
        // Between the peaks, symmetric: the middle.
        assert!((found[100] - 1.0).abs() < 0.01, "{}", found[100]);
    }

    #[test]
    fn otsu_parts_two_groups() {
        let values: Vec<f32> =
            (0..100).map(|at| if at < 70 { 1.0 + 0.01 * at as f32 } else { 9.0 }).collect();
        let found = otsu(&values);
        assert!((1.7..9.0).contains(&found), "{found}");
        assert_eq!(otsu(&[3.0; 5]), 3.0);
        assert_eq!(otsu(&[f32::NAN]), f32::NEG_INFINITY);
    }
}
