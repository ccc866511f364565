use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Evidence, EvidenceId, Finding, FindingId};

use crate::fluency::awkward;
use crate::template::Filled;
use crate::{
    Abstention, Change, Claim, Compared, Exam, GroundContext, ImageRef, Measured, ModelUse, Prior, Signature,
    Statement, Verdict, same_meaning,
};

/// Version of the report's JSON form.
pub const SCHEMA_VERSION: &str = "2";

/// What every report says of itself.
pub const DISCLAIMER: &str = "Research software, not a medical device. This is a draft made by a \
program; it must not be used for diagnosis or treatment.";

/// What a report says of itself once a person has signed it.
pub const SIGNED_DISCLAIMER: &str = "Research software, not a medical device. A program drafted this \
report and a person signed it; it must not be used for diagnosis or treatment.";

/// What is wrong with a report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A sentence that stands on nothing.
    #[error("sentence {sentence} bears no evidence, expected at least one")]
    NoEvidence {
        /// Its id.
        sentence: String,
    },
    /// A sentence or finding that stands on evidence the report does not hold.
    #[error("{holder} points at evidence {evidence}, which the report does not hold")]
    UnknownEvidence {
        /// The sentence or finding.
        holder: String,
        /// The missing evidence.
        evidence: EvidenceId,
    },
    /// A sentence about a finding the report does not hold.
    #[error("sentence {sentence} points at finding {finding}, which the report does not hold")]
    UnknownFinding {
        /// The sentence.
        sentence: String,
        /// The missing finding.
        finding: FindingId,
    },
    /// Two things with one id.
    #[error("id {id} is used twice")]
    Duplicate {
        /// The id.
        id: String,
    },
    /// General knowledge that its evidence does not say.
    #[error("sentence {sentence} states general knowledge that does not hold: {reason}")]
    Reference {
        /// The sentence.
        sentence: String,
        /// Why it does not hold.
        reason: String,
    },
    /// A claim that says something else than its finding.
    #[error("sentence {sentence} states {what} of finding {finding} otherwise than the finding does")]
    Contradiction {
        /// The sentence.
        sentence: String,
        /// The finding.
        finding: FindingId,
        /// Certainty, laterality, probability or a measurement.
        what: &'static str,
    },
    /// No sentence of that id.
    #[error("no sentence has id {sentence}")]
    NoSentence {
        /// The id asked for.
        sentence: String,
    },
    /// A sentence whose wording is fixed.
    #[error("sentence {sentence} has a fixed wording, expected a sentence about findings")]
    Fixed {
        /// The sentence.
        sentence: String,
    },
}

/// Where a report stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// Made by a program, not yet read by a person.
    Draft,
    /// Read and signed by a person, not for the last time.
    Preliminary,
    /// Read and signed.
    Final,
    /// Changed after it was final, and signed again.
    Amended,
    /// Added to after it was final, with nothing changed, and signed again.
    Addendum,
}

impl State {
    /// The word that sentences use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Preliminary => "preliminary",
            Self::Final => "final",
            Self::Amended => "amended",
            Self::Addendum => "addendum",
        }
    }
    /// The word as a title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Preliminary => "Preliminary",
            Self::Final => "Final",
            Self::Amended => "Amended",
            Self::Addendum => "Final with addendum",
        }
    }
    /// Whether a person has signed it as final, whatever came after.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Final | Self::Amended | Self::Addendum)
    }
}

/// The sections of a report, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Heading {
    /// Why the examination was asked for.
    Indication,
    /// What was examined, and how.
    Technique,
    /// What it was compared with.
    Comparison,
    /// What was seen.
    Findings,
    /// What it means.
    Impression,
    /// General knowledge that goes with the impression, of no patient.
    Reference,
    /// What should be done next.
    Recommendation,
    /// What the report cannot know.
    Limitations,
    /// What was added after it was final.
    Addendum,
}

impl Heading {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Indication,
        Self::Technique,
        Self::Comparison,
        Self::Findings,
        Self::Impression,
        Self::Reference,
        Self::Recommendation,
        Self::Limitations,
        Self::Addendum,
    ];

    /// The heading as printed.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Indication => "Indication",
            Self::Technique => "Technique",
            Self::Comparison => "Comparison",
            Self::Findings => "Findings",
            Self::Impression => "Impression",
            Self::Reference => "Reference information",
            Self::Recommendation => "Recommendation",
            Self::Limitations => "Limitations",
            Self::Addendum => "Addendum",
        }
    }
}

/// Who worded a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Author {
    /// The deterministic writer.
    Writer,
    /// A language model whose wording passed the gate.
    LanguageModel {
        /// Its name.
        model: String,
    },
    /// A person who signed.
    Person {
        /// The name.
        name: String,
    },
}

/// One sentence with what it asserts and what bears it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sentence {
    /// Name in this report: `S1`.
    pub id: String,
    /// The words.
    pub text: String,
    /// What they assert.
    pub claim: Claim,
    /// What bears it; never empty.
    pub bears: Vec<EvidenceId>,
    /// The findings it speaks of.
    pub findings: Vec<FindingId>,
    /// Who worded it.
    pub author: Author,
    /// The writer's own words, where a language model's were accepted in their place.
    pub replaced: Option<String>,
}

impl Sentence {
    /// Whether a language model may propose another wording: only sentences about findings.
    pub const fn may_be_rephrased(&self) -> bool {
        matches!(self.claim, Claim::Finding { .. })
    }
}

/// A proposed sentence that the gate refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StruckSentence {
    /// The refused words.
    pub text: String,
    /// The sentence they were to replace.
    pub replaces: String,
    /// Why they were refused.
    pub reason: String,
    /// Who proposed them.
    pub author: Author,
}

/// One section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// Which.
    pub heading: Heading,
    /// Its sentences, in order.
    pub sentences: Vec<Sentence>,
    /// Proposals that were refused.
    pub struck: Vec<StruckSentence>,
}

/// A report in which every sentence bears its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// Name of the report.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// What was examined, as a title.
    pub title: String,
    /// [`DISCLAIMER`].
    pub disclaimer: String,
    /// What was examined.
    pub exam: Exam,
    /// Sections in the order of [`Heading`].
    pub sections: Vec<Section>,
    /// What was looked for, found or not.
    pub findings: Vec<Finding>,
    /// Findings of an earlier examination that were matched with those of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub priors: Vec<Prior>,
    /// What was measured on the image and no finding carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<Measured>,
    /// What bears the sentences.
    pub evidence: Vec<Evidence>,
    /// Models that did not read the image.
    pub abstentions: Vec<Abstention>,
    /// Models that read it.
    pub models: Vec<ModelUse>,
    /// Pictures that go with it.
    pub images: Vec<ImageRef>,
    /// The template of its study type, with the findings that answer each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Filled>,
    /// Who signed it, in order; none while it is a draft.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

impl Report {
    /// All sentences with their section's heading, in order.
    pub fn sentences(&self) -> impl Iterator<Item = (Heading, &Sentence)> {
        self.sections.iter().flat_map(|section| section.sentences.iter().map(|s| (section.heading, s)))
    }

    /// All refused proposals.
    pub fn struck(&self) -> impl Iterator<Item = &StruckSentence> {
        self.sections.iter().flat_map(|section| section.struck.iter())
    }

    /// The sentence of an id.
    pub fn sentence(&self, id: &str) -> Option<&Sentence> {
        self.sentences().map(|(_, sentence)| sentence).find(|sentence| sentence.id == id)
    }

    /// The finding of an id.
    pub fn finding(&self, id: &FindingId) -> Option<&Finding> {
        self.findings.iter().find(|finding| &finding.id == id)
    }

    /// The sentences that speak of a finding, in order.
    pub fn sentences_of<'a>(&'a self, id: &'a FindingId) -> impl Iterator<Item = &'a Sentence> {
        self.sentences().map(|(_, sentence)| sentence).filter(move |sentence| {
            let claimed = match &sentence.claim {
                Claim::Change { finding, .. } | Claim::Place { finding } => Some(finding),
                _ => None,
            };
            let stated = sentence.claim.statements().iter().map(|statement| &statement.finding);
            sentence.findings.iter().chain(stated).chain(claimed).any(|of| of == id)
        })
    }

    /// The report as it leaves, without findings that a person rejected and the general knowledge that went with them. One
    /// that another sentence still speaks of stays with its sentence: words and findings leave together.
    #[must_use]
    pub fn without(&self, rejected: &BTreeSet<FindingId>) -> Self {
        let is_general = |sentence: &Sentence| matches!(sentence.claim, Claim::Reference { .. });
        let gone: BTreeSet<&FindingId> =
            rejected.iter().filter(|id| self.sentences_of(id).all(is_general)).collect();
        let mut report = self.clone();
        for section in &mut report.sections {
            let goes = |sentence: &Sentence| {
                is_general(sentence) && sentence.findings.iter().any(|id| gone.contains(id))
            };
            section.sentences.retain(|sentence| !goes(sentence));
        }
        report.findings.retain(|finding| !gone.contains(&finding.id));
        report.priors.retain(|prior| !gone.contains(&prior.of));
        for item in report.template.iter_mut().flat_map(|filled| &mut filled.items) {
            item.findings.retain(|finding| !gone.contains(finding));
        }
        report
    }

    /// What the report says in its findings became of a finding: the sentence, the change and the measurement that shows it.
    pub fn changes_of<'a>(
        &'a self,
        id: &'a FindingId,
    ) -> impl Iterator<Item = (&'a Sentence, Change, Option<&'a Compared>)> {
        self.sentences().filter_map(move |(heading, sentence)| match &sentence.claim {
            Claim::Change { finding, change, compared } if finding == id && heading == Heading::Findings => {
                Some((sentence, *change, compared.as_ref()))
            }
            _ => None,
        })
    }

    /// Proposes other words for a sentence: accepted when they mean the same, struck out with the
    /// reason when not. The only way in for a language model.
    ///
    /// The verdict says which. Words equal to those that stand change nothing.
    ///
    /// # Errors
    /// [`ReportError::NoSentence`]; [`ReportError::Fixed`] for sentences that are not about
    /// findings.
    pub fn rephrase(&mut self, sentence: &str, candidate: &str, model: &str) -> Result<Verdict, ReportError> {
        let context = GroundContext::of(self);
        let author = Author::LanguageModel { model: model.to_owned() };
        for section in &mut self.sections {
            let Some(found) = section.sentences.iter_mut().find(|s| s.id == sentence) else { continue };
            if !found.may_be_rephrased() {
                return Err(ReportError::Fixed { sentence: sentence.to_owned() });
            }
            let candidate = candidate.trim();
            let mut verdict = same_meaning(&found.claim, candidate, &context);
            if let (true, Some(awkward)) = (verdict.accepted, awkward(candidate)) {
                verdict.accepted = false;
                verdict.reason = awkward.to_owned();
            }
            if !verdict.accepted {
                section.struck.push(StruckSentence {
                    text: candidate.to_owned(),
                    replaces: sentence.to_owned(),
                    reason: verdict.reason.clone(),
                    author,
                });
            } else if found.text != candidate {
                let before = std::mem::replace(&mut found.text, candidate.to_owned());
                found.replaced.get_or_insert(before);
                found.author = author;
            }
            return Ok(verdict);
        }
        Err(ReportError::NoSentence { sentence: sentence.to_owned() })
    }

    /// Asserts the invariant: ids are unique, every sentence bears evidence that exists, every
    /// finding it speaks of exists, and its claim says what the finding says.
    ///
    /// # Errors
    /// [`ReportError`], for the first thing that is wrong.
    pub fn check(&self) -> Result<(), ReportError> {
        let mut ids = BTreeSet::new();
        let names = self
            .evidence
            .iter()
            .map(|e| e.id.0.as_str())
            .chain(self.findings.iter().map(|f| f.id.0.as_str()))
            .chain(self.sentences().map(|(_, s)| s.id.as_str()));
        for id in names {
            if !ids.insert(id) {
                return Err(ReportError::Duplicate { id: id.to_owned() });
            }
        }
        let evidence: BTreeSet<&EvidenceId> = self.evidence.iter().map(|e| &e.id).collect();
        let known = |holder: &str, pointed: &EvidenceId| {
            if evidence.contains(pointed) {
                return Ok(());
            }
            Err(ReportError::UnknownEvidence { holder: holder.to_owned(), evidence: pointed.clone() })
        };
        for prior in &self.priors {
            known(&format!("the prior of finding {}", prior.of), &prior.evidence)?;
            if self.finding(&prior.of).is_none() {
                let sentence = format!("prior of {}", prior.of);
                return Err(ReportError::UnknownFinding { sentence, finding: prior.of.clone() });
            }
        }
        for finding in &self.findings {
            for pointed in finding.evidence.iter().chain(finding.measurements.iter().map(|m| &m.evidence)) {
                known(&format!("finding {}", finding.id), pointed)?;
            }
        }
        for measured in &self.measured {
            known(&format!("measurement {}", measured.name), &measured.id)?;
        }
        for (_, sentence) in self.sentences() {
            if let Claim::Measurement { measured } = &sentence.claim
                && let Some(unknown) = measured.iter().find(|id| self.measured.iter().all(|m| m.id != **id))
            {
                let holder = format!("sentence {}", sentence.id);
                return Err(ReportError::UnknownEvidence { holder, evidence: unknown.clone() });
            }
            if sentence.bears.is_empty() {
                return Err(ReportError::NoEvidence { sentence: sentence.id.clone() });
            }
            for pointed in &sentence.bears {
                known(&format!("sentence {}", sentence.id), pointed)?;
            }
            let spoken = sentence.claim.statements().iter().map(|s| &s.finding);
            for finding in sentence.findings.iter().chain(spoken) {
                if self.finding(finding).is_none() {
                    return Err(ReportError::UnknownFinding {
                        sentence: sentence.id.clone(),
                        finding: finding.clone(),
                    });
                }
            }
            for statement in sentence.claim.statements() {
                self.check_statement(&sentence.id, statement)?;
            }
            self.check_change(sentence)?;
            self.check_reference(sentence)?;
        }
        Ok(())
    }

    /// General knowledge must be what its evidence says; what a person wrote is theirs.
    fn check_reference(&self, sentence: &Sentence) -> Result<(), ReportError> {
        let Claim::Reference { says } = &sentence.claim else { return Ok(()) };
        let bears: Vec<&Evidence> =
            self.evidence.iter().filter(|evidence| sentence.bears.contains(&evidence.id)).collect();
        match crate::reference::refused(&sentence.text, sentence.findings.first(), says, &bears, self) {
            Some(reason) => Err(ReportError::Reference { sentence: sentence.id.clone(), reason }),
            None => Ok(()),
        }
    }

    /// A claim of change must be what the two examinations say.
    fn check_change(&self, sentence: &Sentence) -> Result<(), ReportError> {
        let Claim::Change { finding: id, change, compared } = &sentence.claim else { return Ok(()) };
        let Some(finding) = self.finding(id) else {
            return Err(ReportError::UnknownFinding { sentence: sentence.id.clone(), finding: id.clone() });
        };
        let of = self.priors.iter().filter(|prior| &prior.of == id).filter_map(|prior| prior.change(finding));
        let mut borne = of.filter(|(is, _)| is == change);
        if borne.any(|(_, both)| compared.is_none() || compared == &both) {
            return Ok(());
        }
        Err(ReportError::Contradiction {
            sentence: sentence.id.clone(),
            finding: id.clone(),
            what: "the change",
        })
    }

    fn check_statement(&self, sentence: &str, statement: &Statement) -> Result<(), ReportError> {
        let Some(finding) = self.finding(&statement.finding) else { return Ok(()) };
        let contradiction = |what| {
            Err(ReportError::Contradiction {
                sentence: sentence.to_owned(),
                finding: finding.id.clone(),
                what,
            })
        };
        if statement.observation != finding.observation.key {
            return contradiction("the observation");
        }
        if statement.certainty.is_some_and(|certainty| certainty != finding.certainty) {
            return contradiction("the certainty");
        }
        if statement.laterality.is_some() && statement.laterality != finding.laterality {
            return contradiction("the side");
        }
        if statement.probability.is_some_and(|probability| probability != finding.probability) {
            return contradiction("the probability");
        }
        let measured = |name: &str, quantity: &wilhelm_study::Quantity| {
            finding.measurements.iter().any(|m| m.name == name && &m.quantity == quantity)
        };
        if statement.quantities.iter().any(|stated| !measured(&stated.name, &stated.quantity)) {
            return contradiction("a measurement");
        }
        Ok(())
    }
}
