//! Standardized uptake value by body weight, where the header allows it safely.
//!
//! Source: PS3.3 Section C.8.9.1; QIBA, "Computing SUV from DICOM", vendor-neutral pseudo-code.

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
}

/// A moment: the day, counted from a fixed one, where known, and the second of the day.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    day: Option<i64>,
    second: f64,
}

impl Moment {
    /// Seconds from `earlier` to `self`; without days, a negative span has crossed midnight once.
    fn since(self, earlier: Self) -> f64 {
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
        let series = moment(tags::SERIES_DATE, tags::SERIES_TIME);
        let start_date_time = drug.and_then(|drug| {
            let text = drug.text(tags::RADIOPHARMACEUTICAL_START_DATE_TIME)?;
            let (date, time) = text.split_at_checked(8)?;
            Some(Moment { day: Some(day_number(date)?), second: second_of_day(time)? })
        });
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
        }
    }

    /// The factor from the calibrated value to g/mL, or why there is none.
    pub(crate) fn factor(&self) -> Result<f64, &'static str> {
        match self.units.as_deref() {
            Some("GML") if matches!(self.suv_type.as_deref(), None | Some("BW")) => return Ok(1.0),
            Some("GML") => return Err("the values are uptake values, but not by body weight"),
            Some("BQML") => {}
            _ => return Err("the unit of the values is not Bq/mL"),
        }
        for needed in ["ATTN", "DECY"] {
            if !self.corrections.iter().any(|correction| correction == needed) {
                return Err("the values are not corrected for attenuation and decay");
            }
        }
        if self.decay_correction.as_deref() != Some("START") {
            return Err("the values are not corrected for decay to the start of the scan");
        }
        let weight = self.weight_kilograms.ok_or("the body weight is missing")?;
        let dose = self.dose_becquerel.ok_or("the total dose is missing")?;
        let half_life = self.half_life_seconds.ok_or("the half-life is missing")?;
        let injected = self.injected.ok_or("the time of injection is missing")?;
        let series = self.series.ok_or("the time of the series is missing")?;
        let acquired = self.acquired.ok_or("the time of acquisition is missing")?;
        // A series time behind the acquisition belongs to a reconstruction, not to the scan.
        if acquired.second < series.second && acquired.day == series.day {
            return Err("the series is dated after its acquisition");
        }
        let elapsed = series.since(injected);
        if !(0.0..=86_400.0).contains(&elapsed) {
            return Err("the scan does not start within a day after the injection");
        }
        let decayed = dose * (-elapsed / half_life).exp2();
        Ok(weight * 1000.0 / decayed)
    }
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
        }
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
        let cases: [(&str, Spoil); 5] = [
            ("unit", |uptake| uptake.units = Some("CNTS".to_owned())),
            ("attenuation", |uptake| uptake.corrections.clear()),
            ("weight", |uptake| uptake.weight_kilograms = None),
            ("injection", |uptake| uptake.injected = None),
            ("start of the scan", |uptake| uptake.decay_correction = Some("ADMIN".to_owned())),
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
