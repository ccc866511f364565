use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::table::{LikelihoodRatio, Sign, SignTable};
use crate::{ContextRules, Meaning, ReadText};

/// Bytes between the name of a measure and its number, at most: "temperature of up to 39".
const NEAR: usize = 14;

/// How a mention of a sign is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignStatus {
    /// The patient has it now.
    Present,
    /// It is denied.
    Absent,
    /// In doubt.
    Uncertain,
    /// Past.
    Historical,
    /// Only conceivable, or asked for.
    Hypothetical,
    /// Of somebody else.
    OfOther,
}

impl SignStatus {
    /// The word that reports use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Present => "stated",
            Self::Absent => "denied",
            Self::Uncertain => "in doubt",
            Self::Historical => "past",
            Self::Hypothetical => "only conceivable",
            Self::OfOther => "of somebody else",
        }
    }
}

/// A place in a text that says something of a sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignMention {
    /// Its bytes in the text: the phrase, or the measure's name with its number.
    pub at: Range<usize>,
    /// The words there, in lower case.
    pub phrase: String,
    /// How it is meant.
    pub status: SignStatus,
    /// The words that deny it, put it in doubt, or the like.
    pub cue: Option<String>,
}

/// What a text says of one sign, and what that is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignEvidence {
    /// Key of the sign.
    pub sign: String,
    /// What it is.
    pub words: String,
    /// Every place, in order.
    pub mentions: Vec<SignMention>,
    /// What counts: stated or denied. None where the text only doubts, recalls or asks, or says both.
    pub status: Option<SignStatus>,
    /// The factor that is used; none where nothing counts, or the table has no factor for what is denied.
    pub ratio: Option<LikelihoodRatio>,
}

impl SignEvidence {
    /// What it adds to the log odds of the finding; 0 where nothing counts.
    ///
    /// # Units
    /// Natural logarithm of the odds.
    pub fn log_odds(&self) -> f64 {
        self.ratio.map_or(0.0, |ratio| ratio.ratio.ln())
    }
}

impl SignTable {
    /// What a text says of the table's signs, in the table's order; signs that it does not mention are not there.
    ///
    /// A sign counts once, however often it is mentioned. What is denied counts where the table has a factor for that. What is in
    /// doubt, past, only asked for, or of somebody else counts nothing, and neither does a sign that one place states and another
    /// denies: the text has then to be read by a person.
    ///
    /// # Source
    /// How a mention is meant: as [`ReadText::meaning`]
    pub fn find(&self, text: &str) -> Vec<SignEvidence> {
        let read = ContextRules::built_in().read(text);
        let of = |sign: &Sign| {
            let mut mentions = spoken(sign, text, &read);
            mentions.extend(measured(sign, text));
            mentions.sort_by_key(|mention| (mention.at.start, mention.at.end));
            // A phrase within a longer one of the same sign is the same mention.
            let mut kept: Vec<SignMention> = Vec::new();
            for mention in mentions {
                match kept.last_mut() {
                    Some(last) if mention.at.start < last.at.end => {
                        if mention.at.len() > last.at.len() {
                            *last = mention;
                        }
                    }
                    _ => kept.push(mention),
                }
            }
            (!kept.is_empty()).then(|| judged(sign, kept))
        };
        self.signs.iter().filter_map(of).collect()
    }
}

fn judged(sign: &Sign, mentions: Vec<SignMention>) -> SignEvidence {
    let has = |status: SignStatus| mentions.iter().any(|mention| mention.status == status);
    let status = match (has(SignStatus::Present), has(SignStatus::Absent)) {
        (true, false) => Some(SignStatus::Present),
        (false, true) => Some(SignStatus::Absent),
        _ => None,
    };
    let ratio = match status {
        Some(SignStatus::Present) => Some(sign.present),
        Some(_) => sign.absent,
        None => None,
    };
    SignEvidence { sign: sign.key.clone(), words: sign.words.clone(), mentions, status, ratio }
}

fn spoken(sign: &Sign, text: &str, read: &ReadText<'_>) -> Vec<SignMention> {
    let mut mentions = Vec::new();
    for (phrases, stated, denied) in [
        (&sign.phrases, SignStatus::Present, SignStatus::Absent),
        (&sign.opposites, SignStatus::Absent, SignStatus::Present),
    ] {
        for at in phrases.iter().flat_map(|phrase| read.find(phrase)) {
            let Ok(meaning) = read.meaning(at.clone()) else { continue };
            let (status, cue) = meant(&meaning, stated, denied);
            mentions.push(SignMention { phrase: text[at.clone()].to_lowercase(), at, status, cue });
        }
    }
    mentions
}

/// The status of a mention; what takes it furthest from the patient's present decides.
fn meant(meaning: &Meaning, stated: SignStatus, denied: SignStatus) -> (SignStatus, Option<String>) {
    let cues = [
        (&meaning.of_other, SignStatus::OfOther),
        (&meaning.hypothetical, SignStatus::Hypothetical),
        (&meaning.historical, SignStatus::Historical),
        (&meaning.uncertain, SignStatus::Uncertain),
        (&meaning.negated, denied),
    ];
    let found =
        cues.into_iter().find_map(|(cue, status)| cue.as_ref().map(|cue| (status, cue.phrase.clone())));
    found.map_or((stated, None), |(status, cue)| (status, Some(cue)))
}

/// Numbers behind the names of a sign's measures. A number is a measurement, whatever words are about it.
fn measured(sign: &Sign, text: &str) -> Vec<SignMention> {
    // Bytes stay in place: letters outside ASCII keep their case.
    let lower = text.to_ascii_lowercase();
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = lower.as_bytes();
    let mut mentions = Vec::new();
    for measure in &sign.measures {
        for name in &measure.names {
            for (start, _) in lower.match_indices(name.as_str()) {
                let end = start + name.len();
                if start > 0 && is_word(bytes.get(start - 1)) || is_word(bytes.get(end)) {
                    continue;
                }
                let Some((number, last)) = number_after(&lower, end) else { continue };
                let Some(is) = measure.says(number) else { continue };
                let status = if is { SignStatus::Present } else { SignStatus::Absent };
                mentions.push(SignMention {
                    at: start..last,
                    phrase: lower[start..last].to_owned(),
                    status,
                    cue: None,
                });
            }
        }
    }
    mentions
}

/// The first number close behind a place, and where it ends; the end of a sentence comes between.
fn number_after(text: &str, from: usize) -> Option<(f64, usize)> {
    let rest = text.get(from..)?;
    let start = rest.find(|character: char| character.is_ascii_digit())?;
    let between = &rest[..start];
    if start > NEAR || between.contains([';', '\n']) || between.contains(". ") {
        return None;
    }
    // A letter right before the digit makes it a name: "p02", "t4".
    if between.chars().next_back().is_some_and(char::is_alphabetic) {
        return None;
    }
    let digits = rest[start..].find(|character: char| !character.is_ascii_digit() && character != '.');
    let number = &rest[start..digits.map_or(rest.len(), |digits| start + digits)];
    let number = number.trim_end_matches('.');
    Some((number.parse().ok()?, from + start + number.len()))
}
