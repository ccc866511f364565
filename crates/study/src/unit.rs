use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A length in millimeters.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Mm(pub f64);

impl fmt::Display for Mm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} mm", self.0)
    }
}

/// What is wrong with a number that should carry a unit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// A probability outside 0 to 1, or not a number.
    #[error("probability is {found}, expected 0 to 1")]
    Probability {
        /// The refused value.
        found: f64,
    },
    /// An interval whose ends do not enclose its estimate.
    #[error("interval {low} to {high} does not enclose its estimate {estimate}")]
    Interval {
        /// Lower end.
        low: f64,
        /// Point estimate.
        estimate: f64,
        /// Upper end.
        high: f64,
    },
}

/// A probability, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct Probability(f64);

impl Probability {
    /// Checks that `value` lies in 0 to 1.
    ///
    /// # Errors
    /// [`UnitError::Probability`] outside that range or for NaN.
    pub fn new(value: f64) -> Result<Self, UnitError> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(UnitError::Probability { found: value })
        }
    }

    /// The bare number, 0 to 1.
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = UnitError;
    fn try_from(value: f64) -> Result<Self, UnitError> {
        Self::new(value)
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> f64 {
        probability.0
    }
}

/// A calibrated probability with the interval its card's validation data support.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProbabilityInterval {
    /// Point estimate.
    pub estimate: Probability,
    /// Lower end.
    pub low: Probability,
    /// Upper end.
    pub high: Probability,
    /// Coverage of the interval, for example 0.95.
    pub level: Probability,
}

impl ProbabilityInterval {
    /// Checks that `low <= estimate <= high`.
    ///
    /// # Errors
    /// [`UnitError`] if a number is no probability or the ends do not enclose the estimate.
    pub fn new(low: f64, estimate: f64, high: f64, level: f64) -> Result<Self, UnitError> {
        if !(low <= estimate && estimate <= high) {
            return Err(UnitError::Interval { low, estimate, high });
        }
        Ok(Self {
            estimate: Probability::new(estimate)?,
            low: Probability::new(low)?,
            high: Probability::new(high)?,
            level: Probability::new(level)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_outside_zero_to_one_is_refused() {
        for wrong in [-0.1, 1.000_1, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(wrong).is_err(), "{wrong} was accepted");
        }
        assert_eq!(Probability::new(0.25).map(Probability::value), Ok(0.25));
    }

    #[test]
    fn an_interval_that_misses_its_estimate_is_refused() {
        assert!(ProbabilityInterval::new(0.2, 0.1, 0.3, 0.95).is_err());
        assert!(ProbabilityInterval::new(0.1, 0.2, 0.3, 0.95).is_ok());
    }
}
