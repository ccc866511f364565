//! `/api/worklist`, `/api/reports` and what goes with them: the report desk as the page meets it.

mod answer;
mod change;
mod check;
mod decide;
mod form;
mod macros;
mod report;
mod summary;
mod worklist;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::Site;

/// The routes, all of them behind the guard.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/api/worklist", get(worklist::list))
        .route("/api/studies/{study}/read", post(worklist::read))
        .route("/api/studies/{study}/reports", get(report::of_study))
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
        .route("/api/macros", get(macros::given).put(macros::taken))
        .route("/api/decisions/summary", get(summary::summary))
}
