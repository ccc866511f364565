//! `wilhelm annotations`: projects of an archive that is not being served.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use serde_json::json;
use wilhelm_annotate::{Sink, Written};
use wilhelm_formats::write_atomically;
use wilhelm_privacy::audit::{Action, Event, ObjectKind, Outcome};
use wilhelm_server::annotate::{
    self, ExportOptions, KeyRow, ProjectError, Unresolved, agreed, asked, export, export_images, progress,
};
use wilhelm_store::Store;

use super::archive::open;
use crate::args::{
    AnnotationsAgreement, AnnotationsArgs, AnnotationsExport, AnnotationsImages, AnnotationsList,
    AnnotationsOrder, AnnotationsVerb, UnresolvedChoice,
};
use crate::audit::Book;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};

/// `wilhelm annotations`
pub fn run(verb: &AnnotationsArgs, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        AnnotationsVerb::List(verb) => list(verb, config),
        AnnotationsVerb::Agreement(verb) => agreement(verb, config),
        AnnotationsVerb::Export(verb) => training_set(verb, config),
        AnnotationsVerb::Images(verb) => images(verb, config),
        AnnotationsVerb::Order(verb) => order(verb, config),
    }
}

fn stop(error: ProjectError) -> anyhow::Error {
    match error {
        ProjectError::Store(error) => error.into(),
        error if error.is_callers_fault() => Stop::input(error.to_string()),
        error => Stop::ours(error.to_string()),
    }
}

/// Files below a folder that is made with the first of them.
struct Folder(PathBuf);

impl Sink for Folder {
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        write_atomically(&path, false, bytes).map_err(io::Error::other)
    }
}

/// A folder under another name beside its own, which it gets when it is whole.
fn whole(
    out: &Path,
    write: impl FnOnce(&mut Folder) -> Result<Written, ProjectError>,
) -> anyhow::Result<Written> {
    if out.exists() {
        return Err(Stop::usage(format!("{} is already there: name another folder", out.display())));
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: io::Error| Stop::input(format!("{} cannot be made: {error}", out.display()));
    std::fs::create_dir_all(parent).map_err(failed)?;
    let place = tempfile::Builder::new().prefix(".annotations-").tempdir_in(parent).map_err(failed)?;
    let written = write(&mut Folder(place.path().join("whole"))).map_err(stop)?;
    std::fs::rename(place.path().join("whole"), out).map_err(failed)?;
    Ok(written)
}

fn options(unresolved: Unresolved, burned_in: bool) -> ExportOptions {
    let program = concat!("Wilhelm ", env!("CARGO_PKG_VERSION")).to_owned();
    ExportOptions {
        unresolved,
        burned_in,
        program,
        at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}

fn list(verb: &AnnotationsList, config: &Config) -> anyhow::Result<Exit> {
    let store = open(&verb.archive, config)?;
    let mut projects = Vec::new();
    let mut text = String::new();
    for project in store.annotations().list()? {
        let asked = asked(&store, &project.id).map_err(stop)?;
        let far = progress(&store, &project).map_err(stop)?;
        text.push_str(&format!(
            "{}\t{}\t{}: {} items, {} answered, {} decided\n",
            project.id, project.state, asked.title, far.items, far.answered, far.decided
        ));
        projects.push(json!({
            "id": project.id, "title": asked.title, "state": project.state, "made": project.made,
            "made_by": project.made_by, "order": project.ordering, "progress": far,
        }));
    }
    if verb.json {
        print_json(&projects)?
    } else {
        print(&text)?
    }
    Ok(Exit::Done)
}

fn agreement(verb: &AnnotationsAgreement, config: &Config) -> anyhow::Result<Exit> {
    let store = open(&verb.archive, config)?;
    let project = store.annotations().project(&verb.project)?;
    let found = agreed(&store, &project).map_err(stop)?;
    if verb.json {
        print_json(&found.value)?;
    } else if found.lines.is_empty() {
        print("no two people have answered an item in common yet\n")?;
    } else {
        print(&format!("{}\n", found.lines.join("\n")))?;
    }
    Ok(Exit::Done)
}

/// Notes in the audit log that images were written.
fn note(config: &Config, project: &str, written: &Written) -> anyhow::Result<()> {
    let book = Book::open(config)?;
    let event = Event::new(
        book.actor(),
        Action::AnnotationExported,
        book.object(ObjectKind::Study, project),
        Outcome::Done,
    );
    book.note(event.with("project", project).with("items", written.items.to_string()))
}

fn training_set(verb: &AnnotationsExport, config: &Config) -> anyhow::Result<Exit> {
    if let Some(key) = verb.key.as_ref().filter(|key| key.exists()) {
        return Err(Stop::usage(format!("{} is already there: name another file", key.display())));
    }
    let store = open(&verb.archive, config)?;
    let project = store.annotations().project(&verb.project)?;
    let unresolved = match verb.unresolved {
        UnresolvedChoice::LeaveOut => Unresolved::LeaveOut,
        UnresolvedChoice::Majority => Unresolved::Majority,
    };
    let options = options(unresolved, verb.burned_in);
    let mut keys: Vec<KeyRow> = Vec::new();
    let written = whole(&verb.out, |folder| {
        let (written, own) = export(&store, &project, &options, folder)?;
        keys = own;
        Ok(written)
    })?;
    if let Some(path) = &verb.key {
        let mut text = "item,patient,study,series,instance\n".to_owned();
        for row in &keys {
            let KeyRow { item, patient, study, series, instance } = row;
            text.push_str(&format!("{item},{patient},{study},{series},{instance}\n"));
        }
        write_atomically(path, false, text.as_bytes())?;
    }
    note(config, &verb.project, &written)?;
    told(&verb.out, &written, verb.json)
}

fn images(verb: &AnnotationsImages, config: &Config) -> anyhow::Result<Exit> {
    let store = open(&verb.archive, config)?;
    let project = store.annotations().project(&verb.project)?;
    let options = options(Unresolved::LeaveOut, verb.burned_in);
    let written = whole(&verb.out, |folder| export_images(&store, &project, &options, folder))?;
    note(config, &verb.project, &written)?;
    told(&verb.out, &written, verb.json)
}

fn told(out: &Path, written: &Written, json: bool) -> anyhow::Result<Exit> {
    for one in &written.left_out {
        eprintln!("wilhelm: item {} was left out: {}", one.item, one.reason);
    }
    if json {
        print_json(&json!({ "folder": out, "written": written }))?;
    } else {
        let mut text = format!(
            "{}: {} images of {} items and {} patients\n",
            out.display(),
            written.images,
            written.items,
            written.patients
        );
        for recipe in &written.recipes {
            let folder = out.display();
            text.push_str(&format!(
                "wilhelm train {} --recipe {folder}/{recipe} --data {folder} --out MODEL\n",
                written.kind
            ));
        }
        for note in &written.notes {
            text.push_str(&format!("{note}\n"));
        }
        print(&text)?;
    }
    Ok(if written.left_out.is_empty() { Exit::Done } else { Exit::Defects })
}

fn order(verb: &AnnotationsOrder, config: &Config) -> anyhow::Result<Exit> {
    let store: Arc<Store> = open(&verb.archive, config)?;
    store.annotations().project(&verb.project)?;
    let (ordering, ranked) = match (&verb.ranking, verb.random) {
        (Some(path), _) => {
            let unreadable =
                |error: io::Error| Stop::input(format!("{} is not readable: {error}", path.display()));
            let text = std::fs::read_to_string(path).map_err(unreadable)?;
            let ranking = annotate::parse_ranking(&text).map_err(stop)?;
            ("ranking", Some(annotate::set_ranking(&store, &verb.project, &ranking).map_err(stop)?))
        }
        (None, seed) => {
            annotate::set_random(&store, &verb.project, seed.unwrap_or_default()).map_err(stop)?;
            ("random", None)
        }
    };
    if verb.json {
        print_json(&json!({ "order": ordering, "ranked": ranked }))?;
    } else {
        let named = ranked.map_or_else(String::new, |count| format!(", which names {count} items"));
        print(&format!("{}: items are answered in the order {ordering}{named}\n", verb.project))?;
    }
    Ok(Exit::Done)
}
