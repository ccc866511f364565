//! Who may do what at the desk, and what the audit log says of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::account::{Access, AccountsFile, Permission, UserName};
use wilhelm_privacy::audit::{Action, Filter, ObjectKind, entries, verify};
use wilhelm_study::Phi;

use super::site::{DeskSite, guarded_desk, tag, words};
use crate::sign_in::key;

fn limited(desk: &DeskSite, name: &str, patient: &str) {
    let file = AccountsFile::new(desk.site.folder.path().join("accounts.json"));
    let name = UserName::parse(name).expect("a name");
    let reference = key().reference(ObjectKind::Patient, &Phi::new(patient.to_owned()));
    let access = Access { patients: BTreeSet::from([reference]), ..Access::default() };
    file.change(|accounts| accounts.set_roles(&name, None, Some(access))).expect("limited");
}

#[test]
fn a_viewer_sees_a_technologist_drafts_and_a_radiologist_signs() {
    let desk = guarded_desk();
    let id = desk.read("1.2.840.1", "P1", "20260131");
    for (role, sees, drafts, signs) in [
        ("viewer", 200, 403, 403),
        ("technologist", 200, 200, 403),
        ("radiologist", 200, 200, 200),
        ("researcher", 403, 403, 403),
        ("administrator", 403, 403, 403),
    ] {
        let heads = desk.enter(role);
        let get = |path: &str| desk.ask(&format!("GET {path}"), &heads, &Value::Null);
        let (status, found, _) = get(&format!("/api/reports/{id}"));
        assert_eq!(status, sees, "{role}");
        for path in [
            "/api/worklist".to_owned(),
            "/api/studies/1.2.840.1/reports".to_owned(),
            format!("/api/reports/{id}/forms/html"),
            format!("/api/reports/{id}/pictures/0"),
            "/fhir/DiagnosticReport".to_owned(),
            "/api/decisions/summary".to_owned(),
        ] {
            assert_eq!(get(&path).0, sees, "{role} {path}");
        }
        let seen = if status == 200 { tag(&found) } else { "1.0".to_owned() };
        let (status, _, body) =
            desk.change(&id, "edits", &seen, &heads, &words("S1", &format!("By the {role}.")));
        assert_eq!(status, drafts, "{role} {body}");
        let seen = if drafts == 200 { tag(&get(&format!("/api/reports/{id}")).1) } else { seen };
        let (status, _, body) = desk.change(&id, "sign", &seen, &heads, &json!({ "state": "preliminary" }));
        assert_eq!(status, signs, "{role} {body}");
    }
    // What is signed is changed by who signs.
    let technologist = desk.enter("technologist");
    let (_, heads, _) = desk.ask(&format!("GET /api/reports/{id}"), &technologist, &Value::Null);
    let (status, _, body) = desk.change(&id, "edits", &tag(&heads), &technologist, &words("S1", "No."));
    assert_eq!(status, 403, "{body}");
    assert_eq!(desk.ask(&format!("GET /api/reports/{id}"), "", &Value::Null).0, 401);
    let elsewhere = technologist.replace("http://localhost", "http://evil.example");
    assert_eq!(desk.change(&id, "edits", &tag(&heads), &elsewhere, &words("S1", "No.")).0, 403);
}

#[test]
fn a_token_edits_a_draft_and_signs_nothing() {
    let desk = guarded_desk();
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let file = AccountsFile::new(desk.site.folder.path().join("accounts.json"));
    let name = UserName::parse("radiologist").expect("a name");
    let scopes =
        [Permission::ReportSee, Permission::ReportDraft, Permission::ReportSign, Permission::FindingDecide];
    let made = file.change(|accounts| {
        let entropy = &mut SystemEntropy::default();
        accounts.make_token(&name, "a test", scopes.into(), 1, chrono::Utc::now(), entropy)
    });
    let heads = format!("Authorization: Bearer {}", made.expect("a token").1.expose());
    assert_eq!(desk.change(&id, "edits", "1.0", &heads, &words("S1", "Cough.")).0, 200);
    let (status, _, body) = desk.change(&id, "sign", "2.0", &heads, &json!({ "state": "final" }));
    assert_eq!(status, 403, "{body}");
    // What a person signed as preliminary, no token decides.
    let session = desk.enter("radiologist");
    assert_eq!(desk.change(&id, "sign", "2.0", &session, &json!({ "state": "preliminary" })).0, 200);
    let decision = json!({ "finding": "F1", "decision": "rejected" });
    assert_eq!(desk.change(&id, "decisions", "3.0", &heads, &decision).0, 403);
    assert_eq!(desk.change(&id, "decisions", "3.0", &session, &decision).0, 200);
}

#[test]
fn an_account_of_another_patient_meets_nothing() {
    let desk = guarded_desk();
    let (id, other) = (desk.read("1.2.840.1", "P1", "20260131"), desk.read("1.2.840.2", "P2", "20260131"));
    limited(&desk, "radiologist", "P2");
    let heads = desk.enter("radiologist");
    let get = |path: String| desk.ask(&format!("GET {path}"), &heads, &Value::Null).0;
    for path in ["", "/versions/1", "/pictures/0", "/overlays/0", "/forms/json", "/compare?from=1&to=1"] {
        assert_eq!(get(format!("/api/reports/{id}{path}")), 403, "{path}");
        assert_eq!(get(format!("/api/reports/{other}{path}")), 200, "{path}");
    }
    assert_eq!(
        (get("/api/studies/1.2.840.1/reports".into()), get("/api/studies/1.2.840.2/reports".into())),
        (403, 200)
    );
    // Searches want access to all, and a report that is not there is told from no other's.
    assert_eq!((get("/api/worklist".into()), get("/fhir/Observation".into())), (403, 403));
    assert_eq!(get("/api/reports/none".into()), 403);
    assert_eq!(get("/api/macros".into()), 200, "what is the account's own is of no patient");
    let sign = json!({ "state": "final" });
    assert_eq!(desk.change(&id, "sign", "1.0", &heads, &sign).0, 403);
    assert_eq!(desk.change(&other, "sign", "1.0", &heads, &sign).0, 200);
    assert_eq!(get(format!("/fhir/DiagnosticReport/{other}")), 200);
    assert_eq!(get(format!("/fhir/DiagnosticReport/{id}")), 403);
}

#[test]
fn the_log_says_who_saw_edited_decided_and_signed_which_version() {
    let mut desk = guarded_desk();
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let heads = desk.enter("radiologist");
    desk.ask(&format!("GET /api/reports/{id}"), &heads, &Value::Null);
    assert_eq!(desk.change(&id, "edits", "1.0", &heads, &words("S1", "Cough.")).0, 200);
    let decision = json!({ "finding": "F1", "decision": "accepted" });
    assert_eq!(desk.change(&id, "decisions", "2.0", &heads, &decision).0, 200);
    assert_eq!(desk.change(&id, "sign", "2.1", &heads, &json!({ "state": "final" })).0, 200);
    assert_eq!(desk.ask(&format!("GET /api/reports/{id}/forms/text"), &heads, &Value::Null).0, 200);
    let macros =
        json!({ "macros": [{ "name": "n", "heading": "findings", "text": "Normal.", "modality": "CT" }] });
    assert_eq!(desk.ask("PUT /api/macros", &heads, &macros).0, 200);
    let (_, _, kept) = desk.ask("GET /api/macros", &heads, &Value::Null);
    assert_eq!(kept["macros"][0]["text"], "Normal.");
    let last = desk.site.store.reports().versions(&id).expect("versions").pop().expect("one").sha256;
    desk.site.server.stop();
    let folder = desk.site.folder.path().join("audit");
    let reference = key().reference(ObjectKind::Report, &Phi::new(id));
    let all = entries(&folder, &Filter { reference: Some(reference), ..Filter::default() }).expect("entries");
    let done: Vec<(String, Action)> =
        all.iter().map(|entry| (entry.event.actor.name.clone(), entry.event.action)).collect();
    let by = |name: &str, action| (name.to_owned(), action);
    assert_eq!(
        done,
        [
            by("wilhelm", Action::ReportDrafted),
            by("radiologist", Action::ReportSeen),
            by("radiologist", Action::ReportAmended),
            by("radiologist", Action::FindingDecided),
            by("radiologist", Action::ReportSigned),
            by("radiologist", Action::ReportExported),
        ]
    );
    let patient = key().reference(ObjectKind::Patient, &Phi::new("P1".to_owned()));
    assert!(all.iter().all(|entry| entry.event.object.patient.as_ref() == Some(&patient)));
    let signed = &all[4].event.details;
    assert_eq!((signed["version"].as_str(), signed["state"].as_str()), ("3", "final"));
    assert_eq!(signed["sha256"], last, "the last version's hash is held by the log");
    let text = std::fs::read_to_string(folder.join("audit-000001.jsonl")).expect("a log");
    assert!(!text.contains("Cough") && !text.contains("Doe"), "{text}");
    assert!(verify(&folder, Some(&key())).expect("a verdict").flaws.is_empty());
}
