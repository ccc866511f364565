//! Where objects that come by C-GET go: into an archive, or into files.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use wilhelm_store::{Arriving, Expected, Store};

use super::requestor_retrieve::Incoming;

/// Objects into an archive that is open here.
#[derive(Debug)]
pub struct IntoArchive<'a> {
    store: &'a Store,
    arriving: Option<Arriving>,
}

impl<'a> IntoArchive<'a> {
    /// Into this archive.
    pub fn new(store: &'a Store) -> Self {
        Self { store, arriving: None }
    }
}

impl Incoming for IntoArchive<'_> {
    fn begin(&mut self, _: &str, head: &[u8]) -> Result<(), String> {
        let mut arriving = self.store.arrive();
        arriving.write(head).map_err(|error| error.to_string())?;
        self.arriving = Some(arriving);
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), String> {
        let arriving = self.arriving.as_mut().ok_or("no object has begun")?;
        arriving.write(piece).map_err(|error| error.to_string())
    }

    fn end(&mut self) -> Result<(), String> {
        let arriving = self.arriving.take().ok_or("no object has begun")?;
        let taken = self.store.take(arriving, Expected::default()).map_err(|error| error.to_string())?;
        taken.pending.wait().map(drop).map_err(|error| error.to_string())
    }
}

/// Objects as files of a folder that is there, named by their SOP Instance UIDs; a file that is there is left as it is.
#[derive(Debug)]
pub struct IntoFolder {
    folder: PathBuf,
    file: Option<(File, PathBuf, PathBuf)>,
}

impl IntoFolder {
    /// Into this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, file: None }
    }
}

impl Incoming for IntoFolder {
    fn begin(&mut self, sop_uid: &str, head: &[u8]) -> Result<(), String> {
        let path = self.folder.join(format!("{sop_uid}.dcm"));
        if path.exists() {
            return Err(format!("{} is there", path.display()));
        }
        let part = path.with_extension("part");
        let failed = |error| format!("{}: {error}", part.display());
        let mut file = File::create(&part).map_err(failed)?;
        file.write_all(head).map_err(failed)?;
        self.file = Some((file, part, path));
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), String> {
        let (file, part, _) = self.file.as_mut().ok_or("no object has begun")?;
        file.write_all(piece).map_err(|error| format!("{}: {error}", part.display()))
    }

    fn end(&mut self) -> Result<(), String> {
        let (file, part, path) = self.file.take().ok_or("no object has begun")?;
        let failed = |error| format!("{}: {error}", path.display());
        file.sync_all().map_err(failed)?;
        fs::rename(&part, &path).map_err(failed)
    }
}

impl Drop for IntoFolder {
    fn drop(&mut self) {
        // What broke off is no object.
        if let Some((_, part, _)) = self.file.take() {
            let _ = fs::remove_file(part);
        }
    }
}
