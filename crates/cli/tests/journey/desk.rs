//! The report desk of `wilhelm serve`: studies read by this program's own models, edited, signed and found again.

use std::time::{Duration, Instant};

use serde_json::{Value, json as value};

use super::archive::{Home, Served};
use super::{code, json, path, stderr};

fn get(served: &Served, address: &str) -> (Value, String) {
    let (status, heads, body) = served.request(&format!("GET {address}"), b"");
    assert_eq!(status, 200, "{address}: {}", String::from_utf8_lossy(&body));
    (json(&body), heads)
}

/// Changes a report as the version that was just seen.
fn change(served: &Served, report: &str, what: &str, body: &Value) -> (u16, Value) {
    let (_, heads) = get(served, &format!("/api/reports/{report}"));
    let seen = heads.lines().find_map(|line| line.strip_prefix("etag: ")).expect("an ETag");
    let head = format!("POST /api/reports/{report}/{what}\nContent-Type: application/json\nIf-Match: {seen}");
    let (status, _, answer) = served.request(&head, body.to_string().as_bytes());
    (status, json(&answer))
}

#[test]
fn the_demonstration_has_studies_that_were_read_and_one_is_edited_and_signed() {
    let home = Home::new();
    let cache = home.path().join("cache");
    let served = home.serve(&["--demo"], &[("WILHELM_CACHE", path(&cache))]);
    let (list, _) = get(&served, "/api/worklist");
    assert_eq!(list["total"], 3, "{list}");
    let rows = list["rows"].as_array().expect("rows");
    assert_eq!((&rows[0]["triage"]["level"], &rows[0]["modalities"]), (&value!("urgent"), &value!(["MR"])));
    assert!(rows.iter().all(|row| row["reports"][0]["state"] == "draft" && row["reading"].is_null()));
    let breast = rows.iter().find(|row| row["modalities"] == value!(["US"])).expect("the ultrasound");
    let id = breast["reports"][0]["id"].as_str().expect("a name");
    let (report, _) = get(&served, &format!("/api/reports/{id}"));
    let sentence = report["report"]["sections"]
        .as_array()
        .expect("sections")
        .iter()
        .find(|section| section["heading"] == "findings")
        .map(|section| section["sentences"][0].clone())
        .expect("findings");
    assert!(sentence["bears"][0].is_string(), "{sentence}");
    // General knowledge is there with its source, and is shown on no image.
    let (known, place) = report["report"]["evidence"]
        .as_array()
        .expect("evidence")
        .iter()
        .find(|one| one["source"]["kind"] == "statement")
        .map(|one| (one, &report["evidence"][one["id"].as_str().unwrap_or_default()]))
        .expect("a statement");
    assert!(known["source"]["citation"].is_string() && place["words"] == known["summary"], "{place}");
    assert!(
        place["kind"] == "statement" && place["series"].is_null() && place["instance"].is_null(),
        "{place}"
    );
    let said =
        value!({ "sentence": sentence["id"], "text": "No malignant breast lesion.", "language": "en" });
    let head = format!("POST /api/reports/{id}/check\nContent-Type: application/json");
    let (status, _, verdict) = served.request(&head, said.to_string().as_bytes());
    assert_eq!((status, &json(&verdict)["verdict"]), (200, &value!("contradicts")));
    let words = "Irregular mass in the upper outer quadrant, probably malignant.";
    let edits = value!({ "edits": [{ "sentence": sentence["id"], "text": words }] });
    assert_eq!(change(&served, id, "edits", &edits).0, 200);
    let (status, signed) = change(&served, id, "sign", &value!({ "state": "final" }));
    assert_eq!((status, &signed["report"]["state"]), (200, &value!("final")), "{signed}");
    let (found, _) = get(&served, "/fhir/DiagnosticReport?status=final");
    assert_eq!(found["entry"].as_array().map(Vec::len), Some(1), "{found}");
    let study = breast["study"].as_str().expect("a study");
    let (series, _) = get(&served, &format!("/dicom-web/studies/{study}/series?Modality=SR"));
    assert_eq!(series.as_array().map(Vec::len), Some(1), "the signed report lies in the study");
    served.stop();
    // What was signed is there the next time, and is not read anew.
    let served = home.serve(&["--demo"], &[("WILHELM_CACHE", path(&cache))]);
    let (report, _) = get(&served, &format!("/api/reports/{id}"));
    assert_eq!((&report["version"], &report["report"]["state"]), (&value!(3), &value!("final")));
    served.stop();
    let (log, key) = (cache.join("demo/audit"), cache.join("demo/audit.key"));
    let verdict = home.run(&["audit", "verify", path(&log), "--key", path(&key)]);
    assert_eq!(code(&verdict), 0, "{}", stderr(&verdict));
}

#[test]
fn a_study_that_arrives_waits_in_the_queue_and_is_read() {
    let home = Home::new();
    let served = home.serve(&["--open"], &[]);
    let sent = home.run(&["send", "dicom", "testdata/demo/chest.dcm", "--to", &served.dimse(), "--json"]);
    assert_eq!(code(&sent), 0, "{}", stderr(&sent));
    let (list, _) = get(&served, "/api/worklist?state=unread");
    let study = list["rows"][0]["study"].as_str().expect("a study").to_owned();
    let (status, _, asked) = served.request(&format!("POST /api/studies/{study}/read"), b"");
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&asked));
    let job = json(&asked)["job"].as_str().expect("a job").to_owned();
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let (job, _) = get(&served, &format!("/api/jobs/{job}"));
        if job["state"] == "done" {
            break;
        }
        assert!(Instant::now() < until && job["state"] != "failed" && job["state"] != "dead", "{job}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (list, _) = get(&served, "/api/worklist");
    let row = &list["rows"][0];
    assert_eq!(
        (&row["reports"][0]["state"], &row["triage"]["level"]),
        (&value!("draft"), &value!("soon")),
        "{row}"
    );
    served.stop();
    let drafted = json(&home.run(&["audit", "show", "--action", "report.drafted", "--json"]).stdout);
    assert!(drafted["entries"].as_array().is_some_and(|entries| !entries.is_empty()), "{drafted}");
}
