//! The worklist: what is urgent and unsigned first, with the reason; forms; and earlier reports.

use serde_json::{Value, json};
use wilhelm_report::example;

use super::site::{DeskSite, open_desk};

fn order(desk: &DeskSite) -> Vec<(String, Option<String>)> {
    let list = desk.get("/api/worklist");
    let rows = list["rows"].as_array().expect("rows");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    rows.iter().map(|row| (text(&row["study"]).expect("a UID"), text(&row["triage"]["level"]))).collect()
}

#[test]
fn what_is_urgent_and_unsigned_comes_first_with_its_reason() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let desk = desk.restarted(example::pneumonia(0.03));
    desk.read("1.2.840.2", "P2", "20260131");
    let desk = desk.restarted(example::chest_ct());
    desk.read("1.2.840.3", "P3", "20260131");
    let level = |text: &str| Some(text.to_owned());
    let studies = |desk: &DeskSite| order(desk).into_iter().map(|(study, _)| study).collect::<Vec<_>>();
    assert_eq!(
        order(&desk),
        [
            ("1.2.840.1".to_owned(), level("urgent")),
            ("1.2.840.3".to_owned(), level("soon")),
            ("1.2.840.2".to_owned(), level("routine")),
        ]
    );
    let list = desk.get("/api/worklist?text=doe&modality=CT&limit=1");
    assert_eq!((&list["total"], list["rows"].as_array().map(Vec::len)), (&json!(3), Some(1)));
    let row = &list["rows"][0];
    assert_eq!(row["triage"]["reason"], "pneumonia, probability 93 %");
    assert!((row["triage"]["probability"].as_f64().expect("a number") - 0.93).abs() < 1e-9);
    assert_eq!((&row["reports"][0]["id"], &row["reading"]), (&json!(id), &Value::Null));
    // Rejected, it is urgent no more; taken back, it is again; signed, it waits for nobody.
    let decide = |tag: &str, decision: &str| {
        desk.change(&id, "decisions", tag, "", &json!({ "finding": "F1", "decision": decision })).0
    };
    assert_eq!(decide("1.0", "rejected"), 200);
    assert_eq!(studies(&desk)[0], "1.2.840.3");
    assert_eq!(decide("1.1", "undecided"), 200);
    assert_eq!(studies(&desk)[0], "1.2.840.1");
    assert_eq!(desk.change(&id, "sign", "1.2", "", &json!({ "state": "preliminary" })).0, 200);
    assert_eq!(studies(&desk)[0], "1.2.840.3");
    assert_eq!(desk.get("/api/worklist?state=preliminary")["total"], 1);
}

#[test]
fn signed_reports_of_the_patient_are_handed_to_the_next_reading_and_shown() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20250131");
    assert_eq!(desk.change(&id, "sign", "1.0", "", &json!({ "state": "final" })).0, 200);
    desk.read("1.2.840.9", "P2", "20250131");
    let next = desk.read("1.2.840.2", "P1", "20260131");
    let earlier = |id: &str| {
        let bytes = desk.site.store.reports().file(id, "provenance.json").expect("kept");
        serde_json::from_slice::<Value>(&bytes).expect("JSON")["earlier"].clone()
    };
    assert_eq!(earlier(&next), json!(1), "the reader was given what was signed, of this patient");
    let shown = desk.get(&format!("/api/reports/{next}"));
    assert_eq!(
        (&shown["earlier"][0]["report"], shown["earlier"].as_array().map(Vec::len)),
        (&json!(id), Some(1))
    );
    // A study before the signed one is not read with what came after it.
    let before = desk.read("1.2.840.3", "P1", "20240131");
    assert_eq!(earlier(&before), json!(0));
}

#[test]
fn the_latest_version_leaves_in_its_forms() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    for (form, kind, begins) in [
        ("html", "text/html", "<!DOCTYPE"),
        ("pdf", "application/pdf", "%PDF-"),
        ("text", "text/plain", ""),
        ("json", "application/json", "{"),
        ("sr", "application/dicom", "\0"),
    ] {
        let (status, heads, bytes) = desk.site.request(&format!("GET /api/reports/{id}/forms/{form}"), b"");
        assert_eq!(status, 200, "{form}: {heads}");
        assert!(heads.contains(&format!("content-type: {kind}")), "{heads}");
        assert!(bytes.to_ascii_lowercase().starts_with(begins.to_ascii_lowercase().as_bytes()), "{form}");
        assert_eq!(heads.contains("content-disposition: attachment"), form != "html", "{heads}");
    }
    let (status, _, refused) = desk.ask(&format!("GET /api/reports/{id}/forms/hl7"), "", &Value::Null);
    assert_eq!(status, 409, "this reader makes none: {refused}");
    let (status, _, _) = desk.ask(&format!("GET /api/reports/{id}/forms/json?Doe=Jane"), "", &Value::Null);
    assert_eq!(status, 400);
}
