//! General knowledge for a report: what the graph and the indexed texts say of what was found.
//!
//! [`references`] composes sentences with what bears them; [`wilhelm_report::Report::refer`] lets them in or refuses them.
//! Nothing here changes a finding.

mod alternatives;
mod caution;
mod evidence;
mod passage;
#[cfg(test)]
mod tests;
mod weigh;

use std::collections::BTreeMap;

use serde::Serialize;
use wilhelm_knowledge::handbook::{Handbook, KnownFinding, StatedSign};
use wilhelm_report::guideline::Decision;
use wilhelm_report::{Exam, Known, QuoteKind, Reference, RefusedReference, short_citation};
use wilhelm_study::{Certainty, Finding};

use crate::library::{Library, LibraryError};
use evidence::text_statement;

/// What general knowledge is taken from.
#[derive(Clone, Copy)]
pub struct KnowledgeBase<'a> {
    /// What the graph says.
    pub handbook: &'a Handbook,
    /// The user's texts, where some are indexed.
    pub passages: Option<&'a Library>,
    /// What is said of it.
    pub settings: ReferenceSettings,
}

impl std::fmt::Debug for KnowledgeBase<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KnowledgeBase").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReferenceSettings {
    /// Whether findings are defined in the words of an ontology: for teaching.
    pub definitions: bool,
}

/// What a report was given of general knowledge, for its provenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnowledgeUse {
    /// What is said of it.
    pub settings: ReferenceSettings,
    /// The graph's sources: title, release, SHA-256.
    pub sources: Vec<KnowledgeSource>,
    /// Passages of the index, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passages: Option<usize>,
    /// Sentences that were refused, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedReference>,
}

/// A source of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnowledgeSource {
    /// For people.
    pub title: String,
    /// Which release.
    pub version: Option<String>,
    /// SHA-256 of its file.
    pub sha256: String,
}

impl KnowledgeUse {
    /// What a knowledge base is made of.
    pub(crate) fn of(knowledge: &KnowledgeBase<'_>, refused: Vec<RefusedReference>) -> Self {
        let sources = knowledge.handbook.sources.iter();
        let sources = sources.map(|source| KnowledgeSource {
            title: source.title.clone(),
            version: source.version.clone(),
            sha256: source.sha256.clone(),
        });
        let passages = knowledge.passages.map(Library::count);
        Self { settings: knowledge.settings, sources: sources.collect(), passages, refused }
    }
}

/// What is known of a case.
pub(crate) struct Asked<'a> {
    pub exam: &'a Exam,
    pub findings: &'a [Finding],
    /// Lines of the request.
    pub request: &'a [String],
    pub age_years: Option<f64>,
    pub decisions: &'a [Decision],
}

/// Sentences to be, and where the graph has the published rules that were applied.
#[derive(Debug, Default)]
pub(crate) struct Composed {
    pub references: Vec<Reference>,
    pub rules: BTreeMap<String, String>,
}

/// Findings that knowledge is looked up for: the likeliest.
const MOST_FINDINGS: usize = 3;
/// Sentences of the graph on one finding; one of the texts may follow.
const MOST_OF_GRAPH: usize = 2;

/// Composes what is said of a case: for each finding that is or may be there at most two sentences of the graph and one of the
/// texts, and what to heed where a recommended examination is made.
///
/// # Errors
/// [`LibraryError`] of an index that cannot be read.
pub(crate) fn references(asked: &Asked<'_>, knowledge: &KnowledgeBase<'_>) -> Result<Composed, LibraryError> {
    let book = knowledge.handbook;
    let stated = book.stated_in(asked.request);
    let mut composed = Composed::default();
    for finding in spoken_of(asked.findings) {
        let entry = known(book, finding, asked.exam);
        if let Some(entry) = entry {
            composed.references.extend(of_graph(asked, knowledge, (finding, entry), &stated));
        }
        if let Some(library) = knowledge.passages {
            composed.references.extend(passage::reference(finding, asked.exam, library)?);
        }
    }
    if let Some(library) = knowledge.passages {
        for reference in &mut composed.references {
            passage::support(reference, library)?;
        }
    }
    composed.references.extend(caution::references(asked, book, &stated));
    let rules = asked.decisions.iter().filter_map(|decision| {
        let known = book.guideline(&decision.rule).filter(|known| known.version == decision.version)?;
        Some((decision.rule.clone(), known.iri.clone()))
    });
    composed.rules = rules.collect();
    Ok(composed)
}

/// The findings that are or may be there, the likeliest first.
fn spoken_of(findings: &[Finding]) -> Vec<&Finding> {
    let mut found: Vec<&Finding> =
        findings.iter().filter(|f| !f.normal && f.certainty >= Certainty::Indeterminate).collect();
    found.sort_by(|a, b| {
        let estimate = |finding: &Finding| finding.probability.estimate.value();
        estimate(b).total_cmp(&estimate(a))
    });
    found.truncate(MOST_FINDINGS);
    found
}

/// What the graph calls a finding.
fn known<'a>(book: &'a Handbook, finding: &Finding, exam: &Exam) -> Option<&'a KnownFinding> {
    let of = &finding.observation;
    let words = std::iter::once(of.name.as_str()).chain(of.synonyms.iter().map(String::as_str));
    book.finding(words, exam.body_part.as_deref())
}

/// What the graph says of one finding.
fn of_graph(
    asked: &Asked<'_>,
    knowledge: &KnowledgeBase<'_>,
    (finding, entry): (&Finding, &KnownFinding),
    stated: &[StatedSign],
) -> Vec<Reference> {
    let book = knowledge.handbook;
    let mut found = Vec::new();
    found.extend(alternatives::reference(book, finding, entry, asked.findings));
    found.extend(weigh::reference(asked, book, finding, entry, stated));
    found.extend(guideline(book, finding, entry, asked.age_years));
    found.truncate(MOST_OF_GRAPH);
    if knowledge.settings.definitions
        && let Some(definition) = definition(book, finding, entry)
    {
        found.insert(0, definition);
    }
    found
}

/// What a guideline advises on a finding that is there, for a patient of a known age.
fn guideline(
    book: &Handbook,
    finding: &Finding,
    entry: &KnownFinding,
    age_years: Option<f64>,
) -> Option<Reference> {
    if !finding.certainty.is_positive() {
        return None;
    }
    let advice = book.advice.iter().find(|one| {
        one.about == entry.iri
            && one.drug.is_none()
            && one.egfr_at_least.is_none()
            && one.egfr_below.is_none()
            && one.ages.mean(age_years) == Some(true)
    })?;
    Some(Reference {
        about: Some(finding.id.clone()),
        says: Known::Quoted {
            kind: QuoteKind::Guideline,
            of: finding.observation.name.trim().to_owned(),
            quote: advice.text.clone(),
            by: short_citation(&advice.citation),
        },
        bears: vec![text_statement(
            book,
            &advice.about,
            evidence::ADVISED,
            &advice.text,
            Some(&advice.citation),
            advice.source,
        )],
        lines: Vec::new(),
    })
}

/// What a finding is, where the graph has a disease of its name that is defined in words for people.
fn definition(book: &Handbook, finding: &Finding, entry: &KnownFinding) -> Option<Reference> {
    let name = finding.observation.name.trim();
    let mut links = book.links_of(entry).filter(|link| book.name(&link.to).eq_ignore_ascii_case(name));
    let iri = links.next().map(|link| link.to.as_str())?;
    let (text, source) = book.concepts.get(iri)?.definition.as_ref()?;
    Some(Reference {
        about: Some(finding.id.clone()),
        says: Known::Quoted {
            kind: QuoteKind::Definition,
            of: name.to_owned(),
            quote: text.clone(),
            by: book.sources.get(*source)?.title.clone(),
        },
        bears: vec![text_statement(book, iri, evidence::DEFINED, text, None, *source)],
        lines: Vec::new(),
    })
}
