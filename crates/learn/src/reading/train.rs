use burn::module::Module;
use burn::tensor::Device;
use rayon::prelude::*;
use serde::Serialize;
use wilhelm_nets::arch::{ReaderConfig, TextReader};
use wilhelm_nets::text::{TextBase, TextClassifier, Tokens};
use wilhelm_stats::{Rows, fit_softmax_temperature, softmax};
use wilhelm_study::Silent;

use super::baseline::terms;
use super::lessons::Read;
use super::{TermsBaseline, TextCard, TextExample, TextRecipe, TextScale, Texts};
use crate::evaluation::{Cases, Columns, Report, Settings, Table, evaluate};
use crate::fit::drawn;
use crate::hash::sha256;
use crate::recorder::recorded;
use crate::{EpochReport, LearnError, Run, Split, TrainProgress};

/// What came out of a run: its `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TextMetrics {
    /// The model's name.
    pub model: String,
    /// Version of its weights.
    pub version: String,
    /// Seed of everything random but the split.
    pub seed: u64,
    /// Numbers in the network.
    pub parameters: usize,
    /// Layers of the encoder that stayed as they were.
    pub held_layers: usize,
    /// Training texts.
    pub training_texts: usize,
    /// How the split was made.
    pub split: String,
    /// Texts of which not all tokens were read.
    pub cut_texts: usize,
    /// The pass that the weights are from.
    pub epoch: usize,
    /// Seconds of training.
    pub seconds: f64,
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// SHA-256 of the table.
    pub data_sha256: String,
    /// What made it.
    pub command: String,
    /// The classifier of weighted terms.
    pub terms: TermsBaseline,
    /// Its figures on the texts held out.
    pub terms_figures: Report,
    /// The network's figures on the texts held out, and less those of weighted terms.
    pub figures: Report,
}

/// What training of a classifier of texts gives.
#[derive(Clone, Debug)]
pub struct TrainedText {
    /// The card, with hashes and figures.
    pub card: TextCard,
    /// `weights.safetensors`
    pub weights: Vec<u8>,
    /// `config.json` of the encoder.
    pub config: String,
    /// `tokenizer.json` of the encoder.
    pub tokenizer: Vec<u8>,
    /// Of each text held out its line, label, group and probabilities, as `wilhelm evaluate` reads it; no text.
    pub predictions: String,
    /// The same of weighted terms.
    pub terms_predictions: String,
    /// What came out.
    pub metrics: TextMetrics,
    /// Every pass.
    pub history: Vec<EpochReport>,
}

/// Trains a classifier of texts as a recipe says, and measures it on the texts held out, beside weighted terms.
///
/// `encoder` is what it begins as, and its name. With `run`, checkpoints and history are written to its folder, and training
/// goes on from the newest checkpoint there. `recipe_name` and `command` are written on the card. The temperature is fitted
/// on the texts that measure it.
///
/// # Errors
/// [`LearnError`].
pub fn train_text(
    recipe: &TextRecipe,
    texts: &Texts,
    (base, encoder): (&TextBase, &str),
    run: Option<&Run>,
    (recipe_name, command): (&str, &str),
    progress: &mut dyn TrainProgress,
) -> Result<TrainedText, LearnError> {
    let reader = recipe.reader;
    if reader.most_tokens > base.config.positions || reader.hold_layers > base.config.layers {
        return Err(LearnError::Recipe(format!(
            "most_tokens and hold_layers under [reader] are {} and {}, but the encoder takes {} tokens and has {} layers",
            reader.most_tokens, reader.hold_layers, base.config.positions, base.config.layers
        )));
    }
    let (split, words) = texts.divide(recipe)?;
    let examples = &texts.examples;
    let lines: Vec<String> = examples.iter().map(|example| format!("line {}", example.line)).collect();
    if let Some(run) = run {
        let groups = texts.groups.as_ref().map(|_| split.training.len() + split.validation.len());
        run.put_split(&|place| lines[place].as_str(), &split, groups, &words)?;
    }
    let scales = scales(recipe, examples, &split);
    let sizes = ReaderConfig { numbers: scales.len(), hidden: reader.hidden, classes: recipe.labels.len() };
    let asks = |network: TextReader| TextClassifier::new(base, sizes, network, reader.most_tokens);
    let unfitted = asks(TextReader::on(base.encoder.clone(), &base.config, sizes, &Device::flex()));
    let tokens: Vec<Tokens> =
        examples.par_iter().map(|example| unfitted.tokens(&example.text)).collect::<Result<_, _>>()?;
    let numbers: Vec<Vec<f32>> = examples
        .iter()
        .map(|example| {
            scales.iter().zip(&example.numbers).map(|(scale, value)| scale.scaled(*value)).collect()
        })
        .collect();
    let lessons = Read {
        recipe,
        examples,
        split: &split,
        tokens: &tokens,
        numbers: &numbers,
        weights: weights(recipe, examples, &split),
    };
    let fresh = |device: &Device| {
        // It was loaded to read: `train` makes it one that learns.
        let encoder = base.encoder.clone().train().fork(device);
        drawn(TextReader::on(encoder, &base.config, sizes, device)).holding(reader.hold_layers)
    };
    let settings = &recipe.optimization;
    let fitted = recorded(&recipe.name, settings, recipe.seed, &lessons, fresh, run, progress)?;

    let parameters = fitted.network.num_params();
    let weights = fitted.network.to_bytes().map_err(LearnError::Weights)?;
    let model = asks(fitted.network);
    let held: Vec<&str> = split.validation.iter().map(|place| examples[*place].text.as_str()).collect();
    let of_held: Vec<Vec<f32>> = split.validation.iter().map(|place| numbers[*place].clone()).collect();
    let said = model.logits(&held, &of_held, &Silent)?;
    let logits: Vec<f64> = said.iter().flat_map(|said| said.logits.iter().copied()).collect();
    let labels: Vec<usize> = split.validation.iter().map(|place| examples[*place].label).collect();
    let temperature = fit_softmax_temperature(Rows::new(&logits, sizes.classes)?, &labels)?.temperature;
    let rows: Vec<Vec<f64>> = said.iter().map(|said| softmax(&said.logits, temperature)).collect();
    let predictions = table(recipe, texts, &split, &rows);
    let (rows, baseline) = terms(examples, &split, sizes.classes, recipe.split_seed())?;
    let terms_predictions = table(recipe, texts, &split, &rows);
    let cases = cases(recipe, texts, "network", &predictions)?;
    let of_terms = self::cases(recipe, texts, "weighted terms", &terms_predictions)?;
    let figures = evaluate(&cases, Some(&of_terms), None, &Settings::default())?;
    let terms_figures = evaluate(&of_terms, None, None, &Settings::default())?;

    let words =
        format!("{words}; the temperature was fitted on the same texts, so calibration is optimistic");
    let card = TextCard {
        schema: TextCard::SCHEMA,
        kind: TextCard::KIND.to_owned(),
        name: recipe.name.clone(),
        version: recipe.version.clone(),
        title: recipe.title.clone(),
        license: recipe.license.clone(),
        must_not: recipe.must_not.clone(),
        encoder: encoder.to_owned(),
        weights_sha256: sha256(&weights),
        tokenizer_sha256: sha256(&base.tokenizer_json),
        config_sha256: sha256(base.config_json.as_bytes()),
        most_tokens: reader.most_tokens,
        lowers: base.lowers,
        hidden: reader.hidden,
        temperature,
        positive: recipe.positive.clone(),
        labels: recipe.labels.clone(),
        numbers: scales,
        training: recipe.origin().training(split.training.len(), &texts.sha256, recipe_name),
        split: words.clone(),
        texts: split.validation.len(),
        command: command.to_owned(),
        figures: figures.headlines.clone(),
        without_a_network: terms_figures.headlines.clone(),
    };
    let metrics = TextMetrics {
        model: recipe.name.clone(),
        version: recipe.version.clone(),
        seed: recipe.seed,
        parameters,
        held_layers: reader.hold_layers,
        training_texts: split.training.len(),
        split: words,
        cut_texts: tokens.iter().filter(|tokens| tokens.cut > 0).count(),
        epoch: fitted.epoch,
        seconds: fitted.seconds,
        weights_sha256: card.weights_sha256.clone(),
        data_sha256: texts.sha256.clone(),
        command: command.to_owned(),
        terms: baseline,
        terms_figures,
        figures,
    };
    let (config, tokenizer) = (base.config_json.clone(), base.tokenizer_json.clone());
    let history = fitted.history;
    Ok(TrainedText { card, weights, config, tokenizer, predictions, terms_predictions, metrics, history })
}

/// Mean and deviation of each number over the training texts that have it.
fn scales(recipe: &TextRecipe, examples: &[TextExample], split: &Split) -> Vec<TextScale> {
    let of = |(at, column): (usize, &String)| {
        let values: Vec<f64> =
            split.training.iter().filter_map(|place| examples[*place].numbers[at].map(f64::from)).collect();
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        // A number that never changes says nothing, on any scale.
        let deviation = if variance > 1e-12 { variance.sqrt() } else { 1.0 };
        TextScale { column: column.clone(), mean: mean as f32, deviation: deviation as f32 }
    };
    recipe.data.numbers.iter().enumerate().map(of).collect()
}

/// How much each label counts: the inverse of its share, to the power of the recipe's balance.
fn weights(recipe: &TextRecipe, examples: &[TextExample], split: &Split) -> Vec<f32> {
    let mut counts = vec![0.0_f64; recipe.labels.len()];
    split.training.iter().for_each(|place| counts[examples[*place].label] += 1.0);
    let mean = split.training.len() as f64 / counts.len() as f64;
    let weight = |count: f64| (mean / count.max(1.0)).powf(recipe.optimization.class_balance) as f32;
    counts.into_iter().map(weight).collect()
}

/// A table of predictions of the texts held out.
fn table(recipe: &TextRecipe, texts: &Texts, split: &Split, rows: &[Vec<f64>]) -> String {
    let mut header = vec!["id", "label"];
    if texts.groups.is_some() {
        header.push("group");
    }
    header.extend(recipe.labels.iter().map(|label| label.key.as_str()));
    let mut table = header.join(",") + "\n";
    for (place, row) in split.validation.iter().zip(rows) {
        let example = &texts.examples[*place];
        let mut cells = vec![format!("line-{}", example.line), recipe.labels[example.label].key.clone()];
        if texts.groups.is_some() {
            cells.push(format!("group-{}", example.group));
        }
        cells.extend(row.iter().map(f64::to_string));
        table.push_str(&(cells.join(",") + "\n"));
    }
    table
}

/// Predictions as the evaluation reads them; intervals draw groups where the data have them.
fn cases(recipe: &TextRecipe, texts: &Texts, name: &str, table: &str) -> Result<Cases, LearnError> {
    let columns = Columns {
        patient: texts.groups.as_ref().map(|_| "group".to_owned()),
        labels: Some(recipe.labels.iter().map(|label| label.key.clone()).collect()),
        positive: recipe.positive.clone(),
        ..Columns::default()
    };
    Ok(Cases::read(&Table::parse(name, table.as_bytes())?, None, &columns)?)
}
