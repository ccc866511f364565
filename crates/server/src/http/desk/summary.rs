//! `GET /api/decisions/summary`: how often people accept, reject and edit what models find.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answered, json as answer};
use crate::desk::wilson;
use crate::http::{Site, blocking};

/// The decisions that are counted, in their order.
const DECISIONS: [&str; 3] = ["accepted", "rejected", "edited"];

/// The handler.
pub(super) async fn summary(State(site): State<Arc<Site>>) -> Answered {
    let counts = blocking(move || Ok(site.store.reports().decision_counts()?)).await?;
    let mut rows: BTreeMap<(String, String), [u64; 3]> = BTreeMap::new();
    for one in counts {
        let Some(place) = DECISIONS.iter().position(|decision| *decision == one.decision) else { continue };
        rows.entry((one.observation, one.model)).or_default()[place] += one.count;
    }
    let rows: Vec<Value> =
        rows.iter().map(|((observation, model), counts)| row(observation, model, counts)).collect();
    let body = json!({ "rows": rows, "interval": "Wilson score, 95 %" });
    Ok(answer(StatusCode::OK, &body))
}

fn row(observation: &str, model: &str, counts: &[u64; 3]) -> Value {
    let total: u64 = counts.iter().sum();
    let (model, version) =
        model.rsplit_once(' ').map_or((model, None), |(model, version)| (model, Some(version)));
    let name = observation.replace('_', " ");
    let mut row =
        json!({ "key": observation, "name": name, "model": model, "version": version, "total": total });
    for (decision, count) in DECISIONS.iter().zip(counts) {
        let (low, high) = wilson(*count, total).unwrap_or((0.0, 1.0));
        let share = if total == 0 { 0.0 } else { *count as f64 / total as f64 };
        row[decision] = json!({ "count": count, "share": share, "low": low, "high": high });
    }
    row
}
