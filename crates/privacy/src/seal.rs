//! Sealing: objects and identifying columns that nobody reads without a key.
//!
//! Three levels of keys. A [`Root`] (a key file, or a command of a key service) wraps the master keys of a [`Keyring`]; the
//! active master key wraps a new data key for each object; the data key seals the object in chunks. The root is changed by
//! writing the keyring anew, a master key by adding another one: no object is written again for either.

mod aead;
mod column;
mod keyring;
mod root;
mod stream;

pub use column::ColumnKey;
pub use keyring::{KeyId, KeyState, Keyring};
pub use root::{Root, RootCommand};
pub use stream::{
    CHUNK_BYTES, ChunkOpener, HEADER_BYTES, Opener, Sealer, key_of, open, plain_bytes, rewrap, seal,
    sealed_bytes,
};

use std::io;
use std::path::PathBuf;

use crate::KeyFileError;
use crate::entropy::EntropyError;

/// What is wrong with keys, or with what was sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The root key's file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// There is no keyring.
    #[error(
        "the keyring {path} is not there: make one with `wilhelm keys new`, or bring it back from a copy; without it what was sealed stays sealed"
    )]
    NoKeyring {
        /// The file.
        path: PathBuf,
    },
    /// A keyring is there already.
    #[error(
        "a keyring {path} is there already, and keys are never written over: `wilhelm keys rotate` adds one"
    )]
    KeyringExists {
        /// The file.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error("{path} is no keyring: {what}; bring it back from a copy")]
    Keyring {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Others may read it.
    #[error("the keyring {path} can be read by others (mode {mode:03o}), expected 600: chmod 600 it")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The root does not open a key.
    #[error(
        "the root key does not open {label} of the keyring: it is another key, or the keyring was changed"
    )]
    WrongRoot {
        /// Which key.
        label: String,
    },
    /// The key service's command did not do it.
    #[error("the key command {program} {what}")]
    Command {
        /// The program.
        program: String,
        /// What went wrong.
        what: String,
    },
    /// What was sealed needs a key that is not there.
    #[error(
        "it was sealed with key {id}, which this keyring does not hold: bring back the keyring it was sealed with"
    )]
    NoKey {
        /// The key's name.
        id: String,
    },
    /// It is not something that was sealed.
    #[error("it is not sealed by this program, or cut within its first {} bytes", stream::HEADER_BYTES)]
    NotSealed,
    /// The data key does not come out.
    #[error(
        "its key does not open with key {id}: its beginning was changed, or the key is another one of that name"
    )]
    Header {
        /// The master key's name.
        id: String,
    },
    /// A chunk is not what was sealed there.
    #[error(
        "chunk {chunk} (of {} bytes, from 0) is not what was sealed there: it was changed, moved or cut, or belongs to another object",
        stream::CHUNK_BYTES
    )]
    Chunk {
        /// Its number.
        chunk: u64,
    },
    /// The value of a column.
    #[error(
        "a value of column {column} does not open: it was changed, belongs to another row, or its key is another one"
    )]
    Cell {
        /// The column.
        column: String,
    },
    /// The disk or the system refuses.
    #[error("{what} is not accessible: {source}")]
    Io {
        /// What.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// No random numbers.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl SealError {
    /// Whether the input is at fault rather than this machine.
    pub const fn is_callers_fault(&self) -> bool {
        match self {
            Self::KeyFile(error) => error.is_callers_fault(),
            Self::Io { .. } | Self::Entropy(_) | Self::Command { .. } => false,
            _ => true,
        }
    }
}
