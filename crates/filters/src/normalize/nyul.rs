use rayon::prelude::*;
use wilhelm_study::Raster;

use super::{Unitless, check_length, finite_within, percentiles};
use crate::FilterError;

/// Percentiles that serve as landmarks: the ends and the deciles.
const PERCENTS: [f64; 11] = [1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0];
/// Where the 1st and the 99th percentile come to lie.
const STANDARD: (f64, f64) = (1.0, 100.0);

/// A standard scale of intensities, learned from a set of images: where each landmark percentile belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct NyulScale {
    standard: [f64; 11],
}

impl NyulScale {
    /// Percentiles that serve as landmarks, in percent.
    pub const PERCENTS: [f64; 11] = PERCENTS;

    /// A scale from its landmarks on the standard scale, such as [`Self::landmarks`] gave.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] unless they are finite and none is below the one before.
    pub fn new(standard: [f64; 11]) -> Result<Self, FilterError> {
        let ascending = standard.windows(2).all(|pair| pair[0] <= pair[1]);
        if ascending && standard.iter().all(|value| value.is_finite()) {
            return Ok(Self { standard });
        }
        Err(FilterError::parameter("landmarks", format!("{standard:?}"), "finite numbers in ascending order"))
    }

    /// Where each of [`Self::PERCENTS`] belongs, from 1 to 100.
    pub const fn landmarks(&self) -> [f64; 11] {
        self.standard
    }
}

/// Learns a standard scale from images of one kind (one body part, one MR sequence).
///
/// Each image's landmarks (1st percentile, deciles, 99th percentile of the finite values inside) are brought
/// linearly onto 1 to 100; the scale is their mean.
///
/// # Shapes
/// Each image with what counts as inside, one entry a value; `None` takes what is above 0.
///
/// # Errors
/// [`FilterError::TooFew`] without an image, or for one with fewer than two values inside;
/// [`FilterError::Constant`] for one whose 1st and 99th percentile are equal;
/// [`FilterError::Voxels`] for a mask that does not fit.
///
/// # Source
/// Nyul, Udupa 1999, doi:10.1002/(SICI)1522-2594(199912)42:6<1072::AID-MRM11>3.0.CO;2-M; landmarks as in
/// Nyul, Udupa, Zhang 2000, doi:10.1109/42.836373
pub fn nyul_train<R: Raster>(images: &[(&R, Option<&[bool]>)]) -> Result<NyulScale, FilterError> {
    if images.is_empty() {
        return Err(FilterError::TooFew { what: "the set of images", found: 0, expected: 1 });
    }
    let mut standard = [0.0; 11];
    for (image, inside) in images {
        let found = landmarks(*image, *inside)?;
        let scale = (STANDARD.1 - STANDARD.0) / (found[10] - found[0]);
        for (sum, landmark) in standard.iter_mut().zip(found) {
            *sum += STANDARD.0 + (landmark - found[0]) * scale;
        }
    }
    NyulScale::new(standard.map(|sum| sum / images.len() as f64))
}

/// Brings an image onto a standard scale: straight lines between its landmarks and the scale's, the outermost
/// carried on beyond them.
///
/// Landmarks that fall together (images of few levels) count once, at the middle of where they belong.
///
/// # Shapes
/// `inside` as in [`nyul_train`].
///
/// # Errors
/// As [`nyul_train`].
pub fn nyul_apply<R: Unitless>(
    image: &R,
    inside: Option<&[bool]>,
    scale: &NyulScale,
) -> Result<R::Output, FilterError> {
    let found = landmarks(image, inside)?;
    let mut knots: Vec<(f64, f64)> = Vec::new();
    let mut at = 0;
    while at < found.len() {
        let together = found[at..].iter().take_while(|landmark| **landmark == found[at]).count();
        let middle = (scale.standard[at] + scale.standard[at + together - 1]) / 2.0;
        knots.push((found[at], middle));
        at += together;
    }
    // At least two: the first and the last landmark differ.
    let lines: Vec<(f64, f64, f64)> = knots
        .windows(2)
        .map(|pair| (pair[0].0, pair[0].1, (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)))
        .collect();
    let onto = |value: &f32| {
        let value = f64::from(*value);
        let line = lines[1..].iter().take_while(|line| line.0 <= value).count();
        let (start, standard, slope) = lines[line];
        (standard + (value - start) * slope) as f32
    };
    Ok(image.without_unit(image.values().par_iter().map(onto).collect())?)
}

fn landmarks<R: Raster>(image: &R, inside: Option<&[bool]>) -> Result<[f64; 11], FilterError> {
    check_length(image, inside)?;
    let kept = match inside {
        Some(_) => finite_within(image.values(), inside),
        None => image.values().iter().copied().filter(|value| *value > 0.0 && value.is_finite()).collect(),
    };
    if kept.len() < 2 {
        return Err(FilterError::TooFew { what: "the inside of an image", found: kept.len(), expected: 2 });
    }
    let found: [f64; 11] = percentiles(kept, &PERCENTS).try_into().expect("one a percent");
    if found[0] >= found[10] {
        return Err(FilterError::Constant { value: found[0] as f32 });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection};

    fn flat(pixels: Vec<f32>) -> Projection<Arbitrary> {
        Projection::new(pixels.len(), 1, pixels, None).expect("fits")
    }

    #[test]
    fn images_that_differ_by_a_straight_line_come_out_alike() {
        let base: Vec<f32> = (1..=201).map(|at| (at * at) as f32).collect();
        let other: Vec<f32> = base.iter().map(|value| 7.0 * value + 300.0).collect();
        let (base, other) = (flat(base), flat(other));
        let scale = nyul_train(&[(&base, None), (&other, None)]).expect("a scale");
        assert_eq!((scale.landmarks()[0], scale.landmarks()[10]), (1.0, 100.0));
        let a = nyul_apply(&base, None, &scale).expect("applied");
        let b = nyul_apply(&other, None, &scale).expect("applied");
        assert!(a.pixels().iter().zip(b.pixels()).all(|(a, b)| (a - b).abs() < 1e-3));
        // The median (rank 100 of 0 to 200, 101 squared) is where the scale says.
        assert!((f64::from(a.pixels()[100]) - scale.landmarks()[5]).abs() < 1e-4);
    }

    #[test]
    fn an_image_of_few_levels_stays_in_order() {
        let steps = flat((0..100).map(|at| if at < 60 { 1.0 } else { 2.0 + (at / 90) as f32 }).collect());
        let scale = nyul_train(&[(&steps, None)]).expect("a scale");
        let found = nyul_apply(&steps, None, &scale).expect("applied");
        assert!(found.pixels().windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", found.pixels());
        assert!(found.pixels().iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_set_without_an_image_or_an_image_without_a_spread_is_refused() {
        assert!(nyul_train::<Projection<Arbitrary>>(&[]).is_err());
        assert!(matches!(nyul_train(&[(&flat(vec![4.0; 9]), None)]), Err(FilterError::Constant { .. })));
        assert!(matches!(nyul_train(&[(&flat(vec![-4.0; 9]), None)]), Err(FilterError::TooFew { .. })));
        assert!(NyulScale::new([f64::NAN; 11]).is_err());
    }
}
