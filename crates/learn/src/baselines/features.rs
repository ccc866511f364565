//! What baselines look at: small pictures, and radiomics of the whole image.

use std::path::Path;

use wilhelm_filters::radiomics::{Discretization, Family, RadiomicsSettings, flat_radiomics, radiomics};
use wilhelm_filters::{FilterError, Fit, Preparation, prepare_volume};
use wilhelm_formats::Silent;
use wilhelm_study::{Arbitrary, FlatMask, Geometry, Mask, Mm, PixelSpacing, Projection, Spacing, Volume};

use crate::fewshot::{Features, LEVELS, cached, measured, values};
use crate::hash::sha256;
use crate::{Dataset, LearnError, Recipe};

/// Most columns, rows and slices of a small picture.
const SIDE: usize = 28;
/// How far a value of a mask may be from 0 and 1.
const MASK: f32 = 1e-3;

/// Small pictures of all images, with what their comparison needs.
pub(super) struct SmallPictures {
    /// What they are.
    pub words: String,
    rows: Vec<Vec<f32>>,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl SmallPictures {
    pub fn new(words: String, rows: Vec<Vec<f32>>) -> Self {
        let means = rows.iter().map(|row| row.iter().copied().map(f64::from).sum::<f64>() / row.len() as f64);
        let squares = rows.iter().map(|row| product(row, row));
        Self { words, means: means.collect(), squares: squares.collect(), rows }
    }

    /// Sum of the products of two pictures' values.
    pub fn product(&self, one: usize, other: usize) -> f64 {
        product(&self.rows[one], &self.rows[other])
    }

    /// Squared distance of two pictures whose product is known.
    pub fn squared_distance(&self, one: usize, other: usize, product: f64) -> f64 {
        self.squares[one] + self.squares[other] - 2.0 * product
    }

    /// Correlation of two pictures whose product is known; 0 where one of them does not vary.
    pub fn correlation(&self, one: usize, other: usize, product: f64) -> f64 {
        let count = self.rows[one].len() as f64;
        let variance = |of: usize| (self.squares[of] / count - self.means[of] * self.means[of]).max(0.0);
        let spread = (variance(one) * variance(other)).sqrt();
        if spread > 1e-12 { (product / count - self.means[one] * self.means[other]) / spread } else { 0.0 }
    }
}

fn product(one: &[f32], other: &[f32]) -> f64 {
    // Eight sums side by side, which the processor adds up at once.
    let ((ones, rest), (others, last)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let mut lanes = [0.0_f64; 8];
    for (one, other) in ones.iter().zip(others) {
        lanes.iter_mut().zip(one.iter().zip(other)).for_each(|(sum, (a, b))| *sum += f64::from(*a * *b));
    }
    let tail: f64 = rest.iter().zip(last).map(|(a, b)| f64::from(*a * *b)).sum();
    lanes.iter().sum::<f64>() + tail
}

/// All images at no more than 28 x 28 pixels, in no more than 28 slices.
pub(super) fn small_pictures(recipe: &Recipe, data: &Dataset) -> Result<SmallPictures, LearnError> {
    let (side, slices) = (recipe.architecture.side, recipe.architecture.slices);
    let (small, few) = (side.min(SIDE), slices.min(SIDE));
    let preparation =
        Preparation { columns: small, rows: small, fit: Fit::Stretch, mean: 0.0, deviation: 1.0 };
    let rows = data
        .examples
        .iter()
        .map(|example| {
            let found = prepare_volume(&example.pixels, [side, side, slices], few, (0.0, 1.0), &preparation);
            found
                .map(|prepared| prepared.pixels)
                .map_err(|error| LearnError::Data { place: example.place(), what: error.to_string() })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let words = if slices == 1 {
        format!("pictures of {small} x {small} pixels")
    } else {
        format!("volumes of {small} x {small} x {few} voxels")
    };
    Ok(SmallPictures::new(words, rows))
}

/// First-order and texture features of the whole image as the network would see it, and the shape of what lies inside where
/// all images are masks.
pub(super) fn whole_radiomics(
    recipe: &Recipe,
    data: &Dataset,
    cache: Option<&Path>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Features, LearnError> {
    let masks = data.examples.iter().all(|example| is_mask(&example.pixels));
    let (side, slices) = (recipe.architecture.side, recipe.architecture.slices);
    let size = if slices == 1 { format!("{side} x {side}") } else { format!("{side} x {side} x {slices}") };
    let shape = if masks { ", and of the shape inside the mask" } else { "" };
    let words = format!(
        "features (IBSI: first order, GLCM, GLRLM, GLSZM, GLDM, NGTDM) of the whole image at {size}, {LEVELS} gray \
         levels{shape}"
    );
    let compute = || {
        measured(data, progress, |pixels| {
            if slices == 1 { flat(pixels, side, masks) } else { deep(pixels, [side, side, slices], masks) }
        })
    };
    let name = "radiomics-baseline";
    let key = sha256(format!("{words} {} {}", data.sha256, env!("CARGO_PKG_VERSION")).as_bytes());
    let rows = match cache {
        Some(folder) => cached(folder, name, &key, recipe, data, compute)?,
        None => compute()?,
    };
    Ok(Features { name: name.to_owned(), words, saw_labels: false, rows })
}

/// Whether an image is black and white, with something of each.
fn is_mask(pixels: &[f32]) -> bool {
    let near = |level: f32| move |pixel: &f32| (pixel - level).abs() <= MASK;
    pixels.iter().all(|pixel| near(0.0)(pixel) || near(1.0)(pixel))
        && pixels.iter().any(near(0.0))
        && pixels.iter().any(near(1.0))
}

fn settings(families: impl IntoIterator<Item = Family>) -> RadiomicsSettings {
    RadiomicsSettings {
        families: families.into_iter().collect(),
        discretization: Discretization::Count(LEVELS),
        ..RadiomicsSettings::default()
    }
}

/// Families that need no mask.
const WHOLE: [Family; 6] =
    [Family::FirstOrder, Family::Glcm, Family::Glrlm, Family::Glszm, Family::Gldm, Family::Ngtdm];

fn flat(pixels: &[f32], side: usize, mask: bool) -> Result<Vec<Option<f64>>, FilterError> {
    let spacing = Some(PixelSpacing { between_columns: Mm(1.0), between_rows: Mm(1.0) });
    let image = Projection::<Arbitrary>::new(side, side, pixels.to_vec(), spacing)?;
    let whole = FlatMask::new(side, side, vec![true; pixels.len()], spacing)?;
    let mut found = values(&flat_radiomics(&image, &whole, &settings(WHOLE), &Silent)?);
    if mask {
        let inside = FlatMask::new(side, side, pixels.iter().map(|pixel| *pixel > 0.5).collect(), spacing)?;
        found.extend(values(&flat_radiomics(&image, &inside, &settings([Family::Shape2d]), &Silent)?));
    }
    Ok(found)
}

fn deep(pixels: &[f32], size: [usize; 3], mask: bool) -> Result<Vec<Option<f64>>, FilterError> {
    let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("1 mm is a spacing");
    let grid = Geometry::axis_aligned(size, spacing).map_err(|_| FilterError::Spacing)?;
    let image = Volume::<Arbitrary>::new(grid, pixels.to_vec())?;
    let whole = Mask::none(grid).complement();
    let mut found = values(&radiomics(&image, &whole, &settings(WHOLE), &Silent)?);
    if mask {
        let inside = Mask::new(grid, pixels.iter().map(|pixel| *pixel > 0.5).collect())?;
        found.extend(values(&radiomics(&image, &inside, &settings([Family::Shape]), &Silent)?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_and_correlations_worked_on_paper() {
        // (0, 1, 2) and (1, 3, 2): 1 + 4 + 0; covariance 1/3 over variances of 2/3 each.
        let pictures = SmallPictures::new(String::new(), vec![vec![0.0, 1.0, 2.0], vec![1.0, 3.0, 2.0]]);
        let product = pictures.product(0, 1);
        assert_eq!((product, pictures.squared_distance(0, 1, product)), (7.0, 5.0));
        assert!((pictures.correlation(0, 1, product) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_shape_is_measured_of_masks_alone() {
        assert!(is_mask(&[0.0, 1.0, 0.9995]) && !is_mask(&[0.0, 0.5, 1.0]));
        assert!(!is_mask(&[1.0, 1.0]), "nothing has a border");
        // A box of 3 x 2 x 2 voxels in 6 x 6 x 4, 12 mm3.
        let inside = |at: usize| {
            (1..4).contains(&(at % 6)) && (2..4).contains(&(at / 6 % 6)) && (1..3).contains(&(at / 36))
        };
        let pixels: Vec<f32> = (0..144).map(|at| f32::from(u8::from(inside(at)))).collect();
        let (with, without) = (deep(&pixels, [6, 6, 4], true), deep(&pixels, [6, 6, 4], false));
        let (with, without) = (with.expect("measured"), without.expect("measured"));
        assert!(with[without.len()..].contains(&Some(12.0)), "{:?}", &with[without.len()..]);
        let (with, without) = (flat(&pixels[36..72], 6, true), flat(&pixels[36..72], 6, false));
        let (with, without) = (with.expect("measured"), without.expect("measured"));
        assert!(with[without.len()..].contains(&Some(6.0)), "{:?}", &with[without.len()..]);
    }
}
