use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wilhelm_llm::{Picture, Seeing};
use wilhelm_pipeline::{
    Candidate, DraftSettings, Drafting, Form, ReadOptions, ReadOutcome, Readers, known_values, picture,
    read_series,
};
use wilhelm_privacy::audit::{Action, Event, ObjectKind, Outcome};
use wilhelm_report::{Audience, Edition, Language, Voice, edition, edition_html, edition_pdf, edition_text};
use wilhelm_study::{Modality, Phi, Series};

use crate::args;
use crate::audit::Book;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::knowledge::Known;
use crate::language::{self, Loaded};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::shelf;
use crate::verbs::{read_prior, read_request, report};

/// `wilhelm read`
pub fn run(verb: &args::Read, config: &Config) -> anyhow::Result<Exit> {
    let mut config = config.clone();
    if let Some(projector) = &verb.mmproj {
        let place = projector.to_str();
        let place = place.ok_or_else(|| Stop::usage("--mmproj names a path that is no UTF-8"))?;
        config.values.llm.projector = place.to_owned();
    }
    let config = &config;
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
    let loaded = if verb.no_llm { None } else { language::load(config, verb.seed, known_values(&patients))? };
    let rephraser = loaded.as_ref().map(Loaded::rephraser);
    let known = if verb.no_knowledge { None } else { Known::open(config, verb.passages.as_deref())? };
    let readers = Readers {
        models: &models,
        language_model: rephraser.as_ref().map(|model| model as &dyn Drafting),
        knowledge: known.as_ref().map(Known::base),
    };
    let mut options = ReadOptions {
        request,
        seed: verb.seed.unwrap_or(u64::from(config.values.llm.seed)),
        draft: draft_settings(config),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        decisions: super::rules::decisions(&verb.decision)?,
        fusion: config.fusion()?,
        request_readings: Vec::new(),
        earlier: Vec::new(),
    };
    let book = Book::open(config)?;
    let several = reading.series.len() > 1;
    if several && !verb.prior.is_empty() {
        return Err(Stop::usage(format!(
            "--prior compares one series, and there are {}: name the files of one",
            reading.series.len()
        )));
    }
    let mut results = Vec::new();
    let mut defects = !reading.failures.is_empty();
    for (number, series) in reading.series.into_iter().enumerate() {
        let series = with_modality(series, verb.modality.as_deref());
        defects |= !series.defects.is_empty();
        let folder =
            if several { verb.out.join(format!("series-{:02}", number + 1)) } else { verb.out.clone() };
        if report::is_signed(&folder) {
            return Err(Stop::input(format!(
                "{} holds a report that somebody signed, which nothing writes over: give another --out",
                folder.display()
            )));
        }
        options.request_readings =
            read_request::readings(&series, &models, loaded.as_ref(), &options.request, config)?;
        options.earlier = read_prior::earlier(verb, &series, readers, &options, config)?;
        let seeing = match &loaded {
            Some(loaded) if !config.values.llm.projector.is_empty() => {
                Some((loaded, Seeing::new(&*loaded.model, shown_to_model(&series)?)))
            }
            _ => None,
        };
        let by_sight = seeing.as_ref().map(|(loaded, model)| loaded.rephraser_by(model));
        let readers = match &by_sight {
            Some(model) => Readers { language_model: Some(model as &dyn Drafting), ..readers },
            None => readers,
        };
        let outcome = one(&series, readers, &options)?;
        let editions = editions(&outcome, verb);
        let more = forms(&series, &outcome, verb, config)?;
        write(&folder, &outcome, &more, &editions, verb)?;
        note(&book, &series, &outcome)?;
        for remark in &outcome.remarks {
            eprintln!("wilhelm: language model: {remark}");
        }
        if verb.json {
            let mut result = json!({ "folder": folder, "report": outcome.report });
            if !editions.is_empty() {
                result["editions"] = json!(editions);
            }
            if !outcome.comparison.is_empty() {
                result["comparison"] = json!(outcome.comparison);
            }
            results.push(result);
        } else {
            let main = more.iter().map(|(name, _)| *name).find(|name| *name != "report.json");
            if !outcome.comparison.is_empty() {
                print(&format!("{}\n", read_prior::shown(&outcome.comparison)))?;
            }
            print(&shown(&outcome, &editions, verb, &folder.join(main.unwrap_or("report.json"))))?;
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

/// How the configuration has the language model asked.
pub fn draft_settings(config: &Config) -> DraftSettings {
    DraftSettings {
        wording: config.values.llm.wording,
        candidates: config.values.llm.candidates,
        temperature: config.values.llm.temperature as f32,
    }
}

/// Writes into the audit log that a report was drafted, and of whom.
fn note(book: &Book, series: &Series, outcome: &ReadOutcome) -> anyhow::Result<()> {
    let mut object = book.object(ObjectKind::Report, &outcome.report.id);
    if let Some(id) = &series.patient.id {
        object.patient = book.reference(ObjectKind::Patient, id);
    }
    let mut event = Event::new(book.actor(), Action::ReportDrafted, object, Outcome::Done);
    if let Some(study) = &series.study {
        let study = book.reference(ObjectKind::Study, &Phi::new(study.as_str().to_owned()));
        event = event.with("study", study.map(String::from).unwrap_or_default());
    }
    book.note(event)
}

/// The picture of the report, for a language model that sees.
fn shown_to_model(series: &Series) -> anyhow::Result<Picture> {
    let candidate = Candidate::of_series(series)?;
    let (gray, columns, rows) = picture(candidate.plane, candidate.bounds)?;
    // A picture is at most 1024 pixels a side.
    Ok(Picture::gray(columns as u32, rows as u32, &gray)?)
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
pub fn with_modality(mut series: Series, stated: Option<&str>) -> Series {
    if series.modality.is_none() {
        series.modality = stated.map(|term| Modality::from(term.to_uppercase()));
    }
    series
}

/// The voices asked for, each once, in the order of [`Voice::ALL`].
fn voices(verb: &args::Read) -> Vec<Voice> {
    let wanted = |voice: &Voice| {
        let language = match voice.language {
            Language::En => args::SpokenLanguage::En,
            Language::Zh => args::SpokenLanguage::Zh,
        };
        let reader = match voice.audience {
            Audience::Clinician => args::Reader::Clinician,
            Audience::Patient => args::Reader::Patient,
        };
        verb.language.contains(&language) && verb.audience.contains(&reader)
    };
    Voice::ALL.into_iter().filter(wanted).collect()
}

/// The report in the voices asked for that are not its own.
fn editions(outcome: &ReadOutcome, verb: &args::Read) -> Vec<Edition> {
    let others = voices(verb).into_iter().filter(|voice| !voice.is_own());
    let editions: Vec<Edition> = others.map(|voice| edition(&outcome.report, voice)).collect();
    let missing = editions.iter().find(|edition| edition.voice.language == Language::Zh);
    for name in missing.map_or_else(Vec::new, |edition| edition.names_missing(&outcome.report)) {
        eprintln!("wilhelm: there is no Chinese name for \"{name}\" in this program: it stands in English");
    }
    editions
}

/// What is printed: the text of each voice asked for, and where the pages lie.
fn shown(outcome: &ReadOutcome, editions: &[Edition], verb: &args::Read, main: &Path) -> String {
    let mut out = String::new();
    let own = voices(verb).iter().any(|voice| voice.is_own());
    if own {
        out.push_str(&format!("{}\n", outcome.text.trim_end()));
    }
    for (place, edition) in editions.iter().enumerate() {
        let gap = if own || place > 0 { "\n" } else { "" };
        out.push_str(&format!("{gap}{}\n", edition_text(edition).trim_end()));
    }
    out.push_str(&format!("Report: {}\n", main.display()));
    for edition in editions {
        let page = main.with_file_name(file_name(edition.voice, "html"));
        out.push_str(&format!("Report: {}\n", page.display()));
    }
    out.push('\n');
    out
}

fn file_name(voice: Voice, ending: &str) -> String {
    format!("report.{}.{}.{ending}", voice.language.tag(), voice.audience.tag())
}

/// The forms that were asked for; HTML and JSON are those that the reading made.
fn forms(
    series: &Series,
    outcome: &ReadOutcome,
    verb: &args::Read,
    config: &Config,
) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut asked: Vec<Form> = verb.format.iter().map(|form| form.0).collect();
    asked.push(Form::Json);
    asked.sort();
    asked.dedup();
    let is_made = |form: &Form| matches!(form, Form::Html | Form::Json);
    let others: Vec<Form> = asked.iter().copied().filter(|form| !is_made(form)).collect();
    let mut files = Vec::new();
    if asked.contains(&Form::Html) {
        files.push((Form::Html.file(), outcome.html.clone().into_bytes()));
    }
    files.push((Form::Json.file(), outcome.json.clone().into_bytes()));
    if others.is_empty() {
        return Ok(files);
    }
    let reference = match series.study {
        Some(_) => Some(report::references(&verb.paths, series, config)?),
        None => None,
    };
    files.extend(report::files(
        &outcome.report,
        &others,
        &outcome.images,
        reference.as_ref(),
        &verb.forms,
        config,
    )?);
    Ok(files)
}

fn write(
    folder: &Path,
    outcome: &ReadOutcome,
    forms: &[(&'static str, Vec<u8>)],
    editions: &[Edition],
    verb: &args::Read,
) -> anyhow::Result<()> {
    let provenance = serde_json::to_string_pretty(&outcome.provenance)? + "\n";
    let mut other: Vec<(String, Vec<u8>)> = Vec::new();
    let is_paged = forms.iter().any(|(name, _)| *name == Form::Pdf.file());
    let at = report::moment(verb.forms.at.as_deref())?;
    for edition in editions {
        let page = edition_html(edition, &outcome.report, &outcome.images);
        other.push((file_name(edition.voice, "html"), page.into_bytes()));
        other.push((file_name(edition.voice, "txt"), edition_text(edition).into_bytes()));
        let json = serde_json::to_string_pretty(edition)? + "\n";
        other.push((file_name(edition.voice, "json"), json.into_bytes()));
        if is_paged {
            let pdf = edition_pdf(edition, &outcome.report, &outcome.images, &at)?;
            other.push((file_name(edition.voice, "pdf"), pdf));
        }
    }
    let mut files: Vec<(&str, &[u8])> = forms.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    files.push(("heatmap.png", &outcome.heatmap_png));
    // Without a heat map, heatmap.png is the picture itself.
    let plain = outcome.images.pictures.first().filter(|picture| picture.overlay_png.is_some());
    files.extend(plain.map(|picture| ("picture.png", picture.png.as_slice())));
    files.push(("provenance.json", provenance.as_bytes()));
    files.extend(other.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    write_folder(folder, &files, verb.force)
}

/// The file of the configured language model: one that is fetched by name, or a path.
pub fn language_model_file(config: &Config) -> Option<PathBuf> {
    match config.values.llm.model.as_str() {
        "" => None,
        "smollm2" => Some(wilhelm_llm::SMOLLM2.path_in(&config.cache())),
        path => Some(PathBuf::from(path)),
    }
}
