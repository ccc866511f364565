use std::path::Path;

use serde::{Deserialize, Serialize};
use wilhelm_nets::Training;
use wilhelm_nets::arch::ReaderConfig;
use wilhelm_nets::text::TextClassifier;
use wilhelm_stats::softmax;
use wilhelm_study::Progress;

use super::TextLabel;
use crate::LearnError;
use crate::evaluation::Headline;
use crate::model_folder::{FolderCard, ModelFolder};

/// A number that is read with a text, as the training texts had it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextScale {
    /// Its column.
    pub column: String,
    /// Its mean.
    pub mean: f32,
    /// Its deviation, above 0.
    pub deviation: f32,
}

impl TextScale {
    /// A value on the network's scale; one that is missing counts as the mean.
    pub fn scaled(&self, value: Option<f32>) -> f32 {
        value.map_or(0.0, |value| (value - self.mean) / self.deviation)
    }
}

/// What the folder of a classifier of texts says of it: its `card.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextCard {
    /// The number of this shape of file.
    pub schema: u32,
    /// Always [`TextCard::KIND`].
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
    /// The encoder that it began as.
    pub encoder: String,
    /// SHA-256 of `weights.safetensors`.
    pub weights_sha256: String,
    /// SHA-256 of `tokenizer.json`.
    pub tokenizer_sha256: String,
    /// SHA-256 of `config.json`.
    pub config_sha256: String,
    /// Most tokens that are read of a text.
    pub most_tokens: usize,
    /// Whether texts are put in lower case first.
    pub lowers: bool,
    /// Width between what is read and the labels.
    pub hidden: usize,
    /// The temperature by which logits are divided.
    pub temperature: f64,
    /// The label that is looked for, of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// Its labels.
    pub labels: Vec<TextLabel>,
    /// The numbers that are read with a text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<TextScale>,
    /// Where the weights come from.
    pub training: Training,
    /// How the split was made.
    pub split: String,
    /// Texts held out.
    pub texts: usize,
    /// What printed the figures.
    pub command: String,
    /// Figures on the texts held out.
    pub figures: Vec<Headline>,
    /// The same of weighted terms without a network.
    pub without_a_network: Vec<Headline>,
}

impl FolderCard for TextCard {
    const EXPECTED: (&'static str, u32) = (Self::KIND, Self::SCHEMA);
    fn stated(&self) -> (&str, u32) {
        (&self.kind, self.schema)
    }
}

impl TextCard {
    /// What [`TextCard::schema`] is today.
    pub const SCHEMA: u32 = 1;
    /// What [`TextCard::kind`] always is.
    pub const KIND: &'static str = "text-classifier";

    pub(super) fn sizes(&self) -> ReaderConfig {
        ReaderConfig { numbers: self.numbers.len(), hidden: self.hidden, classes: self.labels.len() }
    }
}

/// A trained classifier of texts.
#[derive(Debug)]
pub struct TextModel {
    /// Its card.
    pub card: TextCard,
    network: TextClassifier,
}

impl TextModel {
    /// Reads a folder as `wilhelm train text` writes it.
    ///
    /// # Errors
    /// [`LearnError::Data`] naming the file that is missing, not readable, or not the one that the card vouches for.
    pub fn open(folder: &Path) -> Result<Self, LearnError> {
        let files = ModelFolder(folder);
        let card: TextCard = files.card()?;
        let scaled = card.numbers.iter().all(|number| number.deviation > 0.0 && number.mean.is_finite());
        let positive = |temperature: f64| temperature.is_finite() && temperature > 0.0;
        if !scaled || !positive(card.temperature) || card.labels.len() < 2 {
            let what = "a deviation or the temperature is not above 0, or there are fewer than two labels";
            return Err(files.wrong("card.toml", what));
        }
        let config = files.vouched_text("config.json", &card.config_sha256)?;
        let tokenizer = files.vouched("tokenizer.json", &card.tokenizer_sha256)?;
        let weights = files.vouched("weights.safetensors", &card.weights_sha256)?;
        let network = TextClassifier::read(
            &folder.join("config.json"),
            (&config, &tokenizer),
            card.sizes(),
            weights,
            (card.most_tokens, card.lowers),
        )?;
        Ok(Self { card, network })
    }

    /// The probability of each label for each text, and how many of its tokens were not read.
    ///
    /// `numbers` holds a row a text, in the order of the card's; none for a number that is missing.
    ///
    /// # Errors
    /// [`LearnError::Text`]; [`LearnError::Data`] for a row of another length.
    pub fn read(
        &self,
        texts: &[&str],
        numbers: &[Vec<Option<f32>>],
        progress: &dyn Progress,
    ) -> Result<Vec<(Vec<f64>, usize)>, LearnError> {
        let wanted = &self.card.numbers;
        let scaled: Vec<Vec<f32>> = numbers
            .iter()
            .map(|row| wanted.iter().zip(row).map(|(scale, value)| scale.scaled(*value)).collect())
            .collect();
        if numbers.len() != texts.len() || numbers.iter().any(|row| row.len() != wanted.len()) {
            return Err(LearnError::Data {
                place: "the numbers of the texts".to_owned(),
                what: format!("expected {} for each of {} texts", wanted.len(), texts.len()),
            });
        }
        let said = self.network.logits(texts, &scaled, progress)?;
        Ok(said.into_iter().map(|said| (softmax(&said.logits, self.card.temperature), said.cut)).collect())
    }
}
