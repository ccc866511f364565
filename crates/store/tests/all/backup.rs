use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::json;
use wilhelm_store::backup::{Backup, BackupFault, Wanted, check, restore, take};
use wilhelm_store::queue::{JobState, NewJob};
use wilhelm_store::{Deleted, Settings, Store, StoreError};

use crate::objects::{keep, open, slice};
use crate::sealed::keys;

fn made(archive: &Path, place: &Path, name: &str, also: &[(&str, PathBuf)]) -> Result<Backup, StoreError> {
    take(&Wanted { archive, place, name, also }, &mut |_, _| true)
}

fn new() -> NewJob {
    NewJob::of_study("send", "1.2", json!({}), "jane")
}

#[test]
fn a_backup_made_while_objects_arrive_becomes_an_archive_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, place) = (folder.path().join("archive"), folder.path().join("backups"));
    let store = open(&archive);
    for number in 0..8 {
        keep(&store, &slice(number, &[])).expect("kept");
    }
    let id = store.queue().enqueue(new(), SystemTime::now()).expect("enqueued").id();
    let stop = Arc::new(AtomicBool::new(false));
    let arriving = {
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut number = 8;
            while !stop.load(Ordering::SeqCst) {
                keep(&store, &slice(number, &[])).expect("kept");
                number += 1;
            }
            number
        })
    };
    let first = made(&archive, &place, "first", &[]).expect("a backup");
    let second = made(&archive, &place, "second", &[]).expect("another");
    stop.store(true, Ordering::SeqCst);
    let kept = arriving.join().expect("arrived");
    assert!(first.objects >= 8 && first.linked == 0 && first.broken.is_empty());
    assert!(second.objects >= first.objects && second.objects <= kept as u64);
    assert_eq!(second.linked, first.objects, "what did not change is shared");
    for backup in [&first, &second] {
        let checked = check(&backup.folder, &mut |_, _| true).expect("read");
        assert!(checked.is_sound() && checked.faults.is_empty(), "{checked:?}");
        assert_eq!(checked.files, backup.objects + 1);
    }
    let again = folder.path().join("again");
    let restored = restore(&second.folder, &again, &mut |_, _| true).expect("restored");
    assert_eq!((restored.files, restored.cancelled), (second.objects + 1, 1));
    let copy = open(&again);
    assert_eq!(copy.count().expect("counted").instances, second.objects);
    let checked = copy.check(false).expect("checked");
    assert!(checked.is_sound() && checked.strays.is_empty());
    assert_eq!(copy.queue().job(id).expect("a job").state, JobState::Cancelled);
    keep(&copy, &slice(kept, &[])).expect("it goes on");
}

#[test]
fn the_list_is_one_that_sha256sum_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, place) = (folder.path().join("archive"), folder.path().join("backups"));
    drop(open(&archive));
    let backup = made(&archive, &place, "one", &[]).expect("a backup");
    let run = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(&backup.folder)
        .status();
    match run {
        Ok(status) => assert!(status.success()),
        Err(error) => eprintln!("skipped: sha256sum is not there: {error}"),
    }
}

#[test]
fn what_is_missing_changed_or_of_another_is_named_and_nothing_is_restored_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, place) = (folder.path().join("archive"), folder.path().join("backups"));
    let store = open(&archive);
    for number in 0..3 {
        keep(&store, &slice(number, &[])).expect("kept");
    }
    let backup = made(&archive, &place, "one", &[]).expect("a backup").folder;
    let files: Vec<PathBuf> = std::fs::read_to_string(backup.join("SHA256SUMS"))
        .expect("a list")
        .lines()
        .filter_map(|line| line.split_once("  objects/").map(|(_, name)| backup.join("objects").join(name)))
        .collect();
    let mut bytes = std::fs::read(&files[0]).expect("read");
    *bytes.last_mut().expect("bytes") ^= 1;
    std::fs::write(&files[0], bytes).expect("written");
    std::fs::remove_file(&files[1]).expect("removed");
    std::fs::write(backup.join("stray"), b"x").expect("written");
    let checked = check(&backup, &mut |_, _| true).expect("read");
    let mut faults: Vec<BackupFault> = checked.faults.iter().map(|(_, fault)| *fault).collect();
    faults.sort_by_key(|fault| format!("{fault:?}"));
    assert_eq!(faults, [BackupFault::Changed, BackupFault::Missing, BackupFault::Stray]);
    assert!(!checked.is_sound());
    let again = folder.path().join("again");
    assert!(restore(&backup, &again, &mut |_, _| true).is_err());
    assert!(!again.exists() && !folder.path().join("again.part").exists());
    let held = restore(&backup, &archive, &mut |_, _| true).expect_err("in use").to_string();
    assert!(held.contains("no empty folder"), "{held}");
    // An object that is broken in the archive is in no backup, and is named.
    let broken = archive.join(files[2].strip_prefix(&backup).expect("below"));
    std::fs::write(&broken, b"broken").expect("written");
    let other = folder.path().join("elsewhere");
    let second = made(&archive, &other, "two", &[]).expect("a backup");
    assert_eq!((second.objects, second.broken.len()), (2, 1));
    let checked = check(&second.folder, &mut |_, _| true).expect("read");
    assert!(!checked.is_sound() && checked.catalog[0].contains("was not there"), "{checked:?}");
}

#[test]
fn names_places_and_stops_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, place) = (folder.path().join("archive"), folder.path().join("backups"));
    let refused = made(&archive, &place, "one", &[]).expect_err("no archive").to_string();
    assert!(refused.contains("no archive"), "{refused}");
    let store = open(&archive);
    keep(&store, &slice(0, &[])).expect("kept");
    for name in ["", ".x", "a/b", "..", "x.part", "a b", &"n".repeat(101)] {
        assert!(made(&archive, &place, name, &[]).is_err(), "{name}");
    }
    let wanted = Wanted { archive: &archive, place: &place, name: "one", also: &[] };
    let stopped = take(&wanted, &mut |_, _| false).expect_err("stopped").to_string();
    assert!(stopped.contains("stopped"), "{stopped}");
    assert_eq!(std::fs::read_dir(&place).expect("a folder").count(), 0, "nothing is left of it");
    made(&archive, &place, "one", &[]).expect("a backup");
    let twice = made(&archive, &place, "one", &[]).expect_err("there").to_string();
    assert!(twice.contains("there already"), "{twice}");
    // Within a backup no other is made, and the bin is not emptied.
    let uid = store.changed_after(0, 1).expect("changes").remove(0).study;
    let deleted = Deleted { by: "root".to_owned(), reason: "sent twice".to_owned() };
    store.delete(&uid, deleted, SystemTime::now()).expect("deleted");
    let wanted = Wanted { archive: &archive, place: &place, name: "two", also: &[] };
    let mut looked = false;
    take(&wanted, &mut |done, _| {
        if done > 0 {
            return true;
        }
        looked = true;
        assert!(matches!(store.purge(&uid, Duration::ZERO, SystemTime::now()), Err(StoreError::BackingUp)));
        assert!(matches!(store.check(true), Err(StoreError::BackingUp)));
        assert!(made(&archive, &place, "three", &[]).is_err());
        true
    })
    .expect("a backup");
    assert!(looked);
    // Out of the bin of the backup it comes back, after it is gone here for good.
    store.purge(&uid, Duration::ZERO, SystemTime::now()).expect("emptied");
    let again = folder.path().join("again");
    restore(&place.join("two"), &again, &mut |_, _| true).expect("restored");
    assert_eq!(open(&again).restore(&uid).expect("back"), 1);
}

#[test]
fn sealed_objects_stay_sealed_and_what_goes_along_lies_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, place) = (folder.path().join("archive"), folder.path().join("backups"));
    let keys = keys(&folder.path().join("keyring.json"));
    let settings = || Settings { keys: Some(Arc::clone(&keys)), ..Settings::default() };
    let store = Store::open(&archive, settings()).expect("an archive");
    let bytes = slice(0, &[]);
    keep(&store, &bytes).expect("kept");
    let accounts = folder.path().join("accounts.json");
    std::fs::write(&accounts, b"{}").expect("written");
    let audit = folder.path().join("audit");
    std::fs::create_dir(&audit).expect("a folder");
    std::fs::write(audit.join("audit-000001.jsonl"), b"{}\n").expect("written");
    let also = [("accounts.json", accounts), ("audit", audit), ("rules.toml", folder.path().join("none"))];
    let backup = made(&archive, &place, "one", &also).expect("a backup");
    let list = std::fs::read_to_string(backup.folder.join("SHA256SUMS")).expect("a list");
    assert!(list.contains(".sealed\n") && !list.contains(".dcm\n"));
    assert!(list.contains("also/accounts.json") && list.contains("also/audit/audit-000001.jsonl"));
    let again = folder.path().join("again");
    restore(&backup.folder, &again, &mut |_, _| true).expect("restored");
    let copy = Store::open(&again, settings()).expect("an archive");
    assert!(copy.check(false).expect("checked").is_sound());
    assert!(again.join("also/audit/audit-000001.jsonl").is_file());
}

#[test]
fn a_backup_comes_back_into_a_folder_named_with_a_slash_that_is_there_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, place) = (folder.path().join("archive"), folder.path().join("backups"));
    keep(&open(&archive), &slice(0, &[])).expect("kept");
    let backup = made(&archive, &place, "one", &[]).expect("a backup").folder;
    let below = |name: &str| folder.path().join(name);
    std::fs::create_dir(below("empty")).expect("a folder");
    std::fs::create_dir(below("dots")).expect("a folder");
    for (into, name) in [("new/", "new"), ("empty/", "empty"), ("dots/./../dots/.", "dots")] {
        restore(&backup, &below(into), &mut |_, _| true).expect("restored");
        assert_eq!(open(&below(name)).count().expect("counted").instances, 1, "{into}");
        assert!(!below(&format!("{name}.part")).exists());
    }
    let nowhere = restore(&backup, &below("none/.."), &mut |_, _| true).expect_err("no name").to_string();
    assert!(nowhere.contains("no name of a folder"), "{nowhere}");
}

#[cfg(unix)]
#[test]
fn what_is_written_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    fn check_below(path: &Path) {
        let mode = std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        if path.is_dir() {
            for entry in std::fs::read_dir(path).expect("a folder") {
                check_below(&entry.expect("an entry").path());
            }
        }
    }

    let folder = tempfile::tempdir().expect("a folder");
    let (archive, place) = (folder.path().join("archive"), folder.path().join("backups"));
    keep(&open(&archive), &slice(0, &[])).expect("kept");
    let accounts = folder.path().join("accounts.json");
    std::fs::write(&accounts, b"{}").expect("written");
    let backup = made(&archive, &place, "one", &[("accounts.json", accounts)]).expect("a backup").folder;
    check_below(&place);
    let again = folder.path().join("again");
    restore(&backup, &again, &mut |_, _| true).expect("restored");
    assert!(again.join("also/accounts.json").is_file());
    check_below(&again);
}
