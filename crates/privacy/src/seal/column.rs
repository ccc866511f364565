use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::hmac;
use wilhelm_study::Phi;

use super::keyring::KeyId;
use super::{Keyring, SealError, aead};
use crate::{Entropy, Secret, hex};

/// What a wrap of a value is for, and what an index is for.
const CELL: &[u8] = b"wilhelm cell 1";
const INDEX: &[u8] = b"wilhelm index 1";

/// Key of one column that identifies patients: its values are sealed, and found by a keyed index of equal values.
///
/// The index tells whoever reads the table which rows have the same value, and no more; so a column of few values (sex) is
/// better left without one. It does not change with the master key.
#[derive(Debug)]
pub struct ColumnKey<'a> {
    ring: &'a Keyring,
    index: Secret,
    name: String,
}

impl<'a> ColumnKey<'a> {
    pub(super) fn new(ring: &'a Keyring, index: &Secret, name: &str) -> Self {
        let index = index.derive(INDEX, &[name.as_bytes()]);
        Self { ring, index, name: name.to_owned() }
    }

    /// The index of a value: 32 hexadecimal digits. Bring values to one form first, such as [`folded`](Self::folded).
    pub fn index(&self, value: &Phi<String>) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.index.expose());
        hex::encode(&hmac::sign(&key, value.expose().as_bytes()).as_ref()[..16])
    }

    /// A name as it is searched for: capital letters, one space between words, no empty components at its end.
    pub fn folded(value: &Phi<String>) -> Phi<String> {
        let upper = value.expose().to_uppercase();
        let components: Vec<String> = upper
            .split('^')
            .map(|component| component.split_whitespace().collect::<Vec<&str>>().join(" "))
            .collect();
        Phi::new(components.join("^").trim_end_matches('^').to_owned())
    }

    /// Seals the value of a row; it opens in that row and column alone.
    ///
    /// # Errors
    /// [`SealError::Entropy`].
    pub fn seal(
        &self,
        row: &str,
        value: &Phi<String>,
        entropy: &mut impl Entropy,
    ) -> Result<String, SealError> {
        let mut bytes = entropy.array::<16>()?.to_vec();
        let text = value.expose().as_bytes();
        let sealed = aead::wrap(self.ring.active_key(), &bytes, CELL, &self.place(row), text);
        bytes.extend(sealed);
        Ok(format!("1:{}:{}", self.ring.active(), STANDARD_NO_PAD.encode(bytes)))
    }

    /// Opens the value of a row.
    ///
    /// # Errors
    /// [`SealError::NoKey`], [`SealError::Cell`].
    pub fn open(&self, row: &str, cell: &str) -> Result<Phi<String>, SealError> {
        let wrong = || SealError::Cell { column: self.name.clone() };
        let (id, text) = cell.strip_prefix("1:").and_then(|cell| cell.split_once(':')).ok_or_else(wrong)?;
        let key = self.ring.key(hex::decode(id).map(KeyId).ok_or_else(wrong)?)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (salt, sealed) = bytes.split_at_checked(16).ok_or_else(wrong)?;
        let opened = aead::unwrap(key, salt, CELL, &self.place(row), sealed).ok_or_else(wrong)?;
        String::from_utf8(opened).map(Phi::new).map_err(|_| wrong())
    }

    fn place(&self, row: &str) -> Vec<u8> {
        [self.name.as_bytes(), &[0], row.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::tests::Fixed;
    use super::*;
    use crate::entropy::tests::Counted;

    fn phi(text: &str) -> Phi<String> {
        Phi::new(text.to_owned())
    }

    #[test]
    fn values_and_indexes_are_those_of_pythons_cryptography() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../../testdata/privacy/golden.json")).expect("JSON");
        for case in golden["cells"].as_array().expect("cases") {
            let text = |key: &str| case[key].as_str().expect("text");
            let bytes = |key: &str| hex::decode(text(key)).expect("bytes");
            let id = hex::decode(text("key_id")).expect("a name");
            let ring = Keyring::of_keys(id, bytes("master"), bytes("index_key"));
            let column = ring.column(text("column"));
            let value = phi(text("value"));
            let salt: [u8; 16] = hex::decode(text("salt")).expect("a salt");
            let cell = column.seal(text("row"), &value, &mut Fixed(salt.to_vec())).expect("sealed");
            assert_eq!(cell, text("cell"));
            assert_eq!(column.index(&value), text("index"));
            assert_eq!(column.open(text("row"), text("cell")).expect("opened").expose(), text("value"));
        }
    }

    #[test]
    fn a_value_opens_in_its_row_and_column_alone() {
        let ring = Keyring::of_keys([1; 8], [2; 32], [3; 32]);
        let names = ring.column("patient_name");
        let cell = names.seal("17", &phi("DOE^JANE"), &mut Counted(0)).expect("sealed");
        assert!(!cell.contains("DOE"));
        assert_ne!(cell, names.seal("17", &phi("DOE^JANE"), &mut Counted(9)).expect("sealed"));
        for opened in [
            names.open("18", &cell),
            ring.column("patient_id").open("17", &cell),
            Keyring::of_keys([1; 8], [9; 32], [3; 32]).column("patient_name").open("17", &cell),
            names.open("17", &cell[..cell.len() - 3]),
            names.open("17", "DOE^JANE"),
            names.open("17", ""),
        ] {
            let error = opened.expect_err("not there");
            assert!(matches!(error, SealError::Cell { .. }) && !error.to_string().contains("DOE"), "{error}");
        }
        let other = Keyring::of_keys([7; 8], [2; 32], [3; 32]);
        let lost = other.column("patient_name").open("17", &cell).expect_err("a lost key");
        assert!(matches!(lost, SealError::NoKey { .. }), "{lost}");
    }

    #[test]
    fn equal_names_have_one_index_in_one_column() {
        let ring = Keyring::of_keys([1; 8], [2; 32], [3; 32]);
        let names = ring.column("patient_name");
        let index = |name: &str| names.index(&ColumnKey::folded(&phi(name)));
        assert_eq!(index("Doe^Jane  Mary^^^"), index(" DOE^JANE MARY"));
        assert_ne!(index("Doe^Jane"), index("Doe^Janet"));
        assert_ne!(index("Doe"), ring.column("patient_id").index(&ColumnKey::folded(&phi("Doe"))));
    }
}
