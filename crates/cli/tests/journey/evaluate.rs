//! `wilhelm evaluate`: tables and masks to pages with figures.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{code, json, label_map, path, root, stderr, wilhelm};

fn text(folder: &Path, name: &str, text: &str) -> PathBuf {
    let place = folder.join(name);
    std::fs::write(&place, text).expect("written");
    place
}

/// Predictions of three labels by rule, and their truth with patients, ages and a device.
fn tables(folder: &Path) -> [PathBuf; 3] {
    let labels = ["benign", "malignant", "normal"];
    let (mut first, mut second) = (String::new(), String::new());
    let mut truth = "file,label,patient,age,device\n".to_owned();
    for case in 0..150_usize {
        let label = (case * 7 % 11) % 3;
        let row = |skill: f64, salt: usize| {
            let mut weights = [0, 1, 2].map(|of| 0.2 + (case * (of + 3) * salt % 17) as f64 / 17.0);
            weights[label] += skill;
            let sum: f64 = weights.iter().sum();
            weights.map(|weight| format!("{:.6}", weight / sum)).join(",")
        };
        first.push_str(&format!("/scans/{case}.png,{},0.4,\n", row(0.6, 5)));
        second.push_str(&format!("/scans/{case}.png,{},0.4,\n", row(0.3, 7)));
        let device = if case % 2 == 0 { "\"Vendor, A\"" } else { "\"Vendor \"\"B\"\"\"" };
        truth.push_str(&format!(
            "{case}.png,{},ANNA{},{},{device}\n",
            labels[label],
            case / 2,
            20 + case % 60
        ));
    }
    let header = "image,benign,malignant,normal,outlier_score,abstained\n";
    first.push_str("/scans/900.png,,,,,not an image of the breast\n");
    truth.push_str("900.png,normal,ANNA900,50,\"Vendor, A\"\n");
    second.push_str("/scans/900.png,0.2,0.2,0.6,0.4,\n");
    [
        text(folder, "first.csv", &format!("{header}{first}")),
        text(folder, "second.csv", &format!("{header}{second}")),
        text(folder, "truth.csv", &truth),
    ]
}

fn page(folder: &Path) -> String {
    let html = std::fs::read_to_string(folder.join("evaluation.html")).expect("a page");
    assert!(html.contains("Not a medical device") && html.contains("<svg role=\"img\""));
    assert!(
        !html.replace("http://www.w3.org/2000/svg", "").contains("://") && !html.contains("<script"),
        "the page asks something of the network"
    );
    html
}

#[test]
fn a_table_of_predictions_becomes_figures_pages_and_a_comparison() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let [first, second, truth] = tables(place.path());
    let out = place.path().join("out");
    let arguments = [
        "evaluate",
        path(&first),
        "--truth",
        path(&truth),
        "--compare",
        path(&second),
        "--reference",
        path(&second),
        "--group",
        "age:40,65",
        "--group",
        "device",
        "--patient",
        "patient",
        "--positive",
        "malignant",
        "--target-sensitivity",
        "0.9",
        "--prevalence",
        "0.02",
        "--replicates",
        "200",
        "--out",
        path(&out),
        "--json",
    ];
    let output = wilhelm(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("The model abstained on 1 cases"), "{}", stderr(&output));
    let report = json(&output.stdout);
    assert_eq!(report, json(&std::fs::read(out.join("evaluation.json")).expect("a report")));
    assert_eq!(
        (&report["schema"], &report["cases"], &report["patients"]),
        (&1.into(), &150.into(), &75.into())
    );
    let accuracy = report["headlines"]
        .as_array()
        .and_then(|all| all.iter().find(|headline| headline["key"] == "accuracy"))
        .expect("an accuracy");
    assert!(accuracy["value"].as_f64().is_some_and(|value| value > 0.7), "{accuracy}");
    assert!(accuracy["low"].as_f64() < accuracy["value"].as_f64(), "{accuracy}");
    assert_eq!(report["comparison"]["cases"], 150);
    assert_eq!(report["comparison"]["only_second"], 1);
    assert_eq!(report["groups"][1]["measures"][0]["groups"][0]["group"], "Vendor \"B\"");
    assert_eq!(report["labels"][1]["operating_point"]["chosen_on_these_cases"], true);
    let html = page(&out);
    assert!(html.contains("Vendor, A") && html.contains("docs/evaluate.md"));
    let markdown = std::fs::read_to_string(out.join("evaluation.md")).expect("a page");
    assert!(markdown.starts_with("# Evaluation of first.csv\n\n> For research use only."));
    for words in ["## Compared with another model", "## Groups by age", "## Conformal sets", "## Drift"] {
        assert!(markdown.contains(words), "{words}");
    }
    let everything = format!("{html}{markdown}{report}{}", stderr(&output));
    assert!(!everything.contains("ANNA"), "a patient is named");

    let again = wilhelm(&arguments);
    assert_eq!(code(&again), 2);
    assert!(stderr(&again).contains("add --force"), "{}", stderr(&again));
    let forced = wilhelm(&[&arguments[..], &["--force"]].concat());
    assert_eq!(forced.stdout, output.stdout, "the same tables give the same bytes");
}

#[test]
fn tables_at_fault_end_in_one_sentence_and_leave_nothing_behind() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = place.path();
    let [first, _, truth] = tables(folder);
    let out = folder.join("out");
    let good = "id,label,a,b\n1,a,0.6,0.4\n2,b,0.3,0.7\n";
    let cases = [
        (text(folder, "empty.csv", ""), vec![], 3, "empty.csv: the table is empty"),
        (folder.join("nothing.csv"), vec![], 3, "nothing.csv is not readable"),
        (text(folder, "one.csv", "id,label,a,b\n1,a,0.6,0.4\n"), vec!["--positive", "b"], 3, "one label"),
        (
            text(folder, "nan.csv", &good.replace("0.7", "nan")),
            vec!["--positive", "b"],
            3,
            "line 3, column b: not a finite number",
        ),
        (
            text(folder, "sum.csv", &good.replace("0.7", "0.9")),
            vec!["--positive", "b"],
            3,
            "line 3: the probabilities of a, b add up to 1.2",
        ),
        (text(folder, "good.csv", good), vec![], 3, "say with --positive"),
        (folder.join("good.csv"), vec!["--positive", "b", "--prevalence", "2"], 3, "prevalence is 2"),
        (folder.join("good.csv"), vec!["--positive", "b", "--cost-fp", "2"], 2, "--cost-fn"),
        (folder.join("good.csv"), vec!["--positive", "b", "--group", "age:young"], 2, "--group age:young"),
        (first, vec!["--truth", path(&truth), "--label", "nothing"], 3, "truth.csv: no column nothing"),
    ];
    for (table, options, expected, words) in cases {
        let output = wilhelm(&[&["evaluate", path(&table), "--out", path(&out)][..], &options].concat());
        let said = stderr(&output);
        assert_eq!(code(&output), expected, "{table:?} {said}");
        assert!(said.contains(words), "{said}\nexpected {words}");
        assert!(!said.contains("panicked") && !out.exists(), "{said}");
    }
}

#[test]
fn two_tables_of_numbers_are_held_against_each_other_and_probabilities_are_mended() {
    let place = tempfile::tempdir().expect("a folder");
    let rows = |more: usize| {
        let row = |at: usize| format!("{at},{},{}\n", at * 37 % 101, at * 53 % 97 + more);
        "id,noise,contrast\n".to_owned() + &(0..150).map(row).collect::<String>()
    };
    let [before, now] =
        [("before.csv", 0), ("now.csv", 50)].map(|(name, more)| text(place.path(), name, &rows(more)));
    let out = place.path().join("drift");
    let found = wilhelm(&["evaluate", "drift", path(&before), path(&now), "--out", path(&out), "--json"]);
    assert_eq!(code(&found), 0, "{}", stderr(&found));
    let told = json(&found.stdout);
    assert_eq!(
        (told["reference"].as_str(), told["columns"][1]["column"].as_str()),
        (Some("before.csv"), Some("contrast"))
    );
    assert!(told["columns"][0]["adjusted_p"].as_f64() > Some(0.9), "{told}");
    assert!(told["columns"][1]["adjusted_p"].as_f64() < Some(0.001), "{told}");
    assert!(told["discrepancy"]["p"].as_f64() < Some(0.01), "{told}");
    let html = std::fs::read_to_string(out.join("evaluation.html")).expect("a page");
    assert!(html.contains("Drift of now.csv from before.csv") && html.contains("Not a medical device"));
    let none = wilhelm(&[
        "evaluate",
        "drift",
        path(&before),
        path(&now),
        "--columns",
        "age",
        "--out",
        path(&out),
        "--force",
    ]);
    assert_eq!(code(&none), 3);
    assert!(stderr(&none).contains("no column age; there are id, noise, contrast"), "{}", stderr(&none));

    // A model that is surer than it is right.
    let row = |at: usize| {
        let (promised, right) = (at.is_multiple_of(2), !(at / 2).is_multiple_of(4));
        let label = if promised == right { "sick" } else { "well" };
        format!("{at},{label},{}\n", if promised { 0.99 } else { 0.01 })
    };
    let table =
        text(place.path(), "p.csv", &("id,label,sick\n".to_owned() + &(0..200).map(row).collect::<String>()));
    let out = place.path().join("mended");
    let arguments = [
        "evaluate",
        path(&table),
        "--positive",
        "sick",
        "--labels",
        "sick",
        "--recalibrate",
        "--out",
        path(&out),
    ];
    let found = wilhelm(&[&arguments[..], &["--json"]].concat());
    assert_eq!(code(&found), 0, "{}", stderr(&found));
    let told = json(&found.stdout)["recalibration"].clone();
    assert_eq!(told[0]["mending"], "temperature");
    assert!(told[0]["measures"][0]["less_as_they_are"]["high"].as_f64() < Some(0.0), "{told}");
    assert!(told[2]["fitted"]["sigmoids"][0]["slope"].as_f64() < Some(1.0), "{told}");
    assert!(page(&out).contains("Recalibration") && page(&out).contains("isotonic regression"));
}

#[test]
fn a_score_that_is_no_probability_has_a_curve_and_an_operating_point_of_its_own() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut table = "outcome,marker\n".to_owned();
    for case in 0..60 {
        let (outcome, marker) = if case % 3 == 0 { ("poor", 5 + case % 7) } else { ("good", case % 9) };
        table.push_str(&format!("{outcome},{marker}\n"));
    }
    let table = text(place.path(), "marker.csv", &table);
    let out = place.path().join("out");
    let output = wilhelm(&[
        "evaluate",
        path(&table),
        "--score",
        "marker",
        "--label",
        "outcome",
        "--positive",
        "poor",
        "--operating-point",
        "6",
        "--out",
        path(&out),
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        shown.contains("ROC AUC") && !shown.contains("Brier") && shown.contains("evaluation.html"),
        "{shown}"
    );
    assert!(page(&out).contains("It was stated from elsewhere"));
}

#[test]
fn folders_of_masks_become_figures_of_every_segment() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (found, truth) = (place.path().join("found"), place.path().join("truth"));
    for folder in [&found, &truth] {
        std::fs::create_dir(folder).expect("a folder");
    }
    let size = [24, 20, 12];
    let cube = |shift: usize| {
        move |column: usize, row: usize, slice: usize| match (column, row, slice) {
            (column, 4..12, 2..9) if (4 + shift..12 + shift).contains(&column) => 1,
            (18..22, 4..8, 2..6) if shift < 2 => 2,
            _ => 0,
        }
    };
    for case in 0..3 {
        label_map(&truth, &format!("case{case}.seg.nrrd"), size, cube(0));
        label_map(&found, &format!("case{case}.nrrd"), size, cube(case));
    }
    let out = place.path().join("out");
    let masks = |more: &[&str]| {
        let first = ["evaluate", "masks", path(&found), path(&truth), "--replicates", "200"];
        wilhelm(&[&first[..], &["--out", path(&out)], more].concat())
    };
    let output = masks(&["--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output.stdout);
    let dice: Vec<&Value> = (0..3).map(|case| &report["cases"][case]["segments"][0]["dice"]).collect();
    assert_eq!(dice, [&Value::from(1.0), &0.875.into(), &0.75.into()]);
    // Of the cube that is two columns off, the two outermost columns of either side are 1 and 2 mm away.
    assert_eq!(report["cases"][2]["segments"][0]["hausdorff_95_mm"], 2.0);
    assert_eq!(report["segments"][0]["dice"]["value"], 0.875);
    assert_eq!((&report["segments"][1]["cases"], &report["segments"][1]["missed"]), (&3.into(), &1.into()));
    page(&out);

    let patches = masks(&["--patches", "--force", "--tolerance", "2"]);
    assert_eq!(code(&patches), 0, "{}", stderr(&patches));
    let shown = String::from_utf8_lossy(&patches.stdout).into_owned();
    assert!(shown.contains("NSD at 2 mm") && shown.contains("part 1"), "{shown}");

    label_map(&truth, "case3.seg.nrrd", size, cube(0));
    let lonely = masks(&["--force"]);
    assert_eq!(code(&lonely), 3);
    assert!(stderr(&lonely).contains("lacks 1 cases of the other folder: case3"), "{}", stderr(&lonely));
    label_map(&found, "case3.nrrd", [24, 20, 13], cube(0));
    let other = masks(&["--force"]);
    assert_eq!(code(&other), 3);
    assert!(stderr(&other).contains("case3: prediction and truth lie on different grids: 24 x 20 x 13"));
    std::fs::write(found.join("case3.nrrd"), b"no label map").expect("written");
    let broken = masks(&["--force"]);
    assert_eq!(code(&broken), 3);
    assert!(stderr(&broken).contains("case3.nrrd: "), "{}", stderr(&broken));
    let help = wilhelm(&["evaluate", "--help"]);
    assert!(String::from_utf8_lossy(&help.stdout).contains("masks"));
    assert!(root().join("docs/evaluate.md").exists());
}
