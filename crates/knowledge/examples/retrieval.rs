//! How good passages are found by words, by meaning and by both: recall@10, MRR and MAP@100 with bootstrap intervals over
//! the questions, and how long a question takes among many passages.
//!
//! ```text
//! retrieval texts TASK FILE > TEXTS            # the texts to embed, a line each: `wilhelm embed --file TEXTS --csv VECTORS`
//! retrieval measure TASK FILE VECTORS          # figures as JSON
//! retrieval time TASK FILE VECTORS PASSAGES    # milliseconds a question among so many passages, real ones repeated
//! ```
//!
//! TASK is `pubmedqa` (question to its own abstract), `medquad` (question to its answer; every
//! fourth answer of the file) or `bioasq` (question to its snippets). FILE is a file of the collection, packed or not.
#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Read;
use std::time::Instant;

use serde_json::{Value, json};
use tantivy::directory::{MmapDirectory, OwnedBytes, RamDirectory};
use wilhelm_knowledge::passages::{Passage, pieces};
use wilhelm_knowledge::retrieve::{
    DEPTH, Lexical, LexicalWriter, Ranked, Vectors, VectorsWriter, average_precision, fused, recall_at,
    reciprocal_rank,
};
use wilhelm_stats::{BootstrapInterval, Resampling, bootstrap_interval, paired_bootstrap};

type Outcome<T> = Result<T, Box<dyn Error>>;

const RESAMPLING: Resampling = Resampling { replicates: 2000, level: 0.95, seed: 20_261_127 };
/// Documents of an order that are looked at.
const DOCUMENTS: usize = 100;
const THREADS: usize = 2;

struct Task {
    documents: Vec<String>,
    questions: Vec<Question>,
}

struct Question {
    text: String,
    relevant: BTreeSet<usize>,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["texts", task, file] => texts(&task_of(task, file)?),
        ["measure", task, file, vectors] => {
            let made = measure(task, &task_of(task, file)?, &vectors_of(vectors)?)?;
            println!("{}", serde_json::to_string_pretty(&made)?);
        }
        ["time", task, file, vectors, passages] => {
            let made = time(&task_of(task, file)?, &vectors_of(vectors)?, passages.parse()?)?;
            println!("{}", serde_json::to_string_pretty(&made)?);
        }
        _ => {
            return Err(
                "expected texts, measure or time, a task and its file: see the head of this example".into()
            );
        }
    }
    Ok(())
}

fn even(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn task_of(name: &str, file: &str) -> Outcome<Task> {
    let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8(bytes)?;
    }
    let lines = || text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>();
    let of = |value: &Value, key: &str| even(value[key].as_str().unwrap_or_default());
    let mut task = Task { documents: Vec::new(), questions: Vec::new() };
    match name {
        "pubmedqa" => {
            let all: BTreeMap<String, Value> = serde_json::from_str(&text)?;
            for one in all.values() {
                let contexts = one["CONTEXTS"].as_array().into_iter().flatten().filter_map(Value::as_str);
                task.documents.push(even(&contexts.collect::<Vec<_>>().join(" ")));
                let relevant = BTreeSet::from([task.documents.len() - 1]);
                task.questions.push(Question { text: of(one, "QUESTION"), relevant });
            }
        }
        "medquad" => {
            for (at, one) in lines()?.into_iter().enumerate() {
                if at % 4 != 0 {
                    continue;
                }
                task.documents.push(even(one["answer"].as_str().unwrap_or_default()));
                let relevant = BTreeSet::from([task.documents.len() - 1]);
                task.questions.push(Question { text: of(&one, "question"), relevant });
            }
        }
        "bioasq" => {
            let mut known: BTreeMap<String, usize> = BTreeMap::new();
            for one in lines()? {
                let mut relevant = BTreeSet::new();
                for snippet in one["snippets"].as_array().into_iter().flatten() {
                    let text = of(snippet, "text");
                    if text.is_empty() {
                        continue;
                    }
                    let place = *known.entry(text.clone()).or_insert_with(|| {
                        task.documents.push(text);
                        task.documents.len() - 1
                    });
                    relevant.insert(place);
                }
                if !relevant.is_empty() {
                    task.questions.push(Question { text: of(&one, "body"), relevant });
                }
            }
        }
        other => return Err(format!("{other} is no task: pubmedqa, medquad or bioasq").into()),
    }
    Ok(task)
}

/// The pieces of all documents, each with the number of its document.
fn cut(task: &Task) -> Vec<(usize, String)> {
    let cut = task.documents.iter().enumerate();
    cut.flat_map(|(at, text)| pieces(text).into_iter().map(move |piece| (at, piece.text))).collect()
}

fn texts(task: &Task) {
    let questions = task.questions.iter().map(|question| question.text.clone());
    let all: BTreeSet<String> = cut(task).into_iter().map(|(_, text)| text).chain(questions).collect();
    all.iter().filter(|text| !text.is_empty()).for_each(|text| println!("{text}"));
}

/// The table that `wilhelm embed --csv` wrote: text, tokens, cut, and the numbers.
fn vectors_of(file: &str) -> Outcome<BTreeMap<String, Vec<f32>>> {
    let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let mut reader = csv_core::Reader::new();
    let (mut rest, mut found) = (&bytes[..], BTreeMap::new());
    let (mut out, mut ends) = (vec![0; 1 << 20], vec![0; 1024]);
    loop {
        let (mut written, mut fields) = (0, 0);
        let read = loop {
            let (result, read, wrote, ended) =
                reader.read_record(rest, &mut out[written..], &mut ends[fields..]);
            rest = &rest[read..];
            written += wrote;
            fields += ended;
            match result {
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::Record => break true,
                csv_core::ReadRecordResult::End => break false,
                _ => return Err("a row is longer than a megabyte".into()),
            }
        };
        if !read {
            return Ok(found);
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let cells: Vec<&str> = starts
            .zip(&ends[..fields])
            .map(|(from, to)| std::str::from_utf8(&out[from..*to]))
            .collect::<Result<_, _>>()?;
        if let [text, _, _, numbers @ ..] = &cells[..]
            && let Ok(numbers) = numbers.iter().map(|number| number.parse()).collect::<Result<Vec<f32>, _>>()
            && !numbers.is_empty()
        {
            // Before what a spreadsheet would take for a formula the table has an apostrophe.
            let text =
                text.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(text);
            found.insert(text.to_owned(), numbers);
        }
    }
}

fn passage(at: usize, text: &str) -> Passage {
    Passage {
        id: at.to_string(),
        document: at.to_string(),
        title: None,
        section: None,
        source: String::new(),
        license: None,
        text: text.to_owned(),
    }
}

/// Whether each of the first documents is relevant; a document stands where its best piece does.
fn hits(order: &[Ranked], document_of: &[usize], relevant: &BTreeSet<usize>) -> Vec<bool> {
    let mut seen = BTreeSet::new();
    let documents = order.iter().map(|one| document_of[one.passage as usize]).filter(|one| seen.insert(*one));
    documents.take(DOCUMENTS).map(|document| relevant.contains(&document)).collect()
}

/// Recall@10, reciprocal rank and average precision of each question.
type Scores = [Vec<f64>; 3];
const METRICS: [&str; 3] = ["recall_at_10", "mrr", "map_at_100"];

fn measure(name: &str, task: &Task, vectors: &BTreeMap<String, Vec<f32>>) -> Outcome<Value> {
    let cut = cut(task);
    let document_of: Vec<usize> = cut.iter().map(|(document, _)| *document).collect();
    let place = RamDirectory::create();
    let mut words = LexicalWriter::new(place.clone())?;
    let width = vectors.values().next().ok_or("the vectors are empty")?.len();
    let mut meaning = VectorsWriter::new(Vec::new(), width)?;
    let vector = |text: &str| {
        vectors.get(text).ok_or_else(|| format!("no vector of \"{text}\": embed the texts anew"))
    };
    for (at, (_, text)) in cut.iter().enumerate() {
        words.add(&passage(at, text))?;
        meaning.add(vector(text)?)?;
    }
    words.finish()?;
    let (words, meaning) = (Lexical::open(place)?, Vectors::open(OwnedBytes::new(meaning.finish()?))?);
    let weights = [0.5, 1.0, 1.5, 2.0, 3.0];
    let mut names = vec!["words".to_owned(), "meaning".to_owned()];
    names.extend(weights.iter().map(|weight| format!("both, meaning weighs {weight}")));
    let mut scores: Vec<Scores> = vec![Scores::default(); names.len()];
    for question in &task.questions {
        let by_words = words.search(&question.text, DEPTH)?;
        let by_meaning = meaning.nearest(vector(&question.text)?, DEPTH, THREADS)?;
        let both = weights.map(|weight| fused(&[(&by_words, 1.0), (&by_meaning, weight)], DEPTH));
        let orders = [by_words, by_meaning].into_iter().chain(both);
        for (order, scores) in orders.zip(&mut scores) {
            let hits = hits(&order, &document_of, &question.relevant);
            let relevant = question.relevant.len();
            scores[0].push(recall_at(&hits, relevant, 10));
            scores[1].push(reciprocal_rank(&hits));
            scores[2].push(average_precision(&hits, relevant, DOCUMENTS));
        }
    }
    // Even questions choose, odd ones tell; both are printed.
    let count = task.questions.len();
    let halves = [
        ("all", (0..count).collect::<Vec<_>>()),
        ("even", (0..count).step_by(2).collect()),
        ("odd", (1..count).step_by(2).collect()),
    ];
    let mut rows = Vec::new();
    for (name, scores_of) in names.iter().zip(&scores) {
        let mut row = json!({ "way": name });
        for (half, questions) in &halves {
            let mut figures = json!({});
            for (metric, (own, base)) in METRICS.iter().zip(scores_of.iter().zip(&scores[0])) {
                let found = interval(questions, own)?;
                figures[*metric] = json!({ "value": found.estimate, "low": found.low, "high": found.high });
                if name != "words" {
                    let less = difference(questions, own, base)?;
                    figures[format!("{metric}_less_words")] =
                        json!({ "value": less.estimate, "low": less.low, "high": less.high });
                }
            }
            row[*half] = figures;
        }
        rows.push(row);
    }
    Ok(json!({
        "task": name,
        "questions": count,
        "documents": task.documents.len(),
        "pieces": cut.len(),
        "replicates": RESAMPLING.replicates,
        "seed": RESAMPLING.seed,
        "ways": rows,
    }))
}

fn mean_of(questions: &[usize], scores: &[f64], drawn: &[usize]) -> f64 {
    drawn.iter().map(|at| scores[questions[*at]]).sum::<f64>() / drawn.len() as f64
}

fn interval(questions: &[usize], scores: &[f64]) -> Outcome<BootstrapInterval> {
    let statistic = |drawn: &[usize]| Some(mean_of(questions, scores, drawn));
    let Resampling { replicates, level, seed } = RESAMPLING;
    Ok(bootstrap_interval(questions.len(), replicates, level, seed, statistic)?)
}

fn difference(questions: &[usize], own: &[f64], base: &[f64]) -> Outcome<BootstrapInterval> {
    let of = |scores| move |drawn: &[usize]| Some(mean_of(questions, scores, drawn));
    Ok(paired_bootstrap(questions.len(), RESAMPLING, of(own), of(base))?.difference)
}

/// Real passages repeated, each with its number as a word more, until there are so many; on disk, mapped into memory.
fn time(task: &Task, vectors: &BTreeMap<String, Vec<f32>>, passages: usize) -> Outcome<Value> {
    let cut = cut(task);
    let folder = std::env::temp_dir().join(format!("wilhelm-retrieval-{}", std::process::id()));
    let lexical = folder.join("lexical");
    std::fs::create_dir_all(&lexical)?;
    let begun = Instant::now();
    let mut words = LexicalWriter::new(MmapDirectory::open(&lexical)?)?;
    let width = vectors.values().next().ok_or("the vectors are empty")?.len();
    let file = std::io::BufWriter::new(std::fs::File::create(folder.join("vectors"))?);
    let mut meaning = VectorsWriter::new(file, width)?;
    for at in 0..passages {
        let text = &cut[at % cut.len()].1;
        words.add(&passage(at, &format!("{text} copy{at}")))?;
        meaning.add(vectors.get(text).ok_or("a text has no vector")?)?;
    }
    words.finish()?;
    drop(meaning.finish()?);
    let made = begun.elapsed().as_secs_f64();
    let words = Lexical::open(MmapDirectory::open(&lexical)?)?;
    let mapped =
        tantivy::Directory::open_read(&MmapDirectory::open(&folder)?, std::path::Path::new("vectors"))?;
    let meaning = Vectors::open(mapped.read_bytes()?)?;
    let mut spent: [Vec<f64>; 3] = Default::default();
    for question in task.questions.iter().take(200) {
        let vector = vectors.get(&question.text).ok_or("a question has no vector")?;
        let begun = Instant::now();
        let by_words = words.search(&question.text, 200)?;
        let after_words = begun.elapsed();
        let by_meaning = meaning.nearest(vector, 200, THREADS)?;
        let after_meaning = begun.elapsed();
        let order = fused(&[(&by_words, 1.0), (&by_meaning, 1.0)], 10);
        for one in order {
            words.passage(one.passage)?;
        }
        let all = begun.elapsed();
        let parts = [after_words, after_meaning - after_words, all];
        parts.iter().zip(&mut spent).for_each(|(part, spent)| spent.push(part.as_secs_f64() * 1000.0));
    }
    std::fs::remove_dir_all(&folder)?;
    let told = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        json!({ "median_ms": times[times.len() / 2], "p95_ms": times[times.len() * 95 / 100] })
    };
    let [of_words, of_meaning, all] = &mut spent;
    Ok(json!({
        "passages": passages,
        "of_them_real": cut.len(),
        "questions": all.len(),
        "threads": THREADS,
        "seconds_to_write": made,
        "words": told(of_words),
        "meaning": told(of_meaning),
        "both_with_passages_read": told(all),
        "note": "the question's own vector is not among the times",
    }))
}
