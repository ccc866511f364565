//! A served archive in a folder of its own, and what a client needs.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_server::dimse::{DimseError, Kind, Outgoing, Peer, Requestor, Settings as Entity};
use wilhelm_server::{Server, Settings};
use wilhelm_store::{Content, Limits, Store, describe};

pub struct Site {
    pub server: Server,
    pub store: Arc<Store>,
    pub folder: tempfile::TempDir,
}

pub const LOOPBACK: &str = "127.0.0.1:0";

pub fn settings(entity: Entity) -> Settings {
    let here = LOOPBACK.parse().expect("an address");
    Settings::open(here, Some(here), entity)
}

pub fn served(entity: Entity) -> Site {
    served_with(|_| settings(entity))
}

/// Served as `settings` says for the archive's folder.
pub fn served_with(settings: impl FnOnce(&Path) -> Settings) -> Site {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), wilhelm_store::Settings::default()).expect("an archive");
    let server = Server::start(Arc::clone(&store), settings(folder.path())).expect("a server");
    Site { server, store, folder }
}

pub fn slice(number: usize) -> Vec<u8> {
    let phantom = CtPhantom { columns: 64, rows: 32, slices: number + 1, ..Default::default() };
    part_10(phantom.slice_object(number)).expect("a phantom is written")
}

pub fn outgoing(file: &[u8]) -> Outgoing {
    let content = Content::Memory(file.to_vec());
    let described = describe(&content, &Limits::default()).expect("an object");
    Outgoing {
        sop_class: described.attributes.instance.sop_class,
        sop_uid: described.attributes.sop_uid.as_str().to_owned(),
        transfer_syntax: described.transfer_syntax,
        data_set: described.data_set,
        content: Arc::new(content),
    }
}

impl Site {
    pub fn associate(
        &self,
        called: &str,
        calling: &str,
        kinds: &BTreeSet<Kind>,
    ) -> Result<Requestor, DimseError> {
        let address = self.server.dimse().expect("listened for");
        let peer = Peer { ae_title: called.to_owned(), host: address.ip().to_string(), port: address.port() };
        Requestor::associate(&peer, calling, kinds, Duration::from_secs(20))
    }

    pub fn send(&self, files: &[Vec<u8>]) {
        let objects: Vec<Outgoing> = files.iter().map(|file| outgoing(file)).collect();
        let kinds =
            objects.iter().map(|object| (object.sop_class.clone(), object.transfer_syntax.clone())).collect();
        let mut requestor = self.associate("WILHELM", "TEST", &kinds).expect("an association");
        for object in &objects {
            assert_eq!(requestor.store(object, None).expect("kept"), 0);
        }
        requestor.release().expect("released");
    }

    /// Status, heads and body of a request in HTTP/1.0.
    pub fn request(&self, head: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.server.http()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        let (line, rest) = head.split_once('\n').unwrap_or((head, ""));
        let heads: String = rest.lines().map(|line| format!("{line}\r\n")).collect();
        let text = format!("{line} HTTP/1.0\r\n{heads}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(body)).expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("heads");
        let heads = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = heads.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, heads, answer[end + 4..].to_vec())
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        let (status, heads, body) = self.request(&format!("GET {path}"), b"");
        assert_eq!(status, 200, "{heads}");
        serde_json::from_slice(&body).expect("JSON")
    }
}
