//! A network that writes one part of a report out of the others, trained on texts that people wrote, and measured beside what
//! needs no network: the commonest text, the lead sentence, the nearest report's text.
//!
//! [`train_summary`] trains a decoder on "source, then target" and keeps the pass that is best on reports of its own;
//! [`SummaryModel::measure`] writes about the reports held out. The target is another section, or the labels that people gave.
//! A research generator: `wilhelm read` does not use it.

mod card;
mod measure;
mod recipe;
mod reports;
#[cfg(test)]
mod tests;
mod train;

pub use card::{SummaryCard, SummaryModel};
pub use measure::{SummaryFigures, SummarySystem};
pub use recipe::{SummaryRecipe, SummarySizes, TextSource};
pub use reports::{Reports, SummaryCase};
pub use train::{SummaryMetrics, TrainedSummary, train_summary};
