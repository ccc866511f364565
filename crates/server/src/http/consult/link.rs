//! `POST /api/guest`: a link's secret for a session. The page reads the secret behind `#`, which no request carries, and sends
//! it in a body: it stands in no address, no log and no Referer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde_json::{Value, json};
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::account::{LinkPurpose, LinkSecret, link_fits, link_parts};
use wilhelm_privacy::audit::{Action, Actor, Event, Object, ObjectKind, Outcome};
use wilhelm_store::{Consultation, StoreError};

use super::{Guest, told, words};
use crate::events::moment;
use crate::http::guard::{COOKIE, of_account, origin, patient, unwritten};
use crate::http::session::{from_elsewhere, later, texts};
use crate::http::{Refusal, Site, blocking};

/// Longest name that a guest gives, in characters.
const NAME: usize = 60;

/// A guest as the page reads it, in the place of an account.
pub(crate) fn shown(guest: &Guest) -> Value {
    let consultation = &guest.consultation;
    json!({
        "name": guest.name,
        "role": "guest",
        "roles": [],
        "permissions": [],
        "must_change_password": false,
        "guest": {
            "consultation": consultation.id,
            "study": consultation.study_uid,
            "role": consultation.role.name(),
            "hides_patient": consultation.hides_patient,
            "shows_reports": consultation.shows_reports,
            "until": moment(consultation.expires),
        },
    })
}

/// `POST /api/guest` with `{"token", "name"}`
pub(crate) async fn open(State(site): State<Arc<Site>>, request: Request) -> Response {
    match opened(site, request).await {
        Ok(response) | Err(response) => response,
    }
}

async fn opened(site: Arc<Site>, request: Request) -> Result<Response, Response> {
    let from = origin(&request);
    let (parts, body) = request.into_parts();
    from_elsewhere(&parts.headers).map_err(IntoResponse::into_response)?;
    let [token, name] =
        texts(&parts.headers, body, ["token", "name"]).await.map_err(IntoResponse::into_response)?;
    let Some(sign_in) = site.sign_in.clone() else {
        let detail = "this archive is open: nobody is invited to it";
        return Err(Refusal::new(StatusCode::CONFLICT, detail).into_response());
    };
    if let Some(seconds) = sign_in.wait(from, Utc::now()) {
        let detail = "too many tries to open a link from this address";
        return Err(later(Refusal::new(StatusCode::TOO_MANY_REQUESTS, detail), seconds));
    }
    let name = words(&name, NAME, "the name").map_err(IntoResponse::into_response)?;
    let name = name.split_whitespace().collect::<Vec<&str>>().join(" ");
    let secure = site.secure;
    let (secret, guest, seconds) = blocking(move || exchanged(&site, &token, &name, &from.to_string()))
        .await
        .map_err(IntoResponse::into_response)?;
    let mut response =
        (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], shown(&guest).to_string())
            .into_response();
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// One answer for a link that is none, is over, or has another secret: which of them is not said.
fn unknown() -> Refusal {
    let detail = "the link is unknown, is over or was withdrawn: ask who invited you for another";
    Refusal::new(StatusCode::NOT_FOUND, detail)
}

fn exchanged(site: &Site, token: &str, name: &str, from: &str) -> Result<(String, Guest, i64), Refusal> {
    let now = Utc::now();
    let found = link_parts(LinkPurpose::Invitation, token).and_then(|(id, secret)| {
        let (consultation, hash) = site.store.consultations().of_link(id).ok()?;
        (link_fits(secret, &hash)).then_some(consultation)
    });
    let Some(consultation) = found else {
        note(site, Actor::user("unknown").from(from), None, Outcome::Refused, name)?;
        return Err(unknown());
    };
    let made = LinkSecret::make(LinkPurpose::GuestSession, &mut SystemEntropy::default())
        .map_err(|error| of_account(&error))?;
    let actor = Actor::user(format!("guest@{}", made.id)).as_role("guest").from(from);
    if !consultation.is_open(now.into()) {
        note(site, actor, Some(&consultation), Outcome::Refused, name)?;
        return Err(unknown());
    }
    // What cannot be written down is not opened.
    note(site, actor, Some(&consultation), Outcome::Done, name)?;
    let session = (made.id.as_str(), made.hash.as_str());
    let opened = site.store.consultations().open(&consultation.id, session, name, now.into());
    let consultation = match opened {
        Ok(opened) => opened.consultation,
        Err(error @ StoreError::Consultation { .. }) => {
            return Err(Refusal::new(StatusCode::GONE, error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    told(site, &consultation, "opened", &json!({ "name": name, "opened": consultation.opened }));
    let left = consultation.expires.duration_since(now.into()).unwrap_or_default();
    let seconds = i64::try_from(left.as_secs()).unwrap_or(0);
    let guest = Guest { consultation, session: made.id, name: name.to_owned() };
    Ok((made.secret.expose().to_owned(), guest, seconds))
}

/// Writes into the log that a link was opened, or that somebody tried to.
fn note(
    site: &Site,
    actor: Actor,
    consultation: Option<&Consultation>,
    outcome: Outcome,
    name: &str,
) -> Result<(), Refusal> {
    let Some(ledger) = &site.ledger else { return Ok(()) };
    let object = match consultation {
        None => Object::whole(ObjectKind::Consultation),
        Some(found) => {
            let reference = ledger.reference(ObjectKind::Consultation, &found.id);
            let mut object = Object::new(ObjectKind::Consultation, reference);
            object.patient = patient(&site.store, ledger, &found.study_uid);
            object
        }
    };
    let mut event = Event::new(actor, Action::ConsultationOpened, object, outcome);
    if let Some(found) = consultation {
        event = event.with("name given", name).with("invited by", found.made_by.clone());
    }
    ledger.always(&event, Utc::now()).map_err(|error| unwritten(&error))
}
