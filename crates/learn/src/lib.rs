//! Data sets and training.
//!
//! The principal function is [`train_classifier`]: a [`Recipe`] and the data that it names become weights,
//! an outlier detector and a [`Card`](wilhelm_nets::Card) whose figures were measured on a validation
//! split that shares no near-duplicate with the training data, and no patient where the data name them. [`segment`]
//! has the same for networks that outline something. Time comes in through the progress
//! trait, randomness through the recipe's seed.

pub mod active;
mod augment;
pub mod baselines;
mod certify;
mod curves;
mod dataset;
mod error;
mod evaluate;
pub mod evaluation;
pub mod fewshot;
mod fit;
mod folds;
pub mod fusion;
pub mod generator;
mod hash;
mod held_out;
mod mean;
mod metrics;
mod model_folder;
mod multi;
mod origin;
pub mod plots;
mod pretrain;
pub mod reading;
mod recipe;
mod recorder;
mod relations;
pub mod robustness;
mod run;
mod seed;
pub mod segment;
pub mod sources;
mod split;
pub mod summary;
mod sweep;
mod together;
mod train;

pub use augment::{Augmentation, Elastic};
pub use certify::certify;
pub use dataset::{Dataset, Example, Side, load};
pub use error::LearnError;
pub use fit::{EpochReport, Keep, Loss, Optimizer, Room, Schedule, SegmentationLoss, TrainProgress};
pub use folds::{
    FoldLine, FoldRun, FoldSummary, OutOfFold, fold_runs, folds_table, out_of_fold, summarize_folds,
};
pub use held_out::{HeldOut, HeldOutCase};
pub use mean::RunMean;
pub use metrics::RunMetrics;
pub use multi::{CallRule, Doubtful, MultiLabel, baselines_of_labels};
pub use pretrain::{Pretrained, Pretraining, pretrain};
pub use recipe::{
    CopiesOfTest, DataSource, DicomKey, Fold, Normalization, Optimization, Recipe, RecipeKind, WrittenRecipe,
};
pub use run::{Keeping, Maker, Resume, Run};
pub use split::{Division, Split, divide, folds_by_group, split_by_group};
pub use sweep::{Arm, ArmSummary, Axis, Outcome, Sweep, Variant, summarize, table};
pub use together::{Voice, VoiceFigures, VoiceSummary, mean_voice, summarize_voices};
pub use train::{Start, Trained, train_classifier};
