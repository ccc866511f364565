//! How long a text is and how hard to read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Language;

/// Length of a text, by the measure that its language has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "measure", rename_all = "snake_case")]
pub enum Length {
    /// English: the grade of Flesch and Kincaid, in years of school of the United States.
    FleschKincaid {
        /// Sentences.
        sentences: usize,
        /// Words.
        words: usize,
        /// Syllables, by rule.
        syllables: usize,
        /// The grade.
        grade: f64,
    },
    /// Chinese, for which no such grade is agreed upon: characters, and how many a sentence has.
    Characters {
        /// Sentences.
        sentences: usize,
        /// Han characters, digits and Latin letters; no marks.
        characters: usize,
        /// Characters in a sentence, mean.
        mean: f64,
    },
}

/// The grade of Flesch and Kincaid: 0.39 words a sentence + 11.8 syllables a word - 15.59.
///
/// # Source
/// Kincaid et al. 1975, Derivation of new readability formulas for Navy enlisted personnel, Research Branch Report 8-75,
/// DTIC ADA006655
pub fn flesch_kincaid_grade(sentences: usize, words: usize, syllables: usize) -> f64 {
    let (sentences, words) = (sentences.max(1) as f64, words.max(1) as f64);
    0.39 * words / sentences + 11.8 * syllables as f64 / words - 15.59
}

/// Length of a text; sentences end at a full stop, a question or exclamation mark, in Chinese at a semicolon as well.
pub(super) fn length(text: &str, language: Language) -> Length {
    match language {
        Language::En => {
            let words: Vec<&str> = text.split_whitespace().filter(|word| is_word(word)).collect();
            let ends =
                |word: &&&str| word.trim_end_matches(['"', '\u{201d}', ')']).ends_with(['.', '!', '?']);
            let last_is_open = words.last().is_some_and(|word| !ends(&word));
            let sentences = words.iter().filter(ends).count() + usize::from(last_is_open);
            let syllables = words.iter().map(|word| syllables(word)).sum();
            let grade = flesch_kincaid_grade(sentences, words.len(), syllables);
            Length::FleschKincaid { sentences, words: words.len(), syllables, grade }
        }
        Language::Zh => {
            let pieces = text.split(['。', '！', '？', '；']);
            let counts: Vec<usize> = pieces
                .map(|piece| piece.chars().filter(|c| c.is_alphanumeric()).count())
                .filter(|count| *count > 0)
                .collect();
            let characters = counts.iter().sum();
            let mean = characters as f64 / counts.len().max(1) as f64;
            Length::Characters { sentences: counts.len(), characters, mean }
        }
    }
}

/// Whether a piece between spaces is a word: it holds a letter or a digit.
fn is_word(piece: &str) -> bool {
    piece.chars().any(char::is_alphanumeric)
}

/// Syllables of an English word, by rule: groups of vowels, without silent endings, with those that are spoken apart. A
/// number in digits counts as one. At least one.
pub fn syllables(word: &str) -> usize {
    let parts = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '\'').filter(|part| !part.is_empty());
    parts.map(of_part).sum::<usize>().max(1)
}

/// Words that the rules count wrongly.
const EXCEPTIONS: &[(&str, usize)] =
    &[("beyond", 2), ("technique", 2), ("fluid", 2), ("aortic", 3), ("whoever", 3)];

fn of_part(part: &str) -> usize {
    let word: String = part.to_ascii_lowercase().chars().filter(char::is_ascii_alphabetic).collect();
    if word.is_empty() {
        return 1;
    }
    if let Some((_, count)) = EXCEPTIONS.iter().find(|(known, _)| *known == word) {
        return *count;
    }
    let letters: Vec<char> = word.chars().collect();
    let vowel = |at: usize| matches!(letters.get(at), Some('a' | 'e' | 'i' | 'o' | 'u' | 'y'));
    let groups = (0..letters.len()).filter(|at| vowel(*at) && !(*at > 0 && vowel(at - 1))).count();
    let times = |pairs: &[&str]| pairs.iter().map(|pair| word.matches(pair).count()).sum::<usize>();
    let spoken = groups + times(APART) + usize::from(word.ends_with("sm"));
    spoken.saturating_sub(times(JOINED) + silent(&word)).max(1)
}

/// Neighboring vowels that are two syllables.
const APART: &[&str] = &["ia", "io", "iu", "eo", "uat"];
/// Those that are one after all.
const JOINED: &[&str] = &["tia", "cia", "tio", "cio", "sio", "gion", "quat"];

/// Endings that are written and not spoken.
fn silent(word: &str) -> usize {
    let before = |ending: &str| word.strip_suffix(ending).and_then(|stem| stem.chars().next_back());
    let consonant = |c: Option<char>| c.is_some_and(|c| !"aeiouy".contains(c));
    // `table` and `tables` are two: the e is spoken after a consonant and an l.
    let spoken_l = |ending: &str| before(ending) == Some('l') && consonant(before(&format!("l{ending}")));
    let sibilant = |c: Option<char>| matches!(c, Some('s' | 'x' | 'z' | 'c' | 'g' | 'h'));
    let final_e = word.len() > 2 && consonant(before("e")) && !spoken_l("e");
    let final_ed = consonant(before("ed")) && !matches!(before("ed"), Some('t' | 'd'));
    let final_es = word.len() > 3 && consonant(before("es")) && !sibilant(before("es")) && !spoken_l("es");
    let inner = ["ely", "eful", "ement", "ements"].iter().any(|ending| consonant(before(ending)));
    usize::from(final_e || final_ed || final_es || inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grade_by_hand() {
        // Two sentences, 10 words, 14 syllables: 0.39 * 5 + 11.8 * 1.4 - 15.59.
        assert!((flesch_kincaid_grade(2, 10, 14) - 2.88).abs() < 1e-9);
        let Length::FleschKincaid { sentences, words, syllables, .. } =
            length("The doctor sees the picture. It shows pneumonia (93 %).", Language::En)
        else {
            panic!("English has a grade")
        };
        // The doc-tor sees the pic-ture; it shows pneu-mo-ni-a 93.
        assert_eq!((sentences, words, syllables), (2, 9, 14));
    }

    #[test]
    fn syllables_by_hand() {
        for (word, count) in [
            ("table", 2),
            ("tables", 2),
            ("lived", 1),
            ("wanted", 2),
            ("images", 3),
            ("region", 2),
            ("radiologist", 5),
            ("meningioma", 5),
            ("interpretation", 5),
            ("safely", 2),
            ("Feature-wise", 3),
            ("93", 1),
            ("the", 1),
        ] {
            assert_eq!(syllables(word), count, "{word}");
        }
    }

    #[test]
    fn a_chinese_text_has_characters_and_sentences() {
        assert_eq!(
            length("未见肺炎征象；估计概率4%。请结合临床。", Language::Zh),
            Length::Characters { sentences: 3, characters: 16, mean: 16.0 / 3.0 }
        );
    }
}
