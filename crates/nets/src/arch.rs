//! Architectures, one definition for every device. Public for training only.

mod backbone;
mod classifier;

pub use backbone::{Backbone, ResidualBlock};
pub use classifier::{Classifier, ClassifierConfig, Forward};
