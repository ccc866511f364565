//! `/api/worklist`, `/api/reports` and what goes with them: the report desk as the page meets it.

pub(super) mod answer;
mod change;
mod check;
mod decide;
mod form;
mod macros;
mod report;
mod summary;
mod templates;
mod worklist;

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

use super::{Refusal, Site, blocking};

/// The routes, all of them behind the guard.
pub(super) fn routes(site: &Arc<Site>) -> Router<Arc<Site>> {
    let of_report = Router::new()
        .route("/api/reports/{id}", get(report::one))
        .route("/api/reports/{id}/versions/{number}", get(report::version))
        .route("/api/reports/{id}/compare", get(report::compare))
        .route("/api/reports/{id}/pictures/{number}", get(form::picture))
        .route("/api/reports/{id}/overlays/{number}", get(form::overlay))
        .route("/api/reports/{id}/forms/{form}", get(form::form))
        .route("/api/reports/{id}/check", post(check::check))
        .route("/api/reports/{id}/decisions", post(decide::decide))
        .route("/api/reports/{id}/edits", post(change::edit))
        .route("/api/reports/{id}/sign", post(change::sign))
        .route("/api/reports/{id}/addendum", post(change::addendum))
        .route_layer(middleware::from_fn_with_state(Arc::clone(site), in_archive));
    Router::new()
        .merge(of_report)
        .route("/api/worklist", get(worklist::list))
        .route("/api/studies/{study}/read", post(worklist::read))
        .route("/api/studies/{study}/reports", get(report::of_study))
        .route("/api/macros", get(macros::given).put(macros::taken))
        .route("/api/templates", get(templates::list))
        .route("/api/decisions/summary", get(summary::summary))
}

/// Passes on what is asked of a report whose study is in the archive: with a study that was deleted its reports are out of sight.
async fn in_archive(
    State(site): State<Arc<Site>>,
    parameters: RawPathParams,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let id = parameters.iter().find(|(name, _)| *name == "id").map(|(_, id)| id.to_owned());
    blocking(move || Ok(site.store.reports().served(&id.unwrap_or_default())?)).await?;
    Ok(next.run(request).await)
}
