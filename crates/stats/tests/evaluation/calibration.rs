//! Platt's sigmoid, isotonic regression and the calibration line against scikit-learn, SciPy and statsmodels.

use crate::shared::{FIT, GOLDEN, ROUNDING, cases, check_all, check_estimate, number, numbers, of};
use serde_json::json;
use wilhelm_stats::{calibration_line, fit_isotonic, fit_platt};

#[test]
fn platts_sigmoid_agrees_with_scikit_learn_and_scipy() {
    let golden = &GOLDEN["calibration"];
    let (positives, first, _) = cases();
    let fit = of(fit_platt(&first, &positives));
    // scikit-learn's search stops early.
    check_all("scikit-learn", &[fit.slope, fit.intercept], &golden["sklearn_platt"], 1e-6);
    check_all("SciPy", &[fit.slope, fit.intercept], &golden["platt"], FIT);
}

#[test]
fn isotonic_regression_agrees_with_scikit_learn() {
    let golden = &GOLDEN["calibration"];
    let (positives, first, _) = cases();
    let fit = of(fit_isotonic(&first, &positives));
    let found: Vec<f64> =
        numbers(&golden["queries"]).iter().map(|&score| of(fit.probability(score))).collect();
    check_all("probability", &found, &golden["isotonic"], ROUNDING);
}

#[test]
fn the_calibration_line_agrees_with_statsmodels() {
    let golden = &GOLDEN["calibration"];
    let (positives, first, _) = cases();
    let line = of(calibration_line(&first, &positives, 0.95));
    for (place, found) in [line.slope, line.intercept].into_iter().enumerate() {
        let interval = numbers(&golden["line_intervals"][place]);
        let expected = json!([number(&golden["line"][place]), interval[0], interval[1]]);
        check_estimate("line", found, &expected, FIT);
    }
    let interval = numbers(&golden["in_the_large_interval"]);
    let expected = json!([number(&golden["in_the_large"]), interval[0], interval[1]]);
    check_estimate("in the large", line.in_the_large, &expected, FIT);
}
