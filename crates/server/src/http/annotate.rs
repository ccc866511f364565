//! `/api/annotations`: projects of annotation, as annotators, adjudicators and those who make them meet them.

mod answer;
mod decide;
mod export;
mod images;
mod item;
mod order;
mod project;
mod standing;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};

use super::Site;

/// The routes, all of them behind the guard.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/api/annotations", get(project::list).post(project::make))
        .route("/api/annotations/{id}", get(project::one))
        .route("/api/annotations/{id}/state", post(project::state))
        .route("/api/annotations/{id}/order", put(order::set))
        .route("/api/annotations/{id}/items", get(item::list).post(project::add))
        .route("/api/annotations/{id}/tasks", get(item::tasks))
        .route("/api/annotations/{id}/items/{item}", get(item::one))
        .route("/api/annotations/{id}/items/{item}/images", get(images::headers))
        .route("/api/annotations/{id}/items/{item}/images/{image}/frames/{frame}", get(images::frame))
        .route("/api/annotations/{id}/items/{item}/start", post(answer::start))
        .route("/api/annotations/{id}/items/{item}/answer", post(answer::answer))
        .route("/api/annotations/{id}/items/{item}/answers", get(decide::answers))
        .route("/api/annotations/{id}/items/{item}/final", post(decide::decide))
        .route("/api/annotations/{id}/agreement", get(decide::agreement))
        .route("/api/annotations/{id}/training-set", get(export::training_set))
        .route("/api/annotations/{id}/unlabeled-images", get(export::unlabeled))
}
