//! A writer that is killed at any moment: what it was told to be written is there, and the chain holds.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use chrono::DateTime;
use wilhelm_privacy::Secret;
use wilhelm_privacy::audit::{
    Action, Actor, AuditKey, AuditLog, Event, FlawKind, Object, ObjectKind, Outcome, verify,
};

/// Folder of the log that this very test, called again, writes to until it is killed.
const FOLDER: &str = "WILHELM_TEST_KILLED_WRITER";
/// Kills, one after another, of writers of one log.
const KILLS: u32 = 20;

fn key() -> AuditKey {
    AuditKey::new(&Secret::new([4; 32]))
}

/// Writes entries, and says the number of each once it is acknowledged.
fn write(folder: &Path) {
    let at = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
    let log = AuditLog::open_with(folder, key(), at, 4000).expect("opened");
    let event =
        Event::new(Actor::program(), Action::Queried, Object::whole(ObjectKind::Study), Outcome::Done);
    loop {
        let receipt = log.append(at, &event).expect("written");
        writeln!(std::io::stdout(), "acknowledged {}", receipt.sequence).expect("heard");
    }
}

#[test]
fn what_was_acknowledged_outlives_twenty_kills() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        write(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "what_was_acknowledged_outlives_twenty_kills", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the writer runs");
        // After some bytes of its words, so at another point of an append each time.
        let mut words = vec![0; 150 + 41 * kill as usize];
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_exact(&mut words).expect("it writes until it is killed");
        child.kill().expect("killed");
        child.wait().expect("ended");
        stdout.read_to_end(&mut words).expect("read");
        let words = String::from_utf8_lossy(&words).into_owned();
        // The last line may be cut; those before it are whole.
        let lines: Vec<&str> = words.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
        let said =
            lines.iter().rev().find_map(|line| line.trim().rsplit("acknowledged ").next()?.parse().ok());
        acknowledged = acknowledged.max(said.unwrap_or(0));
        let verdict = verify(folder.path(), Some(&key())).expect("a log");
        assert!(verdict.last >= acknowledged, "{} of {acknowledged} entries are there", verdict.last);
        let is_torn = |kind: &FlawKind| matches!(kind, FlawKind::Torn { .. });
        assert!(verdict.flaws.iter().all(|flaw| is_torn(&flaw.kind)), "{:?}", verdict.flaws);
    }
    assert!(acknowledged > u64::from(KILLS), "the writers wrote");
}
