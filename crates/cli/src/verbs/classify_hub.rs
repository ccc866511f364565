//! `wilhelm classify` by a network of the model hub.

use serde_json::{Map, Value, json};
use wilhelm_formats::write_atomically;
use wilhelm_nets::text::{HubAnswer, HubReader};

use super::classify::asked;
use crate::args::Classify;
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::table::{columns, csv};

/// Says what each text, or what in it, is.
pub fn run(verb: &Classify) -> anyhow::Result<Exit> {
    let reader = HubReader::open(&verb.model)?;
    let asked = asked(verb, &[])?;
    let texts: Vec<&str> = asked.iter().map(|asked| asked.text.as_str()).collect();
    let line = Line::new("reading texts");
    let said = reader.read(&texts, &line)?;
    drop(line);
    let mut cut = false;
    for (asked, (_, tokens)) in asked.iter().zip(&said).filter(|(_, (_, cut))| *cut > 0) {
        cut = true;
        let most = reader.most_tokens();
        eprintln!("wilhelm: {} is long: {tokens} tokens past the first {most} were not read", asked.id);
    }
    let classes = reader.classes();
    let mut each: Vec<Value> = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut header = vec!["id", "label", "start", "end", "probability"];
    for (asked, (answer, cut)) in asked.iter().zip(&said) {
        match answer {
            HubAnswer::Text(shares) => {
                header = ["id", "label"].into_iter().chain(classes.iter().map(String::as_str)).collect();
                let best = (0..shares.len()).rev().max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
                let label = &classes[best.unwrap_or(0)];
                let of: Map<_, _> =
                    classes.iter().zip(shares).map(|(class, share)| (class.clone(), json!(share))).collect();
                each.push(json!({ "id": asked.id, "label": label, "probabilities": of, "cut": cut }));
                let shares = shares.iter().map(|share| format!("{share:.6}"));
                rows.push([asked.id.clone(), label.clone()].into_iter().chain(shares).collect());
            }
            HubAnswer::Spans(spans) => {
                let listed: Vec<Value> = spans
                    .iter()
                    .map(|span| {
                        json!({ "label": span.label, "start": span.start, "end": span.end,
                            "probability": span.probability })
                    })
                    .collect();
                each.push(json!({ "id": asked.id, "spans": listed, "cut": cut }));
                rows.extend(spans.iter().map(|span| {
                    let place = [span.start, span.end].map(|at| at.to_string());
                    let facts = [asked.id.clone(), span.label.clone()].into_iter().chain(place);
                    facts.chain([format!("{:.6}", span.probability)]).collect()
                }));
            }
        }
    }
    match verb.csv.as_deref() {
        Some(place) if place.as_os_str() == "-" => print(&csv(&header, &rows))?,
        Some(place) => {
            write_atomically(place, verb.force, csv(&header, &rows).as_bytes())?;
            if !verb.json {
                print(&format!("{}: {} texts\n", place.display(), asked.len()))?;
            }
        }
        None if !verb.json => print(&columns(&header, &rows))?,
        None => {}
    }
    if verb.json {
        print_json(&json!({ "model": verb.model, "research_use_only": true, "texts": each }))?;
    }
    Ok(if cut { Exit::Defects } else { Exit::Done })
}
