//! Answers prompts with a local model, one JSON a line: what measurements of a model's texts are made with.
//!
//! `cargo run --release -p wilhelm-llm --example ask -- MODEL.gguf [THREADS] < prompts.jsonl > answers.jsonl`
//!
//! A line holds `prompt` and `settings` ([`ChatPrompt`], [`GenerateSettings`]) and whatever else; the answer's line holds the
//! same without these two, with `text`. Prompts that share their beginning are best asked one after the other.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::io::{BufRead, stdin};
use std::path::PathBuf;

use serde_json::{Map, Value};
use wilhelm_llm::{ChatPrompt, GenerateSettings, LoadSettings, LocalModel, TextModel, silent};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: ask MODEL.gguf [THREADS] < prompts.jsonl")?);
    let threads = arguments.next().map_or(Ok(2), |text| text.to_string_lossy().parse())?;
    let model = LocalModel::load(&path, None, &LoadSettings::new(threads))?;
    for line in stdin().lock().lines() {
        let mut asked: Map<String, Value> = serde_json::from_str(&line?)?;
        let mut take = |key: &str| asked.remove(key).ok_or_else(|| format!("a line lacks \"{key}\""));
        let prompt: ChatPrompt = serde_json::from_value(take("prompt")?)?;
        let settings: GenerateSettings = serde_json::from_value(take("settings")?)?;
        let answer = model.generate(&prompt, &settings, &mut silent)?;
        asked.insert("text".to_owned(), Value::String(answer.text.trim().to_owned()));
        println!("{}", serde_json::to_string(&asked)?);
    }
    Ok(())
}
