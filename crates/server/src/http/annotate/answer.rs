//! An item begun, answered or skipped by one of its annotators.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use wilhelm_annotate::{Answer, Question, outlines_of_segmentation};
use wilhelm_formats::Limits;
use wilhelm_privacy::account::Permission;
use wilhelm_store::{ItemRow, StoreError};

use super::standing::{Standing, may};
use super::wire::{LARGE, SMALL, body, noted, now, number, seen, tagged};
use crate::annotate::{Asked, Kept, asked, canvas, files, sizes};
use crate::desk::whole;
use crate::http::guard::{Who, denied};
use crate::http::{Refusal, Site, blocking};

/// Shortest and longest reason in characters.
const REASON: std::ops::RangeInclusive<usize> = 2..=300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    #[serde(default)]
    answer: Option<Answer>,
    #[serde(default)]
    skipped: Option<String>,
    /// SOP Instance UID of a segmentation in the item's study.
    #[serde(default)]
    segmentation: Option<String>,
}

/// What was given, checked against the question and the images.
pub(super) fn checked(
    site: &Site,
    project: &str,
    item: &ItemRow,
    asked: &Asked,
    given: (Option<Answer>, Option<String>, Option<String>),
) -> Result<Kept, Refusal> {
    let none = Kept { answer: None, skipped: None, taken_from: None };
    match given {
        (None, Some(reason), None) => {
            let reason = reason.trim().to_owned();
            if !REASON.contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
                let detail = "the reason has 2 to 300 characters, without line breaks";
                return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
            }
            Ok(Kept { skipped: Some(reason), ..none })
        }
        (answer, None, None) => {
            let images = site.store.annotations().images(project, item.number)?;
            let answer = answer.ok_or_else(expected)?.checked(&asked.question, &sizes(&images))?;
            Ok(Kept { answer: Some(answer), ..none })
        }
        (None, None, Some(uid)) => {
            let answer = of_segmentation(site, project, item, &asked.question, &uid)?;
            Ok(Kept { answer: Some(answer), ..none })
        }
        _ => Err(expected()),
    }
}

fn expected() -> Refusal {
    let detail = "expected one of answer, skipped and segmentation";
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

fn of_segmentation(
    site: &Site,
    project: &str,
    item: &ItemRow,
    question: &Question,
    uid: &str,
) -> Result<Answer, Refusal> {
    let located = site.store.find(uid)?;
    if located.study_uid != item.study_uid {
        return Err(StoreError::NotFound { what: "segmentation in the item's study" }.into());
    }
    let object = whole(&site.store, &located)?;
    let images = site.store.annotations().images(project, item.number)?;
    let headers = files(&site.store, item, &images, false)?;
    let canvas = canvas(&images, &headers)?;
    let headers: Vec<&[u8]> = headers.iter().map(Vec::as_slice).collect();
    let outlines = outlines_of_segmentation(&object, &headers, &canvas, question, &Limits::default())?;
    let answer = Answer { outlines: Some(outlines), ..Answer::default() };
    Ok(answer.checked(question, &sizes(&images))?)
}

/// The item, where it is for who asks.
fn own(site: &Site, who: &Who, standing: &Standing, item: u32) -> Result<ItemRow, Refusal> {
    let id = &standing.project.id;
    let item = site.store.annotations().item(id, item)?;
    if !item.tasks.iter().any(|task| task.account == standing.account) {
        return Err(super::standing::forbidden("the item is for other annotators of the project"));
    }
    may(site, who, Permission::AnnotationMake, id, Some(&item.study_uid)).map_err(denied)?;
    Ok(item)
}

/// `POST /api/annotations/{id}/items/{item}/start`
pub(super) async fn start(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let item = number(&item)?;
    let study = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        let item = own(&site, &who, &standing, item)?;
        site.store.annotations().start(&id, item.number, &standing.account, &now())?;
        Ok(item.study_uid)
    })
    .await?;
    let body = json!({ "item": item });
    Ok(noted(super::wire::json(StatusCode::OK, &body), Some(&study), vec![("item", item.to_string())]))
}

/// `POST /api/annotations/{id}/items/{item}/answer`
pub(super) async fn answer(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path((id, item)): Path<(String, String)>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Refusal> {
    let item = number(&item)?;
    let Given { answer, skipped, segmentation } = body(&headers, sent, LARGE.max(SMALL)).await?;
    let seen = seen(&headers)?;
    let (last, study) = blocking(move || {
        let standing = Standing::of(&site, &who, &id)?;
        let item = own(&site, &who, &standing, item)?;
        let asked = asked(&site.store, &id)?;
        let kept = checked(&site, &id, &item, &asked, (answer, skipped, segmentation))?;
        let document = serde_json::to_vec(&kept).expect("JSON is written as text");
        let annotations = site.store.annotations();
        let place = (id.as_str(), item.number, standing.account.as_str());
        annotations.answer(place, seen, document, kept.skipped.is_some(), &now())?;
        let last = annotations.history(&id, item.number, &standing.account)?.pop();
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
