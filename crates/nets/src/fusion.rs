//! Classifiers of several inputs of one case: their cards, and how they are asked.

mod card;
mod model;
mod stack;

pub use card::{FusionCard, InputBaseline, InputCard, SubsetCard, subsets};
pub use model::{FusionModel, FusionPrediction};
pub use stack::Stack;
