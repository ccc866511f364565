use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Access, Permission, Role, UserName};
use crate::audit::{Actor, Reference};

/// Who asks, after sign-in: an account with what it may do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub user: UserName,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// To whose data.
    pub access: Access,
    /// By what it asks.
    pub via: Via,
    /// Whether nothing is allowed before the password is changed.
    pub must_change: bool,
    /// Patients it may see in an emergency, and until when.
    pub emergencies: BTreeMap<Reference, DateTime<Utc>>,
}

/// By what an account asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// A session, by its name.
    Session(String),
    /// A token, by its name.
    Token(String),
    /// A guest's session, by the name of the consultation: no account, and no permission of any role.
    Guest(String),
}

/// What is asked for: a patient's data, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// The projects it belongs to.
    pub projects: &'a [&'a str],
    /// The patient.
    pub patient: Option<&'a Reference>,
}

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No role of the account may do it, or the token has no scope for it.
    #[error("the account's roles, or the token's scopes, do not hold {}", .0.name())]
    Permission(Permission),
    /// The account may do it, and not to this patient.
    #[error("the account has no access to this patient or project")]
    Access,
    /// The password has to be changed first.
    #[error("the password has to be changed first")]
    PasswordChange,
}

impl Principal {
    /// Whether something may be done.
    ///
    /// What is about a patient wants a target that the account has access to, or that it broke the glass for: that shows
    /// studies and reports, and lets nothing else be done.
    ///
    /// # Errors
    /// [`Refusal`] with what is missing.
    pub fn may(
        &self,
        permission: Permission,
        target: &Target<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if self.must_change {
            return Err(Refusal::PasswordChange);
        }
        let is_emergency = matches!(permission, Permission::StudySee | Permission::ReportSee)
            && target
                .patient
                .and_then(|patient| self.emergencies.get(patient))
                .is_some_and(|until| now < *until);
        if is_emergency {
            return Ok(());
        }
        if !self.permissions.contains(&permission) {
            return Err(Refusal::Permission(permission));
        }
        if permission.is_of_a_patient() && !self.access.holds(target.projects, target.patient) {
            return Err(Refusal::Access);
        }
        Ok(())
    }

    /// As the audit log names it.
    pub fn actor(&self) -> Actor {
        let roles: Vec<&str> = self.roles.iter().map(|role| role.name()).collect();
        let actor = match &self.via {
            Via::Session(_) => Actor::user(self.user.as_str()),
            Via::Token(id) => Actor::peer(format!("{} by token {id}", self.user)),
            Via::Guest(_) => Actor::user(self.user.as_str()).as_role("guest"),
        };
        if self.roles.is_empty() { actor } else { actor.as_role(roles.join(" ")) }
    }
}
