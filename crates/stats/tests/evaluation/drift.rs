//! Drift against SciPy, scikit-learn's kernels and NumPy.

use crate::shared::{GOLDEN, ROUNDING, check, check_chance, check_relative, list, number, numbers, of};
use wilhelm_stats::{
    KOLMOGOROV_EXACT_LIMIT, Rows, kolmogorov_smirnov, mean_discrepancy, population_stability,
};

#[test]
fn the_test_of_kolmogorov_and_smirnov_agrees_with_scipy() {
    for case in list(&GOLDEN["drift"]["tests"]) {
        let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
        let found = of(kolmogorov_smirnov(&first, &second));
        check("statistic", found.statistic, &case["statistic"], ROUNDING);
        check_relative("exact", found.p, &case["exact"], 1e-11);
        assert!(found.exact);
        // The same samples repeated until they are too many: the distance stays, the chance is the limit.
        let times = KOLMOGOROV_EXACT_LIMIT / first.len() + 1;
        let many = of(kolmogorov_smirnov(&first.repeat(times), &second.repeat(times)));
        assert!(!many.exact && (many.statistic - found.statistic).abs() < ROUNDING);
    }
}

#[test]
fn the_limit_of_kolmogorov_agrees_with_scipy() {
    // The limit is a function of statistic * sqrt(m n / (m + n)): samples of 5,001 values that are apart by
    // a chosen number of ranks reach it at any place.
    let first: Vec<f64> = (0..5_001).map(f64::from).collect();
    for pair in list(&GOLDEN["drift"]["limits"]) {
        let shift = number(&pair[0]);
        let second: Vec<f64> = first.iter().map(|value| value + shift - 0.5).collect();
        let found = of(kolmogorov_smirnov(&first, &second));
        assert!(!found.exact && (found.statistic - shift / 5_001.0).abs() < ROUNDING);
        check_relative("limit", found.p, &pair[1], 1e-10);
    }
}

#[test]
fn the_mean_discrepancy_agrees_with_scikit_learns_kernel() {
    let golden = &GOLDEN["drift"];
    let (first, second) = (numbers(&golden["rows"][0]), numbers(&golden["rows"][1]));
    let (first, second) =
        (Rows::new(&first, 3).expect("full rows"), Rows::new(&second, 3).expect("full rows"));
    let found = of(mean_discrepancy(first, second, 20_000, 5));
    check("bandwidth", found.bandwidth, &golden["bandwidth"], ROUNDING);
    check("squared", found.squared, &golden["squared"], ROUNDING);
    check_chance("p", found.p, &golden["p"], 20_000.0);
}

#[test]
fn the_stability_index_agrees_with_numpy() {
    let golden = &GOLDEN["drift"];
    let (reference, current) = (numbers(&golden["reference"]), numbers(&golden["current"]));
    let found = of(population_stability(&reference, &current, 10));
    check("index", found.index, &golden["stability"], ROUNDING);
    assert_eq!(found.bins.len(), 10);
}
