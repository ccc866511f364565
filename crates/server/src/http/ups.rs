//! UPS-RS: work items for programs, made, found, claimed, brought forward and completed.
//!
//! Source: PS3.18 Section 11, PS3.4 Annex CC.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde_json::{Map, Value, json};
use wilhelm_privacy::{Entropy, SystemEntropy};
use wilhelm_store::{Workitem, WorkitemQuery};
use wilhelm_study::Phi;

use super::parameters::parameters;
use super::permission::is_uid;
use super::{Refusal, Site, blocking};

/// Largest work item, in bytes.
const LARGEST: usize = 1 << 20;
/// Most answers of one search.
const MOST: u64 = 1000;
/// Unified Procedure Step - Push.
const PUSH: &str = "1.2.840.10008.5.1.4.34.6.1";

const CLASS: &str = "00080016";
const INSTANCE: &str = "00080018";
const TRANSACTION: &str = "00081195";
const PATIENT: &str = "00100020";
const STATE: &str = "00741000";
const PERFORMED: &str = "00741216";
const LABEL: &str = "00741204";

/// What a new work item has to say: attribute and name.
const WANTED: [(&str, &str); 4] = [
    ("00404005", "Scheduled Procedure Step Start DateTime (0040,4005)"),
    ("00404041", "Input Readiness State (0040,4041)"),
    ("00741200", "Scheduled Procedure Step Priority (0074,1200)"),
    (LABEL, "Procedure Step Label (0074,1204)"),
];

/// What the performed procedure of a completed one has to say.
const DONE: [(&str, &str); 3] = [
    ("00404033", "Output Information Sequence (0040,4033)"),
    ("00404050", "Performed Procedure Step Start DateTime (0040,4050)"),
    ("00404051", "Performed Procedure Step End DateTime (0040,4051)"),
];

type Data = Map<String, Value>;

fn conflict(detail: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, detail)
}

/// The data set of a body: an object of the DICOM JSON Model, or an array of one.
fn data_set(body: &[u8]) -> Result<Data, Refusal> {
    if body.len() > LARGEST {
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 1 MiB"));
    }
    let refused =
        || Refusal::bad("the body is no data set in the DICOM JSON Model, expected an array of one object");
    let data = match serde_json::from_slice(body).map_err(|_| refused())? {
        Value::Object(data) => data,
        Value::Array(mut all) if all.len() == 1 => match all.remove(0) {
            Value::Object(data) => data,
            _ => return Err(refused()),
        },
        _ => return Err(refused()),
    };
    let is_tag = |key: &String| {
        key.len() == 8 && key.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
    };
    let well_formed = data.iter().all(|(key, value)| is_tag(key) && value["vr"].is_string());
    if well_formed { Ok(data) } else { Err(refused()) }
}

fn text<'a>(data: &'a Data, key: &str) -> &'a str {
    data.get(key).and_then(|attribute| attribute["Value"][0].as_str()).unwrap_or_default()
}

/// Whether an attribute is there; one of a sequence may be without items.
fn is_said(data: &Data, key: &str) -> bool {
    data.get(key).is_some_and(|attribute| {
        attribute["vr"] == "SQ" || attribute["Value"].as_array().is_some_and(|values| !values.is_empty())
    })
}

/// A UID in the query: bare, or as the value of a parameter.
fn uid_of_query(query: Option<&str>, name: &str) -> Result<Option<String>, Refusal> {
    let found = parameters(query).into_iter().find_map(|(key, value)| match value.as_str() {
        "" => Some(key),
        _ if key == name => Some(value),
        _ => None,
    });
    match found {
        Some(uid) if !is_uid(&uid) => Err(Refusal::bad("the query is no UID of 1 to 64 digits and dots")),
        found => Ok(found),
    }
}

/// What anybody may see of a work item: all but the transaction.
fn shown(workitem: &Workitem) -> Value {
    let mut data: Data = serde_json::from_str(workitem.data.expose()).unwrap_or_default();
    let value = |vr: &str, text: &str| json!({ "vr": vr, "Value": [text] });
    data.insert(CLASS.to_owned(), value("UI", PUSH));
    data.insert(INSTANCE.to_owned(), value("UI", &workitem.uid));
    data.insert(STATE.to_owned(), value("CS", &workitem.state));
    // In the order of the tags, whatever the map keeps.
    let mut pairs: Vec<(String, Value)> = data.into_iter().collect();
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    Value::Object(pairs.into_iter().collect())
}

fn given(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/dicom+json")], body.to_string()).into_response()
}

fn warned(status: StatusCode, warning: &'static str) -> Response {
    (status, [(header::WARNING, HeaderValue::from_static(warning))]).into_response()
}

/// `POST /workitems`: a new work item.
pub(crate) async fn make(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut data = data_set(&body)?;
    let named = uid_of_query(query.as_deref(), "workitem")?;
    if !matches!(text(&data, STATE), "" | "SCHEDULED") {
        return Err(Refusal::bad(
            "Procedure Step State (0074,1000) of a new work item is SCHEDULED or not said",
        ));
    }
    if let Some((_, name)) = WANTED.iter().find(|(key, _)| !is_said(&data, key)) {
        return Err(Refusal::bad(format!("{name} is missing or empty")));
    }
    if !text(&data, TRANSACTION).is_empty() {
        return Err(Refusal::bad(
            "a new work item has no Transaction UID (0008,1195): it is claimed afterwards",
        ));
    }
    let uid = match named {
        Some(uid) => uid,
        None => {
            let random: [u8; 16] = SystemEntropy::default()
                .array()
                .map_err(|error| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
            format!("2.25.{}", u128::from_be_bytes(random))
        }
    };
    for key in [CLASS, INSTANCE, STATE, TRANSACTION] {
        data.remove(key);
    }
    let workitem = Workitem {
        uid: uid.clone(),
        state: "SCHEDULED".to_owned(),
        transaction_uid: String::new(),
        label: text(&data, LABEL).to_owned(),
        patient_id: Phi::new(text(&data, PATIENT).to_owned()),
        data: Phi::new(Value::Object(data).to_string()),
    };
    let base = site.base(&headers);
    blocking(move || Ok(site.store.make_workitem(workitem, Utc::now().timestamp())?)).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("{base}/workitems/{uid}"))]).into_response())
}

/// `GET /workitems`: by state, label and Patient ID.
pub(crate) async fn search(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let mut wanted = WorkitemQuery { limit: MOST, ..WorkitemQuery::default() };
    for (key, value) in parameters(query.as_deref()) {
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| Refusal::bad(format!("the parameter {key} is no whole number from 0 on")))
        };
        match key.as_str() {
            "limit" => wanted.limit = number()?.min(MOST),
            "offset" => wanted.offset = number()?,
            "ProcedureStepState" | STATE => wanted.state = value,
            "ProcedureStepLabel" | LABEL => wanted.label = value,
            "PatientID" | PATIENT => wanted.patient_id = Phi::new(value),
            "includefield" | "accept" => {}
            _ => {
                let detail = "work items are searched by ProcedureStepState, ProcedureStepLabel and PatientID, with limit and offset";
                return Err(Refusal::bad(detail));
            }
        }
    }
    let found = blocking(move || Ok(site.store.workitems(&wanted)?)).await?;
    if found.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(given(&Value::Array(found.iter().map(shown).collect())))
}

/// `GET /workitems/{uid}`
pub(crate) async fn one(State(site): State<Arc<Site>>, Path(uid): Path<String>) -> Result<Response, Refusal> {
    let found = blocking(move || Ok(site.store.workitem(&uid)?)).await?;
    Ok(given(&Value::Array(vec![shown(&found)])))
}

/// Carries a change out in the catalog's one writer.
async fn changed(
    site: Arc<Site>,
    uid: String,
    change: impl FnOnce(Workitem) -> Result<Workitem, Refusal> + Send + 'static,
) -> Result<Workitem, Refusal> {
    blocking(move || site.store.change_workitem(uid, Utc::now().timestamp(), change)?).await
}

/// Whether who asks has claimed the work item.
fn holds(workitem: &Workitem, transaction: &str) -> Result<(), Refusal> {
    match workitem.state.as_str() {
        "COMPLETED" | "CANCELED" => {
            Err(conflict(format!("the work item is {}: it stays as it is", workitem.state)))
        }
        "IN PROGRESS" if transaction.is_empty() => {
            Err(Refusal::bad("the work item is claimed: its Transaction UID is wanted"))
        }
        "IN PROGRESS" if transaction != workitem.transaction_uid => {
            Err(conflict("the work item is claimed under another Transaction UID"))
        }
        _ => Ok(()),
    }
}

/// `POST /workitems/{uid}`: attributes written anew, as progress is.
pub(crate) async fn update(
    State(site): State<Arc<Site>>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, Refusal> {
    let data = data_set(&body)?;
    let transaction = uid_of_query(query.as_deref(), "transaction-uid")?.unwrap_or_default();
    if [CLASS, INSTANCE, STATE].iter().any(|key| data.contains_key(*key)) {
        return Err(Refusal::bad("an update changes neither UIDs nor the state: PUT .../state does that"));
    }
    changed(site, uid, move |mut workitem| {
        holds(&workitem, &transaction)?;
        let mut held: Data = serde_json::from_str(workitem.data.expose()).unwrap_or_default();
        held.extend(data.into_iter().filter(|(key, _)| key != TRANSACTION));
        workitem.label = text(&held, LABEL).to_owned();
        workitem.patient_id = Phi::new(text(&held, PATIENT).to_owned());
        let whole = Value::Object(held).to_string();
        if whole.len() > LARGEST {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the work item would be longer than 1 MiB",
            ));
        }
        workitem.data = Phi::new(whole);
        Ok(workitem)
    })
    .await?;
    Ok(StatusCode::OK.into_response())
}

/// `PUT /workitems/{uid}/state`: claimed, completed or canceled by who claimed it.
pub(crate) async fn state(
    State(site): State<Arc<Site>>,
    Path(uid): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let data = data_set(&body)?;
    let (to, transaction) = (text(&data, STATE).to_owned(), text(&data, TRANSACTION).to_owned());
    if !matches!(to.as_str(), "IN PROGRESS" | "COMPLETED" | "CANCELED") {
        return Err(Refusal::bad(
            "Procedure Step State (0074,1000) is none of IN PROGRESS, COMPLETED, CANCELED",
        ));
    }
    if !is_uid(&transaction) {
        return Err(Refusal::bad("Transaction UID (0008,1195) is missing or no UID"));
    }
    let done = changed(site, uid, move |mut workitem| {
        match (workitem.state.as_str(), to.as_str()) {
            // Asked again by who did it, since the answer was lost.
            (is, to) if is == to && transaction == workitem.transaction_uid => return Ok(workitem),
            ("SCHEDULED", "IN PROGRESS") => workitem.transaction_uid = transaction,
            ("SCHEDULED", _) => {
                return Err(conflict("the work item is not claimed yet: POST .../cancelrequest cancels it"));
            }
            ("IN PROGRESS", "IN PROGRESS") => return Err(conflict("the work item is claimed already")),
            _ => {
                holds(&workitem, &transaction)?;
                if to == "COMPLETED" {
                    complete(&workitem)?;
                }
            }
        }
        workitem.state = to;
        Ok(workitem)
    })
    .await?;
    debug_assert!(done.state != "SCHEDULED");
    Ok(StatusCode::OK.into_response())
}

/// Whether a work item says what a completed one has to.
fn complete(workitem: &Workitem) -> Result<(), Refusal> {
    let held: Data = serde_json::from_str(workitem.data.expose()).unwrap_or_default();
    let performed = held.get(PERFORMED).and_then(|attribute| attribute["Value"][0].as_object());
    let missing = match performed {
        None => Some("Unified Procedure Step Performed Procedure Sequence (0074,1216)"),
        Some(item) => DONE.iter().find(|(key, _)| !is_said(item, key)).map(|(_, name)| *name),
    };
    missing.map_or(Ok(()), |name| {
        Err(conflict(format!("{name} is missing: update the work item before it is completed")))
    })
}

/// `POST /workitems/{uid}/cancelrequest`: what nobody has claimed is canceled.
pub(crate) async fn cancel(
    State(site): State<Arc<Site>>,
    Path(uid): Path<String>,
) -> Result<Response, Refusal> {
    let was = {
        let (site, uid) = (Arc::clone(&site), uid.clone());
        blocking(move || Ok(site.store.workitem(&uid)?)).await?
    };
    if was.state == "CANCELED" {
        return Ok(warned(
            StatusCode::ACCEPTED,
            "299 wilhelm \"The UPS is already in the requested state of CANCELED\"",
        ));
    }
    changed(site, uid, |mut workitem| match workitem.state.as_str() {
        "SCHEDULED" | "CANCELED" => {
            workitem.state = "CANCELED".to_owned();
            Ok(workitem)
        }
        "IN PROGRESS" => Err(conflict(
            "the work item is claimed, and who claimed it cannot be reached: it alone can cancel it",
        )),
        _ => Err(conflict("the work item is COMPLETED: it stays as it is")),
    })
    .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
