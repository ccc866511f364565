//! `/api/macros`: phrases that an account keeps for its reports.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use wilhelm_report::Heading;

use super::answer::{Answered, account, body, json as answer};
use crate::http::guard::Who;
use crate::http::{Refusal, Site, blocking};

/// Most macros of an account; longest name and text in characters.
const MOST: usize = 200;
const LONGEST_NAME: usize = 80;
const LONGEST_TEXT: usize = 4000;

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Macros {
    macros: Vec<Macro>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Macro {
    name: String,
    heading: Heading,
    text: String,
    #[serde(default)]
    modality: Option<String>,
    #[serde(default)]
    body_part: Option<String>,
}

impl Macros {
    fn check(&self) -> Result<(), Refusal> {
        let wrong = |detail: &str| Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        if self.macros.len() > MOST {
            return wrong("an account has at most 200 macros");
        }
        let mut names = BTreeSet::new();
        for one in &self.macros {
            let is_short = |text: &str, most: usize| (1..=most).contains(&text.trim().chars().count());
            if !is_short(&one.name, LONGEST_NAME) || !names.insert(one.name.trim()) {
                return wrong("each macro has a name of its own, of 1 to 80 characters");
            }
            if !is_short(&one.text, LONGEST_TEXT) {
                return wrong("the text of a macro has 1 to 4000 characters");
            }
            let kinds = [&one.modality, &one.body_part];
            if !kinds.into_iter().flatten().all(|kind| is_short(kind, LONGEST_NAME)) {
                return wrong("modality and body part of a macro are null, or have 1 to 80 characters");
            }
        }
        Ok(())
    }
}

/// `GET /api/macros`
pub(super) async fn given(State(site): State<Arc<Site>>, Extension(who): Extension<Who>) -> Answered {
    let kept = blocking(move || Ok(site.store.reports().macros(&account(&who))?)).await?;
    let macros: Macros = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    Ok(answer(StatusCode::OK, &json!(macros)))
}

/// `PUT /api/macros`
pub(super) async fn taken(
    State(site): State<Arc<Site>>,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
    sent: Body,
) -> Answered {
    let form = r#"{"macros": [{"name", "heading", "text", "modality", "body_part"}]}"#;
    let macros: Macros = body(&headers, sent, form).await?;
    macros.check()?;
    let kept = json!(macros);
    let bytes = kept.to_string().into_bytes();
    blocking(move || Ok(site.store.reports().set_macros(&account(&who), bytes)?)).await?;
    Ok(answer(StatusCode::OK, &kept))
}
