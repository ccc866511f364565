//! The archive as FHIR clients meet it, and its description.

use serde_json::{Value, json};
use wilhelm_server::dimse::Settings as Entity;

use crate::live::Stream;
use crate::site::{Site, served, slice};

impl Site {
    fn resource(&self, path: &str) -> (u16, Value) {
        let (status, heads, body) = self.request(&format!("GET {path}"), b"");
        assert!(heads.contains("application/fhir+json"), "{heads}");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }
}

#[test]
fn patients_and_studies_are_found_read_and_paged() {
    let site = served(Entity::default());
    site.send(&[slice(0), slice(1)]);
    let (status, patients) = site.resource("/fhir/Patient?name=phan&identifier=PHANTOM-1");
    assert_eq!((status, &patients["type"]), (200, &json!("searchset")), "{patients}");
    let patient = &patients["entry"][0]["resource"];
    assert_eq!(patient["name"][0], json!({ "family": "Phantom", "given": ["Analytic"] }));
    let id = patient["id"].as_str().expect("an id");
    assert_eq!(site.resource(&format!("/fhir/Patient/{id}")), (200, patient.clone()));
    let (_, studies) = site.resource(&format!("/fhir/ImagingStudy?patient=Patient/{id}&modality=CT"));
    let study = &studies["entry"][0]["resource"];
    assert_eq!((&study["numberOfInstances"], &study["modality"][0]["code"]), (&json!(2), &json!("CT")));
    assert_eq!(study["subject"]["reference"], format!("Patient/{id}"));
    let uid = study["id"].as_str().expect("a UID");
    assert_eq!(study["identifier"][0]["value"], format!("urn:oid:{uid}"));
    let (_, whole) = site.resource(&format!("/fhir/ImagingStudy/{uid}"));
    assert_eq!(whole["series"][0]["numberOfInstances"], 2);
    let (_, by_uid) =
        site.resource(&format!("/fhir/ImagingStudy?identifier=urn:dicom:uid%7Curn:oid:{uid}&_count=1"));
    assert_eq!(by_uid["entry"].as_array().map(Vec::len), Some(1));
    assert_eq!(by_uid["link"].as_array().map(Vec::len), Some(1), "there is no next page: {by_uid}");
    let (_, none) =
        site.resource("/fhir/ImagingStudy?_count=1&_offset=1&started=ge1900-01-01&started=le1901-01-01");
    assert!(none.get("entry").is_none() && none["link"][1]["relation"] == "previous", "{none}");
    let (_, page) = site.resource("/fhir/Patient?_count=0");
    assert!(page.get("entry").is_none(), "{page}");
}

#[test]
fn what_is_wrong_with_a_search_is_an_outcome() {
    let site = served(Entity::default());
    for (path, expected) in [
        ("/fhir/Patient/34373131", 404),
        ("/fhir/Patient/no", 404),
        ("/fhir/ImagingStudy/1.2.3", 404),
        ("/fhir/ImagingStudy/x", 404),
        ("/fhir/ImagingStudy?started=yesterday", 400),
        ("/fhir/Patient?name=*", 400),
        ("/fhir/Patient?Doe=Jane", 400),
        ("/fhir/Patient?_count=-1", 400),
        ("/fhir/AuditEvent", 404),
    ] {
        let (status, outcome) = site.resource(path);
        assert_eq!((status, &outcome["resourceType"]), (expected, &json!("OperationOutcome")), "{path}");
        assert!(!outcome.to_string().contains("Doe"), "{outcome}");
    }
}

#[test]
fn the_description_is_of_what_is_answered() {
    let site = served(Entity::default());
    let described = site.json("/api/openapi.json");
    let capabilities = site.resource("/fhir/metadata").1;
    assert_eq!(capabilities["fhirVersion"], "4.0.1");
    let paths = described["paths"].as_object().expect("paths");
    assert!(paths.len() > 25);
    for (path, methods) in paths {
        let address = path
            .replace("{list}", "1")
            .replace("{path}", "7FE00010")
            .replace("{id}", "34373131")
            .replace("{item}", "1")
            .replace("{image}", "1");
        let address: Vec<&str> =
            address.split('/').map(|part| if part.starts_with('{') { "1.2.3" } else { part }).collect();
        for method in methods.as_object().expect("methods").keys() {
            let line = format!("{} {}", method.to_uppercase(), address.join("/"));
            // Its answer has no end.
            if path == "/api/events" {
                Stream::open(&site, "").expect("open to all");
                continue;
            }
            let (status, _, body) = site.request(&line, b"");
            let body = String::from_utf8_lossy(&body).into_owned();
            assert!(status < 500 && status != 405, "{line}: {status}");
            assert!(!body.contains("nothing at this address"), "{line}: {body}");
        }
    }
    let kinds: Vec<&Value> = capabilities["rest"][0]["resource"]
        .as_array()
        .expect("kinds")
        .iter()
        .map(|one| &one["type"])
        .collect();
    for kind in kinds {
        assert!(paths.contains_key(&format!("/fhir/{}", kind.as_str().expect("a name"))), "{kind}");
    }
}
