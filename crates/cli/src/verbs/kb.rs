pub mod differential;
pub mod graph;
mod import;
mod labels;
mod link;
pub mod texts;

use std::fmt::Write;

use serde_json::json;
use wilhelm_knowledge::{ContextRules, Meaning};

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};

/// `wilhelm kb`
pub fn run(verb: &args::Kb, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        args::KbVerb::Context(context) => meanings(context),
        args::KbVerb::Labels(wanted) => labels::run(wanted),
        args::KbVerb::Import(wanted) => import::run(wanted, config),
        args::KbVerb::Index(wanted) => texts::index(wanted, config),
        args::KbVerb::Find(wanted) => texts::find(wanted, config),
        args::KbVerb::Query(wanted) => graph::query(wanted, config),
        args::KbVerb::Show(wanted) => graph::show(wanted, config),
        args::KbVerb::Stats(wanted) => graph::stats(wanted, config),
        args::KbVerb::Link(wanted) => link::run(wanted, config),
        args::KbVerb::Differential(wanted) => differential::run(wanted, config),
    }
}

/// `wilhelm kb context`
fn meanings(verb: &args::KbContext) -> anyhow::Result<Exit> {
    let own = match &verb.rules {
        Some(file) => {
            let table = read_text(file, "rules")?;
            let rules = ContextRules::parse(&table);
            Some(rules.map_err(|error| Stop::input(format!("{}: {error}", file.display())))?)
        }
        None => None,
    };
    let rules = own.as_ref().unwrap_or_else(|| ContextRules::built_in());
    let text = read_text(&verb.text, "text")?;
    let read = rules.read(&text);
    let mut found = Vec::new();
    for words in &verb.mention {
        for place in read.find(words) {
            found.push((words, place.clone(), read.meaning(place)?));
        }
    }
    found.sort_by_key(|(_, place, _)| place.start);
    let missing: Vec<&String> =
        verb.mention.iter().filter(|words| found.iter().all(|(of, ..)| of != words)).collect();
    if verb.json {
        let mentions = found.iter().map(|(words, place, meaning)| {
            json!({ "mention": words, "bytes": [place.start, place.end], "present": meaning.is_present(), "meaning": meaning })
        });
        print_json(&json!({ "mentions": mentions.collect::<Vec<_>>(), "not_found": missing }))?;
    } else {
        let mut out = String::new();
        for (words, place, meaning) in &found {
            let line = 1 + text[..place.start].matches('\n').count();
            writeln!(out, "line {line}: {words}: {}", in_words(meaning))?;
        }
        for words in &missing {
            writeln!(out, "{words}: not in the text")?;
        }
        print(&out)?;
    }
    Ok(Exit::Done)
}

fn in_words(meaning: &Meaning) -> String {
    let said = [
        ("denied", &meaning.negated),
        ("in doubt", &meaning.uncertain),
        ("past", &meaning.historical),
        ("only conceivable", &meaning.hypothetical),
        ("of somebody else", &meaning.of_other),
    ];
    let said: Vec<String> = said
        .into_iter()
        .filter_map(|(word, cue)| cue.as_ref().map(|cue| format!("{word} (\"{}\")", cue.phrase)))
        .collect();
    if said.is_empty() { "stated".to_owned() } else { said.join(", ") }
}
