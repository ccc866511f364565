//! Evaluation over what is known: each number a range, each condition true, false or not known.

use std::collections::{BTreeMap, BTreeSet};

use super::expr::{Comparison, Condition, Formula};
use super::given::{Given, read};
use super::unit::{Unit, snapped};
use super::{Computed, Decision, Guideline, GuidelineError, InputKind, Outcome, Points, Term};

/// Applies a rule to inputs as text: `("diameter", "6 mm")`, `("density", "solid")`.
///
/// Empty text is an input that was not given. Numbers carry their unit unless the input has none.
///
/// # Errors
/// [`GuidelineError`] for an input the rule does not ask for, cannot read, or that is given twice over.
pub fn apply(rule: &Guideline, inputs: &BTreeMap<String, String>) -> Result<Decision, GuidelineError> {
    let (given, texts) = read(rule, inputs)?;
    let known = Known { rule, given };
    known.check_twice(&texts)?;
    Ok(Decision {
        rule: rule.id.clone(),
        version: rule.version.clone(),
        citation: rule.citation(),
        inputs: texts,
        values: known.values(),
        outcome: known.outcome().unwrap_or_else(|undefined| Outcome::Uncovered { reason: undefined.0 }),
        measured: Vec::new(),
        within_range: Vec::new(),
    })
}

/// What a number may be; a point where it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    const ANY: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    const fn point(value: f64) -> Self {
        Self { low: value, high: value }
    }

    fn is_point(self) -> bool {
        self.low == self.high
    }

    fn each(self, of: impl Fn(f64) -> f64) -> Self {
        let (a, b) = (of(self.low), of(self.high));
        Self { low: a.min(b), high: a.max(b) }
    }

    fn times(self, other: Self) -> Self {
        match (self.is_point(), other.is_point()) {
            (true, _) if self.low == 0.0 => Self::point(0.0),
            (_, true) if other.low == 0.0 => Self::point(0.0),
            (true, _) => other.each(|value| value * self.low),
            (_, true) => self.each(|value| value * other.low),
            _ => Self::ANY,
        }
    }
}

/// Truth where something may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    False,
    Unknown,
    True,
}

impl Truth {
    const fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// A number that cannot be computed, and why.
#[derive(Debug)]
struct Undefined(String);

struct Known<'a> {
    rule: &'a Guideline,
    given: Vec<Given>,
}

impl Known<'_> {
    fn outcome(&self) -> Result<Outcome, Undefined> {
        let mut without = BTreeSet::new();
        let mut possible = Vec::new();
        let outside = self.rule.outside.iter().map(|o| (&o.id, &o.condition));
        let branches = self.rule.branches.iter().map(|b| (&b.id, &b.condition));
        for (id, condition) in outside.chain(branches) {
            let truth = match self.truth(condition) {
                // What cannot be computed only matters once all before it is known to be false.
                Err(undefined) if possible.is_empty() => return Err(undefined),
                Err(_) => break,
                Ok(truth) => truth,
            };
            match truth {
                Truth::False => {}
                Truth::True if possible.is_empty() => return Ok(self.decided(id)),
                Truth::True => {
                    possible.push(id.clone());
                    break;
                }
                Truth::Unknown => {
                    possible.push(id.clone());
                    self.missing(condition, &mut without);
                }
            }
        }
        if possible.is_empty() {
            let reason = "no branch of the rule speaks of these inputs".to_owned();
            return Ok(Outcome::Uncovered { reason });
        }
        let in_order = self.rule.inputs.iter().map(|input| &input.name);
        let without = in_order.filter(|name| without.contains(*name)).cloned().collect();
        Ok(Outcome::Undecided { without, possible })
    }

    fn decided(&self, id: &str) -> Outcome {
        if let Some(outside) = self.rule.outside.iter().find(|outside| outside.id == id) {
            return Outcome::Outside { branch: outside.id.clone(), reason: outside.reason.clone() };
        }
        let branch = self.rule.branch(id).expect("the id is of an exception or of a branch");
        Outcome::Decided {
            branch: branch.id.clone(),
            category: branch.category.clone(),
            rank: branch.rank,
            recommendation: branch.recommendation.clone(),
            next: branch.next.clone(),
        }
    }

    fn values(&self) -> BTreeMap<String, String> {
        let mut known = BTreeMap::new();
        for (at, value) in self.rule.values.iter().enumerate() {
            if let Ok(range) = self.value(at)
                && range.is_point()
            {
                known.insert(value.name.clone(), shown(range.low, value.unit));
            }
        }
        for (at, input) in self.rule.inputs.iter().enumerate() {
            if let InputKind::Number(measured) = &input.kind
                && (measured.computed.is_some() || measured.round.is_some())
                && let Ok(range) = self.input(at)
                && range.is_point()
            {
                known.insert(input.name.clone(), shown(range.low, measured.unit));
            }
        }
        known
    }

    /// A measured input that is also computed has to be given once.
    fn check_twice(&self, texts: &BTreeMap<String, String>) -> Result<(), GuidelineError> {
        for (at, input) in self.rule.inputs.iter().enumerate() {
            let InputKind::Number(measured) = &input.kind else { continue };
            let (Some((_, formula)), Given::Number(_)) = (&measured.computed, self.given[at]) else {
                continue;
            };
            if let Ok(computed) = self.formula(formula)
                && computed.is_point()
            {
                return Err(GuidelineError::Twice {
                    name: input.name.clone(),
                    found: texts[&input.name].clone(),
                    computed: shown(computed.low, measured.unit),
                });
            }
        }
        Ok(())
    }

    /// Whether an input, given or computed, is still open.
    fn is_open(&self, at: usize) -> bool {
        match &self.rule.inputs[at].kind {
            InputKind::Choice(_) => self.given[at] == Given::Nothing,
            InputKind::Number(_) => self.input(at).is_ok_and(|range| !range.is_point()),
        }
    }

    fn input(&self, at: usize) -> Result<Range, Undefined> {
        let InputKind::Number(measured) = &self.rule.inputs[at].kind else { return Ok(Range::ANY) };
        let factor = measured.unit.factor;
        let bounds = Range { low: measured.least * factor, high: measured.greatest * factor };
        let range = match (self.given[at], &measured.computed) {
            (Given::Number(value), _) => Range::point(value),
            (_, Some((_, formula))) => {
                let computed = self.formula(formula)?;
                let out = computed.high < bounds.low || computed.low > bounds.high;
                if computed.is_point() && out {
                    let name = &self.rule.inputs[at].name;
                    let found = shown(computed.low, measured.unit);
                    return Err(Undefined(format!("{name} comes out as {found}, which cannot be")));
                }
                Range { low: computed.low.max(bounds.low), high: computed.high.min(bounds.high) }
            }
            _ => bounds,
        };
        Ok(rounded(range, measured.round, measured.unit))
    }

    fn value(&self, at: usize) -> Result<Range, Undefined> {
        let value = &self.rule.values[at];
        let range = match &value.how {
            Computed::Formula(formula) => {
                self.formula(formula).map_err(|why| Undefined(format!("{}: {}", value.name, why.0)))?
            }
            Computed::Points(terms) => {
                let mut sum = Range::point(0.0);
                for term in terms {
                    let points = self.points(term)?;
                    sum = Range { low: sum.low + points.low, high: sum.high + points.high };
                }
                sum.each(|points| points * value.unit.factor)
            }
        };
        Ok(rounded(range, value.round, value.unit))
    }

    fn points(&self, term: &Term) -> Result<Range, Undefined> {
        let points = match &term.points {
            Points::One(points) => Range::point(*points),
            Points::Each(input, points) => match self.given[*input] {
                Given::Choice(choice) => Range::point(points[choice]),
                _ => Range {
                    low: points.iter().copied().fold(f64::INFINITY, f64::min),
                    high: points.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                },
            },
        };
        Ok(match self.truth(&term.when)? {
            Truth::True => points,
            Truth::False => Range::point(0.0),
            Truth::Unknown => Range { low: points.low.min(0.0), high: points.high.max(0.0) },
        })
    }

    fn formula(&self, formula: &Formula) -> Result<Range, Undefined> {
        Ok(match formula {
            Formula::Literal(value) => Range::point(*value),
            Formula::Input(at) => self.input(*at)?,
            Formula::Value(at) => self.value(*at)?,
            Formula::Sum(a, b) => {
                let (a, b) = (self.formula(a)?, self.formula(b)?);
                Range { low: snapped(a.low + b.low), high: snapped(a.high + b.high) }
            }
            Formula::Difference(a, b) => {
                let (a, b) = (self.formula(a)?, self.formula(b)?);
                Range { low: snapped(a.low - b.high), high: snapped(a.high - b.low) }
            }
            Formula::Product(a, b) => self.formula(a)?.times(self.formula(b)?).each(snapped),
            Formula::Quotient(a, b) => {
                let (a, b) = (self.formula(a)?, self.formula(b)?);
                match b.is_point() {
                    true if b.low == 0.0 => return Err(Undefined("a division by zero".to_owned())),
                    true => a.each(|value| snapped(value / b.low)),
                    false => Range::ANY,
                }
            }
            Formula::Least(all) => self.fold(all, f64::min)?,
            Formula::Greatest(all) => self.fold(all, f64::max)?,
            Formula::Size(inner) => {
                let inner = self.formula(inner)?;
                let high = inner.low.abs().max(inner.high.abs());
                let across = inner.low < 0.0 && inner.high > 0.0;
                let low = if across { 0.0 } else { inner.low.abs().min(inner.high.abs()) };
                Range { low, high }
            }
        })
    }

    fn fold(&self, all: &[Formula], pick: fn(f64, f64) -> f64) -> Result<Range, Undefined> {
        let ranges: Result<Vec<Range>, Undefined> = all.iter().map(|formula| self.formula(formula)).collect();
        let ranges = ranges?;
        let first = ranges[0];
        let pick = |a: Range, b: &Range| Range { low: pick(a.low, b.low), high: pick(a.high, b.high) };
        Ok(ranges.iter().fold(first, pick))
    }

    fn truth(&self, condition: &Condition) -> Result<Truth, Undefined> {
        Ok(match condition {
            Condition::Always => Truth::True,
            Condition::Not(inner) => match self.truth(inner)? {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            Condition::All(parts) => self.joined(parts, Truth::False)?,
            Condition::Any(parts) => self.joined(parts, Truth::True)?,
            Condition::Compare(a, comparison, b) => compare(self.formula(a)?, *comparison, self.formula(b)?),
            Condition::Is(input, choices) => match self.given[*input] {
                Given::Choice(choice) => Truth::of(choices.contains(&choice)),
                _ => Truth::Unknown,
            },
        })
    }

    /// Parts of which one that is `deciding` decides. What cannot be computed matters only where all others are known.
    fn joined(&self, parts: &[Condition], deciding: Truth) -> Result<Truth, Undefined> {
        let (mut unknown, mut undefined) = (false, None);
        for part in parts {
            match self.truth(part) {
                Ok(truth) if truth == deciding => return Ok(deciding),
                Ok(truth) => unknown |= truth == Truth::Unknown,
                Err(why) => undefined = Some(why),
            }
        }
        match (unknown, undefined) {
            (true, _) => Ok(Truth::Unknown),
            (false, Some(why)) => Err(why),
            (false, None) if deciding == Truth::True => Ok(Truth::False),
            (false, None) => Ok(Truth::True),
        }
    }

    /// Inputs that are open in what of a condition is not known.
    fn missing(&self, condition: &Condition, into: &mut BTreeSet<String>) {
        if !matches!(self.truth(condition), Ok(Truth::Unknown)) {
            return;
        }
        match condition {
            Condition::Always => {}
            Condition::Not(inner) => self.missing(inner, into),
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    self.missing(part, into);
                }
            }
            Condition::Compare(a, _, b) => {
                self.open(a, into);
                self.open(b, into);
            }
            Condition::Is(input, _) => {
                into.insert(self.rule.inputs[*input].name.clone());
            }
        }
    }

    fn open(&self, formula: &Formula, into: &mut BTreeSet<String>) {
        match formula {
            Formula::Literal(_) => {}
            Formula::Input(at) => {
                if self.is_open(*at) {
                    into.insert(self.rule.inputs[*at].name.clone());
                }
            }
            Formula::Value(at) => match &self.rule.values[*at].how {
                Computed::Formula(inner) => self.open(inner, into),
                Computed::Points(terms) => {
                    for term in terms {
                        if matches!(self.truth(&term.when), Ok(Truth::False)) {
                            continue;
                        }
                        self.missing(&term.when, into);
                        if let Points::Each(input, _) = &term.points
                            && self.is_open(*input)
                        {
                            into.insert(self.rule.inputs[*input].name.clone());
                        }
                    }
                }
            },
            Formula::Sum(a, b)
            | Formula::Difference(a, b)
            | Formula::Product(a, b)
            | Formula::Quotient(a, b) => {
                self.open(a, into);
                self.open(b, into);
            }
            Formula::Least(all) | Formula::Greatest(all) => {
                for inner in all {
                    self.open(inner, into);
                }
            }
            Formula::Size(inner) => self.open(inner, into),
        }
    }
}

/// What of two ranges is certain.
fn compare(a: Range, comparison: Comparison, b: Range) -> Truth {
    let certain = |yes: bool, no: bool| match (yes, no) {
        (true, _) => Truth::True,
        (_, true) => Truth::False,
        _ => Truth::Unknown,
    };
    let same = a.is_point() && b.is_point() && a.low == b.low;
    let apart = a.high < b.low || b.high < a.low;
    match comparison {
        Comparison::Below => certain(a.high < b.low, a.low >= b.high),
        Comparison::AtMost => certain(a.high <= b.low, a.low > b.high),
        Comparison::Above => certain(a.low > b.high, a.high <= b.low),
        Comparison::AtLeast => certain(a.low >= b.high, a.high < b.low),
        Comparison::Equal => certain(same, apart),
        Comparison::Unequal => certain(apart, same),
    }
}

/// Rounded to the nearest multiple of `to` of the unit, halves upward.
fn rounded(range: Range, to: Option<f64>, unit: Unit) -> Range {
    let Some(to) = to else { return range };
    range.each(|value| {
        if !value.is_finite() {
            return value;
        }
        snapped((snapped(value / unit.factor / to) + 0.5).floor() * to * unit.factor)
    })
}

/// A number in its unit, with at most four digits after the point.
fn shown(base: f64, unit: Unit) -> String {
    let value = snapped(base / unit.factor);
    let value = (value * 1e4).round() / 1e4;
    if unit.name == "1" { format!("{value}") } else { format!("{value} {}", unit.name) }
}
