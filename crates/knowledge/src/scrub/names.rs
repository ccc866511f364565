use super::words::Word;
use super::{Identifying, Removed};

/// Titles before names.
const TITLES: [&str; 22] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "mister",
    "dr",
    "drs",
    "prof",
    "professor",
    "doctor",
    "nurse",
    "sir",
    "dame",
    "madam",
    "sister",
    "herr",
    "frau",
    "hr",
    "fr",
    "pd",
    "mx",
    "rev",
];
/// What stands behind the name of one who signs.
const DEGREES: [&str; 14] =
    ["md", "m.d", "do", "d.o", "rn", "np", "phd", "ph.d", "pa-c", "frcr", "frcp", "mbbs", "pharmd", "mrcp"];
/// Words that announce a name, with a colon or without.
const ANNOUNCES: [&str; 29] = [
    "name",
    "patient",
    "signed",
    "dictated",
    "transcribed",
    "attending",
    "physician",
    "radiologist",
    "surgeon",
    "referrer",
    "wife",
    "husband",
    "daughter",
    "son",
    "brother",
    "sister",
    "mother",
    "father",
    "partner",
    "spouse",
    "named",
    "called",
    "contact",
    "kin",
    "patientin",
    "pt",
    "resident",
    "sonographer",
    "technologist",
];
/// Of these, those that want a colon, or the name as the very next word of a sentence's middle: "physician: Smith".
const BY: [&str; 14] = [
    "signed",
    "dictated",
    "transcribed",
    "referred",
    "seen",
    "reviewed",
    "read",
    "interpreted",
    "reported",
    "performed",
    "examined",
    "operated",
    "ordered",
    "verified",
];
/// What is said of persons right behind their names.
const SAID_OF_PERSONS: [&str; 16] = [
    "was admitted",
    "was seen",
    "was born",
    "was referred",
    "was discharged",
    "is a",
    "has been",
    "presented with",
    "presents with",
    "complains of",
    "reports that",
    "called today",
    "came to",
    "wurde am",
    "arrived from",
    "died on",
];
/// Capitalized words that begin a sentence or name a place of work, and no person.
const NO_NAMES: [&str; 60] = [
    "the",
    "this",
    "that",
    "there",
    "she",
    "he",
    "they",
    "it",
    "we",
    "patient",
    "no",
    "not",
    "is",
    "was",
    "has",
    "had",
    "reports",
    "denies",
    "with",
    "without",
    "and",
    "or",
    "for",
    "from",
    "of",
    "radiology",
    "cardiology",
    "oncology",
    "surgery",
    "emergency",
    "department",
    "hospital",
    "clinic",
    "general",
    "internal",
    "medicine",
    "chest",
    "abdomen",
    "right",
    "left",
    "please",
    "normal",
    "history",
    "findings",
    "impression",
    "unknown",
    "none",
    "male",
    "female",
    "admitted",
    "presented",
    "presents",
    "complains",
    "also",
    "today",
    "positioning",
    "information",
    "consent",
    "care",
    "safety",
];
/// Small words inside names.
const PARTICLES: [&str; 12] = ["van", "von", "de", "der", "den", "da", "la", "le", "del", "di", "bin", "al"];

pub(super) fn find(words: &[Word<'_>]) -> Vec<Removed> {
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if word.text.contains('^') && word.text.chars().any(char::is_alphabetic) {
            found.push(Removed { kind: Identifying::Name, at: word.at.clone() });
        }
        let bare = word.lower.trim_end_matches('.');
        let next = words.get(index + 1).map_or("", |next| next.lower.as_str());
        let from = if TITLES.contains(&bare) && (!word.ends || word.text.len() < 5) && word.is_capitalized() {
            Some(index + 1)
        } else if BY.contains(&bare) && next == "by" {
            Some(index + 2)
        } else if ANNOUNCES.contains(&bare) {
            // "Patient: Doe, Jane", "name is Jane", "his wife Anna"
            let skipped = usize::from(next == "is" || next == "name" || next == "was");
            let colon = words[index + skipped.min(words.len() - 1 - index)].colon;
            let family = !matches!(bare, "patient" | "pt" | "signed" | "dictated" | "transcribed");
            ((colon || family || skipped > 0) && (!word.ends || word.colon)).then_some(index + 1 + skipped)
        } else {
            None
        };
        if let Some(from) = from {
            found.extend(name_from(words, from));
        }
        let behind = words.get(index + 1).map(|after| format!("{} {}", word.lower, after.lower));
        if behind.is_some_and(|said| SAID_OF_PERSONS.contains(&said.as_str())) {
            // One word may be anything ("Pneumonia is a"), two are a name: "Jane Roe was admitted".
            found
                .extend(name_before(words, index).filter(|name| name.at.len() > words[index - 1].text.len()));
        }
        if DEGREES.contains(&bare) && word.text.chars().next().is_some_and(char::is_uppercase) {
            found.extend(name_before(words, index));
        }
    }
    found
}

/// Up to four words of a name, titles passed over.
fn name_from(words: &[Word<'_>], from: usize) -> Option<Removed> {
    let mut start = from;
    while words.get(start).is_some_and(|word| {
        TITLES.contains(&word.lower.trim_end_matches('.')) || DEGREES.contains(&word.lower.as_str())
    }) {
        start += 1;
    }
    let mut end = None;
    for (count, word) in words.iter().skip(start).take(5).enumerate() {
        let particle = PARTICLES.contains(&word.lower.as_str()) && (count > 0 || !word.is_capitalized());
        let named = word.looks_like_a_name() && !NO_NAMES.contains(&word.lower.as_str());
        let shouted = count < 2 && is_shouted(word) && !NO_NAMES.contains(&word.lower.as_str());
        if !(named || shouted || particle) || DEGREES.contains(&word.lower.as_str()) {
            break;
        }
        if !particle {
            end = Some(start + count);
        }
        // "Doe, Jane" goes on behind its comma, once.
        if word.ends
            && !(count == 0
                && words
                    .get(start + 1)
                    .is_some_and(|next| next.looks_like_a_name() && (next.ends || start + 2 == words.len())))
        {
            break;
        }
    }
    let end = end?;
    Some(Removed { kind: Identifying::Name, at: words[start].at.start..words[end].at.end })
}

/// "SMITH" in a heading: capitals of at least four letters.
fn is_shouted(word: &Word<'_>) -> bool {
    word.text.chars().count() >= 4 && word.text.chars().all(char::is_uppercase)
}

/// The name before a degree: "J. Smith, MD".
fn name_before(words: &[Word<'_>], degree: usize) -> Option<Removed> {
    let mut start = degree;
    while start > 0 && degree - start < 4 {
        let word = &words[start - 1];
        let breaks = word.ends && start != degree;
        if breaks || !word.looks_like_a_name() || NO_NAMES.contains(&word.lower.as_str()) {
            break;
        }
        start -= 1;
    }
    (start < degree)
        .then(|| Removed { kind: Identifying::Name, at: words[start].at.start..words[degree - 1].at.end })
}
