//! The linear classifier against scikit-learn, on the cases of `golden/softmax_regression.json`.

use serde_json::Value;
use wilhelm_stats::{Rows, fit_softmax_regression};

/// Both searches stop where the gradient is small, not where it is 0; hardly held back weights are far from sharp.
const SEARCH: f64 = 2e-5;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
}

fn check(what: &str, found: &[f64], expected: &Value) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!(
            (found - expected).abs() < SEARCH * (1.0 + expected.abs()),
            "{what} {place}: {found} for {expected}"
        );
    }
}

#[test]
fn weights_and_probabilities_are_scikit_learn_s() {
    let golden: Value =
        serde_json::from_str(include_str!("golden/softmax_regression.json")).expect("the file is JSON");
    let cases = golden["cases"].as_object().expect("cases");
    assert_eq!(cases.len(), 4);
    for (name, case) in cases {
        let count = |key: &str| case[key].as_u64().expect("a count") as usize;
        let (features, asked) = (numbers(&case["features"]), numbers(&case["asked"]));
        let labels: Vec<usize> = numbers(&case["labels"]).into_iter().map(|label| label as usize).collect();
        let rows = Rows::new(&features, count("columns")).expect("rows");
        let strength = case["strength"].as_f64().expect("a number");
        let fitted = fit_softmax_regression(rows, &labels, count("classes"), strength).expect(name);
        check(&format!("{name}: weights"), fitted.weights(), &case["weights"]);
        check(&format!("{name}: intercepts"), fitted.intercepts(), &case["intercepts"]);
        let found: Vec<f64> =
            asked.chunks_exact(count("columns")).flat_map(|row| fitted.probabilities(row)).collect();
        check(&format!("{name}: probabilities"), &found, &case["probabilities"]);
    }
}
