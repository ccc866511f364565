//! Networks: architectures, weights and their cards, inference, explanation.
//!
//! The principal type is [`Model`]: weights whose SHA-256 was checked, with the [`Card`] that says
//! what they accept. [`Card::accepts`] refuses input by name before a network sees it, and
//! [`Model::predict`] abstains where an image lies far from the training data. A [`Segmenter`] outlines
//! something in a picture or volume, window by window where it is large, and has a [`SegmenterCard`]. A [`FusionModel`]
//! reads several inputs of one case, any of which may be missing. [`explain`] says what a network looked at and what that
//! is worth, [`onnx`] writes networks for other programs and reads theirs, [`text`] gives sentences vectors and chooses
//! words. No tensor type leaves this crate except through [`arch`], which `learn` trains, and the networks that
//! [`explain`] takes.

mod accept;
mod adopted;
mod appearance;
pub mod arch;
mod calibration;
mod card;
mod encoder;
pub mod explain;
mod fusion;
mod kernels;
mod model;
pub mod onnx;
mod outlier;
mod processor;
mod segmenter;
mod shelf;
mod targets;
pub mod text;
mod views;

pub use accept::{InputFacts, Refusal};
pub use adopted::{AdoptError, Adopted, AdoptedCard, AdoptedClassifier, Preset, adopt};
pub use appearance::{APPEARANCE, appearance};
pub use calibration::{Calibration, GroupCalibration};
pub use card::{
    AcceptedInput, BaselineMetric, Card, CardError, ClassMetric, FigureDifferences, Interval, Label,
    LabelFigures, OutlierCard, Training, Validation,
};
pub use encoder::{ContrastiveFigures, EncoderCard, FrozenEncoder};
pub use explain::{ExplainError, HeatMap};
pub use fusion::{
    FusionCard, FusionModel, FusionPrediction, InputBaseline, InputCard, Stack, SubsetCard, subsets,
};
pub use model::{LabelProbability, Model, ModelError, Prediction};
pub use onnx::{OnnxCard, OnnxClassifier, OnnxError};
pub use outlier::{OutlierDetector, OutlierError, TapStatistics};
pub use processor::{Processor, ProcessorError};
pub use segmenter::{
    AcceptedVolume, Agreement, DistanceUnit, NetworkGrid, OutputKind, PairCard, PairPreparation,
    SegmentBaseline, SegmentClass, SegmentLabel, SegmentMetric, Segmenter, SegmenterArchitecture,
    SegmenterCard, SegmenterValidation, Source, TrainedSegmenter, WindowPreparation, Windows, bounds_of,
    labels_at, on_network_grid, slide,
};
pub use shelf::{AdoptedEntry, FusionEntry, OnnxEntry, SegmenterEntry, Shelf, ShelfEntry};
pub use targets::Targets;
pub use views::Views;
