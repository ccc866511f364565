use rayon::prelude::*;
use wilhelm_filters::{Prepared, prepare, prepare_volume};
use wilhelm_nets::{FusionModel, FusionPrediction};
use wilhelm_study::{QuantityKind, Series};

use crate::predict::unfit;
use crate::{Candidate, PipelineError};

/// An input of a case: what was read, and what its values are said to be where the file cannot say.
#[derive(Clone, Copy, Debug)]
pub struct CaseInput<'a> {
    /// The image.
    pub series: &'a Series,
    /// What someone who knows says its values are; what a file says of itself is not overruled.
    pub declared: Option<QuantityKind>,
}

/// What a model of several inputs makes of a case.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CaseReading {
    /// An input is refused, or one that is required is missing, or they lie on different grids: no network saw the case.
    Refused {
        /// Why, as a clause.
        reason: String,
    },
    /// The network saw it, and may abstain.
    Read(FusionPrediction),
}

/// Cases through a model of several inputs: cards, quality, grids, preparation, network, outlier detectors.
///
/// # Shapes
/// A case has an entry for each of the model's inputs, in the card's order.
///
/// # Errors
/// [`PipelineError::Model`] if the network fails; a case that it does not accept is no error.
pub fn predict_cases(
    model: &FusionModel,
    cases: &[Vec<Option<CaseInput<'_>>>],
) -> Result<Vec<CaseReading>, PipelineError> {
    let prepared: Vec<Result<Vec<Option<Prepared>>, String>> =
        cases.par_iter().map(|case| prepared(model, case)).collect();
    let accepted: Vec<Vec<Option<&Prepared>>> = prepared
        .iter()
        .filter_map(|case| case.as_ref().ok())
        .map(|case| case.iter().map(Option::as_ref).collect())
        .collect();
    let mut predictions = model.predict(&accepted)?.into_iter();
    let reading = |case: Result<Vec<Option<Prepared>>, String>| match case {
        Err(reason) => CaseReading::Refused { reason },
        Ok(_) => CaseReading::Read(predictions.next().expect("one prediction an accepted case")),
    };
    Ok(prepared.into_iter().map(reading).collect())
}

/// The inputs of a case on the network's grid, or why not.
fn prepared(model: &FusionModel, case: &[Option<CaseInput<'_>>]) -> Result<Vec<Option<Prepared>>, String> {
    let card = model.card();
    let mut first: Option<(&str, &Series)> = None;
    let mut all = Vec::with_capacity(case.len());
    for (place, (input, found)) in card.inputs.iter().zip(case).enumerate() {
        let Some(CaseInput { series, declared }) = found else {
            if input.required {
                return Err(format!("input {} is missing, and no case is read without it", input.key));
            }
            all.push(None);
            continue;
        };
        let fault = |what: String| format!("input {}: {what}", input.key);
        let slices = card.architecture.network.slices;
        let candidate = if slices > 1 { Candidate::of_volume(series) } else { Candidate::of_series(series) };
        let mut candidate = candidate.map_err(|error| fault(error.to_string()))?;
        if let Some(declared) = declared
            && candidate.facts.quantity == QuantityKind::Arbitrary
            && candidate.facts.modality.is_none()
        {
            candidate.facts.quantity = *declared;
        }
        if let Some(reason) = unfit(card.accepts(place, &candidate.facts), &candidate.quality) {
            return Err(fault(reason));
        }
        match first {
            None => first = Some((&input.key, series)),
            Some((key, other)) => {
                if let Some(what) = other.grid_differs(series) {
                    let remedy = match series.image.geometry() {
                        Some(_) => {
                            "bring it onto that grid first: `wilhelm register FIXED MOVING --out DIR` writes DIR/moved.nii.gz"
                        }
                        None => "pictures of a case have the same columns and rows",
                    };
                    return Err(fault(format!("{what} than input {key}: {remedy}")));
                }
            }
        }
        let fixed = input.bounds.map(|[low, high]| (low, high));
        let grid = match (slices, candidate.volume) {
            (1, _) | (_, None) => {
                prepare(candidate.plane, fixed.unwrap_or(candidate.bounds), &input.preparation)
            }
            (slices, Some(stack)) => {
                let bounds = fixed.unwrap_or(stack.bounds);
                prepare_volume(stack.values, stack.size, slices, bounds, &input.preparation)
            }
        };
        all.push(Some(grid.map_err(|error| fault(format!("it cannot be prepared: {error}")))?));
    }
    if first.is_none() {
        return Err(format!("it has none of the inputs {}", card.keys().join(", ")));
    }
    Ok(all)
}
