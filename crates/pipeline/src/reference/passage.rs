//! What the user's texts say of a finding, and where they bear a sentence of the graph.

use wilhelm_knowledge::ask::{Asked, Candidate, check_sentence, extract, quotable};
use wilhelm_knowledge::passages::Passage;
use wilhelm_report::{Exam, Known, QuoteKind, Reference};
use wilhelm_study::{EvidenceSource, Finding};

use crate::asking::{REPORT, rarity};
use crate::library::{Found, Library, LibraryError, Way};

/// Passages that are looked at.
const LOOKED_AT: usize = 8;
/// Sentences of them that are tried.
const TRIED: usize = 6;

fn found(question: &str, library: &Library) -> Result<Vec<Found>, LibraryError> {
    let mut found = library.find(question, None, Way::Words, LOOKED_AT)?;
    // Reports of other patients are no general knowledge, and nobody else's business.
    found.retain(|one| !one.passage.document.starts_with(REPORT));
    Ok(found)
}

/// The sentence of the texts that fits a finding best and may be quoted on it; `None` where none does.
pub(super) fn reference(
    finding: &Finding,
    exam: &Exam,
    library: &Library,
) -> Result<Option<Reference>, LibraryError> {
    let name = finding.observation.name.trim();
    let mut question = name.to_owned();
    if let Some(modality) = &exam.modality {
        question = format!("{question} {}", modality.spoken());
    }
    if let Some(part) = exam.body_part.as_deref().filter(|part| !name.contains(*part)) {
        question = format!("{question} {part}");
    }
    let found = found(&question, library)?;
    let passages: Vec<&Passage> = found.iter().map(|one| &one.passage).collect();
    let asked = Asked { rarity: rarity(&question, library)?, question };
    let answer = extract(&asked, &passages, &Candidate::of_passages(&passages), TRIED);
    let synonyms = finding.observation.synonyms.iter().map(String::as_str);
    let names: Vec<&str> = std::iter::once(name).chain(synonyms).collect();
    for sentence in &answer.sentences {
        let Some(passage) = sentence
            .sources
            .first()
            .and_then(|cited| passages.iter().copied().find(|passage| passage.id == cited.passage))
        else {
            continue;
        };
        let quote = sentence.text.trim();
        if quotable(quote, &names).is_err() || check_sentence(quote, &[passage]).is_err() {
            continue;
        }
        let Some(evidence) = cited(passage, quote) else { continue };
        let by = passage.title.as_deref().unwrap_or(&passage.source);
        return Ok(Some(Reference {
            about: Some(finding.id.clone()),
            says: Known::Quoted {
                kind: QuoteKind::Passage,
                of: name.to_owned(),
                quote: quote.to_owned(),
                by: wilhelm_report::short_title(by),
            },
            bears: vec![evidence],
            lines: Vec::new(),
        }));
    }
    Ok(None)
}

/// Adds the passage that bears a sentence of the graph, where the check of answers accepts one.
pub(super) fn support(reference: &mut Reference, library: &Library) -> Result<(), LibraryError> {
    let Some(claim) = claimed(&reference.says) else { return Ok(()) };
    let found = found(&claim, library)?;
    let passages: Vec<&Passage> = found.iter().map(|one| &one.passage).collect();
    if let Ok(borne) = check_sentence(&claim, &passages) {
        reference.bears.extend(passages.get(borne.passage).and_then(|passage| cited(passage, &borne.quote)));
    }
    Ok(())
}

/// What a sentence of the graph claims, without who says it; a quotation needs no other witness.
fn claimed(says: &Known) -> Option<String> {
    match says {
        Known::Alternatives { of, names, .. } => Some(format!("{} can look like {of}.", names.join(", "))),
        _ => None,
    }
}

/// A passage as evidence; `None` where the words do not stand in it as one piece.
fn cited(passage: &Passage, quote: &str) -> Option<(EvidenceSource, String)> {
    let start = passage.text.find(quote)?;
    let from = passage.text[..start].chars().count();
    let evidence = EvidenceSource::Passage {
        id: passage.id.clone(),
        title: passage.title.clone(),
        source: passage.source.clone(),
        license: passage.license.clone(),
        quote: quote.to_owned(),
        span: [from, from + quote.chars().count()],
    };
    Some((evidence, format!("\u{201c}{quote}\u{201d}")))
}
