//! What every fuzz target shares: how a panic is judged, and how much memory is too much.
//!
//! `make fuzz` runs them all, `make fuzz SECONDS=60 TARGETS=nifti` one of them for a minute.

pub mod knowledge_targets;
pub mod memory;
pub mod report_targets;
pub mod targets;

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

pub use libfuzzer_sys;

thread_local! {
    /// What the last panic said, to be told if nobody catches it.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Defines the fuzz target of the same name in [`targets`], or in the module that is named.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        $crate::target!(targets::$name);
    };
    ($module:ident::$name:ident) => {
        use $crate::libfuzzer_sys;

        libfuzzer_sys::fuzz_target!(init: $crate::prepare(), |bytes: &[u8]| {
            $crate::run($crate::$module::$name, bytes);
        });
    };
}

/// Where our own code lies.
const OURS: [&str; 5] =
    ["crates/formats/", "crates/knowledge/", "crates/report/", "crates/study/", "fuzz/src/"];

/// Lets a panic inside someone else's decoder pass, which the frame's reader catches, and stops at
/// one in our own code, caught or not. All work is done on the fuzzer's own thread.
pub fn prepare() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or("", |location| location.file());
        if OURS.iter().any(|ours| place.contains(ours)) {
            stop(&told(info));
        }
        LAST.with_borrow_mut(|last| *last = told(info));
    }));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().expect("nothing has used the pool before");
}

fn told(info: &PanicHookInfo<'_>) -> String {
    format!("{info}\n{}", std::backtrace::Backtrace::force_capture())
}

fn stop(message: &str) -> ! {
    eprintln!("{message}");
    std::process::abort();
}

/// Runs a target; a panic that nobody caught ends the process, so that the fuzzer keeps its input.
pub fn run(target: fn(&[u8]), bytes: &[u8]) {
    memory::begin();
    if panic::catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err() {
        stop(&LAST.take());
    }
}
