use std::collections::BTreeMap;

use serde_json::json;
use wilhelm_knowledge::differential::{Candidate, Differential, Frequency, NextTest, Weighed};

use super::graph::Shelf;
use crate::args::KbDifferential;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::table;

/// Diseases weighed by findings, with the names of all identifiers.
pub struct Found {
    pub names: BTreeMap<String, String>,
    pub ranked: Vec<Candidate>,
    pub next: Vec<NextTest>,
}

/// `wilhelm kb differential`
pub fn run(verb: &KbDifferential, config: &Config) -> anyhow::Result<Exit> {
    let shelf = Shelf::open_filled(&verb.graph, config)?;
    let Found { names, ranked, next } = weigh(&shelf, &verb.prior, &verb.present, &verb.absent)?;
    if verb.json {
        print_json(&json!({ "names": names, "candidates": ranked, "next": next }))?;
    } else {
        print(&for_people(&ranked, &next, &names))?;
    }
    Ok(Exit::Done)
}

/// Weighs the diseases of `prior` (`DISEASE=PROBABILITY`) by findings that are there and findings that are not.
pub fn weigh(
    shelf: &Shelf,
    prior_words: &[String],
    present: &[String],
    absent: &[String],
) -> anyhow::Result<Found> {
    let table = Frequency::of_graph(&shelf.graph)?;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut meant = |words: &str| -> anyhow::Result<String> {
        let concept = shelf.graph.concept(&shelf.meant(words)?)?;
        names.insert(concept.id.clone(), concept.name.unwrap_or_else(|| concept.id.clone()));
        Ok(concept.id)
    };
    let mut prior = BTreeMap::new();
    for text in prior_words {
        let parts = text
            .rsplit_once('=')
            .and_then(|(disease, share)| Some((disease, share.trim().parse::<f64>().ok()?)));
        let Some((disease, share)) = parts else {
            return Err(Stop::usage(format!(
                "prior {text}: expected DISEASE=PROBABILITY, as \"heart failure=0.2\""
            )));
        };
        prior.insert(meant(disease.trim())?, share);
    }
    for row in table.iter().filter(|row| prior.contains_key(&row.disease)) {
        meant(&row.finding)?;
    }
    if let Some(disease) = prior.keys().find(|disease| !table.iter().any(|row| row.disease == **disease)) {
        return Err(Stop::input(format!(
            "the graph has no figures of findings with {disease}: docs/knowledge.md says how to import them"
        )));
    }
    let present = present.iter().map(|words| meant(words)).collect::<anyhow::Result<Vec<_>>>()?;
    let absent = absent.iter().map(|words| meant(words)).collect::<anyhow::Result<Vec<_>>>()?;
    for finding in present.iter().chain(&absent) {
        if !table.iter().any(|row| row.finding == *finding && prior.contains_key(&row.disease)) {
            return Err(Stop::input(format!(
                "the graph has no figure of {finding} with any of these diseases"
            )));
        }
    }
    let wrong = |error: wilhelm_knowledge::differential::DifferentialError| Stop::input(error.to_string());
    let differential = Differential::new(prior, table).map_err(wrong)?;
    let ranked = differential.rank(&present, &absent).map_err(wrong)?;
    let next = differential.next_tests(&present, &absent).map_err(wrong)?;
    Ok(Found { names, ranked, next })
}

fn for_people(ranked: &[Candidate], next: &[NextTest], names: &BTreeMap<String, String>) -> String {
    let name = |id: &str| names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let weighed = |one: &Weighed| {
        let no = if one.present { "" } else { "no " };
        format!("{no}{} (LR {:.2})", name(&one.finding), one.likelihood_ratio)
    };
    let list = |of: &[Weighed]| of.iter().map(weighed).collect::<Vec<_>>().join(", ");
    let rows: Vec<Vec<String>> = ranked
        .iter()
        .map(|one| {
            vec![
                one.disease.as_deref().map_or_else(|| "something else".to_owned(), name),
                format!("{:.3}", one.prior),
                format!("{:.3}", one.probability),
                list(&one.for_it),
                list(&one.against_it),
            ]
        })
        .collect();
    let mut text = table::columns(&["disease", "before", "now", "for", "against"], &rows);
    if !next.is_empty() {
        let rows: Vec<Vec<String>> = next
            .iter()
            .take(5)
            .map(|one| {
                vec![
                    name(&one.finding),
                    format!("{:.2}", one.probability),
                    format!("{:.3}", one.expected_gain_bits),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&table::columns(&["look for", "probability", "expected bits"], &rows));
    }
    let sources =
        ranked.iter().flat_map(|one| one.for_it.iter().chain(&one.against_it)).map(|one| one.source.as_str());
    let mut sources: Vec<&str> = sources.collect();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        text.push_str(&format!("source: {source}\n"));
    }
    text
}
