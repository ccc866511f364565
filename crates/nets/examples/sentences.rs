//! Times the vectors of sentences, for `tools/bench/sentences.py`, which asks `sentence-transformers` for the same.
//!
//! Usage: `sentences MODEL_DIR TEXTS TIMES`, a text a line. Prints the seconds of each run and the vectors as JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own: it tells the time and prints"
)]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use wilhelm_nets::text::SentenceEncoder;
use wilhelm_study::Silent;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sentences: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, texts, times] = &arguments[..] else {
        return Err("expected MODEL_DIR TEXTS TIMES".into());
    };
    let text = std::fs::read_to_string(texts)?;
    let lines: Vec<&str> = text.lines().collect();
    let encoder = SentenceEncoder::open(Path::new(model))?;
    let mut vectors = encoder.embed(&lines, &Silent)?;
    let mut seconds = Vec::new();
    for _ in 0..times.parse::<usize>()? {
        let start = Instant::now();
        vectors = encoder.embed(&lines, &Silent)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let vectors: Vec<&[f32]> = vectors.iter().map(|vector| &vector.numbers[..]).collect();
    println!("{}", serde_json::json!({ "seconds": seconds, "vectors": vectors }));
    Ok(())
}
