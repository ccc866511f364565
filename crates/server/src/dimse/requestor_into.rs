//! Where objects that come by C-GET go: into an archive, or into files.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use wilhelm_store::{Arriving, Expected, Store};

use super::requestor_retrieve::Incoming;

/// Objects into an archive that is open here.
#[derive(Debug)]
pub struct IntoArchive<'a> {
    store: &'a Store,
    study_uid: Option<String>,
    /// SOP class and instance as they were announced, and what came.
    arriving: Option<(String, String, Arriving)>,
}

impl<'a> IntoArchive<'a> {
    /// Into this archive.
    pub fn new(store: &'a Store) -> Self {
        Self { store, study_uid: None, arriving: None }
    }

    /// Objects of this study alone.
    #[must_use]
    pub fn of_study(mut self, study_uid: impl Into<String>) -> Self {
        self.study_uid = Some(study_uid.into());
        self
    }
}

impl Incoming for IntoArchive<'_> {
    fn begin(&mut self, sop_class: &str, sop_uid: &str, head: &[u8]) -> Result<(), String> {
        let mut arriving = self.store.arrive();
        arriving.write(head).map_err(|error| error.to_string())?;
        self.arriving = Some((sop_class.to_owned(), sop_uid.to_owned(), arriving));
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), String> {
        let (.., arriving) = self.arriving.as_mut().ok_or("no object has begun")?;
        arriving.write(piece).map_err(|error| error.to_string())
    }

    fn end(&mut self) -> Result<(), String> {
        let (sop_class, sop_uid, arriving) = self.arriving.take().ok_or("no object has begun")?;
        let expected = Expected {
            study_uid: self.study_uid.as_deref(),
            sop_class: Some(&sop_class),
            sop_uid: Some(&sop_uid),
            from: None,
            is_own: false,
        };
        let taken = self.store.take(arriving, expected).map_err(|error| error.to_string())?;
        taken.pending.wait().map(drop).map_err(|error| error.to_string())
    }
}

/// Objects as files of a folder that is there, named by their SOP Instance UIDs; a file that is there is left as it is, and is an object
/// that arrived where it has the same bytes.
#[derive(Debug)]
pub struct IntoFolder {
    folder: PathBuf,
    part: Option<Part>,
}

impl IntoFolder {
    /// Into this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, part: None }
    }
}

/// A file that is being written; what broke off is no object, and is removed.
#[derive(Debug)]
struct Part {
    file: File,
    path: PathBuf,
    becomes: PathBuf,
    whole: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.whole {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Part {
    fn write(&mut self, piece: &[u8]) -> Result<(), String> {
        self.file.write_all(piece).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

impl Incoming for IntoFolder {
    fn begin(&mut self, _: &str, sop_uid: &str, head: &[u8]) -> Result<(), String> {
        self.part = None;
        let becomes = self.folder.join(format!("{sop_uid}.dcm"));
        let path = becomes.with_extension("part");
        let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut part = Part { file, path, becomes, whole: false };
        part.write(head)?;
        self.part = Some(part);
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), String> {
        self.part.as_mut().ok_or("no object has begun")?.write(piece)
    }

    fn end(&mut self) -> Result<(), String> {
        let mut part = self.part.take().ok_or("no object has begun")?;
        let failed = |error| format!("{}: {error}", part.becomes.display());
        if part.becomes.exists() {
            return match is_same(&part.path, &part.becomes).map_err(failed)? {
                true => Ok(()),
                false => Err(format!("{} is there, with other bytes", part.becomes.display())),
            };
        }
        part.file.sync_all().map_err(failed)?;
        fs::rename(&part.path, &part.becomes).map_err(failed)?;
        part.whole = true;
        Ok(())
    }
}

/// Whether two files have the same bytes.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let mut other = BufReader::new(other).bytes();
    for byte in BufReader::new(one).bytes() {
        if other.next().transpose()? != Some(byte?) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let listed = fs::read_dir(folder).expect("listed");
        listed.map(|one| one.expect("a file").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_breaks_off_is_removed_and_the_same_again_has_arrived() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut into = IntoFolder::new(folder.path().to_owned());
        into.begin("1.2", "1.2.3", b"HEAD").expect("begun");
        into.begin("1.2", "1.2.4", b"HEAD").expect("begun");
        assert_eq!(names(folder.path()), ["1.2.4.part"]);
        let mut give = |data: &[u8]| {
            into.begin("1.2", "1.2.4", b"HEAD")?;
            into.write(data)?;
            into.end()
        };
        give(b"one").expect("written");
        give(b"one").expect("the same");
        assert!(give(b"two").is_err() && give(b"three").is_err());
        assert_eq!(names(folder.path()), ["1.2.4.dcm"]);
        assert_eq!(fs::read(folder.path().join("1.2.4.dcm")).expect("read"), b"HEADone");
    }
}
