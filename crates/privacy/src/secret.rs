use std::fmt;

use ring::hkdf;

use crate::Entropy;
use crate::entropy::EntropyError;

/// A key of 256 bits; it prints as `<secret>`.
///
/// ```
/// use wilhelm_privacy::Secret;
/// assert_eq!(format!("{:?}", Secret::new([7; 32])), "<secret>");
/// ```
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Wraps the bytes of a key.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new key.
    ///
    /// # Errors
    /// [`EntropyError`] if there are no random numbers.
    pub fn random(entropy: &mut impl Entropy) -> Result<Self, EntropyError> {
        entropy.array().map(Self)
    }

    /// The bytes; whoever calls this is answerable for where they go.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for one purpose only, from which this one does not follow.
    ///
    /// # Source
    /// HKDF with SHA-256, RFC 5869
    pub fn derive(&self, salt: &[u8], purpose: &[&[u8]]) -> Self {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&self.0);
        let mut bytes = [0; 32];
        extracted
            .expand(purpose, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut bytes))
            .expect("32 bytes are what HKDF-SHA256 gives for an algorithm of 32 bytes");
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn derivation_is_hkdf_of_the_rfc() {
        // By hand: two rounds of HMAC in Python, hmac.new(hmac.new(salt, key), purpose + one byte of 1).
        let key = Secret::new(std::array::from_fn(|place| u8::try_from(place).expect("below 32")));
        let derived = key.derive(b"salt", &[b"wilhelm ", b"test"]);
        assert_eq!(
            hex::encode(derived.expose()),
            "2b3da61fa83522956d007462c5fbb18ac68738d7ec394e90726bbb36761416ec"
        );
    }
}
