use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{SecondsFormat, Utc};
use serde_json::json;
use wilhelm_privacy::audit::{Action, Event, Object, ObjectKind, Outcome};
use wilhelm_privacy::seal::{self, Keyring, Root, RootCommand};
use wilhelm_privacy::{KeyPurpose, SystemEntropy, make_key, read_key};

use crate::args::{self, KeysVerb};
use crate::audit::Book;
use crate::config::{self, Config};
use crate::exit::{Exit, Stop};
use crate::output::{existing_ancestor, print, print_json};
use crate::table::columns;

/// `wilhelm keys`
pub fn run(verb: &args::Keys, config: &Config) -> anyhow::Result<Exit> {
    let path = keyring_file(config);
    let entropy = &mut SystemEntropy::default();
    let ring = match &verb.verb {
        KeysVerb::New => {
            if path.exists() {
                // Before a root key is made that nothing lies under.
                return Err(seal::SealError::KeyringExists { path }.into());
            }
            let book = Book::open(config)?;
            let root = root(config, true)?;
            let ring = Keyring::make(&path, &root, Utc::now(), entropy)?;
            note(&book, Action::KeyMade)?;
            ring
        }
        KeysVerb::Rotate { new_root } => {
            let book = Book::open(config)?;
            let old = root(config, false)?;
            let new = new_root.as_deref().map(|file| key_of(file, true)).transpose()?.map(Root::Key);
            let ring = Keyring::rotate(&path, &old, new.as_ref(), Utc::now(), entropy)?;
            note(&book, Action::KeyRotated)?;
            if let Some(file) = new_root {
                eprintln!("wilhelm: the keyring now lies under {}: set keys.root_file to it", file.display());
            }
            ring
        }
        KeysVerb::Check => opened(config)?,
    };
    let states = ring.states();
    if verb.json {
        print_json(&json!({ "keyring": path, "keys": states }))?;
    } else {
        let row = |state: &seal::KeyState| {
            let made = state.made.to_rfc3339_opts(SecondsFormat::Secs, true);
            vec![state.id.clone(), made, if state.is_active { "seals and opens" } else { "opens" }.to_owned()]
        };
        let rows: Vec<Vec<String>> = states.iter().map(row).collect();
        print(&format!("{}\n{}", path.display(), columns(&["key", "made", "what it does"], &rows)))?;
    }
    Ok(Exit::Done)
}

fn note(book: &Book, action: Action) -> anyhow::Result<()> {
    book.note(Event::new(book.actor(), action, Object::whole(ObjectKind::Key), Outcome::Done))
}

fn keyring_file(config: &Config) -> PathBuf {
    config::beside(&config.values.keys.file, "keyring.json")
}

/// The keyring, as the configuration says.
pub fn opened(config: &Config) -> anyhow::Result<Keyring> {
    let path = keyring_file(config);
    if !path.exists() {
        // Before a root key is missed that nothing would lie under.
        return Err(seal::SealError::NoKeyring { path }.into());
    }
    Ok(Keyring::open(&path, &root(config, false)?)?)
}

/// What the keyring lies under, as the configuration says.
fn root(config: &Config, is_new: bool) -> anyhow::Result<Root> {
    let keys = &config.values.keys;
    match keys.root_command.split_first() {
        Some((program, arguments)) => Ok(Root::Command(RootCommand {
            program: program.clone(),
            arguments: arguments.to_vec(),
            timeout_seconds: keys.root_seconds,
        })),
        None => Ok(Root::Key(key_of(&config::beside(&keys.root_file, "root.key"), is_new)?)),
    }
}

/// The root key of a file, which is made where it may be.
fn key_of(file: &Path, is_new: bool) -> anyhow::Result<wilhelm_privacy::Secret> {
    if is_new && !file.exists() {
        let key = make_key(file, KeyPurpose::Root, &mut SystemEntropy::default())?;
        eprintln!(
            "wilhelm: made {}: keep a copy elsewhere, what is sealed does not open without it",
            file.display()
        );
        return Ok(key);
    }
    Ok(read_key(file, KeyPurpose::Root)?)
}

/// `wilhelm seal`
pub fn seal(verb: &args::Sealing, config: &Config) -> anyhow::Result<Exit> {
    let ring = opened(config)?;
    let context = verb.context.as_bytes();
    convert(verb, |source, target| seal::seal(source, target, context, &ring, &mut SystemEntropy::default()))
}

/// `wilhelm open`
pub fn open(verb: &args::Sealing, config: &Config) -> anyhow::Result<Exit> {
    let ring = opened(config)?;
    convert(verb, |source, target| seal::open(source, target, verb.context.as_bytes(), &ring))
}

/// Reads one file and writes another, which is not there before it is whole.
fn convert(
    verb: &args::Sealing,
    work: impl FnOnce(Box<dyn Read>, &mut File) -> Result<u64, seal::SealError>,
) -> anyhow::Result<Exit> {
    let is_stdout = verb.out.as_os_str() == "-";
    if !is_stdout && !verb.force && verb.out.exists() {
        return Err(Stop::usage(format!(
            "{} is already there: add --force to replace it",
            verb.out.display()
        )));
    }
    let source: Box<dyn Read> = if verb.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let unreadable = |error| Stop::input(format!("{} is not readable: {error}", verb.file.display()));
        Box::new(io::BufReader::new(File::open(&verb.file).map_err(unreadable)?))
    };
    let unwritable = |error: &dyn std::fmt::Display| {
        Stop::input(format!("{} cannot be written: {error}", verb.out.display()))
    };
    // Beside its place, or in memory's stead: nothing is shown before the end was seen.
    let mut target = if is_stdout {
        tempfile::NamedTempFile::new()
    } else {
        tempfile::NamedTempFile::new_in(existing_ancestor(&verb.out))
    }
    .map_err(|error| unwritable(&error))?;
    work(source, target.as_file_mut())?;
    target.as_file().sync_all().map_err(|error| unwritable(&error))?;
    if is_stdout {
        let mut whole = target.reopen().map_err(|error| unwritable(&error))?;
        match io::copy(&mut whole, &mut io::stdout().lock()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(Stop::ours(format!("stdout is not writable: {error}")));
            }
            _ => return Ok(Exit::Done),
        }
    }
    if verb.force {
        target.persist(&verb.out).map_err(|error| unwritable(&error.error))?;
    } else {
        target.persist_noclobber(&verb.out).map_err(|error| unwritable(&error.error))?;
    }
    Ok(Exit::Done)
}
