//! An item's images: what of their headers a viewer needs, and their pixels, by numbers instead of identifiers.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use wilhelm_store::{ItemImage, ItemRow, Place, StoreError};
use wilhelm_study::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use super::standing::Standing;
use super::wire::{json as answer, noted, number};
use crate::annotate::shown;
use crate::http::guard::Who;
use crate::http::{Refusal, Site, blocking, wado};

fn gone() -> Refusal {
    StoreError::NotFound { what: "image of the item" }.into()
}

/// Where an image of an item is.
fn place(site: &Site, item: &ItemRow, image: &ItemImage) -> Result<Place, Refusal> {
    let located = site.store.find(&image.sop_uid)?;
    if located.study_uid != item.study_uid {
        return Err(gone());
    }
    Ok(Place {
        study_uid: StudyInstanceUid::new(&located.study_uid).map_err(|_| gone())?,
        series_uid: Some(SeriesInstanceUid::new(&located.series_uid).map_err(|_| gone())?),
        sop_uid: Some(SopInstanceUid::new(&located.sop_uid).map_err(|_| gone())?),
    })
}

/// `GET /api/annotations/{id}/items/{item}/images`: headers in the DICOM JSON Model, under identifiers of the project's own.
pub(super) async fn headers(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path((id, item)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let item = number(&item)?;
    let (body, study) = blocking(move || {
        let item = Standing::of(&site, &who, &id)?.item(&site, &who, item)?;
        let mut headers = Vec::new();
        for (image, found) in (1..).zip(site.store.annotations().images(&id, item.number)?) {
            let place = place(&site, &item, &found)?;
            site.store.metadata(&place, |_, json| {
                let header: Value = wilhelm_store::read_metadata(json).unwrap_or_default();
                headers.push(shown(&id, item.number, image, &header));
                false
            })?;
        }
        Ok((Value::Array(headers), item.study_uid))
    })
    .await?;
    Ok(noted(answer(StatusCode::OK, &body), Some(&study), Vec::new()))
}

/// `GET /api/annotations/{id}/items/{item}/images/{image}/frames/{frame}`: as WADO-RS gives frames.
pub(super) async fn frame(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path((id, item, image, frame)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let (item, image) = (number(&item)?, number(&image)?);
    number(&frame)?;
    let (place, study) = {
        let site = Arc::clone(&site);
        blocking(move || {
            let item = Standing::of(&site, &who, &id)?.item(&site, &who, item)?;
            let images = site.store.annotations().images(&id, item.number)?;
            let image = images.get(image as usize - 1).ok_or_else(gone)?;
            Ok((place(&site, &item, image)?, item.study_uid))
        })
        .await?
    };
    let response = wado::raw_frames(site, place, frame, &headers, query.as_deref()).await?;
    Ok(noted(response, Some(&study), Vec::new()))
}
