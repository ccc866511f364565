//! Archives that may be sent to: their addresses, tokens, and whom they are trusted by.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Longest address in bytes.
const LONGEST: usize = 1000;

/// The base address of an archive's DICOMweb services, as `https://pacs.example/dicom-web`.
///
/// Encrypted, or on this machine.
///
/// ```
/// use wilhelm_server::web::Remote;
/// assert!(Remote::parse("https://pacs.example:8443/dicom-web").is_ok());
/// assert!(Remote::parse("http://127.0.0.1:8090/dicom-web").is_ok());
/// assert!(Remote::parse("http://pacs.example/dicom-web").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    url: String,
    pub(super) is_secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Without a slash at its end.
    pub(super) path: String,
}

/// Why nothing is sent to an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// It is none.
    #[error("expected https://HOST:PORT/PATH of letters, digits and signs that stand in addresses, {0}")]
    Form(&'static str),
    /// It would travel in the clear.
    #[error("{host} is not this machine: what goes to another one wants https://")]
    InTheClear {
        /// Its host.
        host: String,
    },
    /// Nobody allowed it.
    #[error("{url} is none of server.web_peers: list it there exactly as it stands here")]
    NotListed {
        /// The address.
        url: String,
    },
    /// A file that cannot be used.
    #[error("{}: {message}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// TLS is not to be had.
    #[error("TLS is not to be had: {0}")]
    Tls(String),
}

impl Remote {
    /// Takes an address.
    ///
    /// # Errors
    /// [`RemoteError::Form`], [`RemoteError::InTheClear`].
    pub fn parse(url: &str) -> Result<Self, RemoteError> {
        let form = |found| RemoteError::Form(found);
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte);
        if url.len() > LONGEST || !url.bytes().all(is_sign) {
            return Err(form("found something else, or more than 1000"));
        }
        let (is_secure, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(form("found another beginning")),
        };
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !(host.contains(':') && !host.ends_with(']')) => {
                (host, port.parse().map_err(|_| form("found no port after the colon"))?)
            }
            _ => (place, if is_secure { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err(form("found no host"));
        }
        let is_own = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if !is_secure && !is_own {
            return Err(RemoteError::InTheClear { host });
        }
        let path = path.trim_end_matches('/').to_owned();
        Ok(Self { url: url.to_owned(), is_secure, host, port, path })
    }

    /// Host and port, as a list of hosts names them.
    pub fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

/// The archives that may be sent to.
#[derive(Clone, Default)]
pub struct Remotes {
    list: Vec<Remote>,
    /// Secrets by address.
    tokens: BTreeMap<String, String>,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl fmt::Debug for Remotes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Remotes").field("list", &self.list).finish_non_exhaustive()
    }
}

impl Remotes {
    /// Archives by their addresses; `tokens` is a file with a line `ADDRESS TOKEN` for each that wants one, `authorities` one with
    /// the certificates to trust, and no others, in PEM: without it the public ones are trusted.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn new(
        urls: &[String],
        tokens: Option<&Path>,
        authorities: Option<&Path>,
    ) -> Result<Self, RemoteError> {
        let list = urls.iter().map(|url| Remote::parse(url)).collect::<Result<Vec<_>, _>>()?;
        let needs_tls = list.iter().any(|remote| remote.is_secure);
        Ok(Self {
            tokens: tokens.map(|path| read_tokens(path, &list)).transpose()?.unwrap_or_default(),
            tls: needs_tls.then(|| client(authorities)).transpose()?,
            list,
        })
    }

    /// One archive; `token` is a file with the secret that it wants, and nothing else.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn of_one(
        remote: &Remote,
        token: Option<&Path>,
        authorities: Option<&Path>,
    ) -> Result<Self, RemoteError> {
        let mut tokens = BTreeMap::new();
        if let Some(path) = token {
            let secret = read_secret(path)?;
            tokens.insert(remote.url.clone(), header_text(path, secret.trim())?);
        }
        let tls = remote.is_secure.then(|| client(authorities)).transpose()?;
        Ok(Self { list: vec![remote.clone()], tokens, tls })
    }

    /// The archive of an address that the configuration lists.
    ///
    /// # Errors
    /// [`RemoteError::NotListed`].
    pub fn find(&self, url: &str) -> Result<&Remote, RemoteError> {
        let found = self.list.iter().find(|remote| remote.url == url);
        found.ok_or_else(|| RemoteError::NotListed { url: url.chars().take(LONGEST).collect() })
    }

    /// Their addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|remote| remote.url.as_str())
    }

    pub(super) fn token(&self, remote: &Remote) -> Option<&str> {
        self.tokens.get(&remote.url).map(String::as_str)
    }
}

/// A file that its owner alone may read.
fn read_secret(path: &Path) -> Result<String, RemoteError> {
    let wrong = |message: String| RemoteError::File { path: path.to_owned(), message };
    let unreadable = |error: std::io::Error| wrong(format!("is not readable: {error}"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = path.metadata().map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(wrong(format!("others may read it (mode {:o}): chmod 600 it", mode & 0o777)));
        }
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// A secret that a header may have.
fn header_text(path: &Path, token: &str) -> Result<String, RemoteError> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "its token has characters that no header may have, or none".to_owned();
        return Err(RemoteError::File { path: path.to_owned(), message });
    }
    Ok(token.to_owned())
}

fn read_tokens(path: &Path, list: &[Remote]) -> Result<BTreeMap<String, String>, RemoteError> {
    let text = read_secret(path)?;
    let mut tokens = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| {
            let message = format!("line {}: {what}", number + 1);
            RemoteError::File { path: path.to_owned(), message }
        };
        let (url, token) =
            line.trim().split_once(char::is_whitespace).ok_or_else(|| wrong("expected ADDRESS TOKEN"))?;
        if !list.iter().any(|remote| remote.url == url) {
            return Err(wrong("its address is none of server.web_peers"));
        }
        tokens.insert(url.to_owned(), header_text(path, token.trim())?);
    }
    Ok(tokens)
}

fn client(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, RemoteError> {
    let roots = match authorities {
        None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let wrong =
                |message: &str| RemoteError::File { path: path.to_owned(), message: message.to_owned() };
            let found: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|_| wrong("holds no certificates in PEM"))?;
            let mut roots = RootCertStore::empty();
            for one in found {
                roots.add(one).map_err(|_| wrong("holds a certificate that cannot be trusted"))?;
            }
            if roots.is_empty() {
                return Err(wrong("holds no certificates in PEM"));
            }
            roots
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| RemoteError::Tls(error.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_another_machine_goes_under_tls() {
        for (url, place, path) in [
            ("https://pacs.example/dicom-web/", "pacs.example:443", "/dicom-web"),
            ("https://PACS.example:8443", "pacs.example:8443", ""),
            ("http://127.0.0.1:8090/dicom-web", "127.0.0.1:8090", "/dicom-web"),
            ("http://[::1]:80/x/y", "[::1]:80", "/x/y"),
        ] {
            let remote = Remote::parse(url).expect(url);
            assert_eq!((remote.place(), remote.path.as_str()), (place.to_owned(), path));
        }
        for (url, expected) in [
            ("http://pacs.example/dicom-web", "wants https"),
            ("http://127.0.0.1.example.org/", "wants https"),
            ("http://[::ffff:192.0.2.7]/", "wants https"),
            ("ftp://127.0.0.1/", "another beginning"),
            ("https://user@pacs.example/", "something else"),
            ("https://pacs.example/a b", "something else"),
            ("https://pacs.example/a\r\nX: y", "something else"),
            ("https://pacs.example/?a=1", "something else"),
            ("https://pacs.example:many/", "no port"),
            ("https:///x", "no host"),
        ] {
            let refused = Remote::parse(url).expect_err(url).to_string();
            assert!(refused.contains(expected), "{url}: {refused}");
        }
    }

    #[test]
    fn tokens_are_read_from_a_file_that_its_owner_alone_reads_and_never_printed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let urls = ["http://127.0.0.1:8090/dicom-web".to_owned()];
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).expect("written");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            }
            Remotes::new(&urls, Some(&path), None)
        };
        let remotes = write("\nhttp://127.0.0.1:8090/dicom-web   s3cret\n", 0o600).expect("read");
        let remote = remotes.find(&urls[0]).expect("listed");
        assert_eq!(remotes.token(remote), Some("s3cret"));
        assert!(!format!("{remotes:?}").contains("s3cret"));
        for (text, mode, expected) in [
            ("http://127.0.0.1:8090/dicom-web s3cret", 0o644, "others may read it"),
            ("http://127.0.0.1:8090/dicom-web", 0o600, "line 1: expected"),
            ("http://127.0.0.1:1/ s3cret", 0o600, "none of server.web_peers"),
            ("http://127.0.0.1:8090/dicom-web s3 cret", 0o600, "no header may have"),
        ] {
            let refused = write(text, mode).expect_err(expected).to_string();
            assert!(refused.contains(expected) && !refused.contains("s3"), "{refused}");
        }
        assert!(remotes.find("http://127.0.0.1:8090/").is_err(), "letter by letter");
    }
}
