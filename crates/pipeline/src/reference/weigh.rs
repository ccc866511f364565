//! What the request and other findings say for and against a disease that could explain a finding.

use std::collections::BTreeMap;

use wilhelm_knowledge::differential::{Differential, Frequency};
use wilhelm_knowledge::handbook::{Handbook, KnownFigures, KnownFinding, LinkKind, Prevalence, StatedSign};
use wilhelm_report::{Known, Reference, ToldBy, WeighedSign, short_citation};
use wilhelm_study::{Certainty, Finding};

use super::evidence::{figures_statement, frequency, prevalence_statement};
use super::{Asked, known};

/// Signs in one sentence.
const MOST_SIGNS: usize = 4;

/// A sign with its figures.
struct Told<'a> {
    figures: &'a KnownFigures,
    present: bool,
    by: ToldBy,
}

/// The disease with most to say for or against it among those that could explain a finding.
pub(super) fn reference(
    asked: &Asked<'_>,
    book: &Handbook,
    finding: &Finding,
    entry: &KnownFinding,
    stated: &[StatedSign],
) -> Option<Reference> {
    let mut best: Option<(f64, String, Vec<Told<'_>>)> = None;
    for disease in explaining(book, entry) {
        let mut told = told(asked, book, &disease, stated);
        let strength = |one: &Told<'_>| frequency(one.figures).likelihood_ratio(one.present).ln().abs();
        told.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
        // Figures of one population stand in one sentence.
        let Some(of) = told.first().map(|one| one.figures.population.clone()) else { continue };
        told.retain(|one| one.figures.population == of);
        told.truncate(MOST_SIGNS);
        let sum: f64 = told.iter().map(strength).sum();
        if best.as_ref().is_none_or(|(most, ..)| sum > *most) {
            best = Some((sum, disease, told));
        }
    }
    let (_, disease, told) = best?;
    let population = told.first().and_then(|one| one.figures.population.clone());
    let mut by: Vec<String> = Vec::new();
    for one in &told {
        let citation = short_citation(&one.figures.citation);
        if !by.contains(&citation) {
            by.push(citation);
        }
    }
    let mut bears: Vec<_> = told.iter().map(|one| figures_statement(book, one.figures)).collect();
    let prevalence =
        book.prevalences.iter().find(|one| one.disease == disease && one.population == population);
    let probability = prevalence.and_then(|prevalence| posterior(prevalence, &told));
    if let Some(prevalence) = prevalence.filter(|_| probability.is_some()) {
        bears.push(prevalence_statement(book, prevalence));
    }
    let lines = told.iter().filter_map(|one| match one.by {
        ToldBy::Request(line) => Some(line),
        ToldBy::Finding(_) => None,
    });
    Some(Reference {
        about: Some(finding.id.clone()),
        lines: lines.collect(),
        says: Known::Weighed {
            disease: book.name(&disease).to_owned(),
            signs: told
                .iter()
                .map(|one| WeighedSign {
                    name: book.name(&one.figures.finding).to_owned(),
                    present: one.present,
                    likelihood_ratio: frequency(one.figures).likelihood_ratio(one.present),
                    told_by: one.by.clone(),
                })
                .collect(),
            population,
            by,
            probability,
        },
        bears,
    })
}

/// Diseases that could explain a finding: what it suggests or can be mimicked by, and what those suggest that are findings
/// themselves.
fn explaining(book: &Handbook, entry: &KnownFinding) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |iri: &str| {
        if !found.iter().any(|known| known == iri) {
            found.push(iri.to_owned());
        }
    };
    for link in book.links_of(entry) {
        add(&link.to);
        let name = book.name(&link.to).to_lowercase();
        let as_finding =
            book.findings.iter().filter(|known| known.iri == link.to || known.words.contains(&name));
        for known in as_finding {
            book.links_of(known)
                .filter(|link| link.kind == LinkKind::Suggests)
                .for_each(|link| add(&link.to));
        }
    }
    found
}

/// What is told of signs with figures for a disease, each once: findings of the report before lines of the request.
fn told<'a>(asked: &Asked<'_>, book: &'a Handbook, disease: &str, stated: &[StatedSign]) -> Vec<Told<'a>> {
    let mut found: Vec<Told<'a>> = Vec::new();
    let of = |figures: &&KnownFigures| {
        figures.disease == disease && figures.ages.mean(asked.age_years) != Some(false)
    };
    for figures in book.figures.iter().filter(of) {
        if found.iter().any(|one| one.figures.finding == figures.finding) {
            continue;
        }
        let by_finding = asked.findings.iter().filter(|finding| !finding.normal).find_map(|finding| {
            let present = match finding.certainty {
                Certainty::Present | Certainty::Probable => true,
                Certainty::Unlikely | Certainty::Absent => false,
                Certainty::Indeterminate => return None,
            };
            let entry = known(book, finding, asked.exam)?;
            let is_same = entry.iri == figures.finding || entry.same.contains(&figures.finding);
            is_same.then(|| (present, ToldBy::Finding(finding.id.clone())))
        });
        let by_request = || {
            let sign = stated.iter().find(|sign| sign.iri == figures.finding)?;
            Some((sign.present, ToldBy::Request(sign.line)))
        };
        if let Some((present, by)) = by_finding.or_else(by_request) {
            found.push(Told { figures, present, by });
        }
    }
    found
}

/// The probability before and with the signs that are named.
fn posterior(prevalence: &Prevalence, told: &[Told<'_>]) -> Option<[f64; 2]> {
    let table = told.iter().map(|one| Frequency {
        finding: one.figures.finding.clone(),
        disease: one.figures.disease.clone(),
        sensitivity: one.figures.sensitivity,
        false_positive_rate: one.figures.false_positive_rate,
        source: one.figures.citation.clone(),
    });
    let prior = BTreeMap::from([(prevalence.disease.clone(), prevalence.share)]);
    let of = |present: bool| -> Vec<String> {
        told.iter().filter(|one| one.present == present).map(|one| one.figures.finding.clone()).collect()
    };
    let ranked = Differential::new(prior, table.collect()).ok()?.rank(&of(true), &of(false)).ok()?;
    let now = ranked.iter().find(|one| one.disease.as_ref() == Some(&prevalence.disease))?;
    Some([prevalence.share, now.probability])
}
