//! `/api/worklist`: studies with what is known of them, and `POST /api/studies/{uid}/read`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use wilhelm_report::{State as ReportState, Triage};
use wilhelm_store::{ReportRow, StoreError, WorklistQuery, WorklistRow};
use wilhelm_study::Phi;

use super::answer::{Answered, account, json as answer};
use crate::desk::{Desk, ReadingRefused, ReadingState, document, rejected};
use crate::http::guard::{Details, Who};
use crate::http::parameters::parameters;
use crate::http::{Refusal, Site, blocking};

/// Rows of a page where the request does not say, and most of one.
const USUAL: u32 = 50;
const MOST: u32 = 200;
/// Longest text that is searched for, in characters.
const LONGEST: usize = 100;

/// `GET /api/worklist`
pub(super) async fn list(State(site): State<Arc<Site>>, RawQuery(query): RawQuery) -> Answered {
    let query = asked(query.as_deref())?;
    let body = blocking(move || {
        let query = by_reading(&site.desk, query);
        let (total, rows) = site.store.reports().worklist(&query)?;
        let studies: Vec<&str> = rows.iter().map(|row| row.study_uid.as_str()).collect();
        let readings = site.desk.readings().map(|readings| readings.latest(&studies)).unwrap_or_default();
        let shown: Vec<Value> = rows.iter().map(|row| shown(&site.desk, row, &readings)).collect();
        Ok(json!({ "total": total, "rows": shown }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}

fn asked(query: Option<&str>) -> Result<WorklistQuery, Refusal> {
    let mut asked = WorklistQuery { limit: USUAL, ..WorklistQuery::default() };
    for (key, value) in parameters(query) {
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| Refusal::bad(format!("the parameter {key} is no whole number from 0 on")))
        };
        let code = |text: &str| {
            !text.is_empty() && text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match key.as_str() {
            "limit" => asked.limit = number()?.min(MOST),
            "offset" => asked.offset = number()?,
            "text" if value.chars().count() > LONGEST => {
                return Err(Refusal::bad(format!("the parameter text has more than {LONGEST} characters")));
            }
            "state" | "modality" | "text" if value.is_empty() => {}
            "text" => asked.text = Some(Phi::new(value)),
            "modality" if code(&value) => asked.modality = Some(value.to_uppercase()),
            "modality" => return Err(Refusal::bad("the parameter modality is no code such as CT")),
            "state" => {
                let known =
                    ["unread", "reading", "failed", "draft", "preliminary", "final", "amended", "addendum"];
                let known = known.into_iter().find(|known| *known == value).ok_or_else(|| {
                    Refusal::bad(format!("the parameter state is none of {}", known.join(", ")))
                })?;
                asked.state = Some(known.to_owned());
            }
            _ => {
                let detail = "a parameter is none of state, modality, text, limit, offset";
                return Err(Refusal::bad(detail));
            }
        }
    }
    Ok(asked)
}

/// What a state says of the queue: `unread` is without a report and without a reading that waits, runs or has failed.
fn by_reading(desk: &Desk, mut query: WorklistQuery) -> WorklistQuery {
    let of_state =
        |states: &[&str]| desk.readings().map(|readings| readings.of_state(states)).unwrap_or_default();
    match query.state.as_deref() {
        Some("reading") => {
            query.among = Some(of_state(&["queued", "running"]));
            query.state = None;
        }
        Some("failed") => {
            query.among = Some(of_state(&["failed", "dead"]));
            query.state = None;
        }
        Some("unread") => query.except = of_state(&["queued", "running", "failed", "dead"]),
        _ => {}
    }
    query
}

fn shown(desk: &Desk, row: &WorklistRow, readings: &BTreeMap<String, ReadingState>) -> Value {
    let arrived = DateTime::from_timestamp(row.arrived, 0).unwrap_or_default();
    let reading = readings
        .get(&row.study_uid)
        .map(|reading| json!({ "job": reading.job, "state": reading.state, "error": reading.error }));
    // The list is of all studies: one damaged draft is told in the log, and by its own page.
    let triage = triage(desk, row).unwrap_or_else(|error| {
        tracing::error!(%error, "a draft of the worklist cannot be read");
        None
    });
    json!({
        "study": row.study_uid,
        "patient_name": row.patient_name.expose(),
        "patient_id": row.patient_id.expose(),
        "birth_date": row.birth_date.expose(),
        "sex": row.sex,
        "date": row.date.expose(),
        "time": row.time.expose(),
        "description": row.description,
        "accession": row.accession.expose(),
        "modalities": row.modalities,
        "arrived": arrived.to_rfc3339_opts(SecondsFormat::Secs, true),
        "instances": row.instances,
        "reading": reading,
        "reports": row.reports.iter().map(listed).collect::<Vec<Value>>(),
        "triage": triage.map(|triage| json!({
            "level": triage.level, "reason": triage.reason, "probability": triage.probability,
        })),
    })
}

fn listed(report: &ReportRow) -> Value {
    json!({
        "id": report.id, "title": report.title, "state": report.state,
        "version": report.seen.version, "updated": report.updated,
    })
}

/// Why a study is looked at when: by the most urgent of its drafts.
fn triage(desk: &Desk, row: &WorklistRow) -> Result<Option<Triage>, StoreError> {
    let drafts = row.reports.iter().filter(|report| report.state == ReportState::Draft.word());
    let Some(first) = drafts.filter(|report| report.urgency > 0).max_by_key(|report| report.urgency) else {
        return Ok(None);
    };
    let report = document::latest(&desk.store, &first.id)?;
    Ok(wilhelm_report::triage(&report, &rejected(&desk.store.reports().decisions(&first.id)?)))
}

/// `POST /api/studies/{uid}/read`
pub(super) async fn read(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(study): Path<String>,
) -> Answered {
    let by = account(&who);
    let job = blocking(move || {
        site.store.reports().listed(&study)?;
        let conflict = |detail: &str| Refusal::new(StatusCode::CONFLICT, detail);
        if site.desk.reader.is_none() {
            return Err(conflict("this archive reads no studies: it was started without models"));
        }
        let none = || conflict("this archive has no queue in which studies wait to be read");
        site.desk.readings().ok_or_else(none)?.begin(&study, &by).map_err(|refused| {
            let status = match refused {
                ReadingRefused::Busy { .. } => StatusCode::CONFLICT,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            Refusal::new(status, refused.to_string())
        })
    })
    .await?;
    let mut response = answer(StatusCode::ACCEPTED, &json!({ "job": job }));
    response.extensions_mut().insert(Details(vec![("job", job)]));
    Ok(response)
}
