//! The gate of general knowledge.

use wilhelm_study::{Certainty, Evidence, EvidenceSource, FindingId, KnownFrequency};

use super::{AlternativeKind, Known, QuoteKind, ToldBy, WeighedSign, short_citation, words};
use crate::{GroundContext, Report, Stance, ground, review};

/// Most characters of quoted words.
const MOST_QUOTED: usize = 360;
/// What is said of the other end of a statement.
const ALIKE: &str = "mimickedBy";
const CAUSE: &str = "suggests";

/// Why a sentence of general knowledge may not stand in a report; `None` where it may.
///
/// It reads no meaning: the words must be those that are made of the claim, and each part of the claim must stand in a
/// statement or passage that bears it.
pub(crate) fn refused(
    text: &str,
    about: Option<&FindingId>,
    says: &Known,
    bears: &[&Evidence],
    report: &Report,
) -> Option<String> {
    if text != words(says) {
        return Some("its words are not those that its evidence says".to_owned());
    }
    if bears.is_empty() {
        return Some("it bears no evidence".to_owned());
    }
    if text.chars().any(crate::text::is_unseen) {
        return Some("it holds characters that nobody sees".to_owned());
    }
    let finding = match about {
        None => None,
        Some(id) => match report.finding(id) {
            None => return Some(format!("it goes with finding {id}, which the report does not hold")),
            Some(finding) if finding.normal || finding.certainty < Certainty::Indeterminate => {
                return Some(format!(
                    "it goes with {}, which the report does not find",
                    finding.observation.name
                ));
            }
            Some(finding) => Some(finding),
        },
    };
    let named = |of: &str| match finding {
        Some(finding) if finding.observation.name.trim() != of => {
            Some(format!("it speaks of {of}, and its finding is {}", finding.observation.name))
        }
        _ => None,
    };
    match says {
        Known::Alternatives { of, kind, names, by } => {
            named(of).or_else(|| alternatives(*kind, names, by, bears, report))
        }
        Known::Weighed { disease, signs, by, population, probability } => {
            let shares =
                probability.is_none_or(|shares| shares.iter().all(|share| (0.0..=1.0).contains(share)));
            if !shares {
                return Some("its probability is none".to_owned());
            }
            signs_of(disease, signs, population.as_deref(), by, bears, report)
        }
        Known::Quoted { kind, of, quote, by } => {
            let by_name = if *kind == QuoteKind::Caution { None } else { named(of) };
            by_name.or_else(|| quoted(*kind, quote, by, bears, report))
        }
    }
}

/// The other end, the citation and what is said, of a statement.
fn statement(evidence: &Evidence) -> Option<(&str, &str, Option<&str>)> {
    match &evidence.source {
        EvidenceSource::Statement { predicate, object, citation, .. } => {
            let said = predicate.iri.as_deref().unwrap_or(&predicate.label);
            Some((said, object.label.as_str(), citation.as_deref()))
        }
        _ => None,
    }
}

fn cites(bears: &[&Evidence], by: &str) -> bool {
    bears.iter().any(|evidence| match &evidence.source {
        EvidenceSource::Statement { citation: Some(citation), .. } => short_citation(citation) == by,
        EvidenceSource::Statement { citation: None, source, .. } => source == by,
        EvidenceSource::Passage { title, source, .. } => {
            short_title(title.as_deref().unwrap_or(source)) == by
        }
        _ => false,
    })
}

/// A title as a sentence names it: up to 100 characters of it.
pub fn short_title(title: &str) -> String {
    let short: String = title.trim().chars().take(100).collect();
    if short.chars().count() < title.trim().chars().count() { format!("{short}\u{2026}") } else { short }
}

fn alternatives(
    kind: AlternativeKind,
    names: &[String],
    by: &[String],
    bears: &[&Evidence],
    report: &Report,
) -> Option<String> {
    let wanted = match kind {
        AlternativeKind::Alike => ALIKE,
        AlternativeKind::Cause => CAUSE,
    };
    if names.is_empty() {
        return Some("it names nothing".to_owned());
    }
    for name in names {
        let borne = bears.iter().filter_map(|evidence| statement(evidence));
        if !borne.into_iter().any(|(said, object, _)| said.ends_with(wanted) && object == name) {
            return Some(format!("no statement that it bears names {name}"));
        }
        if let Some(finding) = report.findings.iter().find(|finding| is_named(finding, name)) {
            return Some(format!(
                "it names {}, which this report looked for itself",
                finding.observation.name
            ));
        }
    }
    by.iter().find(|by| !cites(bears, by)).map(|by| format!("no statement that it bears cites {by}"))
}

fn is_named(finding: &wilhelm_study::Finding, name: &str) -> bool {
    let of = &finding.observation;
    std::iter::once(&of.name).chain(&of.synonyms).any(|known| known.trim().eq_ignore_ascii_case(name.trim()))
}

fn signs_of(
    disease: &str,
    signs: &[WeighedSign],
    population: Option<&str>,
    by: &[String],
    bears: &[&Evidence],
    report: &Report,
) -> Option<String> {
    if signs.is_empty() {
        return Some("it weighs nothing".to_owned());
    }
    for sign in signs {
        let of = |evidence: &&Evidence| -> Option<KnownFrequency> {
            match &evidence.source {
                EvidenceSource::Statement { subject, object, figures: Some(figures), .. }
                    if subject.label == sign.name && object.label == disease =>
                {
                    Some(figures.clone())
                }
                _ => None,
            }
        };
        let Some(figures) = bears.iter().find_map(of) else {
            return Some(format!("no statement that it bears has figures of {} with {disease}", sign.name));
        };
        // JSON keeps a number to its last digit but one.
        let ratio = figures.likelihood_ratio(sign.present);
        let off = (ratio - sign.likelihood_ratio).abs();
        if off.is_nan() || off > 1e-9 * ratio {
            return Some(format!("the likelihood ratio of {} is not that of its figures", sign.name));
        }
        if figures.population.as_deref() != population {
            return Some(format!("the figures of {} are of others", sign.name));
        }
        if let Some(reason) = told(sign, report) {
            return Some(reason);
        }
    }
    by.iter().find(|by| !cites(bears, by)).map(|by| format!("no statement that it bears cites {by}"))
}

/// Why nobody says that a sign is there, or not there.
fn told(sign: &WeighedSign, report: &Report) -> Option<String> {
    match &sign.told_by {
        ToldBy::Request(line) => {
            let is_line = |evidence: &Evidence| matches!(evidence.source, EvidenceSource::PatientText { line: at } if at == *line);
            let known = report.evidence.iter().any(is_line);
            (!known).then(|| format!("the request has no line {line}"))
        }
        ToldBy::Finding(id) => match report.finding(id) {
            None => Some(format!("the report holds no finding {id}")),
            Some(finding) if !is_named(finding, &sign.name) => {
                Some(format!("finding {id} is {} and not {}", finding.observation.name, sign.name))
            }
            Some(finding) => {
                let says = match finding.certainty {
                    Certainty::Present | Certainty::Probable => Some(true),
                    Certainty::Unlikely | Certainty::Absent => Some(false),
                    Certainty::Indeterminate => None,
                };
                (says != Some(sign.present) || finding.normal)
                    .then(|| format!("the report does not say that of {}", finding.observation.name))
            }
        },
    }
}

fn quoted(kind: QuoteKind, quote: &str, by: &str, bears: &[&Evidence], report: &Report) -> Option<String> {
    let count = quote.chars().count();
    if !(12..=MOST_QUOTED).contains(&count) {
        return Some(format!("it quotes {count} characters, expected 12 to {MOST_QUOTED}"));
    }
    let stands = bears.iter().any(|evidence| match &evidence.source {
        EvidenceSource::Passage { quote: words, .. } => kind == QuoteKind::Passage && words == quote,
        EvidenceSource::Statement { object, .. } => {
            kind != QuoteKind::Passage && object.iri.is_none() && object.label == quote
        }
        _ => false,
    });
    if !stands {
        return Some("no passage or statement that it bears has these words".to_owned());
    }
    if !cites(bears, by) {
        return Some(format!("nothing that it bears is of {by}"));
    }
    // Quoted words stand in the report of a patient: they must not read as this patient's.
    if ground(quote, &GroundContext::of(report)).accepted {
        return Some("its words read as a finding of this patient".to_owned());
    }
    let against =
        review(quote, report).remarks.into_iter().find(|remark| remark.stance == Stance::Contradicts);
    against.map(|remark| format!("its words would contradict a finding: {}", remark.reason))
}
