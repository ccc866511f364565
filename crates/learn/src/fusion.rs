//! Classifiers of several inputs of one case (CT, MR, PET after registration), any of which may be missing.
//!
//! [`train_fusion`] trains by early, intermediate or late fusion ([`Fusion`](wilhelm_nets::arch::Fusion)) what a
//! [`FusionRecipe`] asks for; [`fit_fusion`] is its part that needs no card.

mod data;
mod folds;
mod lessons;
mod measure;
mod metrics;
mod recipe;
#[cfg(test)]
mod tests;
mod train;

pub use data::{FusionCase, FusionData, load_cases};
pub use folds::{FusionOutOfFold, InputsMean, fusion_out_of_fold, inputs_means, inputs_table};
pub use measure::{FusionFigures, SubsetFigures};
pub use metrics::FusionMetrics;
pub use recipe::{FusionRecipe, InputRecipe};
pub use train::{FittedFusion, FusionRuns, FusionTrained, divide_cases, fit_fusion, train_fusion};
