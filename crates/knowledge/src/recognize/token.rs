use std::ops::Range;

use serde::Serialize;
use wilhelm_study::sentence_end;

/// A word, a number or a mark, with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// As it stands.
    pub text: String,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

/// Runs of letters and digits, and every other visible character by itself.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut begun: Option<usize> = None;
    let end = |begun: &mut Option<usize>, to: usize, found: &mut Vec<Token>| {
        if let Some(from) = begun.take() {
            found.push(Token { text: text[from..to].to_owned(), at: from..to });
        }
    };
    for (at, character) in text.char_indices() {
        if character.is_alphanumeric() {
            begun.get_or_insert(at);
            continue;
        }
        end(&mut begun, at, &mut found);
        if !character.is_whitespace() {
            let to = at + character.len_utf8();
            found.push(Token { text: text[at..to].to_owned(), at: at..to });
        }
    }
    end(&mut begun, text.len(), &mut found);
    found
}

/// The sentences of a text, as byte ranges without the white space around them.
///
/// A sentence ends at a period, question mark or exclamation mark before white space and a capital, a digit or a bracket,
/// unless what stands before is a short form of the language ("vs.", "Dr.", "e.g.", an initial), at the marks of Chinese, and
/// at an empty line.
#[must_use]
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut ends = Vec::new();
    let bytes = text.as_bytes();
    let mut last = 0;
    for (at, character) in text.char_indices() {
        let end = match character {
            '.' | '!' | '?' => sentence_end(text, at).filter(|end| {
                let begins = text[*end..].trim_start().chars().next();
                begins.is_some_and(|next| next.is_uppercase() || next.is_numeric() || "([\"'".contains(next))
            }),
            '\u{3002}' | '\u{ff01}' | '\u{ff1f}' => sentence_end(text, at),
            '\n' if bytes.get(at + 1) == Some(&b'\n') => Some(at + 1),
            _ => None,
        };
        if let Some(end) = end.filter(|end| *end > last) {
            ends.push(end);
            last = end;
        }
    }
    ends.push(text.len());
    let mut found = Vec::new();
    let mut from = 0;
    for to in ends {
        let part = &text[from..to];
        let begin = from + part.len() - part.trim_start().len();
        let trimmed = part.trim();
        if !trimmed.is_empty() {
            found.push(begin..begin + trimmed.len());
        }
        from = to;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_know_their_places() {
        let text = "Grade-III \u{3B2}2 (5 cm).";
        let found: Vec<String> = tokens(text).iter().map(|token| text[token.at.clone()].to_owned()).collect();
        assert_eq!(found, ["Grade", "-", "III", "\u{3B2}2", "(", "5", "cm", ")", "."]);
    }

    #[test]
    fn sentences_end_where_they_end() {
        let text = "Seen by Dr. Hu, e.g. today. 5.5 cm mass vs. cyst!  See J. Smith.\n\nNo more";
        let found: Vec<&str> = sentences(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(
            found,
            ["Seen by Dr. Hu, e.g. today.", "5.5 cm mass vs. cyst!", "See J. Smith.", "No more"]
        );
    }
}
