use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wrong with an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// Empty, longer than 64 characters, or characters other than digits and dots.
    ///
    /// The value is not shown: in crooked files a UID field can hold a patient's data.
    #[error("{role} is not a UID of 1 to 64 digits and dots (PS3.5 Section 9.1)")]
    NotAUid {
        /// Which identifier was read.
        role: &'static str,
    },
}

macro_rules! uid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks the form of a UID; trailing NUL and space padding is removed.
            ///
            /// # Errors
            /// [`IdentifierError::NotAUid`] for anything but 1 to 64 digits and dots.
            pub fn new(text: &str) -> Result<Self, IdentifierError> {
                let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
                let form = !text.is_empty()
                    && text.len() <= 64
                    && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                if form { Ok(Self(text.to_owned())) } else { Err(IdentifierError::NotAUid { role: stringify!($name) }) }
            }

            /// The UID as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

uid!(
    /// Study Instance UID (0020,000D).
    StudyInstanceUid
);
uid!(
    /// Series Instance UID (0020,000E).
    SeriesInstanceUid
);
uid!(
    /// SOP Instance UID (0008,0018).
    SopInstanceUid
);
uid!(
    /// Frame of Reference UID (0020,0052).
    FrameOfReferenceUid
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_removed_and_text_is_refused_without_showing_it() {
        assert_eq!(SopInstanceUid::new("1.2.3\0").as_ref().map(SopInstanceUid::as_str), Ok("1.2.3"));
        let refused = SopInstanceUid::new("Doe^Jane").expect_err("letters are no UID");
        assert!(!refused.to_string().contains("Doe"));
        assert!(SopInstanceUid::new(&"1".repeat(65)).is_err());
    }
}
