use std::path::Path;

use serde::{Deserialize, Serialize};
use wilhelm_filters::Preparation;
use wilhelm_nets::Training;
use wilhelm_nets::arch::ImageWriter;
use wilhelm_stats::Resampling;

use super::measure::{Measured, generate, measure};
use super::train::texts_of;
use super::{Decoding, ReportFigures, ReportRecipe, Vocabulary};
use crate::evaluation::Table;
use crate::model_folder::{FolderCard, ModelFolder};
use crate::{Dataset, LearnError, Split};

/// What a report generator's folder says of it: its `card.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportCard {
    /// The number of this shape of file.
    pub schema: u32,
    /// Always [`ReportCard::KIND`].
    pub kind: String,
    /// Name of the model.
    pub name: String,
    /// Version of the weights.
    pub version: String,
    /// One line for people.
    pub title: String,
    /// License of the weights.
    pub license: String,
    /// What the model must not be used for.
    pub must_not: Vec<String>,
    /// SHA-256 of `weights.safetensors`.
    pub weights_sha256: String,
    /// SHA-256 of `tokenizer.json`.
    pub tokenizer_sha256: String,
    /// SHA-256 of `recipe.toml`, which has the sizes and the sentences.
    pub recipe_sha256: String,
    /// How images become the network's input.
    pub preparation: Preparation,
    /// Where the weights come from.
    pub training: Training,
    /// The main figures of the validation images.
    pub validation: ReportValidation,
}

/// Figures on a card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportValidation {
    /// How the split was made.
    pub split: String,
    /// Validation images.
    pub images: usize,
    /// Share of the texts that say the image's label.
    pub label_accuracy: f64,
    /// Accuracy of the classifier of the same recipe and split.
    pub classifier_accuracy: f64,
    /// What repeats the figures.
    pub command: String,
}

impl FolderCard for ReportCard {
    const EXPECTED: (&'static str, u32) = (Self::KIND, Self::SCHEMA);
    fn stated(&self) -> (&str, u32) {
        (&self.kind, self.schema)
    }
}

impl ReportCard {
    /// What [`ReportCard::schema`] is today.
    pub const SCHEMA: u32 = 1;
    /// What [`ReportCard::kind`] always is.
    pub const KIND: &'static str = "report-generator";
}

/// A trained report generator with all that it takes to measure it anew.
#[derive(Debug)]
pub struct WriterModel {
    /// Its card.
    pub card: ReportCard,
    /// Its recipe.
    pub recipe: ReportRecipe,
    vocabulary: Vocabulary,
    network: ImageWriter,
    /// What the classifier said of the validation images: their names and calls.
    calls: Vec<(String, usize)>,
}

impl WriterModel {
    /// Reads a folder as `wilhelm train report` writes it.
    ///
    /// # Errors
    /// [`LearnError::Data`] naming the file that is missing, not readable, or not the one that the card vouches for.
    pub fn open(folder: &Path) -> Result<Self, LearnError> {
        let files = ModelFolder(folder);
        let card: ReportCard = files.card()?;
        let recipe_text = files.vouched_text("recipe.toml", &card.recipe_sha256)?;
        let recipe = ReportRecipe::from_toml(&recipe_text)?;
        let vocabulary = Vocabulary::from_json(&files.vouched("tokenizer.json", &card.tokenizer_sha256)?)?;
        let network = ImageWriter::load(
            &recipe.recipe.architecture,
            &recipe.text_config(vocabulary.len()),
            &recipe.prefix_config(),
            files.vouched("weights.safetensors", &card.weights_sha256)?,
        )
        .map_err(|what| files.wrong("weights.safetensors", what))?;
        let table = Table::parse("validation.csv", &files.read("validation.csv")?)?;
        let column = |name: &str| {
            table.column(name).ok_or_else(|| files.wrong("validation.csv", format!("has no column {name}")))
        };
        let (id, called) = (column("id")?, column("classifier")?);
        let labels = &recipe.recipe.labels;
        let calls = table.rows().iter().map(|row| {
            let label = labels.iter().position(|label| label.key == row.cells[called]);
            let what = || {
                files.wrong("validation.csv", format!("line {}: the classifier's label is none", row.line))
            };
            Ok::<_, LearnError>((row.cells[id].clone(), label.ok_or_else(what)?))
        });
        let calls = calls.collect::<Result<Vec<_>, LearnError>>()?;
        Ok(Self { card, recipe, vocabulary, network, calls })
    }

    /// Writes about the validation images anew and measures what is written; also gives the texts, in the order of the
    /// split.
    ///
    /// # Errors
    /// [`LearnError::Data`] for other data or another split than those that the card names.
    pub fn measure(
        &self,
        data: &Dataset,
        split: &Split,
        decoding: Decoding,
        resampling: Resampling,
    ) -> Result<(ReportFigures, Vec<String>), LearnError> {
        let expected = &self.card.training.data_sha256;
        if data.sha256 != *expected {
            return Err(LearnError::Data {
                place: "the data".to_owned(),
                what: format!(
                    "have SHA-256 {}, the model was trained and measured on {expected}: name that folder",
                    data.sha256
                ),
            });
        }
        let names = split.validation.iter().map(|place| &data.examples[*place].source);
        if !names.eq(self.calls.iter().map(|(name, _)| name)) {
            return Err(LearnError::Data {
                place: "validation.csv".to_owned(),
                what: "lists other images than the recipe's split holds out; copy the model's folder anew"
                    .to_owned(),
            });
        }
        let texts = texts_of(&self.recipe, &data.examples);
        let calls: Vec<usize> = self.calls.iter().map(|(_, call)| *call).collect();
        let of = Measured {
            recipe: &self.recipe,
            examples: &data.examples,
            split,
            texts: &texts,
            calls: &calls,
            preparation: &self.card.preparation,
        };
        let written = generate(&of, &self.network, &self.vocabulary, decoding)?;
        let texts = written.texts.clone();
        Ok((measure(&[(decoding, written)], &of, resampling)?, texts))
    }
}
