use super::porter_stem;
use serde::{Deserialize, Serialize};

/// How a text is cut into tokens.
///
/// Scores under two tokenizers are two scores: print which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextTokenizer {
    /// Cut at white space, letters as they are: for texts that were tokenized before.
    Whitespace,
    /// mteval-v13a as sacrebleu has it: most ASCII punctuation becomes tokens of its own, periods and commas only
    /// beside what is no digit; letters as they are.
    Mteval13a,
    /// rouge-score's: lower case, everything but ASCII letters and digits parts words.
    Alphanumeric,
    /// As `Alphanumeric`, words of more than three letters stemmed by [`porter_stem`].
    AlphanumericStemmed,
    /// For reports: lower case, cut at white space, brackets and quotation marks; punctuation at the ends of words is
    /// dropped, within words (`2.5`, `t2-weighted`, `and/or`) it stays.
    ///
    /// This gives the words that pycocoevalcap's Penn Treebank tokenizer leaves after dropping punctuation, but for
    /// contractions (`doesn't` stays whole), clitics (`patient's`) and abbreviations that keep their period (`dr.`).
    Report,
}

impl TextTokenizer {
    /// The tokens of a text; none of an empty one.
    pub fn tokens(self, text: &str) -> Vec<String> {
        match self {
            Self::Whitespace => text.split_whitespace().map(str::to_owned).collect(),
            Self::Mteval13a => mteval_13a(text),
            Self::Alphanumeric => alphanumeric(&text.to_lowercase()).map(str::to_owned).collect(),
            Self::AlphanumericStemmed => alphanumeric(&text.to_lowercase())
                .map(|word| if word.len() > 3 { porter_stem(word) } else { word.to_owned() })
                .collect(),
            Self::Report => report(text),
        }
    }
}

fn alphanumeric(lower: &str) -> impl Iterator<Item = &str> {
    lower
        .split(|letter: char| !(letter.is_ascii_lowercase() || letter.is_ascii_digit()))
        .filter(|word| !word.is_empty())
}

fn report(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let parts = |letter: char| letter.is_whitespace() || "()[]{}\"`\u{201c}\u{201d}".contains(letter);
    let marks = |letter: char| ".,;:?!'-_*\u{2018}\u{2019}\u{2013}\u{2014}".contains(letter);
    lower
        .split(parts)
        .map(|word| word.trim_matches(marks))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The tokenizer of NIST's mteval-v13a.pl, in sacrebleu's reading: its rules act one after the other, each on what the
/// one before left.
fn mteval_13a(text: &str) -> Vec<String> {
    let mut line = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if line.contains('&') {
        line = line.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    }
    let is_alone =
        |letter: char| matches!(letter, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/');
    let mut spaced = String::with_capacity(line.len() * 2);
    for letter in format!(" {line} ").chars() {
        if is_alone(letter) {
            spaced.extend([' ', letter, ' ']);
        } else {
            spaced.push(letter);
        }
    }
    let is_stop = |letter: char| matches!(letter, '.' | ',');
    let spaced = pairs(&spaced, |one, two| {
        (!one.is_ascii_digit() && is_stop(two)).then(|| [one, ' ', two, ' '].to_vec())
    });
    let spaced = pairs(&spaced, |one, two| {
        (is_stop(one) && !two.is_ascii_digit()).then(|| [' ', one, ' ', two].to_vec())
    });
    let spaced = pairs(&spaced, |one, two| {
        (one.is_ascii_digit() && two == '-').then(|| [one, ' ', two, ' '].to_vec())
    });
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// Replaces pairs of letters from left to right; what was replaced is not looked at again.
fn pairs(text: &str, replaced: impl Fn(char, char) -> Option<Vec<char>>) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut result = String::with_capacity(text.len() * 2);
    let mut place = 0;
    while place < letters.len() {
        let next = letters.get(place + 1).and_then(|&two| replaced(letters[place], two));
        if let Some(letters) = next {
            result.extend(letters);
            place += 2;
        } else {
            result.push(letters[place]);
            place += 1;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tokenizer: TextTokenizer, text: &str, expected: &[&str]) {
        assert_eq!(tokenizer.tokens(text), expected);
    }

    #[test]
    fn a_report_keeps_numbers_and_compound_words_whole() {
        check(
            TextTokenizer::Report,
            "Nodule (2.5 cm), T2-weighted; \"stable\" -- and/or smaller.",
            &["nodule", "2.5", "cm", "t2-weighted", "stable", "and/or", "smaller"],
        );
    }

    #[test]
    fn words_of_three_letters_are_not_stemmed() {
        check(TextTokenizer::AlphanumericStemmed, "Was opacities, GAS!", &["was", "opac", "gas"]);
        check(TextTokenizer::Alphanumeric, "Caf\u{e9} 2.5cm", &["caf", "2", "5cm"]);
    }

    #[test]
    fn stops_within_numbers_stay_and_others_part() {
        check(TextTokenizer::Mteval13a, "Size 2.5, not 3.", &["Size", "2.5", ",", "not", "3", "."]);
        check(TextTokenizer::Mteval13a, "a &lt; b", &["a", "<", "b"]);
    }

    #[test]
    fn a_text_without_words_has_no_tokens() {
        for tokenizer in [
            TextTokenizer::Whitespace,
            TextTokenizer::Mteval13a,
            TextTokenizer::Alphanumeric,
            TextTokenizer::AlphanumericStemmed,
            TextTokenizer::Report,
        ] {
            check(tokenizer, " \n\t", &[]);
        }
    }
}
