//! What each denoiser gains on a phantom whose clean image and noise are known.

use wilhelm_filters::denoise::{
    Despeckle, Diffusion, DiffusionKind, Edge, NonLocalMeans, Sigma, TotalVariation, bilateral, despeckle,
    diffusion, estimate_noise, gaussian, median, non_local_means, total_variation,
};
use wilhelm_study::{Arbitrary, Raster, Silent, Volume};

use crate::shared::{self, hash};

const SIZE: [usize; 3] = [64, 64, 16];
const NOISE: f32 = 20.0;

/// An ellipsoid of tissue with two inserts, a rod and a slow gradient.
fn tissue(column: usize, row: usize, slice: usize) -> f32 {
    let (x, y, z) = (column as f32 - 32.0, row as f32 - 32.0, slice as f32 - 8.0);
    let ball = |cx: f32, cy: f32, cz: f32, r: f32| {
        ((x - cx).powi(2) + (y - cy).powi(2) + ((z - cz) * 2.0).powi(2)).sqrt() < r
    };
    if (x / 28.0).powi(2) + (y / 24.0).powi(2) + (z / 14.0).powi(2) > 1.0 {
        return 40.0;
    }
    let base = 100.0 + 0.5 * x;
    if ball(-10.0, 4.0, 0.0, 8.0) {
        base + 60.0
    } else if ball(12.0, -6.0, 1.0, 6.0) {
        base - 40.0
    } else if (x - 4.0).powi(2) + (y - 12.0).powi(2) < 5.0 {
        base + 90.0
    } else {
        base
    }
}

/// A normal number by Box and Muller from two hashes.
fn normal(column: usize, row: usize, slice: usize) -> f32 {
    let radius = (-2.0 * (1.0 - hash(column + 1000, row, slice)).ln()).sqrt();
    radius * (std::f32::consts::TAU * hash(column, row + 2000, slice)).cos()
}

fn psnr(clean: &[f32], found: &[f32]) -> f64 {
    let squares = clean.iter().zip(found).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
    let (low, high) = clean.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    10.0 * (f64::from(high - low).powi(2) / (squares / clean.len() as f64)).log10()
}

/// Structural similarity over flat windows of 7, doi:10.1109/TIP.2003.819861.
fn ssim(clean: &[f32], found: &[f32]) -> f64 {
    let range = 220.0_f64;
    let (c1, c2) = ((0.01 * range).powi(2), (0.03 * range).powi(2));
    let (mut sum, mut windows) = (0.0, 0.0);
    for slice in 0..SIZE[2] {
        for row in (0..SIZE[1] - 6).step_by(2) {
            for column in (0..SIZE[0] - 6).step_by(2) {
                let mut m = [0.0_f64; 5];
                for y in row..row + 7 {
                    for x in column..column + 7 {
                        let at = (slice * SIZE[1] + y) * SIZE[0] + x;
                        let (a, b) = (f64::from(clean[at]), f64::from(found[at]));
                        [a, b, a * a, b * b, a * b].iter().zip(&mut m).for_each(|(v, m)| *m += v / 49.0);
                    }
                }
                let [a, b, aa, bb, ab] = m;
                sum += (2.0 * a * b + c1) * (2.0 * (ab - a * b) + c2)
                    / ((a * a + b * b + c1) * (aa - a * a + bb - b * b + c2));
                windows += 1.0;
            }
        }
    }
    sum / windows
}

/// Filters the noisy phantom, prints what was gained and asserts it.
fn gains(name: &str, clean: &[f32], noisy: &[f32], found: &[f32], decibels: f64, similarity: f64) {
    let (before, after) = (psnr(clean, noisy), psnr(clean, found));
    let (dim, clear) = (ssim(clean, noisy), ssim(clean, found));
    eprintln!("{name:20} PSNR {before:.2} -> {after:.2} dB, SSIM {dim:.3} -> {clear:.3}");
    assert!(after - before > decibels, "{name}: {:.2} dB gained", after - before);
    assert!(clear - dim > similarity, "{name}: {:.3} gained", clear - dim);
}

#[test]
fn each_denoiser_brings_a_noisy_phantom_nearer_to_the_clean_one() {
    let clean = shared::volume(SIZE, [1.0; 3], tissue);
    let noisy = shared::volume(SIZE, [1.0; 3], |x, y, z| tissue(x, y, z) + NOISE * normal(x, y, z));
    let sigma = estimate_noise(&noisy).unwrap();
    eprintln!("noise of {NOISE} estimated as {sigma:.2}");
    assert!((sigma / f64::from(NOISE) - 1.0).abs() < 0.05, "{sigma}");
    let sigma = sigma as f32;
    let check = |name: &str, found: Volume<Arbitrary>, decibels: f64, similarity: f64| {
        gains(name, clean.values(), noisy.values(), found.values(), decibels, similarity);
    };
    check("gaussian", gaussian(&noisy, Sigma::Voxels(0.8), Edge::Reflect).unwrap(), 6.0, 0.25);
    check("median", median(&noisy, [1; 3], Edge::Reflect, &Silent).unwrap(), 6.0, 0.25);
    check("bilateral", bilateral(&noisy, Sigma::Voxels(1.2), 2.5 * sigma, &Silent).unwrap(), 6.0, 0.25);
    let options =
        NonLocalMeans { patch_radius: 1, search_radius: 4, strength: 0.8 * sigma, noise_sigma: sigma };
    check("non-local means", non_local_means(&noisy, &options, &Silent).unwrap(), 8.0, 0.3);
    let options = TotalVariation { weight: 1.5 * sigma, tolerance: 2e-4, iterations: 200 };
    check("total variation", total_variation(&noisy, &options, &Silent).unwrap(), 8.0, 0.3);
    for kind in [DiffusionKind::Gradient, DiffusionKind::Curvature] {
        let options = Diffusion { kind, conductance: 2.0, time_step: 0.0625, iterations: 10 };
        check(&format!("{kind:?} diffusion"), diffusion(&noisy, &options, &Silent).unwrap(), 6.0, 0.2);
    }
}

#[test]
fn despeckling_brings_a_speckled_phantom_nearer_to_the_clean_one() {
    let clean = shared::volume(SIZE, [1.0; 3], tissue);
    // Speckle of variation 0.25: a product with a gamma-like factor of mean 1, the mean of 16 exponentials.
    let speckled = shared::volume(SIZE, [1.0; 3], |x, y, z| {
        let looks = (0..16).map(|look| -(1.0 - hash(x + 300 * look, y, z)).ln()).sum::<f32>();
        tissue(x, y, z) * looks / 16.0
    });
    let options = Despeckle { iterations: 60, time_step: 0.3, speckle: 0.25, decay: 1.0 / 6.0 };
    let found = despeckle(&speckled, &options, &Silent).unwrap();
    gains("despeckle", clean.values(), speckled.values(), found.values(), 4.0, 0.2);
}
