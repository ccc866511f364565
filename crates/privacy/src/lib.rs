//! Who did what, who may do what, and what nobody can read without a key.
//!
//! The principal type is [`audit::AuditLog`]: an append-only log, each entry chained to the one before, its end held by
//! a keyed checkpoint.
//!
//! Invariants held here: time and random numbers come in as arguments; a patient stands in the log as a keyed reference
//! alone ([`audit::Reference`]); secrets print as `<secret>` and are compared in constant time; nothing is acknowledged
//! before it is on the disk; a wrong, missing or open key is an error, never a default. No cryptography is our own: hashes,
//! keyed hashes and sealing are `ring`'s, passwords RustCrypto's Argon2.
//!
//! ```
//! use wilhelm_privacy::audit::{Action, Actor, AuditKey, AuditLog, Event, Object, ObjectKind, Outcome, verify};
//! use wilhelm_privacy::{Secret, SystemEntropy};
//! use wilhelm_study::Phi;
//!
//! let folder = tempfile::tempdir()?;
//! let key = AuditKey::new(&Secret::random(&mut SystemEntropy::default())?);
//! let at = "2026-01-31T14:05:00Z".parse()?;
//! let log = AuditLog::open(folder.path(), key.clone(), at)?;
//! let patient = key.reference(ObjectKind::Patient, &Phi::new("4711".to_owned()));
//! let event = Event::new(Actor::user("jane"), Action::StudySeen, Object::new(ObjectKind::Patient, patient), Outcome::Done);
//! log.append(at, &event)?;
//! assert!(verify(folder.path(), Some(&key))?.flaws.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod account;
pub mod audit;
mod durable;
mod entropy;
mod hex;
mod key_file;
pub mod seal;
mod secret;
mod when;

pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use key_file::{KeyFileError, KeyPurpose, make_key, read_key};
pub use secret::Secret;
