use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::exit::Stop;

/// Prints a result; a reader that went away is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::ours(format!("stdout is not writable: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Reads a text file, or stdin for `-`.
pub fn read_text(path: &Path, what: &str) -> anyhow::Result<String> {
    let fail = |error: io::Error| Stop::input(format!("{what} {} is not readable: {error}", path.display()));
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes).map_err(fail)?;
        bytes
    } else {
        std::fs::read(path).map_err(fail)?
    };
    String::from_utf8(bytes).map_err(|_| {
        Stop::input(format!("{what} {} is not UTF-8 text: save it as UTF-8 and try again", path.display()))
    })
}

/// Writes files into a folder, all or none: they are written beside it first, then renamed.
pub fn write_folder(folder: &Path, files: &[(&str, &[u8])], force: bool) -> anyhow::Result<()> {
    if !force && let Some((name, _)) = files.iter().find(|(name, _)| folder.join(name).exists()) {
        return Err(Stop::usage(format!(
            "{} is already there: add --force to replace it",
            folder.join(name).display()
        )));
    }
    let fail = |error: io::Error| {
        let what = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                return Stop::ours(format!("output folder {}: the disk is full", folder.display()));
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "it is not writable".to_owned()
            }
            _ => error.to_string(),
        };
        Stop::input(format!("output folder {}: {what}", folder.display()))
    };
    let parent = existing_ancestor(folder);
    let staging = tempfile::Builder::new().prefix(".wilhelm-").tempdir_in(&parent).map_err(fail)?;
    for (name, bytes) in files {
        let mut file = std::fs::File::create_new(staging.path().join(name)).map_err(fail)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
    }
    std::fs::create_dir_all(folder).map_err(fail)?;
    for (name, _) in files {
        std::fs::rename(staging.path().join(name), folder.join(name)).map_err(fail)?;
    }
    Ok(())
}

/// The nearest folder above that is there.
pub fn existing_ancestor(folder: &Path) -> PathBuf {
    folder
        .ancestors()
        .find(|ancestor| ancestor.is_dir())
        .filter(|ancestor| !ancestor.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_written_once_and_replaced_only_by_force() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = place.path().join("a/b");
        write_folder(&folder, &[("x", b"1"), ("y", b"2")], false).expect("written");
        assert!(write_folder(&folder, &[("x", b"3")], false).is_err());
        assert_eq!(std::fs::read(folder.join("x")).expect("there"), b"1");
        write_folder(&folder, &[("x", b"3")], true).expect("forced");
        assert_eq!(std::fs::read(folder.join("x")).expect("there"), b"3");
        let left: Vec<_> = std::fs::read_dir(place.path()).expect("listed").collect();
        assert_eq!(left.len(), 1, "a staging folder was left behind");
    }
}
