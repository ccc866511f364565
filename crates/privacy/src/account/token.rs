use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{AccountError, Permission, UserName};
use crate::audit::Reference;
use crate::{Entropy, hex};

/// A secret that is shown to its owner once and kept as a hash: a password, a session or a token.
///
/// It prints as `<secret>`.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownOnce(String);

impl ShownOnce {
    pub(super) const fn new(text: String) -> Self {
        Self(text)
    }
    /// The secret, for its owner alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ShownOnce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}

/// A session of a person who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Whose.
    pub user: UserName,
    /// Since when.
    #[serde(with = "crate::when")]
    pub begun: DateTime<Utc>,
    /// When it was last used, to a minute.
    #[serde(with = "crate::when")]
    pub seen: DateTime<Utc>,
    /// Patients it may see in an emergency, and until when.
    #[serde(default, with = "crate::when::by_reference")]
    pub emergencies: BTreeMap<Reference, DateTime<Utc>>,
    pub(super) hash: String,
}

/// A token of a program that acts for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// For whom it acts.
    pub user: UserName,
    /// What it is for, in the words of who made it.
    pub label: String,
    /// What it may do, of what the account may.
    pub scopes: BTreeSet<Permission>,
    /// When it was made.
    #[serde(with = "crate::when")]
    pub made: DateTime<Utc>,
    /// Until when it is good.
    #[serde(with = "crate::when")]
    pub until: DateTime<Utc>,
    pub(super) hash: String,
}

/// What begins a session's secret, and a token's: whoever scans for leaked secrets finds them by it.
pub(super) const SESSION: &str = "wilhelm_session_";
pub(super) const TOKEN: &str = "wilhelm_token_";

/// A new secret: its text, the name to find it by, and the hash to keep.
pub(super) fn issue(
    prefix: &str,
    entropy: &mut impl Entropy,
) -> Result<(ShownOnce, String, String), AccountError> {
    let id = hex::encode(&entropy.array::<8>()?);
    let secret = hex::encode(&entropy.array::<32>()?);
    let hash = hex::sha256(secret.as_bytes());
    Ok((ShownOnce(format!("{prefix}{id}_{secret}")), id, hash))
}

/// The name and the secret part of a text; `None` if it is none.
pub(super) fn split<'a>(prefix: &str, text: &'a str) -> Option<(&'a str, &'a str)> {
    let (id, secret) = text.strip_prefix(prefix)?.split_once('_')?;
    hex::decode::<8>(id)?;
    hex::decode::<32>(secret)?;
    Some((id, secret))
}

/// Whether a secret has a hash, in a time that does not depend on either.
pub(super) fn fits(secret: &str, hash: &str) -> bool {
    hex::decode::<32>(hash)
        .is_some_and(|hash| bool::from(digest(&SHA256, secret.as_bytes()).as_ref().ct_eq(hash.as_slice())))
}
