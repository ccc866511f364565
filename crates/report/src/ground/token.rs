//! A line of text to words, numbers and marks; anything that could hide is refused.

use super::MAX_SENTENCE_CHARS;

/// A word, a number or a mark.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    /// Letters, lower case, American spelling kept as written.
    Word(String),
    /// Digits with the count of decimals.
    Number {
        value: f64,
        decimals: u8,
    },
    Percent,
    Comma,
    Semicolon,
    Stop,
    Colon,
    Open,
    Close,
    Slash,
    Dash,
    Less,
    More,
}

/// Splits a sentence, or says why it cannot be read.
pub(crate) fn tokens(sentence: &str) -> Result<Vec<Raw>, String> {
    let plain = plain(sentence)?;
    let letters: Vec<char> = plain.chars().collect();
    let mut raw = Vec::new();
    let mut at = 0;
    while let Some(&c) = letters.get(at) {
        let before = at.checked_sub(1).and_then(|i| letters.get(i)).copied();
        let after = letters.get(at + 1).copied();
        match c {
            ' ' => at += 1,
            'a'..='z' => at = word(&letters, at, &mut raw)?,
            '0'..='9' => at = number(&letters, at, false, &mut raw)?,
            '.' if after.is_some_and(|c| c.is_ascii_digit()) => {
                return Err("holds a number without a leading digit".to_owned());
            }
            '-' => {
                let hugs = before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '%')
                    && after.is_some_and(|c| c.is_ascii_alphanumeric());
                if hugs {
                    let digits = (before, after);
                    if matches!(digits, (Some('0'..='9' | '%'), Some('0'..='9'))) {
                        raw.push(Raw::Dash);
                    }
                    at += 1;
                } else if after.is_some_and(|c| c.is_ascii_digit()) {
                    at = number(&letters, at + 1, true, &mut raw)?;
                } else {
                    raw.push(Raw::Dash);
                    at += 1;
                }
            }
            _ => {
                raw.push(mark(c)?);
                at += 1;
            }
        }
    }
    Ok(raw)
}

fn mark(c: char) -> Result<Raw, String> {
    Ok(match c {
        '%' => Raw::Percent,
        ',' => Raw::Comma,
        ';' => Raw::Semicolon,
        '.' => Raw::Stop,
        ':' => Raw::Colon,
        '(' => Raw::Open,
        ')' => Raw::Close,
        '/' => Raw::Slash,
        '<' => Raw::Less,
        '>' => Raw::More,
        '?' => return Err("is a question; a report states".to_owned()),
        '!' => return Err("is an exclamation; a report states".to_owned()),
        _ => return Err(format!("holds the mark {c:?}, which no report sentence needs")),
    })
}

/// Lower case ASCII in one line, or why not.
fn plain(sentence: &str) -> Result<String, String> {
    let trimmed = sentence.trim();
    if trimmed.is_empty() {
        return Err("is empty".to_owned());
    }
    if trimmed.chars().count() > MAX_SENTENCE_CHARS {
        return Err(format!("is longer than {MAX_SENTENCE_CHARS} characters"));
    }
    let mut plain = String::with_capacity(trimmed.len());
    for c in trimmed.chars() {
        match c {
            '\u{a0}' | '\u{202f}' | '\u{2009}' => plain.push(' '),
            '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}' | '\u{2212}' => plain.push('-'),
            '\u{2014}' => plain.push_str(" - "),
            '\u{2019}' => plain.push('\''),
            '\u{b3}' => plain.push('3'),
            '\n' | '\r' => return Err("is more than one line".to_owned()),
            c if c.is_control() => return Err("holds a control character".to_owned()),
            c if c.is_ascii() => plain.push(c.to_ascii_lowercase()),
            c if c.is_alphabetic() => {
                return Err(format!("holds the letter U+{:04X}, which is not ASCII", u32::from(c)));
            }
            c => return Err(format!("holds the character U+{:04X}", u32::from(c))),
        }
    }
    Ok(plain)
}

/// A word with its contraction undone; returns where the next token starts.
fn word(letters: &[char], start: usize, raw: &mut Vec<Raw>) -> Result<usize, String> {
    let mut end = start;
    while letters.get(end).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '\'') {
        end += 1;
    }
    let text: String = letters[start..end].iter().collect();
    let text = text.trim_end_matches('\'');
    let mut push = |word: &str| raw.push(Raw::Word(word.to_owned()));
    match text {
        "cannot" | "can't" => ["can", "not"].into_iter().for_each(&mut push),
        "won't" => ["will", "not"].into_iter().for_each(&mut push),
        _ => {
            if let Some(stem) = text.strip_suffix("n't") {
                push(stem);
                push("not");
            } else if let Some(stem) = text.strip_suffix("'s") {
                push(stem);
                if matches!(stem, "there" | "it" | "that" | "this") {
                    push("is");
                }
            } else if text.contains('\'') {
                return Err(format!("holds the contraction \"{text}\""));
            } else {
                push(text);
            }
        }
    }
    Ok(end)
}

fn number(letters: &[char], start: usize, negative: bool, raw: &mut Vec<Raw>) -> Result<usize, String> {
    let digit = |i: usize| letters.get(i).is_some_and(char::is_ascii_digit);
    let mut end = start;
    while digit(end) {
        end += 1;
    }
    let mut decimals = 0_u8;
    if letters.get(end) == Some(&'.') && digit(end + 1) {
        end += 1;
        while digit(end) {
            end += 1;
            decimals = decimals.saturating_add(1);
        }
    }
    if letters.get(end) == Some(&',') && digit(end + 1) {
        return Err("holds a comma between digits, which could be read in two ways".to_owned());
    }
    if letters.get(end) == Some(&'.') && digit(end + 1) {
        return Err("holds a number with two points".to_owned());
    }
    let text: String = letters[start..end].iter().collect();
    let value: f64 = text.parse().map_err(|_| "holds a number that cannot be read".to_owned())?;
    raw.push(Raw::Number { value: if negative { -value } else { value }, decimals });
    Ok(end)
}

/// Number words become numbers: `eight`, `twenty three`, `two point three`.
pub(crate) fn number_words(raw: Vec<Raw>) -> Vec<Raw> {
    let mut out: Vec<Raw> = Vec::with_capacity(raw.len());
    let mut at = 0;
    let word = |i: usize| match raw.get(i) {
        Some(Raw::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    while at < raw.len() {
        let Some((mut value, mut next)) =
            word(at).and_then(|w| tens(w).or_else(|| small(w))).map(|v| (v, at + 1))
        else {
            out.push(raw[at].clone());
            at += 1;
            continue;
        };
        if value >= 20
            && value % 10 == 0
            && let Some(unit) = word(next).and_then(small).filter(|v| (1..10).contains(v))
        {
            value += unit;
            next += 1;
        }
        if word(next) == Some("hundred") {
            value *= 100;
            next += 1;
            if word(next) == Some("and")
                && word(next + 1).is_some_and(|w| tens(w).or_else(|| small(w)).is_some())
            {
                next += 1;
            }
            if let Some(more) = word(next).and_then(|w| tens(w).or_else(|| small(w))) {
                value += more;
                next += 1;
            }
        }
        let mut number = f64::from(value);
        let mut decimals = 0_u8;
        if word(next) == Some("point") {
            let mut place = 0.1;
            let mut i = next + 1;
            while let Some(digit) = word(i).and_then(small).filter(|v| *v < 10) {
                number += f64::from(digit) * place;
                place /= 10.0;
                decimals += 1;
                i += 1;
            }
            if decimals > 0 {
                next = i;
            }
        }
        out.push(Raw::Number { value: number, decimals });
        at = next;
    }
    out
}

fn tens(word: &str) -> Option<u32> {
    let tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    tens.iter().zip((20..).step_by(10)).find(|(name, _)| **name == word).map(|(_, value)| value)
}

fn small(word: &str) -> Option<u32> {
    let small = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    small.iter().zip(0..).find(|(name, _)| **name == word).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(f64, u8)]) {
        let raw = number_words(tokens(text).expect(text));
        let numbers: Vec<(f64, u8)> = raw
            .iter()
            .filter_map(|r| match r {
                Raw::Number { value, decimals } => Some(((value * 1e6).round() / 1e6, *decimals)),
                _ => None,
            })
            .collect();
        assert_eq!(numbers, expected, "{text}");
    }

    #[test]
    fn numbers_are_read_in_digits_and_in_words() {
        check("8 mm", &[(8.0, 0)]);
        check("8mm and 2.30 cm", &[(8.0, 0), (2.3, 2)]);
        check("twenty-three millimeters", &[(23.0, 0)]);
        check("two point three cm", &[(2.3, 1)]);
        check("one hundred and twenty mL", &[(120.0, 0)]);
        check("80-92 %", &[(80.0, 0), (92.0, 0)]);
        check("-15 HU", &[(-15.0, 0)]);
    }

    #[test]
    fn what_could_hide_is_refused() {
        for hidden in [
            "pneum\u{43e}nia",
            "pneu\u{200b}monia",
            "no\u{202e} pneumonia",
            "a\nb",
            "1,5 cm",
            "1.2.3 cm",
            "is it pneumonia?",
            "ｐneumonia",
            "",
        ] {
            assert!(tokens(hidden).is_err(), "{hidden:?}");
        }
        assert!(tokens(&"a ".repeat(MAX_SENTENCE_CHARS)).is_err());
    }
}
