//! Rules that lead to jobs, jobs over HTTP, and who may see and change them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::channel;
use std::time::SystemTime;

use serde_json::{Value, json};
use wilhelm_privacy::account::{Access, AccountsFile, UserName};
use wilhelm_privacy::audit::{Action, Filter, ObjectKind, Outcome, entries};
use wilhelm_server::dimse::{Peer, Settings as Entity};
use wilhelm_server::rules::{Reach, Rules};
use wilhelm_server::{JobSettings, ServeError, Server, Settings};
use wilhelm_store::queue::NewJob;
use wilhelm_study::Phi;

use crate::live::Stream;
use crate::sign_in::{PASSWORD, enter, guarded_with, key};
use crate::site::{Site, outgoing, served, served_with, settings, slice};
use crate::working::Scripted;

/// Answers one request with a status; gives what was sent.
fn answering(status: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let answered = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody");
        let (mut text, mut piece) = (String::new(), [0; 4096]);
        while !text.ends_with('}') {
            let count = stream.read(&mut piece).expect("a request");
            text.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        write!(stream, "HTTP/1.1 {status}\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
            .expect("answered");
        text
    });
    (url, answered)
}

fn with_rules(text: &str, entity: Entity) -> Settings {
    let reach = Reach { peers: entity.peers.clone(), ..Reach::default() };
    let rules = Rules::parse(text, &reach).expect("rules");
    Settings { jobs: JobSettings { rules, ..JobSettings::default() }, ..settings(entity) }
}

#[test]
fn a_complete_study_is_sent_on_and_told_of() {
    let pacs = served(Entity { ae_title: "PACS".to_owned(), ..Entity::default() });
    let address = pacs.server.dimse().expect("listened for");
    let peer = Peer { ae_title: "PACS".to_owned(), host: address.ip().to_string(), port: address.port() };
    let (url, told) = answering("204 No Content");
    let text = format!(
        r#"
[[rule]]
name = "on"
when = {{ modality = "CT", calling_ae = "TEST" }}
after_quiet_seconds = 1
do = [{{ send = {{ to = "{peer}" }} }}, {{ notify = {{ url = "{url}" }} }}]

[[rule]]
name = "never"
when = {{ modality = "MR" }}
after_quiet_seconds = 1
do = [{{ send = {{ to = "{peer}" }} }}]
"#
    );
    let site = served_with(|_| with_rules(&text, Entity { peers: vec![peer.clone()], ..Entity::default() }));
    let mut stream = Stream::open(&site, "").expect("open to all");
    site.send(&[slice(0), slice(1), slice(2)]);
    let is_done = |kind: &'static str| {
        move |name: &str, data: &Value| name == "job" && data["kind"] == kind && data["state"] == "done"
    };
    // Both run at once: whichever ends first is looked for first.
    let mut other = Stream::open(&site, "").expect("open to all");
    let sent = stream.wait_for(is_done("send"));
    let noticed = other.wait_for(is_done("notify"));
    assert_eq!(sent["progress"], json!({ "words": "objects", "done": 3, "total": 3 }));
    assert_eq!((&sent["by"], &noticed["by"]), (&json!("rule on"), &json!("rule on")));
    assert_eq!(pacs.store.count().expect("counted").instances, 3);
    let study = sent["study"].as_str().expect("a UID").to_owned();
    let request = told.join().expect("told");
    let (head, body) = request.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    let expected =
        json!({ "event": "study.stable", "rule": "on", "study": study, "series": 1, "instances": 3 });
    assert_eq!(serde_json::from_str::<Value>(body).expect("JSON"), expected);
    let jobs = site.json("/api/jobs?state=done");
    assert_eq!((jobs["jobs"].as_array().map(Vec::len), &jobs["counts"]["done"]), (Some(2), &json!(2)));
    let rules = site.json("/api/rules");
    assert_eq!(rules["rules"][0]["matches"][0]["study"], study.as_str());
    assert_eq!(rules["rules"][1]["matches"], json!([]));
    let head = "POST /api/rules/dry-run\nContent-Type: application/json";
    let ask = |study: &str| site.request(head, json!({ "study": study }).to_string().as_bytes());
    let (status, _, body) = ask(&study);
    let explained: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(status, 200, "{explained}");
    assert_eq!(explained["rules"][0]["would"], format!("send to {peer}, notify {url}"));
    assert_eq!(
        (&explained["rules"][1]["applies"], &explained["rules"][1]["would"]),
        (&json!(false), &Value::Null)
    );
    let why = explained["rules"][1]["why"].as_str().expect("words");
    assert!(why.contains("modality is not MR (CT)") && why.contains("it was looked at"), "{why}");
    assert_eq!((ask("1.2.3").0, ask("*").0), (404, 400));
    for (path, expected) in [
        ("/api/jobs?state=x", 400),
        ("/api/jobs?limit=0", 400),
        ("/api/jobs?x=1", 400),
        ("/api/jobs/99", 404),
        ("/api/jobs/x", 400),
    ] {
        let (status, _, body) = site.request(&format!("GET {path}"), b"");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(status, expected, "{path}");
        assert!(body["error"].is_string(), "{body}");
    }
    let id = sent["id"].as_i64().expect("a number");
    assert_eq!(site.request(&format!("POST /api/jobs/{id}/cancel"), b"").0, 409, "it is done");
}

#[test]
fn a_redirect_is_not_followed_and_a_station_that_is_gone_is_tried_again() {
    let (url, told) = answering("302 Found");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let peer = Peer { ae_title: "GONE".to_owned(), host: "127.0.0.1".to_owned(), port: gone.port() };
    let text = format!(
        "[[rule]]\nname = \"on\"\nafter_quiet_seconds = 1\ndo = [{{ notify = {{ url = \"{url}\" }} }}, {{ send = {{ to = \"{peer}\" }} }}]\n"
    );
    let site = served_with(|_| with_rules(&text, Entity { peers: vec![peer], ..Entity::default() }));
    let (mut one, mut two) = (Stream::open(&site, "").expect("open"), Stream::open(&site, "").expect("open"));
    site.send(&[slice(0)]);
    let failed = one.wait_for(|name, data| name == "job" && data["state"] == "failed");
    assert_eq!(failed["kind"], "notify");
    assert!(
        failed["error"].as_str().is_some_and(|error| error.contains("302: redirects are not")),
        "{failed}"
    );
    told.join().expect("told once");
    let waits = two.wait_for(|name, data| {
        name == "job" && data["kind"] == "send" && data["attempts"] == 1 && data["state"] == "queued"
    });
    assert!(waits["not_before"].is_string() && waits["error"].is_string(), "{waits}");
}

#[test]
fn a_station_without_room_is_tried_again_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = wilhelm_store::Settings { quota_bytes: Some(10), ..Default::default() };
    let store = wilhelm_store::Store::open(folder.path(), full).expect("an archive");
    let server = Server::start(Arc::clone(&store), settings(Entity::default())).expect("a server");
    let pacs = Site { server, store, folder };
    let address = pacs.server.dimse().expect("listened for");
    let peer = Peer { ae_title: "FULL".to_owned(), host: address.ip().to_string(), port: address.port() };
    let site = served_with(|_| settings(Entity { peers: vec![peer.clone()], ..Entity::default() }));
    site.send(&[slice(0), slice(1)]);
    let study = site.store.find(&outgoing(&slice(0)).sop_uid).expect("kept").study_uid;
    let mut stream = Stream::open(&site, "").expect("open to all");
    let job = NewJob::of_study("send", &study, json!({ "to": peer.to_string() }), "jane");
    site.store.queue().enqueue(job, SystemTime::now()).expect("enqueued");
    let waits =
        stream.wait_for(|name, data| name == "job" && data["attempts"] == 1 && data["state"] == "queued");
    let error = waits["error"].as_str().expect("why");
    assert!(error.contains("took 0 of 2 objects and refused 2"), "{error}");
    // To a station that the configuration does not list, nothing is sent at all.
    let job = NewJob::of_study("send", &study, json!({ "to": "X@127.0.0.1:1" }), "jane");
    site.store.queue().enqueue(job, SystemTime::now()).expect("enqueued");
    let failed = stream.wait_for(|name, data| name == "job" && data["state"] == "failed");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("server.peers")), "{failed}");
}

#[test]
fn a_rule_that_leads_to_what_nobody_does_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = wilhelm_store::Store::open(folder.path(), Default::default()).expect("an archive");
    let text = "[[rule]]\nname = \"r\"\nafter_quiet_seconds = 1\ndo = [{ read = {} }]\n";
    let refused =
        Server::start(Arc::clone(&store), with_rules(text, Entity::default())).expect_err("no reader");
    assert!(matches!(&refused, ServeError::Rule { kind: "read", .. }), "{refused}");
    let off = text.replace("after_quiet", "enabled = false\nafter_quiet");
    Server::start(store, with_rules(&off, Entity::default())).expect("switched off");
}

fn post(site: &Site, path: &str, cookie: &str) -> u16 {
    let head = format!("POST {path}\nHost: localhost\nOrigin: http://localhost\nCookie: {cookie}");
    site.request(&head, b"").0
}

#[test]
fn jobs_are_changed_by_who_may_and_seen_by_who_may_see_their_study() {
    let (begun, has_begun) = channel();
    let work = Arc::new(Scripted { kind: "read", begun, attempts: AtomicU32::new(0) });
    let jobs = JobSettings { works: vec![work], ..JobSettings::default() };
    let site = guarded_with(Entity::default(), |settings| Settings { jobs, ..settings });
    site.send(&[slice(0)]);
    let study = site.store.find(&outgoing(&slice(0)).sop_uid).expect("kept").study_uid;
    let enqueue = |study: &str, what: &str| {
        let job = NewJob::of_study("read", study, json!({ "do": what }), "radiologist");
        site.store.queue().enqueue(job, SystemTime::now()).expect("enqueued").id()
    };
    // The viewer is for this one patient alone.
    let file = AccountsFile::new(site.folder.path().join("accounts.json"));
    let patient = key().reference(ObjectKind::Patient, &Phi::new("PHANTOM-1".to_owned()));
    let access = Access { patients: [patient].into(), ..Access::default() };
    let name = UserName::parse("viewer").expect("a name");
    file.change(|accounts| accounts.set_roles(&name, None, Some(access.clone()))).expect("access");
    let viewer = enter(&site, "viewer", PASSWORD).expect("let in");
    let radiologist = enter(&site, "radiologist", PASSWORD).expect("let in");
    let administrator = enter(&site, "administrator", PASSWORD).expect("let in");
    assert_eq!(Stream::open(&site, "").map(drop), Err(401));
    assert_eq!(Stream::open(&site, &format!("Cookie: {administrator}")).map(drop), Err(403));
    let mut of_viewer = Stream::open(&site, &format!("Cookie: {viewer}")).expect("let in");
    let mut of_radiologist = Stream::open(&site, &format!("Cookie: {radiologist}")).expect("let in");
    let other = enqueue("1.2.3", "never");
    of_radiologist.wait_for(|_, data| data["id"] == other && data["state"] == "failed");
    assert_eq!(has_begun.recv().expect("begun"), other);
    let id = enqueue(&study, "wait");
    assert_eq!(has_begun.recv().expect("begun"), id);
    let first = of_viewer.wait_for(|name, _| name == "job");
    assert_eq!(first["id"], id, "nothing was heard of the other study");
    let jobs = |cookie: &str| {
        let (status, _, body) =
            site.request(&format!("GET /api/jobs\nHost: localhost\nCookie: {cookie}"), b"");
        assert_eq!(status, 200);
        let found: Value = serde_json::from_slice(&body).expect("JSON");
        let ids: Vec<i64> =
            found["jobs"].as_array().expect("jobs").iter().filter_map(|job| job["id"].as_i64()).collect();
        (ids, found["counts"]["failed"].clone())
    };
    assert_eq!(jobs(&viewer), (vec![id], json!(0)));
    assert_eq!(jobs(&radiologist), (vec![id, other], json!(1)));
    let cancel = format!("/api/jobs/{id}/cancel");
    assert_eq!(post(&site, &cancel, &viewer), 403, "may see it and no more");
    assert_eq!(post(&site, &format!("/api/jobs/{other}/retry"), &viewer), 404, "is not there for it");
    let from_elsewhere =
        format!("POST {cancel}\nHost: localhost\nOrigin: http://example.org\nCookie: {radiologist}");
    assert_eq!(site.request(&from_elsewhere, b"").0, 403);
    assert_eq!(post(&site, &cancel, &radiologist), 200);
    of_radiologist.wait_for(|_, data| data["id"] == id && data["state"] == "cancelled");
    assert_eq!(post(&site, &cancel, &radiologist), 409);
    assert_eq!(post(&site, &format!("/api/jobs/{other}/retry"), &radiologist), 200);
    let filter = Filter { outcome: Some(Outcome::Done), ..Filter::default() };
    let logged: Vec<(String, Action, Option<String>)> = entries(&site.folder.path().join("audit"), &filter)
        .expect("entries")
        .into_iter()
        .filter(|entry| matches!(entry.event.action, Action::JobCancelled | Action::JobRetried))
        .map(|entry| (entry.event.actor.name, entry.event.action, entry.event.details.get("job").cloned()))
        .collect();
    let by = |action, id: i64| ("radiologist".to_owned(), action, Some(id.to_string()));
    assert_eq!(logged, [by(Action::JobCancelled, id), by(Action::JobRetried, other)]);
}
