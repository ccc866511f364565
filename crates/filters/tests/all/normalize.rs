//! Normalization beside intensity-normalization, NumPy and scikit-image.

use wilhelm_filters::{nyul_apply, nyul_train, percentile_rescale, z_score};
use wilhelm_study::{Arbitrary, Volume};

use crate::shared::{close, golden, hash, numbers, volume};

fn image(which: usize) -> Volume<Arbitrary> {
    volume([24, 20, 15], [1.0; 3], |column, row, slice| {
        if slice < 5 {
            return 0.0;
        }
        let h = f64::from(hash(column, row, slice + 15 * which));
        let which = which as f64;
        (20.0 * which + (300.0 + 100.0 * which) * h * (1.0 + 0.5 * which * h)) as f32
    })
}

fn sampled(volume: &Volume<Arbitrary>, step: usize) -> Vec<f32> {
    volume.voxels().iter().copied().step_by(step).collect()
}

#[test]
fn nyuls_scale_and_images_agree_with_intensity_normalization() {
    let golden = golden("normalize.json");
    let step = golden["step"].as_u64().unwrap() as usize;
    let images: Vec<_> = (0..4).map(image).collect();
    let set: Vec<_> = images.iter().map(|image| (image, None)).collect();
    let scale = nyul_train(&set).unwrap();
    for (found, expected) in scale.landmarks().iter().zip(numbers(&golden["standard_scale"])) {
        // Both in 64-bit floats on the same 32-bit values.
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    }
    for (which, image) in images.iter().enumerate() {
        let found = nyul_apply(image, None, &scale).unwrap();
        // Values up to some 120, as 32-bit floats, golden with four decimals.
        close(&format!("image {which}"), &sampled(&found, step), &numbers(&golden["nyul"][which]), 1e-4);
    }
}

#[test]
fn z_scores_and_percentiles_agree_with_numpy_and_scikit_image() {
    let golden = golden("normalize.json");
    let step = golden["step"].as_u64().unwrap() as usize;
    let first = image(0);
    let inside: Vec<bool> = first.voxels().iter().map(|value| *value > 100.0).collect();
    // 32-bit floats of magnitude 3 at the most, golden with four decimals.
    let found = z_score(&first, Some(&inside)).unwrap();
    close("z-score", &sampled(&found, step), &numbers(&golden["z_score_above_100"]), 6e-5);
    let found = percentile_rescale(&first, None, 2.0, 97.5).unwrap();
    close("percentiles", &sampled(&found, step), &numbers(&golden["percentile_2_97.5"]), 6e-5);
}
