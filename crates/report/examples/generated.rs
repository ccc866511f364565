//! What the gate lets in of a report generator's texts, held against a classifier's findings on the same images.
//!
//! `cargo run --release -p wilhelm-report --example generated -- PREDICTIONS.csv NAME=validation.csv...`
//!
//! The predictions are those of `wilhelm predict --model chest-pneumonia`, each other table that of a generator of
//! `wilhelm train report` (columns `id`, `text`: the grammar's, `written`: the generator's), under a name. Images on which the
//! classifier abstained are left out. Prints JSON.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wilhelm_report::{GroundContext, example, ground, write};
use wilhelm_study::{Certainty, Modality, View};

/// What a sentence of the recipe's grammar is about, and what it says of pneumonia.
fn about(sentence: &str) -> (&'static str, Option<Certainty>) {
    match sentence {
        "No evidence of pneumonia."
        | "There is no sign of pneumonia."
        | "No pneumonia is identified."
        | "The lungs show no evidence of pneumonia." => ("the label", Some(Certainty::Absent)),
        "Findings consistent with pneumonia."
        | "The appearance is consistent with pneumonia."
        | "Pneumonia is present."
        | "There is pneumonia." => ("the label", Some(Certainty::Present)),
        "Single frontal view of the chest."
        | "Frontal chest radiograph of a child."
        | "One view of the chest was obtained." => ("the view", None),
        other if other.contains("brightness") || other.contains("icture") => ("the brightness", None),
        _ => ("no sentence of the grammar", None),
    }
}

/// The findings of a classifier's probability of pneumonia, as a report is written of them.
fn context(probability: f64) -> (Certainty, GroundContext) {
    let mut case = example::case(Modality::Dx, "chest", Some(View::Pa), "chest-pneumonia", false);
    let names = ["pneumonic infiltrate", "pneumonic consolidation"];
    case.findings = vec![example::finding("F1", "pneumonia", &names, probability, 0.0)];
    (case.findings[0].certainty, GroundContext::of(&write(&case)))
}

#[derive(Default)]
struct Count {
    good: usize,
    all: usize,
}

impl Count {
    fn count(&mut self, good: bool) {
        self.all += 1;
        self.good += usize::from(good);
    }

    /// With Wilson's 95 % interval, doi:10.1080/01621459.1927.10502953, rounded outward.
    fn json(&self) -> Value {
        let (n, z) = (self.all.max(1) as f64, 1.959_963_984_540_054_f64);
        let p = self.good as f64 / n;
        let center = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let low = ((center - half).max(0.0) * 1e4).floor() / 1e4;
        let high = ((center + half).min(1.0) * 1e4 - 1e-6).ceil() / 1e4;
        json!({ "good": self.good, "of": self.all, "low": low, "high": high })
    }
}

/// The counts of one column of texts.
#[derive(Default)]
struct Column {
    accepted: BTreeMap<&'static str, Count>,
    right: Count,
    wrong: Count,
    whole: Count,
    reasons: BTreeMap<String, usize>,
}

impl Column {
    fn read(&mut self, text: &str, class: Certainty, context: &GroundContext) {
        let mut all = true;
        for sentence in text.split_inclusive(". ").map(str::trim) {
            let (about, said) = about(sentence);
            let verdict = ground(sentence, context);
            all &= verdict.accepted;
            self.accepted.entry(about).or_default().count(verdict.accepted);
            match said {
                Some(said) if said == class => self.right.count(verdict.accepted),
                Some(_) => self.wrong.count(!verdict.accepted),
                None => {}
            }
            if !verdict.accepted {
                *self.reasons.entry(format!("{about}: {}", verdict.reason)).or_default() += 1;
            }
        }
        self.whole.count(all);
    }

    fn json(&self) -> Value {
        let accepted: BTreeMap<&str, Value> = self.accepted.iter().map(|(k, v)| (*k, v.json())).collect();
        let mut reasons: Vec<(&String, &usize)> = self.reasons.iter().collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), (*reason).clone()));
        json!({
            "sentences_accepted": accepted,
            "label_as_the_classifier_accepted": self.right.json(),
            "label_other_than_the_classifier_refused": self.wrong.json(),
            "texts_accepted_whole": self.whole.json(),
            "commonest_reasons": reasons.into_iter().take(6).collect::<Vec<_>>(),
        })
    }
}

fn rows(path: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    // Only the last column, why a model abstained, may hold commas.
    let rows = text.lines().map(|line| line.splitn(5, ',').map(str::to_owned).collect::<Vec<_>>());
    let rows: Vec<Vec<String>> = rows.collect();
    assert!(rows.iter().all(|row| row.len() == 5), "{path}: expected 5 columns");
    rows
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let predictions: BTreeMap<String, f64> = rows(&arguments[0])
        .iter()
        .skip(1)
        .filter(|row| row[4].is_empty())
        .map(|row| (row[0].rsplit('/').next().unwrap().to_owned(), row[2].parse().unwrap()))
        .collect();
    let mut systems = BTreeMap::new();
    let (mut images, mut classes) = (0, BTreeMap::new());
    for named in &arguments[1..] {
        let (name, path) = named.split_once('=').unwrap();
        let (mut own, mut written) = (Column::default(), Column::default());
        (images, classes) = (0, BTreeMap::new());
        for row in rows(path).iter().skip(1) {
            let Some(probability) = predictions.get(&row[0]) else { continue };
            images += 1;
            let (class, context) = context(*probability);
            *classes.entry(format!("{class:?}").to_lowercase()).or_insert(0) += 1;
            own.read(&row[3], class, &context);
            written.read(&row[4], class, &context);
        }
        systems.insert(format!("generator, seed {name}"), written.json());
        systems.insert("texts of the grammar".to_owned(), own.json());
    }
    let found = json!({
        "command": "generated PREDICTIONS.csv SEED=OUT/validation.csv... (examples of wilhelm-report)",
        "classifier": "chest-pneumonia",
        "images": images,
        "classes": classes,
        "interval": "Wilson, 95 %",
        "systems": systems,
    });
    println!("{}", serde_json::to_string_pretty(&found).unwrap());
}
