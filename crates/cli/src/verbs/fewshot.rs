//! `wilhelm fewshot`

mod probe;
mod rank;
mod simulate;

use std::collections::BTreeSet;
use std::path::Path;

use wilhelm_learn::Division;
use wilhelm_learn::fewshot::{Features, cached_features, training_preparation};
use wilhelm_nets::{Card, EncoderCard, FrozenEncoder, Model};

use crate::args::{Fewshot, FewshotVerb};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::read_text;
use crate::progress::Line;
use crate::shelf;
use crate::verbs::beginning::read_encoder;

/// `wilhelm fewshot`
pub fn run(verb: &Fewshot, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        FewshotVerb::Probe(wanted) => probe::run(wanted, config),
        FewshotVerb::Rank(wanted) => rank::run(wanted, config),
        FewshotVerb::Simulate(wanted) => simulate::run(wanted, config),
    }
}

/// A frozen network that was named on the command line.
struct Source {
    name: String,
    words: String,
    encoder: FrozenEncoder,
    /// Whether the labels of the division's images took part in its training.
    saw_labels: bool,
}

impl Source {
    /// Reads a model by its name, or the folder of a model or an encoder.
    fn read(
        named: &str,
        models: Option<&Path>,
        division: &Division<'_>,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let folder = Path::new(named);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if folder.join(EncoderCard::FILE).is_file() {
            let (card, weights) = read_encoder(folder)?;
            let encoder = FrozenEncoder::from_parts(&card, weights)?;
            refuse_other_split(folder, &name, &card.training.data_sha256, card.training.seed, division)?;
            let words = format!("encoder trained without labels on {}; {}", card.training.data, card.method);
            return Ok(Self { name, words, encoder, saw_labels: false });
        }
        let (model, saw_labels) = model_of(named, models, division, config)?;
        let card = model.card();
        let words = format!("classifier trained with the labels of {}", card.training.data);
        Ok(Self { name, words, encoder: FrozenEncoder::of_model(&model), saw_labels })
    }

    /// A network of the recipe's sizes that never learned.
    fn random(division: &Division<'_>, seed: u64) -> Self {
        let architecture = &division.recipe.architecture;
        let encoder = FrozenEncoder::random(architecture, training_preparation(division), seed);
        let words = "the recipe's network with random weights".to_owned();
        Self { name: "random".to_owned(), words, encoder, saw_labels: false }
    }

    /// Its features of the division's images, from `out/features` where they are.
    fn features(&self, division: &Division<'_>, out: &Path) -> anyhow::Result<Features> {
        let line = Line::new(&format!("features, {}", self.name));
        let step = |done: usize, total: usize| line.at(done, total);
        let folder = out.join("features");
        let rows =
            cached_features(&folder, &self.name, &self.encoder, division.recipe, division.data, &step)?;
        Ok(Features { name: self.name.clone(), words: self.words.clone(), saw_labels: self.saw_labels, rows })
    }
}

/// A model by its name or folder, and whether it was trained on the division's data, by the same split then.
pub fn model_of(
    named: &str,
    models: Option<&Path>,
    division: &Division<'_>,
    config: &Config,
) -> anyhow::Result<(Model, bool)> {
    let folder = Path::new(named);
    let model = if folder.join("card.toml").is_file() {
        model_in(folder)?
    } else {
        shelf::open(models, config)?.get(named)?.load()?
    };
    let card = model.card();
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let saw_labels =
        refuse_other_split(folder, &name, &card.training.data_sha256, card.training.seed, division)?;
    Ok((model, saw_labels))
}

fn model_in(folder: &Path) -> anyhow::Result<Model> {
    let place = folder.join("card.toml");
    let fault = |error: wilhelm_nets::CardError| Stop::input(format!("{}: {error}", place.display()));
    let card = Card::from_toml(&read_text(&place, "card")?).map_err(fault)?;
    let read = |file: &str| {
        let place = folder.join(file);
        std::fs::read(&place)
            .map_err(|error| Stop::input(format!("{} cannot be read: {error}", place.display())))
    };
    let (weights, detector) = (read(&card.weights)?, read(&card.outlier.file)?);
    Ok(Model::from_parts(card, weights, &detector)?)
}

/// Whether a network was trained on the division's data, by whose split then: one that has seen images held out here would
/// be flattered.
///
/// The folder's own list of validation images decides where it has one, else the seed.
pub fn refuse_other_split(
    folder: &Path,
    name: &str,
    data_sha256: &str,
    seed: u64,
    division: &Division<'_>,
) -> anyhow::Result<bool> {
    let examples = &division.data.examples;
    let held: BTreeSet<&str> =
        division.split.validation.iter().map(|place| examples[*place].source.as_str()).collect();
    let listed = std::fs::read_to_string(folder.join("validation.txt"));
    let listed: Option<BTreeSet<&str>> = listed.as_ref().ok().map(|text| text.lines().collect());
    let same = if data_sha256 == division.data.sha256 {
        listed.map_or_else(|| seed == division.recipe.split_seed(), |listed| listed == held)
    } else {
        // Other numbers, and perhaps the same images read in another way: where it held out some of those that are held
        // out here it knows the collection, and then it has to have held out all of them.
        match listed {
            Some(listed) if !held.is_disjoint(&listed) => held.is_subset(&listed),
            _ => return Ok(false),
        }
    };
    if same {
        return Ok(true);
    }
    Err(Stop::input(format!(
        "model {name} was trained on these images by another split: it has seen some that are held out here; use the recipe that \
         it was trained by"
    )))
}
