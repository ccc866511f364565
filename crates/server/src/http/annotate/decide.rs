//! What annotators said beside each other, how far they agree, and what an adjudicator decides.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use wilhelm_annotate::Answer;
use wilhelm_store::StoreError;

use super::answer::checked;
use super::item::version;
use super::standing::{Standing, forbidden};
use super::wire::{LARGE, body, json as answer, noted, now, number, seen, tagged};
use crate::annotate::{agreed, asked, kept};
use crate::http::guard::Who;
use crate::http::{Refusal, Site, blocking};

/// `GET /api/annotations/{id}/agreement`
pub(super) async fn agreement(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let body = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        standing.may_compare(&site.store.annotations().items(&id)?)?;
        let found = agreed(&site.store, &standing.project)?;
        let mut value = found.value;
        value["lines"] = json!(found.lines);
        Ok(value)
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}

/// `GET /api/annotations/{id}/items/{item}/answers`
pub(super) async fn answers(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let item = number(&item)?;
    let (decided, body, study) = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        let item = standing.item(&site, &who, item)?;
        standing.may_compare(std::slice::from_ref(&item))?;
        let annotations = site.store.annotations();
        let mut given: Vec<Value> = Vec::new();
        for task in &item.tasks {
            let history = annotations.history(&id, item.number, &task.account)?;
            given.push(json!({
                "account": task.account,
                "state": task.state,
                "answer": history.last().map(|last| version(&id, last)).transpose()?,
            }));
        }
        let finals = annotations.finals(&id, item.number)?;
        let body = json!({
            "item": item.number,
            "answers": given,
            "final": finals.last().map(|last| version(&id, last)).transpose()?,
        });
        Ok((finals.len() as u32, body, item.study_uid))
    })
    .await?;
    Ok(noted(tagged(decided, &body), Some(&study), vec![("item", item.to_string())]))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    #[serde(default)]
    answer: Option<Answer>,
    #[serde(default)]
    skipped: Option<String>,
    #[serde(default)]
    segmentation: Option<String>,
    /// The account whose answer is taken.
    #[serde(default)]
    taken_from: Option<String>,
}

/// `POST /api/annotations/{id}/items/{item}/final`
pub(super) async fn decide(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path((id, item)): Path<(String, String)>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Refusal> {
    let item = number(&item)?;
    let Decided { answer, skipped, segmentation, taken_from } = body(&headers, sent, LARGE).await?;
    let seen = seen(&headers)?;
    let (last, study) = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        if !standing.adjudicates {
            return Err(forbidden("final answers are decided by the project's adjudicators"));
        }
        let item = standing.item(&site, &who, item)?;
        standing.may_compare(std::slice::from_ref(&item))?;
        let annotations = site.store.annotations();
        let decided = match taken_from {
            Some(account) if answer.is_none() && skipped.is_none() && segmentation.is_none() => {
                let given = annotations.history(&id, item.number, &account)?;
                let given = given.last().map(|last| kept(&id, last)).transpose()?;
                let answer = given.and_then(|given| given.answer).ok_or_else(|| {
                    let detail = "the account whose answer is taken has given none to this item";
                    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
                })?;
                crate::annotate::Kept { answer: Some(answer), skipped: None, taken_from: Some(account) }
            }
            Some(_) => {
                let detail = "taken_from stands alone: its answer is the final one";
                return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
            }
            None => {
                let asked = asked(&site.store, &id)?;
                checked(&site, &id, &item, &asked, (answer, skipped, segmentation))?
            }
        };
        let document = serde_json::to_vec(&decided).expect("JSON is written as text");
        annotations.decide((&id, item.number), seen, document, (&standing.account, &now()))?;
        let last = annotations.finals(&id, item.number)?.pop();
        Ok((last.ok_or(StoreError::NotFound { what: "answer" })?, item.study_uid))
    })
    .await?;
    let body = json!({ "item": item, "version": last.version, "sha256": last.sha256, "at": last.at });
    let details = vec![
        ("project_item", item.to_string()),
        ("version", last.version.to_string()),
        ("sha256", last.sha256.clone()),
    ];
    Ok(noted(tagged(last.version, &body), Some(&study), details))
}
