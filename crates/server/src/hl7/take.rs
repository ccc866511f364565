//! One message, from its bytes to its acknowledgment.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use wilhelm_formats::hl7::Message;
use wilhelm_privacy::audit::{Action, Actor, Event, Object, ObjectKind, Outcome};
use wilhelm_store::{OrderControl, PatientKey, Store};

use super::answer::{Refusal, acknowledgment};
use super::block::Block;
use super::{order, patient};
use crate::Ledger;
use crate::http::of_identifier;

/// What a message is carried out with.
pub(super) struct Taker {
    pub store: Arc<Store>,
    pub ledger: Option<Arc<Ledger>>,
    pub from: IpAddr,
}

/// What a message did, as the audit log has it.
struct Deed {
    action: Action,
    studies: Vec<String>,
    patient: Option<PatientKey>,
}

impl Taker {
    /// Carries a message out and gives its acknowledgment.
    pub(super) fn answer(&self, block: &Block, now: DateTime<Utc>) -> Vec<u8> {
        let read = match block {
            Block::Message(bytes) => Message::read(bytes).map_err(Refusal::from),
            Block::TooLong(beginning) => {
                // Its header is enough to be answered by.
                let end = beginning.iter().position(|byte| *byte == b'\r').unwrap_or(0);
                let refusal = Refusal::error(207, "the message is longer than 1 MiB");
                let header = Message::read(&beginning[..end]).ok();
                return acknowledgment(header.as_ref(), Some(&refusal), now);
            }
        };
        let message = match read {
            Ok(message) => message,
            Err(refusal) => {
                tracing::warn!(why = %refusal.why, "a message was not read");
                let header = header_alone(block);
                return acknowledgment(header.as_ref(), Some(&refusal), now);
            }
        };
        let outcome = self.carry_out(&message, now);
        if let Err(refusal) = &outcome {
            tracing::warn!(why = %refusal.why, "a message was not taken");
        }
        acknowledgment(Some(&message), outcome.as_ref().err(), now)
    }

    fn carry_out(&self, message: &Message, now: DateTime<Utc>) -> Result<(), Refusal> {
        let header = message.header();
        if header.field(10).is_empty() {
            return Err(Refusal::missing("MSH-10", "a control ID"));
        }
        if !header.field(12).component(1).raw().starts_with("2.") {
            return Err(Refusal::reject(203, "MSH-12 is no version 2 of HL7"));
        }
        let (kind, event) = (header.field(9).component(1).raw(), header.field(9).component(2).raw());
        let deeds = match (kind, event) {
            ("ORM", "O01") | ("OMI", "O23") => self.orders(message, now),
            ("ADT", "A08" | "A31") => {
                patient::update(message, &self.store, now.timestamp()).map(|done| vec![of_patient(done)])
            }
            ("ADT", "A40") => {
                patient::merge(message, &self.store, now.timestamp()).map(|done| vec![of_patient(done)])
            }
            ("ADT", _) => Err(Refusal::reject(201, "of ADT only A08, A31 and A40 are handled here")),
            _ => Err(Refusal::reject(200, "only ORM^O01, OMI^O23 and ADT are handled here")),
        };
        match deeds {
            Ok(deeds) => deeds.iter().try_for_each(|deed| self.note(message, deed, Outcome::Done, now)),
            Err(refusal) => {
                let action = if kind == "ADT" { Action::StudyChanged } else { Action::OrderChanged };
                let deed = Deed { action, studies: Vec::new(), patient: None };
                self.note(message, &deed, Outcome::Refused, now)?;
                Err(refusal)
            }
        }
    }

    fn orders(&self, message: &Message, now: DateTime<Utc>) -> Result<Vec<Deed>, Refusal> {
        let orders = order::read(message)?;
        let actions: Vec<Action> = orders
            .changes
            .iter()
            .map(|change| match change.control {
                OrderControl::Make => Action::OrderMade,
                OrderControl::Cancel => Action::OrderCanceled,
                _ => Action::OrderChanged,
            })
            .collect();
        self.store.change_orders(orders.changes, now.timestamp())?;
        let deed = |action| Deed { action, studies: Vec::new(), patient: Some(orders.patient.clone()) };
        Ok(actions.into_iter().map(deed).collect())
    }

    /// Writes down what was done; what cannot be written down is not acknowledged, and comes again.
    fn note(
        &self,
        message: &Message,
        deed: &Deed,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let name: String =
            message.header().field(3).raw().chars().filter(char::is_ascii_graphic).take(64).collect();
        let actor =
            Actor::peer(if name.is_empty() { "HL7".to_owned() } else { name }).from(self.from.to_string());
        let reference = deed
            .patient
            .as_ref()
            .and_then(|patient| of_identifier(ledger, patient.id.expose(), patient.issuer.expose()));
        let mut objects: Vec<Object> = deed
            .studies
            .iter()
            .map(|study| match &reference {
                Some(patient) => ledger.study(study).of(patient.clone()),
                None => ledger.study(study),
            })
            .collect();
        if objects.is_empty() {
            objects.push(match reference {
                Some(patient) => Object::new(ObjectKind::Patient, patient),
                None => Object::whole(ObjectKind::Patient),
            });
        }
        for object in objects {
            let event = Event::new(actor.clone(), deed.action, object, outcome).with("service", "HL7");
            ledger.always(&event, now).map_err(|error| {
                tracing::error!(%error, "the audit log takes no entry");
                Refusal::reject(207, "the audit log takes no entry: send it again later")
            })?;
        }
        Ok(())
    }
}

fn of_patient(done: patient::Done) -> Deed {
    Deed { action: Action::StudyChanged, studies: done.studies, patient: Some(done.patient) }
}

/// The header of a message that cannot be read as a whole.
fn header_alone(block: &Block) -> Option<Message> {
    let (Block::Message(bytes) | Block::TooLong(bytes)) = block;
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    Message::read(&bytes[..end]).ok()
}
