//! The list of a backup's files, as `sha256sum --check` reads it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use crate::StoreError;
use crate::objects::{Checksum, hexadecimal};

/// The list's file.
pub(super) const NAME: &str = "SHA256SUMS";

/// Writes the list; it is on the disk when this returns.
pub(super) fn write(folder: &Path, lines: &BTreeMap<String, Checksum>) -> Result<(), StoreError> {
    let path = folder.join(NAME);
    let failed = |error| StoreError::io("writing", &path, error);
    let mut text = String::new();
    for (name, checksum) in lines {
        text.push_str(&format!("{}  {name}\n", hexadecimal(checksum)));
    }
    let mut file = super::make_file(&path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// Reads the list of a backup: paths below its folder and nowhere else.
///
/// # Errors
/// [`StoreError::Backup`] for a line that is none; [`StoreError::Io`].
pub(super) fn read(folder: &Path) -> Result<BTreeMap<String, Checksum>, StoreError> {
    let path = folder.join(NAME);
    let text = fs::read_to_string(&path).map_err(|error| StoreError::io("reading", &path, error))?;
    let mut lines = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let parsed = line.split_once("  ").and_then(|(digits, name)| Some((name, checksum(digits)?)));
        let wrong =
            || StoreError::backup(format!("line {} of {} is none of a backup", number + 1, path.display()));
        let (name, checksum) = parsed.filter(|(name, _)| is_path(name)).ok_or_else(wrong)?;
        lines.insert(name.to_owned(), checksum);
    }
    if lines.contains_key(super::CATALOG) {
        return Ok(lines);
    }
    Err(StoreError::backup(format!("{} names no catalog: it is no backup of an archive", path.display())))
}

fn checksum(digits: &str) -> Option<Checksum> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut checksum = [0; 32];
    for (place, byte) in checksum.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(checksum)
}

/// Whether a path is of a kind that backups hold, and leads nowhere else.
fn is_path(path: &str) -> bool {
    let mut segments = path.split('/');
    let kind = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.collect();
    match (kind, rest.as_slice()) {
        (super::CATALOG, []) => true,
        ("objects", [folder, name]) => {
            let digits = name.strip_suffix(".dcm").or_else(|| name.strip_suffix(".sealed"));
            digits.is_some_and(|digits| checksum(digits).is_some() && digits.starts_with(folder))
                && folder.len() == 2
        }
        (super::ALSO, [_, ..]) => rest.iter().all(|name| super::named(name).is_ok()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_out_of_a_backup_is_none() {
        let digits = "ab".repeat(32);
        for path in
            ["catalog.sqlite", &format!("objects/ab/{digits}.sealed"), "also/audit/audit-000001.jsonl"]
        {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../catalog.sqlite",
            "also",
            "also/",
            "also/../x",
            "also/./x",
            "also//x",
            "also/.x",
            "objects/ab",
            &format!("objects/cd/{digits}.dcm"),
            &format!("objects/ab/{digits}"),
            &format!("objects/a/{digits}.dcm"),
            "lock",
        ] {
            assert!(!is_path(path), "{path}");
        }
    }
}
