//! The hooks of the desk: the queue in which studies wait, who is told of changes, and objects that lie sealed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wilhelm_report::example;
use wilhelm_server::desk::{ReadFailure, ReadingRefused, ReadingState, Readings, read_study};
use wilhelm_store::Seen;

use super::site::{open_desk, sealed_desk};

/// A queue of one place, which nobody works on: the durable one is the program's.
#[derive(Default)]
struct OnePlace(Mutex<Option<(String, String)>>);

impl Readings for OnePlace {
    fn begin(&self, study: &str, by: &str) -> Result<String, ReadingRefused> {
        let mut place = self.0.lock().expect("no panic");
        if place.is_some() {
            return Err(ReadingRefused::Busy { job: "7".to_owned() });
        }
        *place = Some((study.to_owned(), by.to_owned()));
        Ok("7".to_owned())
    }

    fn latest(&self, studies: &[&str]) -> BTreeMap<String, ReadingState> {
        let place = self.0.lock().expect("no panic");
        let waits = place.iter().filter(|(study, _)| studies.contains(&study.as_str()));
        let state = || ReadingState { job: "7".to_owned(), state: "queued".to_owned(), error: None };
        waits.map(|(study, _)| (study.clone(), state())).collect()
    }

    fn of_state(&self, states: &[&str]) -> Vec<String> {
        let place = self.0.lock().expect("no panic");
        place.iter().filter(|_| states.contains(&"queued")).map(|(study, _)| study.clone()).collect()
    }
}

#[test]
fn a_study_waits_in_the_queue_once_and_the_worklist_says_so() {
    let desk = open_desk(example::pneumonia(0.93));
    desk.read("1.2.840.1", "P1", "20260131");
    let count = |state: &str| desk.get(&format!("/api/worklist?state={state}"))["total"].clone();
    assert_eq!((count("reading"), count("failed"), count("draft")), (json!(0), json!(0), json!(1)));
    let queue = Arc::new(OnePlace::default());
    desk.desk.connect(Arc::<OnePlace>::clone(&queue));
    let ask = |study: &str| desk.ask(&format!("POST /api/studies/{study}/read"), "", &Value::Null);
    assert_eq!(ask("1.2.3").0, 404, "no such study");
    let (status, _, body) = ask("1.2.840.1");
    assert_eq!((status, body), (202, json!({ "job": "7" })));
    let (status, _, body) = ask("1.2.840.1");
    assert_eq!(status, 409, "{body}");
    assert!(body["error"].as_str().expect("words").contains("job 7"), "{body}");
    assert_eq!(*queue.0.lock().expect("no panic"), Some(("1.2.840.1".to_owned(), "anyone".to_owned())));
    let list = desk.get("/api/worklist");
    assert_eq!(list["rows"][0]["reading"], json!({ "job": "7", "state": "queued", "error": null }));
    assert_eq!((count("reading"), count("failed"), count("unread")), (json!(1), json!(0), json!(0)));
}

#[test]
fn who_listens_is_told_of_each_change() {
    let desk = open_desk(example::pneumonia(0.93));
    let told: Arc<Mutex<Vec<(String, Seen, String)>>> = Arc::default();
    let kept = Arc::clone(&told);
    desk.desk.on_change(Arc::new(move |changed| {
        let one = (changed.study.clone(), changed.seen, changed.state.clone());
        kept.lock().expect("no panic").push(one);
    }));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let decision = json!({ "finding": "F1", "decision": "accepted" });
    assert_eq!(desk.change(&id, "decisions", "1.0", "", &decision).0, 200);
    assert_eq!(desk.change(&id, "sign", "1.1", "", &json!({ "state": "final" })).0, 200);
    let of = |version, decisions, state: &str| {
        ("1.2.840.1".to_owned(), Seen { version, decisions }, state.to_owned())
    };
    let expected = [of(1, 0, "draft"), of(1, 1, "draft"), of(2, 1, "final")];
    assert_eq!(*told.lock().expect("no panic"), expected);
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
