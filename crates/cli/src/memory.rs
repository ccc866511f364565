//! What the allocator does with memory that is given back.

/// Keeps memory that is freed for the next allocation, instead of returning it to the system.
///
/// A training step allocates the same large tensors as the one before. glibc maps each anew by default, and the system
/// fills every page with zeros once more: a quarter of a step. Other allocators are left as they are.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const AT_ONCE: libc::c_int = 64 << 20;
        let settings =
            [(libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, libc::c_int::MAX), (libc::M_TOP_PAD, AT_ONCE)];
        for (setting, value) in settings {
            #[expect(
                unsafe_code,
                reason = "mallopt takes two numbers, locks by itself and touches no memory of ours"
            )]
            // SAFETY: the call takes numbers by value and may be made at any time from any thread.
            let taken = unsafe { libc::mallopt(setting, value) };
            if taken == 0 {
                tracing::debug!(setting, "the allocator keeps its own setting");
            }
        }
    }
}
