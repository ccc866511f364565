//! Curves against scikit-learn, DeLong against its definition, MLstatkit and pROC.

use crate::shared::{GOLDEN, ROUNDING, cases, check, check_all, numbers, of};
use std::path::Path;
use wilhelm_stats::{
    AucScale, CurvePoints, delong_interval, delong_test, precision_recall_curve, roc_curve,
    threshold_for_youden,
};

#[test]
fn curves_agree_with_scikit_learn() {
    let golden = &GOLDEN["curves"];
    let (positives, first, _) = cases();
    let curve = of(roc_curve(&first, &positives, CurvePoints::All));
    let thresholds: Vec<f64> = curve.iter().filter_map(|point| point.threshold).collect();
    check_all("thresholds", &thresholds, &golden["thresholds"], 0.0);
    let rates: Vec<f64> = curve.iter().map(|point| point.false_positive_rate).collect();
    check_all("false positives", &rates, &golden["false_positive_rate"], ROUNDING);
    let rates: Vec<f64> = curve.iter().map(|point| point.sensitivity).collect();
    check_all("sensitivity", &rates, &golden["sensitivity"], ROUNDING);
    let curve = of(precision_recall_curve(&first, &positives, CurvePoints::All));
    let column =
        |of: fn(&wilhelm_stats::PrecisionRecallPoint) -> f64| -> Vec<f64> { curve.iter().map(of).collect() };
    check_all("thresholds", &column(|point| point.threshold), &golden["precision_thresholds"], 0.0);
    check_all("precision", &column(|point| point.precision), &golden["precision"], ROUNDING);
    check_all("recall", &column(|point| point.recall), &golden["recall"], ROUNDING);
    // Without ties every step is of one case, and scikit-learn leaves out just what lies in line.
    let untied = numbers(&golden["untied"]);
    let corners = of(roc_curve(&untied, &positives, CurvePoints::Corners));
    let thresholds: Vec<f64> = corners.iter().filter_map(|point| point.threshold).collect();
    check_all("corners", &thresholds, &golden["corner_thresholds"], 0.0);
    let corners = of(precision_recall_curve(&untied, &positives, CurvePoints::Corners));
    let thresholds: Vec<f64> = corners.iter().map(|point| point.threshold).collect();
    check_all("steep corners", &thresholds, &golden["steep_thresholds"], 0.0);
}

#[test]
fn delong_agrees_with_its_definition_and_with_mlstatkit() {
    let golden = &GOLDEN["delong"];
    let (positives, first, second) = cases();
    let plain = of(delong_interval(&first, &positives, 0.95, AucScale::Plain));
    check("area", plain.auc, &golden["auc"], ROUNDING);
    check("variance", plain.variance, &golden["variance"], ROUNDING);
    check_all("interval", &[plain.low, plain.high], &golden["interval"], ROUNDING);
    let logit = of(delong_interval(&first, &positives, 0.95, AucScale::Logit));
    check_all("logit interval", &[logit.low, logit.high], &golden["logit_interval"], ROUNDING);
    let other = of(delong_interval(&second, &positives, 0.95, AucScale::Plain));
    check("second variance", other.variance, &golden["second_variance"], ROUNDING);
    let test = of(delong_test(&first, &second, &positives, 0.95));
    let covariance = (plain.variance + other.variance - test.variance) / 2.0;
    check("covariance", covariance, &golden["covariance"], ROUNDING);
    check("z", test.z.expect("they differ"), &golden["z"], 1e-11);
    check("p", test.p.expect("they differ"), &golden["p"], 1e-11);
}

/// The aneurysm data that come with R's pROC (GPL: read where it is, not copied), and what pROC 1.18.0 says
/// of them with twelve digits.
#[test]
fn delong_agrees_with_proc_on_its_own_data() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if !shared.is_dir() {
        eprintln!("skipped: asah.csv (GPL) is read from ../shared/reference, and there is no ../shared");
        return;
    }
    #[allow(
        clippy::disallowed_methods,
        reason = "the test reads what may not be committed; the crate reads nothing"
    )]
    let text = std::fs::read_to_string(shared.join("reference/asah.csv"))
        .expect("../shared is there, so that its reference/asah.csv must be");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|field| field.trim_matches('"')).collect())
        .collect();
    assert_eq!(rows.len(), 113);
    let positives: Vec<bool> = rows.iter().map(|row| row[1] == "Poor").collect();
    let column =
        |place: usize| -> Vec<f64> { rows.iter().map(|row| row[place].parse().expect("a number")).collect() };
    let (wfns, s100b, ndka) = (column(4), column(5), column(6));
    // Twelve significant digits are given, eleven of them after the point where z is above 1.
    let near = |what: &str, found: f64, expected: f64| {
        assert!((found - expected).abs() < 5.1e-12, "{what}: found {found}, expected {expected}");
    };
    for (scores, auc, low, high, variance) in [
        (&s100b, 0.731_368_563_686, 0.630_118_211_762, 0.832_618_915_61, 0.002_668_682_457_17),
        (&wfns, 0.823_678_861_789, 0.748_534_887_819, 0.898_822_835_758, 0.001_469_914_708_82),
        (&ndka, 0.611_957_994_58, 0.501_244_999_272, 0.722_670_989_888, 0.003_190_810_549_39),
    ] {
        let found = of(delong_interval(scores, &positives, 0.95, AucScale::Plain));
        near("area", found.auc, auc);
        near("low end", found.low, low);
        near("high end", found.high, high);
        near("variance", found.variance, variance);
    }
    let against_wfns = of(delong_test(&s100b, &wfns, &positives, 0.95));
    near("z", against_wfns.z.expect("they differ"), -2.208_983_591_44);
    near("p", against_wfns.p.expect("they differ"), 0.027_175_782_229_2);
    near("low end", against_wfns.low, -0.174_214_419_249);
    near("high end", against_wfns.high, -0.010_406_176_956_5);
    let against_ndka = of(delong_test(&s100b, &ndka, &positives, 0.95));
    near("z", against_ndka.z.expect("they differ"), 1.390_770_025_74);
    near("p", against_ndka.p.expect("they differ"), 0.164_295_175_223);
    // pROC cuts between scores: its 0.205 lies between 0.19 and 0.22.
    assert_eq!(threshold_for_youden(&s100b, &positives), Ok(0.22));
}
