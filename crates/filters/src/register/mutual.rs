//! Mutual information from a joint histogram with a cubic B-spline window on the moving image.

/// Equal bins over a range of values, with two empty bins at each end for the window's width.
#[derive(Clone, Copy)]
pub(super) struct Bins {
    pub count: usize,
    /// Width of a bin, in the image's units.
    pub width: f64,
    scale: f32,
    shift: f32,
}

/// Bins at each end that the window needs.
const PADDING: usize = 2;

impl Bins {
    /// Bins from the least to the greatest value; `None` where these are equal or not finite.
    pub fn new(values: &[f32], count: usize) -> Option<Self> {
        let (least, greatest) =
            values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
        let range = f64::from(greatest) - f64::from(least);
        if !(range.is_finite() && range > 0.0) {
            return None;
        }
        let width = range / (count - 2 * PADDING) as f64;
        let scale = 1.0 / width;
        Some(Self {
            count,
            width,
            scale: scale as f32,
            shift: (PADDING as f64 - f64::from(least) * scale) as f32,
        })
    }

    /// A value's bin, with its place in it from 0 to 1.
    #[inline]
    fn place(&self, value: f32) -> (usize, f32) {
        let term = value * self.scale + self.shift;
        let bin = (term as usize).clamp(PADDING, self.count - PADDING - 1);
        (bin, (term - bin as f32).clamp(0.0, 1.0))
    }

    /// A value's bin.
    #[inline]
    pub fn index(&self, value: f32) -> usize {
        self.place(value).0
    }

    /// Adds a value's window to a row of the joint histogram.
    #[inline]
    pub fn add(&self, value: f32, row: &mut [f64]) {
        let (bin, t) = self.place(value);
        let (t, u) = (f64::from(t), 1.0 - f64::from(t));
        let weights = [
            u * u * u / 6.0,
            (4.0 + 3.0 * t * t * (t - 2.0)) / 6.0,
            (4.0 + 3.0 * u * u * (u - 2.0)) / 6.0,
            t * t * t / 6.0,
        ];
        row[bin - 1..bin + 3].iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
    }

    /// Derivative of the window's sum over a row of a table, by the value in bins.
    #[inline]
    pub fn derivative(&self, value: f32, row: &[f64]) -> f64 {
        let (bin, t) = self.place(value);
        let (t, u) = (f64::from(t), 1.0 - f64::from(t));
        let slopes = [-u * u / 2.0, t * (3.0 * t - 4.0) / 2.0, u * (4.0 - 3.0 * u) / 2.0, t * t / 2.0];
        row[bin - 1..bin + 3].iter().zip(slopes).map(|(entry, slope)| entry * slope).sum()
    }
}

/// Mutual information in nats of a joint histogram (rows fixed), and `ln(p(f, m) / p(m))` of each entry.
///
/// # Source
/// Mattes 2003, doi:10.1109/TMI.2003.809072, equations 10 to 14
pub(super) fn information(joint: &[f64], fixed_bins: usize) -> (f64, Vec<f64>) {
    let moving_bins = joint.len() / fixed_bins;
    let total: f64 = joint.iter().sum();
    let mut by_moving = vec![0.0; moving_bins];
    for row in joint.chunks_exact(moving_bins) {
        by_moving.iter_mut().zip(row).for_each(|(sum, entry)| *sum += entry / total);
    }
    let mut information = 0.0;
    let mut table = vec![0.0; joint.len()];
    for (row, logs) in joint.chunks_exact(moving_bins).zip(table.chunks_exact_mut(moving_bins)) {
        let by_fixed = row.iter().sum::<f64>() / total;
        for ((entry, by_moving), log) in row.iter().zip(&by_moving).zip(logs) {
            let p = entry / total;
            // Below this the product with its logarithm is no part of a double sum.
            if p > 1e-16 && *by_moving > 1e-16 {
                *log = (p / by_moving).ln();
                information += p * (*log - by_fixed.ln());
            }
        }
    }
    (information, table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_that_go_together_carry_one_bit_less_what_the_window_blurs() {
        // Worked on paper: half and half on the diagonal gives ln 2; an even square gives 0.
        let (one_bit, _) = information(&[0.5, 0.0, 0.0, 0.5], 2);
        assert!((one_bit - 2.0_f64.ln()).abs() < 1e-12);
        let (none, _) = information(&[3.0, 3.0, 3.0, 3.0], 2);
        assert!(none.abs() < 1e-12);
    }

    #[test]
    fn the_window_adds_up_to_one_and_its_slope_is_its_difference() {
        let bins = Bins::new(&[0.0, 40.0], 12).expect("a spread");
        assert_eq!(bins.width, 5.0);
        let table: Vec<f64> = (0..12).map(|bin| f64::from(bin * bin)).collect();
        let at = |value: f32| {
            let mut row = vec![0.0; 12];
            bins.add(value, &mut row);
            row
        };
        for value in [0.0, 0.1, 5.0, 12.3, 39.9, 40.0] {
            assert!((at(value).iter().sum::<f64>() - 1.0).abs() < 1e-6, "at {value}");
        }
        // At a bin's lower edge the window is 1/6, 4/6, 1/6, 0.
        let edge = at(5.0);
        assert!((edge[2] - 1.0 / 6.0).abs() < 1e-6 && (edge[3] - 4.0 / 6.0).abs() < 1e-6);
        for value in [3.0_f32, 12.3, 20.5] {
            let sum =
                |row: Vec<f64>| row.iter().zip(&table).map(|(weight, entry)| weight * entry).sum::<f64>();
            let expected = (sum(at(value + 0.05)) - sum(at(value - 0.05))) / 0.1 * 5.0;
            let found = bins.derivative(value, &table);
            assert!((found - expected).abs() < 1e-3, "{found} is not {expected} at {value}");
        }
        assert!(Bins::new(&[7.0, 7.0], 32).is_none());
    }
}
