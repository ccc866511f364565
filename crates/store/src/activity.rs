//! Which studies changed, in the order in which they did, and what rules made of it.

use std::time::SystemTime;

use rusqlite::{OptionalExtension, Transaction, params};
use wilhelm_study::Phi;

use crate::queue::{Enqueued, NewJob, insert, milliseconds, time};
use crate::{Count, Store, StoreError};

/// A study that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Which study.
    pub study: String,
    /// The number of its latest change.
    pub change: i64,
    /// When its latest object arrived, to the end of that second.
    pub arrived: SystemTime,
    /// AE title of who sent it, empty where it came otherwise.
    pub sender: String,
    /// Number of its objects; 0 where it was deleted.
    pub instances: u64,
}

/// What a rule says of a study: whether it applied, and why or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it applied.
    pub matched: bool,
    /// Why, or why not; holds no value of a patient.
    pub why: String,
}

/// A rule and a study it looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Which study.
    pub study: String,
    /// When.
    pub at: SystemTime,
    /// What the rule said.
    pub outcome: Outcome,
}

/// How a rule stands with a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleState {
    /// The change it looked at last.
    pub change: i64,
    /// Whether it applied then.
    pub matched: bool,
}

/// What a rule may ask of a study.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Modalities of its series.
    pub modalities: Vec<String>,
    /// Body Part Examined of its series.
    pub body_parts: Vec<String>,
    /// Study Description, and Series Descriptions behind it.
    pub descriptions: Vec<Phi<String>>,
    /// AE title of who sent its latest object, empty where it came otherwise.
    pub sender: String,
    /// Number of its objects.
    pub instances: u64,
}

/// Notes that objects of a study arrived, within the transaction that they arrive in.
pub(crate) fn note(
    transaction: &Transaction<'_>,
    study: &str,
    sender: &str,
    arrived_seconds: i64,
) -> rusqlite::Result<()> {
    let sender: String = sender.chars().filter(char::is_ascii_graphic).take(16).collect();
    transaction
        .prepare_cached(
            "INSERT INTO activity (study, change, arrived, sender)
             VALUES (?, (SELECT coalesce(max(change), 0) + 1 FROM activity), ?, ?)
             ON CONFLICT (study) DO UPDATE SET change = excluded.change, arrived = excluded.arrived, sender = excluded.sender",
        )?
        .execute(params![study, arrived_seconds.saturating_mul(1000).saturating_add(999), sender])
        .map(drop)
}

fn activity(row: &rusqlite::Row<'_>) -> rusqlite::Result<Activity> {
    Ok(Activity {
        study: row.get(0)?,
        change: row.get(1)?,
        arrived: time(row.get(2)?),
        sender: row.get(3)?,
        instances: row.get(4)?,
    })
}

const COLUMNS: &str = "a.study, a.change, a.arrived, a.sender,
    coalesce((SELECT instance_count FROM study WHERE uid = a.study), 0)";

impl Store {
    /// The number of the latest change.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn latest_change(&self) -> Result<i64, StoreError> {
        self.reading("looking for changes", |connection| {
            connection
                .prepare_cached("SELECT coalesce(max(change), 0) FROM activity")?
                .query_row([], |row| row.get(0))
        })
    }

    /// Studies that changed after a change, in the order of their latest ones; at most so many.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn changed_after(&self, change: i64, limit: u64) -> Result<Vec<Activity>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM activity a WHERE a.change > ? ORDER BY a.change LIMIT ?");
        self.reading("looking for changes", |connection| {
            connection.prepare_cached(&sql)?.query_map(params![change, limit], activity)?.collect()
        })
    }

    /// What a rule may ask of a study; `None` where there is no such study.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn facts(&self, study: &str) -> Result<Option<Facts>, StoreError> {
        self.reading("looking at a study", |connection| {
            let found = connection
                .prepare_cached(
                    "SELECT s.key, s.description, s.instance_count, coalesce(a.sender, '')
                     FROM study s LEFT JOIN activity a ON a.study = s.uid WHERE s.uid = ?",
                )?
                .query_row([study], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
                })
                .optional()?;
            let Some((key, description, instances, sender)) = found else { return Ok(None) };
            let (mut modalities, mut body_parts) = (Vec::new(), Vec::new());
            let mut descriptions = vec![Phi::new(description)];
            let mut prepared = connection.prepare_cached(
                "SELECT modality, body_part, description FROM series WHERE study_key = ? ORDER BY key",
            )?;
            let mut rows = prepared.query([key])?;
            while let Some(row) = rows.next()? {
                modalities.push(row.get(0)?);
                body_parts.push(row.get(1)?);
                descriptions.push(Phi::new(row.get(2)?));
            }
            for list in [&mut modalities, &mut body_parts] {
                list.retain(|one: &String| !one.is_empty());
                list.sort();
                list.dedup();
            }
            Ok(Some(Facts { modalities, body_parts, descriptions, sender, instances }))
        })
    }

    /// How much there is of a study.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn study_count(&self, study: &str) -> Result<Count, StoreError> {
        self.reading("counting a study", |connection| {
            connection
                .prepare_cached(
                    "SELECT series_count, instance_count, coalesce((SELECT sum(bytes) FROM instance
                     WHERE series_key IN (SELECT key FROM series WHERE study_key = study.key)), 0)
                     FROM study WHERE uid = ?",
                )?
                .query_row([study], |row| {
                    Ok(Count { studies: 1, series: row.get(0)?, instances: row.get(1)?, bytes: row.get(2)? })
                })
                .optional()
        })?
        .ok_or(StoreError::NotFound { what: "study" })
    }

    /// Makes rules known by their names, each with whether it is enabled, from now on: what arrived before a rule was known, or
    /// while it was not enabled, is none of its business. All others are forgotten, with what they said of studies.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn know_rules(&self, rules: Vec<(String, bool)>) -> Result<(), StoreError> {
        self.committing("making rules known", move |transaction| {
            let names: Vec<&str> = rules.iter().map(|(name, _)| name.as_str()).collect();
            transaction.execute(
                "DELETE FROM rule WHERE name NOT IN (SELECT value FROM json_each(?))",
                [serde_json::json!(names).to_string()],
            )?;
            for (name, is_enabled) in &rules {
                // One that is not enabled has looked at whatever will come; enabled again, it begins with what comes next.
                transaction.execute(
                    "INSERT INTO rule VALUES (?1, iif(?2, (SELECT coalesce(max(change), 0) FROM activity), ?3))
                     ON CONFLICT (name) DO UPDATE SET through = excluded.through WHERE NOT ?2 OR through = ?3",
                    params![name, is_enabled, i64::MAX],
                )?;
            }
            Ok(())
        })
    }

    /// Studies that changed since a rule looked at them.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn not_looked_at(&self, rule: &str) -> Result<Vec<Activity>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM activity a JOIN rule r ON r.name = ?1
             LEFT JOIN rule_study m ON m.rule = r.name AND m.study = a.study
             WHERE a.change > r.through AND (m.change IS NULL OR m.change < a.change) ORDER BY a.change"
        );
        self.reading("looking for changes", |connection| {
            connection.prepare_cached(&sql)?.query_map([rule], activity)?.collect()
        })
    }

    /// How a rule stands with a study; `None` where it has not looked at it.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn rule_state(&self, rule: &str, study: &str) -> Result<Option<RuleState>, StoreError> {
        self.reading("looking at a rule", |connection| {
            connection
                .prepare_cached("SELECT change, matched FROM rule_study WHERE rule = ? AND study = ?")?
                .query_row([rule, study], |row| Ok(RuleState { change: row.get(0)?, matched: row.get(1)? }))
                .optional()
        })
    }

    /// Writes what a rule says of a study at a change together with the jobs that follow, all or nothing: a change is looked at once.
    /// `None` where it was before.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn look(
        &self,
        rule: &str,
        activity: &Activity,
        outcome: &Outcome,
        jobs: Vec<NewJob>,
        now: SystemTime,
    ) -> Result<Option<Vec<Enqueued>>, StoreError> {
        let (rule, study, change) = (rule.to_owned(), activity.study.clone(), activity.change);
        let Outcome { matched, why } = outcome.clone();
        let made = self.committing("writing what a rule says", move |transaction| {
            let written = transaction
                .prepare_cached(
                    "INSERT INTO rule_study VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (rule, study) DO UPDATE SET change = ?3, at = ?4, matched = matched OR ?5, why = ?6
                     WHERE change < ?3",
                )?
                .execute(params![rule, study, change, milliseconds(now), matched, why])?;
            if written == 0 {
                return Ok(None);
            }
            let made = jobs.iter().map(|job| insert(transaction, job, now)).collect::<rusqlite::Result<_>>()?;
            transaction
                .prepare_cached(
                    "UPDATE rule SET through = coalesce(
                         (SELECT min(a.change) - 1 FROM activity a
                          LEFT JOIN rule_study m ON m.rule = ?1 AND m.study = a.study
                          WHERE a.change > through AND (m.change IS NULL OR m.change < a.change)),
                         (SELECT max(change) FROM activity)) WHERE name = ?1",
                )?
                .execute([&rule])?;
            Ok(Some(made))
        })?;
        self.jobs().ring();
        Ok(made)
    }

    /// The studies that a rule applied to, the latest first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn last_matches(&self, rule: &str, limit: u64) -> Result<Vec<Matched>, StoreError> {
        self.reading("looking at a rule", |connection| {
            let mut prepared = connection.prepare_cached(
                "SELECT study, at, matched, why FROM rule_study WHERE rule = ? AND matched ORDER BY at DESC LIMIT ?",
            )?;
            let rows = prepared.query_map(params![rule, limit], |row| {
                let outcome = Outcome { matched: row.get(2)?, why: row.get(3)? };
                Ok(Matched { study: row.get(0)?, at: time(row.get(1)?), outcome })
            })?;
            rows.collect()
        })
    }
}
