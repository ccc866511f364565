//! Where a sentence ends, in the English and the Chinese of reports and notes.

/// Short forms that something follows: their point ends no sentence.
const LEADING: [&str; 17] = [
    "al", "approx", "cf", "dr", "drs", "e.g", "eg", "fig", "figs", "i.e", "ie", "mr", "mrs", "ms", "prof",
    "st", "vs",
];

/// Short forms that may be the last word: their point ends a sentence where a capital follows.
const TRAILING: [&str; 16] = [
    "avg", "ca", "dept", "est", "etc", "hosp", "ht", "inc", "jr", "max", "min", "pt", "pts", "ref", "resp",
    "wt",
];

/// Short forms of a number that follows.
const NUMBERING: [&str; 3] = ["no", "nos", "nr"];

/// Titles that are the names of a method and of a disease in capitals: "seen on MR", "she has MS".
const HOMONYMS: [&str; 2] = ["MR", "MS"];

/// Words whose letter behind them is a name of its own, not a person's initial: "hepatitis B".
const LETTERED: [&str; 19] = [
    "apolipoprotein",
    "category",
    "class",
    "factor",
    "grade",
    "group",
    "hepatitis",
    "influenza",
    "level",
    "part",
    "point",
    "protein",
    "pugh",
    "segment",
    "stage",
    "stanford",
    "type",
    "vitamin",
    "zone",
];

/// Characters before a point that are looked at: one more than the longest word here.
const MOST: usize = 16;

/// What may close behind the mark that ends a sentence.
const CLOSING: [char; 8] = ['"', '\'', ')', ']', '\u{201d}', '\u{2019}', '\u{300d}', '\u{ff09}'];

/// The byte behind the sentence that the mark at a byte ends, with the quotes and brackets that close there; `None` where it
/// ends none.
///
/// Marks are the period, question mark, exclamation mark and semicolon, before white space or the end, and those of Chinese
/// (`。！？；`), before anything. A point within a number or behind a short form ([`is_abbreviated`]) ends nothing. Whether
/// lines, and what must stand behind, end or begin a sentence too is the caller's matter.
///
/// # Panics
/// If `at` is no boundary of a character in the text.
///
/// # Examples
/// ```
/// use wilhelm_study::sentence_end;
/// let text = "Dr. Hu saw a mass of approx. 3.5 cm. It is new.";
/// let ends: Vec<usize> = (0..text.len()).filter_map(|at| sentence_end(text, at)).collect();
/// assert_eq!(ends, [36, text.len()]);
/// ```
#[must_use]
pub fn sentence_end(text: &str, at: usize) -> Option<usize> {
    let mark = text[at..].chars().next()?;
    let behind = at + mark.len_utf8();
    let rest = text[behind..].trim_start_matches(CLOSING);
    let end = text.len() - rest.len();
    match mark {
        '\u{3002}' | '\u{ff01}' | '\u{ff1f}' | '\u{ff1b}' => Some(end),
        '.' | '!' | '?' | ';' => {
            let is_spaced = rest.is_empty() || rest.starts_with(char::is_whitespace);
            (is_spaced && !(mark == '.' && is_abbreviated(text, at))).then_some(end)
        }
        _ => None,
    }
}

/// Whether the point at a byte belongs to the word before it: a title, a short form, the initial of a name.
///
/// Some short forms end a sentence all the same where the next word has a capital ("t.i.d. Denies pain"); `No.` is one only
/// before a number.
///
/// # Panics
/// If `at` is no boundary of a character in the text.
#[must_use]
pub fn is_abbreviated(text: &str, at: usize) -> bool {
    let word = last_word(&text[..at]);
    let Some(first) = word.chars().next() else { return false };
    let rest = text[at..].trim_start_matches('.').trim_start();
    let next = rest.chars().next();
    let lower = word.to_ascii_lowercase();
    let known = |list: &[&str]| list.contains(&lower.as_str());
    if known(&NUMBERING) {
        return next.is_some_and(|next| next.is_ascii_digit());
    }
    if word.len() == 1 {
        let before = last_word(text[..at - 1].trim_end()).to_ascii_lowercase();
        return first.is_ascii_alphabetic() && !LETTERED.contains(&before.as_str());
    }
    if HOMONYMS.contains(&word) {
        // A name in capitals, where all is written so.
        return rest.len() > 1 && rest.chars().take(2).all(char::is_uppercase);
    }
    if known(&LEADING) {
        return true;
    }
    let is_letter = |part: &str| part.len() == 1 && part.as_bytes()[0].is_ascii_alphabetic();
    let is_dotted = word.contains('.') && word.split('.').all(is_letter);
    if is_dotted && first.is_ascii_uppercase() {
        return true;
    }
    (is_dotted || known(&TRAILING)) && next.is_some_and(|next| !next.is_uppercase())
}

/// The letters and points at the end of a text, up to a few more than a word that is asked for has.
fn last_word(before: &str) -> &str {
    let mut from = before.len();
    for (at, c) in before.char_indices().rev().take(MOST) {
        if !(c.is_alphanumeric() || c == '.') {
            break;
        }
        from = at;
    }
    &before[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        let mut from = 0;
        let mut found = Vec::new();
        for at in text.char_indices().map(|(at, _)| at) {
            if let Some(end) = sentence_end(text, at).filter(|end| *end > from) {
                found.push(text[from..end].trim());
                from = end;
            }
        }
        found.extend(Some(text[from..].trim()).filter(|rest| !rest.is_empty()));
        found
    }

    /// A text whose sentences are parted by `|`.
    fn check(parted: &str) {
        let expected: Vec<&str> = parted.split('|').map(str::trim).collect();
        assert_eq!(split(&parted.replace('|', "")), expected);
    }

    #[test]
    fn short_forms_and_numbers_end_no_sentence() {
        check("A mass of approx. 3 cm, cf. Fig. 2.| No change vs. 2019, e.g. in size.");
        check("Dr. X and Prof. A. B. Smith of St. Mary saw Mrs. Doe.| She is well.");
        check("Nodule No. 3 is 1.5 cm.| Fever: no.| Cough: yes.");
        check("3.5 cm.| 2 nodes (max. 8 mm) of ca. 5 mm.");
        check("See Smith et al. 2017; the U.S. Preventive Services agree.".replace("; ", ";| ").as_str());
    }

    #[test]
    fn what_may_be_the_last_word_ends_one_before_a_capital() {
        check("Metformin 500 mg b.i.d. with food.| Aspirin p.o. q.d.| Denies pain.");
        check("Fever, chills etc. since May.| Cough etc.| None now.");
        check("At 8 a.m. he fell.| Seen at 9 p.m.| Stable.");
    }

    #[test]
    fn a_letter_that_is_a_name_of_its_own_is_no_initial() {
        check("She has hepatitis B.| She takes vitamin D.| Seen by J. Smith.");
        check("Grade I.| No mets.| Seen on MR.| She has MS.| Mr. Doe agrees.");
        check("MR. DOE IS WELL.| NO. 3 IS NEW.");
    }

    #[test]
    fn quotes_and_brackets_close_with_their_sentence() {
        check("He said \"no pain.\"| (None was seen.)| Then he left!| Really?| Yes");
    }

    #[test]
    fn chinese_marks_end_one_without_a_space() {
        check("左肺见约3.5cm结节。|无积液！|复查？|考虑良性；|建议随访");
        check("患者说“不痛。”|今复诊。|CT vs. MR一致。");
    }

    #[test]
    fn a_long_run_of_points_is_read_in_a_moment() {
        let text = "a.".repeat(200_000);
        assert_eq!(split(&text), [text.as_str()]);
        assert_eq!(split(&". ".repeat(3)), [".", ".", "."]);
        for at in 0..9 {
            assert_eq!(sentence_end("none here", at), None);
        }
    }
}
