//! `/api/bin`: studies that were deleted, and `DELETE /api/studies/{uid}`.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use wilhelm_privacy::account::Permission;
use wilhelm_privacy::audit::{Action, Event, Outcome};
use wilhelm_store::{Binned, Deleted};

use super::guard::{Details, Touched, Who, actor, may, of_identifier, origin, patient, unwritten};
use super::jobs::answer;
use super::session::texts;
use super::{Refusal, Site, blocking};
use crate::events::moment;

/// Shortest and longest reason in characters.
const REASON: std::ops::RangeInclusive<usize> = 5..=500;

/// `DELETE /api/studies/{uid}` with `{"reason": ...}`. The entry with the reason stands in the audit log before anything moves.
pub(crate) async fn delete(
    State(site): State<Arc<Site>>,
    Path(uid): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let from = origin(&request);
    let (parts, body) = request.into_parts();
    let who = parts.extensions.get::<Who>().cloned().unwrap_or(Who::default());
    let [reason] = texts(&parts.headers, body, ["reason"]).await?;
    let reason = reason.trim().to_owned();
    if !REASON.contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        let detail = "the reason has 5 to 500 characters, without line breaks: it stands in the audit log";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let body = blocking(move || {
        let count = site.store.study_count(&uid)?;
        if let Some(ledger) = &site.ledger {
            let by = actor(who.principal.as_ref(), from);
            let mut object = ledger.study(&uid);
            object.patient = patient(&site.store, ledger, &uid);
            let event = Event::new(by, Action::StudyDeleted, object, Outcome::Done)
                .because(&reason)
                .with("to", "bin")
                .with("objects", count.instances.to_string());
            ledger.always(&event, chrono::Utc::now()).map_err(|error| unwritten(&error))?;
        }
        let by = who.principal.as_ref().map_or("anyone", |principal| principal.user.as_str()).to_owned();
        let now = SystemTime::now();
        let instances = site.store.delete(&uid, Deleted { by, reason }, now)?;
        Ok(json!({ "study": uid, "instances": instances, "until": moment(now + site.bin) }))
    })
    .await?;
    Ok(answer(&body))
}

/// `GET /api/bin`
pub(crate) async fn list(State(site): State<Arc<Site>>) -> Result<Response, Refusal> {
    let body = blocking(move || {
        let studies: Vec<Value> = site.store.binned()?.iter().map(|one| shown(&site, one)).collect();
        Ok(json!({ "studies": studies }))
    })
    .await?;
    Ok(answer(&body))
}

fn shown(site: &Site, binned: &Binned) -> Value {
    json!({
        "study": binned.study,
        "patient_name": binned.patient_name.expose(),
        "patient_id": binned.patient_id.expose(),
        "date": binned.date.expose(),
        "description": binned.description.expose(),
        "instances": binned.instances,
        "bytes": binned.bytes,
        "deleted": moment(binned.deleted),
        "until": moment(binned.deleted + site.bin),
        "by": binned.by,
        "reason": binned.reason,
    })
}

/// `POST /api/bin/{uid}/restore`
pub(crate) async fn restore(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(uid): Path<String>,
) -> Result<Response, Refusal> {
    let study = uid.clone();
    let (instances, patient) = blocking(move || {
        may(&site, &who, Permission::StudyDelete, None)?;
        let patient = site.ledger.as_ref().and_then(|ledger| {
            let found = site.store.binned().ok()?.into_iter().find(|one| one.study == uid)?;
            of_identifier(ledger, found.patient_id.expose(), found.issuer.expose())
        });
        Ok((site.store.restore(&uid)?, patient))
    })
    .await?;
    tracing::info!(objects = instances, known_patient = patient.is_some(), "a study was put back");
    let mut response = answer(&json!({ "study": study, "instances": instances }));
    response.extensions_mut().insert(Details(vec![("from", "bin".to_owned())]));
    response.extensions_mut().insert(Touched(vec![study]));
    Ok(response)
}
