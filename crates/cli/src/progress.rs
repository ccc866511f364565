use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A line of progress on stderr, only where stderr is a terminal.
pub struct Line {
    drawn: Option<Mutex<State>>,
}

struct State {
    what: String,
    started: Instant,
    last: Option<Instant>,
    /// What stands behind how far it is.
    behind: String,
}

impl State {
    fn new(what: &str) -> Self {
        Self { what: what.to_owned(), started: Instant::now(), last: None, behind: String::new() }
    }
}

impl Line {
    /// How often the line is drawn anew at most.
    const EVERY: Duration = Duration::from_millis(100);

    pub fn new(what: &str) -> Self {
        let state = State::new(what);
        Self { drawn: stderr().is_terminal().then(|| Mutex::new(state)) }
    }

    pub fn say(&self, what: &str) {
        self.with(|state| {
            if state.what != what {
                *state = State::new(what);
            }
        });
    }

    pub fn at(&self, done: usize, total: usize) {
        self.with(|state| {
            if state.last.is_some_and(|last| last.elapsed() < Self::EVERY) && done < total {
                return;
            }
            state.last = Some(Instant::now());
            let elapsed = state.started.elapsed().as_secs_f64();
            let _ = write!(stderr(), "\r\x1b[2K{}{}", drawn(&state.what, done, total, elapsed), state.behind);
            let _ = stderr().flush();
        });
    }

    /// Puts words behind how far it is, until they are replaced.
    pub fn behind(&self, words: &str) {
        self.with(|state| state.behind = words.to_owned());
    }

    pub fn above(&self, text: &str) {
        self.clear();
        eprintln!("{text}");
    }

    pub fn clear(&self) {
        self.with(|_| {
            let _ = write!(stderr(), "\r\x1b[2K");
        });
    }

    fn with(&self, act: impl FnOnce(&mut State)) {
        // A thread that died while drawing leaves a line that may still be drawn over.
        if let Some(state) = &self.drawn {
            act(&mut state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        }
    }
}

/// The line's words: what, how far, and how long it will take.
fn drawn(what: &str, done: usize, total: usize, elapsed_seconds: f64) -> String {
    const WIDTH: usize = 30;
    let share = if total == 0 { 0.0 } else { (done as f64 / total as f64).clamp(0.0, 1.0) };
    let full = (share * WIDTH as f64) as usize;
    let left = if share > 0.02 && share < 1.0 {
        let seconds = (elapsed_seconds / share - elapsed_seconds).round() as u64;
        format!(", {}:{:02} left", seconds / 60, seconds % 60)
    } else {
        String::new()
    };
    format!("{what:<20} [{}{}] {done}/{total}{left}", "#".repeat(full), ".".repeat(WIDTH - full))
}

impl Drop for Line {
    fn drop(&mut self) {
        self.clear();
    }
}

impl wilhelm_formats::Progress for Line {
    fn step(&self, done: usize, total: usize) {
        self.at(done, total);
    }
    fn cancelled(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_and_how_long() {
        assert_eq!(
            drawn("reading", 15, 60, 20.0),
            "reading              [#######.......................] 15/60, 1:00 left"
        );
        assert!(drawn("reading", 0, 0, 0.0).ends_with("0/0"));
    }
}
