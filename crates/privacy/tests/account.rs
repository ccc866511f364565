//! Accounts as a whole: who gets in, who does not, and for how long.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use wilhelm_privacy::account::{
    Access, AccountError, Accounts, AccountsFile, Permission, Policy, Principal, Refusal, Role, SignedIn,
    Target, UserName,
};
use wilhelm_privacy::audit::{AuditKey, ObjectKind, Reference};
use wilhelm_privacy::{Secret, SystemEntropy};
use wilhelm_study::Phi;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).expect("a time")
}

fn name(text: &str) -> UserName {
    UserName::parse(text).expect("a name")
}

fn patient(number: &str) -> Reference {
    AuditKey::new(&Secret::new([5; 32])).reference(ObjectKind::Patient, &Phi::new(number.to_owned()))
}

fn entropy() -> SystemEntropy {
    SystemEntropy::default()
}

fn sign_in(
    accounts: &mut Accounts,
    name: &str,
    password: &str,
    now: DateTime<Utc>,
) -> Result<SignedIn, AccountError> {
    let challenge = accounts.begin_sign_in(name, now, &Policy::default())?;
    accounts.finish_sign_in(&challenge.check(password), now, &mut entropy())
}

const WORD: &str = "correct horse battery";

/// An account that has changed its first password.
fn with(role: Role, access: Access) -> Accounts {
    let mut accounts = Accounts::default();
    accounts.first_administrator(at(0), &mut entropy()).expect("made").expect("the first");
    let first = accounts.add(&name("jane"), [role].into(), access, at(0), &mut entropy()).expect("added");
    let challenge = accounts.begin_sign_in("jane", at(0), &Policy::default()).expect("begun");
    let checked = challenge.check(first.expose());
    accounts.set_password(&checked, WORD, None, &Policy::default(), &mut entropy()).expect("set");
    accounts
}

fn session(accounts: &mut Accounts, now: DateTime<Utc>) -> (SignedIn, Principal) {
    let signed = sign_in(accounts, "jane", WORD, now).expect("signed in");
    let principal = accounts.session(signed.secret.expose(), now, &Policy::default()).expect("a session");
    (signed, principal)
}

#[test]
fn the_first_start_makes_one_administrator_whose_password_must_change() {
    let mut accounts = Accounts::default();
    let (first, secret) =
        accounts.first_administrator(at(0), &mut entropy()).expect("made").expect("the first");
    assert!(accounts.first_administrator(at(1), &mut entropy()).expect("asked").is_none());
    assert_eq!(format!("{secret:?}"), "<secret>");
    let signed = sign_in(&mut accounts, first.as_str(), secret.expose(), at(1)).expect("signed in");
    assert!(signed.must_change);
    let policy = Policy::default();
    let principal = accounts.session(signed.secret.expose(), at(2), &policy).expect("a session");
    let refused = principal.may(Permission::AccountManage, &Target::default(), at(2));
    assert_eq!(refused, Err(Refusal::PasswordChange));
    let checked =
        accounts.begin_sign_in(first.as_str(), at(3), &policy).expect("begun").check(secret.expose());
    let weak = accounts.set_password(&checked, "short", None, &policy, &mut entropy());
    assert!(matches!(weak, Err(AccountError::Password { .. })));
    let keep = Some(signed.session.as_str());
    accounts.set_password(&checked, WORD, keep, &policy, &mut entropy()).expect("set");
    let principal = accounts.session(signed.secret.expose(), at(4), &policy).expect("the session goes on");
    assert_eq!(principal.may(Permission::AccountManage, &Target::default(), at(4)), Ok(()));
    assert!(sign_in(&mut accounts, first.as_str(), secret.expose(), at(5)).is_err(), "the old one is void");
}

#[test]
fn a_wrong_name_and_a_wrong_password_are_told_alike() {
    let mut accounts = with(Role::Radiologist, Access::to_all());
    let said: BTreeSet<String> =
        [("jane", "wrong wrong wrong"), ("nobody", WORD), ("Ünicode", WORD), ("", "")]
            .into_iter()
            .map(|(name, word)| sign_in(&mut accounts, name, word, at(1)).expect_err("wrong").to_string())
            .collect();
    assert_eq!(said.len(), 1, "{said:?}");
    accounts.set_disabled(&name("jane"), true).expect("closed");
    assert!(said.contains(&sign_in(&mut accounts, "jane", WORD, at(2)).expect_err("closed").to_string()));
}

#[test]
fn wrong_passwords_lock_for_longer_each_time_known_names_and_others() {
    for tried in ["jane", "nobody"] {
        let mut accounts = with(Role::Viewer, Access::default());
        let mut now = at(100);
        for _ in 0..5 {
            let failed = sign_in(&mut accounts, tried, "wrong", now);
            assert!(matches!(failed, Err(AccountError::SignIn)));
        }
        let mut spans = Vec::new();
        for _ in 0..9 {
            let locked = accounts.begin_sign_in(tried, now, &Policy::default()).expect_err("locked");
            let AccountError::Locked { until } = locked else { panic!("{locked}") };
            spans.push((until - now).num_seconds());
            now = until;
            assert!(sign_in(&mut accounts, tried, "wrong", now).is_err());
        }
        assert_eq!(spans, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600], "{tried}");
    }
}

#[test]
fn many_tries_at_once_are_no_way_around_the_lock_out() {
    let mut accounts = with(Role::Viewer, Access::default());
    let begun = (0..50).filter(|_| accounts.begin_sign_in("jane", at(1), &Policy::default()).is_ok()).count();
    assert_eq!(begun, 5);
}

#[test]
fn a_right_password_clears_the_count() {
    let mut accounts = with(Role::Viewer, Access::default());
    for round in 0..3 {
        for _ in 0..4 {
            assert!(sign_in(&mut accounts, "jane", "wrong", at(round)).is_err());
        }
        assert!(sign_in(&mut accounts, "JANE", WORD, at(round)).is_ok(), "capital letters are no other name");
    }
}

#[test]
fn sessions_end_when_idle_when_old_when_signed_out_and_when_closed() {
    let policy = Policy::default();
    let mut accounts = with(Role::Radiologist, Access::to_all());
    let (signed, _) = session(&mut accounts, at(0));
    let secret = signed.secret.expose().to_owned();
    let alive = |accounts: &mut Accounts, second: i64| accounts.session(&secret, at(second), &policy).is_ok();
    // Used each 29 minutes, it lives for 12 hours and no longer.
    let step = 29 * 60;
    let mut second = 0;
    while second + step < 12 * 3600 {
        second += step;
        assert!(alive(&mut accounts, second), "after {second} s");
    }
    assert!(!alive(&mut accounts, 12 * 3600));
    let (signed, _) = session(&mut accounts, at(0));
    let secret = signed.secret.expose().to_owned();
    assert!(accounts.session(&secret, at(29 * 60), &policy).is_ok());
    assert!(accounts.session(&secret, at(59 * 60), &policy).is_err(), "idle for 30 minutes");
    let (signed, _) = session(&mut accounts, at(0));
    assert!(accounts.sign_out(&signed.session));
    assert!(accounts.session(signed.secret.expose(), at(1), &policy).is_err());
    let (signed, _) = session(&mut accounts, at(0));
    accounts.set_disabled(&name("jane"), true).expect("closed");
    assert!(accounts.session(signed.secret.expose(), at(1), &policy).is_err());
}

#[test]
fn a_secret_with_one_other_character_is_none() {
    let mut accounts = with(Role::Radiologist, Access::to_all());
    let (signed, _) = session(&mut accounts, at(0));
    let secret = signed.secret.expose();
    let places: Vec<usize> = (0..secret.len()).collect();
    for place in places {
        let mut other = secret.as_bytes().to_vec();
        other[place] = if other[place] == b'0' { b'1' } else { b'0' };
        let other = String::from_utf8(other).expect("text");
        assert!(accounts.session(&other, at(1), &Policy::default()).is_err(), "{place}");
    }
    for wrong in ["", "wilhelm_session_", "wilhelm_session__", "\u{1F600}", &secret[1..]] {
        assert!(accounts.session(wrong, at(1), &Policy::default()).is_err());
    }
}

#[test]
fn access_ends_at_the_projects_and_patients_of_the_account() {
    let access =
        Access { projects: ["trial".to_owned()].into(), patients: [patient("1")].into(), all: false };
    let mut accounts = with(Role::Radiologist, access);
    let (_, jane) = session(&mut accounts, at(0));
    let (one, two) = (patient("1"), patient("2"));
    let see = |projects: &[&str], patient: &Reference| {
        jane.may(Permission::StudySee, &Target { projects, patient: Some(patient) }, at(0))
    };
    assert_eq!(see(&[], &one), Ok(()));
    assert_eq!(see(&["trial"], &two), Ok(()));
    assert_eq!(see(&["other"], &two), Err(Refusal::Access));
    assert_eq!(jane.may(Permission::StudySee, &Target::default(), at(0)), Err(Refusal::Access));
    let delete = jane.may(Permission::StudyDelete, &Target { projects: &[], patient: Some(&one) }, at(0));
    assert_eq!(delete, Err(Refusal::Permission(Permission::StudyDelete)));
}

#[test]
fn breaking_the_glass_wants_a_reason_and_shows_one_patient_for_an_hour() {
    let policy = Policy::default();
    let mut accounts = with(Role::Radiologist, Access::default());
    let (signed, jane) = session(&mut accounts, at(0));
    let (one, two) = (patient("1"), patient("2"));
    let short = accounts.break_glass(&jane, one.clone(), "because", at(0), &policy);
    assert!(matches!(short, Err(AccountError::Reason)));
    let reason = "unconscious after a fall, no radiologist of the project on duty";
    let until = accounts.break_glass(&jane, one.clone(), reason, at(0), &policy).expect("broken");
    assert_eq!(until, at(3600));
    let jane = accounts.session(signed.secret.expose(), at(1), &policy).expect("a session");
    let may = |permission, patient: &Reference, second| {
        jane.may(permission, &Target { projects: &[], patient: Some(patient) }, at(second))
    };
    assert_eq!(may(Permission::StudySee, &one, 1), Ok(()));
    assert_eq!(may(Permission::ReportSee, &one, 3599), Ok(()));
    assert_eq!(may(Permission::StudySee, &one, 3600), Err(Refusal::Access));
    assert_eq!(may(Permission::StudySee, &two, 1), Err(Refusal::Access));
    assert_eq!(may(Permission::StudyExport, &one, 1), Err(Refusal::Access), "it shows, and no more");
    let mut accounts = with(Role::Researcher, Access::default());
    let (_, jane) = session(&mut accounts, at(0));
    let refused = accounts.break_glass(&jane, one, reason, at(0), &policy);
    assert!(matches!(refused, Err(AccountError::NoEmergency)));
}

#[test]
fn a_token_does_no_more_than_its_scopes_and_its_account() {
    let mut accounts = with(Role::Radiologist, Access::to_all());
    let scopes: BTreeSet<Permission> = [Permission::StudySee, Permission::StudyDelete].into();
    let (id, secret) = accounts
        .make_token(&name("jane"), "viewer on the ward", scopes, 30, at(0), &mut entropy())
        .expect("made");
    let program = accounts.token(secret.expose(), at(1)).expect("a token");
    let one = patient("1");
    let target = Target { projects: &[], patient: Some(&one) };
    assert_eq!(program.may(Permission::StudySee, &target, at(1)), Ok(()));
    assert!(program.may(Permission::ReportSign, &target, at(1)).is_err(), "not a scope");
    assert!(program.may(Permission::StudyDelete, &target, at(1)).is_err(), "not the account's");
    assert!(accounts.token(secret.expose(), at(0) + Duration::days(30)).is_err(), "it has ended");
    assert!(
        accounts
            .break_glass(&program, one, "a reason that is long enough", at(1), &Policy::default())
            .is_err()
    );
    let kept = serde_json::to_string(&accounts).expect("JSON");
    let random = secret.expose().rsplit('_').next().expect("a part");
    assert!(!kept.contains(random), "the secret itself is kept nowhere");
    assert!(accounts.revoke_token(&id) && accounts.token(secret.expose(), at(1)).is_err());
    for (scopes, days) in [(BTreeSet::new(), 30), ([Permission::StudySee].into(), 0)] {
        assert!(accounts.make_token(&name("jane"), "", scopes, days, at(0), &mut entropy()).is_err());
    }
}

#[test]
fn the_last_administrator_stays() {
    let mut accounts = with(Role::Viewer, Access::default());
    let administrator = name("administrator");
    let last = accounts.set_disabled(&administrator, true).expect_err("the last");
    assert!(matches!(last, AccountError::LastAdministrator { .. }), "{last}");
    assert!(accounts.set_roles(&administrator, Some([Role::Viewer].into()), None).is_err());
    accounts.set_roles(&name("jane"), Some([Role::Administrator].into()), None).expect("a second one");
    accounts.set_disabled(&administrator, true).expect("now it may go");
}

#[test]
fn a_reset_ends_sessions_and_lock_outs() {
    let mut accounts = with(Role::Viewer, Access::default());
    let (signed, _) = session(&mut accounts, at(0));
    for _ in 0..5 {
        assert!(sign_in(&mut accounts, "jane", "wrong", at(1)).is_err());
    }
    let secret = accounts.reset(&name("jane"), &mut entropy()).expect("reset");
    assert!(accounts.session(signed.secret.expose(), at(2), &Policy::default()).is_err());
    assert!(sign_in(&mut accounts, "jane", secret.expose(), at(2)).expect("signed in").must_change);
}

#[test]
fn a_flood_of_names_does_not_grow_without_end() {
    let mut accounts = with(Role::Viewer, Access::default());
    for number in 0..10_500 {
        let _ = accounts.begin_sign_in(&format!("stranger{number}"), at(1), &Policy::default());
    }
    let kept = serde_json::to_value(&accounts).expect("JSON");
    assert!(kept["tries"].as_object().expect("tries").len() <= 10_001);
    assert!(!kept.to_string().contains("stranger"), "a name may be a password in the wrong field");
}

#[test]
fn the_file_keeps_accounts_for_several_processes_and_is_read_by_its_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = AccountsFile::new(folder.path().join("new/accounts.json"));
    assert_eq!(file.read().expect("none"), Accounts::default());
    file.change(|accounts| accounts.first_administrator(at(0), &mut entropy())).expect("made");
    std::thread::scope(|scope| {
        for number in 0..4 {
            let file = file.clone();
            scope.spawn(move || {
                let name = name(&format!("user{number}"));
                let add = |accounts: &mut Accounts| {
                    accounts.add(&name, [Role::Viewer].into(), Access::default(), at(0), &mut entropy())
                };
                file.change(add).expect("added");
            });
        }
    });
    assert_eq!(file.read().expect("read").users().count(), 5);
    let refused = file.change(|accounts| {
        accounts.revoke_token("x");
        accounts.set_disabled(&name("nobody"), true)
    });
    assert!(matches!(refused, Err(AccountError::NoAccount)));
    let text = std::fs::read_to_string(file.path()).expect("read");
    std::fs::write(file.path(), text.replace("\"form\": 1", "\"form\": 2")).expect("written");
    assert!(file.read().expect_err("another form").to_string().contains("form is 2"));
    std::fs::write(file.path(), &text[..text.len() / 2]).expect("written");
    assert!(matches!(file.read(), Err(AccountError::Content { .. })));
    #[cfg(unix)]
    {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(file.path(), open).expect("set");
        assert!(matches!(file.read(), Err(AccountError::Open { .. })));
    }
}
