use std::path::{Path, PathBuf};

use serde_json::json;
use wilhelm_formats::write_atomically;
use wilhelm_llm::MINILM;
use wilhelm_nets::text::{SentenceEncoder, SentenceVector, cosine};

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::progress::Line;
use crate::table::{columns, csv};

/// `wilhelm embed`
pub fn run(verb: &args::Embed, config: &Config) -> anyhow::Result<Exit> {
    let table = verb.csv.as_deref().filter(|place| place.as_os_str() != "-");
    if let Some(place) = table.filter(|place| !verb.force && place.exists()) {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", place.display())));
    }
    let texts = texts(verb)?;
    if verb.compare && texts.len() != 2 {
        let count = texts.len();
        return Err(Stop::usage(format!("--compare takes two texts, and there are {count}")));
    }
    let folder = model(verb, config)?;
    let encoder = SentenceEncoder::open(&folder)?;
    let line = Line::new("reading texts");
    let given: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = encoder.embed(&given, &line)?;
    drop(line);
    let mut cut = false;
    for (at, vector) in vectors.iter().enumerate().filter(|(_, vector)| vector.cut > 0) {
        cut = true;
        eprintln!(
            "wilhelm: text {} is long: {} tokens past the first {} were not read",
            at + 1,
            vector.cut,
            vector.tokens
        );
    }
    show(verb, &folder, &texts, &vectors)?;
    if let Some(place) = table {
        write_atomically(place, verb.force, rows(&texts, &vectors).as_bytes())?;
        if !verb.json {
            print(&format!("{}: {} texts\n", place.display(), texts.len()))?;
        }
    }
    Ok(if cut { Exit::Defects } else { Exit::Done })
}

/// The texts of the command line, then those of the file; lines without a letter are none.
fn texts(verb: &args::Embed) -> anyhow::Result<Vec<String>> {
    let mut texts = verb.texts.clone();
    if let Some(file) = &verb.file {
        let all = read_text(file, "text file")?;
        texts.extend(all.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    if texts.is_empty() {
        return Err(Stop::input("the text file has no text"));
    }
    Ok(texts)
}

fn model(verb: &args::Embed, config: &Config) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &verb.model {
        return Ok(folder.clone());
    }
    let cache = config.cache();
    if !MINILM.is_in(&cache) {
        return Err(Stop::input(
            "the model minilm is not fetched: run `wilhelm models fetch minilm`, or name a folder with --model",
        ));
    }
    Ok(MINILM.path_in(&cache))
}

fn show(
    verb: &args::Embed,
    folder: &Path,
    texts: &[String],
    vectors: &[SentenceVector],
) -> anyhow::Result<()> {
    let alike = || cosine(&vectors[0].numbers, &vectors[1].numbers);
    if verb.json {
        let each: Vec<_> = texts
            .iter()
            .zip(vectors)
            .map(|(text, vector)| {
                json!({ "text": text, "tokens": vector.tokens, "cut": vector.cut, "vector": vector.numbers })
            })
            .collect();
        let mut told = json!({ "model": folder, "texts": each });
        if verb.compare {
            told["cosine"] = json!(alike());
        }
        return print_json(&told);
    }
    if verb.compare {
        return print(&format!("{:.4}\n", alike()));
    }
    match verb.csv.as_deref() {
        Some(place) if place.as_os_str() == "-" => print(&rows(texts, vectors)),
        Some(_) => Ok(()),
        None => print(&summary(texts, vectors)),
    }
}

/// Every vector whole, a row each.
fn rows(texts: &[String], vectors: &[SentenceVector]) -> String {
    let width = vectors.first().map_or(0, |vector| vector.numbers.len());
    let numbered: Vec<String> = (0..width).map(|at| format!("v{at}")).collect();
    let header: Vec<&str> =
        ["text", "tokens", "cut"].into_iter().chain(numbered.iter().map(String::as_str)).collect();
    let row = |(text, vector): (&String, &SentenceVector)| {
        let facts = [text.clone(), vector.tokens.to_string(), vector.cut.to_string()];
        facts.into_iter().chain(vector.numbers.iter().map(f32::to_string)).collect()
    };
    csv(&header, &texts.iter().zip(vectors).map(row).collect::<Vec<_>>())
}

/// The beginning of each vector, for people.
fn summary(texts: &[String], vectors: &[SentenceVector]) -> String {
    const SHOWN: usize = 4;
    const SIGNS: usize = 60;
    let row = |(text, vector): (&String, &SentenceVector)| {
        let begin: Vec<String> =
            vector.numbers.iter().take(SHOWN).map(|number| format!("{number:.4}")).collect();
        let long = text.chars().count() > SIGNS;
        let short: String = text.chars().take(if long { SIGNS - 3 } else { SIGNS }).collect();
        let dots = if long { "..." } else { "" };
        let rest = vector.numbers.len().saturating_sub(SHOWN);
        vec![
            format!("{short}{dots}"),
            vector.tokens.to_string(),
            format!("{} and {rest} more", begin.join(" ")),
        ]
    };
    columns(&["text", "tokens", "vector"], &texts.iter().zip(vectors).map(row).collect::<Vec<_>>())
}
