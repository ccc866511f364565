use crate::recognize::sentences;

/// Words of a passage at most, but for a sentence that has more: what a sentence encoder of 256 tokens mostly reads whole.
const WORDS: usize = 160;
/// A sentence of more words than this is no sentence: a table, a list, a document without periods. It is cut.
const SENTENCE: usize = 400;

/// Bytes of a word at most: what is longer is none (a picture in letters, a line without spaces) and counts as several.
const WORD: usize = 256;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whole sentences, with runs of white space made one space.
    pub text: String,
}

/// Cuts a text into pieces of whole sentences, of at most 160 words but for longer sentences (those above 400 are cut).
/// White space is evened out; a word of more than 256 bytes is cut into several; a text without letters or digits gives none.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    let mut close = |words: &mut Vec<&str>| {
        let text = words.join(" ");
        if text.chars().any(char::is_alphanumeric) {
            found.push(Piece { text });
        }
        words.clear();
    };
    for place in sentences(text) {
        let sentence: Vec<&str> = text[place].split_whitespace().flat_map(bounded).collect();
        if !words.is_empty() && words.len() + sentence.len() > WORDS {
            close(&mut words);
        }
        for part in sentence.chunks(SENTENCE) {
            if part.len() == SENTENCE && !words.is_empty() {
                close(&mut words);
            }
            words.extend(part);
            if part.len() == SENTENCE {
                close(&mut words);
            }
        }
    }
    close(&mut words);
    found
}

/// A word, in parts where it is too long for one.
fn bounded(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, behind) = rest.split_at(rest.floor_char_boundary(WORD));
        rest = behind;
        Some(part)
    })
}
