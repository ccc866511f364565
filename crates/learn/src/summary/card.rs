use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use wilhelm_nets::arch::Gpt;
use wilhelm_stats::Resampling;

use super::measure::{measure, write};
use super::{Reports, SummaryFigures, SummaryRecipe};
use crate::LearnError;
use crate::generator::{Decoding, Vocabulary};
use crate::model_folder::{FolderCard, ModelFolder};

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

impl FolderCard for SummaryCard {
    const EXPECTED: (&'static str, u32) = (Self::KIND, Self::SCHEMA);
    fn stated(&self) -> (&str, u32) {
        (&self.kind, self.schema)
    }
}

impl SummaryCard {
    /// What [`SummaryCard::schema`] is today.
    pub const SCHEMA: u32 = 1;
    /// What [`SummaryCard::kind`] always is.
    pub const KIND: &'static str = "text-generator";

    /// Whether a model's folder holds one of these.
    pub fn is_in(folder: &Path) -> bool {
        let text = std::fs::read_to_string(folder.join("card.toml")).unwrap_or_default();
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
        let files = ModelFolder(folder);
        let card: SummaryCard = files.card()?;
        let recipe_text = files.vouched_text("recipe.toml", &card.recipe_sha256)?;
        let recipe = SummaryRecipe::from_toml(&recipe_text)?;
        let vocabulary = Vocabulary::from_json(&files.vouched("tokenizer.json", &card.tokenizer_sha256)?)?;
        let weights = files.vouched("weights.safetensors", &card.weights_sha256)?;
        let network = Gpt::load(&recipe.sizes(vocabulary.len()), weights, &Device::flex())
            .map_err(|error| files.wrong("weights.safetensors", error.to_string()))?;
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
