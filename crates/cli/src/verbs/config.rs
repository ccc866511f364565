use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::args;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{print, print_json};

/// `wilhelm config show`
pub fn run(verb: &args::Config, config: &Config) -> anyhow::Result<Exit> {
    let args::ConfigVerb::Show { json } = verb.verb;
    let values = serde_json::to_value(&config.values)?;
    let place = |key: &str| {
        let (section, key) = key.split_once('.').unwrap_or((key, ""));
        values[section][key].clone()
    };
    if json {
        let all: Map<String, Value> = config
            .origins
            .iter()
            .map(|(key, origin)| (key.clone(), json!({ "value": place(key), "from": origin })))
            .collect();
        print_json(&all)?;
    } else {
        let mut text = String::new();
        for (key, origin) in &config.origins {
            writeln!(text, "{key:24} = {:<14} # {origin}", place(key).to_string())?;
        }
        print(&text)?;
    }
    Ok(Exit::Done)
}
