//! `DiagnosticReport` and `Observation`: the signed reports of the desk and what was found in them.
//!
//! A report's logical id is its own name, an observation's that name, a hyphen and the finding's. Drafts are none of both, and
//! a finding that a person rejected is in no search and no result; read by its id it is entered in error.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use dicom_dictionary_std::tags;
use serde_json::{Map, Value, json};
use wilhelm_report::{Issue, Moment, Report, State as ReportState, Subject, fhir};
use wilhelm_store::{Level, Query, ReportRow, Store};

use super::{
    Answered, Page, base, bundle, given, id_of, missing, of_id, plain, search as asked, token, unknown,
};
use crate::desk::{document, rejected};
use crate::http::{Refusal, Site, blocking};

/// What of a report is FHIR: itself and its observations by their findings, those that count.
struct Resources {
    report: Value,
    observations: Vec<(String, Value)>,
}

/// What a search asks for beside its page.
#[derive(Default)]
struct Asked {
    id: Option<String>,
    patient: Option<(String, String)>,
    identifier: Option<String>,
    status: Option<String>,
    code: Option<String>,
}

/// Reports looked through for one search: what a search by status or code leaves out is read before.
const MOST_READ: u64 = 10_000;

fn resources(store: &Store, row: &ReportRow) -> Result<Resources, Refusal> {
    let report = document::latest(store, &row.id)?;
    let without = rejected(&store.reports().decisions(&row.id)?);
    let without: BTreeSet<&str> = without.iter().map(|finding| finding.0.as_str()).collect();
    let entries = entries(&report, row)?;
    let findings: Vec<&str> = report.findings.iter().map(|finding| finding.id.0.as_str()).collect();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut held: BTreeMap<String, Value> = BTreeMap::new();
    let (mut found, mut observations) = (None, Vec::new());
    for (url, mut resource) in entries {
        match resource["resourceType"].as_str() {
            Some("DiagnosticReport") => {
                resource["id"] = json!(row.id);
                names.insert(url, format!("DiagnosticReport/{}", row.id));
                found = Some(resource);
            }
            Some("Observation") => {
                // They stand in the order of the findings.
                let Some(finding) = findings.get(observations.len()) else { continue };
                let id = format!("{}-{finding}", row.id);
                names.insert(url, format!("Observation/{id}"));
                resource["id"] = json!(id);
                if without.contains(finding) {
                    resource["status"] = json!("entered-in-error");
                }
                observations.push(((*finding).to_owned(), resource));
            }
            Some("Patient") => drop(names.insert(url, patient(store, &row.study_uid)?)),
            Some("Device" | "Practitioner") => {
                let name = format!("held{}", held.len() + 1);
                resource["id"] = json!(name);
                names.insert(url, format!("#{name}"));
                held.insert(name, resource);
            }
            _ => {}
        }
    }
    let mut report = found.ok_or_else(failed)?;
    report["imagingStudy"] = json!([{ "reference": format!("ImagingStudy/{}", row.study_uid) }]);
    finish(&mut report, &names, &held);
    if let Some(results) = report.get_mut("result").and_then(Value::as_array_mut) {
        let is_without = |result: &Value| {
            let reference = result["reference"].as_str().unwrap_or_default();
            reference.split_once('-').is_some_and(|(_, finding)| without.contains(finding))
        };
        results.retain(|result| !is_without(result));
    }
    if report["result"].as_array().is_some_and(Vec::is_empty)
        && let Some(fields) = report.as_object_mut()
    {
        // FHIR knows no empty lists.
        fields.remove("result");
    }
    for (_, observation) in &mut observations {
        finish(observation, &names, &held);
    }
    Ok(Resources { report, observations })
}

fn failed() -> Refusal {
    Refusal::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "the archive failed; its log says why")
}

/// The resources of a report as it leaves in a bundle, each by its address there.
fn entries(report: &Report, row: &ReportRow) -> Result<Vec<(String, Value)>, Refusal> {
    let at = Moment::parse(&row.updated).map_err(|_| failed())?;
    let issue =
        Issue { subject: Subject::default(), at, program_version: env!("CARGO_PKG_VERSION").to_owned() };
    let bundle: Value = serde_json::from_str(&fhir::bundle(report, &issue, None)).map_err(|_| failed())?;
    let entry =
        |entry: &Value| (entry["fullUrl"].as_str().unwrap_or_default().to_owned(), entry["resource"].clone());
    Ok(bundle["entry"].as_array().into_iter().flatten().map(entry).collect())
}

/// The reference to a study's patient; "" where the study names none.
fn patient(store: &Store, study: &str) -> Result<String, Refusal> {
    let query = Query { limit: Some(1), ..Query::new(Level::Study) }.with(tags::STUDY_INSTANCE_UID, study);
    let answers = store.query(&query)?;
    let id = answers
        .first()
        .and_then(|answer| id_of(answer.text(tags::PATIENT_ID), answer.text(tags::ISSUER_OF_PATIENT_ID)));
    Ok(id.map(|id| format!("Patient/{id}")).unwrap_or_default())
}

/// Puts the addresses of this server in the place of those within a bundle, and holds what has no address here.
fn finish(resource: &mut Value, names: &BTreeMap<String, String>, held: &BTreeMap<String, Value>) {
    let mut used = BTreeSet::new();
    renamed(resource, names, &mut used);
    let contained: Vec<&Value> =
        held.iter().filter(|(name, _)| used.contains(*name)).map(|(_, one)| one).collect();
    if !contained.is_empty() {
        resource["contained"] = json!(contained);
    }
}

fn renamed(value: &mut Value, names: &BTreeMap<String, String>, used: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| renamed(item, names, used)),
        Value::Object(fields) => {
            let target =
                fields.get("reference").and_then(Value::as_str).and_then(|url| names.get(url)).cloned();
            match target {
                Some(target) if target.is_empty() => {
                    *fields =
                        Map::from_iter([("display".to_owned(), json!("a patient without an identifier"))]);
                }
                Some(target) => {
                    used.extend(target.strip_prefix('#').map(str::to_owned));
                    fields.insert("reference".to_owned(), json!(target));
                }
                None => fields.values_mut().for_each(|field| renamed(field, names, used)),
            }
        }
        _ => {}
    }
}

/// What a search's parameters ask for; `None` where nothing can be meant.
fn meant(others: &[(String, String)], is_observation: bool) -> Result<Option<Asked>, Refusal> {
    let mut meant = Asked::default();
    for (key, value) in others {
        match key.as_str() {
            "_id" => meant.id = Some(value.clone()),
            "patient" | "subject" => match of_id(value.strip_prefix("Patient/").unwrap_or(value)) {
                Some(patient) => meant.patient = Some(patient),
                None => return Ok(None),
            },
            "identifier" if !is_observation => meant.identifier = Some(plain(key, token(value))?.to_owned()),
            "status" => meant.status = Some(token(value).to_owned()),
            "code" => meant.code = Some(token(value).to_owned()),
            _ => return Err(unknown()),
        }
    }
    Ok(Some(meant))
}

fn is_code(resource: &Value, code: &str) -> bool {
    resource["code"]["coding"].as_array().into_iter().flatten().any(|coding| coding["code"] == code)
}

async fn found(site: Arc<Site>, headers: HeaderMap, query: Option<String>, kind: &'static str) -> Answered {
    let (page, others) = asked(query.as_deref())?;
    let is_observation = kind == "Observation";
    let meant = meant(&others, is_observation)?;
    let base = base(&site, &headers);
    let (resources, more) = match meant {
        None => (Vec::new(), false),
        Some(meant) => blocking(move || matching(&site.store, &meant, page, is_observation)).await?,
    };
    Ok(given(&bundle(&base, kind, page, &others, resources, more)))
}

/// The resources of a page, and whether more come after it.
fn matching(
    store: &Store,
    meant: &Asked,
    page: Page,
    is_observation: bool,
) -> Result<(Vec<Value>, bool), Refusal> {
    let patient = meant.patient.as_ref().map(|(id, issuer)| (id.as_str(), issuer.as_str()));
    let last = page.offset.saturating_add(page.count);
    let (mut number, mut matching) = (0_u64, Vec::new());
    let of_id = meant.id.as_deref().and_then(|id| id.split('-').next());
    let name = of_id.or(meant.identifier.as_deref());
    for row in store.reports().signed(patient, name, MOST_READ, 0)? {
        if meant.identifier.as_deref().is_some_and(|id| id != row.id) {
            continue;
        }
        let of = match resources(store, &row) {
            Ok(of) => of,
            Err(refusal) => {
                tracing::error!(report = row.id, ?refusal, "a report that cannot be read is passed over");
                continue;
            }
        };
        let all = if is_observation {
            of.observations
                .into_iter()
                .map(|(_, one)| one)
                .filter(|one| one["status"] != "entered-in-error")
                .collect()
        } else {
            vec![of.report]
        };
        for resource in all {
            let is_meant = meant.id.as_deref().is_none_or(|id| resource["id"] == id)
                && meant.status.as_deref().is_none_or(|status| resource["status"] == status)
                && meant.code.as_deref().is_none_or(|code| is_code(&resource, code));
            if !is_meant {
                continue;
            }
            if number >= last {
                return Ok((matching, true));
            }
            if number >= page.offset {
                matching.push(resource);
            }
            number += 1;
        }
    }
    Ok((matching, false))
}

/// `GET /fhir/DiagnosticReport`
pub(crate) async fn search(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    found(site, headers, query, "DiagnosticReport").await
}

/// `GET /fhir/Observation`
pub(crate) async fn observations(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answered {
    found(site, headers, query, "Observation").await
}

/// A signed report that counts.
fn signed(store: &Store, id: &str, what: &'static str) -> Result<ReportRow, Refusal> {
    let row = store.reports().served(id).map_err(|_| missing(what))?;
    if row.is_superseded || row.state == ReportState::Draft.word() { Err(missing(what)) } else { Ok(row) }
}

/// `GET /fhir/DiagnosticReport/{id}`
pub(crate) async fn one(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Answered {
    let resource = blocking(move || {
        let row = signed(&site.store, &id, "signed report")?;
        Ok(resources(&site.store, &row)?.report)
    });
    Ok(given(&resource.await?))
}

/// `GET /fhir/Observation/{id}`
pub(crate) async fn observation(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Answered {
    let what = "finding of a signed report";
    let resource = blocking(move || {
        let (report, finding) = id.split_once('-').ok_or_else(|| missing(what))?;
        let row = signed(&site.store, report, what)?;
        let of = resources(&site.store, &row)?.observations;
        of.into_iter().find(|(id, _)| id == finding).map(|(_, one)| one).ok_or_else(|| missing(what))
    });
    Ok(given(&resource.await?))
}

/// What these resources are searched by, for the statement of capabilities.
pub(super) fn capabilities() -> [(&'static str, Vec<(&'static str, &'static str)>); 2] {
    let of_both = [
        ("_id", "token"),
        ("patient", "reference"),
        ("subject", "reference"),
        ("status", "token"),
        ("code", "token"),
    ];
    let of_report = of_both.into_iter().chain([("identifier", "token")]).collect();
    [("DiagnosticReport", of_report), ("Observation", of_both.to_vec())]
}
