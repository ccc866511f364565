//! Backups: the catalog as it was at one moment and every object that it names, in a folder of its own, made while the archive
//! is being used by another program or not; and the way back.
//!
//! [`take`] makes one, [`check`] reads one through, [`restore`] makes an archive of one.
//!
//! Invariants held here: a backup has its name once it is whole and on the disk, before that another; a file in it is never
//! written again, so that backups in one place share what did not change by hard links; sealed objects stay sealed, and no
//! key is ever part of a backup; while one is made, no file of the archive is removed; on Unix, what is written can be read by
//! its owner alone.

mod making;
mod manifest;
mod restore;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::objects::{Checksum, sync_folder};
use making::Making;

pub use restore::{BackupChecked, BackupFault, Restored, check, restore};

/// The file by which programs tell each other that a backup is being made.
const LOCK: &str = "backup.lock";
/// The catalog's file.
const CATALOG: &str = "catalog.sqlite";
/// What is copied beside the archive, as its own folder.
const ALSO: &str = "also";
/// What a backup that is not whole is called behind its name.
const PART: &str = "part";
/// Longest wait for somebody who removes files, as the archive does for a moment after it took objects.
const PATIENCE: Duration = Duration::from_secs(3);
/// Time between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// What a backup is made of.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The archive's folder.
    pub archive: &'a Path,
    /// Where backups are kept; one that is there already is added to.
    pub place: &'a Path,
    /// The name of this one, as `2026-11-27T103000Z`: letters, digits, dots, dashes and underscores.
    pub name: &'a str,
    /// Files and folders outside the archive that go along, each under a name of its own: accounts, the audit log, rules. Never
    /// keys.
    pub also: &'a [(&'a str, PathBuf)],
}

/// A backup that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// Its folder.
    pub folder: PathBuf,
    /// Number of its objects.
    pub objects: u64,
    /// How many of them an earlier backup had already.
    pub linked: u64,
    /// Bytes that were copied.
    pub bytes_copied: u64,
    /// Objects that are missing in the archive, or are not what arrived: they are not in the backup either.
    pub broken: Vec<String>,
}

/// Held while a backup is made, or while files are removed.
#[derive(Debug)]
pub(crate) struct Hold(#[allow(dead_code, reason = "the lock goes with the file")] File);

impl Hold {
    /// Holds the archive's files; `None` where somebody else does.
    pub(crate) fn of(archive: &Path) -> Result<Option<Self>, StoreError> {
        let path = archive.join(LOCK);
        let failed = |error| StoreError::io("opening", &path, error);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// As [`of`](Self::of), tried again for so long.
    fn within(archive: &Path, patience: Duration) -> Result<Option<Self>, StoreError> {
        let begun = Instant::now();
        loop {
            match Self::of(archive)? {
                None if begun.elapsed() < patience => std::thread::sleep(BETWEEN_TRIES),
                outcome => return Ok(outcome),
            }
        }
    }
}

/// Makes a backup; `each` is told how many of how many objects are done, and stops it with `false`.
///
/// # Errors
/// [`StoreError::Backup`] where the name or the place is none, another is being made, or it was stopped; [`StoreError::DiskFull`],
/// [`StoreError::Io`], [`StoreError::Catalog`]. Nothing with the backup's name is there then.
pub fn take(wanted: &Wanted<'_>, each: &mut dyn FnMut(u64, u64) -> bool) -> Result<Backup, StoreError> {
    let Wanted { archive, place, name, also } = wanted;
    named(name)?;
    for (name, _) in *also {
        named(name)?;
    }
    if !archive.join(CATALOG).is_file() {
        return Err(StoreError::backup(format!("{} is no archive", archive.display())));
    }
    make_folder(place).map_err(|error| StoreError::io("making the folder", *place, error))?;
    let target = place.join(name);
    if target.exists() {
        return Err(StoreError::backup(format!("{} is there already", target.display())));
    }
    let busy = || StoreError::backup("another backup is being made, or the bin is being emptied: try again");
    let _hold = Hold::within(archive, PATIENCE)?.ok_or_else(busy)?;
    let part = place.join(format!("{name}.{PART}"));
    if part.exists() {
        // What a killed program left; nobody else is at it, as the archive is held.
        fs::remove_dir_all(&part).map_err(|error| StoreError::io("removing", &part, error))?;
    }
    let made =
        Making { archive, part: &part, earlier: earlier(place)?, lines: BTreeMap::new() }.run(also, each);
    let made = made.and_then(|made| {
        fs::rename(&part, &target).map_err(|error| StoreError::io("naming", &target, error))?;
        sync_folder(place)?;
        Ok(Backup { folder: target, ..made })
    });
    made.inspect_err(|_| {
        let _ = fs::remove_dir_all(&part);
    })
}

fn named(name: &str) -> Result<(), StoreError> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let good = (1..=100).contains(&name.len()) && name.bytes().all(is_sign) && !name.starts_with('.');
    if good && !name.ends_with(&format!(".{PART}")) {
        return Ok(());
    }
    let expected =
        "1 to 100 letters, digits, dots, dashes and underscores, not a dot first and not .part last";
    Err(StoreError::backup(format!("the name of a backup has {expected}")))
}

/// Makes a folder and those above it that are not there.
fn make_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file that is not there.
fn make_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The checksums of a backup's files.
type Lines = BTreeMap<String, Checksum>;

/// The latest backup in a place.
fn earlier(place: &Path) -> Result<Option<(PathBuf, Lines)>, StoreError> {
    let failed = |error| StoreError::io("listing", place, error);
    let mut found: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(place).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let made = path.join(manifest::NAME).metadata().and_then(|metadata| metadata.modified());
        let is_part = path.extension().is_some_and(|ending| ending == PART);
        found.extend(made.ok().filter(|_| !is_part).map(|made| (made, path)));
    }
    found.sort();
    // One whose list is broken is passed over: everything is copied then.
    Ok(found.into_iter().rev().find_map(|(_, path)| manifest::read(&path).ok().map(|lines| (path, lines))))
}

/// The objects that a catalog names, in the bin too.
const NAMED: &str = "SELECT sha256 FROM instance UNION SELECT sha256 FROM bin_object";

/// SHA-256 and number of the bytes of a source, written to a file on the way.
fn hashed(source: &mut impl Read, mut file: Option<&mut File>) -> std::io::Result<(Checksum, u64)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok((hash.finalize().into(), bytes)),
            Ok(count) => {
                hash.update(&piece[..count]);
                bytes += count as u64;
                if let Some(file) = &mut file {
                    file.write_all(&piece[..count])?;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
