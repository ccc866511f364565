//! `/api/reports/{id}/open`: who has a report open. It holds nobody up.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::consult::Reader;
use crate::events::Event;
use crate::http::desk::answer::{account, body, json as answer};
use crate::http::guard::Who;
use crate::http::{Refusal, Site, blocking};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    window: String,
}

/// `PUT /api/reports/{id}/open` with `{"window"}`: every 15 seconds, as long as it is open.
pub(super) async fn open(
    state: State<Arc<Site>>,
    who: Extension<Who>,
    path: Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Result<Response, Refusal> {
    say(state, who, path, headers, given, true).await
}

/// `DELETE /api/reports/{id}/open` with `{"window"}`
pub(super) async fn close(
    state: State<Arc<Site>>,
    who: Extension<Who>,
    path: Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Result<Response, Refusal> {
    say(state, who, path, headers, given, false).await
}

async fn say(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    given: Body,
    is_open: bool,
) -> Result<Response, Refusal> {
    let Window { window } = body(&headers, given, r#"{"window"}"#).await?;
    if !(1..=40).contains(&window.len())
        || !window.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        let detail = "a window is named by 1 to 40 letters, digits and hyphens";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let own = Reader { account: account(&who), window };
    let body = blocking(move || {
        let row = site.store.reports().served(&id)?;
        let present = site.live.readers.say(&row.id, &own, is_open, Instant::now());
        if present.is_changed {
            site.events.publish(Event::Readers {
                report: row.id.clone(),
                study: row.study_uid,
                who: present.accounts(),
            });
        }
        let others = present.readers.iter().filter(|(reader, _)| *reader != own);
        let other = |(reader, since): &(Reader, std::time::Duration)| {
            json!({ "name": reader.account, "you": reader.account == own.account, "seconds": since.as_secs() })
        };
        Ok(json!({ "also": others.map(other).collect::<Vec<Value>>() }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}
