use std::path::{Path, PathBuf};

use serde_json::json;
use wilhelm_formats::dicom::objects::{self, Reference};
use wilhelm_pipeline::{Form, OutputContext, Version, output, verify, version_sha256};
use wilhelm_privacy::audit::{Action, Actor, Event, ObjectKind, Outcome};
use wilhelm_report::{
    Edit, HtmlImage, HtmlImages, LifecycleError, Moment, Report, Revision, Signer, State, addendum, amend,
    changes, hl7, sign, text,
};
use wilhelm_study::SopInstanceUid;

use crate::args;
use crate::audit::Book;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};

/// Folder of the versions, in the folder of a report.
const VERSIONS: &str = "versions";

/// `wilhelm report`
pub fn run(verb: &args::ReportArgs, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        args::ReportVerb::Sign(sign) => signed(sign, config),
        args::ReportVerb::Amend(amend) => amended(amend, config),
        args::ReportVerb::Addendum(addendum) => added(addendum, config),
        args::ReportVerb::History(history) => self::history(history),
        args::ReportVerb::Diff(diff) => self::diff(diff),
        args::ReportVerb::Show(show) => {
            let (report, _) = report_of(&show.report, show.number)?;
            let mut shown = text(&report);
            shown.push_str("\nSENTENCES\n");
            for (heading, sentence) in report.sentences() {
                shown.push_str(&format!("  {:4} {}: {}\n", sentence.id, heading.title(), sentence.text));
            }
            print(&shown)?;
            Ok(Exit::Done)
        }
        args::ReportVerb::Export(export) => self::export(export, config),
    }
}

/// Whether a folder holds versions, which nothing may write over.
pub fn is_signed(folder: &Path) -> bool {
    folder.join(VERSIONS).is_dir()
}

fn signed(verb: &args::ReportSign, config: &Config) -> anyhow::Result<Exit> {
    let state = match verb.state {
        args::SignAs::Preliminary => State::Preliminary,
        args::SignAs::Final => State::Final,
    };
    let step = Step { folder: &verb.folder, signing: &verb.signing, action: Action::ReportSigned };
    step.take(config, |report, signer| sign(report, state, signer))
}

fn amended(verb: &args::ReportAmend, config: &Config) -> anyhow::Result<Exit> {
    let mut edits = Vec::new();
    for replace in &verb.replace {
        let (sentence, words) = replace.split_once('=').ok_or_else(|| {
            Stop::usage("--replace wants the name of a sentence and its words: S4=\"No pneumonia.\"")
        })?;
        edits.push(Edit::Replace { sentence: sentence.trim().to_owned(), text: words.to_owned() });
    }
    edits.extend(verb.remove.iter().map(|sentence| Edit::Remove { sentence: sentence.clone() }));
    let step = Step { folder: &verb.folder, signing: &verb.signing, action: Action::ReportAmended };
    step.take(config, |report, signer| amend(report, &edits, signer, &verb.reason))
}

fn added(verb: &args::ReportAddendum, config: &Config) -> anyhow::Result<Exit> {
    let words = read_text(&verb.text, "addendum")?;
    // A report's sentence is one line.
    let words = words.split_whitespace().collect::<Vec<&str>>().join(" ");
    let step = Step { folder: &verb.folder, signing: &verb.signing, action: Action::ReportAdded };
    step.take(config, |report, signer| addendum(report, &words, signer))
}

/// Now, or the time that was given.
pub fn moment(given: Option<&str>) -> anyhow::Result<Moment> {
    let now = || chrono::Local::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, false);
    let text = given.map_or_else(now, str::to_owned);
    Moment::parse(&text).map_err(|error| Stop::usage(format!("--at is {error}")))
}

/// One step in the life of a report.
struct Step<'a> {
    folder: &'a Path,
    signing: &'a args::Signing,
    action: Action,
}

impl Step<'_> {
    /// Makes the next version and writes it beside the others, and into the audit log where there is one.
    fn take(
        &self,
        config: &Config,
        change: impl FnOnce(&Report, &Signer) -> Result<Report, LifecycleError>,
    ) -> anyhow::Result<Exit> {
        let Self { folder, signing, action } = *self;
        let at = moment(signing.at.as_deref())?;
        let signer = Signer { by: signing.by.clone(), organization: signing.organization.clone(), at };
        let book = Book::open(config)?;
        let (mut files, versions) = chain(folder)?;
        let (last, is_new) = match versions.into_iter().next_back() {
            Some(last) => (last, false),
            None => (Version::first(draft(&folder.join("report.json"))?), true),
        };
        if is_new {
            files.push(last.to_bytes());
        }
        let bytes = files.last().expect("the first version at least");
        let actor = Actor::user(signing.by.as_str());
        let object = book.object(ObjectKind::Report, &last.report.id);
        let report = match change(&last.report, &signer) {
            Ok(report) => report,
            Err(error) => {
                book.note(Event::new(actor, action, object, Outcome::Refused))?;
                return Err(Stop::input(error.to_string()));
            }
        };
        let next = last.next(bytes, report);
        let next_bytes = next.to_bytes();
        if is_new {
            keep(folder, 1, bytes)?;
        }
        let place = keep(folder, next.number, &next_bytes)?;
        let sha256 = version_sha256(&next_bytes);
        let event = Event::new(actor, action, object, Outcome::Done)
            .with("version", next.number.to_string())
            .with("state", next.report.state.word())
            .with("sha256", sha256.as_str());
        book.note(event)?;
        if signing.json {
            print_json(&json!({
                "file": place, "version": next.number, "state": next.report.state, "sha256": sha256,
                "changes": next.changes,
            }))?;
        } else {
            let mut shown = format!(
                "{}: version {}, {}, signed by {}\nSHA-256 {sha256}\n",
                place.display(),
                next.number,
                next.report.state.word(),
                next.report.signatures.last().map(|last| last.name()).unwrap_or_default()
            );
            shown.push_str(&in_words(&next.changes));
            print(&shown)?;
        }
        Ok(Exit::Done)
    }
}

fn place_of(folder: &Path, number: usize) -> PathBuf {
    folder.join(VERSIONS).join(format!("v{number:04}.json"))
}

/// Writes a version's file, which must not be there, and makes it read-only.
fn keep(folder: &Path, number: usize, bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let place = place_of(folder, number);
    let fail = |error: &dyn std::fmt::Display| {
        Stop::input(format!("{} cannot be written: {error}", place.display()))
    };
    std::fs::create_dir_all(folder.join(VERSIONS)).map_err(|error| fail(&error))?;
    wilhelm_formats::write_atomically(&place, false, bytes).map_err(|error| fail(&error))?;
    let mut permissions = std::fs::metadata(&place).map_err(|error| fail(&error))?.permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&place, permissions).map_err(|error| fail(&error))?;
    Ok(place)
}

/// The files of the versions in order, checked; none where the report was never signed.
pub fn chain(folder: &Path) -> anyhow::Result<(Vec<Vec<u8>>, Vec<Version>)> {
    let mut files = Vec::new();
    while place_of(folder, files.len() + 1).is_file() {
        let place = place_of(folder, files.len() + 1);
        let bytes = std::fs::read(&place);
        files.push(
            bytes.map_err(|error| Stop::input(format!("{} is not readable: {error}", place.display())))?,
        );
    }
    // A version that is missing leaves others behind it.
    let there = std::fs::read_dir(folder.join(VERSIONS)).map_or(0, |entries| {
        let is_version = |name: &str| name.starts_with('v') && name.ends_with(".json");
        entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_version)).count()
    });
    if there != files.len() {
        return Err(Stop::input(format!(
            "{} holds {there} versions, of which {} is missing: bring it back from a copy",
            folder.join(VERSIONS).display(),
            files.len() + 1
        )));
    }
    let versions = verify(&files)
        .map_err(|error| Stop::input(format!("{}: {error}", folder.join(VERSIONS).display())))?;
    Ok((files, versions))
}

fn draft(path: &Path) -> anyhow::Result<Report> {
    let text = read_text(path, "report")?;
    let report: Report = serde_json::from_str(&text)
        .map_err(|error| Stop::input(format!("{} is no report of this program: {error}", path.display())))?;
    report.check().map_err(|error| Stop::input(format!("{}: {error}", path.display())))?;
    Ok(report)
}

/// A report with its folder: a version of a folder, the draft of one that nobody signed, or a file.
pub fn report_of(path: &Path, number: Option<usize>) -> anyhow::Result<(Report, usize)> {
    if !path.is_dir() {
        return match number {
            Some(_) => Err(Stop::usage("a version is one of a folder: name the folder, not its report.json")),
            None => Ok((draft(path)?, 0)),
        };
    }
    let (_, mut versions) = chain(path)?;
    if versions.is_empty() {
        return match number {
            None | Some(1) => Ok((draft(&path.join("report.json"))?, 0)),
            Some(number) => {
                Err(Stop::usage(format!("there is no version {number}: nobody has signed the draft")))
            }
        };
    }
    let count = versions.len();
    let number = number.unwrap_or(count);
    if number == 0 || number > count {
        return Err(Stop::usage(format!("there is no version {number}, expected 1 to {count}")));
    }
    Ok((versions.swap_remove(number - 1).report, number))
}

fn history(verb: &args::ReportHistory) -> anyhow::Result<Exit> {
    let (files, versions) = chain(&verb.folder)?;
    if versions.is_empty() {
        // A folder without a report is a mistake; one with a draft has no history yet.
        draft(&verb.folder.join("report.json"))?;
    }
    let rows = versions.iter().zip(&files);
    if verb.json {
        let rows = rows.map(|(version, bytes)| {
            json!({
                "version": version.number, "state": version.report.state, "sha256": version_sha256(bytes),
                "previous_sha256": version.previous_sha256,
                "signature": version.report.signatures.last(), "changes": version.changes,
            })
        });
        print_json(&json!({ "versions": rows.collect::<Vec<_>>(), "intact": true }))?;
        return Ok(Exit::Done);
    }
    let mut shown = String::new();
    for (version, bytes) in rows {
        let by = match version.report.signatures.last() {
            None => "the program, not signed".to_owned(),
            Some(last) => {
                let reason = last.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                format!("{}, {}{reason}", last.name(), last.at.spoken())
            }
        };
        let count = match version.changes.len() {
            0 => String::new(),
            1 => ", 1 sentence differs".to_owned(),
            count => format!(", {count} sentences differ"),
        };
        shown.push_str(&format!(
            "{:>3}  {:11}  {by}{count}\n     SHA-256 {}\n",
            version.number,
            version.report.state.word(),
            version_sha256(bytes)
        ));
    }
    shown.push_str(if versions.is_empty() {
        "a draft, not signed\n"
    } else {
        "every version is as it was written; the last one's hash is worth noting elsewhere\n"
    });
    print(&shown)?;
    Ok(Exit::Done)
}

fn diff(verb: &args::ReportDiff) -> anyhow::Result<Exit> {
    let (_, versions) = chain(&verb.folder)?;
    let count = versions.len();
    let to = verb.to.unwrap_or(count);
    let from = verb.from.unwrap_or(to.saturating_sub(1));
    let of = |number: usize| {
        let range = || Stop::usage(format!("there is no version {number}, expected 1 to {count}"));
        number.checked_sub(1).and_then(|place| versions.get(place)).ok_or_else(range)
    };
    if count < 2 {
        return Err(Stop::input("there is one version at most: nothing to compare"));
    }
    let found = changes(&of(from)?.report, &of(to)?.report);
    if verb.json {
        print_json(&json!({ "from": from, "to": to, "changes": found }))?;
    } else if found.is_empty() {
        print(&format!("no word differs between versions {from} and {to}\n"))?;
    } else {
        print(&in_words(&found))?;
    }
    Ok(Exit::Done)
}

fn in_words(changes: &[Revision]) -> String {
    let mut shown = String::new();
    for change in changes {
        shown.push_str(&format!("{} ({})\n", change.sentence, change.heading.title().to_lowercase()));
        for (sign, words) in [('-', &change.before), ('+', &change.after)] {
            if let Some(words) = words {
                shown.push_str(&format!("  {sign} {words}\n"));
            }
        }
    }
    shown
}

fn export(verb: &args::ReportExport, config: &Config) -> anyhow::Result<Exit> {
    let (report, number) = report_of(&verb.report, verb.number)?;
    let folder = if verb.report.is_dir() {
        verb.report.clone()
    } else {
        verb.report.parent().map(Path::to_path_buf).unwrap_or_default()
    };
    let out = verb.out.clone().unwrap_or_else(|| folder.join(format!("v{}", number.max(1))));
    let reference = match verb.source.is_empty() {
        true => None,
        false => Some(source(&verb.source, &report, config)?),
    };
    let images = pictures(&folder, &report);
    let forms: Vec<Form> = verb.format.iter().map(|form| form.0).collect();
    let files = files(&report, &forms, &images, reference.as_ref(), &verb.forms, config)?;
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let book = Book::open(config)?;
    write_folder(&out, &files, verb.force)?;
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let object = book.object(ObjectKind::Report, &report.id);
    let event = Event::new(book.actor(), Action::ReportExported, object, Outcome::Done)
        .with("forms", names.join(" "))
        .with("names patient", if verb.forms.name_patient { "yes" } else { "no" });
    book.note(event)?;
    for (name, _) in files {
        print(&format!("{}\n", out.join(name).display()))?;
    }
    Ok(Exit::Done)
}

/// The DICOM source of a report: the files whose content it says it was made from.
fn source(paths: &[PathBuf], report: &Report, config: &Config) -> anyhow::Result<Reference> {
    let mut reading = wilhelm_formats::read(paths, &config.limits(), &wilhelm_study::Silent);
    let wanted = report.images.first().map(|image| image.sha256.clone()).unwrap_or_default();
    reading.series.retain(|series| series.sources.first().is_some_and(|source| source.sha256 == wanted));
    let Some(series) = reading.series.first() else {
        return Err(Stop::input(format!(
            "no series of the source begins with the file that the report was made from (SHA-256 {wanted})"
        )));
    };
    if series.study.is_none() {
        return Err(Stop::input("the source is no DICOM: leave --source out"));
    }
    Ok(references(paths, series, config)?)
}

/// What objects must say of the series they are made from.
pub fn references(
    paths: &[PathBuf],
    series: &wilhelm_study::Series,
    config: &Config,
) -> Result<Reference, wilhelm_formats::FormatError> {
    let wanted: Vec<SopInstanceUid> =
        series.sources.iter().filter_map(|source| source.sop_instance_uid.clone()).collect();
    objects::references(paths, &wanted, &config.limits())
}

/// The pictures that a reading left beside its report.
fn pictures(folder: &Path, report: &Report) -> HtmlImages {
    let file = |name: &str| std::fs::read(folder.join(name)).ok();
    let Some(image) = report.images.first() else { return HtmlImages::default() };
    let (plain, heat) = (file("picture.png"), file("heatmap.png"));
    let overlay_caption =
        "What raised the score (Grad-CAM). It shows where the network looked, not where disease is."
            .to_owned();
    let pictures = match (plain, heat, &image.heatmap) {
        (Some(png), overlay, heatmap) => vec![HtmlImage {
            caption: image.title.clone(),
            png,
            overlay_png: overlay.filter(|_| heatmap.is_some()),
            overlay_caption,
        }],
        (None, Some(png), Some(_)) => {
            vec![HtmlImage { caption: overlay_caption.clone(), png, overlay_png: None, overlay_caption }]
        }
        (None, Some(png), None) => {
            vec![HtmlImage { caption: image.title.clone(), png, overlay_png: None, overlay_caption }]
        }
        (None, None, _) => Vec::new(),
    };
    HtmlImages { pictures }
}

/// The report in several forms, with the names of their files.
pub fn files(
    report: &Report,
    forms: &[Form],
    images: &HtmlImages,
    reference: Option<&Reference>,
    options: &args::Forms,
    config: &Config,
) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let send = &config.values.send;
    let parties = hl7::Parties {
        application: send.application.clone(),
        facility: send.facility.clone(),
        receiving_application: send.receiving_application.clone(),
        receiving_facility: send.receiving_facility.clone(),
    };
    let at = moment(options.at.as_deref())?;
    let context = OutputContext {
        images,
        reference,
        names_patient: options.name_patient,
        patient: None,
        at: &at,
        program_version: env!("CARGO_PKG_VERSION"),
        parties: &parties,
    };
    let mut written = Vec::new();
    for form in forms {
        if written.iter().any(|(name, _)| *name == form.file()) {
            continue;
        }
        let bytes = output(report, *form, &context).map_err(|error| match error {
            error @ wilhelm_pipeline::OutputError::NoStudy { .. } => Stop::input(error.to_string()),
            error => anyhow::Error::from(error),
        })?;
        written.push((form.file(), bytes));
    }
    Ok(written)
}
