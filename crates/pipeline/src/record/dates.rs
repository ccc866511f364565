/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day {
    year: i64,
    month: u32,
    day: u32,
}

const MONTHS: [&str; 12] = [
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
];

impl Day {
    fn new(year: i64, month: u32, day: u32) -> Option<Self> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        ((1880..=2150).contains(&year) && (1..=length).contains(&day)).then_some(Self { year, month, day })
    }

    /// Reads `YYYY-MM-DD`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return None };
        let digits =
            |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
            return None;
        }
        Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }

    /// Days since 1970-01-01.
    ///
    /// # Source
    /// Hinnant 2021, "chrono-compatible low-level date algorithms"
    fn number(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let shifted = i64::from((self.month + 9) % 12);
        let of_year = (153 * shifted + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    fn of_number(number: i64) -> Option<Self> {
        let shifted = number + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_shifted = (5 * of_year + 2) / 153;
        let day = u32::try_from(of_year - (153 * month_shifted + 2) / 5 + 1).ok()?;
        let month =
            u32::try_from(if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 }).ok()?;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(year, month, day)
    }

    fn text(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The first day, month or year that a sentence names, as far as it is exact: `YYYY-MM-DD`, `YYYY-MM` or `YYYY`. Days and
/// weeks ago count from the day of the note; months and years ago are no days.
///
/// Of `3/4/2021` nobody can say the month: such days count only where one of the numbers is above 12.
pub(super) fn find(sentence: &str, note: Option<Day>) -> Option<String> {
    let words: Vec<&str> = sentence
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | ':'))
        .map(|word| word.trim_matches(['.', '!', '?']))
        .filter(|word| !word.is_empty())
        .collect();
    (0..words.len()).find_map(|at| exact(&words, at).or_else(|| ago(&words, at, note)))
}

fn exact(words: &[&str], at: usize) -> Option<String> {
    let word = words[at];
    if let Some(day) = Day::parse(word.get(..10).unwrap_or(word)) {
        return Some(day.text());
    }
    for divider in ['.', '/'] {
        let parts: Vec<&str> = word.split(divider).collect();
        if let [a, b, year] = parts.as_slice()
            && year.len() == 4
        {
            let (a, b, year): (u32, u32, i64) = (a.parse().ok()?, b.parse().ok()?, year.parse().ok()?);
            // Points are the Continent's, where days come first.
            let day = match (divider, a > 12, b > 12) {
                ('.', ..) | (_, true, false) => Day::new(year, b, a),
                (_, false, true) => Day::new(year, a, b),
                _ if a == b => Day::new(year, a, b),
                _ => return Some(format!("{year:04}")).filter(|_| Day::new(year, 1, 1).is_some()),
            };
            return day.map(Day::text);
        }
    }
    let lower = word.to_lowercase();
    let is_month = |name: &&str| *name == lower || (lower.len() == 3 && name.starts_with(&lower));
    let month = MONTHS.iter().position(is_month)?;
    let month = u32::try_from(month + 1).ok()?;
    let number = |at: Option<usize>| {
        let word = words.get(at?)?;
        word.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<u32>().ok()
    };
    let is_year = |year: u32| (1880..=2150).contains(&year);
    let before = number(at.checked_sub(1)).filter(|day| *day <= 31);
    let (behind, after) = (number(Some(at + 1)), number(Some(at + 2)));
    match (before, behind, after) {
        (_, Some(day), Some(year)) if day <= 31 && is_year(year) => {
            Day::new(year.into(), month, day).map(Day::text)
        }
        (Some(day), Some(year), _) if is_year(year) => Day::new(year.into(), month, day).map(Day::text),
        (None, Some(year), _) if is_year(year) => Some(format!("{year:04}-{month:02}")),
        _ => None,
    }
}

/// "3 days ago", "two weeks ago", "yesterday"; "in 2019".
fn ago(words: &[&str], at: usize, note: Option<Day>) -> Option<String> {
    const NUMBERS: [&str; 11] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let lower = words[at].to_lowercase();
    let next = |step: usize| words.get(at + step).map(|word| word.to_lowercase());
    if let Some(year) = next(1)
        .filter(|_| matches!(lower.as_str(), "in" | "since" | "from"))
        .and_then(|word| word.parse::<u32>().ok())
        && (1880..=2150).contains(&year)
        && next(1).is_some_and(|word| word.len() == 4)
    {
        return Some(format!("{year:04}"));
    }
    let back = match lower.as_str() {
        "yesterday" => 1,
        "today" => 0,
        _ => {
            let spelled =
                NUMBERS.iter().position(|name| *name == lower).and_then(|number| i64::try_from(number).ok());
            let count = lower.parse::<i64>().ok().or(spelled).filter(|count| (0..=5000).contains(count))?;
            let unit = match next(1)?.as_str() {
                "day" | "days" => 1,
                "week" | "weeks" => 7,
                _ => return None,
            };
            if next(2)? != "ago" {
                return None;
            }
            count * unit
        }
    };
    Day::of_number(note?.number() - back).map(Day::text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        // 2000-02-29 is 11016 days after 1970-01-01 (by hand: 30 years of 365, 7 leap days before 2000, 59 days).
        assert_eq!(Day::parse("2000-02-29").map(Day::number), Some(30 * 365 + 7 + 59));
        assert_eq!(Day::parse("1970-01-01").map(Day::number), Some(0));
        for number in (-20_000..40_000).step_by(13) {
            assert_eq!(Day::of_number(number).map(Day::number), Some(number));
        }
        for wrong in ["2021-02-29", "2021-13-01", "2021-1-1", "21-01-01", "2021-00-10"] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn exact_days_months_years_and_days_ago_are_found() {
        let note = Day::parse("2024-03-02");
        for (sentence, expected) in [
            ("CT on 2021-03-04 was normal.", Some("2021-03-04")),
            ("On 3 March 2021 and later.", Some("2021-03-03")),
            ("March 3, 2021: operation.", Some("2021-03-03")),
            ("Operated in Mar 2021.", Some("2021-03")),
            ("Seen 24.12.2020.", Some("2020-12-24")),
            ("Seen 12/24/2020.", Some("2020-12-24")),
            ("Seen 3/4/2020.", Some("2020")),
            ("Diagnosed in 2019.", Some("2019")),
            ("Fever began 3 days ago.", Some("2024-02-28")),
            ("Fell two weeks ago.", Some("2024-02-17")),
            ("Worse since yesterday.", Some("2024-03-01")),
            ("Pain for 3 days.", None),
            ("It may be 12 mm.", None),
            ("Ten years ago.", None),
        ] {
            assert_eq!(find(sentence, note).as_deref(), expected, "{sentence}");
        }
        assert_eq!(find("Fever began 3 days ago.", None), None);
    }
}
