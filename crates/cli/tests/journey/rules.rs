//! `wilhelm rules`: published decision rules, and what they say in a report.

use super::{code, json, path, stderr, wilhelm};

const NODULE: [&str; 9] = [
    "rules",
    "apply",
    "fleischner-2017",
    "--input=age=61years",
    "--input=known_cancer=no",
    "--input=immunosuppressed=no",
    "--input=screening=no",
    "--input=number=single",
    "--input=density=solid",
];

#[test]
fn a_rule_answers_or_names_what_it_lacks() {
    let output = wilhelm(&[&NODULE[..], &["--input=mean_diameter=7mm", "--input=risk=low"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "category        follow-up CT\n",
        "branch          solid-single-6-to-8-low\n",
        "recommendation  Follow-up CT at 6 to 12 months is recommended; ",
        "doi:10.1148/radiol.2017161659",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let output = wilhelm(&[&NODULE[..], &["--input=mean_diameter=7mm", "--json"]].concat());
    assert_eq!(code(&output), 1, "undecided");
    let said = json(&output.stdout);
    assert_eq!(said["outcome"]["kind"], "undecided");
    assert_eq!(said["outcome"]["without"][0], "risk");
}

#[test]
fn what_a_rule_cannot_read_is_refused() {
    for (arguments, exit, words) in [
        (
            &["rules", "apply", "fleischner"][..],
            2,
            "no rule is named fleischner, expected one of: fleischner-2017",
        ),
        (&["rules", "apply", "qsofa", "--input", "systolic"], 2, "has no ="),
        (
            &["rules", "apply", "qsofa", "--input", "systolic=90"],
            3,
            "expected a number in one of the units: mmHg",
        ),
        (&["rules", "apply", "qsofa", "--input", "pulse=90"], 3, "rule qsofa has no input pulse"),
    ] {
        let output = wilhelm(arguments);
        assert_eq!(code(&output), exit, "{}", stderr(&output));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn rules_are_listed_and_shown() {
    let listed = json(&wilhelm(&["rules", "list", "--json"]).stdout);
    let names: Vec<&str> =
        listed["rules"].as_array().unwrap().iter().map(|r| r["rule"].as_str().unwrap()).collect();
    assert!(names.contains(&"lung-rads-2022") && names.contains(&"recist-1.1"), "{names:?}");
    let output = wilhelm(&["rules", "show", "bosniak-2019-ct"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("doi:10.1148/radiol.2019182646") && said.contains("iif-many-septa"), "{said}");
    assert!(said.contains("septa (a number, whole)"), "{said}");
}

#[test]
fn many_cases_are_answered_each_by_itself() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (table, objects) = (place.path().join("cases.csv"), place.path().join("cases.json"));
    std::fs::write(
        &table,
        "case,altered_mentation,respiratory_rate [/min],systolic [mmHg]\na,yes,22,120\nb,no,12,\nc,yes,fast,90\n",
    )
    .expect("written");
    std::fs::write(
        &objects,
        r#"[{"case": "a", "altered_mentation": true, "respiratory_rate": "22 /min", "systolic": "120 mmHg"}]"#,
    )
    .expect("written");
    let output = wilhelm(&["rules", "apply", "qsofa", "--cases", path(&table), "--json"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let said = json(&output.stdout);
    assert_eq!(said["cases"][0]["decision"]["outcome"]["branch"], "positive");
    assert_eq!(
        said["cases"][1]["decision"]["outcome"]["branch"], "negative",
        "one point more decides nothing"
    );
    assert!(said["cases"][2]["refused"].as_str().unwrap().contains("respiratory_rate is \"fast /min\""));
    assert_eq!(said["without_an_answer"], 1);
    let output = wilhelm(&["rules", "apply", "qsofa", "--cases", path(&objects)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("a     qSOFA positive  positive"));
}

#[test]
fn a_decision_stands_in_a_report_and_the_gate_holds_sentences_against_it() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (decision, out, lines) =
        (place.path().join("decision.json"), place.path().join("out"), place.path().join("lines.txt"));
    let output =
        wilhelm(&[&NODULE[..], &["--input=mean_diameter=5mm", "--input=risk=high", "--json"]].concat());
    std::fs::write(&decision, &output.stdout).expect("written");
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/chest_xray/chest_pa.dcm");
    let output = wilhelm(&["read", image, "--no-llm", "--out", path(&out), "--decision", path(&decision)]);
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let report = std::fs::read_to_string(out.join("report.json")).expect("a report");
    assert!(report.contains("solid-below-6-high"), "{report}");
    std::fs::write(
        &lines,
        "Follow-up CT at 12 months is optional.\nFollow-up CT at 6 months is optional.\nNo follow-up is needed.\n",
    )
    .expect("written");
    let output = wilhelm(&["ground", path(&out.join("report.json")), "--text", path(&lines), "--json"]);
    let said = json(&output.stdout);
    assert_eq!((said["accepted"].as_u64(), said["refused"].as_u64()), (Some(1), Some(2)), "{said}");
    let stored =
        std::fs::read_to_string(&decision).expect("read").replace("solid-below-6-high", "solid-below-6-low");
    std::fs::write(&decision, stored).expect("written");
    let output =
        wilhelm(&["read", image, "--no-llm", "--force", "--out", path(&out), "--decision", path(&decision)]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("says otherwise of these inputs"), "{}", stderr(&output));
}
