use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::certificate::{ALWAYS, Certified, LONG_AGO, NOT_YET, authority, signed};
use super::*;
use crate::verbs::send::converse;

const MESSAGE: &[u8] = b"\x0bMSH|^~\\&|A|B|C|D|20260101||ORU^R01|7|P|2.5\r\x1c\r";
const ANSWER: &[u8] = b"\x0bMSH|^~\\&|C|D|A|B|20260101||ACK|8|P|2.5\rMSA|AA|7\r\x1c\r";

/// Takes one message under TLS and answers it; gives back what came.
fn listen(own: &Certified, asks_who: Option<&Certified>) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match asks_who {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.chain().remove(0)).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let config = Arc::new(builder.with_single_cert(own.chain(), own.secret()).expect("a certificate"));
    let serve = move || {
        let (socket, _) = listener.accept().expect("a caller");
        let connection = ServerConnection::new(config).expect("a connection");
        let mut stream = StreamOwned::new(connection, socket);
        let mut came = Vec::new();
        let mut piece = [0; 512];
        while !came.ends_with(b"\x1c\r") {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return came,
                Ok(count) => came.extend_from_slice(&piece[..count]),
            }
        }
        stream.write_all(ANSWER).and_then(|()| stream.flush()).expect("answered");
        stream.conn.send_close_notify();
        // The caller may have gone already.
        let _ = stream.flush();
        came
    };
    (port, std::thread::spawn(serve))
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

/// Sends the message to a port as `host`; the answer, or the sentence that says why not.
fn send(port: u16, host: &str, trust: &Trust) -> Result<Vec<u8>, String> {
    let socket = TcpStream::connect(("127.0.0.1", port)).expect("a listener");
    let patience = Duration::from_secs(20);
    socket.set_read_timeout(Some(patience)).expect("set");
    let mut stream = trust.secure(socket, host, "the receiver").map_err(|error| error.to_string())?;
    converse(&mut stream, "the receiver", MESSAGE, patience).map_err(|error| error.to_string())
}

#[test]
fn a_message_is_taken_and_answered_under_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = authority("hospital");
    let ca = file(folder.path(), "ca.pem", &ours.certificate_pem());
    let trust = Trust::of_files(&ca, None).expect("trust");
    for host in ["localhost", "127.0.0.1", "ris.hospital.example"] {
        let (port, came) = listen(&signed(&ours, host, ALWAYS), None);
        assert_eq!(send(port, host, &trust).as_deref(), Ok(ANSWER), "{host}");
        assert_eq!(came.join().expect("served"), MESSAGE, "{host}");
    }
}

#[test]
fn a_receiver_that_does_not_prove_itself_gets_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (authority("hospital"), authority("stranger"));
    let ca = file(folder.path(), "ca.pem", &ours.certificate_pem());
    let trust = Trust::of_files(&ca, None).expect("trust");
    for (certificate, expected) in [
        (signed(&ours, "other.example", ALWAYS), "its certificate is not made for localhost"),
        (signed(&ours, "localhost", LONG_AGO), "its certificate has expired"),
        (signed(&ours, "localhost", NOT_YET), "its certificate is not valid yet"),
        (
            signed(&theirs, "localhost", ALWAYS),
            "its certificate is signed by none of the authorities of --ca",
        ),
    ] {
        let (port, came) = listen(&certificate, None);
        let refused = send(port, "localhost", &trust).expect_err(expected);
        assert!(refused.contains(expected) && refused.ends_with("nothing was sent"), "{refused}");
        assert_eq!(came.join().expect("served"), b"", "{expected}");
    }
}

#[test]
fn a_receiver_that_asks_who_sends_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (authority("hospital"), authority("stranger"));
    let ca = file(folder.path(), "ca.pem", &ours.certificate_pem());
    let pair = |name: &str, own: &Certified| {
        let certificate = file(folder.path(), &format!("{name}.pem"), &own.certificate_pem());
        (certificate, file(folder.path(), &format!("{name}.key"), &own.key_pem()))
    };
    let known = pair("known", &signed(&ours, "reader.hospital.example", ALWAYS));
    let unknown = pair("unknown", &signed(&theirs, "reader.hospital.example", ALWAYS));
    for (own, expected) in [
        (Some(&known), None),
        (None, Some("the receiver asks who sends: give --cert and --key")),
        (Some(&unknown), Some("the receiver does not accept the certificate of --cert")),
    ] {
        let files = own.map(|(certificate, key)| (certificate.as_path(), key.as_path()));
        let trust = Trust::of_files(&ca, files).expect("trust");
        let (port, came) = listen(&signed(&ours, "localhost", ALWAYS), Some(&ours));
        match (send(port, "localhost", &trust), expected) {
            (Ok(answer), None) => assert_eq!(answer, ANSWER),
            (Err(refused), Some(expected)) => assert!(refused.contains(expected), "{refused}"),
            (other, expected) => panic!("{other:?}, expected {expected:?}"),
        }
        let came = came.join().expect("served");
        assert_eq!(came.is_empty(), expected.is_some(), "the message is read only from whom it knows");
    }
}

#[test]
fn a_port_without_tls_is_named_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = file(folder.path(), "ca.pem", &authority("hospital").certificate_pem());
    let trust = Trust::of_files(&ca, None).expect("trust");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let serving = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a caller");
        socket.write_all(ANSWER).expect("answered in the clear");
    });
    let refused = send(port, "localhost", &trust).expect_err("no TLS");
    assert!(refused.contains("something else than TLS"), "{refused}");
    serving.join().expect("served");
}

#[test]
fn files_that_hold_nothing_of_use_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = authority("hospital");
    let other = authority("stranger");
    let ca = file(folder.path(), "ca.pem", &own.certificate_pem());
    let key = file(folder.path(), "key.pem", &own.key_pem());
    let empty = file(folder.path(), "empty.pem", "no certificate\n");
    let strange = file(folder.path(), "strange.key", &other.key_pem());
    let check = |ca: &Path, own: Option<(&Path, &Path)>, expected: &str| {
        let refused = Trust::of_files(ca, own).expect_err(expected).to_string();
        assert!(refused.contains(expected), "{refused}");
        assert!(!refused.contains("BEGIN"), "{refused}");
    };
    check(&folder.path().join("none.pem"), None, "--ca");
    check(&empty, None, "holds no certificate in PEM: there is none in it");
    check(&ca, Some((&empty, &key)), "--cert");
    check(&ca, Some((&ca, &empty)), "holds no private key in PEM");
    check(&ca, Some((&ca, &strange)), "do not go together");
}
