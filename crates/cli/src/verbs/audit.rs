use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use wilhelm_privacy::audit::{
    Action, Anchor, AuditKey, Entry, Filter, ObjectKind, Outcome, Reference, Verdict, bundle, entries,
};
use wilhelm_privacy::{KeyPurpose, read_key};
use wilhelm_study::Phi;

use crate::args;
use crate::audit::key_file;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::table::columns;

/// `wilhelm audit`
pub fn run(verb: &args::Audit, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        args::AuditVerb::Verify(verify) => verified(verify, config),
        args::AuditVerb::Show(show) => shown(show, config),
        args::AuditVerb::Export(export) => exported(export, config),
    }
}

fn folder(given: Option<&Path>, config: &Config) -> anyhow::Result<PathBuf> {
    match (given, config.values.audit.folder.as_str()) {
        (Some(folder), _) => Ok(folder.to_owned()),
        (None, "") => {
            // `wilhelm serve` keeps one in its archive.
            let own = super::archive::default_folder(config).map(|folder| folder.join("audit"));
            own.filter(|folder| folder.is_dir()).ok_or_else(|| {
                Stop::usage("no audit log is configured: name its folder, or set audit.folder")
            })
        }
        (None, folder) => Ok(PathBuf::from(folder)),
    }
}

fn verified(verb: &args::AuditVerify, config: &Config) -> anyhow::Result<Exit> {
    let folder = folder(verb.folder.as_deref(), config)?;
    let key = if verb.no_key {
        None
    } else {
        let path = verb.key.clone().unwrap_or_else(|| key_file(config));
        Some(AuditKey::new(&read_key(&path, KeyPurpose::Audit)?))
    };
    let anchors = verb.anchor.iter().map(|text| anchor(text)).collect::<anyhow::Result<Vec<Anchor>>>()?;
    let verdict = Verdict::with_anchors(&folder, key.as_ref(), &anchors)?;
    if verb.json {
        print_json(&verdict)?;
    } else {
        print(&in_words(&folder, &verdict))?;
    }
    Ok(if verdict.flaws.is_empty() { Exit::Done } else { Exit::Defects })
}

fn anchor(text: &str) -> anyhow::Result<Anchor> {
    let wrong = || Stop::usage("--anchor wants an entry's number and the SHA-256 of its line: 17:ab12...");
    let (number, hash) = text.split_once(':').ok_or_else(wrong)?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let sequence = number.parse().ok().filter(|_| is_hash).ok_or_else(wrong)?;
    Ok(Anchor { sequence, hash: hash.to_lowercase() })
}

fn in_words(folder: &Path, verdict: &Verdict) -> String {
    let mut shown = String::new();
    for flaw in &verdict.flaws {
        shown.push_str(&format!("{flaw}\n"));
    }
    for entry in &verdict.back_in_time {
        shown.push_str(&format!("entry {entry} is earlier than the one before it: the clock was set back\n"));
    }
    if verdict.behind_checkpoint > 0 {
        shown.push_str(&format!(
            "{} entries stand behind the checkpoint: a writer was killed before it came to it\n",
            verdict.behind_checkpoint
        ));
    }
    let checked = if verdict.is_keyed { "with the key" } else { "by hashes alone, without the key" };
    let count = match verdict.flaws.len() {
        0 => "every entry is as it was written".to_owned(),
        1 => "1 place is not as it was written".to_owned(),
        count => format!("{count} places are not as they were written"),
    };
    shown.push_str(&format!(
        "{}: {} entries in {} files, checked {checked}: {count}\n",
        folder.display(),
        verdict.entries,
        verdict.files
    ));
    if verdict.flaws.is_empty() {
        shown.push_str(&format!("worth noting elsewhere: --anchor {}:{}\n", verdict.last, verdict.hash));
    }
    shown
}

/// The entries that were asked for.
fn chosen(verb: &args::Entries, config: &Config) -> anyhow::Result<Vec<Entry>> {
    let folder = folder(verb.folder.as_deref(), config)?;
    let none = |what: &str, names: String| Stop::usage(format!("there is no such {what}, expected {names}"));
    let names = |all: Vec<&str>| all.join(", ");
    let action = verb.action.as_ref().map(|name| {
        let all = || names(Action::ALL.iter().map(|one| one.name()).collect());
        Action::parse(name).ok_or_else(|| none("action", all()))
    });
    let kind = verb.kind.as_ref().map(|name| {
        let all = || names(ObjectKind::ALL.iter().map(|one| one.name()).collect());
        ObjectKind::parse(name).ok_or_else(|| none("kind of object", all()))
    });
    let outcome = verb.outcome.as_ref().map(|name| {
        let all = || names(Outcome::ALL.iter().map(|one| one.name()).collect());
        Outcome::parse(name).ok_or_else(|| none("outcome", all()))
    });
    let reference = match (&verb.reference, &verb.patient) {
        (Some(text), _) => Some(Reference::parse(text).map_err(|error| Stop::usage(error.to_string()))?),
        (None, Some(id)) => {
            let key = AuditKey::new(&read_key(&key_file(config), KeyPurpose::Audit)?);
            Some(key.reference(ObjectKind::Patient, &Phi::new(id.clone())))
        }
        (None, None) => None,
    };
    let filter = Filter {
        actor: verb.actor.clone(),
        action: action.transpose()?,
        kind: kind.transpose()?,
        reference,
        outcome: outcome.transpose()?,
        since: verb.since.as_deref().map(time).transpose()?,
        until: verb.until.as_deref().map(time).transpose()?,
        from: verb.from,
    };
    Ok(entries(&folder, &filter)?)
}

fn time(text: &str) -> anyhow::Result<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed.map(|at| at.to_utc()).map_err(|_| {
        Stop::usage(format!("{text} is no time with its offset, expected a form like 2026-01-31T14:05:00Z"))
    })
}

fn shown(verb: &args::AuditShow, config: &Config) -> anyhow::Result<Exit> {
    let found = chosen(&verb.entries, config)?;
    if verb.json {
        print_json(&json!({ "entries": found }))?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|entry| {
            let event = &entry.event;
            let object = match &event.object.reference {
                Some(reference) => format!("{} {}", event.object.kind.name(), &reference.as_str()[..8]),
                None => event.object.kind.name().to_owned(),
            };
            let details: Vec<String> =
                event.details.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let reason = event.reason.as_ref().map(|reason| format!("\"{}\" ", reason.escape_debug()));
            vec![
                entry.sequence.to_string(),
                entry.at.to_rfc3339_opts(SecondsFormat::Secs, true),
                event.actor.name.escape_debug().to_string(),
                event.action.name().to_owned(),
                object,
                event.outcome.name().to_owned(),
                format!("{}{}", reason.unwrap_or_default(), details.join(" ").escape_debug()),
            ]
        })
        .collect();
    print(&columns(&["entry", "when", "who", "what", "object", "outcome", "more"], &rows))?;
    Ok(Exit::Done)
}

fn exported(verb: &args::AuditExport, config: &Config) -> anyhow::Result<Exit> {
    let found = chosen(&verb.entries, config)?;
    let text = bundle(&found, env!("CARGO_PKG_VERSION"));
    if verb.out.as_os_str() == "-" {
        print(&text)?;
    } else {
        wilhelm_formats::write_atomically(&verb.out, verb.force, text.as_bytes())?;
        print(&format!("{}: {} entries\n", verb.out.display(), found.len()))?;
    }
    Ok(Exit::Done)
}
