//! Work items of the Unified Procedure Step: what a program is to do with images, and how far it is.
//!
//! Source: PS3.4 Annex CC.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};
use wilhelm_study::Phi;

use crate::{Store, StoreError};

/// Its table; a step that was published is never edited.
pub(crate) const STEP: &str = "
CREATE TABLE workitem (
    key INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    transaction_uid TEXT NOT NULL,
    label TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    data TEXT NOT NULL,
    changed INTEGER NOT NULL
) STRICT;
CREATE INDEX workitem_state ON workitem (state, key);
";

/// A work item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workitem {
    /// SOP Instance UID.
    pub uid: String,
    /// Procedure Step State (0074,1000).
    pub state: String,
    /// Transaction UID (0008,1195) of who claimed it, "" where nobody has: a key to it, never given out.
    pub transaction_uid: String,
    /// Procedure Step Label (0074,1204).
    pub label: String,
    /// Patient ID (0010,0020).
    pub patient_id: Phi<String>,
    /// All of its attributes but state and transaction, in the DICOM JSON Model.
    pub data: Phi<String>,
}

/// Which work items; an empty value is any.
#[derive(Clone, Debug, Default)]
pub struct WorkitemQuery {
    /// Procedure Step State.
    pub state: String,
    /// Procedure Step Label.
    pub label: String,
    /// Patient ID.
    pub patient_id: Phi<String>,
    /// Most of them.
    pub limit: u64,
    /// Those passed over before the first.
    pub offset: u64,
}

const COLUMNS: &str = "uid, state, transaction_uid, label, patient_id, data";

fn read(row: &Row<'_>) -> rusqlite::Result<Workitem> {
    Ok(Workitem {
        uid: row.get(0)?,
        state: row.get(1)?,
        transaction_uid: row.get(2)?,
        label: row.get(3)?,
        patient_id: Phi::new(row.get(4)?),
        data: Phi::new(row.get(5)?),
    })
}

fn find(transaction: &Transaction<'_>, uid: &str) -> rusqlite::Result<Option<Workitem>> {
    transaction
        .prepare_cached(&format!("SELECT {COLUMNS} FROM workitem WHERE uid = ?"))?
        .query_row([uid], read)
        .optional()
}

impl Store {
    /// Keeps a new work item; `now` in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::WorkitemThere`] where its UID is taken; [`StoreError::Catalog`].
    pub fn make_workitem(&self, workitem: Workitem, now: i64) -> Result<(), StoreError> {
        let failed = || StoreError::catalog("keeping a work item");
        self.writing("keeping a work item", move |transaction| {
            if find(transaction, &workitem.uid).map_err(failed())?.is_some() {
                return Err(StoreError::WorkitemThere);
            }
            let Workitem { uid, state, transaction_uid, label, patient_id, data } = &workitem;
            transaction
                .execute(
                    &format!("INSERT INTO workitem ({COLUMNS}, changed) VALUES (?, ?, ?, ?, ?, ?, ?)"),
                    params![uid, state, transaction_uid, label, patient_id.expose(), data.expose(), now],
                )
                .map(drop)
                .map_err(failed())
        })
    }

    /// One work item.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn workitem(&self, uid: &str) -> Result<Workitem, StoreError> {
        self.reading("reading a work item", |connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM workitem WHERE uid = ?"))?
                .query_row([uid], read)
                .optional()
        })?
        .ok_or(StoreError::NotFound { what: "work item" })
    }

    /// Work items, in the order in which they were made.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn workitems(&self, query: &WorkitemQuery) -> Result<Vec<Workitem>, StoreError> {
        let mut sql = format!("SELECT {COLUMNS} FROM workitem WHERE 1");
        let mut parameters = Vec::new();
        for (column, value) in
            [("state", &query.state), ("label", &query.label), ("patient_id", query.patient_id.expose())]
        {
            if !value.is_empty() {
                sql.push_str(&format!(" AND {column} = ?"));
                parameters.push(Value::Text(value.clone()));
            }
        }
        sql.push_str(" ORDER BY key LIMIT ? OFFSET ?");
        let bounded = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
        parameters.extend([bounded(query.limit), bounded(query.offset)]);
        self.reading("searching work items", |connection| {
            let mut prepared = connection.prepare_cached(&sql)?;
            prepared.query_map(params_from_iter(parameters), read)?.collect()
        })
    }

    /// Changes a work item by what `change` makes of it, with nobody in between; what it refuses is left as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`]. What `change` refuses is given within.
    pub fn change_workitem<E: Send + 'static>(
        &self,
        uid: String,
        now: i64,
        change: impl FnOnce(Workitem) -> Result<Workitem, E> + Send + 'static,
    ) -> Result<Result<Workitem, E>, StoreError> {
        let failed = || StoreError::catalog("changing a work item");
        self.writing("changing a work item", move |transaction| {
            let found = find(transaction, &uid).map_err(failed())?;
            let found = found.ok_or(StoreError::NotFound { what: "work item" })?;
            let changed = match change(found) {
                Ok(changed) => changed,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let Workitem { state, transaction_uid, label, patient_id, data, .. } = &changed;
            transaction
                .execute(
                    "UPDATE workitem SET state = ?, transaction_uid = ?, label = ?, patient_id = ?, data = ?, changed = ? WHERE uid = ?",
                    params![state, transaction_uid, label, patient_id.expose(), data.expose(), now, uid],
                )
                .map_err(failed())?;
            Ok(Ok(changed))
        })
    }
}
