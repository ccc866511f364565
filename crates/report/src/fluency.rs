/// Verbs and forms of them that carry a clause in a report.
const VERBS: [&str; 17] = [
    "is",
    "are",
    "was",
    "were",
    "be",
    "shows",
    "show",
    "has",
    "have",
    "measures",
    "lies",
    "appears",
    "remains",
    "looks",
    "favors",
    "suggests",
    "indicates",
];
/// Grades of a finding, as words of their own.
const GRADES: [&str; 8] =
    ["unlikely", "likely", "probable", "possible", "present", "absent", "seen", "indeterminate"];
/// Words that want a noun, an adjective or a number after them.
const OPEN: [&str; 15] =
    ["the", "a", "an", "this", "no", "of", "on", "in", "at", "for", "with", "from", "by", "to", "and"];
/// Words that are none of these.
const CLOSED: [&str; 21] = [
    "is", "are", "was", "were", "be", "shows", "show", "has", "have", "measures", "lies", "appears",
    "remains", "looks", "of", "on", "in", "for", "with", "from", "seen",
];
/// Nouns that a sentence needs once.
const ONCE: [&str; 6] = ["appearance", "probability", "evidence", "image", "examination", "estimate"];

/// Why a wording that means the right thing is still none that a reader should meet: broken grammar and
/// odd turns that small language models produce. The first reason found.
pub(crate) fn awkward(sentence: &str) -> Option<&'static str> {
    let words: Vec<String> = sentence
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if grades_a_probability(&words) {
        return Some("grades the probability, expected to grade the finding");
    }
    if matches!(words.as_slice(), ["it", "is" | "was" | "has", rest @ ..] if rest.iter().take(2).any(|word| *word == "that"))
    {
        return Some("announces the finding, expected to state it");
    }
    let follows = |place: usize, of: &[&str]| words.get(place + 1).is_some_and(|word| of.contains(word));
    for (place, word) in words.iter().enumerate() {
        if ["the", "a", "an", "this"].contains(word)
            && follows(place, &["indeterminate", "suspicious", "consistent", "suggestive"])
            && follows(place + 1, &["for", "with", "of"])
        {
            return Some("lacks a subject");
        }
        if *word == "that" && !words[place + 1..].iter().any(|word| VERBS.contains(word)) {
            return Some("lacks a verb");
        }
    }
    for pair in words.windows(2) {
        let [before, after] = pair else { continue };
        let article = |word: &str| ["the", "a", "an", "this"].contains(&word);
        let infinitive = *before == "to" && *after == "be";
        if before == after
            || article(before) && article(after)
            || OPEN.contains(before) && CLOSED.contains(after) && !infinitive
        {
            return Some("is no English sentence");
        }
    }
    if words.last().is_some_and(|word| OPEN.contains(word)) {
        return Some("is no English sentence");
    }
    let twice = |noun: &&str| words.iter().filter(|word| *word == noun).count() > 1;
    ONCE.iter().any(twice).then_some("says a word twice")
}

/// Whether a probability is called likely, unlikely or present, as no reader would say it.
fn grades_a_probability(words: &[&str]) -> bool {
    let number = |word: &&&str| !word.starts_with(|c: char| c.is_ascii_digit());
    words.iter().enumerate().any(|(place, word)| {
        *word == "probability"
            && words[place + 1..].iter().take(8).take_while(number).any(|word| GRADES.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_reader_should_meet_is_named() {
        for (sentence, reason) in [
            (
                "The probability of pneumonia is unlikely, estimated probability 14 %.",
                "grades the probability",
            ),
            ("It is seen that the glioma is probable.", "announces"),
            ("It was found that no pneumonia is present.", "announces"),
            ("The indeterminate for pneumonia.", "lacks a subject"),
            ("There is an appearance that of pneumonia.", "lacks a verb"),
            ("Probable malignant breast lesion is a on the this this seen.", "is no English sentence"),
            ("Pneumonia is seen in the is.", "is no English sentence"),
            ("No pneumonia seen on the.", "is no English sentence"),
            ("The appearance of the appearance is consistent with pneumonia.", "says a word twice"),
        ] {
            assert!(awkward(sentence).is_some_and(|found| found.starts_with(reason)), "{sentence}");
        }
    }

    #[test]
    fn plain_sentences_pass() {
        for sentence in [
            "Pneumonia is unlikely; the estimated probability is 14 %.",
            "With a probability of 14 %, pneumonia is unlikely.",
            "The appearance is indeterminate for pneumonia.",
            "There is a mass that measures 14 mm.",
            "It is a probable glioma.",
            "Appearance consistent with tumor; estimated probability of no tumor 1 %.",
        ] {
            assert_eq!(awkward(sentence), None, "{sentence}");
        }
    }
}
