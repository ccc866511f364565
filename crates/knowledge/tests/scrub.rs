//! How much of what identifies is found in made-up notes whose values nobody who wrote the rules chose.
#![allow(clippy::print_stdout, reason = "the figures are printed")]

use std::collections::BTreeMap;
use std::ops::Range;

use wilhelm_knowledge::{KnownValues, Removed, scrub};

/// A marked line: the text, and each value with its kind and place.
fn unmarked(line: &str) -> (String, Vec<(String, Range<usize>)>) {
    let (mut text, mut values) = (String::new(), Vec::new());
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("{{") {
        text.push_str(before);
        let (marked, after) = behind.split_once("}}").expect("marks are closed");
        let (kind, value) = marked.split_once('|').expect("a kind before the value");
        values.push((kind.to_owned(), text.len()..text.len() + value.len()));
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    (text, values)
}

const MARKED: &str = include_str!("../../../testdata/scrub/marked.txt");
const MARKED_SECOND: &str = include_str!("../../../testdata/scrub/marked_second.txt");
const CLEAN: &str = include_str!("../../../testdata/scrub/clean.txt");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether a letter or digit of the value is still there.
fn survives(text: &str, value: &Range<usize>, removed: &[Removed]) -> bool {
    text[value.clone()].char_indices().any(|(at, character)| {
        let place = value.start + at;
        character.is_alphanumeric() && !removed.iter().any(|passage| passage.at.contains(&place))
    })
}

/// Values that are gone and all values, for each kind.
fn recall(name: &str, text: &str, known: bool) -> BTreeMap<String, (usize, usize)> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in lines(text) {
        let (text, values) = unmarked(line);
        let mut values_known = KnownValues::default();
        for (kind, at) in values.iter().filter(|_| known) {
            let value = &text[at.clone()];
            values_known = match kind.as_str() {
                "name" => values_known.with_name(value),
                "number" => values_known.with_value(value),
                _ => values_known,
            };
        }
        let scrubbed = scrub(&text, &values_known);
        for (kind, at) in values {
            let missed = survives(&text, &at, &scrubbed.removed);
            if missed && std::env::var_os("WILHELM_SHOW_MISSED").is_some() {
                println!("{kind}\t{}\t{}", &text[at.clone()], scrubbed.text);
            }
            let count = counts.entry(kind).or_default();
            count.0 += usize::from(!missed);
            count.1 += 1;
        }
    }
    println!("{name}, values known: {known}: {counts:?}");
    counts
}

#[test]
fn what_identifies_is_found_in_notes_with_values_that_faker_drew() {
    for (name, text) in [("marked", MARKED), ("marked_second", MARKED_SECOND)] {
        let unknown = recall(name, text, false);
        for (kind, floor) in FLOORS {
            let (found, all) = unknown[kind];
            assert!(found as f64 >= floor * all as f64, "{name}, {kind}: {found} of {all}");
        }
        let known = recall(name, text, true);
        for kind in ["name", "number"] {
            assert_eq!(known[kind].0, known[kind].1, "what is known is always found: {kind}");
        }
    }
}

/// The least share of each kind; the figures themselves are printed and stand in `docs/llm.md`.
const FLOORS: [(&str, f64); 7] = [
    ("name", 0.98),
    ("date", 1.0),
    ("phone", 1.0),
    ("number", 1.0),
    ("link", 1.0),
    ("address", 1.0),
    ("age", 1.0),
];

#[test]
fn clinical_sentences_without_a_person_stay_as_they_are() {
    let changed: Vec<String> = lines(CLEAN)
        .map(|line| (line, scrub(line, &KnownValues::default()).text))
        .filter(|(line, clean)| line != clean)
        .map(|(line, clean)| format!("{line} -> {clean}"))
        .collect();
    assert!(changed.is_empty(), "{changed:#?}");
    assert!(lines(CLEAN).count() >= 50);
}
