//! How the learning rate goes from the first step to the last.

use serde::{Deserialize, Serialize};

/// What the learning rate does after its warm-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Falls to 1 % on half a cosine (Loshchilov, Hutter 2017, arXiv:1608.03983).
    #[default]
    Cosine,
    /// Falls to 1 % on a straight line.
    Linear,
    /// Stays.
    Constant,
    /// Is multiplied by `factor` at each of these shares of the run.
    Steps {
        /// Shares of all steps, from 0 to 1, rising.
        at: Vec<f64>,
        /// What it is multiplied by.
        factor: f64,
    },
}

impl Schedule {
    /// What is wrong with its numbers.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let Self::Steps { at, factor } = self else { return None };
        if !(*factor > 0.0 && *factor <= 1.0) {
            return Some("the schedule's factor must lie above 0 and not above 1");
        }
        let rises = at.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = at.iter().all(|share| (0.0..=1.0).contains(share));
        (!(rises && inside)).then_some("the schedule's shares must rise from 0 to 1")
    }

    /// The rate of one step: `warm_up` steps rise in a line to `greatest`.
    pub(crate) fn rate(&self, greatest: f64, step: usize, warm_up: usize, steps: usize) -> f64 {
        if step < warm_up {
            return greatest * (step + 1) as f64 / warm_up as f64;
        }
        let along = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
        greatest
            * match self {
                Self::Cosine => 0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * along).cos()),
                Self::Linear => 1.0 - 0.99 * along,
                Self::Constant => 1.0,
                Self::Steps { at, factor } => {
                    let share = step as f64 / steps.max(1) as f64;
                    factor.powi(at.iter().filter(|place| share >= **place).count() as i32)
                }
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }

    #[test]
    fn the_learning_rate_rises_then_falls_to_a_hundredth() {
        let rate = |schedule: Schedule, step| schedule.rate(1.0, step, 10, 100);
        for schedule in [Schedule::Cosine, Schedule::Linear] {
            near(rate(schedule.clone(), 0), 0.1);
            near(rate(schedule.clone(), 9), 1.0);
            near(rate(schedule.clone(), 55), 0.505);
            near(rate(schedule, 100), 0.01);
        }
        near(rate(Schedule::Constant, 100), 1.0);
    }

    #[test]
    fn steps_come_at_their_shares_of_the_run() {
        let steps = Schedule::Steps { at: vec![0.5, 0.75], factor: 0.1 };
        near(steps.rate(2.0, 49, 1, 100), 2.0);
        near(steps.rate(2.0, 50, 1, 100), 0.2);
        near(steps.rate(2.0, 75, 1, 100), 0.02);
        assert_eq!(steps.fault(), None);
        assert!(Schedule::Steps { at: vec![0.7, 0.5], factor: 0.1 }.fault().is_some());
        assert!(Schedule::Steps { at: vec![], factor: 0.0 }.fault().is_some());
    }
}
