use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Something that threads wait for: each ring is counted, so that none is missed between two waits.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<u64>,
    changed: Condvar,
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// How often it was rung.
    pub fn count(&self) -> u64 {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it was rung more often than `heard`, at most so long; gives how often it was.
    pub fn wait(&self, heard: u64, longest: Duration) -> u64 {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(rung, longest, |rung| *rung == heard);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_between_two_waits_is_heard() {
        let bell = Bell::default();
        let heard = bell.count();
        bell.ring();
        assert_eq!(bell.wait(heard, Duration::from_secs(3600)), heard + 1);
        assert_eq!(bell.wait(heard + 1, Duration::ZERO), heard + 1);
    }
}
