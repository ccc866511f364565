//! Tails and quantiles of the distributions that intervals and tests lean on.

use crate::error::check_level;
use crate::{StatsError, normal_quantile};
use std::f64::consts::{PI, SQRT_2};

/// The chance that a standard normal variable lies further from 0 than `z`.
pub(crate) fn normal_two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2)
}

/// The distance from 0 within which a standard normal variable lies with chance `level`.
pub(crate) fn normal_reach(level: f64) -> Result<f64, StatsError> {
    check_level(level)?;
    // Half of the remainder, not one half plus half of the level: a level near 1 keeps its digits.
    Ok(-normal_quantile((1.0 - level) / 2.0)?)
}

/// The distance from 0 within which a variable of Student's distribution lies with chance `level`.
pub(crate) fn student_reach(level: f64, freedom: f64) -> Result<f64, StatsError> {
    check_level(level)?;
    let outside = |t: f64| {
        let square = t * t;
        let below = square / (freedom + square);
        beta_share(freedom / 2.0, 0.5, Unit { x: freedom / (freedom + square), rest: below })
    };
    Ok(where_falling(outside, 1.0 - level))
}

/// The chance that a variable of Fisher's distribution lies above `f`, which is at least 0.
pub(crate) fn fisher_above(f: f64, numerator: f64, denominator: f64) -> f64 {
    let (above, below) = (denominator, numerator * f);
    let unit = Unit { x: above / (above + below), rest: below / (above + below) };
    beta_share(denominator / 2.0, numerator / 2.0, unit)
}

/// The value above which a variable of Fisher's distribution lies with chance `above`.
pub(crate) fn fisher_upper(above: f64, numerator: f64, denominator: f64) -> f64 {
    where_falling(|f| fisher_above(f, numerator, denominator), above)
}

/// The chance of at most `successes` in `trials` throws of a fair coin.
pub(crate) fn coin_at_most(successes: u64, trials: u64) -> f64 {
    if successes >= trials {
        return 1.0;
    }
    let (a, b) = ((trials - successes) as f64, successes as f64 + 1.0);
    beta_share(a, b, Unit { x: 0.5, rest: 0.5 })
}

/// The chance of exactly `successes` in `trials` throws of a fair coin.
pub(crate) fn coin_exactly(successes: u64, trials: u64) -> f64 {
    let (k, n) = (successes as f64, trials as f64);
    let ways = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    (ways - n * 2.0_f64.ln()).exp()
}

/// The chance that the limit distribution of Kolmogorov lies above `x`.
///
/// # Source
/// Marsaglia, Tsang and Wang 2003, doi:10.18637/jss.v008.i18 (both series)
pub(crate) fn kolmogorov_above(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    // Each series converges in a few terms on its side of 1.
    if x < 1.0 {
        let term = |k: i32| (-(f64::from(2 * k - 1) * PI / x).powi(2) / 8.0).exp();
        let below = (2.0 * PI).sqrt() / x * (1..=5).map(term).sum::<f64>();
        return (1.0 - below).clamp(0.0, 1.0);
    }
    let term = |k: i32| if k % 2 == 1 { 1.0 } else { -1.0 } * (-2.0 * f64::from(k * k) * x * x).exp();
    (2.0 * (1..=8).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

/// A number from 0 to 1 with what it lacks to 1, so that neither loses digits near its end.
#[derive(Clone, Copy)]
struct Unit {
    x: f64,
    rest: f64,
}

/// The regularized incomplete beta function, by its continued fraction.
///
/// # Source
/// DLMF 8.17.22; evaluated from the front after Lentz 1976, doi:10.1364/AO.15.000668
fn beta_share(a: f64, b: f64, Unit { x, rest }: Unit) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if rest <= 0.0 {
        return 1.0;
    }
    let constant = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    let front = (constant + a * x.ln() + b * rest.ln()).exp();
    // The fraction converges fast below the mean of the distribution.
    let share = if x < (a + 1.0) / (a + b + 2.0) {
        front * continued_fraction(a, b, x) / a
    } else {
        1.0 - front * continued_fraction(b, a, rest) / b
    };
    share.clamp(0.0, 1.0)
}

fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    /// Stands in for a denominator of 0.
    const TINY: f64 = 1e-300;
    /// About the square root of the largest parameter is needed; this is enough for 1e9.
    const TERMS: u32 = 200_000;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..=TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for numerator in [even, odd] {
            d = 1.0 / away(1.0 + numerator * d);
            c = away(1.0 + numerator / c);
            step = c * d;
            result *= step;
        }
        if (step - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    result
}

/// The number from 0 up at which a falling function reaches `target`.
///
/// Positive floats are in the order of their bits, so halving the range of bits takes 64 steps at any
/// size of the answer.
fn where_falling(function: impl Fn(f64) -> f64, target: f64) -> f64 {
    let (mut low, mut high) = (0_u64, f64::MAX.to_bits());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if function(f64::from_bits(middle)) > target {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::from_bits(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "found {found}, expected {expected}");
    }

    #[test]
    fn the_tails_of_known_shapes_are_exact() {
        // Student with one degree of freedom is Cauchy's: half of it lies within 1; with two, t^2 / (2 +
        // t^2) is the square of the share within.
        check(student_reach(0.5, 1.0).expect("a level"), 1.0);
        check(student_reach(0.5, 2.0).expect("a level"), (2.0_f64 / 3.0).sqrt());
        // Fisher with two and two degrees of freedom lies above f with chance 1 / (1 + f).
        check(fisher_above(3.0, 2.0, 2.0), 0.25);
        check(fisher_upper(0.025, 2.0, 2.0), 39.0);
        check(fisher_above(0.0, 3.0, 7.0), 1.0);
        // An exponential tail: numerator 2, denominator n, above f with (1 + 2 f / n)^(-n / 2).
        check(fisher_above(4.0, 2.0, 6.0), (1.0 + 8.0 / 6.0_f64).powi(-3));
        check(normal_two_sided(1.959_963_984_540_054), 0.05);
        check(normal_reach(0.95).expect("a level"), 1.959_963_984_540_054);
    }

    /// These functions are private, so their golden numbers stand here: SciPy 1.17.1, every digit it prints.
    #[test]
    fn tails_and_quantiles_agree_with_scipy() {
        #[track_caller]
        fn near(found: f64, expected: f64, tolerance: f64) {
            assert!((found / expected - 1.0).abs() <= tolerance, "found {found}, expected {expected}");
        }
        for (level, freedom, expected) in [
            (0.95, 1.0, 12.706_204_736_174_694),
            (0.95, 5.0, 2.570_581_835_636_314_6),
            (0.9, 30.0, 1.697_260_886_593_957_6),
            (0.99, 1000.0, 2.580_754_698_065_951),
            // A level this near 1 holds ten digits of what is left.
            (0.999_999, 3.0, 130.154_589_557_110_2),
        ] {
            near(student_reach(level, freedom).expect("a level"), expected, 1e-9);
        }
        for (above, numerator, denominator, expected) in [
            (0.025, 5.0, 7.0, 5.285_236_851_504_278),
            (0.025, 3.3, 40.7, 3.338_489_246_777_583_7),
            (0.005, 200.0, 12.0, 3.970_928_289_474_162),
            (0.1, 0.7, 2.5, 6.396_086_539_711_863),
        ] {
            near(fisher_upper(above, numerator, denominator), expected, 1e-12);
        }
        for (f, numerator, denominator, expected) in [
            (1.0, 3.0, 8.0, 0.441_099_079_741_173),
            (50.0, 4.0, 30.0, 7.557_461_907_492_351e-13),
            (0.01, 9.0, 2.0, 0.999_999_286_435_879),
            (1.2, 1000.0, 900.0, 0.002_574_270_027_080_175),
        ] {
            near(fisher_above(f, numerator, denominator), expected, 1e-11);
        }
        // Logarithms of large factorials cancel: a million throws leave ten digits.
        for (successes, trials, at_most, exactly) in [
            (480, 1000, 0.108_724_146_602_070_75, 0.011_340_982_371_187_717),
            (40, 100, 0.028_443_966_820_490_444, 0.010_843_866_711_637_978),
            (0, 60, 8.673_617_379_884_035e-19, 8.673_617_379_884_035e-19),
            (499_000, 1_000_000, 0.022_804_149_932_694_8, 0.000_107_981_978_018_914_38),
        ] {
            near(coin_at_most(successes, trials), at_most, 3e-9);
            near(coin_exactly(successes, trials), exactly, 3e-9);
        }
        for (x, expected) in [
            (0.3, 0.999_990_694_198_665_5),
            (0.7, 0.711_235_195_029_689_3),
            (1.2, 0.112_249_666_670_724_97),
            (2.5, 7.453_306_344_157_342e-6),
        ] {
            near(kolmogorov_above(x), expected, 1e-12);
        }
    }

    #[test]
    fn throws_of_a_coin_are_counted() {
        check(coin_at_most(5, 20), 21_700.0 / 1_048_576.0);
        check(coin_exactly(5, 20), 15_504.0 / 1_048_576.0);
        check(coin_at_most(0, 3), 0.125);
        check(coin_at_most(3, 3), 1.0);
        check(coin_at_most(1, 2), 0.75);
    }

    #[test]
    fn the_two_series_of_kolmogorov_meet() {
        let (below, above) = (kolmogorov_above(1.0 - 1e-12), kolmogorov_above(1.0));
        assert!((below - above).abs() < 1e-11, "found {below} and {above}");
        assert!((kolmogorov_above(0.2) - 1.0).abs() < 1e-10);
        assert_eq!(kolmogorov_above(0.0), 1.0);
    }

    #[test]
    fn absurd_parameters_end() {
        assert!((coin_at_most(500_000_000, 1_000_000_000) - 0.5).abs() < 1e-4);
        assert!(fisher_above(1e300, 3.0, 5.0) < 1e-100);
        assert!(student_reach(0.999_999, 0.5).is_ok_and(f64::is_finite));
        assert!(student_reach(f64::NAN, 3.0).is_err());
    }
}
