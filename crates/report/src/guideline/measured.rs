use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Decision, Guideline, GuidelineError, InputKind, Outcome, apply};

/// An input of a rule that this program measured, with what it was measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredInput {
    /// The rule's input.
    pub input: String,
    /// The number with its unit, as the rule read it.
    pub value: String,
    /// The same number at the lower end of its range.
    pub low: String,
    /// And at the upper end.
    pub high: String,
    /// How it was measured.
    pub method: String,
    /// On what: the mask by its hash, the label, the slice.
    pub on: String,
}

/// Applies a rule to inputs of which some were measured: these go in as they are, and are carried by the decision.
///
/// Every other input is asked for by its name, as [`apply`] does. A value that the rule does not ask for is left out.
///
/// # Errors
/// [`GuidelineError`] as [`apply`]; [`GuidelineError::GivenAndMeasured`] for an input that is both given and measured.
pub fn apply_measured(
    rule: &Guideline,
    inputs: &BTreeMap<String, String>,
    measured: &[MeasuredInput],
) -> Result<Decision, GuidelineError> {
    let asked = |one: &&MeasuredInput| {
        rule.input(&one.input).is_some_and(|input| matches!(input.kind, InputKind::Number(_)))
    };
    let measured: Vec<MeasuredInput> = measured.iter().filter(asked).cloned().collect();
    if let Some(twice) = measured.iter().find(|one| inputs.contains_key(&one.input)) {
        return Err(GuidelineError::GivenAndMeasured {
            name: twice.input.clone(),
            measured: twice.value.clone(),
        });
    }
    let at = |end: fn(&MeasuredInput) -> &String| {
        let mut all = inputs.clone();
        all.extend(measured.iter().map(|one| (one.input.clone(), end(one).clone())));
        apply(rule, &all)
    };
    let mut decision = at(|one| &one.value)?;
    if !measured.is_empty() {
        // An end of the range that the rule does not take says nothing.
        for (end, found) in [("lower", at(|one| &one.low)), ("upper", at(|one| &one.high))] {
            if let (Some(here), Some(there)) = (answer(&decision), found.ok().as_ref().and_then(answer))
                && here != there
            {
                decision
                    .within_range
                    .push(format!("at the {end} ends of the measured ranges it would be: {there}"));
            }
        }
    }
    decision.measured = measured;
    Ok(decision)
}

fn answer(decision: &Decision) -> Option<String> {
    match &decision.outcome {
        Outcome::Decided { branch, category, .. } => Some(format!("{category} (branch {branch})")),
        Outcome::Outside { branch, reason } => Some(format!("{reason} (branch {branch})")),
        Outcome::Undecided { .. } | Outcome::Uncovered { .. } => None,
    }
}

impl MeasuredInput {
    /// The number with its range and its source.
    pub fn text(&self) -> String {
        format!("{} {} ({} to {}), {}, {}", self.input, self.value, self.low, self.high, self.method, self.on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guideline::guideline;

    fn measured(input: &str, value: f64, half: f64) -> MeasuredInput {
        let number = |value: f64| format!("{value:.2} mm");
        MeasuredInput {
            input: input.to_owned(),
            value: number(value),
            low: number(value - half),
            high: number(value + half),
            method: "long axis in an acquired plane".to_owned(),
            on: "label 1".to_owned(),
        }
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const ASKED: [(&str, &str); 7] = [
        ("age", "61 years"),
        ("known_cancer", "no"),
        ("immunosuppressed", "no"),
        ("screening", "no"),
        ("number", "single"),
        ("density", "solid"),
        ("risk", "low"),
    ];

    #[test]
    fn measured_axes_decide_and_what_is_missing_is_named() {
        let rule = guideline("fleischner-2017").expect("a rule");
        // (8 + 6) / 2 = 7 mm: solid, 6 to 8 mm, low risk.
        let axes = [measured("long_axis", 8.0, 0.4), measured("short_axis", 6.0, 0.4)];
        let open = apply_measured(rule, &given(&[]), &axes).expect("applied");
        let Outcome::Undecided { without, .. } = &open.outcome else { panic!("{open:?}") };
        for name in ["age", "density", "number"] {
            assert!(without.iter().any(|missing| missing == name), "{without:?}");
        }
        assert!(!without.iter().any(|missing| missing.contains("axis") || missing == "mean_diameter"));
        let decided = apply_measured(rule, &given(&ASKED), &axes).expect("applied");
        let Outcome::Decided { branch, .. } = &decided.outcome else { panic!("{decided:?}") };
        assert_eq!(branch, "solid-single-6-to-8-low");
        assert_eq!(decided.measured.len(), 2);
        assert!(decided.within_range.is_empty(), "{:?}", decided.within_range);
    }

    #[test]
    fn a_range_that_reaches_another_category_says_so() {
        let rule = guideline("fleischner-2017").expect("a rule");
        // 6.2 mm is 6 mm; 1 mm less is 5 mm, which needs no follow-up; 1 mm more is 7 mm.
        let axes = [measured("long_axis", 6.4, 1.0), measured("short_axis", 6.0, 1.0)];
        let decided = apply_measured(rule, &given(&ASKED), &axes).expect("applied");
        assert_eq!(decided.within_range.len(), 1, "{:?}", decided.within_range);
        assert!(decided.within_range[0].contains("solid-below-6-low"), "{:?}", decided.within_range);
        assert!(decided.text().contains("at the lower ends"), "{}", decided.text());
    }

    #[test]
    fn an_input_is_not_given_and_measured_at_once() {
        let rule = guideline("fleischner-2017").expect("a rule");
        let refused =
            apply_measured(rule, &given(&[("long_axis", "8 mm")]), &[measured("long_axis", 8.0, 0.4)]);
        assert!(matches!(refused, Err(GuidelineError::GivenAndMeasured { .. })), "{refused:?}");
    }
}
