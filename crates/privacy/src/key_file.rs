use std::io;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::entropy::EntropyError;
use crate::{Entropy, Secret, hex};

/// What a key is for: the first word of its file, so that one is not taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// The audit log's checkpoints and references.
    Audit,
    /// The root under which the keys of sealed objects lie.
    Root,
}

impl KeyPurpose {
    const fn word(self) -> &'static str {
        match self {
            Self::Audit => "wilhelm-audit-key-1",
            Self::Root => "wilhelm-root-key-1",
        }
    }
}

/// What is wrong with a file that should hold a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It is not there.
    #[error(
        "the key file {path} is not there: bring it back from where it is kept safe; without it nothing can be proved or opened"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// One is there already.
    #[error("a key file {path} is there already, and a key is never written over")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error(
        "the key file {path} can be read by others (mode {mode:03o}), expected 600: chmod 600 it, and make a new key if others were there"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error("{path} holds no such key, expected one line of {expected:?} and 64 hexadecimal digits")]
    Content {
        /// The file.
        path: PathBuf,
        /// Its first word.
        expected: &'static str,
    },
    /// The disk or the system refuses.
    #[error("the key file {path} is not accessible: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No random numbers.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl KeyFileError {
    /// Whether the input is at fault rather than this machine.
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::Entropy(_))
    }
}

/// Reads a key from its file, which only its owner may read.
///
/// # Errors
/// [`KeyFileError`], never with a part of the key.
pub fn read_key(path: &Path, purpose: KeyPurpose) -> Result<Secret, KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing { path: path.to_owned() },
        _ => KeyFileError::Io { path: path.to_owned(), source },
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().map_err(failed)?) & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Open { path: path.to_owned(), mode });
        }
    }
    let wrong = || KeyFileError::Content { path: path.to_owned(), expected: purpose.word() };
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, 4096), &mut bytes).map_err(failed)?;
    let text = str::from_utf8(&bytes).map_err(|_| wrong())?;
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(word), Some(digits), None) if word == purpose.word() => {
            hex::decode(digits).map(Secret::new).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// Makes a key and writes it to a file that is not there yet, readable by its owner alone.
///
/// # Errors
/// [`KeyFileError`] if a file is there, or the folder is not writable.
pub fn make_key(
    path: &Path,
    purpose: KeyPurpose,
    entropy: &mut impl Entropy,
) -> Result<Secret, KeyFileError> {
    let key = Secret::random(entropy)?;
    let line = format!("{} {}\n", purpose.word(), hex::encode(key.expose()));
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::Io { path: path.to_owned(), source },
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        durable::create_folder(folder).map_err(failed)?;
    }
    durable::create(path, line.as_bytes()).map_err(failed)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::tests::Counted;

    #[test]
    fn a_key_is_read_by_its_purpose_and_never_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/audit.key");
        let key = make_key(&path, KeyPurpose::Audit, &mut Counted(1)).expect("made");
        let read = read_key(&path, KeyPurpose::Audit).expect("read");
        assert_eq!(key.expose(), read.expose());
        let wrong = read_key(&path, KeyPurpose::Root).expect_err("another purpose");
        assert!(matches!(wrong, KeyFileError::Content { .. }));
        assert!(!wrong.to_string().contains(&hex::encode(key.expose())[..8]));
        let again = make_key(&path, KeyPurpose::Audit, &mut Counted(2)).expect_err("there already");
        assert!(matches!(again, KeyFileError::Exists { .. }));
        let missing = read_key(&folder.path().join("none"), KeyPurpose::Audit).expect_err("missing");
        assert!(matches!(missing, KeyFileError::Missing { .. }) && missing.is_callers_fault());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.key");
        make_key(&path, KeyPurpose::Audit, &mut Counted(1)).expect("made");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).expect("set");
        let open = read_key(&path, KeyPurpose::Audit).expect_err("too open");
        assert!(open.to_string().contains("mode 640"), "{open}");
    }

    #[test]
    fn a_file_with_something_else_is_named_and_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        for wrong in ["", "hello", "wilhelm-audit-key-1 abc", "wilhelm-audit-key-1", "\u{1F600}"] {
            let path = folder.path().join("k");
            durable::replace(&path, wrong.as_bytes(), false).expect("written");
            let refused = read_key(&path, KeyPurpose::Audit).expect_err("no key");
            assert!(matches!(refused, KeyFileError::Content { .. }), "{wrong:?}: {refused}");
        }
    }
}
