//! Who is let in, what each may do, and what the audit log says of it.

use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use serde_json::{Value, json};
use wilhelm_privacy::account::{Access, AccountsFile, Permission, Policy, Role, UserName};
use wilhelm_privacy::audit::{Action, AuditKey, AuditLog, Filter, ObjectKind, Outcome, entries, verify};
use wilhelm_privacy::{Secret, SystemEntropy};
use wilhelm_server::dimse::{Peer, Settings as Entity};
use wilhelm_server::{Ledger, Settings, SignIn};
use wilhelm_study::Phi;

use crate::site::{Site, outgoing, served, served_with, settings, slice};

pub const PASSWORD: &str = "correct horse battery";

pub fn key() -> AuditKey {
    AuditKey::new(&Secret::new([7; 32]))
}

/// An archive with an account of each role; those of `all` may see every patient.
fn guarded(entity: Entity) -> Site {
    guarded_with(entity, |settings| settings)
}

/// As [`guarded`], with other settings.
pub fn guarded_with(entity: Entity, with: impl FnOnce(Settings) -> Settings) -> Site {
    served_with(|folder| with(with_accounts(folder, entity)))
}

/// Sign-in for an account of each role, and an audit log.
pub fn with_accounts(folder: &Path, entity: Entity) -> Settings {
    let file = AccountsFile::new(folder.join("accounts.json"));
    let entropy = &mut SystemEntropy::default();
    let policy = Policy::default();
    for role in Role::ALL {
        let name = UserName::parse(role.name()).expect("a name");
        let first = file
            .change(|accounts| accounts.add(&name, [*role].into(), Access::to_all(), Utc::now(), entropy));
        let first = first.expect("an account");
        let challenge = file
            .change(|accounts| accounts.begin_sign_in(name.as_str(), Utc::now(), &policy))
            .expect("a try");
        let checked = challenge.check(first.expose());
        file.change(|accounts| accounts.set_password(&checked, PASSWORD, None, &policy, entropy))
            .expect("a password");
    }
    let log = AuditLog::open(&folder.join("audit"), key(), Utc::now()).expect("a log");
    Settings {
        sign_in: Some(Arc::new(SignIn::new(file, policy).expect("accounts"))),
        ledger: Some(Arc::new(Ledger::new(log))),
        ..settings(entity)
    }
}

/// Signs in and gives the cookie.
pub fn enter(site: &Site, name: &str, password: &str) -> Result<String, (u16, Value)> {
    let body = json!({ "name": name, "password": password }).to_string();
    let head = "POST /api/session\nContent-Type: application/json\nHost: localhost";
    let (status, heads, answer) = site.request(head, body.as_bytes());
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    if status != 200 {
        return Err((status, answer));
    }
    assert_eq!(answer["name"], name);
    let cookie = heads.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains("Secure"), "{cookie}");
    Ok(cookie.split(';').next().expect("a pair").to_owned())
}

impl Site {
    fn status(&self, line: &str, heads: &str) -> u16 {
        self.request(&format!("{line}\nHost: localhost\n{heads}"), b"").0
    }

    pub fn logged(&self, filter: &Filter) -> Vec<(String, Action, Outcome)> {
        entries(&self.folder.path().join("audit"), filter)
            .expect("entries")
            .into_iter()
            .map(|entry| (entry.event.actor.name, entry.event.action, entry.event.outcome))
            .collect()
    }
}

const PATHS: [&str; 4] = ["/plain", "/dicom-web/studies", "/dicom-web/instances", "/study/1.2"];

#[test]
fn nothing_is_given_without_sign_in() {
    let site = guarded(Entity::default());
    site.send(&[slice(0)]);
    let forged = format!("wilhelm_session_{}_{}", "0".repeat(16), "0".repeat(64));
    for path in PATHS {
        for heads in
            ["", &format!("Cookie: wilhelm_session={forged}"), "Authorization: Bearer wilhelm_token_1_2"]
        {
            let (status, _, body) = site.request(&format!("GET {path}\nHost: localhost\n{heads}"), b"");
            assert_eq!(status, 401, "{path} {heads}");
            assert!(!String::from_utf8_lossy(&body).contains("Phantom"));
        }
    }
    assert_eq!(site.status("POST /dicom-web/studies", "Content-Type: application/dicom"), 401);
    assert_eq!(site.status("GET /api/session", ""), 401);
    // A browser is led to the form; a page's own requests are told.
    assert_eq!(site.status("GET /plain", "Accept: text/html"), 303);
    assert_eq!(site.status("GET /sign-in", ""), 200);
    let (_, _, health) = site.request("GET /health\nHost: localhost", b"");
    assert!(
        !String::from_utf8_lossy(&health).contains("instances"),
        "how much there is, is not for everybody"
    );
}

#[test]
fn each_role_does_what_its_row_says() {
    let site = guarded(Entity::default());
    let file = slice(0);
    for (role, sees, adds) in [
        ("viewer", true, false),
        ("technologist", true, true),
        ("radiologist", true, false),
        ("researcher", false, false),
        ("administrator", false, false),
    ] {
        let cookie = enter(&site, role, PASSWORD).expect("let in");
        let (status, _, me) =
            site.request(&format!("GET /api/session\nHost: localhost\nCookie: {cookie}"), b"");
        let me: Value = serde_json::from_slice(&me).expect("JSON");
        assert_eq!((status, &me["role"], &me["must_change_password"]), (200, &json!(role), &json!(false)));
        let seen = site.status("GET /dicom-web/studies", &format!("Cookie: {cookie}"));
        assert_eq!(seen, if sees { 200 } else { 403 }, "{role}");
        let head = format!(
            "POST /dicom-web/studies\nHost: localhost\nOrigin: http://localhost\nCookie: {cookie}\nContent-Type: application/dicom"
        );
        let (added, _, _) = site.request(&head, &file);
        assert_eq!(added, if adds { 200 } else { 403 }, "{role}");
    }
    assert_eq!(site.store.count().expect("counted").instances, 1);
    let refused = Filter { action: Some(Action::AccessRefused), ..Filter::default() };
    // One entry a minute says it for each account and permission: two were refused one, two both.
    assert_eq!(site.logged(&refused).len(), 6);
}

#[test]
fn a_token_does_what_its_scopes_and_its_account_both_hold() {
    let site = guarded(Entity::default());
    let file = AccountsFile::new(site.folder.path().join("accounts.json"));
    let token = |name: &str, scope| {
        let name = UserName::parse(name).expect("a name");
        let made = file.change(|accounts| {
            let entropy = &mut SystemEntropy::default();
            accounts.make_token(&name, "a test", [scope].into(), 1, Utc::now(), entropy)
        });
        made.expect("a token")
    };
    for (name, scope, sees, adds) in [
        ("technologist", Permission::StudySee, 200, 403),
        ("technologist", Permission::StudyAdd, 403, 200),
        ("viewer", Permission::StudyAdd, 403, 403),
    ] {
        let (id, secret) = token(name, scope);
        let bearer = format!("Authorization: Bearer {}", secret.expose());
        assert_eq!(site.status("GET /dicom-web/studies", &bearer), sees);
        let head =
            format!("POST /dicom-web/studies\nHost: localhost\n{bearer}\nContent-Type: application/dicom");
        assert_eq!(site.request(&head, &slice(0)).0, adds);
        assert!(file.change(|accounts| Ok(accounts.revoke_token(&id))).expect("withdrawn"));
        assert_eq!(site.status("GET /dicom-web/studies", &bearer), 401, "at once");
    }
}

#[test]
fn pages_from_elsewhere_change_nothing_with_a_cookie() {
    let site = guarded(Entity::default());
    let cookie = enter(&site, "technologist", PASSWORD).expect("let in");
    for (heads, expected) in [
        ("Origin: http://evil.example", 403),
        ("Origin: null", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site\nOrigin: http://localhost", 403),
        ("X-Other: 1", 403),
        ("Sec-Fetch-Site: same-origin", 200),
        ("Origin: http://localhost", 200),
    ] {
        let head = format!(
            "POST /dicom-web/studies\nHost: localhost\nCookie: {cookie}\n{heads}\nContent-Type: application/dicom"
        );
        assert_eq!(site.request(&head, &slice(0)).0, expected, "{heads}");
    }
    let body = json!({ "name": "viewer", "password": PASSWORD }).to_string();
    let head =
        "POST /api/session\nHost: localhost\nContent-Type: application/json\nOrigin: http://evil.example";
    assert_eq!(site.request(head, body.as_bytes()).0, 403);
    let head = "POST /api/session\nHost: localhost\nContent-Type: text/plain";
    assert_eq!(site.request(head, body.as_bytes()).0, 415);
}

#[test]
fn pages_from_elsewhere_change_nothing_in_an_open_archive_and_programs_do() {
    let site = served(Entity::default());
    for (heads, expected) in [
        ("Origin: http://evil.example", 403),
        ("Origin: null", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Origin: http://localhost", 200),
        ("X-Other: 1", 200),
        ("Origin: http://evil.example\nAuthorization: Bearer anything", 200),
    ] {
        let head =
            format!("POST /dicom-web/studies\nHost: localhost\n{heads}\nContent-Type: application/dicom");
        assert_eq!(site.request(&head, &slice(0)).0, expected, "{heads}");
    }
    assert_eq!(
        site.status("POST /api/jobs/1/cancel", "Origin: http://evil.example"),
        403,
        "without a body too"
    );
    assert_eq!(
        site.status("GET /dicom-web/studies", "Origin: http://evil.example"),
        200,
        "it cannot read it"
    );
}

#[test]
fn a_session_ends_with_sign_out_and_a_new_password_ends_the_others() {
    let site = guarded(Entity::default());
    let (one, other) =
        (enter(&site, "viewer", PASSWORD).expect("in"), enter(&site, "viewer", PASSWORD).expect("in"));
    let see = |cookie: &str| site.status("GET /dicom-web/studies", &format!("Cookie: {cookie}"));
    let body = json!({ "password": PASSWORD, "new_password": "another horse battery" }).to_string();
    let head = format!(
        "PUT /api/session/password\nHost: localhost\nOrigin: http://localhost\nContent-Type: application/json\nCookie: {one}"
    );
    assert_eq!(site.request(&head, body.as_bytes()).0, 204);
    assert_eq!((see(&one), see(&other)), (200, 401));
    assert_eq!(site.request(&head, body.as_bytes()).0, 401, "the old password is none any more");
    assert_eq!(site.status("DELETE /api/session", &format!("Cookie: {one}")), 403, "from no page of ours");
    let (status, heads, _) = site.request(
        &format!("DELETE /api/session\nHost: localhost\nOrigin: http://localhost\nCookie: {one}"),
        b"",
    );
    assert!(status == 204 && heads.contains("Max-Age=0"), "{heads}");
    assert_eq!(see(&one), 401);
    enter(&site, "viewer", PASSWORD).expect_err("the old password");
    enter(&site, "viewer", "another horse battery").expect("the new one");
}

#[test]
fn guessing_is_locked_out_and_a_first_password_opens_nothing_but_its_change() {
    let site = guarded(Entity::default());
    for _ in 0..5 {
        assert_eq!(enter(&site, "viewer", "wrong").expect_err("refused").0, 401);
    }
    let (status, answer) = enter(&site, "viewer", PASSWORD).expect_err("locked");
    assert_eq!(status, 429, "{answer}");
    let file = AccountsFile::new(site.folder.path().join("accounts.json"));
    let name = UserName::parse("technologist").expect("a name");
    let first = file.change(|accounts| accounts.reset(&name, &mut SystemEntropy::default())).expect("reset");
    let cookie = enter(&site, "technologist", first.expose()).expect("let in");
    let see = || site.status("GET /dicom-web/studies", &format!("Cookie: {cookie}"));
    assert_eq!(see(), 403);
    let body = json!({ "password": first.expose(), "new_password": "a password of my own" }).to_string();
    let head = format!(
        "PUT /api/session/password\nHost: localhost\nOrigin: http://localhost\nContent-Type: application/json\nCookie: {cookie}"
    );
    assert_eq!(site.request(&head, body.as_bytes()).0, 204);
    assert_eq!(see(), 200);
    // Ten tries from one address were made by now, with those above: further names do not help.
    let mut last = 0;
    for number in 0..4 {
        last = enter(&site, &format!("name-{number}"), "wrong").expect_err("refused").0;
    }
    assert_eq!(last, 429);
    let begun = Filter { action: Some(Action::SessionBegun), ..Filter::default() };
    let logged = site.logged(&begun);
    assert!(logged.iter().all(|(name, ..)| ["viewer", "technologist", "unknown"].contains(&name.as_str())));
    assert_eq!(logged.iter().filter(|(_, _, outcome)| *outcome == Outcome::Done).count(), 1);
}

#[test]
fn the_log_says_who_did_what_and_holds_no_value_of_a_patient() {
    let known = Peer { ae_title: "TEST".to_owned(), host: "127.0.0.1".to_owned(), port: 104 };
    let mut site = guarded(Entity { peers: vec![known], only_peers: true, ..Entity::default() });
    site.send(&[slice(0), slice(1)]);
    let stranger = site.associate("WILHELM", "STRANGER", &Default::default());
    stranger.expect_err("no peer");
    let cookie = enter(&site, "radiologist", PASSWORD).expect("let in");
    let see = |path: &str| site.status(&format!("GET {path}"), &format!("Cookie: {cookie}"));
    let uid = outgoing_study(&site);
    assert_eq!(see("/dicom-web/studies"), 200);
    for path in ["metadata", "rendered", "thumbnail", "metadata"] {
        assert_eq!(see(&format!("/dicom-web/studies/{uid}/{path}")), 200);
    }
    assert_eq!(see("/dicom-web/studies/1.2.3/metadata"), 404);
    site.server.stop();
    let done = |name: &str, action| (name.to_owned(), action, Outcome::Done);
    assert_eq!(
        site.logged(&Filter::default()),
        [
            done("wilhelm", Action::LogBegun),
            done("wilhelm", Action::ProgramStarted),
            done("TEST", Action::StudyReceived),
            ("STRANGER".to_owned(), Action::AccessRefused, Outcome::Refused),
            done("radiologist", Action::SessionBegun),
            done("radiologist", Action::Queried),
            done("radiologist", Action::StudySeen),
            ("radiologist".to_owned(), Action::StudySeen, Outcome::Refused),
            // What came again within the minute: the second object, and three looks at the study.
            done("TEST", Action::StudyReceived),
            done("radiologist", Action::StudySeen),
            done("wilhelm", Action::ProgramStopped),
        ]
    );
    let patient = key().reference(ObjectKind::Patient, &Phi::new("PHANTOM-1".to_owned()));
    let of_patient = Filter { reference: Some(patient), ..Filter::default() };
    assert_eq!(site.logged(&of_patient).len(), 4);
    let folder = site.folder.path().join("audit");
    let text = std::fs::read_to_string(folder.join("audit-000001.jsonl")).expect("a log");
    for value in ["Phantom", "PHANTOM-1", uid.as_str()] {
        assert!(!text.contains(value), "{value}");
    }
    assert!(verify(&folder, Some(&key())).expect("a verdict").flaws.is_empty());
}

/// The UID of the phantom's study.
fn outgoing_study(site: &Site) -> String {
    let place = site.store.find(&outgoing(&slice(0)).sop_uid).expect("kept");
    place.study_uid
}

#[test]
fn breaking_the_glass_shows_one_study_with_a_reason_that_stands_in_the_log() {
    let site = guarded(Entity::default());
    site.send(&[slice(0)]);
    let uid = outgoing_study(&site);
    let file = AccountsFile::new(site.folder.path().join("accounts.json"));
    let name = UserName::parse("radiologist").expect("a name");
    file.change(|accounts| accounts.set_roles(&name, None, Some(Access::default()))).expect("no access");
    let cookie = enter(&site, "radiologist", PASSWORD).expect("let in");
    let see = |path: &str| site.status(&format!("GET {path}"), &format!("Cookie: {cookie}"));
    assert_eq!(see(&format!("/dicom-web/studies/{uid}/metadata")), 403);
    let ask = |study: &str, reason: &str| {
        let body = json!({ "study": study, "reason": reason }).to_string();
        let head = format!(
            "POST /api/emergency\nHost: localhost\nOrigin: http://localhost\nContent-Type: application/json\nCookie: {cookie}"
        );
        site.request(&head, body.as_bytes()).0
    };
    assert_eq!(ask(&uid, "short"), 422);
    for study in ["1.2.3", "", "*", "1.*", &format!("{uid},1.2.3"), &format!("{uid} ")] {
        assert_eq!(ask(study, "unconscious, no next of kin"), 404, "{study}");
    }
    assert_eq!(ask(&uid, "unconscious, no next of kin"), 200);
    assert_eq!(see(&format!("/dicom-web/studies/{uid}/metadata")), 200);
    assert_eq!(see("/dicom-web/studies"), 403, "no search over all patients");
    for study in [format!("{uid},1.2.3"), format!("{uid}%5C1.2.3"), "*".to_owned(), "%20".to_owned()] {
        assert_eq!(see(&format!("/dicom-web/studies/{study}/series")), 400, "{study} is no study");
    }
    let broken =
        Filter { action: Some(Action::AccessEmergency), outcome: Some(Outcome::Done), ..Filter::default() };
    let found = entries(&site.folder.path().join("audit"), &broken).expect("entries");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].event.reason.as_deref(), Some("unconscious, no next of kin"));
}

#[test]
fn a_listed_title_from_another_address_is_refused_where_addresses_count() {
    let peer = |host: &str| Peer { ae_title: "KNOWN".to_owned(), host: host.to_owned(), port: 104 };
    for (host, expected) in [("127.0.0.1", true), ("192.0.2.7", false)] {
        let entity = Entity {
            peers: vec![peer(host)],
            only_peers: true,
            only_peer_addresses: true,
            ..Entity::default()
        };
        let site = served_with(|_| settings(entity));
        assert_eq!(site.associate("WILHELM", "KNOWN", &Default::default()).is_ok(), expected, "{host}");
    }
}
