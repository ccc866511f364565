//! `wilhelm serve` and `wilhelm store`: the archive served, filled, listed and checked.

mod demo;

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use dicom_dictionary_std::tags;
use serde_json::json;
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::account::{AccountsFile, Policy};
use wilhelm_privacy::audit::{Action, Actor, AuditLog, Event, Object, ObjectKind, Outcome};
use wilhelm_server::desk::{Desk, StudyReader};
use wilhelm_server::dimse::{Peer, Settings as EntitySettings};
use wilhelm_server::hl7::Settings as MessageSettings;
use wilhelm_server::{Ledger, ServeError, Server, Settings as ServerSettings, SignIn, Tls};
use wilhelm_store::{
    Duplicates, Expected, Fault, Level, Limits, Pending, Query, Receipt, Settings, Store, StoreError,
};
use wilhelm_study::Phi;

use crate::config::{self, Config, DuplicatesChoice};
use crate::desk_reader::DeskReader;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::verbs::{backup, keys};
use crate::{args, audit};

/// The folder of the archive: the flag's, the configuration's, else the user's own for data.
pub fn folder(flag: &args::ArchiveFolder, config: &Config) -> anyhow::Result<PathBuf> {
    flag.data
        .clone()
        .or_else(|| default_folder(config))
        .ok_or_else(|| Stop::usage("there is no home folder: name the archive's folder with --data"))
}

/// The folder of the archive where no flag names one.
pub fn default_folder(config: &Config) -> Option<PathBuf> {
    if !config.values.server.folder.is_empty() {
        return Some(PathBuf::from(&config.values.server.folder));
    }
    std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")))
        .map(|home| home.join("wilhelm/archive"))
}

/// Opens the archive of a command line.
pub fn open(flag: &args::ArchiveFolder, config: &Config) -> anyhow::Result<Arc<Store>> {
    let server = &config.values.server;
    let settings = Settings {
        limits: Limits { object_bytes: server.object_bytes, ..Limits::default() },
        duplicates: match server.duplicates {
            DuplicatesChoice::Keep => Duplicates::KeepFirst,
            DuplicatesChoice::Replace => Duplicates::Replace,
        },
        // A lost key stops here, before anything is taken in or given out.
        keys: config.values.archive.sealed.then(|| keys::opened(config).map(Arc::new)).transpose()?,
        quota_bytes: Some(server.quota_bytes).filter(|quota| *quota > 0),
    };
    Store::open(&folder(flag, config)?, settings).map_err(|error| match error {
        StoreError::InUse { .. } => {
            Stop::usage(format!("{error}: stop it first, or name another with --data"))
        }
        other => other.into(),
    })
}

/// `TITLE@HOST:PORT`
pub fn peer(text: &str) -> Option<Peer> {
    let (title, place) = text.split_once('@')?;
    let (host, port) = place.rsplit_once(':')?;
    let named = (1..=16).contains(&title.len()) && title.is_ascii() && !host.is_empty();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Peer { ae_title: title.to_owned(), host, port: port.parse().ok()? }).filter(|_| named)
}

/// `wilhelm serve`
pub fn serve(verb: &args::Serve, config: &Config) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let config = &if verb.demo { demo::config(config) } else { config.clone() };
    let values = &config.values.server;
    let archive = match verb.demo {
        true => &args::ArchiveFolder { data: Some(demo::folder(config)) },
        false => &verb.archive,
    };
    let is_open = verb.open || verb.demo;
    let address = |name: &str, text: &str| {
        text.parse().map_err(|_| Stop::usage(format!("server.{name} is {text:?}, expected ADDRESS:PORT")))
    };
    let http = verb.http.map_or_else(|| address("http", &values.http), Ok)?;
    let dimse = match verb.dimse {
        Some(address) => Some(address),
        None if values.dimse.is_empty() => None,
        None => Some(address("dimse", &values.dimse)?),
    };
    let peers = values.peers.iter().map(|text| {
        peer(text).ok_or_else(|| Stop::usage(format!("server.peers has {text:?}, expected TITLE@HOST:PORT")))
    });
    let entity = EntitySettings {
        ae_title: values.ae_title.clone(),
        only_our_title: values.only_our_title,
        peers: peers.collect::<anyhow::Result<_>>()?,
        only_peers: values.only_peers,
        only_peer_addresses: values.only_peer_addresses,
        associations: values.associations,
        timeout: Duration::from_secs(u64::from(values.timeout_seconds)),
    };
    let hl7 = match values.hl7.as_str() {
        "" => None,
        text => {
            let messages = MessageSettings { peers: values.hl7_peers.clone(), ..MessageSettings::default() };
            Some((address("hl7", text)?, messages))
        }
    };
    let jobs = backup::jobs(config, &entity.peers)?;
    let store = open(archive, config)?;
    let tls = match values.tls_certificate.as_str() {
        "" => None,
        certificate => {
            let tls = Tls::of_files(Path::new(certificate), Path::new(&values.tls_key));
            Some(tls.map_err(|error| Stop::usage(format!("server.tls_certificate: {error}")))?)
        }
    };
    let ledger = Arc::new(Ledger::new(log(archive, config)?));
    let reader: Arc<dyn StudyReader> = Arc::new(DeskReader::new(config.clone()));
    let desk = Desk::new(Arc::clone(&store), Some(reader), Some(Arc::clone(&ledger)));
    if verb.demo {
        demo::fill(&store, &desk)?;
    }
    let sign_in = if is_open { None } else { Some(Arc::new(sign_in(config, &ledger)?)) };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let settings = ServerSettings {
        hl7,
        hosts: values.hosts.clone(),
        sign_in,
        ledger: Some(ledger),
        desk: Some(desk),
        tls,
        upload_bytes: values.upload_bytes,
        jobs,
        ohif: Some(&values.ohif).filter(|folder| !folder.is_empty()).map(PathBuf::from),
        ..ServerSettings::open(http, dimse, entity)
    };
    let mut server = Server::start(store, settings).map_err(|error| match error {
        ServeError::Exposed { .. } | ServeError::Rule { .. } | ServeError::Ohif { .. } => {
            Stop::usage(error.to_string())
        }
        other => Stop::ours(other.to_string()),
    })?;
    let orders = server.orders().map_err(|error| Stop::ours(error.to_string()))?;
    let elapsed = started.elapsed().as_millis();
    let dimse = server.dimse().map(|address| address.to_string());
    let hl7 = server.hl7().map(|address| address.to_string());
    if verb.json {
        print_json(&json!({
            "http": format!("{scheme}://{}", server.http()),
            "sign_in": !is_open,
            "dimse": dimse,
            "ae_title": values.ae_title,
            "hl7": hl7,
            "started_ms": u64::try_from(elapsed).unwrap_or(u64::MAX),
        }))?;
    } else {
        let dimse = dimse.map_or_else(
            || "not listened for".to_owned(),
            |address| format!("{}@{address}", values.ae_title),
        );
        let hl7 = hl7.map_or_else(String::new, |address| format!("HL7       {address}\n"));
        print(&format!(
            "studies   {scheme}://{http}/\nDICOMweb  {scheme}://{http}/dicom-web\nDIMSE     {dimse}\n{hl7}started in {elapsed} ms; ctrl-c stops it\n",
            http = server.http()
        ))?;
    }
    if is_open {
        eprintln!("wilhelm: --open: whoever uses this machine reads and writes everything, without sign-in");
    }
    orders.wait();
    eprintln!("wilhelm: stopping: what is in progress is finished first");
    server.stop();
    Ok(Exit::Done)
}

/// The audit log: where the configuration has it, else in the archive's folder.
pub fn log(flag: &args::ArchiveFolder, config: &Config) -> anyhow::Result<AuditLog> {
    audit::open_log(&log_folder(flag, config)?, config)
}

/// The folder of the audit log.
pub fn log_folder(flag: &args::ArchiveFolder, config: &Config) -> anyhow::Result<PathBuf> {
    Ok(match config.values.audit.folder.as_str() {
        "" => folder(flag, config)?.join("audit"),
        folder => PathBuf::from(folder),
    })
}

/// Sign-in by the file of accounts, with a first administrator where there is no account yet.
fn sign_in(config: &Config, ledger: &Ledger) -> anyhow::Result<SignIn> {
    let path = config::beside(&config.values.accounts.file, "accounts.json");
    let file = AccountsFile::new(&path);
    let entropy = &mut SystemEntropy::default();
    let first = file.change(|accounts| accounts.first_administrator(Utc::now(), entropy))?;
    if let Some((name, secret)) = first {
        let account = ledger.log().key().reference(ObjectKind::Account, &Phi::new(name.as_str().to_owned()));
        let object = Object::new(ObjectKind::Account, account);
        let event = Event::new(Actor::program(), Action::AccountMade, object, Outcome::Done);
        ledger.log().append(Utc::now(), &event)?;
        show_once(&path, name.as_str(), secret.expose())?;
    }
    Ok(SignIn::new(file, Policy::default())?)
}

/// Shows the first password to a terminal, and to nothing that keeps it: where there is none, it goes into a file that its
/// owner alone can read.
fn show_once(accounts: &Path, name: &str, secret: &str) -> anyhow::Result<()> {
    if std::io::stderr().is_terminal() {
        eprintln!(
            "wilhelm: the first account is {name}, its password (shown once): {secret}\n\
             wilhelm: it has to be changed first: printf 'OLD\\nNEW\\n' | wilhelm users password {name}"
        );
        return Ok(());
    }
    let path = accounts.with_file_name("first-password");
    let failed =
        |error: std::io::Error| Stop::input(format!("{} cannot be written: {error}", path.display()));
    let mut file =
        tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    writeln!(file, "{secret}").and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    eprintln!(
        "wilhelm: the first account is {name}, its password is in {}: change it, and remove that file",
        path.display()
    );
    Ok(())
}

/// `wilhelm store`
pub fn store(verb: &args::StoreArgs, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        args::StoreVerb::Import(verb) => import(verb, config),
        args::StoreVerb::List(verb) => list(verb, config),
        args::StoreVerb::Check(verb) => check(verb, config),
        args::StoreVerb::Seal(verb) => seal(verb, config),
        args::StoreVerb::Backup(verb) => backup::make(verb, config),
        args::StoreVerb::CheckBackup(verb) => backup::check(verb),
        args::StoreVerb::Restore(verb) => backup::restore(verb),
    }
}

/// All files below some paths, in the order of their names.
pub fn files_below(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let unreadable =
            |error: std::io::Error| Stop::input(format!("{} is not readable: {error}", path.display()));
        let metadata = path.metadata().map_err(unreadable)?;
        if !metadata.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in path.read_dir().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            // Links could lead anywhere, and around.
            if !entry.file_type().map_err(unreadable)?.is_symlink() {
                entries.push(entry.path());
            }
        }
        entries.sort();
        files.extend(files_below(&entries)?);
    }
    Ok(files)
}

#[derive(Default)]
struct Imported {
    stored: u64,
    there: u64,
    passed: u64,
    refused: Vec<(PathBuf, String)>,
}

impl Imported {
    fn settle(&mut self, path: PathBuf, pending: Pending) -> anyhow::Result<()> {
        match pending.wait() {
            Ok(Receipt::AlreadyThere) => self.there += 1,
            Ok(_) => self.stored += 1,
            Err(error) if error.is_callers_fault() => self.refused.push((path, error.to_string())),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Objects handed to the catalog before the first is waited for.
const TOGETHER: usize = 64;

fn import(verb: &args::StoreImport, config: &Config) -> anyhow::Result<Exit> {
    let store = open(&verb.archive, config)?;
    let mut imported = Imported::default();
    let mut waiting = std::collections::VecDeque::new();
    for path in files_below(&verb.paths)? {
        let Some(arriving) = read(&store, &path)? else {
            imported.passed += 1;
            continue;
        };
        let taken = match arriving {
            Ok(arriving) => store.take(arriving, Expected::default()),
            Err(error) => Err(error),
        };
        match taken {
            Ok(taken) => waiting.push_back((path, taken.pending)),
            Err(error) if error.is_callers_fault() => imported.refused.push((path, error.to_string())),
            Err(error) => return Err(error.into()),
        }
        if waiting.len() > TOGETHER
            && let Some((path, pending)) = waiting.pop_front()
        {
            imported.settle(path, pending)?;
        }
    }
    for (path, pending) in waiting {
        imported.settle(path, pending)?;
    }
    if verb.json {
        let refused: Vec<_> = imported
            .refused
            .iter()
            .map(|(path, reason)| json!({ "file": path.display().to_string(), "reason": reason }))
            .collect();
        print_json(&json!({
            "stored": imported.stored,
            "already_there": imported.there,
            "no_dicom": imported.passed,
            "refused": refused,
        }))?;
    } else {
        print(&format!(
            "{} stored, {} already there, {} no DICOM files, {} refused\n",
            imported.stored,
            imported.there,
            imported.passed,
            imported.refused.len()
        ))?;
    }
    for (path, reason) in &imported.refused {
        eprintln!("wilhelm: {} was not taken: {reason}", path.display());
    }
    Ok(if imported.refused.is_empty() { Exit::Done } else { Exit::Defects })
}

/// A file's bytes on their way; `None` where it is no file of PS3.10.
fn read(store: &Store, path: &Path) -> anyhow::Result<Option<Result<wilhelm_store::Arriving, StoreError>>> {
    let unreadable =
        |error: std::io::Error| Stop::input(format!("{} is not readable: {error}", path.display()));
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let mut piece = vec![0; 1 << 20];
    let mut arriving = store.arrive();
    loop {
        let mut held = 0;
        while held < piece.len() {
            match file.read(&mut piece[held..]).map_err(unreadable)? {
                0 => break,
                count => held += count,
            }
        }
        if arriving.length() == 0 && piece.get(128..132).filter(|_| held >= 132) != Some(b"DICM") {
            return Ok(None);
        }
        if let Err(error) = arriving.write(&piece[..held]) {
            return Ok(Some(Err(error)));
        }
        if held < piece.len() {
            return Ok(Some(Ok(arriving)));
        }
    }
}

fn list(verb: &args::StoreList, config: &Config) -> anyhow::Result<Exit> {
    let store = open(&verb.archive, config)?;
    let answers = store.query(&Query { limit: Some(verb.limit), ..Query::new(Level::Study) })?;
    const COLUMNS: [(&str, dicom_core::Tag); 7] = [
        ("study", tags::STUDY_INSTANCE_UID),
        ("patient_id", tags::PATIENT_ID),
        ("date", tags::STUDY_DATE),
        ("modalities", tags::MODALITIES_IN_STUDY),
        ("series", tags::NUMBER_OF_STUDY_RELATED_SERIES),
        ("objects", tags::NUMBER_OF_STUDY_RELATED_INSTANCES),
        ("description", tags::STUDY_DESCRIPTION),
    ];
    if verb.json {
        let studies: Vec<_> = answers
            .iter()
            .map(|answer| {
                let pairs = COLUMNS.iter().map(|(name, tag)| ((*name).to_owned(), json!(answer.text(*tag))));
                serde_json::Value::Object(pairs.collect())
            })
            .collect();
        print_json(&studies)?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for answer in &answers {
        let values: Vec<String> = COLUMNS
            .iter()
            .map(|(_, tag)| answer.text(*tag).chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
            .collect();
        text.push_str(&values.join("\t"));
        text.push('\n');
    }
    print(&text)?;
    Ok(Exit::Done)
}

fn seal(verb: &args::StoreSeal, config: &Config) -> anyhow::Result<Exit> {
    if !config.values.archive.sealed {
        return Err(Stop::usage("archive.sealed is false: set it first, so that what arrives is sealed too"));
    }
    let count = open(&verb.archive, config)?.seal()?;
    if verb.json {
        print_json(&json!({ "sealed": count }))?;
    } else {
        print(&format!("{count} objects sealed\n"))?;
    }
    Ok(Exit::Done)
}

fn check(verb: &args::StoreCheck, config: &Config) -> anyhow::Result<Exit> {
    let store = open(&verb.archive, config)?;
    let checked = store.check(verb.repair)?;
    let word = |fault: &Fault| match fault {
        Fault::Missing => "missing",
        Fault::Changed => "changed",
        Fault::Locked => "locked",
    };
    if verb.json {
        let faults: Vec<_> = checked
            .faults
            .iter()
            .map(
                |(uid, file, fault)| json!({ "sop_instance_uid": uid, "sha256": file, "fault": word(fault) }),
            )
            .collect();
        let report_faults: Vec<_> = checked
            .report_faults
            .iter()
            .map(|one| json!({ "report": one.report, "part": one.part, "fault": word(&one.fault) }))
            .collect();
        let annotation_faults: Vec<_> = checked
            .annotation_faults
            .iter()
            .map(|one| json!({ "project": one.project, "part": one.part, "fault": word(&one.fault) }))
            .collect();
        print_json(&json!({
            "annotation_parts": checked.annotation_parts,
            "annotation_faults": annotation_faults,
            "objects": checked.objects,
            "faults": faults,
            "report_parts": checked.report_parts,
            "report_faults": report_faults,
            "strays": checked.strays,
            "catalog": checked.catalog,
            "sound": checked.is_sound(),
        }))?;
    } else {
        let mut text = format!("{} objects read and compared with their checksums\n", checked.objects);
        for (uid, file, fault) in &checked.faults {
            text.push_str(&format!("{}\t{uid}\tobjects/{}/{file}\n", word(fault), &file[..2]));
        }
        if checked.report_parts > 0 {
            let parts = checked.report_parts;
            text.push_str(&format!("{parts} versions and files of reports compared with their hashes\n"));
        }
        for one in &checked.report_faults {
            text.push_str(&format!("{}\treport {}\t{}\n", word(&one.fault), one.report, one.part));
        }
        if checked.annotation_parts > 0 {
            let parts = checked.annotation_parts;
            text.push_str(&format!(
                "{parts} projects and answers of annotation compared with their hashes\n"
            ));
        }
        for one in &checked.annotation_faults {
            text.push_str(&format!(
                "{}\tannotation project {}\t{}\n",
                word(&one.fault),
                one.project,
                one.part
            ));
        }
        for line in &checked.catalog {
            text.push_str(&format!("catalog\t{line}\n"));
        }
        if !checked.strays.is_empty() {
            text.push_str(&format!("{} files that no row names\n", checked.strays.len()));
        }
        text.push_str(if checked.is_sound() { "sound\n" } else { "not sound\n" });
        print(&text)?;
    }
    Ok(if checked.is_sound() { Exit::Done } else { Exit::Defects })
}
