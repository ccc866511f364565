//! Data files of rules, checked as they are read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::expr::{self, Named};
use super::unit::{self, Unit};
use super::{
    Act, Branch, Computed, Guideline, Input, InputKind, Measured, Outside, Points, Source, Step, Term, Value,
};

/// Why a rule's file or an input cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuidelineError {
    /// The file is no rule.
    #[error("{place} is no part of a rule: {reason}")]
    File {
        /// Where.
        place: String,
        /// Why.
        reason: String,
    },
    /// An input the rule does not ask for.
    #[error("rule {rule} has no input {name}, expected one of: {known}")]
    UnknownInput {
        /// The rule.
        rule: String,
        /// The input.
        name: String,
        /// What it asks for.
        known: String,
    },
    /// A word that is none of the choices.
    #[error("{name} is \"{found}\", expected one of: {allowed}")]
    Choice {
        /// The input.
        name: String,
        /// What was given.
        found: String,
        /// The choices.
        allowed: String,
    },
    /// No number.
    #[error("{name} is \"{found}\", expected a number{unit}")]
    Number {
        /// The input.
        name: String,
        /// What was given.
        found: String,
        /// What unit it takes.
        unit: String,
    },
    /// A number without a unit, or with one of something else.
    #[error("{name} is \"{found}\", expected a number in one of the units: {expected}")]
    Unit {
        /// The input.
        name: String,
        /// What was given.
        found: String,
        /// Units that can be read.
        expected: String,
    },
    /// A number that cannot be.
    #[error("{name} is {found}, expected {expected}")]
    Bounds {
        /// The input.
        name: String,
        /// What was given.
        found: String,
        /// What can be.
        expected: String,
    },
    /// An input given twice over: itself, and what it is computed from.
    #[error("{name} is given as {found}, and what it is computed from gives {computed}: leave one out")]
    Twice {
        /// The input.
        name: String,
        /// What was given.
        found: String,
        /// What was computed.
        computed: String,
    },
    /// An input that was typed and measured.
    #[error("{name} is given, and was measured as {measured}: leave one out")]
    GivenAndMeasured {
        /// The input.
        name: String,
        /// What was measured.
        measured: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    version: String,
    title: String,
    scope: String,
    source: Vec<Source>,
    #[serde(default)]
    conventions: Vec<String>,
    #[serde(default)]
    not_covered: Vec<String>,
    #[serde(default)]
    input: Vec<InputEntry>,
    #[serde(default)]
    value: Vec<ValueEntry>,
    #[serde(default)]
    outside: Vec<OutsideEntry>,
    branch: Vec<BranchEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputEntry {
    name: String,
    asks: String,
    unit: Option<String>,
    values: Option<Vec<String>>,
    #[serde(default)]
    yes_no: bool,
    least: Option<f64>,
    greatest: Option<f64>,
    #[serde(default)]
    whole: bool,
    round: Option<f64>,
    computed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueEntry {
    name: String,
    unit: String,
    round: Option<f64>,
    formula: Option<String>,
    add: Option<Vec<TermEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermEntry {
    of: Option<String>,
    when: Option<String>,
    points: PointsEntry,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PointsEntry {
    One(f64),
    Each(BTreeMap<String, f64>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutsideEntry {
    id: String,
    when: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BranchEntry {
    id: String,
    when: String,
    category: String,
    rank: Option<u32>,
    recommendation: Option<String>,
    #[serde(default)]
    next: Vec<Step>,
}

fn wrong(place: impl Into<String>, reason: impl Into<String>) -> GuidelineError {
    GuidelineError::File { place: place.into(), reason: reason.into() }
}

fn known_unit(place: &str, name: &str) -> Result<Unit, GuidelineError> {
    unit::named(name).ok_or_else(|| wrong(place, format!("{name} is no unit that can be read")))
}

impl Guideline {
    /// Reads a rule from its data file, checking names, units, and that steps say what they need.
    ///
    /// # Errors
    /// [`GuidelineError::File`], with the place.
    pub fn read(text: &str) -> Result<Self, GuidelineError> {
        let file: File = toml::from_str(text).map_err(|error| wrong("the file", error.to_string()))?;
        let mut taken = BTreeSet::new();
        let names = file.input.iter().map(|i| &i.name).chain(file.value.iter().map(|v| &v.name));
        let ids = file.outside.iter().map(|o| &o.id).chain(file.branch.iter().map(|b| &b.id));
        for name in names.chain(ids) {
            if !taken.insert(name.clone()) {
                return Err(wrong(name, "the name is used twice"));
            }
        }
        if file.source.is_empty() || file.branch.is_empty() {
            return Err(wrong(&file.id, "a source and a branch are needed"));
        }
        let mut rule = Self {
            id: file.id,
            version: file.version,
            title: file.title,
            scope: file.scope,
            sources: file.source,
            conventions: file.conventions,
            not_covered: file.not_covered,
            inputs: Vec::new(),
            values: Vec::new(),
            outside: Vec::new(),
            branches: Vec::new(),
        };
        for entry in &file.input {
            let input = rule.read_input(entry)?;
            rule.inputs.push(input);
        }
        for entry in file.value {
            let value = rule.read_value(entry)?;
            rule.values.push(value);
        }
        for OutsideEntry { id, when, reason } in file.outside {
            let condition = rule.condition(&id, &when)?;
            rule.outside.push(Outside { id, when, reason, condition });
        }
        for BranchEntry { id, when, category, rank, recommendation, next } in file.branch {
            let condition = rule.condition(&id, &when)?;
            check_steps(&id, recommendation.as_deref(), &next)?;
            rule.branches.push(Branch { id, when, category, rank, recommendation, next, condition });
        }
        Ok(rule)
    }

    fn named(&self, name: &str) -> Option<Named> {
        if let Some(at) = self.inputs.iter().position(|input| input.name == name) {
            return Some(match &self.inputs[at].kind {
                InputKind::Choice(values) => Named::Choice(at, values.clone()),
                InputKind::Number(measured) => Named::Number(at, measured.unit.dimension),
            });
        }
        let at = self.values.iter().position(|value| value.name == name)?;
        Some(Named::Value(at, self.values[at].unit.dimension))
    }

    fn condition(&self, place: &str, text: &str) -> Result<expr::Condition, GuidelineError> {
        expr::condition(text, &|name| self.named(name)).map_err(|reason| wrong(place, reason))
    }

    fn formula(&self, place: &str, text: &str, of: Unit) -> Result<expr::Formula, GuidelineError> {
        let (formula, dimension) =
            expr::formula(text, &|name| self.named(name)).map_err(|reason| wrong(place, reason))?;
        if dimension == of.dimension {
            return Ok(formula);
        }
        Err(wrong(place, format!("\"{text}\" is not measured in {}", of.name)))
    }

    fn read_input(&self, entry: &InputEntry) -> Result<Input, GuidelineError> {
        let name = entry.name.clone();
        let choices = match (&entry.values, entry.yes_no) {
            (Some(values), false) => Some(values.clone()),
            (None, true) => Some(vec!["no".to_owned(), "yes".to_owned()]),
            (None, false) => None,
            (Some(_), true) => return Err(wrong(name, "yes_no has its values")),
        };
        let kind = match (choices, &entry.unit) {
            (Some(values), None) if values.len() > 1 => InputKind::Choice(values),
            (None, Some(unit)) => {
                let unit = known_unit(&name, unit)?;
                let formula = |text: &String| Ok((text.clone(), self.formula(&name, text, unit)?));
                InputKind::Number(Measured {
                    unit,
                    least: entry.least.unwrap_or(f64::NEG_INFINITY),
                    greatest: entry.greatest.unwrap_or(f64::INFINITY),
                    whole: entry.whole,
                    round: entry.round,
                    computed: entry.computed.as_ref().map(formula).transpose()?,
                })
            }
            _ => return Err(wrong(name, "an input has a unit, or two values or more")),
        };
        Ok(Input { name, asks: entry.asks.clone(), kind })
    }

    fn read_value(&self, entry: ValueEntry) -> Result<Value, GuidelineError> {
        let unit = known_unit(&entry.name, &entry.unit)?;
        let how = match (entry.formula, entry.add) {
            (Some(text), None) => Computed::Formula(self.formula(&entry.name, &text, unit)?),
            (None, Some(terms)) => {
                let terms: Result<Vec<Term>, GuidelineError> =
                    terms.into_iter().map(|term| self.read_term(&entry.name, term)).collect();
                Computed::Points(terms?)
            }
            _ => return Err(wrong(entry.name, "a value has a formula or terms to add, one of them")),
        };
        Ok(Value { name: entry.name, unit, round: entry.round, how })
    }

    fn read_term(&self, place: &str, term: TermEntry) -> Result<Term, GuidelineError> {
        let when = match &term.when {
            Some(when) => self.condition(place, when)?,
            None => expr::Condition::Always,
        };
        let points = match (&term.of, term.points) {
            (Some(name), PointsEntry::Each(mut points)) => {
                let Some(Named::Choice(input, values)) = self.named(name) else {
                    return Err(wrong(place, format!("{name} is no input of choices")));
                };
                let each: Option<Vec<f64>> = values.iter().map(|value| points.remove(value)).collect();
                match each {
                    Some(each) if points.is_empty() => Points::Each(input, each),
                    _ => {
                        let reason = format!("points are needed for each value of {name}, and no other");
                        return Err(wrong(place, reason));
                    }
                }
            }
            (None, PointsEntry::One(points)) if term.when.is_some() => Points::One(points),
            _ => {
                let reason = "a term is points of an input's values, or points when something holds";
                return Err(wrong(place, reason));
            }
        };
        Ok(Term { when, points })
    }
}

/// Whether the steps say what they need: how and when for an image, nothing beside "nothing".
fn check_steps(id: &str, recommendation: Option<&str>, next: &[Step]) -> Result<(), GuidelineError> {
    if recommendation.is_some() == next.is_empty() {
        return Err(wrong(id, "a recommendation has steps, and steps have a recommendation"));
    }
    if next.iter().any(|step| step.act == Act::NoFollowUp) && next.len() > 1 {
        return Err(wrong(id, "no follow-up stands alone"));
    }
    for step in next {
        if step.act != Act::Imaging && !step.with.is_empty() {
            return Err(wrong(id, "only an image has means"));
        }
        if let Some([from, to]) = step.after_months
            && !(from >= 0.0 && from <= to && to.is_finite())
        {
            return Err(wrong(id, "months run from the sooner to the later"));
        }
    }
    Ok(())
}
