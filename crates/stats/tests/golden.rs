//! Every statistic against scikit-learn or SciPy, on the cases of `golden/stats.json`.

use serde_json::Value;
use std::sync::LazyLock;
use wilhelm_stats::{
    ConfusionMatrix, Mahalanobis, Rows, TemperatureFit, accuracy, average_precision, bootstrap_interval,
    brier_score, brier_score_multiclass, expected_calibration_error, fit_recalibration,
    fit_sigmoid_temperature, fit_softmax_temperature, log_loss, log_loss_multiclass, macro_one_vs_rest_auc,
    median_absolute_deviation, normal_quantile, one_vs_rest_auc, quantile, roc_auc, sigmoid, softmax,
    threshold_at_quantile, top_label_calibration_error, wilson_interval,
};

/// Sums in another order differ by rounding only.
const ROUNDING: f64 = 1e-12;
/// SciPy's bounded search stops at about the square root of the machine precision.
const SEARCH: f64 = 1e-6;

static GOLDEN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("golden/stats.json")).expect("the file is JSON"));

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn counts(value: &Value) -> Vec<usize> {
    let count = |value: &Value| value.as_u64().expect("a count") as usize;
    value.as_array().expect("a list").iter().map(count).collect()
}

fn truths(value: &Value) -> Vec<bool> {
    value.as_array().expect("a list").iter().map(|value| value.as_bool().expect("a truth")).collect()
}

fn check(what: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = number(expected);
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{what}: found {found}, expected {expected}");
}

fn check_all(what: &str, found: &[f64], expected: &Value, tolerance: f64) {
    let expected = expected.as_array().expect("a list");
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        check(&format!("{what} {place}"), *found, expected, tolerance);
    }
}

fn check_temperature(fit: TemperatureFit, golden: &Value) {
    check("temperature", fit.temperature, &golden["temperature"], SEARCH);
    check("loss before", fit.loss_before, &golden["loss_before"], ROUNDING);
    check("loss after", fit.loss_after, &golden["loss_after"], ROUNDING);
    assert!(!fit.at_bound);
    assert!(fit.loss_after <= number(&golden["loss_after"]) + 1e-15, "SciPy found a better optimum");
}

#[test]
fn scores_of_two_kinds_agree_with_scikit_learn() {
    let golden = &GOLDEN["binary"];
    let (logits, positives) = (numbers(&golden["logits"]), truths(&golden["positives"]));
    let probabilities: Vec<f64> = logits.iter().map(|&logit| sigmoid(logit, 1.0)).collect();
    check_all("sigmoid", &probabilities, &golden["probabilities"], ROUNDING);
    fn of<T>(result: Result<T, wilhelm_stats::StatsError>) -> T {
        result.expect("the cases are sound")
    }
    check("area", of(roc_auc(&logits, &positives)), &golden["roc_auc"], ROUNDING);
    check("precision", of(average_precision(&logits, &positives)), &golden["average_precision"], ROUNDING);
    check("Brier", of(brier_score(&probabilities, &positives)), &golden["brier"], ROUNDING);
    check("log loss", of(log_loss(&probabilities, &positives)), &golden["log_loss"], ROUNDING);
    for (bins, key) in [(10, "calibration_error_10"), (15, "calibration_error_15")] {
        check(key, of(expected_calibration_error(&probabilities, &positives, bins)), &golden[key], ROUNDING);
    }
    check_temperature(fit_sigmoid_temperature(&logits, &positives).expect("both kinds"), golden);
    let pairs: Vec<f64> = logits.iter().flat_map(|&logit| [0.0, logit]).collect();
    let labels: Vec<usize> = positives.iter().map(|&positive| usize::from(positive)).collect();
    let fit = of(fit_recalibration(Rows::new(&pairs, 2).expect("pairs"), &labels));
    let golden = &golden["recalibration"];
    // statsmodels has no prior, which moves the parameters by a thousandth here.
    check("slope", fit.slope, &golden["slope"], 3e-3);
    check("bias", fit.bias[1], &golden["bias"], 3e-3);
    check_all("covariance", &fit.covariance, &golden["covariance"], 3e-3);
}

#[test]
fn scores_of_four_classes_agree_with_scikit_learn() {
    let golden = &GOLDEN["multiclass"];
    let (logits, labels) = (numbers(&golden["logits"]), counts(&golden["labels"]));
    let logits = Rows::new(&logits, 4).expect("full rows");
    let probabilities: Vec<f64> = logits.iter().flat_map(|row| softmax(row, 1.0)).collect();
    check_all("softmax", &probabilities, &golden["probabilities"], ROUNDING);
    let table = Rows::new(&probabilities, 4).expect("full rows");
    let areas = one_vs_rest_auc(table, &labels).expect("every class has cases");
    check_all("areas", &areas, &golden["one_vs_rest_auc"], ROUNDING);
    let of = |result: Result<f64, _>| result.expect("the cases are sound");
    check("macro area", of(macro_one_vs_rest_auc(table, &labels)), &golden["macro_auc"], ROUNDING);
    check("Brier", of(brier_score_multiclass(table, &labels)), &golden["brier"], ROUNDING);
    check("log loss", of(log_loss_multiclass(table, &labels)), &golden["log_loss"], ROUNDING);
    let error = of(top_label_calibration_error(table, &labels, 15));
    check("calibration", error, &golden["calibration_error_15"], ROUNDING);
    check_temperature(fit_softmax_temperature(logits, &labels).expect("labels are classes"), golden);
    let fit = fit_recalibration(logits, &labels).expect("labels are classes");
    let golden = &golden["recalibration"];
    check("slope", fit.slope, &golden["slope"], SEARCH);
    check_all("biases", &fit.bias, &golden["bias"], SEARCH);
    check_all("covariance", &fit.covariance, &golden["covariance"], 1e-5);
    check("loss after", fit.loss_after, &golden["loss_after"], SEARCH);
}

#[test]
fn a_confusion_matrix_agrees_with_scikit_learn() {
    let golden = &GOLDEN["multiclass"];
    let (labels, predicted) = (counts(&golden["labels"]), counts(&golden["predicted"]));
    let matrix = ConfusionMatrix::new(4, &labels, &predicted).expect("labels are classes");
    for (row, expected) in matrix.counts().iter().zip(golden["confusion"].as_array().expect("rows")) {
        let row: Vec<usize> = row.iter().map(|&count| count as usize).collect();
        assert_eq!(row, counts(expected));
    }
    check("accuracy", matrix.accuracy(), &golden["accuracy"], ROUNDING);
    check("accuracy", accuracy(&labels, &predicted).expect("cases"), &golden["accuracy"], ROUNDING);
    check("balanced", matrix.balanced_accuracy(), &golden["balanced_accuracy"], ROUNDING);
    check("macro F1", matrix.macro_f1(), &golden["macro_f1"], ROUNDING);
    let rates: Vec<_> = (0..4).map(|class| matrix.rates(class)).collect();
    let all = |rate: fn(&wilhelm_stats::ClassRates) -> Option<f64>| -> Vec<f64> {
        rates.iter().map(|class| rate(class).expect("every class has cases and calls")).collect()
    };
    check_all("sensitivity", &all(|class| class.sensitivity), &golden["sensitivity"], ROUNDING);
    check_all("specificity", &all(|class| class.specificity), &golden["specificity"], ROUNDING);
    check_all("precision", &all(|class| class.precision), &golden["precision"], ROUNDING);
    check_all("F1", &all(|class| class.f1), &golden["f1"], ROUNDING);
}

#[test]
fn quantiles_agree_with_numpy() {
    let golden = &GOLDEN["order"];
    let values = numbers(&golden["values"]);
    let shares = numbers(&golden["shares"]);
    let all = |of: fn(&[f64], f64) -> Result<f64, wilhelm_stats::StatsError>| -> Vec<f64> {
        shares.iter().map(|&share| of(&values, share).expect("shares are shares")).collect()
    };
    check_all("type 7", &all(quantile), &golden["quantiles"], ROUNDING);
    check_all("type 1", &all(threshold_at_quantile), &golden["inverted_cdf"], 0.0);
    check("spread", median_absolute_deviation(&values).expect("values"), &golden["mad"], ROUNDING);
}

#[test]
fn proportions_agree_with_scipy() {
    let golden = &GOLDEN["proportions"];
    let found: Vec<f64> =
        numbers(&golden["chances"]).iter().map(|&p| normal_quantile(p).expect("inside 0 to 1")).collect();
    check_all("normal quantile", &found, &golden["normal_quantiles"], 1e-14);
    for case in golden["wilson"].as_array().expect("a list") {
        let count = |key: &str| case[key].as_u64().expect("a count");
        let (low, high) = wilson_interval(count("successes"), count("trials"), number(&case["level"]))
            .expect("the counts are possible");
        check_all("Wilson", &[low, high], &case["interval"], ROUNDING);
    }
}

#[test]
fn distances_agree_with_scikit_learn() {
    for golden in GOLDEN["distances"].as_array().expect("a list") {
        let values = numbers(&golden["rows"]);
        let count = |key: &str| golden[key].as_u64().expect("a count") as usize;
        let table = Rows::new(&values, count("features")).expect("full rows");
        let fitted = Mahalanobis::fit_by_class(table, &counts(&golden["labels"]), count("classes"))
            .expect("every class has rows");
        check("shrinkage", fitted.shrinkage(), &golden["shrinkage"], 1e-10);
        let queries = golden["queries"].as_array().expect("rows").iter();
        let found: Vec<f64> =
            queries.map(|query| fitted.squared(&numbers(query)).expect("as many features")).collect();
        // scikit-learn inverts the covariance, which loses digits that a factor keeps.
        check_all("squared distance", &found, &golden["squared"], 1e-9);
    }
}

#[test]
fn a_bootstrap_interval_agrees_with_scipy_within_sampling_noise() {
    let golden = &GOLDEN["bootstrap"];
    let values = numbers(&golden["values"]);
    let interval = bootstrap_interval(values.len(), 20_000, number(&golden["level"]), 11, |rows| {
        Some(rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64)
    })
    .expect("a mean is always defined");
    check("estimate", interval.estimate, &golden["estimate"], ROUNDING);
    // A 2.5 % quantile of 20,000 draws has a standard error of about 0.019 standard deviations
    // (sqrt(0.025 * 0.975 / 20000) over the normal density there, 0.058): allow four.
    let noise = 4.0 * 0.019 * number(&golden["standard_deviation"]);
    assert!((interval.low - number(&golden["low"])).abs() < noise, "low end {}", interval.low);
    assert!((interval.high - number(&golden["high"])).abs() < noise, "high end {}", interval.high);
}
