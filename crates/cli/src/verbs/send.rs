use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde_json::json;
use wilhelm_report::hl7::{Acknowledgment, AcknowledgmentCode, control_id, frame, unframe};

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::verbs::send_tls::{self, Trust};

/// Most bytes of an answer.
const MOST: usize = 1 << 20;

/// `wilhelm send`
pub fn run(verb: &args::Send, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        args::SendVerb::Hl7(send) => hl7(send, config),
        args::SendVerb::Dicom(send) => super::send_dicom::run(send, config),
        args::SendVerb::Web(send) => super::send_web::run(send, config),
    }
}

/// No message of this function shows what was sent or what came back: both may hold a patient's values.
fn hl7(verb: &args::SendHl7, config: &Config) -> anyhow::Result<Exit> {
    let message = read_text(&verb.message, "message")?;
    let name = verb.message.display();
    // Segments end with a carriage return, whatever an editor made of it.
    let message = message.replace("\r\n", "\r").replace('\n', "\r");
    let control = control_id(&message)
        .map_err(|error| Stop::input(format!("{name} is no message of HL7 v2: {error}")))?
        .to_owned();
    let addresses = allowed(&verb.to, &config.values.send.hosts)?;
    let trust = send_tls::trust(verb.ca.as_ref(), verb.cert.as_ref(), verb.key.as_ref())?;
    let timeout = Duration::from_secs(u64::from(config.values.send.timeout_seconds));
    let block = exchange(&addresses, &verb.to, &frame(message.as_bytes()), timeout, trust.as_ref())?;
    let answer = unframe(&block)
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .and_then(|text| Acknowledgment::parse(&text, &control))
        .map_err(|error| Stop::input(format!("{} did not acknowledge the message: {error}", verb.to)))?;
    let (code, exit) = match answer.code {
        AcknowledgmentCode::Accept => ("AA", Exit::Done),
        AcknowledgmentCode::Error => ("AE", Exit::Input),
        AcknowledgmentCode::Reject => ("AR", Exit::Input),
    };
    let words = verb.answer.then_some(answer.text.as_str());
    if verb.json {
        print_json(&json!({ "to": verb.to, "control_id": control, "code": code, "answer": words }))?;
    } else {
        let words = words.filter(|words| !words.is_empty()).map(|words| format!(": {}", shown(words)));
        print(&format!("{code} {control}{}\n", words.unwrap_or_default()))?;
    }
    if exit != Exit::Done {
        let what =
            if code == "AE" { "took exception to what the message says" } else { "rejected the message" };
        let hint =
            if verb.answer { "" } else { "; --answer prints its words, which may repeat what was sent" };
        eprintln!("wilhelm: {} {what} ({code}){hint}", verb.to);
    }
    Ok(exit)
}

/// Words from outside without what could move a terminal's cursor.
fn shown(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The addresses of a host that may be sent to: this machine's own, or one that the configuration lists.
pub(super) fn allowed(to: &str, hosts: &[String]) -> anyhow::Result<Vec<SocketAddr>> {
    let host = to.rsplit_once(':').map(|(host, _)| host).filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| Stop::usage(format!("--to is {to}, expected HOST:PORT")))?;
    let bare = bare(host);
    let listed = hosts.iter().any(|known| known == bare || known == to);
    if !listed && !(bare == "localhost" || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())) {
        // Before its name is looked up: that alone would tell the network about it.
        return Err(Stop::usage(format!(
            "{bare} is not this machine, and the configuration does not list it: add it to send.hosts to send \
             patients' reports there, in the clear unless --tls is given"
        )));
    }
    let addresses: Vec<SocketAddr> = to
        .to_socket_addrs()
        .map_err(|error| Stop::usage(format!("--to is {to}, which leads nowhere: {error}")))?
        .filter(|address| listed || address.ip().is_loopback())
        .collect();
    if addresses.is_empty() {
        return Err(Stop::usage(format!("--to is {to}, which leads nowhere on this machine")));
    }
    Ok(addresses)
}

/// A host without the brackets that an IPv6 address stands in.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// What failed, in words.
fn failed(to: &str, what: &str, error: &std::io::Error, timeout: Duration) -> anyhow::Error {
    if let Some(reason) = send_tls::refused_us(error) {
        return Stop::input(format!("{to}: {reason}"));
    }
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Stop::input(format!(
            "{to} {what} within {} s (send.timeout_seconds): whether the message was taken is not known",
            timeout.as_secs()
        )),
        ErrorKind::ConnectionRefused => Stop::input(format!("nothing listens at {to}")),
        _ => Stop::input(format!("{to} {what}: {error}")),
    }
}

/// Connects, under TLS where `trust` says whom to trust, sends a block and reads the block that answers it.
fn exchange(
    addresses: &[SocketAddr],
    to: &str,
    block: &[u8],
    timeout: Duration,
    trust: Option<&Trust>,
) -> anyhow::Result<Vec<u8>> {
    let mut stream = connect(addresses, to, timeout)?;
    let Some(trust) = trust else { return converse(&mut stream, to, block, timeout) };
    let host = to.rsplit_once(':').map_or(to, |(host, _)| host);
    converse(&mut trust.secure(stream, bare(host), to)?, to, block, timeout)
}

/// A connection to the first address that answers.
fn connect(addresses: &[SocketAddr], to: &str, timeout: Duration) -> anyhow::Result<TcpStream> {
    let unopened = |error: &std::io::Error| failed(to, "did not open a connection", error, timeout);
    let mut last = None;
    let connected = addresses.iter().find_map(|address| match TcpStream::connect_timeout(address, timeout) {
        Ok(stream) => Some(stream),
        Err(error) => {
            last = Some(error);
            None
        }
    });
    let Some(stream) = connected else {
        return Err(unopened(&last.unwrap_or_else(|| std::io::Error::from(ErrorKind::NotFound))));
    };
    let limited =
        stream.set_read_timeout(Some(timeout)).and_then(|()| stream.set_write_timeout(Some(timeout)));
    limited.map_err(|error| unopened(&error))?;
    Ok(stream)
}

/// Sends a block over a connection and reads the block that answers it.
pub(super) fn converse(
    stream: &mut (impl Read + Write),
    to: &str,
    block: &[u8],
    timeout: Duration,
) -> anyhow::Result<Vec<u8>> {
    let failed = |what: &str, error: &std::io::Error| failed(to, what, error, timeout);
    stream
        .write_all(block)
        .and_then(|()| stream.flush())
        .map_err(|error| failed("did not take the message", &error))?;
    let begun = Instant::now();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.ends_with(&[0x1C, 0x0D]) {
        if begun.elapsed() > timeout {
            return Err(failed("did not answer", &std::io::Error::from(ErrorKind::TimedOut)));
        }
        let count = stream.read(&mut piece).map_err(|error| failed("did not answer", &error))?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..count]);
        if answer.len() > MOST {
            return Err(Stop::input(format!("{to} answered with more than {MOST} bytes")));
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_listed_hosts_are_sent_to() {
        let none: [String; 0] = [];
        for own in ["127.0.0.1:2575", "[::1]:2575", "localhost:2575"] {
            assert!(
                allowed(own, &none).expect(own).iter().all(|address| address.ip().is_loopback()),
                "{own}"
            );
        }
        for (other, expected) in [
            ("192.0.2.7:2575", "is not this machine"),
            ("ris.example.org:2575", "is not this machine"),
            ("localhost.example.org:2575", "is not this machine"),
            ("127.0.0.1", "expected HOST:PORT"),
            (":2575", "expected HOST:PORT"),
            ("127.0.0.1:many", "leads nowhere"),
        ] {
            let refused = allowed(other, &none).expect_err(other).to_string();
            assert!(refused.contains(expected), "{refused}");
        }
        let listed = ["192.0.2.7".to_owned()];
        assert_eq!(allowed("192.0.2.7:2575", &listed).expect("listed").len(), 1);
    }
}
