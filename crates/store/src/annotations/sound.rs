//! Whether annotations are as they were written, and the sealing of those that lie open.

use rusqlite::params;
use wilhelm_privacy::seal::SealError;

use super::answers::{Raw, part_of};
use super::{DOCUMENT, kept};
use crate::check::Fault;
use crate::objects::Checksum;
use crate::reports::part::{self, Kept, Owner};
use crate::{Store, StoreError};

/// What is wrong with a part of a project. Nothing of it is ever repaired or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationFault {
    /// The project's name.
    pub project: String,
    /// Which part.
    pub part: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Store {
    /// Compares what every project asks and every answer with its hash, and each answer with the one before; gives how many
    /// parts were looked at, and what is wrong.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub(crate) fn check_annotations(&self) -> Result<(u64, Vec<AnnotationFault>), StoreError> {
        let (mut count, mut faults) = (0, Vec::new());
        for project in self.annotations().list()? {
            let mut found = |part: String, fault| {
                faults.push(AnnotationFault { project: project.id.clone(), part, fault });
            };
            if let Some(document) = self.document_kept(&project.id)? {
                count += 1;
                if let Some(fault) = self.annotation_fault(&project.id, DOCUMENT, document) {
                    found(DOCUMENT.to_owned(), fault);
                }
            }
            // In the order of items, accounts and versions.
            let mut before: Option<(u32, String, u32, Checksum)> = None;
            for raw in self.annotations().raw(&project.id, None, None, false)? {
                count += 1;
                let Raw { item, account, version, previous, kept, .. } = raw;
                let last = before.take().filter(|(of, who, ..)| *of == item && *who == account);
                let expected = last.as_ref().map_or(1, |(.., version, _)| version + 1);
                (expected..version).for_each(|gone| found(part_of(item, &account, gone), Fault::Missing));
                let is_chained = expected != version || previous == last.map(|(.., hash)| hash);
                let hash = kept.sha256;
                let part = part_of(item, &account, version);
                match self.annotation_fault(&project.id, &part, kept) {
                    Some(fault) => found(part, fault),
                    None if !is_chained => found(part, Fault::Changed),
                    None => {}
                }
                before = Some((item, account, version, hash));
            }
            for item in self.annotations().items(&project.id)? {
                for task in item.tasks.iter().filter(|task| task.version > 0) {
                    let there =
                        self.annotations().raw(&project.id, Some(item.number), Some(&task.account), true)?;
                    let last = there.first().map_or(0, |raw| raw.version);
                    (last + 1..=task.version)
                        .for_each(|gone| found(part_of(item.number, &task.account, gone), Fault::Missing));
                }
            }
        }
        Ok((count, faults))
    }

    fn document_kept(&self, id: &str) -> Result<Option<Kept>, StoreError> {
        use rusqlite::OptionalExtension;
        self.reading("reading an annotation project", |connection| {
            connection
                .prepare_cached("SELECT sha256, sealed, bytes FROM annotation_project WHERE id = ?")?
                .query_row([id], |row| kept(row, 0))
                .optional()
        })
    }

    fn annotation_fault(&self, project: &str, part: &str, kept: Kept) -> Option<Fault> {
        match part::opened_of(&self.folders, Owner::Project(project), part, kept) {
            Ok(_) => None,
            Err(StoreError::NoKeys { .. }) => Some(Fault::Locked),
            Err(StoreError::Sealed { source, .. }) if matches!(*source, SealError::NoKey { .. }) => {
                Some(Fault::Locked)
            }
            Err(_) => Some(Fault::Changed),
        }
    }

    /// Seals what lies open of annotations; gives how many parts. Their hashes, which are of what they say, stay.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], [`StoreError::Annotation`] for a part that is not what was written, [`StoreError::Catalog`].
    pub(crate) fn seal_annotations(&self) -> Result<u64, StoreError> {
        if self.folders.keys.is_none() {
            return Ok(0);
        }
        let mut count = 0;
        for project in self.annotations().list()? {
            let id = &project.id;
            if let Some(sealed) =
                self.document_kept(id)?.map(|kept| self.resealed(id, DOCUMENT, kept)).transpose()?.flatten()
            {
                let id = id.clone();
                self.committing("sealing an annotation project", move |transaction| {
                    let sql = "UPDATE annotation_project SET sealed = 1, bytes = ? WHERE id = ?";
                    transaction.execute(sql, params![sealed.bytes, id])
                })?;
                count += 1;
            }
            for raw in self.annotations().raw(id, None, None, false)? {
                let Raw { item, account, version, kept, .. } = raw;
                let Some(sealed) = self.resealed(id, &part_of(item, &account, version), kept)? else {
                    continue;
                };
                let id = id.clone();
                self.committing("sealing an answer", move |transaction| {
                    let sql = "UPDATE annotation_answer SET sealed = 1, bytes = ? WHERE account = ? AND number = ? AND item_key =
                        (SELECT i.key FROM annotation_item i JOIN annotation_project p ON p.key = i.project_key
                         WHERE p.id = ? AND i.number = ?)";
                    transaction.execute(sql, params![sealed.bytes, account, version, id, item])
                })?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// A part sealed; `None` where it is already.
    fn resealed(&self, id: &str, part: &str, kept: Kept) -> Result<Option<Kept>, StoreError> {
        if kept.is_sealed {
            return Ok(None);
        }
        let plain = part::opened_of(&self.folders, Owner::Project(id), part, kept)?;
        part::kept_of(&self.folders, Owner::Project(id), part, plain).map(Some)
    }
}
