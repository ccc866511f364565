use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wilhelm_store::Store;

use crate::dimse::{Service, Settings as DimseSettings};
use crate::http::{Site, router};

/// How the archive is served.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where HTTP is listened for.
    pub http: SocketAddr,
    /// Where DIMSE is listened for; `None` is nowhere.
    pub dimse: Option<SocketAddr>,
    /// Names beside addresses and `localhost` that requests may call this machine by.
    pub hosts: Vec<String>,
    /// How it speaks as an application entity.
    pub entity: DimseSettings,
}

/// Why the archive cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Without sign-in, whoever reaches the machine would read everything.
    #[error(
        "{what} {address} is not of this machine alone, and there is no sign-in yet: use 127.0.0.1 or [::1], and a tunnel for others"
    )]
    Exposed {
        /// Which setting.
        what: &'static str,
        /// What it says.
        address: SocketAddr,
    },
    /// An address that cannot be listened at.
    #[error("listening at {address} failed: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no threads.
    #[error("starting threads failed: {0}")]
    Threads(std::io::Error),
}

/// An archive that is being served; it ends when it is told to, or dropped.
#[derive(Debug)]
pub struct Server {
    http: SocketAddr,
    dimse: Option<Service>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<tokio::runtime::Runtime>,
    serving: Option<tokio::task::JoinHandle<()>>,
}

/// Longest wait for requests in progress when the server stops.
const PATIENCE: Duration = Duration::from_secs(10);

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// [`ServeError::Exposed`] for an address that others reach, [`ServeError::Listen`], [`ServeError::Threads`].
    pub fn start(store: Arc<Store>, settings: Settings) -> Result<Self, ServeError> {
        // DIMSE knows no passwords: its list of peers is all the sign-in that it has.
        let exposed = |what, address: SocketAddr| ServeError::Exposed { what, address };
        if !settings.http.ip().is_loopback() {
            return Err(exposed("server.http", settings.http));
        }
        if let Some(address) = settings.dimse
            && !address.ip().is_loopback()
            && !(settings.entity.only_peers && settings.entity.only_our_title)
        {
            return Err(exposed("server.dimse", address));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(128)
            .thread_keep_alive(Duration::from_secs(5))
            .enable_all()
            .build()
            .map_err(ServeError::Threads)?;
        let listen = |address| move |source| ServeError::Listen { address, source };
        let listener = runtime.block_on(TcpListener::bind(settings.http)).map_err(listen(settings.http))?;
        let http = listener.local_addr().map_err(listen(settings.http))?;
        let dimse = match settings.dimse {
            Some(address) => {
                let listener = std::net::TcpListener::bind(address).map_err(listen(address))?;
                let service = Service::start(listener, Arc::clone(&store), settings.entity);
                Some(service.map_err(ServeError::Threads)?)
            }
            None => None,
        };
        let site = Arc::new(Site { store, hosts: settings.hosts, address: http });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = runtime.spawn(async move {
            use axum::serve::ListenerExt;
            let listener = listener.tap_io(|stream| {
                let _ = stream.set_nodelay(true);
            });
            let served = axum::serve(listener, router(site))
                .with_graceful_shutdown(async {
                    let _ = stopped.await;
                })
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "serving ended early");
            }
        });
        Ok(Self { http, dimse, stop: Some(stop), runtime: Some(runtime), serving: Some(serving) })
    }

    /// Where HTTP is listened for.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where DIMSE is listened for.
    pub fn dimse(&self) -> Option<SocketAddr> {
        self.dimse.as_ref().map(Service::address)
    }

    /// Waits until the process is told to stop, by an interrupt or a request to terminate.
    pub fn wait(&self) {
        let Some(runtime) = &self.runtime else { return };
        runtime.block_on(async {
            #[cfg(unix)]
            {
                use tokio::signal::unix::{SignalKind, signal};
                let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
                let mut terminated = std::pin::pin!(terminate.recv());
                let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
                std::future::poll_fn(|context| {
                    use std::future::Future;
                    let done = terminated.as_mut().poll(context).is_ready()
                        || interrupted.as_mut().poll(context).is_ready();
                    if done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                })
                .await;
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
        });
    }

    /// Takes nothing new, finishes what is in progress, and ends.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(dimse) = &mut self.dimse {
            dimse.stop(PATIENCE);
        }
        if let (Some(runtime), Some(serving)) = (self.runtime.take(), self.serving.take()) {
            let _ = runtime.block_on(async { tokio::time::timeout(PATIENCE, serving).await });
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
