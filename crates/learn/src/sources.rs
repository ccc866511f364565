//! What each source of a diagnosis is worth, alone and put together: the image's probability, the signs and the words of the
//! request, the base rate.
//!
//! [`compare_sources`] asks every way of putting them together for a probability of each case by what was learned on other
//! cases alone, and measures discrimination and calibration of each, beside the image alone. Where there is no image, one can
//! be simulated, which the figures then say.

mod arms;
mod cases;
mod simulated;
#[cfg(test)]
mod tests;
mod words;

pub use arms::{Arm, SourceFigures, compare_sources};
pub use cases::{SourceCases, SourceColumns};
pub use words::WordModel;
pub(crate) use words::{Terms, cosine};

use serde::{Deserialize, Serialize};
use wilhelm_stats::Resampling;

/// How sources are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceSettings {
    /// Key of the finding whose table of signs is asked, such as `pneumonia`; none asks no table.
    pub finding: Option<String>,
    /// Parts of the cases; each is told of by what was learned on the others.
    pub folds: usize,
    /// How little weights are held back: scikit-learn's C.
    pub strength: f64,
    /// What the log odds of signs are multiplied by where nothing is learned, as `fusion.text_weight`.
    pub text_weight: f64,
    /// Area under the curve of an image that is simulated; none simulates none.
    pub simulated_image: Option<f64>,
    /// How much of what the simulated image says it has in common with the request's words, given the truth, 0 to 1.
    pub simulated_share: f64,
    /// Age of cases whose text states none, years.
    pub age_years: Option<f64>,
    /// Intervals; the seed also cuts the folds and draws the simulation.
    pub resampling: Resampling,
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            finding: None,
            folds: 5,
            strength: 1.0,
            text_weight: 0.5,
            simulated_image: None,
            simulated_share: 0.0,
            age_years: None,
            resampling: Resampling { replicates: 2000, level: 0.95, seed: 0 },
        }
    }
}
