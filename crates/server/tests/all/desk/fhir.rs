//! Signed reports as FHIR clients find them.

use serde_json::{Value, json};
use wilhelm_report::example;

use super::site::{DeskSite, open_desk};

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
    assert_eq!(desk.change(&id, "decisions", "1.0", "", &decision).0, 200);
    assert_eq!(desk.change(&id, "sign", "1.1", "", &json!({ "state": "final" })).0, 200);
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
    assert_eq!(desk.change(&id, "edits", "2.1", "", &edit).0, 200);
    assert_eq!(desk.get(&format!("/fhir/DiagnosticReport/{id}"))["status"], "amended");
}
