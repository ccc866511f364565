//! Works that do their jobs, fail, break off and are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::SystemTime;

use serde_json::json;
use wilhelm_server::events::{Event, Events, Heard, Listener};
use wilhelm_server::work::{Progress, Work, WorkError, Workers};
use wilhelm_store::Store;
use wilhelm_store::queue::{Job, JobState, NewJob};

/// Does what the job's details say.
pub struct Scripted {
    pub kind: &'static str,
    /// Told when an attempt has begun.
    pub begun: Sender<i64>,
    pub attempts: AtomicU32,
}

impl Work for Scripted {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn run(&self, job: &Job, at: &dyn Progress) -> Result<(), WorkError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        at.say("words", 0, Some(2))?;
        let _ = self.begun.send(job.id);
        match job.details["do"].as_str() {
            Some("retry") => Err(WorkError::Retry("nobody listens".to_owned())),
            Some("never") => Err(WorkError::Never("no such station".to_owned())),
            Some("panic") => panic!("Doe^Jane"),
            Some("wait") => loop {
                at.say("words", 1, Some(2))?;
                std::thread::yield_now();
            },
            _ => at.say("words", 2, Some(2)).map_err(Into::into),
        }
    }
}

fn new(what: &str) -> NewJob {
    NewJob::of_study("scripted", "1.2", json!({ "do": what }), "jane")
}

/// Waits until a job is no longer running.
fn ended(listener: &mut Listener, id: i64) -> Job {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    loop {
        match runtime.block_on(listener.next()) {
            Heard::Event(Event::Job(job)) if job.id == id && job.state != JobState::Running => return *job,
            Heard::Event(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_a_work_says_decides_how_its_job_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), wilhelm_store::Settings::default()).expect("an archive");
    let (begun, has_begun) = channel();
    let scripted = Arc::new(Scripted { kind: "scripted", begun, attempts: AtomicU32::new(0) });
    let events = Events::default();
    let mut listener = events.listen();
    let works: Vec<Arc<dyn Work>> = vec![scripted.clone()];
    let mut workers = Workers::start(&store, works, 2, &events).expect("threads");
    let enqueue = |what| store.queue().enqueue(new(what), SystemTime::now()).expect("enqueued").id();
    for (what, state, error) in [
        ("well", JobState::Done, None),
        ("retry", JobState::Queued, Some("nobody listens")),
        ("never", JobState::Failed, Some("no such station")),
        ("panic", JobState::Queued, Some("a mistake of the program")),
    ] {
        let job = ended(&mut listener, enqueue(what));
        assert_eq!((job.state, job.attempts), (state, 1), "{what}");
        let said = job.error.clone().unwrap_or_default();
        assert!(said.contains(error.unwrap_or_default()) && !said.contains("Doe"), "{what}: {said}");
        assert_eq!(job.not_before.is_some(), state == JobState::Queued, "{what}");
    }
    while has_begun.try_recv().is_ok() {}
    let id = enqueue("wait");
    assert_eq!(has_begun.recv().expect("begun"), id);
    assert_eq!(store.queue().cancel(id, SystemTime::now()).expect("told").state, JobState::Running);
    assert_eq!(ended(&mut listener, id).state, JobState::Cancelled);
    // A job of a kind that nobody does waits.
    let other = NewJob { kind: "other".to_owned(), key: "other".to_owned(), ..new("well") };
    let other = store.queue().enqueue(other, SystemTime::now()).expect("enqueued").id();
    // One that runs when the workers stop goes back, and its attempt does not count.
    let id = enqueue("wait");
    assert_eq!(has_begun.recv().expect("begun"), id);
    workers.stop();
    let back = store.queue().job(id).expect("a job");
    assert_eq!((back.state, back.attempts), (JobState::Queued, 0));
    assert_eq!(store.queue().job(other).expect("a job").attempts, 0);
}
