//! Who has a report open: said every few seconds by the page, and never a lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a window counts after it last said that it is open.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(40);
/// Reports and windows of one report that are remembered.
const MOST_REPORTS: usize = 10_000;
const MOST_WINDOWS: usize = 100;

/// A window in which a report is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    pub account: String,
    pub window: String,
}

/// Windows by account and name: when each was opened, and when it last said so.
type Windows = BTreeMap<(String, String), (Instant, Instant)>;

/// The open windows of each report.
#[derive(Default)]
pub(crate) struct Readers(Mutex<BTreeMap<String, Windows>>);

/// Who has a report open now, and whether that is another list than before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// Each window with how long it has been open.
    pub readers: Vec<(Reader, Duration)>,
    pub is_changed: bool,
}

impl Present {
    /// The accounts, each once.
    pub(crate) fn accounts(&self) -> Vec<String> {
        let mut names: Vec<String> = self.readers.iter().map(|(reader, _)| reader.account.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl Readers {
    /// Says that a report is open in a window, or open no more.
    pub(crate) fn say(&self, report: &str, reader: &Reader, is_open: bool, now: Instant) -> Present {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.len() >= MOST_REPORTS && !reports.contains_key(report) {
            let is_open = |(_, last): &(Instant, Instant)| now.saturating_duration_since(*last) < OPEN_FOR;
            reports.retain(|_, windows| windows.values().any(is_open));
        }
        let windows = reports.entry(report.to_owned()).or_default();
        let before: Vec<(String, String)> = windows.keys().cloned().collect();
        windows.retain(|_, (_, last)| now.saturating_duration_since(*last) < OPEN_FOR);
        let key = (reader.account.clone(), reader.window.clone());
        if !is_open {
            windows.remove(&key);
        } else if windows.len() < MOST_WINDOWS || windows.contains_key(&key) {
            windows.entry(key).or_insert((now, now)).1 = now;
        }
        let is_changed = windows.keys().ne(before.iter());
        let readers = windows.iter().map(|((account, window), (since, _))| {
            let reader = Reader { account: account.clone(), window: window.clone() };
            (reader, now.saturating_duration_since(*since))
        });
        let readers = readers.collect();
        if windows.is_empty() {
            reports.remove(report);
        }
        Present { readers, is_changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_until_it_says_otherwise_or_nothing_for_a_while() {
        let (readers, start) = (Readers::default(), Instant::now());
        let of =
            |account: &str, window: &str| Reader { account: account.to_owned(), window: window.to_owned() };
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = readers.say("r", &of("jane", "a"), true, at(0));
        assert!(first.is_changed && first.readers.len() == 1);
        assert!(!readers.say("r", &of("jane", "a"), true, at(15)).is_changed, "the same again");
        let both = readers.say("r", &of("li", "b"), true, at(20));
        assert_eq!((both.accounts(), both.is_changed), (vec!["jane".to_owned(), "li".to_owned()], true));
        assert_eq!(both.readers[0].1, Duration::from_secs(20));
        // Jane's window was closed without a word at 15 s.
        let alone = readers.say("r", &of("li", "b"), true, at(55));
        assert_eq!((alone.accounts(), alone.is_changed), (vec!["li".to_owned()], true));
        let none = readers.say("r", &of("li", "b"), false, at(56));
        assert!(none.readers.is_empty() && none.is_changed);
        assert!(readers.0.lock().expect("no panic").is_empty());
    }
}
