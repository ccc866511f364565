//! From a study to a final report: read, edited by two, signed, added to, and all of it there after a restart.

use dicom_dictionary_std::uids::COMPREHENSIVE3_DSR_STORAGE;
use rusqlite::Connection;
use serde_json::{Value, json};
use wilhelm_report::{Version, example, verify};
use wilhelm_store::Fault;

use super::site::{DeskSite, open_desk, tag, words};

/// The version documents of a report, as the archive hands them out.
fn documents(desk: &DeskSite, id: &str, count: usize) -> Vec<Vec<u8>> {
    let of = |number: usize| {
        let line = format!("GET /api/reports/{id}/versions/{number}");
        let (status, _, bytes) = desk.site.request(&line, b"");
        assert_eq!(status, 200, "{line}");
        bytes
    };
    (1..=count).map(of).collect()
}

#[test]
fn a_study_is_read_edited_signed_and_added_to_and_is_there_after_a_restart() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    assert!(!desk.read_again("1.2.840.1")[0].is_new, "the same reading gives the same report");
    let listed = desk.get("/api/studies/1.2.840.1/reports");
    assert_eq!((&listed["reports"][0]["id"], &listed["reports"][0]["state"]), (&json!(id), &json!("draft")));
    let (_, heads, report) = desk.ask(&format!("GET /api/reports/{id}"), "", &Value::Null);
    assert_eq!((tag(&heads).as_str(), &report["version"]), ("1.0", &json!(1)));
    assert_eq!(report["report"]["findings"][0]["observation"]["key"], "pneumonia");
    let place = &report["evidence"]["E1"];
    assert_eq!(
        (&place["kind"], &place["series"], &place["instance"]),
        (&json!("model"), &json!("1.2.840.1.1"), &json!("1.2.840.1.1.1"))
    );
    assert_eq!(place["overlay"], format!("/api/reports/{id}/overlays/0"));
    // By hand: 200 columns from 120 on and 180 rows from 340 on, around their pixels.
    let polygon = json!([[119.5, 339.5], [319.5, 339.5], [319.5, 519.5], [119.5, 519.5]]);
    assert_eq!(place["region"]["polygon"], polygon);
    let (status, _, png) = desk.site.request(&format!("GET /api/reports/{id}/overlays/0"), b"");
    assert_eq!((status, png.as_slice()), (200, super::reader::PNG));

    let (status, heads, edited) =
        desk.change(&id, "edits", "1.0", "", &words("S1", "Cough  for\nthree days."));
    assert_eq!((status, tag(&heads).as_str()), (200, "2.0"), "{edited}");
    let added = json!({ "add": [{ "heading": "findings", "text": "The heart is not enlarged." }] });
    let (status, heads, edited) = desk.change(&id, "edits", "2.0", "", &added);
    assert_eq!((status, tag(&heads).as_str()), (200, "3.0"), "{edited}");
    assert_eq!(edited["versions"][1]["changes"], 1);
    let compared = desk.get(&format!("/api/reports/{id}/compare?from=1&to=3"));
    let changes = compared["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 2);
    assert!(
        changes.iter().any(|one| one["after"] == "Cough for three days." && one["heading"] == "indication")
    );

    let (status, heads, signed) = desk.change(&id, "sign", "3.0", "", &json!({ "state": "final" }));
    assert_eq!((status, tag(&heads).as_str()), (200, "4.0"), "{signed}");
    assert_eq!(signed["sr"], json!({ "stored": true }));
    let (status, _, refused) = desk.change(&id, "edits", "4.0", "", &words("S1", "Cough."));
    assert_eq!(status, 422, "a final report is changed for a reason: {refused}");
    let (status, _, added) = desk.change(&id, "addendum", "4.0", "", &json!({ "text": "Told to the ward." }));
    assert_eq!((status, &added["report"]["state"]), (200, &json!("addendum")), "{added}");
    let (status, _, refused) = desk.change(&id, "sign", "5.0", "", &json!({ "state": "final" }));
    assert_eq!(status, 409, "{refused}");
    // Each final version lies in the study as a structured report.
    let instances = desk.get("/dicom-web/studies/1.2.840.1/instances");
    let is_report = |one: &&Value| one["00080016"]["Value"][0] == COMPREHENSIVE3_DSR_STORAGE;
    assert_eq!(instances.as_array().expect("instances").iter().filter(is_report).count(), 2, "{instances}");

    let versions = verify(&documents(&desk, &id, 5)).expect("a chain");
    let desk = desk.restarted(example::pneumonia(0.93));
    let again: Vec<Version> = verify(&documents(&desk, &id, 5)).expect("a chain");
    assert_eq!(versions, again);
    let report = desk.get(&format!("/api/reports/{id}"));
    assert_eq!((&report["version"], &report["versions"][4]["by"]), (&json!(5), &json!("anyone")));
    assert!(desk.site.store.check(false).expect("checked").is_sound());
    assert_eq!(desk.read_again("1.2.840.1")[0].report, id, "what a person worked on stays");
}

#[test]
fn of_two_who_edit_at_once_one_wins_and_the_other_is_told_by_whom() {
    let desk = super::site::guarded_desk();
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let (technologist, radiologist) = (desk.enter("technologist"), desk.enter("radiologist"));
    let (status, _, body) = desk.change(&id, "edits", "1.0", &technologist, &words("S1", "Cough."));
    assert_eq!(status, 200, "{body}");
    let (status, _, body) = desk.change(&id, "edits", "1.0", &radiologist, &words("S1", "Fever."));
    assert_eq!((status, &body["by"], &body["version"]), (412, &json!("technologist"), &json!(2)), "{body}");
    assert!(body["error"].as_str().expect("words").contains("technologist"), "{body}");
    assert!(body["at"].as_str().expect("a time").starts_with("20"), "{body}");
    let decision = json!({ "finding": "F1", "decision": "accepted" });
    let (status, heads, _) = desk.change(&id, "decisions", "2.0", &radiologist, &decision);
    assert_eq!((status, tag(&heads).as_str()), (200, "2.1"));
    let (status, _, body) = desk.change(&id, "edits", "2.0", &technologist, &words("S1", "Cough"));
    assert_eq!((status, &body["by"]), (412, &json!("radiologist")), "a decision counts: {body}");
    // Truly at once: of eight, one.
    let won: usize = std::thread::scope(|scope| {
        let run = |number: usize| {
            let (desk, id, heads) = (&desk, &id, &radiologist);
            scope.spawn(move || {
                let (status, _, body) =
                    desk.change(id, "edits", "2.1", heads, &words("S1", &format!("Cough {number}.")));
                assert!(matches!(status, 200 | 412), "{status} {body}");
                usize::from(status == 200)
            })
        };
        let runs: Vec<_> = (0..8).map(run).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).sum()
    });
    assert_eq!(won, 1);
}

#[test]
fn a_changed_byte_is_found_by_the_check_and_the_report_is_not_shown() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    assert_eq!(desk.change(&id, "edits", "1.0", "", &words("S1", "Cough.")).0, 200);
    assert!(desk.site.store.check(false).expect("checked").is_sound());
    let catalog = Connection::open(desk.site.folder.path().join("catalog.sqlite")).expect("opens");
    catalog.busy_timeout(std::time::Duration::from_secs(5)).expect("set");
    let bytes: Vec<u8> = catalog
        .query_row("SELECT bytes FROM report_version WHERE number = 1", [], |row| row.get(0))
        .expect("a version");
    let changed = String::from_utf8(bytes).expect("JSON").replacen("fever", "fewer", 1);
    catalog
        .execute("UPDATE report_version SET bytes = ?1 WHERE number = 1", [changed.into_bytes()])
        .expect("changed");
    let checked = desk.site.store.check(false).expect("checked");
    assert_eq!((checked.report_faults.len(), checked.report_faults[0].fault), (1, Fault::Changed));
    assert_eq!(checked.report_faults[0].part, "version 1");
    let (status, _, body) = desk.ask(&format!("GET /api/reports/{id}"), "", &Value::Null);
    assert_eq!(status, 500, "{body}");
    assert_eq!(desk.change(&id, "sign", "2.0", "", &json!({ "state": "final" })).0, 500);
}

#[test]
fn the_object_of_a_final_report_that_a_killed_program_did_not_make_is_made_at_the_next_start() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let change = desk.site.store.latest_change().expect("changes");
    assert_eq!(desk.change(&id, "sign", "1.0", "", &json!({ "state": "final" })).0, 200);
    assert_eq!(
        desk.site.store.latest_change().expect("changes"),
        change,
        "no rule is asked for the desk's own object"
    );
    let before = desk.site.store.count().expect("counted").instances;
    let catalog = Connection::open(desk.site.folder.path().join("catalog.sqlite")).expect("opens");
    catalog.busy_timeout(std::time::Duration::from_secs(5)).expect("set");
    // As if the program had been killed between the signature and the object; made again, it is the same object.
    catalog.execute_batch("UPDATE report SET delivered = 0").expect("changed");
    drop(catalog);
    let desk = desk.restarted(example::pneumonia(0.93));
    let is_delivered = || desk.site.store.reports().undelivered().expect("listed").is_empty();
    let is_made = (0..5000).any(|_| {
        desk.site.json("/health");
        is_delivered()
    });
    assert!(is_made);
    assert_eq!(desk.site.store.count().expect("counted").instances, before);
}
