use wilhelm_store::{Facts, Outcome};

use super::{Rule, When};

/// Most bytes of a description that are looked at.
const DESCRIPTION_BYTES: usize = 1024;
/// Most values of a study that are listed.
const LISTED: usize = 8;

/// One thing that a rule asks of a study, and what was found. Descriptions are not shown: people write names into them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is asked for, as `modality`.
    pub what: &'static str,
    /// What it has to be.
    pub wanted: String,
    /// What it is.
    pub found: String,
    /// Whether that is enough.
    pub holds: bool,
}

/// What a rule says of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether all that it asks for holds.
    pub applies: bool,
    /// What it asks for, in the order of the file's manual.
    pub conditions: Vec<Condition>,
}

impl Verdict {
    /// In a sentence, without a value of the patient.
    pub fn why(&self) -> String {
        let shown: Vec<String> = self
            .conditions
            .iter()
            .filter(|condition| condition.holds == self.applies)
            .map(|condition| {
                let Condition { what, wanted, found, holds } = condition;
                let verb = if *holds { "is" } else { "is not" };
                format!("{what} {verb} {wanted} ({found})")
            })
            .collect();
        if shown.is_empty() { "it asks for nothing".to_owned() } else { shown.join("; ") }
    }

    /// As it is kept.
    pub fn outcome(&self) -> Outcome {
        Outcome { matched: self.applies, why: self.why() }
    }
}

/// Whether a rule is about a study, and why. Pure: the same rule and facts give the same verdict.
pub fn judge(rule: &Rule, facts: &Facts) -> Verdict {
    let When { modality, body_part, description, calling_ae, min_instances } = &rule.when;
    let mut conditions = Vec::new();
    let mut one_of = |what, wanted: &[String], found: &[String]| {
        if !wanted.is_empty() {
            let holds = found.iter().any(|one| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(one)));
            conditions.push(Condition { what, wanted: wanted.join(" or "), found: listed(found), holds });
        }
    };
    one_of("modality", modality, &facts.modalities);
    one_of("body part", body_part, &facts.body_parts);
    let sender: &[String] = std::slice::from_ref(&facts.sender);
    one_of("calling AE title", calling_ae, if facts.sender.is_empty() { &[] } else { sender });
    if let Some(pattern) = description {
        let holds = facts.descriptions.iter().any(|text| {
            let text = text.expose();
            let end = text.floor_char_boundary(text.len().min(DESCRIPTION_BYTES));
            pattern.expression.is_match(text[..end].trim())
        });
        let count = facts.descriptions.iter().filter(|text| !text.expose().is_empty()).count();
        let found = format!("{count} descriptions looked at");
        conditions.push(Condition { what: "description", wanted: pattern.text.clone(), found, holds });
    }
    if *min_instances > 0 {
        conditions.push(Condition {
            what: "number of objects",
            wanted: format!("{min_instances} or more"),
            found: facts.instances.to_string(),
            holds: facts.instances >= *min_instances,
        });
    }
    Verdict { applies: conditions.iter().all(|condition| condition.holds), conditions }
}

/// Coded values as they are listed: what is no code is left out.
fn listed(found: &[String]) -> String {
    let is_code = |text: &&String| {
        text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _-.".contains(&byte))
    };
    let codes: Vec<&str> = found.iter().filter(is_code).take(LISTED).map(String::as_str).collect();
    if codes.is_empty() { "none".to_owned() } else { codes.join(", ") }
}

#[cfg(test)]
mod tests {
    use wilhelm_study::Phi;

    use super::*;
    use crate::rules::{Reach, Rules};

    fn facts() -> Facts {
        Facts {
            modalities: vec!["CT".to_owned(), "SR".to_owned()],
            body_parts: vec!["CHEST".to_owned()],
            descriptions: vec![Phi::new("CT Thorax nativ".to_owned()), Phi::new("Doe^Jane 1 mm".to_owned())],
            sender: "SCANNER1".to_owned(),
            instances: 120,
        }
    }

    fn check(when: &str, expected: bool, words: &str) {
        let text = format!(
            "[[rule]]\nname = \"one\"\nwhen = {{ {when} }}\nafter_quiet_seconds = 60\ndo = [{{ read = {{}} }}]\n"
        );
        let rules = Rules::parse(&text, &Reach::default()).expect(when);
        let verdict = judge(&rules.rules[0], &facts());
        assert_eq!(verdict.applies, expected, "{when}: {}", verdict.why());
        assert!(verdict.why().contains(words), "{when}: {}", verdict.why());
        assert!(!verdict.why().contains("Doe"), "{}", verdict.why());
    }

    #[test]
    fn all_that_is_named_has_to_hold_and_of_a_list_one() {
        check("", true, "it asks for nothing");
        check("modality = \"CT\"", true, "modality is CT (CT, SR)");
        check("modality = [\"MR\", \"ct\"]", true, "MR or ct");
        check("modality = \"MR\"", false, "modality is not MR (CT, SR)");
        check("body_part = \"chest\"", true, "body part is chest");
        check("modality = \"CT\", body_part = \"HEAD\"", false, "body part is not HEAD (CHEST)");
        check("calling_ae = [\"SCANNER1\"]", true, "SCANNER1");
        check("calling_ae = [\"OTHER\"]", false, "calling AE title is not OTHER (SCANNER1)");
        check("min_instances = 120", true, "120 or more");
        check("min_instances = 121", false, "number of objects is not 121 or more (120)");
    }

    #[test]
    fn descriptions_match_by_wildcards_or_by_an_expression() {
        check("description = \"ct thorax*\"", true, "ct thorax*");
        check("description = \"thorax*\"", false, "2 descriptions looked at");
        check("description = \"* 1 mm\"", true, "1 mm");
        check("description = \"CT Thorax nati?\"", true, "");
        check("description = \"CT.Thorax*\"", false, "");
        check("description_matches = \"thora[xk]|lung\"", true, "");
        check("description_matches = '^lung'", false, "");
    }
}
