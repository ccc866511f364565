//! Results on disk: whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::FormatError;

/// Writes `bytes` to `path` so that a reader sees the old file or the whole new one, never a part.
///
/// The bytes go to a temporary name in the same folder, are flushed to the disk, and are renamed.
///
/// # Errors
/// [`FormatError::Exists`] where something is there and `overwrite` is false,
/// [`FormatError::NotFound`] where the folder is missing, [`FormatError::UnwritableFolder`],
/// [`FormatError::DiskFull`], [`FormatError::Io`].
pub fn write_atomically(path: &Path, overwrite: bool, bytes: &[u8]) -> Result<(), FormatError> {
    let exists = || FormatError::Exists { path: path.to_owned() };
    if !overwrite && path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            FormatError::DiskFull { path: path.to_owned() }
        }
        io::ErrorKind::NotFound => FormatError::NotFound { path: folder.to_owned() },
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory => FormatError::UnwritableFolder { path: folder.to_owned(), source },
        _ => FormatError::Io { action: "writing", path: path.to_owned(), source },
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wilhelm-").suffix(".part");
    // A temporary file is private; a result is as readable as any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    if overwrite {
        file.persist(path).map_err(|error| failed(error.error))?;
    } else {
        file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => exists(),
            _ => failed(error.error),
        })?;
    }
    // The new name is on the disk only with its folder.
    #[cfg(unix)]
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// A gray PNG of 8 bits; `pixels` are rows from the top.
///
/// # Errors
/// [`FormatError::Malformed`] where the pixels do not fit the size.
pub fn encode_png_gray(columns: u32, rows: u32, pixels: &[u8]) -> Result<Vec<u8>, FormatError> {
    encode(columns, rows, pixels, 1, ExtendedColorType::L8)
}

/// A color PNG of 8 bits a channel; `pixels` are red, green, blue, rows from the top.
///
/// # Errors
/// [`FormatError::Malformed`] where the pixels do not fit the size.
pub fn encode_png_rgb(columns: u32, rows: u32, pixels: &[u8]) -> Result<Vec<u8>, FormatError> {
    encode(columns, rows, pixels, 3, ExtendedColorType::Rgb8)
}

fn encode(
    columns: u32,
    rows: u32,
    pixels: &[u8],
    channels: u64,
    color: ExtendedColorType,
) -> Result<Vec<u8>, FormatError> {
    let expected = u64::from(columns) * u64::from(rows) * channels;
    if expected == 0 || pixels.len() as u64 != expected {
        return Err(FormatError::malformed(
            "PNG",
            format!("{} bytes of pixels, expected {expected} and more than 0", pixels.len()),
        ));
    }
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(pixels, columns, rows, color)
        .map_err(|error| FormatError::malformed("PNG", error.to_string()))?;
    Ok(bytes)
}
