//! A report's pictures, and its latest version in the forms in which reports leave.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use wilhelm_report::{html, pdf, text};
use wilhelm_store::StoreError;

use super::answer::{Answered, moment};
use crate::desk::document::{self, latest};
use crate::desk::{FormFailure, leaving};
use crate::http::guard::Details;
use crate::http::parameters::parameters;
use crate::http::{Refusal, Site, blocking};

/// Forms by their names: media type, ending of the file, and whether the study is wanted for it.
const FORMS: [(&str, &str, &str, bool); 8] = [
    ("html", "text/html; charset=utf-8", "html", false),
    ("pdf", "application/pdf", "pdf", false),
    ("text", "text/plain; charset=utf-8", "txt", false),
    ("json", "application/json", "json", false),
    ("fhir", "application/fhir+json", "fhir.json", true),
    ("hl7", "x-application/hl7-v2+er7", "hl7", true),
    ("sr", "application/dicom", "sr.dcm", true),
    ("encapsulated-pdf", "application/dicom", "pdf.dcm", true),
];

/// What the page of a report may do: show itself and its own pictures.
const PAGE: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// `GET /api/reports/{id}/forms/{form}`
pub(super) async fn form(
    State(site): State<Arc<Site>>,
    Path((id, form)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answered {
    let none = || {
        let known = FORMS.map(|(name, ..)| name).join(", ");
        Refusal::new(StatusCode::NOT_FOUND, format!("there is no such form, expected one of: {known}"))
    };
    let (name, kind, ending, of_study) =
        FORMS.into_iter().find(|(name, ..)| *name == form).ok_or_else(none)?;
    let names_patient = names_patient(query.as_deref())?;
    let file =
        format!("report-{}.{ending}", id.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
    let bytes = blocking(move || {
        let reports = site.store.reports();
        let row = reports.served(&id)?;
        let report = leaving(&latest(&site.store, &id)?, &reports.decisions(&id)?);
        let now = moment(Utc::now());
        if of_study {
            let made = site.desk.form(&id, &row.study_uid, &report, (name, names_patient), Some(&now));
            return made.map_err(|failure| match failure {
                FormFailure::TooLarge(detail) => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail),
                FormFailure::Other(detail) => Refusal::new(StatusCode::CONFLICT, detail),
            });
        }
        let pictures = document::pictures(&site.store, &id)?;
        Ok(match name {
            "html" => html(&report, &pictures).into_bytes(),
            "text" => text(&report).into_bytes(),
            "json" => serde_json::to_vec_pretty(&report).map_err(|_| failed())?,
            _ => {
                let at = report.signatures.last().map_or(&now, |signature| &signature.at);
                pdf(&report, &pictures, at).map_err(|error| {
                    tracing::error!(%error, "a report is no PDF");
                    failed()
                })?
            }
        })
    })
    .await?;
    let mut response = ([(header::CONTENT_TYPE, kind)], bytes).into_response();
    if name == "html" {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    } else if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{file}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    let named = if names_patient { "yes" } else { "no" };
    response
        .extensions_mut()
        .insert(Details(vec![("forms", name.to_owned()), ("names patient", named.to_owned())]));
    Ok(response)
}

fn failed() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive failed; its log says why")
}

fn names_patient(query: Option<&str>) -> Result<bool, Refusal> {
    let mut names = false;
    for (key, value) in parameters(query) {
        names = match (key.as_str(), value.as_str()) {
            ("names_patient", "true") => true,
            ("names_patient", "false") => false,
            _ => return Err(Refusal::bad("the parameter is none but names_patient=true or false")),
        };
    }
    Ok(names)
}

/// `GET /api/reports/{id}/pictures/{k}`
pub(super) async fn picture(
    State(site): State<Arc<Site>>,
    Path((id, number)): Path<(String, String)>,
) -> Answered {
    png(site, id, &number, document::picture).await
}

/// `GET /api/reports/{id}/overlays/{k}`
pub(super) async fn overlay(
    State(site): State<Arc<Site>>,
    Path((id, number)): Path<(String, String)>,
) -> Answered {
    png(site, id, &number, document::overlay).await
}

async fn png(site: Arc<Site>, id: String, number: &str, name: fn(usize) -> String) -> Answered {
    let number: usize =
        number.parse().map_err(|_| Refusal::from(StoreError::NotFound { what: "picture" }))?;
    let bytes = blocking(move || Ok(site.store.reports().file(&id, &name(number))?)).await?;
    let response: Response = ([(header::CONTENT_TYPE, "image/png")], bytes).into_response();
    Ok(response)
}
