//! Sends the answers of storage commitment to the peers that wait for them, again and again until they are taken.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use dicom_dictionary_std::uids;
use wilhelm_store::{Commitment, Store};

use super::DimseError;
use super::commitment::report;
use super::requestor::{Proposal, Requestor};
use super::service::Settings;

/// Longest silence before promises are looked through.
const BETWEEN: Duration = Duration::from_secs(5);
/// Seconds until the first repetition; each further one waits twice as long.
const FIRST_WAIT: i64 = 5;
/// Longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 3600;
/// Seconds after which a promise is given up: a week.
const GIVEN_UP: i64 = 7 * 24 * 3600;

/// The thread that does so; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Courier {
    bell: Bell,
    running: Option<std::thread::JoinHandle<()>>,
}

/// Wakes the courier.
#[derive(Clone, Debug)]
pub(crate) struct Bell(Arc<Mutex<Option<Sender<()>>>>);

impl Bell {
    pub(crate) fn ring(&self) {
        if let Some(sender) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = sender.send(());
        }
    }
}

impl Courier {
    /// Begins with what a program before this one left unanswered.
    pub(crate) fn start(store: Arc<Store>, settings: Arc<Settings>) -> std::io::Result<Self> {
        let (sender, woken) = channel();
        let running = std::thread::Builder::new()
            .name("courier".to_owned())
            .spawn(move || run(&store, &settings, &woken))?;
        Ok(Self { bell: Bell(Arc::new(Mutex::new(Some(sender)))), running: Some(running) })
    }

    pub(crate) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Ends it once what it is sending is sent, or refused.
    pub(crate) fn stop(&mut self) {
        drop(self.bell.0.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(store: &Store, settings: &Settings, woken: &Receiver<()>) {
    loop {
        match store.due_promises(Utc::now().timestamp()) {
            Ok(promises) => {
                // Who could not be reached is not tried again in the same round.
                let mut unreached = BTreeSet::new();
                for key in promises {
                    // Told to stop in the middle: the rest is there at the next start.
                    if matches!(woken.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)) {
                        return;
                    }
                    let settled = store.promised(key).and_then(|promise| match promise {
                        Some(promise) => settle(store, settings, &promise, &mut unreached),
                        None => Ok(()),
                    });
                    if let Err(error) = settled {
                        tracing::error!(%error, "a promise could not be looked after");
                    }
                }
            }
            Err(error) => tracing::error!(%error, "promises could not be read"),
        }
        match woken.recv_timeout(BETWEEN) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn settle(
    store: &Store,
    settings: &Settings,
    promise: &Commitment,
    unreached: &mut BTreeSet<String>,
) -> Result<(), wilhelm_store::StoreError> {
    let now = Utc::now().timestamp();
    let outcome = if unreached.contains(&promise.peer) {
        Err(DimseError::io("reaching the other side")(std::io::ErrorKind::NotConnected.into()))
    } else {
        deliver(store, settings, promise)
    };
    if matches!(outcome, Err(DimseError::Connection { .. })) {
        unreached.insert(promise.peer.clone());
    }
    match outcome {
        Ok(event) => {
            tracing::info!(event, "storage commitment was answered");
            store.end_promise(promise.key)
        }
        Err(error) if now - promise.made > GIVEN_UP => {
            tracing::error!(%error, "storage commitment was not answered within a week: it is given up");
            store.end_promise(promise.key)
        }
        Err(error) => {
            let wait = (FIRST_WAIT << promise.attempts.min(16)).min(LONGEST_WAIT);
            tracing::warn!(%error, wait_s = wait, "storage commitment was not answered yet");
            store.put_promise_off(promise.key, now + wait)
        }
    }
}

fn deliver(store: &Store, settings: &Settings, promise: &Commitment) -> Result<u16, DimseError> {
    let peer = settings.peers.iter().find(|peer| peer.ae_title == promise.peer);
    let peer = peer.ok_or_else(|| DimseError::protocol("a promise for nobody", "a peer in server.peers"))?;
    let class = uids::STORAGE_COMMITMENT_PUSH_MODEL;
    let proposal = Proposal::answering(class);
    // No longer than a stop may wait.
    let timeout = settings.timeout.min(Duration::from_secs(8));
    let mut requestor = Requestor::propose(peer, &settings.ae_title, &[proposal], timeout)?;
    let accepted = requestor.context_of(class)?;
    let message = requestor.next_message();
    let event =
        report(&mut requestor.link, accepted.id, &accepted, store, &settings.ae_title, promise, message)?;
    let _ = requestor.release();
    Ok(event)
}
