use crate::folded::Folded;

/// Words before a point that end no sentence.
const SHORT: [&str; 26] = [
    "approx", "b.i.d", "ca", "cf", "dept", "dr", "e.g", "est", "etc", "fig", "hosp", "i.e", "inc", "mr",
    "mrs", "ms", "no", "p.o", "prof", "pt", "q.d", "resp", "st", "t.i.d", "vs", "wt",
];

/// What no cue reaches across, in order: ends of sentences and clauses, colons of headings, brackets, new paragraphs.
pub(super) fn boundaries(folded: &Folded) -> Vec<usize> {
    let bytes = folded.text.as_bytes();
    let mut found = folded.breaks.clone();
    for (at, byte) in bytes.iter().enumerate() {
        let before_space = bytes.get(at + 1).is_none_or(|next| matches!(next, b' ' | b'"' | b')'));
        let is_one = match byte {
            b'{' | b'}' | b'[' | b']' => true,
            b'!' | b'?' | b';' | b':' => before_space,
            b'.' => before_space && !is_abbreviation(&folded.text[..at]),
            _ => false,
        };
        if is_one {
            found.push(at);
        }
    }
    found.sort_unstable();
    found
}

/// Whether a point behind this text belongs to its last word: a known short form, or a single letter.
fn is_abbreviation(text: &str) -> bool {
    let word = text.rsplit([' ', '(']).next().unwrap_or_default();
    (word.len() == 1 && word.as_bytes()[0].is_ascii_alphabetic()) || SHORT.binary_search(&word).is_ok()
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

    #[test]
    fn short_forms_are_in_order() {
        assert!(SHORT.is_sorted());
    }
}
