//! What identifies a patient, taken out of free text by rules: known values, and what looks like one.

mod dates;
mod names;
mod numbers;
mod places;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use words::{Word, words};

/// What a removed passage was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifying {
    /// A name of a person.
    Name,
    /// A day, or a month with its day.
    Date,
    /// A telephone or fax number.
    Phone,
    /// A number that stands for a person: record, insurance, social security.
    Number,
    /// An address on the net.
    Link,
    /// Street, house, postal code, place of living.
    Address,
    /// An age above 89 years.
    Age,
}

impl Identifying {
    /// What stands in its place.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Name => "[name]",
            Self::Date => "[date]",
            Self::Phone => "[phone]",
            Self::Number => "[number]",
            Self::Link => "[link]",
            Self::Address => "[address]",
            Self::Age => "[above 89]",
        }
    }
}

/// Values that are known to identify this patient, from headers for instance. It prints as `<known>`.
#[derive(Clone, Default)]
pub struct KnownValues {
    names: Vec<String>,
    others: Vec<String>,
}

impl KnownValues {
    /// Adds a name, in any order of its parts; `^`, `=`, commas and spaces divide them.
    ///
    /// Each part of at least two letters is taken out wherever it stands as a word, in any case: a patient called
    /// White loses her white cells too.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        let parts = name.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '\u{2019}'));
        self.names.extend(parts.filter(|part| part.chars().count() >= 2).map(str::to_lowercase));
        self
    }

    /// Adds a number, address or any other value of at least three characters: it is taken out as it is, in any case.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        let value = value.trim().to_lowercase();
        if value.chars().count() >= 3 {
            self.others.push(value);
        }
        self
    }
}

impl fmt::Debug for KnownValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<known>")
    }
}

/// A passage that was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// What it was.
    pub kind: Identifying,
    /// Its bytes in the text as it was given.
    pub at: Range<usize>,
}

/// A text without what identifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubbedText {
    /// With placeholders.
    pub text: String,
    /// What is missing, in order.
    pub removed: Vec<Removed>,
}

/// Takes out what identifies a patient: the known values, days, telephone and other numbers of persons, addresses, links,
/// ages above 89, and names that a title or a word before or behind them announces.
///
/// Years, ages to 89, doses and measurements stay. A name that nothing announces and that is not known stays too: this is
/// a wall before a model, not a de-identification for publication. Its measured recall is in `docs/llm.md`.
///
/// ```
/// use wilhelm_knowledge::{KnownValues, scrub};
///
/// let known = KnownValues::default().with_name("Doe^Jane");
/// let note = "Jane Doe, seen by Dr. Miller on 3 March 2021 (MRN 4471-22), has a nodule of 8 mm.";
/// let clean = "[name], seen by Dr. [name] on [date] (MRN [number]), has a nodule of 8 mm.";
/// assert_eq!(scrub(note, &known).text, clean);
/// ```
///
/// # Source
/// The kinds are those of the Safe Harbor method, 45 CFR 164.514(b)(2)
pub fn scrub(text: &str, known: &KnownValues) -> ScrubbedText {
    let words = words(text);
    let mut found: Vec<Removed> = Vec::new();
    found.extend(known_values(text, &words, known));
    found.extend(dates::find(&words));
    found.extend(numbers::find(text, &words));
    found.extend(places::find(&words));
    found.extend(names::find(&words));
    let removed = merged(text, found);
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for passage in &removed {
        clean.push_str(&text[from..passage.at.start]);
        clean.push_str(passage.kind.placeholder());
        from = passage.at.end;
    }
    clean.push_str(&text[from..]);
    ScrubbedText { text: clean, removed }
}

/// The known values: parts of names as whole words, others wherever they stand.
fn known_values(text: &str, words: &[Word<'_>], known: &KnownValues) -> Vec<Removed> {
    let mut found = Vec::new();
    for word in words {
        let mut from = word.at.start;
        // "Doe^Jane", "Doe-Miller", "Doe's": every part of a word is looked at.
        for part in word.text.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let bare = part.trim_end_matches(|c: char| !c.is_alphanumeric());
            if known.names.contains(&bare.to_lowercase()) {
                found.push(Removed { kind: Identifying::Name, at: from..from + bare.len() });
            }
            from += part.len();
        }
        let apostrophes = word.lower.trim_end_matches("'s").trim_end_matches("\u{2019}s");
        if known.names.iter().any(|name| name == apostrophes) {
            found.push(Removed {
                kind: Identifying::Name,
                at: word.at.start..word.at.start + apostrophes.len().min(word.text.len()),
            });
        }
    }
    for value in &known.others {
        found.extend(places_of(text, value).map(|at| Removed { kind: Identifying::Number, at }));
    }
    found.retain(|passage| text.is_char_boundary(passage.at.end));
    found
}

/// Where a lowercase value stands in a text, whatever its case there.
fn places_of<'a>(text: &'a str, value: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    text.char_indices().filter_map(move |(start, _)| {
        let mut wanted = value.chars();
        let mut next = wanted.next();
        for (at, character) in text[start..].char_indices() {
            for lower in character.to_lowercase() {
                if next != Some(lower) {
                    return None;
                }
                next = wanted.next();
            }
            if next.is_none() {
                return Some(start..start + at + character.len_utf8());
            }
        }
        None
    })
}

/// Passages in order; those that touch or overlap, or are names with a space between, become one.
fn merged(text: &str, mut found: Vec<Removed>) -> Vec<Removed> {
    found.sort_by_key(|passage| (passage.at.start, std::cmp::Reverse(passage.at.end)));
    let mut all: Vec<Removed> = Vec::new();
    for passage in found {
        let Some(last) = all.last_mut() else {
            all.push(passage);
            continue;
        };
        let between = text.get(last.at.end..passage.at.start).unwrap_or_default();
        let joins = passage.kind == last.kind
            && matches!(passage.kind, Identifying::Name | Identifying::Address)
            && matches!(between, " " | ", " | "^" | "-" | ". ");
        if passage.at.start < last.at.end || joins {
            last.at.end = last.at.end.max(passage.at.end);
        } else {
            all.push(passage);
        }
    }
    all
}
