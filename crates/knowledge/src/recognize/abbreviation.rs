use std::ops::Range;

use serde::Serialize;

/// A short form that the text explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Abbreviation {
    /// The short form: "AT".
    pub short: String,
    /// Its bytes where it is explained.
    pub short_at: Range<usize>,
    /// The long form: "ataxia telangiectasia".
    pub long: String,
    /// Its bytes.
    pub long_at: Range<usize>,
}

/// Short forms in brackets behind their long forms, and long forms in brackets behind their short ones.
///
/// # Source
/// Schwartz and Hearst 2003, doi:10.1142/9789812776303_0042
#[must_use]
pub fn abbreviations(text: &str) -> Vec<Abbreviation> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find('(').map(|at| from + at) {
        from = open + 1;
        let Some(close) = text[from..].find(')').map(|at| from + at) else { break };
        let inner = &text[from..close];
        // "(AT; see below)", "(AT, n = 3)"
        let candidate = inner.split([';', ',']).next().unwrap_or_default();
        let begin = from + candidate.len() - candidate.trim_start().len();
        let candidate = candidate.trim();
        if is_short(candidate)
            && let Some(long_at) = long_form(text, open, candidate)
        {
            found.push(Abbreviation {
                short: candidate.to_owned(),
                short_at: begin..begin + candidate.len(),
                long: text[long_at.clone()].to_owned(),
                long_at,
            });
        } else if let Some(short_at) = word_before(text, open)
            && is_short(&text[short_at.clone()])
            && inner.split_whitespace().count() > 1
            && let Some(long_at) = long_form(text, close, &text[short_at.clone()])
            && long_at.start >= from
        {
            found.push(Abbreviation {
                short: text[short_at.clone()].to_owned(),
                short_at,
                long: text[long_at.clone()].to_owned(),
                long_at,
            });
        }
    }
    found
}

/// Two to ten characters, at most two words, a letter in it, begun by a letter or digit.
fn is_short(candidate: &str) -> bool {
    let count = candidate.chars().count();
    (2..=10).contains(&count)
        && candidate.split_whitespace().count() <= 2
        && candidate.chars().any(char::is_alphabetic)
        && candidate.chars().next().is_some_and(char::is_alphanumeric)
}

fn word_before(text: &str, place: usize) -> Option<Range<usize>> {
    let before = text[..place].trim_end();
    let from = before.rfind(|c: char| c.is_whitespace()).map_or(0, |at| at + 1);
    (from < before.len()).then_some(from..before.len())
}

/// The shortest text before `place` whose characters hold the short form's in their order, the first at a word's beginning.
fn long_form(text: &str, place: usize, short: &str) -> Option<Range<usize>> {
    let before = text[..place].trim_end();
    // Not over the end of a sentence.
    let sentence = before.rfind(". ").map_or(0, |at| at + 2);
    let most_words = (short.chars().count() + 5).min(2 * short.chars().count());
    let window = {
        let mut begin = before.len();
        for _ in 0..most_words {
            let rest = before[sentence..begin].trim_end();
            if rest.is_empty() {
                break;
            }
            begin = sentence + rest.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        }
        begin
    };
    let characters: Vec<(usize, char)> =
        before[window..].char_indices().map(|(at, c)| (window + at, c)).collect();
    let lower = |c: char| c.to_lowercase().next().unwrap_or(c);
    let wanted: Vec<char> = short.chars().filter(|c| c.is_alphanumeric()).map(lower).collect();
    let mut at = characters.len();
    for (rank, wanted) in wanted.iter().enumerate().rev() {
        loop {
            at = at.checked_sub(1)?;
            let begins_word = at == 0 || !characters[at - 1].1.is_alphanumeric();
            if lower(characters[at].1) == *wanted && (rank > 0 || begins_word) {
                break;
            }
        }
    }
    let begin = characters[at].0;
    let long = &before[begin..];
    let enough =
        long.chars().count() > short.chars().count() && !long.split_whitespace().any(|word| word == short);
    let balanced = !long.contains(['(', ')', '[', ']', ';', ':']);
    (enough && balanced).then_some(begin..before.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_find_their_long_ones() {
        for (text, expected) in [
            ("We studied ataxia telangiectasia (AT) here.", Some(("AT", "ataxia telangiectasia"))),
            ("heat shock transcription factor (HSF)", Some(("HSF", "heat shock transcription factor"))),
            (
                "the COPD (chronic obstructive pulmonary disease) group",
                Some(("COPD", "chronic obstructive pulmonary disease")),
            ),
            ("von Willebrand factor (vWF; 12 cases)", Some(("vWF", "von Willebrand factor"))),
            ("in 12 patients (5 mm)", None),
            ("pneumothorax (see below)", None),
            ("An end. Trial of things (AT)", None),
        ] {
            let found = abbreviations(text);
            let pair = found.first().map(|one| (one.short.as_str(), one.long.as_str()));
            assert_eq!(pair, expected, "{text}");
            for one in &found {
                assert_eq!(
                    (&text[one.short_at.clone()], &text[one.long_at.clone()]),
                    (one.short.as_str(), one.long.as_str())
                );
            }
        }
    }
}
