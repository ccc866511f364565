use std::collections::BTreeMap;

use oxigraph::model::{GraphName, NamedNode, NamedNodeRef, NamedOrBlankNode, Quad, Term};
use serde::Serialize;

use super::vocabulary::{
    DEPRECATED, NAMES, OBO_IN_OWL, RDF_TYPE, SOURCES, SUB_CLASS_OF, SYNONYMS, short, whole,
};
use super::{Graph, GraphError};

/// What the graph knows of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Concept {
    /// As people write it: `DOID:8469`.
    pub id: String,
    /// Its address.
    pub iri: String,
    /// Its first name.
    pub name: Option<String>,
    /// Its other names, the closest first.
    pub synonyms: Vec<String>,
    /// Whether its source says that it should be used no more.
    pub deprecated: bool,
    /// What it is a kind of.
    pub broader: Vec<Relation>,
    /// What is a kind of it.
    pub narrower: Vec<Relation>,
    /// Everything else that is said of it.
    pub says: Vec<Relation>,
    /// Where it is what another concept speaks of.
    pub said_by: Vec<Relation>,
}

/// One statement from a concept's point of view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Relation {
    /// How, as people write it: `is:suggests`.
    pub how: String,
    /// The other end: a name as people write it, or a text.
    pub what: String,
    /// The other end's first name, where it is a concept.
    pub name: Option<String>,
    /// Whose statement it is.
    pub source: String,
}

impl Graph {
    /// Concepts by an identifier or by a name, whatever its case: those whose first name it is, else those of which it is
    /// another name.
    ///
    /// # Errors
    /// [`GraphError::Store`].
    pub fn find(&self, words: &str) -> Result<Vec<String>, GraphError> {
        if let Some(iri) = whole(words)
            && let Ok(node) = NamedNode::new(iri)
        {
            let known =
                self.store.quads_for_pattern(Some(node.as_ref().into()), None, None, None).next().is_some();
            return Ok(if known { vec![node.into_string()] } else { Vec::new() });
        }
        let wanted = folded(words);
        for predicates in [&NAMES[..], &SYNONYMS[..]] {
            let mut found = std::collections::BTreeSet::new();
            for predicate in predicates {
                let predicate = NamedNodeRef::new_unchecked(predicate);
                for quad in self.store.quads_for_pattern(None, Some(predicate), None, None) {
                    let quad = quad?;
                    if let (NamedOrBlankNode::NamedNode(node), Term::Literal(text)) =
                        (quad.subject, quad.object)
                        && folded(text.value()) == wanted
                    {
                        found.insert(node.into_string());
                    }
                }
            }
            if !found.is_empty() {
                return Ok(found.into_iter().collect());
            }
        }
        Ok(Vec::new())
    }

    /// All that the graph knows of an address.
    ///
    /// # Errors
    /// [`GraphError::Store`].
    pub fn concept(&self, iri: &str) -> Result<Concept, GraphError> {
        let node = NamedNode::new_unchecked(iri);
        let mut concept = Concept {
            id: short(iri),
            iri: iri.to_owned(),
            name: self.name(node.as_ref())?,
            synonyms: Vec::new(),
            deprecated: false,
            broader: Vec::new(),
            narrower: Vec::new(),
            says: Vec::new(),
            said_by: Vec::new(),
        };
        let mut synonyms = BTreeMap::new();
        for quad in self.store.quads_for_pattern(Some(node.as_ref().into()), None, None, None) {
            let quad = quad?;
            let predicate = quad.predicate.as_str();
            let rank = SYNONYMS.iter().chain(&NAMES).position(|known| *known == predicate);
            match (&quad.object, predicate) {
                (_, DEPRECATED) => concept.deprecated = true,
                (_, RDF_TYPE) => {}
                (Term::NamedNode(_), SUB_CLASS_OF) => {
                    concept.broader.push(self.relation(&quad, &quad.object)?)
                }
                (Term::Literal(text), _) if rank.is_some() => {
                    let before = synonyms.entry(text.value().to_owned()).or_insert(rank);
                    *before = (*before).min(rank);
                }
                _ if predicate == format!("{OBO_IN_OWL}id") => {}
                _ => concept.says.push(self.relation(&quad, &quad.object)?),
            }
        }
        synonyms.retain(|text, _| Some(text) != concept.name.as_ref());
        let mut synonyms: Vec<_> = synonyms.into_iter().collect();
        synonyms.sort_by(|one, other| one.1.cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
        concept.synonyms = synonyms.into_iter().map(|(text, _)| text).collect();
        for quad in self.store.quads_for_pattern(None, None, Some(node.as_ref().into()), None) {
            let quad = quad?;
            let relation = self.relation(&quad, &Term::from(quad.subject.clone()))?;
            let kind_of = quad.predicate.as_str() == SUB_CLASS_OF;
            if kind_of { &mut concept.narrower } else { &mut concept.said_by }.push(relation);
        }
        for list in [&mut concept.broader, &mut concept.narrower, &mut concept.says, &mut concept.said_by] {
            list.sort();
            list.dedup();
        }
        Ok(concept)
    }

    /// Every name of every concept that is still in use, with the concept as people write it, in order.
    ///
    /// # Errors
    /// [`GraphError::Store`].
    pub fn names(&self) -> Result<Vec<(String, String)>, GraphError> {
        let deprecated = NamedNodeRef::new_unchecked(DEPRECATED);
        let mut old = std::collections::BTreeSet::new();
        for quad in self.store.quads_for_pattern(None, Some(deprecated), None, None) {
            old.insert(quad?.subject.to_string());
        }
        let mut names = Vec::new();
        for predicate in NAMES.iter().chain(&SYNONYMS) {
            for quad in
                self.store.quads_for_pattern(None, Some(NamedNodeRef::new_unchecked(predicate)), None, None)
            {
                let quad = quad?;
                if let (NamedOrBlankNode::NamedNode(node), Term::Literal(text)) =
                    (&quad.subject, &quad.object)
                    && !old.contains(&quad.subject.to_string())
                {
                    names.push((text.value().to_owned(), short(node.as_str())));
                }
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The first name of a node.
    pub(crate) fn name(&self, node: NamedNodeRef<'_>) -> Result<Option<String>, GraphError> {
        for predicate in NAMES {
            let predicate = NamedNodeRef::new_unchecked(predicate);
            let mut names = Vec::new();
            for quad in self.store.quads_for_pattern(Some(node.into()), Some(predicate), None, None) {
                if let Term::Literal(text) = quad?.object {
                    // Those in English, or in no language, first.
                    let foreign = text.language().is_some_and(|language| !language.starts_with("en"));
                    names.push((foreign, text.value().to_owned()));
                }
            }
            if let Some((_, name)) = names.into_iter().min() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn relation(&self, quad: &Quad, end: &Term) -> Result<Relation, GraphError> {
        let (what, name) = match end {
            Term::NamedNode(node) => (short(node.as_str()), self.name(node.as_ref())?),
            Term::BlankNode(node) => (format!("_:{}", node.as_str()), None),
            Term::Literal(text) => (text.value().to_owned(), None),
        };
        let source = match &quad.graph_name {
            GraphName::NamedNode(node) => {
                node.as_str().strip_prefix(SOURCES).unwrap_or(node.as_str()).to_owned()
            }
            _ => String::new(),
        };
        Ok(Relation { how: short(quad.predicate.as_str()), what, name, source })
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}
