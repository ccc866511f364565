//! `/api/rules`: which rules there are, which studies they applied to, and what they would do with one.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use wilhelm_privacy::account::Permission;
use wilhelm_store::{Activity, Facts, StoreError};

use super::guard::{Touched, Who, may};
use super::jobs::answer;
use super::permission::is_uid;
use super::session::texts;
use super::{Refusal, Site, blocking};
use crate::events::moment;
use crate::rules::{Rule, judge};

/// Studies shown of each rule, and those looked at where the account does not see all.
const SHOWN: u64 = 20;
const LOOKED_AT: u64 = 200;

/// `GET /api/rules`
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
) -> Result<Response, Refusal> {
    let body = blocking(move || {
        let rules: Result<Vec<Value>, StoreError> =
            site.rules.rules.iter().map(|rule| shown(&site, &who, rule)).collect();
        Ok(json!({ "rules": rules? }))
    })
    .await?;
    Ok(answer(&body))
}

fn shown(site: &Site, who: &Who, rule: &Rule) -> Result<Value, StoreError> {
    let mut matches = site.store.last_matches(&rule.name, LOOKED_AT)?;
    matches.retain(|one| may(site, who, Permission::StudySee, Some(&one.study)).is_ok());
    matches.truncate(SHOWN as usize);
    let did = rule.then_words();
    let matches: Vec<Value> = matches
        .iter()
        .map(|one| json!({ "study": one.study, "at": moment(one.at), "did": did, "why": one.outcome.why }))
        .collect();
    Ok(json!({
        "name": rule.name,
        "when": rule.when_words(),
        "then": did,
        "enabled": rule.enabled,
        "matches": matches,
    }))
}

/// `POST /api/rules/dry-run`
pub(crate) async fn dry_run(State(site): State<Arc<Site>>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let who = parts.extensions.get::<Who>().cloned().unwrap_or(Who::default());
    let [study] = texts(&parts.headers, body, ["study"]).await?;
    if !is_uid(&study) {
        return Err(Refusal::bad("the study is no UID of 1 to 64 digits and dots"));
    }
    let name = study.clone();
    let body = blocking(move || {
        may(&site, &who, Permission::StudySee, Some(&study))?;
        let facts = site.store.facts(&study)?;
        let missing = || Refusal::new(StatusCode::NOT_FOUND, "there is no such study in the archive");
        let facts = facts.ok_or_else(missing)?;
        let rules: Result<Vec<Value>, StoreError> =
            site.rules.rules.iter().map(|rule| explained(&site, rule, &study, &facts)).collect();
        Ok(json!({ "study": study, "rules": rules? }))
    })
    .await?;
    let mut response = answer(&body);
    response.extensions_mut().insert(Touched(vec![name]));
    Ok(response)
}

/// What a rule would do with a study, and why; nothing is done.
fn explained(site: &Site, rule: &Rule, study: &str, facts: &Facts) -> Result<Value, StoreError> {
    let verdict = judge(rule, facts);
    let state = site.store.rule_state(&rule.name, study)?;
    let waiting = site.store.not_looked_at(&rule.name)?;
    let waiting = waiting.iter().find(|one| one.study == study);
    let applied = state.is_some_and(|state| state.matched);
    let quiet = waiting.map(quiet_seconds);
    let left = quiet.map(|quiet| rule.after_quiet.as_secs().saturating_sub(quiet));
    let next = match (rule.enabled, rule.once && applied, left, state) {
        (false, ..) => "the rule is switched off".to_owned(),
        (_, true, ..) => "it applied before, and applies once".to_owned(),
        (_, _, Some(0), _) => "the study is stable: it is looked at now".to_owned(),
        (_, _, Some(left), _) => {
            format!("the study is not stable yet: it is looked at in {left} s if nothing more arrives")
        }
        (_, _, None, Some(_)) => "it was looked at; it is again if more arrives".to_owned(),
        (_, _, None, None) => "it came before the rule was known; it is looked at if more arrives".to_owned(),
    };
    let conditions: Vec<Value> = verdict
        .conditions
        .iter()
        .map(|one| json!({ "what": one.what, "wanted": one.wanted, "found": one.found, "holds": one.holds }))
        .collect();
    let would = (verdict.applies && rule.enabled && !(rule.once && applied)).then(|| rule.then_words());
    Ok(json!({
        "name": rule.name,
        "applies": verdict.applies,
        "would": would,
        "why": format!("{}. {next}", verdict.why()),
        "conditions": conditions,
        "stable": {
            "after_quiet_seconds": rule.after_quiet.as_secs(),
            "quiet_seconds": quiet,
            "is_stable": quiet.is_none_or(|quiet| quiet >= rule.after_quiet.as_secs()),
        },
    }))
}

fn quiet_seconds(activity: &Activity) -> u64 {
    SystemTime::now().duration_since(activity.arrived).unwrap_or_default().as_secs()
}
