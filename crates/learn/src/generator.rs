//! A network that writes a report about an image, trained on texts whose truth is known, and measured by what they say.
//!
//! [`train_report`] trains what a [`ReportRecipe`] asks for: first a classifier of the same images, then an
//! [`ImageWriter`](wilhelm_nets::arch::ImageWriter) on texts that a [`Grammar`] makes of each image's label and of what can be
//! computed from its pixels. Because the grammar reads back what it writes, a generated text is right or wrong, not only
//! similar. It is a research generator: `wilhelm read` does not use it, and its sentences would have to pass the gate of
//! `wilhelm-report` like anybody's.

mod card;
mod grammar;
mod lessons;
mod measure;
mod recipe;
#[cfg(test)]
mod tests;
mod train;
mod words;

pub use card::{ReportCard, ReportValidation, WriterModel};
pub use grammar::{About, Grammar, Reading, SecondReader, Slot};
pub use measure::{Decoding, ReportFigures, SlotFigure, SystemFigures};
pub use recipe::{DecoderRecipe, ReportRecipe, StartOf, Writing};
pub use train::{ReportMetrics, ReportRuns, TrainedReport, train_report};
pub use words::Vocabulary;
pub(crate) use words::split as split_words;
