/// The sentences of a text as the phrase lists want them: lowercase, one space between words, and `a/b` as "a or b".
pub(super) fn sentences(text: &str) -> Vec<String> {
    let tidy = tidy(text);
    let words: Vec<&str> = tidy.split(' ').filter(|word| !word.is_empty()).collect();
    let (mut all, mut sentence) = (Vec::new(), String::new());
    for (place, word) in words.iter().enumerate() {
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(word);
        let stop = word.ends_with(['.', '!', '?', ';']);
        // "1. 5 cm" is one number, which the points' spaces have parted.
        let number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
        let parted = number(word) && words.get(place + 1).is_some_and(|next| number(next));
        if stop && !parted {
            all.push(std::mem::take(&mut sentence));
        }
    }
    if !sentence.is_empty() {
        all.push(sentence);
    }
    all
}

fn tidy(text: &str) -> String {
    let lower = text.to_lowercase().replace("and/or", "or");
    let characters: Vec<char> = lower.chars().collect();
    let letter = |at: Option<&char>| at.is_some_and(char::is_ascii_alphabetic);
    let mut parted = String::with_capacity(lower.len());
    for (place, character) in characters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| characters.get(place));
        if *character == '/' && letter(before) && letter(characters.get(place + 1)) {
            parted.push_str(" or ");
        } else {
            parted.push(*character);
        }
    }
    let spaced = parted.replace("..", ".").replace('.', ". ").replace(',', ", ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_in_lowercase_and_numbers_stay_whole() {
        let text = "1. Left effusion,small.\n\n2.  No mass/nodule of 1.5 cm and/or scar..Clear";
        assert_eq!(
            sentences(text),
            ["1.", "left effusion, small.", "2.", "no mass or nodule of 1. 5 cm or scar.", "clear"]
        );
        assert!(sentences(" \n").is_empty());
    }
}
