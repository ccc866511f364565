use crate::recognize::normal;

/// Words that carry no content of their own.
const STOP: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "among", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "between", "both", "but", "by", "can", "could", "did", "do",
    "does", "during", "each", "either", "for", "from", "had", "has", "have", "having", "he", "her", "his",
    "how", "however", "i", "if", "in", "into", "is", "it", "its", "itself", "may", "might", "more", "most",
    "must", "no", "nor", "not", "of", "on", "one", "only", "or", "other", "our", "out", "over", "own", "per",
    "same", "shall", "she", "should", "since", "so", "some", "such", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "through", "thus", "to", "too", "under", "until",
    "up", "upon", "using", "very", "via", "was", "we", "were", "what", "when", "where", "whether", "which",
    "while", "who", "whom", "whose", "why", "will", "with", "within", "without", "would", "you", "your",
    "us", "s", "t",
];

/// The words of a text that carry its content, in their dictionary form (lower case, singular, American) and with the ends of
/// verbs cut, in order. Numbers are not among them.
#[must_use]
pub fn content_terms(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words
        .filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()))
        .filter(|word| !STOP.contains(&word.to_lowercase().as_str()))
        .map(|word| stem(&normal(word)))
        .collect()
}

/// Cuts the ends of verbs and adverbs that change no content: "reduced", "reducing", "reduces" are one.
fn stem(word: &str) -> String {
    if !word.is_ascii() {
        return word.to_owned();
    }
    let ends = ["ingly", "edly", "ing", "ed", "ly", "es", "e"];
    let end = ends.iter().find(|end| word.ends_with(**end) && word.len() >= end.len() + 4);
    let cut = &word[..word.len() - end.map_or(0, |end| end.len())];
    // "stopped" and "stop".
    let bytes = cut.as_bytes();
    match bytes {
        [.., a, b] if a == b && end.is_some() && !b"lsz".contains(b) => cut[..cut.len() - 1].to_owned(),
        _ => cut.to_owned(),
    }
}

/// The numbers of a text as they would be written shortest, with a percent sign that follows: `0.050` is `0.05`, `1,200` is
/// `1200`, `71 %` is `71%`. Numbers within words ("CD4") and small ones in words ("three") count too.
#[must_use]
pub fn numbers(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        if !characters[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let from = at;
        while at < characters.len() {
            let next_is_digit = characters.get(at + 1).is_some_and(char::is_ascii_digit);
            let joins = matches!(characters[at], '.' | '\u{B7}') && next_is_digit;
            let thousands = characters[at] == ','
                && next_is_digit
                && characters[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count() == 3;
            if !(characters[at].is_ascii_digit() || joins || thousands) {
                break;
            }
            at += 1;
        }
        let written: String = characters[from..at].iter().filter(|c| **c != ',').collect();
        let mut number = shortest(&written.replace('\u{B7}', "."));
        let behind = characters[at..].iter().find(|c| **c != ' ');
        if behind == Some(&'%')
            || characters[at..].iter().collect::<String>().trim_start().starts_with("percent")
        {
            number.push('%');
        }
        found.push(number);
    }
    const SPELLED: &[&str] =
        &["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    // "One" is an article as often as a number.
    let spelled = words.filter_map(|word| SPELLED.iter().position(|one| *one == word)).filter(|at| *at > 0);
    found.extend(spelled.map(|at| (at + 1).to_string()));
    found
}

fn shortest(number: &str) -> String {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_content_are_one_term() {
        assert_eq!(content_terms("It was reduced by the tumours"), content_terms("reducing tumors"));
        assert_eq!(content_terms("stopped"), content_terms("Stop"));
        assert_eq!(content_terms("What is the cause of asthma?"), ["cause", "asthma"].map(stem));
        assert!(content_terms("12 of 30").is_empty());
    }

    #[test]
    fn numbers_are_one_however_they_are_written() {
        assert_eq!(numbers("71 % of 1,200 had p < 0.050, 3.0 mg; CD4"), ["71%", "1200", "0.05", "3", "4"]);
        assert_eq!(numbers("Three of 10 percent"), ["10%", "3"]);
        assert_eq!(numbers("one of them"), Vec::<String>::new());
        assert_eq!(numbers("2-5, 1,2 and 0.0"), ["2", "5", "1", "2", "0"]);
    }
}
