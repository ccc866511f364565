use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;
use wilhelm_knowledge::graph::{
    Answer, Binding, Concept, Graph, GraphError, QueryStop, Relation, SourceName,
};

use crate::args::{GraphFolder, KbQuery, KbShow, KbStats};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::progress::Line;
use crate::table;

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    Stop::input(format!("graph {} is not readable: {error}", path.display()))
}

/// The files of a graph's folder, a source each, in the order of their names; none where there is no folder.
pub fn sources_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(|error| unreadable(folder, &error))?.path();
                if path.extension().is_some_and(|ending| ending == ENDING) {
                    files.push(path);
                }
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(folder, &error)),
    }
    files.sort();
    Ok(files)
}

/// A folder with a file a source: the one place that knows how the graph is kept.
pub struct Shelf {
    pub folder: PathBuf,
    pub graph: Graph,
}

const ENDING: &str = "nq";
/// How long a query that was stopped may take to end.
const GRACE: Duration = Duration::from_secs(1);

impl Shelf {
    /// The graph of a folder; one that is not there is an empty graph.
    pub fn open(named: &GraphFolder, config: &Config) -> anyhow::Result<Self> {
        let folder = named.folder.clone().unwrap_or_else(|| config.cache().join("graph"));
        let graph = Graph::empty()?;
        let files = sources_in(&folder)?;
        let line = Line::new("opening the graph");
        for (done, path) in files.iter().enumerate() {
            line.at(done, files.len());
            let stored = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
            graph.load(&stored).map_err(|error| Stop::input(format!("{}: {error}", path.display())))?;
        }
        Ok(Self { folder, graph })
    }

    /// The same, and a sentence where nothing is in it.
    pub fn open_filled(named: &GraphFolder, config: &Config) -> anyhow::Result<Self> {
        let shelf = Self::open(named, config)?;
        if shelf.graph.sources()?.is_empty() {
            return Err(Stop::input(format!(
                "the graph {} is empty: 'wilhelm kb import --default' fills it",
                shelf.folder.display()
            )));
        }
        Ok(shelf)
    }

    /// Writes one source: beside its place first, then renamed, so that it is there whole or as it was.
    pub fn keep(&self, source: &SourceName) -> anyhow::Result<()> {
        let stored = self.graph.stored(source)?;
        let fail = |error: std::io::Error| {
            Stop::input(format!("graph {} is not writable: {error}", self.folder.display()))
        };
        std::fs::create_dir_all(&self.folder).map_err(fail)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(fail)?;
        std::io::Write::write_all(&mut file, stored.as_bytes()).map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        let place = self.folder.join(source.as_str()).with_extension(ENDING);
        file.persist(place).map_err(|error| fail(error.error))?;
        Ok(())
    }

    /// The one concept that a user's words mean.
    pub fn meant(&self, words: &str) -> anyhow::Result<String> {
        let found = self.graph.find(words)?;
        match &found[..] {
            [one] => Ok(one.clone()),
            [] => Err(Stop::input(format!("the graph knows nothing of \"{words}\""))),
            several => {
                let ids = several.iter().map(|iri| Ok(self.graph.concept(iri)?.id));
                let ids: Vec<String> = ids.collect::<anyhow::Result<_>>()?;
                Err(Stop::input(format!("\"{words}\" may be {}: give one of them", ids.join(", "))))
            }
        }
    }
}

/// `wilhelm kb query`
pub fn query(verb: &KbQuery, config: &Config) -> anyhow::Result<Exit> {
    let sparql = match (&verb.query, &verb.file) {
        (Some(query), _) => query.clone(),
        (None, Some(file)) => read_text(file, "query")?,
        (None, None) => return Err(Stop::usage("expected a query or --file")),
    };
    let shelf = Shelf::open_filled(&verb.graph, config)?;
    let stop = QueryStop::new();
    let (told, answers) = mpsc::channel();
    let (hand, rows, graph) = (stop.clone(), verb.rows, shelf.graph);
    std::thread::spawn(move || told.send(graph.query(&sparql, rows, &hand)));
    let answer = match answers.recv_timeout(Duration::from_secs(verb.timeout)) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            stop.stop();
            // Some joins do not look whether they were stopped: they end with the program.
            answers.recv_timeout(GRACE).unwrap_or(Err(GraphError::Stopped))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            return Err(Stop::ours("the query ended without an answer"));
        }
    };
    let answer = answer?;
    if verb.json {
        print_json(&as_json(&answer))?;
        return Ok(Exit::Done);
    }
    let (text, cut) = match &answer {
        Answer::Yes(yes) => (format!("{}\n", if *yes { "yes" } else { "no" }), false),
        Answer::Table { columns, rows, cut } => {
            let cell = |value: &Option<Binding>| value.as_ref().map_or_else(String::new, shown);
            let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
            (table::columns(&columns.iter().map(String::as_str).collect::<Vec<_>>(), &rows), *cut)
        }
        Answer::Statements { rows, cut } => {
            let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(shown).collect()).collect();
            (table::columns(&["subject", "predicate", "object"], &rows), *cut)
        }
    };
    print(&text)?;
    if cut {
        eprintln!("wilhelm: there are more than {} rows: --rows prints more", verb.rows);
    }
    Ok(Exit::Done)
}

/// As in the SPARQL 1.1 Query Results JSON Format.
fn as_json(answer: &Answer) -> serde_json::Value {
    match answer {
        Answer::Yes(yes) => json!({ "head": {}, "boolean": yes }),
        Answer::Table { columns, rows, cut } => {
            let bindings = rows.iter().map(|row| {
                let cells = columns
                    .iter()
                    .zip(row)
                    .filter_map(|(column, value)| Some((column.clone(), json!(value.as_ref()?))));
                serde_json::Value::Object(cells.collect())
            });
            json!({ "head": { "vars": columns }, "results": { "bindings": bindings.collect::<Vec<_>>() }, "cut": cut })
        }
        Answer::Statements { rows, cut } => {
            let rows = rows.iter().map(|[subject, predicate, object]| {
                json!({ "subject": subject, "predicate": predicate, "object": object })
            });
            json!({ "statements": rows.collect::<Vec<_>>(), "cut": cut })
        }
    }
}

fn shown(value: &Binding) -> String {
    value.shown().replace(['\n', '\r', '\t'], " ")
}

/// `wilhelm kb show`
pub fn show(verb: &KbShow, config: &Config) -> anyhow::Result<Exit> {
    let concepts = concepts(&Shelf::open_filled(&verb.graph, config)?, &verb.term)?;
    if verb.json {
        print_json(&json!({ "concepts": concepts }))?;
    } else {
        print(&concepts.iter().map(of_one).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Exit::Done)
}

/// All concepts that a user's words may mean.
pub fn concepts(shelf: &Shelf, words: &str) -> anyhow::Result<Vec<Concept>> {
    let found = shelf.graph.find(words)?;
    if found.is_empty() {
        return Err(Stop::input(format!("the graph knows nothing of \"{words}\"")));
    }
    Ok(found.iter().map(|iri| shelf.graph.concept(iri)).collect::<Result<Vec<_>, _>>()?)
}

fn of_one(concept: &Concept) -> String {
    let name = concept.name.as_deref().unwrap_or("no name");
    let old = if concept.deprecated { ", no longer in use" } else { "" };
    let mut text = format!("{}  {name}{old}\n", concept.id);
    if !concept.synonyms.is_empty() {
        text.push_str(&format!("also: {}\n", concept.synonyms.join("; ")));
    }
    let relation = |how: &str, relation: &Relation| {
        let what = match &relation.name {
            Some(name) => format!("{} ({name})", relation.what),
            None => relation.what.replace('\n', " "),
        };
        vec![how.to_owned(), what, relation.source.clone()]
    };
    const MOST: usize = 12;
    let mut rows = Vec::new();
    rows.extend(concept.broader.iter().map(|one| relation("is a", one)));
    rows.extend(concept.says.iter().map(|one| relation(&one.how, one)));
    rows.extend(concept.narrower.iter().take(MOST).map(|one| relation("kind", one)));
    rows.extend(concept.said_by.iter().take(MOST).map(|one| relation(&format!("{} of", one.how), one)));
    if !rows.is_empty() {
        text.push_str(&table::columns(&["how", "what", "source"], &rows));
    }
    let more = concept.narrower.len().saturating_sub(MOST) + concept.said_by.len().saturating_sub(MOST);
    if more > 0 {
        text.push_str(&format!("and {more} more: --json has all\n"));
    }
    text
}

/// `wilhelm kb stats`
pub fn stats(verb: &KbStats, config: &Config) -> anyhow::Result<Exit> {
    let shelf = Shelf::open_filled(&verb.graph, config)?;
    let sources = shelf.graph.sources()?;
    if verb.json {
        print_json(&json!({ "folder": shelf.folder, "sources": sources }))?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = sources
        .iter()
        .map(|one| {
            let source = &one.source;
            vec![
                source.name.as_str().to_owned(),
                one.statements.to_string(),
                one.concepts.to_string(),
                source.version.clone().unwrap_or_default(),
                source.license.clone(),
                source.sha256.chars().take(12).collect(),
                source.title.clone(),
            ]
        })
        .collect();
    let header = ["source", "statements", "concepts", "version", "license", "sha-256", "title"];
    print(&table::columns(&header, &rows))?;
    Ok(Exit::Done)
}
