//! A consultation as a whole, and its notes.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wilhelm_privacy::account::Permission;
use wilhelm_store::{Consultation, Place, StoredNote, StoredOpinion};
use wilhelm_study::{SopInstanceUid, StudyInstanceUid};

use super::{found, listed, person, told, words};
use crate::desk::document;
use crate::events::moment;
use crate::http::desk::answer::{body, json as answer};
use crate::http::guard::{Details, Who, may};
use crate::http::permission::is_uid;
use crate::http::{Refusal, Site, blocking};

/// Longest note in characters.
const NOTE: usize = 4000;

/// What a note or an opinion points at.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Anchor {
    /// SOP Instance UID.
    pub instance: String,
    /// Frame number from 1.
    #[serde(default = "first")]
    pub frame: u32,
    /// Column and row in pixels; the center of the first is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<[f64; 2]>,
}

const fn first() -> u32 {
    1
}

impl Anchor {
    /// Refuses what is no place in the consultation's study.
    pub(super) fn check(&self, site: &Site, consultation: &Consultation) -> Result<(), Refusal> {
        let wrong = |detail: &str| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        let within = |number: f64| number.is_finite() && (-1.0..=1e6).contains(&number);
        if !self.point.is_none_or(|point| point.into_iter().all(within)) {
            return Err(wrong("the point is no column and row in pixels"));
        }
        let place = || {
            let study_uid = StudyInstanceUid::new(&consultation.study_uid).ok()?;
            let sop_uid = Some(SopInstanceUid::new(&self.instance).ok()?);
            Some(Place { study_uid, series_uid: None, sop_uid })
        };
        let located = place().filter(|_| is_uid(&self.instance)).map(|place| site.store.locate(&place));
        let Some(Ok(located)) = located else {
            return Err(wrong("the note points at no object of this study"));
        };
        let frames = located.first().map_or(1, |one| one.frames);
        if !(1..=frames).contains(&self.frame) {
            return Err(wrong("the note points at a frame that the object has not"));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNote {
    text: String,
    #[serde(default)]
    anchor: Option<Anchor>,
}

fn note_json(note: &StoredNote) -> Value {
    let said: Value = serde_json::from_slice(&note.bytes).unwrap_or_default();
    json!({
        "number": note.number,
        "by": note.by,
        "guest": note.is_guest,
        "at": moment(note.at),
        "text": said["text"],
        "anchor": said["anchor"],
    })
}

pub(super) fn opinion_json(stored: &StoredOpinion) -> Value {
    let said: Value = serde_json::from_slice(&stored.bytes).unwrap_or_default();
    let opinion = &stored.opinion;
    let report = (!opinion.report.is_empty())
        .then(|| json!({ "id": opinion.report, "version": opinion.report_version }));
    json!({
        "number": stored.number,
        "consultation": stored.consultation,
        "by": opinion.by,
        "guest": opinion.is_guest,
        "invited_by": said["by"]["invited_by"],
        "at": moment(opinion.at),
        "agreement": opinion.agreement,
        "report": report,
        "text": said["text"],
        "image": said["image"],
        "sha256": stored.sha256,
        "previous": stored.previous,
        "in_study": stored.is_delivered,
    })
}

/// `GET /api/consultations/{id}`
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let (id, body) = blocking(move || {
        let consultation = found(&site, &who, &id)?;
        let consultations = site.store.consultations();
        let mut body = listed(&consultation, Utc::now().into());
        body["question"] = String::from_utf8_lossy(&consultations.question(&consultation)?).into();
        let guests = consultations.guests(&consultation)?;
        let guest = |one: &wilhelm_store::Guest| {
            json!({ "name": one.name, "since": moment(one.begun), "left": one.has_left })
        };
        body["guests"] = guests.iter().map(guest).collect();
        body["notes"] = consultations.notes(&consultation)?.iter().map(note_json).collect();
        // Of opinions in other consultations a guest is not told.
        let all = consultations.opinions(&consultation.study_uid)?;
        let own = all.iter().filter(|one| who.guest.is_none() || one.consultation == consultation.id);
        body["opinions"] = own.map(opinion_json).collect();
        let sees_reports = match &who.guest {
            Some(_) => consultation.shows_reports,
            None => may(&site, &who, Permission::ReportSee, Some(&consultation.study_uid)).is_ok(),
        };
        body["reports"] = if sees_reports { reports(&site, &consultation)? } else { json!([]) };
        Ok((consultation.id, body))
    })
    .await?;
    let mut response = answer(StatusCode::OK, &body);
    response.extensions_mut().insert(Details(vec![("consultation", id)]));
    Ok(response)
}

/// The study's reports, as text.
fn reports(site: &Site, consultation: &Consultation) -> Result<Value, Refusal> {
    let listed = site.store.reports().listed(&consultation.study_uid)?;
    let shown = listed.reports.iter().filter(|row| !row.is_superseded).map(|row| {
        let decisions = site.store.reports().decisions(&row.id)?;
        let report = crate::desk::leaving(&document::latest(&site.store, &row.id)?, &decisions);
        Ok(json!({
            "id": row.id, "title": row.title, "state": row.state, "version": row.seen.version,
            "text": wilhelm_report::text(&report),
        }))
    });
    let shown: Result<Vec<Value>, wilhelm_store::StoreError> = shown.collect();
    Ok(Value::Array(shown?))
}

/// `POST /api/consultations/{id}/notes` with `{"text", "anchor": {"instance", "frame", "point"}}`
pub(super) async fn note(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Result<Response, Refusal> {
    let form = r#"{"text", "anchor": {"instance", "frame", "point": [column, row]}}"#;
    let new: NewNote = body(&headers, given, form).await?;
    let text = words(&new.text, NOTE, "the note")?;
    let (id, body) = blocking(move || {
        let consultation = found(&site, &who, &id)?;
        if let Some(anchor) = &new.anchor {
            anchor.check(&site, &consultation)?;
        }
        let by = person(&who);
        let now = Utc::now().into();
        let bytes = json!({ "text": text, "anchor": new.anchor }).to_string().into_bytes();
        let consultations = site.store.consultations();
        let number = consultations.note(&consultation, (&by.name, by.is_guest), &bytes, now)?;
        let note = StoredNote { number, by: by.name, is_guest: by.is_guest, at: now, bytes };
        let body = note_json(&note);
        told(&site, &consultation, "note", &body);
        Ok((consultation.id, body))
    })
    .await?;
    let mut response = answer(StatusCode::CREATED, &body);
    let details = vec![("consultation", id), ("note", body["number"].to_string())];
    response.extensions_mut().insert(Details(details));
    Ok(response)
}
