//! Whole tables of predictions against scikit-learn, SciPy and pROC, and tables that are refused
//! (`tools/golden/learn_evaluation.py`).

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;
use wilhelm_learn::evaluation::{
    Cases, Columns, EvaluationError, Figure, GroupColumn, Headline, Method, OperatingRule, Report,
    Resampling, Settings, Table, evaluate,
};

/// Sums in another order differ by rounding only.
const ROUNDING: f64 = 1e-12;
/// scikit-learn's line stops where its step is small; ours where its own is.
const FIT: f64 = 1e-4;

static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../golden/evaluation.json")).expect("the file is JSON")
});

fn table(text: &str) -> Table {
    Table::parse("table.csv", text.as_bytes()).expect("a table")
}

fn golden_table(part: &str, name: &str) -> Table {
    table(GOLDEN[part][name].as_str().expect("text"))
}

fn positive(label: &str) -> Columns {
    Columns { positive: Some(label.to_owned()), ..Columns::default() }
}

fn draws(replicates: usize) -> Settings {
    Settings { resampling: Resampling { replicates, level: 0.95, seed: 1 }, ..Settings::default() }
}

#[track_caller]
fn check(what: &str, found: Option<f64>, expected: &Value, tolerance: f64) {
    let found = found.unwrap_or_else(|| panic!("{what} has no value"));
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: {expected} is no number"));
    assert!((found - expected).abs() <= tolerance, "{what}: found {found}, expected {expected}");
}

fn headline<'a>(all: &'a [Headline], key: &str) -> &'a Figure {
    &all.iter().find(|headline| headline.key == key).unwrap_or_else(|| panic!("no {key}")).figure
}

#[track_caller]
fn check_headlines(report: &Report, expected: &Value) {
    for (key, expected) in expected.as_object().expect("figures") {
        check(key, headline(&report.headlines, key).value, expected, ROUNDING);
    }
}

/// Percentiles of 4000 draws each: a standard error of 0.042 standard deviations, of both 0.06; four of
/// them are allowed.
#[track_caller]
fn check_ends(what: &str, found: &Figure, expected: &Value) {
    let room = 0.24 * expected["deviation"].as_f64().expect("a number");
    check(&format!("{what}, low"), found.low, &expected["low"], room);
    check(&format!("{what}, high"), found.high, &expected["high"], room);
}

#[test]
fn three_labels_agree_with_scikit_learn() {
    let golden = &GOLDEN["several"];
    let cases = Cases::read(&golden_table("several", "table"), None, &Columns::default()).expect("cases");
    assert_eq!(
        (cases.len(), &cases.labels[..]),
        (180, &["benign", "malignant", "normal"].map(str::to_owned)[..])
    );
    let report = evaluate(&cases, None, None, &draws(4000)).expect("a report");
    check_headlines(&report, &golden["headlines"]);
    check_ends("macro AUC", headline(&report.headlines, "roc_auc"), &golden["macro_auc_interval"]);
    check_ends(
        "balanced accuracy",
        headline(&report.headlines, "balanced_accuracy"),
        &golden["balanced_accuracy_interval"],
    );
    let calls = report.calls.as_ref().expect("calls");
    assert_eq!(serde_json::to_value(&calls.confusion).expect("JSON"), golden["confusion"]);
    check("kappa", calls.kappa.value, &golden["kappa"], ROUNDING);
    for (place, label) in calls.labels.iter().enumerate() {
        let expected = &golden["per_label"];
        check("precision", label.precision.value, &expected["precision"][place], ROUNDING);
        check("recall", label.sensitivity.value, &expected["recall"][place], ROUNDING);
        check("F1", label.f1.value, &expected["f1"][place], ROUNDING);
        check("specificity", label.specificity.value, &golden["specificity"][place], ROUNDING);
    }
    for (average, name) in calls.averages.iter().zip(["macro", "micro", "weighted"]) {
        check("precision", average.precision.value, &golden[name]["precision"], ROUNDING);
        check("recall", average.sensitivity.value, &golden[name]["recall"], ROUNDING);
        check("F1", average.f1.value, &golden[name]["f1"], ROUNDING);
    }
    for (place, label) in report.labels.iter().enumerate() {
        check("AUC", label.roc_auc.value, &golden["roc_auc"][place], ROUNDING);
        check("AP", label.average_precision.value, &golden["average_precision"][place], ROUNDING);
        assert_eq!(label.roc_auc.method, Method::Delong);
    }
    let of_none = Settings { prevalence: Some(0.1), ..draws(100) };
    let refused = evaluate(&cases, None, None, &of_none).expect_err("refused").to_string();
    assert!(refused.ends_with("say with --positive which of benign, malignant, normal"), "{refused}");
    let malignant = Cases { positive: Some(1), ..cases };
    let stated = Settings { rule: OperatingRule::Stated { threshold: 0.3 }, ..of_none };
    let one = evaluate(&malignant, None, None, &stated).expect("a report");
    let points: Vec<bool> = one.labels.iter().map(|label| label.operating_point.is_some()).collect();
    assert_eq!(points, [false, true, false]);
    // The majority is right where the commonest label is true; shares as probabilities rank nothing.
    let majority = headline(&report.baselines[0].headlines, "accuracy");
    assert_eq!(majority.value, Some(83.0 / 180.0));
    assert_eq!(headline(&report.baselines[1].headlines, "roc_auc").value, Some(0.5));
    assert_eq!(report.sets.len(), 2);
    assert!(report.sets.iter().all(|sets| sets.calibration_cases == 90 && sets.coverage.value > Some(0.8)));
}

#[test]
fn two_labels_from_one_column_agree_with_scikit_learn_and_scipy() {
    let golden = &GOLDEN["two"];
    let truth = golden_table("two", "truth");
    let columns = positive("sick");
    let read = |name: &str| Cases::read(&golden_table("two", name), Some(&truth), &columns).expect("cases");
    let (first, second) = (read("first"), read("second"));
    let reference = golden_table("two", "second");
    let settings = Settings { prevalence: Some(0.05), ..draws(1000) };
    let report = evaluate(&first, Some(&second), Some(&reference), &settings).expect("a report");
    check_headlines(&report, &golden["headlines"]);
    let [label] = &report.labels[..] else { panic!("one label is looked for") };
    let found = label.probabilities.as_ref().expect("probabilities");
    check("slope", found.calibration_slope.value, &golden["slope"], FIT);
    check("intercept", found.calibration_intercept.value, &golden["intercept"], FIT);
    check("in the large", found.calibration_in_the_large.value, &golden["in_the_large"], 1e-8);
    let filled: Vec<_> = found.reliability.iter().filter(|bin| bin.cases > 0).collect();
    for (place, bin) in filled.iter().enumerate() {
        check("promised", bin.mean_probability, &golden["reliability"][0][place], ROUNDING);
        check("observed", bin.observed.value, &golden["reliability"][1][place], ROUNDING);
    }
    for pair in golden["benefit"].as_array().expect("points") {
        let threshold = pair[0].as_f64().expect("a number");
        let point = found.decision_curve.iter().find(|point| (point.threshold - threshold).abs() < 1e-9);
        check("net benefit", point.expect("a point").model.value, &pair[1], ROUNDING);
    }
    let point = label.operating_point.as_ref().expect("a threshold");
    check("Youden", point.threshold.value, &golden["youden"], 1e-15);
    assert!(point.chosen_on_these_cases && point.at_prevalence.is_some());
    let at_ninety = Settings { rule: OperatingRule::Sensitivity { at_least: 0.9 }, ..draws(200) };
    let other = evaluate(&first, None, None, &at_ninety).expect("a report");
    let point = other.labels[0].operating_point.as_ref().expect("a threshold");
    check("at 0.9", point.threshold.value, &golden["at_ninety"], 1e-15);

    let comparison = report.comparison.as_ref().expect("a comparison");
    let of = |key: &str| comparison.headlines.iter().find(|of| of.key == key).expect("a headline");
    for (key, expected) in golden["second_headlines"].as_object().expect("figures") {
        check(key, of(key).second, expected, ROUNDING);
        let first = golden["headlines"][key].as_f64().expect("a number");
        let difference = first - expected.as_f64().expect("a number");
        check(key, of(key).difference.value, &difference.into(), ROUNDING);
    }
    let mcnemar = comparison.mcnemar.expect("calls");
    assert_eq!(serde_json::json!([mcnemar.only_first, mcnemar.only_second]), golden["only_right"]);
    check("McNemar", Some(mcnemar.exact_p), &golden["mcnemar"], 1e-10);
    assert!(comparison.delong[0].p.is_some_and(|p| p < 0.01) && of("roc_auc").p.is_some_and(|p| p < 0.01));
    let drift = &report.drift.as_ref().expect("drift").columns[0];
    check("KS", Some(drift.kolmogorov_smirnov.statistic), &golden["kolmogorov_smirnov"][0], ROUNDING);
    check("KS", Some(drift.kolmogorov_smirnov.p), &golden["kolmogorov_smirnov"][1], 1e-10);
}

#[test]
fn patients_with_several_cases_are_drawn_whole() {
    let truth = golden_table("two", "truth");
    let columns = Columns { patient: Some("patient".to_owned()), ..positive("sick") };
    let cases = Cases::read(&golden_table("two", "first"), Some(&truth), &columns).expect("cases");
    let report = evaluate(&cases, None, None, &draws(4000)).expect("a report");
    assert_eq!((report.patients, report.by_patient), (Some(80), true));
    let label = &report.labels[0];
    assert_eq!(label.roc_auc.method, Method::BootstrapByPatient);
    check_ends("AUC by patient", &label.roc_auc, &GOLDEN["two"]["auc_by_patient"]);
    assert_eq!(label.roc_auc_delong.as_ref().map(|figure| figure.value), Some(label.roc_auc.value));
    let point = label.operating_point.as_ref().expect("a threshold");
    assert_eq!(point.sensitivity.method, Method::BootstrapByPatient);
    assert!(report.notes.iter().any(|note| note.contains("whole patients")));
}

#[test]
fn a_laboratory_value_has_procs_area_and_interval() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if !shared.is_dir() {
        eprintln!("skipped: asah.csv (GPL) is read from ../shared/reference, and there is no ../shared");
        return;
    }
    let bytes = std::fs::read(shared.join("reference/asah.csv"))
        .expect("../shared is there, so that its reference/asah.csv must be");
    let text: String = String::from_utf8(bytes)
        .expect("text")
        .lines()
        .enumerate()
        .map(|(line, row)| if line == 0 { format!("id,{row}\n") } else { format!("{line},{row}\n") })
        .collect();
    let of = |score: &str| {
        let columns =
            Columns { label: Some("outcome".to_owned()), score: Some(score.to_owned()), ..positive("Poor") };
        Cases::read(&table(&text), None, &columns).expect("cases")
    };
    let report = evaluate(&of("s100b"), None, None, &draws(500)).expect("a report");
    let area = &report.labels[0].roc_auc;
    let near = |found: Option<f64>, expected: f64| (found.expect("a number") - expected).abs() < 5e-11;
    assert!(near(area.value, 0.731_368_563_686) && near(area.low, 0.630_118_211_762), "{area:?}");
    assert!(near(area.high, 0.832_618_915_61), "{area:?}");
    assert!(
        report.calls.is_none() && report.labels[0].probabilities.is_none() && report.baselines.is_empty()
    );
    let both = evaluate(&of("s100b"), Some(&of("wfns")), None, &draws(500));
    let comparison = both.expect("a report").comparison.expect("a comparison");
    assert!(near(comparison.delong[0].p, 0.027_175_782_229_2), "{comparison:?}");
}

#[test]
fn groups_are_measured_with_their_gap_and_small_ones_are_not() {
    let mut text = "id,label,sick,age,sex\n".to_owned();
    for case in 0..120_usize {
        let sick = case % 3 == 0;
        // Right for women, by chance for men.
        let woman = case < 60;
        let high = if woman { sick } else { case % 2 == 0 };
        let probability = if high { 0.8 } else { 0.2 } + (case % 10) as f64 / 100.0;
        let (label, sex) = (if sick { "sick" } else { "well" }, if woman { "female" } else { "male" });
        let age = if case % 20 == 0 { String::new() } else { format!("{}", 20 + case % 60) };
        text.push_str(&format!("{case},{label},{probability},{age},{sex}\n"));
    }
    let groups = vec![
        GroupColumn { name: "sex".to_owned(), edges: Vec::new() },
        GroupColumn { name: "age".to_owned(), edges: vec![40.0, 65.0] },
    ];
    let columns = Columns { groups, ..positive("sick") };
    let cases = Cases::read(&table(&text), None, &columns).expect("cases");
    let report = evaluate(&cases, None, None, &draws(300)).expect("a report");
    let sex = &report.groups[0].measures[0];
    assert_eq!((sex.key.as_str(), sex.groups[0].figure.value), ("roc_auc", Some(1.0)));
    let gap = sex.gap.as_ref().expect("a gap");
    assert_eq!((gap.highest.as_str(), gap.lowest.as_str()), ("female", "male"));
    assert!(gap.p < 0.01 && gap.figure.value > Some(0.3), "{gap:?}");
    let ages: Vec<_> =
        report.groups[1].measures[0].groups.iter().map(|group| (group.group.as_str(), group.cases)).collect();
    assert_eq!(ages, [("below 40", 38), ("40 to below 65", 46), ("65 or more", 30), ("not stated", 6)]);
    assert_eq!(report.groups[1].measures[0].groups[3].figure.note.as_deref(), Some("fewer than 20 cases"));
}

#[test]
fn an_absent_label_and_a_perfect_model_are_said_and_not_hidden() {
    let mut text = "id,label,a,b,c\n".to_owned();
    for case in 0..20 {
        let row = if case % 2 == 0 { "a,0.8,0.1,0.1" } else { "b,0.1,0.8,0.1" };
        text.push_str(&format!("{case},{row}\n"));
    }
    let cases = Cases::read(&table(&text), None, &Columns::default()).expect("cases");
    let report = evaluate(&cases, None, None, &draws(200)).expect("a report");
    assert!(report.notes[0].starts_with("No case has the label c"), "{:?}", report.notes);
    let areas: Vec<_> = report.labels.iter().map(|label| (label.roc_auc.value, label.roc_auc.low)).collect();
    assert_eq!(areas, [(Some(1.0), None), (Some(1.0), None), (None, None)]);
    assert_eq!(headline(&report.headlines, "roc_auc").value, Some(1.0));
    assert!(report.labels[0].probabilities.as_ref().is_some_and(|of| of.calibration_slope.value.is_none()));
}

#[test]
fn predictions_of_the_program_are_joined_by_file_name_without_what_it_abstained_on() {
    let predictions = "image,well,sick,outlier_score,abstained\n\
        /data/a.png,0.9,0.1,0.5,\n\"/data/b, 2.png\",0.2,0.8,0.6,\n/data/c.png,0.3,0.7,1.5,too far from the training data\n\
        /data/d.png,,,,not an image\n/data/e.png,0.6,0.4,0.2,\n";
    let truth =
        "file,label,site\na.png,well,x\n\"b, 2.png\",sick,y\nc.png,sick,x\nd.png,well,x\ne.png,well,y\n";
    let cases = Cases::read(&table(predictions), Some(&table(truth)), &positive("sick")).expect("cases");
    assert_eq!(
        (&cases.ids[..], cases.abstained),
        (&["a.png", "b, 2.png", "e.png"].map(str::to_owned)[..], 2)
    );
    assert_eq!(cases.outlier_scores, Some(vec![0.5, 0.6, 0.2]));
    let report = evaluate(&cases, None, None, &draws(100)).expect("a report");
    assert_eq!(report.answered.value, Some(0.6));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let cases = Cases::read(&golden_table("several", "table"), None, &Columns::default()).expect("cases");
    let json = || {
        let report = evaluate(&cases, None, None, &draws(100)).expect("a report");
        serde_json::to_string(&report).expect("JSON")
    };
    let text = json();
    assert_eq!(text, json());
    let read: Report = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!((read.schema, read.cases, read.settings), (Report::SCHEMA, 180, draws(100)));
}

fn refusal(predictions: &str, truth: Option<&str>, columns: &Columns) -> String {
    let truth = truth.map(|text| Table::parse("truth.csv", text.as_bytes()).expect("a table"));
    let read = Cases::read(&table(predictions), truth.as_ref(), columns);
    read.expect_err("refused").to_string()
}

#[test]
fn rounded_probabilities_are_taken_and_do_not_drift_from_themselves() {
    let mut text = "id,label,a,b,c\n".to_owned();
    for case in 0..60 {
        let row = ["a,0.996,0.001,0.002", "b,0.33,0.33,0.33", "c,0.001,0.004,0.996"][case % 3];
        text.push_str(&format!("{case},{row}\n"));
    }
    let same = table(&text);
    let cases = Cases::read(&same, None, &Columns::default()).expect("sums of 0.99 to 1.01");
    let report = evaluate(&cases, None, Some(&same), &draws(100)).expect("a report");
    for column in &report.drift.as_ref().expect("drift").columns {
        let found = &column.kolmogorov_smirnov;
        assert_eq!((found.statistic, found.p), (0.0, 1.0), "{}", column.column);
    }
}

#[test]
fn a_missing_truth_is_no_label_and_a_table_without_a_header_is_not_shown() {
    let text = "id,label,sick\n1,sick,0.9\n2,,0.2\n";
    let refused = refusal(text, None, &positive("sick"));
    assert!(refused.contains("line 3") && refused.contains("empty, expected the true label"), "{refused}");
    let headless = Table::parse("table.csv", b"MILLER^ANNA,sick,0.9\nMILLER^OTTO,well,0.1\n");
    let refused = headless.expect_err("no header").to_string();
    assert_eq!(refused, "table.csv: the first line holds numbers, expected the names of columns");
}

#[test]
fn a_group_that_is_all_right_and_a_single_patient_have_no_interval() {
    let mut text = "id,label,sick,sex,patient\n".to_owned();
    for case in 0..80_usize {
        let sick = case % 2 == 0;
        let right = case < 40 || case % 5 > 0;
        let probability = if sick == right { 0.9 } else { 0.1 };
        let (label, sex) = (if sick { "sick" } else { "well" }, if case < 40 { "female" } else { "male" });
        text.push_str(&format!("{case},{label},{probability},{sex},p\n"));
    }
    let groups = vec![GroupColumn { name: "sex".to_owned(), edges: Vec::new() }];
    let columns = Columns { groups, ..positive("sick") };
    let cases = Cases::read(&table(&text), None, &columns).expect("cases");
    let report = evaluate(&cases, None, None, &draws(200)).expect("a report");
    for measure in &report.groups[0].measures {
        let perfect = &measure.groups[0].figure;
        let expected = if measure.key == "brier" { 0.01 } else { 1.0 };
        let value = perfect.value.expect("a value");
        assert!((value - expected).abs() < 1e-12, "{} {value}", measure.key);
        assert_eq!(perfect.low, None, "{}", measure.key);
    }
    let columns = Columns { patient: Some("patient".to_owned()), ..positive("sick") };
    let cases = Cases::read(&table(&text), None, &columns).expect("cases");
    let report = evaluate(&cases, None, None, &draws(200)).expect("a report");
    let accuracy = headline(&report.headlines, "accuracy");
    assert!(accuracy.value.is_some() && accuracy.low.is_none(), "{accuracy:?}");
    assert_eq!(accuracy.note.as_deref(), Some("one patient has no interval"));
}

#[test]
fn tables_that_do_not_fit_are_refused_by_file_line_and_column() {
    let plain = Columns::default();
    let sick = positive("sick");
    let two = "id,label,well,sick\n";
    let cases: [(&str, Option<&str>, &Columns, &str); 15] = [
        ("id,label,sick\n1,sick,0.5\n", None, &sick, "table.csv: all 1 cases are of one label"),
        (
            "id,label,well,sick\n1,sick,0.5,0.5\n2,sick,0.1,0.9\n",
            None,
            &sick,
            "table.csv: all 2 cases are of one label",
        ),
        (
            "id,label,well,sick\n1,well,0.5,0.5\n2,sick,NaN,0.9\n",
            None,
            &sick,
            "line 3, column well: not a finite number",
        ),
        (
            "id,label,well,sick\n1,well,0.5,0.5\n2,sick,ANNA,0.9\n",
            None,
            &sick,
            "line 3, column well: not a number",
        ),
        (
            "id,label,well,sick\n1,well,0.5,0.5\n2,sick,,0.9\n",
            None,
            &sick,
            "line 3, column well: empty, expected a number",
        ),
        (
            "id,label,well,sick\n1,well,1.5,0.5\n2,sick,0.1,0.9\n",
            None,
            &sick,
            "line 2, column well: outside 0 to 1",
        ),
        (
            "id,label,well,sick\n1,well,0.5,0.5\n2,sick,0.3,0.9\n",
            None,
            &sick,
            "line 3: the probabilities of well, sick add up to 1.2000",
        ),
        (
            "id,label,well,sick\n1,well,0.5,0.5\n2,sick,0.1,0.9\n3,MILLER^ANNA,0.5,0.5\n",
            None,
            &sick,
            "line 4, column label: none of the labels, expected one of well, sick",
        ),
        (
            "id,label,well,sick\n1,well,0.5,0.5\n1,sick,0.1,0.9\n",
            None,
            &sick,
            "line 3: the id 1 is there already, in line 2",
        ),
        (
            "id,label,well,sick\n1,well,0.5,0.5\n2,sick,0.1,0.9\n",
            None,
            &plain,
            "the labels are well and sick: say with --positive",
        ),
        (
            "id,label,well,sick\n1,well,0.5,0.5\n2,sick,0.1,0.9\n",
            None,
            &positive("ill"),
            "--positive ill: the labels are well, sick",
        ),
        (
            "id,p\n1,0.5\n2,0.2\n",
            Some("id,label\n1,well\n2,sick\n"),
            &plain,
            "say with --positive of which label they are",
        ),
        (
            "id,well,sick\n1,0.5,0.5\n2,0.2,0.8\n",
            Some("id,label\n1,well\n3,sick\n"),
            &sick,
            "truth.csv: no truth for 1 cases of table.csv: 2; --partial",
        ),
        (
            "id,well,sick\n1,0.5,0.5\n",
            Some("id,label\n1,well\n3,sick\n"),
            &sick,
            "table.csv: no prediction for 1 cases of truth.csv: 3; --partial",
        ),
        (
            "number,well,sick\n1,0.5,0.5\n",
            Some("id,label\n1,well\n3,sick\n"),
            &sick,
            "no column named id, image, case, file",
        ),
    ];
    for (predictions, truth, columns, expected) in cases {
        let found = refusal(predictions, truth, columns);
        assert!(found.contains(expected), "{found}\nexpected {expected}");
        assert!(!found.contains("ANNA"), "{found}");
    }
    let columns = Columns { patient: Some("patient".to_owned()), ..positive("sick") };
    let found = refusal(&format!("{two}1,well,0.5,0.5\n2,sick,0.1,0.9\n"), None, &columns);
    assert!(found.contains("no column patient (--patient)"), "{found}");
    let grouped = |edges: Vec<f64>| Columns {
        groups: vec![GroupColumn { name: "age".to_owned(), edges }],
        ..positive("sick")
    };
    let mut ages = "id,label,sick,age\n".to_owned();
    for case in 0..30 {
        ages.push_str(&format!(
            "{case},{},0.{case:02},{case}\n",
            if case % 2 == 0 { "well" } else { "sick" }
        ));
    }
    assert!(refusal(&ages, None, &grouped(Vec::new())).contains("--group age: the column has 30 values"));
    assert!(refusal(&ages, None, &grouped(vec![65.0, 40.0])).contains("rising numbers"));
    let other = ages.replace(",7\n", ",SECRET\n");
    let found = refusal(&other, None, &grouped(vec![10.0]));
    assert!(found.ends_with("line 9, column age: not a number") && !found.contains("SECRET"), "{found}");
}

#[test]
fn models_of_other_truths_or_labels_are_not_compared() {
    let read = |text: &str| Cases::read(&table(text), None, &positive("sick")).expect("cases");
    let first = read("id,label,well,sick\n1,well,0.5,0.5\n2,sick,0.1,0.9\n3,sick,0.4,0.6\n");
    let refused = |other: &Cases| -> EvaluationError {
        evaluate(&first, Some(other), None, &draws(100)).expect_err("refused")
    };
    let other = read("id,label,sick,well\n1,well,0.5,0.5\n2,well,0.1,0.9\n4,sick,0.4,0.6\n");
    let expected = "table.csv and table.csv state different truths for 1 cases: 2";
    assert_eq!(refused(&other).to_string(), expected);
    let other = read("id,label,ill,sick\n1,ill,0.5,0.5\n2,sick,0.1,0.9\n");
    assert!(refused(&other).to_string().contains("has the labels well, sick, table.csv has ill, sick"));
    let other = read("id,label,well,sick\n8,well,0.5,0.5\n9,sick,0.1,0.9\n");
    assert!(refused(&other).to_string().contains("share no case"));
    let other = read("label,well,sick\nwell,0.5,0.5\nsick,0.1,0.9\n");
    assert!(refused(&other).to_string().contains("has no column of ids"));
    // Columns in another order are the same labels.
    let other = read("id,label,sick,well\n1,well,0.5,0.5\n2,sick,0.9,0.1\n3,sick,0.6,0.4\n");
    let report = evaluate(&first, Some(&other), None, &draws(100)).expect("a report");
    let comparison = report.comparison.expect("a comparison");
    assert!(comparison.headlines.iter().all(|of| of.difference.value == Some(0.0)), "{comparison:?}");
    let wrong = Settings { prevalence: Some(1.0), ..draws(100) };
    let found = evaluate(&first, None, None, &wrong).expect_err("refused").to_string();
    assert_eq!(found, "prevalence is 1, expected a share between 0 and 1");
}
