//! Items listed, and one with the answer of who asks.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use wilhelm_privacy::account::Permission;
use wilhelm_store::{ItemRow, StoredAnswer};

use super::standing::{Standing, holds, may};
use super::wire::{json as answer, noted, number, tagged};
use crate::annotate::{kept, sizes};
use crate::http::guard::Who;
use crate::http::{Refusal, Site, blocking};

/// `GET /api/annotations/{id}/items`: all items, for adjudicators and those who make projects.
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let body = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        if !standing.adjudicates && !standing.manages {
            return Err(super::standing::forbidden(
                "the list of all items is for adjudicators and for those who make projects: GET /api/annotations/{id}/tasks",
            ));
        }
        let items: Vec<Value> = site
            .store
            .annotations()
            .items(&id)?
            .iter()
            .filter(|item| item.is_there)
            .map(|item| {
                let tasks: Vec<Value> = item
                    .tasks
                    .iter()
                    .map(|task| json!({ "account": task.account, "state": task.state, "updated": task.updated }))
                    .collect();
                let mut shown = in_order(item);
                shown["tasks"] = tasks.into();
                shown["decided"] = (item.finals > 0).into();
                shown
            })
            .collect();
        Ok(json!({ "items": items }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}

fn in_order(item: &ItemRow) -> Value {
    json!({ "item": item.number, "score": item.score, "reason": item.reason })
}

/// `GET /api/annotations/{id}/tasks`: the items that are for who asks, in their order.
pub(super) async fn tasks(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let body = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        let mut tasks = Vec::new();
        for item in site.store.annotations().items(&id)?.iter().filter(|item| item.is_there) {
            if let Some(task) = item.tasks.iter().find(|task| task.account == standing.account) {
                let mut shown = in_order(item);
                shown["state"] = task.state.as_str().into();
                shown["version"] = task.version.into();
                tasks.push(shown);
            }
        }
        Ok(json!({ "tasks": tasks }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}

/// A version of an answer as it is shown.
pub(super) fn version(project: &str, stored: &StoredAnswer) -> Result<Value, Refusal> {
    let kept = kept(project, stored)?;
    Ok(json!({
        "version": stored.version,
        "by": stored.by,
        "at": stored.at,
        "sha256": stored.sha256,
        "answer": kept.answer,
        "skipped": kept.skipped,
        "taken_from": kept.taken_from,
    }))
}

/// `GET /api/annotations/{id}/items/{item}`
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let item = number(&item)?;
    let (own, body, study) = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        let item = standing.item(&site, &who, item)?;
        let images = site.store.annotations().images(&id, item.number)?;
        let mut shown = in_order(&item);
        shown["images"] = json!(sizes(&images));
        let task = item.tasks.iter().find(|task| task.account == standing.account);
        shown["state"] = json!(task.map(|task| &task.state));
        let mut own = 0;
        if task.is_some() {
            let history = site.store.annotations().history(&id, item.number, &standing.account)?;
            own = history.len() as u32;
            shown["answer"] = history.last().map(|last| version(&id, last)).transpose()?.into();
        }
        // Who may see the study may find it, unless the project hides it.
        let may_see = !standing.project.is_blinded
            && holds(&who, Permission::StudySee)
            && may(&site, &who, Permission::StudySee, &id, Some(&item.study_uid)).is_ok();
        if may_see {
            shown["study"] = json!({
                "study": item.study_uid, "series": item.series_uid, "instance": item.sop_uid,
            });
        }
        Ok((own, shown, item.study_uid))
    })
    .await?;
    let details = vec![("item", body["item"].to_string())];
    Ok(noted(tagged(own, &body), Some(&study), details))
}
