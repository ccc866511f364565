use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::Serialize;
use wilhelm_nets::arch::{Gpt, TextBatch, next_token_loss, save_torch};
use wilhelm_stats::Resampling;

use super::measure::{measure, write};
use super::{Reports, SummaryCard, SummaryFigures, SummaryRecipe};
use crate::fit::{Lessons, Validated, device_of, drawn};
use crate::generator::{Decoding, Vocabulary};
use crate::hash::sha256;
use crate::recorder::recorded;
use crate::train::EVALUATION_BATCH;
use crate::{EpochReport, LearnError, Run, TrainProgress};

/// Resamples of the intervals that a run writes.
const RESAMPLING: Resampling = Resampling { replicates: 1000, level: 0.95, seed: 1 };

/// What came out of a run: its `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SummaryMetrics {
    /// The model's name.
    pub model: String,
    /// Seed of everything random but the split.
    pub seed: u64,
    /// Numbers in the network.
    pub parameters: usize,
    /// Words of the vocabulary.
    pub vocabulary: usize,
    /// Reports learned from.
    pub training: usize,
    /// Targets that were too long to learn from.
    pub long_targets: usize,
    /// The pass that the weights are from.
    pub epoch: usize,
    /// Seconds of training.
    pub seconds: f64,
    /// SHA-256 over the reports.
    pub data_sha256: String,
    /// What made it.
    pub command: String,
    /// Figures on the reports held out.
    pub figures: SummaryFigures,
}

/// What training gives.
#[derive(Clone, Debug)]
pub struct TrainedSummary {
    /// The card.
    pub card: SummaryCard,
    /// `weights.safetensors`
    pub weights: Vec<u8>,
    /// `tokenizer.json`
    pub tokenizer: Vec<u8>,
    /// What came out.
    pub metrics: SummaryMetrics,
    /// Every pass.
    pub history: Vec<EpochReport>,
}

/// Reports as numbers.
pub(super) struct Numbered {
    /// Source with what asks for the target behind it, by place.
    pub sources: Vec<Vec<u32>>,
    /// Sources that lost their end.
    pub cut: usize,
}

/// Every source as numbers, as long as fits.
pub(super) fn numbered(
    recipe: &SummaryRecipe,
    reports: &Reports,
    vocabulary: &Vocabulary,
) -> Result<Numbered, LearnError> {
    let asks = vocabulary.encode(&ask(recipe))?;
    let room = recipe.texts.most_source.saturating_sub(asks.len());
    let mut cut = 0;
    let sources = reports.cases.iter().map(|case| {
        let mut ids = vocabulary.encode(&case.source)?;
        cut += usize::from(ids.len() > room);
        ids.truncate(room);
        ids.extend(&asks);
        Ok(ids)
    });
    let sources = sources.collect::<Result<Vec<_>, LearnError>>()?;
    Ok(Numbered { sources, cut })
}

/// What stands between source and target.
fn ask(recipe: &SummaryRecipe) -> String {
    format!("{} :", recipe.texts.target)
}

/// The file of the words that stand in enough training texts.
fn words(recipe: &SummaryRecipe, reports: &Reports) -> Vec<u8> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in reports.some(&reports.training) {
        let mut of = crate::generator::split_words(&format!("{} {}", case.source, case.target));
        of.sort_unstable();
        of.dedup();
        of.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let kept =
        counts.into_iter().filter(|(_, count)| *count >= recipe.texts.least_texts).map(|(word, _)| word);
    let kept: Vec<String> = kept.chain([ask(recipe)]).collect();
    Vocabulary::json_of([kept.join(" ").as_str()].into_iter())
}

/// Sources and targets to learn.
struct Pairs<'a> {
    recipe: &'a SummaryRecipe,
    training: Vec<usize>,
    stop: Vec<usize>,
    sources: &'a [Vec<u32>],
    targets: &'a [Vec<u32>],
    end: u32,
    vocabulary: usize,
}

impl Pairs<'_> {
    fn loss_of(&self, network: &Gpt, places: &[usize], device: &Device) -> Tensor<1> {
        let texts: Vec<(&[u32], &[u32])> = places
            .iter()
            .map(|place| (self.sources[*place].as_slice(), self.targets[*place].as_slice()))
            .collect();
        let room = self.recipe.texts.most_source + self.recipe.texts.most_target;
        let batch = TextBatch::new(&texts, self.end, room, self.vocabulary, device)
            .expect("every source was cut to fit, and no longer target is learned from");
        let scores = network.forward(network.vectors(batch.tokens.clone()));
        next_token_loss(scores, batch.tokens, batch.counted)
    }
}

impl Lessons for Pairs<'_> {
    type Network = Gpt;
    type Inputs = Vec<usize>;

    fn training(&self) -> &[usize] {
        &self.training
    }

    fn batch(&self, _: usize, places: &[usize]) -> (Self::Inputs, TensorData) {
        (places.to_vec(), TensorData::new(Vec::<f32>::new(), [0]))
    }

    fn loss(&self, network: &Gpt, places: Self::Inputs, _: TensorData, device: &Device) -> Tensor<1> {
        self.loss_of(network, &places, device)
    }

    fn validate(&self, network: &Gpt) -> Result<Validated, LearnError> {
        let device = device_of(network);
        let (mut sum, mut words) = (0.0, 0.0);
        for places in self.stop.chunks(EVALUATION_BATCH) {
            let loss = self.loss_of(network, places, &device).into_data().try_to_vec::<f32>();
            let loss = loss.map_err(|error| LearnError::Weights(format!("{error:?}")))?[0];
            let count: usize = places.iter().map(|place| self.targets[*place].len() + 1).sum();
            sum += f64::from(loss) * count as f64;
            words += count as f64;
        }
        Ok(Validated { loss: (sum / words) as f32, accuracy: None, dice: None })
    }
}

/// Trains a decoder as a recipe says, and measures it on the reports held out.
///
/// `text` is the recipe as it was read. With `run`, checkpoints and history are written to its folder, and training goes on
/// from the newest checkpoint there.
///
/// # Errors
/// [`LearnError`].
pub fn train_summary(
    recipe: &SummaryRecipe,
    text: &str,
    reports: &Reports,
    run: Option<&Run>,
    command: &str,
    progress: &mut dyn TrainProgress,
) -> Result<TrainedSummary, LearnError> {
    let tokenizer = words(recipe, reports);
    let vocabulary = Vocabulary::from_json(&tokenizer)?;
    let Numbered { sources, .. } = numbered(recipe, reports, &vocabulary)?;
    let targets = reports.cases.iter().map(|case| vocabulary.encode(&case.target));
    let targets = targets.collect::<Result<Vec<_>, _>>()?;
    let fits = |place: &usize| targets[*place].len() < recipe.texts.most_target;
    let training: Vec<usize> = reports.training.iter().copied().filter(fits).collect();
    let pairs = Pairs {
        recipe,
        stop: reports.stop.iter().copied().filter(fits).collect(),
        sources: &sources,
        targets: &targets,
        end: vocabulary.end(),
        vocabulary: vocabulary.len(),
        training,
    };
    let sizes = recipe.sizes(vocabulary.len());
    let fresh = |device: &Device| drawn(Gpt::new(&sizes, device));
    progress.network("the texts");
    let fitted = recorded(&recipe.name, &recipe.fitting(), recipe.seed, &pairs, fresh, run, progress)?;
    let weights = save_torch(&fitted.network).map_err(|error| LearnError::Weights(error.to_string()))?;
    // What is measured is what the file gives.
    let network = Gpt::load(&sizes, weights.clone(), &Device::flex())
        .map_err(|error| LearnError::Weights(error.to_string()))?;
    let written = [Decoding::Greedy, Decoding::Beam]
        .into_iter()
        .map(|decoding| Ok((decoding, write(recipe, reports, &network, &vocabulary, decoding)?)))
        .collect::<Result<Vec<_>, LearnError>>()?;
    let figures = measure(recipe, reports, &written, RESAMPLING)?;
    let card = SummaryCard {
        schema: SummaryCard::SCHEMA,
        kind: SummaryCard::KIND.to_owned(),
        name: recipe.name.clone(),
        title: recipe.title.clone(),
        must_not: recipe.must_not.clone(),
        citation: recipe.citation.clone(),
        weights_sha256: sha256(&weights),
        tokenizer_sha256: sha256(&tokenizer),
        recipe_sha256: sha256(text.as_bytes()),
        data_sha256: reports.sha256.clone(),
    };
    let metrics = SummaryMetrics {
        model: recipe.name.clone(),
        seed: recipe.seed,
        parameters: fitted.network.num_params(),
        vocabulary: vocabulary.len(),
        training: pairs.training.len(),
        long_targets: reports.training.len() - pairs.training.len(),
        epoch: fitted.epoch,
        seconds: fitted.seconds,
        data_sha256: reports.sha256.clone(),
        command: command.to_owned(),
        figures,
    };
    Ok(TrainedSummary { card, weights, tokenizer, metrics, history: fitted.history })
}
