//! `wilhelm store backup`, `check-backup` and `restore`; and what a served archive does in the background.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use serde_json::json;
use wilhelm_server::JobSettings;
use wilhelm_server::dimse::Peer;
use wilhelm_server::rules::{Reach, Rules};
use wilhelm_server::web::Remotes;
use wilhelm_store::StoreError;
use wilhelm_store::backup::{self, BackupFault, Wanted};

use super::archive;
use crate::args;
use crate::config::{self, Config};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};

/// What the configuration says of jobs, rules and the bin.
pub fn jobs(config: &Config, peers: &[Peer]) -> anyhow::Result<JobSettings> {
    let server = &config.values.server;
    let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
    let (tokens, authorities) = (path(&server.web_tokens), path(&server.web_authorities));
    let remotes = Remotes::new(&server.web_peers, tokens.as_deref(), authorities.as_deref())
        .map_err(|error| Stop::usage(format!("server.web_peers: {error}")))?;
    let rules = match server.rules.as_str() {
        "" => Rules::default(),
        file => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Stop::usage(format!("server.rules: {file} is not readable: {error}")))?;
            let reach =
                Reach { peers: peers.to_vec(), notify: server.notify.clone(), web: server.web_peers.clone() };
            Rules::parse(&text, &reach)
                .map_err(|error| Stop::usage(format!("server.rules: {file}, {error}")))?
        }
    };
    Ok(JobSettings {
        threads: server.workers,
        rules,
        notify: server.notify.clone(),
        remotes: Arc::new(remotes),
        bin: Duration::from_secs(u64::from(server.bin_days) * 24 * 3600),
        ..JobSettings::default()
    })
}

/// What is wrong with a backup is the caller's to put right; the rest is told as it is.
fn failed(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Backup { .. } => Stop::usage(error.to_string()),
        other => other.into(),
    }
}

/// `wilhelm store backup`
pub fn make(verb: &args::StoreBackup, config: &Config) -> anyhow::Result<Exit> {
    let folder = archive::folder(&verb.archive, config)?;
    let name = verb.name.clone().unwrap_or_else(|| Utc::now().format("%Y-%m-%dT%H%M%SZ").to_string());
    let mut also: Vec<(&str, PathBuf)> = Vec::new();
    if verb.settings {
        also.push(("accounts.json", config::beside(&config.values.accounts.file, "accounts.json")));
        also.push(("audit", archive::log_folder(&verb.archive, config)?));
        let rules = &config.values.server.rules;
        also.extend((!rules.is_empty()).then(|| ("rules.toml", PathBuf::from(rules))));
    }
    let wanted = Wanted { archive: &folder, place: &verb.place, name: &name, also: &also };
    let made = backup::take(&wanted, &mut |_, _| true).map_err(failed)?;
    if verb.json {
        print_json(&json!({
            "folder": made.folder.display().to_string(),
            "objects": made.objects,
            "shared": made.linked,
            "bytes_copied": made.bytes_copied,
            "broken": made.broken,
        }))?;
    } else {
        print(&format!(
            "{}: {} objects, {} of them shared with an earlier backup, {} MiB copied\n",
            made.folder.display(),
            made.objects,
            made.linked,
            made.bytes_copied.div_ceil(1 << 20)
        ))?;
    }
    for file in &made.broken {
        eprintln!(
            "wilhelm: {file} is missing or not what arrived, and not in the backup: run wilhelm store check"
        );
    }
    Ok(if made.broken.is_empty() { Exit::Done } else { Exit::Defects })
}

fn word(fault: BackupFault) -> &'static str {
    match fault {
        BackupFault::Missing => "missing",
        BackupFault::Changed => "changed",
        BackupFault::Stray => "stray",
    }
}

/// `wilhelm store check-backup`
pub fn check(verb: &args::StoreCheckBackup) -> anyhow::Result<Exit> {
    let checked = backup::check(&verb.backup, &mut |_, _| true).map_err(failed)?;
    if verb.json {
        let faults: Vec<_> = checked
            .faults
            .iter()
            .map(|(file, fault)| json!({ "file": file, "fault": word(*fault) }))
            .collect();
        print_json(&json!({
            "files": checked.files,
            "bytes": checked.bytes,
            "faults": faults,
            "catalog": checked.catalog,
            "sound": checked.is_sound(),
        }))?;
    } else {
        let mut text = format!("{} files read and compared with their checksums\n", checked.files);
        for (file, fault) in &checked.faults {
            text.push_str(&format!("{}\t{file}\n", word(*fault)));
        }
        for line in &checked.catalog {
            text.push_str(&format!("catalog\t{line}\n"));
        }
        text.push_str(if checked.is_sound() { "sound\n" } else { "not sound\n" });
        print(&text)?;
    }
    Ok(if checked.is_sound() { Exit::Done } else { Exit::Defects })
}

/// `wilhelm store restore`
pub fn restore(verb: &args::StoreRestore) -> anyhow::Result<Exit> {
    let restored = backup::restore(&verb.backup, &verb.into, &mut |_, _| true).map_err(failed)?;
    if verb.json {
        print_json(&json!({
            "files": restored.files,
            "bytes": restored.bytes,
            "cancelled_jobs": restored.cancelled,
        }))?;
    } else {
        print(&format!(
            "{}: {} files, {} MiB, each compared with its checksum\n",
            verb.into.display(),
            restored.files,
            restored.bytes.div_ceil(1 << 20)
        ))?;
    }
    let also = verb.into.join("also");
    if restored.cancelled > 0 {
        eprintln!(
            "wilhelm: {} jobs that waited in the backup are cancelled, as they may have been done since: retry those that are still wanted",
            restored.cancelled
        );
    }
    if also.is_dir() {
        eprintln!(
            "wilhelm: accounts, audit log and rules lie in {}: put them into their places",
            also.display()
        );
    }
    Ok(Exit::Done)
}
