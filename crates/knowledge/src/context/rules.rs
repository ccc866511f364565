use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde::Deserialize;
use thiserror::Error;

use super::{Found, Property};

static BUILT_IN: LazyLock<ContextRules> = LazyLock::new(|| {
    ContextRules::parse(include_str!("../../data/context.toml"))
        .expect("the rules that come with the crate are tested")
});

/// Most phrases that rules may have.
const MOST_PHRASES: usize = 20_000;

/// Why rules or a mention were refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The file is no such table.
    #[error("rules of context: {0}")]
    Table(String),
    /// A phrase that can not be found.
    #[error("rules of context: phrase {phrase:?} of group {group} is {what}")]
    Phrase {
        /// The phrase.
        phrase: String,
        /// Its group's number, from 1.
        group: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A group says of its phrases what does not go together.
    #[error("rules of context: group {group} {what}")]
    Group {
        /// Its number, from 1.
        group: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// More phrases than are read.
    #[error("rules of context: {found} phrases, expected at most {MOST_PHRASES}")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A mention that is not in the text.
    #[error("mention at bytes {start} to {end} of a text of {length} bytes, expected a word within it")]
    Mention {
        /// Its first byte.
        start: usize,
        /// The byte behind it.
        end: usize,
        /// Bytes of the text.
        length: usize,
    },
}

/// How far a cue reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reach {
    /// What stands behind it.
    Forward,
    /// What stands before it.
    Backward,
    /// What stands before it and a colon or dash, if nothing follows.
    Answer,
}

/// What finding a phrase does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// It says something of what it reaches.
    Says { property: Property, reach: Reach },
    /// It ends the reach of cues of this property.
    Ends { property: Property },
}

/// Phrases and what they say of the mentions around them.
#[derive(Clone, Debug)]
pub struct ContextRules {
    pub(super) phrases: Vec<String>,
    /// Of each phrase; none of one that only keeps shorter phrases inside it from counting.
    pub(super) effects: Vec<Vec<Effect>>,
    automaton: AhoCorasick,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    /// What its phrases say.
    says: Option<Property>,
    /// How far.
    reach: Option<Reach>,
    /// The properties whose reach they end.
    #[serde(default)]
    ends: Vec<Property>,
    phrases: Vec<String>,
}

impl ContextRules {
    /// The English rules that come with the program.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Rules of a TOML table: groups of phrases that say a property (`says`, `reach`), end the reach of others (`ends`), or,
    /// with neither, are no cue although a shorter phrase within them is.
    ///
    /// # Errors
    /// [`ContextError`] naming the group and the phrase.
    pub fn parse(table: &str) -> Result<Self, ContextError> {
        let table: Table = toml::from_str(table).map_err(|error| ContextError::Table(error.to_string()))?;
        let mut known: BTreeMap<String, Vec<Effect>> = BTreeMap::new();
        for (number, group) in table.group.into_iter().enumerate() {
            let number = number + 1;
            let effects: Vec<Effect> = match (group.says, group.reach) {
                (Some(property), Some(reach)) => vec![Effect::Says { property, reach }],
                (None, None) => Vec::new(),
                (Some(_), None) => {
                    return Err(ContextError::Group {
                        group: number,
                        what: "says something and has no reach",
                    });
                }
                (None, Some(_)) => {
                    return Err(ContextError::Group { group: number, what: "has a reach and says nothing" });
                }
            };
            let ends = group.ends.iter().map(|property| Effect::Ends { property: *property });
            let effects: Vec<Effect> = effects.into_iter().chain(ends).collect();
            for phrase in group.phrases {
                if let Some(what) = fault(&phrase) {
                    return Err(ContextError::Phrase { phrase, group: number, what });
                }
                let known = known.entry(phrase).or_default();
                known.extend(&effects);
                known.sort_unstable();
                known.dedup();
            }
        }
        if known.len() > MOST_PHRASES {
            return Err(ContextError::TooMany { found: known.len() });
        }
        let (phrases, effects): (Vec<String>, Vec<Vec<Effect>>) = known.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .build(&phrases)
            .map_err(|error| ContextError::Table(error.to_string()))?;
        Ok(Self { phrases, effects, automaton })
    }

    /// Whether a phrase ends the reach of cues of a property.
    pub(super) fn ends(&self, phrase: usize, property: Property) -> bool {
        self.effects[phrase].contains(&Effect::Ends { property })
    }

    /// The phrases in a folded text, the longest where several begin; of two that overlap the first, but for one that is no cue.
    pub(super) fn cues(&self, text: &str) -> Vec<Found> {
        let bytes = text.as_bytes();
        let is_word =
            |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
        let mut found: Vec<Found> = self
            .automaton
            .find_overlapping_iter(text)
            .map(|found| Found { start: found.start(), end: found.end(), phrase: found.pattern().as_usize() })
            .filter(|found| {
                let begins_word = is_word(found.start);
                let inside = begins_word && found.start > 0 && {
                    // "anti-no" and "non-st" are words of their own.
                    is_word(found.start - 1) || bytes[found.start - 1] == b'-'
                };
                !inside && !is_word(found.end)
            })
            .collect();
        found.sort_unstable_by_key(|found| (found.start, std::cmp::Reverse(found.end)));
        let mut kept: Vec<Found> = Vec::with_capacity(found.len());
        for cue in found {
            match kept.last() {
                Some(last) if cue.start < last.end => {
                    if cue.end > last.end && self.effects[cue.phrase].is_empty() {
                        kept.pop();
                        kept.push(cue);
                    }
                }
                _ => kept.push(cue),
            }
        }
        kept
    }
}

/// What keeps a phrase from being found in a folded text, if anything.
fn fault(phrase: &str) -> Option<&'static str> {
    if phrase.is_empty() {
        return Some("empty");
    }
    if phrase.chars().any(char::is_uppercase) {
        return Some("not in lowercase");
    }
    (crate::folded::Folded::new(phrase).text != phrase).then_some("not with one space between words")
}
