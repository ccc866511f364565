//! Work items by UPS-RS, from their making to their end.

use serde_json::{Value, json};
use wilhelm_server::dimse::Settings as Entity;

use crate::site::{Site, served};

const AT: &str = "/dicom-web/workitems";

fn one(vr: &str, value: &str) -> Value {
    json!({ "vr": vr, "Value": [value] })
}

fn new() -> Value {
    json!({
        "00100020": one("LO", "P1"),
        "00404005": one("DT", "20260705093000"),
        "00404041": one("CS", "READY"),
        "00741200": one("CS", "MEDIUM"),
        "00741204": one("LO", "Lung nodules"),
    })
}

fn send(site: &Site, head: &str, body: &Value) -> (u16, String, Value) {
    let head = format!("{head}\nContent-Type: application/dicom+json");
    let (status, heads, body) = site.request(&head, body.to_string().as_bytes());
    (status, heads, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn state(site: &Site, uid: &str, to: &str, transaction: &str) -> (u16, String) {
    let body = json!([{ "00741000": one("CS", to), "00081195": one("UI", transaction) }]);
    let (status, _, answer) = send(site, &format!("PUT {AT}/{uid}/state"), &body);
    (status, answer["detail"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_program_finds_claims_and_completes_its_work() {
    let site = served(Entity::default());
    let (status, heads, _) = send(&site, &format!("POST {AT}?1.2.3"), &json!([new()]));
    assert!(status == 201 && heads.contains("/dicom-web/workitems/1.2.3"), "{heads}");
    assert_eq!(send(&site, &format!("POST {AT}?1.2.3"), &new()).0, 409);
    let found = site.json(&format!("{AT}?ProcedureStepState=SCHEDULED&ProcedureStepLabel=Lung%20nodules"));
    assert_eq!(found[0]["00080018"]["Value"][0], "1.2.3");
    assert_eq!(state(&site, "1.2.3", "COMPLETED", "9.1").0, 409);
    assert_eq!(state(&site, "1.2.3", "IN PROGRESS", "9.1").0, 200);
    // Its answer was lost, and another wants it.
    assert_eq!(state(&site, "1.2.3", "IN PROGRESS", "9.1").0, 200);
    assert_eq!(state(&site, "1.2.3", "IN PROGRESS", "9.2").0, 409);
    let progress =
        json!({ "00741002": { "vr": "SQ", "Value": [{ "00741004": { "vr": "DS", "Value": [50] } }] } });
    for (query, expected) in [("", 400), ("?9.2", 409), ("?9.1", 200)] {
        assert_eq!(send(&site, &format!("POST {AT}/1.2.3{query}"), &progress).0, expected, "{query}");
    }
    let shown = site.json(&format!("{AT}/1.2.3"));
    assert_eq!(shown[0]["00741002"]["Value"][0]["00741004"]["Value"][0], 50);
    assert_eq!(
        (&shown[0]["00741000"]["Value"][0], &shown[0]["00741204"]["Value"][0]),
        (&"IN PROGRESS".into(), &"Lung nodules".into())
    );
    assert!(!shown.to_string().contains("9.1"), "the transaction is its holder's alone: {shown}");
    let (status, why) = state(&site, "1.2.3", "COMPLETED", "9.1");
    assert!(status == 409 && why.contains("(0074,1216)"), "{why}");
    let output = json!({ "0020000D": one("UI", "1.2.9"), "00081199": { "vr": "SQ", "Value": [
        { "00081150": one("UI", "1.2.840.10008.5.1.4.1.1.88.33"), "00081155": one("UI", "1.2.9.1") }] } });
    let performed = json!({ "00741216": { "vr": "SQ", "Value": [{
        "00404033": { "vr": "SQ", "Value": [output] },
        "00404050": one("DT", "20260705093000"),
        "00404051": one("DT", "20260705093100"),
    }] } });
    assert_eq!(send(&site, &format!("POST {AT}/1.2.3?transaction-uid=9.1"), &performed).0, 200);
    assert_eq!(state(&site, "1.2.3", "COMPLETED", "9.2").0, 409);
    assert_eq!(state(&site, "1.2.3", "COMPLETED", "9.1").0, 200);
    assert_eq!(send(&site, &format!("POST {AT}/1.2.3?9.1"), &progress).0, 409);
    let done = site.json(&format!("{AT}?PatientID=P1&ProcedureStepState=COMPLETED"));
    let output = &done[0]["00741216"]["Value"][0]["00404033"]["Value"][0];
    assert_eq!(output["00081199"]["Value"][0]["00081155"]["Value"][0], "1.2.9.1");
}

#[test]
fn what_nobody_has_claimed_is_canceled_and_what_is_wrong_is_named() {
    let site = served(Entity::default());
    let (status, heads, _) = send(&site, &format!("POST {AT}"), &new());
    assert_eq!(status, 201);
    let uid = heads
        .split("/workitems/")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .expect("a place")
        .trim()
        .to_owned();
    assert!(uid.starts_with("2.25.") && uid.len() <= 64);
    let cancel = |uid: &str| site.request(&format!("POST {AT}/{uid}/cancelrequest"), b"");
    assert_eq!(cancel(&uid).0, 202);
    let (status, heads, _) = cancel(&uid);
    assert!(status == 202 && heads.to_lowercase().contains("warning:"), "{heads}");
    send(&site, &format!("POST {AT}?1.2.4"), &new());
    state(&site, "1.2.4", "IN PROGRESS", "9.1");
    assert_eq!(cancel("1.2.4").0, 409);
    assert_eq!(state(&site, "1.2.4", "CANCELED", "9.1").0, 200);
    for (key, name) in [("00741204", "(0074,1204)"), ("00404041", "(0040,4041)")] {
        let mut data = new();
        data.as_object_mut().expect("an object").remove(key);
        let (status, _, answer) = send(&site, &format!("POST {AT}"), &data);
        assert!(status == 400 && answer["detail"].as_str().is_some_and(|why| why.contains(name)), "{answer}");
    }
    for (line, body, expected) in [
        (format!("POST {AT}"), json!("Doe"), 400),
        (format!("POST {AT}?Doe"), new(), 400),
        (format!("POST {AT}/1.2.4?9.1"), json!({ "00741000": one("CS", "COMPLETED") }), 400),
        (format!("PUT {AT}/1.2.4/state"), json!({ "00741000": one("CS", "DONE") }), 400),
        (
            format!("PUT {AT}/1.2.5/state"),
            json!({ "00741000": one("CS", "CANCELED"), "00081195": one("UI", "1") }),
            404,
        ),
        (format!("GET {AT}/1.2.5"), Value::Null, 404),
        (format!("GET {AT}?Doe=Jane"), Value::Null, 400),
        (format!("GET {AT}?PatientID=nobody"), Value::Null, 204),
        (format!("DELETE {AT}/1.2.4"), Value::Null, 405),
    ] {
        let (status, _, answer) = send(&site, &line, &body);
        assert_eq!(status, expected, "{line}: {answer}");
        assert!(!answer.to_string().contains("Doe"), "{answer}");
    }
}
