//! Recommendations of published rules in a report, and the gate before them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;

use wilhelm_report::guideline::{Decision, apply, guideline};
use wilhelm_report::{
    Case, Claim, GroundContext, Heading, HtmlImages, Issue, Moment, Subject, Voice, edition, example, fhir,
    ground, hl7, html, text, write,
};

fn decision(rule: &str, inputs: &[(&str, &str)]) -> Decision {
    let inputs: BTreeMap<String, String> =
        inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    apply(guideline(rule).unwrap(), &inputs).unwrap()
}

const ADULT: [(&str, &str); 4] =
    [("age", "61 years"), ("known_cancer", "no"), ("immunosuppressed", "no"), ("screening", "no")];

fn nodule(diameter: &str, more: &[(&str, &str)]) -> Case {
    let mut inputs = ADULT.to_vec();
    inputs.extend([("number", "single"), ("density", "solid"), ("mean_diameter", diameter)]);
    inputs.extend(more);
    Case { decisions: vec![decision("fleischner-2017", &inputs)], ..example::chest_ct() }
}

#[test]
fn a_recommendation_carries_its_rule_version_branch_and_citation() {
    let report = write(&nodule("7 mm", &[("risk", "low")]));
    report.check().unwrap();
    let (_, sentence) = report.sentences().find(|(h, _)| *h == Heading::Recommendation).unwrap();
    let Claim::Recommendation { rule, applied: Some(applied) } = &sentence.claim else {
        panic!("{:?}", sentence.claim)
    };
    assert_eq!(rule, "fleischner-2017");
    assert_eq!((applied.version.as_str(), applied.branch.as_str()), ("2017.1", "solid-single-6-to-8-low"));
    assert!(applied.citation.ends_with("doi:10.1148/radiol.2017161659"), "{}", applied.citation);
    assert_eq!(sentence.bears[0].0, "G1");
    let category = report.sentences().find(|(_, s)| matches!(s.claim, Claim::Category { .. })).unwrap();
    assert_eq!(category.0, Heading::Impression);
    let shown = text(&report);
    assert!(shown.contains("Follow-up CT at 6 to 12 months is recommended"), "{shown}");
    assert!(report.evidence.iter().any(|e| e.summary.contains("mean_diameter 7 mm")), "{shown}");
    assert!(html(&report, &wilhelm_report::HtmlImages::default()).contains("10.1148/radiol.2017161659"));
    let back: wilhelm_report::Report =
        serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(back, report);
}

#[test]
fn a_rule_that_cannot_be_decided_recommends_nothing_and_says_what_it_lacks() {
    let report = write(&nodule("7 mm", &[]));
    report.check().unwrap();
    assert!(
        !report.sentences().any(|(_, s)| matches!(&s.claim, Claim::Recommendation { applied: Some(_), .. }))
    );
    let said = "Rule fleischner-2017 2017.1 cannot be decided without risk.";
    assert!(
        report.sentences().any(|(h, s)| h == Heading::Limitations && s.text == said),
        "{}",
        text(&report)
    );
}

#[test]
fn what_was_measured_for_a_rule_stands_in_the_findings_and_in_every_form() {
    let report = write(&example::measured_nodule());
    report.check().unwrap();
    let said = "Measured on label 3 (nodule), plane 12, mask SHA-256 0123456789abcdef: long axis 8.0 mm (7.6 to 8.4 mm), short \
                axis 6.0 mm (5.6 to 6.4 mm).";
    let (heading, sentence) =
        report.sentences().find(|(_, s)| matches!(s.claim, Claim::Measurement { .. })).unwrap();
    assert_eq!((heading, sentence.text.as_str()), (Heading::Findings, said));
    assert_eq!(sentence.bears.iter().map(|id| id.0.as_str()).collect::<Vec<_>>(), ["N1", "N2"]);
    assert!(ground(said, &GroundContext::of(&report)).accepted);
    assert!(!ground(&said.replace("8.0", "9.0"), &GroundContext::of(&report)).accepted);
    for voice in Voice::ALL {
        let edition = edition(&report, voice);
        edition.check(&report).unwrap();
        let mut lines = edition.sections.iter().flat_map(|section| &section.lines);
        let line = lines.find(|line| matches!(line.claim, Claim::Measurement { .. })).unwrap();
        assert!(line.text.contains("8.0 mm") && line.text.contains("6.4 mm"), "{}", line.text);
    }
    let page = html(&report, &HtmlImages::default());
    assert!(page.contains("What was measured") && page.contains("7.6 to 8.4 mm"));

    let at = Moment::parse("2026-11-26T22:05:00+01:00").unwrap();
    let issue = Issue { subject: Subject::default(), at, program_version: "0.1.0".to_owned() };
    let bundle = fhir::bundle(&report, &issue, None);
    let value: serde_json::Value = serde_json::from_str(&bundle).unwrap();
    let quantities: Vec<f64> = value["entry"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["resource"]["valueQuantity"]["value"].as_f64())
        .collect();
    assert_eq!(quantities, [8.04, 6.0]);
    let results = value["entry"][0]["resource"]["result"].as_array().unwrap().len();
    assert_eq!(results, report.findings.len() + 2);
    let back = fhir::read(&bundle).unwrap();
    assert_eq!((back.findings.len(), back.measured), (report.findings.len(), report.measured.clone()));
    let message = hl7::message(&report, &issue, &hl7::Parties::default());
    let expected = "|NM|LONG_AXIS^long axis^99WILHELM^MEASURED^^99WILHELM|N1|8.0|mm^^UCUM|7.6-8.4|";
    assert!(message.contains(expected), "{message}");
    let back = hl7::read(&message).unwrap().said;
    assert_eq!((back.findings.len(), back.measured.len()), (report.findings.len(), 2));
}

/// Sentences before the gate of a report that applied a rule: what has to be refused with which words, or accepted.
fn check(case: &Case, lines: &[(&str, Result<(), &str>)]) {
    let report = write(case);
    let context = GroundContext::of(&report);
    for (line, expected) in lines {
        let verdict = ground(line, &context);
        match expected {
            Ok(()) => {
                assert!(verdict.accepted, "{line}: {}", verdict.reason);
                let claim = verdict.claim.unwrap();
                assert!(
                    matches!(&claim, Claim::Recommendation { applied: Some(_), .. }),
                    "{line}: {claim:?}"
                );
            }
            Err(words) => {
                assert!(!verdict.accepted, "{line} was let in: {}", verdict.reason);
                assert!(verdict.reason.contains(words), "{line}: {}", verdict.reason);
            }
        }
    }
}

#[test]
fn advice_that_contradicts_the_rule_is_refused_by_name() {
    let of = "rule fleischner-2017 (branch solid-single-6-to-8-low)";
    check(
        &nodule("7 mm", &[("risk", "low")]),
        &[
            (
                "Follow-up CT at 6 to 12 months is recommended; a further CT at 18 to 24 months may be considered.",
                Ok(()),
            ),
            ("CT in 6-12 months is recommended; consider CT at 18 to 24 months.", Ok(())),
            (
                "Follow-up CT after 6 to 12 months is advised, and CT after 18 to 24 months can be considered.",
                Ok(()),
            ),
            ("No follow-up is needed.", Err(of)),
            ("No routine follow-up of the nodule is needed.", Err("not needed, where rule fleischner-2017")),
            ("Follow-up is not recommended.", Err(of)),
            (
                "Follow-up CT at 3 months is recommended; consider CT at 18 to 24 months.",
                Err("says 3 months"),
            ),
            (
                "Follow-up CT at 6 to 12 weeks is recommended; consider CT at 18 to 24 months.",
                Err("months, where"),
            ),
            ("Follow-up CT at 12 months is recommended.", Err("says 12 months")),
            (
                "Follow-up MRI at 6 to 12 months is recommended; consider CT at 18 to 24 months.",
                Err("says MR"),
            ),
            ("Follow-up low-dose CT at 6 to 12 months is recommended.", Err("says low-dose CT")),
            ("Follow-up CT at 6 to 12 months is recommended.", Err("drops CT at 18 to 24 months")),
            ("Follow-up CT is recommended.", Err("drops the time")),
            ("Biopsy is recommended.", Err("adds sampling")),
            ("PET/CT or biopsy should be considered.", Err("says PET/CT")),
            ("Consider CT at 6 to 12 months, then CT at 18 to 24 months.", Err("leaves to judgment")),
            ("Follow-up CT at 6 to 12 months is recommended, then at 18 to 24 months.", Err("states as due")),
            (
                "Follow-up CT at 6 to 12 months is recommended; consider CT at 18 to 24 months if the patient smokes.",
                Err("\"if\""),
            ),
        ],
    );
}

#[test]
fn follow_up_where_none_is_due_is_refused() {
    check(
        &nodule("5 mm", &[("risk", "low")]),
        &[
            ("No routine follow-up of the nodule is needed.", Ok(())),
            ("No follow-up is recommended.", Ok(())),
            ("Follow-up imaging is not needed.", Ok(())),
            ("Follow-up CT at 12 months is recommended.", Err("no follow-up is needed")),
            ("No follow-up is needed for 12 months.", Err("says something else")),
            ("No biopsy is needed.", Err("says something else")),
        ],
    );
}

#[test]
fn choices_left_open_are_neither_narrowed_nor_made_firm() {
    check(
        &nodule("9 mm", &[]),
        &[
            ("CT at 3 months, PET/CT or tissue sampling should be considered.", Ok(())),
            ("Consider CT in 3 months, PET-CT or biopsy.", Ok(())),
            ("CT at 3 months should be considered.", Err("drops PET/CT")),
            ("PET/CT at 3 months, CT or biopsy should be considered.", Err("joins means and time otherwise")),
            ("CT at 3 months, PET/CT or tissue sampling is recommended.", Err("leaves to judgment")),
        ],
    );
}

#[test]
fn without_a_rule_advice_is_refused_as_before() {
    let report = write(&example::chest_ct());
    let context = GroundContext::of(&report);
    for line in [
        "Follow-up CT at 6 to 12 months is recommended.",
        "Biopsy is recommended.",
        "No follow-up is needed.",
    ] {
        assert!(!ground(line, &context).accepted, "{line}");
    }
    assert!(ground("Clinical correlation is advised.", &context).accepted);
}

#[test]
fn every_recommendation_of_every_rule_stands_before_its_own_gate() {
    let mut read = (0, 0);
    for rule in wilhelm_report::guideline::guidelines() {
        for branch in &rule.branches {
            let Some(recommendation) = &branch.recommendation else { continue };
            let decision = Decision {
                rule: rule.id.clone(),
                version: rule.version.clone(),
                citation: rule.citation(),
                inputs: BTreeMap::new(),
                values: BTreeMap::new(),
                outcome: wilhelm_report::guideline::Outcome::Decided {
                    branch: branch.id.clone(),
                    category: branch.category.clone(),
                    rank: branch.rank,
                    recommendation: branch.recommendation.clone(),
                    next: branch.next.clone(),
                },
                measured: Vec::new(),
                within_range: Vec::new(),
            };
            let report = write(&Case { decisions: vec![decision], ..example::chest_ct() });
            report.check().unwrap();
            let context = GroundContext::of(&report);
            assert!(ground(recommendation, &context).accepted, "{}: {recommendation}", rule.id);
            let none = "No follow-up is needed.";
            let due = !branch.next.iter().any(|s| s.act == wilhelm_report::guideline::Act::NoFollowUp);
            assert_eq!(ground(none, &context).accepted, !due, "{} {}", rule.id, branch.id);
            // Another interval, wherever the sentence states months.
            for (from, to) in [(" 3 ", " 9 "), (" 6 ", " 4 "), (" 12 ", " 30 "), (" 18 ", " 20 ")] {
                let other = recommendation.replacen(from, to, 1);
                if other != *recommendation {
                    read.0 += 1;
                    read.1 += usize::from(!ground(&other, &context).accepted);
                }
            }
        }
    }
    println!("intervals changed: {} of {} refused", read.1, read.0);
    assert!(read.0 > 40 && read.0 == read.1, "{read:?}");
}
