use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use serde::Serialize;
use wilhelm_nets::Training;
use wilhelm_nets::arch::{Classifier, Encoder, ImageWriter};
use wilhelm_stats::Resampling;

use super::lessons::Written;
use super::measure::{Measured, generate, measure};
use super::{Decoding, ReportCard, ReportFigures, ReportRecipe, ReportValidation, StartOf, Vocabulary};
use crate::fit::drawn;
use crate::hash::sha256;
use crate::recorder::recorded;
use crate::seed::generator;
use crate::train::{Pictures, class_weights, pass, preparation};
use crate::{Division, EpochReport, Example, Keeping, LearnError, Run, TrainProgress};

/// Resamples of the intervals that a run writes.
const RESAMPLING: Resampling = Resampling { replicates: 1000, level: 0.95, seed: 1 };

/// The folders of a run: that of the generator, and below it that of the classifier.
#[derive(Debug)]
pub struct ReportRuns {
    main: Run,
    classifier: Run,
}

impl ReportRuns {
    /// Opens a run's folder, or makes it, as [`Run::open`] does.
    ///
    /// # Errors
    /// [`LearnError::Run`].
    pub fn open(
        folder: &Path,
        recipe: &str,
        data_sha256: &str,
        keeping: &Keeping,
    ) -> Result<Self, LearnError> {
        let main = Run::open(folder, recipe, data_sha256, keeping)?;
        let inner = folder.join("classifier");
        let classifier = Run::open(&inner, recipe, data_sha256, &keeping.within(&inner))?;
        Ok(Self { main, classifier })
    }

    /// Writes what came out, and removes the checkpoints: the run is over.
    ///
    /// # Errors
    /// [`LearnError::Run`].
    pub fn finish(self, metrics: &ReportMetrics) -> Result<(), LearnError> {
        self.main.finish(metrics)?;
        self.classifier.finish(&metrics.figures.classifier)
    }
}

/// What came out of a run: its `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportMetrics {
    /// The model's name.
    pub model: String,
    /// Version of its weights.
    pub version: String,
    /// Seed of everything random but the split and the texts.
    pub seed: u64,
    /// Numbers in the network.
    pub parameters: usize,
    /// Words of the vocabulary.
    pub vocabulary: usize,
    /// Distinct texts of the training images.
    pub distinct_training_texts: usize,
    /// Training images.
    pub training_images: usize,
    /// The pass that the weights are from.
    pub epoch: usize,
    /// Seconds of training of the classifier and of the generator.
    pub seconds: [f64; 2],
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// SHA-256 over the images' pixels and labels.
    pub data_sha256: String,
    /// What made it.
    pub command: String,
    /// Figures on the validation split.
    pub figures: ReportFigures,
}

/// What training of a report generator gives.
#[derive(Clone, Debug)]
pub struct TrainedReport {
    /// The card, with hashes and figures.
    pub card: ReportCard,
    /// `weights.safetensors`
    pub weights: Vec<u8>,
    /// `tokenizer.json`
    pub tokenizer: Vec<u8>,
    /// Of each validation image: its name, its label, the classifier's, its own text and the generated one.
    pub validation: Vec<[String; 5]>,
    /// What came out.
    pub metrics: ReportMetrics,
    /// Every pass of the generator.
    pub history: Vec<EpochReport>,
}

/// The text of each image: what is true of it, in wordings that the seed of the split draws.
pub(super) fn texts_of(recipe: &ReportRecipe, examples: &[Example]) -> Vec<String> {
    let seed = recipe.recipe.split_seed();
    let text = |(place, example): (usize, &Example)| {
        recipe.grammar.write(&recipe.grammar.truth(example), &mut generator(seed, 2001, place as u64))
    };
    examples.iter().enumerate().map(text).collect()
}

/// Trains a classifier and then a generator of texts as a recipe says, and measures both on the images held out.
///
/// `division` is that of [`divide`](crate::divide) by the recipe's own recipe of a classifier, and `text` the recipe as it was
/// read. With `runs`, checkpoints and history are written to its folders, and training goes on from the newest checkpoints
/// there. `recipe_name` and `command` are written on the card.
///
/// # Errors
/// [`LearnError`].
pub fn train_report(
    recipe: &ReportRecipe,
    text: &str,
    division: &Division<'_>,
    runs: Option<&ReportRuns>,
    (recipe_name, command): (&str, &str),
    progress: &mut dyn TrainProgress,
) -> Result<TrainedReport, LearnError> {
    let Division { data, split, .. } = division;
    let (examples, settings) = (&data.examples, &recipe.recipe);
    if let Some(runs) = runs {
        runs.main.put_division(division)?;
    }
    let texts = texts_of(recipe, examples);
    let tokenizer = Vocabulary::json_of(split.training.iter().map(|place| texts[*place].as_str()));
    let vocabulary = Vocabulary::from_json(&tokenizer)?;
    let ids = texts.iter().map(|text| vocabulary.encode(text)).collect::<Result<Vec<_>, _>>()?;
    let longest = ids.iter().map(Vec::len).max().unwrap_or(0) + 1;
    if longest > recipe.decoder.most_words {
        return Err(LearnError::Recipe(format!(
            "most_words under [decoder] is {}, but the longest text has {longest} words with its end",
            recipe.decoder.most_words
        )));
    }
    let preparation = preparation(settings, examples, split);

    progress.network("the labels (classifier)");
    let weights = class_weights(settings, examples, split);
    let pictures =
        Pictures { recipe: settings, examples, split, preparation: &preparation, weights, presence: None };
    let fresh = |device: &Device| Classifier::new(&settings.architecture, device);
    let name = format!("{}: classifier", settings.name);
    let run = runs.map(|runs| &runs.classifier);
    let labeler = recorded(&name, &settings.optimization, settings.seed, &pictures, fresh, run, progress)?;
    let calls =
        calls(&pass(&labeler.network, examples, &split.validation, &preparation, settings.mirror)?.logits);

    progress.network("the texts (generator)");
    let lessons = Written {
        recipe,
        examples,
        split,
        preparation: &preparation,
        texts: &ids,
        end: vocabulary.end(),
        vocabulary: vocabulary.len(),
    };
    let encoder = labeler.network.encoder().to_bytes().map_err(LearnError::Weights)?;
    let fresh = |device: &Device| {
        let sizes = (recipe.text_config(vocabulary.len()), recipe.prefix_config());
        let network = ImageWriter::new(&settings.architecture, &sizes.0, &sizes.1, device);
        drawn(match recipe.writing.start {
            StartOf::Fresh => network,
            StartOf::Classifier => {
                let encoder = Encoder::load(&settings.architecture, encoder, device);
                network.with_encoder(encoder.expect("it was written from a network of these sizes"))
            }
        })
    };
    let seed = settings.seed.wrapping_add(1);
    let run = runs.map(|runs| &runs.main);
    let fitted = recorded(&settings.name, &recipe.optimization(), seed, &lessons, fresh, run, progress)?;

    let of = Measured { recipe, examples, split, texts: &texts, calls: &calls, preparation: &preparation };
    let decodings = [Decoding::Greedy, Decoding::Nucleus];
    let generated = decodings
        .into_iter()
        .map(|decoding| Ok((decoding, generate(&of, &fitted.network, &vocabulary, decoding)?)))
        .collect::<Result<Vec<_>, LearnError>>()?;
    let figures = measure(&generated, &of, RESAMPLING)?;

    let weights = fitted.network.to_bytes().map_err(LearnError::Weights)?;
    let key = |label: usize| settings.labels[label].key.clone();
    let written = split.validation.iter().zip(&calls).zip(&generated[0].1.texts);
    let validation = written.map(|((place, call), text)| {
        let example = &examples[*place];
        [example.source.clone(), key(example.label), key(*call), texts[*place].clone(), text.clone()]
    });
    let value = |figure: &crate::evaluation::Figure| figure.value.unwrap_or(f64::NAN);
    let card = ReportCard {
        schema: ReportCard::SCHEMA,
        kind: ReportCard::KIND.to_owned(),
        name: settings.name.clone(),
        version: settings.version.clone(),
        title: settings.title.clone(),
        license: settings.license.clone(),
        must_not: settings.must_not.clone(),
        weights_sha256: sha256(&weights),
        tokenizer_sha256: sha256(&tokenizer),
        recipe_sha256: sha256(text.as_bytes()),
        preparation,
        training: Training {
            epochs: recipe.writing.epochs,
            ..settings.origin().training(split.training.len(), &data.sha256, recipe_name)
        },
        validation: ReportValidation {
            split: division.words.clone(),
            images: split.validation.len(),
            label_accuracy: value(&figures.systems[0].label_accuracy),
            classifier_accuracy: value(&figures.classifier),
            command: command.to_owned(),
        },
    };
    let mut distinct: Vec<&String> = split.training.iter().map(|place| &texts[*place]).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let metrics = ReportMetrics {
        model: settings.name.clone(),
        version: settings.version.clone(),
        seed: settings.seed,
        parameters: fitted.network.num_params(),
        vocabulary: vocabulary.len(),
        distinct_training_texts: distinct.len(),
        training_images: split.training.len(),
        epoch: fitted.epoch,
        seconds: [labeler.seconds, fitted.seconds],
        weights_sha256: card.weights_sha256.clone(),
        data_sha256: data.sha256.clone(),
        command: command.to_owned(),
        figures,
    };
    let validation = validation.collect();
    Ok(TrainedReport { card, weights, tokenizer, validation, metrics, history: fitted.history })
}

/// The label with the greatest logit; of two alike the first.
fn calls(logits: &[Vec<f64>]) -> Vec<usize> {
    let greatest = |row: &Vec<f64>| {
        let best = (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b]));
        best.expect("a classifier has labels")
    };
    logits.iter().map(greatest).collect()
}
