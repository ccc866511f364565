//! The gate: whether a sentence says what the findings say, decided without a model.
//!
//! A sentence is accepted only when every word of it is in a closed vocabulary or is licensed by
//! the report, and what it says of each finding (presence, certainty, side, numbers, units) is
//! what the finding says. Whatever cannot be read is refused: security comes from the vocabulary,
//! not from a list of known errors.

mod advice;
mod change;
mod chinese;
mod contradiction;
mod fixed;
mod grade;
mod lex;
mod lexicon;
mod name;
mod number;
mod parse;
mod review;
mod token;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Certainty, Finding, FindingId};

use crate::language::fixed as fixed_in;
use crate::write::words::{complement, side};
use crate::{Claim, Prior, Report, Statement, Voice};
pub(crate) use change::english as say_change;
pub use contradiction::{Contradiction, ContradictionKind, contradictions};
use lexicon::{ROLES, place_words};
use name::Concept;
use number::{Stated, contrary};
use parse::{Assertion, parse};
pub use review::{Remark, Review, Stance, review};

/// Longest sentence the gate reads.
pub const MAX_SENTENCE_CHARS: usize = 400;

/// What the gate holds a sentence against: the findings and sentences of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct GroundContext {
    pub(crate) findings: Vec<Finding>,
    phrases: lex::Phrases,
    pub(crate) sentences: Vec<Known>,
    pub(crate) concepts: Vec<Concept>,
    priors: Vec<Prior>,
    part: Option<String>,
    chinese: chinese::Names,
    /// Sentences with a fixed wording in other voices, with the place of their sentence.
    voices: Vec<(String, usize)>,
}

/// A sentence of the report.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    pub id: String,
    pub text: String,
    pub claim: Claim,
}

/// What the gate decided, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Whether the sentence may stand in the report.
    pub accepted: bool,
    /// What it says, where it could be read and is borne out.
    pub claim: Option<Claim>,
    /// The findings it speaks of.
    pub findings: Vec<FindingId>,
    /// The sentences of the report that say the same; empty where only the findings bear it.
    pub sentences: Vec<String>,
    /// One line: why it was refused, or what bears it.
    pub reason: String,
}

impl Verdict {
    fn refused(reason: String) -> Self {
        Self { accepted: false, claim: None, findings: Vec::new(), sentences: Vec::new(), reason }
    }
}

impl GroundContext {
    /// The context of a report.
    pub fn of(report: &Report) -> Self {
        let part = report.exam.body_part.as_ref().map(|part| part.trim().to_lowercase());
        let voices = voices(report);
        let sentences = report
            .sentences()
            .map(|(_, s)| Known { id: s.id.clone(), text: s.text.clone(), claim: s.claim.clone() })
            .collect();
        let mut concepts = name::concepts(&report.findings, part.as_deref());
        let chinese = chinese::names(&report.findings, report.exam.modality.as_ref(), &mut concepts);
        Self {
            concepts,
            chinese,
            voices,
            findings: report.findings.clone(),
            priors: report.priors.clone(),
            phrases: lex::phrases(&report.exam, &report.findings),
            sentences,
            part,
        }
    }

    /// Words that license places: the body part, and the words of the findings' names.
    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        let named = self.concepts.iter().flat_map(|concept| concept.words.iter().map(String::as_str));
        self.part.as_deref().into_iter().chain(named)
    }

    /// The sentence with a fixed wording that a line says in another voice.
    fn in_other_voice(&self, line: &str) -> Option<&Known> {
        self.voices.iter().find(|(text, _)| text == line).map(|(_, place)| &self.sentences[*place])
    }

    fn index(&self, id: &FindingId) -> Option<usize> {
        self.findings.iter().position(|finding| &finding.id == id)
    }
}

/// The sentences with a fixed wording as the other voices say them.
fn voices(report: &Report) -> Vec<(String, usize)> {
    let mut said = Vec::new();
    for (place, (_, sentence)) in report.sentences().enumerate() {
        let finding = sentence.findings.first().and_then(|id| report.finding(id));
        let name = finding.map(|finding| finding.observation.name.as_str());
        for voice in Voice::ALL.into_iter().filter(|voice| !voice.is_own()) {
            if let Some((text, _)) = fixed_in(sentence, &report.exam, name, voice) {
                said.push((text, place));
            }
        }
    }
    said
}

/// Whether a sentence is borne out by a report: each part of it by a finding or by one of the
/// report's own sentences.
///
/// Deterministic, without a model. A sentence that cannot be read in full is refused.
pub fn ground(sentence: &str, context: &GroundContext) -> Verdict {
    let verbatim = sentence.trim();
    if let Some(known) = context.sentences.iter().find(|known| known.text == verbatim) {
        return of_sentence(known, "is a sentence of the report");
    }
    if let Some(known) = context.in_other_voice(verbatim) {
        return of_sentence(known, "says what a sentence of the report says");
    }
    let mut statements: Vec<Statement> = Vec::new();
    let mut sentences: Vec<String> = Vec::new();
    if let Some(known) = fixed::find(sentence, context) {
        return of_sentence(known, "says what a sentence of the report says");
    }
    let advice = match advice::judge(sentence, context) {
        Some(Ok(known)) => return of_sentence(known, "asks for what a rule asks for"),
        Some(Err(reason)) => Some(reason),
        None => None,
    };
    if let Some(said) = change::read(verbatim, context) {
        return change::verdict(said, context);
    }
    match read(sentence, context) {
        Ok(said) => statements.extend(said),
        Err(whole) => {
            let whole = advice.unwrap_or(whole);
            // One sentence may join a finding and a rule: each part is held against the report.
            let parts = fixed::parts(sentence);
            if parts.len() < 2 {
                return Verdict::refused(whole);
            }
            for part in parts {
                let advice = advice::judge(part, context).and_then(Result::ok);
                if let Some(known) = fixed::find(part, context).or(advice) {
                    sentences.push(known.id.clone());
                    continue;
                }
                match read(part, context) {
                    Ok(said) => statements.extend(said),
                    Err(_) => return Verdict::refused(whole),
                }
            }
        }
    }
    if statements.is_empty() {
        let claim = sentences.first().and_then(|id| context.sentences.iter().find(|known| &known.id == id));
        let claim = claim.map(|known| known.claim.clone());
        let reason = format!("says what {} of the report say", sentences.join(", "));
        return Verdict { accepted: true, claim, findings: Vec::new(), sentences, reason };
    }
    accept(statements, sentences, context)
}

/// Whether a candidate says exactly what a claim says: nothing dropped, nothing added.
///
/// For claims that are not about findings, only the same words (up to function words) are the same
/// meaning.
pub fn same_meaning(original: &Claim, candidate: &str, context: &GroundContext) -> Verdict {
    if let Claim::Change { .. } = original {
        return match change::read(candidate.trim(), context) {
            Some(Ok(claim)) if &claim == original => change::verdict(Ok(claim), context),
            Some(Err(reason)) => Verdict::refused(reason),
            _ => Verdict::refused("says something else than the sentence it was to replace".to_owned()),
        };
    }
    let Claim::Finding { statements: wanted } = original else {
        let other = context.in_other_voice(candidate.trim()).filter(|known| &known.claim == original);
        return match other.or_else(|| fixed::find_claim(candidate, original, context)) {
            Some(known) => of_sentence(known, "says what the sentence says"),
            None => Verdict::refused("says something else than the sentence it was to replace".to_owned()),
        };
    };
    let said = match read(candidate, context) {
        Ok(said) => said,
        Err(reason) => return Verdict::refused(reason),
    };
    for one in &said {
        let Some(statement) = wanted.iter().find(|w| w.finding == one.finding) else {
            let name = name_of(&one.finding, context);
            return Verdict::refused(format!("adds {name}, of which the sentence does not speak"));
        };
        if let Err(reason) = nothing_added(statement, one) {
            return Verdict::refused(reason);
        }
    }
    for statement in wanted {
        let Some(one) = said.iter().find(|one| one.finding == statement.finding) else {
            return Verdict::refused(format!("drops {}", name_of(&statement.finding, context)));
        };
        if let Err(reason) = nothing_dropped(statement, one) {
            return Verdict::refused(reason);
        }
    }
    accept(said, Vec::new(), context)
}

fn of_sentence(known: &Known, reason: &str) -> Verdict {
    Verdict {
        accepted: true,
        findings: known.claim.statements().iter().map(|s| s.finding.clone()).collect(),
        claim: Some(known.claim.clone()),
        sentences: vec![known.id.clone()],
        reason: format!("{reason} ({})", known.id),
    }
}

fn accept(statements: Vec<Statement>, mut sentences: Vec<String>, context: &GroundContext) -> Verdict {
    let findings: Vec<FindingId> = statements.iter().map(|s| s.finding.clone()).collect();
    let said: BTreeSet<&FindingId> = findings.iter().collect();
    for known in &context.sentences {
        let of: BTreeSet<&FindingId> = known.claim.statements().iter().map(|s| &s.finding).collect();
        if !of.is_empty() && of == said && !sentences.contains(&known.id) {
            sentences.push(known.id.clone());
        }
    }
    let names: Vec<String> = findings.iter().map(|id| format!("{id} ({})", name_of(id, context))).collect();
    let reason = format!("borne out by {}", names.join(", "));
    Verdict { accepted: true, claim: Some(Claim::Finding { statements }), findings, sentences, reason }
}

fn name_of(id: &FindingId, context: &GroundContext) -> String {
    context.index(id).map_or_else(|| id.0.clone(), |index| context.findings[index].observation.name.clone())
}

/// Reads a sentence and holds each assertion against the findings; one statement a finding.
fn read(sentence: &str, context: &GroundContext) -> Result<Vec<Statement>, String> {
    let mut statements: Vec<Statement> = Vec::new();
    for assertion in parse(sentence, context)?.into_iter().flatten() {
        for statement in judge(&assertion, context)? {
            match statements.iter_mut().find(|s| s.finding == statement.finding) {
                Some(before) => join(before, statement),
                None => statements.push(statement),
            }
        }
    }
    Ok(statements)
}

/// Two statements of one finding in one sentence; both were found to be true of it.
fn join(before: &mut Statement, more: Statement) {
    before.certainty = before.certainty.or(more.certainty);
    before.laterality = before.laterality.or(more.laterality);
    if more.probability.is_some() {
        before.probability = more.probability;
    }
    for quantity in more.quantities {
        if !before.quantities.contains(&quantity) {
            before.quantities.push(quantity);
        }
    }
}

/// The findings that bear an assertion out, or why none does.
fn judge(assertion: &Assertion, context: &GroundContext) -> Result<Vec<Statement>, String> {
    let targets = &context.concepts[assertion.concept].targets;
    let broad = !matches!(
        assertion.certainty,
        Some(Certainty::Present | Certainty::Probable | Certainty::Indeterminate)
    ) && assertion.side.is_none();
    let mut borne = Vec::new();
    let mut first_refusal = None;
    for (index, of_contrary) in targets {
        match bears(assertion, &context.findings[*index], *of_contrary, context) {
            Ok(statement) => borne.push(statement),
            Err(reason) => {
                if broad {
                    return Err(reason);
                }
                first_refusal.get_or_insert(reason);
            }
        }
    }
    if borne.is_empty() {
        return Err(first_refusal.unwrap_or_else(|| "names no finding of this report".to_owned()));
    }
    if !broad {
        borne.truncate(1);
    }
    Ok(borne)
}

/// Whether one finding bears an assertion out.
fn bears(
    assertion: &Assertion,
    finding: &Finding,
    of_contrary: bool,
    context: &GroundContext,
) -> Result<Statement, String> {
    let name = &finding.observation.name;
    let mut statement = Statement { certainty: None, laterality: None, ..Statement::brief(finding) };
    if let Some(said) = assertion.certainty {
        let said = if of_contrary { complement(said) } else { said };
        if said != finding.certainty {
            return Err(format!("says {} of {name}, which is {}", class(said), class(finding.certainty)));
        }
        statement.certainty = Some(said);
        let may_be = !matches!(assertion.certainty, Some(Certainty::Absent | Certainty::Unlikely));
        if assertion.plural && may_be {
            return Err(format!("speaks of more than one {name}"));
        }
    }
    match (assertion.side, finding.laterality) {
        (Some(said), Some(is)) if said == is => statement.laterality = Some(is),
        (Some(said), Some(is)) => {
            return Err(format!("says {} of {name}, which is {}", side(said), side(is)));
        }
        (Some(said), None) => return Err(format!("adds the side \"{}\" to {name}", side(said))),
        (None, Some(is)) => {
            if matches!(assertion.certainty, Some(Certainty::Absent | Certainty::Unlikely))
                || assertion.either
            {
                return Err(format!(
                    "drops the side of {name}, which was looked for on the {} only",
                    side(is)
                ));
            }
        }
        (None, None) => {}
    }
    let named = &context.concepts[assertion.concept].words;
    let chinese = named.iter().any(|word| chinese::is_chinese(word));
    let english = name.split(' ').filter(|_| chinese);
    for place in &assertion.places {
        let of_exam = context.part.as_deref().into_iter();
        let words = of_exam.chain(named.iter().map(String::as_str)).chain(english.clone());
        let licensed = words.into_iter().any(|w| place_words(w).contains(&place.as_str()));
        if !licensed {
            return Err(format!("adds the place \"{place}\" to {name}"));
        }
    }
    numbers(assertion, finding, of_contrary, &mut statement)?;
    Ok(statement)
}

fn numbers(
    assertion: &Assertion,
    finding: &Finding,
    of_contrary: bool,
    statement: &mut Statement,
) -> Result<(), String> {
    let name = &finding.observation.name;
    let interval = &finding.probability;
    let (low, estimate, high) = if assertion.of_no != of_contrary {
        contrary(interval)
    } else {
        (interval.low.value(), interval.estimate.value(), interval.high.value())
    };
    let mut stated = assertion.quantities.clone();
    if let Some(said) = &assertion.estimate {
        let as_measured = Stated { value: said.value, unit: "%".to_owned(), roles: Vec::new() };
        let measured = finding.measurements.iter().any(|m| as_measured.is(&m.quantity));
        if !said.named && measured {
            stated.push(as_measured);
        } else if !said.is(estimate) {
            return Err(format!("states a probability of {name} that is not the finding's"));
        }
    }
    if assertion.range.as_ref().is_some_and(|range| !range.is(low, high)) {
        return Err(format!("states an interval for {name} that is not the finding's"));
    }
    if assertion.level.is_some_and(|level| (level - interval.level.value() * 100.0).abs() > 1e-6) {
        return Err(format!("states a coverage for {name} that is not the finding's"));
    }
    let whole = assertion.estimate.is_some() && assertion.range.is_some() && assertion.level.is_some();
    if whole {
        statement.probability = Some(*interval);
    }
    for said in &stated {
        let of =
            finding.measurements.iter().find(|m| said.is(&m.quantity) && roles_fit(&said.roles, &m.name));
        let Some(measurement) = of else {
            return Err(format!("states {} {} of {name}, which no measurement bears", said.value, said.unit));
        };
        let quantity =
            crate::StatedQuantity { name: measurement.name.clone(), quantity: measurement.quantity.clone() };
        if !statement.quantities.contains(&quantity) {
            statement.quantities.push(quantity);
        }
    }
    if !assertion.loose_roles.is_empty() {
        return Err(format!("names a measurement of {name} without its number"));
    }
    Ok(())
}

/// Whether each word that says which measurement is meant is in the measurement's name.
fn roles_fit(roles: &[usize], measurement: &str) -> bool {
    let name = measurement.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    roles.iter().all(|row| ROLES[*row].iter().any(|word| words.contains(word)))
}

const fn class(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Absent => "absent",
        Certainty::Unlikely => "unlikely",
        Certainty::Indeterminate => "indeterminate",
        Certainty::Probable => "probable",
        Certainty::Present => "present",
    }
}

fn nothing_added(original: &Statement, said: &Statement) -> Result<(), String> {
    let observation = &original.observation;
    if said.certainty.is_some() && original.certainty.is_none() {
        return Err(format!("adds how sure the report is of {observation}"));
    }
    if said.laterality.is_some() && original.laterality.is_none() {
        return Err(format!("adds a side to {observation}"));
    }
    if said.probability.is_some() && original.probability.is_none() {
        return Err(format!("adds a probability to {observation}"));
    }
    if said.quantities.iter().any(|quantity| !original.quantities.contains(quantity)) {
        return Err(format!("adds a measurement to {observation}"));
    }
    Ok(())
}

fn nothing_dropped(original: &Statement, said: &Statement) -> Result<(), String> {
    let observation = &original.observation;
    if original.certainty.is_some() && said.certainty.is_none() {
        return Err(format!("drops how sure the report is of {observation}"));
    }
    if original.laterality.is_some() && said.laterality.is_none() {
        return Err(format!("drops the side of {observation}"));
    }
    if original.probability.is_some() && said.probability.is_none() {
        return Err(format!("drops the probability of {observation}, its interval or its coverage"));
    }
    if original.quantities.iter().any(|quantity| !said.quantities.contains(quantity)) {
        return Err(format!("drops a measurement of {observation}"));
    }
    Ok(())
}
