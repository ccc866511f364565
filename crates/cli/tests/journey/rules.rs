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

#[test]
fn what_the_program_measures_goes_into_a_rule_by_itself() {
    use wilhelm_formats::{Compression, encode_nifti};
    use wilhelm_study::{CodedConcept, Geometry, LabelMap, Mm, Segment, Spacing};

    let place = tempfile::tempdir().expect("a temporary folder");
    // A bar of 20 pixels and a cross of 20 and 12 pixels of 0.5 mm: 10 mm; 10 and 6 mm.
    let mask = |name: &str, columns: usize, two: bool| {
        let grid = Geometry::axis_aligned([64, 32, 3], Spacing::new(Mm(0.5), Mm(0.5), Mm(5.0)).expect("mm"));
        let grid = grid.expect("a grid");
        let mut labels = vec![0_u16; 64 * 32 * 3];
        for column in 4..4 + columns {
            labels[(32 + 10) * 64 + column] = 1;
        }
        for row in 5..17 {
            labels[(32 + row) * 64 + 4 + columns / 2] = 1;
        }
        if two {
            (40..50).for_each(|column| labels[(2 * 32 + 20) * 64 + column] = 2);
        }
        let code = || CodedConcept::new("SCT", "39607008", "Lung");
        let named = |label: u16| (label, Segment::anatomy(&format!("nodule {label}"), code(), "test"));
        let segments = labels.iter().filter(|label| **label > 0).map(|label| named(*label)).collect();
        let map = LabelMap::new(grid, labels, segments).expect("labels");
        let file = place.path().join(name);
        std::fs::write(&file, encode_nifti(&map, Compression::Gzip)).expect("written");
        file
    };
    let nodule = mask("nodule.nii.gz", 20, false);
    let open = wilhelm(&["rules", "apply", "fleischner-2017", "--mask", path(&nodule)]);
    assert_eq!(code(&open), 1, "{}", stderr(&open));
    let said = String::from_utf8_lossy(&open.stdout).into_owned();
    assert!(said.contains("cannot be decided without age"), "{said}");
    assert!(
        said.contains("long_axis 10.00 mm") && said.contains("label 1 (nodule 1), plane 2, mask SHA-256"),
        "{said}"
    );
    let decided = wilhelm(&[&NODULE[..], &["--mask", path(&nodule), "--input=risk=high", "--json"]].concat());
    assert_eq!(code(&decided), 0, "{}", stderr(&decided));
    let decision = json(&decided.stdout);
    assert_eq!(decision["outcome"]["branch"], "solid-single-6-to-8-high", "{decision}");

    let file = place.path().join("decision.json");
    std::fs::write(&file, &decided.stdout).expect("written");
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/chest_xray/chest_pa.dcm");
    let out = place.path().join("out");
    let output = wilhelm(&["read", image, "--no-llm", "--out", path(&out), "--decision", path(&file)]);
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let report = json(&std::fs::read(out.join("report.json")).expect("a report"));
    let evidence = report["evidence"].as_array().expect("evidence");
    let measured = evidence.iter().find(|one| one["id"] == "N1").expect("what was measured");
    assert_eq!(measured["source"]["kind"], "measurement");
    assert!(measured["summary"].as_str().is_some_and(|text| text.starts_with("long_axis 10.00 mm")));
    let forged = String::from_utf8_lossy(&decided.stdout)
        .replace("\"long_axis\": \"10.00 mm\"", "\"long_axis\": \"9.00 mm\"");
    std::fs::write(&file, forged).expect("written");
    let output =
        wilhelm(&["read", image, "--no-llm", "--force", "--out", path(&out), "--decision", path(&file)]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("is said to be measured"), "{}", stderr(&output));

    let several = mask("several.nii.gz", 20, true);
    let each = wilhelm(&[&NODULE[..], &["--mask", path(&several), "--input=risk=low"]].concat());
    assert_eq!(code(&each), 0, "{}", stderr(&each));
    let said = String::from_utf8_lossy(&each.stdout).into_owned();
    assert!(
        said.contains("label 1") && said.contains("label 2") && said.contains("as if it were a nodule"),
        "{said}"
    );
    let (baseline, now) = (mask("t0.nii.gz", 20, false), mask("t1.nii.gz", 36, false));
    let masks = ["--mask", path(&baseline), "--mask", path(&now)];
    let given = [
        "--input=new_lesion=no",
        "--input=non_target=none",
        "--input=targets_evaluated=yes",
        "--input=targets_gone=no",
    ];
    let response = wilhelm(&[&["rules", "apply", "recist-1.1"][..], &masks, &given].concat());
    assert_eq!(code(&response), 0, "{}", stderr(&response));
    // 10 mm, then 18 mm.
    let said = String::from_utf8_lossy(&response.stdout).into_owned();
    assert!(said.contains("progressive disease") && said.contains("current_sum 18.00 mm"), "{said}");
    let wrong = wilhelm(&["rules", "apply", "qsofa", "--mask", path(&nodule)]);
    assert_eq!(code(&wrong), 2);
    assert!(stderr(&wrong).contains("asks for nothing that a mask is measured for"), "{}", stderr(&wrong));
}
