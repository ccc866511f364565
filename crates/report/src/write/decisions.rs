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
            let id = self.decision(decision);
            self.say(text, claim, vec![id], vec![]);
        }
    }

    /// What they recommend.
    pub(super) fn advice(&mut self) {
        for decision in &self.case.decisions {
            let (Some(text), Some(applied)) = (decision.sentence(), applied(decision)) else { continue };
            let claim = Claim::Recommendation { rule: decision.rule.clone(), applied: Some(applied) };
            let id = self.decision(decision);
            self.say(text, claim, vec![id], vec![]);
        }
    }

    /// Rules without an answer, and what they lack.
    pub(super) fn open_decisions(&mut self) {
        for decision in &self.case.decisions {
            if applied(decision).is_some() {
                continue;
            }
            let id = self.decision(decision);
            let text = format!("Rule {}.", decision.summary());
            self.say(text, Claim::Limitation { rule: decision.rule.clone() }, vec![id], vec![]);
        }
    }

    /// A decision as evidence, added once.
    fn decision(&mut self, decision: &Decision) -> EvidenceId {
        let source = EvidenceSource::Rule { citation: decision.citation.clone() };
        let inputs: Vec<String> =
            decision.inputs.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let summary = format!("{}; given: {}", decision.summary(), inputs.join(", "));
        match self.evidence.iter().find(|e| e.source == source && e.summary == summary) {
            Some(known) => known.id.clone(),
            None => self.bear("G", source, summary),
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
