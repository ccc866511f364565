//! Statements of the graph as evidence.

use wilhelm_knowledge::handbook::{Handbook, KnownFigures, KnownLink, LinkKind};
use wilhelm_study::{EvidenceSource, KnownFrequency, KnownTerm};

/// A predicate: its address and how it is read.
pub(super) type Predicate = (&'static str, &'static str);

pub(super) const ADVISED: Predicate = ("http://www.w3.org/2000/01/rdf-schema#comment", "advice");
pub(super) const DEFINED: Predicate = ("http://purl.obolibrary.org/obo/IAO_0000115", "is defined as");
const MIMICKED: Predicate = ("https://wilhelm.invalid/is/mimickedBy", "can be mimicked by");
const SUGGESTS: Predicate = ("https://wilhelm.invalid/is/suggests", "can come of");
const GOES_WITH: Predicate = ("https://wilhelm.invalid/is/sensitivity", "goes with");
const PREVALENCE: Predicate = ("https://wilhelm.invalid/is/prevalenceOf", "has the share");

fn term(book: &Handbook, iri: &str) -> KnownTerm {
    KnownTerm { iri: Some(iri.to_owned()), label: book.name(iri).to_owned() }
}

fn of((iri, label): Predicate) -> KnownTerm {
    KnownTerm { iri: Some(iri.to_owned()), label: label.to_owned() }
}

/// A statement between two things, without figures.
fn plain(
    book: &Handbook,
    subject: &str,
    predicate: Predicate,
    object: KnownTerm,
    citation: Option<&str>,
    source: usize,
) -> (EvidenceSource, String) {
    let from = book.sources.get(source);
    let subject = term(book, subject);
    let summary = match &object.iri {
        Some(_) => format!("{} {} {}", subject.label, predicate.1, object.label),
        None => format!("{}, {}: {}", subject.label, predicate.1, object.label),
    };
    let statement = EvidenceSource::Statement {
        subject,
        predicate: of(predicate),
        object,
        graph: from.map(|from| from.graph.clone()).unwrap_or_default(),
        source: from.map(|from| from.title.clone()).unwrap_or_default(),
        version: from.and_then(|from| from.version.clone()),
        license: from.map(|from| from.license.clone()).unwrap_or_default(),
        citation: citation.map(str::to_owned),
        figures: None,
        sentence: None,
    };
    (statement, summary)
}

/// A link of a finding.
pub(super) fn link_statement(book: &Handbook, link: &KnownLink) -> (EvidenceSource, String) {
    let predicate = match link.kind {
        LinkKind::MimickedBy => MIMICKED,
        LinkKind::Suggests => SUGGESTS,
    };
    let object = term(book, &link.to);
    let (mut statement, summary) =
        plain(book, &link.finding, predicate, object, link.citation.as_deref(), link.source);
    if let EvidenceSource::Statement { sentence, .. } = &mut statement {
        sentence.clone_from(&link.sentence);
    }
    (statement, summary)
}

/// A text that the graph has of something.
pub(super) fn text_statement(
    book: &Handbook,
    subject: &str,
    predicate: Predicate,
    text: &str,
    citation: Option<&str>,
    source: usize,
) -> (EvidenceSource, String) {
    let object = KnownTerm { iri: None, label: text.to_owned() };
    plain(book, subject, predicate, object, citation, source)
}

/// The figures of a link.
pub(super) fn frequency(figures: &KnownFigures) -> KnownFrequency {
    KnownFrequency {
        sensitivity: figures.sensitivity,
        false_positive_rate: figures.false_positive_rate,
        population: figures.population.clone(),
    }
}

/// How often a finding goes with a disease.
pub(super) fn figures_statement(book: &Handbook, of: &KnownFigures) -> (EvidenceSource, String) {
    let object = term(book, &of.disease);
    let (mut statement, summary) = plain(book, &of.finding, GOES_WITH, object, Some(&of.citation), of.source);
    if let EvidenceSource::Statement { figures, .. } = &mut statement {
        *figures = Some(frequency(of));
    }
    let summary = format!(
        "{summary} in {:.0} % of those who have it and {:.0} % of those who have not",
        of.sensitivity * 100.0,
        of.false_positive_rate * 100.0
    );
    (statement, summary)
}

/// How common a disease is.
pub(super) fn prevalence_statement(
    book: &Handbook,
    of: &wilhelm_knowledge::handbook::Prevalence,
) -> (EvidenceSource, String) {
    let population = of.population.as_ref().map_or_else(String::new, |of| format!(" of {of}"));
    let share = format!("{:.1} %{population}", of.share * 100.0);
    text_statement(book, &of.disease, PREVALENCE, &share, Some(&of.citation), of.source)
}
