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
    /// Its steps, with what is said of them and of their order. The order is known by its placer's and its filler's number, each with
    /// its namespace where both sides name one. A change that names no step is one of all steps of its order.
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
const PLACER_NAMESPACE: [Tag; 2] = [tags::ORDER_PLACER_IDENTIFIER_SEQUENCE, tags::LOCAL_NAMESPACE_ENTITY_ID];
const FILLER_NAMESPACE: [Tag; 2] = [tags::ORDER_FILLER_IDENTIFIER_SEQUENCE, tags::LOCAL_NAMESPACE_ENTITY_ID];
const PATIENT: [Tag; 1] = [tags::PATIENT_ID];
const ISSUER: [Tag; 1] = [tags::ISSUER_OF_PATIENT_ID];
const STEP_ID: [Tag; 2] = [tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::SCHEDULED_PROCEDURE_STEP_ID];

/// A step of an order that is there.
struct Held {
    key: i64,
    state: String,
    study_uid: String,
    step_id: String,
    patient_id: String,
    issuer: String,
    /// The namespace of the number that it was found by.
    namespace: String,
}

impl Store {
    /// Carries out changes of orders, all or none; `now` in seconds since 1970.
    ///
    /// A step keeps what is not said of it, and its state: what was carried out is not scheduled anew by a change. One without a Study Instance UID gets a new one, the same for all steps of its order.
    ///
    /// # Errors
    /// [`StoreError::Order`] where an order or a step of it is not there, was canceled, is another patient's, or has no number; [`StoreError::Catalog`].
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
    let numbers = [(placer, first.text(&PLACER_NAMESPACE)), (filler, first.text(&FILLER_NAMESPACE))];
    let held = in_namespace(held(transaction, numbers).map_err(failed())?)?;
    if held.is_empty() && change.control != OrderControl::Make {
        return Err(StoreError::Order { message: "is not in the worklist" });
    }
    let (named, issuer) = (first.text(&PATIENT), first.text(&ISSUER));
    let is_other = |step: &Held| {
        let issuers = !issuer.is_empty() && !step.issuer.is_empty() && step.issuer != issuer;
        !named.is_empty() && (step.patient_id != named || issuers)
    };
    if held.iter().any(is_other) {
        return Err(StoreError::Order { message: "is of another patient" });
    }
    let canceled = held.iter().any(|step| step.state == "canceled");
    let state = match change.control {
        OrderControl::Cancel => Some("canceled"),
        OrderControl::Complete => Some("completed"),
        OrderControl::Make | OrderControl::Change if canceled => {
            return Err(StoreError::Order { message: "was canceled: a new one wants a number of its own" });
        }
        OrderControl::Make | OrderControl::Change => None,
    };
    if let Some(state) = state {
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
        let there: Vec<&Held> = match step.text(&STEP_ID) {
            // An order of one step need not name it; a change that names none is one of the whole order.
            "" if held.len() == 1 || change.control == OrderControl::Change => held.iter().collect(),
            id => held.iter().filter(|one| one.step_id == id).collect(),
        };
        for one in &there {
            update(transaction, one.key, step, now).map_err(failed())?;
        }
        ordered.changed += there.len();
        if !there.is_empty() {
            continue;
        }
        if change.control == OrderControl::Change {
            return Err(StoreError::Order { message: "has no such step" });
        }
        if held.iter().any(|one| one.state == "completed") {
            return Err(StoreError::Order { message: "was carried out: a new step wants a new order" });
        }
        insert(transaction, step, study_uid, now).map_err(failed())?;
        ordered.made += 1;
    }
    Ok(ordered)
}

/// The steps of one order: those whose number has the namespace that was named, else those where it is not known of one side.
fn in_namespace((namespace, mut held): (&str, Vec<Held>)) -> Result<Vec<Held>, StoreError> {
    if held.iter().any(|step| step.namespace == namespace) {
        held.retain(|step| step.namespace == namespace);
    } else if !namespace.is_empty() {
        held.retain(|step| step.namespace.is_empty());
    }
    if held.iter().any(|step| step.namespace != held[0].namespace) {
        return Err(StoreError::Order { message: "has a number of several namespaces, and names none" });
    }
    Ok(held)
}

/// The steps under an order's number, with the namespace that was named of it; `numbers` are the placer's and the filler's.
fn held<'a>(
    transaction: &Transaction<'_>,
    numbers: [(&str, &'a str); 2],
) -> rusqlite::Result<(&'a str, Vec<Held>)> {
    let [(placer, of_placer), (filler, of_filler)] = numbers;
    let find = |condition: &str, namespace: &str, number: &str| -> rusqlite::Result<Vec<Held>> {
        let sql = format!(
            "SELECT key, state, study_uid, step_id, patient_id, issuer, {namespace} FROM worklist
             WHERE {condition} ORDER BY key"
        );
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Held {
                key: row.get(0)?,
                state: row.get(1)?,
                study_uid: row.get(2)?,
                step_id: row.get(3)?,
                patient_id: row.get(4)?,
                issuer: row.get(5)?,
                namespace: row.get(6)?,
            })
        };
        transaction.prepare_cached(&sql)?.query_map([number], read)?.collect()
    };
    // A filler's number is of this department; a placer's may be missing, or be another placer's too.
    if filler.is_empty() {
        return Ok((of_placer, find("placer = ?", "placer_namespace", placer)?));
    }
    let mut found = find("filler = ?", "filler_namespace", filler)?;
    found.retain(|step| step.namespace.is_empty() || of_filler.is_empty() || step.namespace == of_filler);
    if !found.is_empty() || placer.is_empty() {
        return Ok((of_filler, found));
    }
    // Made by its placer's number before the filler gave it one.
    Ok((of_placer, find("placer = ? AND filler = ''", "placer_namespace", placer)?))
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
    // A study's UID is given once, as a step's ID: a scanner may have it already. The state stays: an order is not reopened.
    let said = COLUMNS.iter().filter_map(|column| {
        let value = step.said(column.place)?;
        let given_once = column.place == STUDY || column.place == STEP_ID;
        (!given_once || !value.is_empty()).then_some((column, value))
    });
    let (names, mut parameters) = values(said);
    let set: String = names.iter().map(|name| format!("{name} = ?, ")).collect();
    parameters.extend([Value::Integer(now), Value::Integer(key)]);
    let sql = format!("UPDATE worklist SET {set}changed = ? WHERE key = ?");
    transaction.prepare_cached(&sql)?.execute(params_from_iter(parameters)).map(drop)
}
