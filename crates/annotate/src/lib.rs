//! What people say of images: questions, answers, how far they agree, and the training set that they become.
//!
//! The principal types are [`Question`] and [`Answer`]: an answer is checked against its question and its images before it is
//! kept ([`Answer::checked`]). [`agreement`] and [`outline_agreement`] say how far people agree, [`TrainingSet`] writes what
//! `wilhelm train` takes.
//!
//! Invariants held here: no answer names a label, a structure or an image that is not asked about; a contour becomes the same
//! pixels everywhere ([`paint`]); nothing of a header but the modality and the body part reaches a training set.
//!
//! This crate knows no archive, no account and no clock.
//!
//! ```
//! use wilhelm_annotate::{Answer, Choice, ImageSize, Question};
//!
//! let question = Question::labels(&["benign", "malignant"]);
//! let image = [ImageSize { columns: 64, rows: 48, frames: 1 }];
//! assert!(Answer::label("benign").checked(&question, &image).is_ok());
//! let refused = Answer::label("normal").checked(&question, &image).expect_err("no such label");
//! assert_eq!(refused.to_string(), "labels: \"normal\" is none of the question's: benign, malignant");
//! # let _: Option<Choice> = None;
//! ```

mod agreement;
mod answer;
mod canvas;
mod error;
mod outlines;
mod question;
mod raster;
mod segmentation;
mod training_set;

pub use agreement::{Agreement, ItemAgreement, LabelTable, PairTable, Said, agreement};
pub use answer::{Answer, ImageSize, Outline};
pub use canvas::{Canvas, Piece};
pub use error::AnnotateError;
pub use outlines::{
    Drawn, ItemOverlap, OutlineAgreement, PairOverlap, Spread, StructureOverlap, outline_agreement,
};
pub use question::{Choice, Question, Structure};
pub use raster::{paint, runs_of};
pub use segmentation::outlines_of_segmentation;
pub use training_set::{About, Case, Confirmed, LeftOut, Sink, TrainingSet, Written};
