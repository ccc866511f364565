//! `GET /api/events`: what happens, while it happens, as server-sent events.
//!
//! Source: WHATWG HTML, Section 9.2 (Server-sent events).

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout, timeout_at};
use wilhelm_privacy::account::Permission;

use super::guard::{self, Who, may};
use super::{Refusal, Site, blocking};
use crate::events::{Event, Heard, Listener};

/// Seconds between two comments, which show both sides that the other is there.
const BEAT: Duration = Duration::from_secs(15);
/// Longest wait for a client that takes nothing.
const PATIENCE: Duration = Duration::from_secs(20);
/// Events between the archive and a client's connection.
const AHEAD: usize = 16;
/// Most clients at once.
const MOST: usize = 256;
/// Studies of which it is remembered whether the account may see them.
const REMEMBERED: usize = 1000;

static LISTENING: AtomicUsize = AtomicUsize::new(0);

/// Counts a client for as long as it is served.
struct Counted;

impl Counted {
    fn new() -> Option<Self> {
        let before = LISTENING.fetch_add(1, Ordering::SeqCst);
        let counted = Self;
        (before < MOST).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LISTENING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The handler.
pub(crate) async fn events(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let full = || {
        let detail = format!("{MOST} clients listen to events already: try again later");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    };
    let counted = Counted::new().ok_or_else(full)?;
    let (sender, pieces) = channel(AHEAD);
    let listener = site.events.listen();
    let teller = Teller { site, who, headers, sender, seen: HashMap::new(), _counted: counted };
    tokio::spawn(teller.run(listener));
    let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((head, Body::new(Pieces(pieces))).into_response())
}

/// Why a client is told nothing more.
enum Over {
    /// It is gone, or takes nothing.
    Gone,
    /// With a last word to it.
    Because(&'static str),
}

/// What tells one client.
struct Teller {
    site: Arc<Site>,
    who: Who,
    headers: HeaderMap,
    sender: Sender<Bytes>,
    /// Whether the account may see a study.
    seen: HashMap<String, bool>,
    _counted: Counted,
}

impl Teller {
    async fn run(mut self, mut listener: Listener) {
        let over = match self.send("retry: 3000\n\n".to_owned()).await {
            Ok(()) => self.tell(&mut listener).await,
            Err(over) => over,
        };
        if let Over::Because(why) = over {
            let _ = self.send(format!(": {why}\n\n")).await;
        }
    }

    async fn tell(&mut self, listener: &mut Listener) -> Over {
        let mut beat = Instant::now() + BEAT;
        loop {
            let done = match timeout_at(beat, listener.next()).await {
                Ok(Heard::Event(event)) => self.event(&event).await,
                Ok(Heard::Lost(_)) => {
                    Err(Over::Because("too slow: events were lost, connect again and ask anew"))
                }
                Ok(Heard::End) => Err(Over::Because("the archive is stopping")),
                Err(_) => {
                    beat = Instant::now() + BEAT;
                    self.beat().await
                }
            };
            if let Err(over) = done {
                return over;
            }
        }
    }

    async fn send(&self, text: String) -> Result<(), Over> {
        match timeout(PATIENCE, self.sender.send(Bytes::from(text))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over::Gone),
        }
    }

    /// A comment, if whoever listens may still do so.
    async fn beat(&mut self) -> Result<(), Over> {
        self.send(": here\n\n".to_owned()).await?;
        if self.who.principal.is_some() {
            let (site, headers) = (Arc::clone(&self.site), self.headers.clone());
            let known =
                blocking(move || guard::who(&site, &headers).map_err(|error| guard::of_account(&error)));
            match known.await {
                Ok(principal) => {
                    self.who = Who { principal };
                    // What the account may see may have changed.
                    self.seen.clear();
                }
                Err(_) => return Err(Over::Because("the session is over: sign in again")),
            }
        }
        Ok(())
    }

    async fn event(&mut self, event: &Event) -> Result<(), Over> {
        if self.may_hear(event.study()).await {
            self.send(format!("event: {}\ndata: {}\n\n", event.name(), event.json())).await?;
        }
        Ok(())
    }

    async fn may_hear(&mut self, study: Option<&str>) -> bool {
        if self.who.principal.is_none() {
            return true;
        }
        let name = study.unwrap_or_default();
        if let Some(may) = self.seen.get(name) {
            return *may;
        }
        let (site, who, of) = (Arc::clone(&self.site), self.who.clone(), study.map(str::to_owned));
        let asked = blocking(move || may(&site, &who, Permission::StudySee, of.as_deref()));
        let may = asked.await.is_ok();
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(name.to_owned(), may);
        may
    }
}

/// Pieces as they come, then the end.
struct Pieces(Receiver<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
