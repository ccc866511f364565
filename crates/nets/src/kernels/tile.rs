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
pub(super) use forced::arch;
#[cfg(test)]
pub(crate) use forced::at_every_level;

/// Kernels as lesser processors run them.
#[cfg(test)]
mod forced {
    use std::cell::Cell;

    use pulp::Arch;

    thread_local! {
        /// Place in [`levels`] of the one that this thread is held to, from 1; 0 is what the processor has.
        static LEVEL: Cell<usize> = const { Cell::new(0) };
    }

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
        match LEVEL.get() {
            0 => Arch::new(),
            level => levels()[level - 1].1,
        }
    }

    /// Runs `with` at every level that this processor has, and says which these are.
    ///
    /// Each runs on threads of its own, which alone are held to the level: tests beside it, in the same process, go on
    /// at theirs.
    pub fn at_every_level(with: impl Fn(&str) + Sync) -> Vec<&'static str> {
        let names: Vec<&'static str> = levels().into_iter().map(|(name, _)| name).collect();
        for (level, name) in (1..).zip(&names) {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(2).start_handler(move |_| LEVEL.set(level));
            pool.build().expect("threads").install(|| with(name));
        }
        names
    }

    #[test]
    fn a_level_holds_the_threads_that_were_asked_for_and_no_others() {
        use crate::kernels::tile::lanes;
        let own = lanes();
        let seen = std::sync::Mutex::new(Vec::new());
        let names = at_every_level(|_| {
            let here = lanes();
            let (one, other) = rayon::join(lanes, lanes);
            assert_eq!((one, other), (here, here));
            // A thread that is not of the pool, as those of other tests are.
            let beside = std::thread::scope(|scope| scope.spawn(lanes).join()).expect("no panic");
            assert_eq!(beside, own);
            seen.lock().expect("one at a time").push(here);
        });
        assert_eq!(lanes(), own);
        let seen = seen.into_inner().expect("one at a time");
        assert_eq!((seen.len(), seen[0]), (names.len(), 1));
        // Of other processors only the least is known here.
        assert!(cfg!(not(target_arch = "x86_64")) || seen.last() == Some(&own), "{seen:?}");
    }
}
