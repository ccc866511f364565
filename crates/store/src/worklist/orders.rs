//! Orders into the worklist: made, changed, canceled and completed.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use rusqlite::types::Value;
use rusqlite::{Transaction, params, params_from_iter};
use wilhelm_privacy::{Entropy, SystemEntropy};

use super::ScheduledStep;
use super::columns::{COLUMNS, WorklistColumn};
use crate::text::folded;
use crate::{Store, StoreError};

/// What is to become of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderControl {
    /// It is made; made already, it is changed.
    Make,
    /// It is changed.
    Change,
    /// It is not to be carried out, or no longer.
    Cancel,
    /// It was carried out.
    Complete,
}

/// A change of one order.
#[derive(Clone, Debug)]
pub struct OrderChange {
    /// What is to become of it.
    pub control: OrderControl,
    /// Its steps, with what is said of them and of their order. The order is known by its placer's and its filler's number.
    pub steps: Vec<ScheduledStep>,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// Steps that are new.
    pub made: usize,
    /// Steps that were there.
    pub changed: usize,
}

const PLACER: [Tag; 1] = [tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST];
const FILLER: [Tag; 1] = [tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST];
const STUDY: [Tag; 1] = [tags::STUDY_INSTANCE_UID];
const PATIENT: [Tag; 1] = [tags::PATIENT_ID];
const STEP_ID: [Tag; 2] = [tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::SCHEDULED_PROCEDURE_STEP_ID];

/// A step of an order that is there.
struct Held {
    key: i64,
    state: String,
    study_uid: String,
    step_id: String,
    patient_id: String,
}

impl Store {
    /// Carries out changes of orders, all or none; `now` in seconds since 1970.
    ///
    /// A step keeps what is not said of it. One without a Study Instance UID gets a new one, the same for all steps of its order.
    ///
    /// # Errors
    /// [`StoreError::Order`] where an order is not there, was canceled, or has no number; [`StoreError::Catalog`].
    pub fn change_orders(&self, changes: Vec<OrderChange>, now: i64) -> Result<Vec<Ordered>, StoreError> {
        let entropy = &mut SystemEntropy::default();
        let changes = changes
            .into_iter()
            .map(|change| Ok((change, new_uid(entropy)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.writing("changing orders", move |transaction| {
            changes.iter().map(|(change, uid)| apply(transaction, change, uid, now)).collect()
        })
    }
}

/// A UID under 2.25 of random digits.
///
/// # Source
/// PS3.5 Section B.2
fn new_uid(entropy: &mut impl Entropy) -> Result<String, StoreError> {
    let random: [u8; 16] = entropy.array().map_err(|_| StoreError::Closed)?;
    // The bits that say how a UUID was made: version 4, variant 1.
    let digits = u128::from_be_bytes(random) & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    Ok(format!("2.25.{digits}"))
}

fn apply(
    transaction: &Transaction<'_>,
    change: &OrderChange,
    new_uid: &str,
    now: i64,
) -> Result<Ordered, StoreError> {
    let first = change.steps.first().ok_or(StoreError::Order { message: "has no step" })?;
    let (placer, filler) = (first.text(&PLACER), first.text(&FILLER));
    if placer.is_empty() && filler.is_empty() {
        return Err(StoreError::Order { message: "has neither a placer's nor a filler's number" });
    }
    let failed = || StoreError::catalog("changing orders");
    let held = held(transaction, placer, filler).map_err(failed())?;
    if held.is_empty() && change.control != OrderControl::Make {
        return Err(StoreError::Order { message: "is not in the worklist" });
    }
    let named = first.text(&PATIENT);
    if !named.is_empty() && held.iter().any(|step| step.patient_id != named) {
        return Err(StoreError::Order { message: "is of another patient" });
    }
    let canceled = held.iter().any(|step| step.state == "canceled");
    let state = match change.control {
        OrderControl::Cancel => "canceled",
        OrderControl::Complete => "completed",
        OrderControl::Make | OrderControl::Change if canceled => {
            return Err(StoreError::Order { message: "was canceled: a new one wants a number of its own" });
        }
        OrderControl::Make | OrderControl::Change => "scheduled",
    };
    if matches!(change.control, OrderControl::Cancel | OrderControl::Complete) {
        for step in &held {
            transaction
                .prepare_cached("UPDATE worklist SET state = ?, changed = ? WHERE key = ?")
                .and_then(|mut update| update.execute(params![state, now, step.key]))
                .map_err(failed())?;
        }
        return Ok(Ordered { made: 0, changed: held.len() });
    }
    let study_uid = held.first().map_or(new_uid, |step| &step.study_uid);
    let mut ordered = Ordered { made: 0, changed: 0 };
    for step in &change.steps {
        let there = match (step.text(&STEP_ID), held.as_slice()) {
            // An order of one step need not name it.
            ("", [only]) => Some(only),
            (id, all) => all.iter().find(|one| one.step_id == id),
        };
        let done = match there {
            Some(there) => update(transaction, there.key, step, now),
            None => insert(transaction, step, study_uid, now),
        };
        done.map_err(failed())?;
        *(if there.is_some() { &mut ordered.changed } else { &mut ordered.made }) += 1;
    }
    Ok(ordered)
}

fn held(transaction: &Transaction<'_>, placer: &str, filler: &str) -> rusqlite::Result<Vec<Held>> {
    // A filler's number is of this department; a placer's may be missing, or be another placer's too.
    let (condition, number) = if filler.is_empty() { ("placer = ?", placer) } else { ("filler = ?", filler) };
    let sql = format!(
        "SELECT key, state, study_uid, step_id, patient_id FROM worklist WHERE {condition} ORDER BY key"
    );
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Held {
            key: row.get(0)?,
            state: row.get(1)?,
            study_uid: row.get(2)?,
            step_id: row.get(3)?,
            patient_id: row.get(4)?,
        })
    };
    let found: Vec<Held> =
        transaction.prepare_cached(&sql)?.query_map([number], read)?.collect::<rusqlite::Result<_>>()?;
    if !found.is_empty() || filler.is_empty() || placer.is_empty() {
        return Ok(found);
    }
    // Made by its placer's number before the filler gave it one.
    transaction
        .prepare_cached(
            "SELECT key, state, study_uid, step_id, patient_id FROM worklist WHERE placer = ? AND filler = '' ORDER BY key",
        )?
        .query_map([placer], read)?
        .collect()
}

fn values<'a>(
    columns: impl Iterator<Item = (&'a WorklistColumn, &'a str)>,
) -> (Vec<&'static str>, Vec<Value>) {
    let (mut names, mut parameters) = (Vec::new(), Vec::new());
    for (column, value) in columns {
        names.push(column.sql);
        parameters.push(Value::Text(value.to_owned()));
        if let Some(name) = column.folded {
            names.push(name);
            parameters.push(Value::Text(folded(value)));
        }
    }
    (names, parameters)
}

fn insert(
    transaction: &Transaction<'_>,
    step: &ScheduledStep,
    study_uid: &str,
    now: i64,
) -> rusqlite::Result<()> {
    let value = |column: &WorklistColumn| match step.text(column.place) {
        "" if column.place == STUDY => study_uid.to_owned(),
        text => text.to_owned(),
    };
    let held: Vec<(&WorklistColumn, String)> = COLUMNS.iter().map(|column| (column, value(column))).collect();
    let (names, mut parameters) = values(held.iter().map(|(column, value)| (*column, value.as_str())));
    let marks = vec!["?"; names.len()].join(", ");
    parameters.push(Value::Integer(now));
    let sql = format!(
        "INSERT INTO worklist ({}, state, changed) VALUES ({marks}, 'scheduled', ?)",
        names.join(", ")
    );
    transaction.prepare_cached(&sql)?.execute(params_from_iter(parameters)).map(drop)
}

fn update(transaction: &Transaction<'_>, key: i64, step: &ScheduledStep, now: i64) -> rusqlite::Result<()> {
    // A study's UID is given once: a scanner may have it already.
    let said = COLUMNS.iter().filter_map(|column| {
        let value = step.said(column.place)?;
        (column.place != STUDY || !value.is_empty()).then_some((column, value))
    });
    let (names, mut parameters) = values(said);
    let set: String = names.iter().map(|name| format!("{name} = ?, ")).collect();
    parameters.extend([Value::Integer(now), Value::Integer(key)]);
    let sql = format!("UPDATE worklist SET {set}state = 'scheduled', changed = ? WHERE key = ?");
    transaction.prepare_cached(&sql)?.execute(params_from_iter(parameters)).map(drop)
}
