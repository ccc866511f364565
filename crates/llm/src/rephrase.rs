use crate::{ChatPrompt, FinishReason, Gbnf, GenerateSettings, LlmError, Rule, TextModel, silent};
use std::collections::BTreeSet;
use std::ops::Range;

/// How a sentence is rephrased.
#[derive(Clone, Debug, PartialEq)]
pub struct RephraseSettings {
    /// 0 always takes the likeliest wording.
    pub temperature: f32,
    /// Seeds the draws.
    pub seed: u32,
    /// Words the model may put before, between and after what is kept.
    pub free_words: usize,
    /// Sentences and good other words for them, shown to the model after the ones that are always shown.
    pub examples: Vec<(String, String)>,
}

impl Default for RephraseSettings {
    fn default() -> Self {
        Self { temperature: 0.5, seed: 1, free_words: 8, examples: Vec::new() }
    }
}

/// How a rephrased sentence fails to say the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfaithful {
    /// It is cut, empty, or more than one sentence.
    #[error("it is not one whole sentence")]
    Sentence,
    /// A phrase to keep is missing, altered or in another order.
    #[error("phrase {number} of {of} that must be kept is missing or out of order")]
    Phrase {
        /// Which phrase, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// It has other numbers, or the same in another order.
    #[error("its numbers differ")]
    Numbers,
    /// It has other words of negation or doubt, or the same in another order.
    #[error("its words of negation or doubt differ")]
    Polarity,
}

/// Words that turn a statement around or weaken it. They are kept as they are and never added.
const POLARITY: [&str; 47] = [
    "absence",
    "absent",
    "apparently",
    "barely",
    "can",
    "cannot",
    "could",
    "definite",
    "definitely",
    "doubt",
    "doubtful",
    "equivocal",
    "except",
    "excluded",
    "excludes",
    "free",
    "hardly",
    "if",
    "improbable",
    "indeterminate",
    "lack",
    "lacks",
    "likely",
    "may",
    "maybe",
    "might",
    "negative",
    "neither",
    "never",
    "no",
    "none",
    "nor",
    "not",
    "perhaps",
    "possible",
    "possibly",
    "probable",
    "probably",
    "rarely",
    "suspected",
    "suspicious",
    "uncertain",
    "unclear",
    "unless",
    "unlikely",
    "unremarkable",
    "without",
];

/// Words without content of their own that any sentence may use. Those that open a subordinate clause are
/// missing: small models rarely close one.
const CONNECTIVES: [&str; 31] = [
    "a",
    "an",
    "and",
    "are",
    "at",
    "be",
    "chance",
    "estimate",
    "estimated",
    "evidence",
    "examination",
    "for",
    "found",
    "from",
    "identified",
    "image",
    "in",
    "is",
    "observed",
    "of",
    "on",
    "seen",
    "show",
    "shown",
    "shows",
    "the",
    "there",
    "this",
    "to",
    "was",
    "with",
];

/// Words no sentence ends with.
const NEVER_LAST: [&str; 28] = [
    "a", "an", "and", "are", "as", "at", "be", "been", "by", "for", "from", "has", "have", "in", "is", "it",
    "of", "on", "show", "shows", "that", "the", "there", "this", "to", "was", "which", "with",
];

/// Says `sentence` in other words, keeping the phrases of `must_keep` and every number, negation and
/// doubt.
///
/// The grammar leaves the model no freedom but the words in between, which come from a short list and
/// from the sentence itself; what it writes is then checked by [`check_faithful`], whatever model it is.
///
/// # Errors
/// [`LlmError::Unfaithful`] if the sentence itself does not hold the phrases in that order, or the model's
/// does not say the same; [`LlmError`] if the model fails.
pub fn rephrase(
    model: &dyn TextModel,
    sentence: &str,
    must_keep: &[&str],
    settings: &RephraseSettings,
) -> Result<String, LlmError> {
    let sentence = sentence.trim();
    check_faithful(sentence, sentence, must_keep)?;
    let generate = GenerateSettings {
        max_tokens: 2 * sentence.len().max(32),
        temperature: settings.temperature,
        seed: settings.seed,
        grammar: Some(Gbnf::new(&rule(sentence, &kept_ranges(sentence, must_keep)?, settings.free_words))?),
        schema: None,
        stop: vec!["\n".to_string()],
    };
    let answer = model.generate(&prompt(sentence, &settings.examples), &generate, &mut silent)?;
    if answer.finish == FinishReason::TokenLimit {
        return Err(Unfaithful::Sentence.into());
    }
    let text = answer.text.trim();
    check_faithful(sentence, text, must_keep)?;
    Ok(text.to_string())
}

/// Up to `count` different faithful wordings of a sentence, from as many seeds; the original is none.
///
/// # Errors
/// [`LlmError`] if the model fails; an unfaithful wording is passed over.
pub fn candidates(
    model: &dyn TextModel,
    sentence: &str,
    must_keep: &[&str],
    count: u32,
    settings: &RephraseSettings,
) -> Result<Vec<String>, LlmError> {
    let mut found: Vec<String> = Vec::new();
    for offset in 0..count {
        let settings = RephraseSettings { seed: settings.seed.wrapping_add(offset), ..settings.clone() };
        match rephrase(model, sentence, must_keep, &settings) {
            Ok(text) if text != sentence.trim() && !found.contains(&text) => found.push(text),
            Ok(_) | Err(LlmError::Unfaithful(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Whether `text` says the same as `sentence` as far as can be told without understanding it: one
/// sentence; the phrases of `must_keep`, what stands in parentheses, numbers with their units, and words of
/// negation and doubt, all in the same order; no other numbers, negations or doubts.
///
/// # Errors
/// [`Unfaithful`], the first difference found.
pub fn check_faithful(sentence: &str, text: &str, must_keep: &[&str]) -> Result<(), Unfaithful> {
    if !is_one_sentence(text) {
        return Err(Unfaithful::Sentence);
    }
    let kept = kept_ranges(sentence, must_keep)?;
    let mut rest = text;
    for (place, range) in kept.iter().enumerate() {
        let phrase = &sentence[range.clone()];
        let missing = Unfaithful::Phrase { number: place + 1, of: kept.len() };
        rest = &rest[find_phrase(rest, phrase).ok_or(missing)?.end..];
    }
    if numbers(sentence) != numbers(text) {
        return Err(Unfaithful::Numbers);
    }
    if polarity(sentence) == polarity(text) { Ok(()) } else { Err(Unfaithful::Polarity) }
}

/// What of the sentence must come again as it is, in order.
fn kept_ranges(sentence: &str, must_keep: &[&str]) -> Result<Vec<Range<usize>>, Unfaithful> {
    let mut kept: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    for (place, phrase) in must_keep.iter().enumerate() {
        let missing = Unfaithful::Phrase { number: place + 1, of: must_keep.len() };
        let found = find_phrase(&sentence[from..], phrase).ok_or(missing)?;
        kept.push(from + found.start..from + found.end);
        from += found.end;
    }
    let own = parentheses(sentence)
        .into_iter()
        .chain(quantities(sentence))
        .chain(words(sentence).filter(|word| is_polar(&sentence[word.clone()])));
    for range in own {
        let apart = |other: &Range<usize>| range.end <= other.start || other.end <= range.start;
        let within = |other: &Range<usize>| range.start <= other.start && other.end <= range.end;
        // Parentheses around a phrase to keep, or a unit after a number to keep, are kept with it.
        if kept.iter().all(|other| apart(other) || within(other)) {
            kept.retain(|other| !within(other));
            kept.push(range);
        }
    }
    kept.sort_by_key(|range| range.start);
    Ok(kept)
}

/// The sentences that the grammar allows.
fn rule(sentence: &str, kept: &[Range<usize>], free_words: usize) -> Rule {
    let own = words(sentence)
        .filter(|word| kept.iter().all(|range| word.end <= range.start || range.end <= word.start))
        .map(|word| sentence[word].to_lowercase())
        .filter(|word| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'));
    let free: BTreeSet<String> = own.chain(CONNECTIVES.map(String::from)).collect();
    let last: BTreeSet<&String> = free.iter().filter(|word| !NEVER_LAST.contains(&word.as_str())).collect();
    let spaced = |word: &String| Rule::literal(format!(" {word}"));
    let between = Rule::choice(free.iter().map(spaced)).repeat(0, free_words.max(1));

    let first_word = Rule::choice(free.iter().map(|word| Rule::literal(capitalized(word))));
    let mut parts = Vec::new();
    for (place, range) in kept.iter().enumerate() {
        let phrase = &sentence[range.clone()];
        if place == 0 {
            let inside = Rule::choice(inner_forms(phrase, range.start == 0).into_iter().map(Rule::literal));
            let before = Rule::sequence([first_word.clone(), between.clone(), Rule::literal(" "), inside]);
            parts.push(Rule::choice([before, Rule::literal(capitalized(phrase))]));
        } else {
            parts.push(between.clone());
            if !phrase.starts_with('(') {
                parts.push(Rule::sequence([Rule::any_of(",;"), between.clone()]).optional());
            }
            parts.push(Rule::literal(format!(" {phrase}")));
        }
    }
    if parts.is_empty() {
        parts.push(first_word);
    }
    parts.push(Rule::sequence([between, Rule::choice(last.into_iter().map(spaced))]).optional());
    parts.push(Rule::literal("."));
    Rule::sequence(parts)
}

/// Instructions with examples that have nothing to do with what is rephrased, and those that the caller has.
pub(crate) fn prompt(sentence: &str, more: &[(String, String)]) -> ChatPrompt {
    let ask = |sentence: &str| format!("Say in other words: {sentence}");
    let examples = [
        (
            "There is no visible sign of frost; the estimated probability is 6 % (95 % interval 3 to 9 %).",
            "No sign of frost is seen, and the estimated probability of it is 6 % (95 % interval 3 to 9 %).",
        ),
        (
            "Conditions are probably consistent with a late harvest (probability 81 %, 95 % interval 70 to 90 %).",
            "The conditions shown are probably those of a late harvest (probability 81 %, 95 % interval 70 to 90 %).",
        ),
        ("No bark beetle is identified.", "There is no evidence of bark beetle."),
        ("The oak measures 14 m.", "The measure of the oak is 14 m."),
    ];
    let prompt = ChatPrompt::ask(ask(sentence))
        .with_system("You say a sentence in other words. The meaning and all numbers stay the same.");
    let prompt = examples
        .iter()
        .fold(prompt, |prompt, (question, answer)| prompt.with_example(ask(question), *answer));
    more.iter().fold(prompt, |prompt, (question, answer)| prompt.with_example(ask(question), answer))
}

/// Where `phrase` stands in `text` as words of its own; its first letter may be large or small.
fn find_phrase(text: &str, phrase: &str) -> Option<Range<usize>> {
    let is_word = |character: char| character.is_alphanumeric();
    let alone = |range: &Range<usize>| {
        let outside_before = text[..range.start].chars().next_back().is_none_or(|c| !is_word(c));
        let outside_after = text[range.end..].chars().next().is_none_or(|c| !is_word(c));
        outside_before && outside_after
    };
    if phrase.is_empty() {
        return None;
    }
    let of = |form: String| {
        let ranges = text.match_indices(&form).map(|(at, form)| at..at + form.len());
        ranges.into_iter().find(|range| alone(range))
    };
    let forms = [phrase.to_string(), capitalized(phrase), uncapitalized(phrase)];
    forms.into_iter().filter_map(of).min_by_key(|range| range.start)
}

/// A capital or digit first, a full stop last, and no end of a sentence in between.
fn is_one_sentence(text: &str) -> bool {
    let Some(inner) = text.strip_suffix('.') else { return false };
    let begins = inner.chars().next().is_some_and(|first| first.is_uppercase() || first.is_ascii_digit());
    let ends_within = inner.char_indices().any(|(at, character)| match character {
        '!' | '?' | '\n' | '\r' => true,
        '.' => !inner[at + 1..].starts_with(|next: char| next.is_ascii_digit()),
        _ => false,
    });
    begins && !ends_within
}

/// Words: letters, with hyphens and apostrophes inside.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_letter = |character: char| character.is_alphabetic() || "-'\u{2019}".contains(character);
    spans(text, is_letter).into_iter().filter(move |range| text[range.clone()].contains(char::is_alphabetic))
}

/// Longest stretches of characters that satisfy `belongs`.
fn spans(text: &str, belongs: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (at, character) in text.char_indices().filter(|(_, character)| belongs(*character)) {
        let end = at + character.len_utf8();
        match spans.last_mut() {
            Some(last) if last.end == at => last.end = end,
            _ => spans.push(at..end),
        }
    }
    spans
}

/// Numbers as they are written.
fn numbers(text: &str) -> Vec<&str> {
    number_ranges(text).into_iter().map(|range| &text[range]).collect()
}

fn number_ranges(text: &str) -> Vec<Range<usize>> {
    let trim = |range: Range<usize>| {
        let digits = text[range.clone()].trim_end_matches('.');
        range.start..range.start + digits.len()
    };
    let has_digit = |range: &Range<usize>| text[range.clone()].contains(|c: char| c.is_ascii_digit());
    spans(text, |c| c.is_ascii_digit() || c == '.').into_iter().map(trim).filter(has_digit).collect()
}

/// Numbers with what follows them: a percent sign or a unit of up to three letters.
fn quantities(text: &str) -> Vec<Range<usize>> {
    let with_unit = |range: Range<usize>| {
        let rest = &text[range.end..];
        let unit = rest.trim_start_matches(' ');
        let spaces = rest.len() - unit.len();
        let letters = unit.chars().take_while(|character| character.is_alphabetic()).count();
        let is_function_word = CONNECTIVES.contains(&unit.get(..letters).unwrap_or_default());
        if unit.starts_with('%') {
            range.start..range.end + spaces + 1
        } else if (1..=3).contains(&letters) && !is_function_word && unit.is_char_boundary(letters) {
            range.start..range.end + spaces + letters
        } else {
            range
        }
    };
    number_ranges(text).into_iter().map(with_unit).collect()
}

/// Stretches in parentheses, which are not nested.
fn parentheses(text: &str) -> Vec<Range<usize>> {
    let close = |(open, _): (usize, &str)| text[open..].find(')').map(|length| open..open + length + 1);
    text.match_indices('(').filter_map(close).collect()
}

/// The words of negation and doubt, in order and in small letters.
fn polarity(text: &str) -> Vec<String> {
    let normal = |word: Range<usize>| {
        let word = text[word].to_lowercase().replace('\u{2019}', "'");
        if word.ends_with("n't") { "not".to_string() } else { word }
    };
    words(text).map(normal).filter(|word| is_polar(word)).collect()
}

fn is_polar(word: &str) -> bool {
    let word = word.to_lowercase();
    POLARITY.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n\u{2019}t")
}

/// How a phrase may be written inside a sentence, given whether it stood at the beginning of one.
fn inner_forms(phrase: &str, stood_first: bool) -> BTreeSet<String> {
    let mut letters = phrase.chars();
    let only_first_is_large = letters.next().is_some_and(char::is_uppercase)
        && letters.next().is_none_or(|second| !second.is_uppercase());
    let form = if stood_first && only_first_is_large { uncapitalized(phrase) } else { phrase.to_string() };
    BTreeSet::from([form])
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn uncapitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scripted;

    const RAIN: &str =
        "There is no sign of rain; the estimated probability is 4.5 % (95 % interval 2 to 7 %).";

    #[test]
    fn numbers_parentheses_negation_and_doubt_are_kept_with_the_phrases_asked_for() {
        let check = |sentence: &str, must_keep: &[&str], expected: &[&str]| {
            let kept = kept_ranges(sentence, must_keep).expect("the phrases are there");
            let kept: Vec<&str> = kept.into_iter().map(|range| &sentence[range]).collect();
            assert_eq!(kept, expected);
        };
        check(RAIN, &["rain"], &["no", "rain", "4.5 %", "(95 % interval 2 to 7 %)"]);
        check(RAIN, &["rain", "2 to 7 %"], &["no", "rain", "4.5 %", "(95 % interval 2 to 7 %)"]);
        check("No frost is identified.", &["frost"], &["No", "frost"]);
        check("The oak is possibly 14 mm thick.", &["oak"], &["oak", "possibly", "14 mm"]);
        check("It isn't there.", &[], &["isn't"]);
    }

    fn check(text: &str, expected: Result<(), Unfaithful>) {
        assert_eq!(check_faithful(RAIN, text, &["rain"]), expected, "{text}");
    }

    #[test]
    fn another_wording_of_the_same_is_faithful() {
        check(RAIN, Ok(()));
        check("No rain is seen, with a probability of 4.5 % (95 % interval 2 to 7 %).", Ok(()));
    }

    #[test]
    fn what_is_lost_turned_around_or_added_is_found() {
        let phrase = |number| Err(Unfaithful::Phrase { number, of: 4 });
        check("There is rain, probability 4.5 % (95 % interval 2 to 7 %).", phrase(1));
        check("No snow is seen, probability 4.5 % (95 % interval 2 to 7 %).", phrase(2));
        check("No rain is seen, probability 45 % (95 % interval 2 to 7 %).", phrase(3));
        check("No rain is seen, probability 4.5 % (95 % interval 2 to 8 %).", phrase(4));
        check("With 4.5 % (95 % interval 2 to 7 %) there is no rain.", phrase(3));
        check("No rain in 2 days, probability 4.5 % (95 % interval 2 to 7 %).", Err(Unfaithful::Numbers));
        check("It is not that no rain is seen, 4.5 % (95 % interval 2 to 7 %).", Err(Unfaithful::Polarity));
        check("No rain is possible, probability 4.5 % (95 % interval 2 to 7 %).", Err(Unfaithful::Polarity));
        check("No rain isn't seen, probability 4.5 % (95 % interval 2 to 7 %).", Err(Unfaithful::Polarity));
    }

    #[test]
    fn half_a_sentence_or_two_are_refused() {
        for text in [
            "No rain is seen, probability 4.5 % (95 % interval 2 to 7 %)",
            "No rain. Probability 4.5 % (95 % interval 2 to 7 %).",
            "No rain is seen?! Probability 4.5 % (95 % interval 2 to 7 %).",
            "no rain is seen, probability 4.5 % (95 % interval 2 to 7 %).",
            "",
        ] {
            check(text, Err(Unfaithful::Sentence));
        }
    }

    #[test]
    fn all_that_the_grammar_allows_is_faithful_and_the_unfaithful_is_outside() {
        let kept = kept_ranges(RAIN, &["rain"]).expect("it is there");
        let rule = rule(RAIN, &kept, 6);
        let good = "No sign of rain is seen, the probability is 4.5 % (95 % interval 2 to 7 %).";
        assert!(rule.matches(good));
        check(good, Ok(()));
        for bad in [
            "No sign of rain is seen, the probability is 45 % (95 % interval 2 to 7 %).",
            "No sign of rain is not seen, the probability is 4.5 % (95 % interval 2 to 7 %).",
            "No sign of rain is seen, the probability is 4.5 % (95 % interval 2 to 7 %) of the.",
            "No thunder or rain is seen, the probability is 4.5 % (95 % interval 2 to 7 %).",
        ] {
            assert!(!rule.matches(bad), "{bad} was accepted");
        }
        assert!(Gbnf::new(&rule).is_ok());
    }

    #[test]
    fn a_model_that_breaks_the_rules_is_caught() {
        let settings = RephraseSettings::default();
        let run = |answer: &str| {
            rephrase(&Scripted::new("script", [answer]), "No frost is identified.", &["frost"], &settings)
        };
        assert_eq!(run(" There is no frost.\n").expect("it says the same"), "There is no frost.");
        assert!(matches!(
            run("There is frost."),
            Err(LlmError::Unfaithful(Unfaithful::Phrase { number: 1, of: 2 }))
        ));
        let unknown = rephrase(&Scripted::new("script", ["x"]), "No frost.", &["hail"], &settings);
        assert!(matches!(unknown, Err(LlmError::Unfaithful(Unfaithful::Phrase { number: 1, of: 1 }))));
    }

    #[test]
    fn examples_of_the_caller_stand_last_before_the_question() {
        let examples = vec![("No sleet is seen.".to_owned(), "There is no sleet.".to_owned())];
        let settings = RephraseSettings { examples, ..RephraseSettings::default() };
        let model = Scripted::new("script", ["There is no frost."]);
        rephrase(&model, "No frost is identified.", &["frost"], &settings).expect("it says the same");
        let turns: Vec<String> = model.prompts()[0].turns.iter().map(|turn| turn.text.clone()).collect();
        let last: Vec<&str> = turns.iter().rev().take(3).map(String::as_str).collect();
        assert_eq!(
            last,
            [
                "Say in other words: No frost is identified.",
                "There is no sleet.",
                "Say in other words: No sleet is seen."
            ]
        );
    }

    #[test]
    fn candidates_are_faithful_new_and_different() {
        let answers = [
            "No frost is identified.",
            "There is frost.",
            "There is no frost.",
            "There is no frost.",
            "No frost.",
        ];
        let model = Scripted::new("script", answers);
        let found =
            candidates(&model, "No frost is identified.", &["frost"], 5, &RephraseSettings::default());
        assert_eq!(found.expect("the script is long enough"), ["There is no frost.", "No frost."]);
        assert_eq!(model.prompts().len(), 5);
    }
}
