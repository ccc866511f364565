//! Objects as files, named by the SHA-256 of their bytes: no name comes from outside, and each name is a checksum.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use wilhelm_privacy::seal::{Keyring, Sealer};

use crate::content::{Content, Reading};
use crate::sealed::{self, EXTENSION, SealedFile};
use crate::{Limits, StoreError};

/// What an open object's file is called behind its checksum.
const PLAIN: &str = "dcm";

/// SHA-256 of an object's bytes.
pub type Checksum = [u8; 32];

/// Lower hexadecimal digits.
pub(crate) fn hexadecimal(checksum: &Checksum) -> String {
    use std::fmt::Write as _;
    checksum.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

/// The folders of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    pub root: PathBuf,
    pub objects: PathBuf,
    pub incoming: PathBuf,
    pub quarantine: PathBuf,
    /// Keys that objects are sealed with as they arrive, and opened with.
    pub keys: Option<Arc<Keyring>>,
}

impl Folders {
    /// Makes what is missing, and removes what a killed program left half written.
    pub(crate) fn open(root: &Path, keys: Option<Arc<Keyring>>) -> Result<Self, StoreError> {
        let folders = Self {
            root: root.to_owned(),
            objects: root.join("objects"),
            incoming: root.join("incoming"),
            quarantine: root.join("quarantine"),
            keys,
        };
        let make = |folder: &Path| {
            fs::create_dir_all(folder).map_err(|error| StoreError::io("making the folder", folder, error))
        };
        for folder in [&folders.objects, &folders.incoming, &folders.quarantine] {
            make(folder)?;
        }
        for number in 0..=255_u8 {
            make(&folders.objects.join(format!("{number:02x}")))?;
        }
        sync_folder(&folders.objects)?;
        sync_folder(root)?;
        Ok(folders)
    }

    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("emptying", &self.incoming, error);
        for entry in fs::read_dir(&self.incoming).map_err(failed)? {
            fs::remove_file(entry.map_err(failed)?.path()).map_err(failed)?;
        }
        Ok(())
    }

    /// Where an object's file belongs as it is written now.
    pub(crate) fn object(&self, checksum: &Checksum) -> PathBuf {
        self.file(checksum, if self.keys.is_some() { EXTENSION } else { PLAIN })
    }

    fn file(&self, checksum: &Checksum, extension: &str) -> PathBuf {
        let name = hexadecimal(checksum);
        self.objects.join(&name[..2]).join(format!("{name}.{extension}"))
    }

    /// Where an object's file is, and whether it is sealed. It may have been written before sealing was set, or after.
    pub(crate) fn present(&self, checksum: &Checksum) -> Option<(PathBuf, bool)> {
        [(EXTENSION, true), (PLAIN, false)]
            .into_iter()
            .map(|(extension, is_sealed)| (self.file(checksum, extension), is_sealed))
            .find(|(path, _)| path.exists())
    }

    /// Where an object is set aside.
    pub(crate) fn aside(&self, name: &str) -> PathBuf {
        self.quarantine.join(format!("{name}.{}", if self.keys.is_some() { EXTENSION } else { PLAIN }))
    }

    /// Opens an object's file.
    pub(crate) fn content(&self, checksum: &Checksum) -> Result<Content, StoreError> {
        let (path, is_sealed) = self.present(checksum).unwrap_or_else(|| (self.object(checksum), false));
        let failed = |error| StoreError::io("opening", &path, error);
        let file = File::open(&path).map_err(failed)?;
        if is_sealed {
            let keys = self.keys.as_ref().ok_or_else(|| StoreError::NoKeys { path: path.clone() })?;
            let context = sealed::context(&hexadecimal(checksum));
            return SealedFile::new(file, &path, &context, keys)
                .map(|sealed| Content::Sealed(Box::new(sealed)));
        }
        let length = file.metadata().map_err(failed)?.len();
        Ok(Content::File { file, length })
    }

    /// Seals an object that lies open; whether it did.
    pub(crate) fn seal(&self, checksum: &Checksum) -> Result<bool, StoreError> {
        let Some(keys) = &self.keys else { return Ok(false) };
        let (open, sealed) = (self.file(checksum, PLAIN), self.file(checksum, EXTENSION));
        if !open.exists() {
            return Ok(false);
        }
        // Both are there where sealing was broken off, or the same bytes came again: the sealed one has to be whole before the other goes.
        if sealed.exists() {
            if checksum_of(&self.content(checksum)?)?.0 != *checksum {
                return Ok(false);
            }
            fs::remove_file(&open).map_err(|error| StoreError::io("removing", &open, error))?;
            return Ok(true);
        }
        let content = self.content(checksum)?;
        let target = self.object(checksum);
        let path = self.incoming.join(format!("{}.part", NEXT.fetch_add(1, Ordering::Relaxed)));
        let write = || {
            let mut file = File::options()
                .write(true)
                .create_new(true)
                .open(&path)
                .map_err(|error| StoreError::io("writing", &path, error))?;
            let context = sealed::context(&hexadecimal(checksum));
            sealed::seal(Reading::new(&content), &mut file, &path, &context, keys)?;
            file.sync_data()
                .and_then(|()| fs::rename(&path, &target))
                .map_err(|error| StoreError::io("writing", &target, error))
        };
        write().inspect_err(|_| {
            let _ = fs::remove_file(&path);
        })?;
        sync_folder(target.parent().unwrap_or(&self.objects))?;
        fs::remove_file(&open).map_err(|error| StoreError::io("removing", &open, error))?;
        Ok(true)
    }
}

/// Puts a folder's names on the disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| StoreError::io("putting on the disk", folder, error))
}

/// An object while its bytes arrive: in memory while it is small, in a file of `incoming` once it is not.
#[derive(Debug)]
pub struct Arriving {
    folders: Folders,
    limits: Limits,
    memory: Vec<u8>,
    file: Option<(Spool, PathBuf)>,
    length: u64,
    hash: Sha256,
}

/// A file of `incoming`: what arrives is sealed before it touches the disk where the archive is.
#[derive(Debug)]
enum Spool {
    Open(File),
    Sealing(Box<Sealer<File>>),
    Sealed(File),
}

/// Numbers of temporary files: unique within the program, which holds the archive alone.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Arriving {
    pub(crate) fn new(folders: Folders, limits: Limits) -> Self {
        Self { folders, limits, memory: Vec::new(), file: None, length: 0, hash: Sha256::new() }
    }

    /// Number of bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] beyond the limit of one object, [`StoreError::DiskFull`], [`StoreError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let length = self.length + bytes.len() as u64;
        if length > self.limits.object_bytes {
            let limit = self.limits.object_bytes;
            return Err(StoreError::TooLarge { what: "object in bytes", found: length, limit });
        }
        self.hash.update(bytes);
        self.length = length;
        if self.file.is_none() {
            if length <= self.limits.memory_bytes {
                self.memory.extend_from_slice(bytes);
                return Ok(());
            }
            self.file = Some(self.spool()?);
            self.memory = Vec::new();
        }
        if let Some((spool, path)) = &mut self.file {
            let written = match spool {
                Spool::Open(file) => file.write_all(bytes),
                Spool::Sealing(sealer) => sealer.write_all(bytes),
                Spool::Sealed(_) => Err(std::io::Error::other("it was closed")),
            };
            written.map_err(|error| StoreError::io("writing", &*path, error))?;
        }
        Ok(())
    }

    /// A new file with what is in memory, for what follows it.
    fn spool(&self) -> Result<(Spool, PathBuf), StoreError> {
        let Some(keys) = self.folders.keys.clone() else {
            return self.create().map(|(file, path)| (Spool::Open(file), path));
        };
        self.new_file(|file, path| {
            let mut sealer = sealed::sealer(file, path, sealed::ARRIVING, &keys)?;
            sealer.write_all(&self.memory).map_err(|error| StoreError::io("writing", path, error))?;
            Ok(Spool::Sealing(Box::new(sealer)))
        })
    }

    /// A new file with what is in memory.
    fn create(&self) -> Result<(File, PathBuf), StoreError> {
        self.new_file(|mut file, path| {
            file.write_all(&self.memory).map_err(|error| StoreError::io("writing", path, error))?;
            Ok(file)
        })
    }

    /// A new file of `incoming`, which is gone where `fill` fails.
    fn new_file<T>(
        &self,
        fill: impl FnOnce(File, &Path) -> Result<T, StoreError>,
    ) -> Result<(T, PathBuf), StoreError> {
        let path = self.folders.incoming.join(format!("{}.part", NEXT.fetch_add(1, Ordering::Relaxed)));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| StoreError::io("writing", &path, error))?;
        match fill(file, &path) {
            Ok(filled) => Ok((filled, path)),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// The bytes, to be looked at.
    pub(crate) fn content(&mut self) -> Result<Content, StoreError> {
        let Some((spool, path)) = self.file.take() else {
            return Ok(Content::Memory(std::mem::take(&mut self.memory)));
        };
        let ended = match spool {
            Spool::Sealing(sealer) => sealer.finish().map(Spool::Sealed),
            other => Ok(other),
        };
        let spool = ended.map_err(|source| {
            let _ = fs::remove_file(&path);
            sealed::of_writing(&path, source)
        })?;
        let (Spool::Open(file) | Spool::Sealed(file)) = &spool else { return Err(StoreError::Closed) };
        let content = file.try_clone().map_err(|error| StoreError::io("reading", &path, error));
        let content = content.and_then(|file| match (&spool, &self.folders.keys) {
            (Spool::Sealed(_), Some(keys)) => {
                let sealed = SealedFile::new(file, &path, sealed::ARRIVING, keys)?;
                Ok(Content::Sealed(Box::new(sealed)))
            }
            _ => Ok(Content::File { file, length: self.length }),
        });
        self.file = Some((spool, path));
        content
    }

    /// Writes the bytes under their own name; they are on the disk, the name is once its folder is synced.
    pub(crate) fn keep(mut self, content: Content) -> Result<Kept, StoreError> {
        let checksum: Checksum = self.hash.clone().finalize().into();
        let target = self.folders.object(&checksum);
        let length = self.length;
        self.settle(content, &target)?;
        Ok(Kept { checksum, length, path: target })
    }

    /// Keeps the bytes aside, under their checksum, with the reason beside them.
    pub(crate) fn quarantine(mut self, content: Content, reason: &str) -> Result<PathBuf, StoreError> {
        let checksum: Checksum = self.hash.clone().finalize().into();
        let target = self.folders.aside(&hexadecimal(&checksum));
        self.settle(content, &target)?;
        let why = target.with_extension("txt");
        fs::write(&why, format!("{reason}\n")).map_err(|error| StoreError::io("writing", why, error))?;
        sync_folder(&self.folders.quarantine)?;
        Ok(target)
    }

    fn settle(&mut self, content: Content, target: &Path) -> Result<(), StoreError> {
        let (file, path) = match self.folders.keys.clone() {
            // Sealed for its checksum, which is known now: what lies in `incoming` was sealed for that alone.
            Some(keys) => {
                let name = target.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
                let context = sealed::context(name);
                self.new_file(|mut file, path| {
                    sealed::seal(Reading::new(&content), &mut file, path, &context, &keys)?;
                    Ok(file)
                })?
            }
            None => match (content, self.file.take()) {
                (_, Some((Spool::Open(file), path))) => (file, path),
                (Content::Memory(bytes), _) => {
                    self.memory = bytes;
                    self.create()?
                }
                _ => return Err(StoreError::Closed),
            },
        };
        let settled = file.sync_data().and_then(|()| fs::rename(&path, target));
        settled.map_err(|error| {
            let _ = fs::remove_file(&path);
            StoreError::io("writing", target, error)
        })
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some((_, path)) = self.file.take() {
            let _ = fs::remove_file(path);
        }
    }
}

/// An object's file.
#[derive(Debug)]
pub(crate) struct Kept {
    pub checksum: Checksum,
    pub length: u64,
    pub path: PathBuf,
}

/// SHA-256 and length of an object's bytes.
pub(crate) fn checksum_of(content: &Content) -> Result<(Checksum, u64), StoreError> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let count = content.read_at(length, &mut buffer)?;
        if count == 0 {
            return Ok((hash.finalize().into(), length));
        }
        hash.update(&buffer[..count]);
        length += count as u64;
    }
}

/// Whether two objects hold the same from their data sets on.
pub(crate) fn same_data_set(
    (one, one_start): (&Content, u64),
    (other, other_start): (&Content, u64),
) -> Result<bool, StoreError> {
    if one.length().saturating_sub(one_start) != other.length().saturating_sub(other_start) {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 256 << 10], vec![0; 256 << 10]);
    let mut done = 0;
    loop {
        let count = one.read_at(one_start + done, &mut left)?;
        let other_count = other.read_at(other_start + done, &mut right)?;
        if count != other_count || left[..count] != right[..count] {
            return Ok(false);
        }
        if count == 0 {
            return Ok(true);
        }
        done += count as u64;
    }
}
