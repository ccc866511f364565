//! The size of a tile of sums that stays in registers, and loops compiled for the widest ones.

use pulp::{Simd, WithSimd};

/// What the processor can do: every kernel goes by this.
#[cfg(not(test))]
#[inline]
pub(super) fn arch() -> pulp::Arch {
    pulp::Arch::new()
}

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
    arch().dispatch(Lanes)
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
        $crate::kernels::tile::arch().dispatch($crate::kernels::tile::Kernel(
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

#[cfg(test)]
pub(crate) use forced::at_every_level;
#[cfg(test)]
pub(super) use forced::{arch, unforced};

/// Kernels as lesser processors run them.
#[cfg(test)]
mod forced {
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use pulp::Arch;

    /// Place in [`levels`] of the one that is forced, from 1; 0 forces none.
    static LEVEL: AtomicU8 = AtomicU8::new(0);
    /// Held while a level is forced, and by tests that compare bytes.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    /// The levels that this processor has, the least first.
    fn levels() -> Vec<(&'static str, Arch)> {
        let mut all = vec![("scalar", Arch::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(pulp::x86::V3::try_new().map(|simd| ("x86-64-v3", Arch::V3(simd))));
            all.extend(pulp::x86::V4::try_new().map(|simd| ("x86-64-v4", Arch::V4(simd))));
        }
        all
    }

    pub fn arch() -> Arch {
        match LEVEL.load(Ordering::SeqCst) {
            0 => Arch::new(),
            level => levels()[usize::from(level) - 1].1,
        }
    }

    /// Keeps the level as it is while a test runs.
    pub fn unforced() -> MutexGuard<'static, ()> {
        ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `with` at every level that this processor has, and says which these are.
    pub fn at_every_level(with: impl Fn(&str)) -> Vec<&'static str> {
        let held = unforced();
        let names: Vec<&'static str> = levels().into_iter().map(|(name, _)| name).collect();
        for (level, name) in (1..).zip(&names) {
            LEVEL.store(level, Ordering::SeqCst);
            with(name);
        }
        LEVEL.store(0, Ordering::SeqCst);
        drop(held);
        names
    }
}
