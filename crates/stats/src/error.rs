/// What is wrong with the numbers a statistic was asked of.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// Fewer numbers than the statistic needs.
    #[error("{what}: found {found}, expected at least {expected}")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many it takes.
        expected: usize,
    },
    /// Two lists that belong together differ in length.
    #[error("{what}: found {found}, expected {expected}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length of its partner.
        expected: usize,
    },
    /// A NaN or an infinity.
    #[error("{what} at position {position} is not a finite number")]
    NotFinite {
        /// Which list.
        what: &'static str,
        /// Place in it, from 0.
        position: usize,
    },
    /// A number outside its range.
    #[error("{what} is {found}, expected {low} to {high}")]
    Range {
        /// Which number.
        what: &'static str,
        /// The refused value.
        found: f64,
        /// Least value allowed.
        low: f64,
        /// Greatest value allowed.
        high: f64,
    },
    /// A label that names no class.
    #[error("label at position {position} is {found}, expected below {classes}")]
    Label {
        /// Place in the list, from 0.
        position: usize,
        /// The refused label.
        found: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// Class probabilities of a case that do not add up to 1.
    #[error("probabilities of row {row} add up to {found}, expected 1")]
    Sum {
        /// The row, from 0.
        row: usize,
        /// Its sum.
        found: f64,
    },
    /// A statistic that compares cases with and without something was given only one kind.
    #[error("no {missing} cases, expected at least one")]
    OneKind {
        /// The kind that is missing.
        missing: &'static str,
    },
    /// A class without cases, or without cases outside of it.
    #[error("class {class} has {cases} of {total} cases, expected some inside and some outside it")]
    LonelyClass {
        /// The class.
        class: usize,
        /// Its cases.
        cases: usize,
        /// All cases.
        total: usize,
    },
    /// A covariance that cannot be inverted.
    #[error("covariance is not positive definite at column {column}")]
    NotPositiveDefinite {
        /// The column where the factorization stopped, from 0.
        column: usize,
    },
    /// More numbers than the statistic can be asked of.
    #[error("{what}: found {found}, expected at most {limit}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The formula has no value for these numbers.
    #[error("{what} is undefined: {reason}")]
    NoValue {
        /// Which figure.
        what: &'static str,
        /// Why there is none.
        reason: &'static str,
    },
    /// The statistic is undefined on the cases themselves or on nearly all of their resamples.
    #[error("statistic is undefined in {undefined} of {replicates} resamples")]
    Undefined {
        /// Resamples without a value.
        undefined: usize,
        /// Resamples drawn.
        replicates: usize,
    },
}

impl StatsError {
    /// Whether the caller's numbers are to blame: always, since nothing else comes in here.
    pub const fn is_callers_fault(&self) -> bool {
        true
    }
}

/// Refuses an empty list, a NaN or an infinity.
pub(crate) fn check_finite(what: &'static str, values: &[f64]) -> Result<(), StatsError> {
    if values.is_empty() {
        return Err(StatsError::TooFew { what, found: 0, expected: 1 });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(StatsError::NotFinite { what, position }),
        None => Ok(()),
    }
}

/// Refuses a list whose length differs from that of its partner.
pub(crate) fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), StatsError> {
    if found == expected { Ok(()) } else { Err(StatsError::Length { what, found, expected }) }
}

/// Refuses a number outside `low` to `high`, and NaN.
pub(crate) fn check_range(what: &'static str, found: f64, low: f64, high: f64) -> Result<(), StatsError> {
    if (low..=high).contains(&found) { Ok(()) } else { Err(StatsError::Range { what, found, low, high }) }
}

/// Refuses an empty list and any number outside 0 to 1.
pub(crate) fn check_probabilities(what: &'static str, values: &[f64]) -> Result<(), StatsError> {
    check_finite(what, values)?;
    values.iter().try_for_each(|&value| check_range(what, value, 0.0, 1.0))
}

/// Refuses a label that is not below `classes`.
pub(crate) fn check_labels(labels: &[usize], cases: usize, classes: usize) -> Result<(), StatsError> {
    check_length("labels", labels.len(), cases)?;
    match labels.iter().position(|&label| label >= classes) {
        Some(position) => Err(StatsError::Label { position, found: labels[position], classes }),
        None => Ok(()),
    }
}

/// Refuses a coverage that is not above 0 and below 1.
pub(crate) fn check_level(level: f64) -> Result<(), StatsError> {
    check_range("level", level, f64::MIN_POSITIVE, 1.0 - f64::EPSILON)
}

/// Refuses fewer than `expected` of something.
pub(crate) fn check_at_least(what: &'static str, found: usize, expected: usize) -> Result<(), StatsError> {
    if found >= expected { Ok(()) } else { Err(StatsError::TooFew { what, found, expected }) }
}
