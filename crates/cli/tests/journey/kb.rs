//! `wilhelm kb`: what texts say.

use super::{code, json, path, stderr, wilhelm};

#[test]
fn mentions_are_told_apart_by_what_is_said_of_them() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let note = place.path().join("note.txt");
    std::fs::write(&note, "CLINICAL HISTORY: History of asthma.\nNo effusion.\nPossible nodule.\n")
        .expect("written");
    let arguments = [
        "kb",
        "context",
        path(&note),
        "--mention",
        "Effusion",
        "--mention",
        "nodule",
        "--mention",
        "asthma",
        "--mention",
        "mass",
    ];
    let output = wilhelm(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        said,
        "line 1: asthma: past (\"history of\")\nline 2: Effusion: denied (\"no\")\nline 3: nodule: in doubt \
         (\"possible\")\nmass: not in the text\n"
    );
    let output = wilhelm(&[&arguments[..], &["--json"]].concat());
    let found = json(&output.stdout);
    assert_eq!(found["mentions"][1]["meaning"]["negated"]["phrase"], "no");
    assert_eq!(found["mentions"][1]["present"], false);
    assert_eq!(found["not_found"][0], "mass");
}

#[test]
fn rules_that_can_not_be_read_are_refused_by_group() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (note, rules) = (place.path().join("note.txt"), place.path().join("rules.toml"));
    std::fs::write(&note, "kein Erguss").expect("written");
    std::fs::write(&rules, "[[group]]\nsays = \"negated\"\nphrases = [\"kein\"]\n").expect("written");
    let arguments = ["kb", "context", path(&note), "--mention", "Erguss", "--rules", path(&rules)];
    let output = wilhelm(&arguments);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("group 1 says something and has no reach"), "{}", stderr(&output));
    std::fs::write(&rules, "[[group]]\nsays = \"negated\"\nreach = \"forward\"\nphrases = [\"kein\"]\n")
        .expect("written");
    let output = wilhelm(&arguments);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "line 1: Erguss: denied (\"kein\")\n");
}

#[test]
fn the_labels_of_a_report_name_the_words_they_come_from() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let report = place.path().join("report.txt");
    std::fs::write(&report, "Heart size is normal. Possible pneumonia.\nNo effusion.\n").expect("written");
    let output = wilhelm(&["kb", "labels", path(&report)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "Cardiomegaly                absent         \"normal\" in: heart size is normal.",
        "Pneumonia                   uncertain      \"possible\" in: possible pneumonia.",
        "Pleural Effusion            absent         \"no\" in: no effusion.",
        "Fracture                    not mentioned",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
    let found = json(&wilhelm(&["kb", "labels", path(&report), "--json"]).stdout);
    assert_eq!(found["labels"]["pneumonia"], "uncertain");
    assert_eq!(found["mentions"][1]["cue"], "possible");
}

#[test]
fn labels_of_a_table_are_scored_against_tags_that_people_gave() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let [reports, tags, labels] =
        ["reports.csv", "tags.csv", "labels.csv"].map(|name| place.path().join(name));
    std::fs::write(&reports, "id,report\n1,Small effusion.\n2,No effusion.\n3,Fracture of a rib.\n")
        .expect("written");
    std::fs::write(&tags, "id,Pleural Effusion,Fracture\n1,1,\n2,,\n3,1,1\n").expect("written");
    let output = wilhelm(&["kb", "labels", path(&reports)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    std::fs::write(&labels, &output.stdout).expect("written");
    let output =
        wilhelm(&["evaluate", "labels", "--truth", path(&tags), "--written", path(&labels), "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = json(&output.stdout);
    // Two hits of two calls and three truths.
    assert_eq!(found["micro"]["f1"]["value"], 0.8);
    assert_eq!(found["labels"][0]["recall"]["value"], 0.5);
    let output = wilhelm(&["evaluate", "labels", "--truth", path(&reports), "--written", path(&labels)]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("expected 1, 0, -1 or nothing"), "{}", stderr(&output));
}
