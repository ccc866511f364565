use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::{Entry, Part, entry, span};

/// The sentences of a `report.json`: what it found goes to the results, its impression to the assessment, what it
/// recommends to the plan. What it quotes and says of itself stays there.
pub(super) fn entries(
    report: &Value,
    places: &BTreeMap<String, Range<usize>>,
    text: &str,
    source: usize,
) -> Vec<Entry> {
    let mut found = Vec::new();
    for (number, section) in report["sections"].as_array().into_iter().flatten().enumerate() {
        let part = match section["heading"].as_str() {
            Some("findings") => Part::Results,
            Some("impression") => Part::Assessment,
            Some("recommendation") => Part::Plan,
            _ => continue,
        };
        for (index, sentence) in section["sentences"].as_array().into_iter().flatten().enumerate() {
            let pointer = format!("/sections/{number}/sentences/{index}/text");
            let (Some(words), Some(bytes)) = (sentence["text"].as_str(), places.get(&pointer)) else {
                continue;
            };
            if words.trim().is_empty() {
                continue;
            }
            let spans = vec![span(source, text, bytes.clone(), Some(pointer))];
            found.push(entry(words.trim().to_owned(), part, spans, None));
        }
    }
    found
}
