//! Whether the catalog and the objects agree, byte by byte.

use std::collections::HashSet;
use std::fs;

use rusqlite::params;

use crate::objects::{Checksum, checksum_of, hexadecimal};
use crate::store::{Store, located};
use crate::{Located, StoreError};

/// What is wrong with one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its file is gone.
    Missing,
    /// Its file holds other bytes than arrived.
    Changed,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Objects looked at.
    pub objects: u64,
    /// Broken objects: SOP Instance UID, file name, what is wrong.
    pub faults: Vec<(String, String, Fault)>,
    /// Files that no row names, as a program killed between file and row leaves them.
    pub strays: Vec<String>,
    /// What SQLite says of the catalog; empty where it is sound.
    pub catalog: Vec<String>,
}

impl Checked {
    /// Whether nothing that was acknowledged is missing or broken.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.catalog.is_empty()
    }
}

/// Objects looked at between two looks into the catalog.
const PAGE: i64 = 1000;

impl Store {
    /// Reads every object and compares it with its checksum. With `repair`, broken objects leave the catalog, what is left
    /// of their files goes to `quarantine`, and files that no row names are removed.
    ///
    /// # Errors
    /// [`StoreError::Catalog`], [`StoreError::Io`].
    pub fn check(&self, repair: bool) -> Result<Checked, StoreError> {
        let catalog = self.reading("checking itself", |connection| {
            let mut prepared = connection.prepare("PRAGMA quick_check")?;
            let lines = prepared.query_map([], |row| row.get::<_, String>(0))?;
            lines.filter(|line| line.as_deref() != Ok("ok")).collect()
        })?;
        let mut checked = Checked { catalog, ..Checked::default() };
        // Files first: an object that arrives while this runs has its file before its row.
        let files = self.files()?;
        let mut named: HashSet<String> = HashSet::new();
        let mut after = 0;
        loop {
            let page = self.page(after)?;
            let Some(last) = page.last() else { break };
            after = last.key;
            for object in page {
                checked.objects += 1;
                let path = self.folders.object(&object.checksum);
                let name = hexadecimal(&object.checksum);
                let fault = match checksum_of(&path) {
                    Ok((checksum, length)) if checksum == object.checksum && length == object.bytes => None,
                    Ok(_) => Some(Fault::Changed),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Fault::Missing),
                    Err(error) => return Err(StoreError::io("reading", path, error)),
                };
                if let Some(fault) = fault {
                    if repair {
                        self.remove_row(object.key)?;
                        if fault == Fault::Changed {
                            let aside = self.folders.quarantine.join(format!("{name}.dcm"));
                            fs::rename(&path, &aside)
                                .map_err(|error| StoreError::io("setting aside", &path, error))?;
                            let _ = fs::write(
                                aside.with_extension("txt"),
                                "the bytes are not those that arrived\n",
                            );
                        }
                    }
                    checked.faults.push((object.sop_uid, name.clone(), fault));
                }
                named.insert(name);
            }
        }
        for name in files {
            // A row may have come in the meantime.
            if !named.contains(&name) && !self.names(&name)? {
                if repair {
                    let path = self.folders.objects.join(&name[..2]).join(format!("{name}.dcm"));
                    fs::remove_file(&path).map_err(|error| StoreError::io("removing", path, error))?;
                }
                checked.strays.push(name);
            }
        }
        Ok(checked)
    }

    /// Checksums that files are named by.
    fn files(&self) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for number in 0..=255_u8 {
            let folder = self.folders.objects.join(format!("{number:02x}"));
            let failed = |error| StoreError::io("listing", &folder, error);
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let name = entry.map_err(failed)?.file_name();
                let name = name.to_str().and_then(|name| name.strip_suffix(".dcm"));
                names.extend(name.filter(|name| name.len() == 64 && name.is_ascii()).map(str::to_owned));
            }
        }
        Ok(names)
    }

    fn names(&self, name: &str) -> Result<bool, StoreError> {
        self.reading("finding a file's row", |connection| {
            connection.prepare_cached("SELECT 1 FROM instance WHERE sha256 = unhex(?)")?.exists([name])
        })
    }

    fn page(&self, after: i64) -> Result<Vec<Located>, StoreError> {
        self.reading("listing objects", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT i.key, s.uid, e.uid, i.uid, i.sop_class, i.transfer_syntax, i.data_set, i.pixel_start,
                 i.pixel_length, i.frames, i.bytes, i.sha256, i.rows, i.columns,
                 i.samples, i.bits_allocated
                 FROM instance i JOIN series e ON e.key = i.series_key JOIN study s ON s.key = e.study_key
                 WHERE i.key > ? ORDER BY i.key LIMIT ?",
            )?;
            prepared.query_map(params![after, PAGE], located)?.collect()
        })
    }

    /// The checksum of an object's bytes, in hexadecimal digits.
    pub fn checksum(located: &Located) -> String {
        let checksum: &Checksum = &located.checksum;
        hexadecimal(checksum)
    }
}
