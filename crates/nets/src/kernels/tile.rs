//! The size of a tile of sums that stays in registers.

use pulp::{Arch, Simd, WithSimd};

/// Numbers a register holds.
pub(super) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}

/// Registers a row of a tile has.
pub(super) fn registers() -> usize {
    if lanes() == 16 { 3 } else { 2 }
}

/// Rows of a tile: with three registers each of 32, or two of 16, some are left for what is multiplied.
pub(super) fn rows() -> usize {
    if lanes() == 16 { 8 } else { 6 }
}
