//! General knowledge for reports: the handbook of the configured graph, and the index of the user's texts.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};
use wilhelm_knowledge::graph::{Graph, built_in_sources};
use wilhelm_knowledge::handbook::Handbook;
use wilhelm_pipeline::library::Library;
use wilhelm_pipeline::{KnowledgeBase, ReferenceSettings};

use crate::config::Config;
use crate::exit::Stop;
use crate::progress::Line;
use crate::verbs::kb::graph::sources_in;

/// What general knowledge is taken from, opened.
pub struct Known {
    handbook: Cow<'static, Handbook>,
    library: Option<Library>,
    settings: ReferenceSettings,
}

impl Known {
    /// What the configuration names, or the index that a command line names; `None` where it is switched off.
    pub fn open(config: &Config, passages: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let values = &config.values.knowledge;
        if !values.enabled {
            return Ok(None);
        }
        let handbook = match values.graph.as_str() {
            "" => Cow::Borrowed(Handbook::built_in()),
            folder => Cow::Owned(handbook(Path::new(folder), config)?),
        };
        let folder = passages.map(Path::to_owned).or_else(|| match values.passages.as_str() {
            "" => None,
            folder => Some(PathBuf::from(folder)),
        });
        // One question at a time and no vectors: one thread.
        let library = folder.map(|folder| Library::open(&folder, 1)).transpose()?;
        let settings = ReferenceSettings { definitions: values.definitions };
        Ok(Some(Self { handbook, library, settings }))
    }

    /// As a reading takes it.
    pub fn base(&self) -> KnowledgeBase<'_> {
        KnowledgeBase { handbook: &self.handbook, passages: self.library.as_ref(), settings: self.settings }
    }
}

/// The handbook of a graph's folder, with the sources that come with the program where the folder has none of their name. It is
/// gathered once and kept in the cache folder, until a file of the graph changes.
fn handbook(folder: &Path, config: &Config) -> anyhow::Result<Handbook> {
    let files = sources_in(folder)?;
    if files.is_empty() {
        return Err(Stop::input(format!(
            "knowledge.graph {} holds no source: 'wilhelm kb import --graph {}' fills it",
            folder.display(),
            folder.display()
        )));
    }
    let kept = config.cache().join("handbooks").join(format!("{}.json", state_of(&files)?));
    if let Some(read) = std::fs::read(&kept).ok().and_then(|json| Handbook::read(&json)) {
        return Ok(read);
    }
    let line = Line::new("gathering what reports need of the graph");
    let graph = Graph::empty()?;
    for (done, path) in files.iter().enumerate() {
        line.at(done, files.len());
        let stored = std::fs::read(path)
            .map_err(|error| Stop::input(format!("{} is not readable: {error}", path.display())))?;
        graph.load(&stored).map_err(|error| Stop::input(format!("{}: {error}", path.display())))?;
    }
    for (source, statements) in built_in_sources().map_err(|error| Stop::ours(error.to_string()))? {
        if graph.source(&source.name)?.is_none() {
            graph.put(&source, &statements)?;
        }
    }
    let gathered = Handbook::of_graph(&graph)?;
    if let Err(error) = keep(&kept, &gathered) {
        eprintln!(
            "wilhelm: {} cannot be written, so that it is gathered anew each time: {error}",
            kept.display()
        );
    }
    Ok(gathered)
}

/// A name for the state of files: their names, lengths and times, and this program's version and graph.
fn state_of(files: &[PathBuf]) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    for source in &Handbook::built_in().sources {
        hash.update(&source.sha256);
    }
    for path in files {
        let found = std::fs::metadata(path)
            .map_err(|error| Stop::input(format!("{} is not readable: {error}", path.display())))?;
        let changed =
            found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(found.len().to_le_bytes());
        hash.update(changed.as_nanos().to_le_bytes());
    }
    let mut name = String::new();
    for byte in &hash.finalize()[..12] {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}

/// Writes beside the place first, then renames.
fn keep(place: &Path, handbook: &Handbook) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, handbook.to_json().as_bytes())?;
    file.persist(place).map_err(|error| error.error)?;
    Ok(())
}
