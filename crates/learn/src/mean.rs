use serde::Serialize;
use wilhelm_stats::{Estimate, mean_interval};

/// A mean over runs that differ by their seed or by their fold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RunMean {
    /// The mean.
    pub mean: f64,
    /// Student's 95 % interval over the runs; none with one run.
    pub interval: Option<[f64; 2]>,
}

impl RunMean {
    /// Of some runs; `None` without any.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        match mean_interval(values, 0.95) {
            Ok(Estimate { value, low, high }) => Some(Self { mean: value, interval: Some([low, high]) }),
            Err(_) => values.first().map(|value| Self { mean: *value, interval: None }),
        }
    }

    pub(crate) fn words(self, digits: usize) -> String {
        match self.interval {
            Some([low, high]) => format!("{:.digits$} ({low:.digits$} to {high:.digits$})", self.mean),
            None => format!("{:.digits$}", self.mean),
        }
    }

    /// As [`RunMean::words`], without an interval that is a point: the same in every run.
    pub(crate) fn spread(self, digits: usize) -> String {
        match self.interval {
            Some([low, high]) if low < high => self.words(digits),
            _ => format!("{:.digits$}", self.mean),
        }
    }

    /// A difference.
    pub(crate) fn signed(self, digits: usize) -> String {
        match self.interval {
            Some([low, high]) => format!("{:+.digits$} ({low:+.digits$} to {high:+.digits$})", self.mean),
            None => format!("{:+.digits$}", self.mean),
        }
    }
}
