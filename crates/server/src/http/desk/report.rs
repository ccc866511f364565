//! Reports as they are looked at: whole, version by version, and compared.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use wilhelm_report::changes;
use wilhelm_store::{StoreError, StoredDecision};

use super::answer::{Answered, json as answer, tagged};
use crate::desk::{Document, decided, document, places};
use crate::http::parameters::parameters;
use crate::http::{Refusal, Site, blocking};

/// `GET /api/studies/{uid}/reports`
pub(super) async fn of_study(State(site): State<Arc<Site>>, Path(study): Path<String>) -> Answered {
    let body = blocking(move || {
        let listed = site.store.reports().listed(&study)?;
        let rows = listed.reports.iter().map(|row| {
            let report = document::latest(&site.store, &row.id)?;
            Ok(json!({
                "id": row.id, "series": row.series_uid, "title": row.title, "state": row.state,
                "version": row.seen.version, "updated": row.updated, "signatures": report.signatures,
            }))
        });
        let rows: Result<Vec<Value>, StoreError> = rows.collect();
        Ok(json!({ "reports": rows? }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}

/// `GET /api/reports/{id}`
pub(super) async fn one(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Answered {
    let (seen, body) = blocking(move || {
        let document = Document::read(&site.store, &id)?;
        Ok((document.seen(), shown(&site, &document)?))
    })
    .await?;
    Ok(tagged(seen, &body))
}

/// A report as the page shows it.
pub(super) fn shown(site: &Site, document: &Document) -> Result<Value, StoreError> {
    let (row, report) = (&document.row, &document.latest().report);
    let meta = document::meta(&site.store, &row.id)?;
    let versions = document.versions.iter().zip(&document.stored).map(|(version, stored)| {
        let signature = version.report.signatures.last();
        json!({
            "number": version.number,
            "state": version.report.state,
            "by": stored.by,
            "at": stored.at,
            "reason": signature.and_then(|signature| signature.reason.as_deref()),
            "changes": version.changes.len(),
            "sha256": stored.sha256,
        })
    });
    Ok(json!({
        "id": row.id,
        "study": row.study_uid,
        "series": row.series_uid,
        "version": document.seen().version,
        "superseded": row.is_superseded,
        "versions": versions.collect::<Vec<Value>>(),
        "report": report,
        "decisions": decisions(&document.decisions),
        "evidence": places(report, &row.id, &row.series_uid, &meta),
        "earlier": earlier(site, &row.study_uid)?,
        "pictures": meta.pictures.len(),
        "defects": meta.defects,
    }))
}

/// The decision that counts of each finding.
pub(super) fn decisions(all: &[StoredDecision]) -> Map<String, Value> {
    let one = |(finding, decision): (&str, &StoredDecision)| {
        let words = json!({ "decision": decision.decision, "by": decision.by, "at": decision.at });
        (finding.to_owned(), words)
    };
    decided(all).into_iter().map(one).collect()
}

/// Signed reports of other studies of the patient, the last changed first.
fn earlier(site: &Site, study: &str) -> Result<Vec<Value>, StoreError> {
    let rows = site.store.reports().signed_of_patient(study)?;
    let others = rows.iter().filter(|row| row.study_uid != study);
    let shown = others.map(|row| {
        json!({
            "study": row.study_uid, "report": row.id, "title": row.title, "state": row.state, "at": row.updated,
        })
    });
    Ok(shown.collect())
}

/// `GET /api/reports/{id}/versions/{number}`: the document as it was written.
pub(super) async fn version(
    State(site): State<Arc<Site>>,
    Path((id, number)): Path<(String, String)>,
) -> Answered {
    let bytes = blocking(move || {
        let mut versions = site.store.reports().versions(&id)?;
        let place = placed(&number, versions.len())?;
        Ok(versions.swap_remove(place).bytes)
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}

/// The place of a version's number, from 0.
fn placed(number: &str, count: usize) -> Result<usize, Refusal> {
    let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    place.filter(|place| *place < count).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, format!("there is no such version, expected 1 to {count}"))
    })
}

/// `GET /api/reports/{id}/compare?from=1&to=3`
pub(super) async fn compare(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answered {
    let parameters = parameters(query.as_deref());
    let body = blocking(move || {
        let document = Document::read(&site.store, &id)?;
        let of = |name: &str| {
            let value = parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            let value = value.ok_or_else(|| Refusal::bad(format!("the parameter {name} is missing")))?;
            placed(value, document.versions.len())
        };
        let (from, to) = (of("from")?, of("to")?);
        let versions = &document.versions;
        Ok(json!({ "changes": changes(&versions[from].report, &versions[to].report) }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}
