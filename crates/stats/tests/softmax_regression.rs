//! The linear classifier against scikit-learn, on the cases of `golden/softmax_regression.json`.

use serde_json::Value;
use wilhelm_stats::text::TfIdf;
use wilhelm_stats::{Rows, fit_softmax_regression, fit_sparse_softmax_regression};

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

#[test]
fn terms_and_what_is_made_of_them_are_scikit_learn_s() {
    let golden: Value =
        serde_json::from_str(include_str!("golden/softmax_regression.json")).expect("the file is JSON");
    let cases = golden["texts"].as_array().expect("cases");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let words = |key: &str| -> Vec<&str> {
            case[key].as_array().expect("a list").iter().map(|word| word.as_str().expect("words")).collect()
        };
        let count = |key: &str| case[key].as_u64().expect("a count") as usize;
        let sentences = words("sentences");
        let terms = TfIdf::of(sentences.iter().copied(), count("order"), count("least"));
        assert_eq!(terms.terms().collect::<Vec<_>>(), words("terms"));
        for (sentence, expected) in sentences.iter().zip(case["weights"].as_array().expect("rows")) {
            let weights = terms.weights(sentence);
            let expected = expected.as_array().expect("a row");
            assert_eq!(weights.len(), expected.len());
            for ((column, weight), expected) in weights.iter().zip(expected) {
                assert_eq!(u64::from(*column), expected[0].as_u64().expect("a column"));
                assert!((weight - expected[1].as_f64().expect("a weight")).abs() < 1e-12);
            }
        }
        let rows = terms.rows(sentences.iter().copied());
        let labels: Vec<usize> = numbers(&case["labels"]).into_iter().map(|label| label as usize).collect();
        let strength = case["strength"].as_f64().expect("a number");
        let fitted = fit_sparse_softmax_regression(&rows, &labels, 2, strength).expect("both classes");
        let found: Vec<f64> = rows.iter().map(|row| fitted.sparse_probabilities(row)[1]).collect();
        check("probabilities of sentences", &found, &case["probabilities"]);
    }
}
