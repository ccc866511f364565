use std::collections::BTreeMap;

use oxigraph::io::{RdfFormat, RdfParseError, RdfParser};
use oxigraph::model::{BlankNode, NamedOrBlankNode, Term, Triple};

use super::vocabulary::{LICENSE, VERSION_INFO};
use super::{ReadError, entities};

/// What a file of RDF says.
pub(super) struct Rdf {
    pub(super) statements: Vec<Triple>,
    /// `owl:versionInfo` of the file's ontology.
    pub(super) version: Option<String>,
    /// `dcterms:license` of the file's ontology.
    pub(super) license: Option<String>,
}

/// Reads Turtle, N-Triples or RDF/XML. Nodes without a name get one by their order and `seed`, so that the same file gives
/// the same statements and two files never share one.
pub(super) fn read(bytes: &[u8], format: RdfFormat, base: &str, seed: &str) -> Result<Rdf, ReadError> {
    if matches!(format, RdfFormat::RdfXml) {
        entities::check(bytes)?;
    }
    let parser = RdfParser::from_format(format).without_named_graphs();
    let parser = parser.with_base_iri(base).map_err(|error| ReadError::Line {
        line: 0,
        field: "base".to_owned(),
        what: error.to_string(),
    })?;
    let mut blanks = BTreeMap::new();
    let mut statements = Vec::new();
    for quad in parser.for_slice(bytes) {
        let quad = quad.map_err(of_syntax)?;
        let subject = match quad.subject {
            NamedOrBlankNode::BlankNode(node) => renamed(&mut blanks, node, seed).into(),
            named @ NamedOrBlankNode::NamedNode(_) => named,
        };
        let object = match quad.object {
            Term::BlankNode(node) => renamed(&mut blanks, node, seed).into(),
            other => other,
        };
        statements.push(Triple::new(subject, quad.predicate, object));
    }
    if statements.is_empty() {
        return Err(ReadError::Empty { what: "no statement in it" });
    }
    let of_ontology = |predicate: &str| {
        let is_ontology = |said: &&Triple| matches!(&said.object, Term::NamedNode(class) if class.as_str() == "http://www.w3.org/2002/07/owl#Ontology");
        let ontology = &statements.iter().find(is_ontology)?.subject;
        let found = statements
            .iter()
            .find(|said| said.subject == *ontology && said.predicate.as_str() == predicate)?;
        Some(match &found.object {
            Term::Literal(text) => text.value().to_owned(),
            Term::NamedNode(node) => node.as_str().to_owned(),
            Term::BlankNode(_) => return None,
        })
    };
    let (version, license) = (of_ontology(VERSION_INFO), of_ontology(LICENSE));
    Ok(Rdf { statements, version, license })
}

fn renamed(known: &mut BTreeMap<String, BlankNode>, node: BlankNode, seed: &str) -> BlankNode {
    let next = known.len();
    known
        .entry(node.into_string())
        .or_insert_with(|| BlankNode::new_unchecked(format!("b{seed}x{next}")))
        .clone()
}

pub(super) fn of_syntax(error: impl Into<RdfParseError>) -> ReadError {
    match error.into() {
        RdfParseError::Syntax(error) => {
            let place = error.location().map(|place| place.start);
            ReadError::Line {
                // Lines and columns are counted from 0 there.
                line: place.map_or(0, |place| place.line as usize + 1),
                field: place.map_or_else(String::new, |place| format!("column {}", place.column + 1)),
                what: error.to_string(),
            }
        }
        RdfParseError::Io(error) => {
            ReadError::Line { line: 0, field: "bytes".to_owned(), what: error.to_string() }
        }
    }
}
