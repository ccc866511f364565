//! What to heed where a recommended examination is made: contrast media, drugs, devices.

use wilhelm_knowledge::handbook::{Advice, Handbook, StatedSign, egfr_in};
use wilhelm_report::guideline::{Act, Means, Outcome};
use wilhelm_report::{Known, QuoteKind, Reference, short_citation};

use super::Asked;
use super::evidence::{ADVISED, text_statement};

/// Cautions in a report.
const MOST: usize = 3;

/// The modalities of examinations that the applied rules ask for, as DICOM calls them.
fn asked_for(asked: &Asked<'_>, book: &Handbook) -> Vec<&'static str> {
    let mut found = Vec::new();
    for decision in asked.decisions {
        let Outcome::Decided { next, recommendation, .. } = &decision.outcome else { continue };
        let says_plain = recommendation.as_ref().is_some_and(|words| words.contains("without contrast"));
        let is_plain =
            says_plain || book.guideline(&decision.rule).is_some_and(|known| known.without_contrast);
        for means in next.iter().filter(|step| step.act == Act::Imaging).flat_map(|step| &step.with) {
            let modality = match means {
                Means::Ct if !is_plain => "CT",
                Means::Mr => "MR",
                // Made without a contrast medium, as a rule.
                Means::Ct
                | Means::PetCt
                | Means::LowDoseCt
                | Means::Ultrasound
                | Means::Mammography
                | Means::Radiograph => continue,
            };
            if !found.contains(&modality) {
                found.push(modality);
            }
        }
    }
    found
}

/// The advice that concerns a recommended examination by what the request states.
pub(super) fn references(asked: &Asked<'_>, book: &Handbook, stated: &[StatedSign]) -> Vec<Reference> {
    let modalities = asked_for(asked, book);
    if modalities.is_empty() {
        return Vec::new();
    }
    let egfr = egfr_in(asked.request);
    let line_of =
        |iri: &str| stated.iter().find(|sign| sign.present && sign.iri == iri).map(|sign| sign.line);
    // What is said of a drug that the request names comes before what holds of everybody with such kidneys.
    let (of_drugs, of_all): (Vec<&Advice>, Vec<&Advice>) =
        book.advice.iter().partition(|advice| advice.drug.is_some());
    let concerned = of_drugs.into_iter().chain(of_all).filter_map(|advice| {
        let modality = advice.modality.as_deref().or(advice.given_for.as_deref())?;
        if !modalities.contains(&modality) {
            return None;
        }
        let lines = triggered(advice, egfr, &line_of)?;
        let about = book.name(&advice.about);
        let of = match advice.modality.as_deref() {
            Some("MR") => "before magnetic resonance".to_owned(),
            Some(other) => format!("before {other}"),
            None => format!("if {about} is given"),
        };
        Some(Reference {
            about: None,
            says: Known::Quoted {
                kind: QuoteKind::Caution,
                of,
                quote: advice.text.clone(),
                by: short_citation(&advice.citation),
            },
            bears: vec![text_statement(
                book,
                &advice.about,
                ADVISED,
                &advice.text,
                Some(&advice.citation),
                advice.source,
            )],
            lines,
        })
    });
    concerned.take(MOST).collect()
}

/// The lines of the request by which an advice concerns the patient; `None` where it does not.
fn triggered(
    advice: &Advice,
    egfr: Option<(f64, usize)>,
    line_of: &dyn Fn(&str) -> Option<usize>,
) -> Option<Vec<usize>> {
    let mut lines = Vec::new();
    if let Some(drug) = &advice.drug {
        lines.push(line_of(drug)?);
    } else if advice.egfr_at_least.is_none() && advice.egfr_below.is_none() {
        // A device, or a medium by its name.
        lines.push(line_of(&advice.about)?);
    }
    let is_bound = advice.egfr_at_least.is_some() || advice.egfr_below.is_some();
    match egfr {
        Some((rate, line)) if is_bound => {
            let holds = advice.egfr_at_least.is_none_or(|least| rate >= least)
                && advice.egfr_below.is_none_or(|below| rate < below);
            if !holds {
                return None;
            }
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        // Kidney function is not known: what depends on it is said of drugs that the request names.
        None if is_bound && advice.drug.is_none() => return None,
        _ => {}
    }
    Some(lines)
}
