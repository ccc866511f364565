//! Numbers that tell images apart: a network's, the pixels themselves, and radiomics.

use std::collections::BTreeSet;

use rayon::prelude::*;
use wilhelm_filters::radiomics::{Discretization, Family, Radiomics, RadiomicsSettings, flat_radiomics};
use wilhelm_filters::{FilterError, Fit, Plane, Preparation, prepare};
use wilhelm_formats::Silent;
use wilhelm_nets::FrozenEncoder;
use wilhelm_study::{Arbitrary, FlatMask, Projection};

use crate::{Dataset, Division, LearnError, Recipe};

/// Side of the picture whose pixels are features.
const PIXELS: usize = 28;
/// Gray levels of the co-occurrence matrix.
pub(crate) const LEVELS: u16 = 32;

/// Feature vectors of all images of a data set, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// What their source is called.
    pub name: String,
    /// What it is.
    pub words: String,
    /// Whether the labels of these very images took part in making it.
    pub saw_labels: bool,
    /// One vector an image, all of one length.
    pub rows: Vec<Vec<f32>>,
}

/// How images are brought to a network that a division would train: by mean and deviation of its training pixels.
pub fn training_preparation(division: &Division<'_>) -> Preparation {
    crate::train::preparation(division.recipe, &division.data.examples, &division.split)
}

/// The feature vectors of a frozen network.
///
/// # Errors
/// [`LearnError::Few`] for a network that reads images of another size or fit than the recipe brings them to,
/// [`LearnError::Data`] for images whose pixels are no numbers.
pub fn encoder_features(
    encoder: &FrozenEncoder,
    recipe: &Recipe,
    data: &Dataset,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<Vec<f32>>, LearnError> {
    let (own, wanted) = (encoder.architecture(), &recipe.architecture);
    if (own.side, own.slices) != (wanted.side, wanted.slices) || encoder.preparation().fit != recipe.fit {
        let words = |side: usize, slices: usize, fit: Fit| {
            let fit = if fit == Fit::Stretch { "stretched" } else { "cut to a square" };
            let slices = if slices == 1 { String::new() } else { format!(" in {slices} slices") };
            format!("{side} x {side}{slices}, {fit}")
        };
        return Err(LearnError::Few(format!(
            "model {} reads images of {}; the recipe brings them to {}: name the recipe that the model was trained by, or one \
             of its size",
            encoder.name(),
            words(own.side, own.slices, encoder.preparation().fit),
            words(wanted.side, wanted.slices, recipe.fit),
        )));
    }
    data.check_finite()?;
    let images: Vec<&[f32]> = data.examples.iter().map(|example| example.pixels.as_slice()).collect();
    Ok(encoder.features(&images, |done| progress(done, images.len()))?)
}

/// The pixels themselves, brought to 28 x 28.
///
/// # Errors
/// [`LearnError::Few`] for volumes.
pub fn pixel_features(recipe: &Recipe, data: &Dataset) -> Result<Features, LearnError> {
    let side = flat_side(recipe, "pixels")?;
    data.check_finite()?;
    let preparation =
        Preparation { columns: PIXELS, rows: PIXELS, fit: Fit::Stretch, mean: 0.0, deviation: 1.0 };
    let rows = data
        .examples
        .par_iter()
        .map(|example| {
            let plane = Plane::new(&example.pixels, side, side)
                .and_then(|plane| prepare(plane, (0.0, 1.0), &preparation));
            plane
                .map(|prepared| prepared.pixels)
                .map_err(|error| LearnError::Data { place: example.place(), what: error.to_string() })
        })
        .collect::<Result<_, _>>()?;
    Ok(Features {
        name: "pixels".to_owned(),
        words: format!("gray values of the image at {PIXELS} x {PIXELS}; no network"),
        saw_labels: false,
        rows,
    })
}

/// First-order statistics and co-occurrence features of the whole image, as the network would see it.
///
/// # Errors
/// [`LearnError::Few`] for volumes.
pub fn radiomic_features(
    recipe: &Recipe,
    data: &Dataset,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Features, LearnError> {
    let side = flat_side(recipe, "radiomics")?;
    data.check_finite()?;
    let settings = RadiomicsSettings {
        families: BTreeSet::from([Family::FirstOrder, Family::Glcm]),
        discretization: Discretization::Count(LEVELS),
        ..RadiomicsSettings::default()
    };
    let whole = FlatMask::new(side, side, vec![true; side * side], None);
    let whole = whole.map_err(|error| LearnError::Few(error.to_string()))?;
    let rows = measured(data, progress, |pixels| {
        let image = Projection::<Arbitrary>::new(side, side, pixels.to_vec(), None)?;
        Ok(values(&flat_radiomics(&image, &whole, &settings, &Silent)?))
    })?;
    Ok(Features {
        name: "radiomics".to_owned(),
        words: format!(
            "first-order and co-occurrence features (IBSI) of the whole image at {side} x {side}, {LEVELS} gray levels; no \
             network"
        ),
        saw_labels: false,
        rows,
    })
}

/// What is measured of each image, without the features that some image does not have (TotalEnergy without a thickness).
pub(crate) fn measured(
    data: &Dataset,
    progress: &(dyn Fn(usize, usize) + Sync),
    measure: impl Fn(&[f32]) -> Result<Vec<Option<f64>>, FilterError> + Sync,
) -> Result<Vec<Vec<f32>>, LearnError> {
    let done = std::sync::atomic::AtomicUsize::new(0);
    let found = data
        .examples
        .par_iter()
        .map(|example| {
            let found = measure(&example.pixels);
            let at = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            progress(at, data.examples.len());
            found.map_err(|error| LearnError::Data { place: example.place(), what: error.to_string() })
        })
        .collect::<Result<Vec<Vec<Option<f64>>>, LearnError>>()?;
    let count = found.first().map_or(0, Vec::len);
    let kept: Vec<usize> =
        (0..count).filter(|at| found.iter().all(|row| row[*at].is_some_and(f64::is_finite))).collect();
    let row = |row: &Vec<Option<f64>>| -> Vec<f32> {
        kept.iter().filter_map(|at| row[*at]).map(|value| value as f32).collect()
    };
    Ok(found.iter().map(row).collect())
}

/// The values of features, in their order.
pub(crate) fn values(found: &Radiomics) -> Vec<Option<f64>> {
    found.features.iter().map(|feature| feature.value).collect()
}

fn flat_side(recipe: &Recipe, what: &str) -> Result<usize, LearnError> {
    match recipe.architecture.slices {
        1 => Ok(recipe.architecture.side),
        slices => Err(LearnError::Few(format!(
            "{what} as features are for flat images, the recipe has {slices} slices"
        ))),
    }
}

/// Features with mean 0 and deviation 1 over the training side; those that never vary there are left out.
pub(crate) struct Standardized {
    pub width: usize,
    /// A row after another, one an image.
    pub values: Vec<f64>,
}

impl Standardized {
    pub fn new(features: &Features, data: &Dataset, training: &[usize]) -> Result<Self, LearnError> {
        let Features { name, rows, .. } = features;
        let width = rows.first().map_or(0, Vec::len);
        if rows.len() != data.examples.len() || rows.iter().any(|row| row.len() != width) {
            return Err(LearnError::Few(format!(
                "the features of {name} are those of {} images of one length, expected {}",
                rows.len(),
                data.examples.len()
            )));
        }
        if let Some(place) = rows.iter().position(|row| row.iter().any(|value| !value.is_finite())) {
            return Err(LearnError::Data {
                place: data.examples[place].place(),
                what: format!("its features by {name} are no finite numbers: mend the image or take it out"),
            });
        }
        let count = training.len().max(1) as f64;
        let of = |column: usize| training.iter().map(move |place| f64::from(rows[*place][column]));
        let scales: Vec<(usize, f64, f64)> = (0..width)
            .filter_map(|column| {
                let mean = of(column).sum::<f64>() / count;
                let deviation = (of(column).map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
                (deviation > 1e-6 * mean.abs().max(1e-6)).then_some((column, mean, deviation))
            })
            .collect();
        if scales.is_empty() {
            return Err(LearnError::Few(format!(
                "the features of {name} are the same for all training images: nothing can be told apart by them"
            )));
        }
        let standardize = |row: &Vec<f32>| -> Vec<f64> {
            scales
                .iter()
                .map(|(column, mean, deviation)| (f64::from(row[*column]) - mean) / deviation)
                .collect()
        };
        Ok(Self { width: scales.len(), values: rows.iter().flat_map(standardize).collect() })
    }

    pub fn row(&self, place: usize) -> &[f64] {
        &self.values[place * self.width..][..self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tests::{example, recipe};

    fn data(count: usize) -> Dataset {
        Dataset {
            examples: (0..count).map(|place| example(place, place % 2)).collect(),
            sha256: String::new(),
        }
    }

    fn features(rows: &[&[f32]]) -> Features {
        let rows = rows.iter().map(|row| row.to_vec()).collect();
        Features { name: "f".to_owned(), words: String::new(), saw_labels: false, rows }
    }

    #[test]
    fn features_are_scaled_by_the_training_side_alone_and_constants_left_out() {
        let features = features(&[&[1.0, 5.0], &[3.0, 5.0], &[100.0, 7.0]]);
        let found = Standardized::new(&features, &data(3), &[0, 1]).expect("scaled");
        // Mean 2 and deviation 1 over the first two; the second column varies only where it must not count.
        assert_eq!((found.width, found.values.as_slice()), (1, &[-1.0, 1.0, 98.0][..]));
    }

    #[test]
    fn features_that_are_no_numbers_or_tell_nothing_are_refused_by_the_image_or_the_source() {
        let said = |rows: &[&[f32]]| match Standardized::new(&features(rows), &data(2), &[0, 1]) {
            Ok(_) => panic!("{rows:?} were taken"),
            Err(error) => error.to_string(),
        };
        let spoiled = said(&[&[1.0], &[f32::NAN]]);
        assert!(spoiled.contains("1.png (line 3)") && spoiled.contains("no finite numbers"), "{spoiled}");
        assert!(said(&[&[1.0], &[1.0]]).contains("the same for all training images"));
        assert!(said(&[&[1.0]]).contains("1 images"));
        assert!(said(&[&[1.0], &[1.0, 2.0]]).contains("of one length"));
    }

    #[test]
    fn a_network_of_another_size_and_images_of_no_numbers_are_refused() {
        let recipe = recipe(&[("\nside = 28", "\nside = 4")]);
        let preparation =
            |side: usize, fit: Fit| Preparation { columns: side, rows: side, fit, mean: 0.5, deviation: 0.2 };
        let of = |side: usize, fit: Fit, data: &Dataset| {
            let architecture = wilhelm_nets::arch::ClassifierConfig { side, ..recipe.architecture.clone() };
            let encoder = FrozenEncoder::random(&architecture, preparation(side, fit), 1);
            encoder_features(&encoder, &recipe, data, &|_, _| ())
        };
        let found = of(4, recipe.fit, &data(3)).expect("features");
        assert_eq!((found.len(), found[0].len()), (3, 1000));
        let said = of(8, recipe.fit, &data(3)).expect_err("another size").to_string();
        assert!(said.contains("reads images of 8 x 8") && said.contains("brings them to 4 x 4"), "{said}");
        assert!(of(4, Fit::Stretch, &data(3)).is_err(), "another fit");
        let mut spoiled = data(3);
        spoiled.examples[2].pixels[5] = f32::NAN;
        let said = of(4, recipe.fit, &spoiled).expect_err("no numbers").to_string();
        assert!(said.contains("2.png (line 4)"), "{said}");
        assert!(pixel_features(&recipe, &spoiled).is_err());
        assert!(radiomic_features(&recipe, &spoiled, &|_, _| ()).is_err());
    }

    #[test]
    fn pixels_and_radiomics_are_those_of_the_whole_image() {
        let recipe = recipe(&[("\nside = 28", "\nside = 4")]);
        let mut data = data(2);
        for example in &mut data.examples {
            example.pixels.iter_mut().for_each(|pixel| *pixel /= 255.0);
        }
        let pixels = pixel_features(&recipe, &data).expect("pixels");
        assert_eq!((pixels.rows.len(), pixels.rows[0].len()), (2, 28 * 28));
        let radiomics = radiomic_features(&recipe, &data, &|_, _| ()).expect("radiomics");
        let mean = data.examples[0].pixels.iter().sum::<f32>() / 16.0;
        assert!(
            radiomics.rows[0].len() > 30 && radiomics.rows[0].iter().any(|value| (value - mean).abs() < 1e-5)
        );
        let volume = crate::dataset::tests::recipe(&[("\nside = 28", "\nside = 28\nslices = 3")]);
        assert!(pixel_features(&volume, &data).expect_err("volumes").to_string().contains("3 slices"));
    }
}
