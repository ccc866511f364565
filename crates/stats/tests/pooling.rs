//! Pooling beside scipy and stacking beside scikit-learn: `tools/golden/stats_pooling.py`.

use std::sync::LazyLock;

use serde_json::Value;
use wilhelm_stats::{PooledSource, Rows, fit_stacking, pool_log_odds};

static GOLDEN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("golden/pooling.json")).expect("the file is JSON"));

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

#[test]
fn pools_are_those_of_scipys_distributions() {
    for pool in list(&GOLDEN["pools"]) {
        let sources: Vec<PooledSource> = list(&pool["sources"])
            .iter()
            .map(|source| {
                let [probability, base_rate, weight] = numbers(source)[..] else { panic!("three numbers") };
                PooledSource { probability, base_rate, weight }
            })
            .collect();
        let found = pool_log_odds(number(&pool["base_rate"]), &sources).expect("probabilities");
        let expected = number(&pool["probability"]);
        // Rounding alone parts them: the same formula, summed in another form.
        assert!((found.probability - expected).abs() < 1e-13, "{found:?} is not {expected}");
    }
}

#[test]
fn stacks_are_those_of_scikit_learn() {
    for stack in list(&GOLDEN["stacks"]) {
        let columns = stack["sources"].as_u64().expect("a number") as usize;
        let values = numbers(&stack["log_odds"]);
        let positives: Vec<bool> =
            list(&stack["positives"]).iter().map(|positive| positive.as_bool().expect("a truth")).collect();
        let rows = Rows::new(&values, columns).expect("rows");
        let found = fit_stacking(rows, &positives, number(&stack["strength"])).expect("both kinds");
        // Two searches for the same least value end within their tolerances.
        for (weight, expected) in found.weights.iter().zip(numbers(&stack["weights"])) {
            assert!((weight - expected).abs() < 1e-6, "{weight} is not {expected}");
        }
        assert!((found.intercept - number(&stack["intercept"])).abs() < 1e-6);
        for (asked, expected) in
            numbers(&stack["asked"]).chunks_exact(columns).zip(numbers(&stack["answered"]))
        {
            assert!((found.log_odds(asked) - expected).abs() < 1e-5);
        }
    }
}
