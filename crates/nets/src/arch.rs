//! Architectures, one definition for every device. Public for training only.

mod backbone;
mod classifier;
mod link_net;

pub use backbone::{Backbone, ResidualBlock};
pub use classifier::{Classifier, ClassifierConfig, Forward};
pub use link_net::{Down, LinkNet, LinkNetPair, ResidualBlock3d, Up};
