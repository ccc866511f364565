//! What else can look like a finding, or what it can come of.

use wilhelm_knowledge::handbook::{Handbook, KnownFinding, KnownLink, LinkKind};
use wilhelm_report::{AlternativeKind, Known, Reference, short_citation};
use wilhelm_study::Finding;

use super::evidence::link_statement;

/// Names in one sentence.
const MOST_NAMES: usize = 5;

/// Whether a report looked for something of a name itself: then its own number speaks.
fn is_looked_for(name: &str, findings: &[Finding]) -> bool {
    findings.iter().any(|finding| {
        let of = &finding.observation;
        std::iter::once(&of.name).chain(&of.synonyms).any(|known| known.trim().eq_ignore_ascii_case(name))
    })
}

/// The alternatives to a finding that the graph has with a citation.
pub(super) fn reference(
    book: &Handbook,
    finding: &Finding,
    entry: &KnownFinding,
    findings: &[Finding],
) -> Option<Reference> {
    let of_kind = |kind: LinkKind| -> Vec<&KnownLink> {
        let links = book.links_of(entry).filter(|link| link.kind == kind);
        // What a model's label stands for is no knowledge of anybody.
        let cited = links.filter(|link| {
            link.citation.as_deref().is_some_and(|citation| !citation.starts_with("the label of"))
        });
        cited.filter(|link| !is_looked_for(book.name(&link.to), findings)).take(MOST_NAMES).collect()
    };
    let alike = of_kind(LinkKind::MimickedBy);
    let (kind, links) = match alike.is_empty() {
        true => (AlternativeKind::Cause, of_kind(LinkKind::Suggests)),
        false => (AlternativeKind::Alike, alike),
    };
    let mut names: Vec<String> = Vec::new();
    let mut by: Vec<String> = Vec::new();
    for link in &links {
        let name = book.name(&link.to).to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
        let citation = short_citation(link.citation.as_deref().unwrap_or_default());
        if !by.contains(&citation) {
            by.push(citation);
        }
    }
    (!names.is_empty()).then(|| Reference {
        about: Some(finding.id.clone()),
        says: Known::Alternatives { of: finding.observation.name.trim().to_owned(), kind, names, by },
        bears: links.iter().map(|link| link_statement(book, link)).collect(),
        lines: Vec::new(),
    })
}
