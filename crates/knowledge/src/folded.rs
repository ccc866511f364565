use std::ops::Range;

/// A text in lowercase, with one space between words, that knows where each of its bytes came from.
///
/// Typographic apostrophes and hyphens become those of the keyboard, so that a list of words need not hold both.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    pub(crate) text: String,
    /// Of each byte of `text`: where its character begins in the source, and the byte behind it.
    places: Vec<[usize; 2]>,
    /// Where a new paragraph or item of a list begins in `text`.
    pub(crate) breaks: Vec<usize>,
}

impl Folded {
    pub(crate) fn new(source: &str) -> Self {
        let mut folded = Self { text: String::new(), places: Vec::new(), breaks: Vec::new() };
        let mut space = Space::default();
        for (at, character) in source.char_indices() {
            if character.is_whitespace() {
                space.meet(character, at);
                continue;
            }
            if let Some(from) = space.begun.take() {
                if !folded.text.is_empty() {
                    folded.push(' ', [from, at]);
                    if space.lines > 1 || (space.lines == 1 && begins_item(&source[at..])) {
                        folded.breaks.push(folded.text.len());
                    }
                }
                space = Space::default();
            }
            let place = [at, at + character.len_utf8()];
            match character {
                '\u{2018}' | '\u{2019}' | '\u{02BC}' => folded.push('\'', place),
                '\u{2010}'..='\u{2015}' | '\u{2212}' => folded.push('-', place),
                '\u{201C}' | '\u{201D}' => folded.push('"', place),
                // Neither is seen.
                '\u{00AD}' | '\u{200B}' => {}
                _ => character.to_lowercase().for_each(|character| folded.push(character, place)),
            }
        }
        folded
    }

    fn push(&mut self, character: char, [from, end]: [usize; 2]) {
        self.text.push(character);
        self.places.resize(self.text.len(), [from, end]);
    }

    /// The place in the source of a range here that holds a character.
    pub(crate) fn source(&self, range: Range<usize>) -> Range<usize> {
        self.places[range.start][0]..self.places[range.end - 1][1]
    }

    /// The range here of a place in the source.
    pub(crate) fn range(&self, source: &Range<usize>) -> Range<usize> {
        let at = |place: usize| self.places.partition_point(|[from, _]| *from < place);
        at(source.start)..at(source.end)
    }
}

/// White space since the last character.
#[derive(Default)]
struct Space {
    begun: Option<usize>,
    lines: usize,
}

impl Space {
    fn meet(&mut self, character: char, at: usize) {
        self.begun.get_or_insert(at);
        self.lines += usize::from(matches!(character, '\n' | '\u{2028}' | '\u{2029}'));
    }
}

/// Whether a line begins as an item of a list does: a bullet, or a number with a point or a bracket.
fn begins_item(line: &str) -> bool {
    if let Some(rest) = line.strip_prefix(['-', '*', '\u{2022}', '\u{2013}']) {
        return rest.starts_with(char::is_whitespace);
    }
    let rest = line.trim_start_matches(|character: char| character.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(['.', ')']) && rest[1..].starts_with(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_folding() {
        let source = "  Patient\u{2019}s   \u{0130}LEUM \u{2013}\n\nNo\u{00AD}rmal.\n- 2 cm";
        let folded = Folded::new(source);
        assert_eq!(folded.text, "patient's i\u{0307}leum - normal. - 2 cm");
        assert_eq!(
            folded.breaks.iter().map(|at| &folded.text[*at..]).collect::<Vec<_>>(),
            ["normal. - 2 cm", "- 2 cm"]
        );
        for (word, original) in [
            ("patient's", "Patient\u{2019}s"),
            ("i\u{0307}leum", "\u{0130}LEUM"),
            ("normal.", "No\u{00AD}rmal."),
        ] {
            let at = folded.text.find(word).unwrap();
            let place = folded.source(at..at + word.len());
            assert_eq!(&source[place.clone()], original);
            assert_eq!(folded.range(&place), at..at + word.len());
        }
        assert_eq!(Folded::new(" \n ").text, "");
    }
}
