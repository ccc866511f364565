use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use wilhelm_filters::denoise::{Edge, Sigma, gaussian};
use wilhelm_study::{Arbitrary, Projection};

/// Random displacements, smooth over the image: every place moves a little, and its neighbors with it.
///
/// # Source
/// Simard, Steinkraus, Platt 2003, doi:10.1109/ICDAR.2003.1227801
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elastic {
    /// Root mean square of the displacement along each axis, as a share of the side.
    pub amplitude: f32,
    /// Standard deviation of the Gaussian that smooths it, as a share of the longer side.
    pub sigma: f32,
}

impl Elastic {
    /// What is wrong with its numbers.
    pub(crate) fn fault(self) -> Option<&'static str> {
        // A side has at most 1024 places, and the widest Gaussian 256.
        let sound = (0.0..=0.25).contains(&self.amplitude) && (0.005..=0.25).contains(&self.sigma);
        (!sound).then_some("elastic needs an amplitude from 0 to 0.25 and a sigma from 0.005 to 0.25")
    }

    /// Displacements in places along columns and along rows, columns fastest.
    pub(super) fn draw(self, [columns, rows]: [usize; 2], random: &mut impl Rng) -> [Vec<f32>; 2] {
        let sigma = Sigma::Voxels(f64::from(self.sigma) * columns.max(rows) as f64);
        [columns, rows].map(|side| {
            let rough = (0..columns * rows).map(|_| random.random_range(-1.0_f32..=1.0)).collect();
            let rough =
                Projection::<Arbitrary>::new(columns, rows, rough, None).expect("as many as the image");
            let smooth = gaussian(&rough, sigma, Edge::Reflect).expect("the recipe's sigma was checked");
            let mut smooth = smooth.pixels().to_vec();
            let squares: f64 = smooth.iter().map(|value| f64::from(*value).powi(2)).sum();
            let root = (squares / smooth.len() as f64).sqrt();
            let factor = if root > 0.0 { f64::from(self.amplitude) * side as f64 / root } else { 0.0 };
            smooth.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
            smooth
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::generator;

    #[test]
    fn displacements_have_the_stated_size_are_smooth_and_follow_from_the_seed() {
        let elastic = Elastic { amplitude: 0.05, sigma: 0.1 };
        let draw = |place: u64| elastic.draw([40, 20], &mut generator(7, 1, place));
        let field = draw(0);
        for (values, side) in field.iter().zip([40.0, 20.0]) {
            let root = (values.iter().map(|value| value * value).sum::<f32>() / 800.0).sqrt();
            assert!((root - 0.05 * side).abs() < 1e-4, "{root}");
            // Smoothed by four places: neighbors differ by about a quarter of the spread and less.
            let greatest = values
                .chunks_exact(40)
                .flat_map(|line| line.windows(2))
                .map(|pair| (pair[0] - pair[1]).abs())
                .fold(0.0, f32::max);
            assert!(greatest < 0.7 * root, "{greatest} of {root}");
        }
        assert_eq!(field, draw(0));
        assert_ne!(field, draw(1));
    }

    #[test]
    fn numbers_out_of_bounds_are_refused() {
        assert_eq!(Elastic { amplitude: 0.03, sigma: 0.08 }.fault(), None);
        for (amplitude, sigma) in [(0.5, 0.1), (-0.1, 0.1), (0.1, 0.0), (0.1, 0.5), (f32::NAN, 0.1)] {
            assert!(Elastic { amplitude, sigma }.fault().is_some(), "{amplitude} {sigma}");
        }
    }
}
