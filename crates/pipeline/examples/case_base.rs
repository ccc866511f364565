//! Whether examples out of signed reports help the small model: sentences that the gate lets in, with and without.
//!
//! `cargo run --release -p wilhelm-pipeline --example case_base -- MODEL.gguf DEVELOPMENT.txt CASES.txt [THREADS]`
//!
//! The case base is made of the hand-written paraphrases of `crates/report/tests/gate/development.txt`, each put into a report of
//! its case by an amendment as `wilhelm report amend` does it; the model rewords the reports of `small-model/cases.txt` in its own
//! words. Reports whose sentences all stand in the base are counted apart. Prints JSON.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../../report/tests/gate/cases.rs"]
#[allow(dead_code, reason = "shared with the tests of wilhelm-report")]
mod cases;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;
use wilhelm_llm::{LoadSettings, LocalModel};
use wilhelm_pipeline::{CaseBase, DraftSettings, Freedom, Rephraser, Version, draft};
use wilhelm_report::{Edit, Heading, Moment, Report, Signer, State, amend, sign, write};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let (reports, known) = signed(&read(&arguments[1]));
    let base = CaseBase::of(&reports);
    let threads = arguments.get(3).map_or(2, |text| text.parse().unwrap());
    let model = LocalModel::load(&PathBuf::from(&arguments[0]), None, &LoadSettings::new(threads)).unwrap();
    let settings = DraftSettings { wording: Freedom::Free, candidates: 1, temperature: 0.5 };
    let mut found = Vec::new();
    for most in [0, 1, 3] {
        let (mut asked, mut accepted, mut struck, mut failed) = ([0; 2], [0; 2], [0; 2], [0; 2]);
        for name in read(&arguments[2]).lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut report = write(&cases::named(name));
            let new = report.sentences().any(|(_, s)| s.may_be_rephrased() && !known.contains(&s.text));
            let group = usize::from(new);
            let examples = (most > 0).then_some((&base, most));
            let rephraser = Rephraser { model: &model, sha256: None, seed: 1, examples };
            let (used, failures) = draft(&mut report, &rephraser, settings, &mut |_, _| true).unwrap();
            asked[group] += used.asked;
            accepted[group] += used.accepted;
            struck[group] += used.struck;
            failed[group] += failures.len();
        }
        for (group, words) in ["all sentences in the case base", "others"].into_iter().enumerate() {
            found.push(json!({
                "examples": most, "reports": words, "asked": asked[group], "accepted": accepted[group],
                "struck": struck[group], "failed": failed[group],
            }));
        }
    }
    let found = json!({ "model": "SmolLM2-135M-Instruct Q4_1", "wordings_in_the_case_base": base.len(), "runs": found });
    println!("{}", serde_json::to_string_pretty(&found).unwrap());
}

/// Reports whose sentences were amended to the paraphrases, and the sentences that were there before.
fn signed(paraphrases: &str) -> (Vec<Vec<Version>>, BTreeSet<String>) {
    let at = Moment::parse("2026-11-27T03:00:00Z").unwrap();
    let signer = Signer { by: "Doe^Jane".to_owned(), organization: None, at };
    let (mut reports, mut known) = (Vec::new(), BTreeSet::new());
    let mut block: Option<(Report, String)> = None;
    for line in paraphrases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(head) = line.strip_prefix("# ") {
            let [case, section, findings] = head.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
                panic!("{head}")
            };
            let report = write(&cases::named(case));
            let heading = if section == "findings" { Heading::Findings } else { Heading::Impression };
            let wanted: BTreeSet<&str> = findings.split(',').map(str::trim).collect();
            let sentence = report.sentences().find(|(at, s)| {
                let of: BTreeSet<&str> = s.findings.iter().map(|id| id.0.as_str()).collect();
                *at == heading && s.may_be_rephrased() && of == wanted
            });
            block = sentence.map(|(_, s)| s.id.clone()).map(|id| (report.clone(), id));
            continue;
        }
        let Some((report, id)) = &block else { continue };
        let draft = Version::first(report.clone());
        let last = sign(&draft.report, State::Final, &signer).unwrap();
        let last = draft.next(&draft.to_bytes(), last);
        let edits = [Edit::Replace { sentence: id.clone(), text: line.to_owned() }];
        let amended = amend(&last.report, &edits, &signer, "wording").unwrap();
        let amended = last.next(&last.to_bytes(), amended);
        known.extend(report.sentences().filter(|(_, s)| s.may_be_rephrased()).map(|(_, s)| s.text.clone()));
        reports.push(vec![draft, last, amended]);
    }
    (reports, known)
}
