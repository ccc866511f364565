//! A model behind an address that speaks as OpenAI's does: vLLM, llama-server, Ollama and others.

mod address;
mod call;
mod http;
mod pace;
mod stream;
mod wire;

pub use address::Address;

use crate::assemble::Assembler;
use crate::{
    ChatPrompt, EndpointError, FinishReason, GenerateSettings, Generation, LlmError, Progress, Scrub,
    TextModel, check_schema,
};
use call::{Call, Told};
use pace::Pace;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a caller is asked whether to go on while nothing comes.
const BEAT: Duration = Duration::from_millis(50);

/// What a server understands beyond a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Schemas as `response_format` of type `json_schema`; no grammars: vLLM, Ollama, OpenAI.
    #[serde(rename = "openai")]
    OpenAi,
    /// The same, and grammars: llama.cpp's own server.
    LlamaServer,
    /// Schemas as `response_format` of type `json_object`, and grammars: `llama-cpp-python`.
    LlamaCppPython,
}

/// The secret that a server asks for; it is never printed.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<key>")
    }
}

/// Where a model is and how patient its caller is.
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// The server, which is on the caller's list.
    pub address: Address,
    /// The model's name there.
    pub model: String,
    /// What the server understands.
    pub dialect: Dialect,
    /// The server's secret, where it wants one.
    pub key: Option<ApiKey>,
    /// Time to connect.
    pub connect: Duration,
    /// Time without a byte.
    pub stall: Duration,
    /// Time for an answer, tries and pauses together.
    pub answer: Duration,
    /// Further tries after a failure that may pass: no connection, silence, status 408, 429 and 500 to 504.
    pub retries: u32,
    /// The first pause between tries; each further one is twice as long. A `Retry-After` of the server counts instead.
    pub pause: Duration,
    /// Requests that may begin within a minute, further tries among them; 0 for any number. What waits longer than it has time for
    /// an answer is [`LlmError::TimeLimit`].
    pub per_minute: usize,
    /// Bytes one answer may have as it is sent.
    pub response_bytes: usize,
}

impl EndpointSettings {
    /// 10 s to connect, 60 s of silence, 120 s for an answer, 2 further tries after 0.5 s and 1 s, any number a minute, 8 MiB.
    pub fn new(address: Address, model: impl Into<String>, dialect: Dialect) -> Self {
        Self {
            address,
            model: model.into(),
            dialect,
            key: None,
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            answer: Duration::from_secs(120),
            retries: 2,
            pause: Duration::from_millis(500),
            per_minute: 0,
            response_bytes: 8 << 20,
        }
    }
}

/// A model behind an address. Every prompt goes through the scrub that it was opened with; there is no way round it.
///
/// What it is asked for is streamed. No redirect is followed and no proxy is used: prompts go to the listed host alone.
/// While a server is silent `on_progress` gets empty texts, so that a caller can break off.
pub struct Endpoint {
    name: String,
    settings: EndpointSettings,
    scrub: Scrub,
    pace: Arc<Pace>,
}

impl Endpoint {
    /// Prepares to ask; nothing is sent.
    ///
    /// # Errors
    /// [`LlmError::Setting`] for a model without a name.
    pub fn open(settings: EndpointSettings, scrub: Scrub) -> Result<Self, LlmError> {
        if settings.model.trim().is_empty() {
            return Err(LlmError::Setting {
                name: "model of the endpoint",
                expected: "its name on the server",
            });
        }
        let name = format!("{} at {}", settings.model, settings.address.authority());
        let pace = Arc::new(Pace::new(settings.per_minute));
        Ok(Self { name, settings, scrub, pace })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Endpoint")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish()
    }
}

impl TextModel for Endpoint {
    fn name(&self) -> &str {
        &self.name
    }

    /// # Errors
    /// [`LlmError::Endpoint`] for a server that fails; [`LlmError::TimeLimit`] when the time for an answer is over;
    /// [`LlmError::OffSchema`] for an answer that is not what the schema says.
    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        prompt.check()?;
        settings.check()?;
        if !prompt.pictures.is_empty() {
            let reason = "no picture is sent to another program: nothing is scrubbed in it".to_owned();
            return Err(LlmError::Picture { reason });
        }
        let started = Instant::now();
        let body = wire::request(&self.settings, &self.scrub, prompt, settings);
        let call = Call {
            body: serde_json::to_vec(&body)?,
            host: self.settings.address.authority(),
            settings: self.settings.clone(),
            pace: Arc::clone(&self.pace),
            started,
        };
        let (tell, told) = channel();
        std::thread::Builder::new()
            .name("llm endpoint".to_owned())
            .spawn(move || call.run(&tell))
            .map_err(|_| LlmError::Worker)?;
        let mut assembler = Assembler::new(&settings.stop);
        let mut answer = Counting::default();
        let finish = loop {
            match told.recv_timeout(BEAT) {
                Ok(Told::Piece(piece)) => {
                    answer.first.get_or_insert_with(|| started.elapsed());
                    answer.pieces += 1;
                    let released = assembler.push(piece.as_bytes()).to_owned();
                    if assembler.is_stopped() {
                        break FinishReason::StopText;
                    }
                    if on_progress(Progress::Text(&released)).is_break() {
                        break FinishReason::Cancelled;
                    }
                    // A server that takes no notice of the limit; a piece is one token at least.
                    if answer.pieces > settings.max_tokens {
                        break FinishReason::TokenLimit;
                    }
                }
                Ok(Told::Beat) | Err(RecvTimeoutError::Timeout) => {
                    if started.elapsed() > self.settings.answer {
                        return Err(LlmError::TimeLimit { seconds: self.settings.answer.as_secs_f64() });
                    }
                    if on_progress(Progress::Text("")).is_break() {
                        break FinishReason::Cancelled;
                    }
                }
                Ok(Told::Usage { prompt_tokens, generated_tokens }) => {
                    answer.usage = Some((prompt_tokens, generated_tokens));
                }
                Ok(Told::Done(finish)) => break finish?,
                Err(RecvTimeoutError::Disconnected) => return Err(LlmError::Worker),
            }
        };
        drop(told);
        let (text, rest) = assembler.finish();
        if !rest.is_empty() && finish != FinishReason::Cancelled {
            // The answer is complete: the verdict on its last piece changes nothing.
            let _ = on_progress(Progress::Text(&rest));
        }
        if let (Some(schema), FinishReason::EndOfText) = (&settings.schema, finish) {
            let value = serde_json::from_str(&text)
                .map_err(|error| LlmError::OffSchema { reason: format!("it is no JSON: {error}") })?;
            check_schema(schema, &value).map_err(|reason| LlmError::OffSchema { reason })?;
        }
        Ok(answer.generation(text, finish, started.elapsed()))
    }
}

/// What is counted while an answer comes.
#[derive(Default)]
struct Counting {
    pieces: usize,
    first: Option<Duration>,
    usage: Option<(usize, usize)>,
}

impl Counting {
    /// Tokens are those that the server counted; where it counted none, pieces stand for those written and none for
    /// those read.
    fn generation(self, text: String, finish: FinishReason, elapsed: Duration) -> Generation {
        let (prompt_tokens, generated_tokens) = self.usage.unwrap_or((0, self.pieces));
        Generation {
            text,
            prompt_tokens,
            remembered_tokens: 0,
            generated_tokens,
            finish,
            prompt_elapsed: self.first.unwrap_or(elapsed),
            elapsed,
        }
    }
}

impl From<EndpointError> for LlmError {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(Box::new(error))
    }
}
