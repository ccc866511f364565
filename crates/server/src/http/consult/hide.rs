//! Headers on their way to a guest who is not to know the patient: what is not on the list of `formats` is left out.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use serde_json::{Map, Value, json};
use wilhelm_formats::dicom::is_without_patient;

use crate::http::Refusal;

/// Most bytes of headers that are filtered at once.
const LARGEST: usize = 256 << 20;

/// Identifiers by which the page finds its way, and what searches say of how much there is; none of them names anybody.
const NEEDED: [Tag; 14] = [
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::SOP_INSTANCE_UID,
    tags::SOP_CLASS_UID,
    tags::FRAME_OF_REFERENCE_UID,
    tags::MODALITIES_IN_STUDY,
    tags::RETRIEVE_URL,
    tags::AVAILABLE_TRANSFER_SYNTAX_UID,
    tags::NUMBER_OF_STUDY_RELATED_SERIES,
    tags::NUMBER_OF_STUDY_RELATED_INSTANCES,
    tags::NUMBER_OF_SERIES_RELATED_INSTANCES,
    tags::TRANSFER_SYNTAX_UID,
    tags::INSTANCE_AVAILABILITY,
    tags::DIMENSION_ORGANIZATION_UID,
];

/// An answer without what names the patient; refused where it is nothing that is known to be free of it.
pub(crate) async fn without_patient(path: &str, response: Response) -> Response {
    if !path.starts_with("/dicom-web/") || !response.status().is_success() {
        return response;
    }
    if response.status() == StatusCode::NO_CONTENT {
        return response;
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_owned();
    let is_pixels = path.contains("/frames/") || path.ends_with("/rendered") || path.ends_with("/thumbnail");
    if is_pixels {
        return response;
    }
    if kind != "application/dicom+json" && kind != "application/json" {
        let detail = "headers are given as application/dicom+json in this consultation";
        return Refusal::not_acceptable(detail).into_response();
    }
    let (mut parts, body) = response.into_parts();
    let failed = || {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "more headers than are filtered at once: ask by series")
    };
    let Ok(bytes) = axum::body::to_bytes(body, LARGEST).await else { return failed().into_response() };
    let Ok(Value::Array(sets)) = serde_json::from_slice(&bytes) else { return failed().into_response() };
    let sets: Vec<Value> = sets.iter().map(|set| filtered(set, true)).collect();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(Value::Array(sets).to_string()))
}

fn tag(key: &str) -> Option<Tag> {
    let number = |range: std::ops::Range<usize>| {
        key.get(range).and_then(|digits| u16::from_str_radix(digits, 16).ok())
    };
    (key.len() == 8).then_some(())?;
    Some(Tag(number(0..4)?, number(4..8)?))
}

fn filtered(set: &Value, is_top: bool) -> Value {
    let Value::Object(elements) = set else { return Value::Null };
    let mut kept = Map::new();
    for (key, element) in elements {
        let stays = tag(key).is_some_and(|tag| is_without_patient(tag) || NEEDED.contains(&tag));
        if !stays {
            continue;
        }
        let mut element = element.clone();
        if element["vr"] == "SQ"
            && let Some(items) = element.get_mut("Value").and_then(Value::as_array_mut)
        {
            items.iter_mut().for_each(|item| *item = filtered(item, false));
        }
        kept.insert(key.clone(), element);
    }
    if is_top {
        // What the page shows where a name would stand.
        kept.insert("00100010".to_owned(), json!({ "vr": "PN", "Value": [{ "Alphabetic": "(hidden)" }] }));
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_dates_and_free_texts_are_left_out_at_every_depth() {
        let set = json!({
            "00080018": { "vr": "UI", "Value": ["1.2.3"] },
            "00080020": { "vr": "DA", "Value": ["20260131"] },
            "00081030": { "vr": "LO", "Value": ["CT of Maria"] },
            "00100010": { "vr": "PN", "Value": [{ "Alphabetic": "Muster^Maria" }] },
            "00100020": { "vr": "LO", "Value": ["4711"] },
            "00091001": { "vr": "LO", "Value": ["Maria"] },
            "00280010": { "vr": "US", "Value": [512] },
            "52009229": { "vr": "SQ", "Value": [{
                "00289110": { "vr": "SQ", "Value": [{ "00280030": { "vr": "DS", "Value": [1, 1] }, "00104000": { "vr": "LT", "Value": ["Maria"] } }] },
                "00081140": { "vr": "SQ", "Value": [] },
            }] },
            "7FE00010": { "vr": "OW", "BulkDataURI": "http://x/bulkdata/7FE00010" },
        });
        let left = filtered(&set, true);
        assert_eq!(
            left,
            json!({
                "00080018": { "vr": "UI", "Value": ["1.2.3"] },
                "00280010": { "vr": "US", "Value": [512] },
                "52009229": { "vr": "SQ", "Value": [{
                    "00289110": { "vr": "SQ", "Value": [{ "00280030": { "vr": "DS", "Value": [1, 1] } }] },
                }] },
                "7FE00010": { "vr": "OW", "BulkDataURI": "http://x/bulkdata/7FE00010" },
                "00100010": { "vr": "PN", "Value": [{ "Alphabetic": "(hidden)" }] },
            })
        );
        assert!(!left.to_string().contains("Maria") && !left.to_string().contains("4711"));
    }
}
