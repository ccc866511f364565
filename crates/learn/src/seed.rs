use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A generator of its own for each place in a run, so that threads cannot change what is drawn.
pub(crate) fn generator(seed: u64, stream: u64, place: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&stream.to_le_bytes());
    key[16..24].copy_from_slice(&place.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}
