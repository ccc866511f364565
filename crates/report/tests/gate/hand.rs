use std::collections::BTreeSet;

use wilhelm_report::{GroundContext, Heading, Report, Sentence, ground, same_meaning, write};
use wilhelm_study::FindingId;

use crate::{Tally, cases};

fn lines(file: &str) -> String {
    let path = format!("{}/tests/gate/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// The sentence of a section that speaks of exactly these findings.
fn original<'a>(report: &'a Report, section: &str, findings: &str) -> Option<&'a Sentence> {
    let wanted: BTreeSet<FindingId> = findings.split(',').map(|id| FindingId(id.trim().to_owned())).collect();
    let heading = match section {
        "findings" => Heading::Findings,
        "impression" => Heading::Impression,
        _ => return None,
    };
    report
        .sentences()
        .filter(|(h, s)| *h == heading && s.may_be_rephrased())
        .map(|(_, s)| s)
        .find(|s| s.findings.iter().cloned().collect::<BTreeSet<_>>() == wanted)
}

/// Paraphrases by hand: each must be grounded in the report, and mean the same as its sentence.
pub fn paraphrases(file: &str) -> Tally {
    let mut tally = Tally::new(file);
    let mut block: Option<(Report, String, String)> = None;
    for line in lines(file).lines().filter(|line| !line.trim().is_empty()) {
        if let Some(head) = line.strip_prefix("# ") {
            let parts: Vec<&str> = head.split('|').map(str::trim).collect();
            block = Some((write(&cases::named(parts[0])), parts[1].to_owned(), parts[2].to_owned()));
            continue;
        }
        let (report, section, findings) = block.as_ref().unwrap();
        let context = GroundContext::of(report);
        let verdict = ground(line, &context);
        if section == "any" {
            tally.count(verdict.accepted, || format!("{line} -> {}", verdict.reason));
            continue;
        }
        let original = original(report, section, findings);
        let original =
            original.unwrap_or_else(|| panic!("no sentence in {section} on {findings} for: {line}"));
        let same = same_meaning(&original.claim, line, &context);
        tally.count(verdict.accepted && same.accepted, || {
            format!("{line} -> ground: {}; same: {} [{}]", verdict.reason, same.reason, original.text)
        });
    }
    tally
}

/// Wrong sentences by hand: none may be grounded, none may replace any sentence of the report.
pub fn adversarial(file: &str) -> Tally {
    let mut tally = Tally::new(file);
    let mut report: Option<Report> = None;
    for line in lines(file).lines().filter(|line| !line.trim().is_empty()) {
        if let Some(head) = line.strip_prefix("# ") {
            report = Some(write(&cases::named(head.trim())));
            continue;
        }
        let report = report.as_ref().unwrap();
        let context = GroundContext::of(report);
        let grounded = ground(line, &context).accepted;
        let replaced = report
            .sentences()
            .filter(|(_, s)| s.may_be_rephrased())
            .find(|(_, s)| same_meaning(&s.claim, line, &context).accepted);
        tally.count(!grounded && replaced.is_none(), || {
            format!("{line} -> grounded {grounded}, replaced {:?}", replaced.map(|(_, s)| &s.text))
        });
    }
    tally
}
