//! `/api/consultations`: a colleague is asked about a study by a link, looks at it with the host, and says what they think.

mod guest;
mod hide;
mod link;
mod make;
mod opinion;
mod readers;
mod room;
mod send;
mod thread;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};
use serde_json::{Value, json};
use wilhelm_privacy::account::Permission;
use wilhelm_store::{Consultation, GuestRole, StoreError};

use super::desk::answer::account;
use super::guard::{Who, may};
use super::{Refusal, Site};
use crate::consult::Person;
use crate::events::{Event, moment};

pub(crate) use guest::Guest;
pub(crate) use hide::without_patient;
pub(crate) use link::{open as open_link, shown};

/// The routes behind the guard.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/api/studies/{uid}/consultations", get(make::of_study).post(make::make))
        .route("/api/studies/{uid}/opinions", get(opinion::of_study))
        .route("/api/studies/{uid}/send", post(send::send))
        .route("/api/destinations", get(send::list))
        .route("/api/consultations", get(make::all))
        .route("/api/consultations/{id}", get(thread::show))
        .route("/api/consultations/{id}/revoke", post(make::revoke))
        .route("/api/consultations/{id}/notes", post(thread::note))
        .route("/api/consultations/{id}/opinions", post(opinion::give))
        .route("/api/consultations/{id}/presence", post(room::presence))
        .route("/api/consultations/{id}/events", get(room::events))
        .route("/api/reports/{id}/open", put(readers::open).delete(readers::close))
}

/// A consultation that whoever asks may see: a guest their own, an account those of studies that it may see.
fn found(site: &Site, who: &Who, id: &str) -> Result<Consultation, Refusal> {
    let missing = || Refusal::from(StoreError::NotFound { what: "consultation" });
    let consultation = site.store.consultations().find(id)?;
    match &who.guest {
        Some(guest) if guest.consultation.id == consultation.id => Ok(consultation),
        Some(_) => Err(missing()),
        None => may(site, who, Permission::StudySee, Some(&consultation.study_uid)).map(|()| consultation),
    }
}

/// Whoever takes part, as the others see them.
fn person(who: &Who) -> Person {
    match &who.guest {
        Some(guest) => {
            Person { key: format!("guest {}", guest.session), name: guest.name.clone(), is_guest: true }
        }
        None => {
            let name = account(who);
            Person { key: format!("account {name}"), name, is_guest: false }
        }
    }
}

/// A consultation as it is listed.
fn listed(consultation: &Consultation, now: std::time::SystemTime) -> Value {
    let state = match &consultation.ended {
        Some(_) => "ended",
        None if consultation.is_open(now) => "open",
        None => "over",
    };
    json!({
        "id": consultation.id,
        "study": consultation.study_uid,
        "state": state,
        "by": consultation.made_by,
        "made": moment(consultation.made),
        "until": moment(consultation.expires),
        "role": consultation.role.name(),
        "hides_patient": consultation.hides_patient,
        "shows_reports": consultation.shows_reports,
        "opens": consultation.opens,
        "opened": consultation.opened,
        "ended": consultation.ended.as_ref().map(|(at, by)| json!({ "at": moment(*at), "by": by })),
    })
}

/// Tells the room, and the lists of those who may see the study.
fn told(site: &Site, consultation: &Consultation, what: &'static str, data: &Value) {
    site.live.tell(&consultation.id, what, data);
    site.events.publish(Event::Consultation {
        consultation: consultation.id.clone(),
        study: consultation.study_uid.clone(),
        what,
    });
}

/// Words of a person: without control characters but line breaks and tabs, 1 to `most` characters.
fn words(text: &str, most: usize, what: &str) -> Result<String, Refusal> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    let count = text.chars().count();
    if !(1..=most).contains(&count) || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        let detail =
            format!("{what} has {count} characters, expected 1 to {most} without control characters");
        return Err(Refusal::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    Ok(text.to_owned())
}

/// Whether a guest of this role may write a second opinion.
fn may_opine(role: GuestRole) -> bool {
    role == GuestRole::SecondReader
}
