use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::column::ColumnKey;
use super::{Root, SealError};
use crate::durable::{self, Lock};
use crate::{Entropy, Secret, hex};

/// The form of the file; another one is refused.
const FORM: u32 = 1;
/// The name of the key of indexes, beside those of the master keys.
const INDEX: &str = "index";

/// Name of a master key: 16 hexadecimal digits, drawn by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub(super) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(&self.0))
    }
}

/// One master key as `wilhelm keys check` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyState {
    /// Its name.
    pub id: String,
    /// When it was made.
    #[serde(with = "crate::when")]
    pub made: DateTime<Utc>,
    /// Whether new objects are sealed with it.
    pub is_active: bool,
}

/// Master keys, of which one is active, and the key of indexes.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: BTreeMap<KeyId, (DateTime<Utc>, Secret)>,
    active: KeyId,
    index: Secret,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    form: u32,
    root: String,
    active: String,
    keys: Vec<WrappedKey>,
    index: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrappedKey {
    id: String,
    #[serde(with = "crate::when")]
    made: DateTime<Utc>,
    wrapped: String,
}

impl Keyring {
    /// A keyring with one master key, in a file that is not there yet.
    ///
    /// # Errors
    /// [`SealError::KeyringExists`], [`SealError::Command`], and what the disk says.
    pub fn make(
        path: &Path,
        root: &Root,
        now: DateTime<Utc>,
        entropy: &mut impl Entropy,
    ) -> Result<Self, SealError> {
        let active = KeyId(entropy.array()?);
        let keys = BTreeMap::from([(active, (now, Secret::random(entropy)?))]);
        let ring = Self { keys, active, index: Secret::random(entropy)? };
        let bytes = ring.to_bytes(root, entropy)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            durable::create_folder(folder).map_err(|source| failed(path, source))?;
        }
        durable::create(path, &bytes).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => SealError::KeyringExists { path: path.to_owned() },
            _ => failed(path, source),
        })?;
        Ok(ring)
    }

    /// Opens the keyring of a file; each of its keys has to open.
    ///
    /// # Errors
    /// [`SealError::NoKeyring`], [`SealError::Keyring`], [`SealError::Open`], [`SealError::WrongRoot`],
    /// [`SealError::Command`], and what the disk says.
    pub fn open(path: &Path, root: &Root) -> Result<Self, SealError> {
        let mut file = std::fs::File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SealError::NoKeyring { path: path.to_owned() },
            _ => failed(path, source),
        })?;
        #[cfg(unix)]
        {
            let there = file.metadata().map_err(|source| failed(path, source))?;
            let mode = std::os::unix::fs::MetadataExt::mode(&there) & 0o777;
            if mode & 0o077 != 0 {
                return Err(SealError::Open { path: path.to_owned(), mode });
            }
        }
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut file, &mut bytes).map_err(|source| failed(path, source))?;
        let wrong = |what: String| SealError::Keyring { path: path.to_owned(), what };
        let file: File = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("line {}, column {}", error.line(), error.column())))?;
        if file.form != FORM {
            return Err(wrong(format!("its form is {}, expected {FORM}", file.form)));
        }
        if file.root != root.kind() {
            return Err(wrong(format!("it lies under a {}, and a {} was given", file.root, root.kind())));
        }
        let id = |text: &str| hex::decode(text).map(KeyId).ok_or_else(|| wrong("a key's name".to_owned()));
        let mut keys = BTreeMap::new();
        for key in &file.keys {
            let secret = root.unwrap(&label(&key.id), &key.wrapped)?;
            keys.insert(id(&key.id)?, (key.made, secret));
        }
        let active = id(&file.active)?;
        if !keys.contains_key(&active) {
            return Err(wrong("its active key is missing".to_owned()));
        }
        Ok(Self { keys, active, index: root.unwrap(INDEX, &file.index)? })
    }

    /// Adds a master key and makes it the active one, under the same root or another. No object is written again: what was
    /// sealed before opens with the keys before it, which stay.
    ///
    /// # Errors
    /// As [`Keyring::open`]; the file is as it was then.
    pub fn rotate(
        path: &Path,
        root: &Root,
        new_root: Option<&Root>,
        now: DateTime<Utc>,
        entropy: &mut impl Entropy,
    ) -> Result<Self, SealError> {
        if !path.is_file() {
            return Err(SealError::NoKeyring { path: path.to_owned() });
        }
        let lock = path.with_extension("lock");
        let _lock = Lock::exclusive(&lock).map_err(|source| failed(&lock, source))?;
        let mut ring = Self::open(path, root)?;
        ring.active = KeyId(entropy.array()?);
        ring.keys.insert(ring.active, (now, Secret::random(entropy)?));
        let bytes = ring.to_bytes(new_root.unwrap_or(root), entropy)?;
        durable::replace(path, &bytes, true).map_err(|source| failed(path, source))?;
        Ok(ring)
    }

    /// The master keys, the oldest first.
    pub fn states(&self) -> Vec<KeyState> {
        let mut states: Vec<KeyState> = self
            .keys
            .iter()
            .map(|(id, (made, _))| KeyState {
                id: id.to_string(),
                made: *made,
                is_active: *id == self.active,
            })
            .collect();
        states.sort_by_key(|state| state.made);
        states
    }

    /// The key of a column: its values can be sealed, and found by an index.
    pub fn column(&self, name: &str) -> ColumnKey<'_> {
        ColumnKey::new(self, &self.index, name)
    }

    /// The key that new objects are sealed with.
    pub const fn active(&self) -> KeyId {
        self.active
    }

    pub(super) fn active_key(&self) -> &Secret {
        &self.keys[&self.active].1
    }

    pub(super) fn key(&self, id: KeyId) -> Result<&Secret, SealError> {
        self.keys.get(&id).map(|(_, key)| key).ok_or_else(|| SealError::NoKey { id: id.to_string() })
    }

    fn to_bytes(&self, root: &Root, entropy: &mut impl Entropy) -> Result<Vec<u8>, SealError> {
        let mut keys = Vec::new();
        for (id, (made, secret)) in &self.keys {
            let id = id.to_string();
            let wrapped = root.wrap(&label(&id), secret, entropy)?;
            keys.push(WrappedKey { id, made: *made, wrapped });
        }
        keys.sort_by_key(|key| key.made);
        let file = File {
            form: FORM,
            root: root.kind().to_owned(),
            active: self.active.to_string(),
            keys,
            index: root.wrap(INDEX, &self.index, entropy)?,
        };
        let mut text = serde_json::to_string_pretty(&file).expect("a keyring is JSON");
        text.push('\n');
        Ok(text.into_bytes())
    }

    /// A keyring in memory with a given key.
    #[cfg(test)]
    pub(super) fn of_keys(id: [u8; 8], key: [u8; 32], index: [u8; 32]) -> Self {
        let keys = BTreeMap::from([(KeyId(id), (DateTime::UNIX_EPOCH, Secret::new(key)))]);
        Self { keys, active: KeyId(id), index: Secret::new(index) }
    }
}

fn label(id: &str) -> String {
    format!("key {id}")
}

fn failed(path: &Path, source: io::Error) -> SealError {
    SealError::Io { what: format!("the keyring {}", path.display()), source }
}
