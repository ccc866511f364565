//! How far a project is.

use std::collections::BTreeMap;

use serde::Serialize;
use wilhelm_store::{ItemRow, ProjectRow, Store};

use super::ProjectError;

/// How far a project is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Items whose studies are in the archive.
    pub items: usize,
    /// Of these, those that everybody who was asked answered or skipped.
    pub answered: usize,
    /// Of these, those with a final answer.
    pub decided: usize,
    /// Items whose studies were deleted, which nobody is shown.
    pub gone: usize,
    /// Each annotator.
    pub annotators: Vec<Part>,
}

/// How far an annotator is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The account.
    pub account: String,
    /// Items that were not looked at.
    pub open: usize,
    /// Items that were looked at.
    pub started: usize,
    /// Items that were answered.
    pub done: usize,
    /// Items that were skipped.
    pub skipped: usize,
}

/// How far a project is.
///
/// # Errors
/// [`ProjectError::Store`].
pub fn progress(store: &Store, project: &ProjectRow) -> Result<Progress, ProjectError> {
    Ok(of(project, &store.annotations().items(&project.id)?))
}

fn of(project: &ProjectRow, items: &[ItemRow]) -> Progress {
    let part = |account: &String| (account.clone(), Part { account: account.clone(), ..Part::default() });
    let mut parts: BTreeMap<String, Part> = project.annotators.iter().map(part).collect();
    let (mut answered, mut decided, mut there) = (0, 0, 0);
    for item in items.iter().filter(|item| item.is_there) {
        there += 1;
        decided += usize::from(item.finals > 0);
        let is_over = |state: &str| matches!(state, "done" | "skipped");
        answered += usize::from(!item.tasks.is_empty() && item.tasks.iter().all(|task| is_over(&task.state)));
        for task in &item.tasks {
            let Some(part) = parts.get_mut(&task.account) else { continue };
            match task.state.as_str() {
                "started" => part.started += 1,
                "done" => part.done += 1,
                "skipped" => part.skipped += 1,
                _ => part.open += 1,
            }
        }
    }
    let annotators = project.annotators.iter().filter_map(|account| parts.remove(account)).collect();
    Progress { items: there, answered, decided, gone: items.len() - there, annotators }
}
