use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use tantivy::directory::MmapDirectory;
use wilhelm_formats::write_atomically;
use wilhelm_knowledge::passages::{Form, Origin, Passage, PassageError, read_passages};
use wilhelm_knowledge::retrieve::{LexicalError, LexicalWriter, Vectors, VectorsWriter};
use wilhelm_study::{Progress, Silent};

use super::find::vectors_of;
use super::{
    Encoder, FORMAT, IndexedFile, LEXICAL, LibraryError, MANIFEST, Manifest, NAMING, TEXTS, VECTORS, manifest,
};

/// What an index is made of.
pub struct BuildSettings<'a> {
    /// Folders and files with documents.
    pub places: &'a [PathBuf],
    /// Passages of signed reports: name, hash of what they were read from, passages.
    pub reports: &'a [(String, String, Vec<Passage>)],
    /// License of documents that say none themselves.
    pub license: Option<&'a str>,
    /// Encoder of the vectors; without one passages are found by words alone.
    pub encoder: Option<Encoder<'a>>,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Built {
    /// As it stands on disk.
    pub manifest: Manifest,
    /// Whether anything had changed.
    pub changed: bool,
    /// Texts whose vectors were computed now.
    pub embedded: u64,
    /// Files that are no documents of a form that is read here.
    pub left_out: Vec<PathBuf>,
}

/// A file to read: its name in the index, its place, its form.
struct Listed {
    name: String,
    path: PathBuf,
    form: Form,
}

/// Makes an index of folders, or makes it new where it is there: passages whose text was embedded before keep their
/// vectors, and nothing is done where no file changed. The old index holds until the new one is whole.
///
/// A malformed file is read up to its defect, which [`IndexedFile::defect`] names.
///
/// # Errors
/// [`LibraryError`].
pub fn build(
    settings: &BuildSettings<'_>,
    into: &Path,
    progress: &dyn Progress,
) -> Result<Built, LibraryError> {
    let (listed, left_out) = list(settings.places)?;
    if listed.is_empty() && settings.reports.is_empty() {
        let places: Vec<String> = settings.places.iter().map(|place| place.display().to_string()).collect();
        return Err(LibraryError::Nothing { places: places.join(", ") });
    }
    let mut files = Vec::with_capacity(listed.len());
    for one in &listed {
        if progress.cancelled() {
            return Err(LibraryError::Cancelled);
        }
        files.push(IndexedFile {
            path: one.name.clone(),
            sha256: hash(&one.path)?,
            license: settings.license.map(str::to_owned),
            passages: 0,
            defect: None,
        });
    }
    for (name, sha256, _) in settings.reports {
        let (path, sha256) = (name.clone(), sha256.clone());
        files.push(IndexedFile { path, sha256, license: None, passages: 0, defect: None });
    }
    let encoder = settings.encoder.map(|encoder| encoder.facts.clone());
    let before = manifest(into).unwrap_or(None);
    if let Some(before) = &before {
        let key = |files: &[IndexedFile]| -> Vec<(String, String, Option<String>)> {
            files.iter().map(|file| (file.path.clone(), file.sha256.clone(), file.license.clone())).collect()
        };
        // An index that cannot be opened is made anew, whatever its manifest says.
        if before.encoder == encoder
            && before.naming == NAMING
            && key(&before.files) == key(&files)
            && super::Library::open(into, 1).is_ok()
        {
            return Ok(Built { manifest: before.clone(), changed: false, embedded: 0, left_out });
        }
    }
    let same_encoder = before.as_ref().filter(|before| before.encoder.is_some() && before.encoder == encoder);
    let known = same_encoder.and_then(|before| Known::open(&into.join(&before.generation)));
    std::fs::create_dir_all(into).map_err(|reason| failed(into, "cannot be made", reason))?;
    let staging = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(into)
        .map_err(|reason| failed(into, "is not writable", reason))?;
    let mut maker = Maker::begin(staging.path(), settings.encoder, known)?;
    let total = files.len();
    for (at, one) in listed.iter().enumerate() {
        progress.step(at, total);
        let origin = Origin {
            file: one.name.clone(),
            license: settings.license.map(str::to_owned),
            version: Some(files[at].sha256[..8].to_owned()),
        };
        let before = maker.count;
        let mut input = open_texts(&one.path)?;
        let mut stopped = None;
        let read = read_passages(&mut *input, one.form, &origin, &mut |passage| {
            let added = if progress.cancelled() { Err(LibraryError::Cancelled) } else { maker.add(passage) };
            added.map_err(|error| {
                let words = error.to_string();
                stopped = Some(error);
                PassageError::Taker(words)
            })
        });
        if let Some(error) = stopped {
            return Err(error);
        }
        files[at].defect = read.err().map(|error| error.to_string());
        files[at].passages = maker.count - before;
    }
    for ((_, _, passages), file) in settings.reports.iter().zip(&mut files[listed.len()..]) {
        let before = maker.count;
        passages.iter().try_for_each(|passage| maker.add(passage.clone()))?;
        file.passages = maker.count - before;
    }
    progress.step(total, total);
    let (passages, doubles, embedded) = maker.finish()?;
    // A name that the bytes decide, so that the same texts give the same index.
    let mut digest = Sha256::new();
    digest.update(NAMING.to_le_bytes());
    for file in &files {
        let license = file.license.as_deref().unwrap_or_default();
        digest.update(format!("{}\n{}\n{license}\n", file.path, file.sha256));
    }
    digest.update(encoder.as_ref().map_or("", |facts| facts.sha256.as_str()));
    let generation = format!("g-{}", &hex(&digest.finalize())[..16]);
    let place = into.join(&generation);
    if place.exists() {
        // Of a try that ended before its manifest was written, or damaged.
        std::fs::remove_dir_all(&place).map_err(|reason| failed(&place, "cannot be replaced", reason))?;
    }
    let staged = staging.keep();
    std::fs::rename(&staged, &place).map_err(|reason| failed(&place, "cannot be written", reason))?;
    let made = Manifest { format: FORMAT, naming: NAMING, generation, encoder, passages, doubles, files };
    let text = serde_json::to_string_pretty(&made).expect("texts and numbers are JSON") + "\n";
    write_atomically(&into.join(MANIFEST), true, text.as_bytes())
        .map_err(|error| failed(into, "is not writable", std::io::Error::other(error.to_string())))?;
    forget_others(into, &made.generation);
    Ok(Built { manifest: made, changed: true, embedded, left_out })
}

fn failed(path: &Path, doing: &'static str, reason: std::io::Error) -> LibraryError {
    LibraryError::File { path: path.to_owned(), doing, reason }
}

/// Generations that no manifest names any more; one that cannot be removed does no harm.
fn forget_others(into: &Path, generation: &str) {
    for entry in std::fs::read_dir(into).into_iter().flatten().flatten() {
        let name = entry.file_name();
        // Half-made ones are left where a build was killed.
        let old = name
            .to_str()
            .is_some_and(|name| name.starts_with(".new-") || name.starts_with("g-") && name != generation);
        if old {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The documents of places, in the order of their names; links are not followed.
fn list(places: &[PathBuf]) -> Result<(Vec<Listed>, Vec<PathBuf>), LibraryError> {
    let (mut listed, mut left_out) = (Vec::new(), Vec::new());
    for place in places {
        let about = place.metadata().map_err(|reason| failed(place, "cannot be read", reason))?;
        let named =
            place.file_name().map_or_else(|| "texts".to_owned(), |name| name.to_string_lossy().into());
        if about.is_file() {
            match Form::of_name(&named) {
                Some(form) => listed.push(Listed { name: named, path: place.clone(), form }),
                None => left_out.push(place.clone()),
            }
            continue;
        }
        let mut open = vec![(place.clone(), named)];
        while let Some((folder, within)) = open.pop() {
            let entries =
                std::fs::read_dir(&folder).map_err(|reason| failed(&folder, "cannot be read", reason))?;
            for entry in entries {
                let entry = entry.map_err(|reason| failed(&folder, "cannot be read", reason))?;
                let kind =
                    entry.file_type().map_err(|reason| failed(&entry.path(), "cannot be read", reason))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') {
                    continue;
                }
                let within = format!("{within}/{name}");
                match Form::of_name(&name) {
                    _ if kind.is_dir() => open.push((entry.path(), within)),
                    Some(form) if kind.is_file() => {
                        listed.push(Listed { name: within, path: entry.path(), form })
                    }
                    _ if kind.is_file() => left_out.push(entry.path()),
                    _ => {}
                }
            }
        }
    }
    listed.sort_by(|a, b| a.name.cmp(&b.name).then(a.path.cmp(&b.path)));
    left_out.sort();
    Ok((listed, left_out))
}

fn hash(path: &Path) -> Result<String, LibraryError> {
    let unreadable = |reason| failed(path, "cannot be read", reason);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => break,
            read => digest.update(&buffer[..read]),
        }
    }
    Ok(hex(&digest.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens a file of texts, unpacked where it ends in `.gz`.
///
/// # Errors
/// [`LibraryError::File`].
pub fn open_texts(path: &Path) -> Result<Box<dyn BufRead>, LibraryError> {
    let file = File::open(path).map_err(|reason| failed(path, "cannot be read", reason))?;
    let packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    Ok(if packed {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(BufReader::new(file))
    })
}

/// The first half of a text's hash: enough to tell texts apart.
type TextHash = [u8; 16];

fn text_hash(text: &str) -> TextHash {
    let digest = Sha256::digest(text.as_bytes());
    let mut short = TextHash::default();
    short.copy_from_slice(&digest[..16]);
    short
}

/// Vectors of an index that was there before.
struct Known {
    vectors: Vectors,
    place: BTreeMap<TextHash, u32>,
}

impl Known {
    /// None where anything of it is not whole: everything is computed anew then.
    fn open(generation: &Path) -> Option<Self> {
        let vectors = vectors_of(generation).ok()?;
        let texts = std::fs::read(generation.join(TEXTS)).ok()?;
        let (hashes, rest) = texts.as_chunks::<16>();
        if !rest.is_empty() || hashes.len() != vectors.count() {
            return None;
        }
        Some(Self { vectors, place: hashes.iter().copied().zip(0..).collect() })
    }
}

/// Writes passages, their vectors and what these are of.
struct Maker<'a> {
    words: LexicalWriter,
    meaning: Option<Meaning<'a>>,
    ids: BTreeSet<TextHash>,
    count: u64,
    doubles: u64,
}

struct Meaning<'a> {
    encoder: Encoder<'a>,
    vectors: VectorsWriter<BufWriter<File>>,
    texts: BufWriter<File>,
    known: Option<Known>,
    waiting: Vec<(TextHash, String)>,
    embedded: u64,
}

impl<'a> Maker<'a> {
    fn begin(
        folder: &Path,
        encoder: Option<Encoder<'a>>,
        known: Option<Known>,
    ) -> Result<Self, LibraryError> {
        let lexical = folder.join(LEXICAL);
        std::fs::create_dir(&lexical).map_err(|reason| failed(&lexical, "cannot be made", reason))?;
        let create = |name: &str| {
            let path = folder.join(name);
            File::create_new(&path)
                .map(BufWriter::new)
                .map_err(|reason| failed(&path, "cannot be made", reason))
        };
        let meaning = match encoder {
            Some(encoder) => Some(Meaning {
                encoder,
                vectors: VectorsWriter::new(create(VECTORS)?, encoder.network.width())?,
                texts: create(TEXTS)?,
                known,
                waiting: Vec::new(),
                embedded: 0,
            }),
            None => None,
        };
        let place = MmapDirectory::open(&lexical).map_err(|error| LexicalError::Index(error.into()))?;
        Ok(Self { words: LexicalWriter::new(place)?, meaning, ids: BTreeSet::new(), count: 0, doubles: 0 })
    }

    fn add(&mut self, passage: Passage) -> Result<(), LibraryError> {
        if !self.ids.insert(text_hash(&passage.id)) {
            self.doubles += 1;
            return Ok(());
        }
        self.words.add(&passage)?;
        self.count += 1;
        if let Some(meaning) = &mut self.meaning {
            let text = passage.found_by();
            meaning.waiting.push((text_hash(&text), text));
            if meaning.waiting.len() >= Meaning::AT_ONCE {
                meaning.write()?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(u64, u64, u64), LibraryError> {
        let mut embedded = 0;
        if let Some(mut meaning) = self.meaning.take() {
            meaning.write()?;
            embedded = meaning.embedded;
            let sync = |file: BufWriter<File>, name: &str| {
                let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
                file.and_then(|file| file.sync_all())
                    .map_err(|reason| failed(Path::new(name), "cannot be written", reason))
            };
            sync(meaning.vectors.finish()?, VECTORS)?;
            sync(meaning.texts, TEXTS)?;
        }
        self.words.finish()?;
        Ok((self.count, self.doubles, embedded))
    }
}

impl Meaning<'_> {
    /// Texts that wait until they are embedded together: those of like length share a batch.
    const AT_ONCE: usize = 256;

    fn write(&mut self) -> Result<(), LibraryError> {
        let place = |hash: &TextHash| self.known.as_ref().and_then(|known| known.place.get(hash).copied());
        let new: Vec<&str> = self
            .waiting
            .iter()
            .filter(|(hash, _)| place(hash).is_none())
            .map(|(_, text)| text.as_str())
            .collect();
        self.embedded += new.len() as u64;
        let mut made = self.encoder.network.embed(&new, &Silent)?.into_iter();
        for (hash, _) in &self.waiting {
            let row = place(hash).and_then(|place| self.known.as_ref()?.vectors.row(place));
            match (row, row.is_none().then(|| made.next()).flatten()) {
                (Some(row), _) => self.vectors.add_row(row)?,
                (None, Some(vector)) => self.vectors.add(&vector.numbers)?,
                (None, None) => unreachable!("a text without a row was embedded"),
            }
            self.texts
                .write_all(hash)
                .map_err(|reason| failed(Path::new(TEXTS), "cannot be written", reason))?;
        }
        self.waiting.clear();
        Ok(())
    }
}
