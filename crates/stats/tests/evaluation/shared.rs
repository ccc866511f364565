use serde_json::Value;
use std::sync::LazyLock;
use wilhelm_stats::{Estimate, StatsError};

/// Sums in another order differ by rounding only.
pub const ROUNDING: f64 = 1e-12;
/// Fits stop where their own step is small enough.
pub const FIT: f64 = 1e-8;

pub static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../golden/evaluation.json")).expect("the file is JSON")
});

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

pub fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

pub fn indices(value: &Value) -> Vec<usize> {
    list(value).iter().map(|value| count(value) as usize).collect()
}

pub fn truths(value: &Value) -> Vec<bool> {
    list(value).iter().map(|value| value.as_bool().expect("a truth")).collect()
}

pub fn of<T>(result: Result<T, StatsError>) -> T {
    result.expect("the cases are sound")
}

/// The shared cases: which are positive, and two scores.
pub fn cases() -> (Vec<bool>, Vec<f64>, Vec<f64>) {
    let cases = &GOLDEN["cases"];
    (truths(&cases["positives"]), numbers(&cases["first"]), numbers(&cases["second"]))
}

/// Relative above 1, absolute below.
#[track_caller]
pub fn check(what: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = number(expected);
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{what}: found {found}, expected {expected}");
}

/// Relative at any size: for small chances.
#[track_caller]
pub fn check_relative(what: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = number(expected);
    assert!(
        (found - expected).abs() <= tolerance * expected.abs(),
        "{what}: found {found}, expected {expected}"
    );
}

#[track_caller]
pub fn check_all(what: &str, found: &[f64], expected: &Value, tolerance: f64) {
    let expected = list(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        check(&format!("{what} {place}"), *found, expected, tolerance);
    }
}

/// Against a list of value, low and high.
#[track_caller]
pub fn check_estimate(what: &str, found: Estimate, expected: &Value, tolerance: f64) {
    check_all(what, &[found.value, found.low, found.high], expected, tolerance);
}

/// An end of a percentile interval of 20,000 draws against one of as many or more: each has a standard
/// error of about 0.019 standard deviations (see `../golden.rs`), both 0.027; four of them are allowed.
#[track_caller]
pub fn check_end(what: &str, found: f64, expected: &Value, standard_deviation: &Value) {
    let room = 4.0 * 0.027 * number(standard_deviation);
    assert!((found - number(expected)).abs() < room, "{what}: found {found}, expected {expected} +- {room}");
}

/// A chance counted in `draws` random ones against one counted in as many: within four standard errors.
#[track_caller]
pub fn check_chance(what: &str, found: f64, expected: &Value, draws: f64) {
    let p = number(expected);
    let room = 4.0 * (2.0 * p * (1.0 - p) / draws).sqrt() + 2.0 / draws;
    assert!((found - p).abs() < room, "{what}: found {found}, expected {p} +- {room}");
}
