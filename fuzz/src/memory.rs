//! An allocator that stops the process where a small file asks for much memory.
//!
//! The fuzzer's own limit sees memory that is touched; this one sees what is asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

/// The most that one input may hold at a time: what the TIFF decoder asks for at most before it can be told less
/// (256 MB, which it does not touch), and dozens of times what the targets' limits allow a picture.
const MOST: isize = 320 << 20;

/// Bytes held since [`begin`].
static HELD: AtomicIsize = AtomicIsize::new(0);

/// Counts from here.
pub fn begin() {
    HELD.store(0, Ordering::Relaxed);
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn add(bytes: usize) {
    let bytes = isize::try_from(bytes).unwrap_or(isize::MAX);
    let held = HELD.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
    if held > MOST {
        HELD.store(isize::MIN / 2, Ordering::Relaxed);
        eprintln!("{held} bytes are held for one input, {bytes} of them asked for at once");
        eprintln!("{}", std::backtrace::Backtrace::force_capture());
        std::process::abort();
    }
}

fn remove(bytes: usize) {
    HELD.fetch_sub(bytes as isize, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        remove(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(place, layout) }
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        remove(layout.size());
        add(size);
        // SAFETY: the caller's promise is the same.
        unsafe { System.realloc(place, layout, size) }
    }
}
