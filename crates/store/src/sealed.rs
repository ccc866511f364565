//! Objects that lie sealed on the disk: sealed as they arrive, opened chunk by chunk as they are read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::seal::{
    CHUNK_BYTES, ChunkOpener, HEADER_BYTES, Keyring, SealError, Sealer, plain_bytes,
};

use crate::StoreError;

/// What a sealed object's file is called behind its checksum.
pub(crate) const EXTENSION: &str = "sealed";
/// What objects that are still arriving are sealed for: their checksum is known at their end.
pub(crate) const ARRIVING: &str = "wilhelm archive arriving";

/// What an object is sealed for: its checksum, so that no other object's file stands in its place.
pub(crate) fn context(checksum: &str) -> String {
    format!("wilhelm archive object {checksum}")
}

/// A sealed file, read wherever it is asked for.
#[derive(Debug)]
pub struct SealedFile {
    file: File,
    path: PathBuf,
    opener: ChunkOpener,
    sealed: u64,
    length: u64,
    /// The chunk that was opened last: small reads follow each other.
    last: Mutex<Option<(u64, Vec<u8>)>>,
}

impl SealedFile {
    /// Takes an open file that was sealed for `context`.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] where it does not open with these keys; [`StoreError::Io`].
    pub(crate) fn new(file: File, path: &Path, context: &str, keys: &Keyring) -> Result<Self, StoreError> {
        let failed = |error| StoreError::io("reading", path, error);
        let wrong = |source| StoreError::sealed(path, source);
        let sealed = file.metadata().map_err(failed)?.len();
        let length = plain_bytes(sealed).ok_or_else(|| wrong(SealError::NotSealed))?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).map_err(failed)?;
        let opener = ChunkOpener::new(&header, context.as_bytes(), keys).map_err(wrong)?;
        Ok(Self { file, path: path.to_owned(), opener, sealed, length, last: Mutex::default() })
    }

    /// Number of bytes before it was sealed.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` from `at` on as far as there are bytes; gives how many.
    pub(crate) fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        const CHUNK: u64 = CHUNK_BYTES as u64;
        let mut count = 0;
        let mut held = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        while count < buffer.len() && at + (count as u64) < self.length {
            let from = at + count as u64;
            let number = from / CHUNK;
            if held.as_ref().is_none_or(|(which, _)| *which != number) {
                *held = None;
                *held = Some((number, self.chunk(number)?));
            }
            let Some((_, plain)) = held.as_ref() else { break };
            let skip = usize::try_from(from % CHUNK).unwrap_or(usize::MAX);
            let piece = plain.get(skip..).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            let taken = piece.len().min(buffer.len() - count);
            buffer[count..count + taken].copy_from_slice(&piece[..taken]);
            count += taken;
        }
        Ok(count)
    }

    fn chunk(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let (start, most) = ChunkOpener::place(number);
        let length = (self.sealed - start).min(most as u64);
        let is_last = start + length == self.sealed;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(most)];
        self.file
            .read_exact_at(&mut bytes, start)
            .map_err(|error| StoreError::io("reading", &self.path, error))?;
        let plain = self
            .opener
            .open(number, is_last, &mut bytes)
            .map_err(|source| StoreError::sealed(&self.path, source))?
            .len();
        bytes.truncate(plain);
        Ok(bytes)
    }
}

/// Seals all of a source into a file, for a context.
///
/// # Errors
/// [`StoreError::DiskFull`], [`StoreError::Io`], [`StoreError::Sealed`].
pub(crate) fn seal(
    mut source: impl Read,
    file: &mut File,
    path: &Path,
    context: &str,
    keys: &Keyring,
) -> Result<(), StoreError> {
    let mut sealer = sealer(file, path, context, keys)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                sealer.write_all(&buffer[..count]).map_err(|error| StoreError::io("writing", path, error))?
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::io("reading", path, error)),
        }
    }
    sealer.finish().map(drop).map_err(|source| of_writing(path, source))
}

/// A writer that seals what is written to it.
pub(crate) fn sealer<W: Write>(
    inner: W,
    path: &Path,
    context: &str,
    keys: &Keyring,
) -> Result<Sealer<W>, StoreError> {
    Sealer::new(inner, context.as_bytes(), keys, &mut SystemEntropy::default())
        .map_err(|source| of_writing(path, source))
}

/// A full disk is told apart from keys.
pub(crate) fn of_writing(path: &Path, error: SealError) -> StoreError {
    match error {
        SealError::Io { source, .. } => StoreError::io("writing", path, source),
        other => StoreError::sealed(path, other),
    }
}
