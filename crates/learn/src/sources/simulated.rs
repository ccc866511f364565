use rand::RngExt;
use wilhelm_stats::{normal_quantile, sigmoid};

use crate::LearnError;
use crate::seed::generator;

/// Stream of the draws, apart from those of folds.
const STREAM: u64 = 7101;

/// Probabilities that an image could give: calibrated, with a stated area under the curve.
///
/// The score of a case is normal with a standard deviation of 1 about half the separation, above 0 where the finding is there and
/// below where it is not; its log odds are the base rate's and the separation times the score. A `share` of the score's chance
/// is that of `common`, standardized within each kind of case, so that image and text err together; without it they are
/// independent given the truth, which real images and requests need not be.
///
/// # Errors
/// [`LearnError::Data`] for an area that is not above 0.5 and below 1, or a share that is not from 0 to 1.
///
/// # Source
/// The binormal model: Dorfman and Alf 1969, doi:10.1016/0022-2496(69)90019-4
pub(super) fn image(
    positives: &[bool],
    area: f64,
    share: f64,
    common: &[f64],
    seed: u64,
) -> Result<Vec<f64>, LearnError> {
    let wrong = |what: String| LearnError::Data { place: "the simulated image".to_owned(), what };
    if !(area > 0.5 && area < 1.0) {
        return Err(wrong(format!("its area is {area}, expected above 0.5 and below 1")));
    }
    if !(0.0..=1.0).contains(&share) {
        return Err(wrong(format!("what it shares with the text is {share}, expected 0 to 1")));
    }
    let separation = std::f64::consts::SQRT_2 * normal_quantile(area)?;
    let rate = positives.iter().filter(|positive| **positive).count() as f64 / positives.len().max(1) as f64;
    let base = (rate / (1.0 - rate)).ln();
    let shared = within_kinds(common, positives);
    let draw = |(place, positive): (usize, &bool)| {
        let mut random = generator(seed, STREAM, place as u64);
        // Half a step from 0 and 1, where the quantile has no value.
        let uniform = (f64::from(random.random::<u32>()) + 0.5) / 4_294_967_296.0;
        let own = normal_quantile(uniform)?;
        let chance = share.sqrt() * shared[place] + (1.0 - share).sqrt() * own;
        let center = if *positive { separation / 2.0 } else { -separation / 2.0 };
        Ok(sigmoid(base + separation * (center + chance), 1.0))
    };
    positives.iter().enumerate().map(draw).collect()
}

/// Numbers less the mean of their kind, over its standard deviation.
fn within_kinds(values: &[f64], positives: &[bool]) -> Vec<f64> {
    let of_kind = |kind: bool| {
        let of: Vec<f64> = values
            .iter()
            .zip(positives)
            .filter(|(_, positive)| **positive == kind)
            .map(|(value, _)| *value)
            .collect();
        let mean = of.iter().sum::<f64>() / of.len().max(1) as f64;
        let variance = of.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / of.len().max(1) as f64;
        (mean, variance.sqrt().max(1e-12))
    };
    let (with, without) = (of_kind(true), of_kind(false));
    let standard = |(value, positive): (&f64, &bool)| {
        let (mean, deviation) = if *positive { with } else { without };
        (value - mean) / deviation
    };
    values.iter().zip(positives).map(standard).collect()
}
