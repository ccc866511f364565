//! How many requests a minute a server gets from here.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Requests that began within the last minute, further tries among them.
#[derive(Debug)]
pub(super) struct Pace {
    /// Most of them; 0 for as many as there are.
    most: usize,
    begun: Mutex<VecDeque<Instant>>,
}

impl Pace {
    pub(super) fn new(most: usize) -> Self {
        Self { most, begun: Mutex::new(VecDeque::new()) }
    }

    /// Begins a request now, or says after how long one may begin.
    pub(super) fn begin(&self, now: Instant) -> Result<(), Duration> {
        if self.most == 0 {
            return Ok(());
        }
        // Times are never half written.
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        while begun.front().is_some_and(|first| now.saturating_duration_since(*first) >= MINUTE) {
            begun.pop_front();
        }
        match begun.front() {
            Some(first) if begun.len() >= self.most => {
                Err(MINUTE.saturating_sub(now.saturating_duration_since(*first)))
            }
            _ => {
                begun.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_so_many_requests_and_no_more() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let pace = Pace::new(2);
        assert_eq!(pace.begin(at(0)), Ok(()));
        assert_eq!(pace.begin(at(20)), Ok(()));
        assert_eq!(pace.begin(at(30)), Err(Duration::from_secs(30)));
        assert_eq!(pace.begin(at(59)), Err(Duration::from_secs(1)));
        assert_eq!(pace.begin(at(60)), Ok(()));
        assert_eq!(pace.begin(at(60)), Err(Duration::from_secs(20)));
        let any = Pace::new(0);
        assert!((0..1000).all(|_| any.begin(start).is_ok()));
    }
}
