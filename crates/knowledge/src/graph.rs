//! The graph of what is known: statements of ontologies, tables and our own, each with its source, and SPARQL over them.
//!
//! The principal type is [`Graph`]; [`read_statements`] reads OBO, Turtle, RDF/XML and tables into what it takes.

mod concept;
mod entities;
mod obo;
mod query;
mod rdf;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use concept::{Concept, Relation};
pub use query::{Answer, Binding, QueryStop};
pub use source::{
    ReadError, ReadStatements, Source, SourceName, StatementFormat, built_in_sources, read_statements,
};
pub use table::TableMapping;

use std::collections::BTreeSet;

use oxigraph::io::{RdfFormat, RdfParser};
use oxigraph::model::{
    GraphName, GraphNameRef, Literal, NamedNode, NamedNodeRef, NamedOrBlankNode, Quad, Term, Triple,
};
use oxigraph::store::Store;

use vocabulary::{CLASS, LICENSE, RDF_TYPE, SHA_256, SOURCE, SOURCES, TITLE, VERSION_INFO};

/// Statements of several sources, each a named graph with its title, origin, license, version and hash.
///
/// It lives in memory; [`Graph::stored`] is a source as the text of a file (N-Quads, sorted) and [`Graph::load`] takes it
/// back. A source goes in whole or not at all.
pub struct Graph {
    store: Store,
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Statements of the source now.
    pub statements: usize,
    /// Of these, what the graph did not have from this source before.
    pub added: usize,
    /// What the source said before and says no more.
    pub removed: usize,
}

/// A source and how much of the graph is its own.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SourceCount {
    /// Where it comes from.
    #[serde(flatten)]
    pub source: Source,
    /// How many statements.
    pub statements: usize,
    /// How many concepts: classes that it names.
    pub concepts: usize,
}

/// Why the graph did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A stored source is damaged.
    #[error("{0}: the stored source is damaged, import it anew")]
    Stored(ReadError),
    /// A stored source that does not say what it is.
    #[error("the stored source lacks its {what}: import it anew")]
    Description {
        /// Which of its properties.
        what: &'static str,
    },
    /// A query that is no SPARQL.
    #[error("the query is no SPARQL: {what}")]
    Syntax {
        /// What the parser says.
        what: String,
    },
    /// A query that was stopped.
    #[error("the query was stopped, for it ran too long: ask for less, or allow it more time")]
    Stopped,
    /// A query that failed while it ran.
    #[error("the query failed: {what}")]
    Evaluation {
        /// What the evaluation says.
        what: String,
    },
    /// The store.
    #[error("the graph in memory failed: {what}")]
    Store {
        /// What the store says.
        what: String,
    },
}

impl GraphError {
    /// Whether the caller's input is at fault.
    #[must_use]
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(self, Self::Store { .. })
    }
}

impl From<oxigraph::store::StorageError> for GraphError {
    fn from(error: oxigraph::store::StorageError) -> Self {
        Self::Store { what: error.to_string() }
    }
}

impl Graph {
    /// A graph without a statement.
    ///
    /// # Errors
    /// [`GraphError::Store`] if the store cannot be made.
    pub fn empty() -> Result<Self, GraphError> {
        Ok(Self { store: Store::new()? })
    }

    /// Puts a source in, in place of what it said before; nothing changes if it fails.
    ///
    /// # Errors
    /// [`GraphError::Store`].
    pub fn put(&self, source: &Source, statements: &[Triple]) -> Result<Imported, GraphError> {
        let name = source.name.graph();
        let mut change = self.store.start_transaction()?;
        let mut before = BTreeSet::new();
        for quad in change.quads_for_pattern(None, None, None, Some(GraphNameRef::NamedNode(name.as_ref()))) {
            before.insert(Triple::from(quad?).to_string());
        }
        let now: BTreeSet<String> = statements.iter().map(ToString::to_string).collect();
        change.clear_graph(GraphNameRef::NamedNode(name.as_ref()))?;
        let catalog = catalog();
        let described: Vec<Quad> = change
            .quads_for_pattern(
                Some(name.as_ref().into()),
                None,
                None,
                Some(GraphNameRef::NamedNode(catalog.as_ref())),
            )
            .collect::<Result<_, _>>()?;
        described.iter().for_each(|quad| change.remove(quad));
        change.extend(&description(source));
        let graph = GraphName::from(name);
        change.extend(statements.iter().map(|said| said.as_ref().in_graph(graph.as_ref())));
        change.commit()?;
        Ok(Imported {
            statements: now.len(),
            added: now.difference(&before).count(),
            removed: before.difference(&now).count(),
        })
    }

    /// A source as the text of a file: N-Quads, sorted, so that the same statements give the same bytes.
    ///
    /// # Errors
    /// [`GraphError::Store`].
    pub fn stored(&self, source: &SourceName) -> Result<String, GraphError> {
        let name = source.graph();
        let catalog = catalog();
        let own =
            self.store.quads_for_pattern(None, None, None, Some(GraphNameRef::NamedNode(name.as_ref())));
        let about = self.store.quads_for_pattern(
            Some(name.as_ref().into()),
            None,
            None,
            Some(GraphNameRef::NamedNode(catalog.as_ref())),
        );
        let mut lines = Vec::new();
        for quad in own.chain(about) {
            lines.push(format!("{} .\n", quad?));
        }
        lines.sort_unstable();
        Ok(lines.concat())
    }

    /// Takes back what [`Graph::stored`] gave.
    ///
    /// # Errors
    /// [`GraphError::Stored`] with the line of a damaged statement, [`GraphError::Store`].
    pub fn load(&self, stored: &[u8]) -> Result<(), GraphError> {
        let parser = RdfParser::from_format(RdfFormat::NQuads);
        let quads = parser.for_slice(stored).collect::<Result<Vec<_>, _>>();
        let quads = quads.map_err(|error| GraphError::Stored(rdf::of_syntax(error)))?;
        let mut loader = self.store.bulk_loader();
        loader.load_quads(quads)?;
        loader.commit()?;
        Ok(())
    }

    /// The sources in the order of their names, with what is theirs.
    ///
    /// # Errors
    /// [`GraphError::Description`] for one that lacks a property, [`GraphError::Store`].
    pub fn sources(&self) -> Result<Vec<SourceCount>, GraphError> {
        let catalog = catalog();
        let mut names = BTreeSet::new();
        for quad in
            self.store.quads_for_pattern(None, None, None, Some(GraphNameRef::NamedNode(catalog.as_ref())))
        {
            if let NamedOrBlankNode::NamedNode(node) = quad?.subject
                && let Some(name) = node.as_str().strip_prefix(SOURCES)
                && let Some(name) = SourceName::new(name)
            {
                names.insert(name);
            }
        }
        names
            .into_iter()
            .map(|name| self.source(&name)?.ok_or(GraphError::Description { what: "title" }))
            .collect()
    }

    /// One source; none where the graph has none of this name.
    ///
    /// # Errors
    /// [`GraphError::Description`] for one that lacks a property, [`GraphError::Store`].
    pub fn source(&self, name: &SourceName) -> Result<Option<SourceCount>, GraphError> {
        let (catalog, node) = (catalog(), name.graph());
        let property = |predicate: &str| -> Result<Option<String>, GraphError> {
            let predicate = NamedNodeRef::new_unchecked(predicate);
            let mut found = self.store.quads_for_pattern(
                Some(node.as_ref().into()),
                Some(predicate),
                None,
                Some(GraphNameRef::NamedNode(catalog.as_ref())),
            );
            Ok(match found.next().transpose()?.map(|quad| quad.object) {
                Some(Term::Literal(text)) => Some(text.value().to_owned()),
                _ => None,
            })
        };
        let Some(title) = property(TITLE)? else { return Ok(None) };
        let source = Source {
            name: name.clone(),
            title,
            origin: property(SOURCE)?.ok_or(GraphError::Description { what: "origin" })?,
            license: property(LICENSE)?.ok_or(GraphError::Description { what: "license" })?,
            version: property(VERSION_INFO)?,
            sha256: property(SHA_256)?.ok_or(GraphError::Description { what: "hash" })?,
        };
        let graph = Some(GraphNameRef::NamedNode(node.as_ref()));
        let statements = self.store.quads_for_pattern(None, None, None, graph).count();
        let class = NamedNodeRef::new_unchecked(CLASS).into();
        let a = NamedNodeRef::new_unchecked(RDF_TYPE);
        let concepts = self.store.quads_for_pattern(None, Some(a), Some(class), graph).count();
        Ok(Some(SourceCount { source, statements, concepts }))
    }
}

/// The named graph in which sources are described.
fn catalog() -> NamedNode {
    NamedNode::new_unchecked(SOURCES)
}

fn description(source: &Source) -> Vec<Quad> {
    let mut properties = vec![
        (TITLE, &source.title),
        (SOURCE, &source.origin),
        (LICENSE, &source.license),
        (SHA_256, &source.sha256),
    ];
    properties.extend(source.version.as_ref().map(|version| (VERSION_INFO, version)));
    properties
        .into_iter()
        .map(|(predicate, text)| {
            let predicate = NamedNode::new_unchecked(predicate);
            Quad::new(source.name.graph(), predicate, Literal::new_simple_literal(text), catalog())
        })
        .collect()
}
