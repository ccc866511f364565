use std::fmt::Write;
use std::path::PathBuf;

use serde_json::json;
use sha2::{Digest, Sha256};
use wilhelm_knowledge::passages::Passage;
use wilhelm_llm::{MINILM, sha256_of_file};
use wilhelm_nets::text::SentenceEncoder;
use wilhelm_pipeline::library::{
    BuildSettings, Encoder, EncoderFacts, Library, Way, build, manifest, report_passages,
};

use crate::args::{IndexFolder, KbFind, KbIndex};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::verbs::report::chain;

/// An index with its encoder.
pub struct Opened {
    pub library: Library,
    pub encoder: Option<SentenceEncoder>,
}

impl Opened {
    /// The index of a command line, and the encoder that its vectors were made by.
    pub fn open(named: &IndexFolder, config: &Config) -> anyhow::Result<Self> {
        let folder = named.folder.clone().unwrap_or_else(|| default_folder(config));
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let library = Library::open(&folder, threads)?;
        let encoder = if named.words_alone || !library.has_vectors() {
            None
        } else {
            let (network, facts) = encoder(config)?.ok_or_else(|| {
                Stop::input(
                    "the index has vectors of a model that is not fetched: run `wilhelm models fetch minilm`, or add \
                     --words-alone",
                )
            })?;
            library.check_encoder(&Encoder { network: &network, facts: &facts })?;
            Some(network)
        };
        Ok(Self { library, encoder })
    }
}

fn default_folder(config: &Config) -> PathBuf {
    config.cache().join("index")
}

/// The encoder of sentences, where it is fetched.
fn encoder(config: &Config) -> anyhow::Result<Option<(SentenceEncoder, EncoderFacts)>> {
    let cache = config.cache();
    if !MINILM.is_in(&cache) {
        return Ok(None);
    }
    let folder = MINILM.path_in(&cache);
    let sha256 = sha256_of_file(&folder.join("model.safetensors"))?;
    Ok(Some((SentenceEncoder::open(&folder)?, EncoderFacts { name: "all-MiniLM-L6-v2".to_owned(), sha256 })))
}

/// `wilhelm kb index`
pub fn index(verb: &KbIndex, config: &Config) -> anyhow::Result<Exit> {
    let into = verb.into.clone().unwrap_or_else(|| default_folder(config));
    let other = |name: std::ffi::OsString| !name.to_string_lossy().starts_with(".new-");
    let holds_other = into
        .read_dir()
        .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| other(entry.file_name()))));
    if holds_other && manifest(&into).is_ok_and(|manifest| manifest.is_none()) {
        return Err(Stop::usage(format!(
            "{} holds something that is no index: name another folder",
            into.display()
        )));
    }
    let found = if verb.words_alone { None } else { encoder(config)? };
    if found.is_none() && !verb.words_alone {
        eprintln!(
            "wilhelm: the model minilm is not fetched, so passages are found by words alone (`wilhelm models fetch minilm` \
             brings it, --words-alone says that this is meant)"
        );
    }
    let encoder = found.as_ref().map(|(network, facts)| Encoder { network, facts });
    let reports = signed(&verb.reports)?;
    let settings =
        BuildSettings { places: &verb.places, reports: &reports, license: verb.license.as_deref(), encoder };
    let line = Line::new("indexing");
    let built = build(&settings, &into, &line)?;
    drop(line);
    let manifest = &built.manifest;
    let defects: Vec<&str> = manifest.files.iter().filter_map(|file| file.defect.as_deref()).collect();
    for defect in &defects {
        eprintln!("wilhelm: {defect}: what stands before it was indexed");
    }
    for path in &built.left_out {
        let pdf = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pdf"));
        let why = if pdf { "PDF is not read yet: bring it as text" } else { "no form that is read" };
        eprintln!("wilhelm: {} is left out: {why}", path.display());
    }
    if manifest.doubles > 0 {
        eprintln!(
            "wilhelm: {} passages have the identifier of another one and are left out: a document given twice, or two with one id",
            manifest.doubles
        );
    }
    if verb.json {
        print_json(&json!({
            "folder": into, "changed": built.changed, "passages": manifest.passages, "doubles": manifest.doubles,
            "embedded": built.embedded, "encoder": manifest.encoder, "files": manifest.files, "left_out": built.left_out,
        }))?;
    } else if built.changed {
        print(&format!(
            "{}: {} passages of {} files, {} embedded now\n",
            into.display(),
            manifest.passages,
            manifest.files.len(),
            built.embedded
        ))?;
    } else {
        print(&format!("{}: nothing changed\n", into.display()))?;
    }
    Ok(if defects.is_empty() { Exit::Done } else { Exit::Defects })
}

/// The last signed version of each report in the folders of folders, as passages.
fn signed(folders: &[PathBuf]) -> anyhow::Result<Vec<(String, String, Vec<Passage>)>> {
    let mut found = Vec::new();
    for folder in folders {
        let wrong =
            |error: std::io::Error| Stop::input(format!("{} cannot be read: {error}", folder.display()));
        let mut places: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(wrong)? {
            places.push(entry.map_err(wrong)?.path());
        }
        places.sort();
        for place in places.iter().filter(|place| place.is_dir()) {
            let (files, versions) = chain(place)?;
            let (Some(bytes), Some(last)) = (files.last(), versions.last()) else { continue };
            if !last.report.state.is_final() {
                continue;
            }
            let name = place.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            let document = format!("report:{name}");
            let passages = report_passages(&document, &last.report);
            found.push((document, sha256, passages));
        }
    }
    Ok(found)
}

/// `wilhelm kb find`
pub fn find(verb: &KbFind, config: &Config) -> anyhow::Result<Exit> {
    let Opened { library, encoder } = Opened::open(&verb.index, config)?;
    let way = if encoder.is_some() { Way::Both } else { Way::Words };
    let found = library.find(&verb.question, encoder.as_ref(), way, verb.most)?;
    if verb.json {
        print_json(&json!({ "way": way, "found": found }))?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for one in &found {
        let passage = &one.passage;
        let title = passage.title.as_deref().unwrap_or_default();
        writeln!(text, "{}  {title}\n  {}\n  ({})", passage.id, passage.text, passage.source)?;
    }
    if found.is_empty() {
        text.push_str("nothing found\n");
    }
    print(&text)?;
    Ok(Exit::Done)
}
