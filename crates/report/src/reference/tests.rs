use std::collections::{BTreeMap, BTreeSet};

use wilhelm_study::{EvidenceSource, FindingId, KnownFrequency, KnownTerm};

use super::{AlternativeKind, Known, QuoteKind, Reference, ToldBy, WeighedSign, link};
use crate::{
    Audience, Claim, Heading, HtmlImages, Issue, Language, Moment, Report, ReportError, Subject, Voice,
    edition, edition_html, example, fhir, hl7, html, pdf, read_text_report, text, write,
};

fn term(iri: Option<&str>, label: &str) -> KnownTerm {
    KnownTerm { iri: iri.map(str::to_owned), label: label.to_owned() }
}

fn statement(subject: &str, predicate: &str, object: KnownTerm) -> EvidenceSource {
    EvidenceSource::Statement {
        subject: term(Some("https://wilhelm.invalid/finding/x"), subject),
        predicate: term(Some(&format!("https://wilhelm.invalid/is/{predicate}")), predicate),
        object,
        graph: "https://wilhelm.invalid/source/radiology".to_owned(),
        source: "Imaging, findings and contrast media".to_owned(),
        version: Some("1.1.0".to_owned()),
        license: "Apache-2.0".to_owned(),
        citation: Some("Hansell et al. 2008, a glossary, doi:10.1148/radiol.2462070712".to_owned()),
        figures: None,
        sentence: None,
    }
}

fn edema() -> EvidenceSource {
    let object = term(Some("http://purl.obolibrary.org/obo/DOID_11396"), "pulmonary edema");
    statement("pneumonia on a chest radiograph", "mimickedBy", object)
}

fn alike(names: &[&str]) -> Known {
    Known::Alternatives {
        of: "pneumonia".to_owned(),
        kind: AlternativeKind::Alike,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        by: vec!["Hansell et al. 2008".to_owned()],
    }
}

fn about(says: Known, source: EvidenceSource) -> Reference {
    Reference {
        about: Some(FindingId("F1".to_owned())),
        says,
        bears: vec![(source, "a statement".to_owned())],
        lines: vec![],
    }
}

fn passage(quote: &str) -> (Known, EvidenceSource) {
    let says = Known::Quoted {
        kind: QuoteKind::Passage,
        of: "pneumonia".to_owned(),
        quote: quote.to_owned(),
        by: "Chest radiographs in children".to_owned(),
    };
    let source = EvidenceSource::Passage {
        id: "pubmed:31000001#2".to_owned(),
        title: Some("Chest radiographs in children".to_owned()),
        source: "A journal 2020".to_owned(),
        license: Some("CC BY 4.0".to_owned()),
        quote: quote.to_owned(),
        span: [10, 10 + quote.chars().count()],
    };
    (says, source)
}

const QUOTE: &str = "Round pneumonia of children can look like a mass.";

/// A report with a statement and a passage.
fn referred() -> Report {
    let mut report = write(&example::pneumonia(0.93));
    let (says, source) = passage(QUOTE);
    let references = [about(alike(&["pulmonary edema"]), edema()), about(says, source)];
    assert!(report.refer(&references, &BTreeMap::new()).is_empty());
    report.check().expect("consistent");
    report
}

fn said(report: &Report) -> Vec<&str> {
    let of = report.sentences().filter(|(heading, _)| *heading == Heading::Reference);
    of.map(|(_, sentence)| sentence.text.as_str()).collect()
}

#[test]
fn general_knowledge_stands_behind_the_impression_with_what_says_it_and_changes_no_finding() {
    let plain = write(&example::pneumonia(0.93));
    let report = referred();
    assert_eq!(
        said(&report),
        [
            "Pulmonary edema can look like pneumonia (Hansell et al. 2008).",
            "On pneumonia, Chest radiographs in children: \u{201c}Round pneumonia of children can look like a mass.\u{201d}"
        ]
    );
    let headings: Vec<Heading> = report.sections.iter().map(|section| section.heading).collect();
    assert!(headings.is_sorted() && headings.contains(&Heading::Reference));
    assert_eq!(report.findings, plain.findings);
    let borne: Vec<&str> =
        report.evidence.iter().filter(|one| one.source.is_general()).map(|one| one.id.0.as_str()).collect();
    assert_eq!(borne, ["K1", "L1"]);
    // Without references nothing changes, not even a section.
    let mut none = plain.clone();
    assert!(none.refer(&[], &BTreeMap::new()).is_empty());
    assert_eq!(none, plain);
}

#[test]
fn a_sentence_that_its_evidence_does_not_say_is_refused_with_the_reason() {
    let check = |reference: Reference, expected: &str| {
        let mut report = write(&example::pneumonia(0.93));
        let before = report.clone();
        let refused = report.refer(&[reference], &BTreeMap::new());
        assert_eq!(refused.len(), 1, "{expected}");
        assert!(refused[0].reason.contains(expected), "{}", refused[0].reason);
        assert_eq!(report, before);
    };
    check(about(alike(&["lung cancer"]), edema()), "no statement that it bears names lung cancer");
    check(about(alike(&["pulmonary edema", "lung cancer"]), edema()), "names lung cancer");
    check(about(alike(&[]), edema()), "it names nothing");
    // A cause is no look-alike.
    let cause = Known::Alternatives {
        of: "pneumonia".to_owned(),
        kind: AlternativeKind::Cause,
        names: vec!["pulmonary edema".to_owned()],
        by: vec!["Hansell et al. 2008".to_owned()],
    };
    check(about(cause, edema()), "no statement that it bears names pulmonary edema");
    let mut others = alike(&["pulmonary edema"]);
    if let Known::Alternatives { by, .. } = &mut others {
        *by = vec!["Wang et al. 2005".to_owned()];
    }
    check(about(others, edema()), "cites Wang et al. 2005");
    let mut other = alike(&["pulmonary edema"]);
    if let Known::Alternatives { of, .. } = &mut other {
        *of = "pneumothorax".to_owned();
    }
    check(about(other, edema()), "its finding is pneumonia");
    let object = term(None, "pneumonia");
    check(
        about(alike(&["pneumonia"]), statement("x", "mimickedBy", object)),
        "which this report looked for itself",
    );
    let elsewhere =
        Reference { about: Some(FindingId("F7".to_owned())), ..about(alike(&["pulmonary edema"]), edema()) };
    check(elsewhere, "finding F7, which the report does not hold");
    let nothing = Reference { bears: vec![], ..about(alike(&["pulmonary edema"]), edema()) };
    check(nothing, "bears no evidence");
}

#[test]
fn knowledge_of_what_is_not_there_is_not_told() {
    let mut report = write(&example::pneumonia(0.04));
    let refused = report.refer(&[about(alike(&["pulmonary edema"]), edema())], &BTreeMap::new());
    assert!(refused[0].reason.contains("which the report does not find"), "{refused:?}");
    assert!(said(&report).is_empty());
}

#[test]
fn quoted_words_never_contradict_a_finding_nor_read_as_one() {
    let check = |quote: &str, expected: Option<&str>| {
        let mut report = write(&example::pneumonia(0.93));
        let (says, source) = passage(quote);
        let refused = report.refer(&[about(says, source)], &BTreeMap::new());
        match expected {
            None => assert!(refused.is_empty(), "{quote}: {refused:?}"),
            Some(expected) => assert!(refused[0].reason.contains(expected), "{quote}: {refused:?}"),
        }
    };
    check(QUOTE, None);
    check("There is no pneumonia.", Some("would contradict a finding"));
    check("A large study. No evidence of pneumonia.", Some("would contradict a finding"));
    check("The appearance is consistent with pneumonia.", Some("read as a finding of this patient"));
    check(
        "\u{672a}\u{89c1}\u{80ba}\u{708e}\u{3002} Children have round pneumonia.",
        Some("would contradict"),
    );
    check("Too short.", Some("expected 12 to 360"));
    check(&"long ".repeat(90), Some("expected 12 to 360"));
    check("Round pneumonia \u{202e}of children can look like a mass.", Some("characters that nobody sees"));
    // Words that stand in no passage.
    let mut report = write(&example::pneumonia(0.93));
    let (says, _) = passage("Round pneumonia of adults can look like a mass.");
    let refused = report.refer(&[about(says, passage(QUOTE).1)], &BTreeMap::new());
    assert!(refused[0].reason.contains("has these words"), "{refused:?}");
}

#[test]
fn a_report_whose_general_knowledge_was_changed_is_refused() {
    let check = |change: &dyn Fn(&mut Report)| {
        let mut report = referred();
        change(&mut report);
        let refused = report.check().expect_err("changed");
        assert!(matches!(refused, ReportError::Reference { .. }), "{refused}");
    };
    let sentence = |report: &mut Report, change: &dyn Fn(&mut crate::Sentence)| {
        let of =
            report.sections.iter_mut().find(|section| section.heading == Heading::Reference).expect("there");
        change(&mut of.sentences[0]);
    };
    // Another disease, a flipped denial, another certainty.
    for words in [
        "Lung cancer can look like pneumonia (Hansell et al. 2008).",
        "Pulmonary edema can not look like pneumonia (Hansell et al. 2008).",
        "Pulmonary edema is there (Hansell et al. 2008).",
    ] {
        check(&|report| sentence(report, &|one| one.text = words.to_owned()));
    }
    check(&|report| {
        sentence(report, &|one| {
            one.claim = Claim::Reference { says: alike(&["lung cancer"]) };
            one.text = "Lung cancer can look like pneumonia (Hansell et al. 2008).".to_owned();
        });
    });
    check(&|report| {
        for evidence in &mut report.evidence {
            if let EvidenceSource::Statement { object, .. } = &mut evidence.source {
                object.label = "lung cancer".to_owned();
            }
        }
    });
}

/// A sign of Wang et al. 2005 by the request.
fn weighed(likelihood_ratio: f64, present: bool) -> Reference {
    let mut source = statement("orthopnea", "sensitivity", term(None, "congestive heart failure"));
    if let EvidenceSource::Statement { figures, .. } = &mut source {
        let population = Some("adults with dyspnea".to_owned());
        *figures = Some(KnownFrequency { sensitivity: 0.5, false_positive_rate: 0.25, population });
    }
    let says = Known::Weighed {
        disease: "congestive heart failure".to_owned(),
        signs: vec![WeighedSign {
            name: "orthopnea".to_owned(),
            present,
            likelihood_ratio,
            told_by: ToldBy::Request(1),
        }],
        population: Some("adults with dyspnea".to_owned()),
        by: vec!["Hansell et al. 2008".to_owned()],
        probability: Some([0.3, 0.462]),
    };
    Reference { lines: vec![1], ..about(says, source) }
}

#[test]
fn signs_count_as_their_figures_say_and_only_where_somebody_told_them() {
    let mut case = example::pneumonia(0.5);
    case.request = vec!["orthopnea".to_owned()];
    let report = write(&case);
    let refer = |mut report: Report, reference: Reference| {
        let refused = report.refer(&[reference], &BTreeMap::new());
        (report, refused)
    };
    let (told, refused) = refer(report.clone(), weighed(2.0, true));
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(
        said(&told),
        [
            "Orthopnea (request; likelihood ratio 2.0) favors congestive heart failure; by these figures its probability goes \
          from 30 % to 46 % (Hansell et al. 2008: adults with dyspnea)."
        ]
    );
    let bears = &told.sentences().find(|(h, _)| *h == Heading::Reference).expect("there").1.bears;
    assert_eq!(bears.iter().map(|id| id.0.as_str()).collect::<Vec<_>>(), ["K1", "T1"]);
    // 0.5 of 0.75 who have it not.
    let (told, _) = refer(report.clone(), weighed(0.5 / 0.75, false));
    assert!(
        said(&told)[0].starts_with("Absence of orthopnea (request; likelihood ratio 0.67) speaks against")
    );
    let (_, refused) = refer(report.clone(), weighed(0.5, true));
    assert!(refused[0].reason.contains("not that of its figures"), "{refused:?}");
    case.request.clear();
    let (_, refused) = refer(write(&case), weighed(2.0, true));
    assert!(refused[0].reason.contains("the request has no line 1"), "{refused:?}");
}

#[test]
fn it_leaves_in_every_form_and_comes_back() {
    let report = referred();
    let json = serde_json::to_string(&report).expect("JSON");
    let back: Report = serde_json::from_str(&json).expect("read");
    back.check().expect("consistent");
    assert_eq!(back.evidence, report.evidence);
    assert_eq!(said(&back), said(&report));
    let own: Vec<_> = report.sentences().map(|(heading, s)| (heading, s.text.clone())).collect();
    let as_text = text(&report);
    assert!(as_text.contains("REFERENCE INFORMATION") && as_text.contains("2008). [K1]"));
    assert!(as_text.contains("doi:10.1148/radiol.2462070712"));
    assert_eq!(read_text_report(&as_text).expect("read").sentences, own);
    let page = html(&report, &HtmlImages::default());
    for piece in [
        "part-reference-information",
        "<summary>Source</summary>",
        "href=\"https://doi.org/10.1148/radiol.2462070712\"",
        "href=\"https://pubmed.ncbi.nlm.nih.gov/31000001/\"",
        "pulmonary edema (DOID:11396)",
        "CC BY 4.0",
    ] {
        assert!(page.contains(piece), "{piece}");
    }
    let at = Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment");
    let issue = Issue { subject: Subject::default(), at: at.clone(), program_version: "0.1.0".to_owned() };
    let bundle = fhir::bundle(&report, &issue, None);
    assert_eq!(fhir::read(&bundle).expect("read").sentences, own);
    let parsed: serde_json::Value = serde_json::from_str(&bundle).expect("JSON");
    let artifacts = &parsed["entry"][0]["resource"]["extension"];
    assert_eq!(artifacts.as_array().map(Vec::len), Some(2));
    assert_eq!(artifacts[0]["valueRelatedArtifact"]["type"], "citation");
    assert_eq!(artifacts[0]["valueRelatedArtifact"]["url"], "https://doi.org/10.1148/radiol.2462070712");
    let message = hl7::message(&report, &issue, &hl7::Parties::default());
    assert!(message.contains("CITED_SOURCE^Source of general knowledge^99WILHELM"));
    assert_eq!(hl7::read(&message).expect("read").said.sentences, own);
    assert!(pdf(&report, &HtmlImages::default(), &at).is_ok());
}

#[test]
fn chinese_quotes_the_sources_in_their_language_and_patients_are_told_nothing_of_it() {
    let report = referred();
    for voice in &Voice::ALL[1..] {
        let edition = edition(&report, *voice);
        edition.check(&report).expect("its own words");
        let page = edition_html(&edition, &report, &HtmlImages::default());
        if voice.audience == Audience::Patient {
            assert!(!page.contains("Hansell") && !page.contains("mass"), "{voice:?}");
            continue;
        }
        assert_eq!(voice.language, Language::Zh);
        assert!(page.contains("影像上可与肺炎相似的情况有：肺水肿（Hansell et al. 2008）。"), "{page}");
        assert!(page.contains(QUOTE));
    }
}

#[test]
fn knowledge_leaves_with_the_finding_that_a_person_rejected() {
    let mut report = referred();
    let rejected = BTreeSet::from([FindingId("F1".to_owned())]);
    let speaks = |report: &Report| {
        report.sentences().filter(|(h, s)| *h != Heading::Reference && !s.findings.is_empty()).count()
    };
    assert!(speaks(&report) > 0);
    assert_eq!(said(&report.without(&rejected)).len(), 2, "a sentence still speaks of it");
    for section in &mut report.sections {
        section.sentences.retain(|s| s.findings.is_empty() || matches!(s.claim, Claim::Reference { .. }));
    }
    let left = report.without(&rejected);
    assert!(said(&left).is_empty() && left.findings.is_empty());
}

#[test]
fn only_addresses_become_links() {
    let cited = |citation: &str| EvidenceSource::rule(citation);
    for (citation, expected) in [
        ("Wang, doi:10.1001/jama.294.15.1944", Some("https://doi.org/10.1001/jama.294.15.1944")),
        ("(Freda, doi:10.1016/S0889-8529(05)70058-X)", Some("https://doi.org/10.1016/S0889-8529(05)70058-X")),
        ("doi:10.1/\"onclick=x", None),
        ("doi:11.1000/x", None),
        ("javascript:alert(1)", None),
    ] {
        assert_eq!(link(&cited(citation)).as_deref(), expected, "{citation}");
    }
    let (_, EvidenceSource::Passage { id, title, license, quote, span, .. }) = passage(QUOTE) else {
        unreachable!()
    };
    let of = |id: &str, source: &str| EvidenceSource::Passage {
        id: id.to_owned(),
        title: title.clone(),
        source: source.to_owned(),
        license: license.clone(),
        quote: quote.clone(),
        span,
    };
    assert!(link(&of(&id, "x")).is_some_and(|link| link.ends_with("/31000001/")));
    assert_eq!(link(&of("file:a#1", "https://example.org/a")).as_deref(), Some("https://example.org/a"));
    for source in
        ["https://example.org/\"><script>", "https://a.invalid/", "ftp://example.org", "https://u@x.org/"]
    {
        assert_eq!(link(&of("pubmed:x#1", source)), None, "{source}");
    }
}
