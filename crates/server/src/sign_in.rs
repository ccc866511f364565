//! Sign-in: who asks, by the file of accounts, without reading it anew for each request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::account::{
    AccountError, Accounts, AccountsFile, Permission, Policy, Principal, SignedIn, UserName,
};
use wilhelm_privacy::audit::Reference;

/// Tries to sign in that one address has at once.
const BURST: u32 = 10;
/// Seconds until it has one more.
const REFILL_SECONDS: i64 = 6;
/// Addresses that tries are counted for.
const ADDRESSES: usize = 10_000;
/// Passwords compared at once: each takes some 20 MiB.
const HASHING: usize = 2;

/// What a request shows to say who it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The secret of a cookie.
    Session(String),
    /// The secret of `Authorization: Bearer`.
    Token(String),
    /// The secret of the cookie of a guest, who has no account.
    Guest(String),
}

/// The file of accounts as it was when it was last looked at.
#[derive(Debug, Default)]
struct Held {
    stamp: Option<(u64, u64, SystemTime)>,
    accounts: Accounts,
}

/// Who may sign in, and how often may be tried.
#[derive(Debug)]
pub struct SignIn {
    file: AccountsFile,
    policy: Policy,
    held: Mutex<Held>,
    doors: Doors,
    /// Passwords that are being compared.
    pub(crate) hashing: Semaphore,
}

impl SignIn {
    /// Sign-in by a file of accounts.
    ///
    /// # Errors
    /// [`AccountError`] where the file cannot be read.
    pub fn new(file: AccountsFile, policy: Policy) -> Result<Self, AccountError> {
        file.read()?;
        let (held, doors) = (Mutex::default(), Doors::default());
        Ok(Self { file, policy, held, doors, hashing: Semaphore::new(HASHING) })
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether an account of this name is there, is not closed, and has a role that may do something.
    ///
    /// # Errors
    /// What the file of accounts says.
    pub(crate) fn has(&self, name: &str, permission: Permission) -> Result<bool, AccountError> {
        let accounts = self.file.read()?;
        let found = accounts.users().any(|(own, user)| {
            own.as_str() == name
                && !user.is_disabled
                && user.roles.iter().any(|role| role.permissions().contains(&permission))
        });
        Ok(found)
    }

    /// Seconds to wait where an address tried too often.
    pub(crate) fn wait(&self, from: IpAddr, now: DateTime<Utc>) -> Option<i64> {
        self.doors.wait(from, now)
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`AccountError::Unknown`], and what the file of accounts says.
    pub(crate) fn principal(
        &self,
        credential: &Credential,
        now: DateTime<Utc>,
    ) -> Result<Principal, AccountError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = self.stamp();
        if stamp.is_none() || held.stamp != stamp {
            *held = Held { stamp, accounts: self.file.read()? };
        }
        match credential {
            Credential::Token(secret) => held.accounts.token(secret, now),
            Credential::Guest(_) => Err(AccountError::Unknown),
            Credential::Session(secret) => {
                let before = held.accounts.clone();
                let principal = held.accounts.session(secret, now, &self.policy)?;
                if held.accounts != before {
                    // Its last use goes to the disk once a minute, so that a restart does not lengthen it.
                    held.stamp = None;
                    return self.file.change(|accounts| accounts.session(secret, now, &self.policy));
                }
                Ok(principal)
            }
        }
    }

    /// Which file it is: it is replaced as a whole, so that each change is another one.
    fn stamp(&self) -> Option<(u64, u64, SystemTime)> {
        let metadata = self.file.path().metadata().ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let number = 0;
        Some((number, metadata.len(), metadata.modified().ok()?))
    }

    /// Signs in. The name is given back where there is such an account, for the log, whatever comes of it.
    pub(crate) fn begin(
        &self,
        name: &str,
        password: &str,
        now: DateTime<Utc>,
    ) -> (Option<UserName>, Result<SignedIn, AccountError>) {
        let known = UserName::parse(name).ok().filter(|name| {
            self.file.read().is_ok_and(|accounts| accounts.users().any(|(user, _)| user == name))
        });
        let run = || {
            // The try is kept, whatever comes of it.
            let challenge = self.file.change(|accounts| accounts.begin_sign_in(name, now, &self.policy))?;
            let checked = challenge.check(password);
            self.file.change(|accounts| accounts.finish_sign_in(&checked, now, &mut SystemEntropy::default()))
        };
        (known, run())
    }

    /// Sets the password that the account's owner chose; the session `keep` goes on.
    ///
    /// # Errors
    /// [`AccountError`].
    pub(crate) fn set_password(
        &self,
        name: &UserName,
        old: &str,
        new: &str,
        keep: &str,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let challenge =
            self.file.change(|accounts| accounts.begin_sign_in(name.as_str(), now, &self.policy))?;
        let checked = challenge.check(old);
        self.file.change(|accounts| {
            let entropy = &mut SystemEntropy::default();
            accounts.set_password(&checked, new, Some(keep), &self.policy, entropy)
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`AccountError`] where the file of accounts cannot be written.
    pub(crate) fn end(&self, session: &str) -> Result<bool, AccountError> {
        self.file.change(|accounts| Ok(accounts.sign_out(session)))
    }

    /// Shows a patient to a session in an emergency.
    ///
    /// # Errors
    /// [`AccountError::NoEmergency`], [`AccountError::Reason`], and what the file of accounts says.
    pub(crate) fn break_glass(
        &self,
        principal: &Principal,
        patient: Reference,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, AccountError> {
        self.file.change(|accounts| accounts.break_glass(principal, patient, reason, now, &self.policy))
    }
}

/// Tries by address, so that nobody tries one password on many names at the speed of the machine.
#[derive(Debug, Default)]
struct Doors(Mutex<HashMap<IpAddr, (f64, DateTime<Utc>)>>);

impl Doors {
    /// Takes one try, or says how many seconds there is none.
    fn wait(&self, from: IpAddr, now: DateTime<Utc>) -> Option<i64> {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = |left: f64, since: DateTime<Utc>| {
            let seconds = (now - since).num_milliseconds().max(0) as f64 / 1000.0;
            (left + seconds / REFILL_SECONDS as f64).min(f64::from(BURST))
        };
        if doors.len() >= ADDRESSES {
            doors.retain(|_, (left, since)| refilled(*left, *since) < f64::from(BURST));
        }
        if doors.len() >= ADDRESSES && !doors.contains_key(&from) {
            return Some(REFILL_SECONDS);
        }
        let (left, since) = doors.entry(from).or_insert((f64::from(BURST), now));
        *left = refilled(*left, *since);
        *since = now;
        if *left < 1.0 {
            return Some(((1.0 - *left) * REFILL_SECONDS as f64).ceil() as i64);
        }
        *left -= 1.0;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_ten_tries_and_one_more_every_six_seconds() {
        let doors = Doors::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let now: DateTime<Utc> = "2026-01-31T14:05:00Z".parse().expect("a time");
        for _ in 0..10 {
            assert_eq!(doors.wait(one, now), None);
        }
        assert_eq!(doors.wait(one, now), Some(6));
        assert_eq!(doors.wait(other, now), None);
        let later = now + chrono::Duration::seconds(6);
        assert_eq!(doors.wait(one, later), None);
        assert_eq!(doors.wait(one, later), Some(6));
    }
}
