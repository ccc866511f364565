use serde::{Deserialize, Serialize};
use wilhelm_nets::arch::{Activation, GptConfig};

use crate::{Keep, LearnError, Optimization, Optimizer, Schedule};

/// Where texts come from, and how many words of them are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSource {
    /// Tables with an id and the sections of a report a row, within the data's folder.
    pub reports: Vec<String>,
    /// Tables with an id and a column a label.
    pub tags: Vec<String>,
    /// Columns that are read, in order.
    pub source: Vec<String>,
    /// The column that is written, or `tags`: the names of the labels that people gave.
    pub target: String,
    /// Share of the reports by which everything is measured.
    pub held_out_share: f64,
    /// Share of the others by which the pass is chosen.
    pub stop_share: f64,
    /// Texts in which a word must stand to be learned.
    pub least_texts: usize,
    /// Most words of a source.
    pub most_source: usize,
    /// Most words of a target, its end included.
    pub most_target: usize,
}

impl TextSource {
    /// Whether the labels are written rather than a section.
    pub fn writes_tags(&self) -> bool {
        self.target == "tags"
    }
}

/// Sizes of the decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummarySizes {
    /// Length of a token's vector.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Share of numbers dropped in training.
    pub dropout: f64,
}

/// How it is fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fitting {
    epochs: usize,
    warm_up_epochs: usize,
    batch: usize,
    learning_rate: f64,
    weight_decay: f32,
    clip_norm: f32,
}

/// Everything that decides the training of a generator of texts out of texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SummaryRecipe {
    /// Always [`SummaryRecipe::KIND`].
    pub kind: String,
    /// Name of the model.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// What the model must not be used for.
    pub must_not: Vec<String>,
    /// How to cite the texts.
    pub citation: String,
    /// Seed of everything random; that of the split too unless `split_seed` stands beside it.
    pub seed: u64,
    /// Seed of the split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// The texts.
    pub texts: TextSource,
    /// The decoder.
    pub network: SummarySizes,
    optimization: Fitting,
}

impl SummaryRecipe {
    /// What [`SummaryRecipe::kind`] always is.
    pub const KIND: &'static str = "text";

    /// Whether a recipe's text is of this kind.
    pub fn is_one(text: &str) -> bool {
        let table: Option<toml::Table> = toml::from_str(text).ok();
        table.and_then(|table| table.get("kind")?.as_str().map(|kind| kind == Self::KIND)).unwrap_or(false)
    }

    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    pub fn from_toml(text: &str) -> Result<Self, LearnError> {
        let recipe: Self =
            toml::from_str(text).map_err(|error| LearnError::Recipe(error.message().to_owned()))?;
        match recipe.fault() {
            Some(fault) => Err(LearnError::Recipe(fault)),
            None => recipe.fitting().check(None).map(|()| recipe),
        }
    }

    fn fault(&self) -> Option<String> {
        let TextSource { held_out_share, stop_share, least_texts, most_source, most_target, .. } = self.texts;
        let share = |share: f64| share > 0.0 && share <= 0.5;
        if self.kind != Self::KIND {
            return Some(format!("kind is {}, expected {}", self.kind, Self::KIND));
        }
        if self.texts.reports.is_empty() || self.texts.source.is_empty() {
            return Some("reports and source under [texts] must name something".to_owned());
        }
        if self.texts.tags.is_empty() {
            return Some("tags under [texts] must name a table: labels are measured by it".to_owned());
        }
        if !share(held_out_share) || !share(stop_share) {
            return Some("held_out_share and stop_share must be above 0, up to 0.5".to_owned());
        }
        let words = (4..=1024).contains(&most_source) && (2..=512).contains(&most_target);
        if !words || !(1..=1000).contains(&least_texts) {
            return Some("most_source, most_target or least_texts under [texts] is out of bounds".to_owned());
        }
        let SummarySizes { width, layers, .. } = self.network;
        if !self.sizes(2).is_sound() || width > 1024 || layers > 24 {
            return Some("the sizes under [network] are out of bounds".to_owned());
        }
        None
    }

    /// The decoder's sizes for so many words.
    pub(super) fn sizes(&self, vocabulary: usize) -> GptConfig {
        let SummarySizes { width, heads, layers, dropout } = self.network;
        GptConfig {
            vocabulary,
            positions: self.texts.most_source + self.texts.most_target,
            width,
            heads,
            layers,
            inner: 4 * width,
            activation: Activation::Tangent,
            epsilon: 1e-5,
            dropout,
            tied: true,
        }
    }

    /// How it is fitted, as the training loop takes it: the best pass is kept.
    pub(super) fn fitting(&self) -> Optimization<()> {
        let Fitting { epochs, warm_up_epochs, batch, learning_rate, weight_decay, clip_norm } =
            self.optimization;
        Optimization {
            epochs,
            warm_up_epochs,
            batch,
            learning_rate,
            schedule: Schedule::default(),
            optimizer: Optimizer::default(),
            weight_decay,
            clip_norm,
            loss: (),
            average: 0.0,
            patience: 0,
            keep: Keep::Best,
            label_smoothing: 0.0,
            class_balance: 0.0,
        }
    }
}
