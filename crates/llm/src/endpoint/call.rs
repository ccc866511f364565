use super::http::{self, Body, Response};
use super::pace::Pace;
use super::stream::Events;
use super::wire::{Answer, complaint_of};
use super::{ApiKey, EndpointSettings};
use crate::{EndpointError, FinishReason, LlmError};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// What the thread that asks tells.
pub(super) enum Told {
    /// The answer goes on.
    Piece(String),
    /// What the server counted.
    Usage { prompt_tokens: usize, generated_tokens: usize },
    /// Still waiting.
    Beat,
    /// It is over.
    Done(Result<FinishReason, LlmError>),
}

/// Pauses are waited in such steps, so that a caller who is gone is noticed.
const STEP: Duration = Duration::from_millis(20);
/// Bytes of a server's complaint that are read.
const COMPLAINT_BYTES: usize = 16 << 10;

/// One question to a server.
pub(super) struct Call {
    pub(super) body: Vec<u8>,
    pub(super) host: String,
    pub(super) settings: EndpointSettings,
    pub(super) pace: Arc<Pace>,
    pub(super) started: Instant,
}

/// Why a try failed, and whether another may do better.
enum Failure {
    /// It may pass: after this pause, where the server says so.
    Passing(EndpointError, Option<Duration>),
    /// It will not.
    Final(LlmError),
    /// Nobody waits for the answer.
    Unwanted,
}

impl Call {
    /// Asks until there is an answer, a failure that does not pass, or no time.
    pub(super) fn run(&self, tell: &Sender<Told>) {
        let mut pause = self.settings.pause;
        for attempt in 0.. {
            let failure = match self.attempt(tell) {
                Ok(finish) => {
                    // A caller who is gone needs no answer.
                    drop(tell.send(Told::Done(Ok(finish))));
                    return;
                }
                Err(failure) => failure,
            };
            let error = match failure {
                Failure::Unwanted => return,
                Failure::Final(error) => error,
                Failure::Passing(error, asked) => {
                    let wait = asked.unwrap_or(pause);
                    if attempt >= self.settings.retries || self.left() <= wait {
                        error.into()
                    } else {
                        tracing::debug!(host = self.host, %error, attempt, "asking again");
                        if !Self::wait(wait, tell) {
                            return;
                        }
                        pause *= 2;
                        continue;
                    }
                }
            };
            drop(tell.send(Told::Done(Err(error))));
            return;
        }
    }

    /// Time that remains for the answer.
    fn left(&self) -> Duration {
        self.settings.answer.saturating_sub(self.started.elapsed())
    }

    /// Waits; false if nobody waits with it.
    fn wait(pause: Duration, tell: &Sender<Told>) -> bool {
        let until = Instant::now() + pause;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            std::thread::sleep(left.min(STEP));
            if tell.send(Told::Beat).is_err() {
                return false;
            }
        }
        true
    }

    /// Waits until the server may be asked again.
    fn keep_pace(&self, tell: &Sender<Told>) -> Result<(), Failure> {
        while let Err(wait) = self.pace.begin(Instant::now()) {
            if self.left() <= wait {
                return Err(self.out_of_time());
            }
            if !Self::wait(wait, tell) {
                return Err(Failure::Unwanted);
            }
        }
        Ok(())
    }

    fn attempt(&self, tell: &Sender<Told>) -> Result<FinishReason, Failure> {
        self.keep_pace(tell)?;
        let key = self.settings.key.as_ref().map(|ApiKey(secret)| secret.as_str());
        let until = self.started + self.settings.answer;
        let patience = http::Patience { connect: self.settings.connect, stall: self.settings.stall, until };
        let sent = http::post(&self.settings.address, key, &self.body, patience);
        let Response { status, headers, mut body } = sent.map_err(|error| self.broken(error, false))?;
        let header =
            |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if status != 200 {
            let after = header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
            return Err(self.refused(status, after, &mut body));
        }
        let is_stream = header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        if is_stream { self.streamed(&mut body, tell) } else { self.whole(&mut body, tell) }
    }

    fn out_of_time(&self) -> Failure {
        Failure::Final(LlmError::TimeLimit { seconds: self.settings.answer.as_secs_f64() })
    }

    /// A response that is no answer.
    fn refused(&self, status: u16, after: Option<Duration>, body: &mut Body) -> Failure {
        // What cannot be read is a complaint without words.
        let bytes = body.read_to_end(COMPLAINT_BYTES).unwrap_or_default();
        let host = self.host.clone();
        let message = complaint_of(&bytes);
        match status {
            429 => {
                let seconds = after.map(|pause| pause.as_secs());
                Failure::Passing(EndpointError::RateLimited { host, seconds, message }, after)
            }
            408 | 500..=504 => Failure::Passing(EndpointError::Status { host, status, message }, after),
            _ => Failure::Final(EndpointError::Status { host, status, message }.into()),
        }
    }

    fn streamed(&self, body: &mut Body, tell: &Sender<Told>) -> Result<FinishReason, Failure> {
        let mut events = Events::default();
        let mut state = Streaming::default();
        let mut bytes = 0;
        while let Some(piece) = body.next().map_err(|error| self.broken(error, state.wrote))? {
            bytes += piece.len();
            if bytes > self.settings.response_bytes {
                return Err(self.too_large());
            }
            for event in events.push(&piece) {
                if let Some(finish) = self.event(&event, &mut state, tell)? {
                    return Ok(finish);
                }
            }
        }
        if let Some(event) = events.finish()
            && let Some(finish) = self.event(&event, &mut state, tell)?
        {
            return Ok(finish);
        }
        // A stream that ends with its reason is whole, one without is cut.
        state.finish.ok_or_else(|| self.cut(state.wrote))
    }

    /// Takes up one event; returns the end where this is it.
    fn event(
        &self,
        data: &str,
        state: &mut Streaming,
        tell: &Sender<Told>,
    ) -> Result<Option<FinishReason>, Failure> {
        if data.trim() == "[DONE]" {
            return Ok(Some(state.finish.unwrap_or(FinishReason::EndOfText)));
        }
        let answer = self.parse(data.as_bytes())?;
        self.tell(&answer, tell)?;
        state.wrote |= answer.text().is_some();
        state.finish = state.finish.or(answer.finish());
        Ok(None)
    }

    fn whole(&self, body: &mut Body, tell: &Sender<Told>) -> Result<FinishReason, Failure> {
        let bytes = body
            .read_to_end(self.settings.response_bytes.saturating_add(1))
            .map_err(|error| self.broken(error, false))?;
        if bytes.len() > self.settings.response_bytes {
            return Err(self.too_large());
        }
        let answer = self.parse(&bytes)?;
        self.tell(&answer, tell)?;
        answer.finish().ok_or_else(|| self.off("it does not say why it ends"))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Answer, Failure> {
        let answer: Answer =
            serde_json::from_slice(bytes).map_err(|_| self.off("it is not the JSON of a chat"))?;
        if let Some(complaint) = answer.complaint() {
            return Err(self.off(&complaint));
        }
        if answer.is_empty() { Err(self.off("it holds no choice")) } else { Ok(answer) }
    }

    fn tell(&self, answer: &Answer, tell: &Sender<Told>) -> Result<(), Failure> {
        let gone = |_| Failure::Unwanted;
        if let Some(text) = answer.text() {
            tell.send(Told::Piece(text.to_owned())).map_err(gone)?;
        }
        if let Some(usage) = answer.usage {
            let (prompt_tokens, generated_tokens) = (usage.prompt_tokens, usage.completion_tokens);
            tell.send(Told::Usage { prompt_tokens, generated_tokens }).map_err(gone)?;
        }
        Ok(())
    }

    fn off(&self, reason: &str) -> Failure {
        Failure::Final(EndpointError::Answer { host: self.host.clone(), reason: reason.to_owned() }.into())
    }

    fn too_large(&self) -> Failure {
        let bytes = self.settings.response_bytes;
        Failure::Final(EndpointError::TooLarge { host: self.host.clone(), bytes }.into())
    }

    fn cut(&self, wrote: bool) -> Failure {
        let error = EndpointError::Cut { host: self.host.clone() };
        // What was told cannot be taken back: only a stream without words is asked for again.
        if wrote { Failure::Final(error.into()) } else { Failure::Passing(error, None) }
    }

    /// A connection that fails.
    fn broken(&self, error: http::HttpError, wrote: bool) -> Failure {
        let host = self.host.clone();
        let error = match error {
            http::HttpError::OutOfTime => return self.out_of_time(),
            http::HttpError::Cut => return self.cut(wrote),
            http::HttpError::Malformed(reason) => return self.off(reason),
            http::HttpError::Silent => {
                EndpointError::Silent { host, seconds: self.settings.stall.as_secs_f64() }
            }
            http::HttpError::Unreachable(reason) => EndpointError::Unreachable { host, reason },
        };
        if wrote { Failure::Final(error.into()) } else { Failure::Passing(error, None) }
    }
}

/// Where a stream stands.
#[derive(Default)]
struct Streaming {
    wrote: bool,
    finish: Option<FinishReason>,
}
