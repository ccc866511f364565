//! Prints the page of a made-up case: `cargo run -p wilhelm-report --example page -- abdomen`
//! (also `pneumonia`, `breast`, `brain`, `chest-ct`, `unread`). `--text` prints the terminal's text;
//! `--struck` first proposes some other words, as a language model might.
#![allow(clippy::print_stdout)]

use wilhelm_report::{HtmlImages, example, html, text, write};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let case = match arguments.first().map(String::as_str) {
        Some("abdomen") => example::abdomen(),
        Some("breast") => example::breast(0.2, 0.75),
        Some("brain") => example::brain(0.03, 0.94, 0.01),
        Some("chest-ct") => example::chest_ct(),
        Some("unread") => example::unread(),
        _ => example::pneumonia(0.87),
    };
    let mut report = write(&case);
    if asked("--struck") {
        let sentences: Vec<String> =
            report.sentences().filter(|(_, s)| s.may_be_rephrased()).map(|(_, s)| s.id.clone()).collect();
        let proposals = ["Severe pneumonia of the left lower lobe.", "No pneumonia.", "Pneumonia is likely."];
        for id in &sentences {
            for proposal in proposals {
                // The sentence exists and is about findings, so there is nothing to report here.
                let _ = report.rephrase(id, proposal, "example");
            }
        }
    }
    if asked("--text") {
        print!("{}", text(&report));
    } else {
        print!("{}", html(&report, &HtmlImages::default()));
    }
}
