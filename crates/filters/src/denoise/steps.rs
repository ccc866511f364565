use std::sync::atomic::{AtomicUsize, Ordering};

use wilhelm_study::Progress;

use crate::FilterError;

/// Counts the steps that several threads make, tells the caller, and asks whether to go on.
pub(crate) struct Steps<'a> {
    progress: &'a dyn Progress,
    done: AtomicUsize,
    total: usize,
}

impl<'a> Steps<'a> {
    /// None of `total` steps made.
    pub(crate) fn new(progress: &'a dyn Progress, total: usize) -> Self {
        Self { progress, done: AtomicUsize::new(0), total }
    }

    /// Whether to go on: asked before a step.
    pub(crate) fn check(&self) -> Result<(), FilterError> {
        if self.progress.cancelled() { Err(FilterError::Cancelled) } else { Ok(()) }
    }

    /// One step more.
    pub(crate) fn made(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.step(done, self.total);
    }
}
