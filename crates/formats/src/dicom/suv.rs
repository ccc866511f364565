//! Standardized uptake value by body weight, where the header allows it safely.
//!
//! Source: PS3.3 Section C.8.9.1; QIBA, "Computing SUV from DICOM", vendor-neutral pseudo-code.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::element::DataSet;

/// The attributes that a standardized uptake value needs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Uptake {
    units: Option<String>,
    suv_type: Option<String>,
    decay_correction: Option<String>,
    corrections: Vec<String>,
    weight_kilograms: Option<f64>,
    dose_becquerel: Option<f64>,
    half_life_seconds: Option<f64>,
    /// Seconds of the day, or seconds since a fixed day where the date is known.
    injected: Option<Moment>,
    series: Option<Moment>,
    acquired: Option<Moment>,
    /// From the time that the series counts from to that of this frame's values (Frame Reference Time).
    frame_reference_seconds: Option<f64>,
    frame_duration_seconds: Option<f64>,
    /// GE's own scan time, which a later reconstruction keeps.
    ge_scan: Option<Moment>,
    /// Philips: from counts to g/mL.
    philips_uptake: Option<f64>,
    /// Philips: from counts to Bq/mL.
    philips_activity: Option<f64>,
}

/// Philips' and GE's private blocks, by who reserved them.
const PHILIPS: (u16, &str) = (0x7053, "Philips PET Private Group");
const GE: (u16, &str) = (0x0009, "GEMS_PETD_01");

/// A private element by its creator: the block is wherever the creator's name stands.
fn private(data_set: &DataSet<'_>, (group, creator): (u16, &str), element: u8) -> Option<Tag> {
    (0x10..=0xFF_u16)
        .find(|block| data_set.text(Tag(group, *block)).is_some_and(|name| name == creator))
        .map(|block| Tag(group, block << 8 | u16::from(element)))
}

/// A DT value, `YYYYMMDDHHMMSS.FFFFFF&ZZXX`; an offset from UTC is undone against the data set's own.
pub(super) fn date_time(text: &str, own_offset: Option<f64>) -> Option<Moment> {
    let (date, time) = text.split_at_checked(8)?;
    let second = second_of_day(time)?;
    let written = time.find(['+', '-']).and_then(|at| utc_offset(&time[at..]));
    let shift = written.zip(own_offset).map_or(0.0, |(written, own)| own - written);
    Some(Moment { day: Some(day_number(date)?), second: second + shift })
}

/// Seconds of an offset from UTC, `+HHMM`.
fn utc_offset(text: &str) -> Option<f64> {
    let sign = match text.get(..1)? {
        "+" => 1.0,
        "-" => -1.0,
        _ => return None,
    };
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u8>().ok().map(f64::from);
    Some(sign * (part(1..3)? * 3600.0 + part(3..5)? * 60.0))
}

/// A moment: the day, counted from a fixed one, where known, and the second of the day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    day: Option<i64>,
    second: f64,
}

impl Moment {
    /// Seconds from `earlier` to `self`; without days, a negative span has crossed midnight once.
    pub(super) fn since(self, earlier: Self) -> f64 {
        let span = self.second - earlier.second;
        match (self.day, earlier.day) {
            (Some(later), Some(day)) => span + (later - day) as f64 * 86_400.0,
            _ if span < 0.0 => span + 86_400.0,
            _ => span,
        }
    }
}

impl Uptake {
    pub(crate) fn read(data_set: &DataSet<'_>) -> Self {
        let drug = data_set.item(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE);
        let drug = drug.as_ref();
        let moment = |date, time| {
            let second = data_set.text(time).as_deref().and_then(second_of_day)?;
            Some(Moment { day: data_set.text(date).as_deref().and_then(day_number), second })
        };
        let own_offset = data_set.text(tags::TIMEZONE_OFFSET_FROM_UTC).as_deref().and_then(utc_offset);
        let milliseconds = |tag| data_set.number(tag).map(|milliseconds| milliseconds / 1000.0);
        let factor = |element| {
            private(data_set, PHILIPS, element)
                .and_then(|tag| data_set.number(tag))
                .filter(|factor| *factor > 0.0)
        };
        let series = moment(tags::SERIES_DATE, tags::SERIES_TIME);
        let start_date_time = drug
            .and_then(|drug| date_time(&drug.text(tags::RADIOPHARMACEUTICAL_START_DATE_TIME)?, own_offset));
        let start_time = drug.and_then(|drug| {
            let second =
                drug.text(tags::RADIOPHARMACEUTICAL_START_TIME).as_deref().and_then(second_of_day)?;
            Some(Moment { day: None, second })
        });
        Self {
            units: data_set.text(tags::UNITS),
            suv_type: data_set.text(tags::SUV_TYPE),
            decay_correction: data_set.text(tags::DECAY_CORRECTION),
            corrections: data_set.texts(tags::CORRECTED_IMAGE),
            weight_kilograms: data_set.number(tags::PATIENT_WEIGHT).filter(|kilograms| *kilograms > 0.0),
            dose_becquerel: drug
                .and_then(|drug| drug.number(tags::RADIONUCLIDE_TOTAL_DOSE))
                .filter(|dose| *dose > 0.0),
            half_life_seconds: drug
                .and_then(|drug| drug.number(tags::RADIONUCLIDE_HALF_LIFE))
                .filter(|seconds| *seconds > 0.0),
            injected: start_date_time.or(start_time),
            series,
            acquired: moment(tags::ACQUISITION_DATE, tags::ACQUISITION_TIME),
            frame_reference_seconds: milliseconds(tags::FRAME_REFERENCE_TIME),
            frame_duration_seconds: milliseconds(tags::ACTUAL_FRAME_DURATION)
                .filter(|seconds| *seconds > 0.0),
            ge_scan: private(data_set, GE, 0x0D)
                .and_then(|tag| data_set.text(tag))
                .and_then(|text| date_time(&text, own_offset)),
            philips_uptake: factor(0x00),
            philips_activity: factor(0x09),
        }
    }

    /// The factor from the calibrated value to g/mL, or why there is none.
    pub(crate) fn factor(&self) -> Result<f64, &'static str> {
        match self.units.as_deref() {
            Some("GML") if matches!(self.suv_type.as_deref(), None | Some("BW")) => Ok(1.0),
            Some("GML") => Err("the values are uptake values, but not by body weight"),
            Some("BQML") => self.by_activity(),
            Some("CNTS") => match (self.philips_uptake, self.philips_activity) {
                // The scanner's own factor holds for what it corrected, as BQML below.
                (Some(factor), _) => self.is_corrected("ATTN").map(|()| factor),
                (None, Some(factor)) => self.by_activity().map(|uptake| uptake * factor),
                (None, None) => Err("the values are counts, and no factor to Bq/mL is given"),
            },
            _ => Err("the unit of the values is not Bq/mL"),
        }
    }

    fn is_corrected(&self, by: &str) -> Result<(), &'static str> {
        if self.corrections.iter().any(|correction| correction == by) {
            return Ok(());
        }
        Err(if by == "ATTN" {
            "the values are not corrected for attenuation"
        } else {
            "the values are said to be corrected for decay, but not listed as such"
        })
    }

    /// From Bq/mL to g/mL: the body weight over the dose that is left at the time the values stand for.
    fn by_activity(&self) -> Result<f64, &'static str> {
        self.is_corrected("ATTN")?;
        let weight = self.weight_kilograms.ok_or("the body weight is missing")?;
        let dose = self.dose_becquerel.ok_or("the total dose is missing")?;
        let half_life = self.half_life_seconds.ok_or("the half-life is missing")?;
        let uptake = weight * 1000.0 / dose;
        match self.decay_correction.as_deref() {
            // Already as at the injection: all of the dose is there.
            Some("ADMIN") => self.is_corrected("DECY").map(|()| uptake),
            Some("START") => {
                self.is_corrected("DECY")?;
                Ok(uptake * (self.elapsed(self.scan_start(half_life)?)? / half_life).exp2())
            }
            Some("NONE") => {
                let acquired = self.acquired.ok_or("the time of acquisition is missing")?;
                let duration = self.frame_duration_seconds.ok_or("the duration of the frame is missing")?;
                // The mean over the frame is what its rate was at this moment within it.
                let moment = self.elapsed(acquired)? + mean_rate_second(duration, half_life);
                Ok(uptake * (moment / half_life).exp2())
            }
            _ => Err("it is not known to when the values are corrected for decay"),
        }
    }

    /// Seconds from the injection to `moment`.
    fn elapsed(&self, moment: Moment) -> Result<f64, &'static str> {
        let injected = self.injected.ok_or("the time of injection is missing")?;
        let elapsed = moment.since(injected);
        if (0.0..=86_400.0).contains(&elapsed) {
            Ok(elapsed)
        } else {
            Err("the scan does not start within a day after the injection")
        }
    }

    /// The moment that values corrected to the start of the scan stand for.
    ///
    /// A series dated after its acquisition is a later reconstruction: GE writes the scan's own
    /// time; elsewhere the frame's acquisition and reference times give it.
    fn scan_start(&self, half_life: f64) -> Result<Moment, &'static str> {
        let series = self.series.ok_or("the time of the series is missing")?;
        let acquired = self.acquired.ok_or("the time of acquisition is missing")?;
        let after = match (series.day, acquired.day) {
            (Some(series), Some(acquired)) if series != acquired => series > acquired,
            _ => series.second > acquired.second,
        };
        if !after {
            return Ok(series);
        }
        if let Some(scan) = self.ge_scan {
            return Ok(scan);
        }
        let reference = self.frame_reference_seconds.ok_or("the series is dated after its acquisition")?;
        let duration = self.frame_duration_seconds.ok_or("the series is dated after its acquisition")?;
        let second = acquired.second - reference + mean_rate_second(duration, half_life);
        Ok(Moment { second, ..acquired })
    }
}

/// Seconds from a frame's beginning to when its rate was the frame's mean: ln(x / (1 - exp(-x))) / lambda.
fn mean_rate_second(duration: f64, half_life: f64) -> f64 {
    let decay = std::f64::consts::LN_2 / half_life;
    let x = decay * duration;
    // exp_m1 keeps the digits of a short frame.
    (x / -(-x).exp_m1()).ln() / decay
}

/// Seconds since midnight of a TM value: `HHMMSS.FFFFFF`, the tail optional.
fn second_of_day(text: &str) -> Option<f64> {
    let part = |range: std::ops::Range<usize>, highest: f64| {
        let number: f64 = text.get(range)?.parse().ok()?;
        (0.0..=highest).contains(&number).then_some(number)
    };
    let hours = part(0..2, 23.0)?;
    let minutes = if text.len() >= 4 { part(2..4, 59.0)? } else { 0.0 };
    // A date-time can carry an offset from UTC behind the seconds.
    let end = text.find(['+', '-']).unwrap_or(text.len());
    let seconds = if end > 4 { part(4..end, 60.999_999)? } else { 0.0 };
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

/// Days of a DA value since 1 March of year 0 (proleptic Gregorian).
fn day_number(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // The year begins in March, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(
        365 * year + year.div_euclid(4) - year.div_euclid(100)
            + year.div_euclid(400)
            + (153 * month + 2) / 5
            + day,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn textbook() -> Uptake {
        let at = |second| Some(Moment { day: Some(1), second });
        Uptake {
            units: Some("BQML".to_owned()),
            suv_type: None,
            decay_correction: Some("START".to_owned()),
            corrections: vec!["ATTN".to_owned(), "DECY".to_owned()],
            weight_kilograms: Some(70.0),
            dose_becquerel: Some(370e6),
            half_life_seconds: Some(6586.2),
            injected: at(36_000.0),
            series: at(36_000.0 + 6586.2),
            acquired: at(36_000.0 + 6586.2),
            frame_reference_seconds: None,
            frame_duration_seconds: None,
            ge_scan: None,
            philips_uptake: None,
            philips_activity: None,
        }
    }

    fn check(change: impl Fn(&mut Uptake), expected: f64) {
        let mut uptake = textbook();
        change(&mut uptake);
        let factor = uptake.factor().expect("all attributes are there");
        assert!((factor / expected - 1.0).abs() < 1e-12, "{factor}, expected {expected}");
    }

    /// 70000 g over 370 MBq.
    const AT_INJECTION: f64 = 70_000.0 / 370e6;

    #[test]
    fn values_corrected_to_the_injection_are_over_the_whole_dose() {
        check(|uptake| uptake.decay_correction = Some("ADMIN".to_owned()), AT_INJECTION);
    }

    #[test]
    fn counts_have_the_scanners_own_factor_or_one_to_activity() {
        let counts = |uptake: &mut Uptake| uptake.units = Some("CNTS".to_owned());
        check(
            |uptake| {
                counts(uptake);
                (uptake.philips_uptake, uptake.philips_activity) = (Some(3e-4), Some(2.0));
            },
            3e-4,
        );
        // Twice as many Bq/mL as counts, one half-life after the injection.
        check(
            |uptake| {
                counts(uptake);
                uptake.philips_activity = Some(2.0);
            },
            2.0 * 2.0 * AT_INJECTION,
        );
    }

    #[test]
    fn a_later_reconstruction_takes_the_time_of_the_scan() {
        let later = |uptake: &mut Uptake| uptake.series = Some(Moment { day: Some(9), second: 1.0 });
        check(
            |uptake| {
                later(uptake);
                uptake.ge_scan = Some(Moment { day: Some(1), second: 36_000.0 + 2.0 * 6586.2 });
            },
            4.0 * AT_INJECTION,
        );
        // A frame acquired 600 s into the scan, whose reference time says so but for the moment of
        // its mean rate: ln(x / (1 - exp(-x))) / lambda with x = 0.0126291 is 59.9369 s of 120 s.
        check(
            |uptake| {
                later(uptake);
                uptake.acquired = Some(Moment { day: Some(1), second: 36_000.0 + 6586.2 + 600.0 });
                uptake.frame_duration_seconds = Some(120.0);
                uptake.frame_reference_seconds = Some(600.0 + mean_rate_second(120.0, 6586.2));
            },
            2.0 * AT_INJECTION,
        );
        assert!((mean_rate_second(120.0, 6586.2) - 59.9369).abs() < 1e-4);
    }

    #[test]
    fn values_that_are_not_corrected_for_decay_are_corrected_by_their_own_frame() {
        // Acquired one half-life after the injection; x = ln 2 for a frame of one half-life, whose
        // mean rate is 1 / (2 ln 2) of its first.
        check(
            |uptake| {
                uptake.decay_correction = Some("NONE".to_owned());
                uptake.corrections = vec!["ATTN".to_owned()];
                uptake.frame_duration_seconds = Some(6586.2);
            },
            2.0 * AT_INJECTION * 2.0 * std::f64::consts::LN_2,
        );
    }

    #[test]
    fn a_scan_behind_midnight_has_its_injection_on_the_day_before() {
        // Injected at 23:30 without a date, scanned at 00:30: 3600 s.
        check(
            |uptake| {
                uptake.injected = Some(Moment { day: None, second: 84_600.0 });
                uptake.series = Some(Moment { day: Some(2), second: 1800.0 });
                uptake.acquired = Some(Moment { day: Some(2), second: 1900.0 });
            },
            AT_INJECTION * (3600.0_f64 / 6586.2).exp2(),
        );
    }

    #[test]
    fn an_offset_from_utc_is_undone_where_the_data_set_states_its_own() {
        let found = |text, own| date_time(text, own).map(|moment| moment.second);
        assert_eq!(found("20240301120000.00+0100", Some(3600.0)), Some(43_200.0));
        // Noon in UTC is 13:00 where the clocks show UTC+1.
        assert_eq!(found("20240301120000+0000", Some(3600.0)), Some(46_800.0));
        assert_eq!(found("20240301120000+0000", None), Some(43_200.0));
        assert_eq!(utc_offset("-0530"), Some(-19_800.0));
    }

    #[test]
    fn one_half_life_after_the_injection_worked_on_paper() {
        // 70 kg = 70000 g over 185 MBq that are left: 3.78378e-4 g/Bq.
        let factor = textbook().factor().expect("all attributes are there");
        assert!((factor - 70_000.0 / 185e6).abs() < 1e-15, "{factor}");
    }

    #[test]
    fn what_is_missing_is_named() {
        type Spoil = fn(&mut Uptake);
        let cases: [(&str, Spoil); 8] = [
            ("unit", |uptake| uptake.units = Some("PROPCNTS".to_owned())),
            ("counts", |uptake| uptake.units = Some("CNTS".to_owned())),
            ("duration", |uptake| uptake.decay_correction = Some("NONE".to_owned())),
            ("after", |uptake| uptake.series = Some(Moment { day: Some(2), second: 0.0 })),
            ("attenuation", |uptake| uptake.corrections.clear()),
            ("weight", |uptake| uptake.weight_kilograms = None),
            ("injection", |uptake| uptake.injected = None),
            ("when", |uptake| uptake.decay_correction = None),
        ];
        for (word, spoil) in cases {
            let mut uptake = textbook();
            spoil(&mut uptake);
            let reason = uptake.factor().expect_err(word);
            assert!(reason.contains(word), "{reason}");
        }
    }

    #[test]
    fn days_and_midnights_are_counted() {
        assert_eq!(day_number("20240301").zip(day_number("20240228")).map(|(a, b)| a - b), Some(2));
        assert_eq!(day_number("20230101").zip(day_number("20221231")).map(|(a, b)| a - b), Some(1));
        assert_eq!(second_of_day("010203.5"), Some(3723.5));
        assert_eq!(second_of_day("2560"), None);
        let (late, early) = (Moment { day: None, second: 86_000.0 }, Moment { day: None, second: 400.0 });
        assert_eq!(early.since(late), 800.0);
    }
}
