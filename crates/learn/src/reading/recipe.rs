use serde::{Deserialize, Serialize};

use crate::origin::Origin;
use crate::recipe::Holding;
use crate::{LearnError, Optimization};

/// Where the texts are, below the folder given on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextData {
    /// A table with a header (CSV).
    pub table: String,
    /// The column of the texts.
    pub text: String,
    /// The column of the labels.
    pub label: String,
    /// The column that says what belongs together (a patient, an article): all of it stays on one side of the split.
    #[serde(default)]
    pub group: Option<String>,
    /// Columns of numbers that are read with each text; an empty cell counts as the mean.
    #[serde(default)]
    pub numbers: Vec<String>,
}

/// A label of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextLabel {
    /// Its name in files.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// What stands in the table; left out, the key.
    #[serde(default)]
    pub value: Option<String>,
}

/// The network on top of the encoder, and how much of the encoder is trained with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderRecipe {
    /// Most tokens that are read of a text.
    pub most_tokens: usize,
    /// Width between what is read and the labels.
    pub hidden: usize,
    /// Layers of the encoder, from the first, that stay as they are; the embeddings always do.
    #[serde(default)]
    pub hold_layers: usize,
}

/// Everything that decides the training of a classifier of texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRecipe {
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
    /// Seed of everything random.
    pub seed: u64,
    /// Seed of the split alone; left out, it is the seed.
    #[serde(default)]
    pub split_seed: Option<u64>,
    /// Share of each label's texts held out, whole groups at a time.
    pub validation_share: f64,
    /// The key of the label that is looked for, of two.
    #[serde(default)]
    pub positive: Option<String>,
    /// The data set, in words.
    pub data_words: String,
    /// Its license.
    pub data_license: String,
    /// How to cite it.
    pub citation: String,
    /// Where the texts are.
    pub data: TextData,
    /// The labels.
    pub labels: Vec<TextLabel>,
    /// Sizes of what is on top of the encoder.
    pub reader: ReaderRecipe,
    /// How the weights are fitted.
    pub optimization: Optimization,
}

impl TextRecipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    pub fn from_toml(text: &str) -> Result<Self, LearnError> {
        let recipe: Self =
            toml::from_str(text).map_err(|error| LearnError::Recipe(error.message().to_owned()))?;
        if let Some(fault) = recipe.fault() {
            return Err(LearnError::Recipe(fault));
        }
        recipe.optimization.check(recipe.optimization.loss.fault())?;
        Holding::of(Some(recipe.validation_share), None, None)?;
        Ok(recipe)
    }

    /// The seed that decides which texts are held out.
    pub fn split_seed(&self) -> u64 {
        self.split_seed.unwrap_or(self.seed)
    }

    /// What a card says of what this recipe makes.
    pub(super) fn origin(&self) -> Origin<'_> {
        Origin {
            data: &self.data_words,
            data_license: &self.data_license,
            citation: &self.citation,
            epochs: self.optimization.epochs,
            seed: self.seed,
        }
    }

    fn fault(&self) -> Option<String> {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        let ReaderRecipe { most_tokens, hidden, .. } = self.reader;
        if !within(most_tokens, 8192) || !within(hidden, 4096) || self.data.numbers.len() > 8192 {
            return Some(
                "the sizes under [reader] and the numbers under [data] are out of bounds".to_owned(),
            );
        }
        if !(2..=256).contains(&self.labels.len()) {
            return Some(format!("it has {} labels, expected 2 to 256", self.labels.len()));
        }
        let plain = |key: &str| {
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        if let Some(label) = self.labels.iter().find(|label| !plain(&label.key)) {
            return Some(format!("the label key {:?} is not of letters, digits, _ and - alone", label.key));
        }
        // They become columns of the table of predictions.
        let taken = ["id", "label", "group"];
        for (place, label) in self.labels.iter().enumerate() {
            if taken.contains(&label.key.as_str()) {
                return Some(format!("no label may have the key {}", label.key));
            }
            if self.labels[..place]
                .iter()
                .any(|other| other.key == label.key || other.found() == label.found())
            {
                return Some(format!("two labels have the key or the value of {}", label.key));
            }
        }
        match &self.positive {
            Some(key) if !self.labels.iter().any(|label| label.key == *key) => {
                Some(format!("positive is {key}, which is no label's key"))
            }
            None if self.labels.len() == 2 => {
                Some("it has two labels: set positive to the key of the one that is looked for".to_owned())
            }
            _ => None,
        }
    }
}

impl TextLabel {
    /// What stands for it in the table.
    pub(super) fn found(&self) -> &str {
        self.value.as_deref().unwrap_or(&self.key)
    }
}
