use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use wilhelm_server::dimse::{DimseError, Peer, Settings as Entity};
use wilhelm_server::{ServeError, Server};

use crate::site::{outgoing, served, settings, slice};

#[test]
fn what_was_sent_by_dimse_is_found_and_read_by_dicomweb() {
    let site = served(Entity::default());
    let files: Vec<Vec<u8>> = (0..4).map(slice).collect();
    site.send(&files);
    // Again: the same objects are there.
    site.send(&files);
    let studies = site.json("/dicom-web/studies?PatientName=phantom*&limit=5");
    assert_eq!(studies[0]["00201208"]["Value"][0], 4, "{studies}");
    let study = studies[0]["0020000D"]["Value"][0].as_str().expect("a UID").to_owned();
    let instances = site.json(&format!("/dicom-web/studies/{study}/instances?includefield=SliceThickness"));
    assert_eq!(instances.as_array().map(Vec::len), Some(4));
    let first = &instances[0];
    assert!(first["00180050"]["Value"][0].is_number() && first.get("00100010").is_none(), "{first}");
    let url = first["00081190"]["Value"][0].as_str().expect("an address");
    let path = url.split_once("/dicom-web").map(|(_, path)| format!("/dicom-web{path}")).expect("ours");
    let (status, _, body) = site.request(&format!("GET {path}\nAccept: application/dicom"), b"");
    assert_eq!(status, 200);
    let (sent, kept) = (&files[0], &body);
    // Its File Meta Information is the archive's own; the data set is what was sent.
    assert_eq!(sent[sent.len() - 64 * 32 * 2..], kept[kept.len() - 64 * 32 * 2..]);
    let metadata = site.json(&format!("{path}/metadata"));
    let bulk = metadata[0]["7FE00010"]["BulkDataURI"].as_str().expect("an address");
    let bulk = bulk.split_once("/dicom-web").map(|(_, path)| format!("/dicom-web{path}")).expect("ours");
    let (_, _, pixels) = site.request(&format!("GET {bulk}"), b"");
    let (_, _, frame) = site.request(&format!("GET {path}/frames/1\nAccept: application/octet-stream"), b"");
    assert_eq!(pixels, sent[sent.len() - 64 * 32 * 2..]);
    assert_eq!(frame, pixels);
    let parts = "multipart/related; type=\"*/*\"";
    let (_, heads, wrapped) = site.request(&format!("GET {bulk}\nAccept: {parts}"), b"");
    assert!(heads.contains("multipart/related; type=\"application/octet-stream\"; boundary="), "{heads}");
    let head = wrapped.windows(4).position(|four| four == b"\r\n\r\n").expect("a part's head") + 4;
    assert_eq!(wrapped[head..head + pixels.len()], pixels);
    assert!(wrapped[head + pixels.len()..].ends_with(b"--\r\n"));
    let (status, ..) = site.request(&format!("GET {bulk}\nAccept: image/png"), b"");
    assert_eq!(status, 406);
    let (status, heads, picture) = site.request(&format!("GET {path}/rendered\nAccept: image/png"), b"");
    assert!(status == 200 && heads.contains("image/png") && picture.starts_with(b"\x89PNG"), "{heads}");
    let (status, _, page) = site.request("GET /plain?name=phan&modality=CT", b"");
    assert!(status == 200 && String::from_utf8_lossy(&page).contains("Phantom, Analytic"));
}

#[test]
fn objects_handed_in_by_http_are_answered_one_by_one() {
    let site = served(Entity::default());
    let (one, two) = (slice(0), slice(1));
    let mut body = Vec::new();
    for part in [&one[..], &two[..two.len() - 9], b"nothing"] {
        body.extend_from_slice(b"--x\r\nContent-Type: application/dicom\r\n\r\n");
        body.extend_from_slice(part);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x--\r\n");
    let head =
        "POST /dicom-web/studies\nContent-Type: multipart/related; type=\"application/dicom\"; boundary=x";
    let (status, _, answer) = site.request(head, &body);
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["00081199"]["Value"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["00081198"]["Value"][0]["00081197"]["Value"][0], 0xC000);
    let (status, _, _) = site.request("POST /dicom-web/studies\nContent-Type: application/dicom", &two);
    assert_eq!(status, 200);
    assert_eq!(site.store.count().expect("counted").instances, 2);
    let (status, ..) = site.request("POST /dicom-web/studies\nContent-Type: text/plain", &two);
    assert_eq!(status, 415);
}

#[test]
fn an_address_that_others_reach_is_refused_without_sign_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = wilhelm_store::Store::open(folder.path(), wilhelm_store::Settings::default()).expect("opens");
    let mut exposed = settings(Entity::default());
    exposed.http = "0.0.0.0:0".parse().expect("an address");
    let refused = Server::start(std::sync::Arc::clone(&store), exposed).expect_err("refused");
    assert!(matches!(&refused, ServeError::Exposed { what: "server.http", .. }), "{refused}");
    let mut exposed = settings(Entity::default());
    exposed.dimse = Some("0.0.0.0:0".parse().expect("an address"));
    assert!(Server::start(store, exposed).is_err());
}

#[test]
fn only_listed_titles_may_call_where_the_list_says_so() {
    let peer = Peer { ae_title: "KNOWN".to_owned(), host: "127.0.0.1".to_owned(), port: 104 };
    let site =
        served(Entity { peers: vec![peer], only_peers: true, only_our_title: true, ..Entity::default() });
    let none = BTreeSet::new();
    site.associate("WILHELM", "KNOWN", &none).expect("accepted").echo().expect("answered");
    for (called, calling) in [("WILHELM", "STRANGER"), ("OTHER", "KNOWN")] {
        let refused = site.associate(called, calling, &none).expect_err("refused");
        assert!(matches!(refused, DimseError::Rejected { .. }), "{refused}");
    }
}

#[test]
fn more_associations_than_are_allowed_are_told_to_come_back() {
    let site = served(Entity { associations: 2, ..Entity::default() });
    let none = BTreeSet::new();
    let mut one = site.associate("W", "A", &none).expect("accepted");
    let two = site.associate("W", "B", &none).expect("accepted");
    let refused = site.associate("W", "C", &none).expect_err("too many");
    assert!(refused.to_string().contains("local limit"), "{refused}");
    one.echo().expect("still there");
    two.release().expect("released");
}

#[test]
fn stopping_ends_idle_associations_at_once() {
    let mut site = served(Entity::default());
    let object = outgoing(&slice(0));
    let kinds = BTreeSet::from([(object.sop_class.clone(), object.transfer_syntax.clone())]);
    let mut idle = site.associate("WILHELM", "IDLE", &kinds).expect("accepted");
    idle.store(&object, None).expect("kept");
    let begun = Instant::now();
    site.server.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(idle.echo().is_err());
    assert_eq!(site.store.count().expect("counted").instances, 1);
}
