//! What requests about annotation have in common: bodies, versions, answers.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{SecondsFormat, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::Refusal;
use crate::http::guard::{Details, Touched};

/// Largest body of a project, and of an answer with outlines, in bytes.
pub(super) const SMALL: usize = 4 << 20;
pub(super) const LARGE: usize = 32 << 20;

/// Where a program sends an answer of its own form.
pub(super) async fn body<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<T, Refusal> {
    let bytes = bytes(headers, body, most, &["application/json"]).await?;
    // What was sent may be of a patient: the place is said, and which key, and no value.
    serde_json::from_slice(&bytes.1).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let why = match error.classify() {
            serde_json::error::Category::Data => "of another form than /api/openapi.json says",
            _ => "no JSON",
        };
        Refusal::bad(format!("the body is {why} at line {line}, column {column}"))
    })
}

/// The body and its media type.
pub(super) async fn bytes(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    kinds: &[&str],
) -> Result<(String, Vec<u8>), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !kinds.contains(&kind.as_str()) {
        let detail = format!("the body is taken as {}", kinds.join(" or "));
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let large = |_| {
        let detail = format!("the body is cut, or has more than {} MiB", most >> 20);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let bytes = axum::body::to_bytes(body, most).await.map_err(large)?;
    Ok((kind, bytes.to_vec()))
}

/// The version that a change says it saw, as `"3"` in If-Match; `"0"` is none.
pub(super) fn seen(headers: &HeaderMap) -> Result<u32, Refusal> {
    let missing = || {
        let detail =
            "a change says in If-Match which version it saw: the ETag of the item, \"0\" where there is none";
        Refusal::new(StatusCode::PRECONDITION_REQUIRED, detail)
    };
    let text = headers.get(header::IF_MATCH).ok_or_else(missing)?.to_str().unwrap_or_default();
    let inner = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Refusal::bad("If-Match is no version, expected a form like \"2\""))
}

pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// An answer that says at which version something is.
pub(super) fn tagged(version: u32, body: &Value) -> Response {
    let mut response = json(StatusCode::OK, body);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// What the audit log hears beside who and when.
pub(super) fn noted(
    mut response: Response,
    study: Option<&str>,
    details: Vec<(&'static str, String)>,
) -> Response {
    if let Some(study) = study {
        response.extensions_mut().insert(Touched(vec![study.to_owned()]));
    }
    response.extensions_mut().insert(Details(details));
    response
}

/// Now, as the archive keeps it.
pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The number of an item or image in an address.
pub(super) fn number(text: &str) -> Result<u32, Refusal> {
    let number =
        text.parse().ok().filter(|number| *number > 0 && text.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| Refusal::bad("items, images and frames are named by their numbers, from 1"))
}
