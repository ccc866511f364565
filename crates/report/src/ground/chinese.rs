//! A Chinese sentence to the tokens of the shared grammar.
//!
//! Chinese writes no spaces: the longest word of the closed vocabulary that fits at a place is taken, and a character that
//! begins no such word refuses the sentence. What follows (grades, lists, sides, numbers, the findings) is the same grammar
//! as for English.

mod lexicon;

use wilhelm_study::{Certainty, Finding, Laterality, Modality};

use super::lex::Tok;
use super::lexicon::{Cue, ROLES as ENGLISH_ROLES};
use super::name::{self, Concept};
use super::{GroundContext, MAX_SENTENCE_CHARS};
use crate::language::glossary;
use lexicon::{MEASURE_WORDS, NUMERALS, PHRASES, PROBABILITY, REFUSED, ROLES, SITES, UNITS, modality_words};

/// A Chinese name of findings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    /// The name.
    text: Vec<char>,
    /// Index of its concept in the context.
    pub concept: usize,
    /// The English place it begins with and the rest, where it is made so: `kidney` and `囊肿`.
    split: Option<(&'static str, Vec<char>)>,
}

/// What the Chinese gate needs of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Names {
    named: Vec<Named>,
    modality: Option<Modality>,
}

/// Whether a sentence is Chinese: it holds a Han character.
pub(crate) fn is_chinese(sentence: &str) -> bool {
    sentence.chars().any(|c| matches!(c, '\u{3400}'..='\u{9fff}'))
}

/// The Chinese names of findings; their concepts are added to those of the report.
pub(crate) fn names(findings: &[Finding], modality: Option<&Modality>, concepts: &mut Vec<Concept>) -> Names {
    let mut table: Vec<(String, Vec<(usize, bool)>)> = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let observation = &finding.observation;
        for phrase in [&observation.name].into_iter().chain(&observation.synonyms) {
            let lower = phrase.trim().to_lowercase();
            let (name, contrary) = match lower.strip_prefix("no ") {
                Some(rest) => (rest, true),
                None => (lower.as_str(), false),
            };
            for chinese in glossary::lookup(name).map_or(&[][..], |term| term.chinese) {
                let target = (index, contrary);
                match table.iter_mut().find(|(known, _)| known == chinese) {
                    Some((_, targets)) if targets.contains(&target) => {}
                    Some((_, targets)) => targets.push(target),
                    None => table.push(((*chinese).to_owned(), vec![target])),
                }
            }
        }
    }
    let mut names = Names { named: Vec::new(), modality: modality.cloned() };
    for (chinese, targets) in table {
        let concept = concepts.len();
        let split = SITES
            .iter()
            .filter_map(|(site, english)| Some((*english, site, chinese.strip_prefix(site)?)))
            .filter(|(_, _, rest)| !rest.is_empty())
            .max_by_key(|(_, site, _)| site.len())
            .map(|(english, _, rest)| (english, rest.chars().collect()));
        names.named.push(Named { text: chinese.chars().collect(), concept, split });
        concepts.push(Concept { words: vec![chinese], targets });
    }
    names
}

/// A token before heads and places are put together.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Tok(Tok),
    /// `囊肿`, of which a place before it says which.
    Head(Vec<char>),
    /// An English place, and the word.
    Site(&'static str, String),
    /// The Chinese enumeration comma.
    Enumeration,
    /// Must be followed by a probability's number.
    Probability,
    /// So many of the name that follows or is followed.
    Count(f64),
}

/// The sentence in tokens, or why it is refused.
pub(crate) fn lex(sentence: &str, context: &GroundContext) -> Result<Vec<Tok>, String> {
    let letters = plain(sentence)?;
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        at = step(&letters, at, context, &mut pieces)?;
    }
    let pieces = of_no(pieces);
    let toks = tokens(&pieces, context)?;
    Ok(considered(toks))
}

/// Lower case, with the marks that the shared grammar knows; anything that could hide is refused.
fn plain(sentence: &str) -> Result<Vec<char>, String> {
    let trimmed = sentence.trim();
    if trimmed.chars().count() > MAX_SENTENCE_CHARS {
        return Err(format!("is longer than {MAX_SENTENCE_CHARS} characters"));
    }
    let mut plain = Vec::with_capacity(trimmed.len());
    let letters: Vec<char> = trimmed.chars().collect();
    for (at, c) in letters.iter().enumerate() {
        let digit = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
        plain.push(match c {
            '，' => ',',
            ',' if at > 0 && digit(at - 1) && digit(at + 1) => {
                return Err("holds a comma between digits, which could be read in two ways".to_owned());
            }
            '；' => ';',
            '。' => ';',
            '.' if !(at > 0 && digit(at - 1) && digit(at + 1)) => ';',
            '：' => ':',
            '（' => '(',
            '）' => ')',
            '％' => '%',
            '～' | '~' | '\u{2013}' | '\u{2014}' | '\u{2212}' | '－' => '-',
            '\u{a0}' | '\u{3000}' | '\u{2009}' => ' ',
            '\n' | '\r' => return Err("is more than one line".to_owned()),
            '?' | '？' => return Err("is a question; a report states".to_owned()),
            '!' | '！' => return Err("is an exclamation; a report states".to_owned()),
            '、' => '、',
            c if c.is_control() => return Err("holds a control character".to_owned()),
            c if c.is_ascii() => c.to_ascii_lowercase(),
            '\u{3400}'..='\u{9fff}' => *c,
            c => return Err(format!("holds the character U+{:04X}", u32::from(*c))),
        });
    }
    Ok(plain)
}

/// Reads one token at a place; returns where the next starts.
fn step(
    letters: &[char],
    at: usize,
    context: &GroundContext,
    pieces: &mut Vec<Piece>,
) -> Result<usize, String> {
    let c = letters[at];
    let mut mark = |tok: Tok| {
        pieces.push(Piece::Tok(tok));
        Ok(at + 1)
    };
    match c {
        ' ' => return Ok(at + 1),
        ',' => return mark(Tok::Comma),
        ';' => return mark(Tok::Break),
        ':' => return mark(Tok::Colon),
        '(' => return mark(Tok::Open),
        ')' => return mark(Tok::Close),
        '%' => return mark(Tok::Cue(Cue::Percent, "%".to_owned())),
        '<' => return mark(Tok::Cue(Cue::Less, "<".to_owned())),
        '>' => return mark(Tok::Cue(Cue::More, ">".to_owned())),
        '、' => {
            pieces.push(Piece::Enumeration);
            return Ok(at + 1);
        }
        '-' => {
            let after_number = at > 0 && (letters[at - 1].is_ascii_digit() || letters[at - 1] == '%');
            if !after_number && letters.get(at + 1).is_some_and(char::is_ascii_digit) {
                return number(letters, at + 1, true, pieces);
            }
            return mark(Tok::Dash);
        }
        '0'..='9' => return number(letters, at, false, pieces),
        _ => {}
    }
    if let Some(next) = counted(letters, at, pieces) {
        return Ok(next);
    }
    let (found, length) = longest(letters, at, context);
    if let Some(found) = found {
        pieces.extend(found?);
        return Ok(at + length);
    }
    english(letters, at, context, pieces)
}

fn number(letters: &[char], start: usize, negative: bool, pieces: &mut Vec<Piece>) -> Result<usize, String> {
    let digit = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
    let mut end = start;
    while digit(end) {
        end += 1;
    }
    let whole = end;
    if letters.get(end) == Some(&'.') {
        end += 1;
        while digit(end) {
            end += 1;
        }
    }
    if letters.get(end) == Some(&'.') {
        return Err("holds a number with two points".to_owned());
    }
    let text: String = letters[start..end].iter().collect();
    let value: f64 = text.parse().map_err(|_| "holds a number that cannot be read".to_owned())?;
    let decimals = u8::try_from(end.saturating_sub(whole + 1)).unwrap_or(u8::MAX);
    // `2枚`: a count; `3处`.
    if end == whole && !negative {
        for word in MEASURE_WORDS {
            if starts(letters, end, word) {
                pieces.push(Piece::Count(value));
                return Ok(end + word.chars().count());
            }
        }
    }
    let value = if negative { -value } else { value };
    pieces.push(Piece::Tok(Tok::Number { value, decimals }));
    Ok(end)
}

/// `两枚`; `一枚` is an article.
fn counted(letters: &[char], at: usize, pieces: &mut Vec<Piece>) -> Option<usize> {
    for (numeral, value) in NUMERALS {
        if !starts(letters, at, numeral) {
            continue;
        }
        let next = at + numeral.chars().count();
        for word in MEASURE_WORDS {
            if starts(letters, next, word) {
                pieces.push(if *value == 1.0 { plain_word() } else { Piece::Count(*value) });
                return Some(next + word.chars().count());
            }
        }
    }
    None
}

fn plain_word() -> Piece {
    Piece::Tok(Tok::Cue(Cue::Plain, "a".to_owned()))
}

fn starts(letters: &[char], at: usize, word: &str) -> bool {
    let mut place = at;
    for c in word.chars() {
        if letters.get(place) != Some(&c) {
            return false;
        }
        place += 1;
    }
    // `ct` is no part of a longer Latin word.
    let last_is_latin = word.chars().next_back().is_some_and(|c| c.is_ascii_alphabetic());
    !(last_is_latin && letters.get(place).is_some_and(|c| c.is_ascii_alphanumeric()))
}

/// The longest word of the vocabulary at a place, and how many characters it covers.
fn longest(
    letters: &[char],
    at: usize,
    context: &GroundContext,
) -> (Option<Result<Vec<Piece>, String>>, usize) {
    let mut best: Option<Result<Vec<Piece>, String>> = None;
    let mut length = 0;
    let mut offer = |word: &str, make: &dyn Fn() -> Result<Vec<Piece>, String>| {
        let count = word.chars().count();
        if count > length && starts(letters, at, word) {
            length = count;
            best = Some(make());
        }
    };
    let one = |tok: Tok| Ok(vec![Piece::Tok(tok)]);
    let names = &context.chinese;
    for named in &names.named {
        let text: String = named.text.iter().collect();
        offer(&text, &|| one(Tok::Find { concept: named.concept, plural: false, adjective: false }));
    }
    for (cue, english, words) in PHRASES {
        for word in *words {
            offer(word, &|| one(Tok::Cue(*cue, (*english).to_owned())));
        }
    }
    for word in modality_words(names.modality.as_ref()) {
        offer(word, &|| one(Tok::Cue(Cue::Bridge, "image".to_owned())));
    }
    for word in PROBABILITY {
        offer(word, &|| Ok(vec![Piece::Probability]));
    }
    for (word, unit) in UNITS {
        offer(word, &|| one(Tok::Unit((*unit).to_owned())));
    }
    for (word, roles) in ROLES {
        offer(word, &|| Ok(roles.iter().filter_map(|role| row(role)).map(Piece::Tok).collect()));
    }
    for (word, english) in SITES {
        offer(word, &|| Ok(vec![Piece::Site(english, (*word).to_owned())]));
        // `两肺`: both lungs.
        let both = format!("两{word}");
        offer(&both, &|| {
            let side = Tok::Cue(Cue::Side(Laterality::Bilateral), "bilateral".to_owned());
            Ok(vec![Piece::Tok(side), Piece::Site(english, (*word).to_owned())])
        });
    }
    for named in &names.named {
        if let Some((_, rest)) = &named.split {
            let text: String = rest.iter().collect();
            offer(&text, &|| Ok(vec![Piece::Head(rest.clone())]));
        }
    }
    for (reason, words) in REFUSED {
        for word in *words {
            offer(word, &|| Err(format!("{reason} (\"{word}\")")));
        }
    }
    (best, length)
}

fn row(role: &str) -> Option<Tok> {
    ENGLISH_ROLES.iter().position(|words| words.contains(&role)).map(Tok::Role)
}

/// A finding's English name inside a Chinese sentence, or a refusal.
fn english(
    letters: &[char],
    at: usize,
    context: &GroundContext,
    pieces: &mut Vec<Piece>,
) -> Result<usize, String> {
    let mut words: Vec<(String, usize)> = Vec::new();
    let mut place = at;
    while letters.get(place).is_some_and(char::is_ascii_alphanumeric) {
        let start = place;
        while letters.get(place).is_some_and(char::is_ascii_alphanumeric) {
            place += 1;
        }
        words.push((letters[start..place].iter().collect(), place));
        if letters.get(place) == Some(&' ') || letters.get(place) == Some(&'-') {
            place += 1;
        }
    }
    let line: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
    match name::longest(&context.concepts, &line) {
        Some(found) if !found.plural && !found.adjective => {
            pieces.push(Piece::Tok(Tok::Find { concept: found.concept, plural: false, adjective: false }));
            Ok(words[found.length - 1].1)
        }
        _ => {
            let shown: String =
                letters[at..].iter().take_while(|c| !",;:()%、".contains(**c)).take(6).collect();
            Err(format!("the word \"{shown}\" is not accounted for"))
        }
    }
}

/// `无肿瘤的概率`: the probability of the finding's absence.
fn of_no(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut at = 0;
    while at < pieces.len() {
        if let (
            Some(Piece::Tok(Tok::Cue(Cue::Neg, _))),
            Some(find @ Piece::Tok(Tok::Find { .. })),
            Some(Piece::Tok(Tok::Cue(Cue::Plain, _))),
            Some(Piece::Probability),
        ) = (pieces.get(at), pieces.get(at + 1), pieces.get(at + 2), pieces.get(at + 3))
        {
            out.push(Piece::Tok(Tok::Cue(Cue::ProbabilityOfNo, "probability of no".to_owned())));
            out.push(find.clone());
            at += 4;
            continue;
        }
        out.push(pieces[at].clone());
        at += 1;
    }
    out
}

/// Puts heads and places together, and enumeration commas in their role.
fn tokens(pieces: &[Piece], context: &GroundContext) -> Result<Vec<Tok>, String> {
    let mut toks: Vec<Tok> = Vec::with_capacity(pieces.len());
    // Places since the last break, with where they stand among the tokens.
    let mut sites: Vec<(&'static str, usize)> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Tok(tok) => {
                if *tok == Tok::Break {
                    sites.clear();
                }
                toks.push(tok.clone());
            }
            Piece::Site(english, _) => {
                sites.push((english, toks.len()));
                toks.push(Tok::Place((*english).to_owned()));
            }
            Piece::Head(rest) => {
                let of = |english: &str| {
                    let fits = |named: &&Named| {
                        named.split.as_ref().is_some_and(|(site, head)| *site == english && head == rest)
                    };
                    context.chinese.named.iter().find(fits).map(|named| named.concept)
                };
                let found = sites.iter().rev().find_map(|(site, place)| Some((of(site)?, *place)));
                let Some((concept, place)) = found else {
                    let head: String = rest.iter().collect();
                    return Err(format!("names \"{head}\" without saying of what"));
                };
                toks[place] = Tok::Cue(Cue::Plain, "the".to_owned());
                toks.push(Tok::Find { concept, plural: false, adjective: false });
            }
            Piece::Enumeration => toks.push(enumeration(pieces, at)),
            Piece::Probability => {
                let rest = &pieces[at + 1..];
                let plain =
                    |piece: &&Piece| matches!(piece, Piece::Tok(Tok::Cue(Cue::Plain, _) | Tok::Colon));
                let next = rest.iter().find(|piece| !plain(piece));
                let number =
                    matches!(next, Some(Piece::Tok(Tok::Number { .. } | Tok::Cue(Cue::Less | Cue::More, _))));
                if !number {
                    return Err("speaks of a probability without its number".to_owned());
                }
                toks.push(Tok::Cue(Cue::Probability, "probability".to_owned()));
            }
            Piece::Count(value) => {
                let Some(role) = row("count") else { continue };
                toks.push(role);
                toks.push(Tok::Number { value: *value, decimals: 0 });
                toks.push(Tok::Unit("1".to_owned()));
            }
        }
    }
    places(toks, context)
}

/// `、` between names is `or` where the clause denies and `and` where it does not; between numbers it is a comma.
fn enumeration(pieces: &[Piece], at: usize) -> Tok {
    let named = |piece: &&Piece| matches!(piece, Piece::Head(_) | Piece::Tok(Tok::Find { .. }));
    let measured =
        |piece: &&Piece| matches!(piece, Piece::Tok(Tok::Role(_) | Tok::Number { .. } | Tok::Unit(_)));
    let next = pieces[at + 1..].iter().find(|piece| named(piece) || measured(piece));
    if !next.is_some_and(|piece| named(&piece)) {
        return Tok::Comma;
    }
    let clause = pieces[..at].iter().rev().take_while(|piece| **piece != Piece::Tok(Tok::Break));
    let denies = clause.into_iter().any(|piece| matches!(piece, Piece::Tok(Tok::Cue(Cue::Neg, _))));
    if denies { Tok::Cue(Cue::Or, "or".to_owned()) } else { Tok::Cue(Cue::And, "and".to_owned()) }
}

/// Places must be licensed by the examination or by a finding's English name.
fn places(mut toks: Vec<Tok>, context: &GroundContext) -> Result<Vec<Tok>, String> {
    for tok in &mut toks {
        let Tok::Place(place) = tok else { continue };
        let part = context.part.iter().map(String::as_str);
        let names = context.findings.iter().flat_map(|finding| finding.observation.name.split(' '));
        let licensed = part
            .chain(names)
            .any(|word| word == place || super::lexicon::place_words(word).contains(&place.as_str()));
        if !licensed {
            return Err(format!("adds the place \"{place}\", which no finding of this report states"));
        }
    }
    Ok(toks)
}

/// `考虑肺炎可能`: the two words together are one grade, probable.
fn considered(mut toks: Vec<Tok>) -> Vec<Tok> {
    let mut start = 0;
    for end in 0..=toks.len() {
        if end < toks.len() && !matches!(toks[end], Tok::Break | Tok::Comma) {
            continue;
        }
        let clause = &mut toks[start..end];
        let soft = clause.iter().any(|tok| matches!(tok, Tok::Cue(Cue::Soft(Certainty::Probable), _)));
        if soft {
            for tok in clause {
                if let Tok::Cue(cue @ Cue::Hedge(Certainty::Indeterminate), word) = tok
                    && word == "perhaps"
                {
                    *cue = Cue::Hedge(Certainty::Probable);
                }
            }
        }
        start = end + 1;
    }
    toks
}
