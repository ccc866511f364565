use std::process::ExitCode;

use wilhelm_filters::FilterError;
use wilhelm_formats::FormatError;
use wilhelm_knowledge::graph::GraphError;
use wilhelm_learn::LearnError;
use wilhelm_learn::evaluation::EvaluationError;
use wilhelm_nets::text::TextError;
use wilhelm_nets::{ExplainError, ModelError, OnnxError};
use wilhelm_privacy::KeyFileError;
use wilhelm_privacy::account::AccountError;
use wilhelm_privacy::audit::AuditError;
use wilhelm_privacy::seal::SealError;
use wilhelm_store::StoreError;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Done, with defects found.
    Defects = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The input is at fault.
    Input = 3,
    /// This program or this machine is at fault.
    Ours = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A sentence for the user that is his to act on, with its exit code.
#[derive(Debug)]
pub struct Stop {
    pub exit: Exit,
    pub sentence: String,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl std::error::Error for Stop {}

impl Stop {
    pub fn usage(sentence: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Usage, sentence: sentence.into() }.into()
    }
    pub fn input(sentence: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Input, sentence: sentence.into() }.into()
    }
    pub fn ours(sentence: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Ours, sentence: sentence.into() }.into()
    }
}

/// The one table from errors to exit codes, and the sentence to print.
pub fn of_error(error: &anyhow::Error) -> (Exit, String) {
    let blame = |callers: bool| if callers { Exit::Input } else { Exit::Ours };
    let exit = if let Some(stop) = error.downcast_ref::<Stop>() {
        stop.exit
    } else if let Some(error) = error.downcast_ref::<FormatError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<FilterError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<LearnError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<EvaluationError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<ModelError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<OnnxError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<ExplainError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<TextError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<StoreError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<GraphError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<AuditError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<AccountError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<SealError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<KeyFileError>() {
        blame(error.is_callers_fault())
    } else if let Some(error) = error.downcast_ref::<wilhelm_pipeline::library::LibraryError>() {
        blame(error.is_callers_fault())
    } else if let Some(wilhelm_pipeline::PipelineError::Prior(_)) = error.downcast_ref() {
        Exit::Input
    } else if let Some(wilhelm_pipeline::PipelineError::Library(error)) = error.downcast_ref() {
        blame(error.is_callers_fault())
    } else {
        Exit::Ours
    };
    (exit, format!("{error:#}"))
}
