use std::path::Path;

use serde_json::Value;
use wilhelm_knowledge::KnownValues;
use wilhelm_llm::{LlmError, RephraseSettings, rephrase};
use wilhelm_pipeline::{PatientRecord, RecordSource, Wording, compare, identifies, record, record_html};

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::language;
use crate::output::{print, print_json, read_text, write_folder};

/// `wilhelm record`
pub fn run(verb: &args::Record, config: &Config) -> anyhow::Result<Exit> {
    let mut sources = Vec::new();
    for path in &verb.files {
        sources.push(RecordSource { name: name_of(path), text: read_text(path, "source")? });
    }
    for path in &verb.fhir {
        let text = read_text(path, "bundle")?;
        let is_bundle =
            serde_json::from_str::<Value>(&text).is_ok_and(|value| value["resourceType"] == "Bundle");
        if !is_bundle {
            return Err(Stop::input(format!("{} is no FHIR R4 bundle in JSON", path.display())));
        }
        sources.push(RecordSource { name: name_of(path), text });
    }
    let prior = verb.prior.as_deref().map(earlier).transpose()?;
    let known = known(verb, &sources);
    let loaded = if verb.reword { language::load(config, None, known.clone())? } else { None };
    let draws = loaded.as_ref().map(|loaded| RephraseSettings {
        temperature: config.values.llm.temperature as f32,
        seed: loaded.seed,
        ..RephraseSettings::default()
    });
    let propose = |sentence: &str| match (&loaded, &draws) {
        // What identifies is put to no model.
        (Some(loaded), Some(draws)) if !identifies(sentence, &known) => {
            match rephrase(&*loaded.model, sentence, &[], draws) {
                // Words that its own check refuses are no failure of the model's.
                Err(LlmError::Unfaithful(_)) => Ok(sentence.to_owned()),
                answer => answer.map_err(|error| error.to_string()),
            }
        }
        _ => Ok(sentence.to_owned()),
    };
    let wording = loaded.as_ref().map(|loaded| Wording { model: loaded.model.name(), propose: &propose });
    let made = record(&sources, verb.day.as_deref(), wording.as_ref());
    let mut made = made.map_err(|error| Stop::input(error.to_string()))?;
    if let Some(prior) = &prior {
        made.changes = compare(&made, prior);
    }
    let page = record_html(&made, &sources);
    let json = serde_json::to_string_pretty(&made)? + "\n";
    write_folder(
        &verb.out,
        &[("record.html", page.as_bytes()), ("record.json", json.as_bytes())],
        verb.force,
    )?;
    if verb.json {
        print_json(&made)?;
    } else {
        print(&shown(&made, &verb.out.join("record.html")))?;
    }
    Ok(Exit::Done)
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| "-".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn earlier(path: &Path) -> anyhow::Result<PatientRecord> {
    let text = read_text(path, "earlier record")?;
    serde_json::from_str(&text).map_err(|error| {
        Stop::input(format!("{} is no record.json of this program: {error}", path.display()))
    })
}

/// What identifies the patient: what the command line names, and what a bundle says of a patient.
fn known(verb: &args::Record, sources: &[RecordSource]) -> KnownValues {
    let mut known = KnownValues::default();
    for value in &verb.known {
        known = if value.chars().any(|c| c.is_ascii_digit()) {
            known.with_value(value)
        } else {
            known.with_name(value)
        };
    }
    for bundle in sources.iter().filter_map(|source| serde_json::from_str::<Value>(&source.text).ok()) {
        for held in bundle["entry"].as_array().into_iter().flatten() {
            let patient = &held["resource"];
            if patient["resourceType"] != "Patient" {
                continue;
            }
            for name in patient["name"].as_array().into_iter().flatten() {
                let given = name["given"].as_array().into_iter().flatten();
                for part in given.chain([&name["family"], &name["text"]]).filter_map(Value::as_str) {
                    known = known.with_name(part);
                }
            }
            let numbers = patient["identifier"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(patient["telecom"].as_array().into_iter().flatten());
            for value in
                numbers.filter_map(|number| number["value"].as_str()).chain(patient["birthDate"].as_str())
            {
                known = known.with_value(value);
            }
        }
    }
    known
}

fn shown(record: &PatientRecord, page: &Path) -> String {
    let mut text = String::new();
    let mut part = None;
    for entry in &record.entries {
        if part != Some(entry.part) {
            part = Some(entry.part);
            text.push_str(&format!("{}\n", entry.part.title().to_uppercase()));
        }
        let words: String = entry.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.push_str(&format!("  {words} [{}]\n", entry.id));
    }
    if !record.changes.is_empty() {
        text.push_str("AGAINST THE EARLIER RECORD\n");
    }
    for change in &record.changes {
        let (before, now) = (change.before.join(", "), change.now.join(", "));
        let numbers =
            if before.is_empty() && now.is_empty() { String::new() } else { format!(" ({before} -> {now})") };
        text.push_str(&format!("  {}: {}{numbers}\n", change.term, change.kind.word()));
    }
    if !record.missing.is_empty() {
        let parts: Vec<&str> = record.missing.iter().map(|part| part.title()).collect();
        text.push_str(&format!("Not in any source: {}\n", parts.join(", ")));
    }
    for note in &record.notes {
        text.push_str(&format!("{note}\n"));
    }
    text.push_str(&format!("Record: {}\n", page.display()));
    text
}
