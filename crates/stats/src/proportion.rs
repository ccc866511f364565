use crate::StatsError;
use crate::error::check_range;

/// The value below which a standard normal variable lies with the given probability.
///
/// # Units
/// Standard deviations.
///
/// # Errors
/// [`StatsError::Range`] unless `probability` is above 0 and below 1.
///
/// # Source
/// Wichura 1988 (algorithm AS 241), doi:10.2307/2347330
pub fn normal_quantile(probability: f64) -> Result<f64, StatsError> {
    check_range("probability", probability, f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)?;
    let centered = probability - 0.5;
    if centered.abs() <= 0.425 {
        let r = 0.180_625 - centered * centered;
        return Ok(centered * ratio(r, &CENTER_NUMERATOR, &CENTER_DENOMINATOR));
    }
    let tail = if centered < 0.0 { probability } else { 1.0 - probability };
    let r = (-tail.ln()).sqrt();
    let size = if r <= 5.0 {
        ratio(r - 1.6, &MIDDLE_NUMERATOR, &MIDDLE_DENOMINATOR)
    } else {
        ratio(r - 5.0, &FAR_NUMERATOR, &FAR_DENOMINATOR)
    };
    Ok(size.copysign(centered))
}

/// Wilson's score interval of a proportion: its lower and upper end.
///
/// # Units
/// None: shares from 0 to 1. `level` is the coverage, for example 0.95.
///
/// # Errors
/// [`StatsError`] if there are no trials, more successes than trials, or a level outside 0 to 1
/// (exclusive).
///
/// # Source
/// Wilson 1927, doi:10.1080/01621459.1927.10502953
pub fn wilson_interval(successes: u64, trials: u64, level: f64) -> Result<(f64, f64), StatsError> {
    if trials == 0 {
        return Err(StatsError::TooFew { what: "trials", found: 0, expected: 1 });
    }
    let (found, trials) = (successes as f64, trials as f64);
    check_range("successes", found, 0.0, trials)?;
    check_range("level", level, f64::MIN_POSITIVE, 1.0 - f64::EPSILON)?;
    let z = normal_quantile(0.5 + level / 2.0)?;
    let share = found / trials;
    let width = 1.0 + z * z / trials;
    let center = (share + z * z / (2.0 * trials)) / width;
    let half = z / width * (share * (1.0 - share) / trials + z * z / (4.0 * trials * trials)).sqrt();
    // The formula meets 0 and 1 exactly at the extremes, but for rounding.
    let low = if successes == 0 { 0.0 } else { (center - half).max(0.0) };
    let high = if found == trials { 1.0 } else { (center + half).min(1.0) };
    Ok((low, high))
}

/// Quotient of two polynomials whose coefficients rise in power.
fn ratio(x: f64, numerator: &[f64; 8], denominator: &[f64; 8]) -> f64 {
    let horner = |coefficients: &[f64; 8]| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(numerator) / horner(denominator)
}

const CENTER_NUMERATOR: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const CENTER_DENOMINATOR: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_854,
];
const MIDDLE_NUMERATOR: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    0.000_774_545_014_278_341_4,
];
const MIDDLE_DENOMINATOR: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    0.000_547_593_808_499_534_5,
    1.050_750_071_644_416_9e-9,
];
const FAR_NUMERATOR: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const FAR_DENOMINATOR: [f64; 8] = [
    1.0,
    0.599_832_206_555_888,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    0.000_786_869_131_145_613_3,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_7e-15,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_quantile_is_odd_and_meets_the_known_values() {
        for (probability, expected) in
            [(0.5, 0.0), (0.975, 1.959_963_984_540_054), (0.025, -1.959_963_984_540_054)]
        {
            let found = normal_quantile(probability).expect("inside 0 to 1");
            assert!((found - expected).abs() < 1e-14, "found {found}, expected {expected}");
        }
        assert!(normal_quantile(0.0).is_err() && normal_quantile(1.0).is_err());
    }

    #[test]
    fn wilson_by_hand() {
        // No success of ten at 95 %: 0 to z^2 / (n + z^2).
        let z_squared = 1.959_963_984_540_054_f64.powi(2);
        let (low, high) = wilson_interval(0, 10, 0.95).expect("sound");
        assert_eq!(low, 0.0);
        assert!((high - z_squared / (10.0 + z_squared)).abs() < 1e-12);
        // Mirror image.
        let (low, high) = wilson_interval(10, 10, 0.95).expect("sound");
        assert_eq!(high, 1.0);
        assert!((low - 10.0 / (10.0 + z_squared)).abs() < 1e-12);
    }

    #[test]
    fn impossible_counts_and_levels_are_refused() {
        assert!(wilson_interval(0, 0, 0.95).is_err());
        assert!(wilson_interval(3, 2, 0.95).is_err());
        for level in [0.0, 1.0, -0.5, 1.5, f64::NAN] {
            assert!(wilson_interval(1, 2, level).is_err(), "{level} was accepted");
        }
    }
}
