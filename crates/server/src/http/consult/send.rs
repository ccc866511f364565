//! `POST /api/studies/{uid}/send`: a study to a station or an archive that the configuration lists, as a job.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use wilhelm_store::queue::NewJob;

use crate::events::{Event, job_json};
use crate::http::desk::answer::{account, body, json as answer};
use crate::http::guard::{Details, Who};
use crate::http::{Refusal, Site, blocking};
use crate::work::{SendStudy, SendWeb};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    to: String,
    #[serde(default)]
    deidentify: bool,
}

/// Where studies may be sent to, as it is written in the configuration.
fn destinations(site: &Site) -> Vec<(String, &'static str)> {
    let stations = site.peers.iter().map(|peer| (peer.to_string(), SendStudy::KIND));
    let archives = site.remotes.addresses().map(|url| (url.to_owned(), SendWeb::KIND));
    stations.chain(archives).collect()
}

/// `GET /api/destinations`
pub(super) async fn list(State(site): State<Arc<Site>>) -> Response {
    let to: Vec<String> = destinations(&site).into_iter().map(|(to, _)| to).collect();
    answer(StatusCode::OK, &json!({ "destinations": to }))
}

/// `POST /api/studies/{uid}/send` with `{"to", "deidentify"}`
pub(super) async fn send(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(study): Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Result<Response, Refusal> {
    let Wanted { to, deidentify } = body(&headers, given, r#"{"to", "deidentify": true or false}"#).await?;
    let by = account(&who);
    let job = blocking(move || {
        let known = destinations(&site);
        let found = known.iter().find(|(one, _)| *one == to).map(|(_, kind)| *kind);
        let kind = found.ok_or_else(|| {
            let list: Vec<&str> = known.iter().map(|(one, _)| one.as_str()).collect();
            let list = if list.is_empty() { "none is".to_owned() } else { list.join(", ") };
            let detail = format!(
                "nothing is sent there: server.peers and server.web_peers list who is sent to ({list})"
            );
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        })?;
        site.store.study_count(&study)?;
        let details = if deidentify { json!({ "to": to, "deidentify": true }) } else { json!({ "to": to }) };
        let job = NewJob::of_study(kind, &study, details, &by);
        let made = site.store.queue().enqueue(job, std::time::SystemTime::now())?;
        let job = site.store.queue().job(made.id())?;
        site.events.publish(Event::Job(Box::new(job.clone())));
        Ok(job)
    })
    .await?;
    let mut response = answer(StatusCode::ACCEPTED, &job_json(&job));
    let details = vec![("job", job.id.to_string()), ("kind", job.kind)];
    response.extensions_mut().insert(Details(details));
    Ok(response)
}
