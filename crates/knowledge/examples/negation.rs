//! How well and how fast denials are found: `negation FILE`, a table of the NegEx test kit (report, concept, sentence,
//! `Negated` or `Affirmed`, between tabulators; Latin-1). Prints one line of JSON; with `--errors` what was taken wrong, with
//! `--verdicts` a line of 1 (denied) and 0 before it.
//!
//! `tools/bench/negation.py` runs it beside medspaCy.

#![expect(clippy::disallowed_methods, reason = "a program that reads a file and measures time")]

use std::io::Write;
use std::time::Instant;

use wilhelm_knowledge::ContextRules;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().ok_or("expected FILE")?;
    let show = arguments.iter().any(|argument| argument == "--errors");
    let text: String = std::fs::read(file)?.into_iter().map(char::from).collect();
    let rows: Vec<(String, String, bool)> = text
        .lines()
        .skip(1)
        .filter_map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [_, concept, sentence, truth, ..] => {
                let tidy = |text: &str| {
                    text.trim().trim_matches('"').split_whitespace().collect::<Vec<_>>().join(" ")
                };
                Some((tidy(concept).to_lowercase(), tidy(sentence), truth.trim() == "Negated"))
            }
            _ => None,
        })
        .collect();
    let rules = ContextRules::built_in();
    // Once to be counted, and again for the time.
    let denied = |(concept, sentence, _): &(String, String, bool)| {
        let start = sentence.to_ascii_lowercase().find(concept.as_str())?;
        Some(rules.read(sentence).meaning(start..start + concept.len()).ok()?.negated.is_some())
    };
    let (mut hits, mut false_alarms, mut missed, mut unaligned) = (0_u32, 0_u32, 0_u32, 0_u32);
    for row in &rows {
        let found = denied(row);
        unaligned += u32::from(found.is_none());
        match (row.2, found == Some(true)) {
            (true, true) => hits += 1,
            (false, true) => false_alarms += 1,
            (true, false) => missed += 1,
            (false, false) => continue,
        }
        if show && row.2 != (found == Some(true)) {
            eprintln!("{} [{}] {}", if row.2 { "missed" } else { "false" }, row.0, row.1);
        }
    }
    let mut seconds = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        let sum = rows.iter().filter(|row| denied(row) == Some(true)).count();
        seconds = seconds.min(start.elapsed().as_secs_f64());
        assert_eq!(sum, (hits + false_alarms) as usize);
    }
    if arguments.iter().any(|argument| argument == "--verdicts") {
        let verdicts = rows.iter().map(|row| if denied(row) == Some(true) { '1' } else { '0' });
        writeln!(std::io::stdout(), "{}", verdicts.collect::<String>())?;
    }
    let f1 = f64::from(2 * hits) / f64::from(2 * hits + false_alarms + missed);
    writeln!(
        std::io::stdout(),
        "{{\"rows\": {}, \"hits\": {hits}, \"false_alarms\": {false_alarms}, \"missed\": {missed}, \"unaligned\": {unaligned}, \
         \"f1\": {f1:.4}, \"rows_per_second\": {:.0}}}",
        rows.len(),
        rows.len() as f64 / seconds
    )?;
    Ok(())
}
