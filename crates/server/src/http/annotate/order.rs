//! `PUT /api/annotations/{id}/order`: as given, by chance, or by a ranking.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::standing::{Standing, forbidden};
use super::wire::{SMALL, bytes, json as answer, noted};
use crate::annotate::{Ranked, parse_ranking, set_order, set_ranking};
use crate::http::guard::Who;
use crate::http::{Refusal, Site, blocking};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    order: Option<String>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    ranking: Option<Vec<Ranked>>,
}

/// The handler. The body is JSON, or the table of `wilhelm fewshot rank` as text/csv.
pub(super) async fn set(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Refusal> {
    let (kind, bytes) = bytes(&headers, sent, 4 * SMALL, &["application/json", "text/csv"]).await?;
    let wanted = if kind == "text/csv" {
        let text = String::from_utf8(bytes).map_err(|_| Refusal::bad("the ranking is not UTF-8"))?;
        Wanted { order: None, seed: 0, ranking: Some(parse_ranking(&text)?) }
    } else {
        serde_json::from_slice(&bytes)
            .map_err(|_| Refusal::bad("the body is of another form than /api/openapi.json says"))?
    };
    let project = id.clone();
    let (ordering, ranked) = blocking(move || {
        if !Standing::of(&site, &who, &id)?.manages {
            return Err(forbidden("the order is set by those who make projects"));
        }
        match (wanted.order, wanted.ranking) {
            (None, Some(ranking)) => {
                Ok(("ranking".to_owned(), Some(set_ranking(&site.store, &id, &ranking)?)))
            }
            (Some(order), None) => {
                set_order(&site.store, &id, &order, wanted.seed)?;
                Ok((order, None))
            }
            _ => {
                let detail = "expected either order, given or random, or a ranking";
                Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
            }
        }
    })
    .await?;
    let details = vec![("project", project), ("change", format!("order {ordering}"))];
    Ok(noted(answer(StatusCode::OK, &json!({ "order": ordering, "ranked": ranked })), None, details))
}
