//! Says sentences in other words with a local model, to judge by eye what it is good for.
//!
//! `cargo run --release -p wilhelm-llm --example rephrase -- MODEL.gguf < sentences.txt`
//!
//! Each line of the input holds a sentence and, after `|`, the phrases to keep, separated by `;`.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::io::{BufRead, stdin};
use std::path::PathBuf;
use std::time::Instant;
use wilhelm_llm::{LoadSettings, LocalModel, RephraseSettings, rephrase};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: rephrase MODEL.gguf [TEMPERATURE] [SEEDS]")?);
    let mut number = |default: f32| -> Result<f32, Box<dyn Error>> {
        arguments.next().map_or(Ok(default), |text| Ok(text.to_string_lossy().parse()?))
    };
    let (temperature, seeds) = (number(0.5)?, number(2.0)? as u32);
    let model = LocalModel::load(&path, None, &LoadSettings::new(2))?;
    for line in stdin().lock().lines() {
        let line = line?;
        let (sentence, kept) = line.split_once('|').unwrap_or((&line, ""));
        let kept: Vec<&str> = kept.split(';').map(str::trim).filter(|phrase| !phrase.is_empty()).collect();
        println!("{sentence}");
        for seed in 1..=seeds {
            let started = Instant::now();
            let settings = RephraseSettings { temperature, seed, ..RephraseSettings::default() };
            let text = match rephrase(&model, sentence, &kept, &settings) {
                Ok(text) => text,
                Err(error) => format!("({error})"),
            };
            println!("  {text}  [{:.1} s]", started.elapsed().as_secs_f64());
        }
    }
    Ok(())
}
