//! The language of rules: conditions and formulas over named inputs, checked for units when they are read.
//!
//! ```text
//! condition:  c or c | c and c | not c | (c) | always | x < y | x <= y | x > y | x >= y | x == y | x != y
//!             | name is value | name is value | other | name is not value
//! formula:    x + y | x - y | x * y | x / y | (x) | least(x, y) | greatest(x, y) | size_of(x) | 6 mm | name
//! ```

use super::unit::{BARE, Dimension, Unit, combined, starting};

/// A number to be computed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Formula {
    /// In base units.
    Literal(f64),
    /// An input.
    Input(usize),
    /// A value of the rule.
    Value(usize),
    /// `+`
    Sum(Box<Formula>, Box<Formula>),
    /// `-`
    Difference(Box<Formula>, Box<Formula>),
    /// `*`
    Product(Box<Formula>, Box<Formula>),
    /// `/`
    Quotient(Box<Formula>, Box<Formula>),
    /// The least of several.
    Least(Vec<Formula>),
    /// The greatest of several.
    Greatest(Vec<Formula>),
    /// Without its sign.
    Size(Box<Formula>),
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

/// What is true, false, or not known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// True of everything.
    Always,
    /// Not so.
    Not(Box<Condition>),
    /// All of them.
    All(Vec<Condition>),
    /// One of them at least.
    Any(Vec<Condition>),
    /// Two numbers compared.
    Compare(Formula, Comparison, Formula),
    /// An input of choices has one of these.
    Is(usize, Vec<usize>),
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Named {
    /// A measured input.
    Number(usize, Dimension),
    /// An input of choices.
    Choice(usize, Vec<String>),
    /// A value computed before.
    Value(usize, Dimension),
}

/// Where names are looked up.
pub(super) type Names<'a> = &'a dyn Fn(&str) -> Option<Named>;

/// Reads a condition.
pub(super) fn condition(text: &str, names: Names<'_>) -> Result<Condition, String> {
    match Parser::read(text, names)? {
        Typed::Condition(condition) => Ok(condition),
        Typed::Formula(..) => Err(format!("\"{text}\" is a number, expected a condition")),
    }
}

/// Reads a formula, with what it measures.
pub(super) fn formula(text: &str, names: Names<'_>) -> Result<(Formula, Dimension), String> {
    match Parser::read(text, names)? {
        Typed::Formula(formula, dimension) => Ok((formula, dimension)),
        Typed::Condition(_) => Err(format!("\"{text}\" is a condition, expected a number")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64, Option<Unit>),
    Word(String),
    Mark(&'static str),
}

const MARKS: &[&str] = &["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ",", "|"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() {
            let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let number = rest[..length].parse().map_err(|_| format!("{} is no number", &rest[..length]))?;
            let after = rest[length..].trim_start();
            let unit = starting(after);
            found.push(Token::Number(number, unit.map(|(unit, _)| unit)));
            unit.map_or(length, |(_, written)| rest.len() - after.len() + written)
        } else if first.is_ascii_alphabetic() {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(Token::Word(rest[..length].to_owned()));
            length
        } else {
            let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
            let mark = mark.ok_or_else(|| format!("\"{first}\" in \"{text}\" is not of the language"))?;
            found.push(Token::Mark(mark));
            mark.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

enum Typed {
    Formula(Formula, Dimension),
    Condition(Condition),
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    names: Names<'a>,
}

impl<'a> Parser<'a> {
    fn read(text: &'a str, names: Names<'a>) -> Result<Typed, String> {
        let mut parser = Self { text, tokens: tokens(text)?, at: 0, names };
        let typed = parser.any()?;
        if parser.at < parser.tokens.len() {
            return Err(format!(
                "\"{text}\" goes on after what could be read: {:?}",
                parser.tokens[parser.at]
            ));
        }
        Ok(typed)
    }

    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word);
        self.at += usize::from(is);
        is
    }

    fn mark(&mut self, mark: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(is);
        is
    }

    fn ends(&self) -> String {
        format!("\"{}\" breaks off, or holds what was not expected at token {}", self.text, self.at + 1)
    }

    fn any(&mut self) -> Result<Typed, String> {
        self.joined("or", Self::all, Condition::Any)
    }

    fn all(&mut self) -> Result<Typed, String> {
        self.joined("and", Self::not, Condition::All)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Typed, String>,
        make: fn(Vec<Condition>) -> Condition,
    ) -> Result<Typed, String> {
        let first = part(self)?;
        if !self.word(word) {
            return Ok(first);
        }
        let mut parts = vec![self.as_condition(first)?];
        loop {
            let next = part(self)?;
            parts.push(self.as_condition(next)?);
            if !self.word(word) {
                return Ok(Typed::Condition(make(parts)));
            }
        }
    }

    fn not(&mut self) -> Result<Typed, String> {
        if self.word("not") {
            let inner = self.not()?;
            return Ok(Typed::Condition(Condition::Not(Box::new(self.as_condition(inner)?))));
        }
        if self.word("always") {
            return Ok(Typed::Condition(Condition::Always));
        }
        self.compared()
    }

    fn compared(&mut self) -> Result<Typed, String> {
        if let Some(Token::Word(name)) = self.tokens.get(self.at).cloned()
            && let Some(Named::Choice(input, values)) = (self.names)(&name)
        {
            self.at += 1;
            return self.choice(&name, input, &values).map(Typed::Condition);
        }
        let left = self.sum()?;
        let marks = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<", Comparison::Below),
            (">", Comparison::Above),
        ];
        let Some((_, comparison)) = marks.into_iter().find(|(mark, _)| self.mark(mark)) else {
            return Ok(left);
        };
        let (left, of_left) = self.as_formula(left)?;
        let right = self.sum()?;
        let (right, of_right) = self.as_formula(right)?;
        if of_left != of_right {
            return Err(format!("\"{}\" compares different units", self.text));
        }
        Ok(Typed::Condition(Condition::Compare(left, comparison, right)))
    }

    fn choice(&mut self, name: &str, input: usize, values: &[String]) -> Result<Condition, String> {
        if !self.word("is") {
            return Err(format!("{name} has choices, expected \"{name} is ...\" in \"{}\"", self.text));
        }
        let negated = self.word("not");
        let mut chosen = Vec::new();
        loop {
            let Some(Token::Word(value)) = self.tokens.get(self.at).cloned() else {
                return Err(self.ends());
            };
            let index = values.iter().position(|known| *known == value);
            chosen.push(index.ok_or_else(|| format!("{value} is no value of {name}"))?);
            self.at += 1;
            if !self.mark("|") {
                break;
            }
        }
        let is = Condition::Is(input, chosen);
        Ok(if negated { Condition::Not(Box::new(is)) } else { is })
    }

    fn sum(&mut self) -> Result<Typed, String> {
        let mut left = self.product()?;
        loop {
            let make = match () {
                () if self.mark("+") => Formula::Sum,
                () if self.mark("-") => Formula::Difference,
                () => return Ok(left),
            };
            let (a, of_a) = self.as_formula(left)?;
            let right = self.product()?;
            let (b, of_b) = self.as_formula(right)?;
            if of_a != of_b {
                return Err(format!("\"{}\" adds different units", self.text));
            }
            left = Typed::Formula(make(Box::new(a), Box::new(b)), of_a);
        }
    }

    fn product(&mut self) -> Result<Typed, String> {
        let mut left = self.atom()?;
        loop {
            let (make, sign): (fn(_, _) -> _, i8) = match () {
                () if self.mark("*") => (Formula::Product, 1),
                () if self.mark("/") => (Formula::Quotient, -1),
                () => return Ok(left),
            };
            let (a, of_a) = self.as_formula(left)?;
            let right = self.atom()?;
            let (b, of_b) = self.as_formula(right)?;
            left = Typed::Formula(make(Box::new(a), Box::new(b)), combined(of_a, of_b, sign));
        }
    }

    fn atom(&mut self) -> Result<Typed, String> {
        if self.mark("(") {
            let inner = self.any()?;
            return if self.mark(")") { Ok(inner) } else { Err(self.ends()) };
        }
        if self.mark("-") {
            let atom = self.atom()?;
            let (inner, of) = self.as_formula(atom)?;
            let zero = Formula::Literal(0.0);
            return Ok(Typed::Formula(Formula::Difference(Box::new(zero), Box::new(inner)), of));
        }
        let token = self.tokens.get(self.at).cloned().ok_or_else(|| self.ends())?;
        self.at += 1;
        match token {
            Token::Number(number, unit) => {
                let (factor, dimension) = unit.map_or((1.0, BARE), |unit| (unit.factor, unit.dimension));
                Ok(Typed::Formula(Formula::Literal(super::unit::snapped(number * factor)), dimension))
            }
            Token::Word(word) => self.named(&word),
            Token::Mark(_) => Err(self.ends()),
        }
    }

    fn named(&mut self, word: &str) -> Result<Typed, String> {
        if ["least", "greatest", "size_of"].contains(&word) && self.mark("(") {
            return self.call(word);
        }
        match (self.names)(word) {
            Some(Named::Number(input, of)) => Ok(Typed::Formula(Formula::Input(input), of)),
            Some(Named::Value(value, of)) => Ok(Typed::Formula(Formula::Value(value), of)),
            Some(Named::Choice(..)) => Err(format!("{word} has choices, expected a number")),
            None => Err(format!("{word} in \"{}\" names nothing", self.text)),
        }
    }

    fn call(&mut self, word: &str) -> Result<Typed, String> {
        let first = self.sum()?;
        let (first, of) = self.as_formula(first)?;
        let mut all = vec![first];
        while self.mark(",") {
            let next = self.sum()?;
            let (next, of_next) = self.as_formula(next)?;
            if of_next != of {
                return Err(format!("{word} in \"{}\" is of different units", self.text));
            }
            all.push(next);
        }
        if !self.mark(")") {
            return Err(self.ends());
        }
        let formula = match word {
            "least" => Formula::Least(all),
            "greatest" => Formula::Greatest(all),
            _ => Formula::Size(Box::new(all.swap_remove(0))),
        };
        Ok(Typed::Formula(formula, of))
    }

    fn as_condition(&self, typed: Typed) -> Result<Condition, String> {
        match typed {
            Typed::Condition(condition) => Ok(condition),
            Typed::Formula(..) => Err(format!("\"{}\" joins a number as if it were a condition", self.text)),
        }
    }

    fn as_formula(&self, typed: Typed) -> Result<(Formula, Dimension), String> {
        match typed {
            Typed::Formula(formula, dimension) => Ok((formula, dimension)),
            Typed::Condition(_) => Err(format!("\"{}\" computes with a condition", self.text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::unit::named;
    use super::*;

    fn names(name: &str) -> Option<Named> {
        match name {
            "size" => Some(Named::Number(0, named("mm")?.dimension)),
            "density" => Some(Named::Choice(1, vec!["solid".to_owned(), "ground_glass".to_owned()])),
            "points" => Some(Named::Value(0, BARE)),
            _ => None,
        }
    }

    #[test]
    fn and_binds_closer_than_or() {
        let read = condition("points > 1 or points > 2 and density is solid", &names).expect("a condition");
        let Condition::Any(parts) = read else { panic!("{read:?}") };
        assert!(matches!(parts[1], Condition::All(_)), "{parts:?}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        for (text, reason) in [
            ("size < 6", "compares different units"),
            ("size < 6 HU", "compares different units"),
            ("size + points > 3 mm", "adds different units"),
            ("density is liquid", "no value of density"),
            ("density > 3", "has choices"),
            ("length < 6 mm", "names nothing"),
            ("size", "is a number"),
            ("size < 6 mm points", "goes on after"),
            ("size <", "breaks off"),
            ("(size < 6 mm", "breaks off"),
            ("size < 6 mm and points", "as if it were a condition"),
            ("size ; 6 mm", "not of the language"),
            ("", "breaks off"),
        ] {
            let error = condition(text, &names).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_quotient_of_lengths_is_a_bare_number() {
        let (_, dimension) = formula("(size - 1 mm) / size", &names).expect("a formula");
        assert_eq!(dimension, BARE);
    }
}
