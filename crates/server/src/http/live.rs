//! `GET /api/events`: what happens, while it happens, as server-sent events.
//!
//! Source: WHATWG HTML, Section 9.2 (Server-sent events).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
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
pub(super) const BEAT: Duration = Duration::from_secs(15);
/// Longest wait for a client that takes nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Events between the archive and a client's connection.
pub(super) const AHEAD: usize = 16;
/// Most clients at once.
const MOST: usize = 256;
/// Most of one account.
const MOST_OF_ONE: usize = 16;
/// Studies of which it is remembered whether the account may see them.
const REMEMBERED: usize = 1000;

/// How many clients of each account listen; "" is whoever asks without one.
static LISTENING: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// Counts a client for as long as it is served.
pub(super) struct Counted(String);

impl Counted {
    pub(super) fn new(who: &Who) -> Result<Self, Refusal> {
        let full = |detail| Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail));
        let account = who.principal.as_ref().map(|principal| principal.user.as_str().to_owned());
        let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.values().sum::<usize>() >= MOST {
            return full(format!("{MOST} clients listen to events already: try again later"));
        }
        let is_bound = account.is_some();
        let account = account.unwrap_or_default();
        let count = listening.entry(account.clone()).or_default();
        if is_bound && *count >= MOST_OF_ONE {
            return full(format!(
                "{MOST_OF_ONE} clients of this account listen to events already: close one"
            ));
        }
        *count += 1;
        Ok(Self(account))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = listening.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                listening.remove(&self.0);
            }
        }
    }
}

/// The handler.
pub(crate) async fn events(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let counted = Counted::new(&who)?;
    let (sender, pieces) = channel(AHEAD);
    let listener = site.events.listen();
    let teller = Teller { site, who, headers, sender, seen: BTreeMap::new(), _counted: counted };
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
    /// Whether the account may do something with a study.
    seen: BTreeMap<(Permission, String), bool>,
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
                    self.who = Who { principal, guest: None };
                    // What the account may see may have changed.
                    self.seen.clear();
                }
                Err(_) => return Err(Over::Because("the session is over: sign in again")),
            }
        }
        Ok(())
    }

    async fn event(&mut self, event: &Event) -> Result<(), Over> {
        if self.may_hear(event).await {
            self.send(format!("event: {}\ndata: {}\n\n", event.name(), event.json())).await?;
        }
        Ok(())
    }

    async fn may_hear(&mut self, event: &Event) -> bool {
        if self.who.principal.is_none() {
            return true;
        }
        let wanted = match event {
            Event::Report { .. } | Event::Readers { .. } => Permission::ReportSee,
            _ => Permission::StudySee,
        };
        let study = event.study();
        let key = (wanted, study.unwrap_or_default().to_owned());
        if let Some(may) = self.seen.get(&key) {
            return *may;
        }
        let (site, who, of) = (Arc::clone(&self.site), self.who.clone(), study.map(str::to_owned));
        let asked = blocking(move || may(&site, &who, wanted, of.as_deref()));
        let may = asked.await.is_ok();
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(key, may);
        may
    }
}

/// Pieces as they come, then the end.
pub(super) struct Pieces(pub(super) Receiver<Bytes>);

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
