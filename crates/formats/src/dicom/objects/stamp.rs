use sha2::{Digest, Sha256};

use crate::FormatError;

/// When an object is made, and the number its identifiers are derived from.
///
/// Every identifier is derived from the seed and the role it plays, so that the same stamp gives
/// the same object and two objects of different kinds never share one.
///
/// ```
/// use wilhelm_formats::dicom::objects::Stamp;
/// let stamp = Stamp::new(7, "20260131", "235959")?;
/// assert!(stamp.uid("one").starts_with("2.25.") && stamp.uid("one") != stamp.uid("two"));
/// # Ok::<(), wilhelm_formats::FormatError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    seed: [u8; 32],
    date: String,
    time: String,
}

impl Stamp {
    /// A stamp from 128 random bits and the local date (`YYYYMMDD`) and time (`HHMMSS`).
    ///
    /// # Errors
    /// [`FormatError::Malformed`] for a date or time of another form.
    pub fn new(random: u128, date: &str, time: &str) -> Result<Self, FormatError> {
        Self::of_content(&[&random.to_be_bytes()], date, time)
    }

    /// A stamp from content, whose SHA-256 stands in for randomness: the same content, the same
    /// identifiers.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] for a date or time of another form.
    pub fn of_content(content: &[&[u8]], date: &str, time: &str) -> Result<Self, FormatError> {
        if !is_date(date) {
            return Err(FormatError::malformed("date of the stamp", "no date, expected YYYYMMDD"));
        }
        if !is_time(time) {
            return Err(FormatError::malformed("time of the stamp", "no time, expected HHMMSS"));
        }
        let mut hasher = Sha256::new();
        for part in content {
            // The lengths keep `ab, c` apart from `a, bc`.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Ok(Self { seed: hasher.finalize().into(), date: date.to_owned(), time: time.to_owned() })
    }

    /// The date, `YYYYMMDD`.
    pub fn date(&self) -> &str {
        &self.date
    }
    /// The time, `HHMMSS`.
    pub fn time(&self) -> &str {
        &self.time
    }

    /// The identifier for a role.
    ///
    /// # Source
    /// UUID-derived UID, PS3.5 Annex B.2; UUID version 8, RFC 9562 Section 5.8
    pub fn uid(&self, role: &str) -> String {
        uuid_derived(&[&self.seed, role.as_bytes()])
    }
}

/// A UID under 2.25 from the SHA-256 of some content.
pub(super) fn uuid_derived(content: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    content.iter().for_each(|part| hasher.update(part));
    let digest: [u8; 32] = hasher.finalize().into();
    let mut uuid = [0_u8; 16];
    uuid.copy_from_slice(&digest[..16]);
    uuid[6] = (uuid[6] & 0x0F) | 0x80;
    uuid[8] = (uuid[8] & 0x3F) | 0x80;
    format!("2.25.{}", u128::from_be_bytes(uuid))
}

/// Whether a text is a DA value: eight digits with a month and a day.
pub(super) fn is_date(text: &str) -> bool {
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok());
    text.len() == 8
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(part(4..6), Some(1..=12))
        && matches!(part(6..8), Some(1..=31))
}

/// Whether a text is a TM value: two, four or six digits, and a fraction behind six.
pub(super) fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let part = |range: std::ops::Range<usize>| whole.get(range).and_then(|part| part.parse::<u32>().ok());
    matches!(whole.len(), 2 | 4 | 6)
        && digits(whole)
        && digits(fraction)
        && fraction.len() <= 6
        && (!text.contains('.') || (whole.len() == 6 && !fraction.is_empty()))
        && matches!(part(0..2), Some(0..=23))
        && (whole.len() < 4 || matches!(part(2..4), Some(0..=59)))
        && (whole.len() < 6 || matches!(part(4..6), Some(0..=60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_depends_on_the_seed_and_the_role_and_fits_its_vr() {
        let one = Stamp::new(1, "20260131", "120000").expect("a stamp");
        let two = Stamp::new(2, "20260131", "120000").expect("a stamp");
        assert_eq!(one.uid("series"), one.clone().uid("series"));
        assert_ne!(one.uid("series"), one.uid("instance"));
        assert_ne!(one.uid("series"), two.uid("series"));
        for stamp in [&one, &two] {
            let uid = stamp.uid("series");
            assert!(uid.len() <= 44, "{uid}");
            let number: u128 = uid["2.25.".len()..].parse().expect("a number");
            // Version 8 and the variant of RFC 9562.
            assert_eq!((number >> 76) & 0xF, 8);
            assert_eq!((number >> 62) & 0x3, 2);
        }
    }

    #[test]
    fn dates_and_times_of_another_form_are_refused() {
        for wrong in ["2026-01-31", "20261301", "20260132", "", "2026013١"] {
            assert!(!is_date(wrong), "{wrong}");
        }
        for wrong in ["24", "1260", "12:00:00", "120000.", "1200.5", "1200000", ""] {
            assert!(!is_time(wrong), "{wrong}");
        }
        for right in ["00", "2359", "235960", "120000.123456"] {
            assert!(is_time(right), "{right}");
        }
        assert!(Stamp::new(1, "20260131", "noon").is_err());
    }
}
