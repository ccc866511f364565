use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;

use wilhelm_knowledge::passages::{Form, Origin, Passage, read_passages};
use wilhelm_knowledge::summarize::{Summary, summarize};
use wilhelm_pipeline::library::open_texts;

use crate::args;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::table;

/// `wilhelm summarize`
pub fn run(verb: &args::Summarize) -> anyhow::Result<Exit> {
    let mut passages = Vec::new();
    for path in &verb.files {
        passages.extend(passages_of(path)?);
    }
    let summaries = summarize(&passages);
    if verb.json {
        print_json(&summaries)?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    if !verb.table {
        summaries.iter().for_each(|summary| text.push_str(&shown(summary)));
    }
    if verb.table || summaries.len() > 1 {
        text.push_str(&studies(&summaries));
    }
    print(&text)?;
    Ok(Exit::Done)
}

fn passages_of(path: &Path) -> anyhow::Result<Vec<Passage>> {
    let name =
        path.file_name().map_or_else(|| "stdin".to_owned(), |name| name.to_string_lossy().into_owned());
    let (mut input, form): (Box<dyn BufRead>, Form) = if path.as_os_str() == "-" {
        (Box::new(BufReader::new(std::io::stdin())), Form::Text)
    } else {
        let form = Form::of_name(&name).ok_or_else(|| {
            Stop::input(format!(
                "{} has no form that is read: expected .xml, .nxml, .json, .jsonl, .html, .md or .txt",
                path.display()
            ))
        })?;
        (open_texts(path)?, form)
    };
    let origin = Origin { file: name, ..Origin::default() };
    let mut found = Vec::new();
    let read = read_passages(&mut *input, form, &origin, &mut |passage| {
        found.push(passage);
        Ok(())
    });
    read.map_err(|error| Stop::input(error.to_string()))?;
    Ok(found)
}

fn shown(summary: &Summary) -> String {
    let mut text = format!("{}\n", summary.title.as_deref().unwrap_or(&summary.document));
    let _ = writeln!(text, "({}; {})", summary.document, summary.source);
    if let Some(design) = &summary.design {
        let _ = writeln!(text, "  kind of study: {design}");
    }
    if let Some(studied) = summary.studied {
        let _ = writeln!(text, "  studied: {studied}");
    }
    for part in &summary.parts {
        for sentence in &part.sentences {
            let number = sentence.passage.rsplit('#').next().unwrap_or_default();
            let _ = writeln!(text, "  {}: {} [#{number}]", part.part.name(), sentence.text);
        }
    }
    if !summary.not_found.is_empty() {
        let names: Vec<&str> = summary.not_found.iter().map(|part| part.name()).collect();
        let _ = writeln!(text, "  not found: {}", names.join(", "));
    }
    text.push('\n');
    text
}

fn studies(summaries: &[Summary]) -> String {
    let row = |summary: &Summary| {
        let first = |part: &str| -> String {
            let found = summary.parts.iter().find(|one| one.part.name() == part);
            let text = found.and_then(|part| part.sentences.first()).map_or("", |one| one.text.as_str());
            let short: String = text.chars().take(60).collect();
            if short.len() < text.len() { format!("{short}...") } else { short }
        };
        vec![
            summary.document.clone(),
            summary.design.clone().unwrap_or_default(),
            summary.studied.map_or_else(String::new, |studied| studied.to_string()),
            summary.intervals.first().cloned().unwrap_or_default(),
            first("conclusion"),
        ]
    };
    table::columns(
        &["document", "design", "studied", "first interval", "conclusion"],
        &summaries.iter().map(row).collect::<Vec<_>>(),
    )
}
