//! `wilhelm audit`, `users`, `keys`, `seal` and `open`: what was done is found again, and what was sealed is not read.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{code, json, path, root, stderr};

/// Runs the program with a configuration folder of its own, and a log in it.
fn at(home: &Path, arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wilhelm"))
        .args(arguments)
        .current_dir(root())
        .env("XDG_CONFIG_HOME", home)
        .env("WILHELM_AUDIT_FOLDER", home.join("audit"))
        .env("WILHELM_CACHE", "/nonexistent/wilhelm")
        .env("USER", "jane")
        .env_remove("WILHELM_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    child.wait_with_output().expect("the program ends")
}

#[test]
fn what_was_read_and_signed_stands_in_the_log_and_a_change_of_it_is_named() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let home = place.path();
    let out = home.join("report");
    let image = root().join("testdata/chest_xray/chest_pa.dcm");
    let read = at(home, &["read", path(&image), "--no-llm", "--out", path(&out)], "");
    assert!(code(&read) <= 1, "{}", stderr(&read));
    for step in [
        &["report", "sign", path(&out), "--as", "final", "--by", "Doe^Jane"][..],
        &["report", "sign", path(&out), "--as", "preliminary", "--by", "Doe^Jane"],
        &["report", "amend", path(&out), "--remove", "S1", "--reason", "a test", "--by", "Doe^Jane"],
        &["report", "export", path(&out), "--format", "fhir,hl7"],
    ] {
        let output = at(home, step, "");
        assert_eq!(code(&output), if step.contains(&"preliminary") { 3 } else { 0 }, "{}", stderr(&output));
    }
    let shown = at(home, &["audit", "show", "--json"], "");
    let entries = json(&shown.stdout)["entries"].as_array().expect("entries").clone();
    let done: Vec<(&str, &str, &str)> = entries
        .iter()
        .map(|entry| {
            let event = &entry["event"];
            let text = |value: &'static str| event[value].as_str().expect("text");
            (event["actor"]["name"].as_str().expect("a name"), text("action"), text("outcome"))
        })
        .collect();
    assert_eq!(
        done,
        [
            ("wilhelm", "log.begun", "done"),
            ("jane", "report.drafted", "done"),
            ("Doe^Jane", "report.signed", "done"),
            ("Doe^Jane", "report.signed", "refused"),
            ("Doe^Jane", "report.amended", "done"),
            ("jane", "report.exported", "done"),
        ]
    );
    let report = &entries[1]["event"]["object"]["reference"];
    assert!(report.is_string() && entries[2]["event"]["object"]["reference"] == *report);
    let few = at(home, &["audit", "show", "--action", "report.signed", "--outcome", "refused", "--json"], "");
    assert_eq!(json(&few.stdout)["entries"].as_array().map(Vec::len), Some(1));
    let exported = at(home, &["audit", "export", "--out", "-"], "");
    assert_eq!(json(&exported.stdout)["entry"].as_array().map(Vec::len), Some(6));

    let whole = at(home, &["audit", "verify"], "");
    assert_eq!(code(&whole), 0, "{}", stderr(&whole));
    assert!(String::from_utf8_lossy(&whole.stdout).contains("6 entries in 1 files, checked with the key"));
    let log = home.join("audit/audit-000001.jsonl");
    let text = std::fs::read_to_string(&log).expect("read");
    std::fs::write(&log, text.replace("\"refused\"", "\"done\"")).expect("written");
    let changed = at(home, &["audit", "verify"], "");
    assert_eq!(code(&changed), 1);
    assert!(String::from_utf8_lossy(&changed.stdout).contains("line 4: entry 4 was changed"), "{changed:?}");
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&log, lines[..5].join("\n") + "\n").expect("written");
    let cut = at(home, &["audit", "verify"], "");
    assert!(String::from_utf8_lossy(&cut.stdout).contains("ends with entry 5"), "{cut:?}");
    // A log that is broken stops what belongs into it.
    let stopped =
        at(home, &["report", "export", path(&out), "--format", "text", "--out", path(&home.join("x"))], "");
    assert_eq!(code(&stopped), 3);
    assert!(stderr(&stopped).contains("is not as it was written") && !home.join("x").exists());
}

#[test]
fn accounts_are_made_listed_and_closed() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let home = place.path();
    let first = at(home, &["users", "init", "--json"], "");
    let password = json(&first.stdout)["password"].as_str().expect("a password").to_owned();
    assert_eq!(code(&at(home, &["users", "init"], "")), 3, "there is one already");
    let changed =
        at(home, &["users", "password", "administrator"], &format!("{password}\ncorrect horse battery\n"));
    assert_eq!(code(&changed), 0, "{}", stderr(&changed));
    let weak = at(home, &["users", "password", "administrator"], "correct horse battery\nshort\n");
    assert!(code(&weak) == 3 && stderr(&weak).contains("too short"), "{}", stderr(&weak));
    let added = at(home, &["users", "add", "otto", "--role", "viewer", "--project", "trial"], "");
    assert_eq!(code(&added), 0, "{}", stderr(&added));
    assert_eq!(code(&at(home, &["users", "add", "otto", "--role", "viewer"], "")), 3);
    assert_eq!(code(&at(home, &["users", "add", "o t t o", "--role", "viewer"], "")), 3);
    assert_eq!(code(&at(home, &["users", "add", "eva", "--role", "king"], "")), 3);
    let token = at(home, &["users", "token", "otto", "--scope", "study.see", "--json"], "");
    assert!(json(&token.stdout)["token"].as_str().expect("a token").starts_with("wilhelm_token_"));
    let last = at(home, &["users", "disable", "administrator"], "");
    assert!(stderr(&last).contains("last open account"), "{}", stderr(&last));
    assert_eq!(code(&at(home, &["users", "disable", "otto"], "")), 0);
    let listed = json(&at(home, &["users", "list", "--json"], "").stdout);
    assert_eq!(listed["users"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed["users"][1]["is_disabled"], true);
    let kept = std::fs::read_to_string(home.join("wilhelm/accounts.json")).expect("kept");
    assert!(!kept.contains(&password) && !kept.contains("correct horse"));
    let log = at(home, &["audit", "show", "--kind", "account", "--outcome", "refused", "--json"], "");
    assert_eq!(
        json(&log.stdout)["entries"].as_array().map(Vec::len),
        Some(4),
        "a second first one, a weak one, a second otto, the last"
    );
    assert_eq!(code(&at(home, &["audit", "verify"], "")), 0);
}

#[test]
fn a_file_is_sealed_and_opened_across_a_rotation_and_by_its_context_alone() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let home = place.path();
    let image = root().join("testdata/chest_xray/chest_pa.dcm");
    let (sealed, opened) = (home.join("sealed"), home.join("opened"));
    let none = at(home, &["seal", path(&image), "--out", path(&sealed)], "");
    assert!(code(&none) == 3 && stderr(&none).contains("not there"), "{}", stderr(&none));
    assert_eq!(code(&at(home, &["keys", "new"], "")), 0);
    assert_eq!(code(&at(home, &["keys", "new"], "")), 3, "never written over");
    let done = at(home, &["seal", path(&image), "--out", path(&sealed), "--context", "1.2.3"], "");
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let moved = home.join("root2.key");
    assert_eq!(code(&at(home, &["keys", "rotate", "--new-root", path(&moved)], "")), 0);
    let old = at(home, &["keys", "check"], "");
    assert!(code(&old) == 3 && stderr(&old).contains("root key does not open"), "{}", stderr(&old));
    std::fs::rename(&moved, home.join("wilhelm/root.key")).expect("moved");
    let checked = json(&at(home, &["keys", "check", "--json"], "").stdout);
    assert_eq!(checked["keys"].as_array().map(Vec::len), Some(2));
    let wrong = at(home, &["open", path(&sealed), "--out", path(&opened), "--context", "1.2.4"], "");
    assert!(
        code(&wrong) == 3 && stderr(&wrong).contains("chunk 0") && !opened.exists(),
        "{}",
        stderr(&wrong)
    );
    let done = at(home, &["open", path(&sealed), "--out", path(&opened), "--context", "1.2.3"], "");
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    assert_eq!(std::fs::read(&opened).expect("opened"), std::fs::read(&image).expect("read"));
    let bytes = std::fs::read(&sealed).expect("sealed");
    std::fs::write(&sealed, &bytes[..bytes.len() - 20]).expect("cut");
    let cut = at(home, &["open", path(&sealed), "--out", path(&home.join("cut")), "--context", "1.2.3"], "");
    assert!(code(&cut) == 3 && !home.join("cut").exists(), "{}", stderr(&cut));
    std::fs::remove_file(home.join("wilhelm/root.key")).expect("lost");
    let lost = at(home, &["open", path(&sealed), "--out", "-"], "");
    assert!(code(&lost) == 3 && stderr(&lost).contains("bring it back"), "{}", stderr(&lost));
}
