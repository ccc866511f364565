use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::token::{self, SESSION, TOKEN};
use super::{
    Access, AccountError, ApiToken, Permission, Principal, Role, Session, ShownOnce, User, UserName, Via,
    password,
};
use crate::audit::Reference;
use crate::{Entropy, hex};

/// Names that tries are counted for beside those of accounts, at most.
const MOST_STRANGERS: usize = 10_000;
/// How often a session's last use is written down, in seconds.
const SEEN_SECONDS: i64 = 60;
/// A hash that no password has, checked for names that have none: both take the same time.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IG5vYm9keQAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How long and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Wrong passwords before the first lock-out.
    pub attempts: u32,
    /// Length of the first lock-out, in seconds; each further one is twice as long.
    pub first_lock_seconds: i64,
    /// Length of the longest lock-out, in seconds.
    pub longest_lock_seconds: i64,
    /// Length of a session, in seconds, however it is used.
    pub session_seconds: i64,
    /// Length of a session without use, in seconds.
    pub idle_seconds: i64,
    /// Length of access in an emergency, in seconds.
    pub emergency_seconds: i64,
    /// Shortest password, in characters.
    pub shortest_password: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_lock_seconds: 30,
            longest_lock_seconds: 3600,
            session_seconds: 12 * 3600,
            idle_seconds: 30 * 60,
            emergency_seconds: 3600,
            shortest_password: 12,
        }
    }
}

/// Wrong passwords of one name, one after another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tries {
    failed: u32,
    #[serde(with = "crate::when")]
    last: DateTime<Utc>,
    #[serde(default, with = "crate::when::perhaps")]
    locked_until: Option<DateTime<Utc>>,
}

/// All accounts with their sessions and tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    users: BTreeMap<UserName, User>,
    sessions: BTreeMap<String, Session>,
    tokens: BTreeMap<String, ApiToken>,
    /// By SHA-256 of the name: names that are none may be passwords in the wrong field.
    tries: BTreeMap<String, Tries>,
}

/// A sign-in that has begun and counts as failed until its password is shown to be right.
#[derive(Debug)]
pub struct Challenge {
    name: Option<UserName>,
    key: String,
    phc: String,
}

/// Whether the password of a [`Challenge`] is right.
#[derive(Debug)]
pub struct Checked {
    name: Option<UserName>,
    key: String,
    phc: String,
    is_right: bool,
}

impl Challenge {
    /// Compares a password, which takes some 20 MiB and a few hundredths of a second; no lock need be held meanwhile.
    pub fn check(self, password: &str) -> Checked {
        let is_right = password::fits(password, &self.phc) && self.name.is_some();
        Checked { name: self.name, key: self.key, phc: self.phc, is_right }
    }
}

/// A session that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Its secret, for the cookie.
    pub secret: ShownOnce,
    /// Its name in the log.
    pub session: String,
    /// Whose.
    pub user: UserName,
    /// Whether nothing is allowed before the password is changed.
    pub must_change: bool,
}

impl Accounts {
    /// The accounts by name.
    pub fn users(&self) -> impl Iterator<Item = (&UserName, &User)> {
        self.users.iter()
    }

    /// The tokens by name.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, &ApiToken)> {
        self.tokens.iter().map(|(id, token)| (id.as_str(), token))
    }

    /// Makes the first account, an administrator with a random password, where there is none; `None` where there is one.
    ///
    /// # Errors
    /// [`AccountError::Entropy`] and [`AccountError::Hash`].
    pub fn first_administrator(
        &mut self,
        now: DateTime<Utc>,
        entropy: &mut impl Entropy,
    ) -> Result<Option<(UserName, ShownOnce)>, AccountError> {
        if !self.users.is_empty() {
            return Ok(None);
        }
        let name = UserName::parse("administrator")?;
        let secret = self.add(&name, [Role::Administrator].into(), Access::default(), now, entropy)?;
        Ok(Some((name, secret)))
    }

    /// Makes an account with a random password, which has to be changed at the first sign-in.
    ///
    /// # Errors
    /// [`AccountError::Exists`], and as [`Accounts::first_administrator`].
    pub fn add(
        &mut self,
        name: &UserName,
        roles: BTreeSet<Role>,
        access: Access,
        now: DateTime<Utc>,
        entropy: &mut impl Entropy,
    ) -> Result<ShownOnce, AccountError> {
        if self.users.contains_key(name) {
            return Err(AccountError::Exists { name: name.clone() });
        }
        if roles.is_empty() {
            return Err(AccountError::Role);
        }
        let secret = random_password(entropy)?;
        let password = password::hash(secret.expose(), entropy)?;
        let user = User { roles, access, is_disabled: false, must_change: true, made: now, password };
        self.users.insert(name.clone(), user);
        Ok(secret)
    }

    /// Gives an account other roles and another access; where one is `None` it stays. Its sessions go on with them.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], [`AccountError::LastAdministrator`], and [`AccountError::Role`] for no roles.
    pub fn set_roles(
        &mut self,
        name: &UserName,
        roles: Option<BTreeSet<Role>>,
        access: Option<Access>,
    ) -> Result<(), AccountError> {
        if roles.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(AccountError::Role);
        }
        let keeps = roles.as_ref().is_none_or(|roles| roles.contains(&Role::Administrator));
        self.keep_an_administrator(name, keeps)?;
        let user = self.users.get_mut(name).ok_or(AccountError::NoAccount)?;
        if let Some(roles) = roles {
            user.roles = roles;
        }
        if let Some(access) = access {
            user.access = access;
        }
        Ok(())
    }

    /// Closes an account, which ends its sessions, or opens it again. Its tokens are not good while it is closed.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], [`AccountError::LastAdministrator`].
    pub fn set_disabled(&mut self, name: &UserName, is_disabled: bool) -> Result<(), AccountError> {
        self.keep_an_administrator(name, !is_disabled)?;
        self.users.get_mut(name).ok_or(AccountError::NoAccount)?.is_disabled = is_disabled;
        if is_disabled {
            self.sessions.retain(|_, session| session.user != *name);
        }
        Ok(())
    }

    /// Gives an account a random password, which has to be changed, ends its sessions and opens its lock-out.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], and as [`Accounts::add`].
    pub fn reset(&mut self, name: &UserName, entropy: &mut impl Entropy) -> Result<ShownOnce, AccountError> {
        let secret = random_password(entropy)?;
        let password = password::hash(secret.expose(), entropy)?;
        let user = self.users.get_mut(name).ok_or(AccountError::NoAccount)?;
        (user.password, user.must_change) = (password, true);
        self.sessions.retain(|_, session| session.user != *name);
        self.tries.remove(&hex::sha256(name.as_str().as_bytes()));
        Ok(secret)
    }

    /// Sets the password an account's owner chose, and ends its other sessions; the old one has to be checked before.
    ///
    /// # Errors
    /// [`AccountError::SignIn`] if `checked` is of another account or of a wrong password, [`AccountError::Password`] for a
    /// weak one.
    pub fn set_password(
        &mut self,
        checked: &Checked,
        new: &str,
        keep_session: Option<&str>,
        policy: &Policy,
        entropy: &mut impl Entropy,
    ) -> Result<(), AccountError> {
        let name = self.right(checked).ok_or(AccountError::SignIn)?;
        password::check(new, &name, policy.shortest_password)?;
        if password::fits(new, &checked.phc) {
            return Err(AccountError::Password { what: "is the old one", expected: "another one" });
        }
        let hash = password::hash(new, entropy)?;
        let user = self.users.get_mut(&name).ok_or(AccountError::NoAccount)?;
        (user.password, user.must_change) = (hash, false);
        self.sessions.retain(|id, session| session.user != name || keep_session == Some(id.as_str()));
        self.tries.remove(&checked.key);
        Ok(())
    }

    /// Begins a sign-in. The try counts as failed until [`Accounts::finish_sign_in`] shows that it was not, so that many
    /// at once are no way around the lock-out. Names without an account are treated as those with one.
    ///
    /// # Errors
    /// [`AccountError::Locked`].
    pub fn begin_sign_in(
        &mut self,
        name: &str,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Challenge, AccountError> {
        let parsed = UserName::parse(name).ok();
        let key = hex::sha256(name.to_ascii_lowercase().as_bytes());
        if let Some(until) = self.tries.get(&key).and_then(|tries| tries.locked_until)
            && now < until
        {
            return Err(AccountError::Locked { until });
        }
        self.forget(now, policy);
        let tries =
            self.tries.entry(key.clone()).or_insert(Tries { failed: 0, last: now, locked_until: None });
        tries.failed = tries.failed.saturating_add(1);
        tries.last = now;
        if tries.failed >= policy.attempts {
            let doublings = (tries.failed - policy.attempts).min(30);
            let seconds =
                policy.first_lock_seconds.saturating_mul(1 << doublings).min(policy.longest_lock_seconds);
            tries.locked_until = Some(now + Duration::seconds(seconds));
        }
        let found = parsed.and_then(|name| self.users.get_key_value(&name));
        let found = found.filter(|(_, user)| !user.is_disabled);
        let (name, phc) = match found {
            Some((name, user)) => (Some(name.clone()), user.password.clone()),
            None => (None, NOBODY.to_owned()),
        };
        Ok(Challenge { name, key, phc })
    }

    /// Ends a sign-in: with a session, or with a refusal that does not say whether there is such an account.
    ///
    /// # Errors
    /// [`AccountError::SignIn`], [`AccountError::Entropy`].
    pub fn finish_sign_in(
        &mut self,
        checked: &Checked,
        now: DateTime<Utc>,
        entropy: &mut impl Entropy,
    ) -> Result<SignedIn, AccountError> {
        let name = self.right(checked).ok_or(AccountError::SignIn)?;
        let must_change = self.users.get(&name).is_some_and(|user| user.must_change);
        let (secret, id, hash) = token::issue(SESSION, entropy)?;
        self.tries.remove(&checked.key);
        let session =
            Session { user: name.clone(), begun: now, seen: now, emergencies: BTreeMap::new(), hash };
        self.sessions.insert(id.clone(), session);
        Ok(SignedIn { secret, session: id, user: name, must_change })
    }

    /// The account of a right password, where it still has that password and is open.
    fn right(&self, checked: &Checked) -> Option<UserName> {
        let name = checked.name.as_ref().filter(|_| checked.is_right)?;
        let user = self.users.get(name)?;
        (!user.is_disabled && user.password == checked.phc).then(|| name.clone())
    }

    /// Who asks with a session's secret. Its last use is written down once a minute.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] if it is none, has ended, was idle too long, or its account is closed.
    pub fn session(
        &mut self,
        secret: &str,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<Principal, AccountError> {
        let (id, secret) = token::split(SESSION, secret).ok_or(AccountError::Unknown)?;
        let session = self.sessions.get_mut(id).ok_or(AccountError::Unknown)?;
        if !token::fits(secret, &session.hash) {
            return Err(AccountError::Unknown);
        }
        if !is_alive(session, now, policy) {
            self.sessions.remove(id);
            return Err(AccountError::Unknown);
        }
        let user = self.users.get(&session.user).filter(|user| !user.is_disabled);
        let user = user.ok_or(AccountError::Unknown)?;
        if (now - session.seen).num_seconds() >= SEEN_SECONDS {
            session.seen = now;
        }
        Ok(Principal {
            user: session.user.clone(),
            roles: user.roles.clone(),
            permissions: permissions(user),
            access: user.access.clone(),
            via: Via::Session(id.to_owned()),
            must_change: user.must_change,
            emergencies: session.emergencies.clone(),
        })
    }

    /// Ends a session; whether there was one.
    pub fn sign_out(&mut self, session: &str) -> bool {
        self.sessions.remove(session).is_some()
    }

    /// Gives a session access to one patient for a while, with a reason. The caller writes it into the audit log *before*
    /// the patient is shown.
    ///
    /// # Errors
    /// [`AccountError::NoEmergency`], [`AccountError::Reason`], [`AccountError::Unknown`].
    pub fn break_glass(
        &mut self,
        principal: &Principal,
        patient: Reference,
        reason: &str,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<DateTime<Utc>, AccountError> {
        let Via::Session(id) = &principal.via else { return Err(AccountError::NoEmergency) };
        if !principal.permissions.contains(&Permission::Emergency) || principal.must_change {
            return Err(AccountError::NoEmergency);
        }
        if !(10..=1000).contains(&reason.trim().chars().count()) {
            return Err(AccountError::Reason);
        }
        let session = self.sessions.get_mut(id).ok_or(AccountError::Unknown)?;
        let until = now + Duration::seconds(policy.emergency_seconds);
        session.emergencies.retain(|_, until| now < *until);
        session.emergencies.insert(patient, until);
        Ok(until)
    }

    /// Makes a token for a program that acts for an account.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], [`AccountError::Days`], [`AccountError::Permission`] for no scopes.
    pub fn make_token(
        &mut self,
        name: &UserName,
        label: &str,
        scopes: BTreeSet<Permission>,
        days: u32,
        now: DateTime<Utc>,
        entropy: &mut impl Entropy,
    ) -> Result<(String, ShownOnce), AccountError> {
        if !self.users.contains_key(name) {
            return Err(AccountError::NoAccount);
        }
        if scopes.is_empty() {
            return Err(AccountError::Permission);
        }
        if !(1..=3650).contains(&days) {
            return Err(AccountError::Days);
        }
        let (secret, id, hash) = token::issue(TOKEN, entropy)?;
        let until = now + Duration::days(i64::from(days));
        let label = label.chars().take(100).collect();
        self.tokens
            .insert(id.clone(), ApiToken { user: name.clone(), label, scopes, made: now, until, hash });
        Ok((id, secret))
    }

    /// Withdraws a token; whether there was one.
    pub fn revoke_token(&mut self, id: &str) -> bool {
        self.tokens.remove(id).is_some()
    }

    /// Who asks with a token's secret: the account it acts for, with no more than the token's scopes.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] if it is none, has ended, or its account is closed.
    pub fn token(&self, secret: &str, now: DateTime<Utc>) -> Result<Principal, AccountError> {
        let (id, secret) = token::split(TOKEN, secret).ok_or(AccountError::Unknown)?;
        let token = self.tokens.get(id).ok_or(AccountError::Unknown)?;
        if !token::fits(secret, &token.hash) || now >= token.until {
            return Err(AccountError::Unknown);
        }
        let user = self.users.get(&token.user).filter(|user| !user.is_disabled);
        let user = user.ok_or(AccountError::Unknown)?;
        Ok(Principal {
            user: token.user.clone(),
            roles: user.roles.clone(),
            permissions: permissions(user).intersection(&token.scopes).copied().collect(),
            access: user.access.clone(),
            via: Via::Token(id.to_owned()),
            must_change: false,
            emergencies: BTreeMap::new(),
        })
    }

    /// Drops sessions and tokens that have ended, and old tries.
    pub fn forget(&mut self, now: DateTime<Utc>, policy: &Policy) {
        self.sessions.retain(|_, session| is_alive(session, now, policy));
        self.tokens.retain(|_, token| now < token.until);
        self.tries.retain(|_, tries| now - tries.last < Duration::days(1));
        if self.tries.len() > MOST_STRANGERS {
            let known: BTreeSet<String> =
                self.users.keys().map(|name| hex::sha256(name.as_str().as_bytes())).collect();
            self.tries.retain(|key, tries| {
                known.contains(key) || tries.locked_until.is_some_and(|until| now < until)
            });
        }
    }

    /// Refuses a change that would leave nobody who keeps accounts.
    fn keep_an_administrator(&self, name: &UserName, stays: bool) -> Result<(), AccountError> {
        let keeps = |user: &User| !user.is_disabled && user.roles.contains(&Role::Administrator);
        let is_one = self.users.get(name).is_some_and(keeps);
        let another = self.users.iter().any(|(other, user)| other != name && keeps(user));
        if is_one && !stays && !another {
            return Err(AccountError::LastAdministrator { name: name.clone() });
        }
        Ok(())
    }
}

/// Whether a session has neither ended nor been idle too long; a clock that was set back ends it.
fn is_alive(session: &Session, now: DateTime<Utc>, policy: &Policy) -> bool {
    let age = (now - session.begun).num_seconds();
    let idle = (now - session.seen).num_seconds();
    (-300..policy.session_seconds).contains(&age) && idle < policy.idle_seconds
}

fn permissions(user: &User) -> BTreeSet<Permission> {
    user.roles.iter().flat_map(|role| role.permissions()).copied().collect()
}

/// 140 random bits in groups of letters and digits that are not mistaken for each other.
fn random_password(entropy: &mut impl Entropy) -> Result<ShownOnce, AccountError> {
    // 32 characters, so each byte gives 5 bits without a bias.
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let bytes: [u8; 28] = entropy.array()?;
    let groups: Vec<String> = bytes
        .chunks(7)
        .map(|group| group.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect())
        .collect();
    Ok(ShownOnce::new(groups.join("-")))
}
