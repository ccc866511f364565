//! `wilhelm evaluate ensemble`

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;
use wilhelm_filters::Prepared;
use wilhelm_learn::{Voice, VoiceFigures, VoiceSummary, mean_voice, summarize_voices};
use wilhelm_nets::{Card, Interval, Model, Shelf, Views};

use crate::args::{EvaluateEnsemble, LabeledData};
use crate::config::Config;
use crate::engine::views;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::table;
use crate::verbs::explain::data::{self, LabeledSet};

/// One model of the ensemble.
struct Member {
    name: String,
    folder: PathBuf,
    model: Model,
}

/// Measures each model alone, all of them together, and the same with views.
pub fn run(verb: &EvaluateEnsemble, config: &Config) -> anyhow::Result<Exit> {
    let report = verb.out.join("ensemble.json");
    if !verb.force && report.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", report.display())));
    }
    let views = verb.views.as_deref().map(views).transpose()?;
    let members = members(&verb.member)?;
    if members.len() < 2 && views.is_none() {
        return Err(Stop::usage("one model is no ensemble: name others with --member, or --views"));
    }
    let own;
    let list = match &verb.data.only {
        Some(list) => list.as_path(),
        None => {
            own = held_out_of_all(&members)?;
            own.path()
        }
    };
    let wanted = LabeledData {
        data: verb.data.data.clone(),
        split: verb.data.split.clone(),
        only: Some(list.to_owned()),
        limit: verb.data.limit,
    };
    let line = Line::new("asking");
    let (mut singles, mut shown) = (Vec::new(), Vec::new());
    let mut seen: Option<Seen> = None;
    for (done, member) in members.iter().enumerate() {
        line.at(done, members.len());
        let set = data::load(&wanted, member.model.card(), config)?;
        let found = Seen::of(&set);
        if let Some(first) = &seen
            && *first != found
        {
            return Err(Stop::input(format!(
                "{} does not accept the same images as {}: their figures could not be compared",
                member.name,
                members.first().map_or("", |first| first.name.as_str())
            )));
        }
        singles.push(Voice {
            name: member.name.clone(),
            single: true,
            probabilities: probabilities(&member.model, &set)?,
        });
        if let Some(views) = views {
            // The same weights, asked in other ways.
            let model = Shelf::classifier_in(&member.folder)?.load()?.with_views(views);
            let name = format!("{}, {} views", member.name, views.count());
            shown.push(Voice { name, single: false, probabilities: probabilities(&model, &set)? });
        }
        seen.get_or_insert(found);
    }
    drop(line);
    let Seen { names, truth, left_out } = seen.ok_or_else(|| Stop::usage("no model was named"))?;
    let card =
        members.first().map(|member| member.model.card()).ok_or_else(|| Stop::usage("no model was named"))?;
    let labels: Vec<String> = card.labels.iter().map(|label| label.key.clone()).collect();
    let mut voices = singles.clone();
    voices.extend(shown.iter().cloned());
    if singles.len() > 1 {
        voices.push(mean_voice("mean of all", &singles.iter().collect::<Vec<_>>()));
    }
    if shown.len() > 1 {
        let name = format!("mean of all, {} views", views.map_or(1, |views| views.count()));
        voices.push(mean_voice(&name, &shown.iter().collect::<Vec<_>>()));
    }
    let line = Line::new("resampling");
    let found = summarize_voices(&voices, &truth, &labels, verb.replicates, verb.seed)?;
    drop(line);
    let notes = notes(verb, views, names.len());
    let summary = json!({
        "schema": 1,
        "members": members.iter().map(|member| json!({
            "name": member.name, "model": member.model.card().name, "version": member.model.card().version,
            "seed": member.model.card().training.seed, "weights_sha256": member.model.card().weights_sha256
        })).collect::<Vec<_>>(),
        "data": verb.data.data.file_name().unwrap_or_default().to_string_lossy(),
        "images": names.len(),
        "views": views,
        "replicates": verb.replicates,
        "seed": verb.seed,
        "voices": found,
        "left_out": left_out.iter().map(|(name, why)| json!({ "image": name, "reason": why })).collect::<Vec<_>>(),
        "notes": notes,
        "research_use_only": true,
    });
    let last = voices.last().map(|voice| voice.probabilities.as_slice()).unwrap_or_default();
    let csv = predictions(&names, &truth, &labels, last);
    let text = format!("{}\n", serde_json::to_string_pretty(&summary)?);
    let page = markdown(card, &found, &notes);
    let files = [
        ("ensemble.json", text.as_bytes()),
        ("ensemble.md", page.as_bytes()),
        ("ensemble.csv", csv.as_bytes()),
    ];
    write_folder(&verb.out, &files, verb.force)?;
    if verb.json {
        print_json(&summary)?;
    } else {
        print(&table::columns(&HEADER, &found.iter().map(cells).collect::<Vec<_>>()))?;
        for note in &notes {
            print(&format!("note: {note}\n"))?;
        }
        print(&format!("in {}: ensemble.json, ensemble.md, ensemble.csv\n", verb.out.display()))?;
    }
    for (name, why) in &left_out {
        eprintln!("wilhelm: {name} was left out: {why}");
    }
    Ok(if left_out.is_empty() { Exit::Done } else { Exit::Defects })
}

/// Which images a model accepts.
#[derive(PartialEq)]
struct Seen {
    names: Vec<String>,
    truth: Vec<usize>,
    left_out: Vec<(String, String)>,
}

impl Seen {
    fn of(set: &LabeledSet) -> Self {
        Self {
            names: set.images.iter().map(|image| image.name.clone()).collect(),
            truth: set.images.iter().map(|image| image.label).collect(),
            left_out: set.left_out.clone(),
        }
    }
}

/// The models that the folders hold, in order: a folder of a model, or the seeds of an arm.
fn members(folders: &[PathBuf]) -> anyhow::Result<Vec<Member>> {
    let mut places: Vec<PathBuf> = Vec::new();
    for folder in folders {
        if folder.join("card.toml").is_file() {
            places.push(folder.clone());
            continue;
        }
        let fail =
            |error: std::io::Error| Stop::input(format!("{} is not readable: {error}", folder.display()));
        let entries = std::fs::read_dir(folder).map_err(fail)?;
        let mut seeds: Vec<(u64, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let number = entry.file_name().to_string_lossy().strip_prefix("seed-")?.parse().ok()?;
                entry.path().join("card.toml").is_file().then(|| (number, entry.path()))
            })
            .collect();
        seeds.sort();
        if seeds.is_empty() {
            return Err(Stop::input(format!(
                "{} holds no model: neither a card.toml nor folders seed-N with one",
                folder.display()
            )));
        }
        places.extend(seeds.into_iter().map(|(_, place)| place));
    }
    let mut members: Vec<Member> = Vec::with_capacity(places.len());
    for folder in places {
        let model = Shelf::classifier_in(&folder)?.load()?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if members.iter().any(|other| other.folder == folder) {
            return Err(Stop::usage(format!("{} is named twice", folder.display())));
        }
        if let Some(first) = members.first() {
            let keys = |card: &Card| card.labels.iter().map(|label| label.key.clone()).collect::<Vec<_>>();
            if keys(first.model.card()) != keys(model.card()) {
                return Err(Stop::usage(format!(
                    "{} and {name} have other labels: their mean says nothing",
                    first.name
                )));
            }
        }
        let taken = members.iter().any(|other| other.name == name);
        let name = if taken { format!("{name} ({})", members.len() + 1) } else { name };
        members.push(Member { name, folder, model });
    }
    Ok(members)
}

/// The images that no model learned from: those on every one's list of validation images.
fn held_out_of_all(members: &[Member]) -> anyhow::Result<tempfile::NamedTempFile> {
    let mut common: Option<BTreeSet<String>> = None;
    for member in members {
        let place = member.folder.join("validation.txt");
        if !place.is_file() {
            return Err(Stop::usage(format!(
                "{} has no validation.txt that says which images it did not learn from: name a list with --only",
                member.folder.display()
            )));
        }
        let text = read_text(&place, "list")?;
        let own: BTreeSet<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        common = Some(match common {
            Some(common) => common.intersection(&own).cloned().collect(),
            None => own,
        });
    }
    let common = common.unwrap_or_default();
    if common.is_empty() {
        return Err(Stop::input(
            "no image was held out of all models: train them on one split (split_seed), or name other images with --only",
        ));
    }
    let mut list = tempfile::NamedTempFile::new()?;
    for name in common {
        std::io::Write::write_all(&mut list, format!("{name}\n").as_bytes())?;
    }
    Ok(list)
}

fn probabilities(model: &Model, set: &LabeledSet) -> anyhow::Result<Vec<f64>> {
    let mut all = Vec::new();
    for chunk in set.images.chunks(64) {
        let prepared: Vec<&Prepared> = chunk.iter().map(|image| &image.prepared).collect();
        for prediction in model.predict(&prepared)? {
            // Intervals are rounded to probabilities; a row adds up to one again.
            let row: Vec<f64> =
                prediction.labels.iter().map(|label| label.probability.estimate.value()).collect();
            let sum: f64 = row.iter().sum();
            all.extend(row.into_iter().map(|value| value / sum));
        }
    }
    Ok(all)
}

fn notes(verb: &EvaluateEnsemble, views: Option<Views>, images: usize) -> Vec<String> {
    let mut notes = vec![match &verb.data.only {
        Some(_) => format!("{images} images that the list names"),
        None => format!(
            "{images} images that none of the models learned from; their temperatures were fitted on them"
        ),
    }];
    notes.push(
        "less singles: the figure less the mean of those of the single models, on the same draws of images; where an \
         interval holds 0, no difference is shown"
            .to_owned(),
    );
    if views.is_some() {
        notes.push("calibration was fitted without views".to_owned());
    }
    notes
}

/// Names of the columns of [`cells`].
const HEADER: [&str; 9] =
    ["", "AUC", "less singles", "accuracy", "less singles", "Brier", "less singles", "log loss", "ECE"];

fn cells(one: &VoiceSummary) -> Vec<String> {
    let plain = |found: &Interval| format!("{:.3} ({:.3} to {:.3})", found.estimate, found.low, found.high);
    let signed = |of: &dyn Fn(&VoiceFigures) -> Interval| {
        one.less_singles.as_ref().map_or_else(
            || "-".to_owned(),
            |less| {
                let found = of(less);
                format!("{:+.3} ({:+.3} to {:+.3})", found.estimate, found.low, found.high)
            },
        )
    };
    let VoiceFigures { macro_auc, accuracy, brier, log_loss } = &one.figures;
    vec![
        one.name.clone(),
        plain(macro_auc),
        signed(&|less| less.macro_auc),
        plain(accuracy),
        signed(&|less| less.accuracy),
        plain(brier),
        signed(&|less| less.brier),
        plain(log_loss),
        format!("{:.3}", one.calibration_error),
    ]
}

fn markdown(card: &Card, found: &[VoiceSummary], notes: &[String]) -> String {
    let mut text = format!("# Models {} together\n\n", card.name);
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text += &row(&HEADER.map(str::to_owned));
    text += &format!("|{}\n", "---|".repeat(HEADER.len()));
    found.iter().for_each(|one| text += &row(&cells(one)));
    text.push('\n');
    notes.iter().for_each(|note| text += &format!("- {note}\n"));
    text + "\nFor research. Not a medical device.\n"
}

/// A table that `wilhelm evaluate` reads.
fn predictions(names: &[String], truth: &[usize], labels: &[String], probabilities: &[f64]) -> String {
    let mut header = vec!["image", "label"];
    header.extend(labels.iter().map(String::as_str));
    let rows: Vec<Vec<String>> = names
        .iter()
        .zip(truth)
        .zip(probabilities.chunks_exact(labels.len().max(1)))
        .map(|((name, label), row)| {
            let mut cells = vec![name.clone(), labels[*label].clone()];
            cells.extend(row.iter().map(|value| format!("{value:.9}")));
            cells
        })
        .collect();
    table::csv(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_model_is_told() {
        let place = tempfile::tempdir().expect("a folder");
        let Err(error) = members(&[place.path().to_owned()]) else { panic!("no model") };
        assert!(error.to_string().contains("neither a card.toml nor folders seed-N"), "{error}");
    }
}
