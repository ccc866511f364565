use crate::LlmError;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// SHA-256 of a file, in lower case hexadecimal digits.
///
/// # Errors
/// [`LlmError::File`] if it cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<String, LlmError> {
    let hash = || -> io::Result<String> {
        let mut hasher = Hasher::new(io::sink());
        copy(&mut File::open(path)?, &mut hasher, u64::MAX)?;
        Ok(hasher.finish().0)
    };
    hash().map_err(|source| LlmError::File { path: path.to_path_buf(), source })
}

/// Refuses a file whose SHA-256 is not `expected`; returns the hash.
///
/// # Errors
/// [`LlmError::Hash`]; [`LlmError::File`] if it cannot be read.
pub fn check_hash(path: &Path, expected: &str) -> Result<String, LlmError> {
    let found = sha256_of_file(path)?;
    if found.eq_ignore_ascii_case(expected) {
        Ok(found)
    } else {
        Err(LlmError::Hash { path: path.to_path_buf(), found, expected: expected.to_string() })
    }
}

/// SHA-256 of bytes in memory, in lower case hexadecimal digits.
pub(crate) fn sha256_of_bytes(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Passes bytes on and hashes them.
pub(crate) struct Hasher<W> {
    digest: Sha256,
    inner: W,
}

impl<W> Hasher<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { digest: Sha256::new(), inner }
    }

    /// The hash, and what the bytes were passed to.
    pub(crate) fn finish(self) -> (String, W) {
        (hexadecimal(&self.digest.finalize()), self.inner)
    }
}

impl<W: Write> Write for Hasher<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Copies at most `most` bytes in steps of 1 MiB; returns how many.
pub(crate) fn copy(from: &mut impl Read, to: &mut impl Write, most: u64) -> io::Result<u64> {
    let mut from = from.take(most);
    let mut buffer = vec![0; 1 << 20];
    let mut copied = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(copied),
            read => {
                to.write_all(&buffer[..read])?;
                copied += read as u64;
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_abc_is_that_of_fips_180() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of_bytes(b"abc"), expected);
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(b"abc").expect("written");
        assert_eq!(sha256_of_file(file.path()).expect("readable"), expected);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = sha256_of_file(Path::new("/no/such/file")).expect_err("it is missing");
        assert!(error.to_string().starts_with("cannot use /no/such/file: "), "{error}");
    }
}
