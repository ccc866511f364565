//! Which part somebody has in a project, and what follows from it.

use axum::http::StatusCode;
use chrono::Utc;
use wilhelm_privacy::account::{Permission, Refusal as Denied, Target};
use wilhelm_store::{ItemRow, ProjectRow};

use crate::http::guard::{self, Who};
use crate::http::{Refusal, Site};

/// Somebody before a project.
pub(super) struct Standing {
    pub project: ProjectRow,
    pub account: String,
    pub annotates: bool,
    pub adjudicates: bool,
    pub manages: bool,
}

/// The account that asks; where there is no sign-in it is anyone.
pub(super) fn account(who: &Who) -> String {
    who.principal.as_ref().map_or_else(|| "anyone".to_owned(), |principal| principal.user.to_string())
}

/// Whether somebody may do something within a project, to a study or to none: by access to all, to the study's patient, or to a
/// project of this name.
pub(super) fn may(
    site: &Site,
    who: &Who,
    permission: Permission,
    project: &str,
    study: Option<&str>,
) -> Result<(), Denied> {
    let Some(principal) = &who.principal else { return Ok(()) };
    let patient = match (study, &site.ledger) {
        (Some(study), Some(ledger)) => guard::patient(&site.store, ledger, study),
        _ => None,
    };
    principal.may(permission, &Target { projects: &[project], patient: patient.as_ref() }, Utc::now())
}

/// Whether the roles hold a permission, whosever the data are.
pub(super) fn holds(who: &Who, permission: Permission) -> bool {
    let Some(principal) = &who.principal else { return true };
    match principal.may(permission, &Target::default(), Utc::now()) {
        Ok(()) | Err(Denied::Access) => true,
        Err(_) => false,
    }
}

pub(super) fn forbidden(detail: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, detail)
}

impl Standing {
    /// Whoever has a part in the project, or makes projects; for others it is not there.
    pub(super) fn of(site: &Site, who: &Who, id: &str) -> Result<Self, Refusal> {
        let project = site.store.annotations().project(id)?;
        let standing = Self::new(who, project);
        if standing.annotates || standing.adjudicates || standing.manages {
            return Ok(standing);
        }
        Err(wilhelm_store::StoreError::NotFound { what: "annotation project" }.into())
    }

    pub(super) fn new(who: &Who, project: ProjectRow) -> Self {
        let account = account(who);
        let is_open = who.principal.is_none();
        Self {
            annotates: project.annotators.contains(&account),
            adjudicates: is_open || project.adjudicators.contains(&account),
            manages: holds(who, Permission::AnnotationManage),
            project,
            account,
        }
    }

    /// An item that somebody may look at: it is theirs to answer, or they adjudicate, or they make projects and may see
    /// de-identified studies.
    pub(super) fn item(&self, site: &Site, who: &Who, number: u32) -> Result<ItemRow, Refusal> {
        let item = site.store.annotations().item(&self.project.id, number)?;
        let is_own = item.tasks.iter().any(|task| task.account == self.account);
        let wanted = if is_own || self.adjudicates {
            Permission::AnnotationMake
        } else if self.manages {
            Permission::StudySeeDeidentified
        } else {
            return Err(wilhelm_store::StoreError::NotFound { what: "item of the project" }.into());
        };
        may(site, who, wanted, &self.project.id, Some(&item.study_uid)).map_err(guard::denied)?;
        Ok(item)
    }

    /// Refuses who does not adjudicate or make projects, and who has answers of their own to give first.
    pub(super) fn may_compare(&self, items: &[ItemRow]) -> Result<(), Refusal> {
        if !self.adjudicates && !self.manages {
            return Err(forbidden("answers of others are for adjudicators and for those who make projects"));
        }
        let waits = |item: &ItemRow| {
            item.is_there
                && item.tasks.iter().any(|task| {
                    task.account == self.account && !matches!(task.state.as_str(), "done" | "skipped")
                })
        };
        if self.project.state == "open" && items.iter().any(waits) {
            return Err(forbidden(
                "who annotates sees no answers of others before their own are given: finish your items, or have the project closed",
            ));
        }
        Ok(())
    }
}
