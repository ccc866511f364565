//! Studies sent to another archive by DICOMweb, over a line that breaks, and without their patients.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use serde_json::{Value, json};
use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_privacy::account::{Permission, UserName};
use wilhelm_privacy::audit::{Action, Filter, entries};
use wilhelm_server::dimse::{Peer, Settings as Entity};
use wilhelm_server::rules::{Reach, Rules};
use wilhelm_server::web::Remotes;
use wilhelm_server::{JobSettings, Ledger, Settings};
use wilhelm_store::{Expected, Place};
use wilhelm_study::StudyInstanceUid;

use crate::live::Stream;
use crate::sign_in::{guarded_with, key};
use crate::site::{Site, served, served_with, settings};

const STUDY: &str = "1.2.840.99";
const SLICES: usize = 40;

/// A CT of two series, some 130 kB a slice.
fn keep_study(site: &Site) {
    for number in 0..SLICES {
        let phantom = CtPhantom { columns: 256, rows: 256, slices: number + 1, ..Default::default() };
        let mut object = phantom.slice_object(number);
        for (tag, vr, text) in [
            (tags::PATIENT_NAME, VR::PN, "Muster^Maria".to_owned()),
            (tags::PATIENT_ID, VR::LO, "4711".to_owned()),
            (tags::STUDY_INSTANCE_UID, VR::UI, STUDY.to_owned()),
            (tags::SERIES_INSTANCE_UID, VR::UI, format!("{STUDY}.{}", number % 2 + 1)),
            (tags::SOP_INSTANCE_UID, VR::UI, format!("{STUDY}.9.{number}")),
        ] {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
        }
        keep(site, &part_10(object).expect("written"));
    }
}

fn keep(site: &Site, bytes: &[u8]) {
    let mut arriving = site.store.arrive();
    arriving.write(bytes).expect("written");
    site.store.take(arriving, Expected::default()).expect("taken").pending.wait().expect("kept");
}

/// SOP Instance UIDs with the checksums of their files.
fn held(site: &Site, study: &str) -> Vec<(String, String)> {
    let study_uid = StudyInstanceUid::new(study).expect("a UID");
    let found = site.store.locate(&Place { study_uid, series_uid: None, sop_uid: None }).unwrap_or_default();
    let mut held: Vec<_> =
        found.iter().map(|one| (one.sop_uid.clone(), wilhelm_store::Store::checksum(one))).collect();
    held.sort();
    held
}

/// A line to `to` that is cut each time so many bytes went there, as often as `cuts` holds.
struct Line {
    address: SocketAddr,
    breaks: Arc<AtomicUsize>,
    bytes: Arc<AtomicU64>,
}

fn line(to: SocketAddr, cuts: &'static [u64]) -> Line {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (breaks, bytes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
    let (counted, sum) = (Arc::clone(&breaks), Arc::clone(&bytes));
    std::thread::spawn(move || {
        for from in listener.incoming() {
            let Ok(mut from) = from else { return };
            let mut onward = TcpStream::connect(to).expect("the archive");
            let (mut back_from, mut back_to) =
                (onward.try_clone().expect("a socket"), from.try_clone().expect("a socket"));
            let (counted, sum) = (Arc::clone(&counted), Arc::clone(&sum));
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back_from, &mut back_to);
                let _ = back_to.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let mut piece = [0; 8192];
                while let Ok(count @ 1..) = from.read(&mut piece) {
                    let now = sum.fetch_add(count as u64, Ordering::SeqCst) + count as u64;
                    let number = counted.load(Ordering::SeqCst);
                    if cuts.get(number).is_some_and(|cut| now >= *cut)
                        && counted
                            .compare_exchange(number, number + 1, Ordering::SeqCst, Ordering::SeqCst)
                            .is_ok()
                    {
                        // In the middle of an object.
                        let _ = onward.write_all(&piece[..count / 2]);
                        let _ = onward.shutdown(Shutdown::Both);
                        let _ = from.shutdown(Shutdown::Both);
                        return;
                    }
                    if onward.write_all(&piece[..count]).is_err() {
                        return;
                    }
                }
                let _ = onward.shutdown(Shutdown::Write);
            });
        }
    });
    Line { address, breaks, bytes }
}

fn sending(site_settings: Settings, urls: &[String]) -> Settings {
    let remotes = Arc::new(Remotes::new(urls, None, None).expect("addresses"));
    Settings { jobs: JobSettings { remotes, ..site_settings.jobs.clone() }, ..site_settings }
}

fn wait_for_end(stream: &mut Stream, id: &Value) -> Value {
    let ended = |state: &Value| ["done", "failed", "dead"].iter().any(|one| state == one);
    stream.wait_for(|name, data| name == "job" && data["id"] == *id && ended(&data["state"]))
}

fn asked(site: &Site, body: &Value) -> (u16, Value) {
    let head = format!("POST /api/studies/{STUDY}/send\nContent-Type: application/json");
    let (status, _, bytes) = site.request(&head, body.to_string().as_bytes());
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[test]
fn a_line_that_breaks_twice_carries_every_object_once_and_as_it_was() {
    let pacs = served(Entity::default());
    let line = line(pacs.server.http(), &[1_500_000, 3_200_000]);
    let url = format!("http://{}/dicom-web", line.address);
    let site = served_with(|_| sending(settings(Entity::default()), std::slice::from_ref(&url)));
    keep_study(&site);
    let mut stream = Stream::open(&site, "").expect("open to all");
    let (status, job) = asked(&site, &json!({ "to": url }));
    assert_eq!((status, &job["kind"]), (202, &json!("send-web")), "{job}");
    let job = wait_for_end(&mut stream, &job["id"]);
    assert_eq!((&job["state"], &job["attempts"]), (&json!("done"), &json!(1)), "{job}");
    assert_eq!(job["progress"], json!({ "words": "objects", "done": SLICES, "total": SLICES }));
    assert_eq!(line.breaks.load(Ordering::SeqCst), 2);
    assert_eq!(held(&pacs, STUDY), held(&site, STUDY), "the same objects, byte for byte");
    let all: u64 = SLICES as u64 * 131_000;
    let went = line.bytes.load(Ordering::SeqCst);
    assert!(went < all + all / 2, "{went} bytes went over the line for {all}: a break repeats one request");
    // Again: everything is there, and nothing is sent.
    let (_, job) = asked(&site, &json!({ "to": url }));
    assert_eq!(wait_for_end(&mut stream, &job["id"])["state"], "done");
    let again = line.bytes.load(Ordering::SeqCst) - went;
    assert!(again < 10_000, "{again} bytes to find that all is there");
    // Another object with an identifier that is there: named, and the job fails for good.
    let mut object = CtPhantom { columns: 8, rows: 8, slices: 1, ..Default::default() }.slice_object(0);
    for (tag, uid) in [
        (tags::STUDY_INSTANCE_UID, STUDY.to_owned()),
        (tags::SERIES_INSTANCE_UID, format!("{STUDY}.3")),
        (tags::SOP_INSTANCE_UID, format!("{STUDY}.9.900")),
    ] {
        object.put(DataElement::new(tag, VR::UI, PrimitiveValue::from(uid)));
    }
    keep(&site, &part_10(object.clone()).expect("written"));
    object.put(DataElement::new(tags::STUDY_INSTANCE_UID, VR::UI, PrimitiveValue::from("1.2.840.100")));
    keep(&pacs, &part_10(object).expect("written"));
    let (_, job) = asked(&site, &json!({ "to": url }));
    let job = wait_for_end(&mut stream, &job["id"]);
    assert_eq!(job["state"], "failed");
    assert!(job["error"].as_str().is_some_and(|why| why.contains("with other content")), "{job}");
    for (body, expected) in
        [(json!({ "to": "http://127.0.0.1:1/dicom-web" }), 422), (json!({ "to": url, "x": 1 }), 400)]
    {
        assert_eq!(asked(&site, &body).0, expected);
    }
    let (status, _, listed) = site.request("GET /api/destinations", b"");
    assert_eq!(
        (status, serde_json::from_slice::<Value>(&listed).expect("JSON")),
        (200, json!({ "destinations": [url] }))
    );
}

#[test]
fn a_receiver_that_asks_for_a_token_gets_the_one_of_its_address() {
    let pacs = guarded_with(Entity::default(), |settings| settings);
    let file = wilhelm_privacy::account::AccountsFile::new(pacs.folder.path().join("accounts.json"));
    let token = |scopes: &[Permission]| {
        let made = file.change(|accounts| {
            let entropy = &mut wilhelm_privacy::SystemEntropy::default();
            let name = UserName::parse("technologist").expect("a name");
            accounts.make_token(
                &name,
                "from the ward",
                scopes.iter().copied().collect(),
                1,
                chrono::Utc::now(),
                entropy,
            )
        });
        made.expect("a token").1.expose().to_owned()
    };
    let url = format!("http://{}/dicom-web", pacs.server.http());
    for (scopes, expected) in
        [(&[Permission::StudySee, Permission::StudyAdd][..], "done"), (&[Permission::StudyAdd][..], "failed")]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        std::fs::write(&path, format!("{url} {}\n", token(scopes))).expect("written");
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        let remotes = Remotes::new(std::slice::from_ref(&url), Some(&path), None).expect("read");
        let jobs = JobSettings { remotes: Arc::new(remotes), ..JobSettings::default() };
        let site = served_with(|_| Settings { jobs, ..settings(Entity::default()) });
        keep_study(&site);
        let mut stream = Stream::open(&site, "").expect("open to all");
        let (_, job) = asked(&site, &json!({ "to": url }));
        let job = wait_for_end(&mut stream, &job["id"]);
        assert_eq!(job["state"], expected, "{job}");
        let why = job["error"].as_str().unwrap_or_default();
        assert!(expected == "done" || why.contains("does not let us in (403)"), "{why}");
        assert!(!why.contains("wilhelm_token"), "{why}");
    }
    assert_eq!(held(&pacs, STUDY).len(), SLICES);
}

#[test]
fn what_a_rule_sends_without_its_patient_names_nobody_and_is_the_same_each_time() {
    let pacs = served(Entity { ae_title: "PACS".to_owned(), ..Entity::default() });
    let url = format!("http://{}/dicom-web", pacs.server.http());
    let address = pacs.server.dimse().expect("listened for");
    let peer = Peer { ae_title: "PACS".to_owned(), host: address.ip().to_string(), port: address.port() };
    let text = format!(
        r#"
[[rule]]
name = "trial"
after_quiet_seconds = 1
do = [{{ deidentify_and_send = {{ to = "{url}" }} }}]
"#
    );
    let entity = Entity { peers: vec![peer.clone()], ..Entity::default() };
    let reach = Reach { peers: entity.peers.clone(), web: vec![url.clone()], ..Reach::default() };
    let rules = Rules::parse(&text, &reach).expect("rules");
    let site = served_with(|folder| {
        let log = wilhelm_privacy::audit::AuditLog::open(&folder.join("audit"), key(), chrono::Utc::now());
        let ledger = Some(Arc::new(Ledger::new(log.expect("a log"))));
        let base = Settings { ledger, ..settings(entity) };
        let base = Settings { jobs: JobSettings { rules, ..JobSettings::default() }, ..base };
        sending(base, std::slice::from_ref(&url))
    });
    let mut stream = Stream::open(&site, "").expect("open to all");
    keep_study(&site);
    // A picture that may show a name does not go along.
    let mut object = CtPhantom { columns: 8, rows: 8, slices: 1, ..Default::default() }.slice_object(0);
    for (tag, vr, text) in [
        (tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE.to_owned()),
        (tags::STUDY_INSTANCE_UID, VR::UI, STUDY.to_owned()),
        (tags::SERIES_INSTANCE_UID, VR::UI, format!("{STUDY}.4")),
        (tags::SOP_INSTANCE_UID, VR::UI, format!("{STUDY}.9.901")),
        (tags::PATIENT_ID, VR::LO, "4711".to_owned()),
    ] {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
    }
    keep(&site, &part_10(object).expect("written"));
    let done = stream.wait_for(|name, data| {
        name == "job"
            && data["kind"] == "send-web"
            && data["progress"]["done"] == SLICES
            && data["state"] != "running"
    });
    assert_eq!(done["state"], "done", "{done}");
    let found = pacs.json("/dicom-web/studies?includefield=all");
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    let sent = found[0]["0020000D"]["Value"][0].as_str().expect("a UID").to_owned();
    assert!(sent.starts_with("2.25.") && sent != STUDY);
    assert_eq!(held(&pacs, &sent).len(), SLICES);
    for path in
        [format!("/dicom-web/studies/{sent}/metadata"), "/dicom-web/studies?includefield=all".to_owned()]
    {
        let (_, _, bytes) = pacs.request(&format!("GET {path}"), b"");
        let text = String::from_utf8_lossy(&bytes);
        for value in ["Maria", "Muster", "4711", STUDY] {
            assert!(!text.contains(value), "{path} says {value}");
        }
    }
    let metadata = pacs.json(&format!("/dicom-web/studies/{sent}/metadata"));
    assert_eq!(metadata[0]["00120062"]["Value"][0], "YES");
    // By DIMSE it is the same study, which is there already.
    let (status, job) = asked(&site, &json!({ "to": peer.to_string(), "deidentify": true }));
    assert_eq!((status, &job["kind"]), (202, &json!("send")), "{job}");
    assert_eq!(wait_for_end(&mut stream, &job["id"])["state"], "done");
    assert_eq!(held(&pacs, &sent).len(), SLICES);
    assert_eq!(pacs.store.count().expect("counted").studies, 1);
    let log = Filter { action: Some(Action::StudySent), ..Filter::default() };
    let log = entries(&site.folder.path().join("audit"), &log).expect("entries");
    assert!(log.iter().any(|entry| entry.event.details.get("left out").is_some_and(|count| count == "1")));
    assert!(
        log.iter().any(|entry| entry.event.details.get("sha256").is_some_and(|sha256| sha256.len() == 64))
    );
}
