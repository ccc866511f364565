//! Accounts: who may sign in, with which roles, for which projects and patients.
//!
//! All of it is arithmetic on [`Accounts`], with time and random numbers as arguments; [`AccountsFile`] keeps it on the disk.
//! Passwords are kept as Argon2id hashes, sessions and tokens as SHA-256 of their 256 random bits.

mod book;
mod file;
mod link;
mod password;
mod principal;
mod role;
mod token;
mod user;

pub use book::{Accounts, Challenge, Checked, Policy, SignedIn};
pub use file::AccountsFile;
pub use link::{LinkPurpose, LinkSecret, link_fits, link_parts};
pub use password::{ARGON2_ITERATIONS, ARGON2_LANES, ARGON2_MEMORY_KIB};
pub use principal::{Principal, Refusal, Target, Via};
pub use role::{Permission, Role};
pub use token::{ApiToken, Session, ShownOnce};
pub use user::{Access, User, UserName};

use std::io;
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::entropy::EntropyError;

/// What is wrong with an account, a sign-in or the file of accounts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Name or password are wrong, or the account is closed: which of them is not said.
    #[error("name or password is wrong, or the account is closed")]
    SignIn,
    /// Too many wrong passwords.
    #[error("too many wrong passwords: try again after {}", .until.to_rfc3339_opts(SecondsFormat::Secs, true))]
    Locked {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// No such session or token, or it has ended.
    #[error("the session or token is unknown or has ended: sign in again")]
    Unknown,
    /// A name that no account may have.
    #[error(
        "an account's name has 1 to 64 of a to z, 0 to 9, dot, hyphen, underscore and @, and begins with a letter or digit"
    )]
    Name,
    /// A password that no account may have.
    #[error("the password {what}, expected {expected}")]
    Password {
        /// What is wrong with it.
        what: &'static str,
        /// What is wanted.
        expected: &'static str,
    },
    /// The account is there already.
    #[error("there is an account {name} already")]
    Exists {
        /// Its name.
        name: UserName,
    },
    /// The first account is asked for, and there are others.
    #[error("there are accounts already: `wilhelm users reset NAME` gives one a new password")]
    NotTheFirst,
    /// There is no such account.
    #[error("there is no account of that name")]
    NoAccount,
    /// The last one who can keep accounts.
    #[error("{name} is the last open account that keeps accounts: make another administrator first")]
    LastAdministrator {
        /// Its name.
        name: UserName,
    },
    /// A role that is none.
    #[error("no such role, expected viewer, technologist, radiologist, researcher or administrator")]
    Role,
    /// A permission that is none.
    #[error("no such permission, expected one of docs/privacy.md such as study.see")]
    Permission,
    /// No reason was given where one is needed.
    #[error("access in an emergency wants a reason of 10 to 1000 characters")]
    Reason,
    /// The role has no access in an emergency.
    #[error("the role has no access in an emergency")]
    NoEmergency,
    /// A span of time that is none.
    #[error("a token is good for 1 to 3650 days")]
    Days,
    /// The file of accounts holds something else.
    #[error("{path} holds no accounts: {what}; bring it back from a copy")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Others may read or write it.
    #[error(
        "the file of accounts {path} can be read by others (mode {mode:03o}), expected 600: chmod 600 it"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The disk or the system refuses.
    #[error("the file of accounts {path} is not accessible: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No random numbers.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The hash of a password could not be computed, for want of memory.
    #[error("the password cannot be hashed: there is no memory for it")]
    Hash,
}

impl AccountError {
    /// Whether the input is at fault rather than this machine.
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::Entropy(_) | Self::Hash)
    }
}
