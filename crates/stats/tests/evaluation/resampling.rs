//! What is drawn again: free response, subgroups and paired tests, within sampling noise where seeds differ.

use crate::shared::{
    GOLDEN, ROUNDING, check, check_all, check_chance, check_end, count, indices, list, number, numbers, of,
};
use serde_json::{Value, json};
use wilhelm_stats::{
    Candidate, DetectedImage, FrocReading, GroupFinding, LUNA16_RATES, Resampling, audit_subgroups,
    froc_score, paired_bootstrap, paired_permutation,
};

const SETTINGS: Resampling = Resampling { replicates: 20_000, level: 0.95, seed: 12 };

#[test]
fn the_score_of_luna16_agrees_with_scikit_learn_and_numpy() {
    let golden = &GOLDEN["froc"];
    let candidate = |pair: &Value| Candidate {
        score: number(&pair[0]),
        lesion: pair[1].as_u64().map(|lesion| lesion as usize),
    };
    let images: Vec<DetectedImage> = list(&golden["images"])
        .iter()
        .map(|image| DetectedImage {
            lesions: count(&image["lesions"]) as usize,
            candidates: list(&image["candidates"]).iter().map(candidate).collect(),
        })
        .collect();
    let found = of(froc_score(&images, &LUNA16_RATES, FrocReading::Linear, SETTINGS));
    let rates: Vec<f64> = found.sensitivities.iter().map(|rate| rate.estimate).collect();
    check_all("sensitivities", &rates, &golden["sensitivities"], ROUNDING);
    check("score", found.score.estimate, &golden["score"], ROUNDING);
    let interval = &golden["interval"];
    check_end("low end", found.score.low, &interval["low"], &interval["standard_deviation"]);
    check_end("high end", found.score.high, &interval["high"], &interval["standard_deviation"]);
    let reached = of(froc_score(&images, &LUNA16_RATES, FrocReading::Reached, SETTINGS));
    let below = |(reached, linear): (&wilhelm_stats::BootstrapInterval, &f64)| reached.estimate <= *linear;
    assert!(reached.sensitivities.iter().zip(&rates).all(below), "a threshold reaches no more than the line");
}

#[test]
fn the_gap_of_groups_agrees_with_numpy() {
    let golden = &GOLDEN["subgroups"];
    let (group_of, values) = (indices(&golden["group"]), numbers(&golden["values"]));
    let mean =
        |cases: &[usize]| Some(cases.iter().map(|&case| values[case]).sum::<f64>() / cases.len() as f64);
    let audit = of(audit_subgroups(&group_of, 30, SETTINGS, mean));
    assert!(audit.groups.iter().all(|group| matches!(group.finding, GroupFinding::Measured(_))));
    assert_eq!(audit.smallest_cases, 30);
    let gap = audit.gap.expect("three are measured");
    check("gap", gap.gap.estimate, &golden["gap"], ROUNDING);
    check_end("low end", gap.gap.low, &golden["low"], &golden["standard_deviation"]);
    check_end("high end", gap.gap.high, &golden["high"], &golden["standard_deviation"]);
    check_chance("p", gap.p, &golden["p"], 20_000.0);
}

#[test]
fn paired_tests_agree_with_scipy() {
    let golden = &GOLDEN["paired"];
    let mean = |values: &[f64]| Some(values.iter().sum::<f64>() / values.len() as f64);
    let pair = |key: &str| (numbers(&golden[key][0]), numbers(&golden[key][1]));
    let (first, second) = pair("few");
    let few = of(paired_permutation(&first, &second, 1_024, 3, mean));
    assert!(few.exact);
    check("every exchange", few.p, &golden["few_p"], ROUNDING);
    let (first, second) = pair("many");
    let many = of(paired_permutation(&first, &second, 20_000, 3, mean));
    assert!(!many.exact);
    check_chance("some exchanges", many.p, &golden["many_p"], 20_000.0);
    let mean_of = |values: &[f64], rows: &[usize]| {
        Some(rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64)
    };
    let found =
        of(paired_bootstrap(60, SETTINGS, |rows| mean_of(&first, rows), |rows| mean_of(&second, rows)));
    check_end("low end", found.difference.low, &golden["low"], &golden["standard_deviation"]);
    check_end("high end", found.difference.high, &golden["high"], &golden["standard_deviation"]);
    // The chance is twice a share, so it errs twice as much.
    check_chance("bootstrap", found.p / 2.0, &json!(number(&golden["bootstrap_p"]) / 2.0), 20_000.0);
}
