use super::words::Word;
use super::{Identifying, Removed};

/// Words that announce a number of a person.
const OF_PERSONS: [&str; 26] = [
    "mrn",
    "mr#",
    "mrn#",
    "ssn",
    "nhs",
    "id",
    "id#",
    "patient-id",
    "patientid",
    "accession",
    "account",
    "acct",
    "policy",
    "insurance",
    "member",
    "record",
    "license",
    "licence",
    "passport",
    "case",
    "chart",
    "hospital",
    "versicherungsnummer",
    "patientennummer",
    "fallnummer",
    "nhi",
];
/// Words that may stand between it and the number.
const BETWEEN: [&str; 9] = ["no", "no.", "number", "nr", "nr.", "#", "is", "id", "num"];
/// Words that announce a telephone.
const OF_PHONES: [&str; 17] = [
    "phone",
    "telephone",
    "tel",
    "call",
    "fax",
    "pager",
    "mobile",
    "cell",
    "beeper",
    "ext",
    "extension",
    "telefon",
    "handy",
    "reached",
    "phone#",
    "callback",
    "number",
];
/// Units behind a number that is a measurement.
const UNITS: [&str; 22] = [
    "mg", "g", "kg", "ml", "l", "mm", "cm", "m", "mcg", "units", "iu", "u", "ng", "pg", "bpm", "mmhg", "/ul",
    "/l", "%", "cells", "copies", "hu",
];

pub(super) fn find(text: &str, words: &[Word<'_>]) -> Vec<Removed> {
    let mut found = Vec::new();
    let mut index = 0;
    while index < words.len() {
        let word = &words[index];
        if is_link(&word.lower) {
            found.push(Removed { kind: Identifying::Link, at: word.at.clone() });
        } else if is_high_age(words, index) {
            found.push(Removed { kind: Identifying::Age, at: age_digits(word) });
        } else if word.digits() > 0 {
            if let Some(last) = phone(text, words, index) {
                found.push(Removed {
                    kind: Identifying::Phone,
                    at: phone_start(text, word)..words[last].at.end,
                });
                index = last;
            } else if is_number_of_a_person(words, index) {
                found.push(Removed { kind: Identifying::Number, at: number_part(word) });
            }
        }
        index += 1;
    }
    found
}

/// "jane@example.org", "https://...", "www.example.org", "10.0.0.1"
fn is_link(lower: &str) -> bool {
    let mail = lower.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    let ip = lower.split('.').count() == 4 && lower.split('.').all(|part| part.parse::<u8>().is_ok());
    mail || ip || lower.contains("://") || lower.starts_with("www.")
}

/// Whether the words before the number announce it, or its form does.
fn is_number_of_a_person(words: &[Word<'_>], index: usize) -> bool {
    let word = &words[index];
    // "#4471" and "MRN:4471" are one word.
    if let Some((cue, rest)) = word.lower.split_once([':', '#', '='])
        && rest.bytes().filter(u8::is_ascii_digit).count() >= 3
        && (cue.is_empty() || OF_PERSONS.contains(&cue))
    {
        return true;
    }
    let digits = word.digits();
    let mixed = word.text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '.' | '_'));
    if !mixed {
        return false;
    }
    if announced(words, index, &OF_PERSONS) && digits >= 3 {
        return true;
    }
    let social = is_social(word.text);
    let is_plain = word.text.bytes().all(|byte| byte.is_ascii_digit());
    let measured = words.get(index + 1).is_some_and(|next| UNITS.contains(&next.lower.as_str()));
    let letters = word.text.chars().any(|c| c.is_ascii_alphabetic());
    // An alphanumeric run with many digits and no unit glued to it: "A1234567", "HX-99231-7".
    let coded = letters
        && digits >= 5
        && !UNITS
            .iter()
            .any(|unit| word.lower.ends_with(unit) && word.lower.starts_with(|c: char| c.is_ascii_digit()));
    // "943 476 5919" in one word is met by the telephone rule.
    social || (is_plain && digits >= 7 && !measured) || coded
}

/// "123-45-6789"
fn is_social(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [3, 2, 4] && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Whether one of the last three words announces this one.
fn announced(words: &[Word<'_>], index: usize, cues: &[&str]) -> bool {
    for back in 1..=3 {
        let Some(word) = index.checked_sub(back).map(|at| &words[at]) else { return false };
        if cues.contains(&word.lower.as_str()) {
            return true;
        }
        if !BETWEEN.contains(&word.lower.as_str()) {
            return false;
        }
    }
    false
}

/// The digits of "MRN:4471", "#4471".
fn number_part(word: &Word<'_>) -> std::ops::Range<usize> {
    let start = word.text.find([':', '#', '=']).map_or(0, |at| at + 1);
    word.at.start + start..word.at.end
}

/// The last word of a telephone number that begins here.
fn phone(text: &str, words: &[Word<'_>], index: usize) -> Option<usize> {
    let is_group = |word: &Word<'_>| {
        let groups = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | '/' | '+' | 'x');
        word.digits() >= 2 && word.text.chars().all(groups) && !word.text.contains("..")
    };
    let first = &words[index];
    if is_social(first.text) {
        return None;
    }
    if !is_group(first) && !(first.text.starts_with('+') && first.digits() >= 1) {
        return None;
    }
    let (mut last, mut digits, mut groups) = (index, 0, 0);
    for (at, word) in words.iter().enumerate().skip(index) {
        let behind = &text[word.at.end..];
        let bracket = text[..word.at.start].ends_with('(')
            || behind.starts_with([')', '('])
            || behind.starts_with(" (");
        let starts = at == index && word.text.starts_with('+');
        // "+44 (0) 113"
        let zero = word.text == "0" && bracket;
        if !(is_group(word) || starts || zero) || groups > 6 {
            break;
        }
        digits += word.digits();
        groups += word.text.split(['-', '.', '/']).filter(|part| !part.is_empty()).count();
        last = at;
        if word.ends && !bracket {
            break;
        }
    }
    let plus = first.text.starts_with('+');
    let open = text[..first.at.start].ends_with('(');
    let cued = announced(words, index, &OF_PHONES);
    // Decimal numbers and ranges ("2.5-3.0", "10 20 30") have fewer digits in their groups.
    let long_groups = text[first.at.start..words[last].at.end]
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| group.len() >= 3)
        .count();
    let form = groups >= 2 && (9..=15).contains(&digits) && long_groups >= 2;
    let local = groups == 2 && digits == 7 && first.text.len() == 8 && first.text.as_bytes()[3] == b'-';
    let formed = (plus && digits >= 8) || (open && digits >= 9) || form || local;
    (formed || (cued && digits >= 4)).then_some(last)
}

/// With the bracket or plus before it.
fn phone_start(text: &str, word: &Word<'_>) -> usize {
    if text[..word.at.start].ends_with('(') { word.at.start - 1 } else { word.at.start }
}

/// "92-year-old", "aged 93", "94 years old", "91 y/o"
fn is_high_age(words: &[Word<'_>], index: usize) -> bool {
    let word = &words[index];
    let digits: String = word.lower.chars().take_while(char::is_ascii_digit).collect();
    if !digits.parse().is_ok_and(|age: u32| (90..=125).contains(&age)) {
        return false;
    }
    let rest = &word.lower[digits.len()..];
    let before = index.checked_sub(1).map_or("", |at| words[at].lower.as_str());
    let after = words.get(index + 1).map_or("", |word| word.lower.as_str());
    let behind = words.get(index + 2).map_or("", |word| word.lower.as_str());
    rest.starts_with("-year")
        || rest.starts_with("yo")
        || rest.starts_with("y/o")
        || rest.starts_with("-y")
        || (rest.is_empty()
            && (matches!(before, "aged" | "age")
                || matches!(after, "yo" | "y/o" | "y.o" | "year-old")
                || (matches!(after, "years" | "year" | "yrs") && matches!(behind, "old" | "of"))))
}

fn age_digits(word: &Word<'_>) -> std::ops::Range<usize> {
    let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
    word.at.start..word.at.start + digits
}
