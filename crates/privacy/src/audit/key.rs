use std::fmt;

use ring::hmac;
use serde::{Deserialize, Serialize};
use wilhelm_study::Phi;

use super::ObjectKind;
use crate::{Secret, hex};

/// The keys of one audit log: of its entries, of its checkpoint and of its references.
#[derive(Clone)]
pub struct AuditKey {
    entry: hmac::Key,
    head: hmac::Key,
    reference: hmac::Key,
}

impl AuditKey {
    /// Derives the three from one secret.
    pub fn new(secret: &Secret) -> Self {
        let derive = |purpose: &[u8]| {
            let key = secret.derive(b"wilhelm audit 1", &[purpose]);
            hmac::Key::new(hmac::HMAC_SHA256, key.expose())
        };
        Self { entry: derive(b"entry"), head: derive(b"head"), reference: derive(b"reference") }
    }

    /// How an object is called in the log: a keyed hash of its identifier, from which that does not follow.
    ///
    /// The same identifier has the same reference in one log, and another in a log under another key. Of a patient the
    /// identifier is issuer and number together, where one number may belong to two.
    pub fn reference(&self, kind: ObjectKind, identifier: &Phi<String>) -> Reference {
        let mut context = hmac::Context::with_key(&self.reference);
        context.update(kind.name().as_bytes());
        context.update(&[0]);
        context.update(identifier.expose().as_bytes());
        Reference(hex::encode(&context.sign().as_ref()[..16]))
    }

    pub(super) fn sign_entry(&self, body: &[u8]) -> String {
        hex::encode(hmac::sign(&self.entry, body).as_ref())
    }
    pub(super) fn is_entry(&self, body: &[u8], mac: &str) -> bool {
        hex::decode::<32>(mac).is_some_and(|mac| hmac::verify(&self.entry, body, &mac).is_ok())
    }
    pub(super) fn sign_head(&self, text: &[u8]) -> String {
        hex::encode(hmac::sign(&self.head, text).as_ref())
    }
    pub(super) fn is_head(&self, text: &[u8], mac: &str) -> bool {
        hex::decode::<32>(mac).is_some_and(|mac| hmac::verify(&self.head, text, &mac).is_ok())
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}

/// The pseudonym of an object in the log: 32 hexadecimal digits.
///
/// Nothing else can be written in its place, so no identifier can either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

/// A text that is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reference of the audit log, expected 32 hexadecimal digits")]
pub struct ReferenceError;

impl Reference {
    /// Reads a reference as the log shows it.
    ///
    /// # Errors
    /// [`ReferenceError`] for anything but 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        hex::decode::<16>(text).map(|_| Self(text.to_owned())).ok_or(ReferenceError)
    }

    /// The first half of the SHA-256 of something that identifies nobody, such as a file that was written.
    pub fn of_sha256(hash: &[u8; 32]) -> Self {
        Self(hex::encode(&hash[..16]))
    }

    /// As the log shows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;
    fn try_from(text: String) -> Result<Self, ReferenceError> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_repeats_in_one_log_and_differs_by_kind_and_key() {
        let key = AuditKey::new(&Secret::new([1; 32]));
        let patient = |key: &AuditKey, kind, id: &str| key.reference(kind, &Phi::new(id.to_owned()));
        let one = patient(&key, ObjectKind::Patient, "4711");
        assert_eq!(one, patient(&key, ObjectKind::Patient, "4711"));
        assert_ne!(one, patient(&key, ObjectKind::Study, "4711"));
        assert_ne!(one, patient(&key, ObjectKind::Patient, "4712"));
        assert_ne!(one, patient(&AuditKey::new(&Secret::new([2; 32])), ObjectKind::Patient, "4711"));
        assert_eq!(Reference::parse(one.as_str()), Ok(one));
    }

    #[test]
    fn nothing_but_digits_is_a_reference() {
        for wrong in ["", "Doe^Jane", "4711", &"G".repeat(32), &"A".repeat(32), &"a".repeat(33)] {
            assert_eq!(Reference::parse(wrong), Err(ReferenceError), "{wrong}");
        }
    }
}
