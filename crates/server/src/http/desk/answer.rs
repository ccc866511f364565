//! What the desk's requests have in common: bodies, what a change says it saw, answers and refusals.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wilhelm_privacy::account::{Permission, Principal, Via};
use wilhelm_report::{LifecycleError, Moment};
use wilhelm_store::{Seen, StoreError};

use super::super::guard::{self, Who};
use super::super::permission::Wanted;
use super::super::{Refusal, Site};
use wilhelm_privacy::audit::Action;

/// Largest body, in bytes.
const LARGEST: usize = 256 << 10;

/// Why a request of the desk was not answered as asked.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    /// Somebody else changed the report first.
    Outdated {
        detail: String,
        seen: Seen,
        by: String,
        at: String,
    },
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Outdated { version, decisions, by, at } => {
                Self::Outdated { detail, seen: Seen { version, decisions }, by, at }
            }
            other => Self::Refused(other.into()),
        }
    }
}

impl From<LifecycleError> for Stop {
    fn from(error: LifecycleError) -> Self {
        let status = match error {
            LifecycleError::Order { .. } | LifecycleError::NotFinal(_) | LifecycleError::Earlier { .. } => {
                StatusCode::CONFLICT
            }
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Refusal::new(status, error.to_string()).into()
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::Outdated { detail, seen, by, at } => {
                let body = json!({
                    "title": "Precondition Failed", "status": 412, "detail": detail, "error": detail,
                    "version": seen.version, "decisions": seen.decisions, "by": by, "at": at,
                });
                let head = [(header::CONTENT_TYPE, "application/problem+json")];
                (StatusCode::PRECONDITION_FAILED, head, body.to_string()).into_response()
            }
        }
    }
}

pub(super) type Answered = Result<Response, Stop>;

pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// An answer that says how far the report is.
pub(super) fn tagged(seen: Seen, body: &Value) -> Response {
    let mut response = json(StatusCode::OK, body);
    let tag = format!("\"{}.{}\"", seen.version, seen.decisions);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The body of a request, of the form that `T` has and no other.
pub(crate) async fn body<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    form: &str,
) -> Result<T, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        let detail = "the body is taken as application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let large = |_| Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is cut, or has more than 256 KiB");
    let bytes = axum::body::to_bytes(body, LARGEST).await.map_err(large)?;
    // What was sent may be of a patient: only its place is said.
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Refusal::bad(format!("the body is not of the form {form} at line {line}, column {column}"))
    })
}

/// What a change says it saw, as `"version.decisions"` in If-Match.
pub(super) fn seen(headers: &HeaderMap) -> Result<Seen, Refusal> {
    let missing = || {
        let detail = "a change of a report says in If-Match which it saw: the ETag of GET /api/reports/{id}";
        Refusal::new(StatusCode::PRECONDITION_REQUIRED, detail)
    };
    let text = headers.get(header::IF_MATCH).ok_or_else(missing)?.to_str().unwrap_or_default();
    let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let inner = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let pair = inner.and_then(|text| text.split_once('.'));
    let seen = pair.and_then(|(version, decisions)| {
        Some(Seen { version: number(version).filter(|one| *one > 0)?, decisions: number(decisions)? })
    });
    seen.ok_or_else(|| Refusal::bad("If-Match is no ETag of a report, expected a form like \"2.1\""))
}

/// The account that asks; where there is no sign-in it is anyone.
pub(crate) fn account(who: &Who) -> String {
    who.principal.as_ref().map_or_else(|| "anyone".to_owned(), |principal| principal.user.to_string())
}

/// Whether something more may be done in a study than the table of permissions asked for.
pub(super) fn allowed(site: &Site, who: &Who, permission: Permission, study: &str) -> Result<(), Refusal> {
    let Some(principal) = &who.principal else { return Ok(()) };
    let wanted = Wanted {
        permission,
        action: Action::ReportSeen,
        study: Some(study.to_owned()),
        patient: None,
        report: None,
        consultation: None,
        is_own: false,
    };
    guard::allowed(site, principal, &wanted).map_err(guard::denied)
}

/// Refuses a token: what is signed is signed by a person.
pub(super) fn person(who: &Who) -> Result<(), Refusal> {
    match &who.principal {
        Some(Principal { via: Via::Token(_), .. }) => {
            let detail = "a report is signed by a person: sign in, a token does not do";
            Err(Refusal::new(StatusCode::FORBIDDEN, detail))
        }
        _ => Ok(()),
    }
}

/// A time as reports and the archive keep it.
pub(crate) fn moment(now: DateTime<Utc>) -> Moment {
    Moment::parse(&now.to_rfc3339_opts(SecondsFormat::Secs, true)).expect("RFC 3339 with an offset")
}
