/// The stem of a lower-case English word by Porter's algorithm with NLTK's extensions, as rouge-score and METEOR use it.
///
/// A stem is no word (`opacities` gives `opac`): it tells which words are forms of one. Words of one or two letters
/// stay, and so does what follows no rule.
///
/// # Source
/// Porter 1980, doi:10.1108/eb046814; extensions as documented in `nltk.stem.porter` (irregular forms; `ies` and `ied` of
/// four letters; y to i only after a consonant; `alli`, `fulli` and `logi`)
pub fn porter_stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(form, _)| *form == word) {
        return (*stem).to_owned();
    }
    if word.chars().count() <= 2 {
        return word.to_owned();
    }
    let word = plurals(word);
    let word = participles(&word);
    let word = final_y(&word);
    let word = double_suffixes(word);
    let word = replace_first(&word, &SINGLE, |stem| measure(stem) > 0);
    let word = bare_suffixes(&word);
    last_letters(&word)
}

const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

const DOUBLE: [(&str, &str); 21] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
];

const SINGLE: [(&str, &str); 7] = [
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
];

const BARE: [&str; 19] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism",
    "ate", "iti", "ous", "ive", "ize",
];

/// Step 1a.
fn plurals(word: &str) -> String {
    match word.strip_suffix("ies") {
        Some(stem) if stem.chars().count() == 1 => return format!("{stem}ie"),
        _ => {}
    }
    replace_first(word, &[("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")], |_| true)
}

/// Step 1b.
fn participles(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return if stem.chars().count() == 1 { format!("{stem}ie") } else { format!("{stem}i") };
    }
    if let Some(stem) = word.strip_suffix("eed") {
        return if measure(stem) > 0 { format!("{stem}ee") } else { word.to_owned() };
    }
    let with_vowel = |suffix| word.strip_suffix(suffix).filter(|stem| has_vowel(stem));
    let Some(stem) = with_vowel("ed").or_else(|| with_vowel("ing")) else {
        return word.to_owned();
    };
    if ["at", "bl", "iz"].iter().any(|ending| stem.ends_with(ending)) {
        return format!("{stem}e");
    }
    if let Some(last) = double_consonant(stem) {
        let shorter = &stem[..stem.len() - last.len_utf8()];
        return if matches!(last, 'l' | 's' | 'z') { stem.to_owned() } else { shorter.to_owned() };
    }
    if measure(stem) == 1 && ends_short(stem) { format!("{stem}e") } else { stem.to_owned() }
}

/// Step 1c.
fn final_y(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if stem.chars().count() > 1 && consonants(stem).last() == Some(&true) => {
            format!("{stem}i")
        }
        _ => word.to_owned(),
    }
}

/// Step 2.
fn double_suffixes(word: String) -> String {
    let mut word = word;
    while let Some(stem) = word.strip_suffix("alli").filter(|stem| measure(stem) > 0) {
        word = format!("{stem}al");
    }
    if let Some(stem) = word.strip_suffix("logi") {
        // The l belongs to the stem, so that short ones such as "geo" have a measure.
        return if measure(&word[..word.len() - 3]) > 0 { format!("{stem}log") } else { word };
    }
    replace_first(&word, &DOUBLE, |stem| measure(stem) > 0)
}

/// Step 4.
fn bare_suffixes(word: &str) -> String {
    let Some((suffix, stem)) =
        BARE.iter().find_map(|suffix| word.strip_suffix(suffix).map(|stem| (*suffix, stem)))
    else {
        return word.to_owned();
    };
    let goes = measure(stem) > 1 && (suffix != "ion" || stem.ends_with(['s', 't']));
    if goes { stem.to_owned() } else { word.to_owned() }
}

/// Steps 5a and 5b.
fn last_letters(word: &str) -> String {
    let word = match word.strip_suffix('e') {
        Some(stem) if measure(stem) > 1 || (measure(stem) == 1 && !ends_short(stem)) => stem,
        _ => word,
    };
    match word.strip_suffix('l') {
        Some(stem) if stem.ends_with('l') && measure(stem) > 1 => stem.to_owned(),
        _ => word.to_owned(),
    }
}

/// Replaces the first suffix of the list that the word has, if its stem allows it; others are not tried.
fn replace_first(word: &str, rules: &[(&str, &str)], allows: impl Fn(&str) -> bool) -> String {
    for (suffix, replacement) in rules {
        if let Some(stem) = word.strip_suffix(suffix) {
            return if allows(stem) { format!("{stem}{replacement}") } else { word.to_owned() };
        }
    }
    word.to_owned()
}

/// Which letters are consonants; y is one unless it follows one.
fn consonants(word: &str) -> Vec<bool> {
    let mut flags: Vec<bool> = Vec::with_capacity(word.len());
    for letter in word.chars() {
        flags.push(match letter {
            'a' | 'e' | 'i' | 'o' | 'u' => false,
            'y' => flags.last() != Some(&true),
            _ => true,
        });
    }
    flags
}

/// How often a consonant follows a vowel.
fn measure(stem: &str) -> usize {
    consonants(stem).windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

fn has_vowel(stem: &str) -> bool {
    consonants(stem).contains(&false)
}

/// The consonant that a word ends with twice.
fn double_consonant(word: &str) -> Option<char> {
    let mut letters = word.chars().rev();
    let (last, before) = (letters.next()?, letters.next()?);
    (last == before && consonants(word).last() == Some(&true)).then_some(last)
}

/// Whether a word ends with consonant, vowel and consonant other than w, x and y, or is a vowel and a consonant.
fn ends_short(word: &str) -> bool {
    match consonants(word)[..] {
        [false, true] => true,
        [.., true, false, true] => !word.ends_with(['w', 'x', 'y']),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_paper_and_of_nltk() {
        for (word, stem) in [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("cats", "cat"),
            ("feed", "feed"),
            ("agreed", "agre"),
            ("plastered", "plaster"),
            ("bled", "bled"),
            ("sing", "sing"),
            ("hopping", "hop"),
            ("falling", "fall"),
            ("filing", "file"),
            ("happy", "happi"),
            ("enjoy", "enjoy"),
            ("dies", "die"),
            ("died", "die"),
            ("relational", "relat"),
            ("geology", "geolog"),
            ("electriciti", "electr"),
            ("adoption", "adopt"),
            ("controll", "control"),
            ("roll", "roll"),
            ("cease", "ceas"),
            ("is", "is"),
            ("skies", "sky"),
        ] {
            assert_eq!(porter_stem(word), stem, "{word}");
        }
    }

    #[test]
    fn words_of_other_alphabets_are_no_reason_to_panic() {
        for word in
            ["", "\u{e9}tat\u{e9}\u{e9}ing", "\u{5fc3}\u{81d3}\u{80a5}\u{5927}", "yyyyyyyying", "\u{e9}ies"]
        {
            let _ = porter_stem(word);
        }
    }
}
