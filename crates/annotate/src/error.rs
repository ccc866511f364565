/// Why a question, an answer or a training set cannot be made of what was given.
///
/// No variant holds a value of a patient.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotateError {
    /// A question that cannot be asked.
    #[error("{place}: {what}")]
    Question {
        /// Which part of it.
        place: String,
        /// What was found, and what was expected.
        what: String,
    },
    /// An answer that does not fit its question or its images.
    #[error("{place}: {what}")]
    Answer {
        /// Which part of it.
        place: String,
        /// What was found, and what was expected.
        what: String,
    },
    /// Images that cannot be used.
    #[error("{0}")]
    Images(String),
    /// A training set that nothing is in, or that no training takes.
    #[error("{0}")]
    Empty(String),
    /// An object that cannot be read or written.
    #[error(transparent)]
    Format(#[from] wilhelm_formats::FormatError),
    /// Numbers that say nothing.
    #[error(transparent)]
    Stats(#[from] wilhelm_stats::StatsError),
    /// Masks that do not fit their grid.
    #[error(transparent)]
    Filter(#[from] wilhelm_filters::FilterError),
    /// A file of the training set that cannot be written.
    #[error("writing {name}: {source}")]
    Write {
        /// Its name.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl AnnotateError {
    pub(crate) fn question(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Question { place: place.into(), what: what.into() }
    }

    pub(crate) fn answer(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Answer { place: place.into(), what: what.into() }
    }

    /// Whether who asked can do something about it.
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(self, Self::Write { .. })
    }
}
