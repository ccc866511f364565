use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wilhelm_pipeline::{
    DraftSettings, Drafting, ReadOptions, ReadOutcome, Readers, known_values, read_series,
};
use wilhelm_study::{Modality, Series};

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::language::{self, Loaded};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::shelf;

/// `wilhelm read`
pub fn run(verb: &args::Read, config: &Config) -> anyhow::Result<Exit> {
    let request: Vec<String> = match &verb.text {
        Some(path) => read_text(path, "text")?.lines().map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let reading = wilhelm_formats::read(&verb.paths, &config.limits(), &Line::new("reading"));
    for failure in &reading.failures {
        eprintln!("wilhelm: {}: {}", failure.path, failure.error);
    }
    if reading.series.is_empty() {
        if reading.failures.is_empty() {
            return Err(Stop::input("no image was found in what was given"));
        }
        return Ok(Exit::Input);
    }
    let models = shelf::load_all(&shelf::open(verb.models.as_deref(), config)?)?;
    let patients: Vec<_> = reading.series.iter().map(|series| &series.patient).collect();
    let known = known_values(&patients);
    let loaded = if verb.no_llm { None } else { language::load(config, verb.seed, known)? };
    let rephraser = loaded.as_ref().map(Loaded::rephraser);
    let readers =
        Readers { models: &models, language_model: rephraser.as_ref().map(|model| model as &dyn Drafting) };
    let options = ReadOptions {
        request,
        seed: verb.seed.unwrap_or(u64::from(config.values.llm.seed)),
        draft: DraftSettings {
            wording: config.values.llm.wording,
            candidates: config.values.llm.candidates,
            temperature: config.values.llm.temperature as f32,
        },
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let several = reading.series.len() > 1;
    let mut results = Vec::new();
    let mut defects = !reading.failures.is_empty();
    for (number, series) in reading.series.into_iter().enumerate() {
        let series = with_modality(series, verb.modality.as_deref());
        defects |= !series.defects.is_empty();
        let folder =
            if several { verb.out.join(format!("series-{:02}", number + 1)) } else { verb.out.clone() };
        let outcome = one(&series, readers, &options)?;
        write(&folder, &outcome, verb.force)?;
        for remark in &outcome.remarks {
            eprintln!("wilhelm: language model: {remark}");
        }
        if verb.json {
            results.push(json!({ "folder": folder, "report": outcome.report }));
        } else {
            print(&format!(
                "{}\nReport: {}\n\n",
                outcome.text.trim_end(),
                folder.join("report.html").display()
            ))?;
        }
    }
    if verb.json {
        let failures: Vec<Value> = reading
            .failures
            .iter()
            .map(|failure| json!({ "path": failure.path, "error": failure.error.to_string() }))
            .collect();
        print_json(&json!({ "reports": results, "failures": failures }))?;
    }
    Ok(if defects { Exit::Defects } else { Exit::Done })
}

fn one(series: &Series, readers: Readers<'_>, options: &ReadOptions) -> anyhow::Result<ReadOutcome> {
    let line = Line::new("check");
    Ok(read_series(series, readers, options, &mut |name, done, total| {
        line.say(name);
        line.at(done, total);
        true
    })?)
}

/// A picture file states no modality; the person who has it may.
fn with_modality(mut series: Series, stated: Option<&str>) -> Series {
    if series.modality.is_none() {
        series.modality = stated.map(|term| Modality::from(term.to_uppercase()));
    }
    series
}

fn write(folder: &Path, outcome: &ReadOutcome, force: bool) -> anyhow::Result<()> {
    let provenance = serde_json::to_string_pretty(&outcome.provenance)? + "\n";
    let files: [(&str, &[u8]); 4] = [
        ("report.html", outcome.html.as_bytes()),
        ("report.json", outcome.json.as_bytes()),
        ("heatmap.png", &outcome.heatmap_png),
        ("provenance.json", provenance.as_bytes()),
    ];
    write_folder(folder, &files, force)
}

/// The file of the configured language model: one that is fetched by name, or a path.
pub fn language_model_file(config: &Config) -> Option<PathBuf> {
    match config.values.llm.model.as_str() {
        "" => None,
        "smollm2" => Some(wilhelm_llm::SMOLLM2.path_in(&config.cache())),
        path => Some(PathBuf::from(path)),
    }
}
