//! A program that is killed while it writes reports: what it acknowledged is there, whole and chained.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use wilhelm_store::{NewDecision, NewReport, NewVersion, Seen};

use crate::objects::open;

const FOLDER: &str = "WILHELM_TEST_REPORTS_KILLED";

fn version(number: u32, decisions: Vec<NewDecision>) -> NewVersion {
    NewVersion {
        state: "draft".to_owned(),
        urgency: 0,
        by: "jane".to_owned(),
        at: "2026-11-27T10:00:00Z".to_owned(),
        bytes: format!("{number} ").repeat(20_000).into_bytes(),
        decisions,
    }
}

/// Writes versions until it is killed, and says each once it is acknowledged.
fn write(folder: &Path) {
    let store = open(folder);
    let reports = store.reports();
    reports
        .add(NewReport {
            id: "r1".to_owned(),
            study_uid: "1.2".to_owned(),
            series_uid: "1.2.1".to_owned(),
            part: 0,
            title: String::new(),
            version: version(1, Vec::new()),
            files: Vec::new(),
        })
        .expect("added");
    let mut seen = reports.find("r1").expect("there").seen;
    loop {
        let decision = NewDecision {
            finding: "F1".to_owned(),
            observation: String::new(),
            model: String::new(),
            decision: "accepted".to_owned(),
        };
        seen = reports.append("r1", seen, version(seen.version + 1, vec![decision])).expect("appended");
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {}", seen.version).and_then(|()| out.flush()).expect("said");
    }
}

#[test]
fn what_a_killed_program_acknowledged_is_there_and_nothing_is_half() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return write(Path::new(&folder));
    }
    for after in [3, 9, 20] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "reports_killed::what_a_killed_program_acknowledged_is_there_and_nothing_is_half",
            ])
            .arg("--nocapture")
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a program");
        let mut last = 0_u32;
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        for line in lines.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("acknowledged ") {
                last = number.parse().expect("a number");
                if last == after {
                    child.kill().expect("killed");
                }
            }
        }
        child.wait().expect("ended");
        assert!(last >= after);
        let store = open(folder.path());
        let versions = store.reports().versions("r1").expect("a chain");
        let count = u32::try_from(versions.len()).expect("few");
        assert!(count == last || count == last + 1, "{count} versions, {last} acknowledged");
        assert_eq!(
            store.reports().find("r1").expect("there").seen,
            Seen { version: count, decisions: count - 1 }
        );
        for version in &versions {
            assert_eq!(version.bytes, format!("{} ", version.number).repeat(20_000).into_bytes());
        }
        assert!(store.check(false).expect("checked").is_sound());
    }
}
