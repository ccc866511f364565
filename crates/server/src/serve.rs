mod orders;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use chrono::Utc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wilhelm_privacy::audit::{Action, AuditError};
use wilhelm_store::{Store, StoreError};

use crate::consult::{Live, deliver_missing};
use crate::desk::Desk;
use crate::dimse::{Service, Settings as DimseSettings};
use crate::events::Events;
use crate::hl7::{Service as Messages, Settings as MessageSettings};
use crate::http::{Ohif, Site, router};
use crate::jobs::Background;
use crate::work::{QueuedReadings, ReadStudy};
use crate::{JobSettings, Ledger, SignIn, Tls};

pub use orders::Orders;

/// How the archive is served.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where HTTP is listened for.
    pub http: SocketAddr,
    /// Where DIMSE is listened for; `None` is nowhere.
    pub dimse: Option<SocketAddr>,
    /// Where HL7 messages are listened for, and how; `None` is nowhere.
    pub hl7: Option<(SocketAddr, MessageSettings)>,
    /// Names beside addresses and `localhost` that requests may call this machine by.
    pub hosts: Vec<String>,
    /// How it speaks as an application entity.
    pub entity: DimseSettings,
    /// Who may sign in; `None` lets anyone on this machine do anything.
    pub sign_in: Option<Arc<SignIn>>,
    /// Where accesses are written down.
    pub ledger: Option<Arc<Ledger>>,
    /// The certificate that HTTP is served with.
    pub tls: Option<Tls>,
    /// Most bytes of one request that hands objects in.
    pub upload_bytes: u64,
    /// The report desk; `None` is one that reads no studies.
    pub desk: Option<Arc<Desk>>,
    /// What is done in the background.
    pub jobs: JobSettings,
    /// The folder of OHIF's viewer as `tools/ohif.sh` makes it, for `/ohif`; `None` offers none.
    pub ohif: Option<PathBuf>,
}

impl Settings {
    /// As a test and a machine of one person want it: anyone here may do anything, and nothing is written down.
    pub fn open(http: SocketAddr, dimse: Option<SocketAddr>, entity: DimseSettings) -> Self {
        Self {
            http,
            dimse,
            hl7: None,
            hosts: Vec::new(),
            entity,
            sign_in: None,
            ledger: None,
            tls: None,
            upload_bytes: 16 << 30,
            desk: None,
            jobs: JobSettings::default(),
            ohif: None,
        }
    }
}

/// Why the archive cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Whoever reaches the machine would read everything.
    #[error("{what} {address} is not of this machine alone, which wants {wants}: or use 127.0.0.1 or [::1]")]
    Exposed {
        /// Which setting.
        what: &'static str,
        /// What it says.
        address: SocketAddr,
        /// What is missing.
        wants: &'static str,
    },
    /// The audit log takes no entry.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// An address that cannot be listened at.
    #[error("listening at {address} failed: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A rule leads to what nobody here can do.
    #[error(
        "the rule {rule:?} leads to {kind}, which this program has no work for: take that out of it, or switch it off"
    )]
    Rule {
        /// The rule's name.
        rule: String,
        /// The kind of work.
        kind: &'static str,
    },
    /// The catalog failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of OHIF's viewer is not one.
    #[error("server.ohif {}: {why}", folder.display())]
    Ohif {
        /// Which folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system gave no threads.
    #[error("starting threads failed: {0}")]
    Threads(std::io::Error),
    /// Orders to stop cannot be heard.
    #[error("orders to stop cannot be heard: {0}")]
    Orders(std::io::Error),
}

/// An archive that is being served; it ends when it is told to, or dropped.
#[derive(Debug)]
pub struct Server {
    http: SocketAddr,
    dimse: Option<Service>,
    hl7: Option<Messages>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<tokio::runtime::Runtime>,
    serving: Option<tokio::task::JoinHandle<()>>,
    background: Background,
    events: Events,
    live: Arc<Live>,
    ledger: Option<Arc<Ledger>>,
}

fn ended(served: std::io::Result<()>) {
    if let Err(error) = served {
        tracing::error!(%error, "serving ended early");
    }
}

/// Longest wait for requests in progress when the server stops.
const PATIENCE: Duration = Duration::from_secs(10);

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// [`ServeError::Exposed`] for an address that others reach, [`ServeError::Ohif`], [`ServeError::Listen`], [`ServeError::Threads`].
    pub fn start(store: Arc<Store>, settings: Settings) -> Result<Self, ServeError> {
        // DIMSE knows no passwords: its list of peers is all the sign-in that it has.
        let exposed = |what, address: SocketAddr, wants| ServeError::Exposed { what, address, wants };
        if !settings.http.ip().is_loopback() && (settings.sign_in.is_none() || settings.tls.is_none()) {
            let wants = "sign-in, and TLS by server.tls_certificate and server.tls_key";
            return Err(exposed("server.http", settings.http, wants));
        }
        if let Some(address) = settings.dimse
            && !address.ip().is_loopback()
            && !(settings.entity.only_peers && settings.entity.only_our_title)
        {
            let wants = "server.only_peers and server.only_our_title";
            return Err(exposed("server.dimse", address, wants));
        }
        if let Some((address, messages)) = &settings.hl7
            && !address.ip().is_loopback()
            && messages.peers.is_empty()
        {
            return Err(exposed("server.hl7", *address, "the senders in server.hl7_peers"));
        }
        let ohif = settings.ohif.map(|folder| match Ohif::open(&folder) {
            Ok(ohif) => Ok(Arc::new(ohif)),
            Err(why) => Err(ServeError::Ohif { folder, why }),
        });
        let ohif = ohif.transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(128)
            .thread_keep_alive(Duration::from_secs(5))
            .enable_all()
            .build()
            .map_err(ServeError::Threads)?;
        let listen = |address| move |source| ServeError::Listen { address, source };
        if let Some(ledger) = &settings.ledger {
            ledger.of_program(Action::ProgramStarted, Utc::now())?;
        }
        let listener = runtime.block_on(TcpListener::bind(settings.http)).map_err(listen(settings.http))?;
        let http = listener.local_addr().map_err(listen(settings.http))?;
        let desk = settings
            .desk
            .clone()
            .unwrap_or_else(|| Desk::new(Arc::clone(&store), None, settings.ledger.clone()));
        let mut jobs = settings.jobs.clone();
        if desk.reads() {
            jobs.works.push(Arc::new(ReadStudy::new(Arc::clone(&desk))));
            desk.connect(Arc::new(QueuedReadings::new(Arc::clone(&store), jobs.events.clone())));
        }
        let events = jobs.events.clone();
        desk.on_change(Arc::new(move |changed| events.publish(changed.event())));
        let background = Background::start(&store, &jobs, &settings.entity, settings.ledger.as_ref())?;
        let peers = settings.entity.peers.clone();
        let dimse = match settings.dimse {
            Some(address) => {
                let listener = std::net::TcpListener::bind(address).map_err(listen(address))?;
                let service =
                    Service::start(listener, Arc::clone(&store), settings.entity, settings.ledger.clone());
                Some(service.map_err(ServeError::Threads)?)
            }
            None => None,
        };
        let missing = Arc::clone(&desk);
        let opinions = Arc::clone(&store);
        runtime.spawn_blocking(move || {
            missing.deliver_missing();
            deliver_missing(&opinions);
        });
        let hl7 = match settings.hl7 {
            Some((address, messages)) => {
                let listener = std::net::TcpListener::bind(address).map_err(listen(address))?;
                let service =
                    Messages::start(listener, Arc::clone(&store), messages, settings.ledger.clone());
                Some(service.map_err(ServeError::Threads)?)
            }
            None => None,
        };
        let live = Arc::new(Live::default());
        let site = Arc::new(Site {
            live: Arc::clone(&live),
            peers,
            remotes: Arc::clone(&settings.jobs.remotes),
            store,
            desk,
            hosts: settings.hosts,
            address: http,
            secure: settings.tls.is_some(),
            sign_in: settings.sign_in,
            ledger: settings.ledger.clone(),
            upload_bytes: settings.upload_bytes,
            events: settings.jobs.events.clone(),
            rules: Arc::new(settings.jobs.rules),
            bin: settings.jobs.bin,
            ohif,
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let service = router(site).into_make_service_with_connect_info::<SocketAddr>();
        let stopped = async {
            let _ = stopped.await;
        };
        let _within = runtime.enter();
        let serving = match settings.tls {
            None => {
                let listener = listener.tap_io(|stream| {
                    let _ = stream.set_nodelay(true);
                });
                runtime.spawn(async move {
                    ended(axum::serve(listener, service).with_graceful_shutdown(stopped).await);
                })
            }
            Some(tls) => {
                let listener = tls.listen(listener).map_err(listen(http))?.tap_io(|_| {});
                runtime.spawn(async move {
                    ended(axum::serve(listener, service).with_graceful_shutdown(stopped).await);
                })
            }
        };
        drop(_within);
        let (stop, runtime, serving) = (Some(stop), Some(runtime), Some(serving));
        let events = settings.jobs.events;
        let ledger = settings.ledger;
        Ok(Self { http, dimse, hl7, stop, runtime, serving, background, events, live, ledger })
    }

    /// Where HTTP is listened for.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where DIMSE is listened for.
    pub fn dimse(&self) -> Option<SocketAddr> {
        self.dimse.as_ref().map(Service::address)
    }

    /// Where HL7 messages are listened for.
    pub fn hl7(&self) -> Option<SocketAddr> {
        self.hl7.as_ref().map(Messages::address)
    }

    /// From here on an interrupt or a request to terminate no longer ends the process: [`Orders::wait`] returns instead.
    /// Ask for them before telling anyone that the server is there, or who stops it at once kills it.
    ///
    /// # Errors
    /// [`ServeError::Orders`] where the system gives no such handler.
    pub fn orders(&self) -> Result<Orders<'_>, ServeError> {
        Orders::listen(self.runtime.as_ref()).map_err(ServeError::Orders)
    }

    /// Takes nothing new, finishes what is in progress, and ends.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // Whoever listens to events would keep a connection open.
        self.events.end();
        self.live.end();
        if let Some(dimse) = &mut self.dimse {
            dimse.stop(PATIENCE);
        }
        if let Some(hl7) = &mut self.hl7 {
            hl7.stop(PATIENCE);
        }
        if let (Some(runtime), Some(serving)) = (self.runtime.take(), self.serving.take()) {
            let _ = runtime.block_on(async { tokio::time::timeout(PATIENCE, serving).await });
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
        self.background.stop();
        if let Some(ledger) = self.ledger.take() {
            let now = Utc::now();
            let settled = ledger.settle(now).and_then(|()| ledger.of_program(Action::ProgramStopped, now));
            if let Err(error) = settled {
                tracing::error!(%error, "the audit log takes no entry");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
