//! `/fhir`: patients and studies of the catalog, and the audit log, as FHIR R4 resources.
//!
//! Source: HL7 FHIR Release 4 (4.0.1).

pub(super) mod report;

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use serde_json::{Map, Value, json};
use wilhelm_privacy::audit::{Filter, audit_event, entries};
use wilhelm_store::{Answer, Level, Query, StoreError};
use wilhelm_study::StudyInstanceUid;

use super::parameters::parameters;
use super::permission::is_uid;
use super::{Refusal, Site, blocking};

/// Resources of one page, where the request does not say.
const USUAL: u64 = 50;
/// Most resources of one page.
const MOST: u64 = 500;
/// Most series that a study is shown with.
const MOST_SERIES: u64 = 2000;

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const KIND: &str = "application/fhir+json";

/// A refusal as FHIR's clients read it.
pub(crate) struct Outcome(Refusal);

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let code = match self.0.status {
            StatusCode::NOT_FOUND => "not-found",
            status if status.is_server_error() => "exception",
            _ => "invalid",
        };
        let issue = json!({ "severity": "error", "code": code, "diagnostics": self.0.detail });
        let body = json!({ "resourceType": "OperationOutcome", "issue": [issue] });
        (self.0.status, [(header::CONTENT_TYPE, KIND)], body.to_string()).into_response()
    }
}

type Answered = Result<Response, Outcome>;

fn given(resource: &Value) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, KIND)], resource.to_string()).into_response()
}

/// Which page of a search.
#[derive(Clone, Copy)]
struct Page {
    count: u64,
    offset: u64,
}

/// The page and the other parameters of a search, those for the form of the answer left out.
fn search(query: Option<&str>) -> Result<(Page, Vec<(String, String)>), Refusal> {
    let mut page = Page { count: USUAL, offset: 0 };
    let mut others = Vec::new();
    for (key, value) in parameters(query) {
        let number = || {
            let found = value.parse::<u64>().ok().filter(|number| *number <= u64::from(u32::MAX));
            found.ok_or_else(|| Refusal::bad(format!("the parameter {key} is no whole number from 0 on")))
        };
        match key.as_str() {
            "_count" => page.count = number()?.min(MOST),
            "_offset" => page.offset = number()?,
            "_format" | "_pretty" | "_summary" | "_elements" | "_total" | "_sort" => {}
            _ => others.push((key, value)),
        }
    }
    Ok((page, others))
}

/// A value that is matched as it is: the catalog's wildcards are none of FHIR's.
fn plain<'a>(key: &str, value: &'a str) -> Result<&'a str, Refusal> {
    if value.contains(['*', '?', '\\']) || value.chars().any(char::is_control) {
        let detail =
            format!("the parameter {key} has a character that no value of it has: * ? \\ or a control");
        return Err(Refusal::bad(detail));
    }
    Ok(value)
}

/// The resources of a page, with the addresses of the one before and the one after.
fn bundle(
    base: &str,
    kind: &str,
    page: Page,
    parameters: &[(String, String)],
    found: Vec<Value>,
    more: bool,
) -> Value {
    let address = |offset: u64| {
        let mut pairs: Vec<String> = parameters
            .iter()
            .map(|(key, value)| format!("{}={}", super::page::encoded(key), super::page::encoded(value)))
            .collect();
        pairs.extend([format!("_count={}", page.count), format!("_offset={offset}")]);
        format!("{base}/{kind}?{}", pairs.join("&"))
    };
    let mut links = vec![json!({ "relation": "self", "url": address(page.offset) })];
    if page.offset > 0 {
        let before = page.offset.saturating_sub(page.count);
        links.push(json!({ "relation": "previous", "url": address(before) }));
    }
    if more && page.count > 0 {
        links.push(json!({ "relation": "next", "url": address(page.offset + page.count) }));
    }
    let entry = |resource: Value| {
        let url = format!("{base}/{kind}/{}", resource["id"].as_str().unwrap_or_default());
        json!({ "fullUrl": url, "resource": resource, "search": { "mode": "match" } })
    };
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "link": links });
    let entries: Vec<Value> = found.into_iter().map(entry).collect();
    // FHIR knows no empty lists.
    if !entries.is_empty() {
        bundle["entry"] = entries.into();
    }
    bundle
}

/// A patient's logical id: the Patient ID and its issuer in digits that an id may have, reversible, as the catalog has no numbers
/// for patients; `None` where it is longer than an id may be.
fn id_of(patient_id: &str, issuer: &str) -> Option<String> {
    let text = if issuer.is_empty() { patient_id.to_owned() } else { format!("{patient_id}\n{issuer}") };
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    (!patient_id.is_empty() && digits.len() <= 64).then_some(digits)
}

/// Patient ID and issuer of a logical id.
pub(super) fn of_id(id: &str) -> Option<(String, String)> {
    let digits: Option<Vec<u8>> = id
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    let text = String::from_utf8(digits?).ok()?;
    let (patient_id, issuer) = text.split_once('\n').unwrap_or((&text, ""));
    (!patient_id.is_empty() && id_of(patient_id, issuer).as_deref() == Some(id))
        .then(|| (patient_id.to_owned(), issuer.to_owned()))
}

/// A date as FHIR writes it; `None` where the object's is none.
fn date(text: &str) -> Option<String> {
    let is_date = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_date.then(|| format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]))
}

/// A name out of its components: family, given, middle, prefix, suffix.
fn name(text: &str) -> Option<Value> {
    let group = text.split('=').find(|group| !group.trim_matches(['^', ' ']).is_empty())?;
    let parts: Vec<&str> = group.split('^').map(str::trim).collect();
    let part = |place: usize| parts.get(place).copied().filter(|part| !part.is_empty());
    let mut name = Map::new();
    if let Some(family) = part(0) {
        name.insert("family".into(), family.into());
    }
    let given: Vec<&str> = [part(1), part(2)].into_iter().flatten().collect();
    if !given.is_empty() {
        name.insert("given".into(), given.into());
    }
    for (place, key) in [(3, "prefix"), (4, "suffix")] {
        if let Some(part) = part(place) {
            name.insert(key.into(), json!([part]));
        }
    }
    Some(Value::Object(name))
}

fn patient(answer: &Answer) -> Option<Value> {
    let (patient_id, issuer) = (answer.text(tags::PATIENT_ID), answer.text(tags::ISSUER_OF_PATIENT_ID));
    let mut identifier = json!({ "value": patient_id });
    if !issuer.is_empty() {
        identifier["assigner"] = json!({ "display": issuer });
    }
    let mut patient =
        json!({ "resourceType": "Patient", "id": id_of(patient_id, issuer)?, "identifier": [identifier] });
    if let Some(name) = name(answer.text(tags::PATIENT_NAME)) {
        patient["name"] = json!([name]);
    }
    let gender = match answer.text(tags::PATIENT_SEX) {
        "M" => Some("male"),
        "F" => Some("female"),
        "O" => Some("other"),
        _ => None,
    };
    if let Some(gender) = gender {
        patient["gender"] = gender.into();
    }
    if let Some(date) = date(answer.text(tags::PATIENT_BIRTH_DATE)) {
        patient["birthDate"] = date.into();
    }
    Some(patient)
}

fn coding(code: &str) -> Value {
    json!({ "system": DCM, "code": code })
}

/// A number of the catalog; `None` where it is none.
fn number(answer: &Answer, tag: Tag) -> Option<u32> {
    answer.text(tag).trim().parse().ok()
}

/// A study, with its series where they are given.
fn study(answer: &Answer, series: &[Answer]) -> Value {
    let uid = answer.text(tags::STUDY_INSTANCE_UID);
    let mut identifiers = vec![json!({ "system": "urn:dicom:uid", "value": format!("urn:oid:{uid}") })];
    let accession = answer.text(tags::ACCESSION_NUMBER);
    if !accession.is_empty() {
        let kind = json!({ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN" });
        identifiers.push(json!({ "type": { "coding": [kind] }, "value": accession }));
    }
    let subject = match id_of(answer.text(tags::PATIENT_ID), answer.text(tags::ISSUER_OF_PATIENT_ID)) {
        Some(id) => json!({ "reference": format!("Patient/{id}") }),
        None => json!({ "display": "a patient without an identifier" }),
    };
    let mut study = json!({
        "resourceType": "ImagingStudy",
        "id": uid,
        "identifier": identifiers,
        "status": "available",
        "subject": subject,
    });
    let modalities: Vec<Value> = answer
        .text(tags::MODALITIES_IN_STUDY)
        .split('\\')
        .filter(|code| !code.is_empty())
        .map(coding)
        .collect();
    if !modalities.is_empty() {
        study["modality"] = modalities.into();
    }
    if let Some(date) = date(answer.text(tags::STUDY_DATE)) {
        study["started"] = date.into();
    }
    let description = answer.text(tags::STUDY_DESCRIPTION);
    if !description.is_empty() {
        study["description"] = description.into();
    }
    for (key, tag) in [
        ("numberOfSeries", tags::NUMBER_OF_STUDY_RELATED_SERIES),
        ("numberOfInstances", tags::NUMBER_OF_STUDY_RELATED_INSTANCES),
    ] {
        if let Some(number) = number(answer, tag) {
            study[key] = number.into();
        }
    }
    if !series.is_empty() {
        study["series"] = series.iter().map(of_series).collect::<Vec<Value>>().into();
    }
    study
}

fn of_series(answer: &Answer) -> Value {
    let modality = answer.text(tags::MODALITY);
    let mut series = json!({
        "uid": answer.text(tags::SERIES_INSTANCE_UID),
        "modality": coding(if modality.is_empty() { "OT" } else { modality }),
    });
    for (key, tag) in
        [("number", tags::SERIES_NUMBER), ("numberOfInstances", tags::NUMBER_OF_SERIES_RELATED_INSTANCES)]
    {
        if let Some(number) = number(answer, tag) {
            series[key] = number.into();
        }
    }
    let description = answer.text(tags::SERIES_DESCRIPTION);
    if !description.is_empty() {
        series["description"] = description.into();
    }
    let part = answer.text(tags::BODY_PART_EXAMINED);
    if !part.is_empty() {
        series["bodySite"] = json!({ "display": part });
    }
    if let Some(date) = date(answer.text(tags::SERIES_DATE)) {
        series["started"] = date.into();
    }
    series
}

/// `GET /fhir/metadata`
pub(crate) async fn metadata() -> Response {
    let parameter = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let resource = |kind: &str, parameters: Vec<Value>| {
        json!({
            "type": kind,
            "interaction": [{ "code": "read" }, { "code": "search-type" }],
            "searchParam": parameters,
        })
    };
    let mut audit = resource("AuditEvent", Vec::new());
    audit["interaction"] = json!([{ "code": "search-type" }]);
    if let Some(audit) = audit.as_object_mut() {
        audit.remove("searchParam");
    }
    let reports = report::capabilities()
        .map(|(kind, by)| resource(kind, by.into_iter().map(|(name, of)| parameter(name, of)).collect()));
    let [diagnostic_report, observation] = reports;
    given(&json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-27",
        "kind": "instance",
        "software": { "name": "wilhelm", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "An archive of studies. Research software, not a medical device." },
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{
            "mode": "server",
            "resource": [
                resource("Patient", vec![
                    parameter("_id", "token"),
                    parameter("identifier", "token"),
                    parameter("name", "string"),
                    parameter("birthdate", "date"),
                ]),
                resource("ImagingStudy", vec![
                    parameter("_id", "token"),
                    parameter("identifier", "token"),
                    parameter("patient", "reference"),
                    parameter("started", "date"),
                    parameter("modality", "token"),
                ]),
                audit,
                diagnostic_report,
                observation,
            ],
        }],
    }))
}

/// The value of a token, without its system.
fn token(value: &str) -> &str {
    value.rsplit_once('|').map_or(value, |(_, value)| value)
}

/// A range of dates as DICOM writes it, of a date with FHIR's prefix; whole months and years are no days.
fn range(key: &str, value: &str) -> Result<String, Refusal> {
    let wrong = || {
        Refusal::bad(format!("the parameter {key} is no date YYYY-MM-DD, with eq, ge, le or none before it"))
    };
    let (prefix, text) = match value.get(..2) {
        Some(prefix @ ("eq" | "ge" | "le")) => (prefix, &value[2..]),
        _ => ("eq", value),
    };
    let pieces: Vec<&str> = text.split('-').collect();
    let is_date = text.len() == 10
        && pieces.iter().map(|piece| piece.len()).eq([4, 2, 2])
        && pieces.iter().all(|piece| piece.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_date {
        return Err(wrong());
    }
    let day = pieces.concat();
    Ok(match prefix {
        "ge" => format!("{day}-"),
        "le" => format!("-{day}"),
        _ => day,
    })
}

/// A patient's keys, of a logical id.
fn with_patient(query: Query, id: &str) -> Option<Query> {
    let (patient_id, issuer) = of_id(id)?;
    let literal = plain("patient", &patient_id).ok()?;
    let query = query.with(tags::PATIENT_ID, literal);
    Some(if issuer.is_empty() {
        query
    } else {
        query.with(tags::ISSUER_OF_PATIENT_ID, plain("patient", &issuer).ok()?)
    })
}

/// Adds the bounds of several dates into one range, as DICOM has one key for each attribute.
fn bounded(bounds: &mut Option<String>, key: &str, value: &str) -> Result<(), Refusal> {
    let next = range(key, value)?;
    *bounds = Some(match bounds.take() {
        None => next,
        Some(one) => match (one.strip_suffix('-'), next.strip_prefix('-')) {
            (Some(from), Some(to)) => format!("{from}-{to}"),
            _ => match (one.strip_prefix('-'), next.strip_suffix('-')) {
                (Some(to), Some(from)) => format!("{from}-{to}"),
                _ => return Err(Refusal::bad(format!("the parameter {key} is given more than from and to"))),
            },
        },
    });
    Ok(())
}

/// What a search asks of the catalog; `None` where nothing can be meant.
fn patients_query(others: &[(String, String)]) -> Result<Option<Query>, Refusal> {
    let mut query = Query { fuzzy: true, ..Query::new(Level::Patient) };
    let mut born = None;
    for (key, value) in others {
        match key.as_str() {
            "_id" => match with_patient(query, value) {
                Some(with) => query = with,
                None => return Ok(None),
            },
            "identifier" => query = query.with(tags::PATIENT_ID, plain(key, token(value))?),
            "name" => query = query.with(tags::PATIENT_NAME, plain(key, value)?),
            "birthdate" => bounded(&mut born, key, value)?,
            _ => return Err(unknown()),
        }
    }
    Ok(Some(match born {
        Some(born) => query.with(tags::PATIENT_BIRTH_DATE, &born),
        None => query,
    }))
}

fn studies_query(others: &[(String, String)]) -> Result<Option<Query>, Refusal> {
    let mut query = Query::new(Level::Study);
    let mut started = None;
    for (key, value) in others {
        match key.as_str() {
            "_id" => match StudyInstanceUid::new(value) {
                Ok(uid) => query = query.with(tags::STUDY_INSTANCE_UID, uid.as_str()),
                Err(_) => return Ok(None),
            },
            "identifier" => {
                let text = token(value);
                query = match text.strip_prefix("urn:oid:") {
                    Some(uid) => match StudyInstanceUid::new(uid) {
                        Ok(uid) => query.with(tags::STUDY_INSTANCE_UID, uid.as_str()),
                        Err(_) => return Ok(None),
                    },
                    None => query.with(tags::ACCESSION_NUMBER, plain(key, text)?),
                };
            }
            "patient" | "subject" => {
                let id = value.strip_prefix("Patient/").unwrap_or(value);
                match with_patient(query, id) {
                    Some(with) => query = with,
                    None => return Ok(None),
                }
            }
            "started" => bounded(&mut started, key, value)?,
            "modality" => query = query.with(tags::MODALITIES_IN_STUDY, plain(key, token(value))?),
            _ => return Err(unknown()),
        }
    }
    Ok(Some(match started {
        Some(started) => query.with(tags::STUDY_DATE, &started),
        None => query,
    }))
}

/// A parameter that is none; it may be anything, so it is not repeated.
fn unknown() -> Refusal {
    Refusal::bad("a parameter is none that is searched by here: GET /fhir/metadata lists them")
}

fn base(site: &Site, headers: &HeaderMap) -> String {
    site.base(headers).replace("/dicom-web", "/fhir")
}

/// What a search's parameters ask of the catalog; `None` where nothing can be meant.
type Ask = fn(&[(String, String)]) -> Result<Option<Query>, Refusal>;

async fn found(
    site: Arc<Site>,
    headers: HeaderMap,
    query: Option<String>,
    kind: &'static str,
    ask: Ask,
    make: fn(&Answer) -> Option<Value>,
) -> Answered {
    let (page, others) = search(query.as_deref())?;
    let asked = ask(&others)?;
    let base = base(&site, &headers);
    let answers = match asked {
        None => Vec::new(),
        Some(query) => {
            let query = Query { limit: Some(page.count + 1), offset: page.offset, ..query };
            blocking(move || Ok(site.store.query(&query)?)).await?
        }
    };
    // What has no resource, or is of another patient, is left out of its page, and the pages go on after it.
    let more = answers.len() as u64 > page.count;
    let of = others
        .iter()
        .find(|(key, _)| matches!((kind, key.as_str()), ("Patient", "_id") | (_, "patient" | "subject")))
        .map(|(_, value)| value.strip_prefix("Patient/").unwrap_or(value));
    let asked = |answer: &&Answer| {
        let id = || id_of(answer.text(tags::PATIENT_ID), answer.text(tags::ISSUER_OF_PATIENT_ID));
        of.is_none_or(|of| id().as_deref() == Some(of))
    };
    let on_page = usize::try_from(page.count).unwrap_or(usize::MAX);
    let resources: Vec<Value> = answers.iter().take(on_page).filter(asked).filter_map(make).collect();
    Ok(given(&bundle(&base, kind, page, &others, resources, more)))
}

/// `GET /fhir/Patient`
pub(crate) async fn patients(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    found(site, headers, query, "Patient", patients_query, patient).await
}

/// `GET /fhir/ImagingStudy`
pub(crate) async fn studies(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    found(site, headers, query, "ImagingStudy", studies_query, |answer| Some(study(answer, &[]))).await
}

fn missing(what: &'static str) -> Refusal {
    StoreError::NotFound { what }.into()
}

/// `GET /fhir/Patient/{id}`
pub(crate) async fn one_patient(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Answered {
    let query = with_patient(Query { limit: Some(2), ..Query::new(Level::Patient) }, &id)
        .ok_or_else(|| missing("patient"))?;
    let answers = blocking(move || Ok(site.store.query(&query)?)).await?;
    // Matching is without regard to case in places; the id is not.
    let is_this = |answer: &&Answer| patient(answer).is_some_and(|patient| patient["id"] == id.as_str());
    let resource = answers.iter().find(is_this).and_then(patient).ok_or_else(|| missing("patient"))?;
    Ok(given(&resource))
}

/// `GET /fhir/ImagingStudy/{uid}`
pub(crate) async fn one_study(State(site): State<Arc<Site>>, Path(uid): Path<String>) -> Answered {
    if !is_uid(&uid) {
        return Err(missing("study").into());
    }
    let (found, series) = blocking(move || {
        let of = |level, limit| {
            Query { limit: Some(limit), ..Query::new(level) }.with(tags::STUDY_INSTANCE_UID, &uid)
        };
        let found = site.store.query(&of(Level::Study, 1))?;
        Ok((found, site.store.query(&of(Level::Series, MOST_SERIES))?))
    })
    .await?;
    let found = found.first().ok_or_else(|| missing("study"))?;
    Ok(given(&study(found, &series)))
}

/// `GET /fhir/AuditEvent`: the newest first.
pub(crate) async fn audit(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    let (page, others) = search(query.as_deref())?;
    if !others.is_empty() {
        return Err(unknown().into());
    }
    let base = base(&site, &headers);
    let none = || Refusal::new(StatusCode::NOT_FOUND, "this archive keeps no audit log");
    let ledger = site.ledger.clone().ok_or_else(none)?;
    let (resources, more) = blocking(move || {
        let all = entries(ledger.log().folder(), &Filter::default()).map_err(|error| {
            tracing::error!(%error, "the audit log cannot be read");
            Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the audit log cannot be read; the archive's log says why",
            )
        })?;
        let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(page.count).unwrap_or(usize::MAX);
        let more = all.len() > skip.saturating_add(take);
        let newest = all.iter().rev().skip(skip).take(take);
        let resources: Vec<Value> =
            newest.map(|entry| audit_event(entry, env!("CARGO_PKG_VERSION"))).collect();
        Ok((resources, more))
    })
    .await?;
    Ok(given(&bundle(&base, "AuditEvent", page, &others, resources, more)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_patient_and_nothing_else_is() {
        for (patient_id, issuer) in [("4711", ""), ("A 1/\u{fc}", "Hospital"), ("x", "")] {
            let id = id_of(patient_id, issuer).expect("short enough");
            assert!(id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert_eq!(of_id(&id), Some((patient_id.to_owned(), issuer.to_owned())));
        }
        // By hand: 4711 is 34 37 31 31.
        assert_eq!(id_of("4711", "").as_deref(), Some("34373131"));
        for none in ["", "3", "zz", "4A", "0a", "ff", "34373131 "] {
            assert_eq!(of_id(none), None, "{none}");
        }
        assert_eq!(id_of("", ""), None);
        assert_eq!(id_of(&"x".repeat(33), ""), None);
    }

    #[test]
    fn dates_are_ranges() {
        let check = |values: &[&str], expected: Option<&str>| {
            let mut bounds = None;
            let all: Result<Vec<()>, Refusal> =
                values.iter().map(|value| bounded(&mut bounds, "started", value)).collect();
            assert_eq!(all.ok().and(bounds).as_deref(), expected, "{values:?}");
        };
        check(&["2024-01-31"], Some("20240131"));
        check(&["ge2024-01-31"], Some("20240131-"));
        check(&["ge2024-01-31", "le2024-02-01"], Some("20240131-20240201"));
        check(&["le2024-02-01", "ge2024-01-31"], Some("20240131-20240201"));
        for wrong in
            [&["2024"][..], &["gt2024-01-31"], &["2024-1-31x"], &["\u{fc}"], &["2024-01-31", "2024-01-31"]]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn names_have_their_components() {
        assert_eq!(
            name("Doe^Jane^Mary^Dr.^MD=\u{5c71}").expect("a name"),
            json!({ "family": "Doe", "given": ["Jane", "Mary"], "prefix": ["Dr."], "suffix": ["MD"] })
        );
        assert_eq!(
            name("=\u{5c71}^\u{592a}").expect("a name"),
            json!({ "family": "\u{5c71}", "given": ["\u{592a}"] })
        );
        assert_eq!(name("^^"), None);
    }
}
