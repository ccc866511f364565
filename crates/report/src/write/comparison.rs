//! What was compared with earlier examinations, and by what yardstick.

use super::Draft;
use crate::Claim;
use crate::earlier::unlooked;
use crate::yardstick::Yardstick;

impl Draft<'_> {
    /// The section on what it was compared with.
    pub(super) fn compared_with_earlier(&mut self) {
        for earlier in &self.case.earlier {
            let when = match earlier.days {
                Some(0) => "made on the same day".to_owned(),
                Some(1) => "made 1 day before".to_owned(),
                Some(days) => format!("made {days} days before"),
                None => "whose date is not known".to_owned(),
            };
            let text = format!("Compared with an earlier examination of the same kind, {when}.");
            self.say(text, Claim::Comparison, vec![earlier.evidence.clone()], vec![]);
        }
        if let Some(latest) = self.case.earlier.first() {
            for name in unlooked(&self.case.findings, &self.case.earlier) {
                let text = format!(
                    "The earlier examination also spoke of {name}, which was not looked for this time."
                );
                self.say(text, Claim::Comparison, vec![latest.evidence.clone()], vec![]);
            }
        }
    }

    /// What a comparison cannot know, and from when on larger is larger.
    pub(super) fn limits_of_comparison(&mut self) {
        let mut rules: Vec<&'static str> = Vec::new();
        if self.case.earlier.iter().any(|earlier| !earlier.is_proven) {
            rules.push("R-SAME-PATIENT");
        }
        let used: Vec<Yardstick> = self
            .case
            .priors
            .iter()
            .filter_map(|prior| {
                let now = self.case.findings.iter().find(|finding| finding.id == prior.of)?;
                prior.yardstick(now)
            })
            .collect();
        rules.extend(Yardstick::ALL.into_iter().filter(|one| used.contains(one)).map(Yardstick::rule));
        for rule in rules {
            self.say_rule(rule, Claim::Limitation { rule: rule.to_owned() });
        }
    }
}
