//! What all cards on disk share: their text, what is checked of each, and the hash of the weights beside it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CardError, is_plain_name};
use crate::ModelError;
use crate::model::check_hash;

/// A card in a file.
pub(crate) trait CardOnDisk: Serialize + DeserializeOwned {
    /// The form this program reads and writes.
    const FORM: u32;
    /// What its names are called where one is refused.
    const NAMES: &'static str = "a file name or model name";

    /// Version of its form.
    fn form(&self) -> u32;

    /// Its name.
    fn named(&self) -> &str;

    /// The weights beside it, and their SHA-256.
    fn weights(&self) -> (&str, &str);

    /// Other files beside it.
    fn other_files(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Why it is not of the kind that it is read as.
    fn other_kind(&self) -> Option<String> {
        None
    }

    /// In what it contradicts itself, beyond form, kind and names.
    fn fault(&self) -> Option<String>;
}

/// Reads and checks a card.
///
/// # Errors
/// [`CardError`] for a text that is no card, or one that contradicts itself.
pub(crate) fn read<C: CardOnDisk>(text: &str) -> Result<C, CardError> {
    let card: C = toml::from_str(text).map_err(|error| CardError::Form(error.message().to_owned()))?;
    check(&card)?;
    Ok(card)
}

/// The card as TOML.
///
/// # Errors
/// [`CardError`] if the card contradicts itself.
pub(crate) fn write<C: CardOnDisk>(card: &C) -> Result<String, CardError> {
    check(card)?;
    toml::to_string(card).map_err(|error| CardError::Form(error.to_string()))
}

/// Compares the SHA-256 of the weights with what their card says.
///
/// # Errors
/// [`ModelError::Hash`].
pub(crate) fn check_weights<C: CardOnDisk>(card: &C, bytes: &[u8]) -> Result<(), ModelError> {
    let (file, expected) = card.weights();
    check_hash(card.named(), file, bytes, expected)
}

fn check<C: CardOnDisk>(card: &C) -> Result<(), CardError> {
    let fault = || {
        if card.form() != C::FORM {
            return Some(format!("schema is {}, this program reads {}", card.form(), C::FORM));
        }
        if let Some(other) = card.other_kind() {
            return Some(other);
        }
        let files = card.other_files();
        if ![card.weights().0, card.named()].iter().chain(&files).all(|name| is_plain_name(name)) {
            return Some(format!("{} has other characters than a-z 0-9 . _ -", C::NAMES));
        }
        card.fault()
    };
    fault().map_or(Ok(()), |what| Err(CardError::Inconsistent { model: card.named().to_owned(), what }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::Card;
    use crate::arch::ClassifierConfig;

    #[test]
    fn cards_of_before_are_read_and_written_with_the_same_keys() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        for model in ["adrenal-shape", "brain-mr-tumor", "chest-pneumonia"] {
            let place = folder.join(model).join("card.toml");
            let text = std::fs::read_to_string(&place).unwrap_or_else(|error| panic!("{model}: {error}"));
            let card = Card::from_toml(&text).unwrap_or_else(|error| panic!("{model}: {error}"));
            assert!(card.targets.is_one_of() && card.architecture.cnn.is_none());
            let again = card.to_toml().expect("TOML");
            let [before, after] =
                [&text, &again].map(|text| toml::from_str::<toml::Table>(text).expect("TOML"));
            let keys = |table: &toml::Table, name: &str| -> Vec<String> {
                table[name].as_table().expect("a table").keys().cloned().collect()
            };
            for name in ["architecture", "calibration", "validation"] {
                assert_eq!(keys(&after, name), keys(&before, name), "{model}: {name}");
            }
            assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "{model}");
            let sizes = toml::to_string(&card.architecture).expect("TOML");
            let read: ClassifierConfig = toml::from_str(&sizes).expect("again");
            assert_eq!(read, card.architecture);
        }
    }
}
