use std::ops::Range;

use serde::Serialize;

use super::document::Document;
use super::lexicon::Lexicon;
use super::token::Token;
use crate::context::{ContextError, ContextRules, Meaning};

/// A concept where a text mentions it, and what the text says of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkedMention {
    /// The words as they stand.
    pub words: String,
    /// Their bytes in the text.
    pub at: Range<usize>,
    /// What they may mean, in order: one, or several of the same name.
    pub concepts: Vec<String>,
    /// How it is meant: denied, in doubt, past, only conceivable, of somebody else.
    pub meaning: Meaning,
    /// On which side.
    pub side: Option<Side>,
    /// What was measured of it.
    pub measured: Vec<Measured>,
}

/// A side of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The patient's left.
    Left,
    /// The patient's right.
    Right,
    /// Both.
    Both,
}

/// A measurement in a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// One number, or two or three of one thing: 12 x 8.
    pub numbers: Vec<f64>,
    /// As it stands: mm, cm, HU, ml, %.
    pub unit: String,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

/// Finds the concepts of a dictionary in a text, and what the text says of each.
///
/// A side and a measurement go to the nearest mention between the same commas, a side to one behind it first; a measurement
/// that stands between commas alone goes to the nearest of its sentence. What has no such mention goes to none: in
/// "cardiomegaly, 12 mm lesion on the left" nothing is said of the heart.
///
/// # Errors
/// None that a caller can make: [`ContextError::Mention`] would be a place outside the text.
pub fn link(text: &str, lexicon: &Lexicon, rules: &ContextRules) -> Result<Vec<LinkedMention>, ContextError> {
    let read = rules.read(text);
    let document = Document::new(text);
    let mut mentions = Vec::new();
    for (tokens, found) in document.sentences().iter().zip(document.find(lexicon)) {
        let first = mentions.len();
        let mut places: Vec<Range<usize>> = Vec::new();
        for one in found {
            let at = tokens[one.tokens.start].at.start..tokens[one.tokens.end - 1].at.end;
            let meaning = read.meaning(at.clone())?;
            let words = text[at.clone()].to_owned();
            mentions.push(LinkedMention {
                words,
                at,
                concepts: one.concepts,
                meaning,
                side: None,
                measured: Vec::new(),
            });
            places.push(one.tokens);
        }
        for (range, measured) in measurements(tokens) {
            if let Some(nearest) = nearest(tokens, &places, &range, 0) {
                mentions[first + nearest].measured.push(measured);
            }
        }
        for (at, token) in tokens.iter().enumerate() {
            let side = match token.text.to_ascii_lowercase().as_str() {
                "left" => Side::Left,
                "right" => Side::Right,
                "bilateral" | "bilaterally" | "both" => Side::Both,
                _ => continue,
            };
            // A side that belongs to the name itself is no side of the mention.
            let within = places.iter().any(|place| place.contains(&at));
            // "right pleural effusion" before "effusion on the right".
            if let Some(nearest) = nearest(tokens, &places, &(at..at + 1), 2).filter(|_| !within) {
                let known = &mut mentions[first + nearest].side;
                *known = match *known {
                    Some(other) if other != side => Some(Side::Both),
                    _ => Some(side),
                };
            }
        }
    }
    Ok(mentions)
}

/// The mention with the fewest tokens between it and a place, among those between the same commas; one before the place
/// counts as so much farther.
fn nearest(
    tokens: &[Token],
    places: &[Range<usize>],
    to: &Range<usize>,
    farther_before: usize,
) -> Option<usize> {
    let parts = |token: &Token| matches!(token.text.as_str(), "," | ";" | ":");
    let start = tokens[..to.start].iter().rposition(parts).map_or(0, |comma| comma + 1);
    let end = tokens[to.end..].iter().position(parts).map_or(tokens.len(), |comma| to.end + comma);
    let alone = start == to.start && end == to.end && to.len() > 1;
    let distance = |place: &Range<usize>| {
        if place.start >= to.end {
            place.start - to.end
        } else {
            to.start.saturating_sub(place.end) + farther_before
        }
    };
    let near = |place: &Range<usize>| alone || (place.start < end && place.end > start);
    (0..places.len()).filter(|at| near(&places[*at])).min_by_key(|at| distance(&places[*at]))
}

const UNITS: [&str; 9] = ["mm", "cm", "hu", "ml", "cc", "%", "cm2", "cm3", "mm3"];

/// Numbers with units, by their tokens.
fn measurements(tokens: &[Token]) -> Vec<(Range<usize>, Measured)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let from = at;
        let mut numbers = Vec::new();
        let mut unit = None;
        while let Some((number, glued, behind)) = number(tokens, at) {
            numbers.push(number);
            at = behind;
            if glued.is_some() {
                unit = glued;
                break;
            }
            let Some(next) = tokens.get(at) else { break };
            let lower = next.text.to_lowercase();
            if UNITS.contains(&lower.as_str()) {
                unit = Some(next.text.clone());
                at += 1;
                // "12 mm x 8 mm"
            }
            let by =
                tokens.get(at).is_some_and(|next| matches!(next.text.as_str(), "x" | "X" | "\u{D7}" | "by"));
            if by && numbers.len() < 3 && self::number(tokens, at + 1).is_some() {
                at += 1;
                continue;
            }
            break;
        }
        match unit {
            Some(unit) => {
                let bytes = tokens[from].at.start..tokens[at - 1].at.end;
                found.push((from..at, Measured { numbers, unit, at: bytes }));
            }
            None => at = at.max(from + 1),
        }
    }
    found
}

/// A number at a token: `12`, `1.2`, or `12mm` with its unit; with the token behind it.
fn number(tokens: &[Token], at: usize) -> Option<(f64, Option<String>, usize)> {
    let whole = tokens.get(at)?;
    let (point, fraction) = (tokens.get(at + 1), tokens.get(at + 2));
    let adjoins = |one: &Token, other: &Token| one.at.end == other.at.start;
    let mut text = whole.text.clone();
    let mut behind = at + 1;
    if let (Some(point), Some(fraction)) = (point, fraction)
        && point.text == "."
        && adjoins(whole, point)
        && adjoins(point, fraction)
        && whole.text.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.text.starts_with(|c: char| c.is_ascii_digit())
    {
        text = format!("{}.{}", whole.text, fraction.text);
        behind = at + 3;
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit = &text[digits..];
    if unit.is_empty() {
        return Some((number, None, behind));
    }
    UNITS.contains(&unit.to_lowercase().as_str()).then(|| (number, Some(unit.to_owned()), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_carries_its_concept_how_it_is_meant_its_side_and_its_size() {
        let lexicon = Lexicon::new([
            ("pleural effusion", "HP:0002202"),
            ("pulmonary nodule", "RID:1"),
            ("pneumothorax", "HP:0002107"),
            ("pulmonary embolism", "DOID:9477"),
        ])
        .expect("a dictionary");
        let text = "Pulmonary embolism (PE) in the past. No pneumothorax. Right pleural effusions, and a 1.2 x 0.8 cm \
            pulmonary nodule on the left. Possible PE.";
        let found = link(text, &lexicon, ContextRules::built_in()).expect("linked");
        let shown: Vec<_> =
            found.iter().map(|one| (one.words.as_str(), one.concepts[0].as_str(), one.side)).collect();
        assert_eq!(
            shown,
            [
                ("Pulmonary embolism", "DOID:9477", None),
                ("PE", "DOID:9477", None),
                ("pneumothorax", "HP:0002107", None),
                ("pleural effusions", "HP:0002202", Some(Side::Right)),
                ("pulmonary nodule", "RID:1", Some(Side::Left)),
                ("PE", "DOID:9477", None),
            ]
        );
        assert!(found[2].meaning.negated.is_some() && found[5].meaning.uncertain.is_some());
        assert!(found[3].meaning.is_present() && found[3].measured.is_empty());
        let measured = &found[4].measured[0];
        assert_eq!((&measured.numbers[..], measured.unit.as_str()), (&[1.2, 0.8][..], "cm"));
        assert_eq!(&text[measured.at.clone()], "1.2 x 0.8 cm");
    }
    #[test]
    fn what_is_said_of_something_unknown_goes_to_nothing_else() {
        let lexicon = Lexicon::new([("heart", "A"), ("pulmonary nodule", "B")]).expect("a dictionary");
        let found = |text: &str| link(text, &lexicon, ContextRules::built_in()).expect("linked");
        let heart = &found("Enlarged heart, 12 mm lesion in the left lower lobe.")[0];
        assert!(heart.side.is_none() && heart.measured.is_empty(), "{heart:?}");
        let nodule = &found("Pulmonary nodule, 12 mm, on the left.")[0];
        assert_eq!((nodule.measured.len(), nodule.side), (1, None));
    }
}
