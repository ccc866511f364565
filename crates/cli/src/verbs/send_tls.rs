//! TLS around a connection that carries HL7: whom to trust, who we are, and what went wrong in plain words.

use std::io::{Error, ErrorKind};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
};

use crate::exit::Stop;

/// A connection under TLS.
pub type Secured = StreamOwned<ClientConnection, TcpStream>;

/// What a connection under TLS is made with.
#[derive(Clone, Debug)]
pub struct Trust {
    config: Arc<ClientConfig>,
}

impl Trust {
    /// Trusts the authorities of one file and no others; `own` is a certificate chain and its key, for receivers that ask
    /// who sends. All files are PEM.
    ///
    /// # Source
    /// IHE ITI TF-2 Section 3.19 (Authenticate Node): both sides of a connection show certificates.
    pub fn of_files(authorities: &Path, own: Option<(&Path, &Path)>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for (place, authority) in certificates(authorities, "--ca")?.into_iter().enumerate() {
            roots.add(authority).map_err(|error| {
                let number = place + 1;
                let path = authorities.display();
                Stop::usage(format!("certificate {number} of --ca {path} is none to trust: {error}"))
            })?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Stop::ours(format!("TLS is not to be had: {error}")))?
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let path = key.display().to_string();
                let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| {
                    Stop::usage(format!("--key {path} holds no private key in PEM: {}", of_pem(&error)))
                })?;
                builder.with_client_auth_cert(certificates(chain, "--cert")?, secret).map_err(|error| {
                    let chain = chain.display();
                    Stop::usage(format!("--cert {chain} and --key {path} do not go together: {error}"))
                })?
            }
        };
        Ok(Self { config: Arc::new(config) })
    }

    /// Shakes hands with whoever is at the other end, who must prove to be `host`.
    pub fn secure(&self, mut socket: TcpStream, host: &str, to: &str) -> anyhow::Result<Secured> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Stop::usage(format!("{host} is no name that a certificate could be made for")))?;
        let mut connection = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| Stop::ours(format!("TLS is not to be had: {error}")))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(|error| {
                Stop::input(format!("{to}: {}; nothing was sent", handshake(&error, host)))
            })?;
        }
        Ok(StreamOwned::new(connection, socket))
    }
}

/// What the receiver said of our certificate after it was let in, where that is what an error is about.
pub fn refused_us(error: &Error) -> Option<&'static str> {
    match of_tls(error)? {
        rustls::Error::AlertReceived(alert) => alerted(*alert),
        _ => None,
    }
}

fn of_tls(error: &Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// What an alert says of our certificate.
const fn alerted(alert: AlertDescription) -> Option<&'static str> {
    match alert {
        AlertDescription::CertificateRequired => {
            Some("the receiver asks who sends: give --cert and --key with a certificate that it trusts")
        }
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => Some(
            "the receiver does not accept the certificate of --cert: ask its keeper which authority it trusts",
        ),
        _ => None,
    }
}

/// Why hands were not shaken, in a sentence without its end.
fn handshake(error: &Error, host: &str) -> String {
    use CertificateError as Fault;
    let Some(error) = of_tls(error) else {
        return match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                "no answer to the TLS handshake in time (send.timeout_seconds): the port may speak no TLS"
                    .to_owned()
            }
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                "it hung up during the TLS handshake: the port may speak no TLS, or ask for --cert and --key"
                    .to_owned()
            }
            _ => format!("the TLS handshake failed: {error}"),
        };
    };
    match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            Fault::NotValidForName | Fault::NotValidForNameContext { .. } => {
                format!("its certificate is not made for {host}: name the host as the certificate does")
            }
            Fault::Expired | Fault::ExpiredContext { .. } => {
                "its certificate has expired: its keeper must renew it".to_owned()
            }
            Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
                "its certificate is not valid yet: compare this machine's clock".to_owned()
            }
            Fault::UnknownIssuer | Fault::BadSignature => {
                "its certificate is signed by none of the authorities of --ca".to_owned()
            }
            other => format!("its certificate does not hold: {other}"),
        },
        rustls::Error::AlertReceived(alert) => {
            alerted(*alert).map_or_else(|| format!("it refused the TLS handshake: {error}"), str::to_owned)
        }
        rustls::Error::InvalidMessage(_) => "it answers with something else than TLS".to_owned(),
        other => format!("the TLS handshake failed: {other}"),
    }
}

/// The certificates of a PEM file, one at least.
fn certificates(path: &Path, option: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let shown = path.display();
    let wrong = |error: &rustls::pki_types::pem::Error| {
        Stop::usage(format!("{option} {shown} holds no certificate in PEM: {}", of_pem(error)))
    };
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| wrong(&error))?;
    if found.is_empty() {
        return Err(wrong(&rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn of_pem(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => error.to_string(),
        rustls::pki_types::pem::Error::NoItemsFound => "there is none in it".to_owned(),
        other => other.to_string(),
    }
}

/// The files of a command line: `--ca`, and `--cert` with `--key`.
pub fn trust(
    ca: Option<&PathBuf>,
    cert: Option<&PathBuf>,
    key: Option<&PathBuf>,
) -> anyhow::Result<Option<Trust>> {
    let Some(ca) = ca else { return Ok(None) };
    let own = cert.zip(key).map(|(cert, key)| (cert.as_path(), key.as_path()));
    Trust::of_files(ca, own).map(Some)
}

#[cfg(test)]
mod certificate;
#[cfg(test)]
mod tests;
