//! `wilhelm read --prior`: earlier examinations, from what their reports left or from their images.

use std::path::{Path, PathBuf};

use wilhelm_formats::dicom::objects;
use wilhelm_pipeline::{
    Comparable, Given, Identity, PriorError, ReadBack, ReadOptions, Readers, in_order, read_back, read_series,
};
use wilhelm_report::Outcome;
use wilhelm_study::{Series, Silent, SopInstanceUid};

use crate::args;
use crate::config::Config;
use crate::exit::Stop;
use crate::table::columns;
use crate::verbs::report;

/// Earlier examinations as the command line names them, in order; images among them are read by the same models.
pub fn earlier(
    verb: &args::Read,
    series: &Series,
    readers: Readers<'_>,
    options: &ReadOptions,
    config: &Config,
) -> anyhow::Result<Vec<Comparable>> {
    if verb.prior.is_empty() {
        return Ok(Vec::new());
    }
    let images = match verb.prior_images.is_empty() {
        true => Vec::new(),
        false => all_series(&verb.prior_images, config)?,
    };
    let mut given = Vec::new();
    for path in &verb.prior {
        given.push(one(path, &images, verb, readers, options, config)?);
    }
    let now = identity(&verb.paths, series, config);
    in_order(&now, given, verb.same_patient).map_err(|error| refused(&verb.prior, &error))
}

/// A refusal, with what was named where it was one.
fn refused(paths: &[PathBuf], error: &PriorError) -> anyhow::Error {
    match paths {
        [one] => Stop::input(format!("--prior {}: {error}", one.display())),
        _ => Stop::input(format!("--prior: {error}")),
    }
}

fn one(
    path: &Path,
    images: &[(PathBuf, Series)],
    verb: &args::Read,
    readers: Readers<'_>,
    options: &ReadOptions,
    config: &Config,
) -> anyhow::Result<Given> {
    let is_report_folder = path.is_dir() && (path.join("report.json").is_file() || report::is_signed(path));
    let bytes = if is_report_folder {
        // Checked with all its versions; the last stands.
        let (last, _) = report::report_of(path, None)?;
        serde_json::to_vec(&last)?
    } else if path.is_file() {
        std::fs::read(path)
            .map_err(|error| Stop::input(format!("--prior {} is not readable: {error}", path.display())))?
    } else {
        Vec::new()
    };
    let read = read_back(&bytes, &config.limits()).map_err(|error| refused(&[path.to_owned()], &error))?;
    match read {
        ReadBack::Report { given, image_sha256 } => {
            let mut given = *given;
            // What a report does not say of its patient, its images may.
            let of_report = |series: &&(PathBuf, Series)| {
                let first = series.1.sources.first().map(|source| source.sha256.as_str());
                image_sha256.is_some() && first == image_sha256.as_deref()
            };
            if let Some((root, series)) = images.iter().find(of_report) {
                given.identity = identity(std::slice::from_ref(root), series, config);
                given.source.push_str(", its images at hand");
            } else if image_sha256.is_some() && !images.is_empty() {
                return Err(Stop::input(format!(
                    "no series of --prior-images begins with the file that the report {} was made from",
                    path.display()
                )));
            }
            Ok(given)
        }
        ReadBack::Other => of_images(path, verb, readers, options, config),
    }
}

/// Reads earlier images by the models that read this examination, without a language model.
fn of_images(
    path: &Path,
    verb: &args::Read,
    readers: Readers<'_>,
    options: &ReadOptions,
    config: &Config,
) -> anyhow::Result<Given> {
    let mut found = all_series(std::slice::from_ref(&path.to_owned()), config)?;
    let count = found.len();
    let (Some((_, series)), 1) = (found.pop(), count) else {
        return Err(Stop::input(format!(
            "--prior {} holds {count} series of images and no report of this program, expected one of either",
            path.display()
        )));
    };
    let series = super::read::with_modality(series, verb.modality.as_deref());
    let options = ReadOptions {
        request: Vec::new(),
        request_readings: Vec::new(),
        decisions: Vec::new(),
        earlier: Vec::new(),
        ..options.clone()
    };
    let readers = Readers { language_model: None, knowledge: None, ..readers };
    let outcome = read_series(&series, readers, &options, &mut |_, _, _| true)?;
    if outcome.report.findings.is_empty() {
        let why =
            outcome.report.abstentions.first().map(|one| format!(": {}", one.reason)).unwrap_or_default();
        return Err(Stop::input(format!("--prior {}: no model reads these images{why}", path.display())));
    }
    let digest: String =
        series.sources.first().map_or("", |source| source.sha256.as_str()).chars().take(16).collect();
    Ok(Given {
        identity: identity(std::slice::from_ref(&path.to_owned()), &series, config),
        findings: outcome.report.findings,
        exam: Some(outcome.report.exam),
        source: format!("images of an earlier examination read by the same models, SHA-256 {digest}"),
    })
}

/// All series of some paths, each with the path it came from.
fn all_series(paths: &[PathBuf], config: &Config) -> anyhow::Result<Vec<(PathBuf, Series)>> {
    let mut found = Vec::new();
    for path in paths {
        let reading = wilhelm_formats::read(std::slice::from_ref(path), &config.limits(), &Silent);
        if let (true, Some(failure)) = (reading.series.is_empty(), reading.failures.first()) {
            return Err(Stop::input(format!("{}: {}", failure.path, failure.error)));
        }
        found.extend(reading.series.into_iter().map(|series| (path.clone(), series)));
    }
    Ok(found)
}

/// Whose a series is and when it was made; picture files and volumes of other formats say neither.
fn identity(paths: &[PathBuf], series: &Series, config: &Config) -> Identity {
    let wanted: Vec<SopInstanceUid> =
        series.sources.iter().filter_map(|source| source.sop_instance_uid.clone()).collect();
    let facts = match series.study {
        Some(_) => objects::references(paths, &wanted, &config.limits()).ok(),
        None => None,
    };
    let facts = facts.as_ref().map(|reference| reference.study_facts());
    Identity {
        patient: series.patient.clone(),
        date: facts.and_then(|facts| facts.date.clone()),
        time: facts.and_then(|facts| facts.time.clone()),
    }
}

/// What became of each finding, as a table.
pub fn shown(outcomes: &[Outcome]) -> String {
    let number = |quantity: &wilhelm_study::Quantity| {
        format!("{:.*} {}", usize::from(quantity.decimals), quantity.value, quantity.unit)
    };
    let rows: Vec<Vec<String>> = outcomes
        .iter()
        .map(|outcome| {
            let (before, now) = outcome.compared.as_ref().map_or_else(Default::default, |compared| {
                (format!("{} {}", compared.name, number(&compared.before)), number(&compared.now))
            });
            let change = match (&outcome.change, &outcome.reason) {
                (Some(change), _) => change.word().to_owned(),
                (None, reason) => format!("not compared: {}", reason.as_deref().unwrap_or("no reason")),
            };
            vec![outcome.name.clone(), before, now, change]
        })
        .collect();
    columns(&["finding", "before", "now", "change"], &rows)
}
