use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A point in time with its offset from UTC, as RFC 3339 writes it: `2026-01-31T14:05:00+01:00`.
///
/// It always comes in as an argument: this crate looks at no clock.
///
/// ```
/// use wilhelm_report::Moment;
/// let moment = Moment::parse("2026-01-31T14:05:00+01:00")?;
/// assert_eq!((moment.date().as_str(), moment.hl7().as_str()), ("20260131", "20260131140500+0100"));
/// assert!(Moment::parse("31 January").is_err());
/// # Ok::<(), wilhelm_report::MomentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Moment(String);

/// A text that is no point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time with its offset, expected a form like 2026-01-31T14:05:00+01:00")]
pub struct MomentError;

impl Moment {
    /// Reads `YYYY-MM-DDThh:mm:ss`, with an optional fraction that is dropped, and `Z` or `+hh:mm`.
    ///
    /// # Errors
    /// [`MomentError`] for any other form, and for a day, hour or offset that does not exist.
    pub fn parse(text: &str) -> Result<Self, MomentError> {
        let text = text.trim();
        let (head, rest) = text.split_at_checked(19).ok_or(MomentError)?;
        let number = |range: std::ops::Range<usize>| -> Result<u32, MomentError> {
            let digits = head.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|part| part.parse().ok()).ok_or(MomentError)
        };
        let marks: Vec<u8> = [4, 7, 10, 13, 16].iter().map(|at| head.as_bytes()[*at]).collect();
        if !matches!(marks.as_slice(), [b'-', b'-', b'T' | b't' | b' ', b':', b':']) {
            return Err(MomentError);
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if year == 0 || !(1..=12).contains(&month) || !(1..=days(year, month)).contains(&day) {
            return Err(MomentError);
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(MomentError);
        }
        let zone = match rest.strip_prefix('.') {
            Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => rest,
        };
        let zone = if zone.eq_ignore_ascii_case("z") { "+00:00" } else { zone };
        let is_zone = zone.len() == 6
            && matches!(zone.as_bytes()[0], b'+' | b'-')
            && zone.as_bytes()[3] == b':'
            && zone[1..3].parse::<u32>().is_ok_and(|hours| hours <= 14)
            && zone[4..6].parse::<u32>().is_ok_and(|minutes| minutes <= 59);
        if !is_zone {
            return Err(MomentError);
        }
        Ok(Self(format!("{}T{}{zone}", &head[..10], &head[11..])))
    }

    /// As RFC 3339 writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The local date, `YYYYMMDD`.
    pub fn date(&self) -> String {
        self.0[..10].replace('-', "")
    }
    /// The local time, `HHMMSS`.
    pub fn time(&self) -> String {
        self.0[11..19].replace(':', "")
    }
    /// The offset from UTC, `+HHMM`.
    pub fn offset(&self) -> String {
        self.0[19..].replace(':', "")
    }
    /// As HL7 v2 (TS) and DICOM (DT) write it: `YYYYMMDDHHMMSS+ZZZZ`.
    pub fn hl7(&self) -> String {
        format!("{}{}{}", self.date(), self.time(), self.offset())
    }
    /// Minutes since the year 0 in UTC, for comparing.
    pub(crate) fn minutes(&self) -> i64 {
        let number = |range: std::ops::Range<usize>| self.0[range].parse::<i64>().unwrap_or(0);
        let (year, month, day) = (number(0..4), number(5..7), number(8..10));
        // Counted from a March, so that the leap day is the last of its year.
        let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * shifted_year + shifted_year / 4 - shifted_year / 100
            + shifted_year / 400
            + (153 * shifted_month + 2) / 5
            + day;
        let sign = if self.0.as_bytes()[19] == b'-' { -1 } else { 1 };
        let offset = sign * (60 * number(20..22) + number(23..25));
        days * 24 * 60 + 60 * number(11..13) + number(14..16) - offset
    }
    /// As a person reads it: `2026-01-31 14:05 (UTC+01:00)`.
    pub fn spoken(&self) -> String {
        format!("{} {} (UTC{})", &self.0[..10], &self.0[11..16], &self.0[19..])
    }
}

const fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for Moment {
    type Error = MomentError;
    fn try_from(text: String) -> Result<Self, MomentError> {
        Self::parse(&text)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_does_not_exist_and_a_time_without_offset_are_refused() {
        for wrong in [
            "",
            "2026-02-29T10:00:00Z",
            "2026-13-01T10:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T10:00:00",
            "2026-01-31T10:00:00+15:00",
            "2026-01-31T10:00:00+1:00",
            "2026-01-31T10:00Z",
            "２026-01-31T10:00:00Z",
        ] {
            assert_eq!(Moment::parse(wrong), Err(MomentError), "{wrong}");
        }
        let leap = Moment::parse("2028-02-29 23:59:59.123456Z").expect("a moment");
        assert_eq!(leap.as_str(), "2028-02-29T23:59:59+00:00");
        assert_eq!(leap.spoken(), "2028-02-29 23:59 (UTC+00:00)");
        assert_eq!((leap.time().as_str(), leap.offset().as_str()), ("235959", "+0000"));
    }
}
