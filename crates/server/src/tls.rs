//! TLS for HTTP: a certificate, its key, and a listener whose handshakes hold nobody up.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes at once; more wait in the system's queue.
const HANDSHAKES: usize = 128;
/// Longest handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a certificate and its key cannot be served with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file without what it should hold.
    #[error("{} holds no {expected} in PEM", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The two do not go together, or are of no use.
    #[error("the certificate and its key do not go together: {0}")]
    Pair(rustls::Error),
}

/// A certificate chain with its key.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// Reads both from files in PEM; the server's own certificate stands first.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn of_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let content = |path: &Path, expected| TlsError::Content { path: path.to_owned(), expected };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .ok()
            .filter(|chain: &Vec<_>| !chain.is_empty())
            .ok_or_else(|| content(certificate, "certificate"))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|_| content(key, "private key"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Shakes hands with whoever comes to `listener`, each in a task of its own. Wants to be called within a runtime.
    pub(crate) fn listen(&self, listener: TcpListener) -> io::Result<Secured> {
        let address = listener.local_addr()?;
        let (shaken, incoming) = mpsc::channel(16);
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0));
        let accepting = tokio::spawn(async move {
            let free = Arc::new(Semaphore::new(HANDSHAKES));
            loop {
                let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
                let (stream, from) = match listener.accept().await {
                    Ok(one) => one,
                    Err(_) => {
                        // Out of file descriptors, most likely: what is open has to end first.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                };
                let (acceptor, shaken) = (acceptor.clone(), shaken.clone());
                tokio::spawn(async move {
                    let _permit = permit;
                    let _ = stream.set_nodelay(true);
                    match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            let _ = shaken.send((stream, from)).await;
                        }
                        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                        Err(_) => tracing::debug!("a handshake took too long"),
                    }
                });
            }
        });
        Ok(Secured { address, incoming, accepting })
    }
}

/// Connections whose handshakes are done.
pub(crate) struct Secured {
    address: SocketAddr,
    incoming: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.incoming.recv().await {
            Some(one) => one,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
