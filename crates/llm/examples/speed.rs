//! Prompt and generation speed of a local model, and the memory it takes.
//!
//! `cargo run --release -p wilhelm-llm --example speed -- MODEL.gguf [THREADS]`
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use wilhelm_llm::{ChatPrompt, GenerateSettings, LoadSettings, LocalModel, TextModel, one_sentence, silent};

const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: speed MODEL.gguf [THREADS]")?);
    let threads = arguments.next().map_or(Ok(2), |text| text.to_string_lossy().parse())?;
    let started = Instant::now();
    let model = LocalModel::load(&path, None, &LoadSettings::new(threads))?;
    let facts = model.facts();
    println!(
        "{}: {} parameters, {} MB of weights, loaded in {:.2} s",
        model.name(),
        facts.parameters,
        facts.bytes / 1_000_000,
        started.elapsed().as_secs_f64()
    );
    let text =
        "The river rises in the hills, runs past the mill and the old bridge, and meets the sea. ".repeat(24);
    let free = GenerateSettings { temperature: 0.7, ..GenerateSettings::greedy(96) };
    let sentence = wilhelm_llm::Gbnf::new(&one_sentence(400))?;
    for (name, settings) in
        [("free", free.clone()), ("grammar", GenerateSettings { grammar: Some(sentence), ..free })]
    {
        let (mut reading, mut writing) = (Vec::new(), Vec::new());
        for run in 0..RUNS {
            // The seed differs so that runs end at different places.
            let settings = GenerateSettings { seed: u32::try_from(run)?, ..settings.clone() };
            let prompt = ChatPrompt::ask(format!("Tell in your own words: {text}"));
            let answer = model.generate(&prompt, &settings, &mut silent)?;
            reading.push(per_second(answer.prompt_tokens, answer.prompt_elapsed));
            writing.push(per_second(answer.generated_tokens, answer.elapsed - answer.prompt_elapsed));
        }
        println!(
            "{name}, {threads} threads: {:.0} prompt tokens/s, {:.0} generated tokens/s (medians of {RUNS})",
            median(reading),
            median(writing)
        );
    }
    println!("peak resident memory: {}", peak_memory().unwrap_or_else(|| "unknown here".to_string()));
    Ok(())
}

fn per_second(tokens: usize, elapsed: Duration) -> f64 {
    tokens as f64 / elapsed.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What Linux counts for this process.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|value| value.trim().to_string())
}
