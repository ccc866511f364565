//! Where the bytes of one image come from, read without holding more than is needed.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::archive::Seekable;
use crate::{FormatError, Limits};

/// The bytes of one file or archive entry.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// On disk: read when it is needed.
    File(PathBuf),
    /// Out of an archive.
    Memory(Arc<[u8]>),
}

/// One thing to read, by the name it is reported under.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub label: String,
    /// Whether the caller named this very file, so that it must be an image.
    pub named: bool,
    pub source: Source,
    pub bytes: u64,
}

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Source {
    /// The first `most` bytes.
    pub(crate) fn beginning(&self, most: usize) -> Result<Vec<u8>, FormatError> {
        match self {
            Self::File(path) => {
                let mut bytes = Vec::with_capacity(most);
                open(path)?
                    .take(most as u64)
                    .read_to_end(&mut bytes)
                    .map_err(|source| FormatError::io("reading", path, source))?;
                Ok(bytes)
            }
            Self::Memory(bytes) => Ok(bytes[..bytes.len().min(most)].to_vec()),
        }
    }

    /// Number of bytes.
    pub(crate) fn length(&self) -> Result<u64, FormatError> {
        match self {
            Self::File(path) => {
                let metadata = path.metadata().map_err(|source| FormatError::io("reading", path, source))?;
                Ok(metadata.len())
            }
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// A handle of its own to read from any place, and the number of bytes.
    pub(crate) fn seekable(&self) -> Result<(Box<dyn Seekable>, u64), FormatError> {
        match self {
            Self::File(path) => {
                let file = open(path)?;
                let metadata = file.metadata().map_err(|source| FormatError::io("reading", path, source))?;
                Ok((Box::new(BufReader::new(file)), metadata.len()))
            }
            Self::Memory(bytes) => Ok((Box::new(Cursor::new(Arc::clone(bytes))), bytes.len() as u64)),
        }
    }

    /// All bytes, kept.
    pub(crate) fn all(&self, limits: &Limits) -> Result<Arc<[u8]>, FormatError> {
        match self {
            Self::File(path) => {
                let mut bytes = Vec::new();
                read_into(path, &mut bytes, limits)?;
                Ok(bytes.into())
            }
            Self::Memory(bytes) => Ok(Arc::clone(bytes)),
        }
    }

    /// Calls `use_bytes` with all bytes; a file passes through a buffer that its thread keeps.
    pub(crate) fn with_all<T>(
        &self,
        limits: &Limits,
        use_bytes: impl FnOnce(&[u8]) -> Result<T, FormatError>,
    ) -> Result<T, FormatError> {
        match self {
            Self::File(path) => {
                // Taken, not borrowed: a nested call finds an empty buffer instead of a conflict.
                let mut buffer = BUFFER.take();
                let length = read_into(path, &mut buffer, limits);
                let result = length.and_then(|length| use_bytes(&buffer[..length]));
                // A buffer grown by one huge file is not kept for the small ones behind it.
                if buffer.len() <= 64 << 20 {
                    BUFFER.set(buffer);
                }
                result
            }
            Self::Memory(bytes) => use_bytes(bytes),
        }
    }
}

fn open(path: &Path) -> Result<File, FormatError> {
    File::open(path).map_err(|source| FormatError::io("reading", path, source))
}

/// Reads a file to the front of `buffer`, which never shrinks, and gives the file's length.
fn read_into(path: &Path, buffer: &mut Vec<u8>, limits: &Limits) -> Result<usize, FormatError> {
    let failed = |source| FormatError::io("reading", path, source);
    let mut file = open(path)?;
    let declared = file.metadata().map_err(failed)?.len();
    if declared > limits.file_bytes {
        return Err(FormatError::TooLarge {
            what: "number of bytes in the file",
            declared,
            limit: limits.file_bytes,
        });
    }
    let wanted = usize::try_from(declared).map_err(|_| FormatError::TooLarge {
        what: "number of bytes in the file",
        declared,
        limit: usize::MAX as u64,
    })?;
    if buffer.len() < wanted {
        // Zeroed by the system, not here: an old buffer is replaced rather than grown.
        *buffer = vec![0; wanted];
    }
    let mut found = 0;
    while found < wanted {
        match file.read(&mut buffer[found..wanted]) {
            Ok(0) => break,
            Ok(count) => found += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(found)
}

/// SHA-256 in hexadecimal, or nothing where hashing is switched off.
pub(crate) fn sha256(bytes: &[u8], limits: &Limits) -> String {
    if limits.hash { hexadecimal(&Sha256::digest(bytes)) } else { String::new() }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_abc_is_the_one_of_fips_180() {
        assert_eq!(
            sha256(b"abc", &Limits::default()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha256(b"abc", &Limits { hash: false, ..Limits::default() }), "");
    }
}
