use std::time::{Duration, SystemTime};

use serde_json::json;
use wilhelm_store::queue::{Claimed, Ending, Enqueued, Job, JobState, NewJob, Standing, Step, pause};
use wilhelm_store::{Store, StoreError};

use crate::objects::open;

const KINDS: [&str; 1] = ["send"];

fn new(key: &str) -> NewJob {
    NewJob { key: key.to_owned(), most_attempts: 2, ..NewJob::of_study("send", "1.2", json!({}), "jane") }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn claim(store: &Store, now: SystemTime) -> Option<Job> {
    match store.queue().claim(&KINDS, now).expect("claimed") {
        Claimed::Job(job) => Some(*job),
        Claimed::Nothing(_) => None,
    }
}

#[test]
fn of_jobs_with_one_key_one_is_queued_or_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let queue = store.queue();
    let first = queue.enqueue(new("a"), now()).expect("enqueued");
    assert!(matches!(first, Enqueued::Made(_)));
    assert_eq!(queue.enqueue(new("a"), now()).expect("there"), Enqueued::There(first.id()));
    assert!(matches!(queue.enqueue(new("b"), now()).expect("another"), Enqueued::Made(_)));
    let job = claim(&store, now()).expect("the oldest");
    assert_eq!((job.id, job.state, job.attempts), (first.id(), JobState::Running, 1));
    assert_eq!(queue.enqueue(new("a"), now()).expect("runs"), Enqueued::There(first.id()));
    let done = queue.end(&job, Ending::Done, now()).expect("ended");
    assert_eq!((done.state, done.ended), (JobState::Done, Some(now())));
    let again = queue.enqueue(new("a"), now()).expect("anew");
    assert!(matches!(again, Enqueued::Made(id) if id > first.id()));
    assert!(matches!(queue.end(&job, Ending::Done, now()), Err(StoreError::JobState { .. })), "late");
    let counts = queue.counts().expect("counts");
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 3);
    assert_eq!(counts[0], (JobState::Queued, 2));
    assert_eq!(queue.list(Some(JobState::Done), Some("1.2"), 9).expect("listed").len(), 1);
    assert!(queue.list(None, Some("1.3"), 9).expect("listed").is_empty());
    assert!(matches!(queue.job(99), Err(StoreError::NotFound { what: "job" })));
}

#[test]
fn what_fails_rests_is_tried_again_and_is_dead_in_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let queue = store.queue();
    let id = queue.enqueue(new("a"), now()).expect("enqueued").id();
    let job = claim(&store, now()).expect("a job");
    let rest = queue.end(&job, Ending::Retry("nobody listens".to_owned()), now()).expect("ended");
    let until = now() + pause(1, id.unsigned_abs());
    assert_eq!(
        (rest.state, rest.attempts, rest.error.as_deref()),
        (JobState::Queued, 1, Some("nobody listens"))
    );
    assert_eq!(
        rest.not_before.map(|at| at.duration_since(until).unwrap_or_default() < Duration::from_millis(1)),
        Some(true)
    );
    let Claimed::Nothing(Some(wait)) = queue.claim(&KINDS, now()).expect("rests") else { panic!("it rests") };
    assert!(wait <= Duration::from_secs(10) && wait >= Duration::from_secs(4), "{wait:?}");
    let job = claim(&store, until).expect("rested");
    let dead = queue.end(&job, Ending::Retry("nobody listens".to_owned()), until).expect("ended");
    assert_eq!((dead.state, dead.attempts), (JobState::Dead, 2));
    assert!(claim(&store, until + Duration::from_secs(99_999)).is_none());
    assert!(matches!(queue.cancel(id, now()), Err(StoreError::JobState { found: "dead", .. })));
    let again = queue.retry(id).expect("retried");
    assert_eq!((again.state, again.attempts), (JobState::Queued, 0));
    let job = claim(&store, now()).expect("a job");
    let failed = queue.end(&job, Ending::Never("no such station".to_owned()), now()).expect("ended");
    assert_eq!((failed.state, failed.ended.is_some()), (JobState::Failed, true));
    // Retried while another with its key waits: one of them is enough.
    queue.enqueue(new("a"), now()).expect("anew");
    let refused = queue.retry(id).expect_err("two with a key").to_string();
    assert!(refused.contains("one with its key"), "{refused}");
}

#[test]
fn a_cancelled_job_stops_at_its_next_word_or_never_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let queue = store.queue();
    let waiting = queue.enqueue(new("a"), now()).expect("enqueued").id();
    assert_eq!(queue.cancel(waiting, now()).expect("cancelled").state, JobState::Cancelled);
    assert!(claim(&store, now()).is_none());
    queue.enqueue(new("b"), now()).expect("enqueued");
    let job = claim(&store, now()).expect("a job");
    let step = Step { words: "objects".to_owned(), done: 1, total: Some(3) };
    assert_eq!(queue.progress(&job, &step).expect("said"), Standing::GoOn);
    assert_eq!(queue.job(job.id).expect("a job").progress, Some(step.clone()));
    assert_eq!(queue.cancel(job.id, now()).expect("told").state, JobState::Running);
    assert_eq!(queue.progress(&job, &step).expect("said"), Standing::Cancelled);
    assert_eq!(queue.end(&job, Ending::Cancelled, now()).expect("ended").state, JobState::Cancelled);
    assert_eq!(queue.standing(&job).expect("looked"), Standing::Lost);
    // One that fails after it was cancelled is not tried again.
    queue.enqueue(new("c"), now()).expect("enqueued");
    let job = claim(&store, now()).expect("a job");
    queue.cancel(job.id, now()).expect("told");
    let ended = queue.end(&job, Ending::Retry("broke off".to_owned()), now()).expect("ended");
    assert_eq!((ended.state, ended.not_before), (JobState::Cancelled, None));
}

#[test]
fn a_job_goes_back_when_the_archive_is_opened_anew_whatever_the_clock_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let year = Duration::from_secs(365 * 24 * 3600);
    let (id, stopped, held) = {
        let store = open(folder.path());
        let id = store.queue().enqueue(new("a"), now()).expect("enqueued").id();
        let stopped = store.queue().enqueue(new("b"), now()).expect("enqueued").id();
        let held = claim(&store, now()).expect("a job");
        let other = claim(&store, now()).expect("a job");
        store.queue().cancel(other.id, now()).expect("told");
        assert!(claim(&store, now() + year).is_none(), "no clock takes it from its worker");
        (id, stopped, held)
    };
    let store = open(folder.path());
    let back = store.queue().job(id).expect("a job");
    assert_eq!((back.state, back.attempts), (JobState::Queued, 1));
    assert_eq!(back.error.as_deref(), Some("the program ended while it was at it"));
    assert_eq!(store.queue().job(stopped).expect("a job").state, JobState::Cancelled);
    assert!(store.queue().end(&held, Ending::Done, now()).is_err(), "the worker of before has no say");
    // With the clock a year back.
    let job = claim(&store, now() - year).expect("again");
    assert_eq!((job.id, job.attempts), (id, 2));
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.queue().job(id).expect("a job").state, JobState::Dead, "its attempts are used up");
}

#[test]
fn a_pause_ends_though_the_clock_was_set_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.queue().enqueue(new("a"), now()).expect("enqueued");
    let job = claim(&store, now()).expect("a job");
    store.queue().end(&job, Ending::Retry("nobody listens".to_owned()), now()).expect("ended");
    assert!(claim(&store, now() + Duration::from_secs(1)).is_none());
    let job = claim(&store, now() - Duration::from_secs(3600)).expect("at once");
    assert_eq!(job.attempts, 2);
    let put_back = store.queue().end(&job, Ending::PutBack, now()).expect("ended");
    assert_eq!((put_back.state, put_back.attempts), (JobState::Queued, 1), "the attempt does not count");
}

#[test]
fn texts_have_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for job in [
        new(&"k".repeat(301)),
        NewJob { details: json!("d".repeat(70_000)), ..new("a") },
        NewJob { by: "b".repeat(301), ..new("a") },
    ] {
        assert!(matches!(store.queue().enqueue(job, now()), Err(StoreError::TooLarge { .. })));
    }
    let id = store.queue().enqueue(new("a"), now()).expect("enqueued").id();
    let job = claim(&store, now()).expect("a job");
    let ended = store.queue().end(&job, Ending::Never("e".repeat(5000)), now()).expect("ended");
    assert_eq!(ended.error.map(|error| error.len()), Some(600));
    assert_eq!(store.queue().forget_ended().expect("nothing to forget"), 0);
    assert_eq!(store.queue().job(id).expect("a job").state, JobState::Failed);
}

#[test]
fn of_each_study_the_latest_job_of_a_kind_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let queue = store.queue();
    let enqueue = |kind: &str, study: &str, number: u32| {
        let key = format!("{kind} {study} {number}");
        let job = NewJob { key, ..NewJob::of_study(kind, study, json!({}), "jane") };
        queue.enqueue(job, now()).expect("enqueued").id()
    };
    let fail = || {
        let job = claim(&store, now()).expect("a job");
        queue.end(&job, Ending::Never("no".to_owned()), now()).expect("ended");
    };
    enqueue("send", "1.1", 1);
    enqueue("send", "1.2", 1);
    fail();
    fail();
    let waits = enqueue("send", "1.1", 2);
    enqueue("other", "1.2", 1);
    let latest = |states: &[JobState]| {
        let jobs = queue.latest("send", &["1.1", "1.2", "1.3"], states).expect("jobs");
        jobs.into_iter().map(|job| (job.study.expect("of a study"), job.state)).collect::<Vec<_>>()
    };
    let (failed, queued) = (JobState::Failed, JobState::Queued);
    assert_eq!(latest(&[failed, queued]), [("1.2".to_owned(), failed), ("1.1".to_owned(), queued)]);
    assert_eq!(latest(&[failed]), [("1.2".to_owned(), failed)]);
    assert_eq!(queue.studies("send", &[failed], 9).expect("studies"), ["1.2"]);
    assert_eq!(queue.studies("send", &[failed, queued], 1).expect("studies"), ["1.1"]);
    assert_eq!(queue.job(waits).expect("a job").state, queued);
}
