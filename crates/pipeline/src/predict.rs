use rayon::prelude::*;
use wilhelm_filters::quality::{QualityCard, Severity, quality};
use wilhelm_filters::{
    IntensityBounds, Plane, Preparation, PrepareError, Prepared, intensity_bounds, prepare, prepare_volume,
    volume_bounds,
};
use wilhelm_nets::{
    AdoptedClassifier, Card, InputFacts, Model, ModelError, OnnxClassifier, Prediction, Refusal,
};
use wilhelm_study::{Image, Series};

use crate::PipelineError;

/// What one model makes of one image.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reading {
    /// The card or the quality card refuses it: no network saw it.
    Refused {
        /// Why, as a clause.
        reason: String,
    },
    /// The network saw it and lies too far from what it knows: its probabilities mean nothing.
    Abstained {
        /// Why, as a clause.
        reason: String,
        /// What the network said all the same.
        prediction: Prediction,
    },
    /// A prediction.
    Read {
        /// The prediction.
        prediction: Prediction,
        /// The network's input, for explanation.
        prepared: Prepared,
    },
}

/// What is known of a series before a network sees it.
///
/// A network for flat images is shown one frame of a cine.
pub fn facts(series: &Series) -> InputFacts {
    let [columns, rows, slices] = series.image.size();
    let slices = if let Image::Cine(_) = series.image { 1 } else { slices };
    InputFacts {
        modality: series.modality.clone(),
        body_part: series.body_part.clone(),
        view: series.view.clone(),
        quantity: series.image.quantity(),
        columns,
        rows,
        slices,
        color: series.color,
    }
}

/// The plane that stands for a series: a flat image itself, the middle slice of a volume, the middle
/// frame of a cine.
///
/// # Errors
/// [`PrepareError::Size`] for an image that contradicts its size.
pub fn representative_plane(series: &Series) -> Result<Plane<'_>, PrepareError> {
    let [columns, rows, slices] = series.image.size();
    let values = series.image.values();
    let middle = match &series.image {
        Image::Flat(_) => values,
        _ => values.chunks_exact(columns * rows).nth(slices / 2).unwrap_or(values),
    };
    Plane::new(middle, columns, rows)
}

/// Measures the quality of the plane that stands for a series, against the range its files can hold.
pub(crate) fn quality_of(plane: Plane<'_>, series: &Series) -> QualityCard {
    quality(plane.values(), plane.columns(), plane.rows(), series.stored_range)
}

/// The bounds that become black and white.
pub(crate) fn bounds(plane: Plane<'_>, series: &Series) -> IntensityBounds {
    intensity_bounds(plane.values(), series.stored_range, series.window)
}

/// Whether a model may be asked at all: by its card, then by the quality of the image.
pub fn refusal(card: &Card, facts: &InputFacts, quality: &QualityCard) -> Option<String> {
    unfit(card.accepts(facts), quality)
}

pub(crate) fn unfit(accepted: Result<(), Refusal>, quality: &QualityCard) -> Option<String> {
    if let Err(refusal) = accepted {
        return Some(format!("its {refusal}"));
    }
    quality
        .remarks
        .iter()
        .find(|remark| remark.severity == Severity::Unfit)
        .map(|remark| format!("it is not fit to be read: {}", remark.text))
}

/// One image on its way to a network.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// What is known of it.
    pub facts: InputFacts,
    /// Its pixels.
    pub plane: Plane<'a>,
    /// What becomes black and white.
    pub bounds: (f32, f32),
    /// Its quality card.
    pub quality: QualityCard,
    /// The whole volume, where it is one.
    pub volume: Option<Stack<'a>>,
}

/// The slices of a volume on its way to a network.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a> {
    /// Its values, columns fastest.
    pub values: &'a [f32],
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// What becomes black and white.
    pub bounds: (f32, f32),
}

impl<'a> Candidate<'a> {
    /// The plane that stands for a series, measured.
    ///
    /// # Errors
    /// [`PrepareError::Size`] for an image that contradicts its size.
    pub fn of_series(series: &'a Series) -> Result<Self, PrepareError> {
        let plane = representative_plane(series)?;
        let bounds = bounds(plane, series);
        Ok(Self {
            facts: facts(series),
            plane,
            bounds: (bounds.low, bounds.high),
            quality: quality_of(plane, series),
            volume: None,
        })
    }

    /// The same with the whole volume, for a model that reads volumes; a flat image and a cine have none.
    ///
    /// # Errors
    /// [`PrepareError::Size`] for an image that contradicts its size.
    pub fn of_volume(series: &'a Series) -> Result<Self, PrepareError> {
        let volume = (!matches!(series.image, Image::Flat(_) | Image::Cine(_))).then(|| {
            let values = series.image.values();
            let bounds = volume_bounds(values, series.stored_range, series.window);
            Stack { values, size: series.image.size(), bounds }
        });
        Ok(Self { volume, ..Self::of_series(series)? })
    }
}

/// Images through one model: card, quality, preparation, network, outlier detector.
///
/// # Errors
/// [`PipelineError::Model`] if the network fails; an image it does not accept is no error.
pub fn predict_planes(model: &Model, candidates: &[Candidate<'_>]) -> Result<Vec<Reading>, PipelineError> {
    let card = model.card();
    let prepared: Vec<Result<Prepared, String>> = candidates
        .par_iter()
        .map(|candidate| match refusal(card, &candidate.facts, &candidate.quality) {
            Some(reason) => Err(reason),
            None => prepared(candidate, card).map_err(|error| format!("it cannot be prepared: {error}")),
        })
        .collect();
    let accepted: Vec<&Prepared> = prepared.iter().filter_map(|prepared| prepared.as_ref().ok()).collect();
    let mut predictions = model.predict(&accepted)?.into_iter();
    Ok(prepared
        .into_iter()
        .map(|prepared| match prepared {
            Err(reason) => Reading::Refused { reason },
            Ok(prepared) => {
                let prediction = predictions.next().expect("one prediction an accepted image");
                if prediction.abstains {
                    Reading::Abstained { reason: too_far(card, &prediction), prediction }
                } else {
                    Reading::Read { prediction, prepared }
                }
            }
        })
        .collect())
}

/// What a classifier made by others makes of one image; it has no detector by which it could abstain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImportedReading {
    /// The card or the quality card refuses it: no network saw it.
    Refused {
        /// Why, as a clause.
        reason: String,
    },
    /// What the network gives.
    Read {
        /// A probability for each label, in the card's order, not calibrated here.
        probabilities: Vec<f64>,
    },
}

/// Images through a classifier made by others: card, quality, preparation, network.
///
/// # Errors
/// [`PipelineError::Model`] if the network fails; an image it does not accept is no error.
pub fn predict_imported(
    model: &OnnxClassifier,
    candidates: &[Candidate<'_>],
) -> Result<Vec<ImportedReading>, PipelineError> {
    let card = model.card();
    through(candidates, |facts| card.accepts(facts), &card.preparation, |images| model.predict(images))
}

/// Images through a classifier whose weights others trained: card, quality, preparation, network.
///
/// # Errors
/// [`PipelineError::Model`] if the network fails; an image it does not accept is no error.
pub fn predict_adopted(
    model: &AdoptedClassifier,
    candidates: &[Candidate<'_>],
) -> Result<Vec<ImportedReading>, PipelineError> {
    let card = model.card();
    through(candidates, |facts| card.accepts(facts), &card.preparation, |images| model.predict(images))
}

fn through(
    candidates: &[Candidate<'_>],
    accepts: impl Fn(&InputFacts) -> Result<(), Refusal> + Sync,
    recipe: &Preparation,
    predict: impl FnOnce(&[&Prepared]) -> Result<Vec<Vec<f64>>, ModelError>,
) -> Result<Vec<ImportedReading>, PipelineError> {
    let prepared: Vec<Result<Prepared, String>> = candidates
        .par_iter()
        .map(|candidate| match unfit(accepts(&candidate.facts), &candidate.quality) {
            Some(reason) => Err(reason),
            None => prepare(candidate.plane, candidate.bounds, recipe)
                .map_err(|error| format!("it cannot be prepared: {error}")),
        })
        .collect();
    let accepted: Vec<&Prepared> = prepared.iter().filter_map(|prepared| prepared.as_ref().ok()).collect();
    let mut rows = predict(&accepted)?.into_iter();
    Ok(prepared
        .into_iter()
        .map(|prepared| match prepared {
            Err(reason) => ImportedReading::Refused { reason },
            Ok(_) => {
                let probabilities = rows.next().expect("a row for each accepted image");
                ImportedReading::Read { probabilities }
            }
        })
        .collect())
}

/// An image or volume as a card's network takes it.
///
/// # Errors
/// [`PrepareError`] for an image that cannot be brought to the network's grid.
pub fn prepared(candidate: &Candidate<'_>, card: &Card) -> Result<Prepared, PrepareError> {
    match (card.architecture.slices, candidate.volume) {
        (1, _) | (_, None) => prepare(candidate.plane, candidate.bounds, &card.preparation),
        (slices, Some(stack)) => {
            prepare_volume(stack.values, stack.size, slices, stack.bounds, &card.preparation)
        }
    }
}

/// The outlier detector's verdict in words.
pub(crate) fn too_far(card: &Card, prediction: &Prediction) -> String {
    format!(
        "it lies too far from the images the model was trained on (outlier score {:.2}, threshold {:.2})",
        prediction.outlier_score, card.outlier.threshold
    )
}
