//! The hooks of the desk: the queue in which studies wait, who is told of changes, and objects that lie sealed.

use serde_json::{Value, json};
use wilhelm_report::example;
use wilhelm_server::desk::{ReadFailure, read_study};
use wilhelm_server::events::{Event, Heard, Listener};
use wilhelm_store::Expected;
use wilhelm_store::queue::JobState;

use super::site::{of_patient, open_desk, sealed_desk, told_desk};

#[test]
fn a_study_waits_in_the_queue_once_and_the_worklist_says_so() {
    let desk = open_desk(example::pneumonia(0.93));
    desk.read("1.2.840.1", "P1", "20260131");
    let count = |state: &str| desk.get(&format!("/api/worklist?state={state}"))["total"].clone();
    assert_eq!((count("reading"), count("failed"), count("draft")), (json!(0), json!(0), json!(1)));
    let ask = |study: &str| desk.ask(&format!("POST /api/studies/{study}/read"), "", &Value::Null);
    assert_eq!(ask("1.2.3").0, 404, "no such study");
    let (status, _, body) = ask("1.2.840.1");
    assert_eq!((status, body), (202, json!({ "job": "1" })));
    let (status, _, body) = ask("1.2.840.1");
    assert_eq!(status, 409, "{body}");
    assert!(body["error"].as_str().expect("words").contains("job 1"), "{body}");
    let job = desk.site.store.queue().job(1).expect("a job");
    assert_eq!((job.study.as_deref(), job.by.as_str()), (Some("1.2.840.1"), "anyone"));
    let list = desk.get("/api/worklist");
    assert_eq!(list["rows"][0]["reading"], json!({ "job": "1", "state": "queued", "error": null }));
    assert_eq!((count("reading"), count("failed"), count("unread")), (json!(1), json!(0), json!(0)));
}

/// The reports that were told of, of what was heard so far.
fn told(listener: &mut Listener) -> Vec<(String, u32, u32, String)> {
    let mut found = Vec::new();
    while let Some(heard) = listener.try_next() {
        if let Heard::Event(Event::Report { study, version, decisions, state, .. }) = heard {
            found.push((study, version, decisions, state));
        }
    }
    found
}

#[test]
fn who_listens_is_told_of_each_change() {
    let (desk, mut listener) = told_desk(example::pneumonia(0.93), 0);
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let decision = json!({ "finding": "F1", "decision": "accepted" });
    assert_eq!(desk.change(&id, "decisions", "1.0", "", &decision).0, 200);
    assert_eq!(desk.change(&id, "sign", "1.1", "", &json!({ "state": "final" })).0, 200);
    let of = |version, decisions, state: &str| ("1.2.840.1".to_owned(), version, decisions, state.to_owned());
    assert_eq!(told(&mut listener), [of(1, 0, "draft"), of(1, 1, "draft"), of(2, 1, "final")]);
}

#[test]
fn a_worker_reads_what_waits_and_the_worklist_forgets_that_it_waited() {
    let (desk, mut listener) = told_desk(example::pneumonia(0.93), 1);
    let mut arriving = desk.site.store.arrive();
    arriving.write(&of_patient("1.2.840.1", "P1", "20260131")).expect("written");
    desk.site.store.take(arriving, Expected::default()).expect("taken").pending.wait().expect("kept");
    let (status, _, body) = desk.ask("POST /api/studies/1.2.840.1/read", "", &Value::Null);
    assert_eq!(status, 202, "{body}");
    let ended = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let state = || desk.site.store.queue().job(1).expect("a job").state;
    while state() != JobState::Done {
        assert!(std::time::Instant::now() < ended, "the job is {:?}", state());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(told(&mut listener).len(), 1);
    let list = desk.get("/api/worklist");
    assert_eq!(
        (&list["rows"][0]["reading"], &list["rows"][0]["reports"][0]["state"]),
        (&Value::Null, &json!("draft"))
    );
}

#[test]
fn a_sealed_archive_is_read_in_memory_and_its_reports_lie_sealed() {
    let desk = sealed_desk(example::pneumonia(0.93));
    // The reader of these tests asserts that the bytes come unsealed.
    let id = desk.read("1.2.840.1", "P1", "20260131");
    assert_eq!(desk.change(&id, "sign", "1.0", "", &json!({ "state": "final" })).0, 200);
    assert_eq!(desk.get(&format!("/api/reports/{id}"))["report"]["state"], "final");
    assert!(desk.site.store.check(false).expect("checked").is_sound());
    for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
        let bytes = std::fs::read(desk.site.folder.path().join(name)).unwrap_or_default();
        let text = b"fever and cough";
        assert!(!bytes.windows(text.len()).any(|piece| piece == text), "{name}");
    }
}

#[test]
fn a_reading_that_is_stopped_keeps_nothing_and_a_study_that_is_not_there_is_no_trouble_of_ours() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let at = "2026-11-27T08:00:00Z".parse().expect("a time");
    let stopped = read_study(&desk.desk, "1.2.840.1", "jane", at, &mut |_, _, _| false);
    assert_eq!(stopped.expect_err("stopped"), ReadFailure::Cancelled);
    assert_eq!(desk.site.store.reports().of_study("1.2.840.1").expect("listed")[0].id, id);
    let none = read_study(&desk.desk, "1.2.3", "jane", at, &mut |_, _, _| true).expect_err("none");
    assert!(!none.may_pass() && none.to_string().contains("no such study"), "{none}");
}
