//! The functions of `enhance` against scikit-image.

use wilhelm_filters::denoise::Sigma;
use wilhelm_filters::enhance::{Clahe, ClaheExtent, clahe, equalize, gamma, match_histogram, unsharp_mask};
use wilhelm_study::{Raster, Volume};

use crate::denoise::{ball, check, disc};
use crate::shared;

/// The image on a scale of 16384 whole grays, as the golden script rounds it.
fn grays<R: Raster>(image: &R) -> R {
    let values = image.values();
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let gray = |value: &f32| ((value - low) / (high - low) * 16383.0).round_ties_even();
    image.with_values(values.iter().map(gray).collect()).unwrap()
}

#[test]
fn unsharp_masks_are_those_of_scikit_image() {
    let golden = shared::golden("enhance.json");
    // Sums in 32 bits, amplified.
    check(&golden, "unsharp_volume", &unsharp_mask(&ball(), Sigma::Voxels(1.5), 0.8).unwrap(), 2e-4);
    check(&golden, "unsharp_flat", &unsharp_mask(&disc(), Sigma::Voxels(0.7), 2.5).unwrap(), 2e-4);
}

#[test]
fn adaptive_equalization_is_that_of_scikit_image() {
    let golden = shared::golden("enhance.json");
    let options = Clahe { region: Some([10, 8, 1]), clip: 0.03, bins: 256, extent: ClaheExtent::Volume };
    // Mixed maps are cut to whole grays on both sides, from sums whose last digits differ; stretching them to
    // the scale adds a little.
    let tolerance = 2.5;
    check(&golden, "clahe_flat", &clahe(&grays(&disc()), &options).unwrap(), tolerance);
    let found = clahe(&grays(&disc()), &Clahe { region: None, ..options }).unwrap();
    check(&golden, "clahe_default", &found, tolerance);
    let found = clahe(&grays(&ball()), &Clahe { region: Some([6, 7, 4]), ..options }).unwrap();
    check(&golden, "clahe_volume", &found, tolerance);
}

#[test]
fn slices_equalized_each_for_itself_are_the_flat_image_again_and_again() {
    let flat = grays(&disc());
    let options = Clahe { region: None, clip: 0.02, bins: 128, extent: ClaheExtent::EachSlice };
    let twice = [flat.values(), flat.values()].concat();
    let stack = Volume::new(shared::grid([40, 32, 2], [1.0; 3]), twice).unwrap();
    let _: &Volume<wilhelm_study::Arbitrary> = &stack;
    let found = clahe(&stack, &options).unwrap();
    let single = clahe(&flat, &options).unwrap();
    assert_eq!(found.slice(0), Some(single.values()));
    assert_eq!(found.slice(1), Some(single.values()));
}

#[test]
fn histograms_and_gamma_are_those_of_scikit_image() {
    let golden = shared::golden("enhance.json");
    // Results are rounded to 32 bits.
    check(&golden, "equalize", &equalize(&ball(), 100).unwrap(), 1e-3);
    let reference = ball();
    let squares: Vec<f32> = reference.slice(5).unwrap()[..16 * 24].to_vec();
    let squares = squares.iter().map(|value| (f64::from(*value).powi(2) / 100.0) as f32).collect();
    let reference = reference_image(squares);
    check(&golden, "match", &match_histogram(&disc(), &reference).unwrap(), 1e-2);
    check(&golden, "gamma", &gamma(&disc(), 0.6, (0.0, 250.0)).unwrap(), 1e-3);
}

fn reference_image(values: Vec<f32>) -> wilhelm_study::Projection<wilhelm_study::Arbitrary> {
    wilhelm_study::Projection::new(24, 16, values, None).unwrap()
}
