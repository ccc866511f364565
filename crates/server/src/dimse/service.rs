//! The archive as an application entity: verification, storage, queries and retrieval.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wilhelm_store::{Expected, Store, StoreError};

use super::association::{Association, accept, is_storage, reject_for_now};
use super::command::{Command, field, kind, status};
use super::link::Link;
use super::requestor::Peer;
use super::{DimseError, retrieve};
use crate::transcode::file_meta;

/// How the archive speaks as an application entity.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its own AE title, 1 to 16 characters.
    pub ae_title: String,
    /// Whether calls of other AE titles are refused.
    pub only_our_title: bool,
    /// Those that objects may be moved to.
    pub peers: Vec<Peer>,
    /// Whether only peers may call.
    pub only_peers: bool,
    /// Most associations at once.
    pub associations: usize,
    /// Longest wait for the other side.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ae_title: "WILHELM".to_owned(),
            only_our_title: false,
            peers: Vec::new(),
            only_peers: false,
            associations: 64,
            timeout: Duration::from_secs(60),
        }
    }
}

/// Associations in progress, so that idle ones can be ended.
type Lines = Arc<Mutex<HashMap<u64, (TcpStream, Arc<AtomicBool>)>>>;

/// A listening application entity; it ends when it is told to, or dropped.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    lines: Lines,
    listening: Option<std::thread::JoinHandle<()>>,
}

impl Service {
    /// Listens, each association in a thread of its own.
    ///
    /// # Errors
    /// What the system says of the listener.
    pub fn start(listener: TcpListener, store: Arc<Store>, settings: Settings) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let lines = Lines::default();
        let (stop, held) = (Arc::clone(&stopping), Arc::clone(&lines));
        let listening = std::thread::Builder::new()
            .name("dimse".to_owned())
            .spawn(move || listen(&listener, &store, &Arc::new(settings), &stop, &held))?;
        Ok(Self { address, stopping, lines, listening: Some(listening) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new associations, ends idle ones, and waits up to `patience` for those in the middle of a message.
    pub fn stop(&mut self, patience: Duration) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        let until = Instant::now() + patience;
        loop {
            let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let late = Instant::now() >= until;
            for (stream, busy) in lines.values() {
                if late || !busy.load(Ordering::SeqCst) {
                    let _ = stream.shutdown(Shutdown::Both);
                }
            }
            if lines.is_empty() || late {
                return;
            }
            drop(lines);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.listening.is_some() {
            self.stop(Duration::from_secs(1));
        }
    }
}

fn listen(
    listener: &TcpListener,
    store: &Arc<Store>,
    settings: &Arc<Settings>,
    stopping: &Arc<AtomicBool>,
    lines: &Lines,
) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    for stream in listener.incoming() {
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            // Out of file descriptors, most likely: what is open has to end first.
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let Ok(held) = stream.try_clone() else { continue };
        let busy = Arc::new(AtomicBool::new(false));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let full = {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that are being refused count too, so that their number has an end.
            if lines.len() >= 2 * settings.associations {
                continue;
            }
            lines.insert(number, (held, Arc::clone(&busy)));
            lines.len() > settings.associations
        };
        let serving = Serving {
            store: Arc::clone(store),
            settings: Arc::clone(settings),
            stopping: Arc::clone(stopping),
            busy,
        };
        let ended = Ended { lines: Arc::clone(lines), number };
        let _ = std::thread::Builder::new().name("association".to_owned()).spawn(move || {
            let _ended = ended;
            if let Err(error) = serving.run(stream, full) {
                tracing::warn!(%error, "an association ended early");
            }
        });
    }
}

/// Takes an association off the list, however its thread ends.
struct Ended {
    lines: Lines,
    number: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

pub(crate) struct Serving {
    pub store: Arc<Store>,
    pub settings: Arc<Settings>,
    stopping: Arc<AtomicBool>,
    busy: Arc<AtomicBool>,
}

impl Serving {
    fn run(&self, stream: TcpStream, full: bool) -> Result<(), DimseError> {
        let mut link = Link::new(stream, self.settings.timeout)?;
        if full {
            reject_for_now(&mut link);
            return Ok(());
        }
        let Some(association) = accept(&mut link, &self.settings)? else { return Ok(()) };
        let outcome = self.messages(&mut link, &association);
        if outcome.is_err() {
            link.abort();
        }
        outcome
    }

    fn messages(&self, link: &mut Link, association: &Association) -> Result<(), DimseError> {
        loop {
            self.busy.store(false, Ordering::SeqCst);
            if self.stopping.load(Ordering::SeqCst) {
                link.abort();
                return Ok(());
            }
            let Some((context, command)) = link.command()? else { return Ok(()) };
            self.busy.store(true, Ordering::SeqCst);
            let Some(accepted) = association.contexts.get(&context) else {
                return Err(DimseError::protocol(
                    "a message on a context that was not accepted",
                    "one that was",
                ));
            };
            match command.kind() {
                kind::C_ECHO => link.send(context, &command.response(status::SUCCESS, false), None)?,
                kind::C_STORE if is_storage(&accepted.abstract_syntax) => {
                    self.keep(link, association, context, &accepted.transfer_syntax, &command)?;
                }
                kind::C_FIND | kind::C_MOVE | kind::C_GET if command.has_data() => {
                    retrieve::answer(self, link, association, accepted, &command)?;
                }
                // A cancellation of what is done already.
                kind::C_CANCEL => {}
                _ => {
                    if command.has_data() {
                        let _ = link.data_set(context, |_| Ok::<(), ()>(()))?;
                    }
                    link.send(context, &command.response(status::UNRECOGNIZED, false), None)?;
                }
            }
        }
    }

    /// C-STORE: the object is acknowledged once it is durable.
    fn keep(
        &self,
        link: &mut Link,
        association: &Association,
        context: u8,
        transfer_syntax: &str,
        command: &Command,
    ) -> Result<(), DimseError> {
        let class = command.string(field::AFFECTED_SOP_CLASS).unwrap_or_default().to_owned();
        let uid = command.string(field::AFFECTED_SOP_INSTANCE).unwrap_or_default().to_owned();
        if !command.has_data() {
            return link.send(context, &command.response(status::UNABLE_TO_PROCESS, false), None);
        }
        let short = |text: &str| text.len() <= 64 && text.is_ascii();
        let mut arriving = self.store.arrive();
        let begun = if short(&class) && short(&uid) {
            arriving.write(&file_meta(&class, &uid, transfer_syntax, Some(&association.calling)))
        } else {
            Err(StoreError::Mismatch { what: "SOP Instance UID" })
        };
        let received = link.data_set(context, |piece| arriving.write(piece))?;
        let expected = Expected { study_uid: None, sop_class: Some(&class), sop_uid: Some(&uid) };
        let outcome = begun
            .and(received)
            .and_then(|()| self.store.take(arriving, expected))
            .and_then(|taken| taken.pending.wait());
        let response = match outcome {
            Ok(_) => command.response(status::SUCCESS, false),
            Err(error) => {
                tracing::warn!(%error, "an object was not kept");
                let status = match &error {
                    StoreError::Conflict => status::DUPLICATE_INSTANCE,
                    StoreError::Mismatch { .. } => status::NOT_MATCHING_SOP_CLASS,
                    error if error.is_callers_fault() => status::UNABLE_TO_PROCESS,
                    _ => status::OUT_OF_RESOURCES,
                };
                let comment: String = error.to_string().chars().filter(char::is_ascii).take(64).collect();
                command.response(status, false).text(field::ERROR_COMMENT, &comment)
            }
        };
        link.send(context, &response, None)
    }
}
