use crate::LlmError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What an answer may look like, in llama.cpp's grammar notation (GBNF).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gbnf(String);

impl Gbnf {
    /// Writes `rule` down as the root of a grammar.
    ///
    /// # Errors
    /// [`LlmError::Grammar`] if a part of it can match nothing: a choice of nothing, an empty literal or
    /// class, more repeats at least than at most, or more than 2000 repeats.
    pub fn new(rule: &Rule) -> Result<Self, LlmError> {
        rule.check()?;
        let mut text = String::from("root ::= ");
        rule.write(&mut text);
        text.push('\n');
        Ok(Self(text))
    }

    /// The grammar of JSON texts that a JSON Schema describes, as llama.cpp translates it.
    ///
    /// # Errors
    /// [`LlmError::Grammar`] if llama.cpp cannot translate the schema.
    pub fn from_json_schema(schema: &serde_json::Value) -> Result<Self, LlmError> {
        llama_cpp_2::json_schema_to_grammar(&schema.to_string())
            .map(Self)
            .map_err(|error| LlmError::Grammar { reason: error.to_string() })
    }

    /// A grammar written by hand; its root is called `root`.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The grammar as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part of a grammar.
///
/// ```
/// use wilhelm_llm::{Gbnf, Rule};
///
/// let answer = Rule::sequence([Rule::choice(["yes", "no"].map(Rule::literal)), Rule::literal(".")]);
/// assert_eq!(Gbnf::new(&answer)?.as_str(), "root ::= (\"yes\" | \"no\") \".\"\n");
/// assert!(answer.matches("no.") && !answer.matches("maybe."));
/// # Ok::<(), wilhelm_llm::LlmError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// This text, character for character.
    Literal(String),
    /// One of these characters.
    AnyOf(BTreeSet<char>),
    /// These parts, one after the other.
    Sequence(Vec<Rule>),
    /// One of these parts.
    Choice(Vec<Rule>),
    /// The same part several times.
    Repeat {
        /// The part.
        part: Box<Rule>,
        /// How often at least.
        least: usize,
        /// How often at most.
        most: usize,
    },
}

impl Rule {
    /// This text, character for character.
    pub fn literal(text: impl Into<String>) -> Self {
        Self::Literal(text.into())
    }

    /// One of the characters of `characters`.
    pub fn any_of(characters: &str) -> Self {
        Self::AnyOf(characters.chars().collect())
    }

    /// These parts, one after the other.
    pub fn sequence(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::Sequence(parts.into_iter().collect())
    }

    /// One of these parts.
    pub fn choice(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::Choice(parts.into_iter().collect())
    }

    /// This part `least` to `most` times.
    #[must_use]
    pub fn repeat(self, least: usize, most: usize) -> Self {
        Self::Repeat { part: Box::new(self), least, most }
    }

    /// This part or nothing.
    #[must_use]
    pub fn optional(self) -> Self {
        self.repeat(0, 1)
    }

    /// Whether the whole of `text` follows the rule.
    ///
    /// An answer can so be checked without the model that wrote it.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.ends(&text, &BTreeSet::from([0])).contains(&text.len())
    }

    /// The places where the rule may end if it begins at one of `starts`.
    fn ends(&self, text: &[char], starts: &BTreeSet<usize>) -> BTreeSet<usize> {
        match self {
            Self::Literal(literal) => {
                let literal: Vec<char> = literal.chars().collect();
                starts
                    .iter()
                    .filter(|&&at| text[at..].starts_with(&literal))
                    .map(|at| at + literal.len())
                    .collect()
            }
            Self::AnyOf(characters) => {
                let is_one =
                    |at: &&usize| text.get(**at).is_some_and(|character| characters.contains(character));
                starts.iter().filter(is_one).map(|at| at + 1).collect()
            }
            Self::Sequence(parts) => parts.iter().fold(starts.clone(), |at, part| part.ends(text, &at)),
            Self::Choice(parts) => parts.iter().flat_map(|part| part.ends(text, starts)).collect(),
            Self::Repeat { part, least, most } => {
                let mut at = starts.clone();
                let mut ends = if *least == 0 { at.clone() } else { BTreeSet::new() };
                for times in 1..=*most {
                    at = part.ends(text, &at);
                    if at.is_empty() {
                        break;
                    }
                    if times >= *least {
                        ends.extend(&at);
                    }
                }
                ends
            }
        }
    }

    fn check(&self) -> Result<(), LlmError> {
        let refuse = |reason: &str| Err(LlmError::Grammar { reason: reason.to_string() });
        match self {
            Self::Literal(text) if text.is_empty() => refuse("a literal is empty"),
            Self::Literal(text) if text.contains('\0') => refuse("a literal contains a null character"),
            Self::AnyOf(characters) if characters.is_empty() => refuse("a class has no characters"),
            Self::AnyOf(characters) if characters.contains(&'\0') => {
                refuse("a class contains a null character")
            }
            Self::Sequence(parts) if parts.is_empty() => refuse("a sequence has no parts"),
            Self::Choice(parts) if parts.is_empty() => refuse("a choice has no parts"),
            Self::Sequence(parts) | Self::Choice(parts) => parts.iter().try_for_each(Self::check),
            Self::Repeat { least, most, .. } if least > most || *most == 0 => {
                refuse("a repeat has more times at least than at most")
            }
            // llama.cpp itself refuses more.
            Self::Repeat { most, .. } if *most > 2000 => refuse("a repeat has more than 2000 times"),
            Self::Repeat { part, .. } => part.check(),
            Self::Literal(_) | Self::AnyOf(_) => Ok(()),
        }
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Literal(literal) => {
                text.push('"');
                literal.chars().for_each(|character| write_escaped(text, character, &['"', '\\']));
                text.push('"');
            }
            Self::AnyOf(characters) => {
                text.push('[');
                characters.iter().for_each(|&c| write_escaped(text, c, &['[', ']', '\\', '^', '-']));
                text.push(']');
            }
            Self::Sequence(parts) => write_joined(text, parts, " "),
            Self::Choice(parts) => {
                text.push('(');
                write_joined(text, parts, " | ");
                text.push(')');
            }
            Self::Repeat { part, least, most } => {
                text.push('(');
                part.write(text);
                text.push(')');
                match (least, most) {
                    (0, 1) => text.push('?'),
                    (least, most) => write!(text, "{{{least},{most}}}").expect("a string takes all text"),
                }
            }
        }
    }
}

fn write_joined(text: &mut String, parts: &[Rule], between: &str) {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            text.push_str(between);
        }
        part.write(text);
    }
}

/// Writes a character of a literal or class. Signs that mean something there, control characters and
/// all beyond ASCII are written by their number.
fn write_escaped(text: &mut String, character: char, special: &[char]) {
    let number = u32::from(character);
    if !special.contains(&character) && (' '..='~').contains(&character) {
        text.push(character);
    } else if number <= 0xff {
        write!(text, "\\x{number:02X}").expect("a string takes all text");
    } else if number <= 0xffff {
        write!(text, "\\u{number:04X}").expect("a string takes all text");
    } else {
        write!(text, "\\U{number:08X}").expect("a string takes all text");
    }
}

/// One English sentence of at most `max_characters`: letters, digits, spaces and `, ; ( ) % -`, a capital
/// or a digit first, a full stop last; a point within it only before a digit, where it is not counted.
///
/// # Panics
/// Never for 2 to 2000 characters; other lengths are brought into that range.
pub fn one_sentence(max_characters: usize) -> Rule {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const DIGITS: &str = "0123456789";
    let first = Rule::any_of(&format!("{}{DIGITS}", &LETTERS[26..]));
    let inner = Rule::choice([
        Rule::any_of(&format!("{LETTERS}{DIGITS} ,;()%-")),
        Rule::sequence([Rule::any_of("."), Rule::any_of(DIGITS)]),
    ]);
    let most = max_characters.clamp(3, 2000) - 2;
    Rule::sequence([first, inner.repeat(0, most), Rule::literal(".")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &Rule, expected: &str) {
        assert_eq!(Gbnf::new(rule).expect("the rule is sound").as_str(), format!("root ::= {expected}\n"));
    }

    #[test]
    fn literals_are_escaped() {
        check(&Rule::literal("say \"no\"\\"), r#""say \x22no\x22\x5C""#);
        check(&Rule::literal("5 °C\n"), r#""5 \xB0C\x0A""#);
        check(&Rule::literal("µ – 𝛼"), r#""\xB5 \u2013 \U0001D6FC""#);
    }

    #[test]
    fn classes_are_sorted_and_escaped() {
        check(&Rule::any_of("b-a]^[\\a"), r"[\x2D\x5B\x5C\x5D\x5Eab]");
    }

    #[test]
    fn parts_are_put_together() {
        let word = Rule::choice([Rule::literal("a"), Rule::literal("b")]);
        let rule = Rule::sequence([word.clone().repeat(2, 3), Rule::literal(".").optional()]);
        check(&rule, r#"(("a" | "b")){2,3} (".")?"#);
        for (text, expected) in
            [("ab", true), ("aba.", true), ("a.", false), ("abab", false), ("ab..", false)]
        {
            assert_eq!(rule.matches(text), expected, "{text}");
        }
    }

    #[test]
    fn a_sentence_ends_once() {
        let rule = one_sentence(40);
        for good in ["No.", "The chance is 4.5 % (2 to 7 %).", "10 mm."] {
            assert!(rule.matches(good), "{good} was refused");
        }
        for bad in [
            "no.",
            "No",
            "No. Yes.",
            "No..",
            "",
            ".",
            "Is it?",
            "A\nB.",
            "The chance is 4.5 % (2 to 7 %), it is said.",
        ] {
            assert!(!rule.matches(bad), "{bad} was accepted");
        }
    }

    #[test]
    fn rules_that_match_nothing_are_refused() {
        for rule in [
            Rule::literal(""),
            Rule::literal("a\0b"),
            Rule::any_of(""),
            Rule::choice([]),
            Rule::sequence([]),
            Rule::literal("a").repeat(3, 2),
            Rule::literal("a").repeat(0, 0),
            Rule::literal("a").repeat(0, 2001),
            Rule::sequence([Rule::literal("a"), Rule::choice([Rule::literal("")])]),
        ] {
            assert!(matches!(Gbnf::new(&rule), Err(LlmError::Grammar { .. })), "{rule:?} was accepted");
        }
    }

    #[test]
    fn a_json_schema_becomes_a_grammar() {
        let schema = serde_json::json!({
            "type": "object",
            "properties": { "present": { "type": "boolean" } },
            "required": ["present"],
        });
        let grammar = Gbnf::from_json_schema(&schema).expect("llama.cpp knows it");
        assert!(grammar.as_str().contains("root ::= "), "{}", grammar.as_str());
    }
}
