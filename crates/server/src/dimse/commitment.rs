//! Storage Commitment Push Model: what was promised is looked for, and the answer sent.
//!
//! Source: PS3.4 Annex J, PS3.7 Section 10.1.

use chrono::Utc;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use serde_json::{Map, Value};
use wilhelm_privacy::audit::{Action, Outcome};
use wilhelm_store::{Commitment, Content, Store, StoreError, data_set_json};

use super::DimseError;
use super::association::Association;
use super::command::{Command, field, kind, padded, status};
use super::identifier::{text_of, write, write_items};
use super::link::Link;
use super::requestor::Accepted;
use super::retrieve::refuse;
use super::service::Serving;

/// Longest request, in bytes: some 50,000 objects.
const LONGEST: usize = 8 << 20;
/// The action that asks for a promise.
const REQUEST: u16 = 1;

/// Why an object is not promised.
mod reason {
    pub(super) const PROCESSING_FAILURE: u16 = 0x0110;
    pub(super) const NO_SUCH_OBJECT: u16 = 0x0112;
    pub(super) const CLASS_CONFLICT: u16 = 0x0119;
}

/// N-ACTION: the request is on the disk before it is answered. One whose sender is a peer is answered in an association of ours, as soon
/// as it can be reached; any other on this association, at once.
pub(crate) fn asked(
    serving: &Serving,
    link: &mut Link,
    association: &Association,
    accepted: &Accepted,
    command: &Command,
) -> Result<(), DimseError> {
    let context = accepted.id;
    let Some(bytes) = link.small_data_set(context, LONGEST)? else {
        return refuse(link, context, command, 0x0213, "the request is too long");
    };
    if command.u16(field::ACTION_TYPE) != Some(REQUEST) {
        return refuse(link, context, command, status::NO_SUCH_ACTION, "only action type 1 is known");
    }
    if command.string(field::REQUESTED_SOP_INSTANCE) != Some(uids::STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE) {
        let comment = "not the well-known instance of storage commitment";
        return refuse(link, context, command, reason::NO_SUCH_OBJECT, comment);
    }
    let json = data_set_json(&Content::Memory(bytes), &accepted.transfer_syntax, serving.store.limits());
    let Some((transaction, objects)) = json.ok().as_deref().and_then(read) else {
        let comment = "no Transaction UID, or no referenced objects";
        return refuse(link, context, command, status::INVALID_ARGUMENT, comment);
    };
    let peer = association.calling.clone();
    let now = Utc::now().timestamp();
    serving.note(association, Action::Queried, None, Outcome::Done)?;
    let key = match serving.store.promise(peer.clone(), transaction.clone(), &objects, now) {
        Ok(key) => key,
        Err(error) if error.is_callers_fault() => {
            return refuse(link, context, command, 0x0213, "too many promises wait for an answer");
        }
        Err(error) => {
            tracing::error!(%error, "a promise could not be kept");
            return refuse(link, context, command, reason::PROCESSING_FAILURE, "the archive failed");
        }
    };
    let response = command.response(status::SUCCESS, false).number(field::ACTION_TYPE, REQUEST);
    link.send(context, &response, None)?;
    if serving.settings.peers.iter().any(|known| known.ae_title == peer) {
        serving.wake_courier();
        return Ok(());
    }
    let promise = Commitment { key, peer, transaction_uid: transaction, objects, made: now, attempts: 0 };
    let outcome = report(link, context, accepted, &serving.store, &serving.settings.ae_title, &promise, 1);
    // Nobody knows where else it could be sent: it is asked for again, or lost.
    serving.store.end_promise(key)?;
    outcome.map(drop)
}

/// Transaction UID and objects of a request.
fn read(json: &str) -> Option<(String, Vec<(String, String)>)> {
    let data: Map<String, Value> = serde_json::from_str(json).ok()?;
    let text = |item: &Map<String, Value>, tag: Tag| {
        let value = item.get(&format!("{:04X}{:04X}", tag.0, tag.1))?["Value"].get(0).map(text_of)?;
        let fits = !value.is_empty() && value.len() <= 64 && value.is_ascii();
        fits.then_some(value)
    };
    let transaction = text(&data, tags::TRANSACTION_UID)?;
    let objects = data.get("00081199")?["Value"]
        .as_array()?
        .iter()
        .map(|item| {
            let item = item.as_object()?;
            Some((
                text(item, tags::REFERENCED_SOP_CLASS_UID)?,
                text(item, tags::REFERENCED_SOP_INSTANCE_UID)?,
            ))
        })
        .collect::<Option<Vec<_>>>()?;
    (!objects.is_empty()).then_some((transaction, objects))
}

/// Whether an object is kept as it was named: its row, its class, and a file of its length.
fn why_not(store: &Store, class: &str, uid: &str) -> Option<u16> {
    let located = match store.find(uid) {
        Ok(located) => located,
        Err(StoreError::NotFound { .. }) => return Some(reason::NO_SUCH_OBJECT),
        Err(error) => {
            tracing::error!(%error, "an object could not be looked for");
            return Some(reason::PROCESSING_FAILURE);
        }
    };
    if located.sop_class != class {
        return Some(reason::CLASS_CONFLICT);
    }
    match store.content(&located) {
        Ok(content) if content.length() == located.bytes => None,
        _ => {
            tracing::error!("an object of the catalog has no whole file: `wilhelm store check` says which");
            Some(reason::PROCESSING_FAILURE)
        }
    }
}

/// The answer to a request: what is kept, and what is not and why. Gives the event's type with it.
fn result(store: &Store, title: &str, promise: &Commitment, explicit: bool) -> (u16, Vec<u8>) {
    let (mut kept, mut failed) = (Vec::new(), Vec::new());
    for (class, uid) in &promise.objects {
        let mut item = Vec::with_capacity(160);
        write(&mut item, explicit, tags::REFERENCED_SOP_CLASS_UID, VR::UI, &padded(class, 0));
        write(&mut item, explicit, tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &padded(uid, 0));
        match why_not(store, class, uid) {
            None => kept.push(item),
            Some(reason) => {
                write(&mut item, explicit, tags::FAILURE_REASON, VR::US, &reason.to_le_bytes());
                failed.push(item);
            }
        }
    }
    let mut bytes = Vec::new();
    write(&mut bytes, explicit, tags::RETRIEVE_AE_TITLE, VR::AE, &padded(title, b' '));
    write(&mut bytes, explicit, tags::TRANSACTION_UID, VR::UI, &padded(&promise.transaction_uid, 0));
    if !failed.is_empty() {
        write_items(&mut bytes, explicit, tags::FAILED_SOP_SEQUENCE, &failed);
    }
    if !kept.is_empty() {
        write_items(&mut bytes, explicit, tags::REFERENCED_SOP_SEQUENCE, &kept);
    }
    (if failed.is_empty() { 1 } else { 2 }, bytes)
}

/// N-EVENT-REPORT over a link, and the wait for its response.
pub(crate) fn report(
    link: &mut Link,
    context: u8,
    accepted: &Accepted,
    store: &Store,
    title: &str,
    promise: &Commitment,
    message: u16,
) -> Result<u16, DimseError> {
    let explicit = accepted.transfer_syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN;
    let (event, bytes) = result(store, title, promise, explicit);
    let command = Command::new(kind::N_EVENT_REPORT, true)
        .number(field::MESSAGE_ID, message)
        .uid(field::AFFECTED_SOP_CLASS, uids::STORAGE_COMMITMENT_PUSH_MODEL)
        .uid(field::AFFECTED_SOP_INSTANCE, uids::STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE)
        .number(field::EVENT_TYPE, event);
    link.send(context, &command, Some(&mut bytes.as_slice()))?;
    let (answered, response) = link.command()?.ok_or(DimseError::Released)?;
    if response.kind() != kind::N_EVENT_REPORT | kind::RESPONSE {
        let found = format!("a command {:04X}", response.kind());
        return Err(DimseError::protocol(found, "the response to an event report"));
    }
    if response.has_data() {
        let _ = link.data_set(answered, |_| Ok::<(), ()>(()))?;
    }
    match response.u16(field::STATUS) {
        Some(status::SUCCESS) => Ok(event),
        Some(status) => Err(DimseError::Status { status }),
        None => Err(DimseError::protocol("a response without status", "a status")),
    }
}
