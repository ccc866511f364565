use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::StoreError;
use crate::sealed::SealedFile;

/// The bytes of one object, in memory or in a file: what is large never is in memory as a whole.
#[derive(Debug)]
pub enum Content {
    /// All bytes.
    Memory(Vec<u8>),
    /// A file, read where it is asked for.
    File {
        /// The open file.
        file: File,
        /// Its length in bytes.
        length: u64,
    },
    /// A sealed file, opened where it is asked for.
    Sealed(Box<SealedFile>),
}

impl Content {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
            Self::Sealed(sealed) => sealed.length(),
        }
    }

    /// Fills `buffer` from `at` on as far as there are bytes; gives how many.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file cannot be read; [`StoreError::Sealed`] where it is not what was sealed.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                let count = buffer.len().min(bytes.len() - start);
                buffer[..count].copy_from_slice(&bytes[start..start + count]);
                Ok(count)
            }
            Self::File { file, .. } => {
                let mut count = 0;
                while count < buffer.len() {
                    match file.read_at(&mut buffer[count..], at + count as u64) {
                        Ok(0) => break,
                        Ok(read) => count += read,
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(StoreError::io("reading", "an object", error)),
                    }
                }
                Ok(count)
            }
            Self::Sealed(sealed) => sealed.read_at(at, buffer),
        }
    }
}

/// Content read from its beginning on.
pub(crate) struct Reading<'a> {
    content: &'a Content,
    at: u64,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(content: &'a Content) -> Self {
        Self { content, at: 0 }
    }
}

impl std::io::Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.content.read_at(self.at, buffer).map_err(|error| match error {
            StoreError::Io { source, .. } => source,
            other => std::io::Error::other(other),
        })?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Bytes read ahead of a file.
const AHEAD: usize = 64 << 10;

/// A look at content that moves forward: small reads come from a buffer.
pub(crate) struct Window<'a> {
    content: &'a Content,
    buffer: Vec<u8>,
    start: u64,
}

impl<'a> Window<'a> {
    pub(crate) fn new(content: &'a Content) -> Self {
        Self { content, buffer: Vec::new(), start: 0 }
    }

    pub(crate) fn length(&self) -> u64 {
        self.content.length()
    }

    /// `length` bytes from `at` on, or fewer where the content ends before.
    pub(crate) fn at(&mut self, at: u64, length: usize) -> Result<&[u8], StoreError> {
        if let Content::Memory(bytes) = self.content {
            let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            return Ok(&bytes[start..start.saturating_add(length).min(bytes.len())]);
        }
        let held = self.start..self.start + self.buffer.len() as u64;
        if !(held.start <= at && at + length as u64 <= held.end) {
            let rest = usize::try_from(self.content.length().saturating_sub(at)).unwrap_or(usize::MAX);
            self.buffer.resize(length.max(AHEAD).min(rest), 0);
            let count = self.content.read_at(at, &mut self.buffer)?;
            self.buffer.truncate(count);
            self.start = at;
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX).min(self.buffer.len());
        Ok(&self.buffer[from..(from + length).min(self.buffer.len())])
    }
}
