//! Tubes by the second derivatives of the image at several scales.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;
use wilhelm_study::{Progress, Raster};

use super::binary::{Maskable, refuse_nan};
use super::distance::Metric;
use super::gray::Polarity;
use super::hessian::{Derivatives, each_row, eigenvalues, exp_minus, sigmas, steps};
use super::steps::Steps;
use crate::FilterError;

/// What [`frangi`] looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Tubes {
    /// Standard deviations of the Gaussian: about the radius of the tubes.
    pub scales: Vec<f64>,
    /// In what scales are counted.
    pub metric: Metric,
    /// Tubes brighter or darker than what surrounds them.
    pub polarity: Polarity,
    /// How much a plate is refused (3-D only); 0.5 in the paper.
    pub alpha: f32,
    /// How much a blob is refused; 0.5 in the paper.
    pub beta: f32,
    /// Below which norm of the second derivatives (times the scale squared) there is no structure;
    /// `None` is half the largest norm of each scale, as in the paper.
    pub structure: Option<f32>,
}

impl Tubes {
    /// Bright tubes with the paper's constants.
    pub const fn bright(scales: Vec<f64>, metric: Metric) -> Self {
        Self { scales, metric, polarity: Polarity::Bright, alpha: 0.5, beta: 0.5, structure: None }
    }
}

/// Vesselness: the largest over the scales of how tube-like the surroundings of each voxel are. It takes one
/// array of the image's size, the one that it gives back.
///
/// Differs from scikit-image's `frangi` in two points: derivatives are of one Gaussian, not of two
/// in a row, and `structure` is taken anew at each scale, not kept from the first.
///
/// # Units
/// None: 0 is no tube, 1 a perfect one.
///
/// # Errors
/// [`FilterError::Parameter`] for no scales, a scale below 0.3 or above 100 voxels, or a constant
/// that is not above 0; [`FilterError::NotFinite`], [`FilterError::Spacing`] for millimeters on an
/// image without a spacing, [`FilterError::Cancelled`].
///
/// # Source
/// Frangi, Niessen, Vincken, Viergever 1998, doi:10.1007/BFb0056195, equations 13 and 15.
pub fn frangi<I: Maskable>(image: &I, tubes: &Tubes, progress: &dyn Progress) -> Result<I::Map, FilterError> {
    let size = image.size();
    let spacing = metric_spacing(image, tubes.metric)?;
    let all: Vec<[f64; 3]> =
        tubes.scales.iter().map(|scale| sigmas(*scale, spacing, size)).collect::<Result<_, _>>()?;
    if all.is_empty() {
        return Err(FilterError::parameter("scales", "none", "at least one"));
    }
    let constants =
        [("alpha", Some(tubes.alpha)), ("beta", Some(tubes.beta)), ("structure", tubes.structure)];
    for (name, constant) in constants {
        if constant.is_some_and(|constant| !(constant.is_finite() && constant > 0.0)) {
            return Err(FilterError::parameter(
                name,
                constant.unwrap_or(f32::NAN),
                "more than 0, and finite",
            ));
        }
    }
    refuse_nan(image.values(), true)?;
    let values = image.values();
    let passes = if tubes.structure.is_some() { 1 } else { 2 };
    let steps = steps(progress, size, passes * all.len());
    let likeness = Likeness {
        sign: if tubes.polarity == Polarity::Bright { -1.0 } else { 1.0 },
        plate: 0.5 / (tubes.alpha * tubes.alpha),
        blob: 0.5 / (tubes.beta * tubes.beta),
        flat: size[2] == 1,
    };
    let mut strength = vec![0.0_f32; values.len()];
    let largest = values.par_iter().with_min_len(1 << 14).map(|value| value.abs()).reduce(|| 0.0, f32::max);
    // What is left of rounding is no structure.
    let rounding = (1e-5 * largest).powi(2);
    for sigma in all {
        let noise = match tubes.structure {
            Some(structure) => 0.5 / (structure * structure),
            None => match largest_norm(values, size, sigma, &steps)? {
                // Half the largest norm, squared and doubled.
                most if most > rounding => 2.0 / most,
                _ => 0.0,
            },
        };
        each_row(values, size, sigma, &mut strength, &steps, |row, target| {
            likeness.row(row, target, |target, like, norm| {
                let found = like * (1.0 - exp_minus(norm * noise));
                *target = if found > *target { found } else { *target };
            });
        })?;
    }
    Ok(image.map(strength)?)
}

/// The largest squared norm of the second derivatives at one scale.
///
/// It needs no eigenvalues, and computing the derivatives twice takes less than holding two more numbers a
/// voxel until the largest is known.
fn largest_norm(
    values: &[f32],
    size: [usize; 3],
    sigma: [f64; 3],
    steps: &Steps,
) -> Result<f32, FilterError> {
    // Numbers that are not negative have the order of their bits.
    let most = AtomicU32::new(0);
    let mut nothing = vec![(); values.len()];
    each_row(values, size, sigma, &mut nothing, steps, |row, nothing| {
        // In a flat image the derivatives through the slice are 0.
        let found = (0..nothing.len())
            .map(|at| {
                let straight = row.xx[at].powi(2) + row.yy[at].powi(2) + row.zz[at].powi(2);
                let mixed = row.xy[at].powi(2) + row.xz[at].powi(2) + row.yz[at].powi(2);
                straight + 2.0 * mixed
            })
            .fold(0.0, |most: f32, norm| if norm > most { norm } else { most });
        most.fetch_max(found.to_bits(), Ordering::Relaxed);
    })?;
    Ok(f32::from_bits(most.into_inner()))
}

pub(super) fn metric_spacing(image: &impl Raster, metric: Metric) -> Result<[f64; 3], FilterError> {
    match metric {
        Metric::Voxels => Ok([1.0; 3]),
        Metric::Millimeters => image.spacing_mm().ok_or(FilterError::Spacing),
    }
}

/// How alike a tube second derivatives are.
struct Likeness {
    sign: f32,
    plate: f32,
    blob: f32,
    flat: bool,
}

impl Likeness {
    /// Calls `put(target, likeness, squared norm)` for each voxel of a row.
    fn row<T>(&self, row: &Derivatives, target: &mut [T], put: impl Fn(&mut T, f32, f32)) {
        let count = target.len();
        let [xx, yy, xy] = [&row.xx[..count], &row.yy[..count], &row.xy[..count]];
        if self.flat {
            for (at, target) in target.iter_mut().enumerate() {
                let (like, norm) = self.in_plane(xx[at], yy[at], xy[at]);
                put(target, like, norm);
            }
        } else {
            let [zz, xz, yz] = [&row.zz[..count], &row.xz[..count], &row.yz[..count]];
            for (at, target) in target.iter_mut().enumerate() {
                let (like, norm) = self.in_space([xx[at], yy[at], zz[at], xy[at], xz[at], yz[at]]);
                put(target, like, norm);
            }
        }
    }

    #[inline]
    fn in_plane(&self, xx: f32, yy: f32, xy: f32) -> (f32, f32) {
        let mean = 0.5 * (xx + yy);
        let half = 0.5 * (xx - yy);
        let apart = (half * half + xy * xy).sqrt();
        let (a, b) = (mean + apart, mean - apart);
        let (small, large) = if a.abs() > b.abs() { (b, a) } else { (a, b) };
        let large = self.sign * large;
        let is_tube = large > 0.0;
        let ratio = small / if is_tube { large } else { 1.0 };
        let like = exp_minus(self.blob * ratio * ratio);
        (if is_tube { like } else { 0.0 }, a * a + b * b)
    }

    #[inline]
    fn in_space(&self, six: [f32; 6]) -> (f32, f32) {
        let [a, b, c] = eigenvalues(six).map(|value| self.sign * value);
        // Ordered by size: three exchanges.
        let (a, b) = if a.abs() > b.abs() { (b, a) } else { (a, b) };
        let (b, c) = if b.abs() > c.abs() { (c, b) } else { (b, c) };
        let (a, b) = if a.abs() > b.abs() { (b, a) } else { (a, b) };
        let is_tube = b > 0.0 && c > 0.0;
        let (second, third) = (if is_tube { b } else { 1.0 }, if is_tube { c } else { 1.0 });
        let plate = second / third;
        let blob = a * a / (second * third);
        let like = (1.0 - exp_minus(self.plate * plate * plate)) * exp_minus(self.blob * blob);
        (if is_tube { like } else { 0.0 }, a * a + b * b + c * c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection, Silent};

    #[test]
    fn a_bright_line_is_a_bright_tube_and_no_dark_one() {
        let line =
            Projection::<Arbitrary>::new(21, 21, (0..441).map(|at| f32::from(at % 21 == 10)).collect(), None)
                .expect("fits");
        let bright = Tubes::bright(vec![1.0, 2.0], Metric::Voxels);
        let found = frangi(&line, &bright, &Silent).expect("vesselness");
        // On the line the small eigenvalue is 0, and the norm is the largest: 1 - exp(-2).
        assert!((found.pixels()[10 * 21 + 10] - (1.0 - (-2.0_f32).exp())).abs() < 1e-5);
        let dark = Tubes { polarity: Polarity::Dark, ..bright };
        assert_eq!(frangi(&line, &dark, &Silent).expect("vesselness").pixels()[10 * 21 + 10], 0.0);
    }

    #[test]
    fn nothing_is_found_in_a_constant_image_and_absurd_constants_are_refused() {
        let flat = Projection::<Arbitrary>::new(5, 4, vec![7.0; 20], None).expect("fits");
        let tubes = Tubes::bright(vec![1.0], Metric::Voxels);
        assert!(frangi(&flat, &tubes, &Silent).expect("nothing").pixels().iter().all(|found| *found < 1e-6));
        let refused = [
            Tubes { scales: vec![], ..tubes.clone() },
            Tubes { scales: vec![f64::NAN], ..tubes.clone() },
            Tubes { scales: vec![1e9], ..tubes.clone() },
            Tubes { alpha: 0.0, ..tubes.clone() },
            Tubes { structure: Some(f32::NAN), ..tubes.clone() },
            Tubes { metric: Metric::Millimeters, ..tubes },
        ];
        assert!(refused.iter().all(|tubes| frangi(&flat, tubes, &Silent).is_err()));
    }
}
