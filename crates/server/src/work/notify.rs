use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wilhelm_store::Store;
use wilhelm_store::queue::Job;

use super::{Progress, Work, WorkError};

/// Longest time for one notice, from the connection to the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are looked at: its first line counts alone.
const ANSWER_BYTES: usize = 4096;
/// Most characters of an address.
const LONGEST: usize = 2000;

/// An address that notices go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    path: String,
    /// Whether the configuration lists it; else it has to be of this machine.
    listed: bool,
}

/// Why no notice goes to an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// It is none.
    #[error("expected http://HOST:PORT/PATH of letters, digits and signs that stand in addresses, {0}")]
    Form(&'static str),
    /// Nobody allowed it.
    #[error(
        "{host} is not this machine, and server.notify does not list the address: list it exactly as it stands here"
    )]
    NotListed {
        /// Its host.
        host: String,
    },
}

impl Target {
    /// Takes an address of this machine (127.0.0.0/8, `[::1]`, `localhost`), or one that `listed` holds letter by letter.
    ///
    /// # Errors
    /// [`NotifyError`]
    pub fn parse(url: &str, listed: &[String]) -> Result<Self, NotifyError> {
        let form = |message| NotifyError::Form(message);
        if url.starts_with("https://") {
            return Err(form("found https: a notice holds counts and UIDs alone and goes without TLS"));
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| form("found another beginning"))?;
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]&=%+,;".contains(&byte);
        if url.len() > LONGEST || !rest.bytes().all(is_sign) {
            return Err(form("found something else, or more than 2000"));
        }
        let (place, path) = match rest.find(['/', '?']) {
            Some(at) if rest.as_bytes()[at] == b'/' => (&rest[..at], &rest[at..]),
            Some(_) => return Err(form("found ? before the path")),
            None => (rest, "/"),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !(host.contains(':') && !host.ends_with(']')) => {
                (host, port.parse().map_err(|_| form("found no port after the colon"))?)
            }
            _ => (place, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(form("found no host"));
        }
        let is_listed = listed.iter().any(|one| one == url);
        let is_own = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if !is_listed && !is_own {
            return Err(NotifyError::NotListed { host });
        }
        Ok(Self { host, port, path: path.to_owned(), listed: is_listed })
    }

    /// Where it leads now. A name that is not listed and leads elsewhere than to this machine leads nowhere.
    fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        let found = (self.host.as_str(), self.port).to_socket_addrs()?;
        Ok(found.filter(|address| self.listed || address.ip().is_loopback()).collect())
    }

    /// Posts a body; gives the status. Whatever the answer says beside it is not followed.
    fn post(&self, body: &str, within: Duration) -> std::io::Result<u16> {
        let mut last = std::io::Error::from(ErrorKind::NotFound);
        let addresses = self.addresses()?;
        let until = Instant::now() + within;
        for address in addresses {
            match TcpStream::connect_timeout(&address, left(until)?) {
                Ok(stream) => return self.converse(stream, body, until),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn converse(&self, mut stream: TcpStream, body: &str, until: Instant) -> std::io::Result<u16> {
        stream.set_write_timeout(Some(left(until)?))?;
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nUser-Agent: wilhelm\r\nConnection: close\r\n\r\n",
            self.path,
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        let mut piece = [0; 512];
        while !answer.contains(&b'\n') && answer.len() < ANSWER_BYTES {
            // Each byte may come late: all of them together have the time.
            stream.set_read_timeout(Some(left(until)?))?;
            match stream.read(&mut piece)? {
                0 => break,
                count => answer.extend_from_slice(&piece[..count]),
            }
        }
        status(&answer).ok_or_else(|| std::io::Error::new(ErrorKind::InvalidData, "the answer is no HTTP"))
    }
}

/// The time until a moment, where it is not over.
fn left(until: Instant) -> std::io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The status of `HTTP/1.1 204 No Content`.
fn status(answer: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(answer.split(|byte| *byte == b'\n').next()?).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.trim().parse().ok().filter(|status| (100..600).contains(status))
}

/// Tells an address that a study is complete: its UID and counts, nothing of the patient.
#[derive(Debug)]
pub struct Notify {
    store: Arc<Store>,
    listed: Vec<String>,
}

impl Notify {
    /// Its kind of job.
    pub const KIND: &'static str = "notify";

    /// Notices go to this machine and to addresses of `listed`.
    pub const fn new(store: Arc<Store>, listed: Vec<String>) -> Self {
        Self { store, listed }
    }

    fn body(&self, job: &Job) -> Result<Value, WorkError> {
        let study =
            job.study.as_deref().ok_or_else(|| WorkError::Never("the job names no study".to_owned()))?;
        let count = self.store.study_count(study)?;
        Ok(json!({
            "event": "study.stable",
            "rule": job.by.strip_prefix("rule "),
            "study": study,
            "series": count.series,
            "instances": count.instances,
        }))
    }
}

impl Work for Notify {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(&self, job: &Job, at: &dyn Progress) -> Result<(), WorkError> {
        let url = job.details["url"].as_str().unwrap_or_default();
        // Looked at again: the configuration may have changed since the job was made.
        let target = Target::parse(url, &self.listed).map_err(|error| WorkError::Never(error.to_string()))?;
        at.say("notices", 0, Some(1))?;
        let body = self.body(job)?.to_string();
        match target.post(&body, TIMEOUT) {
            Ok(200..=299) => Ok(()),
            Ok(status @ 300..=399) => {
                Err(WorkError::Never(format!("the address answered {status}: redirects are not followed")))
            }
            Ok(status @ (408 | 425 | 429 | 500..=599)) => {
                Err(WorkError::Retry(format!("the address answered {status}")))
            }
            Ok(status) => Err(WorkError::Never(format!("the address answered {status}"))),
            Err(error) => Err(WorkError::Retry(format!("the address did not take the notice: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_listed_addresses_are_told() {
        let listed = ["http://192.0.2.7:9000/hook?a=1".to_owned()];
        for url in ["http://127.0.0.1:9000/hook", "http://localhost/", "http://[::1]:80/x", &listed[0]] {
            Target::parse(url, &listed).expect(url);
        }
        for (url, expected) in [
            ("http://192.0.2.7:9000/hook", "not this machine"),
            ("http://192.0.2.7:9000/hook?a=1&b=2", "not this machine"),
            ("http://169.254.169.254/latest/meta-data", "not this machine"),
            ("http://127.0.0.1.example.org/", "not this machine"),
            ("http://[::ffff:192.0.2.7]/", "not this machine"),
            ("http://0.0.0.0:80/", "not this machine"),
            ("https://127.0.0.1/", "without TLS"),
            ("ftp://127.0.0.1/", "another beginning"),
            ("http://user@127.0.0.1/", "something else"),
            ("http://127.0.0.1/a b", "something else"),
            ("http://127.0.0.1/a\r\nX: y", "something else"),
            ("http://127.0.0.1:many/", "no port"),
            ("http://:80/", "no port"),
            ("http:///x", "no host"),
            ("http://127.0.0.1?x=/", "before the path"),
        ] {
            let refused = Target::parse(url, &listed).map(|_| ()).map_err(|error| error.to_string());
            let refused = refused.expect_err(url);
            assert!(refused.contains(expected) || url == "http://:80/", "{url}: {refused}");
        }
    }

    #[test]
    fn statuses_are_read_and_noise_is_none() {
        assert_eq!(status(b"HTTP/1.1 204 No Content\r\n"), Some(204));
        assert_eq!(status(b"HTTP/1.0 302 Found\r\nLocation: http://192.0.2.7/\r\n"), Some(302));
        for noise in
            [&b"SSH-2.0-OpenSSH_9\r\n"[..], b"HTTP/1.1 abc\r\n", b"HTTP/1.1 9999\n", b"", b"\xff\xff\n"]
        {
            assert_eq!(status(noise), None);
        }
    }

    #[test]
    fn an_address_that_answers_byte_by_byte_takes_no_longer_than_a_notice_may() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let dripping = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a notice");
            stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket");
            let mut bytes = 0;
            while stream.write_all(b"x").is_ok() && bytes < 500 {
                let _ = stream.read(&mut [0; 512]);
                bytes += 1;
            }
            bytes
        });
        let target = Target::parse(&url, &[]).expect("of this machine");
        let failed = target.post("{}", Duration::from_millis(200)).expect_err("no answer");
        assert!(matches!(failed.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock), "{failed}");
        assert!(dripping.join().expect("ended") < 500);
    }
}
