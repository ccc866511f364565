//! A handbook out of a graph.

use std::collections::{BTreeMap, BTreeSet};

use oxigraph::model::NamedNode;

use super::{
    Advice, Ages, FORMAT, Handbook, HandbookSource, KnownConcept, KnownFigures, KnownFinding, KnownGuideline,
    KnownLink, LinkKind, Prevalence,
};
use crate::graph::{Answer, Binding, Graph, GraphError, QueryStop, built_in_sources};

const FINDINGS: &str = "SELECT DISTINCT ?f ?word { VALUES ?how { rdfs:label skos:altLabel is:inReports } \
    ?f rdfs:subClassOf <https://wilhelm.invalid/class/Finding> ; ?how ?word } ORDER BY ?f ?word";
const PARTS: &str = "SELECT DISTINCT ?f ?name { ?f rdfs:subClassOf <https://wilhelm.invalid/class/Finding> ; \
    is:in/is:partOf* ?part . ?part rdfs:label ?name } ORDER BY ?f ?name";
const SAME: &str = "SELECT DISTINCT ?f ?same { ?f rdfs:subClassOf <https://wilhelm.invalid/class/Finding> ; \
    is:sameAs ?same } ORDER BY ?f ?same";
const NAMED: &str = "SELECT DISTINCT ?x ?word { VALUES ?class { <https://wilhelm.invalid/class/Sign> \
    <https://wilhelm.invalid/class/Agent> <https://wilhelm.invalid/class/Finding> } \
    VALUES ?how { rdfs:label skos:altLabel } ?x rdfs:subClassOf ?class ; ?how ?word } ORDER BY ?x ?word";
const LINKS: &str = "SELECT DISTINCT ?f ?how ?to ?g ?source ?sentence ?at { VALUES ?how { is:suggests is:mimickedBy } \
    GRAPH ?g { ?f ?how ?to } \
    OPTIONAL { ?link is:finding ?f ; is:disease ?to ; dcterms:source ?source . \
        FILTER NOT EXISTS { ?link is:sensitivity ?x } OPTIONAL { ?link is:sentence ?sentence } \
        OPTIONAL { ?link is:order ?order } } BIND(COALESCE(?order, 1000) AS ?at) } \
    ORDER BY ?f ?how ?at ?to ?g ?source";
const FIGURES: &str = "SELECT ?f ?d ?with ?without ?source ?g ?of ?least ?below { GRAPH ?g { ?link is:finding ?f ; \
    is:disease ?d ; is:sensitivity ?with ; is:falsePositiveRate ?without ; dcterms:source ?source } \
    OPTIONAL { ?link is:population ?of } OPTIONAL { ?link is:ageAtLeast ?least } OPTIONAL { ?link is:ageBelow ?below } } \
    ORDER BY ?link ?g";
const PREVALENCES: &str = "SELECT ?d ?share ?source ?g ?of { GRAPH ?g { ?x is:prevalenceOf ?d ; is:share ?share ; \
    dcterms:source ?source } OPTIONAL { ?x is:population ?of } } ORDER BY ?x ?g";
const ADVICE: &str = "SELECT ?a ?about ?text ?source ?g ?drug ?atLeast ?under ?modality ?least ?below ?given { GRAPH ?g { \
    ?a a <https://wilhelm.invalid/class/Advice> ; is:about ?about ; rdfs:comment ?text ; dcterms:source ?source } \
    OPTIONAL { ?a is:drug ?drug } OPTIONAL { ?a is:egfrAtLeast ?atLeast } OPTIONAL { ?a is:egfrBelow ?under } \
    OPTIONAL { ?a is:modality/is:dicomTerm ?modality } OPTIONAL { ?about is:givenFor/is:dicomTerm ?given } \
    OPTIONAL { ?a is:ageAtLeast ?least } OPTIONAL { ?a is:ageBelow ?below } } ORDER BY ?a ?g";
const GUIDELINES: &str = "SELECT ?x ?rule ?version ?title ?source ?g ?plain { GRAPH ?g { ?x is:rule ?rule ; \
    is:version ?version ; rdfs:label ?title ; dcterms:source ?source } OPTIONAL { ?x is:withoutContrast ?plain } } \
    ORDER BY ?x ?g";
const DEFINITIONS: &str = "SELECT ?x ?text ?g { GRAPH ?g { ?x obo:IAO_0000115 ?text } } ORDER BY ?x ?g";

/// A row of an answer by the place of its columns.
struct Row(Vec<Option<Binding>>);

impl Row {
    fn text(&self, at: usize) -> Option<String> {
        self.0.get(at)?.as_ref().map(|value| value.value().to_owned())
    }

    fn number(&self, at: usize) -> Result<Option<f64>, GraphError> {
        let Some(text) = self.text(at) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(GraphError::Evaluation { what: format!("\"{text}\" is no number") }),
        }
    }
}

fn rows(graph: &Graph, query: &str) -> Result<Vec<Row>, GraphError> {
    Ok(match graph.query(query, usize::MAX, &QueryStop::new())? {
        Answer::Table { rows, .. } => rows.into_iter().map(Row).collect(),
        _ => Vec::new(),
    })
}

/// Texts of the second column by the first.
fn grouped(graph: &Graph, query: &str) -> Result<BTreeMap<String, Vec<String>>, GraphError> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows(graph, query)? {
        if let (Some(of), Some(text)) = (row.text(0), row.text(1)) {
            found.entry(of).or_default().push(text);
        }
    }
    Ok(found)
}

impl Handbook {
    /// Gathers what a report needs of a graph. What the graph says in a form that is not ours is no error and not among it.
    ///
    /// # Errors
    /// As [`Graph::query`]; a figure that is no number.
    pub fn of_graph(graph: &Graph) -> Result<Self, GraphError> {
        let mut gathered = Gathered::new(graph)?;
        let words = grouped(graph, FINDINGS)?;
        let (mut parts, mut same) = (grouped(graph, PARTS)?, grouped(graph, SAME)?);
        let lower = |texts: Vec<String>| -> Vec<String> {
            let set: BTreeSet<String> = texts.iter().map(|text| text.to_lowercase()).collect();
            set.into_iter().collect()
        };
        for (iri, texts) in words {
            gathered.book.findings.push(KnownFinding {
                words: lower(texts),
                parts: lower(parts.remove(&iri).unwrap_or_default()),
                same: same.remove(&iri).unwrap_or_default(),
                iri,
            });
        }
        gathered.links(graph)?;
        gathered.figures(graph)?;
        gathered.advice(graph)?;
        for (iri, texts) in grouped(graph, NAMED)? {
            let first = gathered.name(graph, &iri)?;
            let concept = gathered.book.concepts.entry(iri.clone()).or_default();
            concept.synonyms = texts.into_iter().filter(|text| *text != first).collect();
            gathered.book.named_in_requests.push(iri);
        }
        gathered.definitions(graph)?;
        Ok(gathered.book)
    }

    /// That of the files that come with the program: what the committed one is held against.
    ///
    /// # Errors
    /// As [`Handbook::of_graph`]; none with the files as they are committed.
    pub fn of_built_in_graph() -> Result<Self, GraphError> {
        let graph = Graph::empty()?;
        for (source, statements) in built_in_sources().map_err(GraphError::Stored)? {
            graph.put(&source, &statements)?;
        }
        Self::of_graph(&graph)
    }
}

/// A handbook in the making.
struct Gathered {
    book: Handbook,
    /// Place of each source by the address of its graph.
    places: BTreeMap<String, usize>,
}

impl Gathered {
    fn new(graph: &Graph) -> Result<Self, GraphError> {
        let mut made =
            Self { book: Handbook { format: FORMAT, ..Handbook::default() }, places: BTreeMap::new() };
        for one in graph.sources()? {
            let source = one.source;
            let iri = source.name.iri();
            made.places.insert(iri.clone(), made.book.sources.len());
            made.book.sources.push(HandbookSource {
                graph: iri,
                title: source.title,
                license: source.license,
                version: source.version,
                sha256: source.sha256,
            });
        }
        Ok(made)
    }

    /// The place of a statement's source; statements of graphs that are no sources are nobody's.
    fn place(&self, row: &Row, at: usize) -> Option<usize> {
        self.places.get(&row.text(at)?).copied()
    }

    /// Names a thing, once.
    fn name(&mut self, graph: &Graph, iri: &str) -> Result<String, GraphError> {
        if let Some(known) = self.book.concepts.get(iri) {
            return Ok(known.name.clone());
        }
        let name = match NamedNode::new(iri) {
            Ok(node) => graph.name(node.as_ref())?,
            Err(_) => None,
        };
        let name = name.unwrap_or_else(|| iri.to_owned());
        self.book.concepts.insert(iri.to_owned(), KnownConcept { name: name.clone(), ..Default::default() });
        Ok(name)
    }

    fn links(&mut self, graph: &Graph) -> Result<(), GraphError> {
        for row in rows(graph, LINKS)? {
            let (Some(finding), Some(how), Some(to), Some(source)) =
                (row.text(0), row.text(1), row.text(2), self.place(&row, 3))
            else {
                continue;
            };
            let kind = if how.ends_with("/suggests") { LinkKind::Suggests } else { LinkKind::MimickedBy };
            let link = KnownLink { finding, kind, to, citation: row.text(4), sentence: row.text(5), source };
            // Several citations of one statement: the first is enough.
            let is_known = |known: &KnownLink| {
                (&known.finding, known.kind, &known.to, known.source)
                    == (&link.finding, link.kind, &link.to, link.source)
            };
            if !self.book.links.iter().any(is_known) {
                self.name(graph, &link.finding)?;
                self.name(graph, &link.to)?;
                self.book.links.push(link);
            }
        }
        Ok(())
    }

    fn figures(&mut self, graph: &Graph) -> Result<(), GraphError> {
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        for row in rows(graph, FIGURES)? {
            let (Some(finding), Some(disease), Some(citation), Some(source)) =
                (row.text(0), row.text(1), row.text(4), self.place(&row, 5))
            else {
                continue;
            };
            let (Some(sensitivity), Some(false_positive_rate)) = (row.number(2)?, row.number(3)?) else {
                continue;
            };
            // A ratio of 0 or without end would decide alone.
            if !is_share(sensitivity) || !is_share(false_positive_rate) {
                continue;
            }
            self.name(graph, &finding)?;
            self.name(graph, &disease)?;
            let ages = Ages { at_least: row.number(7)?, below: row.number(8)? };
            let population = row.text(6);
            self.book.figures.push(KnownFigures {
                finding,
                disease,
                sensitivity,
                false_positive_rate,
                population,
                ages,
                citation,
                source,
            });
        }
        for row in rows(graph, PREVALENCES)? {
            let (Some(disease), Some(share), Some(citation), Some(source)) =
                (row.text(0), row.number(1)?, row.text(2), self.place(&row, 3))
            else {
                continue;
            };
            if is_share(share) {
                self.name(graph, &disease)?;
                let population = row.text(4);
                self.book.prevalences.push(Prevalence { disease, share, population, citation, source });
            }
        }
        Ok(())
    }

    fn advice(&mut self, graph: &Graph) -> Result<(), GraphError> {
        for row in rows(graph, ADVICE)? {
            let (Some(iri), Some(about), Some(text), Some(citation), Some(source)) =
                (row.text(0), row.text(1), row.text(2), row.text(3), self.place(&row, 4))
            else {
                continue;
            };
            self.name(graph, &about)?;
            let drug = row.text(5);
            if let Some(drug) = &drug {
                self.name(graph, drug)?;
            }
            self.book.advice.push(Advice {
                iri,
                about,
                drug,
                egfr_at_least: row.number(6)?,
                egfr_below: row.number(7)?,
                modality: row.text(8),
                given_for: row.text(11),
                ages: Ages { at_least: row.number(9)?, below: row.number(10)? },
                text,
                citation,
                source,
            });
        }
        for row in rows(graph, GUIDELINES)? {
            let (Some(iri), Some(rule), Some(version), Some(title), Some(citation), Some(source)) =
                (row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), self.place(&row, 5))
            else {
                continue;
            };
            let without_contrast = row.text(6).as_deref() == Some("true");
            let guideline = KnownGuideline { iri, rule, version, title, citation, without_contrast, source };
            self.book.guidelines.push(guideline);
        }
        Ok(())
    }

    /// Definitions of what findings lead to, as far as they are words for people.
    fn definitions(&mut self, graph: &Graph) -> Result<(), GraphError> {
        let wanted: BTreeSet<&String> = self.book.links.iter().map(|link| &link.to).collect();
        let mut found = Vec::new();
        for row in rows(graph, DEFINITIONS)? {
            if let (Some(iri), Some(text), Some(source)) = (row.text(0), row.text(1), self.place(&row, 2))
                && wanted.contains(&iri)
                && let Some(text) = for_people(&text)
            {
                found.push((iri, text, source));
            }
        }
        for (iri, text, source) in found {
            if let Some(concept) = self.book.concepts.get_mut(&iri) {
                concept.definition.get_or_insert((text, source));
            }
        }
        Ok(())
    }
}

/// The first sentence of a definition; none where it is written for programs ("located_in") or too long to be read.
fn for_people(definition: &str) -> Option<String> {
    let first = definition.split_inclusive(". ").next()?.trim();
    let plain =
        !first.contains(['_', '\\', '{', '[']) && first.ends_with('.') && !first.contains("that are ");
    (plain && first.chars().count() <= 240).then(|| first.to_owned())
}
