use std::collections::BTreeSet;

use crate::passages::Passage;
use crate::recognize::sentences;

use super::polarity::{clauses, polarity};
use super::terms::{content_terms, numbers};

/// Why a sentence is not borne by what it cites.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It cites nothing.
    #[error("it cites no passage")]
    NoCitation,
    /// It says nothing that could be checked.
    #[error("it has no content to check")]
    NoContent,
    /// Its words do not stand in one place of the passage.
    #[error("the passage does not say it: {} missing", .missing.join(", "))]
    Words {
        /// Words of the sentence that the passage's nearest place lacks.
        missing: Vec<String>,
    },
    /// A number is not there.
    #[error("the number {0} does not stand where the passage says it")]
    Number(String),
    /// One denies, the other does not.
    #[error("{} what the passage {}", if *.sentence_denies { "it denies" } else { "it states" }, if *.sentence_denies { "states" } else { "denies" })]
    Denial {
        /// Whether the sentence is the one that denies.
        sentence_denies: bool,
    },
    /// It is sure of what the passage leaves in doubt.
    #[error("it is sure of what the passage leaves in doubt")]
    Doubt,
    /// It says the opposite.
    #[error("it says \"{0}\" where the passage says the opposite")]
    Opposite(&'static str),
    /// What is compared stands the other way round.
    #[error("it compares in another order than the passage")]
    Order,
}

/// The words of a passage that bear a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Borne {
    /// Which of the passages that were cited.
    pub passage: usize,
    /// Its words, as they stand there.
    pub quote: String,
}

/// Share of a sentence's content that must stand in one place of a passage.
const SHARE: f64 = 0.75;

/// Whether a sentence is borne by one of the passages that it cites: at one place there (a sentence, or two that follow each
/// other) at least three quarters of its content words stand, and all of its numbers; neither denies what the other
/// states, it is not sure of what the passage leaves in doubt, it has no word against an opposite, and what it compares
/// stands in the passage's order.
///
/// It errs to refusing: a good sentence in other words is refused. It reads no meaning: a sentence that takes a passage's
/// words for another claim can pass. It was not measured on a collection of labeled sentences.
///
/// # Errors
/// [`Refusal`]: the reason at the place that comes nearest.
pub fn check_sentence(sentence: &str, cited: &[&Passage]) -> Result<Borne, Refusal> {
    if cited.is_empty() {
        return Err(Refusal::NoCitation);
    }
    let terms = content_terms(sentence);
    let figures = numbers(sentence);
    if terms.len() + figures.len() < 2 {
        return Err(Refusal::NoContent);
    }
    let mut nearest: Option<(usize, Refusal)> = None;
    // Two sentences together only where none has the words alone.
    for places in [sentences_of, pairs_of] {
        for (at, passage) in cited.iter().enumerate() {
            for place in places(&passage.text) {
                match check_place(sentence, &terms, &figures, &place) {
                    Ok(()) => return Ok(Borne { passage: at, quote: place }),
                    Err((passed, refusal)) => {
                        if nearest.as_ref().is_none_or(|(best, _)| passed > *best) {
                            nearest = Some((passed, refusal));
                        }
                    }
                }
            }
        }
        if nearest.as_ref().is_some_and(|(_, refusal)| !matches!(refusal, Refusal::Words { .. })) {
            break;
        }
    }
    Err(nearest.map_or(Refusal::NoContent, |(_, refusal)| refusal))
}

fn sentences_of(text: &str) -> Vec<String> {
    sentences(text).into_iter().map(|place| text[place].to_owned()).collect()
}

fn pairs_of(text: &str) -> Vec<String> {
    sentences_of(text).windows(2).map(|two| two.join(" ")).collect()
}

/// How far a place got, so that the reason of the nearest one is told, and why no further.
fn check_place(
    sentence: &str,
    terms: &[String],
    figures: &[String],
    place: &str,
) -> Result<(), (usize, Refusal)> {
    let there: Vec<String> = content_terms(place);
    let set: BTreeSet<&String> = there.iter().collect();
    let missing: Vec<String> = terms.iter().filter(|term| !set.contains(term)).cloned().collect();
    let found = terms.len() - missing.len();
    if (found as f64) < SHARE * terms.len() as f64 {
        let mut missing: Vec<String> = missing.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        missing.truncate(6);
        return Err((found, Refusal::Words { missing }));
    }
    // What has the words is nearer than what lacks them, whatever else is wrong.
    let passed = |steps: usize| 1000 * steps + found;
    let numbers_there = numbers(place);
    if let Some(number) = figures.iter().find(|number| !numbers_there.contains(number)) {
        return Err((passed(1), Refusal::Number(number.clone())));
    }
    let of_sentence = polarity(sentence);
    if let Some(word) = of_sentence.opposite(&polarity(place)) {
        return Err((passed(2), Refusal::Opposite(word)));
    }
    for clause in clauses(sentence) {
        let own = content_terms(clause);
        let own: BTreeSet<&String> = own.iter().collect();
        let share = |part: &str| content_terms(part).iter().filter(|term| own.contains(term)).count();
        // The clause of the place that speaks of the same; the whole place where it takes several.
        let parts: Vec<&str> = sentences(place).into_iter().flat_map(|at| clauses(&place[at])).collect();
        let best = parts.iter().max_by_key(|part| share(part)).copied().unwrap_or(place);
        let against = if 4 * share(best) >= 3 * share(place) { best } else { place };
        let (said, there) = (polarity(clause), polarity(against));
        if said.denies != there.denies {
            return Err((passed(3), Refusal::Denial { sentence_denies: said.denies }));
        }
        if there.doubts && !said.doubts {
            return Err((passed(4), Refusal::Doubt));
        }
        if let Some(word) = said.opposite(&there).or_else(|| said.opposite(&polarity(best))) {
            return Err((passed(5), Refusal::Opposite(word)));
        }
    }
    if compares(sentence) && !in_order(terms, &there) {
        return Err((passed(6), Refusal::Order));
    }
    Ok(())
}

fn compares(sentence: &str) -> bool {
    let lower = format!(" {} ", sentence.to_lowercase());
    [
        " than ",
        " versus ",
        " vs ",
        " vs. ",
        " compared ",
        " cause ",
        " causes ",
        " caused ",
        " leads to ",
        " inhibits ",
    ]
    .iter()
    .any(|mark| lower.contains(mark))
}

/// Whether the words that both have stand in one order, but for a tenth of them.
fn in_order(terms: &[String], there: &[String]) -> bool {
    let shared: Vec<&String> = terms.iter().filter(|term| there.contains(term)).collect();
    let mut lengths = vec![0_usize; there.len() + 1];
    for term in &shared {
        let mut diagonal = 0;
        for at in 0..there.len() {
            let above = lengths[at + 1];
            lengths[at + 1] = if there[at] == **term { diagonal + 1 } else { above.max(lengths[at]) };
            diagonal = above;
        }
    }
    10 * lengths[there.len()] >= 9 * shared.len()
}
