//! `POST /api/reports/{id}/decisions`: a finding accepted, rejected, or left open again.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use chrono::Utc;
use serde::Deserialize;
use serde_json::json;
use wilhelm_privacy::account::Permission;
use wilhelm_report::State as ReportState;
use wilhelm_store::{NewDecision, Seen};

use super::answer::{Answered, account, allowed, body, moment, person, seen, tagged};
use super::report::decisions;
use crate::desk::{Document, model_of, rejected, urgency};
use crate::http::guard::{Details, Who};
use crate::http::{Refusal, Site, blocking};

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Accepted,
    Rejected,
    Undecided,
}

impl Decision {
    const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Undecided => "undecided",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    finding: String,
    decision: Decision,
}

/// The handler.
pub(super) async fn decide(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Body,
) -> Answered {
    let form = r#"{"finding", "decision": "accepted", "rejected" or "undecided"}"#;
    let given: Given = body(&headers, sent, form).await?;
    let seen = seen(&headers)?;
    blocking(move || Ok(decided(&site, &who, &id, seen, &given))).await?
}

fn decided(site: &Site, who: &Who, id: &str, seen: Seen, given: &Given) -> Answered {
    let before = Document::read(&site.store, id)?;
    let report = &before.latest().report;
    if report.state != ReportState::Draft {
        // A decision changes what leaves of a report, as words do.
        allowed(site, who, Permission::ReportSign, &before.row.study_uid)?;
        person(who)?;
    }
    before.is_as(seen)?;
    if report.state.is_final() {
        let detail = format!(
            "the report is {}, and its findings are decided: change it with an amendment, POST /api/reports/{{id}}/edits with a reason",
            report.state.word()
        );
        return Err(Refusal::new(StatusCode::CONFLICT, detail).into());
    }
    let none = || {
        let known: Vec<&str> = report.findings.iter().map(|finding| finding.id.0.as_str()).collect();
        let detail = format!("the report has no such finding, expected one of: {}", known.join(", "));
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    };
    let finding = report.findings.iter().find(|finding| finding.id.0 == given.finding).ok_or_else(none)?;
    let one = NewDecision {
        finding: finding.id.0.clone(),
        observation: finding.observation.key.clone(),
        model: model_of(report, finding),
        decision: given.decision.word().to_owned(),
    };
    let mut without = rejected(&before.decisions);
    if matches!(given.decision, Decision::Rejected) {
        without.insert(finding.id.clone());
    } else {
        without.remove(&finding.id);
    }
    let level = urgency(wilhelm_report::triage(report, &without).map(|triage| triage.level));
    let (by, at) = (account(who), moment(Utc::now()));
    let after = site.store.reports().decide(id, seen, vec![one], level, (&by, at.as_str()))?;
    site.desk.changed(id);
    let all = site.store.reports().decisions(id)?;
    let sentences: Vec<&str> =
        report.sentences_of(&finding.id).map(|sentence| sentence.id.as_str()).collect();
    let sentences = if matches!(given.decision, Decision::Rejected) { sentences } else { Vec::new() };
    let mut response = tagged(after, &json!({ "decisions": decisions(&all), "sentences": sentences }));
    response.extensions_mut().insert(Details(vec![
        ("finding", finding.id.0.clone()),
        ("decision", given.decision.word().to_owned()),
        ("version", after.version.to_string()),
    ]));
    Ok(response)
}
