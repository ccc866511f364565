use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The family of a defect; the sentence beside it says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DefectKind {
    /// The file could not be read as an image at all.
    Unreadable,
    /// The file is shorter than it declares.
    Truncated,
    /// A header value is missing or contradicts another.
    Header,
    /// A gap where a slice should be.
    MissingSlice,
    /// Two slices at one position.
    DuplicateSlice,
    /// Spacing between slices varies.
    IrregularSpacing,
    /// Slices are not stacked along their normal (gantry tilt).
    Tilt,
    /// Slices of more than one orientation in one series.
    MixedOrientation,
    /// Slices of more than one size or pixel spacing in one series.
    MixedGrid,
    /// Values that are not numbers, or out of the declared range.
    Values,
    /// The unit of the values is not known.
    Uncalibrated,
    /// Something declared is beyond what this program reads.
    Unsupported,
    /// Larger than the configured limit.
    TooLarge,
    /// Image quality: noise, blur, saturation, blank.
    Quality,
}

/// Something wrong with what was read: where, what family, and a sentence.
///
/// The sentence never holds a value that identifies a patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Defect {
    /// The file, slice or element it was found in.
    pub place: String,
    /// Its family.
    pub kind: DefectKind,
    /// What was found and what was expected, in words.
    pub message: String,
}

impl Defect {
    /// A defect from its parts.
    pub fn new(kind: DefectKind, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), kind, message: message.into() }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}
