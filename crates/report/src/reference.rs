//! General knowledge that goes with a report: what else can look like a finding, what speaks for and against it, what a
//! guideline or a text says. It speaks of no patient, and every sentence bears the statements and passages that say it.
//!
//! [`Report::refer`] is the only way in. It words each [`Reference`] itself and holds it against its evidence and against the
//! findings; what does not hold is refused with the reason and stands nowhere in the report.

mod check;
mod source;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Evidence, EvidenceId, EvidenceSource, FindingId};

use crate::{Author, Claim, Heading, Report, Section, Sentence};

pub(crate) use check::refused;
pub use check::short_title;
pub(crate) use source::{cited, parts};
pub use source::{link, short_citation};
pub(crate) use words::{ratio, words};

/// What general knowledge says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "form", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Known {
    /// What else can look like a finding, or what it can come of.
    Alternatives {
        /// The finding's name.
        of: String,
        /// Whether the others look like it, or cause it.
        kind: AlternativeKind,
        /// The others, by name.
        names: Vec<String>,
        /// Who says so, in short.
        by: Vec<String>,
    },
    /// What the request and other findings say for and against a disease, by published figures.
    Weighed {
        /// The disease.
        disease: String,
        /// What is weighed, the strongest first.
        signs: Vec<WeighedSign>,
        /// Of whom the figures are.
        population: Option<String>,
        /// Whose figures, in short.
        by: Vec<String>,
        /// Its probability before and with the signs, where the knowledge has a figure for it.
        probability: Option<[f64; 2]>,
    },
    /// Words of a source.
    Quoted {
        /// What they are.
        kind: QuoteKind,
        /// What they are about: a finding, or what is given or done to a patient.
        of: String,
        /// The words.
        quote: String,
        /// Who says so, in short.
        by: String,
    },
}

/// How others are related to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlternativeKind {
    /// They can look the same.
    Alike,
    /// The finding can come of them.
    Cause,
}

/// What words of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuoteKind {
    /// What something is.
    Definition,
    /// What a guideline advises on a finding.
    Guideline,
    /// What to heed where something is given, or done.
    Caution,
    /// A sentence of a text.
    Passage,
}

/// A sign or finding that is weighed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WeighedSign {
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub present: bool,
    /// How many times likelier that is with the disease than without it.
    pub likelihood_ratio: f64,
    /// Who says that it is there, or not.
    pub told_by: ToldBy,
}

/// Who says that a sign is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// A line of the request, from 1.
    Request(usize),
    /// A finding of this report.
    Finding(FindingId),
}

/// A sentence of general knowledge to be, with what bears it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The finding that it goes with; none for what goes with a recommendation.
    pub about: Option<FindingId>,
    /// What it says.
    pub says: Known,
    /// What bears it: statements and passages. Equal ones are kept once in a report.
    pub bears: Vec<(EvidenceSource, String)>,
    /// Lines of the request that it goes by, from 1.
    pub lines: Vec<usize>,
}

/// A sentence of general knowledge that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedReference {
    /// Its words.
    pub text: String,
    /// Why.
    pub reason: String,
}

impl Report {
    /// Takes general knowledge in, in a section of its own behind the impression, and says of published rules where the
    /// knowledge has them (`rules`: addresses by the rules' names).
    ///
    /// A sentence stands only where its evidence says it word for word, where it names nothing among the alternatives that this
    /// report looked for itself, and where its quoted words neither contradict a finding nor read as one. The others come back.
    pub fn refer(
        &mut self,
        references: &[Reference],
        rules: &BTreeMap<String, String>,
    ) -> Vec<RefusedReference> {
        self.point_at(rules);
        let mut refusals = Vec::new();
        for reference in references {
            let text = words(&reference.says);
            let own: Vec<Evidence> = reference
                .bears
                .iter()
                .map(|(source, summary)| Evidence {
                    id: EvidenceId(String::new()),
                    source: source.clone(),
                    summary: summary.clone(),
                })
                .collect();
            let bears: Vec<&Evidence> = own.iter().collect();
            let why = refused(&text, reference.about.as_ref(), &reference.says, &bears, self);
            if let Some(reason) = why {
                refusals.push(RefusedReference { text, reason });
                continue;
            }
            let mut borne: Vec<EvidenceId> = Vec::new();
            for (source, summary) in &reference.bears {
                let id = self.keep_general(source, summary);
                if !borne.contains(&id) {
                    borne.push(id);
                }
            }
            borne.extend(self.told_by_request(&reference.lines));
            let sentence = Sentence {
                id: self.free("S"),
                text,
                claim: Claim::Reference { says: reference.says.clone() },
                bears: borne,
                findings: reference.about.iter().cloned().collect(),
                author: Author::Writer,
                replaced: None,
            };
            self.section_of_references().sentences.push(sentence);
        }
        refusals
    }

    /// What bears the sentences of general knowledge, with where it comes from in a line.
    pub fn general(&self) -> impl Iterator<Item = (&EvidenceId, String)> {
        self.evidence.iter().filter(|one| one.source.is_general()).map(|one| (&one.id, cited(one)))
    }

    /// The section, which stands in its order where it is new.
    fn section_of_references(&mut self) -> &mut Section {
        let at = self.sections.iter().position(|section| section.heading == Heading::Reference);
        let at = at.unwrap_or_else(|| {
            let before =
                self.sections.iter().take_while(|section| section.heading < Heading::Reference).count();
            let section = Section { heading: Heading::Reference, sentences: Vec::new(), struck: Vec::new() };
            self.sections.insert(before, section);
            before
        });
        &mut self.sections[at]
    }

    /// The evidence of lines of the request.
    fn told_by_request(&self, lines: &[usize]) -> Vec<EvidenceId> {
        let of = |evidence: &&Evidence| matches!(&evidence.source, EvidenceSource::PatientText { line } if lines.contains(line));
        self.evidence.iter().filter(of).map(|evidence| evidence.id.clone()).collect()
    }

    /// General knowledge as evidence, added once: statements are `K1`, `K2`, passages `L1`, `L2`.
    fn keep_general(&mut self, source: &EvidenceSource, summary: &str) -> EvidenceId {
        if let Some(known) = self.evidence.iter().find(|known| known.source == *source) {
            return known.id.clone();
        }
        let family = if matches!(source, EvidenceSource::Passage { .. }) { "L" } else { "K" };
        let id = EvidenceId(self.free(family));
        let evidence = Evidence { id: id.clone(), source: source.clone(), summary: summary.to_owned() };
        self.evidence.push(evidence);
        id
    }

    /// The first free name of a family.
    fn free(&self, family: &str) -> String {
        let taken = |id: &str| {
            self.evidence.iter().any(|known| known.id.0 == id)
                || self.findings.iter().any(|finding| finding.id.0 == id)
                || self.sentence(id).is_some()
        };
        (1_usize..)
            .map(|number| format!("{family}{number}"))
            .find(|id| !taken(id))
            .expect("numbers do not end")
    }

    /// Says in the evidence of published rules where the knowledge has them.
    fn point_at(&mut self, rules: &BTreeMap<String, String>) {
        let mut found: Vec<(EvidenceId, &String)> = Vec::new();
        for (_, sentence) in self.sentences() {
            let rule = match &sentence.claim {
                Claim::Recommendation { rule, applied: Some(_) } | Claim::Category { rule, .. } => rule,
                _ => continue,
            };
            if let Some(address) = rules.get(rule) {
                found.extend(sentence.bears.iter().map(|id| (id.clone(), address)));
            }
        }
        for (id, address) in found {
            let evidence = self.evidence.iter_mut().find(|evidence| evidence.id == id);
            if let Some(EvidenceSource::Rule { statement, .. }) =
                evidence.map(|evidence| &mut evidence.source)
            {
                *statement = Some(address.clone());
            }
        }
    }
}
