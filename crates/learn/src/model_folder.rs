//! The folder of a trained model: a card, and files that the card vouches for by their hashes.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::LearnError;
use crate::hash::sha256;

/// What a card says it is.
pub(crate) trait FolderCard: DeserializeOwned {
    /// The kind and the number of its shape that this program reads.
    const EXPECTED: (&'static str, u32);
    /// The kind and the number that it states.
    fn stated(&self) -> (&str, u32);
}

/// A model's folder, whose files are read with errors that name them.
#[derive(Clone, Copy)]
pub(crate) struct ModelFolder<'a>(pub &'a Path);

impl ModelFolder<'_> {
    /// Something wrong with one of its files.
    pub fn wrong(self, file: &str, what: impl Into<String>) -> LearnError {
        LearnError::Data { place: self.0.join(file).display().to_string(), what: what.into() }
    }

    /// The bytes of a file.
    pub fn read(self, file: &str) -> Result<Vec<u8>, LearnError> {
        fs::read(self.0.join(file)).map_err(|error| self.wrong(file, format!("is not readable: {error}")))
    }

    /// The bytes of a file with the hash that its card states.
    pub fn vouched(self, file: &str, expected: &str) -> Result<Vec<u8>, LearnError> {
        let bytes = self.read(file)?;
        let found = sha256(&bytes);
        if found == expected {
            return Ok(bytes);
        }
        let what = format!("has SHA-256 {found}, its card says {expected}; copy the model's folder anew");
        Err(self.wrong(file, what))
    }

    /// The same as text.
    pub fn vouched_text(self, file: &str, expected: &str) -> Result<String, LearnError> {
        self.text(file, self.vouched(file, expected)?)
    }

    /// The card, of the kind that is asked for.
    pub fn card<C: FolderCard>(self) -> Result<C, LearnError> {
        let file = "card.toml";
        let text = self.text(file, self.read(file)?)?;
        let card: C = toml::from_str(&text).map_err(|error| self.wrong(file, error.message()))?;
        let ((kind, schema), (wanted, form)) = (card.stated(), C::EXPECTED);
        if (kind, schema) != (wanted, form) {
            let what = format!("is a card of kind {kind} {schema}, expected {wanted} {form}");
            return Err(self.wrong(file, what));
        }
        Ok(card)
    }

    fn text(self, file: &str, bytes: Vec<u8>) -> Result<String, LearnError> {
        String::from_utf8(bytes).map_err(|_| self.wrong(file, "is not UTF-8 text"))
    }
}
