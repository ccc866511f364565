use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AccountError, Role};
use crate::audit::Reference;

/// Name of an account: 1 to 64 of a to z, 0 to 9, dot, hyphen, underscore and @.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// Reads a name; capital letters become small ones.
    ///
    /// # Errors
    /// [`AccountError::Name`] for any other character, none or too many.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let name = text.to_ascii_lowercase();
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_name = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| is_plain(byte) || b".-_@".contains(&byte))
            && is_plain(name.as_bytes()[0]);
        if is_name { Ok(Self(name)) } else { Err(AccountError::Name) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for UserName {
    type Error = AccountError;
    fn try_from(text: String) -> Result<Self, AccountError> {
        Self::parse(&text)
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

/// Whose data an account may act on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// All projects and patients.
    pub all: bool,
    /// These projects.
    pub projects: BTreeSet<String>,
    /// These patients, by their keyed references.
    pub patients: BTreeSet<Reference>,
}

impl Access {
    /// To all.
    pub fn to_all() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Whether a patient of projects is among them.
    pub fn holds(&self, projects: &[&str], patient: Option<&Reference>) -> bool {
        self.all
            || projects.iter().any(|project| self.projects.contains(*project))
            || patient.is_some_and(|patient| self.patients.contains(patient))
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// What it is for.
    pub roles: BTreeSet<Role>,
    /// Whose data it may act on.
    pub access: Access,
    /// Whether it is closed.
    pub is_disabled: bool,
    /// Whether the password has to be changed before anything else: it was made by the program or by an administrator.
    pub must_change: bool,
    /// When it was made.
    #[serde(with = "crate::when")]
    pub made: DateTime<Utc>,
    /// Hash of the password, as a PHC string.
    pub(super) password: String,
}
