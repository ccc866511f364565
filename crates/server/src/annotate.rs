//! Annotation over an archive: what a project asks, which images an item has, how far people agree, and what becomes of it.
//!
//! The arithmetic is `wilhelm_annotate`'s; here it meets the archive's objects. [`export`] and [`set_ranking`] are for the
//! command line too.

mod agreed;
mod export;
mod items;
mod metadata;
mod order;
mod tables;

use serde::{Deserialize, Serialize};
use wilhelm_annotate::{AnnotateError, Answer, Question};
use wilhelm_store::{Store, StoreError};

pub use agreed::{Agreed, agreed};
pub use export::{ExportOptions, KeyRow, Unresolved, export, export_images};
pub(crate) use items::{Chosen, Search, canvas, chosen, files, found, new_item, sizes};
pub(crate) use metadata::shown;
pub(crate) use order::set_order;
pub use order::{Ranked, parse_ranking, set_random, set_ranking};
pub use tables::{Progress, progress};

/// What a project asks, as the archive keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// What the project is called.
    pub title: String,
    /// What people are told to do.
    pub instructions: String,
    /// What is asked of each item.
    pub question: Question,
}

/// An answer as the archive keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Why nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Of a final answer: whose it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<String>,
}

/// Why a project cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Questions, answers, images.
    #[error(transparent)]
    Annotate(#[from] AnnotateError),
    /// What was asked.
    #[error("{0}")]
    Wrong(String),
}

impl ProjectError {
    /// Whether who asked can do something about it.
    pub fn is_callers_fault(&self) -> bool {
        match self {
            Self::Store(error) => error.is_callers_fault(),
            Self::Annotate(error) => error.is_callers_fault(),
            Self::Wrong(_) => true,
        }
    }
}

/// What a project asks.
///
/// # Errors
/// [`ProjectError::Store`].
pub fn asked(store: &Store, id: &str) -> Result<Asked, ProjectError> {
    let bytes = store.annotations().document(id)?;
    serde_json::from_slice(&bytes).map_err(|_| {
        let part = "document, which this program does not understand".to_owned();
        StoreError::Annotation { project: id.to_owned(), part }.into()
    })
}

/// A version of an answer.
///
/// # Errors
/// [`StoreError::Annotation`] where this program does not understand it.
pub(crate) fn kept(project: &str, stored: &wilhelm_store::StoredAnswer) -> Result<Kept, StoreError> {
    serde_json::from_slice(&stored.bytes).map_err(|_| StoreError::Annotation {
        project: project.to_owned(),
        part: format!("item {}, which this program does not understand", stored.item),
    })
}
