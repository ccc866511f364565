//! What watches over studies: tells that something arrived, and lets rules look at what has become stable.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use wilhelm_store::queue::Enqueued;
use wilhelm_store::{Activity, Bell, Outcome, Store, StoreError};

use super::{Rules, judge};
use crate::events::{Event, Events};
use crate::work::EmptyBin;

/// Least time between two looks: a study is told of once a second at most.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Longest time between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Time between two looks into the bin, and at jobs that ended.
const BETWEEN_BINS: Duration = Duration::from_secs(3600);
/// Studies told of in one look.
const TOLD: u64 = 500;

/// The two clocks: one that people set, and one that only goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub wall: SystemTime,
    pub ticking: Duration,
}

/// How long a study has to stay quiet yet. A clock that was set back since it arrived gives all of the time, one that was set
/// forward none: the study is looked at once, early or late.
fn left(after: Duration, arrived: SystemTime, wall: SystemTime) -> Duration {
    wall.duration_since(arrived).map_or(after, |quiet| after.saturating_sub(quiet))
}

/// What is watched, and by which moment of the ticking clock each study is stable for each rule.
pub(super) struct Looking {
    store: Arc<Store>,
    rules: Arc<Rules>,
    events: Events,
    keep: Duration,
    told: i64,
    due: HashMap<(usize, String), (i64, Duration)>,
    next_bin: Duration,
}

impl Looking {
    pub(super) fn new(
        store: Arc<Store>,
        rules: Arc<Rules>,
        events: Events,
        keep: Duration,
    ) -> Result<Self, StoreError> {
        store.know_rules(rules.rules.iter().map(|rule| (rule.name.clone(), rule.enabled)).collect())?;
        let told = store.latest_change()?;
        Ok(Self { store, rules, events, keep, told, due: HashMap::new(), next_bin: Duration::ZERO })
    }

    /// Looks at everything that is due; gives how long there is nothing more.
    pub(super) fn look(&mut self, clock: Clock) -> Result<Duration, StoreError> {
        self.tell()?;
        let mut next = LONGEST_WAIT;
        for number in 0..self.rules.rules.len() {
            next = next.min(self.look_with(number, clock)?);
        }
        if clock.ticking >= self.next_bin {
            self.next_bin = clock.ticking + BETWEEN_BINS;
            self.store.queue().forget_ended()?;
            if !self.store.overdue(self.keep, clock.wall)?.is_empty() {
                let made = self.store.queue().enqueue(EmptyBin::job(), clock.wall)?;
                self.tell_job(made)?;
            }
        }
        Ok(next)
    }

    /// Tells which studies grew.
    fn tell(&mut self) -> Result<(), StoreError> {
        loop {
            let changed = self.store.changed_after(self.told, TOLD)?;
            let Some(last) = changed.last() else { return Ok(()) };
            self.told = last.change;
            for Activity { study, instances, .. } in changed {
                self.events.publish(Event::Study { study, instances });
            }
        }
    }

    fn look_with(&mut self, number: usize, clock: Clock) -> Result<Duration, StoreError> {
        let rules = Arc::clone(&self.rules);
        let rule = &rules.rules[number];
        let mut next = LONGEST_WAIT;
        if !rule.enabled {
            return Ok(next);
        }
        let waiting = self.store.not_looked_at(&rule.name)?;
        self.due.retain(|(of, study), _| *of != number || waiting.iter().any(|one| one.study == *study));
        for activity in waiting {
            let key = (number, activity.study.clone());
            let fresh = clock.ticking + left(rule.after_quiet, activity.arrived, clock.wall);
            let due = self.due.entry(key.clone()).or_insert((activity.change, fresh));
            if due.0 != activity.change {
                *due = (activity.change, fresh);
            }
            if clock.ticking < due.1 {
                next = next.min(due.1 - clock.ticking);
                continue;
            }
            self.due.remove(&key);
            let (outcome, jobs) = match self.store.facts(&activity.study)? {
                None => {
                    let why = "the study was deleted".to_owned();
                    (Outcome { matched: false, why }, Vec::new())
                }
                Some(_) if rule.once && self.applied(&rule.name, &activity.study)? => {
                    let why = "it applied before, and applies once".to_owned();
                    (Outcome { matched: false, why }, Vec::new())
                }
                Some(facts) => {
                    let verdict = judge(rule, &facts);
                    let jobs = if verdict.applies {
                        rule.jobs(&activity.study, activity.change)
                    } else {
                        Vec::new()
                    };
                    (verdict.outcome(), jobs)
                }
            };
            let made = self.store.look(&rule.name, &activity, &outcome, jobs, clock.wall)?;
            tracing::info!(rule = %rule.name, matched = outcome.matched, "a rule looked at a study");
            for one in made.into_iter().flatten() {
                self.tell_job(one)?;
            }
        }
        Ok(next)
    }

    fn applied(&self, rule: &str, study: &str) -> Result<bool, StoreError> {
        Ok(self.store.rule_state(rule, study)?.is_some_and(|state| state.matched))
    }

    fn tell_job(&self, made: Enqueued) -> Result<(), StoreError> {
        if let Enqueued::Made(id) = made {
            self.events.publish(Event::Job(Box::new(self.store.queue().job(id)?)));
        }
        Ok(())
    }
}

/// A thread that watches until it is told to stop, or dropped.
pub(crate) struct Watch {
    store: Arc<Store>,
    stopping: Arc<(AtomicBool, Bell)>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    /// Starts watching.
    pub(crate) fn start(
        store: &Arc<Store>,
        rules: Arc<Rules>,
        events: &Events,
        keep: Duration,
    ) -> Result<Self, StoreError> {
        let mut looking = Looking::new(Arc::clone(store), rules, events.clone(), keep)?;
        let stopping = Arc::new((AtomicBool::new(false), Bell::default()));
        let (held, stop) = (Arc::clone(store), Arc::clone(&stopping));
        let begun = Instant::now();
        let run = move || {
            while !stop.0.load(Ordering::SeqCst) {
                let heard = held.arrivals().count();
                let clock = Clock { wall: SystemTime::now(), ticking: begun.elapsed() };
                let wait = looking.look(clock).unwrap_or_else(|error| {
                    tracing::error!(%error, "rules could not look at studies");
                    Duration::from_secs(5)
                });
                stop.1.wait(0, BETWEEN_LOOKS.min(wait.max(Duration::from_millis(50))));
                if !stop.0.load(Ordering::SeqCst) {
                    held.arrivals().wait(heard, wait.saturating_sub(BETWEEN_LOOKS));
                }
            }
        };
        let thread = std::thread::Builder::new().name("rules".to_owned()).spawn(run).map_err(|error| {
            StoreError::Io { action: "starting the watch of", path: "rules".into(), source: error }
        })?;
        Ok(Self { store: Arc::clone(store), stopping, thread: Some(thread) })
    }

    /// Stops.
    pub(crate) fn stop(&mut self) {
        self.stopping.0.store(true, Ordering::SeqCst);
        self.stopping.1.ring();
        self.store.arrivals().ring();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests;
