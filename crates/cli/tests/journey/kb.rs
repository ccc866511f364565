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
