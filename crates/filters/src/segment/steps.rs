use std::sync::atomic::{AtomicUsize, Ordering};

use wilhelm_study::Progress;

use crate::FilterError;

/// Counts steps made on several threads, and asks after each whether to go on.
pub(super) struct Steps<'a> {
    progress: &'a dyn Progress,
    total: usize,
    done: AtomicUsize,
}

impl<'a> Steps<'a> {
    pub(super) fn new(progress: &'a dyn Progress, total: usize) -> Self {
        Self { progress, total, done: AtomicUsize::new(0) }
    }

    pub(super) fn made(&self) -> Result<(), FilterError> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.step(done.min(self.total), self.total);
        if self.progress.cancelled() { Err(FilterError::Cancelled) } else { Ok(()) }
    }
}
