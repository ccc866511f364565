use std::ops::Range;

/// A run of characters without white space, without the punctuation around it.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) lower: String,
    pub(super) at: Range<usize>,
    /// Whether something that ends a phrase stands behind it: a comma, a full stop, a bracket, a new line.
    pub(super) ends: bool,
    /// Whether it was followed by a colon.
    pub(super) colon: bool,
}

impl Word<'_> {
    /// A capital first, and a small letter or nothing but capitals of two to three letters behind it.
    pub(super) fn is_capitalized(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }

    /// Capital and then small letters: how a name is written, "CT" is not.
    pub(super) fn looks_like_a_name(&self) -> bool {
        let letters: Vec<char> = self.text.chars().collect();
        let is_initial =
            letters.len() <= 2 && letters[0].is_uppercase() && letters.get(1).is_none_or(|c| *c == '.');
        let has_small = letters.iter().any(|c| c.is_lowercase());
        let fits =
            letters.iter().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '\u{2019}' | '.' | '^'));
        self.is_capitalized() && fits && (has_small || is_initial)
    }

    pub(super) fn digits(&self) -> usize {
        self.text.chars().filter(char::is_ascii_digit).count()
    }

    pub(super) fn number(&self) -> Option<u32> {
        self.text.parse().ok()
    }
}

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut found: Vec<Word<'_>> = Vec::new();
    let mut at = 0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let start = at;
        at += piece.len();
        let run = piece.trim_end();
        let line_ends = piece.ends_with(['\n', '\r']);
        if run.is_empty() {
            if line_ends && let Some(last) = found.last_mut() {
                last.ends = true;
            }
            continue;
        }
        // A semicolon, comma or slash bracket glued between words divides them: "Doe,Jane" is two.
        let mut from = 0;
        for (place, divider) in
            run.match_indices([',', ';', '|', '(', ')', '[', ']', '"', '\u{201c}', '\u{201d}'])
        {
            push(&mut found, text, start + from, start + place, true);
            from = place + divider.len();
        }
        push(&mut found, text, start + from, start + run.len(), line_ends);
    }
    found
}

fn push<'a>(found: &mut Vec<Word<'a>>, text: &'a str, start: usize, end: usize, ends: bool) {
    let run = &text[start..end];
    let outer = |c: char| {
        matches!(c, '.' | ':' | '!' | '?' | '\'' | '\u{2018}' | '\u{2019}' | '<' | '>' | '*' | '_' | '=')
    };
    let behind = run.trim_start_matches(outer);
    let core = behind.trim_end_matches(outer);
    if core.is_empty() {
        if let Some(last) = found.last_mut() {
            last.ends |= ends || !run.is_empty();
            last.colon |= run.starts_with(':');
        }
        return;
    }
    let start = start + (run.len() - behind.len());
    let tail = &behind[core.len()..];
    // "Dr. Smith" and "J. Smith" go on behind their points.
    let short = core.chars().count() <= 4;
    found.push(Word {
        text: core,
        lower: core.to_lowercase(),
        at: start..start + core.len(),
        ends: ends || tail.contains([':', '!', '?']) || (tail.contains('.') && !short),
        colon: tail.contains(':'),
    });
}
