/// Words for a year and for a month, as texts of requests have them.
const YEARS: [&str; 9] = ["year", "years", "yr", "yrs", "yo", "y/o", "y.o", "y", "yearold"];
const MONTHS: [&str; 5] = ["month", "months", "mo", "mth", "mths"];
const WEEKS: [&str; 4] = ["week", "weeks", "wk", "wks"];
const DAYS: [&str; 2] = ["day", "days"];

/// The age that a text states of its patient: a number before "year", "month", "week" or "day" that is followed by "old" or by
/// a word for the patient ("3-year-old boy", "46 y/o", "7 months old", "62 yr female").
///
/// The first one counts; a text without one has none. A number of years that nothing ties to the patient ("smoker for 20
/// years") is no age.
///
/// # Units
/// Years.
pub fn age_years(text: &str) -> Option<f64> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|character: char| {
            character.is_whitespace() || matches!(character, '-' | ',' | ';' | '(' | ')')
        })
        .map(|word| word.trim_matches(['.', ':']))
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().enumerate().find_map(|(place, word)| {
        let digits =
            word.chars().take_while(|character| character.is_ascii_digit() || *character == '.').count();
        let (number, unit) = word.split_at(digits);
        let number: f64 = number.parse().ok()?;
        let (unit, next) =
            if unit.is_empty() { (*words.get(place + 1)?, place + 2) } else { (unit, place + 1) };
        let days = if YEARS.contains(&unit) {
            365.25
        } else if MONTHS.contains(&unit) {
            30.4375
        } else if WEEKS.contains(&unit) {
            7.0
        } else if DAYS.contains(&unit) {
            1.0
        } else {
            return None;
        };
        // "y/o" and "yo" hold the "old" already.
        let tied = matches!(unit, "yo" | "y/o" | "y.o" | "yearold")
            || words.get(next).is_some_and(|word| is_of_patient(word));
        let years = number * days / 365.25;
        (tied && (0.0..=130.0).contains(&years)).then_some(years)
    })
}

fn is_of_patient(word: &str) -> bool {
    matches!(
        word,
        "old"
            | "o"
            | "male"
            | "female"
            | "m"
            | "f"
            | "man"
            | "woman"
            | "boy"
            | "girl"
            | "child"
            | "infant"
            | "patient"
            | "lady"
            | "gentleman"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_durations_are_not() {
        let cases = [
            ("3-year-old boy with cough", Some(3.0)),
            ("46 y/o F, fever", Some(46.0)),
            ("46yo with fever", Some(46.0)),
            ("18 months old, wheeze", Some(18.0 * 30.4375 / 365.25)),
            ("XXXX yr old female, 20 years smoker", None),
            ("62 yr female", Some(62.0)),
            ("cough for 3 weeks", None),
            ("smoker for 20 years", None),
            ("400 year old mummy", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = age_years(text);
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => found == expected,
            };
            assert!(same, "{text:?}: {found:?}, expected {expected:?}");
        }
    }
}
