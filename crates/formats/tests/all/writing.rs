//! Results on disk.

use wilhelm_formats::{FormatError, write_atomically};

#[test]
fn a_file_is_whole_and_is_not_overwritten_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json");
    write_atomically(&path, false, b"first").unwrap();
    assert!(matches!(write_atomically(&path, false, b"second"), Err(FormatError::Exists { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"first");
    write_atomically(&path, true, b"third").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"third");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["result.json"], "no temporary file is left");
}

#[test]
fn a_missing_folder_and_a_file_in_its_place_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere/result.json");
    let error = write_atomically(&missing, false, b"x").unwrap_err();
    assert!(error.to_string().ends_with("nowhere does not exist"), "{error}");
    let plain = folder.path().join("plain");
    std::fs::write(&plain, b"").unwrap();
    let error = write_atomically(&plain.join("result.json"), false, b"x").unwrap_err();
    assert!(matches!(error, FormatError::UnwritableFolder { .. }), "{error:?}");
    assert!(error.is_callers_fault());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_this_machines_fault() {
    // Every write to this device fails for want of space.
    let source = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"x"))
        .unwrap_err();
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    let error = FormatError::DiskFull { path: "result.json".into() };
    assert!(!error.is_callers_fault());
    assert_eq!(error.to_string(), "no space left on the disk of result.json");
}
