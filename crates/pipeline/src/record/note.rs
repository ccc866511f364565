use std::ops::Range;

use wilhelm_study::sentence_end;

use super::parts::{Part, RESULTS, announcement};
use super::short_forms::written_out;
use super::{Entry, dates, entry, span};

/// The sentences of a note, each in its part.
///
/// A heading opens a part. Without one the first words of a sentence say where it belongs ("bp", "plan"), else it
/// goes with the sentence before it; what comes first is the complaint.
pub(super) fn entries(text: &str, source: usize, day: Option<dates::Day>) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut headed = None;
    let mut last: Option<Part> = None;
    for line in lines(text) {
        let (heading, rest) = match heading(&text[line.clone()]) {
            Some((part, length)) => (Some(part), line.start + length..line.end),
            None => (None, line),
        };
        if heading.is_some() {
            headed = heading;
            last = None;
        }
        for bytes in sentences(text, rest) {
            let original = &text[bytes.clone()];
            let begun = Part::of_beginning(original).or_else(|| is_result(original).then_some(Part::Results));
            let part = match (headed, begun) {
                (Some(part), _) => part,
                (None, Some(part)) => part,
                (None, None) => last.map_or(Part::ChiefComplaint, |part| match part {
                    // What is told after the complaint is its history.
                    Part::ChiefComplaint => Part::History,
                    part => part,
                }),
            };
            last = Some(part);
            // The part says already what "meds" and "plan" announce.
            let bytes = match (headed, begun) {
                (None, Some(_)) => bytes.start + announcement(original)..bytes.end,
                _ => bytes,
            };
            let original = &text[bytes.clone()];
            let date = dates::find(original, day);
            found.push(entry(written_out(original), part, vec![span(source, text, bytes, None)], date));
        }
    }
    found
}

fn is_result(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    RESULTS
        .iter()
        .any(|name| lower.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)))
}

/// A known heading at the beginning of a line and the length of what belongs to it.
fn heading(line: &str) -> Option<(Part, usize)> {
    if let Some((name, rest)) = line.split_once(':')
        && name.len() <= 40
        && let Some(part) = Part::of_heading(name)
    {
        return Some((part, line.len() - rest.len()));
    }
    // A line of its own: "IMPRESSION"
    let is_title = line.trim().chars().all(|c| !c.is_lowercase()) || line.trim().starts_with('#');
    let bare = line.trim().trim_start_matches('#').trim();
    Part::of_heading(bare).filter(|_| is_title).map(|part| (part, line.len()))
}

/// Lines, where those of flowing text are put together: a line goes on in the next one unless that begins something.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let mut open = false;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.trim_end().len();
        at += line.len();
        let bare = line.trim();
        if bare.is_empty() {
            open = false;
            continue;
        }
        let begins =
            bare.starts_with(['-', '*', '\u{2022}']) || begins_with_number(bare) || heading(bare).is_some();
        let continues = open && !begins && !bare.starts_with(char::is_uppercase);
        match found.last_mut() {
            Some(last) if continues => last.end = range.end,
            _ => {
                let indent = line.len() - line.trim_start().len();
                found.push(range.start + indent..range.end);
            }
        }
        open = !bare.ends_with(['.', '!', '?', ':'])
            && heading(bare).is_none_or(|(_, length)| length < bare.len());
    }
    found
}

fn begins_with_number(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(['.', ')']) && rest[1..].starts_with(' ')
}

/// The sentences of a range: their bytes, without white space, bullets and numbers of items around them.
fn sentences(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let part = &text[range.clone()];
    let mut found = Vec::new();
    let mut from = 0;
    for (at, _) in part.char_indices() {
        if let Some(end) =
            sentence_end(part, at).filter(|end| *end > from && !is_number_of_item(&part[from..at]))
        {
            found.push(from..end);
            from = end;
        }
    }
    found.push(from..part.len());
    found
        .into_iter()
        .filter_map(|one| trimmed(text, range.start + one.start..range.start + one.end))
        .collect()
}

/// Whether what stands before a point is the number of an item: "2."
fn is_number_of_item(before: &str) -> bool {
    let word = before.trim();
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let part = &text[range.clone()];
    let mut rest = part.trim_start().trim_start_matches(['-', '*', '\u{2022}']).trim_start();
    if begins_with_number(rest) {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_digit())[1..].trim_start();
    }
    let start = range.end - rest.len();
    let core = rest.trim_end();
    core.chars().any(char::is_alphanumeric).then(|| start..start + core.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_keep_their_bytes() {
        let text = "1. Dr. A. Smith saw 1.5 cm.  Next; last\n - item one\nwhich goes on.\n\nPLAN\n2) rest";
        let found: Vec<&str> =
            lines(text).into_iter().flat_map(|line| sentences(text, line)).map(|at| &text[at]).collect();
        assert_eq!(
            found,
            ["Dr. A. Smith saw 1.5 cm.", "Next;", "last", "item one\nwhich goes on.", "PLAN", "rest"]
        );
        let text = "BP: 120/80. Mass of approx. 3 cm vs. 2 cm, No. 3. Fever: no. Cough b.i.d. Denies pain. 胸痛3天。无咳嗽";
        let found: Vec<&str> =
            lines(text).into_iter().flat_map(|line| sentences(text, line)).map(|at| &text[at]).collect();
        let expected = [
            "BP: 120/80.",
            "Mass of approx. 3 cm vs. 2 cm, No. 3.",
            "Fever: no.",
            "Cough b.i.d.",
            "Denies pain.",
            "胸痛3天。",
            "无咳嗽",
        ];
        assert_eq!(found, expected);
    }
}
