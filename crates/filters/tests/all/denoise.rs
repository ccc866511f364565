//! The filters of `denoise` against SciPy, SimpleITK, scikit-image and NumPy, and against hostile input.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use wilhelm_filters::FilterError;
use wilhelm_filters::denoise::{
    Despeckle, Diffusion, DiffusionKind, Edge, NonLocalMeans, Sigma, TotalVariation, bilateral, despeckle,
    diffusion, estimate_noise, gaussian, median, non_local_means, rician_sigma, total_variation,
};
use wilhelm_study::{Arbitrary, Progress, Projection, Raster, Silent, Volume};

use crate::shared;

/// A bright disc on a dark ground, with noise from 0 to below 40: the rule of `filters_denoise.py`.
fn rule(columns: usize, rows: usize, slices: usize) -> impl Fn(usize, usize, usize) -> f32 {
    move |column, row, slice| {
        let away = |at: usize, size: usize| (at as i64 - (size / 2) as i64).pow(2);
        let along = (2 * slice as i64 - slices as i64).pow(2) / 4;
        let base = if away(column, columns) + away(row, rows) + along < 40 { 200.0 } else { 50.0 };
        base + 40.0 * shared::hash(column, row, slice)
    }
}

pub fn ball() -> Volume<Arbitrary> {
    shared::volume([24, 20, 12], [0.8, 1.0, 2.5], rule(24, 20, 12))
}

pub fn disc() -> Projection<Arbitrary> {
    let rule = rule(40, 32, 1);
    shared::flat(40, 32, |column, row| rule(column, row, 0))
}

/// A result against a golden case: every `stride`th value.
pub fn check(golden: &Value, name: &str, found: &impl Raster, tolerance: f64) {
    let stride = golden["stride"].as_u64().unwrap() as usize;
    let sampled: Vec<f32> = found.values().iter().copied().step_by(stride).collect();
    shared::close(name, &sampled, &shared::numbers(&golden["cases"][name]), tolerance);
}

#[test]
fn gaussians_are_those_of_scipy() {
    let golden = shared::golden("denoise.json");
    // Sums in 32 bits of up to 73 products of values up to 240: some units in the seventh digit.
    let tolerance = 2e-4;
    let smooth = |sigma, edge| gaussian(&ball(), sigma, edge).unwrap();
    check(
        &golden,
        "gaussian_flat",
        &gaussian(&disc(), Sigma::Voxels(1.7), Edge::Reflect).unwrap(),
        tolerance,
    );
    check(&golden, "gaussian_volume_mm", &smooth(Sigma::Millimeters(2.0), Edge::Nearest), tolerance);
    check(&golden, "gaussian_wide", &smooth(Sigma::Voxels(9.0), Edge::Reflect), tolerance);
    check(&golden, "gaussian_mirror", &smooth(Sigma::Voxels(1.2), Edge::Mirror), tolerance);
}

#[test]
fn medians_are_exactly_those_of_scipy() {
    let golden = shared::golden("denoise.json");
    // The golden file holds eight digits.
    let tolerance = 1e-5;
    check(&golden, "median_flat", &median(&disc(), [1; 3], Edge::Reflect, &Silent).unwrap(), tolerance);
    check(&golden, "median_volume", &median(&ball(), [1; 3], Edge::Nearest, &Silent).unwrap(), tolerance);
    let uneven = median(&ball(), [2, 1, 3], Edge::Reflect, &Silent).unwrap();
    check(&golden, "median_uneven", &uneven, tolerance);
    check(&golden, "median_large", &median(&ball(), [3; 3], Edge::Mirror, &Silent).unwrap(), tolerance);
}

#[test]
fn bilateral_filters_are_those_of_simple_itk_and_scikit_image() {
    let golden = shared::golden("denoise.json");
    let found = bilateral(&ball(), Sigma::Millimeters(1.6), 30.0, &Silent).unwrap();
    // ITK's table of a million steps is read one step low at most.
    check(&golden, "bilateral_volume", &found, 1e-3);
    let found = bilateral(&disc(), Sigma::Voxels(2.0), 30.0, &Silent).unwrap();
    // scikit-image (with its table of distances mended, see the script) does not cut at four range sigmas (weight 3e-4); the disc is five sigmas above the ground.
    check(&golden, "bilateral_flat", &found, 2e-2);
}

#[test]
fn non_local_means_follow_the_definition_and_lie_near_scikit_image() {
    let golden = shared::golden("denoise.json");
    let options = NonLocalMeans { patch_radius: 2, search_radius: 5, strength: 14.0, noise_sigma: 6.0 };
    let flat = non_local_means(&disc(), &options, &Silent).unwrap();
    // A patch at the cut of the weights (0.7 %) may fall on its other side by rounding.
    check(&golden, "non_local_means_flat", &flat, 0.05);
    let options = NonLocalMeans { patch_radius: 1, search_radius: 2, ..options };
    let volume = non_local_means(&ball(), &options, &Silent).unwrap();
    check(&golden, "non_local_means_volume", &volume, 0.05);
    // Its patches lack a row and a column, so single voxels differ; on average they are alike.
    for (name, values) in [("flat", flat.values()), ("volume", volume.values())] {
        let theirs = shared::numbers(&golden["cases"][format!("non_local_means_{name}_skimage")]);
        let pairs = values.iter().step_by(11).zip(&theirs);
        let mean =
            pairs.map(|(ours, theirs)| (f64::from(*ours) - theirs).abs()).sum::<f64>() / theirs.len() as f64;
        eprintln!("non-local means, {name}: mean difference from scikit-image {mean:.2} of 150");
        assert!(mean < 5.0, "{name}: {mean}");
    }
}

#[test]
fn total_variation_is_that_of_scikit_image() {
    let golden = shared::golden("denoise.json");
    let exactly = |iterations| TotalVariation { weight: 25.0, tolerance: 0.0, iterations };
    // The dual field is kept in 32 bits: values up to 240, thirty steps.
    let found = total_variation(&disc(), &exactly(30), &Silent).unwrap();
    check(&golden, "total_variation_flat", &found, 2e-3);
    let found = total_variation(&ball(), &exactly(20), &Silent).unwrap();
    check(&golden, "total_variation_volume", &found, 2e-3);
    // Stopped by the cost: scikit-image gives the result before its last step, which is small by then.
    let options = TotalVariation { weight: 25.0, tolerance: 2e-4, iterations: 200 };
    check(&golden, "total_variation_stopped", &total_variation(&ball(), &options, &Silent).unwrap(), 0.5);
}

#[test]
fn diffusion_is_that_of_simple_itk() {
    let golden = shared::golden("denoise.json");
    for (name, kind) in [("gradient", DiffusionKind::Gradient), ("curvature", DiffusionKind::Curvature)] {
        let options = Diffusion { kind, conductance: 1.5, time_step: 0.05, iterations: 5 };
        // Values in 32 bits, and an exponential right to 3e-7, over five steps.
        let found = diffusion(&ball(), &options, &Silent).unwrap();
        check(&golden, &format!("diffusion_{name}_volume"), &found, 1e-3);
        let found = diffusion(&disc(), &Diffusion { time_step: 0.125, ..options }, &Silent).unwrap();
        check(&golden, &format!("diffusion_{name}_flat"), &found, 1e-3);
    }
}

#[test]
fn despeckling_follows_the_paper() {
    let options = Despeckle { iterations: 20, time_step: 0.3, speckle: 0.3, decay: 1.0 / 6.0 };
    let found = despeckle(&disc(), &options, &Silent).unwrap();
    check(&shared::golden("denoise.json"), "despeckle", &found, 1e-2);
}

#[test]
fn noise_is_estimated_as_scikit_image_does() {
    let golden = shared::golden("denoise.json");
    let near = |found: f64, expected: &Value| {
        let expected = expected.as_f64().unwrap();
        assert!((found / expected - 1.0).abs() < 1e-5, "{found} for {expected}");
    };
    near(estimate_noise(&disc()).unwrap(), &golden["noise"]["flat"]);
    near(estimate_noise(&ball()).unwrap(), &golden["noise"]["volume"]);
    for case in golden["rician"].as_array().unwrap() {
        let [mean, deviation, sigma] = shared::numbers(case).try_into().unwrap();
        let found = rician_sigma(mean, deviation).unwrap();
        // Where the signal is weak, the mean hardly depends on it, and the fixed point is slow.
        assert!((found / sigma - 1.0).abs() < 1e-3, "{found} for {sigma} at {mean}");
    }
}

/// Every filter with usual options, by name.
type Filter = (&'static str, fn(&Volume<Arbitrary>, &dyn Progress) -> Result<Volume<Arbitrary>, FilterError>);

const FILTERS: [Filter; 8] = [
    ("gaussian", |image, _| gaussian(image, Sigma::Voxels(1.0), Edge::Reflect)),
    ("median", |image, progress| median(image, [1; 3], Edge::Reflect, progress)),
    ("bilateral", |image, progress| bilateral(image, Sigma::Voxels(1.0), 30.0, progress)),
    ("non-local means", |image, progress| {
        let options = NonLocalMeans { patch_radius: 1, search_radius: 2, strength: 20.0, noise_sigma: 0.0 };
        non_local_means(image, &options, progress)
    }),
    ("total variation", |image, progress| {
        total_variation(image, &TotalVariation { weight: 10.0, tolerance: 2e-4, iterations: 9 }, progress)
    }),
    ("gradient diffusion", |image, progress| {
        let kind = DiffusionKind::Gradient;
        diffusion(image, &Diffusion { kind, conductance: 1.0, time_step: 0.04, iterations: 2 }, progress)
    }),
    ("curvature diffusion", |image, progress| {
        let kind = DiffusionKind::Curvature;
        diffusion(image, &Diffusion { kind, conductance: 1.0, time_step: 0.04, iterations: 2 }, progress)
    }),
    ("despeckle", |image, progress| {
        let options = Despeckle { iterations: 3, time_step: 0.2, speckle: 0.5, decay: 0.1 };
        despeckle(image, &options, progress)
    }),
];

#[test]
fn every_filter_takes_every_shape_and_leaves_an_even_image_as_it_is() {
    for size in [[1, 1, 1], [1, 7, 1], [70, 1, 1], [1, 1, 9], [3, 2, 1], [1, 3, 5], [2, 2, 2], [130, 3, 18]] {
        let image = shared::volume(size, [1.0; 3], |_, _, _| 100.0);
        for (name, filter) in FILTERS {
            let found = filter(&image, &Silent).unwrap_or_else(|error| panic!("{name} of {size:?}: {error}"));
            let even = found.values().iter().all(|value| (value - 100.0).abs() < 1e-3);
            assert!(even, "{name} of {size:?}: {:?}", &found.values()[..1]);
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_at_any_number_of_threads() {
    let image = shared::volume([37, 21, 11], [1.0, 1.5, 2.0], rule(37, 21, 11));
    for (name, filter) in FILTERS {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| filter(&image, &Silent).unwrap());
            found.values().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        assert!(with(1) == with(3), "{name}");
    }
}

/// Stops after some steps.
struct Impatient(AtomicUsize);

impl Progress for Impatient {
    fn step(&self, _: usize, _: usize) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[test]
fn every_filter_that_reports_progress_stops_when_asked() {
    for (name, filter) in &FILTERS[1..] {
        let found = filter(&ball(), &Impatient(AtomicUsize::new(0)));
        assert_eq!(found.err(), Some(FilterError::Cancelled), "{name}");
    }
}

#[test]
fn absurd_parameters_are_refused_before_any_work() {
    let image = ball();
    let absurd = [f64::NAN, f64::INFINITY, -1.0, 1e9];
    for sigma in absurd {
        assert!(gaussian(&image, Sigma::Voxels(sigma), Edge::Nearest).is_err(), "{sigma}");
        assert!(bilateral(&image, Sigma::Millimeters(sigma), 1.0, &Silent).is_err(), "{sigma}");
    }
    assert!(gaussian(&disc(), Sigma::Millimeters(1.0), Edge::Nearest) == Err(FilterError::Spacing));
    for range in [f32::NAN, 0.0, -1.0] {
        assert!(bilateral(&image, Sigma::Voxels(1.0), range, &Silent).is_err());
    }
    for radius in [[usize::MAX; 3], [100, 100, 0]] {
        assert!(median(&image, radius, Edge::Reflect, &Silent).is_err());
    }
    let usual = NonLocalMeans { patch_radius: 1, search_radius: 2, strength: 20.0, noise_sigma: 0.0 };
    for options in [
        NonLocalMeans { patch_radius: usize::MAX, ..usual },
        NonLocalMeans { search_radius: usize::MAX, ..usual },
        NonLocalMeans { strength: 0.0, ..usual },
        NonLocalMeans { noise_sigma: f32::NAN, ..usual },
    ] {
        assert!(non_local_means(&image, &options, &Silent).is_err(), "{options:?}");
    }
}

#[test]
fn single_wrong_voxels_vanish_or_stay_alone_or_are_refused() {
    let image = shared::volume([20, 16, 8], [1.0; 3], |column, row, slice| {
        if (column, row, slice) == (9, 8, 4) { f32::NAN } else { 10.0 }
    });
    let wrong = |image: &Volume<Arbitrary>| image.values().iter().filter(|value| !value.is_finite()).count();
    // A Gaussian of sigma 1 reaches four voxels: 9 columns, 9 rows, and all 8 slices.
    for ((name, filter), expected) in FILTERS.iter().zip([Some(648), Some(0), Some(1), Some(1)]) {
        assert_eq!(filter(&image, &Silent).ok().map(|found| wrong(&found)), expected, "{name}");
    }
    for (name, filter) in &FILTERS[4..] {
        assert_eq!(filter(&image, &Silent).err(), Some(FilterError::NotFinite { count: 1 }), "{name}");
    }
}
