//! Vesselness, blobs, floods, walks and ways against SciPy and scikit-image
//! (`tools/golden/filters_segment_fields.py`).

use wilhelm_filters::segment::blobs::{self, BlobMeasure, Blobs};
use wilhelm_filters::segment::distance::Metric;
use wilhelm_filters::segment::gray::Polarity;
use wilhelm_filters::segment::vesselness::{self, Tubes};
use wilhelm_filters::segment::walker::{self, Clicks, Walk};
use wilhelm_filters::segment::{Connectivity, path, watershed};
use wilhelm_study::{Arbitrary, Index, Silent, Volume};

use crate::segment::smooth;
use crate::shared::{close, flat, golden, hash, numbers, volume};

const SIZE: [usize; 3] = [40, 36, 20];
const SPACING: [f64; 3] = [0.7, 0.8, 2.5];

fn field() -> Volume<Arbitrary> {
    volume(SIZE, SPACING, |column, row, slice| smooth(column, row, slice, 8))
}

fn sampled(image: &Volume<Arbitrary>) -> Vec<f32> {
    image.voxels().iter().step_by(193).copied().collect()
}

fn at((column, row, slice): (usize, usize, usize)) -> Index {
    Index { column, row, slice }
}

/// Pearson's.
fn correlation(found: &[f32], expected: &[f64]) -> f64 {
    let count = expected.len() as f64;
    let found: Vec<f64> = found.iter().map(|value| f64::from(*value)).collect();
    let centered = |values: &[f64]| -> Vec<f64> {
        let mean = values.iter().sum::<f64>() / count;
        values.iter().map(|value| value - mean).collect()
    };
    let (a, b) = (centered(&found), centered(expected));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

#[test]
fn vesselness_equals_the_paper_in_double_precision_and_scikit_image_nearly() {
    let golden = golden("segment_fields.json");
    let field = field();
    // Single precision: ratios of small eigenvalues keep about four digits.
    let voxels = Tubes::bright(vec![2.0], Metric::Voxels);
    let found = sampled(&vesselness::frangi(&field, &voxels, &Silent).unwrap());
    close("frangi", &found, &numbers(&golden["frangi"]), 1e-3);
    // scikit-image takes two Gaussians of less width in a row, each with its own border: up to 0.2
    // apart there, alike as a whole.
    let alike = correlation(&found, &numbers(&golden["frangi_scikit_image"]));
    assert!(alike > 0.95, "correlation with scikit-image {alike}");
    let mm = Tubes::bright(vec![2.0, 3.0], Metric::Millimeters);
    let found = sampled(&vesselness::frangi(&field, &mm, &Silent).unwrap());
    close("frangi_mm", &found, &numbers(&golden["frangi_mm"]), 1e-3);
    let plane = flat(SIZE[0], SIZE[1], |column, row| smooth(column, row, 10, 8));
    let found = vesselness::frangi(&plane, &voxels, &Silent).unwrap();
    let found: Vec<f32> = found.pixels().iter().step_by(31).copied().collect();
    close("frangi_flat", &found, &numbers(&golden["frangi_flat"]), 1e-3);
}

#[test]
fn blobness_equals_scipys_laplacian_and_the_eigenvalues_of_numpy() {
    let golden = golden("segment_fields.json");
    let (metric, polarity) = (Metric::Voxels, Polarity::Bright);
    let blobs =
        Blobs { scales: vec![1.5, 3.0], metric, polarity, measure: BlobMeasure::Laplacian, least: 0.0 };
    // SciPy's kernel does not sum to 0 where it is cut off: 1.5e-5 of the value an axis.
    let found = sampled(&blobs::blobness(&field(), &blobs, &Silent).unwrap());
    close("laplacian", &found, &numbers(&golden["laplacian"]), 1e-4);
    let blobs = Blobs { scales: vec![2.0], measure: BlobMeasure::Dot, ..blobs };
    let found = sampled(&blobs::blobness(&field(), &blobs, &Silent).unwrap());
    close("dot", &found, &numbers(&golden["dot"]), 1e-4);
}

#[test]
fn floods_equal_scikit_image_where_no_two_voxels_are_level() {
    let golden = golden("segment_fields.json");
    let field = field();
    let mut markers = vec![0_u32; field.voxels().len()];
    let mut number = 0;
    for slice in [5, 15] {
        for row in [6, 18, 30] {
            for column in [5, 15, 25, 35] {
                number += 1;
                markers[field.geometry().offset(at((column, row, slice)))] = number;
            }
        }
    }
    let below: Vec<bool> = field.voxels().iter().map(|value| *value < 0.75).collect();
    let steps = volume(SIZE, SPACING, |column, row, slice| (smooth(column, row, slice, 8) * 8.0).floor());
    let check = |name: &str, image: &Volume<Arbitrary>, within: Option<&[bool]>, connectivity, alike: f64| {
        let found = watershed::flood(image, &markers, within, connectivity, &Silent).unwrap();
        let expected = numbers(&golden["floods"][name]["labels"]);
        let equal = found.iter().step_by(29).zip(&expected).filter(|(f, e)| f64::from(**f) == **e).count();
        assert!(equal as f64 >= alike * expected.len() as f64, "{name}: {equal} of {}", expected.len());
        if alike == 1.0 {
            let mut counts = vec![0.0; 25];
            found.iter().for_each(|label| counts[*label as usize] += 1.0);
            assert_eq!(counts, numbers(&golden["floods"][name]["counts"]), "{name}");
        }
    };
    check("faces", &field, None, Connectivity::Faces, 1.0);
    check("corners", &field, None, Connectivity::Corners, 1.0);
    check("within", &field, Some(&below), Connectivity::Faces, 1.0);
    // Eight levels: scikit-image leaves open which of the markers of one level
    // spreads first, and a tenth of the voxels hangs on that.
    check("steps", &steps, None, Connectivity::Faces, 0.85);
}

#[test]
fn a_walk_equals_scikit_image_and_does_not_depend_on_threads() {
    let golden = golden("segment_fields.json");
    let clicks = Clicks {
        foreground: [(20, 18, 10), (26, 17, 9)].map(at).to_vec(),
        background: [(3, 4, 2), (36, 30, 17), (20, 2, 10)].map(at).to_vec(),
        within: None,
    };
    for (name, edge) in [("0", 0.0), ("130", 130.0)] {
        let walk = Walk { edge, noise: 0.0, value: 0.0, click_radius: 0 };
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| walker::follow(&field(), &clicks, &walk, &Silent).unwrap())
        };
        let found = run(1);
        assert!(run(3) == found, "edge {name}: threads");
        // The system is solved to 1e-5 of its right side, scikit-image's to 1e-8.
        let expected = numbers(&golden["walks"][name]["probability"]);
        close(name, &sampled(&found.probability), &expected, 2e-3);
        let inside = found.probability.voxels().iter().filter(|value| **value > 0.5).count() as f64;
        let expected = golden["walks"][name]["inside"].as_f64().unwrap();
        assert!(
            (inside - expected).abs() <= 1.0 + 0.002 * expected,
            "edge {name}: {inside}, expected {expected}"
        );
    }
}

#[test]
fn the_cheapest_way_costs_what_scikit_image_says() {
    let golden = golden("segment_fields.json");
    let cost = volume(SIZE, SPACING, |column, row, slice| hash(column, row, slice) + 0.05);
    for (name, metric) in [("voxels", Metric::Voxels), ("mm", Metric::Millimeters)] {
        let found = path::cheapest(&cost, at((4, 3, 2)), at((36, 33, 17)), metric, &Silent).unwrap();
        // The same sums in double precision of costs rounded to single: 1e-6 relative.
        let expected = golden["ways"][name].as_f64().unwrap();
        assert!(
            (found.cost - expected).abs() < 1e-6 * expected,
            "{name}: {}, expected {expected}",
            found.cost
        );
    }
}

#[test]
fn three_clicks_find_a_noisy_ball_on_a_grid_too_large_to_be_solved_whole() {
    let size = [100, 96, 90];
    let inside = |c: usize, r: usize, s: usize| {
        [(c, 50.0), (r, 45.0), (s, 48.0)]
            .into_iter()
            .map(|(at, middle)| (at as f64 - middle).powi(2))
            .sum::<f64>()
            <= 24.0 * 24.0
    };
    // Uniform noise of the ball's own height: a deviation of 0.29.
    let image = volume(size, [1.0; 3], |c, r, s| f32::from(inside(c, r, s)) + hash(c, r, s));
    let background = [(10, 10, 10), (90, 85, 80)].map(at).to_vec();
    let clicks = Clicks { foreground: vec![at((50, 45, 48))], background, within: None };
    let found = walker::follow(&image, &clicks, &Walk::default(), &Silent).unwrap();
    let expected = volume(size, [1.0; 3], |c, r, s| f32::from(inside(c, r, s)));
    let both = found.mask.voxels().iter().zip(expected.voxels()).filter(|(f, e)| **f && **e > 0.5).count();
    let ball = expected.voxels().iter().filter(|value| **value > 0.5).count();
    let dice = 2.0 * both as f64 / (found.mask.count() + ball) as f64;
    assert!(dice > 0.95, "Dice {dice}: {} voxels found, {ball} expected", found.mask.count());
}
