//! What a classifier's training begins with: nothing, an encoder, or weights trained before.

use std::path::{Path, PathBuf};

use wilhelm_learn::{Division, Recipe, Start};
use wilhelm_nets::EncoderCard;

use crate::exit::Stop;
use crate::output::read_text;
use crate::verbs::fewshot::refuse_other_split;

/// What is said of what a training began with.
#[derive(Clone, Default)]
pub struct StartWords {
    /// On the command line.
    pub option: String,
    /// After the recipe's name on the card.
    pub on_card: String,
    /// At the end of the run's recipe.
    pub in_recipe: String,
}

/// What a training begins with.
#[derive(Clone)]
pub struct Beginning {
    /// For the training.
    pub start: Start,
    /// For card, run and command.
    pub words: StartWords,
    /// The encoder's folder.
    pub encoder: Option<PathBuf>,
}

/// Reads what the command line or, where it says nothing, the recipe names.
pub fn begin(weights: Option<&Path>, start: Option<&Path>, recipe: &Recipe) -> anyhow::Result<Beginning> {
    if let Some(path) = weights {
        let fail = |error| Stop::input(format!("weights {} cannot be read: {error}", path.display()));
        let option = format!(" --weights models/{}/weights.safetensors", recipe.name);
        let words = StartWords { option, ..StartWords::default() };
        return Ok(Beginning {
            start: Start::Trained(std::fs::read(path).map_err(fail)?),
            words,
            encoder: None,
        });
    }
    let of_recipe = recipe.start.as_deref().map(Path::new);
    let Some(folder) = start.or(of_recipe) else {
        return Ok(Beginning { start: Start::Fresh, words: StartWords::default(), encoder: None });
    };
    let (card, weights) = read_encoder(folder)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let words = StartWords {
        option: start.map_or_else(String::new, |_| format!(" --start {name}")),
        on_card: format!(", begun with the encoder of SHA-256 {}", card.weights_sha256),
        in_recipe: format!("\n# Begun with the encoder of SHA-256 {}\n", card.weights_sha256),
    };
    let start = Start::Encoder { card: Box::new(card), weights };
    Ok(Beginning { start, words, encoder: Some(folder.to_owned()) })
}

/// Refuses an encoder that has seen images which are held out, without their labels as they may have been.
pub fn refuse_what_it_saw(folder: &Path, start: &Start, division: &Division<'_>) -> anyhow::Result<()> {
    let Start::Encoder { card, .. } = start else { return Ok(()) };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    refuse_other_split(folder, &name, &card.training.data_sha256, card.training.seed, division)?;
    Ok(())
}

/// Card and weights of an encoder's folder.
pub fn read_encoder(folder: &Path) -> anyhow::Result<(EncoderCard, Vec<u8>)> {
    let place = folder.join(EncoderCard::FILE);
    if !place.is_file() {
        return Err(Stop::input(format!(
            "{} holds no encoder: it has no {}; `wilhelm train pretrain` makes one",
            folder.display(),
            EncoderCard::FILE
        )));
    }
    let fault = |error: wilhelm_nets::CardError| Stop::input(format!("{}: {error}", place.display()));
    let card = EncoderCard::from_toml(&read_text(&place, "card")?).map_err(fault)?;
    let place = folder.join(&card.weights);
    let fail = |error| Stop::input(format!("weights {} cannot be read: {error}", place.display()));
    let weights = std::fs::read(&place).map_err(fail)?;
    Ok((card, weights))
}
