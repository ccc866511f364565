//! Signed reports as FHIR clients find them.

use std::time::SystemTime;

use rusqlite::Connection;
use serde_json::{Value, json};
use wilhelm_report::example;
use wilhelm_store::Deleted;

use super::site::{DeskSite, open_desk, tag};

fn found(desk: &DeskSite, path: &str) -> Vec<Value> {
    let bundle = desk.get(path);
    assert_eq!(bundle["type"], "searchset");
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().map(|entry| entry["resource"].clone()).collect()
}

#[test]
fn what_is_signed_is_found_with_its_findings_and_what_is_rejected_is_not() {
    let desk = open_desk(example::breast(0.2, 0.75));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    assert!(found(&desk, "/fhir/DiagnosticReport").is_empty(), "a draft is no report yet");
    assert_eq!(desk.ask(&format!("GET /fhir/DiagnosticReport/{id}"), "", &Value::Null).0, 404);
    let decision = json!({ "finding": "F1", "decision": "rejected" });
    let (status, heads, answer) = desk.change(&id, "decisions", "1.0", "", &decision);
    assert_eq!(status, 200, "{answer}");
    // Words that still speak of it are not signed as final.
    let (status, _, refused) = desk.change(&id, "sign", &tag(&heads), "", &json!({ "state": "final" }));
    assert_eq!(status, 409, "{refused}");
    let spoken = answer["sentences"].as_array().expect("sentences");
    assert!(refused["error"].as_str().expect("words").contains(spoken[0].as_str().expect("a name")));
    let edits: Vec<Value> = spoken.iter().map(|one| json!({ "sentence": one, "text": "As seen." })).collect();
    let (status, heads, _) = desk.change(&id, "edits", "1.1", "", &json!({ "edits": edits }));
    assert_eq!(status, 200);
    let (status, heads, _) = desk.change(&id, "sign", &tag(&heads), "", &json!({ "state": "final" }));
    assert_eq!(status, 200);
    let signed = tag(&heads);
    let (status, _, refused) = desk.change(&id, "decisions", &signed, "", &decision);
    assert_eq!(status, 409, "a final report is changed with an amendment: {refused}");
    let left = desk.get(&format!("/api/reports/{id}/forms/json"));
    let left: Vec<&Value> =
        left["findings"].as_array().expect("findings").iter().map(|one| &one["id"]).collect();
    assert!(!left.contains(&&json!("F1")) && left.contains(&&json!("F2")), "{left:?}");
    // By hand: P1 is 50 31.
    let patient = "5031";
    for search in [
        String::new(),
        format!("?patient=Patient/{patient}&status=final"),
        format!("?_id={id}"),
        format!("?identifier={id}&code=http://loinc.org%7C18748-4"),
    ] {
        let reports = found(&desk, &format!("/fhir/DiagnosticReport{search}"));
        assert_eq!(reports.len(), 1, "{search}");
        let report = &reports[0];
        assert_eq!((&report["id"], &report["status"]), (&json!(id), &json!("final")));
        assert_eq!(report["subject"]["reference"], format!("Patient/{patient}"));
        assert_eq!(report["imagingStudy"][0]["reference"], "ImagingStudy/1.2.840.1");
        let results: Vec<&str> = report["result"]
            .as_array()
            .expect("results")
            .iter()
            .filter_map(|result| result["reference"].as_str())
            .collect();
        assert_eq!(results, [format!("Observation/{id}-F2"), format!("Observation/{id}-F3")]);
        let signer = report["resultsInterpreter"][0]["reference"].as_str().expect("a signer");
        let held = report["contained"].as_array().expect("held");
        assert!(
            held.iter().any(|one| signer == format!("#{}", one["id"].as_str().expect("a name"))),
            "{report}"
        );
    }
    for none in ["?patient=Patient/5032", "?status=amended", "?_id=none", "?patient=zz"] {
        assert!(found(&desk, &format!("/fhir/DiagnosticReport{none}")).is_empty(), "{none}");
    }
    let observations = found(&desk, &format!("/fhir/Observation?patient={patient}"));
    let ids: Vec<&Value> = observations.iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&json!(format!("{id}-F2")), &json!(format!("{id}-F3"))]);
    let one = found(&desk, "/fhir/Observation?code=malignant_breast_lesion");
    assert_eq!((one.len(), &one[0]["id"]), (1, &json!(format!("{id}-F2"))));
    let read = desk.get(&format!("/fhir/Observation/{id}-F1"));
    assert_eq!(read["status"], "entered-in-error");
    let page = desk.get("/fhir/Observation?_count=1");
    assert_eq!(
        (page["entry"].as_array().map(Vec::len), &page["link"][1]["relation"]),
        (Some(1), &json!("next"))
    );
    for (path, expected) in [
        ("/fhir/Observation/x", 404),
        ("/fhir/Observation/x-F1", 404),
        ("/fhir/DiagnosticReport/x", 404),
        ("/fhir/DiagnosticReport?Doe=Jane", 400),
        ("/fhir/Observation?identifier=x", 400),
    ] {
        let (status, _, outcome) = desk.ask(&format!("GET {path}"), "", &Value::Null);
        assert_eq!((status, &outcome["resourceType"]), (expected, &json!("OperationOutcome")), "{path}");
    }
    // Amended, it is the same resource in another state.
    let edit = json!({ "edits": [{ "sentence": "S1", "text": "Lump." }], "reason": "wording" });
    assert_eq!(desk.change(&id, "edits", &signed, "", &edit).0, 200);
    assert_eq!(desk.get(&format!("/fhir/DiagnosticReport/{id}"))["status"], "amended");
}

#[test]
fn reports_of_a_deleted_study_are_out_of_sight_until_it_is_put_back() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let other = desk.read("1.2.840.2", "P1", "20260131");
    let final_state = json!({ "state": "final" });
    assert_eq!(desk.change(&id, "sign", "1.0", "", &final_state).0, 200);
    let deleted = Deleted { by: "jane".to_owned(), reason: "another patient".to_owned() };
    for study in ["1.2.840.1", "1.2.840.2"] {
        desk.site.store.delete(study, deleted.clone(), SystemTime::now()).expect("deleted");
    }
    let get = |path: String| desk.ask(&format!("GET {path}"), "", &Value::Null).0;
    for path in ["", "/versions/1", "/pictures/0", "/forms/json", "/compare?from=1&to=1"] {
        assert_eq!(get(format!("/api/reports/{id}{path}")), 404, "{path}");
    }
    assert_eq!(get(format!("/fhir/DiagnosticReport/{id}")), 404);
    assert!(found(&desk, "/fhir/DiagnosticReport").is_empty());
    assert_eq!(desk.change(&other, "sign", "1.0", "", &final_state).0, 404);
    desk.site.store.restore("1.2.840.1").expect("put back");
    assert_eq!(get(format!("/api/reports/{id}/pictures/0")), 200);
    assert_eq!(found(&desk, "/fhir/DiagnosticReport").len(), 1);
    // For good: the pictures go, the words stay, and whoever reads the study again brings the pictures.
    let now = std::time::SystemTime::now();
    desk.site.store.purge("1.2.840.2", std::time::Duration::ZERO, now).expect("removed");
    let file = |id: &str| desk.site.store.reports().file(id, "picture 0").is_ok();
    assert!(file(&id) && !file(&other));
    assert_eq!(desk.read("1.2.840.2", "P1", "20260131"), other);
    assert!(file(&other));
}

#[test]
fn one_damaged_report_stops_no_search_and_no_worklist() {
    let desk = open_desk(example::pneumonia(0.93));
    let (one, other) = (desk.read("1.2.840.1", "P1", "20260131"), desk.read("1.2.840.2", "P1", "20260131"));
    let draft = desk.read("1.2.840.3", "P1", "20260131");
    for id in [&one, &other] {
        assert_eq!(desk.change(id, "sign", "1.0", "", &json!({ "state": "final" })).0, 200);
    }
    let catalog = Connection::open(desk.site.folder.path().join("catalog.sqlite")).expect("opens");
    catalog.busy_timeout(std::time::Duration::from_secs(5)).expect("set");
    for id in [&one, &draft] {
        let sql = "UPDATE report_version SET bytes = X'00' WHERE report_key = (SELECT key FROM report WHERE id = ?1)";
        assert!(catalog.execute(sql, [id]).expect("changed") > 0);
    }
    catalog.execute_batch("UPDATE report SET urgency = 3").expect("changed");
    let reports = found(&desk, "/fhir/DiagnosticReport");
    assert_eq!((reports.len(), &reports[0]["id"]), (1, &json!(other)));
    assert_eq!(desk.get("/api/worklist")["total"], 3);
}
