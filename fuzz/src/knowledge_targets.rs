//! The fuzz targets of the readers in `knowledge`: ontologies and tables that somebody downloaded.
//!
//! The tests of `knowledge` replay their corpus (`cargo nextest run -p wilhelm-knowledge corpus`).

use wilhelm_knowledge::graph::{SourceName, StatementFormat, TableMapping, read_statements};

/// A target's name, and what it does with its bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets by their names.
pub const ALL: [Target; 4] = [
    ("knowledge_obo", knowledge_obo),
    ("knowledge_rdf_xml", knowledge_rdf_xml),
    ("knowledge_table", knowledge_table),
    ("knowledge_turtle", knowledge_turtle),
];

/// The mapping that tables are read by: each kind of statement, and a cell with several.
const MAPPING: &str = r#"
id = "https://example.org/drug/{code}"

[[statement]]
is = "rdfs:label"
text = "{name}"

[[statement]]
is = "is:treats"
to = "DOID:{disease}"
split = "|"

[[statement]]
is = "https://example.org/dose"
number = "{dose}"
"#;

/// An ontology in OBO.
pub fn knowledge_obo(bytes: &[u8]) {
    read(bytes, &StatementFormat::Obo);
}

/// An ontology in RDF/XML.
pub fn knowledge_rdf_xml(bytes: &[u8]) {
    read(bytes, &StatementFormat::RdfXml);
}

/// Statements in Turtle.
pub fn knowledge_turtle(bytes: &[u8]) {
    read(bytes, &StatementFormat::Turtle);
}

/// A table, and the bytes as a mapping of a table.
pub fn knowledge_table(bytes: &[u8]) {
    read(bytes, &StatementFormat::Table(TableMapping::parse(MAPPING).expect("it is well formed")));
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(error) = TableMapping::parse(text)
    {
        assert!(!error.to_string().is_empty());
    }
}

fn read(bytes: &[u8], format: &StatementFormat) {
    // A bomb is the business of the limit, which is too high for a test.
    if bytes.starts_with(&[0x1F, 0x8B]) {
        return;
    }
    let name = SourceName::new("fuzz").expect("a name");
    match read_statements(bytes, format, &name) {
        Ok(read) => assert_eq!(read.sha256.len(), 64),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
