use serde_json::json;
use wilhelm_nets::explain::StoredCases;

use super::data;
use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::shelf;

/// `wilhelm explain cases`
pub fn run(verb: &args::Cases, config: &Config) -> anyhow::Result<Exit> {
    if !verb.force && verb.out.exists() {
        return Err(Stop::usage(format!(
            "{} is already there: add --force to replace it",
            verb.out.display()
        )));
    }
    let model = shelf::open(verb.models.as_deref(), config)?.get(&verb.model)?.load()?;
    let card = model.card();
    let set = data::load(&verb.data, card, config)?;
    let mut cases = StoredCases::new(&card.name, &card.weights_sha256);
    let line = Line::new("storing");
    for (done, chunk) in set.images.chunks(64).enumerate() {
        line.at(done * 64, set.images.len());
        let prepared: Vec<_> = chunk.iter().map(|one| &one.prepared).collect();
        for (one, prediction) in chunk.iter().zip(model.predict(&prepared)?) {
            cases.add(&one.name, &card.labels[one.label].key, &prediction.features)?;
        }
    }
    drop(line);
    wilhelm_formats::write_atomically(&verb.out, verb.force, &cases.to_bytes()?)?;
    if verb.json {
        let left_out: Vec<_> =
            set.left_out.iter().map(|(name, why)| json!({ "image": name, "reason": why })).collect();
        print_json(
            &json!({ "model": card.name, "cases": cases.len(), "out": verb.out, "left_out": left_out }),
        )?;
    } else {
        print(&format!("{} cases in {}\n", cases.len(), verb.out.display()))?;
        for (name, why) in &set.left_out {
            print(&format!("left out: {name}: {why}\n"))?;
        }
    }
    Ok(if set.left_out.is_empty() { Exit::Done } else { Exit::Defects })
}
