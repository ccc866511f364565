//! Runs that are killed in the middle of learning.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a step: far above what one takes, so that a machine that does not learn fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// The steps of the newest checkpoint that is whole by its name.
fn newest(run: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(run.join("checkpoints")) else { return 0 };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_prefix("step-")?.parse().ok()).max().unwrap_or(0)
}

/// Starts the program again and again, each time until its checkpoints have come some steps further, and kills it there;
/// gives after how many steps each part was killed.
///
/// `arguments` are those of a run that resumes and keeps a checkpoint at each step. That a part came further than the one
/// before shows that it went on where that one was killed.
///
/// # Panics
/// If a part ends before it is killed, or comes no further.
pub fn killed(arguments: &[String], run: &Path, kills: u64) -> Vec<u64> {
    let mut reached = Vec::new();
    for kill in 0..kills {
        let before = newest(run);
        // One to three steps, then somewhere within the next one, in no order.
        let further = 1 + (kill * 7) % 3;
        let within = Duration::from_micros((kill * 7919) % 5_000);
        let mut child = Command::new(env!("CARGO_BIN_EXE_wilhelm"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let started = Instant::now();
        while newest(run) < before + further {
            let over = child.try_wait().expect("asked");
            assert!(over.is_none(), "kill {kill}: the run ended after {before} steps: {over:?}");
            if started.elapsed() > PATIENCE {
                child.kill().expect("killed");
                panic!("kill {kill}: no checkpoint beyond step {before} within {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(within);
        child.kill().expect("killed");
        let status = child.wait().expect("gone");
        assert!(!status.success(), "kill {kill}: the run was over before it");
        reached.push(newest(run));
    }
    assert!(reached.windows(2).all(|pair| pair[0] < pair[1]), "{reached:?}");
    reached
}
