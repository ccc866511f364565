//! Tools that list the studies of the archive, without what identifies a patient.

use std::sync::atomic::AtomicBool;

use chrono::{Datelike, NaiveDate};
use dicom_dictionary_std::tags;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use wilhelm_knowledge::{KnownValues, scrub};
use wilhelm_privacy::audit::Action;
use wilhelm_store::{Answer, Level, Query};

use crate::args::Allowed;
use crate::exit::Stop;
use crate::verbs::mcp::room::Room;
use crate::verbs::mcp::tool::{About, Answered, Tool};

/// Studies of one answer at most.
const MOST: usize = 100;
/// Beyond this age nobody is told apart, in years.
///
/// Source: 45 CFR 164.514(b)(2)(i)(C).
const OLDEST: i32 = 89;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A modality, such as CT, MR, CR, DX, US or PT.
    modality: Option<String>,
    /// Words of the study's description.
    description: Option<String>,
    /// First year of the study.
    from_year: Option<i32>,
    /// Last year of the study.
    to_year: Option<i32>,
    /// M, F or O.
    sex: Option<String>,
    /// Studies at most, 20 where nothing is said, 100 at most.
    limit: Option<usize>,
}

pub fn tools() -> Vec<Tool> {
    vec![Tool::new(
        About {
            name: "find_studies",
            title: "Find studies of the archive",
            description: "Lists studies, newest first: a handle, modalities, description, year, sex and age, series and \
                          images. Names, numbers and dates of patients are not given out.",
            needs: Allowed::Studies,
            action: Action::Queried,
        },
        find,
    )]
}

fn find(room: &Room, wanted: Wanted, _stopped: &AtomicBool) -> anyhow::Result<Answered> {
    let limit = wanted.limit.unwrap_or(20).min(MOST);
    let mut query = Query::new(Level::Study);
    if let Some(modality) = &wanted.modality {
        query = query.with(tags::MODALITIES_IN_STUDY, &term(modality, "modality")?);
    }
    if let Some(sex) = &wanted.sex {
        query = query.with(tags::PATIENT_SEX, &term(sex, "sex")?);
    }
    if wanted.from_year.is_some() || wanted.to_year.is_some() {
        let (from, to) = (wanted.from_year.unwrap_or(1900), wanted.to_year.unwrap_or(2200));
        if !(1900..=2200).contains(&from) || !(from..=2200).contains(&to) {
            return Err(Stop::usage("from_year and to_year: expected two years in their order"));
        }
        query = query.with(tags::STUDY_DATE, &format!("{from}0101-{to}1231"));
    }
    let words = wanted.description.map(|words| words.to_lowercase());
    let mut studies: Vec<(String, Value)> = Vec::new();
    for answer in room.store()?.query(&query)? {
        let date = answer.text(tags::STUDY_DATE).to_owned();
        let (uid, shown) = shown(&answer);
        let described = shown["description"].as_str().unwrap_or_default().to_lowercase();
        if words.as_ref().is_none_or(|words| described.contains(words.as_str())) {
            studies.push((date, json!({ "uid": uid, "shown": shown })));
        }
    }
    studies.sort_by(|a, b| b.0.cmp(&a.0));
    let total = studies.len();
    let rows: Vec<Value> = studies
        .into_iter()
        .take(limit)
        .map(|(_, study)| {
            let mut row = study["shown"].clone();
            row["study"] = json!(room.handle(study["uid"].as_str().unwrap_or_default()));
            row
        })
        .collect();
    Ok(json!({ "total": total, "studies": rows }).into())
}

/// A coded value as it is, no list and no wildcard.
fn term(text: &str, what: &str) -> anyhow::Result<String> {
    let text = text.trim().to_uppercase();
    if text.is_empty() || text.len() > 16 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Stop::usage(format!("{what}: expected letters and digits, such as CT")));
    }
    Ok(text)
}

/// What a header says of who the patient is.
pub fn known(answer: &Answer) -> KnownValues {
    KnownValues::default()
        .with_name(answer.text(tags::PATIENT_NAME))
        .with_name(answer.text(tags::REFERRING_PHYSICIAN_NAME))
        .with_value(answer.text(tags::PATIENT_ID))
        .with_value(answer.text(tags::PATIENT_BIRTH_DATE))
        .with_value(answer.text(tags::ACCESSION_NUMBER))
}

/// A study without what identifies, and its UID.
fn shown(answer: &Answer) -> (String, Value) {
    let known = known(answer);
    let date = day(answer.text(tags::STUDY_DATE));
    let age = age(day(answer.text(tags::PATIENT_BIRTH_DATE)), date);
    let modalities: Vec<&str> =
        answer.text(tags::MODALITIES_IN_STUDY).split('\\').filter(|term| !term.is_empty()).collect();
    let count = |tag| answer.text(tag).parse::<u64>().ok();
    let row = json!({
        "modalities": modalities,
        "description": scrub(answer.text(tags::STUDY_DESCRIPTION), &known).text,
        "year": date.map(|date| date.year()),
        "sex": Some(answer.text(tags::PATIENT_SEX)).filter(|sex| !sex.is_empty()),
        "age_years": age,
        "series": count(tags::NUMBER_OF_STUDY_RELATED_SERIES),
        "images": count(tags::NUMBER_OF_STUDY_RELATED_INSTANCES),
    });
    (answer.text(tags::STUDY_INSTANCE_UID).to_owned(), row)
}

fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y%m%d").ok()
}

/// Whole years between two days, and no number beyond an age at which few are left.
fn age(born: Option<NaiveDate>, at: Option<NaiveDate>) -> Option<String> {
    let (born, at) = (born?, at?);
    let before = (at.month(), at.day()) < (born.month(), born.day());
    let years = at.year() - born.year() - i32::from(before);
    match years {
        ..0 => None,
        years if years > OLDEST => Some(format!("over {OLDEST}")),
        years => Some(years.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_whole_years_and_the_oldest_are_not_told_apart() {
        let day = |text| Some(day(text).expect("a day"));
        assert_eq!(age(day("19600229"), day("20260228")).as_deref(), Some("65"));
        assert_eq!(age(day("19600229"), day("20260301")).as_deref(), Some("66"));
        assert_eq!(age(day("19300101"), day("20260101")).as_deref(), Some("over 89"));
        assert_eq!(age(day("20260102"), day("20260101")), None);
        assert_eq!(age(None, day("20260101")), None);
    }

    #[test]
    fn a_list_or_a_wildcard_is_no_modality() {
        assert_eq!(term(" ct ", "modality").expect("a term"), "CT");
        for text in ["*", "CT\\MR", "", "C?", "CT,MR"] {
            assert!(term(text, "modality").is_err(), "{text}");
        }
    }
}
