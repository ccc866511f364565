use super::*;

fn name(text: &str) -> SourceName {
    SourceName::new(text).expect("a name")
}

fn source(text: &str) -> Source {
    Source {
        name: name(text),
        title: format!("title of {text}"),
        origin: "a test".to_owned(),
        license: "CC0".to_owned(),
        version: Some("1".to_owned()),
        sha256: "00".to_owned(),
    }
}

fn turtle(text: &str, of: &str) -> Vec<Triple> {
    read_statements(text.as_bytes(), &StatementFormat::Turtle, &name(of)).expect("it is Turtle").statements
}

const HEART: &str =
    "@prefix is: <https://wilhelm.invalid/is/> . @prefix obo: <http://purl.obolibrary.org/obo/> .
    @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
    obo:DOID_6000 rdfs:label \"congestive heart failure\" ; rdfs:subClassOf obo:DOID_114 .
    obo:HP_1 is:suggests obo:DOID_6000 ; rdfs:label \"Big heart\" .
    obo:DOID_114 rdfs:label \"heart disease\" .
    [] is:note [ is:note \"nameless\" ] .";

#[test]
fn an_import_is_repeated_without_effect_and_a_changed_one_changes_its_own_source_alone() {
    let graph = Graph::empty().expect("a graph");
    let statements = turtle(HEART, "heart");
    assert_eq!(
        graph.put(&source("heart"), &statements).expect("put"),
        Imported { statements: 7, added: 7, removed: 0 }
    );
    graph.put(&source("other"), &statements[..2]).expect("put");
    // Nodes without a name get the same one again.
    let again = turtle(HEART, "heart");
    assert_eq!(
        graph.put(&source("heart"), &again).expect("put"),
        Imported { statements: 7, added: 0, removed: 0 }
    );
    assert_eq!(
        graph.put(&source("heart"), &again[1..]).expect("put"),
        Imported { statements: 6, added: 0, removed: 1 }
    );
    let counts: Vec<_> = graph.sources().expect("sources").into_iter().map(|one| one.statements).collect();
    assert_eq!(counts, [6, 2]);
}

#[test]
fn what_is_stored_comes_back_byte_for_byte() {
    let graph = Graph::empty().expect("a graph");
    graph.put(&source("heart"), &turtle(HEART, "heart")).expect("put");
    let stored = graph.stored(&name("heart")).expect("stored");
    let again = Graph::empty().expect("a graph");
    again.load(stored.as_bytes()).expect("loaded");
    assert_eq!(again.stored(&name("heart")).expect("stored"), stored);
    assert_eq!(again.sources().expect("sources"), graph.sources().expect("sources"));
    let error = again.load(b"<https://a.b> <https://a.b> <https://a.b> .\n<broken\n").expect_err("damaged");
    assert!(error.to_string().starts_with("line 2, column "), "{error}");
}

#[test]
fn a_concept_is_found_by_its_names_and_tells_both_directions() {
    let graph = Graph::empty().expect("a graph");
    graph.put(&source("heart"), &turtle(HEART, "heart")).expect("put");
    let found = graph.find(" Congestive  HEART failure").expect("looked up");
    assert_eq!(found, ["http://purl.obolibrary.org/obo/DOID_6000"]);
    assert_eq!(graph.find("DOID:6000").expect("looked up"), found);
    assert!(graph.find("DOID:1").expect("looked up").is_empty());
    let concept = graph.concept(&found[0]).expect("known");
    assert_eq!(concept.name.as_deref(), Some("congestive heart failure"));
    assert_eq!(concept.broader[0].name.as_deref(), Some("heart disease"));
    assert_eq!((concept.said_by[0].what.as_str(), concept.said_by[0].source.as_str()), ("HP:1", "heart"));
}

#[test]
fn queries_see_all_sources_and_know_each() {
    let graph = Graph::empty().expect("a graph");
    graph.put(&source("heart"), &turtle(HEART, "heart")).expect("put");
    let ask = |sparql: &str| graph.query(sparql, 10, &QueryStop::new());
    let Ok(Answer::Table { columns, rows, cut }) =
        ask("SELECT ?name ?source { ?f is:suggests DOID:6000 . GRAPH ?source { ?f rdfs:label ?name } }")
    else {
        panic!("no table")
    };
    assert_eq!(columns, ["name", "source"]);
    let shown: Vec<_> = rows[0].iter().flatten().map(Binding::shown).collect();
    assert_eq!((shown, cut), (vec!["Big heart".to_owned(), "source:heart".to_owned()], false));
    assert_eq!(ask("ASK { HP:1 is:suggests ?x }").expect("answered"), Answer::Yes(true));
    let title = "SELECT ?t { GRAPH <https://wilhelm.invalid/source/> { source:heart dcterms:title ?t } }";
    assert!(matches!(ask(title), Ok(Answer::Table { rows, .. }) if rows.len() == 1));
    assert!(
        matches!(ask("SELECT ?a ?b { ?a ?p ?b . ?c ?q ?d }"), Ok(Answer::Table { rows, cut: true, .. }) if rows.len() == 10)
    );
    for wrong in ["SELECT ?x", "DELETE WHERE { ?a ?b ?c }", "INSERT DATA { <a:b> <a:b> <a:b> }"] {
        assert!(matches!(ask(wrong), Err(GraphError::Syntax { .. })), "{wrong}");
    }
}

#[test]
fn a_query_that_is_stopped_says_so() {
    let graph = Graph::empty().expect("a graph");
    graph.put(&source("heart"), &turtle(HEART, "heart")).expect("put");
    let stop = QueryStop::new();
    stop.stop();
    let error =
        graph.query("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }", 10, &stop).expect_err("stopped");
    assert!(matches!(error, GraphError::Stopped), "{error}");
}

#[test]
fn malformed_turtle_and_xml_name_their_line() {
    for (format, text, begin) in [
        (StatementFormat::Turtle, "<a:b> <a:c> <a:d> .\n<a:b> <a:c> .\n", "line 2, column "),
        (
            StatementFormat::RdfXml,
            "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n<rdf:x\n",
            "line ",
        ),
    ] {
        let error = read_statements(text.as_bytes(), &format, &name("x")).expect_err("refused");
        assert!(error.to_string().starts_with(begin), "{error}");
    }
    let mut cut = include_bytes!("../../data/disease_ontology/HumanDO.obo.gz").to_vec();
    cut.truncate(1000);
    let error = read_statements(&cut, &StatementFormat::Obo, &name("x")).expect_err("refused");
    assert!(matches!(error, ReadError::Gzip { .. }), "{error}");
}

#[test]
fn what_comes_with_the_program_is_whole() {
    let graph = Graph::empty().expect("a graph");
    for (source, statements) in built_in_sources().expect("they are read") {
        graph.put(&source, &statements).expect("put");
    }
    let sources = graph.sources().expect("sources");
    assert_eq!(
        sources.iter().map(|one| one.source.name.as_str()).collect::<Vec<_>>(),
        ["disease-ontology", "radiology"]
    );
    // 8,948 terms of the ontology's own count.
    assert_eq!(sources[0].concepts, 8948);
    // Whatever our table speaks of has a name in one of the two.
    let nameless = "SELECT DISTINCT ?x { GRAPH source:radiology { ?s ?p ?x . FILTER(isIRI(?x)) } \
        FILTER(STRSTARTS(STR(?x), 'https://wilhelm.invalid/') || STRSTARTS(STR(?x), STR(DOID:))) \
        FILTER NOT EXISTS { ?x rdfs:label ?name } }";
    let answer = graph.query(nameless, 100, &QueryStop::new()).expect("answered");
    assert!(matches!(&answer, Answer::Table { rows, .. } if rows.is_empty()), "{answer:?}");
    // Every link and every advice names its source.
    let unsourced = "SELECT ?x { ?x a ?kind . FILTER(?kind IN (wilhelm:class\\/Link, wilhelm:class\\/Advice)) \
        FILTER NOT EXISTS { ?x dcterms:source ?source } }";
    let answer = graph.query(unsourced, 100, &QueryStop::new()).expect("answered");
    assert!(matches!(&answer, Answer::Table { rows, .. } if rows.is_empty()), "{answer:?}");
}
