//! The data file that a header points to: beside it, and nowhere else.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::FormatError;
use crate::source::{Item, Source};

/// The entries of archives by their labels, so that a header in an archive finds its data there.
#[derive(Default)]
pub(crate) struct Companions<'a>(BTreeMap<&'a str, &'a Item>);

impl<'a> Companions<'a> {
    pub(crate) fn new(items: &'a [Item]) -> Self {
        let inside = items.iter().filter(|item| matches!(item.source, Source::Memory(_)));
        Self(inside.map(|item| (item.label.as_str(), item)).collect())
    }

    /// The file `name` in the folder of `header`.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] for a name that is a path or a link out of the folder,
    /// [`FormatError::NotFound`] where nothing of that name is there.
    pub(crate) fn beside(&self, header: &Item, field: &str, name: &str) -> Result<Item, FormatError> {
        let name = name.strip_prefix("./").unwrap_or(name);
        let mut components = Path::new(name).components();
        let one = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
        if !one || name.contains(['/', '\\', '!']) || name.chars().any(char::is_control) {
            return Err(outside(field));
        }
        match &header.source {
            Source::Memory(_) => {
                let folder = header.label.rfind(['/', '!']).map_or("", |end| &header.label[..=end]);
                let label = format!("{folder}{name}");
                let missing = || FormatError::NotFound { path: label.clone().into() };
                self.0.get(label.as_str()).map(|item| (*item).clone()).ok_or_else(missing)
            }
            Source::File(path) => beside_file(path, field, name),
        }
    }
}

fn outside(field: &str) -> FormatError {
    FormatError::malformed(field, "leads out of the folder of the header, expected a file beside it")
}

fn beside_file(header: &Path, field: &str, name: &str) -> Result<Item, FormatError> {
    let path = header.with_file_name(name);
    let failed = |source| FormatError::io("reading", &path, source);
    let metadata = path.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(FormatError::malformed(field, "names no file, expected a file beside the header"));
    }
    if path.is_symlink() {
        let folder = match header.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let real = path.canonicalize().map_err(failed)?;
        if real.parent() != Some(&*folder.canonicalize().map_err(failed)?) {
            return Err(outside(field));
        }
    }
    Ok(Item {
        label: path.display().to_string(),
        named: false,
        bytes: metadata.len(),
        source: Source::File(path),
    })
}
