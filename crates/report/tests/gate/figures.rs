use std::fmt::Write as _;

use crate::{chinese, hand, mutants, rules};

/// The table of `docs/gate.md`.
pub fn table() -> String {
    let mut text = String::from("| suite | as it should be |\n|---|---|\n");
    let mut row = |name: &str, words: String| {
        let _ = writeln!(text, "| {name} | {words} |");
    };
    let mutants = mutants::tallies();
    for tally in mutants {
        row(&format!("mutants refused: {}", tally.name), tally.words());
    }
    let mut all = crate::Tally::new("all");
    all.good = mutants.iter().map(|t| t.good).sum();
    all.all = mutants.iter().map(|t| t.all).sum();
    row("mutants refused: all kinds", all.words());
    row("hand-written wrong sentences refused", hand::adversarial("adversarial.txt").words());
    row("hand-written paraphrases accepted: development", hand::paraphrases("development.txt").words());
    row("hand-written paraphrases accepted: held out", hand::paraphrases("heldout.txt").words());
    row("hand-written paraphrases accepted: second held out", hand::paraphrases("fresh.txt").words());
    row("hand-written paraphrases accepted: third held out", hand::paraphrases("third.txt").words());
    row("paraphrases by rule accepted", rules::tally().words());
    for (name, file) in [("development", "zh/adversarial.txt"), ("held out", "zh/adversarial-heldout.txt")] {
        row(
            &format!("Chinese hand-written wrong sentences refused: {name}"),
            hand::adversarial(file).words(),
        );
    }
    for (name, file) in [("development", "zh/development.txt"), ("held out", "zh/heldout.txt")] {
        row(&format!("Chinese hand-written paraphrases accepted: {name}"), hand::paraphrases(file).words());
    }
    row("Chinese paraphrases by rule accepted", chinese::by_rule().words());
    text
}
