//! Second opinions: given once, recorded in the study, and put into it as an object.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use wilhelm_store::{Consultation, NewOpinion, StoreError};

use super::thread::{Anchor, opinion_json};
use super::{found, person, told, words};
use crate::consult::deliver;
use crate::http::desk::answer::{body, json as answer};
use crate::http::guard::{Details, Who};
use crate::http::{Refusal, Site, blocking};

/// Longest opinion in characters.
const OPINION: usize = 20_000;
const AGREEMENTS: [&str; 3] = ["agrees", "differs", "adds"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    agreement: String,
    text: String,
    #[serde(default)]
    report: Option<OfReport>,
    #[serde(default)]
    image: Option<Anchor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfReport {
    id: String,
    version: u32,
}

/// `GET /api/studies/{uid}/opinions`
pub(super) async fn of_study(
    State(site): State<Arc<Site>>,
    Path(study): Path<String>,
) -> Result<Response, Refusal> {
    let body = blocking(move || {
        site.store.study_count(&study)?;
        let all = site.store.consultations().opinions(&study)?;
        Ok(json!({ "opinions": all.iter().map(opinion_json).collect::<Vec<Value>>() }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}

/// The version of a report of the study that an opinion is about, with its hash.
fn version(site: &Site, consultation: &Consultation, of: &OfReport) -> Result<String, Refusal> {
    let wrong = |detail: &str| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let none = || wrong("the opinion is about a report that this study has not");
    let row = site.store.reports().served(&of.id).map_err(|error| match error {
        StoreError::NotFound { .. } => none(),
        other => other.into(),
    })?;
    if row.study_uid != consultation.study_uid {
        return Err(none());
    }
    let versions = site.store.reports().versions(&of.id)?;
    let found = versions.iter().find(|version| version.number == of.version);
    found
        .map(|version| version.sha256.clone())
        .ok_or_else(|| wrong("the opinion is about a version that the report has not"))
}

/// `POST /api/consultations/{id}/opinions` with `{"agreement", "text", "report": {"id", "version"}, "image"}`
pub(super) async fn give(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Result<Response, Refusal> {
    let form = r#"{"agreement": "agrees", "differs" or "adds", "text", "report": {"id", "version"}, "image": {"instance", "frame"}}"#;
    let given: Given = body(&headers, given, form).await?;
    let text = words(&given.text, OPINION, "the opinion")?;
    if !AGREEMENTS.contains(&given.agreement.as_str()) {
        let detail = "an opinion agrees, differs or adds";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let (id, body) = blocking(move || {
        let consultation = found(&site, &who, &id)?;
        if who.guest.is_some() && given.report.is_some() && !consultation.shows_reports {
            let detail = "this consultation shows no report that an opinion could be about";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        if let Some(image) = &given.image {
            image.check(&site, &consultation)?;
        }
        let sha256 = given.report.as_ref().map(|of| version(&site, &consultation, of)).transpose()?;
        let by = person(&who);
        let now = Utc::now();
        let report = given.report.as_ref();
        let new = NewOpinion {
            by: by.name.clone(),
            is_guest: by.is_guest,
            agreement: given.agreement.clone(),
            report: report.map(|of| of.id.clone()).unwrap_or_default(),
            report_version: report.map_or(0, |of| of.version),
            at: now.into(),
        };
        let invited_by = by.is_guest.then(|| consultation.made_by.clone());
        let said = json!({
            "format": "wilhelm second opinion 1",
            "study": consultation.study_uid,
            "consultation": consultation.id,
            "by": { "name": by.name, "guest": by.is_guest, "invited_by": invited_by },
            "at": now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "agreement": given.agreement,
            "report": report.map(|of| json!({ "id": of.id, "version": of.version, "sha256": sha256 })),
            "text": text,
            "image": given.image,
        });
        let document = move |number: u32, previous: Option<&str>| {
            let mut said = said;
            said["number"] = number.into();
            said["previous"] = previous.into();
            serde_json::to_vec_pretty(&said).expect("texts and numbers are JSON")
        };
        let consultations = site.store.consultations();
        let number = consultations.give_opinion(&consultation, new, document)?;
        let problem = deliver(&site.store, &consultation.study_uid).err();
        if let Some(problem) = &problem {
            tracing::warn!(problem, "a second opinion is not in its study yet");
        }
        let all = consultations.opinions(&consultation.study_uid)?;
        let stored = all.iter().find(|one| one.number == number);
        let mut body = stored.map(opinion_json).ok_or(StoreError::NotFound { what: "opinion" })?;
        told(&site, &consultation, "opinion", &body);
        body["problem"] = problem.into();
        Ok((consultation.id, body))
    })
    .await?;
    let mut response = answer(StatusCode::CREATED, &body);
    let sha256 = body["sha256"].as_str().unwrap_or_default().to_owned();
    let details = vec![("consultation", id), ("opinion", body["number"].to_string()), ("sha256", sha256)];
    response.extensions_mut().insert(Details(details));
    Ok(response)
}
