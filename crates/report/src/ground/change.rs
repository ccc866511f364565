//! Claims of change, in both languages: what became of a finding since an earlier examination.
//!
//! A sentence that holds a word of change is read here and nowhere else. It must name one finding, one change, and either
//! no measurement, or the same one at both times with words that say which is which.

use wilhelm_study::Finding;

use super::chinese::{self, is_chinese};
use super::lex::{Tok, lex};
use super::lexicon::Cue;
use super::number::{Numbers, Stated};
use super::parse::Assertion;
use super::{GroundContext, Known, bears, roles_fit};
use crate::change::{Change, Compared, Prior};
use crate::{Claim, Verdict};

/// What a word of this vocabulary does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    /// Says what became of the finding.
    Of(Change),
    /// The number that follows is that of before.
    Before,
    /// The number that follows is that of now.
    Now,
    /// Says that two times were compared.
    Comparison,
}

const WORDS: &[(Word, &[&str])] = &[
    (
        Word::Of(Change::Grown),
        &[
            "has grown",
            "is larger",
            "has increased in size",
            "has enlarged",
            "increased in size",
            "较前增大",
            "增大",
            "较前长大",
            "比以前变大",
            "变大",
        ],
    ),
    (
        Word::Of(Change::Shrunk),
        &[
            "has shrunk",
            "is smaller",
            "has decreased in size",
            "decreased in size",
            "较前缩小",
            "缩小",
            "较前减小",
            "比以前变小",
            "变小",
        ],
    ),
    (
        Word::Of(Change::Stable),
        &[
            "is stable in size",
            "has not changed in size",
            "is unchanged in size",
            "unchanged in size",
            "stable in size",
            "大小较前无明显变化",
            "较前大小无明显变化",
            "大小较前相仿",
            "大小无明显变化",
            "大小没有明显变化",
        ],
    ),
    (Word::Of(Change::New), &["is new", "new", "新发", "新出现", "为新发"]),
    (
        Word::Of(Change::Gone),
        &["is no longer seen", "no longer seen", "has resolved", "已消失", "较前消失", "原有", "此次未再见"],
    ),
    (Word::Of(Change::Persistent), &["is not new", "not new", "非新发", "并非新发", "以前就有"]),
    (Word::Before, &["before", "previously", "from", "原", "前次", "由", "从", "原为", "前次为", "以前"]),
    (
        Word::Now,
        &["now", "to", "currently", "增至", "缩至", "减至", "现", "现为", "变为", "至", "目前", "现在"],
    ),
    (
        Word::Comparison,
        &[
            "compared with the prior examination",
            "compared to the prior examination",
            "since the prior examination",
            "compared with the earlier examination",
            "since the earlier examination",
            "与前次检查相比",
            "与既往检查相比",
            "与前片相比",
            "较前次检查",
            "与以前的检查相比",
        ],
    ),
];

/// A token, or a word of this vocabulary.
#[derive(Debug)]
enum Part {
    Tok(Tok),
    Word(Word),
}

/// The claim of change that a sentence makes, or why it makes none that holds; `None` where it speaks of no change.
pub(super) fn read(sentence: &str, context: &GroundContext) -> Option<Result<Claim, String>> {
    let lower = sentence.to_lowercase();
    let parts = cut(&lower);
    if !parts.iter().any(|part| matches!(part, Piece::Word(Word::Of(_) | Word::Comparison))) {
        return None;
    }
    if context.priors.is_empty() {
        // The vocabulary refuses the sentence, and says that nothing was compared.
        return None;
    }
    Some(claim(parts, is_chinese(sentence), context))
}

/// A stretch of the sentence.
#[derive(Debug)]
enum Piece<'a> {
    Text(&'a str),
    Word(Word),
}

/// Cuts a sentence at the words of this vocabulary, the longest first.
fn cut(sentence: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < sentence.len() {
        if !sentence.is_char_boundary(at) {
            at += 1;
            continue;
        }
        let found = WORDS
            .iter()
            .flat_map(|(word, phrases)| phrases.iter().map(move |phrase| (*word, *phrase)))
            .filter(|(_, phrase)| sentence[at..].starts_with(phrase) && apart(sentence, at, phrase))
            .max_by_key(|(_, phrase)| phrase.len());
        match found {
            Some((word, phrase)) => {
                pieces.push(Piece::Text(&sentence[start..at]));
                pieces.push(Piece::Word(word));
                at += phrase.len();
                start = at;
            }
            None => at += 1,
        }
    }
    pieces.push(Piece::Text(&sentence[start..]));
    pieces
}

/// Whether an English phrase stands as words of its own.
fn apart(sentence: &str, at: usize, phrase: &str) -> bool {
    if !phrase.is_ascii() {
        return true;
    }
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    !letter(sentence[..at].chars().next_back()) && !letter(sentence[at + phrase.len()..].chars().next())
}

fn claim(pieces: Vec<Piece<'_>>, chinese: bool, context: &GroundContext) -> Result<Claim, String> {
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Word(word) => parts.push(Part::Word(word)),
            Piece::Text(text) if text.trim().is_empty() => {}
            Piece::Text(text) => {
                let toks = if chinese { chinese::lex(text, context)? } else { lex(text, context)? };
                parts.extend(toks.into_iter().map(Part::Tok));
            }
        }
    }
    let change = only_change(&parts)?;
    let mut concepts: Vec<usize> = Vec::new();
    for part in &parts {
        match part {
            Part::Tok(Tok::Find { concept, plural, adjective }) => {
                if *plural || *adjective {
                    return Err("speaks of more than one, or of none by name".to_owned());
                }
                concepts.push(*concept);
            }
            Part::Tok(Tok::Cue(
                Cue::Plain | Cue::Bridge | Cue::Side(_) | Cue::To | Cue::Pronoun | Cue::And | Cue::With,
                _,
            ))
            | Part::Tok(
                Tok::Comma
                | Tok::Break
                | Tok::Colon
                | Tok::Open
                | Tok::Close
                | Tok::Number { .. }
                | Tok::Unit(_)
                | Tok::Role(_)
                | Tok::Place(_),
            )
            | Part::Word(_) => {}
            Part::Tok(Tok::Cue(Cue::Present, _)) if change == Change::New => {}
            Part::Tok(Tok::Cue(_, word)) => {
                return Err(format!("grades or denies a change (\"{word}\")"));
            }
            Part::Tok(_) => return Err("speaks of change in a way that cannot be read".to_owned()),
        }
    }
    concepts.dedup();
    let [concept] = concepts.as_slice() else {
        return Err("speaks of change without naming one finding".to_owned());
    };
    let (before, now) = numbers(&parts)?;
    judge(*concept, change, &parts, (before, now), context)
}

/// The one change of the sentence.
fn only_change(parts: &[Part]) -> Result<Change, String> {
    let mut changes: Vec<Change> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Word(Word::Of(change)) => Some(*change),
            _ => None,
        })
        .collect();
    changes.dedup();
    match changes.as_slice() {
        [one] => Ok(*one),
        [] => Err("compares without saying what became of the finding".to_owned()),
        _ => Err("states two changes".to_owned()),
    }
}

/// The measurement of before and of now, or neither.
fn numbers(parts: &[Part]) -> Result<(Option<Stated>, Option<Stated>), String> {
    let (mut before, mut now): (Option<Stated>, Option<Stated>) = (None, None);
    let mut which: Option<Word> = None;
    let mut roles: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < parts.len() {
        match &parts[at] {
            Part::Word(word @ (Word::Before | Word::Now)) => which = Some(*word),
            Part::Tok(Tok::Role(row)) => roles.push(*row),
            Part::Tok(Tok::Cue(Cue::To, _)) if before.is_some() => which = Some(Word::Now),
            Part::Tok(Tok::Number { .. }) => {
                let toks: Vec<Tok> = parts[at..]
                    .iter()
                    .take(2)
                    .filter_map(|part| match part {
                        Part::Tok(tok) => Some(tok.clone()),
                        Part::Word(_) => None,
                    })
                    .collect();
                let read = Numbers::read(&toks)?;
                let [stated] = read.quantities.as_slice() else {
                    return Err("holds a number that is no measurement".to_owned());
                };
                let follows = following(parts.get(at + 2..).unwrap_or(&[]));
                let place = match which.take() {
                    Some(Word::Before) => &mut before,
                    Some(Word::Now) => &mut now,
                    // `23 mm, 18 mm before`, and `23 mm now`: the word may follow.
                    _ => match follows {
                        Some(Word::Before) => {
                            at += 1;
                            &mut before
                        }
                        Some(Word::Now) => {
                            at += 1;
                            &mut now
                        }
                        _ if now.is_none() => &mut now,
                        _ => return Err("holds two numbers without saying which is of now".to_owned()),
                    },
                };
                if place.is_some() {
                    return Err("states two numbers of one time".to_owned());
                }
                *place = Some(stated.clone());
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    for stated in [&mut before, &mut now].into_iter().flatten() {
        stated.roles.clone_from(&roles);
    }
    if before.is_none() && now.is_none() && !roles.is_empty() {
        return Err("names a measurement without its number".to_owned());
    }
    Ok((before, now))
}

/// The word of time that directly follows a number.
fn following(parts: &[Part]) -> Option<Word> {
    match parts.first() {
        Some(Part::Word(word)) => Some(*word),
        _ => None,
    }
}

fn judge(
    concept: usize,
    change: Change,
    parts: &[Part],
    (before, now): (Option<Stated>, Option<Stated>),
    context: &GroundContext,
) -> Result<Claim, String> {
    let mut sides = parts.iter().filter_map(|part| match part {
        Part::Tok(Tok::Cue(Cue::Side(side), _)) => Some(*side),
        _ => None,
    });
    let side = sides.next();
    if sides.any(|other| Some(other) != side) {
        return Err("names two sides for one finding".to_owned());
    }
    let places = parts.iter().filter_map(|part| match part {
        Part::Tok(Tok::Place(place)) => Some(place.clone()),
        _ => None,
    });
    let named = Assertion { concept, side, places: places.collect(), ..Assertion::default() };
    let mut refusal =
        "speaks of change in a finding for which no earlier measurement was supplied".to_owned();
    for (index, contrary) in &context.concepts[concept].targets {
        if *contrary {
            continue;
        }
        let finding = &context.findings[*index];
        if let Err(reason) = bears(&named, finding, false, context) {
            refusal = reason;
            continue;
        }
        if side.is_none() && finding.laterality.is_some() {
            refusal = format!("drops the side of {}", finding.observation.name);
            continue;
        }
        for prior in context.priors.iter().filter(|prior| prior.of == finding.id) {
            match held(prior, finding, change, &before, &now) {
                Ok(claim) => return Ok(claim),
                Err(reason) => refusal = reason,
            }
        }
    }
    Err(refusal)
}

/// Whether the two examinations bear the change out, with the numbers stated.
fn held(
    prior: &Prior,
    finding: &Finding,
    change: Change,
    before: &Option<Stated>,
    now: &Option<Stated>,
) -> Result<Claim, String> {
    let name = &finding.observation.name;
    let Some((is, compared)) = prior.change(finding) else {
        return Err(format!("speaks of change in {name}, which was not measured at both times"));
    };
    if is != change {
        return Err(format!("says {} of {name}, which is {}", word(change), word(is)));
    }
    let stated = match (&compared, before, now) {
        (_, None, None) => None,
        (Some(compared), Some(before), Some(now)) => {
            let roles = roles_fit(&before.roles, &compared.name) && roles_fit(&now.roles, &compared.name);
            if !(roles && before.is(&compared.before) && now.is(&compared.now)) {
                return Err(format!("states a measurement of {name} that is not of its two examinations"));
            }
            Some(compared.clone())
        }
        _ => return Err(format!("states one of two measurements of {name}")),
    };
    Ok(Claim::Change { finding: finding.id.clone(), change, compared: stated })
}

pub(crate) const fn word(change: Change) -> &'static str {
    match change {
        Change::New => "new",
        Change::Grown => "grown",
        Change::Stable => "stable",
        Change::Shrunk => "shrunk",
        Change::Gone => "gone",
        Change::Persistent => "not new",
    }
}

/// The verdict on a sentence of change.
pub(super) fn verdict(said: Result<Claim, String>, context: &GroundContext) -> Verdict {
    let claim = match said {
        Ok(claim) => claim,
        Err(reason) => return Verdict::refused(reason),
    };
    let Claim::Change { finding, .. } = &claim else {
        return Verdict::refused("speaks of no change".to_owned());
    };
    let same = |known: &&Known| match (&known.claim, &claim) {
        (Claim::Change { finding: a, change: b, .. }, Claim::Change { finding: c, change: d, .. }) => {
            (a, b) == (c, d)
        }
        _ => false,
    };
    let sentences = context.sentences.iter().filter(same).map(|known| known.id.clone()).collect();
    Verdict {
        accepted: true,
        findings: vec![finding.clone()],
        reason: format!("borne out by {finding} and its earlier examination"),
        sentences,
        claim: Some(claim),
    }
}

/// The change with its numbers, as the writer states it in English.
pub(crate) fn english(named: &str, change: Change, compared: Option<&Compared>) -> String {
    let words = match change {
        Change::New => "is new",
        Change::Grown => "has grown",
        Change::Stable => "is stable in size",
        Change::Shrunk => "has shrunk",
        Change::Gone => "is no longer seen",
        Change::Persistent => "is not new",
    };
    let numbers = compared.map_or_else(String::new, |c| {
        let say = crate::write::words::quantity;
        format!(": {} {} now, {} before", c.name, say(&c.now), say(&c.before))
    });
    format!("{} {words}{numbers}.", crate::write::words::capital(named))
}
