//! Numbers dropped by chance, drawn in parallel, and anew on the way back instead of being kept.

use rayon::prelude::*;

use super::tile::wide;

/// Numbers that share a key.
const CHUNK: usize = 1 << 14;

/// Which numbers of a tensor are dropped; the same seed drops the same ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Draw {
    seed: u64,
    /// Draws below this are dropped.
    below: u32,
    /// What the others are multiplied by, so that the mean stays.
    scale: f32,
}

impl Draw {
    /// Drops with a probability from 0 to below 1.
    pub fn new(seed: u64, probability: f64) -> Self {
        let below = (probability * 2.0_f64.powi(32)) as u32;
        Self { seed, below, scale: (1.0 / (1.0 - probability)) as f32 }
    }

    /// The key of some of the tensor's numbers.
    ///
    /// # Source
    /// Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195 (SplitMix64)
    pub fn key(self, chunk: usize) -> [u32; 2] {
        let mut key = self.seed.wrapping_add((chunk as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        key = (key ^ (key >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        key ^= key >> 31;
        [key as u32, (key >> 32) as u32]
    }

    /// 0 or the scale, for a place among those of a key.
    ///
    /// # Source
    /// The mixing of 32 bits with the least bias found by Wellons 2018, "Prospecting for hash functions"
    #[inline(always)]
    pub fn factor(self, [first, second]: [u32; 2], place: u32) -> f32 {
        let mut bits = place.wrapping_mul(0x9E37_79B9) ^ first;
        bits = (bits ^ (bits >> 16)).wrapping_mul(0x21F0_AAAD).wrapping_add(second);
        bits = (bits ^ (bits >> 15)).wrapping_mul(0x735A_2D97);
        if bits ^ (bits >> 15) < self.below { 0.0 } else { self.scale }
    }

    /// Every number times its factor; for the numbers and for their gradient.
    pub fn apply(self, input: &[f32], out: &mut [f32]) {
        out.par_chunks_mut(CHUNK).zip(input.par_chunks(CHUNK)).enumerate().for_each(
            |(chunk, (out, input))| {
                let key = self.key(chunk);
                wide!({
                    for (place, (out, x)) in out.iter_mut().zip(input).enumerate() {
                        *out = x * self.factor(key, place as u32);
                    }
                });
            },
        );
    }
}
