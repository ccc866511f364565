//! What the allocator does with memory that is given back.

/// Keeps up to 256 MiB of freed memory for the next allocation.
///
/// The frames of a series need the same memory one after the other. By default glibc returns it to the system between
/// them, which fills every page with zeros once more: a quarter of the time of a large compressed frame. What is larger
/// than 32 MiB is returned at once, as before.
pub fn keep_some() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set([(libc::M_MMAP_THRESHOLD, 32 << 20), (libc::M_TRIM_THRESHOLD, 256 << 20)]);
}

/// Keeps all memory that is freed for the next allocation, instead of returning it to the system.
///
/// A training step allocates the same large tensors as the one before: new pages are a quarter of a step.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set([(libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, libc::c_int::MAX), (libc::M_TOP_PAD, 64 << 20)]);
}

/// The most memory that this process has held, in bytes; `None` where the system does not say.
pub fn peak_bytes() -> Option<u64> {
    of_status("VmHWM:")
}

/// What this process holds now, in bytes; `None` where the system does not say.
pub fn held_bytes() -> Option<u64> {
    of_status("VmRSS:")
}

fn of_status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Settings of glibc's allocator; other allocators are left as they are.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn set<const N: usize>(settings: [(libc::c_int, libc::c_int); N]) {
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
