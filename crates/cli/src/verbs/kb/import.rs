use serde_json::json;
use wilhelm_knowledge::graph::{
    Imported, ReadStatements, Source, SourceName, StatementFormat, TableMapping, built_in_sources,
    read_statements,
};

use super::graph::Shelf;
use crate::args::KbImport;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::progress::Line;

/// `wilhelm kb import`
pub fn run(verb: &KbImport, config: &Config) -> anyhow::Result<Exit> {
    let shelf = Shelf::open(&verb.graph, config)?;
    let line = Line::new("reading");
    let mut wanted = Vec::new();
    let mut passed_over = std::collections::BTreeMap::new();
    match &verb.file {
        None => wanted = built_in_sources().map_err(|error| Stop::ours(error.to_string()))?,
        Some(file) => {
            line.at(0, 2);
            let (source, read) = from_file(verb, file)?;
            passed_over = read.passed_over;
            wanted.push((source, read.statements));
        }
    }
    line.say("writing");
    let total = wanted.len();
    let mut done: Vec<(Source, Option<Imported>)> = Vec::new();
    for (at, (source, statements)) in wanted.into_iter().enumerate() {
        line.at(at, total);
        let known = shelf.graph.source(&source.name)?;
        // The same file under the same name says the same.
        if known.is_some_and(|known| known.source == source) {
            done.push((source, None));
            continue;
        }
        let imported = shelf.graph.put(&source, &statements)?;
        shelf.keep(&source.name)?;
        done.push((source, Some(imported)));
    }
    drop(line);
    if verb.json {
        let sources = done.iter().map(|(source, imported)| json!({ "source": source, "imported": imported }));
        print_json(&json!({
            "folder": shelf.folder,
            "sources": sources.collect::<Vec<_>>(),
            "passed_over": passed_over,
        }))?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for (source, imported) in &done {
        let name = source.name.as_str();
        text.push_str(&match imported {
            None => format!("{name}: is in the graph already\n"),
            Some(Imported { statements, added, removed }) => {
                format!(
                    "{name}: {statements} statements, {added} new, {removed} gone; license: {}\n",
                    source.license
                )
            }
        });
    }
    if !passed_over.is_empty() {
        let tags: Vec<String> = passed_over.iter().map(|(tag, count)| format!("{tag} ({count})")).collect();
        text.push_str(&format!("passed over: {}\n", tags.join(", ")));
    }
    print(&text)?;
    Ok(Exit::Done)
}

fn from_file(verb: &KbImport, file: &std::path::Path) -> anyhow::Result<(Source, ReadStatements)> {
    let shown = file.display();
    let file_name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = match &verb.name {
        Some(name) => SourceName::new(name).ok_or_else(|| {
            Stop::usage(format!("--name {name}: expected small letters, digits and hyphens, 64 at most"))
        })?,
        None => SourceName::of_file(&file_name)
            .ok_or_else(|| Stop::usage(format!("{shown} gives no name for the source: add --name")))?,
    };
    let format = match &verb.mapping {
        Some(mapping) => {
            let text = read_text(mapping, "mapping")?;
            let parsed = TableMapping::parse(&text);
            StatementFormat::Table(
                parsed.map_err(|error| Stop::input(format!("{}: {error}", mapping.display())))?,
            )
        }
        None => StatementFormat::of_file(&file_name).ok_or_else(|| {
            Stop::input(format!(
                "{shown}: expected .obo, .ttl, .nt, .owl, .rdf or .xml, with or without .gz, or a table with --mapping"
            ))
        })?,
    };
    let bytes =
        std::fs::read(file).map_err(|error| Stop::input(format!("{shown} is not readable: {error}")))?;
    let read = read_statements(&bytes, &format, &name);
    let read = read.map_err(|error| Stop::input(format!("{shown}: {error}; the graph is as it was")))?;
    let source = Source {
        title: verb.title.clone().unwrap_or_else(|| name.as_str().to_owned()),
        name,
        origin: file_name,
        license: verb
            .license
            .clone()
            .or_else(|| read.license.clone())
            .unwrap_or_else(|| "not stated".to_owned()),
        version: verb.release.clone().or_else(|| read.version.clone()),
        sha256: read.sha256.clone(),
    };
    Ok((source, read))
}
