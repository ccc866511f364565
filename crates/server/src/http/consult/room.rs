//! What the people of a consultation see of each other while they look: views, cursors, who came and left.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Instant as TokioInstant, timeout, timeout_at};
use wilhelm_store::StoreError;

use super::{found, person};
use crate::consult::{Person, Shut, Told, VIEWS_A_SECOND};
use crate::http::desk::answer::body;
use crate::http::guard::{self, Who};
use crate::http::live::{AHEAD, BEAT, Counted, PATIENCE, Pieces};
use crate::http::permission::is_uid;
use crate::http::{Refusal, Site, blocking};

/// What somebody looks at. Nothing of it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct View {
    /// Series Instance UID.
    series: String,
    /// SOP Instance UID.
    instance: String,
    /// Frame number from 1.
    frame: u32,
    /// Center and width.
    #[serde(default)]
    window: Option<[f64; 2]>,
    /// How much larger than fitted.
    #[serde(default)]
    zoom: Option<f64>,
    /// How far moved, in shares of the pane.
    #[serde(default)]
    pan: Option<[f64; 2]>,
    /// Column and row that are pointed at; none where the pointer is elsewhere.
    #[serde(default)]
    cursor: Option<[f64; 2]>,
}

impl View {
    fn check(&self) -> Result<(), Refusal> {
        let wrong = |detail: &str| Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        if !is_uid(&self.series) || !is_uid(&self.instance) || self.frame == 0 {
            return wrong("a view names a series and an instance by UIDs, and a frame from 1");
        }
        let pairs = [self.window, self.pan, self.cursor].into_iter().flatten().flatten();
        if pairs.chain(self.zoom).any(|number| !number.is_finite() || number.abs() > 1e7) {
            return wrong("a view has a number that is none, or is too large");
        }
        Ok(())
    }
}

fn shut(why: Shut) -> Refusal {
    match why {
        Shut::Full => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "as many are in this consultation as may be")
        }
        Shut::TooOften => {
            let detail = format!("views are told {VIEWS_A_SECOND} times a second of each, and no more");
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, detail)
        }
        Shut::NotThere => {
            let detail = "nobody hears of it: listen to this consultation's events first";
            Refusal::new(StatusCode::CONFLICT, detail)
        }
    }
}

/// A consultation whose room may be entered: one that is open.
fn room(site: &Site, who: &Who, id: &str) -> Result<String, Refusal> {
    let consultation = found(site, who, id)?;
    if !consultation.is_open(Utc::now().into()) {
        return Err(StoreError::Consultation { message: "is over" }.into());
    }
    Ok(consultation.id)
}

/// `POST /api/consultations/{id}/presence`
pub(super) async fn presence(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Result<Response, Refusal> {
    let form = r#"{"series", "instance", "frame", "window": [center, width], "zoom", "pan": [x, y], "cursor": [column, row]}"#;
    let view: View = body(&headers, given, form).await?;
    view.check()?;
    blocking(move || {
        let id = room(&site, &who, &id)?;
        site.live.view(&id, &person(&who), &serde_json::json!(view), Instant::now()).map_err(shut)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /api/consultations/{id}/events`
pub(super) async fn events(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let counted = Counted::new(&who)?;
    let person = person(&who);
    let entering = (Arc::clone(&site), who.clone(), person.clone());
    let (id, heard, there) = blocking(move || {
        let (site, who, person) = entering;
        let id = room(&site, &who, &id)?;
        let (heard, there) = site.live.enter(&id, &person, Instant::now()).map_err(shut)?;
        Ok((id, heard, there))
    })
    .await?;
    let (sender, pieces) = channel(AHEAD);
    let is_guest = who.guest.is_some();
    let teller = Teller { seat: Seat { site, id, person }, headers, sender, is_guest, _counted: counted };
    tokio::spawn(teller.run(heard, there.to_string()));
    let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((head, Body::new(Pieces(pieces))).into_response())
}

/// A place in a room, left when it is dropped.
struct Seat {
    site: Arc<Site>,
    id: String,
    person: Person,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.site.live.leave(&self.id, &self.person);
    }
}

/// What tells one window.
struct Teller {
    seat: Seat,
    headers: HeaderMap,
    sender: Sender<Bytes>,
    is_guest: bool,
    _counted: Counted,
}

impl Teller {
    async fn run(self, mut heard: Receiver<Told>, there: String) {
        let mut goes_on = self.send(format!("retry: 3000\n\nevent: here\ndata: {there}\n\n")).await;
        let mut beat = TokioInstant::now() + BEAT;
        while goes_on {
            goes_on = match timeout_at(beat, heard.recv()).await {
                Ok(Ok(told)) => self.tell(&told).await,
                Ok(Err(RecvError::Lagged(_))) => {
                    self.send(": too slow: connect again\n\n".to_owned()).await;
                    false
                }
                Ok(Err(RecvError::Closed)) => false,
                Err(_) => {
                    beat = TokioInstant::now() + BEAT;
                    self.beat().await
                }
            };
        }
    }

    async fn tell(&self, told: &Told) -> bool {
        if told.about == self.seat.person.key && told.name == "view" {
            return true;
        }
        let sent = self.send(format!("event: {}\ndata: {}\n\n", told.name, told.data)).await;
        sent && !(told.is_last && self.is_guest)
    }

    async fn send(&self, text: String) -> bool {
        matches!(timeout(PATIENCE, self.sender.send(Bytes::from(text))).await, Ok(Ok(())))
    }

    /// A comment, if whoever listens may still do so.
    async fn beat(&self) -> bool {
        let (site, headers, id) = (Arc::clone(&self.seat.site), self.headers.clone(), self.seat.id.clone());
        let may = blocking(move || {
            let who = guard::asking(&site, &headers).map_err(|error| guard::of_account(&error))?;
            room(&site, &who, &id)
        });
        match may.await {
            Ok(_) => self.send(": here\n\n".to_owned()).await,
            Err(_) => {
                self.send("event: ended\ndata: {}\n\n".to_owned()).await;
                false
            }
        }
    }
}
