//! Recorded answers of language models to MIRAGE's questions: their letters give the accuracies that were published with
//! them, and are read alike here. The collection is not in the project; where it is not beside the checkout, the test says so and ends.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wilhelm_knowledge::ask::choice;

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mirage_qa");
    folder.join("recorded_llm_outputs.jsonl.gz").is_file().then_some(folder)
}

fn lines(path: &Path) -> Vec<Value> {
    let bytes = std::fs::read(path).expect("readable");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("packed text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn recorded_answers_replay_to_the_published_accuracies() {
    let Some(folder) = folder() else {
        println!("skipped: MIRAGE's recorded answers (shared/data/mirage_qa) are not here");
        return;
    };
    let of = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let right: BTreeMap<(String, String), String> = lines(&folder.join("mirage_questions.jsonl.gz"))
        .iter()
        .map(|one| ((of(one, "set"), of(one, "id")), of(one, "answer")))
        .collect();
    let (mut alike, mut all) = (0, 0);
    let mut counts: BTreeMap<[String; 3], (u32, u32)> = BTreeMap::new();
    for one in lines(&folder.join("recorded_llm_outputs.jsonl.gz")) {
        let key = ["set", "mode", "model"].map(|key| of(&one, key));
        let answer = right.get(&(of(&one, "set"), of(&one, "id"))).expect("its question");
        let count = counts.entry(key).or_default();
        count.0 += 1;
        count.1 += u32::from(of(&one, "parsed") == *answer);
        // Nothing that was named is written as NA there.
        let named = choice(&of(&one, "output")).map_or_else(|| "NA".to_owned(), String::from);
        alike += u32::from(named == of(&one, "parsed"));
        all += 1;
    }
    let table = std::fs::read_to_string(folder.join("recorded_llm_accuracy.csv")).expect("readable");
    let mut compared = 0;
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let key = [cells[0], cells[1], cells[2]].map(str::to_owned);
        // Answers to MedMCQA are not in the collection.
        let Some((asked, correct)) = counts.get(&key) else { continue };
        let found = 100.0 * f64::from(*correct) / f64::from(*asked);
        assert_eq!(asked.to_string(), cells[3], "{key:?}");
        assert_eq!(
            format!("{:.2}", found),
            format!("{:.2}", cells[4].parse::<f64>().expect("a number")),
            "{key:?}"
        );
        println!("{key:?}: {correct} of {asked}, {found:.2} %");
        compared += 1;
    }
    assert_eq!(compared, 16);
    // The other ten: "N/A" was read as A there, and letters out of the midst of an answer that was cut.
    println!("the letter is read alike in {alike} of {all} answers");
    assert_eq!((alike, all), (13_910, 13_920));
}
