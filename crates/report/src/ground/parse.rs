//! Tokens to assertions: which finding, how sure, which side, which numbers.

use wilhelm_study::{Certainty, Laterality};

use super::grade::grade;
use super::lex::{Tok, lex};
use super::lexicon::{Cue, place_words};
use super::number::{Estimate, Numbers, Range, Stated};
use super::{GroundContext, chinese};

/// What a sentence says of one finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Assertion {
    /// Index of the concept named.
    pub concept: usize,
    /// How sure; `None` where only a number is stated.
    pub certainty: Option<Certainty>,
    /// The side.
    pub side: Option<Laterality>,
    /// `either side`: denied on both.
    pub either: bool,
    /// More than one.
    pub plural: bool,
    /// Measurements.
    pub quantities: Vec<Stated>,
    /// Probability.
    pub estimate: Option<Estimate>,
    /// The probability is that of the finding's absence.
    pub of_no: bool,
    /// Interval.
    pub range: Option<Range>,
    /// Coverage of the interval, in percent.
    pub level: Option<f64>,
    /// Places named.
    pub places: Vec<String>,
    /// Roles that belong to no number.
    pub loose_roles: Vec<usize>,
}

/// The assertions of one segment (what stands between semicolons or full stops).
pub(crate) type Segment = Vec<Assertion>;

/// Reads a sentence into its segments, or says why it cannot be read.
pub(crate) fn parse(sentence: &str, context: &GroundContext) -> Result<Vec<Segment>, String> {
    let toks = if chinese::is_chinese(sentence) {
        chinese::lex(sentence, context)?
    } else {
        lex(sentence, context)?
    };
    let mut segments: Vec<Segment> = Vec::new();
    for line in toks.split(|tok| *tok == Tok::Break).filter(|line| !line.is_empty()) {
        segment(line, context, &mut segments)?;
    }
    if segments.iter().all(Vec::is_empty) {
        return Err("says nothing about a finding of this report".to_owned());
    }
    Ok(segments)
}

/// How a piece is joined to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    Start,
    Comma,
    And,
    Or,
    Nor,
    But,
    With,
    Neg,
}

#[derive(Clone, Debug)]
struct Piece {
    join: Join,
    toks: Vec<Tok>,
}

impl Piece {
    fn names(&self) -> bool {
        self.toks.iter().any(|tok| matches!(tok, Tok::Find { .. }))
    }
    fn find(&self) -> Option<usize> {
        self.toks.iter().position(|tok| matches!(tok, Tok::Find { .. }))
    }
    fn cues_before(&self) -> bool {
        let end = self.find().unwrap_or(0);
        self.toks[..end].iter().any(is_grading)
    }
    /// Cues after the name: none, only assertion, or others.
    fn after(&self) -> After {
        let start = self.find().map_or(0, |at| at + 1);
        let cues: Vec<&Tok> = self.toks[start..].iter().filter(|tok| is_grading(tok)).collect();
        match cues.as_slice() {
            [] => After::Nothing,
            cues if cues.iter().all(|tok| matches!(tok, Tok::Cue(Cue::Present, _))) => After::Present,
            _ => After::Grade,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    Present,
    Grade,
}

/// Whether a token says how sure the sentence is.
fn is_grading(tok: &Tok) -> bool {
    let Tok::Cue(cue, _) = tok else { return false };
    matches!(
        cue,
        Cue::Neg
            | Cue::Not
            | Cue::AbsentPredicate
            | Cue::Present
            | Cue::Weak
            | Cue::Hedge(_)
            | Cue::Soft(_)
            | Cue::Seem
            | Cue::Low
            | Cue::High
    )
}

fn segment(line: &[Tok], context: &GroundContext, segments: &mut Vec<Segment>) -> Result<(), String> {
    let has_find = line.iter().any(|tok| matches!(tok, Tok::Find { .. }));
    let line = resolve_parts(line, context, segments, has_find)?;
    if !line.iter().any(|tok| matches!(tok, Tok::Find { .. })) {
        return continuation(&line, segments);
    }
    let pieces = merge(split(&line))?;
    let mut said = Segment::new();
    for group in groups(pieces)? {
        let toks: Vec<Tok> = group.iter().flat_map(|piece| piece.toks.iter().cloned()).collect();
        let certainty = grade(&toks)?;
        if group.len() > 1 {
            let disjoint = group.iter().any(|piece| piece.join == Join::Or);
            let denied = matches!(certainty, Some(Certainty::Absent | Certainty::Unlikely));
            if disjoint && !denied {
                return Err("says that one thing or another is there, without saying which".to_owned());
            }
        }
        for piece in &group {
            said.push(assertion(piece, certainty)?);
        }
    }
    segments.push(said);
    Ok(())
}

/// Puts a finding in the place of `lesion ... malignant`, and drops a lone `nodule` that means the
/// finding before.
fn resolve_parts(
    line: &[Tok],
    context: &GroundContext,
    segments: &[Segment],
    has_find: bool,
) -> Result<Vec<Tok>, String> {
    let head = line.iter().enumerate().find_map(|(at, tok)| match tok {
        Tok::Head(word) => Some((at, word.clone())),
        _ => None,
    });
    let modifiers: Vec<(usize, &String)> = line
        .iter()
        .enumerate()
        .filter_map(|(at, tok)| match tok {
            Tok::Modifier(word) => Some((at, word)),
            _ => None,
        })
        .collect();
    let parts = line.iter().filter(|tok| matches!(tok, Tok::Head(_) | Tok::Modifier(_))).count();
    if parts == 0 {
        return generic_named(line, context);
    }
    let finds: Vec<(usize, usize)> = line
        .iter()
        .enumerate()
        .filter_map(|(at, tok)| match tok {
            Tok::Find { concept, .. } => Some((at, *concept)),
            _ => None,
        })
        .collect();
    if let ([(at_find, concept)], [(at_modifier, modifier)]) = (finds.as_slice(), modifiers.as_slice())
        && parts == 1
        && at_find < at_modifier
    {
        return narrowed(line, context, (*at_find, *concept), (*at_modifier, modifier));
    }
    let named = |concept: usize| context.concepts[concept].words.last();
    if let (Some((at, head)), [], 1, false) = (&head, modifiers.as_slice(), parts, has_find)
        && let Some(concept) = placed(line, context, head)
    {
        let mut line = line.to_vec();
        line[*at] = Tok::Find { concept, plural: false, adjective: false };
        return Ok(line);
    }
    match (head, modifiers.as_slice()) {
        (Some((at, head)), []) if parts == 1 => {
            let before = line[..at].iter().rev().find_map(|tok| match tok {
                Tok::Find { concept, .. } => Some(*concept),
                _ => None,
            });
            let before = before.or_else(|| segments.last().and_then(|s| s.last()).map(|a| a.concept));
            if before.and_then(named) == Some(&head) {
                let mut line = line.to_vec();
                line[at] = Tok::Cue(Cue::Pronoun, head);
                return Ok(line);
            }
            Err(format!("names \"{head}\" without saying which; this report has no such finding"))
        }
        (Some((at_head, head)), [(at_modifier, modifier)]) if parts == 2 && !has_find => {
            let words = vec![(*modifier).clone(), head.clone()];
            let concept = context.concepts.iter().position(|c| c.words == words);
            match concept {
                Some(concept) if at_head < *at_modifier && !denies(line) => {
                    let mut line = line.to_vec();
                    line[*at_modifier] = Tok::Find { concept, plural: false, adjective: false };
                    line[at_head] = Tok::Cue(Cue::Plain, head);
                    Ok(line)
                }
                _ => Err(format!("speaks of a {head} without naming a finding of this report")),
            }
        }
        _ => Err("names a part of a finding only".to_owned()),
    }
}

/// `a nodule ... in the left lung`: the one concept whose other word is the place named.
fn placed(line: &[Tok], context: &GroundContext, head: &str) -> Option<usize> {
    let named = |word: &String| {
        line.iter().any(|tok| matches!(tok, Tok::Place(place) if place_words(word).contains(&place.as_str())))
    };
    let fits = |concept: &usize| {
        let words = &context.concepts[*concept].words;
        matches!(words.as_slice(), [other, last] if last == head && named(other))
    };
    let fitting: Vec<usize> = (0..context.concepts.len()).filter(fits).collect();
    let first = *fitting.first()?;
    let same = |concept: &usize| context.concepts[*concept].targets == context.concepts[first].targets;
    fitting.iter().all(same).then_some(first)
}

/// Whether a line denies or doubts anything.
fn denies(line: &[Tok]) -> bool {
    line.iter().any(|tok| {
        matches!(
            tok,
            Tok::Cue(Cue::Neg | Cue::Not | Cue::AbsentPredicate | Cue::Hedge(Certainty::Unlikely), _)
        )
    })
}

/// `the lesion is probably malignant`, where `lesion` alone is the contrary of `no lesion`.
fn narrowed(
    line: &[Tok],
    context: &GroundContext,
    (at_find, concept): (usize, usize),
    (at_modifier, modifier): (usize, &String),
) -> Result<Vec<Tok>, String> {
    let general = &context.concepts[concept];
    let mut words = vec![modifier.clone()];
    words.extend(general.words.iter().cloned());
    let narrow = context.concepts.iter().position(|c| c.words == words);
    match narrow {
        Some(narrow) if !denies(line) => {
            holds(context, concept)?;
            let mut line = line.to_vec();
            line[at_find] = Tok::Cue(Cue::Plain, general.words.join(" "));
            line[at_modifier] = Tok::Find { concept: narrow, plural: false, adjective: false };
            Ok(line)
        }
        _ => Err(format!("speaks of a {} without naming a finding of this report", general.words.join(" "))),
    }
}

/// `the tumor is probably a meningioma`: the general name stands for the one that follows.
fn generic_named(line: &[Tok], context: &GroundContext) -> Result<Vec<Tok>, String> {
    let mut line = line.to_vec();
    let finds: Vec<usize> = (0..line.len()).filter(|at| matches!(line[*at], Tok::Find { .. })).collect();
    let [first, second] = finds.as_slice() else { return Ok(line) };
    let apart = line[*first..*second].iter().any(|tok| {
        matches!(tok, Tok::Comma | Tok::Open | Tok::Slash | Tok::Dash)
            || matches!(tok, Tok::Cue(Cue::And | Cue::Or | Cue::Nor | Cue::But | Cue::With, _))
    });
    let (Tok::Find { concept: general, plural: false, .. }, Tok::Find { concept: named, .. }) =
        (&line[*first], &line[*second])
    else {
        return Ok(line);
    };
    let is_general = |concept: usize| context.concepts[concept].targets.iter().all(|(_, contrary)| *contrary);
    if apart || denies(&line) || !is_general(*general) || is_general(*named) {
        return Ok(line);
    }
    holds(context, *general)?;
    let words = context.concepts[*general].words.join(" ");
    line[*first] = Tok::Cue(Cue::Plain, words);
    Ok(line)
}

/// Whether the general thing (`tumor`) is there or probable: a sentence that presupposes it must
/// not be let in where it is not.
fn holds(context: &GroundContext, concept: usize) -> Result<(), String> {
    let there = context.concepts[concept].targets.iter().all(|(index, contrary)| {
        *contrary && matches!(context.findings[*index].certainty, Certainty::Absent | Certainty::Unlikely)
    });
    let name = context.concepts[concept].words.join(" ");
    if there { Ok(()) } else { Err(format!("presupposes a {name}, which this report does not state")) }
}

/// A segment that only adds numbers to the finding before: `It measures 23 mm`.
fn continuation(line: &[Tok], segments: &mut [Segment]) -> Result<(), String> {
    let nothing = || Err("says nothing about a finding of this report".to_owned());
    if line.iter().any(is_grading) {
        return nothing();
    }
    let Some(last) = segments.last_mut().and_then(|segment| segment.last_mut()) else {
        return nothing();
    };
    let numbers = Numbers::read(line)?;
    if numbers.is_empty() {
        return nothing();
    }
    let sides = sides(line)?;
    if sides.is_some() || line.iter().any(|tok| matches!(tok, Tok::Place(_))) {
        return Err("adds a place to a number".to_owned());
    }
    attach(last, numbers)
}

fn attach(assertion: &mut Assertion, numbers: Numbers) -> Result<(), String> {
    let twice = || "states one number in two ways".to_owned();
    if (assertion.estimate.is_some() && numbers.estimate.is_some())
        || (assertion.range.is_some() && numbers.range.is_some())
        || (assertion.level.is_some() && numbers.level.is_some())
    {
        return Err(twice());
    }
    assertion.of_no |= numbers.of_no;
    assertion.estimate = assertion.estimate.take().or(numbers.estimate);
    assertion.range = assertion.range.take().or(numbers.range);
    assertion.level = assertion.level.or(numbers.level);
    assertion.quantities.extend(numbers.quantities);
    assertion.loose_roles.extend(numbers.loose_roles);
    Ok(())
}

/// Cuts a segment at its connectors.
fn split(line: &[Tok]) -> Vec<Piece> {
    let mut pieces = vec![Piece { join: Join::Start, toks: Vec::new() }];
    let mut between = false;
    for (at, tok) in line.iter().enumerate() {
        let current = pieces.last().expect("starts with one piece");
        let numeric = |i: usize| matches!(line.get(i), Some(Tok::Number { .. }));
        let join = match tok {
            Tok::Comma | Tok::Open | Tok::Close | Tok::Dash => Some(Join::Comma),
            Tok::Cue(Cue::And, _) if between && numeric(at + 1) => None,
            Tok::Cue(Cue::And, _) => Some(Join::And),
            Tok::Cue(Cue::Or, _) | Tok::Slash => Some(Join::Or),
            Tok::Cue(Cue::Nor, _) => Some(Join::Nor),
            Tok::Cue(Cue::But, _) => Some(Join::But),
            Tok::Cue(Cue::With, _) => Some(Join::With),
            Tok::Cue(Cue::Neg, _) if current.names() => Some(Join::Neg),
            _ => None,
        };
        if matches!(tok, Tok::Cue(_, word) if word == "between") {
            between = true;
        }
        let range_dash = *tok == Tok::Dash && numeric(at + 1);
        match join {
            Some(join) if !range_dash => {
                let mut toks = Vec::new();
                match tok {
                    Tok::Open | Tok::Comma | Tok::Dash | Tok::Close => toks.push(tok.clone()),
                    _ if join == Join::Neg => toks.push(tok.clone()),
                    // Numbers on either side of a conjunction are apart.
                    _ => toks.push(Tok::Comma),
                }
                let empty =
                    current.toks.iter().all(|t| matches!(t, Tok::Comma | Tok::Open | Tok::Close | Tok::Dash));
                if empty && current.join != Join::Start {
                    let stronger = if matches!(join, Join::Comma) { current.join } else { join };
                    pieces.pop();
                    pieces.push(Piece { join: stronger, toks });
                } else if empty && join != Join::Neg && current.toks.is_empty() {
                    pieces.pop();
                    pieces.push(Piece { join: Join::Start, toks });
                } else {
                    pieces.push(Piece { join, toks });
                }
            }
            _ => pieces.last_mut().expect("starts with one piece").toks.push(tok.clone()),
        }
    }
    pieces
}

/// Joins pieces that name no finding to the one before (to the one after, at the start).
fn merge(pieces: Vec<Piece>) -> Result<Vec<Piece>, String> {
    let mut merged: Vec<Piece> = Vec::new();
    let mut leading: Vec<Tok> = Vec::new();
    for mut piece in pieces {
        if piece.names() {
            if !leading.is_empty() {
                leading.append(&mut piece.toks);
                piece.toks = std::mem::take(&mut leading);
            }
            merged.push(piece);
            continue;
        }
        let alternative = matches!(piece.join, Join::Or | Join::Nor);
        if alternative && piece.toks.iter().any(is_grading) {
            return Err("offers two grades of certainty".to_owned());
        }
        match merged.last_mut() {
            Some(before) => before.toks.append(&mut piece.toks),
            None => leading.append(&mut piece.toks),
        }
    }
    Ok(merged)
}

/// Lists: pieces that share one grade of certainty.
fn groups(pieces: Vec<Piece>) -> Result<Vec<Vec<Piece>>, String> {
    let ambiguous = || Err("can be read in two ways".to_owned());
    let mut groups: Vec<Vec<Piece>> = Vec::new();
    let mut pieces = pieces.into_iter().peekable();
    let mut denied_before = false;
    while let Some(piece) = pieces.next() {
        let bare = !piece.cues_before() && piece.after() == After::Nothing;
        let first = groups.is_empty();
        if piece.join == Join::Nor {
            // "... is not seen, nor is meningioma": the denial carries over.
            if !denied_before || piece.cues_before() || piece.after() == After::Grade {
                return ambiguous();
            }
            let mut toks = vec![Tok::Cue(Cue::Neg, "nor".to_owned())];
            toks.extend(piece.toks);
            groups.push(vec![Piece { join: Join::Start, toks }]);
            continue;
        }
        if bare && !first && piece.estimate_missing() {
            return ambiguous();
        }
        let denies = piece.toks.iter().any(|t| matches!(t, Tok::Cue(Cue::Neg, _)));
        let mut group = vec![piece];
        let open = |group: &Vec<Piece>| group.last().is_some_and(|p| p.after() == After::Nothing);
        while open(&group) {
            let Some(next) = pieces.peek() else { break };
            if next.cues_before() || matches!(next.join, Join::But | Join::Neg | Join::Start) {
                break;
            }
            let next_after = next.after();
            let lead_graded = group[0].cues_before();
            let joins = match (lead_graded, next_after) {
                (_, After::Nothing) => next.estimate_missing() || lead_graded,
                (true, After::Present) if denies => matches!(next.join, Join::Or | Join::Nor),
                (true, _) => false,
                (false, _) => matches!(next.join, Join::And | Join::Or | Join::With),
            };
            if !joins {
                if denies && next_after == After::Present {
                    return ambiguous();
                }
                if !lead_graded && next_after != After::Nothing {
                    return ambiguous();
                }
                break;
            }
            let Some(next) = pieces.next() else { break };
            group.push(next);
        }
        if group.len() > 1 && denies && group.iter().any(|p| p.join == Join::With) {
            return ambiguous();
        }
        denied_before = group
            .iter()
            .flat_map(|p| &p.toks)
            .any(|t| matches!(t, Tok::Cue(Cue::Neg | Cue::Not | Cue::AbsentPredicate, _)));
        groups.push(group);
    }
    Ok(groups)
}

impl Piece {
    /// Whether the piece states no probability of its own.
    fn estimate_missing(&self) -> bool {
        !self.toks.iter().any(|tok| matches!(tok, Tok::Cue(Cue::Percent | Cue::Probability, _)))
    }
}

fn sides(toks: &[Tok]) -> Result<Option<Laterality>, String> {
    let mut found = None;
    for tok in toks {
        if let Tok::Cue(Cue::Side(side), _) = tok {
            if found.is_some_and(|before| before != *side) {
                return Err("names two sides for one finding".to_owned());
            }
            found = Some(*side);
        }
    }
    Ok(found)
}

fn assertion(piece: &Piece, certainty: Option<Certainty>) -> Result<Assertion, String> {
    let names: Vec<&Tok> = piece.toks.iter().filter(|tok| matches!(tok, Tok::Find { .. })).collect();
    let [Tok::Find { concept, plural, adjective }] = names.as_slice() else {
        return same_name_twice(piece, &names, certainty);
    };
    if *adjective && certainty.is_none() {
        return Err("uses a finding's name as an adjective only".to_owned());
    }
    build(piece, *concept, *plural, certainty)
}

/// `Pneumonia is probable: probability of pneumonia 87 %` names one finding twice.
fn same_name_twice(piece: &Piece, names: &[&Tok], certainty: Option<Certainty>) -> Result<Assertion, String> {
    let concepts: Vec<usize> = names
        .iter()
        .filter_map(|tok| match tok {
            Tok::Find { concept, .. } => Some(*concept),
            _ => None,
        })
        .collect();
    match concepts.as_slice() {
        [first, rest @ ..] if rest.iter().all(|c| c == first) => build(piece, *first, false, certainty),
        _ => Err("relates two findings to each other".to_owned()),
    }
}

fn build(
    piece: &Piece,
    concept: usize,
    plural: bool,
    certainty: Option<Certainty>,
) -> Result<Assertion, String> {
    let places = piece
        .toks
        .iter()
        .filter_map(|tok| match tok {
            Tok::Place(word) => Some(word.clone()),
            _ => None,
        })
        .collect();
    let mut assertion = Assertion {
        concept,
        certainty,
        side: sides(&piece.toks)?,
        either: piece.toks.iter().any(|tok| matches!(tok, Tok::Cue(Cue::EitherSide, _))),
        plural,
        places,
        ..Assertion::default()
    };
    attach(&mut assertion, Numbers::read(&piece.toks)?)?;
    Ok(assertion)
}
