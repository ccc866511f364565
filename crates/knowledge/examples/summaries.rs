//! ROUGE of extracts against what people wrote: BioASQ's ideal answers out of the snippets that belong to the question, and
//! MeQSum's short questions out of the long ones; lead and TextRank beside the extract to the question.
//!
//! ```text
//! summaries bioasq FILE | summaries meqsum FILE
//! ```
#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types)]

use std::error::Error;
use std::io::Read;

use serde_json::{Value, json};
use wilhelm_knowledge::recognize::sentences;
use wilhelm_knowledge::summarize::{lead, text_rank, to_question};
use wilhelm_stats::bootstrap_interval;
use wilhelm_stats::text::{TextTokenizer, rouge_l, rouge_n};

struct Case {
    question: String,
    sentences: Vec<String>,
    references: Vec<String>,
    most: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (task, file) = match arguments[..] {
        [task, file] => (task, file),
        _ => return Err("expected bioasq or meqsum, and its file".into()),
    };
    let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8_lossy(&bytes).into_owned();
    }
    let cases = match task {
        "bioasq" => bioasq(&text)?,
        "meqsum" => meqsum(&text),
        other => return Err(format!("{other} is no task").into()),
    };
    let mut rows = Vec::new();
    type Extract = fn(&Case, &[&str]) -> Vec<usize>;
    let ways: [(&str, Extract); 3] = [
        ("lead", |case, sentences| lead(sentences, case.most)),
        ("TextRank", |case, sentences| text_rank(sentences, case.most)),
        ("to the question", |case, sentences| extract(case, sentences)),
    ];
    for (name, way) in ways {
        let mut scores: [Vec<f64>; 3] = Default::default();
        for case in &cases {
            let given: Vec<&str> = case.sentences.iter().map(String::as_str).collect();
            let made: Vec<&str> = way(case, &given).into_iter().map(|at| given[at]).collect();
            let tokens = |text: &str| TextTokenizer::Alphanumeric.tokens(text);
            let written = tokens(&made.join(" "));
            let best = |score: &dyn Fn(&[String]) -> f64| -> f64 {
                case.references.iter().map(|reference| score(&tokens(reference))).fold(0.0, f64::max)
            };
            scores[0].push(best(&|truth| rouge_n(&written, truth, 1).map_or(0.0, |score| score.f)));
            scores[1].push(best(&|truth| rouge_n(&written, truth, 2).map_or(0.0, |score| score.f)));
            scores[2].push(best(&|truth| rouge_l(&written, truth).f));
        }
        let mut row = json!({ "way": name });
        for (metric, scores) in ["rouge_1", "rouge_2", "rouge_l"].iter().zip(&scores) {
            let mean =
                |drawn: &[usize]| Some(drawn.iter().map(|at| scores[*at]).sum::<f64>() / drawn.len() as f64);
            let found = bootstrap_interval(scores.len(), 2000, 0.95, 20_261_127, mean)?;
            row[*metric] = json!({ "value": found.estimate, "low": found.low, "high": found.high });
        }
        rows.push(row);
    }
    let told = json!({ "task": task, "cases": cases.len(), "ways": rows });
    println!("{}", serde_json::to_string_pretty(&told)?);
    Ok(())
}

/// What asks is taken for a question of its own; what answers goes by the question.
fn extract(case: &Case, sentences: &[&str]) -> Vec<usize> {
    if !case.question.is_empty() {
        return to_question(&case.question, sentences, case.most);
    }
    let asks = |sentence: &&str| sentence.ends_with('?');
    let at = sentences.iter().rposition(asks).or_else(|| text_rank(sentences, 1).first().copied());
    at.into_iter().collect()
}

fn bioasq(text: &str) -> Result<Vec<Case>, Box<dyn Error>> {
    let mut cases = Vec::new();
    for line in text.lines() {
        let one: Value = serde_json::from_str(line)?;
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut of_snippets = Vec::new();
        for snippet in one["snippets"].as_array().into_iter().flatten() {
            of_snippets.extend(sentences_of(snippet["text"].as_str().unwrap_or_default()));
        }
        let references = texts(&one["ideal_answer"]);
        if !of_snippets.is_empty() && !references.is_empty() {
            let question = one["body"].as_str().unwrap_or_default().to_owned();
            cases.push(Case { question, sentences: of_snippets, references, most: 3 });
        }
    }
    Ok(cases)
}

fn sentences_of(text: &str) -> Vec<String> {
    sentences(text).into_iter().map(|place| text[place].to_owned()).collect()
}

/// The long question and the short one: second and third column.
fn meqsum(text: &str) -> Vec<Case> {
    let mut reader = csv_core::Reader::new();
    let (mut rest, mut cases) = (text.as_bytes(), Vec::new());
    let (mut out, mut ends) = (vec![0; 1 << 20], vec![0; 64]);
    loop {
        let (mut written, mut fields) = (0, 0);
        loop {
            let (result, read, wrote, ended) =
                reader.read_record(rest, &mut out[written..], &mut ends[fields..]);
            rest = &rest[read..];
            written += wrote;
            fields += ended;
            match result {
                csv_core::ReadRecordResult::Record => break,
                csv_core::ReadRecordResult::InputEmpty => {}
                _ => return cases.split_off(1),
            }
        }
        if fields >= 3 {
            let cell = |from: usize, to: usize| String::from_utf8_lossy(&out[from..to]).into_owned();
            let sentences = sentences_of(&cell(ends[0], ends[1]));
            let references = vec![cell(ends[1], ends[2])];
            cases.push(Case { question: String::new(), sentences, references, most: 1 });
        }
    }
}
