//! The archive as an application entity: verification, storage, queries and retrieval.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::Utc;
use dicom_dictionary_std::uids;
use wilhelm_privacy::audit::{Action, Actor, Event, Object, ObjectKind, Outcome};
use wilhelm_store::{Expected, Store, StoreError};

use super::association::{Asked, Association, accept, is_storage, reject_for_now};
use super::command::{Command, field, kind, status};
use super::courier::{Bell, Courier};
use super::link::Link;
use super::requestor::Peer;
use super::{DimseError, commitment, retrieve, worklist};
use crate::Ledger;
use crate::http::patient;
use crate::lines::{self, Lines};
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
    /// Whether they may call from their own addresses alone.
    pub only_peer_addresses: bool,
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
            only_peer_addresses: false,
            associations: 64,
            timeout: Duration::from_secs(60),
        }
    }
}

/// A listening application entity; it ends when it is told to, or dropped.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    lines: Lines,
    listening: Option<std::thread::JoinHandle<()>>,
    courier: Courier,
}

impl Service {
    /// Listens, each association in a thread of its own; what it does is written into `ledger`.
    ///
    /// # Errors
    /// What the system says of the listener.
    pub fn start(
        listener: TcpListener,
        store: Arc<Store>,
        settings: Settings,
        ledger: Option<Arc<Ledger>>,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let lines = Lines::default();
        let (stop, held) = (Arc::clone(&stopping), Arc::clone(&lines));
        let settings = Arc::new(settings);
        let courier = Courier::start(Arc::clone(&store), Arc::clone(&settings))?;
        let shared = Shared { store, settings, ledger, bell: courier.bell() };
        let listening = std::thread::Builder::new()
            .name("dimse".to_owned())
            .spawn(move || listen(&listener, &shared, &stop, &held))?;
        Ok(Self { address, stopping, lines, listening: Some(listening), courier })
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
        self.courier.stop();
        lines::end(&self.lines, patience);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.listening.is_some() {
            self.stop(Duration::from_secs(1));
        }
    }
}

/// What all associations know.
#[derive(Clone)]
struct Shared {
    store: Arc<Store>,
    settings: Arc<Settings>,
    ledger: Option<Arc<Ledger>>,
    bell: Bell,
}

fn listen(listener: &TcpListener, shared: &Shared, stopping: &Arc<AtomicBool>, lines: &Lines) {
    let settings = &shared.settings;
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
        let from = stream.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |from| from.ip());
        let Shared { store, settings, ledger, bell } = shared.clone();
        let serving = Serving { store, settings, ledger, bell, from, stopping: Arc::clone(stopping), busy };
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
    ledger: Option<Arc<Ledger>>,
    bell: Bell,
    from: IpAddr,
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
        let association = match accept(&mut link, &self.settings, self.from)? {
            Asked::Accepted(association) => association,
            Asked::Rejected { calling, why } => {
                let event = self.event(&calling, Action::AccessRefused, None, Outcome::Refused);
                self.write(event.map(|event| event.with("why", why)), None)?;
                return Ok(());
            }
        };
        let outcome = self.messages(&mut link, &association);
        if outcome.is_err() {
            link.abort();
        }
        outcome
    }

    /// What somebody did, on a study or on all.
    fn event(&self, calling: &str, action: Action, study: Option<&str>, outcome: Outcome) -> Option<Event> {
        let ledger = self.ledger.as_ref()?;
        // What stands in the field need be no title.
        let name: String = calling.chars().filter(char::is_ascii_graphic).take(16).collect();
        let actor = Actor::peer(name).from(self.from.to_string());
        let object = match (study, action) {
            (Some(study), _) => ledger.study(study),
            (None, Action::AccessRefused) => Object::whole(ObjectKind::Program),
            (None, _) => Object::whole(ObjectKind::Study),
        };
        Some(Event::new(actor, action, object, outcome))
    }

    fn write(&self, event: Option<Event>, study: Option<&str>) -> Result<(), DimseError> {
        let (Some(ledger), Some(event)) = (&self.ledger, event) else { return Ok(()) };
        let patient = || study.and_then(|study| patient(&self.store, ledger, study));
        ledger.note(event, patient, Utc::now()).map_err(|error| {
            tracing::error!(%error, "the audit log takes no entry");
            DimseError::Audit(error)
        })
    }

    /// Promises of storage are due.
    pub(crate) fn wake_courier(&self) {
        self.bell.ring();
    }

    /// Writes what is done into the audit log; what cannot be written down is not done.
    pub(crate) fn note(
        &self,
        association: &Association,
        action: Action,
        study: Option<&str>,
        outcome: Outcome,
    ) -> Result<(), DimseError> {
        self.write(self.event(&association.calling, action, study, outcome), study)
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
                kind::C_FIND
                    if command.has_data()
                        && accepted.abstract_syntax == uids::MODALITY_WORKLIST_INFORMATION_MODEL_FIND =>
                {
                    worklist::answer(self, link, association, accepted, &command)?;
                }
                kind::N_ACTION
                    if command.has_data()
                        && accepted.abstract_syntax == uids::STORAGE_COMMITMENT_PUSH_MODEL =>
                {
                    commitment::asked(self, link, association, accepted, &command)?;
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
        let from = Some(association.calling.as_str());
        let expected =
            Expected { study_uid: None, sop_class: Some(&class), sop_uid: Some(&uid), from, is_own: false };
        let outcome =
            begun.and(received).and_then(|()| self.store.take(arriving, expected)).and_then(|taken| {
                let study = taken.study_uid.as_str().to_owned();
                taken.pending.wait().map(|_| study)
            });
        let ended = match &outcome {
            Ok(_) => Outcome::Done,
            Err(error) if error.is_callers_fault() => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        // An object that is kept and not written down is not acknowledged: it comes again.
        self.note(association, Action::StudyReceived, outcome.as_deref().ok(), ended)?;
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
