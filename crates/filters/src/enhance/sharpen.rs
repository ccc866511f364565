use rayon::prelude::*;
use wilhelm_study::Raster;

use crate::FilterError;
use crate::denoise::{Edge, Sigma, gaussian};

/// Sharpens: adds `amount` times what a Gaussian takes away.
///
/// Values may leave the range of the input: nothing is clipped. Edge: mirrored, the outermost voxel repeated.
/// Not a number: spreads as far as the Gaussian reaches.
///
/// # Errors
/// [`FilterError::Parameter`] for an amount that is not finite; those of [`gaussian`].
///
/// # Source
/// `skimage.filters.unsharp_mask` with `preserve_range`
pub fn unsharp_mask<R: Raster>(image: &R, sigma: Sigma, amount: f32) -> Result<R, FilterError> {
    if !amount.is_finite() {
        return Err(FilterError::parameter("amount", amount, "a finite number"));
    }
    let smooth = gaussian(image, sigma, Edge::Reflect)?;
    let sharpened = image.values().par_iter().zip(smooth.values()).with_min_len(1 << 14);
    let sharpened = sharpened.map(|(value, smooth)| value + (value - smooth) * amount).collect();
    Ok(image.with_values(sharpened)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection};

    #[test]
    fn a_spike_grows_and_its_neighbors_sink() {
        let image = Projection::<Arbitrary>::new(5, 1, vec![0.0, 0.0, 1.0, 0.0, 0.0], None).expect("a row");
        let found = unsharp_mask(&image, Sigma::Voxels(0.5), 2.0).expect("sharpened");
        // The kernel of sigma 0.5 is worked on paper beside `gaussian`.
        let (one, two) = ((-2.0_f32).exp(), (-8.0_f32).exp());
        let middle = 1.0 / (1.0 + 2.0 * (one + two));
        assert!((found.pixels()[2] - (1.0 + 2.0 * (1.0 - middle))).abs() < 1e-6);
        assert!((found.pixels()[1] + 2.0 * one * middle).abs() < 1e-6);
        assert!(unsharp_mask(&image, Sigma::Millimeters(1.0), 1.0).is_err(), "no spacing");
    }
}
