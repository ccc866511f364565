use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use wilhelm_nets::arch::{Activation, GptConfig, PrefixConfig};

use super::Grammar;
use crate::{Keep, LearnError, Optimization, Optimizer, Recipe, Schedule};

/// What the encoder of the images begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartOf {
    /// The encoder of the classifier that the same recipe trains first.
    #[default]
    Classifier,
    /// Random weights.
    Fresh,
}

/// Sizes of what writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderRecipe {
    /// Tokens that the image's feature vector becomes.
    pub prefix_tokens: usize,
    /// Width within the perceptron that makes them.
    pub prefix_inner: usize,
    /// Length of a token's vector.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Most words of a text, its end included.
    pub most_words: usize,
    /// Share of numbers dropped in training.
    pub dropout: f64,
}

/// How the weights of what writes are fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Writing {
    /// What the encoder begins with.
    #[serde(default)]
    pub start: StartOf,
    /// Passes over the training data.
    pub epochs: usize,
    /// Passes with a rising learning rate.
    pub warm_up_epochs: usize,
    /// Images a step.
    pub batch: usize,
    /// Greatest learning rate.
    pub learning_rate: f64,
    /// What the rate does after the warm-up.
    #[serde(default)]
    pub schedule: Schedule,
    /// How strongly weights are drawn to 0.
    pub weight_decay: f32,
    /// Norm to which the gradient of each parameter tensor is clipped; 0 clips nothing.
    pub clip_norm: f32,
    /// Which pass the weights are taken from.
    #[serde(default)]
    pub keep: Keep,
}

/// Everything that decides the training of a report generator.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportRecipe {
    /// What it has in common with the recipe of a classifier of the same images, which is trained by it.
    pub recipe: Recipe,
    /// The sentences and their wordings.
    pub grammar: Grammar,
    /// Sizes of what writes.
    pub decoder: DecoderRecipe,
    /// How it is fitted.
    pub writing: Writing,
}

/// What stands in the recipe beside that of a classifier.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    grammar: Grammar,
    decoder: DecoderRecipe,
    writing: Writing,
}

impl ReportRecipe {
    /// Its keys beside those of a classifier's recipe.
    pub(crate) const OWN: [&str; 3] = ["grammar", "decoder", "writing"];

    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    pub fn from_toml(text: &str) -> Result<Self, LearnError> {
        let unreadable = |error: toml::de::Error| LearnError::Recipe(error.message().to_owned());
        let mut table: Table = toml::from_str(text).map_err(unreadable)?;
        let own: Table = Self::OWN.iter().filter_map(|key| table.remove_entry(*key)).collect();
        let Written { grammar, decoder, writing } = own.try_into().map_err(unreadable)?;
        let recipe: Recipe = Value::Table(table).try_into().map_err(unreadable)?;
        if let Some(start) = &recipe.start {
            return Err(LearnError::Recipe(format!(
                "start = {start:?} is for classifiers: a generator's encoder begins as start under [writing] says, with \
                 \"classifier\" or \"fresh\"; take it out"
            )));
        }
        let recipe = recipe.checked()?;
        recipe.require_one_of("writers of reports are")?;
        let recipe = Self { recipe, grammar, decoder, writing };
        match recipe.fault() {
            Some(fault) => Err(LearnError::Recipe(fault)),
            None => recipe.optimization().check(None).map(|()| recipe),
        }
    }

    /// How the writer is fitted, as the training loop takes it.
    pub(super) fn optimization(&self) -> Optimization<()> {
        let Writing { epochs, warm_up_epochs, batch, learning_rate, .. } = self.writing;
        Optimization {
            epochs,
            warm_up_epochs,
            batch,
            learning_rate,
            schedule: self.writing.schedule.clone(),
            optimizer: Optimizer::default(),
            weight_decay: self.writing.weight_decay,
            clip_norm: self.writing.clip_norm,
            loss: (),
            average: 0.0,
            patience: 0,
            keep: self.writing.keep,
            label_smoothing: 0.0,
            class_balance: 0.0,
        }
    }

    /// Sizes of the decoder for so many words.
    pub fn text_config(&self, vocabulary: usize) -> GptConfig {
        self.decoder.text_config(vocabulary)
    }

    /// Sizes of the prefix.
    pub fn prefix_config(&self) -> PrefixConfig {
        self.decoder.prefix_config(self.recipe.architecture.features)
    }

    fn fault(&self) -> Option<String> {
        let DecoderRecipe { prefix_tokens, prefix_inner, most_words, .. } = self.decoder;
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        let sizes = within(prefix_tokens, 64) && within(prefix_inner, 4096) && within(most_words, 1024);
        if !sizes || !self.text_config(2).is_sound() || self.decoder.layers > 24 || self.decoder.width > 1024
        {
            return Some("the sizes of the decoder are out of bounds".to_owned());
        }
        if self.recipe.augmentation.mix > 0.0 {
            return Some("mix under [augmentation] must be 0: two images have no text in common".to_owned());
        }
        if self.recipe.pretraining.is_some() {
            return Some("[pretraining] is of networks without labels, which have no text".to_owned());
        }
        self.grammar.fault(self.recipe.labels.len())
    }
}

impl DecoderRecipe {
    pub(super) fn text_config(&self, vocabulary: usize) -> GptConfig {
        GptConfig {
            vocabulary,
            positions: self.prefix_tokens + self.most_words,
            width: self.width,
            heads: self.heads,
            layers: self.layers,
            inner: 4 * self.width,
            activation: Activation::Tangent,
            epsilon: 1e-5,
            dropout: self.dropout,
            tied: true,
        }
    }

    pub(super) fn prefix_config(&self, features: usize) -> PrefixConfig {
        PrefixConfig { features, inner: self.prefix_inner, tokens: self.prefix_tokens }
    }
}
