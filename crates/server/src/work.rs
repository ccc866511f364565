//! Workers: threads that do the jobs of the archive's queue, each kind by its own [`Work`].
//!
//! The principal type is [`Workers`]. A work is run with its job and a place to say how far it is; what it answers decides
//! whether the job is done, tried again, or given up. A work that panics fails its job and no other.
//!
//! A job is done at least once: a program that is killed after the work and before the queue's entry does it again. Works are
//! therefore such that doing them twice does no harm, or they say what they did.

mod empty_bin;
mod notify;
mod read_study;
mod send;
mod send_web;
mod unnamed;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use wilhelm_store::queue::{Claimed, Ending, Job, Standing, Step};
use wilhelm_store::{Store, StoreError};

use crate::events::{Event, Events};

pub use empty_bin::EmptyBin;
pub use notify::{Notify, NotifyError, Target};
pub(crate) use read_study::QueuedReadings;
pub use read_study::ReadStudy;
pub use send::SendStudy;
pub use send_web::SendWeb;

/// The job was cancelled, or the program ends: the work stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

/// Why a work did not do its job. Reasons are shown to everybody who may see the job: they hold no value of a patient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// It may succeed later.
    #[error("{0}")]
    Retry(String),
    /// It fails each time.
    #[error("{0}")]
    Never(String),
    /// It was told to stop, and did.
    #[error("it was cancelled")]
    Cancelled,
}

impl From<Cancelled> for WorkError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        if error.is_callers_fault() { Self::Never(error.to_string()) } else { Self::Retry(error.to_string()) }
    }
}

/// Where a work says how far it is.
pub trait Progress {
    /// Says how many of what are done, as `slices`, 3, 12; whoever watches sees it within a second.
    ///
    /// # Errors
    /// [`Cancelled`] where the work has to stop.
    fn say(&self, words: &str, done: u64, total: Option<u64>) -> Result<(), Cancelled>;

    /// Whether the work has to stop.
    fn is_cancelled(&self) -> bool;
}

/// Something that does jobs of one kind.
pub trait Work: Send + Sync {
    /// Which kind.
    fn kind(&self) -> &'static str;

    /// Does a job.
    ///
    /// # Errors
    /// [`WorkError`]
    fn run(&self, job: &Job, at: &dyn Progress) -> Result<(), WorkError>;
}

/// Longest wait of an idle worker: a clock that is set forward makes a pause end early, and is looked at this often.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Wait after the catalog failed.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);
/// Least time between two entries of progress of one job.
const BETWEEN_STEPS: Duration = Duration::from_secs(1);

/// Threads that do jobs; they end when they are told to, or dropped.
pub struct Workers {
    store: Arc<Store>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Workers").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Workers {
    /// Starts `threads` workers, each of which does all of these kinds; what becomes of jobs is told to `events`. Jobs of other
    /// kinds wait.
    ///
    /// # Errors
    /// What the system says where it gives no thread.
    pub fn start(
        store: &Arc<Store>,
        works: Vec<Arc<dyn Work>>,
        threads: usize,
        events: &Events,
    ) -> std::io::Result<Self> {
        let works: Arc<[Arc<dyn Work>]> = works.into();
        let stopping = Arc::new(AtomicBool::new(false));
        let mut started = Self { store: Arc::clone(store), stopping, threads: Vec::new() };
        for number in 0..threads {
            let worker = Worker {
                store: Arc::clone(store),
                works: Arc::clone(&works),
                events: events.clone(),
                stopping: Arc::clone(&started.stopping),
            };
            let thread =
                std::thread::Builder::new().name(format!("worker {number}")).spawn(move || worker.run())?;
            started.threads.push(thread);
        }
        Ok(started)
    }

    /// Claims nothing more, tells works to stop at their next word, and waits for them; what they had goes back to the queue.
    pub fn stop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.store.jobs().ring();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Worker {
    store: Arc<Store>,
    works: Arc<[Arc<dyn Work>]>,
    events: Events,
    stopping: Arc<AtomicBool>,
}

impl Worker {
    fn run(&self) {
        let kinds: Vec<&str> = self.works.iter().map(|work| work.kind()).collect();
        loop {
            // Before the look at `stopping`: a stop after that rings, and no wait sleeps through it.
            let heard = self.store.jobs().count();
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            match self.store.queue().claim(&kinds, SystemTime::now()) {
                Ok(Claimed::Job(job)) => self.attempt(&job),
                Ok(Claimed::Nothing(next)) => {
                    self.store.jobs().wait(heard, next.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT));
                }
                Err(error) => {
                    tracing::error!(%error, "no job could be claimed");
                    self.store.jobs().wait(heard, AFTER_TROUBLE);
                }
            }
        }
    }

    fn attempt(&self, job: &Job) {
        let Some(work) = self.works.iter().find(|work| work.kind() == job.kind) else { return };
        self.events.publish(Event::Job(Box::new(job.clone())));
        let at = At { worker: self, job, said: Mutex::new(None) };
        let ran = catch_unwind(AssertUnwindSafe(|| work.run(job, &at)));
        let ending = match ran {
            Ok(Ok(())) => Ending::Done,
            Ok(Err(WorkError::Retry(reason))) => Ending::Retry(reason),
            Ok(Err(WorkError::Never(reason))) => Ending::Never(reason),
            Ok(Err(WorkError::Cancelled)) => match self.store.queue().standing(job) {
                Ok(Standing::Cancelled) => Ending::Cancelled,
                _ => Ending::PutBack,
            },
            Err(_) => {
                let reason = "the work broke off by a mistake of the program: its log says where";
                Ending::Retry(reason.to_owned())
            }
        };
        tracing::info!(job = job.id, kind = %job.kind, attempt = job.attempts, ?ending, "a job's attempt ended");
        self.end(job, &ending);
    }

    /// Writes how an attempt ended, as often as it takes: a full disk keeps the job this worker's own.
    fn end(&self, job: &Job, ending: &Ending) {
        loop {
            let heard = self.store.jobs().count();
            match self.store.queue().end(job, ending.clone(), SystemTime::now()) {
                Ok(ended) => return self.events.publish(Event::Job(Box::new(ended))),
                Err(error @ StoreError::Catalog { .. }) if !self.stopping.load(Ordering::SeqCst) => {
                    tracing::error!(%error, job = job.id, "the end of a job could not be written");
                    self.store.jobs().wait(heard, AFTER_TROUBLE);
                }
                Err(error) => return tracing::error!(%error, job = job.id, "a job has no end"),
            }
        }
    }
}

/// A running job.
struct At<'a> {
    worker: &'a Worker,
    job: &'a Job,
    /// When progress was last written.
    said: Mutex<Option<Instant>>,
}

impl Progress for At<'_> {
    fn say(&self, words: &str, done: u64, total: Option<u64>) -> Result<(), Cancelled> {
        let is_due = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let is_due = said.is_none_or(|said| said.elapsed() >= BETWEEN_STEPS) || total == Some(done);
            if is_due {
                *said = Some(Instant::now());
            }
            is_due
        };
        if is_due {
            let step = Step { words: words.to_owned(), done, total };
            if let Err(error) = self.worker.store.queue().progress(self.job, &step) {
                tracing::warn!(%error, job = self.job.id, "a job's progress could not be written");
            }
            let job = Job { progress: Some(step), ..self.job.clone() };
            self.worker.events.publish(Event::Job(Box::new(job)));
        }
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    fn is_cancelled(&self) -> bool {
        let standing = self.worker.store.queue().standing(self.job);
        self.worker.stopping.load(Ordering::SeqCst)
            || matches!(standing, Ok(Standing::Cancelled | Standing::Lost))
    }
}
