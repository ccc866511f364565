//! Logistic regression on one number, which Platt scaling and the calibration line share.

use crate::StatsError;

/// `log odds = slope * x + intercept`, with the inverse of the information as covariance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub slope: f64,
    pub intercept: f64,
    pub slope_variance: f64,
    pub intercept_variance: f64,
}

/// Fits slope and intercept to targets from 0 to 1 by Newton steps on the loss, which is convex.
///
/// The caller sees to it that an optimum exists; `x` that never varies is refused here.
pub(crate) fn fit_line(what: &'static str, x: &[f64], targets: &[f64]) -> Result<Line, StatsError> {
    let count = x.len() as f64;
    let mean = x.iter().map(|x| x / count).sum::<f64>();
    let spread = x.iter().map(|x| (x - mean).abs()).fold(0.0, f64::max);
    if spread <= 0.0 || !spread.is_finite() {
        return Err(StatsError::NoValue {
            what,
            reason: "all scores are equal, or too far apart for numbers",
        });
    }
    // Centered and scaled, so that scores of any size are fitted alike.
    let scaled: Vec<f64> = x.iter().map(|x| (x - mean) / spread).collect();
    let mut at = [0.0, 0.0];
    let mut here = Sums::of(&scaled, targets, at);
    for _ in 0..200 {
        let [step_slope, step_intercept] = here.newton_step();
        let along = |share: f64| [at[0] - share * step_slope, at[1] - share * step_intercept];
        let mut share = 1.0;
        let mut next = Sums::of(&scaled, targets, along(share));
        // At the optimum the loss is flat: what rises by rounding alone is no step too far.
        while next.loss > here.loss * (1.0 + 1e-12) && share > 1e-10 {
            share /= 2.0;
            next = Sums::of(&scaled, targets, along(share));
        }
        let moved = share * step_slope.abs().max(step_intercept.abs());
        at = along(share);
        here = next;
        if moved <= 1e-13 * (1.0 + at[0].abs().max(at[1].abs())) {
            break;
        }
    }
    let [slope, intercept] = at;
    let determinant = here.determinant();
    // Variances of the scaled parameters, then of those in the caller's units.
    let (a, b, c) = (here.ones / determinant, -here.firsts / determinant, here.squares / determinant);
    let shift = mean / spread;
    let line = Line {
        slope: slope / spread,
        intercept: intercept - slope * shift,
        slope_variance: a / (spread * spread),
        intercept_variance: c - 2.0 * shift * b + shift * shift * a,
    };
    let sound = [line.slope, line.intercept, line.slope_variance, line.intercept_variance];
    if sound.iter().all(|value| value.is_finite()) && line.slope_variance > 0.0 {
        Ok(line)
    } else {
        Err(StatsError::NoValue { what, reason: "the cases do not determine it" })
    }
}

/// Fits the intercept alone, beside log odds that stand, and its variance.
///
/// The caller sees to it that targets are neither all 0 nor all 1.
pub(crate) fn fit_intercept(offsets: &[f64], targets: &[f64]) -> (f64, f64) {
    let slopes = |intercept: f64| {
        offsets.iter().zip(targets).fold((0.0, 0.0), |(gradient, curvature), (offset, target)| {
            let p = crate::sigmoid(offset + intercept, 1.0);
            (gradient + p - target, curvature + p * (1.0 - p))
        })
    };
    // The gradient rises with the intercept, and the answer moves some offset to the middle.
    let largest = offsets.iter().fold(0.0_f64, |largest, offset| largest.max(offset.abs()));
    let reach = largest + (targets.len() as f64 + 1.0).ln() + 40.0;
    let (mut low, mut high, mut at) = (-reach, reach, 0.0);
    for _ in 0..200 {
        let (gradient, curvature) = slopes(at);
        if gradient > 0.0 {
            high = at;
        } else {
            low = at;
        }
        let newton = at - gradient / curvature;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        let moved = (next - at).abs();
        at = next;
        if moved <= 1e-14 * (1.0 + at.abs()) {
            break;
        }
    }
    (at, 1.0 / slopes(at).1)
}

/// The loss, its gradient and its curvature at a slope and an intercept.
struct Sums {
    loss: f64,
    gradient: [f64; 2],
    squares: f64,
    firsts: f64,
    ones: f64,
}

impl Sums {
    fn of(x: &[f64], targets: &[f64], [slope, intercept]: [f64; 2]) -> Self {
        let mut sums = Self { loss: 0.0, gradient: [0.0; 2], squares: 0.0, firsts: 0.0, ones: 0.0 };
        for (&x, &target) in x.iter().zip(targets) {
            let odds = slope * x + intercept;
            let p = crate::sigmoid(odds, 1.0);
            sums.loss += odds.max(0.0) + (-odds.abs()).exp().ln_1p() - target * odds;
            sums.gradient[0] += (p - target) * x;
            sums.gradient[1] += p - target;
            let weight = p * (1.0 - p);
            sums.squares += weight * x * x;
            sums.firsts += weight * x;
            sums.ones += weight;
        }
        sums
    }

    fn determinant(&self) -> f64 {
        self.squares * self.ones - self.firsts * self.firsts
    }

    fn newton_step(&self) -> [f64; 2] {
        // Far from the optimum all weights may vanish; a small ridge keeps the step finite.
        let ridge = 1e-12;
        let (squares, ones) = (self.squares + ridge, self.ones + ridge);
        let determinant = squares * ones - self.firsts * self.firsts;
        let [slope, intercept] = self.gradient;
        [
            (ones * slope - self.firsts * intercept) / determinant,
            (squares * intercept - self.firsts * slope) / determinant,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_by_hand() {
        // At x = 0 one of four is true, at x = 2 three of four: log odds -ln 3 and ln 3.
        let x = [0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0];
        let targets = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let line = fit_line("line", &x, &targets).expect("they overlap");
        assert!((line.slope - 3.0_f64.ln()).abs() < 1e-10);
        assert!((line.intercept + 3.0_f64.ln()).abs() < 1e-10);
        // Variance of the log odds of 1 in 4: 1/1 + 1/3; the slope is half the difference of two such.
        assert!((line.intercept_variance - 4.0 / 3.0).abs() < 1e-9);
        assert!((line.slope_variance - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_intercept_alone_by_hand() {
        // Offsets of 0: log odds of 3 in 4, variance 1/3 + 1/1.
        let (intercept, variance) = fit_intercept(&[0.0; 4], &[1.0, 1.0, 1.0, 0.0]);
        assert!((intercept - 3.0_f64.ln()).abs() < 1e-12);
        assert!((variance - 4.0 / 3.0).abs() < 1e-10);
        // Offsets far away are moved back.
        let (intercept, _) = fit_intercept(&[800.0; 4], &[1.0, 1.0, 1.0, 0.0]);
        assert!((intercept - (3.0_f64.ln() - 800.0)).abs() < 1e-9);
    }

    #[test]
    fn scores_of_any_size_are_fitted_alike() {
        let x = [0.1, 0.4, 0.35, 0.8, 0.3];
        let targets = [0.0, 0.0, 1.0, 1.0, 1.0];
        let plain = fit_line("line", &x, &targets).expect("they overlap");
        let far = fit_line("line", &x.map(|x| 1e9 * x + 1e9), &targets).expect("they overlap");
        assert!((far.slope * 1e9 / plain.slope - 1.0).abs() < 1e-6);
        assert!(fit_line("line", &[2.0; 5], &targets).is_err());
        assert!(fit_line("line", &[f64::MAX, f64::MIN, 0.0, 1.0, 2.0], &targets).is_err());
    }
}
