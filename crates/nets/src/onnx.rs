//! Networks as ONNX files, out and in.
//!
//! Out: [`export`] writes an [`OnnxNetwork`], [`Model::to_onnx`](crate::Model::to_onnx) a model and
//! [`Segmenter::to_onnx`](crate::Segmenter::to_onnx) a segmenter with their cards' words, by messages written here ([decision 0012](../../../docs/adr/0012-onnx.md)). In: [`Runtime`] is ONNX Runtime,
//! a library that is found when it is asked for and only in a build with the feature `ort`;
//! [`Model::with_runtime`](crate::Model::with_runtime) computes our own models by it, and an [`OnnxClassifier`] is one
//! made by others, with an [`OnnxCard`].

#[cfg(not(feature = "ort"))]
mod absent;
mod card;
mod check;
mod efficientnet;
mod engine;
mod error;
mod export;
mod graph;
mod imported;
mod layers;
mod message;
mod metadata;
mod networks;
mod published;
mod recurrent;
#[cfg(feature = "ort")]
mod runtime;
#[cfg(all(test, feature = "ort"))]
mod runtime_tests;
mod segmenter;
mod session;
#[cfg(test)]
mod tests;
mod unet;

#[cfg(not(feature = "ort"))]
pub use absent::Runtime;
pub use card::{Layout, OnnxCard, OnnxGraph, OnnxOutput, OnnxSource};
pub use error::OnnxError;
pub use export::export;
pub use imported::OnnxClassifier;
pub use networks::OnnxNetwork;
#[cfg(feature = "ort")]
pub use runtime::Runtime;

#[cfg(not(feature = "ort"))]
pub(crate) use absent::Session;
pub(crate) use engine::{engine_file, engine_rows};
#[cfg(feature = "ort")]
pub(crate) use runtime::Session;

/// The largest ONNX file that is written or read, bytes (1 GiB): protobuf itself ends at twice that.
pub(crate) const MOST_BYTES: usize = 1 << 30;
