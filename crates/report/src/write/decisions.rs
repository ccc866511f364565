//! What published rules said, as sentences.

use wilhelm_study::{EvidenceId, EvidenceSource};

use super::Draft;
use crate::guideline::{Decision, Outcome};
use crate::{Applied, Claim};

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
        let source = EvidenceSource::Rule { citation: decision.citation.clone() };
        let inputs: Vec<String> =
            decision.inputs.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let summary = format!("{}; given: {}", decision.summary(), inputs.join(", "));
        let mut bears = vec![self.once("G", source, summary)];
        for one in &decision.measured {
            let source = EvidenceSource::Measurement { method: one.method.clone() };
            let summary = format!("{} {} ({} to {}), {}", one.input, one.value, one.low, one.high, one.on);
            bears.push(self.once("N", source, summary));
        }
        bears
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
