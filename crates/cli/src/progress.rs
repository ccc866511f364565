use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line of progress on stderr, only where stderr is a terminal.
pub struct Line {
    bar: ProgressBar,
}

impl Line {
    pub fn new(what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg:24} {bar:32} {pos}/{len} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_message(what.to_owned());
        Self { bar }
    }

    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    pub fn at(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    pub fn above(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
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
