use super::words::Word;
use super::{Identifying, Removed};

/// What streets are called, as they are written: "Ct" is a court, "CT" a scan.
const STREETS: [&str; 40] = [
    "Street",
    "St",
    "Avenue",
    "Ave",
    "Road",
    "Rd",
    "Lane",
    "Ln",
    "Drive",
    "Boulevard",
    "Blvd",
    "Court",
    "Ct",
    "Way",
    "Place",
    "Pl",
    "Square",
    "Terrace",
    "Circle",
    "Parkway",
    "Highway",
    "Crescent",
    "Close",
    "Grove",
    "Gardens",
    "Mews",
    "Row",
    "Walk",
    "Trail",
    "Plaza",
    "Alley",
    "Loop",
    "Pike",
    "Turnpike",
    "Ridge",
    "Run",
    "Crossing",
    "Heights",
    "Park",
    "Hill",
];
/// How German streets end.
const ENDINGS: [&str; 9] = ["straße", "strasse", "str", "weg", "platz", "allee", "gasse", "ring", "damm"];
/// Words before a place of living.
const LIVING: [[&str; 2]; 8] = [
    ["lives", "in"],
    ["lives", "at"],
    ["living", "in"],
    ["resides", "at"],
    ["resides", "in"],
    ["resident", "of"],
    ["lived", "in"],
    ["home", "in"],
];

/// Words that announce an address.
const ADDRESSES: [&str; 6] = ["address", "adresse", "anschrift", "wohnhaft", "wohnt", "address:"];
/// What ends an announced address.
const NO_ADDRESS: [&str; 16] = [
    "phone",
    "telephone",
    "tel",
    "fax",
    "email",
    "e-mail",
    "mail",
    "and",
    "who",
    "since",
    "with",
    "is",
    "was",
    "has",
    "the",
    "telefon",
];

/// The last word of an address that begins at `from`: capitals and numbers, and single small words before a comma
/// ("1 Carly harbor, West Jennamouth").
fn announced(words: &[Word<'_>], from: usize) -> Option<usize> {
    let mut last = None;
    for (at, word) in words.iter().enumerate().skip(from).take(14) {
        let small_but_fits = word.ends && last.is_some();
        let fits = word.is_capitalized() || word.digits() > 0 || small_but_fits;
        if !fits || NO_ADDRESS.contains(&word.lower.as_str()) {
            break;
        }
        last = Some(at);
    }
    last.filter(|last| words[from..=*last].iter().any(|word| word.digits() > 0))
}

pub(super) fn find(words: &[Word<'_>]) -> Vec<Removed> {
    let mut found = Vec::new();
    let mut remove = |from: &Word<'_>, to: &Word<'_>| {
        found.push(Removed { kind: Identifying::Address, at: from.at.start..to.at.end });
    };
    for (index, word) in words.iter().enumerate() {
        if let Some(last) = street(words, index) {
            let last = postal(words, last);
            remove(word, &words[last]);
        }
        if let Some(last) = german_street(words, index) {
            let last = postal(words, last);
            remove(word, &words[last]);
        }
        if ADDRESSES.contains(&word.lower.as_str())
            && let Some(last) = announced(words, index + 1)
        {
            remove(&words[index + 1], &words[last]);
        }
        let next = words.get(index + 1);
        if word.lower == "box"
            && let Some(number) = next.filter(|next| next.digits() > 0)
        {
            remove(word, number);
        }
        // "MA 02115"
        let state = word.text.len() == 2 && word.text.bytes().all(|byte| byte.is_ascii_uppercase());
        if state && let Some(code) = next.filter(|next| is_zip(next.text)) {
            remove(word, code);
        }
        if is_british_code(words, index) {
            remove(word, &words[index + 1]);
        }
        if let Some(second) = next
            && LIVING.contains(&[word.lower.as_str(), second.lower.as_str()])
        {
            if let Some(last) = announced(words, index + 2) {
                remove(&words[index + 2], &words[last]);
            }
            let places = words[index + 2..].iter().take(6);
            let mut last = None;
            for place in places {
                if !(place.is_capitalized() || is_zip(place.text) || place.digits() > 0 && last.is_none()) {
                    break;
                }
                last = Some(place);
            }
            if let Some(last) = last {
                remove(&words[index + 2], last);
            }
        }
    }
    found
}

/// The last word of "12 Elm Street", "4 North Ridge Rd Apt 3".
fn street(words: &[Word<'_>], index: usize) -> Option<usize> {
    let house = words[index].text;
    let is_house = house.len() <= 6
        && house.starts_with(|c: char| c.is_ascii_digit())
        && house.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !is_house || words[index].ends && !words.get(index + 1)?.is_capitalized() {
        return None;
    }
    for at in index + 1..(index + 6).min(words.len()) {
        let word = &words[at];
        if at > index + 1 && STREETS.contains(&word.text) {
            return Some(unit(words, at));
        }
        // "07311 Amanda Union", "9 Crest": names of streets without a kind are not known here.
        if !word.is_capitalized()
            || (word.ends && at > index + 1)
            || word.text.bytes().all(|byte| byte.is_ascii_uppercase()) && word.text.len() > 1
        {
            return None;
        }
    }
    None
}

/// With an apartment behind it.
fn unit(words: &[Word<'_>], at: usize) -> usize {
    let is_unit = |word: &Word<'_>| {
        matches!(word.lower.as_str(), "apt" | "suite" | "unit" | "apartment" | "flat" | "floor")
    };
    match (words.get(at + 1), words.get(at + 2)) {
        (Some(kind), Some(number)) if is_unit(kind) && number.text.len() <= 6 => at + 2,
        _ => at,
    }
}

/// The last word of "Hauptstraße 12", "Am Ring 4" only by its ending.
fn german_street(words: &[Word<'_>], index: usize) -> Option<usize> {
    let name = words[index].lower.trim_end_matches('.');
    let number = words.get(index + 1)?;
    let ends = ENDINGS
        .iter()
        .any(|ending| name.ends_with(ending) && name.chars().count() > ending.chars().count() + 2);
    let spaced = matches!(name, "straße" | "strasse" | "platz" | "weg" | "allee" | "ring");
    let is_number = number.text.starts_with(|c: char| c.is_ascii_digit()) && number.text.len() <= 7;
    (words[index].is_capitalized() && (ends || spaced) && is_number).then_some(index + 1)
}

/// With place, state and postal code behind it.
fn postal(words: &[Word<'_>], last: usize) -> usize {
    let mut end = last;
    for (step, word) in words.iter().enumerate().skip(last + 1).take(6) {
        if is_zip(word.text) || is_british_half(word.text) {
            end = step;
        } else if !word.is_capitalized() {
            break;
        }
    }
    // A code may stand before its place: "80331 München".
    match words.get(end + 1) {
        Some(place)
            if end > last && is_zip(words[end].text) && place.is_capitalized() && !words[end].ends =>
        {
            end + 1
        }
        _ => end,
    }
}

fn is_zip(text: &str) -> bool {
    let (code, more) = text.split_once('-').unwrap_or((text, "0000"));
    code.len() == 5 && more.len() == 4 && code.bytes().chain(more.bytes()).all(|byte| byte.is_ascii_digit())
}

/// "SW1A 1AA"
fn is_british_code(words: &[Word<'_>], index: usize) -> bool {
    let outward = words[index].text;
    let letters = outward.bytes().take_while(u8::is_ascii_uppercase).count();
    let fits = (1..=2).contains(&letters)
        && (letters + 1..=letters + 2).contains(&outward.len())
        && outward.as_bytes()[letters].is_ascii_digit();
    fits && words.get(index + 1).is_some_and(|word| is_british_half(word.text))
}

fn is_british_half(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 3
        && bytes[0].is_ascii_digit()
        && bytes[1].is_ascii_uppercase()
        && bytes[2].is_ascii_uppercase()
}
