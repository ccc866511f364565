//! A colleague who is asked about a study by a link: what they see and do, what they do not, and when it ends.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use dicom_dictionary_std::tags;
use serde_json::{Value, json};
use wilhelm_privacy::audit::{Action, Filter, Outcome, entries};
use wilhelm_store::{GuestRole, NewConsultation};

use crate::desk::site::{DeskSite, guarded_desk, open_desk};
use crate::live::Stream;

const STUDY: &str = "1.2.840.7";
const OTHER: &str = "1.2.840.8";

/// Two studies of one patient, each with a report.
fn site() -> (DeskSite, String) {
    let desk = guarded_desk();
    let report = desk.read(STUDY, "P1", "20260131");
    desk.read(OTHER, "P1", "20260201");
    (desk, report)
}

fn invited(desk: &DeskSite, host: &str, asked: &Value) -> (String, String) {
    let (status, _, body) = desk.ask(&format!("POST /api/studies/{STUDY}/consultations"), host, asked);
    assert_eq!(status, 201, "{body}");
    let link = body["link"].as_str().expect("a link");
    let token = link.strip_prefix("/#/consult/").expect("behind the sign that no request carries").to_owned();
    (body["id"].as_str().expect("a name").to_owned(), token)
}

fn opened(desk: &DeskSite, token: &str, name: &str) -> Result<String, (u16, Value)> {
    let body = json!({ "token": token, "name": name });
    let (status, heads, body) = desk.ask("POST /api/guest", "Origin: http://localhost", &body);
    if status != 200 {
        return Err((status, body));
    }
    assert_eq!((&body["name"], &body["role"]), (&json!(name), &json!("guest")));
    let cookie = heads.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    Ok(format!("Cookie: {pair}\nOrigin: http://localhost"))
}

fn asked() -> Value {
    json!({ "question": "Is this a nodule?", "role": "second-reader", "shows_reports": true })
}

#[test]
fn a_guest_sees_one_study_and_one_consultation_and_nothing_else() {
    let (desk, report) = site();
    let host = desk.enter("radiologist");
    let (id, token) = invited(&desk, &host, &asked());
    let (other, _) = invited(&desk, &host, &json!({ "question": "And this?" }));
    let guest = opened(&desk, &token, "Dr Li").expect("let in");
    let see = |path: &str| desk.ask(&format!("GET {path}"), &guest, &Value::Null).0;
    let series = format!("/dicom-web/studies/{STUDY}/series/{STUDY}.1");
    for path in [
        format!("/dicom-web/studies?StudyInstanceUID={STUDY}&includefield=StudyDescription"),
        format!("/dicom-web/studies/{STUDY}/series"),
        format!("/dicom-web/studies/{STUDY}/metadata"),
        format!("{series}/metadata"),
        format!("{series}/thumbnail"),
        format!("{series}/instances/{STUDY}.1.1"),
        format!("{series}/instances/{STUDY}.1.1/frames/1"),
        format!("/api/consultations/{id}"),
        "/api/session".to_owned(),
    ] {
        assert_eq!(see(&path), 200, "{path}");
    }
    for path in [
        "/dicom-web/studies".to_owned(),
        "/dicom-web/series".to_owned(),
        "/dicom-web/instances".to_owned(),
        format!("/dicom-web/studies?StudyInstanceUID={OTHER}"),
        format!("/dicom-web/studies?StudyInstanceUID={STUDY}&StudyInstanceUID={OTHER}"),
        format!("/dicom-web/studies?StudyInstanceUID={STUDY}&0020000D={OTHER}"),
        format!("/dicom-web/studies?StudyInstanceUID={STUDY}%5C{OTHER}"),
        "/dicom-web/studies?PatientID=P1".to_owned(),
        format!("/dicom-web/studies/{OTHER}/metadata"),
        format!("/dicom-web/studies/{OTHER}/series/{OTHER}.1/instances/{OTHER}.1.1/frames/1"),
        "/dicom-web/workitems".to_owned(),
        format!("/study/{STUDY}"),
        "/plain".to_owned(),
        "/fhir/Patient".to_owned(),
        format!("/fhir/ImagingStudy/{STUDY}"),
        "/fhir/DiagnosticReport".to_owned(),
        "/fhir/AuditEvent".to_owned(),
        "/api/worklist".to_owned(),
        "/api/events".to_owned(),
        "/api/jobs".to_owned(),
        "/api/rules".to_owned(),
        "/api/bin".to_owned(),
        "/api/macros".to_owned(),
        "/api/destinations".to_owned(),
        "/api/consultations".to_owned(),
        format!("/api/consultations/{other}"),
        format!("/api/consultations/{other}/events"),
        format!("/api/studies/{STUDY}/consultations"),
        format!("/api/studies/{STUDY}/reports"),
        format!("/api/studies/{STUDY}/opinions"),
        format!("/api/reports/{report}"),
        format!("/api/reports/{report}/forms/html"),
    ] {
        assert_eq!(see(&path), 403, "{path}");
    }
    for (line, body) in [
        (format!("POST /api/consultations/{id}/revoke"), json!({})),
        (format!("POST /api/consultations/{other}/notes"), json!({ "text": "x" })),
        (format!("POST /api/studies/{STUDY}/consultations"), asked()),
        (format!("POST /api/studies/{STUDY}/send"), json!({ "to": "X@127.0.0.1:104" })),
        (format!("POST /api/studies/{STUDY}/read"), json!({})),
        (format!("DELETE /api/studies/{STUDY}"), json!({ "reason": "because I can" })),
        (format!("POST /api/reports/{report}/sign"), json!({ "state": "final" })),
        (format!("PUT /api/reports/{report}/open"), json!({ "window": "a" })),
        ("POST /dicom-web/studies".to_owned(), json!({})),
    ] {
        assert_eq!(desk.ask(&line, &guest, &body).0, 403, "{line}");
    }
    let (status, _, body) =
        desk.ask("POST /api/emergency", &guest, &json!({ "study": OTHER, "reason": "I have to see it now" }));
    assert_eq!(status, 403, "{body}");
    // A page from elsewhere changes nothing with a guest's cookie either.
    let foreign = guest.replace("http://localhost", "http://evil.example");
    assert_eq!(
        desk.ask(&format!("POST /api/consultations/{id}/notes"), &foreign, &json!({ "text": "x" })).0,
        403
    );
    let (_, _, me) = desk.ask("GET /api/session", &guest, &Value::Null);
    assert_eq!((&me["guest"]["study"], &me["permissions"]), (&json!(STUDY), &json!([])));
    // Leaving ends the session, not the consultation.
    assert_eq!(desk.ask("DELETE /api/session", &guest, &Value::Null).0, 204);
    assert_eq!(see(&format!("/api/consultations/{id}")), 401);
    opened(&desk, &token, "Dr Li").expect("the link opens again");
}

#[test]
fn who_may_not_see_a_study_invites_nobody_to_it_and_a_mistake_is_named() {
    let (desk, _) = site();
    let path = format!("POST /api/studies/{STUDY}/consultations");
    for role in ["viewer", "technologist", "administrator"] {
        assert_eq!(desk.ask(&path, &desk.enter(role), &asked()).0, 403, "{role}");
    }
    let host = desk.enter("radiologist");
    for (asked, expected) in [
        (json!({ "question": " " }), "expected 1 to 4000"),
        (json!({ "question": "x".repeat(4001) }), "4001 characters"),
        (json!({ "question": "x", "role": "administrator" }), "viewer or second-reader"),
        (json!({ "question": "x", "hours": 0 }), "expected 1 to 720"),
        (json!({ "question": "x", "hours": 721 }), "expected 1 to 720"),
        (json!({ "question": "x", "opens": 11 }), "expected 1 to 10"),
        (json!({ "question": "x", "hides_patient": true, "shows_reports": true }), "may name the patient"),
    ] {
        let (status, _, body) = desk.ask(&path, &host, &asked);
        let words = body["error"].as_str().unwrap_or_default();
        assert!(status == 422 && words.contains(expected), "{status} {words}");
    }
    assert_eq!(desk.ask(&path, &host, &json!({ "question": "x", "until": 1 })).0, 400);
    let missing = desk.ask("POST /api/studies/9.9.9/consultations", &host, &asked()).0;
    assert_eq!(missing, 404);
    let open = open_desk(wilhelm_report::example::pneumonia(0.93));
    open.read(STUDY, "P1", "20260131");
    assert_eq!(open.ask(&path, "", &asked()).0, 409, "an open archive has nobody to invite");
    assert_eq!(open.ask("POST /api/guest", "", &json!({ "token": "x", "name": "y" })).0, 409);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_link_ends_when_it_is_withdrawn_or_over_and_its_secret_lies_nowhere() {
    let (mut desk, _) = site();
    let host = desk.enter("radiologist");
    let (id, token) = invited(&desk, &host, &json!({ "question": "x", "opens": 2 }));
    let guest = opened(&desk, &token, "Dr Li").expect("let in");
    let path = format!("/api/consultations/{id}");
    let see = |desk: &DeskSite| desk.ask(&format!("GET {path}"), &guest, &Value::Null).0;
    let note = json!({ "text": "a nodule of Jane Doe, I think" });
    assert_eq!(desk.ask(&format!("POST {path}/notes"), &guest, &note).0, 201);
    let opinion = json!({ "agreement": "adds", "text": "x" });
    assert_eq!(desk.ask(&format!("POST {path}/opinions"), &guest, &opinion).0, 403, "a viewer gives none");
    assert_eq!(see(&desk), 200);
    opened(&desk, &token, "Dr Wu").expect("the second");
    assert_eq!(opened(&desk, &token, "Dr Xi").expect_err("no third").0, 410);
    let mut changed = token.clone();
    changed.replace_range(token.len() - 1.., if token.ends_with('0') { "1" } else { "0" });
    for (token, why) in
        [(changed.as_str(), "another secret"), ("", "none"), ("wilhelm_invitation_00", "no link")]
    {
        assert_eq!(opened(&desk, token, "Dr Xi").expect_err(why).0, 404, "{why}");
    }
    assert_eq!(desk.ask(&format!("POST {path}/revoke"), &host, &Value::Null).0, 200);
    assert_eq!(see(&desk), 401, "at once");
    assert_eq!(opened(&desk, &token, "Dr Xi").expect_err("over").0, 404);
    assert_eq!(desk.ask(&format!("POST {path}/revoke"), &host, &Value::Null).0, 422, "it is over");
    let (status, _, thread) = desk.ask(&format!("GET {path}"), &host, &Value::Null);
    assert_eq!(
        (status, &thread["state"], &thread["notes"][0]["by"]),
        (200, &json!("ended"), &json!("Dr Li"))
    );
    assert_eq!(desk.ask(&format!("POST {path}/notes"), &host, &note).0, 422, "nor does the host write more");

    // One whose time has passed opens nothing, whoever holds its session.
    let expired = SystemTime::now() - Duration::from_secs(1);
    let hash = wilhelm_privacy::account::LinkSecret::make(
        wilhelm_privacy::account::LinkPurpose::Invitation,
        &mut wilhelm_privacy::SystemEntropy::default(),
    )
    .expect("a secret");
    let new = NewConsultation {
        id: hash.id.clone(),
        link_hash: hash.hash.clone(),
        study_uid: STUDY.to_owned(),
        made_by: "radiologist".to_owned(),
        expires: expired,
        role: GuestRole::Viewer,
        hides_patient: false,
        shows_reports: false,
        opens: 9,
        question: b"x".to_vec(),
    };
    desk.site.store.consultations().make(new, expired - Duration::from_secs(60)).expect("made");
    assert_eq!(opened(&desk, hash.secret.expose(), "Dr Xi").expect_err("over").0, 404);

    let events = entries(&desk.site.folder.path().join("audit"), &Filter::default()).expect("entries");
    let done = |action| {
        events
            .iter()
            .filter(|entry| entry.event.action == action && entry.event.outcome == Outcome::Done)
            .count()
    };
    assert_eq!(
        [
            Action::ConsultationMade,
            Action::ConsultationOpened,
            Action::ConsultationNoted,
            Action::ConsultationRevoked
        ]
        .map(done),
        [1, 2 + 1, 1, 1],
        "the third was written down before it was refused"
    );
    let opened: Vec<&str> = events
        .iter()
        .filter(|entry| entry.event.action == Action::ConsultationOpened)
        .filter_map(|entry| entry.event.details.get("name given").map(String::as_str))
        .collect();
    assert!(opened.starts_with(&["Dr Li", "Dr Wu"]), "{opened:?}");
    desk.site.server.stop();
    let secret = token.rsplit('_').next().expect("a part");
    let session = guest.rsplit_once("wilhelm_guest_").expect("a cookie").1;
    let session = session.split('\n').next().and_then(|text| text.split_once('_')).expect("two parts").1;
    for path in files(desk.site.folder.path()) {
        let bytes = std::fs::read(&path).expect("read");
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds(secret) && !holds(session), "{}", path.display());
        let is_log = path.parent().is_some_and(|folder| folder.ends_with("audit"));
        assert!(!is_log || !holds("nodule"), "{}", path.display());
    }
}

#[test]
fn tries_to_open_a_link_are_counted_by_address() {
    let (desk, _) = site();
    let tried: Vec<u16> = (0..12).map(|_| opened(&desk, "x", "y").expect_err("none").0).collect();
    assert_eq!(tried[..10], [404; 10]);
    assert_eq!(tried[10..], [429; 2]);
}

#[test]
fn a_patient_that_is_hidden_stands_in_nothing_that_a_guest_is_given() {
    let (desk, _) = site();
    let host = desk.enter("radiologist");
    let (_, token) = invited(&desk, &host, &json!({ "question": "x", "hides_patient": true }));
    let guest = opened(&desk, &token, "Dr Li").expect("let in");
    let series = format!("/dicom-web/studies/{STUDY}/series/{STUDY}.1");
    let instance = format!("{series}/instances/{STUDY}.1.1");
    let get = |path: &str| {
        let head = format!("GET {path}\nHost: localhost\n{guest}");
        let (status, heads, body) = desk.site.request(&head, b"");
        let text = String::from_utf8_lossy(&body).into_owned();
        for value in ["Doe", "Jane", "P1\"", "20260131"] {
            assert!(!text.contains(value) && !heads.contains(value), "{path} gives {value}");
        }
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let (status, found) = get(&format!("/dicom-web/studies?StudyInstanceUID={STUDY}"));
    assert_eq!((status, &found[0]["00100010"]["Value"][0]["Alphabetic"]), (200, &json!("(hidden)")));
    assert_eq!(found[0]["0020000D"]["Value"][0], STUDY);
    let (status, found) = get(&format!("{series}/metadata"));
    assert_eq!(status, 200);
    for kept in ["00080018", "00200032", "00200037", "00280010", "00280030", "00281052"] {
        assert!(found[0].get(kept).is_some(), "{kept} is wanted to show an image: {found}");
    }
    assert!(found[0].get("00080020").is_none() && found[0].get("00100020").is_none());
    for (path, expected) in [
        (format!("/dicom-web/studies/{STUDY}/series"), 200),
        (format!("{series}/instances"), 200),
        (format!("{instance}/metadata"), 200),
        (format!("{instance}/frames/1"), 200),
        (format!("{instance}/rendered"), 200),
        (format!("{series}/thumbnail"), 200),
        (instance.clone(), 403),
        (series.clone(), 403),
        (format!("/dicom-web/studies/{STUDY}"), 403),
        (format!("{instance}/bulkdata/7FE00010"), 403),
        (format!("/dicom-web/studies/{STUDY}/thumbnail"), 403),
    ] {
        assert_eq!(get(&path).0, expected, "{path}");
    }
}

fn view(frame: u32) -> Value {
    json!({
        "series": format!("{STUDY}.1"), "instance": format!("{STUDY}.1.1"), "frame": frame, "window": [40.0, 400.0],
        "zoom": 1.5, "pan": [0.1, -0.2], "cursor": [12.5, 7.0],
    })
}

#[test]
fn host_and_guest_see_what_the_other_looks_at_and_hear_of_notes_and_the_end() {
    let (desk, _) = site();
    let host = desk.enter("radiologist");
    let (id, token) = invited(&desk, &host, &asked());
    let path = format!("/api/consultations/{id}");
    let mut listed = Stream::open(&desk.site, &host).expect("the host's lists");
    let send = |who: &str, what: &str, body: &Value| desk.ask(&format!("POST {path}/{what}"), who, body);
    assert_eq!(send(&host, "presence", &view(1)).0, 409, "nobody is there");
    let mut at_host = Stream::open_at(&desk.site, &format!("{path}/events"), &host).expect("the room");
    let guest = opened(&desk, &token, "Dr Li").expect("let in");
    listed
        .wait_for(|name, data| name == "consultation" && data["what"] == "opened" && data["study"] == STUDY);
    let mut at_guest = Stream::open_at(&desk.site, &format!("{path}/events"), &guest).expect("the room");
    let here = at_guest.wait_for(|name, _| name == "here");
    assert_eq!(here["people"].as_array().map(Vec::len), Some(2), "{here}");
    let came = at_host.wait_for(|name, data| name == "came" && data["guest"] == true);
    assert_eq!(came["name"], "Dr Li");
    assert_eq!(send(&guest, "presence", &view(1)).0, 204);
    let seen = at_host.wait_for(|name, _| name == "view");
    assert_eq!((&seen["name"], &seen["view"]), (&json!("Dr Li"), &view(1)));
    assert_eq!(send(&host, "presence", &view(1)).0, 204);
    assert_eq!(at_guest.wait_for(|name, _| name == "view")["name"], "radiologist");
    for wrong in [
        json!({ "series": "*", "instance": "1.2", "frame": 1 }),
        json!({ "series": "1.2", "instance": "1.2", "frame": 0 }),
        json!({ "series": "1.2", "instance": "1.2", "frame": 1, "zoom": 1e9 }),
    ] {
        assert_eq!(send(&guest, "presence", &wrong).0, 422, "{wrong}");
    }
    assert_eq!(
        send(&guest, "presence", &json!({ "series": "1.2", "instance": "1.2", "frame": 1, "name": "x" })).0,
        400
    );
    let told = (0..60).filter(|_| send(&guest, "presence", &view(1)).0 == 204).count();
    assert!((15..60).contains(&told), "{told} of 60 at once");
    let note = json!({ "text": "here\nand there", "anchor": { "instance": format!("{STUDY}.1.1"), "point": [3.5, 4.0] } });
    let (status, _, body) = send(&guest, "notes", &note);
    assert_eq!((status, &body["number"]), (201, &json!(1)), "{body}");
    let heard = at_host.wait_for(|name, _| name == "note");
    assert_eq!((&heard["text"], &heard["anchor"]["frame"]), (&json!("here\nand there"), &json!(1)));
    for (wrong, expected) in [
        (json!({ "text": "x", "anchor": { "instance": format!("{OTHER}.1.1") } }), "no object of this study"),
        (
            json!({ "text": "x", "anchor": { "instance": format!("{STUDY}.1.1"), "frame": 2 } }),
            "a frame that",
        ),
        (json!({ "text": "x\u{7}" }), "control"),
    ] {
        let (status, _, body) = send(&guest, "notes", &wrong);
        assert!(
            status == 422 && body["error"].as_str().is_some_and(|words| words.contains(expected)),
            "{body}"
        );
    }
    assert_eq!(send(&host, "revoke", &Value::Null).0, 200);
    at_guest.wait_for(|name, _| name == "ended");
    assert!(at_guest.next(&mut String::new()).is_none(), "a guest hears nothing more");
    at_host.wait_for(|name, _| name == "left");
    assert_eq!(send(&guest, "presence", &view(1)).0, 401);
}

#[test]
fn a_second_opinion_stays_in_the_study_as_it_was_given() {
    let (desk, report) = site();
    let host = desk.enter("radiologist");
    let (id, token) = invited(&desk, &host, &asked());
    let guest = opened(&desk, &token, "Dr Li").expect("let in");
    let path = format!("/api/consultations/{id}");
    let (_, _, thread) = desk.ask(&format!("GET {path}"), &guest, &Value::Null);
    assert_eq!(
        (&thread["question"], &thread["reports"][0]["version"]),
        (&json!("Is this a nodule?"), &json!(1))
    );
    assert!(thread["reports"][0]["text"].as_str().is_some_and(|text| text.contains("pneumonia")));
    let give = |who: &str, body: &Value| desk.ask(&format!("POST {path}/opinions"), who, body);
    let given = json!({
        "agreement": "differs", "text": "I see atelectasis. \u{80ba}\u{4e0d}\u{5f20}.", "report": { "id": report, "version": 1 },
        "image": { "instance": format!("{STUDY}.1.1") },
    });
    let (status, _, first) = give(&guest, &given);
    assert_eq!(status, 201, "{first}");
    assert_eq!(
        (&first["problem"], &first["in_study"], &first["invited_by"]),
        (&Value::Null, &json!(true), &json!("radiologist"))
    );
    for (wrong, expected) in [
        (json!({ "agreement": "maybe", "text": "x" }), "agrees, differs or adds"),
        (
            json!({ "agreement": "adds", "text": "x", "report": { "id": report, "version": 2 } }),
            "a version that",
        ),
        (json!({ "agreement": "adds", "text": "x", "report": { "id": "nothing", "version": 1 } }), "has not"),
    ] {
        let (status, _, body) = give(&guest, &wrong);
        assert!(
            status == 422 && body["error"].as_str().is_some_and(|words| words.contains(expected)),
            "{body}"
        );
    }
    let (status, _, second) =
        give(&host, &json!({ "agreement": "agrees", "text": "On reflection, so do I." }));
    assert_eq!((status, &second["previous"]), (201, &first["sha256"]));
    let listed = desk.ask(&format!("GET /api/studies/{STUDY}/opinions"), &host, &Value::Null).2;
    assert_eq!(listed["opinions"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed["opinions"][0]["text"], given["text"]);
    assert_eq!(listed["opinions"][0]["report"], json!({ "id": report, "version": 1 }));
    // As another program reads it.
    let place = wilhelm_store::Place {
        study_uid: wilhelm_study::StudyInstanceUid::new(STUDY).expect("a UID"),
        series_uid: None,
        sop_uid: None,
    };
    let objects = desk.site.store.locate(&place).expect("found");
    let documents: Vec<_> = objects
        .iter()
        .filter(|one| one.sop_class == dicom_dictionary_std::uids::BASIC_TEXT_SR_STORAGE)
        .collect();
    assert_eq!(documents.len(), 2);
    let content = desk.site.store.content(documents[0]).expect("opened");
    let mut bytes = vec![0; usize::try_from(content.length()).expect("small")];
    content.read_at(0, &mut bytes).expect("read");
    let object = dicom_object::from_reader(std::io::Cursor::new(&bytes)).expect("a document");
    let text = |tag| object.element(tag).expect("there").to_str().expect("text").trim_end().to_owned();
    assert_eq!((text(tags::PATIENT_ID), text(tags::STUDY_INSTANCE_UID)), ("P1".to_owned(), STUDY.to_owned()));
    assert_eq!(
        (text(tags::VERIFICATION_FLAG), text(tags::COMPLETION_FLAG)),
        ("UNVERIFIED".to_owned(), "COMPLETE".to_owned())
    );
    let items = object.element(tags::CONTENT_SEQUENCE).expect("content").items().expect("items").to_vec();
    let texts: Vec<String> = items
        .iter()
        .filter_map(|item| item.element(tags::TEXT_VALUE).ok())
        .map(|element| element.to_str().expect("text").into_owned())
        .collect();
    assert!(texts.iter().any(|text| text.trim_end() == given["text"]), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains(&format!("differs from the report {report}, version 1"))));
    assert!(texts.iter().any(|text| text.contains("Dr Li is a guest without an account")));
    assert!(
        items.iter().any(|item| item.element(tags::REFERENCED_SOP_SEQUENCE).is_ok()),
        "the image it points at"
    );
    let log = Filter { action: Some(Action::OpinionGiven), ..Filter::default() };
    assert_eq!(desk.site.logged(&log).len(), 2 + 1, "two that were given, and the tries that were not");
    // A guest of another consultation is not told of them.
    let (other, token) = invited(&desk, &host, &json!({ "question": "And you?" }));
    let other_guest = opened(&desk, &token, "Dr Wu").expect("let in");
    let (_, _, thread) = desk.ask(&format!("GET /api/consultations/{other}"), &other_guest, &Value::Null);
    assert_eq!((&thread["opinions"], &thread["reports"]), (&json!([]), &json!([])));
}

#[test]
fn who_has_a_report_open_is_told_and_holds_nobody_up() {
    let (desk, report) = site();
    let (jane, li) = (desk.enter("radiologist"), desk.enter("technologist"));
    let mut heard = Stream::open(&desk.site, &jane).expect("events");
    let say = |who: &str, method: &str, window: &str| {
        desk.ask(&format!("{method} /api/reports/{report}/open"), who, &json!({ "window": window }))
    };
    assert_eq!(say(&jane, "PUT", "a").2, json!({ "also": [] }));
    heard.wait_for(|name, data| name == "readers" && data["who"] == json!(["radiologist"]));
    let (status, _, also) = say(&li, "PUT", "b");
    assert_eq!(
        (status, &also["also"][0]["name"], &also["also"][0]["you"]),
        (200, &json!("radiologist"), &json!(false))
    );
    heard.wait_for(|name, data| name == "readers" && data["who"] == json!(["radiologist", "technologist"]));
    assert_eq!(say(&jane, "PUT", "a").2["also"][0]["name"], "technologist");
    let other_window = say(&jane, "PUT", "c").2;
    assert!(
        other_window["also"].as_array().is_some_and(|also| also.iter().any(|one| one["you"] == true)),
        "{other_window}"
    );
    assert_eq!(say(&li, "DELETE", "b").0, 200);
    heard.wait_for(|name, data| name == "readers" && data["who"] == json!(["radiologist"]));
    for (path, window, expected) in [(report.as_str(), "no/window", 422), ("nothing", "a", 404)] {
        let line = format!("PUT /api/reports/{path}/open");
        assert_eq!(desk.ask(&line, &jane, &json!({ "window": window })).0, expected);
    }
    assert_eq!(
        desk.ask(
            &format!("PUT /api/reports/{report}/open"),
            &desk.enter("researcher"),
            &json!({ "window": "a" })
        )
        .0,
        403
    );
}
