//! Backups read through, and archives made of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{CATALOG, PART, hashed, make_file, make_folder, manifest};
use crate::StoreError;
use crate::objects::{Checksum, sync_folder};

/// What is wrong with one file of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupFault {
    /// It is gone.
    Missing,
    /// It holds other bytes than were written.
    Changed,
    /// No line of the list names it.
    Stray,
}

/// What a look through a backup found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupChecked {
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files with what is wrong with them.
    pub faults: Vec<(String, BackupFault)>,
    /// What SQLite says of the catalog, and objects that it names and the backup has not; empty where it is sound.
    pub catalog: Vec<String>,
}

impl BackupChecked {
    /// Whether an archive can be made of it with everything that the catalog names.
    pub fn is_sound(&self) -> bool {
        self.catalog.is_empty() && self.faults.iter().all(|(_, fault)| *fault == BackupFault::Stray)
    }
}

/// Reads every file of a backup and compares it with the list; `each` is told how many of how many are done, and stops it with
/// `false`.
///
/// # Errors
/// [`StoreError::Backup`] where it is none, or the look was stopped; [`StoreError::Io`].
pub fn check(backup: &Path, each: &mut dyn FnMut(u64, u64) -> bool) -> Result<BackupChecked, StoreError> {
    let lines = manifest::read(backup)?;
    let mut checked = BackupChecked::default();
    for (name, expected) in &lines {
        if !each(checked.files, lines.len() as u64) {
            return Err(StoreError::backup("it was stopped"));
        }
        checked.files += 1;
        let path = backup.join(name);
        let read = File::open(&path).and_then(|mut file| hashed(&mut file, None));
        match read {
            Ok((found, bytes)) => {
                checked.bytes += bytes;
                if found != *expected {
                    checked.faults.push((name.clone(), BackupFault::Changed));
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                checked.faults.push((name.clone(), BackupFault::Missing));
            }
            Err(error) => return Err(StoreError::io("reading", path, error)),
        }
    }
    strays(backup, "", &lines, &mut checked.faults)?;
    if checked.faults.iter().all(|(name, _)| name != CATALOG) {
        checked.catalog = of_catalog(&backup.join(CATALOG), &lines)?;
    }
    Ok(checked)
}

/// What is wrong with a backup's catalog, which is as it was written.
fn of_catalog(path: &Path, lines: &BTreeMap<String, Checksum>) -> Result<Vec<String>, StoreError> {
    let failed = StoreError::catalog("reading it in a backup");
    let read = || {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut wrong: Vec<String> = connection
            .prepare("PRAGMA quick_check")?
            .query_map([], |row| row.get::<_, String>(0))?
            .filter(|line| line.as_deref() != Ok("ok"))
            .collect::<rusqlite::Result<_>>()?;
        let mut prepared = connection.prepare(super::NAMED)?;
        let mut rows = prepared.query([])?;
        while let Some(row) = rows.next()? {
            let name = crate::objects::hexadecimal(&row.get(0)?);
            let folder = &name[..2];
            let is_there = ["dcm", "sealed"]
                .iter()
                .any(|extension| lines.contains_key(&format!("objects/{folder}/{name}.{extension}")));
            if !is_there {
                wrong.push(format!("the object {name} was not there when the backup was made"));
            }
        }
        Ok(wrong)
    };
    read().map_err(failed)
}

/// Files that no line names.
fn strays(
    backup: &Path,
    below: &str,
    lines: &BTreeMap<String, Checksum>,
    faults: &mut Vec<(String, BackupFault)>,
) -> Result<(), StoreError> {
    let folder = backup.join(below);
    let failed = |error| StoreError::io("listing", &folder, error);
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().map_err(failed)?.is_dir() {
            strays(backup, &path, lines, faults)?;
        } else if path != manifest::NAME && !lines.contains_key(&path) {
            faults.push((path, BackupFault::Stray));
        }
    }
    Ok(())
}

/// An archive that was made of a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Files that were copied, each compared with the list.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Jobs that waited or ran when the backup was made: they are cancelled, as the archive that it was made of may have done
    /// them since.
    pub cancelled: u64,
}

/// Makes an archive of a backup in a folder that is empty or not there. What went along (accounts, audit log, rules) lies in the
/// folder `also` of it and is put in its place by hand.
///
/// # Errors
/// [`StoreError::Backup`] where the folder holds something or cannot be replaced, as a mount point, or a file is not what was written, which stops everything: nothing
/// with the folder's name is there then. [`StoreError::DiskFull`], [`StoreError::Io`], [`StoreError::Catalog`].
pub fn restore(
    backup: &Path,
    into: &Path,
    each: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Restored, StoreError> {
    let lines = manifest::read(backup)?;
    let is_empty = fs::read_dir(into).map_or(!into.exists(), |mut entries| entries.next().is_none());
    if !is_empty {
        return Err(StoreError::backup(format!("{} is no empty folder: name another", into.display())));
    }
    let into = &place(into)?;
    let part = beside(into)?;
    if part.exists() {
        let hint = "an earlier attempt left it: remove it first";
        return Err(StoreError::backup(format!("{} is there already: {hint}", part.display())));
    }
    if into.exists() {
        replaceable(&part, into)?;
    }
    let made = copied(backup, &part, &lines, each).and_then(|mut restored| {
        restored.cancelled = settle(&part.join(CATALOG))?;
        sync_folder(&part)?;
        fs::rename(&part, into).map_err(|error| StoreError::io("naming", into, error))?;
        let parent = into.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_folder(parent.unwrap_or(Path::new(".")))?;
        Ok(restored)
    });
    made.inspect_err(|_| {
        let _ = fs::remove_dir_all(&part);
    })
}

/// A folder by its own name: no link, and no dots last.
fn place(into: &Path) -> Result<PathBuf, StoreError> {
    if !into.exists() {
        return Ok(into.to_owned());
    }
    fs::canonicalize(into).map_err(|error| StoreError::io("looking for", into, error))
}

/// What an archive is called until it is whole: in the folder that its own lies in.
fn beside(into: &Path) -> Result<PathBuf, StoreError> {
    let none = || StoreError::backup(format!("{} is no name of a folder: name another", into.display()));
    let mut name = into.file_name().ok_or_else(none)?.to_owned();
    name.push(format!(".{PART}"));
    Ok(into.with_file_name(name))
}

/// Puts an empty folder in the place of another, as is done with the archive when it is whole: where that cannot be, it is said
/// before hours of copying.
fn replaceable(part: &Path, into: &Path) -> Result<(), StoreError> {
    make_folder(part).map_err(|error| StoreError::io("making the folder", part, error))?;
    fs::rename(part, into).map_err(|error| {
        let _ = fs::remove_dir(part);
        let hint = "name a folder in it that is not there";
        StoreError::backup(format!("{} cannot be replaced ({error}): {hint}", into.display()))
    })
}

fn copied(
    backup: &Path,
    part: &Path,
    lines: &BTreeMap<String, Checksum>,
    each: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Restored, StoreError> {
    let mut restored = Restored::default();
    let mut folders: Vec<PathBuf> = Vec::new();
    for (name, expected) in lines {
        if !each(restored.files, lines.len() as u64) {
            return Err(StoreError::backup("it was stopped"));
        }
        let (from, to) = (backup.join(name), part.join(name));
        let failed = |error| StoreError::io("writing", &to, error);
        let folder = to.parent().unwrap_or(part).to_owned();
        if folders.last() != Some(&folder) {
            make_folder(&folder).map_err(failed)?;
            folders.push(folder);
        }
        let mut source = File::open(&from).map_err(|error| StoreError::io("opening", &from, error))?;
        let mut file = make_file(&to).map_err(failed)?;
        let (found, bytes) = hashed(&mut source, Some(&mut file)).map_err(failed)?;
        if found != *expected {
            return Err(StoreError::backup(format!("{} is not what was written", from.display())));
        }
        file.sync_data().map_err(failed)?;
        restored.files += 1;
        restored.bytes += bytes;
    }
    folders.sort();
    folders.dedup();
    folders.iter().try_for_each(|folder| sync_folder(folder))?;
    Ok(restored)
}

/// Cancels what waited or ran.
fn settle(catalog: &Path) -> Result<u64, StoreError> {
    let run = || {
        let connection = Connection::open(catalog)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let cancelled = connection.execute(
            "UPDATE job SET state = 'cancelled', stop = 0, since = NULL, not_before = NULL, opening = NULL,
             error = 'it came with a backup: retry it where it is still wanted'
             WHERE state IN ('queued', 'running')",
            [],
        )?;
        // One file again, nothing beside it.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(cancelled as u64)
    };
    run().map_err(StoreError::catalog("settling the jobs of a backup"))
}
