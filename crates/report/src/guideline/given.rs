//! Inputs as given: text to choices and numbers in base units.

use std::collections::BTreeMap;

use super::unit::{self, BARE, snapped};
use super::{Guideline, GuidelineError, Input, InputKind, Measured};

/// An input as read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Given {
    /// Nothing was said.
    Nothing,
    /// The index of a choice.
    Choice(usize),
    /// A number in base units, not yet rounded.
    Number(f64),
}

/// The inputs of a rule in its order, with their text as it goes into the decision.
pub(super) fn read(
    rule: &Guideline,
    inputs: &BTreeMap<String, String>,
) -> Result<(Vec<Given>, BTreeMap<String, String>), GuidelineError> {
    if let Some(name) = inputs.keys().find(|name| rule.input(name).is_none()) {
        let known: Vec<&str> = rule.inputs.iter().map(|input| input.name.as_str()).collect();
        return Err(GuidelineError::UnknownInput {
            rule: rule.id.clone(),
            name: name.clone(),
            known: known.join(", "),
        });
    }
    let mut given = Vec::new();
    let mut texts = BTreeMap::new();
    for input in &rule.inputs {
        let Some(text) = inputs.get(&input.name).map(|text| text.trim()).filter(|text| !text.is_empty())
        else {
            given.push(Given::Nothing);
            continue;
        };
        let read = match &input.kind {
            InputKind::Choice(values) => Given::Choice(choice(&input.name, values, text)?),
            InputKind::Number(measured) => Given::Number(number(input, measured, text)?),
        };
        given.push(read);
        texts.insert(input.name.clone(), text.to_owned());
    }
    Ok((given, texts))
}

fn choice(name: &str, values: &[String], text: &str) -> Result<usize, GuidelineError> {
    let spoken = text.to_lowercase().replace([' ', '-'], "_");
    values.iter().position(|value| *value == spoken).ok_or_else(|| GuidelineError::Choice {
        name: name.to_owned(),
        found: text.to_owned(),
        allowed: values.join(", "),
    })
}

/// A number with its unit in base units; one without a unit is read only where the input has none.
fn number(input: &Input, measured: &Measured, text: &str) -> Result<f64, GuidelineError> {
    let name = input.name.clone();
    let dimension = measured.unit.dimension;
    let split = text.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(text.len());
    let (digits, of) = (text[..split].trim(), text[split..].trim());
    let value: f64 = digits.parse().map_err(|_| GuidelineError::Number {
        name: name.clone(),
        found: text.to_owned(),
        unit: if dimension == BARE { String::new() } else { format!(" in {}", measured.unit.name) },
    })?;
    let of = if of.is_empty() && measured.unit.name == "1" { "1" } else { of };
    let found = unit::named(of).filter(|found| found.dimension == dimension);
    let found = found.ok_or_else(|| GuidelineError::Unit {
        name: name.clone(),
        found: text.to_owned(),
        expected: unit::of_dimension(dimension).join(", "),
    })?;
    let base = snapped(value * found.factor);
    let own = snapped(base / measured.unit.factor);
    let bounds = |expected: String| {
        Err(GuidelineError::Bounds { name: name.clone(), found: text.to_owned(), expected })
    };
    if !own.is_finite() || own < measured.least || own > measured.greatest {
        let unit = measured.unit.name;
        return bounds(match (measured.least.is_finite(), measured.greatest.is_finite()) {
            (true, true) => format!("{} to {} {unit}", measured.least, measured.greatest),
            (true, false) => format!("{} {unit} or more", measured.least),
            (false, true) => format!("{} {unit} or less", measured.greatest),
            (false, false) => "a finite number".to_owned(),
        });
    }
    if measured.whole && own.fract() != 0.0 {
        return bounds("a whole number".to_owned());
    }
    Ok(base)
}
