//! Objects as files, named by the SHA-256 of their bytes: no name comes from outside, and each name is a checksum.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::content::Content;
use crate::{Limits, StoreError};

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
}

impl Folders {
    /// Makes what is missing, and removes what a killed program left half written.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        let folders = Self {
            root: root.to_owned(),
            objects: root.join("objects"),
            incoming: root.join("incoming"),
            quarantine: root.join("quarantine"),
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

    pub(crate) fn object(&self, checksum: &Checksum) -> PathBuf {
        let name = hexadecimal(checksum);
        self.objects.join(&name[..2]).join(format!("{name}.dcm"))
    }

    /// Opens an object's file.
    pub(crate) fn content(&self, checksum: &Checksum) -> Result<Content, StoreError> {
        let path = self.object(checksum);
        let failed = |error| StoreError::io("opening", &path, error);
        let file = File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(Content::File { file, length })
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
    file: Option<(File, PathBuf)>,
    length: u64,
    hash: Sha256,
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
            self.file = Some(self.create()?);
            self.memory = Vec::new();
        }
        if let Some((file, path)) = &mut self.file {
            file.write_all(bytes).map_err(|error| StoreError::io("writing", &*path, error))?;
        }
        Ok(())
    }

    /// A new file with what is in memory.
    fn create(&self) -> Result<(File, PathBuf), StoreError> {
        let path = self.folders.incoming.join(format!("{}.part", NEXT.fetch_add(1, Ordering::Relaxed)));
        let create = || {
            let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
            file.write_all(&self.memory)?;
            Ok(file)
        };
        match create() {
            Ok(file) => Ok((file, path)),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(StoreError::io("writing", path, error))
            }
        }
    }

    /// The bytes, to be looked at.
    pub(crate) fn content(&mut self) -> Result<Content, StoreError> {
        match &self.file {
            None => Ok(Content::Memory(std::mem::take(&mut self.memory))),
            Some((file, path)) => {
                let file = file.try_clone().map_err(|error| StoreError::io("reading", path, error))?;
                Ok(Content::File { file, length: self.length })
            }
        }
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
        let target = self.folders.quarantine.join(format!("{}.dcm", hexadecimal(&checksum)));
        self.settle(content, &target)?;
        let why = target.with_extension("txt");
        fs::write(&why, format!("{reason}\n")).map_err(|error| StoreError::io("writing", why, error))?;
        sync_folder(&self.folders.quarantine)?;
        Ok(target)
    }

    fn settle(&mut self, content: Content, target: &Path) -> Result<(), StoreError> {
        if let Content::Memory(bytes) = content {
            self.memory = bytes;
            self.file = Some(self.create()?);
        }
        let (file, path) = self.file.take().expect("content came from memory or from this file");
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

/// SHA-256 and length of a file's bytes.
pub(crate) fn checksum_of(path: &Path) -> std::io::Result<(Checksum, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let count = file.read(&mut buffer)?;
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
