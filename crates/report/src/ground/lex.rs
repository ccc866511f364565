//! Words and marks to tokens of the closed vocabulary; the first word outside it refuses the line.

use std::collections::BTreeMap;

use wilhelm_study::Finding;

use super::GroundContext;
use super::lexicon::{Cue, PHRASES, ROLES, modality_words, place_words, refusal};
use super::name::{self, Mention};
use super::token::{Raw, number_words, tokens};
use crate::Exam;

/// A token whose meaning is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tok {
    /// The name of a finding.
    Find { concept: usize, plural: bool, adjective: bool },
    /// The last word of a name alone: `lesion`.
    Head(String),
    /// Another word of a name alone: `malignant`.
    Modifier(String),
    /// A word of the vocabulary.
    Cue(Cue, String),
    /// A place that may be licensed by the examination or by a name.
    Place(String),
    /// Which measurement is meant: a row of [`ROLES`].
    Role(usize),
    /// A number.
    Number { value: f64, decimals: u8 },
    /// A unit, as the lexicon or a finding writes it.
    Unit(String),
    /// A comma.
    Comma,
    /// An opening parenthesis.
    Open,
    /// A closing parenthesis.
    Close,
    /// A colon.
    Colon,
    /// A slash.
    Slash,
    /// A dash.
    Dash,
    /// A semicolon or a full stop.
    Break,
}

/// Units of the vocabulary in UCUM.
const UNITS: &[(&str, &str)] = &[
    ("mm", "mm"),
    ("millimeter", "mm"),
    ("millimeters", "mm"),
    ("millimetre", "mm"),
    ("millimetres", "mm"),
    ("cm", "cm"),
    ("centimeter", "cm"),
    ("centimeters", "cm"),
    ("centimetre", "cm"),
    ("centimetres", "cm"),
    ("ml", "mL"),
    ("milliliter", "mL"),
    ("milliliters", "mL"),
    ("millilitre", "mL"),
    ("millilitres", "mL"),
    ("cc", "mL"),
    ("cm3", "mL"),
    ("cubic centimeters", "mL"),
    ("l", "L"),
    ("liter", "L"),
    ("liters", "L"),
    ("hu", "[hnsf'U]"),
    ("hounsfield units", "[hnsf'U]"),
    ("hounsfield unit", "[hnsf'U]"),
    ("hounsfield", "[hnsf'U]"),
];

/// The sentence in tokens, or why it is refused.
pub(crate) fn lex(sentence: &str, context: &GroundContext) -> Result<Vec<Tok>, String> {
    let raw = number_words(tokens(sentence)?);
    let words: Vec<Option<&str>> = raw
        .iter()
        .map(|r| match r {
            Raw::Word(word) => Some(word.as_str()),
            _ => None,
        })
        .collect();
    let mut toks = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let Some(word) = words[at] else {
            toks.push(mark(&raw[at]));
            at += 1;
            continue;
        };
        let line: Vec<&str> = words[at..].iter().map_while(|word| *word).collect();
        if let Some((concept, rest)) = elliptic(context, word, &words, at) {
            let (_, plural, adjective) = name::base(word);
            toks.push(Tok::Find { concept, plural: plural || rest.plural, adjective });
            at += 1;
            continue;
        }
        let mention = name::longest(&context.concepts, &line);
        let phrase = longest_phrase(&context.phrases, &line);
        match (mention, phrase) {
            (Some(found), phrase) if phrase.as_ref().is_none_or(|(_, length)| *length <= found.length) => {
                let Mention { concept, length, plural, adjective } = found;
                toks.push(Tok::Find { concept, plural, adjective });
                at += length;
                // `pneumonic changes` are pneumonia; `changes` elsewhere are changes.
                if adjective && matches!(words.get(at), Some(Some("change" | "changes" | "process"))) {
                    at += 1;
                }
            }
            (_, Some((tok, length))) => {
                toks.push(tok);
                at += length;
            }
            _ => {
                toks.push(single(context, word)?);
                at += 1;
            }
        }
    }
    Ok(counted(toks))
}

/// `two pulmonary nodules` states a count of them; a side may stand between.
fn counted(toks: Vec<Tok>) -> Vec<Tok> {
    let Some(role) = ROLES.iter().position(|words| words.contains(&"count")) else { return toks };
    let mut out: Vec<Tok> = Vec::with_capacity(toks.len());
    let mut at = 0;
    while at < toks.len() {
        let named = match (toks.get(at + 1), toks.get(at + 2)) {
            (Some(Tok::Find { .. }), _) => Some(at + 1),
            (Some(Tok::Cue(Cue::Side(_), _)), Some(Tok::Find { .. })) => Some(at + 2),
            _ => None,
        };
        match (&toks[at], named) {
            (Tok::Number { value, decimals: 0 }, Some(name)) if *value >= 1.0 => {
                out.extend([Tok::Role(role), toks[at].clone(), Tok::Unit("1".to_owned())]);
                out.extend(toks[at + 1..name].iter().cloned());
                if let Tok::Find { concept, adjective, .. } = toks[name] {
                    out.push(Tok::Find { concept, plural: false, adjective });
                }
                at = name + 1;
            }
            _ => {
                out.push(toks[at].clone());
                at += 1;
            }
        }
    }
    out
}

fn mark(raw: &Raw) -> Tok {
    match raw {
        Raw::Word(word) => Tok::Head(word.clone()),
        Raw::Number { value, decimals } => Tok::Number { value: *value, decimals: *decimals },
        Raw::Percent => Tok::Cue(Cue::Percent, "%".to_owned()),
        Raw::Comma => Tok::Comma,
        Raw::Semicolon | Raw::Stop => Tok::Break,
        Raw::Colon => Tok::Colon,
        Raw::Open => Tok::Open,
        Raw::Close => Tok::Close,
        Raw::Slash => Tok::Slash,
        Raw::Dash => Tok::Dash,
        Raw::Less => Tok::Cue(Cue::Less, "<".to_owned()),
        Raw::More => Tok::Cue(Cue::More, ">".to_owned()),
    }
}

pub(crate) type Phrases = BTreeMap<String, Vec<(Vec<String>, Tok)>>;

/// All phrases of the vocabulary by their first word.
pub(crate) fn phrases(exam: &Exam, findings: &[Finding]) -> Phrases {
    let mut table = Phrases::new();
    let mut add = |phrase: &str, tok: Tok| {
        let words: Vec<String> = phrase.split_whitespace().map(str::to_owned).collect();
        if let Some(first) = words.first() {
            table.entry(first.clone()).or_default().push((words, tok));
        }
    };
    for (cue, list) in PHRASES {
        for phrase in *list {
            add(phrase, Tok::Cue(*cue, (*phrase).to_owned()));
        }
    }
    for phrase in modality_words(exam.modality.as_ref()) {
        add(phrase, Tok::Cue(Cue::Bridge, (*phrase).to_owned()));
    }
    let views: &[&str] = match exam.view {
        Some(wilhelm_study::View::Pa) => &["pa", "posteroanterior", "frontal"],
        Some(wilhelm_study::View::Ap) => &["ap", "anteroposterior", "frontal"],
        Some(wilhelm_study::View::Lateral) => &["lateral"],
        None => &[],
    };
    for view in views {
        add(view, Tok::Cue(Cue::Bridge, (*view).to_owned()));
    }
    for (word, ucum) in UNITS {
        add(word, Tok::Unit((*ucum).to_owned()));
    }
    for measurement in findings.iter().flat_map(|f| &f.measurements) {
        let unit = &measurement.quantity.unit;
        if unit.chars().all(|c| c.is_ascii_alphanumeric()) {
            add(&unit.to_lowercase(), Tok::Unit(unit.clone()));
        }
    }
    for (row, words) in ROLES.iter().enumerate() {
        for word in *words {
            add(word, Tok::Role(row));
        }
    }
    table
}

fn longest_phrase(phrases: &Phrases, line: &[&str]) -> Option<(Tok, usize)> {
    let candidates = phrases.get(*line.first()?)?;
    let fits = |words: &[String]| words.len() <= line.len() && words.iter().zip(line).all(|(a, b)| a == b);
    candidates
        .iter()
        .filter(|(words, _)| fits(words))
        .max_by_key(|(words, _)| words.len())
        .map(|(words, tok)| (tok.clone(), words.len()))
}

/// `benign` in `benign or malignant lesion`, `benign nor a malignant lesion`, `benign, malignant`.
fn elliptic(
    context: &GroundContext,
    word: &str,
    words: &[Option<&str>],
    at: usize,
) -> Option<(usize, Mention)> {
    let mut next = at + 1;
    let mut joined = false;
    while next < words.len() && next <= at + 3 {
        match words[next] {
            None | Some("or" | "and" | "nor") => joined = true,
            Some("a" | "an" | "the" | "no") if joined => {}
            _ => break,
        }
        next += 1;
    }
    if !joined || next >= words.len() {
        return None;
    }
    let line: Vec<&str> = words[next..].iter().map_while(|word| *word).collect();
    let rest = name::longest(&context.concepts, &line)?;
    let concept = name::elliptic(&context.concepts, word, &context.concepts[rest.concept])?;
    Some((concept, rest))
}

/// A word that is in no phrase: a place, a part of a name, or a refusal.
fn single(context: &GroundContext, word: &str) -> Result<Tok, String> {
    if context.places().any(|licensed| place_words(licensed).contains(&word)) {
        return Ok(Tok::Place(word.to_owned()));
    }
    let base = name::base(word).0;
    let concepts = &context.concepts;
    let longer = || concepts.iter().filter(|c| c.words.len() > 1);
    if longer().any(|c| c.words.last() == Some(&base)) {
        return Ok(Tok::Head(base));
    }
    if longer().any(|c| c.words.contains(&base)) {
        return Ok(Tok::Modifier(base));
    }
    Err(refusal(word))
}
