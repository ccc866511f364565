use std::path::{Path, PathBuf};

use wilhelm_nets::{Model, Shelf};

use crate::config::Config;

/// The models at hand: a folder named on the command line or in the configuration, else those compiled
/// into the program.
pub fn open(named: Option<&Path>, config: &Config) -> anyhow::Result<Shelf> {
    let configured = config.values.models.folder.as_str();
    let folder =
        named.map(Path::to_path_buf).or_else(|| (!configured.is_empty()).then(|| PathBuf::from(configured)));
    match folder {
        Some(folder) => Ok(Shelf::open(&folder)?),
        None => Ok(wilhelm_pipeline::built_in_shelf()?),
    }
}

/// Loads every model of a shelf, checking the hashes.
pub fn load_all(shelf: &Shelf) -> anyhow::Result<Vec<Model>> {
    Ok(shelf.entries().iter().map(wilhelm_nets::ShelfEntry::load).collect::<Result<_, _>>()?)
}
