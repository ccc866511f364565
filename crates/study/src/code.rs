use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A concept with its code: Code Value, Coding Scheme Designator, Code Meaning.
///
/// # Source
/// PS3.3 Section 8 (Coding of Attributes).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodedConcept {
    /// Code Value (0008,0100), for example `233604007`.
    pub value: String,
    /// Coding Scheme Designator (0008,0102), for example `SCT`.
    pub scheme: String,
    /// Code Meaning (0008,0104), for example `Pneumonia`.
    pub meaning: String,
}

impl CodedConcept {
    /// A concept from its three parts.
    pub fn new(scheme: &str, value: &str, meaning: &str) -> Self {
        Self { value: value.to_owned(), scheme: scheme.to_owned(), meaning: meaning.to_owned() }
    }
}
