//! Prints the editions of the made-up cases: `cargo run -p wilhelm-report --example editions [en-patient | zh-clinician |
//! zh-patient | words] [html]`. With `html`, one of them as a page. With `words`, the words of the patients' English edition, one a line, for
//! `tools/golden/report_reading.py`.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::collections::BTreeSet;

use wilhelm_report::{Edition, HtmlImages, Voice, edition, edition_html, edition_text, example, write};

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "en-patient".to_owned());
    let voice = |voice: &Voice| format!("{}-{}", voice.language.tag(), voice.audience.tag()) == wanted;
    let cases = example::all();
    let reports = cases.iter().map(write);
    if let Some(voice) = Voice::ALL.into_iter().find(voice) {
        if std::env::args().nth(2).as_deref() == Some("html") {
            let report = write(&example::follow_up(17.0));
            println!("{}", edition_html(&edition(&report, voice), &report, &HtmlImages::default()));
            return;
        }
        for report in reports {
            println!("{}\n", edition_text(&edition(&report, voice)));
        }
        return;
    }
    let editions: Vec<Edition> = reports.map(|report| edition(&report, Voice::ALL[1])).collect();
    let lines = editions.iter().flat_map(|edition| {
        edition
            .sections
            .iter()
            .flat_map(|section| section.lines.iter().map(|line| &line.text))
            .chain(&edition.words)
    });
    let words: BTreeSet<String> = lines
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphabetic()))
        .filter(|word| word.len() > 1)
        .map(str::to_lowercase)
        .collect();
    for word in words {
        println!("{word}");
    }
}
