use std::collections::BTreeSet;

use rusqlite::{Transaction, params};
use serde_json::json;
use wilhelm_study::Phi;

use super::{Demographics, PatientKey, is_only_issuer};
use crate::text::folded;
use crate::{Store, StoreError, StudyAttributes};

/// What became of a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientChanged {
    /// Studies whose rows say something else now, by their UIDs.
    pub studies: Vec<String>,
    /// Steps of the worklist that do.
    pub steps: usize,
}

/// A row of a patient's history: one study, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientChange {
    /// When, in seconds since 1970.
    pub at: i64,
    /// `update` or `merge`.
    pub kind: String,
    /// What asked for it.
    pub source: String,
    /// Study Instance UID.
    pub study_uid: String,
    /// ID, issuer, name, birth date and sex before, as a JSON object.
    pub before: Phi<String>,
    /// The same after.
    pub after: Phi<String>,
}

/// A patient as a row has them.
#[derive(Clone, PartialEq, Eq)]
struct Held {
    id: String,
    issuer: String,
    name: String,
    birth_date: String,
    sex: String,
}

impl Held {
    fn json(&self) -> String {
        let Self { id, issuer, name, birth_date, sex } = self;
        json!({ "id": id, "issuer": issuer, "name": name, "birth_date": birth_date, "sex": sex }).to_string()
    }

    fn with(&self, demographics: &Demographics) -> Self {
        let or = |said: &Option<Phi<String>>, held: &String| {
            said.as_ref().map_or_else(|| held.clone(), |said| said.expose().clone())
        };
        Self {
            name: or(&demographics.name, &self.name),
            birth_date: or(&demographics.birth_date, &self.birth_date),
            sex: or(&demographics.sex, &self.sex),
            ..self.clone()
        }
    }
}

/// A patient as a study that arrives has them, under an ID and its issuer.
pub(super) fn json(study: &StudyAttributes, id: &str, issuer: &str) -> String {
    Held {
        id: id.to_owned(),
        issuer: issuer.to_owned(),
        name: study.patient_name.expose().clone(),
        birth_date: study.birth_date.expose().clone(),
        sex: study.sex.expose().clone(),
    }
    .json()
}

impl Store {
    /// Writes what is said of a patient into the catalog's studies and the worklist; `source` names what asked for it, `now` is in
    /// seconds since 1970. A patient whom the catalog does not know is no error: nothing is changed.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn update_patient(
        &self,
        patient: PatientKey,
        demographics: Demographics,
        source: String,
        now: i64,
    ) -> Result<PatientChanged, StoreError> {
        self.writing("updating a patient", move |transaction| {
            let log = Log { kind: "update", source: &source, now };
            let run = || change(transaction, &patient, None, &demographics, &log);
            run().map_err(StoreError::catalog("updating a patient"))
        })
    }

    /// Makes two patients one: all that the catalog and the worklist hold of `prior` becomes of `surviving`, now and for studies
    /// that are yet to come.
    ///
    /// # Errors
    /// [`StoreError::Patient`] where both are the same, or have birth dates that differ; [`StoreError::Catalog`].
    pub fn merge_patients(
        &self,
        prior: PatientKey,
        surviving: PatientKey,
        demographics: Demographics,
        source: String,
        now: i64,
    ) -> Result<PatientChanged, StoreError> {
        self.writing("merging patients", move |transaction| {
            if prior == surviving {
                return Err(StoreError::Patient { message: "cannot be merged with itself" });
            }
            let dates = |patient| {
                birth_dates(transaction, patient).map_err(StoreError::catalog("merging patients"))
            };
            let (of_prior, of_surviving) = (dates(&prior)?, dates(&surviving)?);
            if !of_prior.is_empty() && !of_surviving.is_empty() && of_prior.is_disjoint(&of_surviving) {
                return Err(StoreError::Patient {
                    message: "has another birth date than the one to be merged with: correct one of them first",
                });
            }
            let log = Log { kind: "merge", source: &source, now };
            let run = || {
                let mut changed = change(transaction, &prior, Some(&surviving), &demographics, &log)?;
                let of_surviving = change(transaction, &surviving, None, &demographics, &log)?;
                changed.studies.extend(of_surviving.studies);
                changed.studies.sort_unstable();
                changed.studies.dedup();
                changed.steps += of_surviving.steps;
                let (from, to) = (&prior, &surviving);
                let names = params![from.id.expose(), from.issuer.expose(), to.id.expose(), to.issuer.expose(), now];
                // The survivor is nobody else's prior any more, and whoever was merged into the prior is the survivor now.
                transaction.execute(
                    "DELETE FROM patient_merge WHERE prior_id = ? AND prior_issuer = ?",
                    params![to.id.expose(), to.issuer.expose()],
                )?;
                transaction.execute(
                    "UPDATE patient_merge SET patient_id = ?3, issuer = ?4, at = ?5 WHERE patient_id = ?1 AND issuer = ?2",
                    names,
                )?;
                transaction.execute(
                    "INSERT OR REPLACE INTO patient_merge (prior_id, prior_issuer, patient_id, issuer, at) VALUES (?, ?, ?, ?, ?)",
                    names,
                )?;
                Ok(changed)
            };
            run().map_err(StoreError::catalog("merging patients"))
        })
    }

    /// The history of a study's patient, the first change first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn patient_history(&self, study_uid: &str) -> Result<Vec<PatientChange>, StoreError> {
        self.reading("reading a patient's history", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT at, kind, source, study_uid, before, after FROM patient_change WHERE study_uid = ? ORDER BY key",
            )?;
            let rows = prepared.query_map([study_uid], |row| {
                Ok(PatientChange {
                    at: row.get(0)?,
                    kind: row.get(1)?,
                    source: row.get(2)?,
                    study_uid: row.get(3)?,
                    before: Phi::new(row.get(4)?),
                    after: Phi::new(row.get(5)?),
                })
            })?;
            rows.collect()
        })
    }
}

/// What a row of the history says beside the patient.
struct Log<'a> {
    kind: &'static str,
    source: &'a str,
    now: i64,
}

/// The birth dates that the catalog and the worklist hold of a patient.
fn birth_dates(transaction: &Transaction<'_>, patient: &PatientKey) -> rusqlite::Result<BTreeSet<String>> {
    let (id, issuer) = (patient.id.expose(), patient.issuer.expose());
    let nameless = is_only_issuer(transaction, id, issuer)?;
    let of_patient = "patient_id = ?1 AND (issuer = ?2 OR (?3 AND issuer = '')) AND birth_date <> ''";
    transaction
        .prepare(&format!(
            "SELECT birth_date FROM study WHERE {of_patient} UNION SELECT birth_date FROM worklist WHERE {of_patient}"
        ))?
        .query_map(params![id, issuer, nameless], |row| row.get(0))?
        .collect()
}

fn change(
    transaction: &Transaction<'_>,
    patient: &PatientKey,
    becomes: Option<&PatientKey>,
    demographics: &Demographics,
    log: &Log<'_>,
) -> rusqlite::Result<PatientChanged> {
    let mut changed = PatientChanged { studies: Vec::new(), steps: 0 };
    let nameless = is_only_issuer(transaction, patient.id.expose(), patient.issuer.expose())?;
    for (table, key, uid) in
        [("study", "key", "uid"), ("worklist", "key", "study_uid"), ("bin", "rowid", "study")]
    {
        // A row without an issuer is taken as of the issuer that is named, where there is no other. The bin of an earlier program
        // kept no birth date and no sex: what is not said of them stays unknown.
        let sql = format!(
            "SELECT {key}, {uid}, patient_id, issuer, patient_name, coalesce(birth_date, ''), coalesce(sex, '') FROM {table}
             WHERE patient_id = ?1 AND (issuer = ?2 OR (?3 AND issuer = '')) ORDER BY {key}"
        );
        let rows: Vec<(i64, String, Held)> = transaction
            .prepare(&sql)?
            .query_map(params![patient.id.expose(), patient.issuer.expose(), nameless], |row| {
                let held = Held {
                    id: row.get(2)?,
                    issuer: row.get(3)?,
                    name: row.get(4)?,
                    birth_date: row.get(5)?,
                    sex: row.get(6)?,
                };
                Ok((row.get(0)?, row.get(1)?, held))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let rest = if table == "bin" {
            "birth_date = nullif(?5, ''), sex = nullif(?6, '')"
        } else {
            "patient_name_folded = ?4, birth_date = ?5, sex = ?6"
        };
        let mut update = transaction.prepare(&format!(
            "UPDATE {table} SET patient_id = ?1, issuer = ?2, patient_name = ?3, {rest} WHERE {key} = ?7"
        ))?;
        for (key, study_uid, before) in rows {
            let mut after = before.with(demographics);
            if let Some(becomes) = becomes {
                (after.id, after.issuer) = (becomes.id.expose().clone(), becomes.issuer.expose().clone());
            }
            if after == before {
                continue;
            }
            let Held { id, issuer, name, birth_date, sex } = &after;
            update.execute(params![id, issuer, name, folded(name), birth_date, sex, key])?;
            if table == "worklist" {
                changed.steps += 1;
                continue;
            }
            transaction.execute(
                "INSERT INTO patient_change (at, kind, source, study_uid, before, after) VALUES (?, ?, ?, ?, ?, ?)",
                params![log.now, log.kind, log.source, study_uid, before.json(), after.json()],
            )?;
            // What is in the bin is out of sight: its history says so, and nobody is told.
            if table == "study" {
                changed.studies.push(study_uid);
            }
        }
    }
    Ok(changed)
}
