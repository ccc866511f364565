use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::Secret;

/// AES-256-GCM under one key.
///
/// # Source
/// NIST SP 800-38D
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(key: &Secret) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).expect("the key has 256 bits");
        Self(LessSafeKey::new(key))
    }

    /// Seals in place and adds the tag.
    pub(super) fn seal(&self, nonce: [u8; 12], context: &[u8], text: &mut Vec<u8>) {
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), text)
            .expect("a text is shorter than 64 GiB");
    }

    /// Opens in place; `None` if it is not what was sealed.
    pub(super) fn open<'a>(&self, nonce: [u8; 12], context: &[u8], text: &'a mut [u8]) -> Option<&'a [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(context), text).ok().map(|text| &*text)
    }
}

/// Seals a small secret under a key that is derived for it alone, so that its nonce can be zero.
pub(super) fn wrap(key: &Secret, salt: &[u8], purpose: &[u8], context: &[u8], text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    Cipher::new(&key.derive(salt, &[purpose])).seal([0; 12], context, &mut text);
    text
}

/// Opens what [`wrap`] sealed.
pub(super) fn unwrap(
    key: &Secret,
    salt: &[u8],
    purpose: &[u8],
    context: &[u8],
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let mut sealed = sealed.to_vec();
    Cipher::new(&key.derive(salt, &[purpose])).open([0; 12], context, &mut sealed).map(<[u8]>::to_vec)
}
