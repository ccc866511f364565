//! One question over one connection: all of HTTP/1.1 that sending takes. No redirect, proxy, cookie or cache.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::{Remote, Remotes};

/// Longest wait for a connection, and for the next byte either way.
const CONNECT: Duration = Duration::from_secs(10);
const STALL: Duration = Duration::from_secs(60);
/// Header lines and bytes of an answer's head, and bytes of all of it.
const HEADERS: usize = 100;
const HEAD_BYTES: usize = 64 << 10;
const MOST_BYTES: usize = 64 << 20;

/// How a question fails below its status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// There was no connection, or it broke.
    #[error("the line: {0}")]
    Line(io::Error),
    /// Its certificate is none to trust.
    #[error("its certificate does not hold: {0}")]
    Certificate(String),
    /// It is not HTTP/1.1.
    #[error("the answer {0}")]
    Malformed(&'static str),
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// Seconds after which to come again.
    pub retry_after: Option<u64>,
    pub body: Vec<u8>,
}

/// What is sent along: its type and length, and what writes it.
pub(super) struct Upload<'a> {
    pub content_type: String,
    pub length: u64,
    pub write: &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
}

/// A connection.
trait Line: Read + Write {}
impl<T: Read + Write> Line for T {}

/// Asks, and waits for the whole answer.
pub(super) fn ask(
    remotes: &Remotes,
    remote: &Remote,
    (method, path): (&str, &str),
    upload: Option<Upload<'_>>,
) -> Result<Answer, HttpError> {
    let mut line = connect(remotes, remote)?;
    let mut head = format!(
        "{method} {}{path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: wilhelm\r\nAccept: application/dicom+json\r\n\
         Accept-Encoding: identity\r\nConnection: close\r\n",
        remote.path,
        remote.place(),
    );
    if let Some(token) = remotes.token(remote) {
        head.push_str("Authorization: Bearer ");
        head.push_str(token);
        head.push_str("\r\n");
    }
    if let Some(upload) = &upload {
        head.push_str(&format!(
            "Content-Type: {}\r\nContent-Length: {}\r\n",
            upload.content_type, upload.length
        ));
    }
    head.push_str("\r\n");
    line.write_all(head.as_bytes()).map_err(failed)?;
    if let Some(upload) = upload {
        let mut counted = Counted { line: &mut line, left: upload.length };
        let written = (upload.write)(&mut counted);
        let is_whole = counted.left == 0;
        if let Err(error) = written {
            // Who refuses while it is being sent to often says why before it hangs up.
            return match answer(&mut line) {
                Ok(answer) if answer.status >= 400 => Ok(answer),
                _ => Err(failed(error)),
            };
        }
        if !is_whole {
            return Err(HttpError::Line(io::Error::other("less was there to be sent than was announced")));
        }
    }
    line.flush().map_err(failed)?;
    answer(&mut line)
}

/// Refuses to write more than was announced.
struct Counted<'a> {
    line: &'a mut Box<dyn Line>,
    left: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(io::Error::other("more is there to be sent than was announced"));
        }
        let count = self.line.write(bytes)?;
        self.left -= count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.line.flush()
    }
}

fn failed(error: io::Error) -> HttpError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(fault)) => HttpError::Certificate(fault.to_string()),
        _ => HttpError::Line(error),
    }
}

fn connect(remotes: &Remotes, remote: &Remote) -> Result<Box<dyn Line>, HttpError> {
    let mut last = io::Error::from(ErrorKind::NotFound);
    for address in (remote.host.as_str(), remote.port).to_socket_addrs().map_err(HttpError::Line)? {
        // A name of this machine that leads elsewhere leads nowhere.
        if !remote.is_secure && !address.ip().is_loopback() {
            continue;
        }
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(socket) => {
                socket
                    .set_nodelay(true)
                    .and_then(|()| socket.set_read_timeout(Some(STALL)))
                    .and_then(|()| socket.set_write_timeout(Some(STALL)))
                    .map_err(HttpError::Line)?;
                return if remote.is_secure {
                    encrypt(remotes, remote, socket)
                } else {
                    Ok(Box::new(socket))
                };
            }
            Err(error) => last = error,
        }
    }
    Err(HttpError::Line(last))
}

fn encrypt(remotes: &Remotes, remote: &Remote, mut socket: TcpStream) -> Result<Box<dyn Line>, HttpError> {
    let other = |error: String| HttpError::Line(io::Error::other(error));
    let config = remotes.tls.as_ref().ok_or_else(|| other("TLS is not set up".to_owned()))?;
    let name = ServerName::try_from(remote.host.clone()).map_err(|error| other(error.to_string()))?;
    let mut connection =
        ClientConnection::new(Arc::clone(config), name).map_err(|error| other(error.to_string()))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(failed)?;
    }
    Ok(Box::new(StreamOwned::new(connection, socket)))
}

/// Where a body ends.
enum Framing {
    Length(usize),
    Chunks,
    Close,
}

fn answer(line: &mut Box<dyn Line>) -> Result<Answer, HttpError> {
    let mut held = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        match head.parse(&held) {
            Ok(httparse::Status::Complete(length)) => {
                let status = head.code.ok_or(HttpError::Malformed("has no status"))?;
                let value = |name: &str| {
                    let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
                    found.map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
                };
                let framing = match (value("transfer-encoding"), value("content-length")) {
                    (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => Framing::Chunks,
                    (Some(_), _) => {
                        return Err(HttpError::Malformed("has a transfer coding that is not known"));
                    }
                    (None, Some(length)) => Framing::Length(
                        length.parse().map_err(|_| HttpError::Malformed("has a length that is no number"))?,
                    ),
                    (None, None) if matches!(status, 204 | 304) => Framing::Length(0),
                    (None, None) => Framing::Close,
                };
                let retry_after = value("retry-after").and_then(|seconds| seconds.parse().ok());
                held.drain(..length);
                // A provisional answer comes before the real one.
                if (100..200).contains(&status) {
                    continue;
                }
                let body = body(line, held, &framing)?;
                return Ok(Answer { status, retry_after, body });
            }
            Ok(httparse::Status::Partial) if held.len() < HEAD_BYTES => {
                if !fill(line, &mut held)? {
                    return Err(HttpError::Line(ErrorKind::UnexpectedEof.into()));
                }
            }
            Ok(httparse::Status::Partial) => return Err(HttpError::Malformed("has a head that is too long")),
            Err(_) => return Err(HttpError::Malformed("is not HTTP")),
        }
    }
}

/// Appends what comes next; false at the end of the connection.
fn fill(line: &mut Box<dyn Line>, held: &mut Vec<u8>) -> Result<bool, HttpError> {
    let mut piece = [0; 16 << 10];
    loop {
        match line.read(&mut piece) {
            Ok(count) => {
                held.extend_from_slice(&piece[..count]);
                return Ok(count > 0);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

fn body(line: &mut Box<dyn Line>, mut held: Vec<u8>, framing: &Framing) -> Result<Vec<u8>, HttpError> {
    let cut = || HttpError::Line(ErrorKind::UnexpectedEof.into());
    match framing {
        Framing::Length(length) if *length > MOST_BYTES => Err(HttpError::Malformed("is too long")),
        Framing::Length(length) => {
            while held.len() < *length {
                if !fill(line, &mut held)? {
                    return Err(cut());
                }
            }
            held.truncate(*length);
            Ok(held)
        }
        Framing::Close => {
            // Without a length its end is the connection's, however that comes.
            while held.len() <= MOST_BYTES && fill(line, &mut held).unwrap_or(false) {}
            if held.len() > MOST_BYTES { Err(HttpError::Malformed("is too long")) } else { Ok(held) }
        }
        Framing::Chunks => {
            let mut whole = Vec::new();
            loop {
                match httparse::parse_chunk_size(&held) {
                    Ok(httparse::Status::Complete((_, 0))) => return Ok(whole),
                    Ok(httparse::Status::Complete((start, size))) => {
                        let size = usize::try_from(size).unwrap_or(usize::MAX);
                        if size > MOST_BYTES || whole.len() + size > MOST_BYTES {
                            return Err(HttpError::Malformed("is too long"));
                        }
                        // The chunk, and the line's end behind it.
                        while held.len() < start + size + 2 {
                            if !fill(line, &mut held)? {
                                return Err(cut());
                            }
                        }
                        whole.extend_from_slice(&held[start..start + size]);
                        held.drain(..start + size + 2);
                    }
                    Ok(httparse::Status::Partial) if held.len() < HEAD_BYTES => {
                        if !fill(line, &mut held)? {
                            return Err(cut());
                        }
                    }
                    _ => return Err(HttpError::Malformed("has a chunk without a size")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that answers what is given, and takes what is sent.
    struct Canned(io::Cursor<Vec<u8>>);

    impl Read for Canned {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            // Byte by byte, as a line may.
            let most = into.len().min(1);
            self.0.read(&mut into[..most])
        }
    }

    impl Write for Canned {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn read(text: &str) -> Result<Answer, HttpError> {
        let mut line: Box<dyn Line> = Box::new(Canned(io::Cursor::new(text.as_bytes().to_vec())));
        answer(&mut line)
    }

    #[test]
    fn answers_end_where_they_say() {
        for (text, status, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", 200, "abc"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=1\r\nc\r\n0\r\n\r\n",
                200,
                "abc",
            ),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 Conflict\r\n\r\nabc", 409, "abc"),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ] {
            let found = read(text).expect(text);
            assert_eq!((found.status, found.body.as_slice()), (status, body.as_bytes()), "{text}");
        }
        let later = read("HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n").expect("an answer");
        assert_eq!(later.retry_after, Some(7));
    }

    #[test]
    fn hostile_answers_are_refused() {
        for text in [
            "",
            "SSH-2.0-OpenSSH_9\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
