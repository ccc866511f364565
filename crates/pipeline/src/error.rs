use wilhelm_filters::PrepareError;
use wilhelm_formats::FormatError;
use wilhelm_nets::{ExplainError, ModelError};
use wilhelm_report::ReportError;

use crate::FusionError;
use crate::library::LibraryError;

/// What stops a journey.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// A model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The map of where it looked.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// The image does not become a network's input.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A picture that cannot be written.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// An earlier examination that cannot be compared.
    #[error(transparent)]
    Prior(#[from] crate::PriorError),
    /// The report breaks its own invariant: a fault of this program.
    #[error("the report contradicts itself: {0}")]
    Report(#[from] ReportError),
    /// Image, request and base rates cannot be put together.
    #[error(transparent)]
    Fusion(#[from] FusionError),
    /// The index of the user's texts.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}
