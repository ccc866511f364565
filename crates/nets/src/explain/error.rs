use wilhelm_stats::StatsError;
use wilhelm_study::VoxelError;

use crate::ModelError;

/// What stops an explanation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The model, or a label that it does not have.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A layer that the network does not have.
    #[error("layer is {found}, expected 1 to {layers}")]
    Layer {
        /// The layer asked for.
        found: usize,
        /// Layers with maps.
        layers: usize,
    },
    /// A logit that the network does not have.
    #[error("logit is {found}, expected 0 to {}", logits - 1)]
    Logit {
        /// The logit asked for.
        found: usize,
        /// Logits there are.
        logits: usize,
    },
    /// A setting outside its range.
    #[error("{name} is {found}, expected {expected}")]
    Parameter {
        /// The setting.
        name: &'static str,
        /// What it was.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// Two things that must lie on one grid do not.
    #[error("{what} has {found} (columns, rows, slices), expected {expected}")]
    Grid {
        /// What lies elsewhere.
        what: &'static str,
        /// Its size.
        found: String,
        /// The size asked for.
        expected: String,
    },
    /// Not a number, or without bound.
    #[error("{0} holds values that are not finite")]
    NotFinite(&'static str),
    /// Nothing to look at.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A file of stored cases that is none, or another model's.
    #[error("stored cases: {0}")]
    Cases(String),
    /// A map that does not fit its grid.
    #[error(transparent)]
    Voxels(#[from] VoxelError),
    /// A figure that is undefined for the cases at hand.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

impl ExplainError {
    /// Whether what was handed in is at fault, rather than this program.
    pub const fn is_callers_fault(&self) -> bool {
        match self {
            Self::Model(error) => error.is_callers_fault(),
            Self::Voxels(_) => false,
            _ => true,
        }
    }

    /// A setting outside its range.
    pub(super) fn parameter(name: &'static str, found: impl ToString, expected: impl ToString) -> Self {
        Self::Parameter { name, found: found.to_string(), expected: expected.to_string() }
    }

    /// A grid of another size.
    pub(super) fn grid(what: &'static str, found: [usize; 3], expected: [usize; 3]) -> Self {
        let spoken = |[columns, rows, slices]: [usize; 3]| format!("{columns} x {rows} x {slices}");
        Self::Grid { what, found: spoken(found), expected: spoken(expected) }
    }
}
