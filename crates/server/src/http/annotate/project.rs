//! Projects listed, made, given items, opened and closed.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wilhelm_annotate::Question;
use wilhelm_privacy::Entropy;
use wilhelm_privacy::account::Permission;
use wilhelm_store::{NewItem, NewProject};

use super::standing::{Standing, account, forbidden, may};
use super::wire::{SMALL, body, json as answer, noted, now};
use crate::annotate::{Asked, Chosen, Search, asked, chosen, found, new_item, progress, set_order};
use crate::http::guard::{Who, denied};
use crate::http::{Refusal, Site, blocking};

/// Longest title and instructions in characters; most people of each kind.
const LONGEST_TITLE: usize = 120;
const LONGEST_INSTRUCTIONS: usize = 4000;
const MOST_PEOPLE: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    title: String,
    #[serde(default)]
    instructions: String,
    question: Question,
    #[serde(default)]
    annotators: Vec<String>,
    #[serde(default)]
    adjudicators: Vec<String>,
    /// Left out: all of them.
    #[serde(default)]
    annotators_per_item: Option<u32>,
    #[serde(default = "yes")]
    blinded: bool,
    #[serde(default)]
    order: Option<String>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    items: Vec<Chosen>,
    #[serde(default)]
    search: Option<Search>,
}

const fn yes() -> bool {
    true
}

/// Items by name, by a search, or both.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Items {
    #[serde(default)]
    items: Vec<Chosen>,
    #[serde(default)]
    search: Option<Search>,
}

fn wrong(detail: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// `GET /api/annotations`: the projects in which the account has a part; all for who makes projects.
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
) -> Result<Response, Refusal> {
    let body = blocking(move || {
        let mut projects = Vec::new();
        for project in site.store.annotations().list()? {
            let standing = Standing::new(&who, project);
            if standing.annotates || standing.adjudicates || standing.manages {
                projects.push(shown(&site, &standing, false)?);
            }
        }
        let manages = super::standing::holds(&who, Permission::AnnotationManage);
        Ok(json!({ "projects": projects, "may_make": manages }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}

fn shown(site: &Site, standing: &Standing, is_whole: bool) -> Result<Value, Refusal> {
    let project = &standing.project;
    let asked = asked(&site.store, &project.id)?;
    let mut shown = json!({
        "id": project.id,
        "title": asked.title,
        "state": project.state,
        "made": project.made,
        "made_by": project.made_by,
        "annotators": project.annotators,
        "adjudicators": project.adjudicators,
        "annotators_per_item": project.wanted,
        "blinded": project.is_blinded,
        "order": project.ordering,
        "progress": progress(&site.store, project)?,
        "own": {
            "account": standing.account,
            "annotates": standing.annotates,
            "adjudicates": standing.adjudicates,
            "manages": standing.manages,
        },
    });
    shown["question"] = json!(asked.question);
    if is_whole {
        shown["instructions"] = json!(asked.instructions);
    }
    Ok(shown)
}

/// `GET /api/annotations/{id}`
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let body = blocking(move || shown(&site, &Standing::of(&site, &who, &id)?, true)).await?;
    Ok(answer(StatusCode::OK, &body))
}

/// `POST /api/annotations`
pub(super) async fn make(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Refusal> {
    let made: Made = body(&headers, sent, SMALL).await?;
    let (body, studies) = blocking(move || {
        let id = name()?;
        let project = checked(&site, &who, &id, &made)?;
        let items = gathered(&site, &who, &id, Items { items: made.items, search: made.search })?;
        let order = made.order.as_deref().unwrap_or("given");
        if !matches!(order, "given" | "random") {
            return Err(wrong(
                "order is given or random; a ranking is set afterwards, PUT /api/annotations/{id}/order",
            ));
        }
        let studies = studies(&items);
        site.store.annotations().make(project)?;
        site.store.annotations().add_items(&id, items)?;
        set_order(&site.store, &id, order, made.seed)?;
        Ok((shown(&site, &Standing::of(&site, &who, &id)?, true)?, studies))
    })
    .await?;
    let details = details(&body, "made");
    let mut response = noted(answer(StatusCode::CREATED, &body), None, details);
    response.extensions_mut().insert(crate::http::guard::Touched(studies));
    Ok(response)
}

fn details(body: &Value, what: &str) -> Vec<(&'static str, String)> {
    let project = body["id"].as_str().unwrap_or_default().to_owned();
    vec![("project", project), ("change", what.to_owned()), ("items", body["progress"]["items"].to_string())]
}

fn studies(items: &[NewItem]) -> Vec<String> {
    let all: std::collections::BTreeSet<&str> = items.iter().map(|item| item.study_uid.as_str()).collect();
    all.into_iter().map(str::to_owned).collect()
}

/// A name of 16 hexadecimal digits that nobody knows beforehand.
fn name() -> Result<String, Refusal> {
    let random: [u8; 8] = wilhelm_privacy::SystemEntropy::default().array().map_err(|error| {
        tracing::error!(%error, "no random bytes");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the archive failed; its log says why")
    })?;
    Ok(Sha256::digest(random)[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Trimmed, each once.
fn people(site: &Site, given: &[String], what: &str) -> Result<Vec<String>, Refusal> {
    let mut people: Vec<String> = Vec::new();
    for name in given.iter().map(|name| name.trim()) {
        let known = match &site.sign_in {
            Some(sign_in) => sign_in
                .has(name, Permission::AnnotationMake)
                .map_err(|error| crate::http::guard::of_account(&error))?,
            None => name == "anyone",
        };
        if !known {
            let detail = format!(
                "{what} has {name:?}, which is no account whose role holds {}",
                Permission::AnnotationMake.name()
            );
            return Err(wrong(detail));
        }
        if !people.iter().any(|one| one == name) {
            people.push(name.to_owned());
        }
    }
    if people.len() > MOST_PEOPLE {
        return Err(wrong(format!("{what} has more than {MOST_PEOPLE} accounts")));
    }
    Ok(people)
}

fn checked(site: &Site, who: &Who, id: &str, made: &Made) -> Result<NewProject, Refusal> {
    let has = |text: &str, range: std::ops::RangeInclusive<usize>| {
        range.contains(&text.trim().chars().count())
            && !text.chars().any(|letter| letter.is_control() && letter != '\n')
    };
    if !has(&made.title, 1..=LONGEST_TITLE) || made.title.contains('\n') {
        return Err(wrong(format!("the title has 1 to {LONGEST_TITLE} characters in one line")));
    }
    if !has(&made.instructions, 0..=LONGEST_INSTRUCTIONS) {
        return Err(wrong(format!("the instructions have at most {LONGEST_INSTRUCTIONS} characters")));
    }
    let question = made.question.clone().checked()?;
    let given = match (&site.sign_in, made.annotators.is_empty()) {
        (None, true) => vec!["anyone".to_owned()],
        _ => made.annotators.clone(),
    };
    let annotators = people(site, &given, "annotators")?;
    let adjudicators = people(site, &made.adjudicators, "adjudicators")?;
    if annotators.is_empty() {
        return Err(wrong("annotators names no account"));
    }
    let most = annotators.len() as u32;
    let wanted = made.annotators_per_item.unwrap_or(most);
    if !(1..=most).contains(&wanted) {
        return Err(wrong(format!("annotators_per_item is {wanted}, expected 1 to the {most} annotators")));
    }
    let asked = Asked {
        title: made.title.trim().to_owned(),
        instructions: made.instructions.trim().to_owned(),
        question,
    };
    Ok(NewProject {
        id: id.to_owned(),
        made: now(),
        made_by: account(who),
        wanted,
        is_blinded: made.blinded,
        ordering: "given".to_owned(),
        annotators,
        adjudicators,
        document: serde_json::to_vec(&asked).expect("JSON is written as text"),
    })
}

/// The items that are named or found, each of a study that whoever asks may give to annotators.
fn gathered(site: &Site, who: &Who, id: &str, items: Items) -> Result<Vec<NewItem>, Refusal> {
    let mut all = chosen(items.items)?;
    if let Some(search) = &items.search {
        may(site, who, Permission::AnnotationManage, id, None).map_err(denied)?;
        all.extend(found(&site.store, search)?);
    }
    if all.is_empty() {
        return Err(wrong("no item is named, and the search finds none that has images"));
    }
    let mut allowed = std::collections::BTreeSet::new();
    let mut new = Vec::with_capacity(all.len());
    for one in &all {
        if allowed.insert(one.study.as_str()) {
            may(site, who, Permission::AnnotationManage, id, Some(&one.study)).map_err(denied)?;
        }
        new.push(new_item(&site.store, one)?);
    }
    Ok(new)
}

/// `POST /api/annotations/{id}/items`
pub(super) async fn add(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Refusal> {
    let items: Items = body(&headers, sent, SMALL).await?;
    let (body, studies) = blocking(move || {
        Standing::of(&site, &who, &id)?;
        let items = gathered(&site, &who, &id, items)?;
        let studies = studies(&items);
        let added = site.store.annotations().add_items(&id, items)?;
        let mut body = shown(&site, &Standing::of(&site, &who, &id)?, true)?;
        body["added"] = added.into();
        Ok((body, studies))
    })
    .await?;
    let mut response = noted(answer(StatusCode::OK, &body), None, details(&body, "items added"));
    response.extensions_mut().insert(crate::http::guard::Touched(studies));
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    state: String,
}

/// `POST /api/annotations/{id}/state`
pub(super) async fn state(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Refusal> {
    let Wanted { state } = body(&headers, sent, SMALL).await?;
    let is_open = match state.as_str() {
        "open" => true,
        "closed" => false,
        _ => return Err(wrong("state is open or closed")),
    };
    let body = blocking(move || {
        if !Standing::of(&site, &who, &id)?.manages {
            return Err(forbidden("projects are opened and closed by those who make them"));
        }
        site.store.annotations().set_open(&id, is_open)?;
        shown(&site, &Standing::of(&site, &who, &id)?, true)
    })
    .await?;
    let details = details(&body, &state);
    Ok(noted(answer(StatusCode::OK, &body), None, details))
}
