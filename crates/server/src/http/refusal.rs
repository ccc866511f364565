//! Why a request was not answered as asked: the one table of statuses.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use wilhelm_annotate::AnnotateError;
use wilhelm_store::StoreError;

use crate::annotate::ProjectError;
use crate::transcode::TranscodeError;

/// A status and a sentence, as `application/problem+json` (RFC 9457), with the sentence as `error` too.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub detail: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, detail)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::NotFound { .. } => StatusCode::NOT_FOUND,
            StoreError::Query { .. } => StatusCode::BAD_REQUEST,
            StoreError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            StoreError::Conflict
            | StoreError::Mismatch { .. }
            | StoreError::Superseded
            | StoreError::WorkitemThere
            | StoreError::ProjectClosed
            | StoreError::JobState { .. } => StatusCode::CONFLICT,
            StoreError::Outdated { .. } | StoreError::AnswerOutdated { .. } => {
                StatusCode::PRECONDITION_FAILED
            }
            StoreError::DiskFull { .. } | StoreError::OverQuota { .. } => StatusCode::INSUFFICIENT_STORAGE,
            StoreError::Closed => StatusCode::SERVICE_UNAVAILABLE,
            error if error.is_callers_fault() => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            // What the system says may name files: it is for the log alone.
            tracing::error!(%error, "a request failed");
            return Self::new(status, "the archive failed; its log says why");
        }
        Self::new(status, error.to_string())
    }
}

impl From<ProjectError> for Refusal {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Store(error) => error.into(),
            error if error.is_callers_fault() => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            error => {
                tracing::error!(%error, "a request about annotations failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive failed; its log says why")
            }
        }
    }
}

impl From<AnnotateError> for Refusal {
    fn from(error: AnnotateError) -> Self {
        ProjectError::from(error).into()
    }
}

impl From<TranscodeError> for Refusal {
    fn from(error: TranscodeError) -> Self {
        match error {
            TranscodeError::Store(error) => error.into(),
            TranscodeError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            other => Self::not_acceptable(other.to_string()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "error": self.detail,
        });
        let head = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status, head, body.to_string()).into_response()
    }
}
