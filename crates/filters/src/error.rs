use wilhelm_study::{GeometryError, VoxelError};

/// What stops a filter, a segmentation or a measurement.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// A parameter outside what the method is defined for.
    #[error("{name} is {found}, expected {expected}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The refused value.
        found: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// A flat image that states no distance between its pixels, where a length is needed.
    #[error("spacing between pixels is unknown, expected one in mm")]
    Spacing,
    /// A mask without voxels, or without enough of them.
    #[error("{what} has {found} voxels, expected at least {expected}")]
    TooFew {
        /// What is too small: a mask, a label, a region.
        what: &'static str,
        /// Voxels found.
        found: usize,
        /// Voxels needed.
        expected: usize,
    },
    /// All values are equal, where a method needs a spread.
    #[error("every value is {value}, expected a spread")]
    Constant {
        /// The value.
        value: f32,
    },
    /// A value that is not a finite number, where a method needs finite ones.
    #[error("{count} values are not finite numbers")]
    NotFinite {
        /// How many.
        count: usize,
    },
    /// The structure that was looked for is not in the image.
    #[error("no {structure} found: {reason}")]
    NotFound {
        /// What was looked for.
        structure: &'static str,
        /// Why it was not accepted.
        reason: String,
    },
    /// Two arrays that must share a grid do not.
    #[error(transparent)]
    Voxels(#[from] VoxelError),
    /// A grid that cannot be made.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// The caller asked to stop.
    #[error("stopped before the end")]
    Cancelled,
}

impl FilterError {
    /// A parameter's refusal.
    pub(crate) fn parameter(
        name: &'static str,
        found: impl std::fmt::Display,
        expected: &'static str,
    ) -> Self {
        Self::Parameter { name, found: found.to_string(), expected }
    }

    /// Whether the input is to blame: always, but for a stop.
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(self, Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_found_and_what_is_accepted() {
        let refused = FilterError::parameter("sigma", -1.0, "more than 0 mm");
        assert_eq!(refused.to_string(), "sigma is -1, expected more than 0 mm");
        assert!(refused.is_callers_fault() && !FilterError::Cancelled.is_callers_fault());
    }
}
