use std::io;
use std::path::PathBuf;

use crate::arch::{HubConfigError, WeightsError};

/// Why a network of text cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// A file of the model's folder is not readable.
    #[error("{} is not readable: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A settings file of the model's folder says what this program cannot do.
    #[error("{}: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: HubConfigError,
    },
    /// The weights do not fit.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: WeightsError,
    },
    /// The weights of a classifier do not fit its card.
    #[error("the weights of the text classifier do not fit its card: {what}")]
    Reader {
        /// The first tensor that does not fit.
        what: String,
    },
    /// No tokenizer, or one that cannot do what was asked.
    #[error("the tokenizer (tokenizer.json) {reason}")]
    Tokenizer {
        /// What is wrong.
        reason: String,
    },
    /// Tokenizer and network were not made for each other.
    #[error("tokenizer.json has numbers of tokens up to {greatest}, but the network has {vocabulary} tokens")]
    Vocabulary {
        /// The greatest number of a token.
        greatest: usize,
        /// Tokens of the network.
        vocabulary: usize,
    },
    /// A way of making a text's vector that is not known here.
    #[error("{}: {what} is {found}, expected {expected}", path.display())]
    Step {
        /// The file.
        path: PathBuf,
        /// Which entry.
        what: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// Stopped from outside.
    #[error("cancelled")]
    Cancelled,
}

impl TextError {
    /// Whether the model's folder or the text is at fault, and not this program.
    pub fn is_callers_fault(&self) -> bool {
        !matches!(self, Self::Cancelled)
    }
}
