use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use burn_store::{ModuleSnapshot, SafetensorsStore};
use wilhelm_filters::Preparation;
use wilhelm_nets::arch::{Classifier, FusedClassifier, Fusion};
use wilhelm_nets::{FusionCard, InputCard, OutlierCard, Training};

use super::lessons::Cases;
use super::measure::{AsTheyCome, figures};
use super::{FusionData, FusionFigures, FusionMetrics, FusionRecipe};
use crate::evaluate::CROSSED;
use crate::fit::drawn;
use crate::hash::sha256;
use crate::recorder::recorded;
use crate::split::divide_with;
use crate::train::{Pictures, class_weights, fit_outliers, held_out, preparation};
use crate::{Division, HeldOut, Keep, Keeping, LearnError, Recipe, Run, Split, TrainProgress};

/// The folders of a run: that of the network of all inputs, and below it one of each network of one input.
#[derive(Debug)]
pub struct FusionRuns {
    main: Run,
    members: Vec<Run>,
}

impl FusionRuns {
    /// Opens a run's folder, or makes it, as [`Run::open`] does.
    ///
    /// # Errors
    /// [`LearnError::Run`].
    pub fn open(
        folder: &Path,
        (recipe, text): (&FusionRecipe, &str),
        data_sha256: &str,
        keeping: &Keeping,
    ) -> Result<Self, LearnError> {
        let main = Run::open(folder, text, data_sha256, keeping)?;
        let member = |key: &&str| {
            let folder = folder.join(format!("alone-{key}"));
            Run::open(&folder, text, data_sha256, &keeping.within(&folder))
        };
        let keys = if recipe.has_members() { recipe.keys() } else { Vec::new() };
        Ok(Self { main, members: keys.iter().map(member).collect::<Result<_, _>>()? })
    }

    /// Writes what came out, and removes the checkpoints: the run is over.
    ///
    /// # Errors
    /// [`LearnError::Run`].
    pub fn finish(self, trained: &FusionTrained) -> Result<(), LearnError> {
        self.main.finish(&FusionMetrics::of(trained))?;
        for (run, baseline) in self.members.into_iter().zip(&trained.card.baselines) {
            run.finish(baseline)?;
        }
        Ok(())
    }
}

/// Networks as training left them.
#[derive(Debug)]
pub struct FittedFusion {
    /// The network of all inputs.
    pub network: FusedClassifier,
    /// How each input is normalized.
    pub preparations: Vec<Preparation>,
    /// Networks of one input alone, or none.
    pub members: Vec<Classifier>,
    /// The pass that the weights are from; of late fusion each network has its own.
    pub epoch: Option<usize>,
    /// Seconds of training of all networks.
    pub seconds: f64,
    /// What they say of the validation cases.
    pub figures: FusionFigures,
}

/// What training a classifier of several inputs gives.
#[derive(Clone, Debug)]
pub struct FusionTrained {
    /// The card, with hashes and figures.
    pub card: FusionCard,
    /// `weights.safetensors`
    pub weights: Vec<u8>,
    /// One an input.
    pub detectors: Vec<Vec<u8>>,
    /// The validation cases and the logits of each with the inputs that it has.
    pub held_out: HeldOut,
    /// Numbers in the network.
    pub parameters: usize,
    /// The pass that the weights are from; of late fusion each network has its own.
    pub epoch: Option<usize>,
    /// Seconds of training of all networks.
    pub seconds: f64,
}

/// Splits the cases as the recipe says: cases of which an input shows the same, and cases of one patient, stay on one
/// side.
///
/// # Errors
/// [`LearnError::Split`] where a label has no case on one side, or an input none to train on or to be measured by;
/// [`LearnError::Leak`] for a stated split with copies on two sides.
pub fn divide_cases<'a>(recipe: &'a FusionRecipe, data: &'a FusionData) -> Result<Division<'a>, LearnError> {
    let division = divide_with(&recipe.recipe, &data.data, &data.copies)?;
    for (input, known) in recipe.inputs.iter().enumerate() {
        let Split { training, validation } = having(input, recipe, data, &division.split);
        for (cases, what) in [(training, "to train on"), (validation, "for validation")] {
            if cases.is_empty() {
                return Err(LearnError::Split(format!(
                    "input {} is missing in all cases {what}: add some, or take the input out of the recipe",
                    known.key
                )));
            }
        }
    }
    Ok(division)
}

/// The cases of a split that have an input.
fn having(input: usize, recipe: &FusionRecipe, data: &FusionData, split: &Split) -> Split {
    let alone: Vec<bool> = (0..recipe.inputs.len()).map(|other| other == input).collect();
    Split {
        training: data.having(&split.training, &alone),
        validation: data.having(&split.validation, &alone),
    }
}

impl FusionRecipe {
    /// Whether networks of one input are trained: for late fusion, or for comparison.
    pub(super) fn has_members(&self) -> bool {
        self.baselines || self.fusion == Fusion::Late
    }

    /// The recipe of the network of one input alone.
    fn of_member(&self, input: usize) -> Recipe {
        let seed = self.recipe.seed.wrapping_add(1 + input as u64);
        Recipe { seed, input: self.accepted(input), ..self.recipe.clone() }
    }
}

/// Fits the networks that a recipe asks for and measures them, with each input missing too.
///
/// # Errors
/// [`LearnError`].
pub fn fit_fusion(
    recipe: &FusionRecipe,
    data: &FusionData,
    split: &Split,
    runs: Option<&FusionRuns>,
    progress: &mut dyn TrainProgress,
) -> Result<FittedFusion, LearnError> {
    let mut preparations = Vec::with_capacity(recipe.inputs.len());
    let (mut members, mut seconds) = (Vec::new(), 0.0);
    for (input, known) in recipe.inputs.iter().enumerate() {
        let examples = data.alone(input, recipe);
        let own = having(input, recipe, data, split);
        let of_member = recipe.of_member(input);
        preparations.push(preparation(&of_member, &examples, &own));
        if !recipe.has_members() {
            continue;
        }
        progress.network(&format!("input {} alone", known.key));
        let weights = class_weights(&of_member, &examples, &own);
        let preparation = &preparations[input];
        let pictures = Pictures {
            recipe: &of_member,
            examples: &examples,
            split: &own,
            preparation,
            weights,
            presence: None,
        };
        let fresh = |device: &Device| Classifier::new(&of_member.architecture, device);
        let run = runs.and_then(|runs| runs.members.get(input));
        let name = format!("{}: {} alone", recipe.recipe.name, known.key);
        let fitted =
            recorded(&name, &of_member.optimization, of_member.seed, &pictures, fresh, run, progress)?;
        seconds += fitted.seconds;
        members.push(fitted.network);
    }
    let weights = class_weights(&recipe.recipe, &data.data.examples, split);
    let cases = Cases { recipe, data, split, preparations: &preparations, weights };
    let mut epoch = None;
    let network = if recipe.fusion == Fusion::Late {
        FusedClassifier::of_members(members.clone())
    } else {
        progress.network(&format!("all inputs, {} fusion", recipe.fusion.name()));
        let settings = &recipe.recipe;
        // All weights are drawn at once: the CNN of an input that the first batches lack would be drawn later, elsewhere.
        let fresh = |device: &Device| drawn(FusedClassifier::new(&recipe.architecture(), device));
        let run = runs.map(|runs| &runs.main);
        let fitted =
            recorded(&settings.name, &settings.optimization, settings.seed, &cases, fresh, run, progress)?;
        seconds += fitted.seconds;
        epoch = Some(fitted.epoch);
        fitted.network
    };
    let none = FusionFigures { subsets: Vec::new(), baselines: Vec::new() };
    let unmeasured =
        FittedFusion { network, preparations: preparations.clone(), members, epoch, seconds, figures: none };
    let figures = figures(&unmeasured, &cases)?;
    Ok(FittedFusion { figures, ..unmeasured })
}

/// Trains a classifier of several inputs as `recipe` says and measures it on the cases held out.
///
/// `division` is that of [`divide_cases`]. With `runs`, checkpoints and history are written to its folders, and training
/// goes on from the newest checkpoints there. `recipe_name` and `command` are written on the card.
///
/// # Errors
/// [`LearnError`].
pub fn train_fusion(
    recipe: &FusionRecipe,
    data: &FusionData,
    division: &Division<'_>,
    runs: Option<&FusionRuns>,
    (recipe_name, command): (&str, &str),
    progress: &mut dyn TrainProgress,
) -> Result<FusionTrained, LearnError> {
    let split = &division.split;
    if let Some(runs) = runs {
        runs.main.put_division(division)?;
    }
    let fitted = fit_fusion(recipe, data, split, runs, progress)?;
    let settings = &recipe.recipe;
    let words = match (recipe.fusion, settings.optimization.keep) {
        (_, Keep::Best) => "; the pass was chosen by them too",
        (_, Keep::Last) => "",
    };
    let stacked = match recipe.fusion {
        Fusion::Late => "; each case was measured by a stack of other validation cases",
        Fusion::Early | Fusion::Intermediate => "",
    };
    let words = format!("{}{stacked}; {CROSSED}{words}", division.words);
    if let Some(runs) = runs {
        // Before the figures, which networks that learned nothing do not have.
        let (places, logits) = fitted.figures.outputs(recipe.fusion, data, split);
        runs.main.put_held_out(&held_out(&data.data.examples, &places, &logits))?;
    }
    let AsTheyCome { figures: validation, places, logits } =
        fitted.figures.as_they_come(settings, data, split, &words, command)?;
    let held_out = held_out(&data.data.examples, &places, &logits);
    let cases = Cases { recipe, data, split, preparations: &fitted.preparations, weights: Vec::new() };
    let (mut inputs, mut detectors) = (Vec::new(), Vec::new());
    for input in 0..recipe.inputs.len() {
        let (card, detector) = input_card(input, &cases, &fitted.network)?;
        inputs.push(card);
        detectors.push(detector);
    }
    // The store's own metadata have no order, and the same weights shall have the same hash.
    let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
    fitted.network.save_into(&mut store).map_err(|error| LearnError::Weights(error.to_string()))?;
    let weights = store.get_bytes().map_err(|error| LearnError::Weights(error.to_string()))?;
    let card = FusionCard {
        schema: FusionCard::SCHEMA,
        kind: FusionCard::KIND.to_owned(),
        name: settings.name.clone(),
        version: settings.version.clone(),
        title: settings.title.clone(),
        license: settings.license.clone(),
        must_not: settings.must_not.clone(),
        weights: "weights.safetensors".to_owned(),
        weights_sha256: sha256(&weights),
        mirror: settings.mirror,
        inputs,
        architecture: recipe.architecture(),
        labels: settings.labels.clone(),
        subsets: fitted.figures.subsets.into_iter().map(|subset| subset.card(recipe)).collect(),
        baselines: fitted.figures.baselines,
        drop_input: recipe.drop_input,
        training: Training {
            data: settings.data_words.clone(),
            data_license: settings.data_license.clone(),
            citation: settings.citation.clone(),
            images: split.training.len(),
            data_sha256: data.data.sha256.clone(),
            epochs: settings.optimization.epochs,
            seed: settings.seed,
            program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
            recipe: recipe_name.to_owned(),
        },
        validation,
    };
    let (parameters, epoch, seconds) = (fitted.network.num_params(), fitted.epoch, fitted.seconds);
    Ok(FusionTrained { card, weights, detectors, held_out, parameters, epoch, seconds })
}

/// The card of an input, and its outlier detector as a file.
fn input_card(
    input: usize,
    cases: &Cases<'_>,
    network: &FusedClassifier,
) -> Result<(InputCard, Vec<u8>), LearnError> {
    let known = &cases.recipe.inputs[input];
    let own = having(input, cases.recipe, cases.data, cases.split);
    let training = cases.taps(network, &own.training, input)?;
    let validation = cases.taps(network, &own.validation, input)?;
    let detector = fit_outliers(&training, &validation)?;
    let above = validation.iter().filter(|taps| detector.score(taps) > 1.0).count();
    let bytes = detector.to_bytes()?;
    let card = InputCard {
        key: known.key.clone(),
        required: known.required,
        bounds: known.bounds,
        cases: own.training.len(),
        accepts: cases.recipe.accepted(input),
        preparation: cases.preparations[input],
        outlier: OutlierCard {
            file: format!("outliers-{}.safetensors", known.key),
            sha256: sha256(&bytes),
            threshold: 1.0,
            validation_abstained: above as f64 / own.validation.len() as f64,
        },
    };
    Ok((card, bytes))
}
