//! What is counted: McNemar, confusion matrices, operating points, decision curves.

use crate::shared::{
    GOLDEN, ROUNDING, cases, check, check_all, check_estimate, check_relative, count, indices, list, number,
    numbers, of,
};
use serde_json::Value;
use wilhelm_stats::{
    Averaging, BinaryCounts, ClassIntervals, ConfusionMatrix, MistakeCosts, decision_curve, mcnemar,
    threshold_for_costs, threshold_for_specificity,
};

#[test]
fn mcnemar_agrees_with_statsmodels_and_scipy() {
    for case in list(&GOLDEN["mcnemar"]) {
        let found = of(mcnemar(count(&case["only_first"]), count(&case["only_second"])));
        // The beta function of 2,500 throws loses a few digits, in both programs.
        check_relative("exact", found.exact_p, &case["exact"], 1e-10);
        check_relative("mid-p", found.mid_p, &case["mid"], 1e-10);
    }
}

#[test]
fn averages_and_correlations_agree_with_scikit_learn() {
    let golden = &GOLDEN["confusion"];
    let matrix = of(ConfusionMatrix::new(5, &indices(&golden["labels"]), &indices(&golden["predicted"])));
    for (averaging, key) in
        [(Averaging::Macro, "macro"), (Averaging::Micro, "micro"), (Averaging::Weighted, "weighted")]
    {
        let (found, expected) = (matrix.average(averaging), &golden["averages"][key]);
        for (rate, name) in [
            (found.sensitivity, "sensitivity"),
            (found.specificity, "specificity"),
            (found.precision, "precision"),
            (found.negative_predictive_value, "negative"),
            (found.f1, "f1"),
        ] {
            check(&format!("{key} {name}"), rate.expect("every class has cases"), &expected[name], ROUNDING);
        }
    }
    check("correlation", matrix.matthews_correlation().expect("it varies"), &golden["matthews"], ROUNDING);
    let of_classes = |figure: &dyn Fn(usize) -> Option<f64>| -> Vec<f64> {
        (0..5).map(|class| figure(class).expect("it varies")).collect()
    };
    let found = of_classes(&|class| matrix.class_matthews_correlation(class));
    check_all("correlations", &found, &golden["class_matthews"], ROUNDING);
    let found = of_classes(&|class| matrix.rates(class).balanced_accuracy());
    check_all("balanced", &found, &golden["class_balanced"], ROUNDING);
}

#[test]
fn intervals_of_rates_agree_with_statsmodels() {
    let golden = &GOLDEN["confusion"];
    let matrix = of(ConfusionMatrix::new(5, &indices(&golden["labels"]), &indices(&golden["predicted"])));
    type Rate = fn(&ClassIntervals) -> Option<(f64, f64)>;
    let rates: [(&str, Rate); 4] = [
        ("sensitivity_intervals", |class| class.sensitivity),
        ("specificity_intervals", |class| class.specificity),
        ("precision_intervals", |class| class.precision),
        ("negative_intervals", |class| class.negative_predictive_value),
    ];
    for class in 0..5 {
        let intervals = of(matrix.rate_intervals(class, 0.9));
        for (key, rate) in rates {
            let (low, high) = rate(&intervals).expect("every class has cases");
            check_all(key, &[low, high], &golden[key][class], ROUNDING);
        }
    }
}

#[test]
fn thresholds_agree_with_trying_each() {
    let golden = &GOLDEN["operating_points"];
    let (positives, scores, _) = cases();
    for case in list(&golden["by_cost"]) {
        let costs =
            MistakeCosts { missed: number(&case["missed"]), false_alarm: number(&case["false_alarm"]) };
        let found = of(threshold_for_costs(&scores, &positives, costs, number(&case["prevalence"])));
        assert_eq!(found.threshold, case["threshold"].as_f64(), "{case}");
        check("cost", found.cost, &case["cost"], ROUNDING);
    }
    for pair in list(&golden["by_specificity"]) {
        let found = of(threshold_for_specificity(&scores, &positives, number(&pair[0])));
        check("threshold", found, &pair[1], 0.0);
    }
}

#[test]
fn ratios_agree_with_scipy_and_predictive_values_with_the_formulas_of_bdpv() {
    for case in list(&GOLDEN["operating_points"]["counts"]) {
        let counts: Vec<u64> = list(&case["counts"]).iter().map(count).collect();
        let counts = BinaryCounts {
            true_positives: counts[0],
            false_negatives: counts[1],
            false_positives: counts[2],
            true_negatives: counts[3],
        };
        let ratios = of(counts.likelihood_ratios(0.95));
        for (found, key) in [(ratios.positive, "positive"), (ratios.negative, "negative")] {
            match &case["ratios"][key] {
                Value::Null => assert_eq!(found, None, "{case}"),
                expected => check_estimate(key, found.expect("no count is 0"), expected, ROUNDING),
            }
        }
        let values = of(counts.predictive_values(number(&case["prevalence"]), 0.95));
        for (found, key) in [(values.positive, "ppv"), (values.negative, "npv")] {
            let found = found.expect("it calls and passes");
            let expected = numbers(&case[key]);
            // Where a count is 0 the adjusted interval is widened to hold the value itself.
            let (low, high) = (expected[0].min(found.value), expected[1].max(found.value));
            assert!((found.low - low).abs() < ROUNDING && (found.high - high).abs() < ROUNDING, "{found:?}");
            assert!(values.adjusted || (low, high) == (expected[0], expected[1]));
        }
    }
}

#[test]
fn net_benefit_agrees_with_dcurves() {
    let golden = &GOLDEN["decision"];
    let (positives, _, _) = cases();
    let thresholds = numbers(&golden["thresholds"]);
    let curve = of(decision_curve(&numbers(&golden["probabilities"]), &positives, &thresholds));
    let model: Vec<f64> = curve.iter().map(|point| point.model).collect();
    check_all("model", &model, &golden["model"], ROUNDING);
    let all: Vec<f64> = curve.iter().map(|point| point.all).collect();
    check_all("all", &all, &golden["all"], ROUNDING);
}
