//! Yes, no or maybe: classifiers of PubMedQA's questions without any large model, by ten folds, beside the commonest answer.
//!
//! ```text
//! pubmedqa pqal_dev500.json                    # figures as JSON
//! ```
//!
//! Two tasks, as the collection's authors have them: with the abstract without its conclusion ("reasoning required"), and with
//! the conclusion alone ("reasoning free"). What is read of a text are counts of cues (denial, doubt, significance, direction)
//! and weighted terms; the strength of the fit is chosen over folds of the training questions.
#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::error::Error;

use serde_json::{Value, json};
use wilhelm_knowledge::retrieve::words;
use wilhelm_stats::text::TfIdf;
use wilhelm_stats::{
    ConfusionMatrix, Resampling, SparseRows, bootstrap_interval, fit_sparse_softmax_regression,
    paired_bootstrap,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ANSWERS: [&str; 3] = ["yes", "no", "maybe"];
const FOLDS: usize = 10;
const INNER_FOLDS: usize = 5;
const STRENGTHS: [f64; 4] = [0.1, 0.3, 1.0, 3.0];
const RESAMPLING: Resampling = Resampling { replicates: 2000, level: 0.95, seed: 20_261_127 };
/// Training texts that a term must stand in.
const LEAST: usize = 3;

struct Case {
    label: usize,
    /// The last part of the abstract without its conclusion: mostly its results.
    results: String,
    conclusion: String,
}

/// What is read of a text.
#[derive(Clone, Copy)]
struct Reading {
    cues: bool,
    terms: bool,
}

fn main() -> Outcome<()> {
    let file = std::env::args().nth(1).ok_or("expected PubMedQA's file")?;
    let cases = cases_of(&std::fs::read_to_string(&file)?)?;
    let labels: Vec<usize> = cases.iter().map(|case| case.label).collect();
    let majority = vec![0; cases.len()];
    let mut tasks = Vec::new();
    for (task, text) in [
        ("abstract without its conclusion", (|case: &Case| case.results.clone()) as fn(&Case) -> String),
        ("conclusion", |case: &Case| case.conclusion.clone()),
    ] {
        let texts: Vec<String> = cases.iter().map(text).collect();
        let mut ways = vec![row("the commonest answer", &labels, &majority, &majority, &[])?];
        for (name, reading) in [
            ("weighted terms", Reading { cues: false, terms: true }),
            ("cues", Reading { cues: true, terms: false }),
            ("cues and weighted terms", Reading { cues: true, terms: true }),
        ] {
            let (said, strengths) = by_folds(&texts, &labels, reading)?;
            ways.push(row(name, &labels, &said, &majority, &strengths)?);
        }
        tasks.push(json!({ "task": task, "ways": ways }));
    }
    let made = json!({
        "command": "pubmedqa pqal_dev500.json",
        "questions": cases.len(),
        "folds": FOLDS,
        "replicates": RESAMPLING.replicates,
        "answers": ANSWERS.map(|answer| labels.iter().filter(|label| ANSWERS[**label] == answer).count()),
        "tasks": tasks,
    });
    println!("{}", serde_json::to_string_pretty(&made)?);
    Ok(())
}

fn cases_of(text: &str) -> Outcome<Vec<Case>> {
    let all: BTreeMap<String, Value> = serde_json::from_str(text)?;
    let mut cases = Vec::new();
    for (id, one) in &all {
        let answer = one["final_decision"].as_str().unwrap_or_default();
        let label = ANSWERS.iter().position(|known| *known == answer);
        let results = one["CONTEXTS"].as_array().and_then(|parts| parts.last()?.as_str()).unwrap_or_default();
        cases.push(Case {
            label: label.ok_or_else(|| format!("question {id} has the answer \"{answer}\""))?,
            results: results.to_owned(),
            conclusion: one["LONG_ANSWER"].as_str().unwrap_or_default().to_owned(),
        });
    }
    Ok(cases)
}

/// The fold of each case, from 0: those of one answer are dealt out in turn, after an order that their places decide.
fn folds(labels: &[usize], count: usize) -> Vec<usize> {
    let mut folds = vec![0; labels.len()];
    for label in 0..ANSWERS.len() {
        let mut places: Vec<usize> = (0..labels.len()).filter(|at| labels[*at] == label).collect();
        // Fixed, and without a pattern of the file's own order.
        places.sort_by_key(|at| (*at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20);
        places.iter().enumerate().for_each(|(turn, at)| folds[*at] = turn % count);
    }
    folds
}

/// What is said of each case by a fit to the other folds, and the strength of each fit.
fn by_folds(texts: &[String], labels: &[usize], reading: Reading) -> Outcome<(Vec<usize>, Vec<f64>)> {
    let fold_of = folds(labels, FOLDS);
    let (mut said, mut strengths) = (vec![0; texts.len()], Vec::new());
    for fold in 0..FOLDS {
        let (out, within): (Vec<usize>, Vec<usize>) = (0..texts.len()).partition(|at| fold_of[*at] == fold);
        let of_within: Vec<usize> = within.iter().map(|at| labels[*at]).collect();
        let inner = folds(&of_within, INNER_FOLDS);
        let mut best = (f64::INFINITY, STRENGTHS[0]);
        for strength in STRENGTHS {
            let mut loss = 0.0;
            for part in 0..INNER_FOLDS {
                let pick = |held: bool| -> Vec<usize> {
                    let places = within.iter().zip(&inner).filter(|(_, fold)| (**fold == part) == held);
                    places.map(|(at, _)| *at).collect()
                };
                let (held, fitted) = (pick(true), pick(false));
                for (at, row) in held.iter().zip(fit(texts, labels, &fitted, &held, reading, strength)?) {
                    loss -= row[labels[*at]].max(1e-15).ln();
                }
            }
            if loss < best.0 {
                best = (loss, strength);
            }
        }
        strengths.push(best.1);
        for (at, row) in out.iter().zip(fit(texts, labels, &within, &out, reading, best.1)?) {
            said[*at] = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]).then(b.cmp(a))).unwrap_or(0);
        }
    }
    Ok((said, strengths))
}

/// Probabilities of the answers for some cases, by a fit to others.
fn fit(
    texts: &[String],
    labels: &[usize],
    fitted: &[usize],
    asked: &[usize],
    reading: Reading,
    strength: f64,
) -> Outcome<Vec<Vec<f64>>> {
    let terms = TfIdf::of(fitted.iter().map(|at| texts[*at].as_str()), 2, LEAST);
    let cue_count = cues("").len();
    let row_of = |at: usize| -> Vec<(u32, f64)> {
        let mut row = Vec::new();
        if reading.cues {
            row.extend((0..).zip(cues(&texts[at])).filter(|(_, value)| *value != 0.0));
        }
        if reading.terms {
            let weights = terms.weights(&texts[at]).into_iter();
            row.extend(weights.map(|(column, weight)| (column + cue_count as u32, weight)));
        }
        row
    };
    let mut rows = SparseRows::new(cue_count + terms.len());
    for at in fitted {
        rows.push(row_of(*at))?;
    }
    let of_fitted: Vec<usize> = fitted.iter().map(|at| labels[*at]).collect();
    let model = fit_sparse_softmax_regression(&rows, &of_fitted, ANSWERS.len(), strength)?;
    Ok(asked.iter().map(|at| model.sparse_probabilities(&row_of(*at))).collect())
}

/// How much of what tells an answer stands in a text, each from 0 to 1.
fn cues(text: &str) -> Vec<f64> {
    const DENY: &[&str] = &[
        "no",
        "not",
        "nor",
        "neither",
        "without",
        "fail*",
        "lack*",
        "cannot",
        "never",
        "unlikely",
        "absence",
        "ineffective",
        "little",
    ];
    const DOUBT: &[&str] = &[
        "may",
        "might",
        "could",
        "possible",
        "possibly",
        "perhaps",
        "unclear",
        "uncertain",
        "further",
        "future",
        "however",
        "although",
        "but",
        "appear",
        "appears",
        "seem",
        "seems",
        "suggest*",
        "potential*",
        "limited",
        "only",
        "some",
        "depend*",
    ];
    const ALIKE: &[&str] = &["similar", "comparable", "nonsignificant"];
    const DENIED: &[&str] = &[
        "no significant",
        "not significant",
        "no difference",
        "no differences",
        "not differ",
        "no association",
        "not associated",
        "no effect",
        "did not",
        "does not",
        "is not",
        "was not",
        "were not",
    ];
    const FOR: &[&str] = &[
        "increase*",
        "higher",
        "greater",
        "improv*",
        "better",
        "effective",
        "associated",
        "correlat*",
        "useful",
        "safe",
        "benefi*",
        "predict*",
        "reduc*",
        "lower",
    ];
    let words = words(text);
    let is = |word: &str, cue: &str| match cue.strip_suffix('*') {
        Some(begin) => word.starts_with(begin),
        None => word == cue,
    };
    let count = |cues: &[&str]| words.iter().filter(|word| cues.iter().any(|cue| is(word, cue))).count();
    let joined = format!(" {} ", words.join(" "));
    let denied: usize = DENIED.iter().map(|phrase| joined.matches(&format!(" {phrase}")).count()).sum();
    let deny = count(DENY);
    let turns = count(&["but", "however", "although"]);
    let (small, large) = p_values(text);
    let most = |found: usize, most: usize| found.min(most) as f64 / most as f64;
    vec![
        most(deny, 1),
        most(deny, 4),
        most(count(DOUBT), 5),
        most(denied + count(ALIKE), 3),
        most(count(&["significant*"]), 4),
        most(count(FOR), 5),
        most(small, 3),
        most(large, 3),
        f64::from(u8::from(turns > 0 && count(&["not", "no"]) > 0)),
        most(count(&["further", "future"]), 1),
    ]
}

/// How many p values are below 0.05 and how many are not.
fn p_values(text: &str) -> (usize, usize) {
    let lower = text.to_lowercase();
    let (mut small, mut large) = (0, 0);
    for (at, _) in lower.match_indices('p') {
        let alone = !lower[..at].ends_with(char::is_alphanumeric);
        let Some(value) = lower[at + 1..].trim_start().strip_prefix(['<', '=', '>']).filter(|_| alone) else {
            continue;
        };
        let digits: String =
            value.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        match digits.trim_end_matches('.').parse::<f64>() {
            Ok(value) if value < 0.05 || (value == 0.05 && lower[at..].contains('<')) => small += 1,
            Ok(_) => large += 1,
            Err(_) => {}
        }
    }
    (small, large)
}

fn row(
    name: &str,
    labels: &[usize],
    said: &[usize],
    majority: &[usize],
    strengths: &[f64],
) -> Outcome<Value> {
    let Resampling { replicates, level, seed } = RESAMPLING;
    let accuracy = |said: &[usize], drawn: &[usize]| {
        drawn.iter().filter(|at| said[**at] == labels[**at]).count() as f64 / drawn.len() as f64
    };
    let macro_f1 = |said: &[usize], drawn: &[usize]| -> Option<f64> {
        let actual: Vec<usize> = drawn.iter().map(|at| labels[*at]).collect();
        let predicted: Vec<usize> = drawn.iter().map(|at| said[*at]).collect();
        let matrix = ConfusionMatrix::new(ANSWERS.len(), &actual, &predicted).ok()?;
        // An answer that is never given has F1 0, as scikit-learn's.
        let f1 = (0..ANSWERS.len()).map(|class| matrix.rates(class).f1.unwrap_or(0.0));
        Some(f1.sum::<f64>() / ANSWERS.len() as f64)
    };
    let shown = |of: wilhelm_stats::BootstrapInterval| json!({ "value": of.estimate, "low": of.low, "high": of.high });
    let count = labels.len();
    let own = bootstrap_interval(count, replicates, level, seed, |drawn| Some(accuracy(said, drawn)))?;
    let f1 = bootstrap_interval(count, replicates, level, seed, |drawn| macro_f1(said, drawn))?;
    let less = paired_bootstrap(
        count,
        RESAMPLING,
        |drawn: &[usize]| Some(accuracy(said, drawn)),
        |drawn: &[usize]| Some(accuracy(majority, drawn)),
    )?;
    let matrix = ConfusionMatrix::new(ANSWERS.len(), labels, said)?;
    let recalls = (0..ANSWERS.len()).map(|class| matrix.rates(class).sensitivity);
    Ok(json!({
        "way": name,
        "accuracy": shown(own),
        "macro_f1": shown(f1),
        "accuracy_less_commonest": shown(less.difference),
        "recall": ANSWERS.iter().zip(recalls).map(|(answer, recall)| json!({ "answer": answer, "value": recall })).collect::<Vec<_>>(),
        "strengths": strengths,
    }))
}
