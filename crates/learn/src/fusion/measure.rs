use wilhelm_nets::arch::{Classifier, Fusion};
use wilhelm_nets::{Calibration, InputBaseline, Stack, SubsetCard, Validation, subsets};
use wilhelm_stats::{Rows, fit_softmax_regression, softmax};

use super::lessons::Cases;
use super::train::FittedFusion;
use super::{FusionData, FusionRecipe};
use crate::evaluate::{calibrate, crossed, measure, parts};
use crate::relations::groups;
use crate::train::pass;
use crate::{LearnError, Recipe, Split, folds_by_group};

/// Parts into which the validation cases are cut for a stack: each is measured by the stack of the others.
const STACK_FOLDS: usize = 5;
/// How freely a stack's weights may grow, as scikit-learn's `C`.
const STACK_STRENGTH: f64 = 1.0;

/// What a network says of the validation cases that have some inputs, the others hidden.
#[derive(Clone, Debug)]
pub struct SubsetFigures {
    /// Which inputs.
    pub inputs: Vec<bool>,
    /// The cases, by their places in the data.
    pub places: Vec<usize>,
    /// A number for each label and case; of late fusion by a stack that had not seen the case.
    pub logits: Vec<Vec<f64>>,
    /// What makes logits of the networks' outputs, of late fusion.
    pub stack: Option<Stack>,
    /// From logits to probabilities, or why there is none.
    pub calibration: Result<Calibration, String>,
    /// Of each case by a calibration on other cases, without a calibration those of the logits themselves.
    pub probabilities: Vec<Vec<f64>>,
    /// Its figures, where they have a value.
    pub figures: Option<Validation>,
}

/// What a network of several inputs says of the validation cases.
#[derive(Clone, Debug)]
pub struct FusionFigures {
    /// Every subset of the inputs, fewest first.
    pub subsets: Vec<SubsetFigures>,
    /// Networks of one input alone.
    pub baselines: Vec<InputBaseline>,
}

/// What is said of the validation cases, each with the inputs that it has.
pub(super) struct AsTheyCome {
    pub figures: Validation,
    /// The cases, by their places in the data: those of whose inputs the network says something.
    pub places: Vec<usize>,
    /// One number a label.
    pub logits: Vec<Vec<f64>>,
}

impl SubsetFigures {
    /// As it stands on a card.
    pub(super) fn card(self, recipe: &FusionRecipe) -> SubsetCard {
        let figures = self.figures.as_ref();
        SubsetCard {
            inputs: recipe.keys_of(&self.inputs),
            cases: self.places.len(),
            macro_auc: figures.map(|figures| figures.macro_auc),
            accuracy: figures.map(|figures| figures.accuracy),
            nothing: self.calibration.as_ref().err().cloned(),
            stack: self.stack.filter(|_| self.calibration.is_ok()),
            calibration: self.calibration.ok(),
        }
    }
}

impl FusionFigures {
    /// The subset with just these inputs.
    pub fn subset(&self, inputs: &[bool]) -> Option<&SubsetFigures> {
        self.subsets.iter().find(|subset| subset.inputs == inputs)
    }

    /// Places and logits of the validation cases, each with the inputs that it has, of which anything is said.
    pub(super) fn outputs(
        &self,
        fusion: Fusion,
        data: &FusionData,
        split: &Split,
    ) -> (Vec<usize>, Vec<Vec<f64>>) {
        let said = |place: &usize| {
            let subset = self.subset(&data.present[*place])?;
            // Without a stack there is nothing that late fusion's networks say together.
            let stacked = fusion != Fusion::Late || subset.stack.is_some();
            let at = subset.places.binary_search(place).ok().filter(|_| stacked)?;
            Some((*place, subset.logits[at].clone()))
        };
        split.validation.iter().filter_map(said).unzip()
    }

    /// The figures of the validation cases, each with the inputs that it has.
    ///
    /// # Errors
    /// [`LearnError::NoSignal`] if the network says nothing of any of them, [`LearnError::Stats`] where a figure is not
    /// defined.
    pub(super) fn as_they_come(
        &self,
        recipe: &Recipe,
        data: &FusionData,
        split: &Split,
        words: &str,
        command: &str,
    ) -> Result<AsTheyCome, LearnError> {
        let (mut places, mut probabilities, mut logits) = (Vec::new(), Vec::new(), Vec::new());
        for place in &split.validation {
            let Some(subset) = self.subset(&data.present[*place]) else { continue };
            let (Ok(_), Ok(at)) = (&subset.calibration, subset.places.binary_search(place)) else {
                continue;
            };
            places.push(*place);
            probabilities.push(subset.probabilities[at].clone());
            logits.push(subset.logits[at].clone());
        }
        if places.is_empty() {
            return Err(LearnError::NoSignal { slope: 0.0 });
        }
        let left = split.validation.len() - places.len();
        let left = if left > 0 {
            format!("; {left} cases, of whose inputs the model says nothing, left out")
        } else {
            String::new()
        };
        let labels: Vec<usize> = places.iter().map(|place| data.data.examples[*place].label).collect();
        let patients: Option<Vec<usize>> =
            places.iter().map(|place| data.data.examples[*place].patient).collect();
        let words = format!("{words}{left}");
        let patients = patients.as_deref();
        let figures = measure(recipe, &probabilities, &labels, patients, words, command.to_owned())?;
        Ok(AsTheyCome { figures, places, logits })
    }
}

/// Measures a fitted network on every subset of the inputs.
pub(super) fn figures(fitted: &FittedFusion, cases: &Cases<'_>) -> Result<FusionFigures, LearnError> {
    let recipe = cases.recipe;
    let members = fitted
        .members
        .iter()
        .enumerate()
        .map(|(input, network)| Member::new(network, input, fitted, cases))
        .collect::<Result<Vec<_>, _>>()?;
    let subsets = subsets(&recipe.required())
        .into_iter()
        .map(|inputs| match recipe.fusion {
            Fusion::Late => stacked(inputs, &members, cases),
            Fusion::Early | Fusion::Intermediate => {
                let places = cases.data.having(&cases.split.validation, &inputs);
                let present = vec![inputs.clone(); places.len()];
                let logits = cases.outputs(&fitted.network, &places, &present, recipe.recipe.mirror)?;
                Ok(measured(inputs, places, logits, None, cases))
            }
        })
        .collect::<Result<Vec<_>, LearnError>>()?;
    let baselines = members.into_iter().enumerate().map(|(input, member)| {
        let inputs = (0..recipe.inputs.len()).map(|other| other == input).collect();
        let alone = measured(inputs, member.places, member.logits, None, cases);
        InputBaseline {
            input: recipe.inputs[input].key.clone(),
            cases: alone.places.len(),
            macro_auc: alone.figures.as_ref().map(|figures| figures.macro_auc),
            accuracy: alone.figures.as_ref().map(|figures| figures.accuracy),
        }
    });
    Ok(FusionFigures { baselines: baselines.collect(), subsets })
}

/// What the network of one input says of the validation cases that have it.
struct Member {
    places: Vec<usize>,
    logits: Vec<Vec<f64>>,
}

impl Member {
    fn new(
        network: &Classifier,
        input: usize,
        fitted: &FittedFusion,
        cases: &Cases<'_>,
    ) -> Result<Self, LearnError> {
        let alone: Vec<bool> = (0..cases.recipe.inputs.len()).map(|other| other == input).collect();
        let places = cases.data.having(&cases.split.validation, &alone);
        let examples = cases.data.alone(input, cases.recipe);
        let preparation = &fitted.preparations[input];
        let logits = pass(network, &examples, &places, preparation, cases.recipe.recipe.mirror)?.logits;
        Ok(Self { places, logits })
    }
}

/// The stack of these inputs' networks, fitted on the validation cases that have them all; each case is measured by a
/// stack of other cases, copies and patients kept together.
///
/// # Source
/// Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1; a model for each set of inputs that is there after
/// Saar-Tsechansky and Provost 2007, JMLR 8:1623-1657
fn stacked(inputs: Vec<bool>, members: &[Member], cases: &Cases<'_>) -> Result<SubsetFigures, LearnError> {
    let classes = cases.recipe.recipe.labels.len();
    let places = cases.data.having(&cases.split.validation, &inputs);
    let outputs = |place: &usize| -> Vec<f64> {
        let of = members.iter().zip(&inputs).filter(|(_, there)| **there).map(|(member, _)| {
            let at = member.places.binary_search(place).expect("the case has the input");
            member.logits[at].as_slice()
        });
        Stack::centered(&of.collect::<Vec<_>>().concat(), classes)
    };
    let features: Vec<Vec<f64>> = places.iter().map(outputs).collect();
    let labels: Vec<usize> = places.iter().map(|place| cases.data.data.examples[*place].label).collect();
    let fit = |of: &mut dyn Iterator<Item = usize>| -> Result<Stack, LearnError> {
        let of: Vec<usize> = of.collect();
        let flat: Vec<f64> = of.iter().flat_map(|case| features[*case].iter().copied()).collect();
        let labels: Vec<usize> = of.iter().map(|case| labels[*case]).collect();
        let columns = features.first().map_or(1, Vec::len);
        let fitted = fit_softmax_regression(Rows::new(&flat, columns)?, &labels, classes, STACK_STRENGTH)?;
        let (mut weights, mut intercepts) = (fitted.weights().to_vec(), fitted.intercepts().to_vec());
        if intercepts.len() < classes {
            // Of two labels the first has 0.
            weights.splice(0..0, vec![0.0; columns]);
            intercepts.insert(0, 0.0);
        }
        Ok(Stack { weights, intercepts })
    };
    let groups = groups_of(&places, cases);
    let folds = folds_by_group(&groups, &labels, STACK_FOLDS, cases.recipe.recipe.split_seed());
    let mut logits = vec![vec![0.0; classes]; places.len()];
    let mut crossed = || -> Result<Stack, LearnError> {
        for fold in 1..=STACK_FOLDS {
            let stack = fit(&mut (0..places.len()).filter(|case| folds[*case] != fold))?;
            for case in (0..places.len()).filter(|case| folds[*case] == fold) {
                logits[case] = stack.logits(&features[case]);
            }
        }
        fit(&mut (0..places.len()))
    };
    match crossed() {
        Ok(stack) => Ok(measured(inputs, places, logits, Some(stack), cases)),
        Err(LearnError::Stats(error)) => {
            let calibration = Err(format!("its stack cannot be fitted: {error}"));
            let probabilities = logits.iter().map(|row| softmax(row, 1.0)).collect();
            Ok(SubsetFigures {
                inputs,
                places,
                logits,
                stack: None,
                calibration,
                probabilities,
                figures: None,
            })
        }
        Err(error) => Err(error),
    }
}

/// Calibrates and measures logits.
fn measured(
    inputs: Vec<bool>,
    places: Vec<usize>,
    logits: Vec<Vec<f64>>,
    stack: Option<Stack>,
    cases: &Cases<'_>,
) -> SubsetFigures {
    let recipe = &cases.recipe.recipe;
    let examples = &cases.data.data.examples;
    let labels: Vec<usize> = places.iter().map(|place| examples[*place].label).collect();
    let without = (0..recipe.labels.len()).find(|label| !labels.contains(label));
    let calibration = match without {
        Some(label) => {
            Err(format!("no validation case of label {} has these inputs", recipe.labels[label].key))
        }
        None => calibrate(&logits, &labels).map_err(|error| match error {
            LearnError::NoSignal { slope } => {
                format!("its outputs say nothing that holds on validation (calibration slope {slope:.3})")
            }
            other => other.to_string(),
        }),
    };
    let patients: Option<Vec<usize>> = places.iter().map(|place| examples[*place].patient).collect();
    let probabilities = match calibration {
        Ok(_) => crossed(&logits, &labels, &parts(&groups_of(&places, cases), &labels, recipe.split_seed())),
        Err(_) => logits.iter().map(|row| softmax(row, 1.0)).collect(),
    };
    // A figure that has no value for these cases is left out.
    let patients = patients.as_deref();
    let figures = measure(recipe, &probabilities, &labels, patients, String::new(), String::new()).ok();
    SubsetFigures { inputs, places, logits, stack, calibration, probabilities, figures }
}

/// The group of each case: copies and cases of one patient.
fn groups_of(places: &[usize], cases: &Cases<'_>) -> Vec<usize> {
    let groups = groups(&cases.data.data.examples, &cases.data.copies);
    places.iter().map(|place| groups[*place]).collect()
}
