//! Texts that answers are taken from: an index on disk of the passages of folders, found by words and by meaning.
//!
//! The principal type is [`Library`]. [`build`] makes one: it streams files, spares what it embedded before, and puts the new
//! index in the place of the old one in one step. An index is a folder with `index.json`, which names the generation that
//! holds; in it `lexical` (BM25), `vectors` (a byte a number, mapped into memory) and `texts` (what each vector is of).

mod build;
mod find;
mod report;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wilhelm_knowledge::passages::PassageError;
use wilhelm_knowledge::retrieve::{LexicalError, VectorsError};
use wilhelm_nets::text::{SentenceEncoder, TextError};

pub use build::{BuildSettings, Built, build, open_texts};
pub use find::{Found, Library, Way};
pub use report::report_passages;

/// Why a library cannot be made, opened or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// There is none.
    #[error("{} is no index: 'wilhelm kb index FOLDER --into {}' makes one", path.display(), path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// It is not what this program writes.
    #[error("the index {} is damaged: {what}; make it anew with 'wilhelm kb index'", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file or folder.
    #[error("{} {doing}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What could not be done.
        doing: &'static str,
        /// Why.
        reason: std::io::Error,
    },
    /// There is nothing to index.
    #[error(
        "nothing to index: expected .xml, .nxml, .json, .jsonl, .html, .md or .txt files (or .gz of them) in {places}"
    )]
    Nothing {
        /// Where was looked.
        places: String,
    },
    /// The index has vectors of another encoder, or none.
    #[error("the index {} {what}", path.display())]
    Encoder {
        /// The folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A document.
    #[error(transparent)]
    Passage(#[from] PassageError),
    /// The index of words.
    #[error(transparent)]
    Lexical(#[from] LexicalError),
    /// The vectors.
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    /// The encoder.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl LibraryError {
    /// Whether the files or the command line are at fault, and not this program or machine.
    pub fn is_callers_fault(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Damaged { .. }
            | Self::File { .. }
            | Self::Nothing { .. }
            | Self::Encoder { .. }
            | Self::Passage(_) => true,
            Self::Text(error) => error.is_callers_fault(),
            Self::Lexical(_) | Self::Vectors(_) | Self::Cancelled => false,
        }
    }
}

/// An encoder of sentences and what is known of it.
#[derive(Clone, Copy)]
pub struct Encoder<'a> {
    /// The network.
    pub network: &'a SentenceEncoder,
    /// Its name, and the hash of its weights.
    pub facts: &'a EncoderFacts,
}

/// Which encoder made the vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderFacts {
    /// Its name: `all-MiniLM-L6-v2`.
    pub name: String,
    /// SHA-256 of its weights, in hexadecimal.
    pub sha256: String,
}

/// What `index.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// Version of how passages of files are called; of an index with another one the passages are read anew, and texts keep
    /// their vectors.
    #[serde(default)]
    pub naming: u32,
    /// Subfolder that holds.
    pub generation: String,
    /// Encoder of the vectors; none where passages are found by words alone.
    pub encoder: Option<EncoderFacts>,
    /// Passages.
    pub passages: u64,
    /// Passages that were left out because one with the same identifier was there already.
    pub doubles: u64,
    /// Files, in their order.
    pub files: Vec<IndexedFile>,
}

/// A file of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedFile {
    /// Its path within the folder that was given, behind that folder's name.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// License that was named for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Passages that are its.
    pub passages: u64,
    /// What is wrong with it: it was read up to there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<String>,
}

const FORMAT: u32 = 1;
const NAMING: u32 = 1;
const MANIFEST: &str = "index.json";
const LEXICAL: &str = "lexical";
const VECTORS: &str = "vectors";
const TEXTS: &str = "texts";

/// The manifest of a folder, if it is an index.
///
/// # Errors
/// [`LibraryError::File`], [`LibraryError::Damaged`].
pub fn manifest(folder: &Path) -> Result<Option<Manifest>, LibraryError> {
    let damaged = |what: String| LibraryError::Damaged { path: folder.to_owned(), what };
    let path = folder.join(MANIFEST);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(reason) => return Err(LibraryError::File { path, doing: "cannot be read", reason }),
    };
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
    if manifest.format != FORMAT {
        return Err(damaged(format!("its format is {}, expected {FORMAT}", manifest.format)));
    }
    let generation = Path::new(&manifest.generation);
    if generation.components().count() != 1 || generation.file_name().is_none() {
        return Err(damaged(format!("its generation is \"{}\"", manifest.generation)));
    }
    Ok(Some(manifest))
}
