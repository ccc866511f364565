//! The listener: each connection in a thread of its own, each message answered before the next is read.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::Utc;
use wilhelm_privacy::audit::{Action, Actor, Event, Object, ObjectKind, Outcome};
use wilhelm_store::Store;

use super::block::{Blocks, Patient};
use super::take::Taker;
use crate::Ledger;
use crate::lines::{self, Lines};

/// How messages are listened for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hosts that may send; none is this machine alone.
    pub peers: Vec<String>,
    /// Most connections at once.
    pub connections: usize,
    /// Longest time for a message to come whole, and for its answer to be taken.
    pub timeout: Duration,
    /// Longest silence of a connection between messages.
    pub idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            peers: Vec::new(),
            connections: 32,
            timeout: Duration::from_secs(60),
            idle: Duration::from_secs(3600),
        }
    }
}

/// A listener of HL7 messages; it ends when it is told to, or dropped.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    lines: Lines,
    listening: Option<std::thread::JoinHandle<()>>,
}

impl Service {
    /// Listens; what messages do is written into `ledger`.
    ///
    /// # Errors
    /// What the system says of the listener.
    pub fn start(
        listener: TcpListener,
        store: Arc<Store>,
        settings: Settings,
        ledger: Option<Arc<Ledger>>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let lines = Lines::default();
        let (stop, held) = (Arc::clone(&stopping), Arc::clone(&lines));
        let listening = std::thread::Builder::new()
            .name("hl7".to_owned())
            .spawn(move || listen(&listener, &store, &Arc::new(settings), ledger.as_ref(), &stop, &held))?;
        Ok(Self { address, stopping, lines, listening: Some(listening) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connections, ends idle ones, and waits up to `patience` for messages that are being carried out.
    pub fn stop(&mut self, patience: Duration) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
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

/// Whether messages are taken from an address: where none is listed, from this machine alone.
fn is_let_in(settings: &Settings, from: IpAddr) -> bool {
    let from = from.to_canonical();
    if settings.peers.is_empty() {
        return from.is_loopback();
    }
    settings.peers.iter().any(|host| {
        let found = (host.as_str(), 0).to_socket_addrs();
        found.is_ok_and(|mut found| found.any(|one| one.ip().to_canonical() == from))
    })
}

fn listen(
    listener: &TcpListener,
    store: &Arc<Store>,
    settings: &Arc<Settings>,
    ledger: Option<&Arc<Ledger>>,
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
        let (Ok(held), Ok(from)) = (stream.try_clone(), stream.peer_addr()) else { continue };
        let from = from.ip().to_canonical();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let busy = Arc::new(AtomicBool::new(false));
        {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() >= settings.connections {
                tracing::warn!("a sender of messages was turned away: too many are connected");
                continue;
            }
            lines.insert(number, (held, Arc::clone(&busy)));
        }
        let ended = Ended { lines: Arc::clone(lines), number };
        let taker = Taker { store: Arc::clone(store), ledger: ledger.cloned(), from };
        let (settings, stopping) = (Arc::clone(settings), Arc::clone(stopping));
        let _ = std::thread::Builder::new().name("messages".to_owned()).spawn(move || {
            let _ended = ended;
            // Names of hosts are looked up here, so that a slow answer holds nobody else up.
            if is_let_in(&settings, taker.from) {
                if let Err(error) = talk(stream, &taker, &settings, &busy, &stopping) {
                    tracing::warn!(%error, "a sender of messages was hung up on");
                }
            } else {
                refuse(&taker);
            }
        });
    }
}

/// Writes down that somebody was not let in.
fn refuse(taker: &Taker) {
    tracing::warn!(from = %taker.from, "a sender of messages was refused: no peer is there");
    if let Some(ledger) = &taker.ledger {
        let actor = Actor::peer("HL7").from(taker.from.to_string());
        let object = Object::whole(ObjectKind::Program);
        let event = Event::new(actor, Action::AccessRefused, object, Outcome::Refused).with("service", "HL7");
        if let Err(error) = ledger.note(event, || None, Utc::now()) {
            tracing::error!(%error, "the audit log takes no entry");
        }
    }
}

/// Takes a connection off the list, however its thread ends.
struct Ended {
    lines: Lines,
    number: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// The reading half of a connection.
struct Incoming(TcpStream);

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Patient for Incoming {
    fn patience(&mut self, longest: Duration) -> io::Result<()> {
        self.0.set_read_timeout(Some(longest))
    }
}

fn talk(
    stream: TcpStream,
    taker: &Taker,
    settings: &Settings,
    busy: &AtomicBool,
    stopping: &AtomicBool,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(settings.timeout))?;
    let mut writer = stream.try_clone()?;
    let mut blocks = Blocks::new(Incoming(stream));
    loop {
        busy.store(false, Ordering::SeqCst);
        if stopping.load(Ordering::SeqCst) {
            return Ok(());
        }
        let begun = || busy.store(true, Ordering::SeqCst);
        let block = match blocks.next(settings.idle, settings.timeout, begun) {
            Ok(Some(block)) => block,
            Ok(None) => return Ok(()),
            Err(_) if stopping.load(Ordering::SeqCst) => return Ok(()),
            Err(error) => return Err(error),
        };
        let answer = taker.answer(&block, Utc::now());
        let mut whole = Vec::with_capacity(answer.len() + 3);
        whole.push(0x0B);
        whole.extend_from_slice(&answer);
        whole.extend_from_slice(&[0x1C, b'\r']);
        writer.write_all(&whole)?;
    }
}
