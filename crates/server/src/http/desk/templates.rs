//! `/api/templates`: what a report of each type of study goes through, for entry in a structured form.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use wilhelm_report::template::templates;

use super::answer::json as answer;

/// `GET /api/templates`
pub(super) async fn list() -> Response {
    answer(StatusCode::OK, &json!({ "templates": templates() }))
}
