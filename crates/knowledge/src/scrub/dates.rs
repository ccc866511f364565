use super::words::Word;
use super::{Identifying, Removed};

/// Months with what they are shortened to, in English and German.
const MONTHS: [&str; 45] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "januar",
    "februar",
    "märz",
    "mai",
    "juni",
    "juli",
    "oktober",
    "dezember",
    "mrz",
    "okt",
    "dez",
    "jänner",
    "feber",
    "janv",
    "févr",
    "janvier",
    "février",
    "mars",
    "avril",
    "août",
    "décembre",
];

/// Words before which day and month stand without a year: "on 3/14".
const BEFORE_DAY: [&str; 10] = ["on", "since", "dated", "from", "until", "till", "by", "date", "am", "vom"];

pub(super) fn find(words: &[Word<'_>]) -> Vec<Removed> {
    let mut found = Vec::new();
    let mut remove = |from: &Word<'_>, to: &Word<'_>| {
        found.push(Removed { kind: Identifying::Date, at: from.at.start..to.at.end });
    };
    for (index, word) in words.iter().enumerate() {
        if is_numeric_date(word.text) {
            remove(word, word);
            continue;
        }
        let before = index.checked_sub(1).map(|at| &words[at]);
        if is_day_and_month(word.text) && before.is_some_and(|word| BEFORE_DAY.contains(&word.lower.as_str()))
        {
            remove(word, word);
            continue;
        }
        if !is_month(word) {
            // "3-Mar-2021"
            if has_month_inside(word.text) {
                remove(word, word);
            }
            continue;
        }
        // "3 March 2021", "3rd of March", "March 3, 2021", "March 3rd"
        let of = before.filter(|word| word.lower == "of").and(index.checked_sub(2)).map(|at| &words[at]);
        let first = of.or(before).filter(|word| is_day(word));
        let next = words.get(index + 1);
        let day_behind = next.filter(|next| is_day(next));
        let year_at = if day_behind.is_some() { index + 2 } else { index + 1 };
        let year = words.get(year_at).filter(|word| is_year(word));
        let start = first.unwrap_or(word);
        let end = match (day_behind, year) {
            (_, Some(year)) if day_behind.is_some() || first.is_some() => year,
            (Some(day), _) => day,
            // "March 2021" is a month and no day: it stays, as its year does.
            _ => word,
        };
        if first.is_some() || day_behind.is_some() {
            remove(start, end);
        }
    }
    found
}

fn is_month(word: &Word<'_>) -> bool {
    let name = word.lower.trim_end_matches('.');
    MONTHS.contains(&name) && (word.is_capitalized() || name.len() > 4)
}

fn is_day(word: &Word<'_>) -> bool {
    let bare = word.lower.trim_end_matches('.');
    let bare = ["st", "nd", "rd", "th"].iter().find_map(|end| bare.strip_suffix(end)).unwrap_or(bare);
    bare.len() <= 2 && bare.parse().is_ok_and(|day: u32| (1..=31).contains(&day))
}

fn is_year(word: &Word<'_>) -> bool {
    word.text.len() == 4 && word.number().is_some_and(|year| (1880..=2150).contains(&year))
}

/// "2021-03-04", "3/4/21", "04.03.2021", "20210304", "2021-03-04T10:20".
fn is_numeric_date(text: &str) -> bool {
    let day = text.split(['T', 't']).next().unwrap_or(text);
    if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) {
        return is_ymd(&day[..4], &day[4..6], &day[6..]);
    }
    ['/', '.', '-'].into_iter().any(|divider| {
        let parts: Vec<&str> = day.split(divider).collect();
        let [a, b, c] = parts.as_slice() else { return false };
        if ![a, b, c].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
            return false;
        }
        if a.len() == 4 {
            return is_ymd(a, b, c);
        }
        let year_fits = c.len() == 4
            || (c.len() == 2 && divider != '-')
            || (c.len() == 2 && a.len() == 2 && b.len() == 2);
        year_fits && a.len() <= 2 && b.len() <= 2 && (is_ymd("2000", a, b) || is_ymd("2000", b, a))
    })
}

fn is_ymd(year: &str, month: &str, day: &str) -> bool {
    let within =
        |text: &str, least: u32, most: u32| text.parse().is_ok_and(|n: u32| (least..=most).contains(&n));
    within(year, 1880, 2150)
        && month.len() <= 2
        && within(month, 1, 12)
        && day.len() <= 2
        && within(day, 1, 31)
}

/// "3/14"
fn is_day_and_month(text: &str) -> bool {
    let Some((a, b)) = text.trim_end_matches('.').split_once(['/', '.']) else { return false };
    is_ymd("2000", a, b) || is_ymd("2000", b, a)
}

/// "3-Mar-2021"
fn has_month_inside(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let [a, month, c] = parts.as_slice() else { return false };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(a) && digits(c) && MONTHS.contains(&month.to_lowercase().as_str())
}
