//! Contradictions of a report with itself: of its sentences with what the classifier found, and of its impression with its
//! findings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Certainty, Laterality};

use super::number::Stated;
use super::parse::{Assertion, parse};
use super::{GroundContext, class, judge};
use crate::report::Heading;
use crate::write::words::{complement, side};
use crate::{Report, same_meaning};

/// What contradicts what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContradictionKind {
    /// A sentence says of a finding what the classifier does not.
    ClassifierAndText,
    /// A finding's class is not that of its probability, and no caution lowered it.
    ProbabilityAndClass,
    /// The impression says of a finding what the findings section does not.
    FindingsAndImpression,
    /// A state of health and a disease of the same reading are both there.
    HealthAndDisease,
}

/// One contradiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contradiction {
    /// Of what with what.
    pub kind: ContradictionKind,
    /// The sentences, where sentences are at odds.
    pub sentences: Vec<String>,
    /// What is at odds, as a clause.
    pub reason: String,
}

/// What a sentence says of one finding, whether or not it is so.
struct Said {
    sentence: String,
    heading: Heading,
    finding: usize,
    certainty: Option<Certainty>,
    side: Option<Laterality>,
    quantities: Vec<Stated>,
}

/// The contradictions of a report, in either language: none in what the writer wrote.
///
/// Sentences are read anew from their words; a sentence about findings that cannot be read is one that contradicts, since
/// nothing shows that it does not.
pub fn contradictions(report: &Report) -> Vec<Contradiction> {
    let context = GroundContext::of(report);
    let mut found = Vec::new();
    for finding in &report.findings {
        let by_number = Certainty::of(finding.probability.estimate.value());
        if finding.certainty != by_number && finding.certainty != Certainty::Indeterminate {
            found.push(Contradiction {
                kind: ContradictionKind::ProbabilityAndClass,
                sentences: Vec::new(),
                reason: format!(
                    "{} is called {}, and its probability is that of {}",
                    finding.observation.name,
                    class(finding.certainty),
                    class(by_number)
                ),
            });
        }
    }
    let there = |normal: bool| {
        report.findings.iter().find(|f| f.normal == normal && f.certainty == Certainty::Present)
    };
    if let (Some(health), Some(disease)) = (there(true), there(false)) {
        found.push(Contradiction {
            kind: ContradictionKind::HealthAndDisease,
            sentences: Vec::new(),
            reason: format!("{} and {} are both present", health.observation.name, disease.observation.name),
        });
    }
    let mut said: Vec<Said> = Vec::new();
    for (heading, sentence) in report.sentences().filter(|(_, s)| !s.claim.statements().is_empty()) {
        let verdict = same_meaning(&sentence.claim, &sentence.text, &context);
        if !verdict.accepted {
            found.push(Contradiction {
                kind: ContradictionKind::ClassifierAndText,
                sentences: vec![sentence.id.clone()],
                reason: format!("\"{}\" {}", sentence.text, verdict.reason),
            });
        }
        said.extend(spoken(&sentence.text, &sentence.id, heading, &context));
    }
    found.extend(between_sections(&said, report));
    found
}

/// What a sentence says, finding by finding; nothing where it cannot be read.
fn spoken(text: &str, id: &str, heading: Heading, context: &GroundContext) -> Vec<Said> {
    let Ok(segments) = parse(text, context) else { return Vec::new() };
    let of = |assertion: Assertion| {
        let targets = context.concepts[assertion.concept].targets.clone();
        // A name may mean one of several findings; where one bears it out, it is that one.
        let borne = judge(&assertion, context).ok().and_then(|s| s.first().map(|s| s.finding.clone()));
        let chosen = targets
            .iter()
            .find(|(index, _)| borne.as_ref() == Some(&context.findings[*index].id))
            .or_else(|| targets.first())
            .copied();
        chosen.map(|(finding, contrary)| Said {
            sentence: id.to_owned(),
            heading,
            finding,
            certainty: assertion.certainty.map(|said| if contrary { complement(said) } else { said }),
            side: assertion.side,
            quantities: assertion.quantities,
        })
    };
    segments.into_iter().flatten().filter_map(of).collect()
}

fn between_sections(said: &[Said], report: &Report) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let of = |heading: Heading| said.iter().filter(move |said| said.heading == heading);
    for impression in of(Heading::Impression) {
        let name = &report.findings[impression.finding].observation.name;
        let mut odd = |other: &Said, reason: String| {
            found.push(Contradiction {
                kind: ContradictionKind::FindingsAndImpression,
                sentences: vec![other.sentence.clone(), impression.sentence.clone()],
                reason,
            });
        };
        let mut spoken_of = false;
        for findings in of(Heading::Findings).filter(|said| said.finding == impression.finding) {
            spoken_of = true;
            if let (Some(before), Some(after)) = (findings.certainty, impression.certainty)
                && before != after
            {
                odd(
                    findings,
                    format!(
                        "{name} is {} in the findings and {} in the impression",
                        class(before),
                        class(after)
                    ),
                );
            }
            if let (Some(before), Some(after)) = (findings.side, impression.side)
                && before != after
            {
                odd(
                    findings,
                    format!(
                        "{name} is {} in the findings and {} in the impression",
                        side(before),
                        side(after)
                    ),
                );
            }
            for stated in &impression.quantities {
                let other = findings.quantities.iter().find(|other| other.roles == stated.roles);
                if let Some(other) = other.filter(|other| !same(other, stated)) {
                    odd(
                        findings,
                        format!(
                            "{name} measures {} {} in the findings and {} {} in the impression",
                            other.value, other.unit, stated.value, stated.unit
                        ),
                    );
                }
            }
        }
        if !spoken_of {
            found.push(Contradiction {
                kind: ContradictionKind::FindingsAndImpression,
                sentences: vec![impression.sentence.clone()],
                reason: format!("{name} is in the impression and not in the findings"),
            });
        }
    }
    let missing = of(Heading::Findings).filter(|findings| {
        let disease = !report.findings[findings.finding].normal;
        let there = findings.certainty.is_some_and(Certainty::is_positive);
        disease && there && !of(Heading::Impression).any(|other| other.finding == findings.finding)
    });
    for findings in missing {
        found.push(Contradiction {
            kind: ContradictionKind::FindingsAndImpression,
            sentences: vec![findings.sentence.clone()],
            reason: format!(
                "{} is {} in the findings and not in the impression",
                report.findings[findings.finding].observation.name,
                findings.certainty.map_or("stated", class)
            ),
        });
    }
    found
}

/// Whether two stated measurements are the same, in one unit or in another of its dimension.
fn same(one: &Stated, other: &Stated) -> bool {
    let quantity = wilhelm_study::Quantity { value: other.value, unit: other.unit.clone(), decimals: 3 };
    one.is(&quantity)
}
