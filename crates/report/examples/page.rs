//! Prints the page of a made-up case: `cargo run -p wilhelm-report --example page -- abdomen`
//! (also `pneumonia`, `breast`, `brain`, `chest-ct`, `unread`); `--text` as second argument prints
//! the terminal's text.
#![allow(clippy::print_stdout)]

use wilhelm_report::{HtmlImages, example, html, text, write};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let case = match arguments.next().as_deref() {
        Some("abdomen") => example::abdomen(),
        Some("breast") => example::breast(0.2, 0.75),
        Some("brain") => example::brain(0.03, 0.94, 0.01),
        Some("chest-ct") => example::chest_ct(),
        Some("unread") => example::unread(),
        _ => example::pneumonia(0.87),
    };
    let mut report = write(&case);
    // What a language model might propose for the first sentence about findings.
    let first = report.sentences().find(|(_, s)| s.may_be_rephrased()).map(|(_, s)| s.id.clone());
    if let Some(id) = first {
        for proposal in ["Severe pneumonia of the left lower lobe.", "There is definitely no disease."] {
            // The sentence exists and is about findings, so there is nothing to report here.
            let _ = report.rephrase(&id, proposal, "example");
        }
    }
    if arguments.next().as_deref() == Some("--text") {
        print!("{}", text(&report));
    } else {
        print!("{}", html(&report, &HtmlImages::default()));
    }
}
