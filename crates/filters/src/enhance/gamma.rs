use rayon::prelude::*;
use wilhelm_study::Raster;

use crate::FilterError;

/// Raises values to a power on the scale from `low` to `high`: below 1 brightens, above 1 darkens.
///
/// Values outside the scale take its ends. Not a number: stays.
///
/// # Errors
/// [`FilterError::Parameter`] for an exponent that is not above 0, or a scale whose end is not above its begin.
///
/// # Source
/// `skimage.exposure.adjust_gamma`, where the scale is 0 to the greatest value of the type
pub fn gamma<R: Raster>(image: &R, exponent: f32, (low, high): (f32, f32)) -> Result<R, FilterError> {
    if !(exponent > 0.0 && exponent.is_finite()) {
        return Err(FilterError::parameter("exponent", exponent, "more than 0"));
    }
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return Err(FilterError::parameter("scale", format!("{low} to {high}"), "an end above its begin"));
    }
    let raise = |value: &f32| low + ((value - low) / span).clamp(0.0, 1.0).powf(exponent) * span;
    Ok(image.with_values(image.values().par_iter().with_min_len(1 << 14).map(raise).collect())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection};

    #[test]
    fn a_half_squared_is_a_quarter() {
        let values = vec![10.0, 15.0, 20.0, 0.0, 99.0, f32::NAN];
        let image = Projection::<Arbitrary>::new(6, 1, values, None).expect("a row");
        let found = gamma(&image, 2.0, (10.0, 20.0)).expect("a scale");
        assert_eq!(found.pixels()[..5], [10.0, 12.5, 20.0, 10.0, 20.0]);
        assert!(found.pixels()[5].is_nan());
        assert!(gamma(&image, 0.0, (0.0, 1.0)).is_err() && gamma(&image, 1.0, (1.0, 1.0)).is_err());
    }
}
