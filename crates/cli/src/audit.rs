use std::path::{Path, PathBuf};

use wilhelm_privacy::audit::{Actor, AuditKey, AuditLog, Event, Object, ObjectKind, Reference};
use wilhelm_privacy::{KeyPurpose, SystemEntropy, make_key, read_key};
use wilhelm_study::Phi;

use crate::config::{self, Config};

/// The audit log, where the configuration names a folder for one.
#[derive(Debug)]
pub struct Book(Option<AuditLog>);

impl Book {
    /// Opens the log before anything is done that belongs into it: one that is broken stops that.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        match config.values.audit.folder.as_str() {
            "" => Ok(Self(None)),
            folder => Ok(Self(Some(open_log(Path::new(folder), config)?))),
        }
    }

    /// Writes an entry, and returns when it is on the disk.
    pub fn note(&self, event: Event) -> anyhow::Result<()> {
        if let Some(log) = &self.0 {
            log.append(chrono::Utc::now(), &event)?;
        }
        Ok(())
    }

    /// What an identifier is called in the log.
    pub fn reference(&self, kind: ObjectKind, identifier: &Phi<String>) -> Option<Reference> {
        self.0.as_ref().map(|log| log.key().reference(kind, identifier))
    }

    /// An object of a name.
    pub fn object(&self, kind: ObjectKind, name: &str) -> Object {
        Object { kind, reference: self.reference(kind, &Phi::new(name.to_owned())), patient: None }
    }

    /// Whoever runs the program, as the system names the account.
    pub fn actor(&self) -> Actor {
        let name = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        name.filter(|name| !name.is_empty()).map_or_else(Actor::program, |name| {
            Actor::user(name.chars().take(64).collect::<String>()).from("command line")
        })
    }
}

/// Opens the log of a folder, or begins one.
pub fn open_log(folder: &Path, config: &Config) -> anyhow::Result<AuditLog> {
    let path = key_file(config);
    // A log without its key is not begun anew under another one.
    let is_first = !path.exists() && !folder.join("head.json").exists();
    let secret = if is_first {
        make_key(&path, KeyPurpose::Audit, &mut SystemEntropy::default())?
    } else {
        read_key(&path, KeyPurpose::Audit)?
    };
    Ok(AuditLog::open(folder, AuditKey::new(&secret), chrono::Utc::now())?)
}

/// Where the log's key is.
pub fn key_file(config: &Config) -> PathBuf {
    config::beside(&config.values.audit.key_file, "audit.key")
}
