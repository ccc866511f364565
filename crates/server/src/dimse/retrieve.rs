//! C-FIND, C-MOVE and C-GET.
//!
//! Source: PS3.4 Annex C.

use std::collections::BTreeSet;
use std::sync::Arc;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use wilhelm_privacy::audit::{Action, Outcome};
use wilhelm_store::{Level, Located, Query, StoreError, answers_with};
use wilhelm_study::Phi;

use super::DimseError;
use super::association::Association;
use super::command::{Command, field, kind, status};
use super::identifier::{self, Identifier};
use super::link::Link;
use super::requestor::{self, Accepted, Kind, Outgoing, Requestor};
use super::service::Serving;

/// Answers between two looks for a cancellation.
pub(crate) const BETWEEN_LOOKS: usize = 50;
/// Answers read from the catalog at once.
pub(crate) const PAGE: u64 = 1000;

/// The unique key of a level.
fn unique(level: Level) -> Tag {
    match level {
        Level::Patient => tags::PATIENT_ID,
        Level::Study => tags::STUDY_INSTANCE_UID,
        Level::Series => tags::SERIES_INSTANCE_UID,
        Level::Instance => tags::SOP_INSTANCE_UID,
    }
}

/// Answers a query or a retrieval.
pub(crate) fn answer(
    serving: &Serving,
    link: &mut Link,
    association: &Association,
    accepted: &Accepted,
    command: &Command,
) -> Result<(), DimseError> {
    let context = accepted.id;
    let Some(bytes) = link.small_data_set(context, identifier::LONGEST)? else {
        return refuse(link, context, command, status::OUT_OF_RESOURCES, "the identifier is too long");
    };
    let parsed = Identifier::parse(bytes, &accepted.transfer_syntax, serving.store.limits());
    let (mut identifier, level) = match parsed {
        Ok(identifier) => match identifier.level {
            Some(level) => (identifier, level),
            None => {
                let comment = "Query/Retrieve Level is none of the model";
                return refuse(link, context, command, status::NOT_MATCHING_SOP_CLASS, comment);
            }
        },
        Err(_) => {
            let comment = "the identifier cannot be read";
            return refuse(link, context, command, status::UNABLE_TO_PROCESS, comment);
        }
    };
    let model = accepted.abstract_syntax.as_str();
    let of_patients = matches!(
        model,
        uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND
            | uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE
            | uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET
    );
    if level == Level::Patient && !of_patients {
        let comment = "the Study Root has no level PATIENT";
        return refuse(link, context, command, status::NOT_MATCHING_SOP_CLASS, comment);
    }
    match (command.kind(), model) {
        (
            kind::C_FIND,
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND
            | uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
        ) => {
            serving.note(association, Action::Queried, None, Outcome::Done)?;
            find(serving, link, context, accepted, command, &mut identifier, level)
        }
        (
            kind::C_MOVE,
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE
            | uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
        )
        | (
            kind::C_GET,
            uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET
            | uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
        ) => {
            let objects = match wanted(serving, &identifier, level) {
                Ok(objects) => objects,
                Err(error) if error.is_callers_fault() => {
                    return refuse(
                        link,
                        context,
                        command,
                        status::NOT_MATCHING_SOP_CLASS,
                        &error.to_string(),
                    );
                }
                Err(error) => {
                    tracing::error!(%error, "a retrieval failed");
                    return refuse(link, context, command, status::UNABLE_TO_PROCESS, "the catalog failed");
                }
            };
            let studies: BTreeSet<&str> = objects.iter().map(|object| object.study_uid.as_str()).collect();
            let destination = command.string(field::MOVE_DESTINATION).unwrap_or_default();
            let known = serving.settings.peers.iter().any(|peer| peer.ae_title == destination);
            let refused = command.kind() == kind::C_MOVE && !known;
            let outcome = if refused { Outcome::Refused } else { Outcome::Done };
            for study in studies {
                serving.note(association, Action::StudySent, Some(study), outcome)?;
            }
            if command.kind() == kind::C_MOVE {
                moved(serving, link, association, context, command, &objects)
            } else {
                got(serving, link, association, context, command, &objects)
            }
        }
        _ => refuse(link, context, command, status::UNRECOGNIZED, "not of this context"),
    }
}

pub(crate) fn refuse(
    link: &mut Link,
    context: u8,
    command: &Command,
    status: u16,
    comment: &str,
) -> Result<(), DimseError> {
    let comment: String = comment.chars().filter(char::is_ascii).take(64).collect();
    link.send(context, &command.response(status, false).text(field::ERROR_COMMENT, &comment), None)
}

/// Whether the other side takes its question back.
pub(crate) fn is_canceled(link: &mut Link, command: &Command) -> Result<bool, DimseError> {
    if !link.has_waiting() {
        return Ok(false);
    }
    let (_, next) = link.command()?.ok_or(DimseError::Released)?;
    if next.kind() == kind::C_CANCEL {
        return Ok(next.u16(field::RESPONDED_TO) == command.u16(field::MESSAGE_ID));
    }
    Err(DimseError::protocol(
        format!("a command {:04X} before the last was answered", next.kind()),
        "patience",
    ))
}

fn find(
    serving: &Serving,
    link: &mut Link,
    context: u8,
    accepted: &Accepted,
    command: &Command,
    identifier: &mut Identifier,
    level: Level,
) -> Result<(), DimseError> {
    if !identifier.keys.iter().any(|(tag, ..)| *tag == unique(level)) {
        identifier.keys.push((unique(level), VR::UI, Phi::new(String::new())));
    }
    let unsupported = identifier
        .keys
        .iter()
        .any(|(tag, _, value)| !value.expose().is_empty() && !answers_with(level, *tag));
    let pending = if unsupported { status::PENDING_WITH_UNSUPPORTED } else { status::PENDING };
    let mut query = Query::new(level);
    query.keys = identifier.keys.iter().map(|(tag, _, value)| (*tag, value.clone())).collect();
    query.limit = Some(PAGE);
    loop {
        let answers = match serving.store.query(&query) {
            Ok(answers) => answers,
            Err(error) if error.is_callers_fault() => {
                return refuse(link, context, command, status::UNABLE_TO_PROCESS, &error.to_string());
            }
            Err(error) => {
                tracing::error!(%error, "a query failed");
                return refuse(link, context, command, status::UNABLE_TO_PROCESS, "the catalog failed");
            }
        };
        for (number, answer) in answers.iter().enumerate() {
            if number % BETWEEN_LOOKS == 0 && is_canceled(link, command)? {
                return link.send(context, &command.response(status::CANCELED, false), None);
            }
            let syntax = &accepted.transfer_syntax;
            let bytes = identifier::answer(answer, identifier, level, &serving.settings.ae_title, syntax);
            link.send(context, &command.response(pending, true), Some(&mut bytes.as_slice()))?;
        }
        if answers.len() < PAGE as usize {
            return link.send(context, &command.response(status::SUCCESS, false), None);
        }
        query.offset += PAGE;
    }
}

/// The objects that a retrieval names by the unique keys of its level and those above.
fn wanted(serving: &Serving, identifier: &Identifier, level: Level) -> Result<Vec<Located>, StoreError> {
    let mut query = Query::new(Level::Instance);
    for of in [Level::Patient, Level::Study, Level::Series, Level::Instance] {
        let value = identifier.text(unique(of));
        if of > level || (of < level && value.is_empty()) {
            continue;
        }
        let wild = value.contains(['*', '?']);
        if value.is_empty() || wild {
            let message = "is empty or has a wildcard, expected unique keys".to_owned();
            return Err(StoreError::Query { key: unique(of).to_string(), message });
        }
        query = query.with(unique(of), value);
    }
    let answers = serving.store.query(&query)?;
    answers.iter().map(|answer| serving.store.find(answer.text(tags::SOP_INSTANCE_UID))).collect()
}

/// How far a retrieval is.
#[derive(Default)]
struct Progress {
    remaining: u16,
    completed: u16,
    failed: u16,
    warning: u16,
}

impl Progress {
    fn of(objects: &[Located]) -> Self {
        Self { remaining: u16::try_from(objects.len()).unwrap_or(u16::MAX), ..Self::default() }
    }

    fn count(&mut self, outcome: Option<u16>) {
        self.remaining = self.remaining.saturating_sub(1);
        let counter = match outcome {
            Some(status::SUCCESS) => &mut self.completed,
            Some(_) => &mut self.warning,
            None => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
    }

    fn response(&self, command: &Command, status: u16) -> Command {
        let response = command
            .response(status, false)
            .number(field::COMPLETED, self.completed)
            .number(field::FAILED, self.failed)
            .number(field::WARNING, self.warning);
        let goes_on = matches!(status, status::PENDING | status::CANCELED);
        if goes_on { response.number(field::REMAINING, self.remaining) } else { response }
    }

    fn end(&self, command: &Command) -> Command {
        let status = if self.failed > 0 || self.warning > 0 { status::SOME_FAILED } else { status::SUCCESS };
        self.response(command, status)
    }
}

fn outgoing(serving: &Serving, object: &Located) -> Result<Outgoing, StoreError> {
    Ok(Outgoing {
        sop_class: object.sop_class.clone(),
        sop_uid: object.sop_uid.clone(),
        transfer_syntax: object.transfer_syntax.clone(),
        data_set: object.data_set,
        content: Arc::new(serving.store.content(object)?),
    })
}

fn moved(
    serving: &Serving,
    link: &mut Link,
    association: &Association,
    context: u8,
    command: &Command,
    objects: &[Located],
) -> Result<(), DimseError> {
    let destination = command.string(field::MOVE_DESTINATION).unwrap_or_default();
    let Some(peer) = serving.settings.peers.iter().find(|peer| peer.ae_title == destination) else {
        let comment = "the move destination is not among the peers";
        return refuse(link, context, command, status::UNKNOWN_DESTINATION, comment);
    };
    let mut progress = Progress::of(objects);
    if objects.is_empty() {
        return link.send(context, &progress.end(command), None);
    }
    let kinds: BTreeSet<Kind> =
        objects.iter().map(|object| (object.sop_class.clone(), object.transfer_syntax.clone())).collect();
    let settings = &serving.settings;
    let mut requestor = match Requestor::associate(peer, &settings.ae_title, &kinds, settings.timeout) {
        Ok(requestor) => requestor,
        Err(error) => {
            tracing::warn!(%error, "a move destination could not be reached");
            progress.failed = progress.remaining;
            return link.send(context, &progress.response(command, 0xA702), None);
        }
    };
    let origin = (association.calling.as_str(), command.u16(field::MESSAGE_ID).unwrap_or(0));
    for object in objects {
        if is_canceled(link, command)? {
            let _ = requestor.release();
            return link.send(context, &progress.response(command, status::CANCELED), None);
        }
        let sent = outgoing(serving, object)
            .map_err(DimseError::from)
            .and_then(|outgoing| requestor.store(&outgoing, Some(origin)));
        match sent {
            Ok(status) => progress.count(Some(status)),
            Err(error) => {
                tracing::warn!(%error, "an object was not moved");
                if !Requestor::goes_on_after(&error) {
                    progress.failed = progress.failed.saturating_add(progress.remaining);
                    return link.send(context, &progress.response(command, 0xA702), None);
                }
                progress.count(None);
            }
        }
        if progress.remaining > 0 {
            link.send(context, &progress.response(command, status::PENDING), None)?;
        }
    }
    let _ = requestor.release();
    link.send(context, &progress.end(command), None)
}

fn got(
    serving: &Serving,
    link: &mut Link,
    association: &Association,
    context: u8,
    command: &Command,
    objects: &[Located],
) -> Result<(), DimseError> {
    let mut progress = Progress::of(objects);
    for (number, object) in objects.iter().enumerate() {
        if is_canceled(link, command)? {
            return link.send(context, &progress.response(command, status::CANCELED), None);
        }
        let message = u16::try_from(number % 0xFFFF).unwrap_or(0) + 1;
        let sent = outgoing(serving, object)
            .map_err(DimseError::from)
            .and_then(|outgoing| requestor::store(link, &association.takes, &outgoing, message, None));
        match sent {
            Ok(status) => progress.count(Some(status)),
            Err(error) if Requestor::goes_on_after(&error) => {
                tracing::warn!(%error, "an object was not given");
                progress.count(None);
            }
            Err(error) => return Err(error),
        }
        if progress.remaining > 0 {
            link.send(context, &progress.response(command, status::PENDING), None)?;
        }
    }
    link.send(context, &progress.end(command), None)
}
