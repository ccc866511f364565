//! `wilhelm query` and `wilhelm retrieve`: another archive asked by DIMSE.

use std::time::Duration;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use serde_json::json;
use wilhelm_server::dimse::{DimseError, IntoArchive, IntoFolder, Moved, Peer, Question, Requestor};
use wilhelm_store::Level;

use super::archive::{open, peer};
use super::send::allowed;
use crate::args::{self, AskedLevel};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};

/// The peer of an argument, if it is of this machine or listed.
fn listed(text: &str, config: &Config) -> anyhow::Result<Peer> {
    let peer =
        peer(text).ok_or_else(|| Stop::usage(format!("the peer is {text}, expected TITLE@HOST:PORT")))?;
    let place = text.split_once('@').map_or("", |(_, place)| place);
    // What is asked for names patients: it goes to no host that nobody listed.
    let _ = allowed(place, &config.values.send.hosts)?;
    Ok(peer)
}

fn patience(config: &Config) -> Duration {
    Duration::from_secs(u64::from(config.values.server.timeout_seconds))
}

/// What is shown of an answer: its name and its attribute.
fn columns(level: AskedLevel) -> Vec<(&'static str, Tag)> {
    let mut columns = vec![("study", tags::STUDY_INSTANCE_UID)];
    match level {
        AskedLevel::Study => columns.extend([
            ("patient_id", tags::PATIENT_ID),
            ("patient_name", tags::PATIENT_NAME),
            ("date", tags::STUDY_DATE),
            ("modalities", tags::MODALITIES_IN_STUDY),
            ("accession", tags::ACCESSION_NUMBER),
            ("description", tags::STUDY_DESCRIPTION),
        ]),
        AskedLevel::Series => columns.extend([
            ("series", tags::SERIES_INSTANCE_UID),
            ("modality", tags::MODALITY),
            ("number", tags::SERIES_NUMBER),
            ("description", tags::SERIES_DESCRIPTION),
        ]),
        AskedLevel::Image => columns.extend([
            ("series", tags::SERIES_INSTANCE_UID),
            ("image", tags::SOP_INSTANCE_UID),
            ("class", tags::SOP_CLASS_UID),
            ("number", tags::INSTANCE_NUMBER),
        ]),
    }
    columns
}

/// `wilhelm query`
pub fn query(verb: &args::PeerQuery, config: &Config) -> anyhow::Result<Exit> {
    let peer = listed(&verb.peer, config)?;
    let (level, modality) = match verb.level {
        AskedLevel::Study => (Level::Study, tags::MODALITIES_IN_STUDY),
        AskedLevel::Series => (Level::Series, tags::MODALITY),
        AskedLevel::Image => (Level::Instance, tags::MODALITY),
    };
    if verb.level != AskedLevel::Study && verb.study.is_none() {
        return Err(Stop::usage("series and images are asked for within a study: name it with --study"));
    }
    if verb.level == AskedLevel::Image && verb.series.is_none() {
        return Err(Stop::usage("images are asked for within a series: name it with --series"));
    }
    let mut question = Question::new(level);
    for (tag, value) in [
        (tags::PATIENT_ID, &verb.patient),
        (tags::PATIENT_NAME, &verb.name),
        (tags::STUDY_DATE, &verb.date),
        (tags::ACCESSION_NUMBER, &verb.accession),
        (tags::STUDY_INSTANCE_UID, &verb.study),
        (tags::SERIES_INSTANCE_UID, &verb.series),
        (modality, &verb.modality),
    ] {
        if let Some(value) = value {
            question = question.with(tag, value);
        }
    }
    let columns = columns(verb.level);
    for (_, tag) in &columns {
        if !question.keys.iter().any(|(asked, _)| asked == tag) {
            question = question.with(*tag, "");
        }
    }
    let failed = |error: DimseError| Stop::input(format!("{}: {error}", verb.peer));
    let title = &config.values.server.ae_title;
    let mut requestor = Requestor::to_ask(&peer, title, &question, patience(config)).map_err(failed)?;
    let answers = requestor.find(&question, verb.most).map_err(failed)?;
    requestor.release().map_err(failed)?;
    let value = |row: &[(Tag, wilhelm_study::Phi<String>)], tag: Tag| {
        row.iter()
            .find(|(found, _)| *found == tag)
            .map_or_else(String::new, |(_, value)| value.expose().clone())
    };
    if verb.json {
        let rows: Vec<serde_json::Value> = answers
            .rows
            .iter()
            .map(|row| {
                let pairs = columns.iter().map(|(name, tag)| ((*name).to_owned(), json!(value(row, *tag))));
                serde_json::Value::Object(pairs.collect())
            })
            .collect();
        print_json(&json!({ "answers": rows, "cut": answers.cut }))?;
    } else {
        let mut text = String::new();
        for row in &answers.rows {
            let values: Vec<String> = columns
                .iter()
                .map(|(_, tag)| {
                    value(row, *tag).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
                })
                .collect();
            text.push_str(&values.join("\t"));
            text.push('\n');
        }
        print(&text)?;
    }
    if answers.cut {
        eprintln!("wilhelm: there are more than {} answers: ask more narrowly, or with --most", verb.most);
    }
    Ok(Exit::Done)
}

/// `wilhelm retrieve`
pub fn retrieve(verb: &args::PeerRetrieve, config: &Config) -> anyhow::Result<Exit> {
    let peer = listed(&verb.peer, config)?;
    let question = match &verb.series {
        Some(series) => Question::new(Level::Series).with(tags::SERIES_INSTANCE_UID, series),
        None => Question::new(Level::Study),
    }
    .with(tags::STUDY_INSTANCE_UID, &verb.study);
    let title = &config.values.server.ae_title;
    let failed = |error: DimseError| Stop::input(format!("{}: {error}", verb.peer));
    let moved = match (&verb.to, &verb.out) {
        (Some(to), _) => {
            let mut requestor =
                Requestor::to_move(&peer, title, &question, patience(config)).map_err(failed)?;
            let moved = requestor.move_to(&question, to).map_err(failed)?;
            requestor.release().map_err(failed)?;
            moved
        }
        (None, Some(folder)) => {
            std::fs::create_dir_all(folder)
                .map_err(|error| Stop::input(format!("{} cannot be made: {error}", folder.display())))?;
            let mut requestor =
                Requestor::to_get(&peer, title, &question, patience(config)).map_err(failed)?;
            let moved = requestor.get(&question, &mut IntoFolder::new(folder.clone())).map_err(failed)?;
            requestor.release().map_err(failed)?;
            moved
        }
        (None, None) => {
            let store = open(&verb.archive, config)?;
            let mut requestor =
                Requestor::to_get(&peer, title, &question, patience(config)).map_err(failed)?;
            let into = &mut IntoArchive::new(&store).of_study(&verb.study);
            let moved = requestor.get(&question, into).map_err(failed)?;
            requestor.release().map_err(failed)?;
            moved
        }
    };
    told(verb, moved)
}

fn told(verb: &args::PeerRetrieve, moved: Moved) -> anyhow::Result<Exit> {
    if verb.json {
        print_json(&json!({
            "from": verb.peer,
            "completed": moved.completed,
            "failed": moved.failed,
            "with_warning": moved.warning,
        }))?;
    } else {
        let Moved { completed, failed, warning, .. } = moved;
        print(&format!("{completed} arrived, {warning} with a warning, {failed} failed\n"))?;
    }
    Ok(if moved.failed == 0 && moved.status == 0 { Exit::Done } else { Exit::Defects })
}
