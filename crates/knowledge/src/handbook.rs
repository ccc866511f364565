//! What a report needs of the graph, gathered once: findings by the words of reports, what can look like them, figures, advice
//! and published rules, each with whose statement it is.
//!
//! The principal type is [`Handbook`]. A graph takes long to open and little of it concerns a report, so that the shipped
//! graph's handbook is a committed file ([`Handbook::built_in`]); [`Handbook::of_graph`] gathers that of any other graph.

mod gather;
mod request;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use request::{StatedSign, egfr_in};

/// Gathered from a graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Handbook {
    /// Version of this layout.
    pub format: u32,
    /// Whose statements these are; the others name them by their place here.
    pub sources: Vec<HandbookSource>,
    /// Everything that is spoken of, by its address.
    pub concepts: BTreeMap<String, KnownConcept>,
    /// Findings that reports speak of.
    pub findings: Vec<KnownFinding>,
    /// Symptoms, signs, media, drugs and devices that a request may name.
    pub named_in_requests: Vec<String>,
    /// What findings make one think of.
    pub links: Vec<KnownLink>,
    /// How often findings go with diseases.
    pub figures: Vec<KnownFigures>,
    /// How common diseases are.
    pub prevalences: Vec<Prevalence>,
    /// What is advised.
    pub advice: Vec<Advice>,
    /// Published rules that the program applies.
    pub guidelines: Vec<KnownGuideline>,
}

/// A source of statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandbookSource {
    /// Address of its named graph.
    pub graph: String,
    /// For people.
    pub title: String,
    /// Its license, in the words of its makers.
    pub license: String,
    /// Which release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// A thing with its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownConcept {
    /// Its first name.
    pub name: String,
    /// Other names; only of what a request may name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// What it is, in the words of a source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<(String, usize)>,
}

/// A finding that reports speak of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFinding {
    /// Its address.
    pub iri: String,
    /// What reports call it, in lower case: its names, and `is:inReports`.
    pub words: Vec<String>,
    /// The body part it is in and those that this is part of, in lower case; empty is any.
    pub parts: Vec<String>,
    /// Addresses of the same thing in other ontologies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<String>,
}

/// How a finding leads to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// `is:suggests`: it makes one think of it.
    Suggests,
    /// `is:mimickedBy`: that can look the same.
    MimickedBy,
}

/// What a finding makes one think of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownLink {
    /// The finding's address.
    pub finding: String,
    /// How.
    pub kind: LinkKind,
    /// The other's address.
    pub to: String,
    /// Whom the statement cites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<String>,
    /// The sentence that supports it, where it was built from a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentence: Option<String>,
    /// Whose statement it is.
    pub source: usize,
}

/// Ages, in years, for which something is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ages {
    /// From so many years on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// To less than so many years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

impl Ages {
    /// Whether a patient of an age is meant; `None` where the age is not known and would matter.
    #[must_use]
    pub fn mean(&self, age: Option<f64>) -> Option<bool> {
        if self.at_least.is_none() && self.below.is_none() {
            return Some(true);
        }
        let age = age?;
        Some(self.at_least.is_none_or(|least| age >= least) && self.below.is_none_or(|below| age < below))
    }
}

/// How often a finding goes with a disease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownFigures {
    /// The finding's address.
    pub finding: String,
    /// The disease's address.
    pub disease: String,
    /// Share of those with the disease who have the finding.
    pub sensitivity: f64,
    /// Share of those without it who have the finding.
    pub false_positive_rate: f64,
    /// Of whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<String>,
    /// Their ages.
    #[serde(default)]
    pub ages: Ages,
    /// Whose figures.
    pub citation: String,
    /// Whose statement.
    pub source: usize,
}

/// How common a disease is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prevalence {
    /// The disease's address.
    pub disease: String,
    /// Its share.
    pub share: f64,
    /// Of whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<String>,
    /// Whose figure.
    pub citation: String,
    /// Whose statement.
    pub source: usize,
}

/// Something that is advised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// Its address.
    pub iri: String,
    /// What it is about: a finding, a medium or a device.
    pub about: String,
    /// The drug that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drug: Option<String>,
    /// Only at such an estimated glomerular filtration rate or more, mL/min/1.73 m2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egfr_at_least: Option<f64>,
    /// Only below such a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egfr_below: Option<f64>,
    /// Only with such a modality, as DICOM calls it: `MR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<String>,
    /// The modality that the medium is given for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_for: Option<String>,
    /// Only at such ages.
    #[serde(default)]
    pub ages: Ages,
    /// Its words.
    pub text: String,
    /// Who gave it.
    pub citation: String,
    /// Whose statement.
    pub source: usize,
}

/// A published rule that the program applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownGuideline {
    /// Its address.
    pub iri: String,
    /// The rule's name here: `fleischner-2017`.
    pub rule: String,
    /// Version of the rule's file.
    pub version: String,
    /// What it is about.
    pub title: String,
    /// Where it comes from.
    pub citation: String,
    /// Whether the CT that it asks for is made without a contrast medium.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_contrast: bool,
    /// Whose statement.
    pub source: usize,
}

/// Version of the layout.
pub(crate) const FORMAT: u32 = 1;

static BUILT_IN: LazyLock<Handbook> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/graph/handbook.json"))
        .expect("the committed handbook is read by a test")
});

impl Handbook {
    /// That of the graph that comes with the program.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// As a file; [`Handbook::read`] takes it back.
    ///
    /// # Panics
    /// Never: it holds texts and numbers.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers are JSON") + "\n"
    }

    /// What [`Handbook::to_json`] gave; `None` for anything else, or another layout.
    #[must_use]
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().filter(|read: &Self| read.format == FORMAT && read.holds())
    }

    /// Whether every statement names a source that is there.
    fn holds(&self) -> bool {
        let known = |source: usize| source < self.sources.len();
        self.links.iter().all(|one| known(one.source))
            && self.figures.iter().all(|one| known(one.source))
            && self.prevalences.iter().all(|one| known(one.source))
            && self.advice.iter().all(|one| known(one.source))
            && self.guidelines.iter().all(|one| known(one.source))
            && self.concepts.values().filter_map(|one| one.definition.as_ref()).all(|(_, at)| known(*at))
    }

    /// The finding that a report calls by one of these words, in a body part where one is known. Where the words mean several
    /// findings, none.
    #[must_use]
    pub fn finding<'a>(
        &self,
        words: impl IntoIterator<Item = &'a str>,
        part: Option<&str>,
    ) -> Option<&KnownFinding> {
        let part = part.map(|part| part.trim().to_lowercase()).filter(|part| !part.is_empty());
        let here = |known: &&KnownFinding| {
            part.as_ref().is_none_or(|part| known.parts.is_empty() || known.parts.contains(part))
        };
        words.into_iter().find_map(|word| {
            let word = word.trim().to_lowercase();
            let mut found = self.findings.iter().filter(|known| known.words.contains(&word)).filter(here);
            let first = found.next()?;
            found.next().is_none().then_some(first)
        })
    }

    /// The name of a thing; its address where it has none.
    #[must_use]
    pub fn name<'a>(&'a self, iri: &'a str) -> &'a str {
        self.concepts.get(iri).map_or(iri, |concept| concept.name.as_str())
    }

    /// What a finding leads to, in the graph's order.
    pub fn links_of<'a>(&'a self, finding: &'a KnownFinding) -> impl Iterator<Item = &'a KnownLink> {
        self.links.iter().filter(|link| link.finding == finding.iri || finding.same.contains(&link.finding))
    }

    /// The published rule of a name.
    #[must_use]
    pub fn guideline(&self, rule: &str) -> Option<&KnownGuideline> {
        self.guidelines.iter().find(|known| known.rule == rule)
    }
}
