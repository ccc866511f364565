//! `POST /api/reports/{id}/check`: the gate while a person types. Nothing is kept.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use wilhelm_report::{Language, review};

use super::answer::{Answered, body, json as answer};
use crate::desk::document;
use crate::http::{Refusal, Site, blocking};

/// Longest text, in characters.
const LONGEST: usize = 4000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    sentence: Option<String>,
    text: String,
    /// Both are read whatever is said: a sentence with Chinese letters is Chinese.
    #[serde(default, rename = "language")]
    _language: Option<Language>,
}

/// The handler.
pub(super) async fn check(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Body,
) -> Answered {
    let typed: Typed = body(&headers, sent, r#"{"sentence", "text", "language": "en" or "zh"}"#).await?;
    if typed.text.chars().count() > LONGEST {
        let detail = format!("the text has more than {LONGEST} characters");
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail).into());
    }
    let body = blocking(move || {
        let report = document::latest(&site.store, &id)?;
        if let Some(sentence) = &typed.sentence
            && report.sentence(sentence).is_none()
        {
            let detail = "the report has no such sentence in its latest version";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        let review = review(&typed.text, &report);
        let problem = |remark: &wilhelm_report::Remark| {
            json!({
                "start": remark.start, "end": remark.end, "stance": remark.stance, "reason": remark.reason,
                "finding": remark.finding,
            })
        };
        let problems: Vec<Value> = review.remarks.iter().map(problem).collect();
        Ok(json!({ "verdict": review.verdict, "problems": problems }))
    })
    .await?;
    Ok(answer(StatusCode::OK, &body))
}
