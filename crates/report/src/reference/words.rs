//! The words of general knowledge in the report's own voice.

use super::{AlternativeKind, Known, QuoteKind, ToldBy, WeighedSign};
use crate::write::words::{capital, percent};

/// The sentence that says it: what the gate holds a report's words against.
pub(crate) fn words(says: &Known) -> String {
    match says {
        Known::Alternatives { of, kind, names, by } => {
            let others = listed(names, "and");
            let by = by.join("; ");
            match kind {
                AlternativeKind::Alike => {
                    format!("{} can look like {} ({by}).", capital(&others), article(of))
                }
                AlternativeKind::Cause => format!("Causes of {} include {others} ({by}).", article(of)),
            }
        }
        Known::Weighed { disease, signs, population, by, probability } => {
            let side = |is_for: bool| -> Vec<String> {
                let of = signs.iter().filter(|sign| (sign.likelihood_ratio >= 1.0) == is_for);
                of.map(weighed).collect()
            };
            let (favoring, against) = (side(true), side(false));
            let head = match (favoring.as_slice(), against.as_slice()) {
                ([], against) => {
                    let verb = if against.len() == 1 { "speaks" } else { "speak" };
                    format!("{} {verb} against {disease}", capital(&listed(against, "and")))
                }
                (favoring, against) => {
                    let verb = if favoring.len() == 1 { "favors" } else { "favor" };
                    let head = format!("{} {verb} {disease}", capital(&listed(favoring, "and")));
                    match against {
                        [] => head,
                        against => {
                            let verb = if against.len() == 1 { "speaks" } else { "speak" };
                            format!("{head}; {} {verb} against it", listed(against, "and"))
                        }
                    }
                }
            };
            let moved = probability.map_or_else(String::new, |[before, after]| {
                format!(
                    "; by these figures its probability goes from {} to {}",
                    percent(before),
                    percent(after)
                )
            });
            let of = population.as_ref().map_or_else(String::new, |of| format!(": {of}"));
            format!("{head}{moved} ({}{of}).", by.join("; "))
        }
        Known::Quoted { kind, of, quote, by } => match kind {
            QuoteKind::Definition => format!("{} is, by {by}: \u{201c}{quote}\u{201d}", capital(of)),
            QuoteKind::Guideline => format!("Guideline on {of} ({by}): {quote}"),
            QuoteKind::Caution => format!("{} ({by}): {quote}", capital(of)),
            QuoteKind::Passage => format!("On {of}, {by}: \u{201c}{quote}\u{201d}"),
        },
    }
}

fn weighed(sign: &WeighedSign) -> String {
    let no = if sign.present { "" } else { "absence of " };
    let by = match sign.told_by {
        ToldBy::Request(_) => "request",
        ToldBy::Finding(_) => "finding",
    };
    format!("{no}{} ({by}; likelihood ratio {})", sign.name, ratio(sign.likelihood_ratio))
}

/// A likelihood ratio to two digits.
pub(crate) fn ratio(value: f64) -> String {
    if value >= 10.0 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Names with commas between and a last word.
pub(crate) fn listed(names: &[String], last: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., end] => format!("{} {last} {end}", before.join(", ")),
    }
}

/// A name with the article that it takes: `a glioma`, `pneumonia`.
pub(crate) fn article(name: &str) -> String {
    crate::language::with_article(name)
}
