//! The size of a tile of sums that stays in registers, and loops compiled for the widest ones.

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

/// Runs a kernel, an expression, compiled for what the processor has; functions called inside must be inlined.
///
/// A macro, so that no kernel goes without `#[inline(always)]`: a closure can become a function of its own, which the
/// compiler makes for the least processor.
macro_rules! wide {
    ($kernel:expr) => {
        pulp::Arch::new().dispatch($crate::kernels::tile::Kernel(
            #[inline(always)]
            || $kernel,
        ))
    };
}
pub(super) use wide;

/// The closure that [`wide!`] makes. It is called by reference: a call by value goes through a function that is not
/// inlined.
pub(super) struct Kernel<F>(pub F);

impl<T, F: FnMut() -> T> pulp::NullaryFnOnce for Kernel<F> {
    type Output = T;

    #[inline(always)]
    fn call(mut self) -> T {
        (self.0)()
    }
}
