//! The numbers of a clause: probability, interval, measurements.

use wilhelm_study::{ProbabilityInterval, Quantity};

use super::lex::Tok;
use super::lexicon::{Cue, ROLES};

/// A measurement as stated: number, unit, and the words that say which.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stated {
    /// The number.
    pub value: f64,
    /// Its unit in UCUM.
    pub unit: String,
    /// Rows of the lexicon's roles.
    pub roles: Vec<usize>,
}

/// Whether a number is the estimate or a bound of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Exact,
    Below,
    Above,
}

/// A probability as stated, in percent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub value: f64,
    pub decimals: u8,
    pub bound: Bound,
    /// Whether `%` stood for something else than a probability could also stand here.
    pub named: bool,
}

/// An interval as stated, in percent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Range {
    pub low: f64,
    pub high: f64,
    pub decimals: u8,
}

/// All numbers of a clause.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Numbers {
    pub estimate: Option<Estimate>,
    pub of_no: bool,
    pub range: Option<Range>,
    pub level: Option<f64>,
    pub quantities: Vec<Stated>,
    pub loose_roles: Vec<usize>,
}

impl Numbers {
    pub(crate) fn is_empty(&self) -> bool {
        self.estimate.is_none() && self.range.is_none() && self.level.is_none() && self.quantities.is_empty()
    }

    /// Reads every number of a clause; one that has no place refuses the clause.
    pub(crate) fn read(toks: &[Tok]) -> Result<Self, String> {
        let mut reader =
            Reader { toks, at: 0, numbers: Self::default(), roles: Vec::new(), places: Vec::new() };
        reader.all()?;
        Ok(reader.numbers)
    }
}

struct Reader<'a> {
    toks: &'a [Tok],
    at: usize,
    numbers: Numbers,
    /// Roles with their places.
    roles: Vec<(usize, usize)>,
    /// Places of the measurements.
    places: Vec<usize>,
}

impl Reader<'_> {
    fn cue(&self, at: usize) -> Option<Cue> {
        match self.toks.get(at) {
            Some(Tok::Cue(cue, _)) => Some(*cue),
            _ => None,
        }
    }

    fn number(&self, at: usize) -> Option<(f64, u8)> {
        match self.toks.get(at) {
            Some(Tok::Number { value, decimals }) => Some((*value, *decimals)),
            _ => None,
        }
    }

    fn has(&self, cue: Cue) -> bool {
        (0..self.toks.len()).any(|at| self.cue(at) == Some(cue))
    }

    fn all(&mut self) -> Result<(), String> {
        let mut intervals = 0;
        while self.at < self.toks.len() {
            match &self.toks[self.at] {
                Tok::Number { .. } => self.one()?,
                Tok::Cue(cue @ (Cue::Less | Cue::More), word) => {
                    let bound = if *cue == Cue::Less { Bound::Below } else { Bound::Above };
                    let (Some((value, decimals)), Some(Cue::Percent)) =
                        (self.number(self.at + 1), self.cue(self.at + 2))
                    else {
                        return Err(format!("compares (\"{word}\") without a percentage"));
                    };
                    self.at += 3;
                    self.estimate(value, decimals, bound)?;
                }
                Tok::Cue(Cue::Percent, _) => return Err("holds a percent sign without a number".to_owned()),
                Tok::Unit(unit) => return Err(format!("holds the unit {unit} without a number")),
                Tok::Cue(Cue::ProbabilityOfNo, _) => {
                    self.numbers.of_no = true;
                    self.at += 1;
                }
                Tok::Cue(Cue::Interval, _) => {
                    intervals += 1;
                    self.at += 1;
                }
                Tok::Role(row) => {
                    self.roles.push((self.at, *row));
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        if intervals > 0 && self.numbers.range.is_none() {
            return Err("speaks of an interval without its numbers".to_owned());
        }
        if self.numbers.level.is_some() && self.numbers.range.is_none() {
            return Err("states the coverage of an interval without its numbers".to_owned());
        }
        self.pair_roles();
        Ok(())
    }

    fn one(&mut self) -> Result<(), String> {
        let Some((value, decimals)) = self.number(self.at) else { return Ok(()) };
        let mut next = self.at + 1;
        let percent = self.cue(next) == Some(Cue::Percent);
        if percent {
            next += 1;
        }
        let joined = matches!(self.toks.get(next), Some(Tok::Dash))
            || matches!(self.cue(next), Some(Cue::To | Cue::And));
        if joined && let Some((high, high_decimals)) = self.number(next + 1) {
            let end = next + 2;
            let high_percent = self.cue(end) == Some(Cue::Percent);
            let fraction = value <= 1.0 && high <= 1.0 && decimals >= 2 && high_decimals >= 2;
            if !(percent || high_percent || fraction) {
                return Err("states a range that is no interval of a probability".to_owned());
            }
            let scale = if high_percent || percent { 1.0 } else { 100.0 };
            let shift = if scale > 1.0 { 2 } else { 0 };
            if self.numbers.range.is_some() {
                return Err("states two intervals".to_owned());
            }
            self.numbers.range = Some(Range {
                low: value * scale,
                high: high * scale,
                decimals: decimals.min(high_decimals).saturating_sub(shift),
            });
            self.at = if high_percent { end + 1 } else { end };
            return Ok(());
        }
        if percent {
            if self.cue(next) == Some(Cue::Interval) {
                if self.numbers.level.is_some() {
                    return Err("states two coverages".to_owned());
                }
                self.numbers.level = Some(value);
                self.at = next;
                return Ok(());
            }
            if matches!(self.toks.get(next), Some(Tok::Cue(Cue::Plain, word)) if word == "of") {
                return Err("states a share of something".to_owned());
            }
            let at = self.at;
            let named =
                self.has(Cue::Probability) || self.has(Cue::ProbabilityOfNo) || self.has(Cue::Interval);
            let apart = at.checked_sub(1).and_then(|i| self.toks.get(i)).is_none_or(|tok| {
                matches!(tok, Tok::Open | Tok::Comma | Tok::Dash | Tok::Colon)
                    || matches!(tok, Tok::Cue(Cue::Plain, word) if matches!(word.as_str(), "at" | "about" | "approximately"))
            });
            if !named && !apart {
                return Err("holds a percentage without saying of what".to_owned());
            }
            self.at = next;
            return self.estimate(value, decimals, Bound::Exact);
        }
        if let Some(Tok::Unit(unit)) = self.toks.get(next) {
            self.places.push(self.at);
            self.numbers.quantities.push(Stated { value, unit: unit.clone(), roles: Vec::new() });
            self.at = next + 1;
            return Ok(());
        }
        // `count 2`
        let count = matches!(self.at.checked_sub(1).and_then(|at| self.toks.get(at)), Some(Tok::Role(row)) if ROLES[*row].contains(&"count"));
        if count && decimals == 0 {
            self.places.push(self.at);
            self.numbers.quantities.push(Stated { value, unit: "1".to_owned(), roles: Vec::new() });
            self.at = next;
            return Ok(());
        }
        let probability = self.has(Cue::Probability) || self.has(Cue::ProbabilityOfNo);
        if probability && value <= 1.0 && decimals >= 2 {
            self.at = next;
            return self.estimate(value * 100.0, decimals - 2, Bound::Exact);
        }
        Err("holds a number without a unit".to_owned())
    }

    fn estimate(&mut self, value: f64, decimals: u8, bound: Bound) -> Result<(), String> {
        if self.numbers.estimate.is_some() {
            return Err("states two probabilities for one finding".to_owned());
        }
        let named = self.has(Cue::Probability) || self.has(Cue::ProbabilityOfNo);
        self.numbers.estimate = Some(Estimate { value, decimals, bound, named });
        Ok(())
    }

    /// Gives each measurement the words that say which it is: those in the same stretch between
    /// marks and conjunctions. Words in a stretch without a measurement belong to none.
    fn pair_roles(&mut self) {
        let stretch = |place: usize| {
            let mark = |tok: &&Tok| {
                matches!(
                    tok,
                    Tok::Comma
                        | Tok::Open
                        | Tok::Close
                        | Tok::Dash
                        | Tok::Cue(Cue::And | Cue::With | Cue::But, _)
                )
            };
            self.toks[..=place].iter().filter(mark).count()
        };
        let mut used = vec![false; self.roles.len()];
        let places: Vec<usize> = self.places.iter().map(|place| stretch(*place)).collect();
        for (index, stated) in self.numbers.quantities.iter_mut().enumerate() {
            let alone = places.iter().filter(|place| **place == places[index]).count() == 1;
            for (used, (at, row)) in used.iter_mut().zip(&self.roles) {
                if alone && stretch(*at) == places[index] {
                    stated.roles.push(*row);
                    *used = true;
                }
            }
        }
        let loose = used.iter().zip(&self.roles).filter(|(used, _)| !**used).map(|(_, (_, row))| *row);
        self.numbers.loose_roles.extend(loose);
    }
}

/// Factor to the base unit of the same dimension, and that dimension.
fn dimension(ucum: &str) -> (f64, &str) {
    match ucum {
        "mm" => (1.0, "length"),
        "cm" => (10.0, "length"),
        "mL" | "cm3" => (1.0, "volume"),
        "L" => (1000.0, "volume"),
        other => (1.0, other),
    }
}

impl Stated {
    /// Whether the number is that of the quantity, in its unit or another of the same dimension.
    pub(crate) fn is(&self, quantity: &Quantity) -> bool {
        let (stated_factor, stated_dimension) = dimension(&self.unit);
        let (factor, dimension) = dimension(&quantity.unit);
        if stated_dimension != dimension {
            return false;
        }
        let scale = 10_f64.powi(i32::from(quantity.decimals));
        let printed = (quantity.value * scale).round() / scale * factor;
        let stated = self.value * stated_factor;
        (printed - stated).abs() <= 1e-6 * printed.abs().max(1.0)
    }
}

/// Whether a percentage is `exact` (in percent) printed with the decimals stated.
fn rounds_to(exact: f64, stated: f64, decimals: u8) -> bool {
    let decimals = usize::from(decimals);
    format!("{exact:.decimals$}") == format!("{stated:.decimals$}")
}

impl Estimate {
    /// Whether it states this probability.
    pub(crate) fn is(&self, probability: f64) -> bool {
        match self.bound {
            Bound::Exact => rounds_to(probability * 100.0, self.value, self.decimals),
            Bound::Below => (self.value - 1.0).abs() < 1e-9 && probability < 0.01,
            Bound::Above => (self.value - 99.0).abs() < 1e-9 && probability > 0.99,
        }
    }
}

impl Range {
    /// Whether it states this interval.
    pub(crate) fn is(&self, low: f64, high: f64) -> bool {
        let (low, high) = (low * 100.0, high * 100.0);
        // The writer rounds no end to certainty: 99 may stand for more, 1 for less.
        let above = self.decimals == 0 && self.low == 99.0 && low > 99.0;
        let below = self.decimals == 0 && self.high == 1.0 && high < 1.0;
        (above || rounds_to(low, self.low, self.decimals))
            && (below || rounds_to(high, self.high, self.decimals))
    }
}

/// The interval of "not this".
pub(crate) fn contrary(interval: &ProbabilityInterval) -> (f64, f64, f64) {
    (1.0 - interval.high.value(), 1.0 - interval.estimate.value(), 1.0 - interval.low.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stated: (f64, &str), quantity: (f64, &str, u8), expected: bool) {
        let stated = Stated { value: stated.0, unit: stated.1.to_owned(), roles: vec![] };
        let quantity = Quantity { value: quantity.0, unit: quantity.1.to_owned(), decimals: quantity.2 };
        assert_eq!(stated.is(&quantity), expected, "{stated:?} {quantity:?}");
    }

    #[test]
    fn a_measurement_is_the_same_in_another_unit_and_not_with_another_number() {
        check((23.0, "mm"), (23.0, "mm", 0), true);
        check((2.3, "cm"), (23.0, "mm", 0), true);
        check((2.3, "mm"), (23.0, "mm", 0), false);
        check((2.0, "cm"), (23.0, "mm", 0), false);
        check((23.0, "mL"), (23.0, "mm", 0), false);
        check((0.12, "L"), (120.0, "mL", 0), true);
        check((23.0, "mm"), (23.4, "mm", 0), true);
        check((23.0, "mm"), (23.4, "mm", 1), false);
    }

    #[test]
    fn a_probability_is_the_same_after_rounding_to_what_is_stated() {
        let estimate = |value, decimals, bound| Estimate { value, decimals, bound, named: true };
        assert!(estimate(87.0, 0, Bound::Exact).is(0.8712));
        assert!(estimate(87.1, 1, Bound::Exact).is(0.8712));
        assert!(!estimate(88.0, 0, Bound::Exact).is(0.8712));
        assert!(!estimate(87.0, 1, Bound::Exact).is(0.8712));
        assert!(estimate(1.0, 0, Bound::Below).is(0.004));
        assert!(!estimate(5.0, 0, Bound::Below).is(0.004));
        assert!(estimate(99.0, 0, Bound::Above).is(0.996));
    }
}
