mod boundary;
mod rules;
#[cfg(test)]
mod tests;

pub use rules::{ContextError, ContextRules};

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::folded::Folded;
use rules::{Effect, Reach};

/// What a cue says of a mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// It is not there.
    Negated,
    /// It may be there.
    Uncertain,
    /// It was there.
    Historical,
    /// It might come, or is only asked for.
    Hypothetical,
    /// It is of somebody else than the patient.
    OfOther,
}

/// The words that decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cue {
    /// The phrase as the rules have it: lowercase, one space between words.
    pub phrase: String,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

/// How a mention is meant; all empty is: the patient has it now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meaning {
    /// Denied.
    pub negated: Option<Cue>,
    /// In doubt.
    pub uncertain: Option<Cue>,
    /// Past.
    pub historical: Option<Cue>,
    /// Only conceivable.
    pub hypothetical: Option<Cue>,
    /// Of a relative or another person.
    pub of_other: Option<Cue>,
}

impl Meaning {
    /// Whether the text says, without doubt, that the patient has it now.
    pub const fn is_present(&self) -> bool {
        self.negated.is_none()
            && self.uncertain.is_none()
            && self.historical.is_none()
            && self.hypothetical.is_none()
            && self.of_other.is_none()
    }

    const fn slot(&mut self, property: Property) -> &mut Option<Cue> {
        match property {
            Property::Negated => &mut self.negated,
            Property::Uncertain => &mut self.uncertain,
            Property::Historical => &mut self.historical,
            Property::Hypothetical => &mut self.hypothetical,
            Property::OfOther => &mut self.of_other,
        }
    }
}

/// A text whose cues are found.
#[derive(Clone, Debug)]
pub struct ReadText<'a> {
    rules: &'a ContextRules,
    length: usize,
    folded: Folded,
    /// In their order, none inside another.
    cues: Vec<Found>,
    /// What no reach crosses, in order: ends of sentences, headings, brackets.
    boundaries: Vec<usize>,
}

/// A phrase where it was found, in the folded text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    start: usize,
    end: usize,
    phrase: usize,
}

impl ContextRules {
    /// Finds the cues of a text.
    pub fn read<'a>(&'a self, text: &str) -> ReadText<'a> {
        let folded = Folded::new(text);
        let cues = self.cues(&folded.text);
        let boundaries = boundary::boundaries(&folded);
        ReadText { rules: self, length: text.len(), folded, cues, boundaries }
    }
}

impl ReadText<'_> {
    /// Where a phrase stands in the text, whatever its case and the white space between its words; whole words only.
    ///
    /// # Units
    /// Bytes of the text that was read.
    pub fn find(&self, phrase: &str) -> Vec<Range<usize>> {
        let phrase = Folded::new(phrase).text;
        let text = self.folded.text.as_str();
        if phrase.is_empty() {
            return Vec::new();
        }
        let is_word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let (first, last) = (is_word(phrase.chars().next()), is_word(phrase.chars().next_back()));
        text.match_indices(&phrase)
            .map(|(start, found)| start..start + found.len())
            .filter(|place| {
                let before = first && is_word(text[..place.start].chars().next_back());
                let after = last && is_word(text[place.end..].chars().next());
                !before && !after
            })
            .map(|place| self.folded.source(place))
            .collect()
    }

    /// How a mention is meant: the nearest cue of each property that reaches it.
    ///
    /// A cue reaches to the end of its sentence, or as far as another phrase says that something new begins; a heading with a
    /// colon, a semicolon and square or curly brackets end a reach too. A mention that begins inside a cue behind its first
    /// word ("no acute | distress") is reached by it.
    ///
    /// # Units
    /// Bytes of the text that was read.
    ///
    /// # Errors
    /// [`ContextError::Mention`] for a range that is empty or not of the text.
    ///
    /// # Source
    /// Chapman et al. 2001, doi:10.1006/jbin.2001.1029 (NegEx); Harkema et al. 2009, doi:10.1016/j.jbi.2009.05.002 (ConText)
    pub fn meaning(&self, mention: Range<usize>) -> Result<Meaning, ContextError> {
        let place = self.folded.range(&mention);
        if mention.start >= mention.end
            || mention.end > self.length
            || self.folded.text[place.clone()].trim().is_empty()
        {
            return Err(ContextError::Mention {
                start: mention.start,
                end: mention.end,
                length: self.length,
            });
        }
        let (begin, end) = (place.start, place.end);
        let mut meaning = Meaning::default();
        let mut nearest = [usize::MAX; 5];
        for cue in &self.cues {
            for effect in &self.rules.effects[cue.phrase] {
                let Effect::Says { property, reach } = *effect else { continue };
                let distance = match reach {
                    Reach::Forward if begin > cue.start && begin < cue.end => Some(0),
                    Reach::Forward => {
                        (begin >= cue.end && !self.is_answer(cue) && begin < self.ahead(cue.end, property))
                            .then(|| begin - cue.end)
                    }
                    Reach::Backward => (end <= cue.start && begin >= self.behind(cue.start, property))
                        .then(|| cue.start - end),
                    Reach::Answer => self.answers(end, cue).then_some(0),
                };
                if let Some(distance) = distance.filter(|distance| *distance < nearest[property as usize]) {
                    nearest[property as usize] = distance;
                    *meaning.slot(property) = Some(Cue {
                        phrase: self.rules.phrases[cue.phrase].clone(),
                        at: self.folded.source(cue.start..cue.end),
                    });
                }
            }
        }
        Ok(meaning)
    }

    /// How far a cue that ends at `from` reaches forward.
    fn ahead(&self, from: usize, property: Property) -> usize {
        // "denies: fever"
        let from = from + usize::from(self.folded.text[from..].starts_with(':'));
        let boundary = self.boundaries.partition_point(|at| *at < from);
        let limit = self.boundaries.get(boundary).copied().unwrap_or(self.folded.text.len());
        let begins_anew = |cue: &&Found| cue.start >= from && self.rules.ends(cue.phrase, property);
        self.cues.iter().find(begins_anew).map_or(limit, |cue| cue.start.min(limit))
    }

    /// How far a cue that begins at `to` reaches backward.
    fn behind(&self, to: usize, property: Property) -> usize {
        let boundary = self.boundaries.partition_point(|at| *at < to);
        let limit = boundary.checked_sub(1).map_or(0, |before| self.boundaries[before]);
        let begins_anew = |cue: &&Found| cue.end <= to && self.rules.ends(cue.phrase, property);
        self.cues.iter().rev().find(begins_anew).map_or(limit, |cue| cue.end.max(limit))
    }

    /// Whether the cue stands as a whole answer behind a mention: "fever: none", "allergies - no".
    fn answers(&self, mention_end: usize, cue: &Found) -> bool {
        let between = self.folded.text.get(mention_end..cue.start);
        between.is_some_and(|between| matches!(between.trim(), ":" | "-" | "=" | "?")) && self.is_answer(cue)
    }

    /// Whether a cue stands alone behind a colon or dash.
    fn is_answer(&self, cue: &Found) -> bool {
        let (before, after) = (self.folded.text[..cue.start].trim_end(), &self.folded.text[cue.end..]);
        let stops = after.is_empty() || after.starts_with(['.', ',', ';', ')', ']', '"']);
        before.ends_with([':', '-', '=', '?']) && (stops || self.folded.breaks.contains(&(cue.end + 1)))
    }
}
