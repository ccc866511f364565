//! One question over one connection: all of HTTP/1.1 that asking a model takes. No redirect, proxy, cookie or cache.

use super::Address;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Bytes the head of a response may have.
const HEAD_BYTES: usize = 64 << 10;
/// Header lines it may have.
const HEADERS: usize = 100;

/// How a question fails below its status.
#[derive(Debug)]
pub(super) enum HttpError {
    /// No connection.
    Unreachable(String),
    /// Not a byte for too long.
    Silent,
    /// The time for the whole answer is over.
    OutOfTime,
    /// The connection ends before the response does.
    Cut,
    /// It is not HTTP/1.1.
    Malformed(&'static str),
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) stall: Duration,
    pub(super) until: Instant,
}

impl Patience {
    /// Time for the next step of at most `most`.
    fn next(self, most: Duration) -> Result<Duration, HttpError> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(HttpError::OutOfTime)
        } else {
            Ok(left.min(most).max(Duration::from_millis(1)))
        }
    }
}

/// Names in lowercase with their values.
pub(super) type Headers = Vec<(String, String)>;

/// Status, headers with names in lowercase, and the body still to be read.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Body,
}

/// Sends `body` as JSON.
pub(super) fn post(
    address: &Address,
    key: Option<&str>,
    body: &[u8],
    patience: Patience,
) -> Result<Response, HttpError> {
    if key.is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(HttpError::Malformed("the key has characters that no header may have"));
    }
    let mut wire = Wire { stream: connect(address, patience)?, patience };
    let mut head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: wilhelm\r\nAccept: text/event-stream, application/json\r\n\
         Accept-Encoding: identity\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n",
        address.path,
        address.authority(),
        body.len()
    );
    if let Some(key) = key {
        head.push_str("Authorization: Bearer ");
        head.push_str(key);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    wire.write(head.as_bytes())?;
    wire.write(body)?;
    let mut buffer = Vec::new();
    loop {
        let (status, headers, length) = read_head(&mut wire, &mut buffer)?;
        buffer.drain(..length);
        // A provisional answer comes before the real one.
        if !(100..200).contains(&status) {
            let framing = Framing::of(&headers)?;
            return Ok(Response { status, headers, body: Body { wire, buffer, framing, ended: false } });
        }
    }
}

/// Reads until the head is whole; status, headers and the head's length.
fn read_head(wire: &mut Wire, buffer: &mut Vec<u8>) -> Result<(u16, Headers, usize), HttpError> {
    loop {
        let mut lines = [httparse::EMPTY_HEADER; HEADERS];
        let mut head = httparse::Response::new(&mut lines);
        match head.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => {
                let status = head.code.ok_or(HttpError::Malformed("it has no status"))?;
                let text = |value: &[u8]| String::from_utf8_lossy(value).trim().to_owned();
                let headers = head
                    .headers
                    .iter()
                    .map(|line| (line.name.to_ascii_lowercase(), text(line.value)))
                    .collect();
                return Ok((status, headers, length));
            }
            Ok(httparse::Status::Partial) if buffer.len() < HEAD_BYTES => {
                if !wire.fill(buffer)? {
                    return Err(HttpError::Cut);
                }
            }
            Ok(httparse::Status::Partial) => return Err(HttpError::Malformed("its head is too long")),
            Err(_) => return Err(HttpError::Malformed("it is not HTTP")),
        }
    }
}

/// Where a body ends.
#[derive(Debug)]
enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After a chunk of no bytes; so many are left of the present one.
    Chunks { left: u64, first: bool },
    /// With the connection.
    Close,
}

impl Framing {
    fn of(headers: &Headers) -> Result<Self, HttpError> {
        let value = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if let Some(coding) = value("transfer-encoding") {
            return match coding.eq_ignore_ascii_case("chunked") {
                true => Ok(Self::Chunks { left: 0, first: true }),
                false => Err(HttpError::Malformed("its transfer coding is not known")),
            };
        }
        match value("content-length") {
            Some(length) => {
                length.parse().map(Self::Length).map_err(|_| HttpError::Malformed("its length is no number"))
            }
            None => Ok(Self::Close),
        }
    }
}

/// The body of a response, piece by piece.
pub(super) struct Body {
    wire: Wire,
    /// Bytes that came and were not given out.
    buffer: Vec<u8>,
    framing: Framing,
    ended: bool,
}

impl Body {
    /// The next bytes; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Framing::Chunks { left: 0, first } = self.framing {
                match self.chunk_size(first)? {
                    0 => {
                        self.ended = true;
                        continue;
                    }
                    left => self.framing = Framing::Chunks { left, first: false },
                }
            }
            let most = match &self.framing {
                Framing::Length(left) | Framing::Chunks { left, .. } => *left,
                Framing::Close => u64::MAX,
            };
            if most == 0 {
                self.ended = true;
                continue;
            }
            if self.buffer.is_empty() && !self.wire.fill(&mut self.buffer)? {
                if matches!(self.framing, Framing::Close) {
                    self.ended = true;
                    continue;
                }
                return Err(HttpError::Cut);
            }
            let taken = usize::try_from(most).unwrap_or(usize::MAX).min(self.buffer.len());
            match &mut self.framing {
                Framing::Length(left) | Framing::Chunks { left, .. } => *left -= taken as u64,
                Framing::Close => {}
            }
            return Ok(Some(self.buffer.drain(..taken).collect()));
        }
    }

    /// What is left, but no more than `most` bytes and a piece.
    pub(super) fn read_to_end(&mut self, most: usize) -> Result<Vec<u8>, HttpError> {
        let mut all = Vec::new();
        while all.len() < most
            && let Some(piece) = self.next()?
        {
            all.extend(piece);
        }
        all.truncate(most);
        Ok(all)
    }

    /// Reads the line with a chunk's size, behind the end of the chunk before.
    fn chunk_size(&mut self, first: bool) -> Result<u64, HttpError> {
        let skipped = if first { 0 } else { 2 };
        loop {
            let line = self.buffer.get(skipped..).unwrap_or_default();
            if self.buffer.len() >= skipped && !first && !self.buffer.starts_with(b"\r\n") {
                return Err(HttpError::Malformed("a chunk does not end where it says"));
            }
            match httparse::parse_chunk_size(line) {
                Ok(httparse::Status::Complete((length, size))) => {
                    self.buffer.drain(..skipped + length);
                    return Ok(size);
                }
                Ok(httparse::Status::Partial) if line.len() < HEAD_BYTES => {
                    if !self.wire.fill(&mut self.buffer)? {
                        return Err(HttpError::Cut);
                    }
                }
                _ => return Err(HttpError::Malformed("a chunk has no size")),
            }
        }
    }
}

/// A connection that waits no longer than it may.
struct Wire {
    stream: Stream,
    patience: Patience,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    fn set_timeouts(&self) -> Result<(), HttpError> {
        let wait = Some(self.patience.next(self.patience.stall)?);
        let socket = match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
        };
        socket
            .set_read_timeout(wait)
            .and_then(|()| socket.set_write_timeout(wait))
            .map_err(|error| self.failure(&error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        self.set_timeouts()?;
        let written = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes).and_then(|()| socket.flush()),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        };
        written.map_err(|error| self.failure(&error))
    }

    /// Appends what comes next; false at the end of the connection.
    fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<bool, HttpError> {
        let mut piece = [0; 8 << 10];
        loop {
            self.set_timeouts()?;
            let read = match &mut self.stream {
                Stream::Plain(socket) => socket.read(&mut piece),
                Stream::Tls(stream) => stream.read(&mut piece),
            };
            match read {
                Ok(read) => {
                    buffer.extend_from_slice(&piece[..read]);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
    }

    fn failure(&self, error: &io::Error) -> HttpError {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut if Instant::now() >= self.patience.until => {
                HttpError::OutOfTime
            }
            ErrorKind::WouldBlock | ErrorKind::TimedOut => HttpError::Silent,
            // rustls reports a bad certificate so.
            ErrorKind::InvalidData => HttpError::Unreachable(error.to_string()),
            _ => HttpError::Cut,
        }
    }
}

/// Connects to the first of the host's addresses that answers.
fn connect(address: &Address, patience: Patience) -> Result<Stream, HttpError> {
    let unreachable = |error: io::Error| HttpError::Unreachable(error.to_string());
    let mut last = HttpError::Unreachable("the host has no address".to_owned());
    for at in (address.host.as_str(), address.port).to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&at, patience.next(patience.connect)?) {
            Ok(socket) => {
                socket.set_nodelay(true).map_err(unreachable)?;
                return if address.secure { encrypt(address, socket) } else { Ok(Stream::Plain(socket)) };
            }
            Err(error) => last = unreachable(error),
        }
    }
    Err(last)
}

/// The public certificate authorities, as Mozilla lists them.
static TLS: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
});

fn encrypt(address: &Address, socket: TcpStream) -> Result<Stream, HttpError> {
    let refuse = |reason: String| HttpError::Unreachable(reason);
    let config = TLS.as_ref().map_err(|error| refuse(error.clone()))?;
    let name = ServerName::try_from(address.host.clone()).map_err(|error| refuse(error.to_string()))?;
    let connection =
        ClientConnection::new(Arc::clone(config), name).map_err(|error| refuse(error.to_string()))?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(connection, socket))))
}
