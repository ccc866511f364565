//! Studies that are deleted and come back, and an archive that is full.

use std::sync::Arc;

use serde_json::{Value, json};
use wilhelm_privacy::audit::{Action, Filter, Outcome, entries};
use wilhelm_server::Server;
use wilhelm_server::dimse::{DimseError, Settings as Entity};
use wilhelm_store::Store;

use crate::sign_in::{PASSWORD, enter, guarded_with};
use crate::site::{Site, outgoing, settings, slice};

#[test]
fn a_study_is_deleted_by_an_administrator_with_a_reason_and_put_back() {
    let site = guarded_with(Entity::default(), |settings| settings);
    site.send(&[slice(0), slice(1)]);
    let uid = site.store.find(&outgoing(&slice(0)).sop_uid).expect("kept").study_uid;
    let radiologist = enter(&site, "radiologist", PASSWORD).expect("let in");
    let administrator = enter(&site, "administrator", PASSWORD).expect("let in");
    let ask = |line: &str, cookie: &str, body: &Value| {
        let head = format!(
            "{line}\nHost: localhost\nOrigin: http://localhost\nContent-Type: application/json\nCookie: {cookie}"
        );
        let (status, _, body) = site.request(&head, body.to_string().as_bytes());
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let delete = format!("DELETE /api/studies/{uid}");
    let reason = json!({ "reason": "the wrong patient was scanned" });
    assert_eq!(ask(&delete, &radiologist, &reason).0, 403);
    assert_eq!(ask(&delete, &administrator, &json!({})).0, 400);
    assert_eq!(ask(&delete, &administrator, &json!({ "reason": "  oh " })).0, 422);
    assert_eq!(ask("DELETE /api/studies/1.2.3", &administrator, &reason).0, 404);
    assert_eq!(ask("DELETE /api/studies/*", &administrator, &reason).0, 400);
    let (status, deleted) = ask(&delete, &administrator, &reason);
    assert_eq!((status, &deleted["instances"]), (200, &json!(2)), "{deleted}");
    let see =
        |path: &str| site.request(&format!("GET {path}\nHost: localhost\nCookie: {radiologist}"), b"").0;
    assert_eq!(see(&format!("/dicom-web/studies/{uid}/metadata")), 404);
    assert_eq!(see("/api/bin"), 403);
    let (_, bin) = ask("GET /api/bin", &administrator, &Value::Null);
    let first = &bin["studies"][0];
    assert_eq!((&first["by"], &first["reason"]), (&json!("administrator"), &reason["reason"]));
    assert_eq!((&first["instances"], &first["until"]), (&json!(2), &deleted["until"]));
    let restore = format!("POST /api/bin/{uid}/restore");
    assert_eq!(ask(&restore, &radiologist, &Value::Null).0, 403);
    assert_eq!(ask(&restore, &administrator, &Value::Null).0, 200);
    assert_eq!(ask(&restore, &administrator, &Value::Null).0, 404);
    assert_eq!(see(&format!("/dicom-web/studies/{uid}/metadata")), 200);
    let filter = Filter { outcome: Some(Outcome::Done), ..Filter::default() };
    let logged: Vec<(Action, Option<String>)> = entries(&site.folder.path().join("audit"), &filter)
        .expect("entries")
        .into_iter()
        .filter(|entry| {
            entry.event.actor.name == "administrator" && entry.event.reason.is_some()
                || entry.event.action == Action::StudyChanged
        })
        .map(|entry| (entry.event.action, entry.event.reason))
        .collect();
    let why = Some("the wrong patient was scanned".to_owned());
    assert_eq!(logged, [(Action::StudyDeleted, why), (Action::StudyChanged, None)]);
}

#[test]
fn a_full_archive_says_so_by_dimse_and_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (slice(0), slice(1));
    let quota_bytes = Some(one.len() as u64 + 2000);
    let full = wilhelm_store::Settings { quota_bytes, ..Default::default() };
    let store = Store::open(folder.path(), full).expect("an archive");
    let server = Server::start(Arc::clone(&store), settings(Entity::default())).expect("a server");
    let site = Site { server, store, folder };
    site.send(&[one]);
    let object = outgoing(&two);
    let kinds = [(object.sop_class.clone(), object.transfer_syntax.clone())].into();
    let mut requestor = site.associate("WILHELM", "TEST", &kinds).expect("an association");
    let refused = requestor.store(&object, None).expect_err("over the quota");
    assert!(matches!(refused, DimseError::Status { status: 0xA700 }), "{refused}");
    let head = "POST /dicom-web/studies\nContent-Type: application/dicom";
    let (status, _, body) = site.request(head, &two);
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, &body["00081198"]["Value"][0]["00081197"]["Value"][0]), (507, &json!(0xA700)));
    assert_eq!(site.store.count().expect("counted").instances, 1);
}
