//! Whether the catalog and the objects agree, byte by byte.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use rusqlite::params;
use wilhelm_privacy::seal::SealError;

use crate::backup::Hold;
use crate::ingest::NAMED;
use crate::objects::{Checksum, checksum_of, hexadecimal};
use crate::store::{Store, located};
use crate::{AnnotationFault, Located, ReportFault, StoreError};

/// What is wrong with one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its file is gone.
    Missing,
    /// Its file holds other bytes than arrived.
    Changed,
    /// It was sealed with a key that is not there. Nothing is repaired then: the key may come back.
    Locked,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Objects looked at.
    pub objects: u64,
    /// Broken objects: SOP Instance UID, file name, what is wrong.
    pub faults: Vec<(String, String, Fault)>,
    /// Versions and files of reports looked at.
    pub report_parts: u64,
    /// What is wrong with reports; nothing of them is repaired.
    pub report_faults: Vec<ReportFault>,
    /// Projects of annotation and answers looked at.
    pub annotation_parts: u64,
    /// What is wrong with annotations; nothing of them is repaired.
    pub annotation_faults: Vec<AnnotationFault>,
    /// Files that no row names, as a program killed between file and row leaves them.
    pub strays: Vec<String>,
    /// What SQLite says of the catalog; empty where it is sound.
    pub catalog: Vec<String>,
}

impl Checked {
    /// Whether nothing that was acknowledged is missing or broken.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
            && self.report_faults.is_empty()
            && self.annotation_faults.is_empty()
            && self.catalog.is_empty()
    }
}

/// Objects looked at between two looks into the catalog.
const PAGE: i64 = 1000;

impl Store {
    /// Reads every object and every part of every report and project of annotation and compares it with its checksum. With `repair`, broken objects
    /// leave the catalog, what is left of their files goes to `quarantine`, and files that no row names are removed.
    ///
    /// # Errors
    /// [`StoreError::BackingUp`] where something would be removed while a backup is made; [`StoreError::Catalog`],
    /// [`StoreError::Io`].
    pub fn check(&self, repair: bool) -> Result<Checked, StoreError> {
        // Nothing is removed from under a backup.
        let _hold = match repair {
            true => Some(Hold::of(&self.folders.root)?.ok_or(StoreError::BackingUp)?),
            false => None,
        };
        let catalog = self.reading("checking itself", |connection| {
            let mut prepared = connection.prepare("PRAGMA quick_check")?;
            let lines = prepared.query_map([], |row| row.get::<_, String>(0))?;
            lines.filter(|line| line.as_deref() != Ok("ok")).collect()
        })?;
        let (mut report_parts, mut report_faults) = self.check_reports()?;
        let (parts, faults) = self.check_consultations()?;
        report_parts += parts;
        report_faults.extend(faults);
        let (annotation_parts, annotation_faults) = self.check_annotations()?;
        let mut checked = Checked {
            catalog,
            report_parts,
            report_faults,
            annotation_parts,
            annotation_faults,
            ..Checked::default()
        };
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
                let name = hexadecimal(&object.checksum);
                let read = self.folders.content(&object.checksum);
                let fault = match read.and_then(|content| checksum_of(&content)) {
                    Ok((checksum, length)) if checksum == object.checksum && length == object.bytes => None,
                    Ok(_) => Some(Fault::Changed),
                    Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                        Some(Fault::Missing)
                    }
                    Err(StoreError::NoKeys { .. }) => Some(Fault::Locked),
                    Err(StoreError::Sealed { source, .. }) => match *source {
                        SealError::NoKey { .. } => Some(Fault::Locked),
                        _ => Some(Fault::Changed),
                    },
                    Err(error) => return Err(error),
                };
                if let Some(fault) = fault {
                    if repair && fault != Fault::Locked {
                        self.remove_row(object.key)?;
                        if let Some((path, _)) = self.folders.present(&object.checksum) {
                            let aside = self.folders.quarantine.join(path.file_name().unwrap_or_default());
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
        for (name, path) in files {
            // A row may have come in the meantime.
            if !named.contains(&name) && !self.names(&name)? {
                if repair {
                    fs::remove_file(&path).map_err(|error| StoreError::io("removing", path, error))?;
                }
                checked.strays.push(name);
            }
        }
        Ok(checked)
    }

    /// Files with the checksums that they are named by.
    fn files(&self) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let mut files = Vec::new();
        for number in 0..=255_u8 {
            let folder = self.folders.objects.join(format!("{number:02x}"));
            let failed = |error| StoreError::io("listing", &folder, error);
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
                let name = name.filter(|name| name.len() == 64 && name.is_ascii());
                files.extend(name.map(|name| (name, path)));
            }
        }
        Ok(files)
    }

    fn names(&self, name: &str) -> Result<bool, StoreError> {
        self.reading("finding a file's row", |connection| connection.prepare_cached(NAMED)?.exists([name]))
    }

    pub(crate) fn page(&self, after: i64) -> Result<Vec<Located>, StoreError> {
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
