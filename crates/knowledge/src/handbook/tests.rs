use super::*;
use crate::graph::{Graph, Source, SourceName, StatementFormat, read_statements};

#[test]
fn the_committed_handbook_is_that_of_the_shipped_graph() {
    let gathered = Handbook::of_built_in_graph().expect("gathered");
    assert!(
        gathered.to_json() == include_str!("../../data/graph/handbook.json"),
        "write it anew: cargo run --release --locked -p wilhelm-knowledge --example handbook > data/graph/handbook.json"
    );
    let built_in = Handbook::built_in();
    assert_eq!(*built_in, gathered);
    assert_eq!(Handbook::read(gathered.to_json().as_bytes()), Some(gathered));
    // Every link that a report may cite says whom it cites, and everything has a name.
    assert!(built_in.links.iter().all(|link| link.citation.is_some()));
    assert!(built_in.concepts.iter().all(|(iri, concept)| concept.name != *iri), "a thing without a name");
    assert_eq!(built_in.figures.len(), 14);
}

#[test]
fn a_finding_is_known_by_the_words_of_reports_in_its_body_part() {
    let book = Handbook::built_in();
    let check = |words: &[&str], part: Option<&str>, expected: Option<&str>| {
        let found =
            book.finding(words.iter().copied(), part).map(|found| found.iri.rsplit('/').next().unwrap_or(""));
        assert_eq!(found, expected, "{words:?} {part:?}");
    };
    check(&["pneumonia"], Some("chest"), Some("pneumonia-on-image"));
    check(&["Pneumonia"], None, Some("pneumonia-on-image"));
    check(&["x", "pleural effusion"], Some("CHEST"), Some("pleural-effusion"));
    check(&["glioma"], Some("brain"), Some("glioma-on-image"));
    check(&["glioma"], Some("head"), Some("glioma-on-image"));
    check(&["glioma"], Some("chest"), None);
    check(&["hydronephrosis"], Some("abdomen"), None);
    let pneumonia = book.finding(["pneumonia"], None).expect("known");
    let alike: Vec<&str> = book
        .links_of(pneumonia)
        .filter(|link| link.kind == LinkKind::MimickedBy)
        .map(|link| book.name(&link.to))
        .collect();
    assert_eq!(alike.len(), 3);
    assert!(alike.contains(&"pulmonary edema") && alike.contains(&"organizing pneumonia"), "{alike:?}");
}

#[test]
fn a_request_states_and_denies_signs_and_what_is_in_doubt_is_none() {
    let lines = [
        "Orthopnea and leg edema for two weeks.",
        "No rales. Possible third heart sound.",
        "Mother had atrial fibrillation. Takes metformin.",
        "Distended neck veins?",
    ]
    .map(str::to_owned);
    let book = Handbook::built_in();
    let mut stated: Vec<(String, bool, usize)> = book
        .stated_in(&lines)
        .into_iter()
        .map(|sign| (sign.iri.rsplit('/').next().unwrap_or("").to_owned(), sign.present, sign.line))
        .collect();
    stated.retain(|(name, ..)| name != "jugular-venous-distension");
    stated.sort();
    let expected =
        [("metformin", true, 3), ("orthopnea", true, 1), ("peripheral-edema", true, 1), ("rales", false, 2)];
    assert_eq!(stated, expected.map(|(name, present, line)| (name.to_owned(), present, line)));
}

#[test]
fn kidney_function_is_read_where_it_is_stated() {
    let check = |line: &str, expected: Option<f64>| {
        assert_eq!(egfr_in(&[line.to_owned()]).map(|(rate, _)| rate), expected, "{line}");
    };
    check("eGFR 25 mL/min/1.73 m2", Some(25.0));
    check("GFR: 61.5", Some(61.5));
    check("eGFR of 88, creatinine 1.0", Some(88.0));
    check("eGFR <30", Some(29.99));
    check("eGFR below 30.", Some(29.99));
    check("eGFR not measured this year; weight 72", None);
    check("eGFR 9000", None);
    check("egfr mutation exon 19", None);
    check("nothing", None);
    let lines = ["eGFR 50", "x", "eGFR 28"].map(str::to_owned);
    assert_eq!(egfr_in(&lines), Some((28.0, 3)));
}

#[test]
fn a_users_graph_brings_figures_priors_and_sentences_and_crooked_rows_are_left_out() {
    let text = r#"
        @prefix is: <https://wilhelm.invalid/is/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        @prefix dcterms: <http://purl.org/dc/terms/> . @prefix e: <https://example.org/> .
        e:f rdfs:subClassOf <https://wilhelm.invalid/class/Finding> ; rdfs:label "Wedge" ; is:inReports "wedge opacity" .
        e:d rdfs:label "infarct" . e:f is:suggests e:d . e:f is:suggests "a text" .
        e:l is:finding e:f ; is:disease e:d ; dcterms:source "Roe 2020" ; is:sentence "A wedge may be an infarct." .
        e:m is:finding e:f ; is:disease e:d ; is:sensitivity 0.4 ; is:falsePositiveRate 0.1 ; dcterms:source "Roe 2020" .
        e:n is:finding e:f ; is:disease e:d ; is:sensitivity 1.0 ; is:falsePositiveRate 0 ; dcterms:source "Roe 2021" .
        e:p is:prevalenceOf e:d ; is:share 0.2 ; dcterms:source "Roe 2022" .
    "#;
    let name = SourceName::new("mine").expect("a name");
    let read = read_statements(text.as_bytes(), &StatementFormat::Turtle, &name).expect("read");
    let source = Source {
        name,
        title: "Mine".to_owned(),
        origin: "a test".to_owned(),
        license: "mine alone".to_owned(),
        version: None,
        sha256: "00".to_owned(),
    };
    let graph = Graph::empty().expect("a graph");
    graph.put(&source, &read.statements).expect("put");
    let book = Handbook::of_graph(&graph).expect("gathered");
    let finding = book.finding(["wedge opacity"], Some("chest")).expect("known in any part");
    let link = book.links_of(finding).find(|link| link.to == "https://example.org/d").expect("a link");
    assert_eq!(link.sentence.as_deref(), Some("A wedge may be an infarct."));
    assert_eq!(book.sources[link.source].license, "mine alone");
    assert_eq!(book.figures.len(), 1);
    assert_eq!(book.prevalences[0].share, 0.2);
    // A handbook whose statements are nobody's is none.
    let mut damaged = book;
    damaged.sources.clear();
    assert_eq!(Handbook::read(damaged.to_json().as_bytes()), None);
    assert_eq!(Handbook::read(b"{}"), None);
}
