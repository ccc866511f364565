//! `wilhelm send web`: studies to another archive by DICOMweb, over lines that break.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wilhelm_server::web::{Outbound, Remote, Remotes, SendError, SendReport, Watch, send};
use wilhelm_store::{Content, Limits, Place, Store, StoreError, describe};
use wilhelm_study::StudyInstanceUid;

use super::archive::{files_below, open};
use super::send::allowed;
use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;

/// A line on the terminal that says how far it is.
struct Shown(Line);

impl Watch for Shown {
    fn step(&self, done: u64, total: u64) -> bool {
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        self.0.at(number(done), number(total));
        true
    }

    fn pause(&self, wait: Duration) -> bool {
        std::thread::sleep(wait);
        true
    }
}

/// A file on its way.
struct OfFile {
    path: PathBuf,
    series: String,
    sop: String,
    bytes: u64,
}

fn content(path: &Path) -> Result<Content, StoreError> {
    let failed = |source| StoreError::Io { action: "reading", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok(Content::File { file, length })
}

/// The files of some paths, by their studies; and those that are none to be sent, with the reason.
type OfStudies = (BTreeMap<String, Vec<OfFile>>, Vec<(String, String)>);

fn of_files(paths: &[PathBuf]) -> anyhow::Result<OfStudies> {
    let (mut studies, mut refused): OfStudies = Default::default();
    for path in files_below(paths)? {
        match content(&path).and_then(|content| {
            let bytes = content.length();
            describe(&content, &Limits::default()).map(|found| (found.attributes, bytes))
        }) {
            Ok((found, bytes)) => {
                let series = found.series_uid.as_str().to_owned();
                let sop = found.sop_uid.as_str().to_owned();
                let study = found.study_uid.as_str().to_owned();
                studies.entry(study).or_default().push(OfFile { path, series, sop, bytes });
            }
            Err(error) => refused.push((path.display().to_string(), error.to_string())),
        }
    }
    Ok((studies, refused))
}

/// The list of archives that this command line means: one.
fn remotes(verb: &args::SendWeb, config: &Config) -> anyhow::Result<(Remotes, Remote)> {
    let wrong = |error: wilhelm_server::web::RemoteError| Stop::usage(error.to_string());
    let remote = Remote::parse(&verb.to).map_err(wrong)?;
    // Refuses hosts that are not listed before their name is looked up.
    let _ = allowed(&remote.place(), &config.values.send.hosts)?;
    let remotes = Remotes::of_one(&remote, verb.token_file.as_deref(), verb.ca.as_deref()).map_err(wrong)?;
    Ok((remotes, remote))
}

/// What one study came to.
struct Ended {
    study: String,
    total: u64,
    outcome: Result<SendReport, String>,
}

impl Ended {
    fn is_whole(&self) -> bool {
        self.outcome
            .as_ref()
            .is_ok_and(|report| report.refused.is_empty() && report.is_confirmed != Some(false))
    }

    fn json(&self) -> Value {
        match &self.outcome {
            Err(why) => json!({ "study": self.study, "objects": self.total, "error": why }),
            Ok(report) => json!({
                "study": self.study,
                "objects": self.total,
                "sent": report.sent.iter().map(|one| json!({
                    "instance": one.sop_uid, "sha256": one.sha256, "bytes": one.bytes,
                })).collect::<Vec<Value>>(),
                "there_before": report.there,
                "refused": report.refused.iter().map(|(uid, why)| json!({ "instance": uid, "reason": why })).collect::<Vec<Value>>(),
                "breaks": report.breaks,
                "confirmed": report.is_confirmed,
                "sha256": report.sha256(),
            }),
        }
    }

    fn words(&self) -> String {
        match &self.outcome {
            Err(why) => format!("{}: {why}\n", self.study),
            Ok(report) => {
                let confirmed = match report.is_confirmed {
                    Some(true) => "all are found there",
                    Some(false) => "not all are found there: run it again",
                    None => "the other side answers no searches, so that nothing was confirmed",
                };
                format!(
                    "{}: {} sent, {} there before, {} refused, {} breaks; {confirmed}\nsha256 {}\n",
                    self.study,
                    report.sent.len(),
                    report.there,
                    report.refused.len(),
                    report.breaks,
                    report.sha256()
                )
            }
        }
    }
}

pub fn run(verb: &args::SendWeb, config: &Config) -> anyhow::Result<Exit> {
    let (remotes, remote) = remotes(verb, config)?;
    let (uids, paths): (Vec<&String>, Vec<&String>) =
        verb.what.iter().partition(|one| !Path::new(one).exists() && StudyInstanceUid::new(one).is_ok());
    let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
    let (files, unread) = of_files(&paths)?;
    let store = if uids.is_empty() { None } else { Some(open(&verb.archive, config)?) };
    let shown = Shown(Line::new("sending"));
    let mut ended = Vec::new();
    for (study, files) in &files {
        let objects: Vec<Outbound<'_>> = files
            .iter()
            .map(|one| Outbound {
                series_uid: one.series.clone(),
                sop_uid: one.sop.clone(),
                bytes: one.bytes,
                open: Box::new(move || content(&one.path)),
            })
            .collect();
        ended.push(sent(&remotes, &remote, study, &objects, &shown));
    }
    if let Some(store) = &store {
        for uid in uids {
            ended.push(of_archive(store, &remotes, &remote, uid, &shown)?);
        }
    }
    shown.0.clear();
    if verb.json {
        let unread: Vec<Value> =
            unread.iter().map(|(file, reason)| json!({ "file": file, "reason": reason })).collect();
        let studies: Vec<Value> = ended.iter().map(Ended::json).collect();
        print_json(&json!({ "to": verb.to, "studies": studies, "unreadable": unread }))?;
    } else {
        print(&ended.iter().map(Ended::words).collect::<String>())?;
    }
    for (file, reason) in &unread {
        eprintln!("wilhelm: {file} was not sent: {reason}");
    }
    for one in &ended {
        for (uid, why) in one.outcome.iter().flat_map(|report| &report.refused) {
            eprintln!("wilhelm: {uid} was not taken: {why}");
        }
    }
    let failed = ended.iter().any(|one| one.outcome.is_err());
    if failed {
        return Ok(Exit::Input);
    }
    let is_whole = unread.is_empty() && ended.iter().all(Ended::is_whole);
    Ok(if is_whole { Exit::Done } else { Exit::Defects })
}

fn of_archive(
    store: &Arc<Store>,
    remotes: &Remotes,
    remote: &Remote,
    uid: &str,
    shown: &Shown,
) -> anyhow::Result<Ended> {
    let study_uid = StudyInstanceUid::new(uid).map_err(|error| Stop::usage(error.to_string()))?;
    let located = store.locate(&Place { study_uid, series_uid: None, sop_uid: None })?;
    let objects: Vec<Outbound<'_>> = located
        .iter()
        .map(|one| Outbound {
            series_uid: one.series_uid.clone(),
            sop_uid: one.sop_uid.clone(),
            bytes: one.bytes,
            open: Box::new(move || store.content(one)),
        })
        .collect();
    Ok(sent(remotes, remote, uid, &objects, shown))
}

fn sent(remotes: &Remotes, remote: &Remote, study: &str, objects: &[Outbound<'_>], shown: &Shown) -> Ended {
    let outcome = send(remotes, remote, study, objects, shown).map_err(|error| match error {
        SendError::Later(why) => format!("{why}: run it again, it goes on where it was"),
        other => other.to_string(),
    });
    Ended { study: study.to_owned(), total: objects.len() as u64, outcome }
}
