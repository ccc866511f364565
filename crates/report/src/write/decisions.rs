//! What published rules said, as sentences.

use wilhelm_study::{EvidenceId, EvidenceSource};

use super::Draft;
use crate::guideline::{Decision, MeasuredInput, Outcome};
use crate::{Applied, Claim, Measured};

impl Draft<'_> {
    /// The categories of the rules that were applied, in the impression.
    pub(super) fn categories(&mut self) {
        for decision in &self.case.decisions {
            let Some(applied) = applied(decision) else { continue };
            let text = format!(
                "Category by rule {} {}, branch {}: {}.",
                decision.rule, decision.version, applied.branch, applied.category
            );
            let claim = Claim::Category { rule: decision.rule.clone(), applied };
            let bears = self.decision(decision);
            self.say(text, claim, bears, vec![]);
        }
    }

    /// What they recommend.
    pub(super) fn advice(&mut self) {
        for decision in &self.case.decisions {
            let (Some(text), Some(applied)) = (decision.sentence(), applied(decision)) else { continue };
            let claim = Claim::Recommendation { rule: decision.rule.clone(), applied: Some(applied) };
            let bears = self.decision(decision);
            self.say(text, claim, bears, vec![]);
        }
    }

    /// Rules without an answer, and what they lack.
    pub(super) fn open_decisions(&mut self) {
        for decision in &self.case.decisions {
            if applied(decision).is_some() {
                continue;
            }
            let bears = self.decision(decision);
            let text = format!("Rule {}.", decision.summary());
            self.say(text, Claim::Limitation { rule: decision.rule.clone() }, bears, vec![]);
        }
        for decision in &self.case.decisions {
            for other in &decision.within_range {
                let bears = self.decision(decision);
                let text = format!("Rule {} {}: {other}.", decision.rule, decision.version);
                self.say(text, Claim::Limitation { rule: decision.rule.clone() }, bears, vec![]);
            }
        }
    }

    /// A decision as evidence, added once, and behind it what was measured for it.
    fn decision(&mut self, decision: &Decision) -> Vec<EvidenceId> {
        let source = EvidenceSource::Rule {
            citation: decision.citation.clone(),
            version: Some(decision.version.clone()),
            statement: None,
        };
        let inputs: Vec<String> =
            decision.inputs.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let summary = format!("{}; given: {}", decision.summary(), inputs.join(", "));
        let mut bears = vec![self.once("G", source, summary)];
        bears.extend(decision.measured.iter().map(|one| self.measured_input(one)));
        bears
    }

    /// What a rule was given by measurement, as evidence, added once.
    fn measured_input(&mut self, one: &MeasuredInput) -> EvidenceId {
        let source = EvidenceSource::Measurement { method: one.method.clone() };
        let summary = format!("{} {} ({} to {}), {}", one.input, one.value, one.low, one.high, one.on);
        self.once("N", source, summary)
    }

    /// What was measured for the rules, in the findings: a sentence for what was measured on one thing.
    pub(super) fn measurements(&mut self) {
        let case = self.case;
        for one in case.decisions.iter().flat_map(|decision| &decision.measured) {
            let id = self.measured_input(one);
            if self.measured.iter().all(|known| known.id != id)
                && let Some(measured) = Measured::of(one, id)
            {
                self.measured.push(measured);
            }
        }
        let measured = self.measured.clone();
        for on in measured.chunk_by(|a, b| a.on == b.on) {
            let said: Vec<String> = on.iter().map(Measured::said).collect();
            let bears: Vec<EvidenceId> = on.iter().map(|one| one.id.clone()).collect();
            let text = format!("{}{}: {}.", Measured::LEAD, on[0].on, said.join(", "));
            self.say(text, Claim::Measurement { measured: bears.clone() }, bears, vec![]);
        }
    }

    fn once(&mut self, family: &str, source: EvidenceSource, summary: String) -> EvidenceId {
        match self.evidence.iter().find(|e| e.source == source && e.summary == summary) {
            Some(known) => known.id.clone(),
            None => self.bear(family, source, summary),
        }
    }
}

fn applied(decision: &Decision) -> Option<Applied> {
    let Outcome::Decided { branch, category, next, .. } = &decision.outcome else { return None };
    Some(Applied {
        version: decision.version.clone(),
        branch: branch.clone(),
        category: category.clone(),
        citation: decision.citation.clone(),
        next: next.clone(),
    })
}
