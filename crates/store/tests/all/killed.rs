//! A program that is killed while it enqueues, claims, ends and backs up: what it acknowledged is there, and nothing is done twice
//! without a word of it.
//!
//! The program is this test binary, started anew for one test that does nothing otherwise. It says on its output what was
//! acknowledged; it is killed after a number of lines that is drawn from a fixed seed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use serde_json::json;
use wilhelm_store::backup::{Wanted, check, restore, take};
use wilhelm_store::queue::{Claimed, Ending, JobState, NewJob};
use wilhelm_store::{Settings, Store};

use crate::objects::{keep, open, slice};

const FOLDER: &str = "WILHELM_KILLED_FOLDER";
const KINDS: [&str; 1] = ["count"];

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("whoever listens listens");
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Enqueues, claims, works and ends until it is killed. The work is a line in a file, on the disk before the job's end.
#[test]
fn child_of_the_queue() {
    let Some(folder) = folder() else { return };
    let store = open(&folder.join("archive"));
    let mut work =
        std::fs::File::options().append(true).create(true).open(folder.join("work")).expect("a file");
    let begun = std::process::id();
    for number in 0_u64.. {
        let key = format!("{begun} {number}");
        let job = NewJob {
            key,
            most_attempts: 1000,
            kind: KINDS[0].to_owned(),
            ..NewJob::of_study("count", "1.2", json!({}), "test")
        };
        match store.queue().enqueue(job, SystemTime::now()) {
            Ok(made) => say(&format!("enqueued {}", made.id())),
            Err(error) => return say(&format!("refused {error}")),
        }
        if number % 2 == 0 {
            continue;
        }
        for _ in 0..2 {
            let Ok(Claimed::Job(job)) = store.queue().claim(&KINDS, SystemTime::now()) else { break };
            writeln!(work, "{}", job.id).and_then(|()| work.sync_data()).expect("worked");
            say(&format!("worked {}", job.id));
            match store.queue().end(&job, Ending::Done, SystemTime::now()) {
                Ok(done) => say(&format!("done {}", done.id)),
                Err(error) => return say(&format!("refused {error}")),
            }
        }
    }
}

/// Makes backups until it is killed.
#[test]
fn child_of_the_backup() {
    let Some(folder) = folder() else { return };
    let begun = std::process::id();
    for number in 0.. {
        let name = format!("{begun}-{number}");
        let (archive, place) = (folder.join("archive"), folder.join("backups"));
        let wanted = Wanted { archive: &archive, place: &place, name: &name, also: &[] };
        let made = take(&wanted, &mut |done, _| {
            say(&format!("at {done}"));
            true
        });
        match made {
            Ok(_) => say(&format!("made {name}")),
            Err(error) => return say(&format!("refused {error}")),
        }
    }
}

/// This binary, for one of the tests above; `limit` is the largest file in units of 512 bytes that it may write.
fn start(child: &str, folder: &Path, limit: Option<u32>) -> Child {
    let program = std::env::current_exe().expect("this binary");
    let arguments = ["--exact", child, "--nocapture", "--test-threads", "1"];
    let mut command = match limit {
        None => Command::new(program),
        Some(limit) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"")).arg(program);
            shell
        }
    };
    command.args(arguments).env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

/// What a child said, until it was killed after so many lines or ended.
fn said(mut child: Child, lines: usize) -> Vec<(String, String)> {
    let out = BufReader::new(child.stdout.take().expect("piped"));
    let mut said = Vec::new();
    for line in out.lines().map_while(Result::ok) {
        // The harness writes its own words before the first.
        let line = line.rsplit(" ... ").next().unwrap_or_default();
        let known = ["enqueued", "worked", "done", "made", "at", "refused"];
        if let Some((word, rest)) = line.split_once(' ').filter(|(word, _)| known.contains(word)) {
            said.push((word.to_owned(), rest.to_owned()));
        }
        // What it says after that was acknowledged too, and is read to its end.
        if said.len() == lines {
            let _ = child.kill();
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    said
}

fn of(said: &[(String, String)], wanted: &str) -> BTreeSet<String> {
    said.iter().filter(|(word, _)| word == wanted).map(|(_, rest)| rest.clone()).collect()
}

/// Numbers without order, the same in each run.
fn drawn(round: u64, below: u64) -> usize {
    let mixed = (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from((mixed >> 33) % below).expect("small")
}

#[test]
fn a_killed_queue_loses_nothing_and_does_nothing_twice_without_a_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    let (mut enqueued, mut done) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..12 {
        let child = start("killed::child_of_the_queue", folder.path(), None);
        let said = said(child, 1 + drawn(round, 60));
        assert!(of(&said, "refused").is_empty(), "{said:?}");
        enqueued.extend(of(&said, "enqueued"));
        done.extend(of(&said, "done"));
    }
    assert!(enqueued.len() > 50, "{}", enqueued.len());
    let store = open(&archive);
    let jobs = store.queue().list(None, None, 1_000_000).expect("jobs");
    let states: BTreeMap<String, (JobState, u32)> =
        jobs.iter().map(|job| (job.id.to_string(), (job.state, job.attempts))).collect();
    for id in &enqueued {
        assert!(states.contains_key(id), "job {id} was acknowledged and is gone");
    }
    for id in &done {
        assert_eq!(states[id].0, JobState::Done, "job {id} was acknowledged as done");
    }
    assert!(states.values().all(|(state, _)| matches!(state, JobState::Done | JobState::Queued)));
    // The rest is done now.
    let mut work = std::fs::File::options().append(true).open(folder.path().join("work")).expect("a file");
    while let Claimed::Job(job) = store.queue().claim(&KINDS, SystemTime::now()).expect("claimed") {
        writeln!(work, "{}", job.id).expect("worked");
        store.queue().end(&job, Ending::Done, SystemTime::now()).expect("ended");
    }
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for line in std::fs::read_to_string(folder.path().join("work")).expect("a file").lines() {
        *times.entry(line.to_owned()).or_default() += 1;
    }
    let jobs = store.queue().list(None, None, 1_000_000).expect("jobs");
    for job in &jobs {
        let times = times.get(&job.id.to_string()).copied().unwrap_or(0);
        assert_eq!(job.state, JobState::Done);
        assert!(
            (1..=job.attempts).contains(&times),
            "job {} ran {times} times in {} attempts",
            job.id,
            job.attempts
        );
    }
}

#[test]
fn a_killed_backup_has_no_name_and_those_that_have_one_are_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    let store = open(&archive);
    for number in 0..24 {
        keep(&store, &slice(number, &[])).expect("kept");
    }
    let place = folder.path().join("backups");
    let mut acknowledged = BTreeSet::new();
    for round in 0..8 {
        let child = start("killed::child_of_the_backup", folder.path(), None);
        let said = said(child, 1 + drawn(round, 70));
        assert!(of(&said, "refused").is_empty(), "{said:?}");
        acknowledged.extend(of(&said, "made"));
        keep(&store, &slice(24 + drawn(round, 1000), &[])).expect("the archive goes on");
    }
    assert!(!acknowledged.is_empty());
    let mut named = BTreeSet::new();
    for entry in std::fs::read_dir(&place).expect("a folder") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if !name.ends_with(".part") {
            let checked = check(&place.join(&name), &mut |_, _| true).expect("read");
            assert!(checked.is_sound() && checked.faults.is_empty(), "{name}: {checked:?}");
            named.insert(name);
        }
    }
    assert!(named.is_superset(&acknowledged));
    let last = place.join(named.last().expect("a backup"));
    let again = folder.path().join("again");
    restore(&last, &again, &mut |_, _| true).expect("restored");
    assert!(open(&again).check(false).expect("checked").is_sound());
}

#[test]
fn a_disk_that_takes_no_more_acknowledges_nothing_that_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive");
    drop(open(&archive));
    // 256 KiB for a file: the catalog's log is full after some jobs.
    let said_by = said(start("killed::child_of_the_queue", folder.path(), Some(512)), usize::MAX);
    let refused = of(&said_by, "refused");
    assert_eq!(refused.len(), 1, "it says so: {:?}", said_by.last());
    let store = open(&archive);
    for id in of(&said_by, "enqueued") {
        store.queue().job(id.parse().expect("a number")).expect("acknowledged and there");
    }
    for id in of(&said_by, "done") {
        assert_eq!(store.queue().job(id.parse().expect("a number")).expect("there").state, JobState::Done);
    }
    // A backup that does not fit is none, and says so.
    let large = slice(0, &[]);
    keep(&store, &large).expect("kept");
    let said_by = said(start("killed::child_of_the_backup", folder.path(), Some(8)), usize::MAX);
    assert_eq!((of(&said_by, "made").len(), of(&said_by, "refused").len()), (0, 1), "{said_by:?}");
    assert_eq!(std::fs::read_dir(folder.path().join("backups")).expect("a folder").count(), 0);
    assert!(store.check(false).expect("checked").is_sound());
    drop(store);
    Store::open(&archive, Settings::default()).expect("opens");
}
