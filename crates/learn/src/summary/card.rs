use std::fs;
use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use wilhelm_nets::arch::Gpt;
use wilhelm_stats::Resampling;

use super::measure::{measure, write};
use super::{Reports, SummaryFigures, SummaryRecipe};
use crate::LearnError;
use crate::generator::{Decoding, Vocabulary};
use crate::hash::sha256;

/// What a generator's folder says of it: its `card.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryCard {
    /// The number of this shape of file.
    pub schema: u32,
    /// Always [`SummaryCard::KIND`].
    pub kind: String,
    /// Name of the model.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// What the model must not be used for.
    pub must_not: Vec<String>,
    /// How to cite the texts that it learned from.
    pub citation: String,
    /// SHA-256 of `weights.safetensors`.
    pub weights_sha256: String,
    /// SHA-256 of `tokenizer.json`.
    pub tokenizer_sha256: String,
    /// SHA-256 of `recipe.toml`.
    pub recipe_sha256: String,
    /// SHA-256 over the reports.
    pub data_sha256: String,
}

impl SummaryCard {
    /// What [`SummaryCard::schema`] is today.
    pub const SCHEMA: u32 = 1;
    /// What [`SummaryCard::kind`] always is.
    pub const KIND: &'static str = "text-generator";

    /// Whether a model's folder holds one of these.
    pub fn is_in(folder: &Path) -> bool {
        let text = fs::read_to_string(folder.join("card.toml")).unwrap_or_default();
        let table: Option<toml::Table> = toml::from_str(&text).ok();
        table.and_then(|table| table.get("kind")?.as_str().map(|kind| kind == Self::KIND)).unwrap_or(false)
    }
}

/// A trained generator of texts out of texts.
#[derive(Debug)]
pub struct SummaryModel {
    /// Its card.
    pub card: SummaryCard,
    /// Its recipe.
    pub recipe: SummaryRecipe,
    vocabulary: Vocabulary,
    network: Gpt,
}

impl SummaryModel {
    /// Reads a folder as `wilhelm train report` writes it.
    ///
    /// # Errors
    /// [`LearnError::Data`] naming the file that is missing, not readable, or not the one that the card vouches for.
    pub fn open(folder: &Path) -> Result<Self, LearnError> {
        let wrong = |file: &str, what: String| LearnError::Data {
            place: folder.join(file).display().to_string(),
            what,
        };
        let read = |file: &str| {
            fs::read(folder.join(file)).map_err(|error| wrong(file, format!("is not readable: {error}")))
        };
        let text = |file: &str, bytes: Vec<u8>| {
            String::from_utf8(bytes).map_err(|_| wrong(file, "is not UTF-8 text".to_owned()))
        };
        let card: SummaryCard = toml::from_str(&text("card.toml", read("card.toml")?)?)
            .map_err(|error| wrong("card.toml", error.message().to_owned()))?;
        if card.kind != SummaryCard::KIND || card.schema != SummaryCard::SCHEMA {
            let what = format!("is a card of kind {} {}", card.kind, card.schema);
            return Err(wrong("card.toml", what));
        }
        let vouched = |file: &str, expected: &str| {
            let bytes = read(file)?;
            let found = sha256(&bytes);
            if found == expected {
                return Ok(bytes);
            }
            let what = format!("has SHA-256 {found}, its card says {expected}; copy the model's folder anew");
            Err(wrong(file, what))
        };
        let recipe_text = text("recipe.toml", vouched("recipe.toml", &card.recipe_sha256)?)?;
        let recipe = SummaryRecipe::from_toml(&recipe_text)?;
        let vocabulary = Vocabulary::from_json(&vouched("tokenizer.json", &card.tokenizer_sha256)?)?;
        let weights = vouched("weights.safetensors", &card.weights_sha256)?;
        let network = Gpt::load(&recipe.sizes(vocabulary.len()), weights, &Device::flex())
            .map_err(|error| wrong("weights.safetensors", error.to_string()))?;
        Ok(Self { card, recipe, vocabulary, network })
    }

    /// Writes about the reports held out anew and measures what is written; also gives the texts, in the order of the split.
    ///
    /// # Errors
    /// [`LearnError::Data`] for other reports than those that the card names.
    pub fn measure(
        &self,
        reports: &Reports,
        decoding: Decoding,
        resampling: Resampling,
    ) -> Result<(SummaryFigures, Vec<String>), LearnError> {
        if reports.sha256 != self.card.data_sha256 {
            return Err(LearnError::Data {
                place: "the reports".to_owned(),
                what: format!(
                    "have SHA-256 {}, the model was trained and measured on {}: name that folder",
                    reports.sha256, self.card.data_sha256
                ),
            });
        }
        let written = write(&self.recipe, reports, &self.network, &self.vocabulary, decoding)?;
        let texts = written.texts.clone();
        Ok((measure(&self.recipe, reports, &[(decoding, written)], resampling)?, texts))
    }
}
