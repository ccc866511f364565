use wilhelm_study::is_abbreviated;

use crate::folded::Folded;

/// What no cue reaches across, in order: ends of sentences and clauses, colons of headings, brackets, new paragraphs.
pub(super) fn boundaries(folded: &Folded) -> Vec<usize> {
    let bytes = folded.text.as_bytes();
    let mut found = folded.breaks.clone();
    let chinese = folded.text.match_indices(['\u{3002}', '\u{ff01}', '\u{ff1f}', '\u{ff1b}']);
    found.extend(chinese.map(|(at, _)| at));
    for (at, byte) in bytes.iter().enumerate() {
        let before_space = bytes.get(at + 1).is_none_or(|next| matches!(next, b' ' | b'"' | b')'));
        let is_one = match byte {
            b'{' | b'}' | b'[' | b']' => true,
            b'!' | b'?' | b';' | b':' => before_space,
            b'.' => before_space && !is_abbreviated(&folded.text, at),
            _ => false,
        };
        if is_one {
            found.push(at);
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_clauses_headings_and_items_end_a_reach() {
        let text = "Dr. A. Smith saw her vs. him. IMPRESSION: 1.5 cm mass; no more [sic]\n\nNext";
        let folded = Folded::new(text);
        let found: Vec<&str> = boundaries(&folded).iter().map(|at| &folded.text[*at..]).collect();
        let starts: Vec<String> = found.iter().map(|rest| rest.chars().take(4).collect()).collect();
        assert_eq!(starts, [". im", ": 1.", "; no", "[sic", "] ne", "next"]);
    }
}
