//! How sure a clause is: the one place where negation and certainty words are put together.

use wilhelm_study::Certainty;

use super::lex::Tok;
use super::lexicon::Cue;

/// The grade of a clause that names at least one finding; `None` where it states only a number.
///
/// The rules, in order: no double negation; `no` must be followed by the name with nothing but
/// `evidence of` and the like between; `not` must deny a verb of seeing, a likelihood or the name;
/// two different grades are a contradiction; a grade and a negation combine only where the meaning
/// is plain (`probably not` is unlikely; `no definite` is refused).
pub(crate) fn grade(toks: &[Tok]) -> Result<Option<Certainty>, String> {
    let first = toks
        .iter()
        .position(|tok| matches!(tok, Tok::Find { .. }))
        .ok_or_else(|| "names no finding".to_owned())?;
    let at = |wanted: fn(Cue) -> bool| -> Vec<usize> {
        toks.iter()
            .enumerate()
            .filter_map(|(at, tok)| matches!(tok, Tok::Cue(cue, _) if wanted(*cue)).then_some(at))
            .collect()
    };
    let negations = at(|cue| matches!(cue, Cue::Neg | Cue::Not | Cue::AbsentPredicate));
    let hedges = hedges(toks)?;
    let either = at(|cue| cue == Cue::EitherSide);
    if negations.len() > 1 {
        return Err("denies twice".to_owned());
    }
    let certainty = match negations.first() {
        Some(&negation) => Some(denied(toks, negation, first, &hedges)?),
        None => asserted(toks, first, &hedges)?,
    };
    if !either.is_empty() && certainty != Some(Certainty::Absent) {
        return Err("says \"either\" of something that is not denied".to_owned());
    }
    Ok(certainty)
}

/// Grades with their places; one class only.
fn hedges(toks: &[Tok]) -> Result<Vec<(usize, Certainty)>, String> {
    let probability = toks.iter().any(|tok| matches!(tok, Tok::Cue(Cue::Probability, _)));
    let mut hedges: Vec<(usize, Certainty)> = Vec::new();
    for (at, tok) in toks.iter().enumerate() {
        let Tok::Cue(cue, word) = tok else { continue };
        let class = match cue {
            Cue::Hedge(class) => *class,
            Cue::Low if probability => Certainty::Unlikely,
            Cue::High if probability => Certainty::Probable,
            Cue::Low | Cue::High => return Err(format!("adds \"{word}\", a degree that no finding states")),
            _ => continue,
        };
        if hedges.iter().any(|(_, before)| *before != class) {
            return Err("states two grades of certainty".to_owned());
        }
        hedges.push((at, class));
    }
    Ok(hedges)
}

/// The grade of a clause with one negation.
fn denied(
    toks: &[Tok],
    negation: usize,
    first: usize,
    hedges: &[(usize, Certainty)],
) -> Result<Certainty, String> {
    let Tok::Cue(cue, word) = &toks[negation] else { return Err("denies nothing".to_owned()) };
    if toks.iter().any(|tok| matches!(tok, Tok::Cue(Cue::Seem, _))) && hedges.is_empty() {
        return Err("softens a denial with \"appears\"".to_owned());
    }
    let mut target = None;
    match cue {
        Cue::Neg => {
            if negation > first {
                return Err(format!("\"{word}\" denies something else than a finding"));
            }
            for tok in &toks[negation + 1..first] {
                bridges(tok, word)?;
            }
            let nor = word == "nor";
            if !nor && hedges.iter().any(|(at, _)| *at > negation) {
                return Err(format!("\"{word}\" with a grade of certainty can be read in two ways"));
            }
        }
        Cue::Not => target = Some(denied_verb(toks, negation)?),
        Cue::AbsentPredicate => {
            if negation < first {
                return Err(format!("\"{word}\" denies something else than a finding"));
            }
            let after_be =
                matches!(toks.get(negation.wrapping_sub(1)), Some(Tok::Cue(_, before)) if before == "be");
            if after_be && matches!(word.as_str(), "excluded" | "ruled out") {
                return Err(format!("\"to be {word}\" asks for something; a report states"));
            }
            let seen = toks[first..].iter().any(|tok| matches!(tok, Tok::Cue(Cue::Present, _)));
            if seen {
                return Err("both asserts and denies".to_owned());
            }
        }
        _ => return Err("denies nothing".to_owned()),
    }
    if toks.iter().any(|t| matches!(t, Tok::Cue(Cue::Soft(_), _))) {
        let soft = toks.iter().position(|t| matches!(t, Tok::Cue(Cue::Soft(_), _))).unwrap_or(0);
        if soft < negation {
            return Err("suggests a denial, which is no grade of this report".to_owned());
        }
    }
    if let Some(Target::Likely) = target {
        let others = hedges.iter().filter(|(at, _)| *at < negation).count();
        return if others == 0 && hedges.len() == 1 {
            Ok(Certainty::Unlikely)
        } else {
            Err("grades a denial twice".to_owned())
        };
    }
    if hedges.iter().any(|(at, _)| *at > negation) && *cue != Cue::Neg {
        return Err("grades what it denies".to_owned());
    }
    match hedges.iter().find(|(at, _)| *at < negation) {
        None => Ok(Certainty::Absent),
        Some((_, Certainty::Present)) => Ok(Certainty::Absent),
        Some((_, Certainty::Probable)) => Ok(Certainty::Unlikely),
        Some(_) => Err("a grade and a denial together can be read in two ways".to_owned()),
    }
}

/// What may stand between `no` and the name.
fn bridges(tok: &Tok, word: &str) -> Result<(), String> {
    let fine = match tok {
        Tok::Place(_) => true,
        Tok::Cue(cue, plain) => match cue {
            Cue::Bridge
            | Cue::NegBridge
            | Cue::Weak
            | Cue::Soft(_)
            | Cue::Side(_)
            | Cue::EitherSide
            | Cue::Present => true,
            Cue::Plain => {
                matches!(
                    plain.as_str(),
                    "of" | "for"
                        | "a"
                        | "an"
                        | "any"
                        | "the"
                        | "is"
                        | "are"
                        | "was"
                        | "imaging"
                        | "there"
                        | "in"
                        | "on"
                        | "this"
                        | "these"
                )
            }
            Cue::To => true,
            Cue::Pronoun => plain == "that" || plain == "which",
            _ => false,
        },
        _ => false,
    };
    if fine { Ok(()) } else { Err(format!("\"{word}\" denies something else than a finding")) }
}

/// What `not` denies.
enum Target {
    /// Seeing, or the thing itself.
    Thing,
    /// That it is likely.
    Likely,
}

fn denied_verb(toks: &[Tok], negation: usize) -> Result<Target, String> {
    for tok in &toks[negation + 1..] {
        match tok {
            Tok::Find { .. } => return Ok(Target::Thing),
            Tok::Cue(Cue::Present | Cue::Weak | Cue::Soft(_), _) => return Ok(Target::Thing),
            Tok::Cue(Cue::Hedge(Certainty::Probable), _) => return Ok(Target::Likely),
            Tok::Cue(Cue::Bridge | Cue::To | Cue::Side(_), _) | Tok::Place(_) => {}
            Tok::Cue(Cue::Plain, word)
                if matches!(
                    word.as_str(),
                    "be" | "been" | "being" | "a" | "an" | "any" | "the" | "of" | "have" | "for"
                ) => {}
            _ => break,
        }
    }
    Err("\"not\" denies something else than a finding".to_owned())
}

/// The grade of a clause without negation.
fn asserted(toks: &[Tok], first: usize, hedges: &[(usize, Certainty)]) -> Result<Option<Certainty>, String> {
    let cue_at =
        |wanted: fn(Cue) -> bool| toks.iter().position(|tok| matches!(tok, Tok::Cue(cue, _) if wanted(*cue)));
    if cue_at(|cue| cue == Cue::NegBridge).is_some() {
        return Err("hints at a finding, which is no grade of this report".to_owned());
    }
    let seen = toks.iter().enumerate().position(|(at, tok)| {
        matches!(tok, Tok::Cue(Cue::Present, _)) && !(at < first && of_number(&toks[at + 1..]))
    });
    let seen = seen.filter(|_| !probability_that(&toks[..first]));
    if let Some((at, class)) = hedges.first() {
        if *class == Certainty::Unlikely && seen.is_some_and(|seen| seen < *at) && *at > first {
            return Err("both asserts and doubts".to_owned());
        }
        if *at > first && there_is(&toks[..first]) {
            return Err("both asserts and doubts".to_owned());
        }
        return Ok(Some(*class));
    }
    if cue_at(|cue| cue == Cue::Seem).is_some() {
        return Err("softens with \"appears\" without a grade of certainty".to_owned());
    }
    if let Some(at) = cue_at(|cue| matches!(cue, Cue::Soft(_)))
        && let Tok::Cue(Cue::Soft(class), _) = &toks[at]
    {
        return Ok(Some(*class));
    }
    if seen.is_some() || cue_at(|cue| cue == Cue::Weak).is_some() {
        return Ok(Some(Certainty::Present));
    }
    let shown = |tok: &Tok| matches!(tok, Tok::Cue(Cue::Bridge, word) if matches!(word.as_str(), "evidence" | "sign" | "signs" | "feature" | "features"));
    if toks.iter().any(shown) {
        return Ok(Some(Certainty::Present));
    }
    if states_only_a_number(toks, first) {
        return Ok(None);
    }
    // `an estimated probability` tells of a number; whoever else estimates or finds must say what.
    let speaks = toks.iter().enumerate().any(|(at, tok)| {
        let of_number =
            matches!(toks.get(at + 1), Some(Tok::Cue(Cue::Probability | Cue::ProbabilityOfNo, _)));
        matches!(tok, Tok::Cue(Cue::Speaker, word) if !(word == "estimated" && of_number))
    });
    if speaks {
        return Err("names a finding without saying whether it is there".to_owned());
    }
    Ok(Some(Certainty::Present))
}

/// `there is a nodule, which is the likeliest diagnosis`: the thing is said to be there before the doubt.
fn there_is(before: &[Tok]) -> bool {
    before.windows(2).any(|pair| match pair {
        [Tok::Cue(Cue::Plain, there), Tok::Cue(Cue::Plain, verb)] => {
            there == "there" && matches!(verb.as_str(), "is" | "are" | "was" | "were")
        }
        _ => false,
    })
}

/// `the probability that pneumonia is present`.
fn probability_that(before: &[Tok]) -> bool {
    let probability = before.iter().position(|tok| matches!(tok, Tok::Cue(Cue::Probability, _)));
    let that = before.iter().rposition(|tok| matches!(tok, Tok::Cue(Cue::Pronoun, word) if word == "that"));
    matches!((probability, that), (Some(probability), Some(that)) if that == probability + 1)
}

/// Whether a clause without a grade states a probability and not the thing itself: `the probability
/// of glioma is 3 %`, `glioma has a probability of 3 %`, `glioma: 3 %`. `Glioma, probability 3 %`
/// states the thing.
fn states_only_a_number(toks: &[Tok], first: usize) -> bool {
    let number =
        |tok: &Tok| matches!(tok, Tok::Cue(Cue::Percent | Cue::Probability | Cue::ProbabilityOfNo, _));
    if !toks.iter().any(number) {
        return false;
    }
    if toks[..first].iter().any(number) {
        return true;
    }
    match toks.get(first + 1) {
        Some(Tok::Colon | Tok::Number { .. }) => true,
        Some(Tok::Cue(Cue::Plain, word)) => matches!(word.as_str(), "has" | "have"),
        _ => false,
    }
}

/// Whether a verb's object is a number: `finds a probability of 87 %`.
fn of_number(rest: &[Tok]) -> bool {
    for tok in rest {
        match tok {
            Tok::Cue(Cue::Plain | Cue::Speaker, _) => {}
            Tok::Number { .. } | Tok::Cue(Cue::Probability | Cue::ProbabilityOfNo, _) => return true,
            _ => return false,
        }
    }
    false
}
