//! Questions to the worklist, in the matching rules of the Standard.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use rusqlite::params_from_iter;
use rusqlite::types::Value;
use wilhelm_study::Phi;

use super::ScheduledStep;
use super::columns::{COLUMNS, WorklistColumn, of};
use crate::columns::{Column, Level};
use crate::query::{LONGEST_KEY, condition};
use crate::{Store, StoreError};

const DATE: [Tag; 2] = [tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::SCHEDULED_PROCEDURE_STEP_START_DATE];
const TIME: [Tag; 2] = [tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::SCHEDULED_PROCEDURE_STEP_START_TIME];
const STATION: [Tag; 2] = [tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::SCHEDULED_STATION_AE_TITLE];

/// Whether the worklist can match what stands at a place.
pub fn matches_worklist(place: &[Tag]) -> bool {
    of(place).is_some()
}

impl Store {
    /// Steps that are scheduled, by the time of their beginning.
    ///
    /// Keys are matched as [`query`](Self::query) does. Ranges of both date and time are one range, from the first date's first time to
    /// the last date's last; a step that no station was named for is matched by every station.
    ///
    /// # Errors
    /// [`StoreError::Query`] where a key cannot be understood; [`StoreError::Catalog`].
    ///
    /// # Source
    /// PS3.4 Section K.6.1.2
    pub fn worklist(
        &self,
        keys: &[(Vec<Tag>, Phi<String>)],
        limit: u64,
        offset: u64,
    ) -> Result<Vec<ScheduledStep>, StoreError> {
        let (sql, parameters) = statement(keys, limit, offset)?;
        self.reading("answering a worklist query", |connection| {
            let mut prepared = connection.prepare_cached(&sql)?;
            let rows = prepared.query_map(params_from_iter(parameters), |row| {
                let mut step = ScheduledStep::default();
                for (number, column) in COLUMNS.iter().enumerate() {
                    step.0.insert(column.place, Phi::new(row.get(number)?));
                }
                Ok(step)
            })?;
            rows.collect()
        })
    }
}

fn statement(
    keys: &[(Vec<Tag>, Phi<String>)],
    limit: u64,
    offset: u64,
) -> Result<(String, Vec<Value>), StoreError> {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.sql).collect();
    let mut sql = format!("SELECT {} FROM worklist WHERE state = 'scheduled'", names.join(", "));
    let mut parameters = Vec::new();
    let given = |place: &[Tag]| {
        let (_, value) = keys.iter().find(|(key, _)| key == place)?;
        Some(value.expose().trim_matches([' ', '\0'])).filter(|value| !value.is_empty() && *value != "*")
    };
    let moments = given(&DATE).zip(given(&TIME)).and_then(|(date, time)| between(date, time));
    if let Some((from, to)) = &moments {
        sql.push_str(" AND date <> '' AND date || time >= ? AND date || time <= ?");
        parameters.extend([Value::Text(from.clone()), Value::Text(to.clone())]);
    }
    for (place, _) in keys {
        let (Some(column), Some(value)) = (of(place), given(place)) else { continue };
        if moments.is_some() && (column.place == DATE || column.place == TIME) {
            continue;
        }
        if value.len() > LONGEST_KEY {
            let tag = column.place.last().copied().unwrap_or(tags::PATIENT_ID);
            let message = format!("is longer than {LONGEST_KEY} bytes");
            return Err(StoreError::Query { key: tag.to_string(), message });
        }
        sql.push_str(if column.place == STATION { " AND (station = '' OR " } else { " AND (" });
        condition(&mut sql, &mut parameters, &comparable(column), value, false)?;
        sql.push(')');
    }
    sql.push_str(" ORDER BY date, time, key LIMIT ? OFFSET ?");
    let bounded = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    parameters.extend([bounded(limit), bounded(offset)]);
    Ok((sql, parameters))
}

fn comparable(column: &WorklistColumn) -> Column {
    let tag = column.place.last().copied().unwrap_or(tags::PATIENT_ID);
    Column { level: Level::Study, tag, vr: column.vr, sql: column.sql, matching: column.matching }
}

/// The one range that ranges of dates and of times are; `None` where one of them is none, or not well formed.
fn between(date: &str, time: &str) -> Option<(String, String)> {
    let plain = |text: &str, none: &[char]| {
        let digits = text.replace(none, "");
        let form =
            digits.chars().all(|character| character.is_ascii_digit() || matches!(character, '-' | '.'));
        (form && digits.len() <= 40).then_some(digits)
    };
    let (date, time) = (plain(date, &['.', ' '])?, plain(time, &[':', ' '])?);
    let ((from, to), (begin, end)) = (date.split_once('-')?, time.split_once('-')?);
    if [to, end].iter().any(|text| text.contains('-')) || (from.is_empty() && to.is_empty()) {
        return None;
    }
    let first = if from.is_empty() { String::new() } else { format!("{from}{begin}") };
    // Any digit sorts before a colon: an open end takes in all, "10" all until 10:59:59.
    let last = if to.is_empty() { ":".to_owned() } else { format!("{to}{end}:") };
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_dates_and_times_are_one_range() {
        let check = |date: &str, time: &str, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
            assert_eq!(between(date, time), expected, "{date} {time}");
        };
        check("20260705-20260707", "1000-1800", Some(("202607051000", "202607071800:")));
        check("20260705-", "10:00-", Some(("202607051000", ":")));
        check("-20260707", "-18", Some(("", "2026070718:")));
        check("20260705", "1000-1800", None);
        check("20260705-20260707", "1000", None);
        check("-", "1000-1800", None);
        check("20260705-20260706-20260707", "10-18", None);
        check("Doe-Jane", "10-18", None);
    }
}
