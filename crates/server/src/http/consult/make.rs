//! Consultations made, listed and ended.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::account::{LinkPurpose, LinkSecret, Permission};
use wilhelm_store::{GuestRole, NewConsultation};

use super::{found, listed, told, words};
use crate::http::desk::answer::{account, body, json as answer};
use crate::http::guard::{Details, Touched, Who, may, of_account};
use crate::http::{Refusal, Site, blocking};

/// Longest question in characters.
const QUESTION: usize = 4000;
/// Longest life of a consultation in hours, and the usual one.
const MOST_HOURS: u64 = 30 * 24;
const USUAL_HOURS: u64 = 48;
/// How often a link may be opened at most, and where nothing is said.
const MOST_OPENS: u32 = 10;
const USUAL_OPENS: u32 = 3;
/// Consultations of one list.
const MOST_LISTED: u32 = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    question: String,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    hours: Option<u64>,
    #[serde(default)]
    opens: Option<u32>,
    #[serde(default)]
    hides_patient: bool,
    #[serde(default)]
    shows_reports: bool,
}

/// `POST /api/studies/{uid}/consultations`. The answer holds the link's secret, which is kept nowhere.
pub(super) async fn make(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(study): Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Result<Response, Refusal> {
    let form = r#"{"question", "role": "viewer" or "second-reader", "hours", "opens", "hides_patient", "shows_reports"}"#;
    let asked: Asked = body(&headers, given, form).await?;
    if site.sign_in.is_none() {
        let detail = "this archive is open: whoever reaches it sees everything, and nobody is invited to it";
        return Err(Refusal::new(StatusCode::CONFLICT, detail));
    }
    let wrong = |detail: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let question = words(&asked.question, QUESTION, "the question")?;
    let role = asked.role.as_deref().unwrap_or(GuestRole::Viewer.name());
    let role = GuestRole::parse(role)
        .ok_or_else(|| wrong("the role of a guest is viewer or second-reader".to_owned()))?;
    let within = |value: u64, most: u64, what: &str| match value {
        1.. if value <= most => Ok(value),
        _ => Err(wrong(format!("{what} is {value}, expected 1 to {most}"))),
    };
    let hours = within(asked.hours.unwrap_or(USUAL_HOURS), MOST_HOURS, "hours")?;
    let opens = within(u64::from(asked.opens.unwrap_or(USUAL_OPENS)), u64::from(MOST_OPENS), "opens")?;
    if asked.hides_patient && asked.shows_reports {
        let detail = "a report may name the patient: hide the patient, or show the reports";
        return Err(wrong(detail.to_owned()));
    }
    let by = account(&who);
    let (id, body) = blocking(move || {
        // One that is invited sees what who invites may see, and no more.
        may(&site, &who, Permission::StudySee, Some(&study))?;
        let made = LinkSecret::make(LinkPurpose::Invitation, &mut SystemEntropy::default())
            .map_err(|error| of_account(&error))?;
        let now: SystemTime = Utc::now().into();
        site.store.consultations().make(
            NewConsultation {
                id: made.id.clone(),
                link_hash: made.hash,
                study_uid: study,
                made_by: by,
                expires: now + Duration::from_secs(hours * 3600),
                role,
                hides_patient: asked.hides_patient,
                shows_reports: asked.shows_reports,
                opens: u32::try_from(opens).unwrap_or(1),
                question: question.into_bytes(),
            },
            now,
        )?;
        let consultation = site.store.consultations().find(&made.id)?;
        told(&site, &consultation, "made", &json!({}));
        let mut body = listed(&consultation, now);
        body["link"] = format!("/#/consult/{}", made.secret.expose()).into();
        Ok((made.id, body))
    })
    .await?;
    let mut response = answer(StatusCode::CREATED, &body);
    let details = vec![
        ("consultation", id),
        ("role", role.name().to_owned()),
        ("hours", hours.to_string()),
        ("hides patient", if asked.hides_patient { "yes" } else { "no" }.to_owned()),
    ];
    response.extensions_mut().insert(Details(details));
    Ok(response)
}

/// `GET /api/studies/{uid}/consultations`
pub(super) async fn of_study(
    State(site): State<Arc<Site>>,
    Path(study): Path<String>,
) -> Result<Response, Refusal> {
    let body = blocking(move || {
        site.store.study_count(&study)?;
        let now = Utc::now().into();
        let all = site.store.consultations().list(Some(&study), MOST_LISTED)?;
        Ok(json!({ "consultations": all.iter().map(|one| listed(one, now)).collect::<Vec<Value>>() }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}

/// `GET /api/consultations`: the latest, of studies that the account may see, each with its question.
pub(super) async fn all(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
) -> Result<Response, Refusal> {
    let (body, studies) = blocking(move || {
        let now = Utc::now().into();
        let all = site.store.consultations().list(None, MOST_LISTED)?;
        let sees_all = may(&site, &who, Permission::StudySee, None).is_ok();
        let sees = |study: &str| sees_all || may(&site, &who, Permission::StudySee, Some(study)).is_ok();
        let mut shown = Vec::new();
        let mut studies = Vec::new();
        for one in all.iter().filter(|one| sees(&one.study_uid)) {
            let mut body = listed(one, now);
            body["question"] = String::from_utf8_lossy(&site.store.consultations().question(one)?).into();
            shown.push(body);
            studies.push(one.study_uid.clone());
        }
        studies.sort();
        studies.dedup();
        Ok((json!({ "consultations": shown }), studies))
    })
    .await?;
    let mut response = answer(StatusCode::OK, &body);
    response.extensions_mut().insert(Touched(studies));
    Ok(response)
}

/// `POST /api/consultations/{id}/revoke`: the link and the sessions of its guests open nothing from now on.
pub(super) async fn revoke(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let by = account(&who);
    let body = blocking(move || {
        let consultation = found(&site, &who, &id)?;
        let now = Utc::now().into();
        site.store.consultations().end(&consultation.id, &by, now)?;
        told(&site, &consultation, "ended", &json!({ "by": by }));
        Ok(listed(&site.store.consultations().find(&id)?, now))
    })
    .await?;
    let mut response = answer(StatusCode::OK, &body);
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    response.extensions_mut().insert(Details(vec![("consultation", id)]));
    Ok(response)
}
