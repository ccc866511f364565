//! QIDO-RS: searches.
//!
//! Source: PS3.18 Section 10.6.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use wilhelm_store::{Answer, Level, Query, answers_with, can_match, write_attribute};
use wilhelm_study::Phi;

use super::parameters::{accepted, parameters};
use super::{Refusal, Site, blocking};

/// Most answers of one search; more are paged.
pub(crate) const MOST: u64 = 10_000;

/// A search in its own words.
struct Search {
    query: Query,
    include: Vec<Tag>,
    all: bool,
    /// What was asked and is not matched.
    ignored: Vec<String>,
}

/// A tag by its keyword or its eight digits.
fn tag_of(name: &str) -> Option<Tag> {
    if name.len() == 8
        && let Ok(number) = u32::from_str_radix(name, 16)
    {
        return Some(Tag((number >> 16) as u16, (number & 0xFFFF) as u16));
    }
    StandardDataDictionary.by_name(name).map(|entry| entry.tag())
}

fn search(level: Level, scope: &[(Tag, &str)], query: Option<&str>) -> Result<Search, Refusal> {
    let mut search =
        Search { query: Query::new(level), include: Vec::new(), all: false, ignored: Vec::new() };
    for (tag, uid) in scope {
        search.query = search.query.with(*tag, uid);
    }
    for (key, value) in parameters(query) {
        let number = || {
            let refused = || Refusal::bad(format!("the parameter {key} is no whole number from 0 on"));
            value.parse::<u64>().map_err(|_| refused())
        };
        match key.as_str() {
            "limit" => search.query.limit = Some(number()?),
            "offset" => search.query.offset = number()?,
            "fuzzymatching" => match value.as_str() {
                "true" => search.query.fuzzy = true,
                "false" => search.query.fuzzy = false,
                _ => return Err(Refusal::bad("the parameter fuzzymatching is neither true nor false")),
            },
            "includefield" => {
                for field in value.split(',').map(str::trim).filter(|field| !field.is_empty()) {
                    match tag_of(field) {
                        _ if field == "all" => search.all = true,
                        Some(tag) => search.include.push(tag),
                        None if field.contains('.') => {}
                        None => return Err(Refusal::bad("an includefield names no attribute")),
                    }
                }
            }
            "accept" | "emptyvaluematching" | "multiplevaluematching" => {}
            name => match tag_of(name.rsplit('.').next().unwrap_or_default()) {
                Some(tag) if !name.contains('.') && can_match(level, tag) => {
                    search.query.keys.push((tag, Phi::new(value)));
                }
                Some(_) => search.ignored.push(name.to_owned()),
                None => {
                    return Err(Refusal::bad(
                        "a parameter names no attribute: expected keywords or eight hexadecimal digits",
                    ));
                }
            },
        }
    }
    Ok(search)
}

fn takes_json(headers: &HeaderMap, query: Option<&str>) -> bool {
    accepted(headers, &parameters(query)).iter().any(|media| {
        media.is_anything()
            || matches!(media.media.as_str(), "application/dicom+json" | "application/json" | "application/*")
    })
}

async fn answer(
    site: Arc<Site>,
    headers: HeaderMap,
    level: Level,
    scope: Vec<(Tag, String)>,
    query: Option<String>,
) -> Result<Response, Refusal> {
    if !takes_json(&headers, query.as_deref()) {
        return Err(Refusal::not_acceptable("searches are answered as application/dicom+json"));
    }
    let base = site.base(&headers);
    let borrowed: Vec<(Tag, &str)> = scope.iter().map(|(tag, uid)| (*tag, uid.as_str())).collect();
    let mut search = search(level, &borrowed, query.as_deref())?;
    let asked = search.query.limit.unwrap_or(MOST).min(MOST);
    // One more than is given tells whether there are more.
    search.query.limit = Some(asked + 1);
    let cut_by_us = search.query.limit.is_none_or(|limit| limit > MOST);
    let scoped = !scope.is_empty();
    let ignored = std::mem::take(&mut search.ignored);
    let (body, more) = blocking(move || {
        let mut answers = site.store.query(&search.query)?;
        let more = answers.len() as u64 > asked;
        answers.truncate(usize::try_from(asked).unwrap_or(usize::MAX));
        let mut body = String::with_capacity(answers.len() * 1200 + 2);
        body.push('[');
        for (number, answer) in answers.iter().enumerate() {
            if number > 0 {
                body.push(',');
            }
            write(&mut body, &site, answer, &search, scoped, &base)?;
        }
        body.push(']');
        Ok((body, more))
    })
    .await?;
    let mut response =
        (StatusCode::OK, [(header::CONTENT_TYPE, "application/dicom+json")], body).into_response();
    let mut warn = |text: String| {
        if let Ok(value) = HeaderValue::from_str(&format!("299 wilhelm \"{text}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    };
    if !ignored.is_empty() {
        warn(
            "The following attributes are not matched and were ignored: see the parameters of the search"
                .into(),
        );
    }
    if more && cut_by_us {
        warn(format!("There are more results than {MOST}: ask for the next with offset"));
    }
    Ok(response)
}

/// Writes one answer: the level's own attributes, those of the levels above where they are not in the address, and what was
/// asked for beside them.
fn write(
    body: &mut String,
    site: &Site,
    answer: &Answer,
    search: &Search,
    scoped: bool,
    base: &str,
) -> Result<(), Refusal> {
    let level = search.query.level;
    let study = answer.text(tags::STUDY_INSTANCE_UID);
    let url = match level {
        Level::Patient | Level::Study => format!("{base}/studies/{study}"),
        Level::Series => {
            format!("{base}/studies/{study}/series/{}", answer.text(tags::SERIES_INSTANCE_UID))
        }
        Level::Instance => format!(
            "{base}/studies/{study}/series/{}/instances/{}",
            answer.text(tags::SERIES_INSTANCE_UID),
            answer.text(tags::SOP_INSTANCE_UID)
        ),
    };
    let mut attributes: Vec<(Tag, VR, String)> =
        vec![(tags::INSTANCE_AVAILABILITY, VR::CS, "ONLINE".to_owned()), (tags::RETRIEVE_URL, VR::UR, url)];
    for attribute in &answer.attributes {
        let identifier = matches!(
            attribute.tag,
            tags::STUDY_INSTANCE_UID | tags::SERIES_INSTANCE_UID | tags::SOP_INSTANCE_UID
        );
        let own = level == Level::Study || !scoped || !answers_with(above(level), attribute.tag);
        let value = attribute.value.expose();
        if identifier || search.all || search.include.contains(&attribute.tag) || (own && !value.is_empty()) {
            attributes.push((attribute.tag, attribute.vr, value.clone()));
        }
    }
    let beyond: Vec<Tag> = search.include.iter().copied().filter(|tag| !answers_with(level, *tag)).collect();
    let mut further = serde_json::Map::new();
    if !beyond.is_empty() || (search.all && level == Level::Instance) {
        let json = site.store.first_metadata(level, answer.key)?;
        if let Ok(serde_json::Value::Object(metadata)) = serde_json::from_str(&without_bulk(&json)) {
            further = metadata;
        }
    }
    let mut texts: std::collections::BTreeMap<Tag, String> = std::collections::BTreeMap::new();
    for (key, value) in further {
        let Some(tag) = tag_of(&key) else { continue };
        let wanted = beyond.contains(&tag) || (search.all && level == Level::Instance);
        if wanted && value.get("BulkDataURI").is_none() {
            texts.insert(tag, format!("\"{key}\":{value}"));
        }
    }
    for (tag, vr, value) in attributes {
        let mut text = String::new();
        write_attribute(&mut text, tag, vr, &value);
        texts.insert(tag, text);
    }
    body.push('{');
    for (number, text) in texts.into_values().enumerate() {
        if number > 0 {
            body.push(',');
        }
        body.push_str(&text);
    }
    body.push('}');
    Ok(())
}

/// The mark of bulk addresses is no JSON: any text stands in where they are passed over.
fn without_bulk(json: &str) -> String {
    json.replace(wilhelm_store::BULK_MARK, "")
}

const fn above(level: Level) -> Level {
    match level {
        Level::Instance => Level::Series,
        Level::Series => Level::Study,
        Level::Study | Level::Patient => Level::Patient,
    }
}

type Answered = Result<Response, Refusal>;

pub(crate) async fn studies(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    answer(site, headers, Level::Study, Vec::new(), query).await
}

pub(crate) async fn series(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    answer(site, headers, Level::Series, Vec::new(), query).await
}

pub(crate) async fn instances(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    answer(site, headers, Level::Instance, Vec::new(), query).await
}

pub(crate) async fn series_of_study(
    State(site): State<Arc<Site>>,
    Path(study): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    let scope = vec![(tags::STUDY_INSTANCE_UID, study)];
    answer(site, headers, Level::Series, scope, query).await
}

pub(crate) async fn instances_of_study(
    State(site): State<Arc<Site>>,
    Path(study): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    let scope = vec![(tags::STUDY_INSTANCE_UID, study)];
    answer(site, headers, Level::Instance, scope, query).await
}

pub(crate) async fn instances_of_series(
    State(site): State<Arc<Site>>,
    Path((study, series)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    let scope = vec![(tags::STUDY_INSTANCE_UID, study), (tags::SERIES_INSTANCE_UID, series)];
    answer(site, headers, Level::Instance, scope, query).await
}
