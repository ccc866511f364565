/// How much one call may read: an outsider's file never decides how much memory is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Voxels of one volume or pixels of one picture.
    pub voxels: u64,
    /// Bytes that one archive or compressed file may expand to.
    pub expansion_bytes: u64,
    /// Bytes after expansion for each byte stored, judged once more than
    /// [`Self::RATIO_FREE_BYTES`] have come out.
    pub expansion_ratio: u64,
    /// Entries of one archive, and files of one folder tree.
    pub archive_entries: usize,
    /// Whether the SHA-256 of each source file is computed; where not, it is left empty.
    pub hash: bool,
}

impl Limits {
    /// Below this many expanded bytes any ratio is accepted: blank images compress well.
    pub const RATIO_FREE_BYTES: u64 = 64 << 20;

    /// Whether `expanded` bytes out of `stored` bytes are within both expansion limits.
    pub(crate) fn expansion_is_fair(&self, stored: u64, expanded: u64) -> bool {
        expanded <= self.expansion_bytes
            && (expanded <= Self::RATIO_FREE_BYTES
                || expanded <= stored.max(1).saturating_mul(self.expansion_ratio))
    }

    /// The most bytes that `stored` bytes may expand to.
    pub(crate) fn expansion_ceiling(&self, stored: u64) -> u64 {
        let by_ratio = stored.max(1).saturating_mul(self.expansion_ratio).max(Self::RATIO_FREE_BYTES);
        by_ratio.min(self.expansion_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 30,
            voxels: 1 << 31,
            expansion_bytes: 8 << 30,
            expansion_ratio: 200,
            archive_entries: 50_000,
            hash: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_expansion_is_fair_at_any_ratio_and_a_large_one_is_not() {
        let limits = Limits::default();
        assert!(limits.expansion_is_fair(1000, Limits::RATIO_FREE_BYTES));
        assert!(!limits.expansion_is_fair(1000, Limits::RATIO_FREE_BYTES + 1));
        assert!(limits.expansion_is_fair(1 << 20, 200 << 20));
        assert!(!limits.expansion_is_fair(1 << 20, (200 << 20) + 1));
        assert!(!limits.expansion_is_fair(1 << 40, (8 << 30) + 1));
        assert_eq!(limits.expansion_ceiling(10), Limits::RATIO_FREE_BYTES);
        assert_eq!(limits.expansion_ceiling(1 << 40), 8 << 30);
    }
}
