//! `wilhelm safety`: a table of reports to signals.

use super::{code, json, path, stderr, wilhelm};

/// 400 cases by rule, with a drug that is only ever reported with one event.
fn table() -> String {
    let mut text = "report,product,reaction,sex\n".to_owned();
    for case in 0..400_u32 {
        for place in 0..3 {
            let drug = (case * 7 + place * 5 + case * case % 5) % 29;
            let event = if drug == 9 { 9 } else { (case * 11 + place * 3 + case * place % 7) % 37 };
            let sex = if case % 2 == 0 { "F" } else { "M" };
            text.push_str(&format!("{case},DRUG {drug},EVENT {event},{sex}\n"));
        }
    }
    text
}

#[test]
fn a_table_of_reports_becomes_signals_a_page_and_a_forest_plot() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let reports = place.path().join("reports.csv");
    std::fs::write(&reports, table()).expect("written");
    let out = place.path().join("out");
    let arguments = [
        "safety",
        "signals",
        path(&reports),
        "--case-column",
        "report",
        "--drug-column",
        "product",
        "--event-column",
        "reaction",
        "--stratum",
        "sex",
        "--out",
        path(&out),
        "--json",
    ];
    let output = wilhelm(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output.stdout);
    assert_eq!(report, json(&std::fs::read(out.join("signals.json")).expect("a report")));
    assert_eq!((&report["cases"], &report["strata"], &report["drugs"]), (&400.into(), &2.into(), &29.into()));
    let first = &report["signals"][0];
    assert_eq!((&first["drug"], &first["event"]), (&"DRUG 9".into(), &"EVENT 9".into()));
    assert_eq!(first["score"]["ror"]["status"], "undefined");
    assert_eq!(first["score"]["ror"]["reason"], "drug_only_with_event");
    assert!(first["words"].as_str().is_some_and(|words| words.contains("not that one causes the other")));
    let csv = std::fs::read_to_string(out.join("signals.csv")).expect("a table");
    assert!(csv.lines().nth(1).is_some_and(|line| line.contains("drug_only_with_event")), "{csv}");
    let svg = std::fs::read_to_string(out.join("signals.svg")).expect("a plot");
    assert!(svg.starts_with("<svg role=\"img\"") && svg.contains("DRUG 9 / EVENT 9"));
    let html = std::fs::read_to_string(out.join("signals.html")).expect("a page");
    assert!(html.contains("Not a medical device") && html.contains("no denominator"));

    let shown = wilhelm(&[&arguments[..arguments.len() - 1], &["--force", "--show", "2"]].concat());
    assert!(String::from_utf8_lossy(&shown.stdout).contains("400 cases"), "{}", stderr(&shown));
    assert_eq!(code(&wilhelm(&arguments)), 2);
    std::fs::write(&reports, format!("{}400,,EVENT 1,F\n", table())).expect("written");
    let refused = wilhelm(&[&arguments[..], &["--force"]].concat());
    assert_eq!(code(&refused), 3);
    assert!(
        stderr(&refused).contains("reports.csv, line 1202, column product: empty, expected a drug"),
        "{}",
        stderr(&refused)
    );
}
