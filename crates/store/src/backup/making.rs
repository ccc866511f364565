//! A backup while it is made: the catalog, then what it names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{ALSO, Backup, CATALOG, Lines, NAMED, hashed, make_file, make_folder, manifest, named};
use crate::StoreError;
use crate::objects::{Checksum, hexadecimal, sync_folder};

/// A backup that is being made.
pub(super) struct Making<'a> {
    pub archive: &'a Path,
    pub part: &'a Path,
    pub earlier: Option<(PathBuf, Lines)>,
    pub lines: Lines,
}

impl Making<'_> {
    pub(super) fn run(
        mut self,
        also: &[(&str, PathBuf)],
        each: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Backup, StoreError> {
        make_folder(self.part).map_err(|error| StoreError::io("making the folder", self.part, error))?;
        // The catalog first: the files of what it names are on the disk before it names them.
        let checksums = self.catalog()?;
        let mut made = Backup { objects: checksums.len() as u64, ..Backup::default() };
        for (done, checksum) in checksums.iter().enumerate() {
            if !each(done as u64, made.objects) {
                return Err(StoreError::backup("it was stopped"));
            }
            self.object(checksum, &mut made)?;
        }
        each(made.objects, made.objects);
        made.objects -= made.broken.len() as u64;
        for (name, path) in also {
            self.also(&format!("{ALSO}/{name}"), path, &mut made)?;
        }
        manifest::write(self.part, &self.lines)?;
        let folders: BTreeSet<PathBuf> = self
            .lines
            .keys()
            .flat_map(|path| Path::new(path).ancestors().skip(1))
            .map(PathBuf::from)
            .collect();
        // Those deeper before those above them; the last is the backup's own.
        folders.iter().rev().try_for_each(|folder| sync_folder(&self.part.join(folder)))?;
        Ok(made)
    }

    /// Copies the catalog as it is at this moment; gives the checksums of the objects that it names.
    ///
    /// # Source
    /// SQLite, "VACUUM" (INTO): a snapshot of a live database, without holding up who writes.
    fn catalog(&mut self) -> Result<Vec<Checksum>, StoreError> {
        let from = self.archive.join(CATALOG);
        let to = self.part.join(CATALOG);
        let target = to.to_str().ok_or_else(|| StoreError::backup("the place is not named in Unicode"))?;
        // SQLite takes an empty file as it is, and keeps its mode.
        make_file(&to).map_err(|error| StoreError::io("writing", &to, error))?;
        let copy = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&from, flags)?;
            connection.busy_timeout(Duration::from_secs(60))?;
            connection.execute("VACUUM INTO ?", [target])?;
            drop(connection);
            let copied = Connection::open_with_flags(&to, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            let mut prepared = copied.prepare(NAMED)?;
            prepared.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Checksum>>>()
        };
        let checksums = copy().map_err(StoreError::catalog("copying it into a backup"))?;
        let failed = |error| StoreError::io("putting on the disk", &to, error);
        let mut file = File::open(&to).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let (checksum, _) = hashed(&mut file, None).map_err(failed)?;
        self.lines.insert(CATALOG.to_owned(), checksum);
        Ok(checksums)
    }

    /// Takes over an object's file: from the earlier backup where it has it, else from the archive.
    fn object(&mut self, checksum: &Checksum, made: &mut Backup) -> Result<(), StoreError> {
        let name = hexadecimal(checksum);
        // Twice, as it may be sealed between the look and the copy.
        for _ in 0..2 {
            for extension in ["sealed", "dcm"] {
                let path = format!("objects/{}/{name}.{extension}", &name[..2]);
                if !self.archive.join(&path).exists() {
                    continue;
                }
                if self.link(&path)? {
                    made.linked += 1;
                    return Ok(());
                }
                match self.copy(&path, &self.archive.join(&path)) {
                    // Of a sealed object the name says nothing of the file's bytes.
                    Ok((found, bytes)) if extension == "sealed" || found == *checksum => {
                        made.bytes_copied += bytes;
                        self.lines.insert(path, found);
                        return Ok(());
                    }
                    Ok(_) => {
                        let file = self.part.join(&path);
                        fs::remove_file(&file).map_err(|error| StoreError::io("removing", &file, error))?;
                        made.broken.push(path);
                        return Ok(());
                    }
                    Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        made.broken.push(format!("objects/{}/{name}", &name[..2]));
        Ok(())
    }

    /// Shares a file with the earlier backup; `false` where it has none, or the disk takes no more links to it.
    fn link(&mut self, path: &str) -> Result<bool, StoreError> {
        let Some((folder, lines)) = &self.earlier else { return Ok(false) };
        let Some(checksum) = lines.get(path) else { return Ok(false) };
        self.folder(path)?;
        if fs::hard_link(folder.join(path), self.part.join(path)).is_err() {
            return Ok(false);
        }
        self.lines.insert(path.to_owned(), *checksum);
        Ok(true)
    }

    /// Makes the folder of a file.
    fn folder(&self, path: &str) -> Result<(), StoreError> {
        let path = self.part.join(path);
        let folder = path.parent().unwrap_or(self.part);
        make_folder(folder).map_err(|error| StoreError::io("making the folder", folder, error))
    }

    /// Copies a file; gives the checksum and number of its bytes.
    fn copy(&self, path: &str, from: &Path) -> Result<(Checksum, u64), StoreError> {
        let mut source = File::open(from).map_err(|error| StoreError::io("opening", from, error))?;
        let to = self.part.join(path);
        let failed = |error| StoreError::io("writing", &to, error);
        self.folder(path)?;
        let mut file = make_file(&to).map_err(failed)?;
        let copied = hashed(&mut source, Some(&mut file)).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        Ok(copied)
    }

    /// A file, or a folder with its files; links are passed over, and what is not there too.
    fn also(&mut self, path: &str, from: &Path, made: &mut Backup) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("reading", from, error);
        let metadata = match fs::symlink_metadata(from) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.map_err(failed)?,
        };
        if metadata.is_file() {
            let (checksum, bytes) = self.copy(path, from)?;
            made.bytes_copied += bytes;
            self.lines.insert(path.to_owned(), checksum);
        } else if metadata.is_dir() {
            for entry in fs::read_dir(from).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name();
                // A name that no list could hold is none of ours.
                let Some(name) = name.to_str().filter(|name| named(name).is_ok()) else { continue };
                self.also(&format!("{path}/{name}"), &entry.path(), made)?;
            }
        }
        Ok(())
    }
}
