use ring::rand::SecureRandom;

/// Where random bytes come from.
pub trait Entropy {
    /// Fills `bytes` with random bytes.
    ///
    /// # Errors
    /// [`EntropyError`] if the source gives none.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError>;

    /// An array of random bytes.
    ///
    /// # Errors
    /// [`EntropyError`] if the source gives none.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], EntropyError>
    where
        Self: Sized,
    {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// The operating system's random numbers.
#[derive(Clone, Debug)]
pub struct SystemEntropy(ring::rand::SystemRandom);

impl Default for SystemEntropy {
    fn default() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(bytes).map_err(|_| EntropyError)
    }
}

/// The operating system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct EntropyError;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Bytes that repeat from run to run: SHA-256 of a counter.
    #[derive(Clone, Debug, Default)]
    pub struct Counted(pub u64);

    impl Entropy for Counted {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            for part in bytes.chunks_mut(32) {
                self.0 += 1;
                let hash = ring::digest::digest(&ring::digest::SHA256, &self.0.to_be_bytes());
                part.copy_from_slice(&hash.as_ref()[..part.len()]);
            }
            Ok(())
        }
    }

    #[test]
    fn the_system_gives_other_bytes_each_time() {
        let (one, two) = (SystemEntropy::default().array::<32>(), SystemEntropy::default().array::<32>());
        assert!(one.is_ok() && one != two);
    }
}
