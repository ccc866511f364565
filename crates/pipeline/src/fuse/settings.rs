use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wilhelm_stats::StatsError;

/// Why sources are not put together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FusionError {
    /// A setting out of its range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// Which.
        setting: String,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A file of learned weights that cannot be used.
    #[error("weights of the fusion are not readable: {0}")]
    Weights(String),
    /// An interval that would not hold its estimate.
    #[error("interval of the fused probability: {0}")]
    Interval(String),
    /// What the arithmetic says.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

/// Whether and how the request and base rates move a probability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FusionMode {
    /// The image alone decides; the request is quoted.
    #[default]
    Off,
    /// Logarithmic pooling with published likelihood ratios and stated weights.
    Pool,
    /// Weights that were learned on cases with both.
    Stacked,
}

/// How much image and text count, learned by `wilhelm evaluate fusion` on cases that have both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackedWeights {
    /// Key of the finding.
    pub finding: String,
    /// What is added whatever the sources say.
    pub intercept: f64,
    /// What the log odds of the image's probability are multiplied by.
    pub image: f64,
    /// What the log odds of the request's signs are multiplied by.
    pub text: f64,
    /// Cases they were learned on.
    pub cases: usize,
    /// Which.
    pub learned_on: String,
}

impl StackedWeights {
    /// Reads a file of weights.
    ///
    /// # Errors
    /// [`FusionError::Weights`] for what is no such file, or a weight that is not a number from -10 to 10.
    pub fn from_toml(text: &str) -> Result<Self, FusionError> {
        let weights: Self =
            toml::from_str(text).map_err(|error| FusionError::Weights(error.message().to_owned()))?;
        for (name, value) in
            [("intercept", weights.intercept), ("image", weights.image), ("text", weights.text)]
        {
            if !(-10.0..=10.0).contains(&value) {
                return Err(FusionError::Weights(format!("{name} is {value}, expected -10 to 10")));
            }
        }
        Ok(weights)
    }
}

/// How sources are put together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FusionSettings {
    /// Whether and how.
    pub mode: FusionMode,
    /// How common a finding is in this place, by its key.
    pub base_rates: BTreeMap<String, f64>,
    /// What the log odds of each sign are multiplied by where nothing was learned, 0 to 1.
    pub text_weight: f64,
    /// Most that all signs together add or take away, natural logarithm of the odds, 0 to 10.
    pub most_text_log_odds: f64,
    /// Learned weights, for [`FusionMode::Stacked`].
    pub stacked: Option<StackedWeights>,
}

impl Default for FusionSettings {
    fn default() -> Self {
        Self {
            mode: FusionMode::Off,
            base_rates: BTreeMap::new(),
            text_weight: 0.5,
            most_text_log_odds: 1.5,
            stacked: None,
        }
    }
}

impl FusionSettings {
    /// Refuses what is out of its range.
    ///
    /// # Errors
    /// [`FusionError::Setting`].
    pub fn check(&self) -> Result<(), FusionError> {
        let refuse =
            |setting: String, found: String, expected| Err(FusionError::Setting { setting, found, expected });
        for (finding, rate) in &self.base_rates {
            if !(*rate > 0.0 && *rate < 1.0) {
                let setting = format!("base rate of {finding}");
                return refuse(setting, rate.to_string(), "a share above 0 and below 1");
            }
        }
        if !(0.0..=1.0).contains(&self.text_weight) {
            return refuse("text_weight".to_owned(), self.text_weight.to_string(), "0 to 1");
        }
        if !(0.0..=10.0).contains(&self.most_text_log_odds) {
            return refuse("most_text_log_odds".to_owned(), self.most_text_log_odds.to_string(), "0 to 10");
        }
        if self.mode == FusionMode::Stacked && self.stacked.is_none() {
            return refuse(
                "mode".to_owned(),
                "stacked".to_owned(),
                "a file of weights beside it, which `wilhelm evaluate fusion --weights FILE` writes",
            );
        }
        Ok(())
    }
}
