//! `/api/jobs`: what is done, was done and waits to be done; and the routes of what belongs to it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Router};
use serde_json::{Map, Value, json};
use wilhelm_privacy::account::Permission;
use wilhelm_store::queue::{Job, JobState};

use super::guard::{Details, Touched, Who, may};
use super::parameters::parameters;
use super::{Refusal, Site, bin, blocking, live, rules};
use crate::events::{Event, job_json};
use crate::work::{EmptyBin, Notify, SendStudy, SendWeb};

/// Jobs of one answer where the request does not say, and most of one.
const USUAL: u64 = 100;
const MOST: u64 = 1000;

/// Jobs, events, rules and the bin.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/api/jobs", get(list))
        .route("/api/jobs/{id}", get(one))
        .route("/api/jobs/{id}/cancel", post(cancel))
        .route("/api/jobs/{id}/retry", post(retry))
        .route("/api/events", get(live::events))
        .route("/api/rules", get(rules::list))
        .route("/api/rules/dry-run", post(rules::dry_run))
        .route("/api/studies/{uid}", delete(bin::delete))
        .route("/api/bin", get(bin::list))
        .route("/api/bin/{uid}/restore", post(bin::restore))
}

pub(super) fn answer(body: &Value) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// `GET /api/jobs`: those of studies that the account may see. Counts are of all jobs for whoever may see all studies, else of
/// those that are shown.
async fn list(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let (mut state, mut limit) = (None, USUAL);
    for (key, value) in parameters(query.as_deref()) {
        match key.as_str() {
            "state" if value.is_empty() => {}
            "state" => {
                let known = JobState::ALL.map(JobState::name).join(", ");
                let found = JobState::parse(&value);
                state = Some(
                    found.ok_or_else(|| Refusal::bad(format!("the parameter state is none of {known}")))?,
                );
            }
            "limit" => {
                let number = value.parse::<u64>().ok().filter(|number| (1..=MOST).contains(number));
                let detail = format!("the parameter limit is no whole number from 1 to {MOST}");
                limit = number.ok_or_else(|| Refusal::bad(detail))?;
            }
            _ => return Err(Refusal::bad("a parameter is none of state and limit")),
        }
    }
    let body = blocking(move || {
        let sees_all = may(&site, &who, Permission::StudySee, None).is_ok();
        let asked = if sees_all { limit } else { MOST };
        let mut jobs = site.store.queue().list(state, None, asked)?;
        let mut counts = Map::new();
        if sees_all {
            for (state, count) in site.store.queue().counts()? {
                counts.insert(state.name().to_owned(), count.into());
            }
        } else {
            jobs.retain(|job| job.study.is_some() && sees(&site, &who, job));
            for state in JobState::ALL {
                let count = jobs.iter().filter(|job| job.state == state).count();
                counts.insert(state.name().to_owned(), count.into());
            }
            jobs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        let jobs: Vec<Value> = jobs.iter().map(job_json).collect();
        Ok(json!({ "jobs": jobs, "counts": counts }))
    })
    .await?;
    Ok(answer(&body))
}

fn sees(site: &Site, who: &Who, job: &Job) -> bool {
    may(site, who, Permission::StudySee, job.study.as_deref()).is_ok()
}

/// A job that the account may see; another's is not there for it.
fn found(site: &Site, who: &Who, id: &str) -> Result<Job, Refusal> {
    let missing = || {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "there is no such job, or it is of a study that the account may not see",
        )
    };
    let id: i64 = id.parse().map_err(|_| Refusal::bad("a job is named by its number"))?;
    let job = site.store.queue().job(id).map_err(|error| match error {
        wilhelm_store::StoreError::NotFound { .. } => missing(),
        other => other.into(),
    })?;
    if sees(site, who, &job) { Ok(job) } else { Err(missing()) }
}

async fn one(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let body = blocking(move || Ok(job_json(&found(&site, &who, &id)?))).await?;
    Ok(answer(&body))
}

/// What one has to be allowed to cancel or retry a job of a kind.
fn wanted(kind: &str) -> Permission {
    match kind {
        SendStudy::KIND | SendWeb::KIND | Notify::KIND => Permission::StudySend,
        EmptyBin::KIND => Permission::StudyDelete,
        _ => Permission::ModelRun,
    }
}

async fn change(
    site: Arc<Site>,
    who: Who,
    id: String,
    change: impl FnOnce(&Site, i64) -> Result<Job, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let job = blocking(move || {
        let job = found(&site, &who, &id)?;
        may(&site, &who, wanted(&job.kind), job.study.as_deref())?;
        let job = change(&site, job.id)?;
        site.events.publish(Event::Job(Box::new(job.clone())));
        Ok(job)
    })
    .await?;
    let mut response = answer(&job_json(&job));
    let details = vec![("job", job.id.to_string()), ("kind", job.kind)];
    response.extensions_mut().insert(Details(details));
    if let Some(study) = job.study {
        response.extensions_mut().insert(Touched(vec![study]));
    }
    Ok(response)
}

async fn cancel(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    change(site, who, id, |site, id| Ok(site.store.queue().cancel(id, SystemTime::now())?)).await
}

async fn retry(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    change(site, who, id, |site, id| Ok(site.store.queue().retry(id)?)).await
}
