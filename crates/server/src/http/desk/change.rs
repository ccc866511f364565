//! What makes a new version of a report: edits, signatures, addenda.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde::Deserialize;
use serde_json::json;
use wilhelm_privacy::account::Permission;
use wilhelm_report::{
    Edit, Heading, LifecycleError, Report, Signer, State as ReportState, addendum as added, amend,
    sign as signed, version_sha256,
};
use wilhelm_store::{NewDecision, NewVersion, Seen};
use wilhelm_study::FindingId;

use super::answer::{Answered, account, allowed, body, moment, person, seen, tagged};
use super::report::shown;
use crate::desk::{Delivery, Document, decided, model_of, rejected, urgency};
use crate::http::guard::{Details, Who};
use crate::http::{Refusal, Site, blocking};

/// Most edits of one request, and longest words of a sentence in characters.
const MOST: usize = 200;
const LONGEST: usize = 4000;
/// Longest reason in characters.
const LONGEST_REASON: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edits {
    #[serde(default)]
    edits: Vec<OneEdit>,
    #[serde(default)]
    add: Vec<OneAdded>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneEdit {
    sentence: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    remove: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneAdded {
    heading: Heading,
    text: String,
}

impl Edits {
    fn taken(self) -> Result<(Vec<Edit>, String), Refusal> {
        let wrong = |detail: &str| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        if self.edits.len() + self.add.len() > MOST {
            return Err(wrong("more than 200 sentences are changed at once"));
        }
        let mut edits = Vec::new();
        for edit in self.edits {
            edits.push(match (edit.text, edit.remove) {
                (Some(text), false) => Edit::Replace { sentence: edit.sentence, text: line(&text)? },
                (None, true) => Edit::Remove { sentence: edit.sentence },
                _ => return Err(wrong("an edit has either text, or remove as true")),
            });
        }
        for one in self.add {
            edits.push(Edit::Add { heading: one.heading, text: line(&one.text)? });
        }
        let reason = self.reason.unwrap_or_default();
        if reason.chars().count() > LONGEST_REASON {
            return Err(wrong("the reason has more than 1000 characters"));
        }
        Ok((edits, reason))
    }
}

/// A report's sentence is one line, and has an end.
fn line(text: &str) -> Result<String, Refusal> {
    if text.chars().count() > LONGEST {
        let detail = "a sentence has more than 4000 characters";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let printed: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Ok(printed.split_whitespace().collect::<Vec<&str>>().join(" "))
}

/// `POST /api/reports/{id}/edits`
pub(super) async fn edit(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Answered {
    let form = r#"{"edits": [{"sentence", "text"} or {"sentence", "remove": true}], "add": [{"heading", "text"}], "reason"}"#;
    let (edits, reason) = body::<Edits>(&headers, given, form).await?.taken()?;
    let change = move |report: &Report, signer: &Signer| amend(report, &edits, signer, &reason);
    step(site, who, id, &headers, change).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signing {
    state: ReportState,
}

/// `POST /api/reports/{id}/sign`
pub(super) async fn sign(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Answered {
    let signing: Signing = body(&headers, given, r#"{"state": "preliminary" or "final"}"#).await?;
    person(&who)?;
    step(site, who, id, &headers, move |report, signer| signed(report, signing.state, signer)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Adding {
    text: String,
    #[serde(default)]
    reason: Option<String>,
}

/// `POST /api/reports/{id}/addendum`
pub(super) async fn addendum(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    given: Body,
) -> Answered {
    let adding: Adding = body(&headers, given, r#"{"text", "reason"}"#).await?;
    let text = line(&adding.text)?;
    let reason = adding.reason.map(|reason| line(&reason)).transpose()?.filter(|reason| !reason.is_empty());
    person(&who)?;
    let change = move |report: &Report, signer: &Signer| {
        let mut report = added(report, &text, signer)?;
        if let Some(last) = report.signatures.last_mut() {
            last.reason = reason;
        }
        Ok(report)
    };
    step(site, who, id, &headers, change).await
}

/// Makes the next version, and puts it into the study where it is final; answers with the report as it is then.
async fn step(
    site: Arc<Site>,
    who: Who,
    id: String,
    headers: &HeaderMap,
    change: impl FnOnce(&Report, &Signer) -> Result<Report, LifecycleError> + Send + 'static,
) -> Answered {
    let seen = seen(headers)?;
    blocking(move || Ok(made(&site, &who, &id, seen, change))).await?
}

fn made(
    site: &Site,
    who: &Who,
    id: &str,
    seen: Seen,
    change: impl FnOnce(&Report, &Signer) -> Result<Report, LifecycleError>,
) -> Answered {
    let before = Document::read(&site.store, id)?;
    let last = before.latest();
    if last.report.state != ReportState::Draft {
        // What somebody signed, only somebody who signs may change.
        allowed(site, who, Permission::ReportSign, &before.row.study_uid)?;
        person(who)?;
    }
    let at = moment(Utc::now());
    let by = account(who);
    let signer = Signer { by: by.clone(), organization: None, at: at.clone() };
    before.is_as(seen)?;
    let report = change(&last.report, &signer)?;
    let own = before.stored.last().map(|stored| stored.bytes.as_slice()).unwrap_or_default();
    let next = last.next(own, report);
    let rejected = rejected(&before.decisions);
    if next.report.state == ReportState::Final {
        not_spoken_of(&next.report, &rejected)?;
    }
    let level = wilhelm_report::triage(&next.report, &rejected).map(|triage| triage.level);
    let bytes = next.to_bytes();
    let sha256 = version_sha256(&bytes);
    let version = NewVersion {
        state: next.report.state.word().to_owned(),
        urgency: urgency(level),
        by,
        at: at.to_string(),
        bytes,
        decisions: edited(&before, &next.report),
    };
    let after = site.store.reports().append(id, seen, version)?;
    site.desk.changed(id);
    let state = next.report.state;
    let delivery = state.is_final().then(|| site.desk.deliver(id));
    let mut body = shown(site, &Document::read(&site.store, id)?)?;
    if let Some(delivery) = delivery {
        body["sr"] = match delivery {
            Delivery::There => json!({ "stored": true }),
            Delivery::NoReader => {
                json!({ "stored": false, "error": "this archive was started without a reader" })
            }
            Delivery::Problem(problem) => json!({ "stored": false, "error": problem }),
        };
    }
    let mut response: Response = tagged(after, &body).into_response();
    response.extensions_mut().insert(Details(vec![
        ("version", after.version.to_string()),
        ("state", state.word().to_owned()),
        ("sha256", sha256),
    ]));
    Ok(response)
}

/// Refuses what would be final and still speak of what a person rejected.
fn not_spoken_of(report: &Report, rejected: &BTreeSet<FindingId>) -> Result<(), Refusal> {
    let spoken: Vec<String> = rejected
        .iter()
        .filter_map(|finding| {
            let sentences: Vec<&str> = report.sentences_of(finding).map(|one| one.id.as_str()).collect();
            (!sentences.is_empty()).then(|| format!("{} of {finding}", sentences.join(", ")))
        })
        .collect();
    if spoken.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "sentences speak of findings that were rejected: {}: reword or remove them, or take the rejection back, and sign then",
        spoken.join("; ")
    );
    Err(Refusal::new(StatusCode::CONFLICT, detail))
}

/// Findings whose sentences a person words anew or takes out: they are decided as edited, where they were not rejected.
fn edited(before: &Document, after: &Report) -> Vec<NewDecision> {
    let report = &before.latest().report;
    let latest = decided(&before.decisions);
    let touched = |id: &str| {
        report.sentences().any(|(_, sentence)| {
            let spoken = sentence.claim.statements().iter().map(|statement| &statement.finding);
            let of = sentence.findings.iter().chain(spoken).any(|finding| finding.0 == id);
            of && after.sentence(&sentence.id).is_none_or(|now| now.text != sentence.text)
        })
    };
    report
        .findings
        .iter()
        .filter(|finding| touched(&finding.id.0))
        .filter(|finding| {
            let decided = latest.get(finding.id.0.as_str()).map(|decision| decision.decision.as_str());
            !matches!(decided, Some("rejected" | "edited"))
        })
        .map(|finding| NewDecision {
            finding: finding.id.0.clone(),
            observation: finding.observation.key.clone(),
            model: model_of(report, finding),
            decision: "edited".to_owned(),
        })
        .collect()
}
