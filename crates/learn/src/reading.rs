//! A network that says what a text is, alone or with the numbers that come with it.
//!
//! [`train_text`] puts a fresh head on a trained encoder of texts and fits both to a table of labeled texts, as a
//! [`TextRecipe`] says. Beside a text the table may have numbers: an image's feature vector, measurements, an age; then the
//! network reads text and image together. Copies of a text, and texts of one group (a patient, an article), stay on one
//! side of the split. A linear classifier of weighted terms is fitted to the same training texts and measured on the same
//! others: a network of millions of weights has to be better than that.

mod baseline;
mod card;
mod data;
mod lessons;
mod recipe;
#[cfg(test)]
mod tests;
mod train;

pub use baseline::TermsBaseline;
pub use card::{TextCard, TextModel, TextScale};
pub use data::{TextExample, Texts};
pub use recipe::{ReaderRecipe, TextData, TextLabel, TextRecipe};
pub use train::{TextMetrics, TrainedText, train_text};
