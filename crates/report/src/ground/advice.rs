//! Sentences about what should be done next, held against the rules that a report applied.
//!
//! A sentence is read as steps (what, by which means, when, how firmly) over a closed vocabulary. It stands only where
//! its steps are those of one rule: another interval, another means, a step added or dropped, "no follow-up" where
//! follow-up is due, or a "may" where the rule says "is recommended" is refused with the rule and branch by name.

use super::token::{Raw, number_words, tokens};
use super::{GroundContext, Known};
use crate::guideline::{Act, Means, Step};
use crate::{Applied, Claim};

/// A piece of advice in the order of the line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Act(Act),
    Means(Means),
    Number(f64),
    /// Months of a unit of time.
    Unit(f64),
    To,
    Every,
    Until,
    Or,
    No,
    May,
    Must,
    Other,
    Break,
}

/// Words with what they say; several words are found before one.
const WORDS: &[(&str, Piece)] = &[
    ("low dose computed tomography", Piece::Means(Means::LowDoseCt)),
    ("low dose ct", Piece::Means(Means::LowDoseCt)),
    ("pet ct", Piece::Means(Means::PetCt)),
    ("pet", Piece::Means(Means::PetCt)),
    ("computed tomography", Piece::Means(Means::Ct)),
    ("ct", Piece::Means(Means::Ct)),
    ("magnetic resonance imaging", Piece::Means(Means::Mr)),
    ("magnetic resonance", Piece::Means(Means::Mr)),
    ("mri", Piece::Means(Means::Mr)),
    ("mr", Piece::Means(Means::Mr)),
    ("ultrasound", Piece::Means(Means::Ultrasound)),
    ("sonography", Piece::Means(Means::Ultrasound)),
    ("mammography", Piece::Means(Means::Mammography)),
    ("mammogram", Piece::Means(Means::Mammography)),
    ("radiograph", Piece::Means(Means::Radiograph)),
    ("radiography", Piece::Means(Means::Radiograph)),
    ("follow up imaging", Piece::Act(Act::Imaging)),
    ("further imaging", Piece::Act(Act::Imaging)),
    ("follow up", Piece::Act(Act::Imaging)),
    ("followup", Piece::Act(Act::Imaging)),
    ("imaging", Piece::Act(Act::Imaging)),
    ("surveillance", Piece::Act(Act::Imaging)),
    ("fine needle aspiration", Piece::Act(Act::Sampling)),
    ("tissue sampling", Piece::Act(Act::Sampling)),
    ("sampling", Piece::Act(Act::Sampling)),
    ("biopsy", Piece::Act(Act::Sampling)),
    ("fna", Piece::Act(Act::Sampling)),
    ("referral", Piece::Act(Act::Referral)),
    ("resection", Piece::Act(Act::Treatment)),
    ("surgery", Piece::Act(Act::Treatment)),
    ("treatment", Piece::Act(Act::Treatment)),
    ("should be considered", Piece::May),
    ("considered", Piece::May),
    ("consider", Piece::May),
    ("optional", Piece::May),
    ("may", Piece::May),
    ("could", Piece::May),
    ("can", Piece::May),
    ("recommended", Piece::Must),
    ("recommend", Piece::Must),
    ("advised", Piece::Must),
    ("required", Piece::Must),
    ("necessary", Piece::Must),
    ("needed", Piece::Must),
    ("should", Piece::Must),
    ("must", Piece::Must),
    ("neither", Piece::No),
    ("nor", Piece::No),
    ("not", Piece::No),
    ("no", Piece::No),
    ("every", Piece::Every),
    ("until", Piece::Until),
    ("for", Piece::Until),
    ("to", Piece::To),
    ("or", Piece::Or),
    ("days", Piece::Unit(12.0 / 365.25)),
    ("day", Piece::Unit(12.0 / 365.25)),
    ("weeks", Piece::Unit(84.0 / 365.25)),
    ("week", Piece::Unit(84.0 / 365.25)),
    ("months", Piece::Unit(1.0)),
    ("month", Piece::Unit(1.0)),
    ("years", Piece::Unit(12.0)),
    ("year", Piece::Unit(12.0)),
];

/// Words that add nothing.
const EMPTY: &[&str] = &[
    "a",
    "an",
    "the",
    "is",
    "are",
    "be",
    "we",
    "at",
    "in",
    "after",
    "then",
    "and",
    "by",
    "with",
    "of",
    "further",
    "routine",
    "another",
    "repeat",
    "scan",
    "examination",
    "chest",
    "diagnostic",
    "nodule",
    "mass",
    "interval",
    "any",
];

/// Words that make a line advice.
const TRIGGERS: &[&str] = &[
    "follow",
    "followup",
    "surveillance",
    "biopsy",
    "sampling",
    "aspiration",
    "fna",
    "referral",
    "resection",
    "recommend",
    "recommended",
    "advised",
    "consider",
    "considered",
    "months",
    "month",
    "weeks",
    "week",
    "years",
    "year",
    "needed",
    "required",
    "optional",
];

/// One step as said.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    act: Option<Act>,
    means: Vec<Means>,
    months: Option<[f64; 2]>,
}

/// The sentence of a rule that a line repeats, why it cannot, or `None` where the line gives no advice or the report
/// applied no rule.
pub(crate) fn judge<'a>(line: &str, context: &'a GroundContext) -> Option<Result<&'a Known, String>> {
    let rules: Vec<(&Known, &Applied, &str)> = context
        .sentences
        .iter()
        .filter_map(|known| match &known.claim {
            Claim::Recommendation { rule, applied: Some(applied) } => Some((known, applied, rule.as_str())),
            _ => None,
        })
        .collect();
    if rules.is_empty() {
        return None;
    }
    let raw = number_words(tokens(line).ok()?);
    let gives_advice = raw.iter().any(|r| matches!(r, Raw::Word(word) if TRIGGERS.contains(&word.as_str())));
    if !gives_advice {
        return None;
    }
    let (pieces, unread) = pieces(&raw);
    let mut refusal = None;
    for (known, applied, rule) in rules {
        match (holds(&pieces, applied, rule), &unread) {
            (Ok(()), None) => return Some(Ok(known)),
            (Ok(()), Some(word)) => {
                refusal.get_or_insert_with(|| format!("holds \"{word}\", which advice cannot be read with"));
            }
            (Err(reason), _) => {
                refusal.get_or_insert(reason);
            }
        }
    }
    refusal.map(Err)
}

/// The pieces of a line, and the first word that is in no list.
fn pieces(raw: &[Raw]) -> (Vec<Piece>, Option<String>) {
    let mut found = Vec::new();
    let mut unread = None;
    let mut at = 0;
    while at < raw.len() {
        let mut length = 1;
        match &raw[at] {
            Raw::Word(word) => {
                let fits = |phrase: &str| {
                    let mut next = at;
                    for part in phrase.split(' ') {
                        if next > at && raw.get(next) == Some(&Raw::Slash) {
                            next += 1;
                        }
                        if !matches!(raw.get(next), Some(Raw::Word(word)) if word == part) {
                            return None;
                        }
                        next += 1;
                    }
                    Some(next - at)
                };
                let known = WORDS.iter().find_map(|(phrase, piece)| fits(phrase).map(|n| (n, *piece)));
                if let Some((words, piece)) = known {
                    length = words;
                    found.push(piece);
                } else if ["yearly", "annually", "annual"].contains(&word.as_str()) {
                    found.extend([Piece::Every, Piece::Unit(12.0)]);
                } else if EMPTY.contains(&word.as_str()) {
                    found.push(Piece::Other);
                } else {
                    unread.get_or_insert_with(|| word.clone());
                }
            }
            Raw::Number { value, .. } => found.push(Piece::Number(*value)),
            Raw::Dash => found.push(Piece::To),
            Raw::Comma | Raw::Semicolon | Raw::Stop => found.push(Piece::Break),
            other => {
                unread.get_or_insert_with(|| format!("{other:?}").to_lowercase());
            }
        }
        at += length;
    }
    (found, unread)
}

/// Times of a line of pieces, each at its place: months from and to, and how many pieces it takes.
fn time(pieces: &[Piece]) -> Option<(Vec<[f64; 2]>, usize)> {
    let number = |at: usize| match pieces.get(at) {
        Some(Piece::Number(value)) => Some(*value),
        _ => None,
    };
    let unit = |at: usize| match pieces.get(at) {
        Some(Piece::Unit(months)) => Some(*months),
        _ => None,
    };
    if pieces.first() == Some(&Piece::Every) {
        let count = number(1);
        let mut at = if count.is_some() { 2 } else { 1 };
        let every = count.unwrap_or(1.0) * unit(at)?;
        at += 1;
        if pieces.get(at) == Some(&Piece::Until)
            && let (Some(end), Some(months)) = (number(at + 1), unit(at + 2))
        {
            return Some((vec![[every, end * months]], at + 3));
        }
        return Some((vec![[every, every]], at));
    }
    // 6 to 12 months; 1, 3 and 5 years: the unit stands after the last number.
    let mut spans = Vec::new();
    let mut at = 0;
    loop {
        let from = number(at)?;
        at += 1;
        let mut to = from;
        if pieces.get(at) == Some(&Piece::To)
            && let Some(end) = number(at + 1)
        {
            to = end;
            at += 2;
        }
        spans.push([from, to]);
        if let Some(months) = unit(at) {
            return Some((spans.iter().map(|[a, b]| [a * months, b * months]).collect(), at + 1));
        }
        while matches!(pieces.get(at), Some(Piece::Break | Piece::Other)) {
            at += 1;
        }
    }
}

/// The steps that pieces say.
fn steps(pieces: &[Piece]) -> Result<Vec<Said>, String> {
    let mut all: Vec<Said> = Vec::new();
    let mut now = Said::default();
    let mut joined = false;
    let mut at = 0;
    while at < pieces.len() {
        let mut length = 1;
        match pieces[at] {
            Piece::Means(means) => {
                let open = now.months.is_none() && matches!(now.act, None | Some(Act::Imaging));
                if !(open && (now.means.is_empty() || joined)) {
                    all.push(std::mem::take(&mut now));
                }
                now.act = Some(Act::Imaging);
                now.means.push(means);
            }
            Piece::Act(act) => {
                if now.act.is_some() || now.months.is_some() {
                    all.push(std::mem::take(&mut now));
                }
                now.act = Some(act);
            }
            Piece::Number(_) | Piece::Every => {
                let (spans, taken) =
                    time(&pieces[at..]).ok_or_else(|| "states a number that is no time".to_owned())?;
                length = taken;
                for span in spans {
                    if now.months.is_some() {
                        let same = Said { months: None, ..now.clone() };
                        all.push(std::mem::replace(&mut now, same));
                    }
                    now.months = Some(span);
                }
            }
            _ => {}
        }
        joined = pieces[at] == Piece::Or || (joined && matches!(pieces[at], Piece::Other));
        at += length;
    }
    all.push(now);
    all.retain(|said| *said != Said::default());
    Ok(all)
}

/// Whether the pieces say the steps of a rule, all of them and no other.
fn holds(pieces: &[Piece], applied: &Applied, rule: &str) -> Result<(), String> {
    let of = format!("rule {rule} (branch {})", applied.branch);
    let none = applied.next.iter().any(|step| step.act == Act::NoFollowUp);
    let asked: Vec<String> = applied.next.iter().map(words).collect();
    let asked = asked.join(", ");
    let imaging = pieces.iter().any(|p| matches!(p, Piece::Act(Act::Imaging) | Piece::Means(_)));
    let timed = pieces.iter().any(|p| matches!(p, Piece::Number(_) | Piece::Every));
    if pieces.contains(&Piece::No) {
        return match (none, timed) {
            (true, false) if imaging => Ok(()),
            (true, _) => Err(format!("says something else than {of}: no follow-up is needed")),
            (false, _) => Err(format!("says that something is not needed, where {of} asks for {asked}")),
        };
    }
    let said = steps(pieces)?;
    if none {
        return Err(format!("asks for more, where {of} says that no follow-up is needed"));
    }
    let mut left: Vec<&Step> = applied.next.iter().collect();
    for one in &said {
        let Some(found) = left.iter().position(|step| same(one, step)) else {
            return Err(format!("{}, where {of} asks for {asked}", otherwise(one, &applied.next)));
        };
        left.remove(found);
    }
    if let Some(step) = left.first() {
        return Err(format!("drops {}, which {of} names", words(step)));
    }
    let (may, must) = (pieces.contains(&Piece::May), pieces.contains(&Piece::Must));
    let open = applied.next.iter().any(|step| step.may);
    let firm = applied.next.iter().any(|step| !step.may);
    if open && !may {
        return Err(format!("states as due what {of} leaves to judgment"));
    }
    if firm && may && !(open && must) {
        return Err(format!("leaves to judgment what {of} recommends"));
    }
    Ok(())
}

fn same(said: &Said, step: &Step) -> bool {
    let time = match (said.months, step.after_months) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.01),
        (None, None) => true,
        _ => false,
    };
    let means = match (said.means.is_empty(), step.with.is_empty()) {
        (true, _) => step.with.is_empty(),
        (false, true) => false,
        (false, false) => said.means.iter().all(|means| step.with.contains(means)),
    };
    said.act == Some(step.act) && time && means
}

/// What of a step is not as the rule says.
fn otherwise(said: &Said, next: &[Step]) -> String {
    let Some(act) = said.act else { return "names a time without what is done".to_owned() };
    let of_act: Vec<&Step> = next.iter().filter(|step| step.act == act).collect();
    if of_act.is_empty() {
        return format!("adds {}", act_words(act));
    }
    let foreign = said.means.iter().find(|means| !of_act.iter().any(|step| step.with.contains(means)));
    if let Some(means) = foreign {
        return format!("says {}", means_words(*means));
    }
    match said.months {
        Some(months) if !of_act.iter().any(|step| step.after_months == Some(months)) => {
            format!("says {}", months_words(months))
        }
        None if of_act.iter().all(|step| step.after_months.is_some()) => "drops the time".to_owned(),
        _ => "joins means and time otherwise".to_owned(),
    }
}

const fn act_words(act: Act) -> &'static str {
    match act {
        Act::NoFollowUp => "no follow-up",
        Act::Imaging => "imaging",
        Act::Sampling => "sampling",
        Act::Referral => "referral",
        Act::Laboratory => "laboratory tests",
        Act::Treatment => "treatment",
        Act::Comparison => "comparison with earlier images",
    }
}

const fn means_words(means: Means) -> &'static str {
    match means {
        Means::Ct => "CT",
        Means::LowDoseCt => "low-dose CT",
        Means::PetCt => "PET/CT",
        Means::Mr => "MR",
        Means::Ultrasound => "ultrasound",
        Means::Mammography => "mammography",
        Means::Radiograph => "a radiograph",
    }
}

fn months_words([from, to]: [f64; 2]) -> String {
    if from == to { format!("{from} months") } else { format!("{from} to {to} months") }
}

fn words(step: &Step) -> String {
    let means: Vec<&str> = step.with.iter().map(|means| means_words(*means)).collect();
    let what = if means.is_empty() { act_words(step.act).to_owned() } else { means.join(" or ") };
    match step.after_months {
        Some(months) => format!("{what} at {}", months_words(months)),
        None => what,
    }
}
