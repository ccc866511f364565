//! Classifiers whose labels are not one of all: several findings at once, or several tasks on one network.
//!
//! A recipe says so by `targets`; its table has a column a label, whose cells may be in doubt or empty. The network is the
//! same: in its decoder each label is a query of its own. What it lowers, how it is calibrated and what is measured is each
//! label's own, or each group's.

mod baselines;
mod labels;
mod loss;
mod measure;
mod settings;
#[cfg(test)]
mod tests;

pub use baselines::baselines_of_labels;
pub use settings::{CallRule, Doubtful, MultiLabel};

pub(crate) use labels::{LabelColumns, add_truths, check_sides};
pub(crate) use loss::{Weights, goals, loss_of};
pub(crate) use measure::{measure_labels, validated};
