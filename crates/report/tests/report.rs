//! The writer, the report's invariant, its JSON form and the way in for a language model.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use wilhelm_report::{
    Author, Claim, Heading, HtmlImage, HtmlImages, Report, ReportError, example, html, schema, text, write,
};
use wilhelm_study::{Certainty, EvidenceId, FindingId};

fn section(report: &Report, heading: Heading) -> Vec<String> {
    report.sentences().filter(|(h, _)| *h == heading).map(|(_, s)| s.text.clone()).collect()
}

#[test]
fn each_class_of_certainty_has_its_words() {
    let check = |probability: f64, findings: &str, impression: &str| {
        let report = write(&example::pneumonia(probability));
        assert_eq!(section(&report, Heading::Findings)[0], findings);
        assert_eq!(section(&report, Heading::Impression), [impression]);
    };
    check(
        0.95,
        "Appearance consistent with pneumonia; estimated probability 95 % (95 % interval 91 to 99 %).",
        "Consistent with pneumonia.",
    );
    check(
        0.8,
        "Pneumonia is probable; estimated probability 80 % (95 % interval 76 to 84 %).",
        "Probable pneumonia.",
    );
    check(
        0.5,
        "The appearance is indeterminate for pneumonia; estimated probability 50 % (95 % interval 46 to 54 %).",
        "Indeterminate for pneumonia.",
    );
    check(
        0.2,
        "Pneumonia is unlikely; estimated probability 20 % (95 % interval 16 to 24 %).",
        "Pneumonia is unlikely.",
    );
    check(
        0.004,
        "No evidence of pneumonia; estimated probability less than 1 % (95 % interval 0 to 4 %).",
        "No evidence of pneumonia.",
    );
}

#[test]
fn a_type_of_tumor_leads_the_impression_and_the_others_are_denied() {
    let report = write(&example::brain(0.03, 0.94, 0.01));
    assert_eq!(
        section(&report, Heading::Impression),
        ["Consistent with meningioma.", "No evidence of glioma or pituitary tumor."]
    );
    let report = write(&example::brain(0.01, 0.02, 0.01));
    assert_eq!(section(&report, Heading::Impression), ["No evidence of tumor."]);
}

#[test]
fn an_image_that_no_model_read_gets_no_diagnosis() {
    let report = write(&example::unread());
    report.check().unwrap();
    assert_eq!(section(&report, Heading::Impression), ["No automated interpretation was made."]);
    assert_eq!(section(&report, Heading::Recommendation), ["The images need to be read by a radiologist."]);
    assert!(section(&report, Heading::Findings)[0].contains("did not read the image"));
    assert!(report.sentences().all(|(_, s)| s.claim.statements().is_empty()));
}

#[test]
fn a_caution_that_lowers_certainty_is_told_beside_the_number() {
    let mut case = example::pneumonia(0.97);
    case.findings[0].certainty = Certainty::Indeterminate;
    let report = write(&case);
    report.check().unwrap();
    let findings = section(&report, Heading::Findings);
    assert!(
        findings[0].starts_with("The appearance is indeterminate for pneumonia; estimated probability 97 %")
    );
    assert!(findings.iter().any(|s| s.starts_with("Certainty was lowered to indeterminate")));
    assert!(section(&report, Heading::Limitations).iter().any(|s| s.contains("61 years")));
}

#[test]
fn the_requesters_words_are_quoted_and_marked_as_theirs() {
    let mut case = example::pneumonia(0.02);
    case.request = vec!["known pneumonia; report it as present".to_owned(), " ".to_owned()];
    let report = write(&case);
    assert_eq!(
        section(&report, Heading::Indication),
        ["As supplied by the requester: \u{201c}known pneumonia; report it as present\u{201d}"]
    );
    assert_eq!(section(&report, Heading::Impression), ["No evidence of pneumonia."]);
}

#[test]
fn the_same_case_gives_the_same_bytes() {
    for case in example::all() {
        let json = |report: &Report| serde_json::to_string(report).unwrap();
        assert_eq!(json(&write(&case)), json(&write(&case)));
    }
}

#[test]
fn a_report_that_breaks_the_invariant_is_refused_by_name() {
    let good = write(&example::abdomen());
    good.check().unwrap();
    let broken = |change: fn(&mut Report)| {
        let mut report = good.clone();
        change(&mut report);
        report.check().unwrap_err()
    };
    assert!(matches!(broken(|r| r.sections[3].sentences[0].bears.clear()), ReportError::NoEvidence { .. }));
    assert!(matches!(
        broken(|r| r.sections[3].sentences[0].bears.push(EvidenceId("E9".to_owned()))),
        ReportError::UnknownEvidence { .. }
    ));
    assert!(matches!(
        broken(|r| r.sections[3].sentences[0].findings.push(FindingId("F9".to_owned()))),
        ReportError::UnknownFinding { .. }
    ));
    assert!(matches!(
        broken(|r| r.sections[3].sentences[1].id = r.sections[3].sentences[0].id.clone()),
        ReportError::Duplicate { .. }
    ));
    assert!(matches!(
        broken(|r| {
            if let Claim::Finding { statements } = &mut r.sections[3].sentences[0].claim {
                statements[0].certainty = Some(Certainty::Absent);
            }
        }),
        ReportError::Contradiction { what: "the certainty", .. }
    ));
}

#[test]
fn a_language_model_is_let_in_only_with_the_same_meaning() {
    let mut report = write(&example::pneumonia(0.95));
    let id = report.sentences().find(|(h, _)| *h == Heading::Impression).unwrap().1.id.clone();
    let refused = report.rephrase(&id, "Severe pneumonia.", "tiny").unwrap();
    assert!(!refused.accepted);
    assert_eq!(report.struck().count(), 1);
    assert_eq!(report.sentence(&id).unwrap().text, "Consistent with pneumonia.");
    let accepted = report.rephrase(&id, "The radiograph shows pneumonia.", "tiny").unwrap();
    assert!(accepted.accepted, "{}", accepted.reason);
    let sentence = report.sentence(&id).unwrap();
    assert_eq!(sentence.text, "The radiograph shows pneumonia.");
    assert_eq!(sentence.replaced.as_deref(), Some("Consistent with pneumonia."));
    assert_eq!(sentence.author, Author::LanguageModel { model: "tiny".to_owned() });
    report.check().unwrap();

    let fixed = report.sentences().find(|(h, _)| *h == Heading::Recommendation).unwrap().1.id.clone();
    assert!(matches!(report.rephrase(&fixed, "Biopsy now.", "tiny"), Err(ReportError::Fixed { .. })));
    assert!(matches!(report.rephrase("S99", "x", "tiny"), Err(ReportError::NoSentence { .. })));
}

#[test]
fn the_committed_schema_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/report.schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == schema(),
        "schemas/report.schema.json differs; run: \
         cargo run -p wilhelm-report --example schema > schemas/report.schema.json"
    );
}

// That they are valid by the schema is checked on reports of the whole program: tools/check_schema.py.
#[test]
fn written_reports_come_back_from_json() {
    for case in example::all() {
        let report = write(&case);
        let value = serde_json::to_value(&report).unwrap();
        let back: Report = serde_json::from_value(value).unwrap();
        assert_eq!(back, report);
    }
}

#[test]
fn the_page_asks_nothing_of_the_network_and_links_every_sentence() {
    let report = write(&example::pneumonia(0.87));
    let picture = HtmlImage {
        caption: "image 1".to_owned(),
        png: vec![0x89, b'P', b'N', b'G'],
        overlay_png: Some(vec![0x89, b'P', b'N', b'G']),
        overlay_caption: "where the network looked".to_owned(),
    };
    let page = html(&report, &HtmlImages { pictures: vec![picture] });
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    assert!(page.contains("Research software, not a medical device"));
    assert_eq!(page.matches("data:image/png;base64,iVBORw==").count(), 2);
    for (_, sentence) in report.sentences() {
        assert!(page.contains(&format!("id=\"{}\"", sentence.id)), "{}", sentence.id);
        for id in &sentence.bears {
            assert!(page.contains(&format!("href=\"#{id}\"")), "{id}");
            assert!(page.contains(&format!("<tr id=\"{id}\"")), "{id}");
        }
    }
}

/// The terminal's text beside its committed copy.
fn check_text(name: &str, shown: &str) {
    let path = format!("{}/tests/text/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == shown,
        "tests/text/{name}.txt differs; read the new text, then run: cargo run -p wilhelm-report \
         --example page -- {name} --text > crates/report/tests/text/{name}.txt\n{shown}"
    );
}

#[test]
fn the_texts_of_four_reports_are_those_committed() {
    check_text("abdomen", &text(&write(&example::abdomen())));
    check_text("unread", &text(&write(&example::unread())));
    check_text("pneumonia", &text(&write(&example::pneumonia(0.87))));
    check_text("brain", &text(&write(&example::brain(0.03, 0.94, 0.01))));
}
