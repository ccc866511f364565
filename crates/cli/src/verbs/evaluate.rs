mod drift;
mod ensemble;
mod fusion;
mod label_tables;
mod reports;
mod tables;
mod texts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wilhelm_learn::evaluation::document::{Document, RESEARCH_USE, html, markdown};
use wilhelm_learn::evaluation::masks::{MaskReport, MaskSettings, compare_masks, summarize};
use wilhelm_learn::evaluation::{
    Cases, Columns, Figure, GroupColumn, OperatingRule, Resampling, Settings, Table, evaluate,
};

use crate::args::{Evaluate, EvaluateMasks, EvaluatePredictions, EvaluateVerb, Intervals};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::{labels, table};

/// `wilhelm evaluate`
pub fn run(verb: &Evaluate, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        Some(EvaluateVerb::Masks(wanted)) => masks(wanted, config),
        Some(EvaluateVerb::Raters(wanted)) => tables::raters(wanted),
        Some(EvaluateVerb::Detections(wanted)) => tables::detections(wanted),
        Some(EvaluateVerb::Text(wanted)) => texts::run(wanted),
        Some(EvaluateVerb::Fusion(wanted)) => fusion::run(wanted, config),
        Some(EvaluateVerb::Report(wanted)) => reports::run(wanted),
        Some(EvaluateVerb::Labels(wanted)) => label_tables::run(wanted),
        Some(EvaluateVerb::Robustness(wanted)) => super::robustness::run(wanted, config),
        Some(EvaluateVerb::Drift(wanted)) => drift::run(wanted),
        Some(EvaluateVerb::Ensemble(wanted)) => ensemble::run(wanted, config),
        Some(EvaluateVerb::Baselines(wanted)) => super::baselines::run(wanted, config),
        None => predictions(&verb.predictions),
    }
}

fn predictions(verb: &EvaluatePredictions) -> anyhow::Result<Exit> {
    let Some(path) = &verb.predictions else {
        return Err(Stop::usage("a table of predictions is needed"));
    };
    refuse_overwriting(&verb.out, verb.force)?;
    let columns = columns(verb)?;
    let table = read_table(path)?;
    let truth = verb.truth.as_deref().map(read_table).transpose()?;
    let cases = |table: &Table, path: &Path, columns: &Columns| -> anyhow::Result<Cases> {
        let cases = Cases::read(table, truth.as_ref(), columns)?;
        // A page is passed on: it names files, not the folders of this machine.
        Ok(Cases { file: name(path), ..cases })
    };
    let own = cases(&table, path, &columns)?;
    let other = match &verb.compare {
        Some(path) => {
            let table = read_table(path)?;
            // Patients and groups are those of the first table, whether or not this one has them.
            let is_there = |name: &String| {
                [Some(&table), truth.as_ref()].into_iter().flatten().any(|table| table.column(name).is_some())
            };
            let columns = Columns {
                patient: columns.patient.clone().filter(is_there),
                groups: columns.groups.iter().filter(|group| is_there(&group.name)).cloned().collect(),
                ..columns.clone()
            };
            Some(cases(&table, path, &columns)?)
        }
        None => None,
    };
    let reference = verb.reference.as_deref().map(read_table).transpose()?;
    let line = Line::new("resampling");
    let mut report = evaluate(&own, other.as_ref(), reference.as_ref(), &settings(verb))?;
    drop(line);
    if let (Some(drift), Some(path)) = (&mut report.drift, &verb.reference) {
        drift.reference = name(path);
    }
    write(&verb.out, &report, &Document::of_report(&report)?, verb.force)?;
    report.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if verb.json {
        print_json(&report)?;
    } else {
        let rows: Vec<Vec<String>> =
            report.headlines.iter().map(|headline| cells(&headline.name, &headline.figure)).collect();
        let level = format!("{} % interval", report.settings.resampling.level * 100.0);
        print(&table::columns(&["figure", "value", &level], &rows))?;
        print(&format!("{} cases; {}\n", report.cases, written(&verb.out)))?;
    }
    let absent = report.labels.iter().any(|label| label.positives == 0);
    Ok(if absent { Exit::Defects } else { Exit::Done })
}

/// Says so before minutes are spent on figures.
fn refuse_overwriting(out: &Path, force: bool) -> anyhow::Result<()> {
    let report = out.join("evaluation.json");
    if force || !report.exists() {
        return Ok(());
    }
    Err(Stop::usage(format!("{} is already there: add --force to replace it", report.display())))
}

fn columns(verb: &EvaluatePredictions) -> anyhow::Result<Columns> {
    Ok(Columns {
        id: verb.id.clone(),
        label: verb.label.clone(),
        patient: verb.patient.clone(),
        groups: verb.group.iter().map(|text| group(text)).collect::<Result<_, _>>()?,
        labels: verb.labels.clone(),
        score: verb.score.clone(),
        positive: verb.positive.clone(),
        partial: verb.partial,
    })
}

/// `sex`, or `age:40,65`.
fn group(text: &str) -> anyhow::Result<GroupColumn> {
    let Some((name, edges)) = text.rsplit_once(':') else {
        return Ok(GroupColumn { name: text.to_owned(), edges: Vec::new() });
    };
    let edges = edges.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>().map_err(|_| {
        Stop::usage(format!(
            "--group {text}: expected a column, or a column and rising numbers as in age:40,65"
        ))
    })?;
    Ok(GroupColumn { name: name.to_owned(), edges })
}

fn settings(verb: &EvaluatePredictions) -> Settings {
    let rule = match (verb.operating_point, verb.target_sensitivity, verb.cost_fp, verb.cost_fn) {
        (Some(threshold), ..) => OperatingRule::Stated { threshold },
        (_, Some(at_least), ..) => OperatingRule::Sensitivity { at_least },
        (_, _, Some(false_alarm), Some(missed)) => OperatingRule::Costs { false_alarm, missed },
        _ => OperatingRule::Youden,
    };
    Settings {
        resampling: resampling(verb.intervals),
        bins: verb.bins,
        rule,
        prevalence: verb.prevalence,
        miscoverage: verb.miscoverage,
        least_cases: verb.least_cases,
        recalibrate: verb.recalibrate,
    }
}

fn resampling(intervals: Intervals) -> Resampling {
    Resampling { replicates: intervals.replicates, level: intervals.level, seed: intervals.seed }
}

fn read_table(path: &Path) -> anyhow::Result<Table> {
    let file = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| Stop::input(format!("table {file} is not readable: {error}")))?;
    Ok(Table::parse(&file, &bytes)?)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn cells(what: &str, figure: &Figure) -> Vec<String> {
    let number = |value: f64| format!("{value:.3}");
    let interval = match (figure.low, figure.high) {
        (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
        _ => figure.note.as_deref().unwrap_or("none").to_owned(),
    };
    vec![what.to_owned(), figure.value.map_or("none".to_owned(), number), interval]
}

fn write(out: &Path, report: &impl Serialize, pages: &Document, force: bool) -> anyhow::Result<()> {
    let json = format!("{}\n", serde_json::to_string_pretty(report)?);
    let (markdown, html) = (markdown(pages), html(pages));
    let files: [(&str, &[u8]); 3] = [
        ("evaluation.json", json.as_bytes()),
        ("evaluation.md", markdown.as_bytes()),
        ("evaluation.html", html.as_bytes()),
    ];
    write_folder(out, &files, force)
}

fn written(out: &Path) -> String {
    format!("in {}: evaluation.html, evaluation.md, evaluation.json\n{RESEARCH_USE}", out.display())
}

fn masks(verb: &EvaluateMasks, config: &Config) -> anyhow::Result<Exit> {
    refuse_overwriting(&verb.out, verb.force)?;
    let settings = MaskSettings {
        tolerance_mm: verb.tolerance,
        patches: verb.patches,
        resampling: resampling(verb.intervals),
    };
    let pairs = pairs(&verb.predicted, &verb.truth, verb.partial)?;
    let line = Line::new("measuring");
    let mut cases = Vec::with_capacity(pairs.len());
    for (done, (case, [predicted, truth])) in pairs.iter().enumerate() {
        line.at(done, pairs.len());
        let read = |path: &Path| {
            // The errors of readers do not know the file.
            labels::read_alone_or_picture(path, config).map_err(|error| {
                let (exit, sentence) = crate::exit::of_error(&error);
                anyhow::Error::from(Stop { exit, sentence: format!("{}: {sentence}", path.display()) })
            })
        };
        cases.push(compare_masks(case, &read(predicted)?, &read(truth)?, &settings)?);
    }
    drop(line);
    let report: MaskReport = summarize(&name(&verb.predicted), &name(&verb.truth), cases, &settings)?;
    write(&verb.out, &report, &Document::of_masks(&report)?, verb.force)?;
    report.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if verb.json {
        print_json(&report)?;
    } else {
        let shown = |figure: &Figure| match (figure.value, figure.low, figure.high) {
            (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
            (Some(value), ..) => format!("{value:.3}"),
            _ => "none".to_owned(),
        };
        let rows: Vec<Vec<String>> = report
            .segments
            .iter()
            .map(|of| {
                let counts = [of.cases, of.missed, of.false_alarms].map(|count| count.to_string());
                let figures = [
                    &of.dice,
                    &of.iou,
                    &of.hausdorff_95_mm,
                    &of.average_surface_distance_mm,
                    &of.surface_dice,
                ];
                [vec![of.label.to_string(), of.name.clone()], counts.to_vec(), figures.map(shown).to_vec()]
                    .concat()
            })
            .collect();
        let nsd = format!("NSD at {} mm", verb.tolerance);
        let header =
            ["label", "name", "cases", "missed", "false alarms", "Dice", "IoU", "HD95 mm", "ASSD mm", &nsd];
        print(&table::columns(&header, &rows))?;
        print(&format!("{} cases; {}\n", report.cases.len(), written(&verb.out)))?;
    }
    Ok(Exit::Done)
}

/// Pairs of a prediction and its truth by the name of their case.
type Pairs = BTreeMap<String, [PathBuf; 2]>;

fn pairs(predicted: &Path, truth: &Path, partial: bool) -> anyhow::Result<Pairs> {
    if !predicted.is_dir() && !truth.is_dir() {
        let case = stem(&name(predicted)).unwrap_or_else(|| name(predicted));
        return Ok(Pairs::from([(case, [predicted.to_owned(), truth.to_owned()])]));
    }
    let (found, actual) = (label_maps(predicted)?, label_maps(truth)?);
    let only = |one: &BTreeMap<String, PathBuf>, other: &BTreeMap<String, PathBuf>| -> Vec<String> {
        one.keys().filter(|case| !other.contains_key(*case)).cloned().collect()
    };
    let lonely = [(only(&found, &actual), truth), (only(&actual, &found), predicted)];
    for (cases, place) in lonely {
        let (count, place) = (cases.len(), place.display());
        let shown = cases.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if count > 5 { format!(" and {} more", count - 5) } else { String::new() };
        let what = format!("{place} lacks {count} cases of the other folder: {shown}{more}");
        if count > 0 && !partial {
            return Err(Stop::input(format!("{what}; --partial takes those that both have")));
        }
        if count > 0 {
            eprintln!("wilhelm: {what}");
        }
    }
    let pairs: Pairs = found
        .into_iter()
        .filter_map(|(case, path)| actual.get(&case).map(|truth| (case, [path, truth.clone()])))
        .collect();
    if pairs.is_empty() {
        let what = format!("{} and {} share no case", predicted.display(), truth.display());
        return Err(Stop::input(what));
    }
    Ok(pairs)
}

/// The label maps of a folder by the name of their case.
fn label_maps(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let fail =
        |error: std::io::Error| Stop::input(format!("folder {} is not readable: {error}", folder.display()));
    let mut maps: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let Some(case) = stem(&name(&path)).filter(|case| path.is_file() && !case.starts_with('.')) else {
            continue;
        };
        if let Some(first) = maps.insert(case.clone(), path.clone()) {
            let (one, other) = (name(&first), name(&path));
            let what = format!("{}: {one} and {other} are both of case {case}", folder.display());
            return Err(Stop::input(what));
        }
    }
    if maps.is_empty() {
        let what = format!("folder {} holds no label map, expected {}", folder.display(), ENDINGS.join(", "));
        return Err(Stop::input(what));
    }
    Ok(maps)
}

/// Endings of label maps, longer ones first.
const ENDINGS: [&str; 9] = [".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".png"];

/// A file name without its ending; `None` for what is no label map.
fn stem(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let ending = ENDINGS.iter().find(|ending| lower.ends_with(*ending))?;
    Some(name[..name.len() - ending.len()].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_named_by_their_file_without_its_ending() {
        let cases =
            [("a.nii.gz", Some("a")), ("b.seg.nrrd", Some("b")), ("C.DCM", Some("C")), ("notes.txt", None)];
        for (name, expected) in cases {
            assert_eq!(stem(name).as_deref(), expected);
        }
    }

    #[test]
    fn a_group_is_a_column_with_or_without_edges() {
        let of = |text: &str| group(text).expect("a group");
        assert_eq!(of("sex"), GroupColumn { name: "sex".to_owned(), edges: Vec::new() });
        assert_eq!(of("age:40,65.5"), GroupColumn { name: "age".to_owned(), edges: vec![40.0, 65.5] });
        assert!(group("age:young").is_err());
    }
}
