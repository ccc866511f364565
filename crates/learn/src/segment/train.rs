use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use wilhelm_nets::arch::{DenseNetwork, UNet, UNet3d, save_torch};
use wilhelm_nets::{
    Segmenter, SegmenterArchitecture, SegmenterCard, SegmenterValidation, TrainedSegmenter, WindowPreparation,
};

use super::baselines::baselines;
use super::figures::{cases, metrics};
use super::lessons::Windowed;
use super::masks::{Outline, OutlineSet};
use super::recipe::{MaskSegment, SegmenterRecipe};
use crate::error::some;
use crate::evaluation::masks::MaskCase;
use crate::fit::drawn;
use crate::hash::sha256;
use crate::origin::mean_and_deviation;
use crate::recorder::recorded;
use crate::split::{Parted, Rules, part};
use crate::{EpochReport, Example, Keep, LearnError, Run, Split, TrainProgress};

/// Images and masks parted as a recipe asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskDivision<'a> {
    /// The recipe.
    pub recipe: &'a SegmenterRecipe,
    /// All data.
    pub data: &'a OutlineSet,
    /// Which images are on which side.
    pub split: Split,
    /// Patients, where the data name them; then no patient is on both sides.
    pub patients: Option<usize>,
    /// How the split was made, for people.
    pub words: String,
}

/// Splits images and masks as the recipe says, by the rules of [`divide`](crate::divide): copies of an image, and images
/// of one patient, stay on one side; images with an empty mask are spread like the others.
///
/// # Errors
/// [`LearnError::Split`] where one side has no mask that is not empty, [`LearnError::Leak`] where the data state a split
/// with the same image or patient on two sides.
pub fn divide_masks<'a>(
    recipe: &'a SegmenterRecipe,
    data: &'a OutlineSet,
) -> Result<MaskDivision<'a>, LearnError> {
    let examples: Vec<Example> = data.outlines.iter().map(|outline| outline.example.clone()).collect();
    let rules = Rules {
        holding: recipe.holding()?,
        duplicates_above: recipe.duplicates_above,
        seed: recipe.split_seed(),
        kind: "kind (with something outlined, and empty)",
        labels: &[],
    };
    let Parted { split, patients, words, .. } = part(&examples, &rules)?;
    for (places, other, purpose) in [
        (&split.training, &split.validation, "to train on"),
        (&split.validation, &split.training, "for validation"),
    ] {
        if places.iter().all(|place| data.outlines[*place].is_empty()) {
            let names: Vec<String> = other
                .iter()
                .filter(|place| !data.outlines[**place].is_empty())
                .map(|place| examples[*place].place())
                .collect();
            let names = if names.is_empty() { "none".to_owned() } else { some(&names, ", ") };
            return Err(LearnError::Split(format!(
                "no image {purpose} has anything outlined; on the other side there are: {names}; add images, or hold \
                 out another share"
            )));
        }
    }
    let words = match data.empty {
        0 => words,
        empty => format!(
            "{words}; {empty} masks are empty, which is allowed: they have no Dice, only false alarms"
        ),
    };
    Ok(MaskDivision { recipe, data, split, patients, words })
}

/// What training of a segmenter gives.
#[derive(Clone, Debug)]
pub struct TrainedOutlines {
    /// The card, with hashes and figures.
    pub card: SegmenterCard,
    /// `weights.safetensors`, by nnU-Net's names.
    pub weights: Vec<u8>,
    /// Figures of each validation image.
    pub cases: SegmenterCases,
    /// Numbers in the network.
    pub parameters: usize,
    /// Every pass.
    pub history: Vec<EpochReport>,
    /// The pass that the weights are from.
    pub epoch: usize,
    /// Seconds of training, over all parts of an interrupted run.
    pub seconds: f64,
}

/// Figures of each validation image: a run's `held-out.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmenterCases {
    /// The number of this shape of file.
    pub schema: u32,
    /// The images, in the order of the data; distances are in the card's unit, whatever their names say.
    pub cases: Vec<MaskCase>,
}

/// What came out of a run: its `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmenterMetrics {
    /// The model's name.
    pub model: String,
    /// Version of its weights.
    pub version: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Numbers in the network.
    pub parameters: usize,
    /// The pass that the weights are from.
    pub epoch: usize,
    /// Seconds of training.
    pub seconds: f64,
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// SHA-256 over values and labels.
    pub data_sha256: String,
    /// Who or what drew the masks.
    pub truth: String,
    /// Figures on the validation split.
    pub validation: SegmenterValidation,
}

impl SegmenterMetrics {
    /// Of a run that ended; `None` for a card of a network that was not trained here.
    pub fn of(trained: &TrainedOutlines) -> Option<Self> {
        let card = &trained.card;
        let told = card.trained.as_ref()?;
        Some(Self {
            model: card.name.clone(),
            version: card.version.clone(),
            seed: told.training.seed,
            parameters: trained.parameters,
            epoch: trained.epoch,
            seconds: trained.seconds,
            weights_sha256: card.weights_sha256.clone(),
            data_sha256: told.training.data_sha256.clone(),
            truth: told.truth.clone(),
            validation: told.validation.clone(),
        })
    }
}

/// A network's weights and how they came about.
struct Weights {
    bytes: Vec<u8>,
    parameters: usize,
    history: Vec<EpochReport>,
    epoch: usize,
    seconds: f64,
}

/// Trains a segmenter as the recipe of `division` says on one part of its data and measures it on the other.
///
/// With a `run`, checkpoints and history are written to its folder, and training goes on from the newest checkpoint
/// there. `recipe_name` and `command` are written on the card.
///
/// # Errors
/// [`LearnError`].
pub fn train_segmenter(
    division: &MaskDivision<'_>,
    run: Option<&Run>,
    recipe_name: &str,
    command: &str,
    progress: &mut dyn TrainProgress,
) -> Result<TrainedOutlines, LearnError> {
    let MaskDivision { recipe, data, split, patients, words } = division;
    let outlines = &data.outlines;
    if let Some(run) = run {
        run.put_split(&|place| outlines[place].example.source.as_str(), split, *patients, words)?;
    }
    let preparation = preparation(recipe, outlines, split);
    let (weights, architecture) = if recipe.is_flat() {
        let weights = fitted::<UNet>(division, &preparation, run, progress)?;
        (weights, SegmenterArchitecture::UNet(recipe.architecture()))
    } else {
        let weights = fitted::<UNet3d>(division, &preparation, run, progress)?;
        (weights, SegmenterArchitecture::UNet3d(recipe.architecture()))
    };

    let words = match recipe.optimization.keep {
        Keep::Best => format!("{words}; the pass was chosen by the same images"),
        Keep::Last => words.clone(),
    };
    let validation = SegmenterValidation {
        split: words,
        images: split.validation.len(),
        empty: split.validation.iter().filter(|place| outlines[**place].is_empty()).count(),
        unit: data.unit,
        tolerance: recipe.tolerance,
        command: command.to_owned(),
        segments: Vec::new(),
        baselines: Vec::new(),
    };
    let mut trained = TrainedSegmenter {
        output: recipe.optimization.loss.output,
        truth: recipe.truth.clone(),
        preparation,
        segments: recipe.segments.iter().map(MaskSegment::class).collect(),
        training: recipe.origin().training(split.training.len(), &data.sha256, recipe_name),
        validation,
    };
    let mut card = SegmenterCard {
        schema: SegmenterCard::SCHEMA,
        kind: SegmenterCard::KIND.to_owned(),
        name: recipe.name.clone(),
        version: recipe.version.clone(),
        title: recipe.title.clone(),
        license: recipe.license.clone(),
        must_not: recipe.must_not.clone(),
        weights: "weights.safetensors".to_owned(),
        weights_sha256: sha256(&weights.bytes),
        architecture,
        input: recipe.input.clone(),
        preparation: None,
        segment: None,
        source: None,
        agreement: Vec::new(),
        trained: Some(trained.clone()),
    };
    // The very thing that is used later is what is measured.
    let segmenter = Segmenter::from_parts(card.clone(), weights.bytes.clone())?;
    let on = |places: &[usize]| places.iter().map(|place| &outlines[*place]).collect::<Vec<&Outline>>();
    let held = on(&split.validation);
    let cases = SegmenterCases { schema: 1, cases: cases(recipe, &segmenter, &held, data.unit)? };
    if let Some(run) = run {
        run.put_held_out(&cases)?;
    }
    let patients: Option<Vec<usize>> = held.iter().map(|outline| outline.example.patient).collect();
    let patients = patients.as_deref();
    trained.validation.segments = metrics(recipe, &cases.cases, patients);
    trained.validation.baselines = baselines(recipe, &on(&split.training), &held, patients);
    card.trained = Some(trained);
    let Weights { bytes, parameters, history, epoch, seconds } = weights;
    Ok(TrainedOutlines { card, weights: bytes, cases, parameters, history, epoch, seconds })
}

fn fitted<N: DenseNetwork>(
    division: &MaskDivision<'_>,
    preparation: &WindowPreparation,
    run: Option<&Run>,
    progress: &mut dyn TrainProgress,
) -> Result<Weights, LearnError> {
    let MaskDivision { recipe, data, split, .. } = division;
    let architecture = recipe.architecture();
    let lessons = Windowed::<N>::new(recipe, &data.outlines, split, preparation);
    let fresh = |device: &Device| drawn(N::fresh(&architecture, device));
    let fitted = recorded(&recipe.name, &recipe.optimization, recipe.seed, &lessons, fresh, run, progress)?;
    let bytes = save_torch(&fitted.network).map_err(|error| LearnError::Weights(error.to_string()))?;
    Ok(Weights {
        bytes,
        parameters: fitted.network.num_params(),
        history: fitted.history,
        epoch: fitted.epoch,
        seconds: fitted.seconds,
    })
}

/// Mean and deviation of the training values.
fn preparation(recipe: &SegmenterRecipe, outlines: &[Outline], split: &Split) -> WindowPreparation {
    let (mean, deviation) =
        mean_and_deviation(split.training.iter().map(|place| outlines[*place].values.as_slice()));
    recipe.preparation(mean, deviation)
}
