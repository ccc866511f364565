use std::collections::BTreeMap;

use serde_json::json;
use wilhelm_knowledge::ContextRules;
use wilhelm_knowledge::recognize::{Lexicon, LinkedMention, Measured, Side, link};

use super::graph::Shelf;
use super::in_words;
use crate::args::KbLink;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::table;

/// `wilhelm kb link`
pub fn run(verb: &KbLink, config: &Config) -> anyhow::Result<Exit> {
    let text = read_text(&verb.text, "text")?;
    let shelf = Shelf::open_filled(&verb.graph, config)?;
    let names = shelf.graph.names()?;
    let lexicon = Lexicon::new(names.iter().map(|(name, concept)| (name.as_str(), concept.as_str())));
    let lexicon = lexicon.map_err(|error| Stop::input(error.to_string()))?;
    let found = link(&text, &lexicon, ContextRules::built_in())?;
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    for concept in found.iter().flat_map(|one| &one.concepts) {
        if let Some(iri) = shelf.graph.find(concept)?.first() {
            known.insert(concept, shelf.graph.concept(iri)?.name.unwrap_or_default());
        }
    }
    let name = |concept: &str| known.get(concept).map_or("", String::as_str);
    if verb.json {
        let mentions = found.iter().map(|one| {
            let concepts = one.concepts.iter().map(|id| json!({ "id": id, "name": name(id) }));
            json!({
                "words": one.words,
                "bytes": [one.at.start, one.at.end],
                "concepts": concepts.collect::<Vec<_>>(),
                "present": one.meaning.is_present(),
                "meaning": one.meaning,
                "side": one.side,
                "measured": one.measured,
            })
        });
        print_json(&json!({ "names": lexicon.len(), "mentions": mentions.collect::<Vec<_>>() }))?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = found.iter().map(|one| row(one, &text, &name)).collect();
    print(&table::columns(&["line", "words", "concept", "meant", "side", "measured"], &rows))?;
    Ok(Exit::Done)
}

fn row<'a>(one: &LinkedMention, text: &str, name: &impl Fn(&str) -> &'a str) -> Vec<String> {
    let line = 1 + text[..one.at.start].matches('\n').count();
    let concepts: Vec<String> = one.concepts.iter().map(|id| format!("{id} ({})", name(id))).collect();
    let side = match one.side {
        Some(Side::Left) => "left",
        Some(Side::Right) => "right",
        Some(Side::Both) => "both",
        None => "",
    };
    let measured = |one: &Measured| {
        let numbers: Vec<String> = one.numbers.iter().map(ToString::to_string).collect();
        format!("{} {}", numbers.join(" x "), one.unit)
    };
    let measured: Vec<String> = one.measured.iter().map(measured).collect();
    vec![
        line.to_string(),
        one.words.split_whitespace().collect::<Vec<_>>().join(" "),
        concepts.join(" or "),
        in_words(&one.meaning),
        side.to_owned(),
        measured.join(", "),
    ]
}
