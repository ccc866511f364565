//! Intensities onto a scale that images share: z-scores, percentiles, Hounsfield windows, Nyul's landmarks.

mod nyul;
mod percentile;

pub use nyul::{NyulScale, nyul_apply, nyul_train};

use rayon::prelude::*;
use wilhelm_study::{Arbitrary, Hu, Projection, Raster, Volume, VoxelError, VoxelQuantity};

use crate::FilterError;
pub(crate) use percentile::percentiles;

/// A raster whose values can lose their unit: a normalized Hounsfield volume has no Hounsfield units.
pub trait Unitless: Raster {
    /// The same shape on a scale without a unit.
    type Output: Raster;
    /// The same grid with values that have no unit.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not fit.
    fn without_unit(&self, values: Vec<f32>) -> Result<Self::Output, VoxelError>;
}

impl<Q: VoxelQuantity> Unitless for Volume<Q> {
    type Output = Volume<Arbitrary>;
    fn without_unit(&self, values: Vec<f32>) -> Result<Self::Output, VoxelError> {
        Volume::new(*self.geometry(), values)
    }
}

impl<Q: VoxelQuantity> Unitless for Projection<Q> {
    type Output = Projection<Arbitrary>;
    fn without_unit(&self, values: Vec<f32>) -> Result<Self::Output, VoxelError> {
        Projection::new(self.columns(), self.rows(), values, self.spacing())
    }
}

/// Values in standard deviations from the mean: `(value - mean) / deviation`.
///
/// Mean and deviation (of the population) are those of the finite values, within `inside` where it is given;
/// every value is normalized. What is not finite stays so.
///
/// # Shapes
/// `inside` has one entry a value, columns fastest: `mask.voxels()` or `mask.pixels()`.
///
/// # Errors
/// [`FilterError::Voxels`] for a mask that does not fit, [`FilterError::TooFew`] without two finite values,
/// [`FilterError::Constant`] where they are all equal.
///
/// # Examples
/// ```
/// use wilhelm_filters::z_score;
/// use wilhelm_study::{Arbitrary, Projection};
///
/// let image = Projection::<Arbitrary>::new(4, 1, vec![1.0, 3.0, 1.0, 3.0], None)?;
/// assert_eq!(z_score(&image, None)?.pixels(), [-1.0, 1.0, -1.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn z_score<R: Unitless>(image: &R, inside: Option<&[bool]>) -> Result<R::Output, FilterError> {
    check_length(image, inside)?;
    let values = image.values();
    let (count, sum) = sums(values, inside, |value| value);
    if count < 2 {
        return Err(FilterError::TooFew { what: "mask", found: count, expected: 2 });
    }
    let mean = sum / count as f64;
    let (_, squares) = sums(values, inside, |value| (value - mean) * (value - mean));
    let deviation = (squares / count as f64).sqrt();
    // Equal values have a deviation of rounding alone.
    if deviation <= 1e-7 * mean.abs() || deviation == 0.0 {
        return Err(FilterError::Constant { value: mean as f32 });
    }
    let scale = 1.0 / deviation;
    let out = values.par_iter().map(|value| ((f64::from(*value) - mean) * scale) as f32).collect();
    Ok(image.without_unit(out)?)
}

/// Values scaled so that two percentiles become 0 and 1; what lies beyond is cut there.
///
/// The percentiles (linear between ranks) are those of the finite values, within `inside` where it is given.
/// Infinite values become 0 and 1, NaN stays.
///
/// # Shapes
/// As [`z_score`].
///
/// # Errors
/// As [`z_score`]; [`FilterError::Parameter`] unless 0 <= low < high <= 100.
pub fn percentile_rescale<R: Unitless>(
    image: &R,
    inside: Option<&[bool]>,
    low_percent: f64,
    high_percent: f64,
) -> Result<R::Output, FilterError> {
    if !(0.0 <= low_percent && low_percent < high_percent && high_percent <= 100.0) {
        let found = format!("{low_percent} to {high_percent}");
        return Err(FilterError::parameter("percentiles", found, "0 <= low < high <= 100"));
    }
    check_length(image, inside)?;
    let kept = finite_within(image.values(), inside);
    if kept.len() < 2 {
        return Err(FilterError::TooFew { what: "mask", found: kept.len(), expected: 2 });
    }
    let ends = percentiles(kept, &[low_percent, high_percent]);
    if ends[0] >= ends[1] {
        return Err(FilterError::Constant { value: ends[0] as f32 });
    }
    Ok(image.without_unit(rescaled(image.values(), ends[0], ends[1]))?)
}

/// Hounsfield units from `low` to `high` as 0 to 1; what lies beyond is cut there.
///
/// # Errors
/// [`FilterError::Parameter`] unless both are finite and `low` is below `high`.
pub fn hu_to_unit(ct: &Volume<Hu>, low: f32, high: f32) -> Result<Volume<Arbitrary>, FilterError> {
    if !(low.is_finite() && high.is_finite() && low < high) {
        let found = format!("{low} to {high} HU");
        return Err(FilterError::parameter("window", found, "two finite ends, the lower first"));
    }
    Ok(ct.without_unit(rescaled(ct.voxels(), f64::from(low), f64::from(high)))?)
}

fn rescaled(values: &[f32], low: f64, high: f64) -> Vec<f32> {
    let scale = 1.0 / (high - low);
    values.par_iter().map(|value| ((f64::from(*value) - low) * scale).clamp(0.0, 1.0) as f32).collect()
}

fn check_length<R: Raster>(image: &R, inside: Option<&[bool]>) -> Result<(), FilterError> {
    let expected = image.values().len();
    match inside {
        Some(inside) if inside.len() != expected => {
            Err(VoxelError::Length { found: inside.len(), expected }.into())
        }
        _ => Ok(()),
    }
}

/// How many finite values there are, and the sum of a function of them; the same for any number of threads.
fn sums(values: &[f32], inside: Option<&[bool]>, of: impl Fn(f64) -> f64 + Sync) -> (usize, f64) {
    const PART: usize = 1 << 16;
    let parts: Vec<(usize, f64)> = values
        .par_chunks(PART)
        .enumerate()
        .map(|(part, values)| {
            let start = part * PART;
            let taken = |at: usize| inside.is_none_or(|inside| inside[start + at]);
            values
                .iter()
                .enumerate()
                .filter(|(at, value)| value.is_finite() && taken(*at))
                .fold((0, 0.0), |(count, sum), (_, value)| (count + 1, sum + of(f64::from(*value))))
        })
        .collect();
    parts.iter().fold((0, 0.0), |(count, sum), (more, part)| (count + more, sum + part))
}

fn finite_within(values: &[f32], inside: Option<&[bool]>) -> Vec<f32> {
    match inside {
        None => values.iter().copied().filter(|value| value.is_finite()).collect(),
        Some(inside) => {
            let both = values.iter().zip(inside);
            both.filter(|(value, inside)| **inside && value.is_finite()).map(|(value, _)| *value).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Geometry, Mm, Spacing};

    fn flat(pixels: &[f32]) -> Projection<Arbitrary> {
        Projection::new(pixels.len(), 1, pixels.to_vec(), None).expect("fits")
    }

    #[test]
    fn a_z_score_within_a_mask_worked_on_paper() {
        // Inside: 2, 4, 6 with mean 4 and deviation sqrt(8/3).
        let image = flat(&[2.0, 4.0, 6.0, 100.0, f32::NAN]);
        let found = z_score(&image, Some(&[true, true, true, false, true])).expect("a spread");
        let unit = (8.0_f32 / 3.0).sqrt();
        let expected = [-2.0 / unit, 0.0, 2.0 / unit, 96.0 / unit];
        assert!(found.pixels()[..4].iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-5));
        assert!(found.pixels()[4].is_nan());
    }

    #[test]
    fn percentiles_become_zero_and_one() {
        // 0 to 10: the 10th percentile is 1, the 90th 9.
        let image = flat(&(0..=10).map(|value| value as f32).collect::<Vec<_>>());
        let found = percentile_rescale(&image, None, 10.0, 90.0).expect("a spread");
        assert_eq!([found.pixels()[0], found.pixels()[1], found.pixels()[5]], [0.0, 0.0, 0.5]);
        assert_eq!(found.pixels()[10], 1.0);
    }

    #[test]
    fn a_window_of_hounsfield_units_becomes_zero_to_one_without_a_unit() {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let grid = Geometry::axis_aligned([4, 1, 1], spacing).expect("a grid");
        let ct = Volume::<Hu>::new(grid, vec![-2000.0, -160.0, 40.0, 500.0]).expect("fits");
        let found: Volume<Arbitrary> = hu_to_unit(&ct, -160.0, 240.0).expect("a window");
        assert_eq!(found.voxels(), [0.0, 0.0, 0.5, 1.0]);
        assert!(hu_to_unit(&ct, 240.0, -160.0).is_err() && hu_to_unit(&ct, f32::NAN, 0.0).is_err());
    }

    #[test]
    fn hostile_input_is_refused() {
        let equal = flat(&[0.1; 9]);
        assert!(matches!(z_score(&equal, None), Err(FilterError::Constant { .. })));
        assert!(matches!(percentile_rescale(&equal, None, 1.0, 99.0), Err(FilterError::Constant { .. })));
        let none = flat(&[f32::NAN; 3]);
        assert!(matches!(z_score(&none, None), Err(FilterError::TooFew { found: 0, .. })));
        assert!(matches!(percentile_rescale(&none, None, 1.0, 99.0), Err(FilterError::TooFew { .. })));
        let image = flat(&[1.0, 2.0, 3.0]);
        assert!(matches!(z_score(&image, Some(&[true])), Err(FilterError::Voxels(_))));
        assert!(matches!(z_score(&image, Some(&[false; 3])), Err(FilterError::TooFew { .. })));
        assert!(percentile_rescale(&image, None, 99.0, 1.0).is_err());
        assert!(percentile_rescale(&image, None, f64::NAN, 1.0).is_err());
    }
}
