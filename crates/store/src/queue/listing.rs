//! Jobs looked at: one, some, and how many there are.

use rusqlite::{OptionalExtension, params, params_from_iter};
use serde_json::json;

use super::{COLUMNS, Job, JobState, Queue, read};
use crate::StoreError;

impl Queue<'_> {
    /// A job.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn job(&self, id: i64) -> Result<Job, StoreError> {
        self.0
            .reading("reading a job", |connection| {
                let sql = format!("SELECT {COLUMNS} FROM job WHERE id = ?");
                connection.prepare_cached(&sql)?.query_row([id], read).optional()
            })?
            .ok_or(StoreError::NotFound { what: "job" })
    }

    /// Jobs in a state or in any, of a study or of any, the latest first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn list(
        &self,
        state: Option<JobState>,
        study: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Job>, StoreError> {
        let mut conditions = vec!["1"];
        let mut parameters = Vec::new();
        if let Some(state) = state {
            conditions.push("state = ?");
            parameters.push(state.name().to_owned());
        }
        if let Some(study) = study {
            conditions.push("study = ?");
            parameters.push(study.to_owned());
        }
        let condition = conditions.join(" AND ");
        let sql = format!("SELECT {COLUMNS} FROM job WHERE {condition} ORDER BY id DESC LIMIT {limit}");
        self.0.reading("listing jobs", |connection| {
            connection.prepare_cached(&sql)?.query_map(params_from_iter(parameters), read)?.collect()
        })
    }

    /// The latest job of a kind of each of some studies, where that is in one of some states.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn latest(&self, kind: &str, studies: &[&str], states: &[JobState]) -> Result<Vec<Job>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM job WHERE id IN (SELECT max(id) FROM job
             WHERE study IN (SELECT value FROM json_each(?2)) AND kind = ?1 GROUP BY study)
             AND state IN (SELECT value FROM json_each(?3)) ORDER BY id"
        );
        self.0.reading("listing jobs", |connection| {
            let parameters = params![kind, json!(studies).to_string(), names(states)];
            connection.prepare_cached(&sql)?.query_map(parameters, read)?.collect()
        })
    }

    /// The studies whose latest job of a kind is in one of some states, the latest first; at most so many.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn studies(&self, kind: &str, states: &[JobState], limit: u64) -> Result<Vec<String>, StoreError> {
        self.0.reading("listing jobs", |connection| {
            connection
                .prepare_cached(
                    "SELECT study FROM job j WHERE state IN (SELECT value FROM json_each(?2)) AND kind = ?1
                     AND study IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM job WHERE study = j.study AND kind = ?1 AND id > j.id)
                     ORDER BY id DESC LIMIT ?3",
                )?
                .query_map(params![kind, names(states), limit], |row| row.get(0))?
                .collect()
        })
    }

    /// How many jobs are in each state.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn counts(&self) -> Result<Vec<(JobState, u64)>, StoreError> {
        let found = self.0.reading("counting jobs", |connection| {
            let mut prepared = connection.prepare_cached("SELECT state, count(*) FROM job GROUP BY state")?;
            let rows = prepared.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let of = |state: JobState| found.iter().find(|(name, _)| name == state.name()).map_or(0, |(_, n)| *n);
        Ok(JobState::ALL.iter().map(|state| (*state, of(*state))).collect())
    }
}

/// Names of states, as a JSON array.
fn names(states: &[JobState]) -> String {
    json!(states.iter().map(|state| state.name()).collect::<Vec<_>>()).to_string()
}
