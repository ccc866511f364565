//! What of a header an annotator's viewer needs, and nothing that says whose it is.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Attributes that pixels are shown by: geometry, calibration, windows, pixel layout, and what holds them in multi-frame
/// images. What is not named here is not given.
const SHOWN: [&str; 62] = [
    "00080016", "00080060", "00180015", "00180050", "00180088", "00181164", "00185101", "00200020",
    "00200032", "00200037", "00200060", "00200062", "00201041", "00209113", "00209116", "00280002",
    "00280004", "00280006", "00280008", "00280009", "00280010", "00280011", "00280030", "00280034",
    "00280100", "00280101", "00280102", "00280103", "00280106", "00280107", "00280120", "00281050",
    "00281051", "00281052", "00281053", "00281054", "00281056", "00281101", "00281102", "00281103",
    "00281201", "00281202", "00281203", "00281221", "00281222", "00281223", "00282110", "00282112",
    "00282114", "00283000", "00283002", "00283006", "00283010", "00289110", "00289132", "00289145",
    "00289507", "00541001", "00541102", "20500020", "52009229", "52009230",
];

/// A header with what is shown of it, under identifiers of the project's own; of an image by its number in the item, from 1.
pub(crate) fn shown(project: &str, item: u32, image: usize, header: &Value) -> Value {
    let mut kept = filtered(header);
    let uid = |what: &str| json!({ "vr": "UI", "Value": [pseudonym(&[project, &item.to_string(), what])] });
    kept.insert("00080018".to_owned(), uid(&format!("image {image}")));
    kept.insert("0020000D".to_owned(), uid("study"));
    kept.insert("0020000E".to_owned(), uid("series"));
    if header.get("00200052").is_some() {
        kept.insert("00200052".to_owned(), uid("frame of reference"));
    }
    kept.insert("00200013".to_owned(), json!({ "vr": "IS", "Value": [image] }));
    Value::Object(kept)
}

fn filtered(header: &Value) -> Map<String, Value> {
    let mut kept = Map::new();
    for (tag, attribute) in header.as_object().into_iter().flatten() {
        // A bulk value's address holds the study's identifiers.
        if !SHOWN.contains(&tag.as_str()) || attribute.get("BulkDataURI").is_some() {
            continue;
        }
        let mut attribute = attribute.clone();
        if attribute["vr"] == "SQ"
            && let Some(items) = attribute.get_mut("Value").and_then(Value::as_array_mut)
        {
            for item in items {
                *item = Value::Object(filtered(item));
            }
        }
        kept.insert(tag.clone(), attribute);
    }
    kept
}

/// A UID that says nothing of what it stands for.
///
/// # Source
/// PS3.5 Section B.2: 2.25 and the decimal digits of 128 bits.
fn pseudonym(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| {
        hash.update(part.as_bytes());
        hash.update([0]);
    });
    let digest = hash.finalize();
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    format!("2.25.{}", u128::from_be_bytes(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_pixels_and_their_place_is_shown() {
        let header = json!({
            "00080018": { "vr": "UI", "Value": ["1.2.3"] },
            "00080020": { "vr": "DA", "Value": ["20260131"] },
            "00100010": { "vr": "PN", "Value": [{ "Alphabetic": "Doe^Jane" }] },
            "0020000D": { "vr": "UI", "Value": ["1.2"] },
            "00200052": { "vr": "UI", "Value": ["1.9"] },
            "00280010": { "vr": "US", "Value": [512] },
            "00281201": { "vr": "OW", "BulkDataURI": "studies/1.2/bulkdata/1" },
            "00291010": { "vr": "LO", "Value": ["Doe"] },
            "52009230": { "vr": "SQ", "Value": [{
                "00209111": { "vr": "SQ", "Value": [{ "00189074": { "vr": "DT", "Value": ["20260131"] } }] },
                "00209113": { "vr": "SQ", "Value": [{ "00200032": { "vr": "DS", "Value": [1, 2, 3] } }] },
            }] },
        });
        let shown = shown("p", 3, 1, &header);
        let text = shown.to_string();
        for gone in ["Doe", "20260131", "1.2.3", "\"1.2\"", "\"1.9\"", "studies/", "00189074"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        assert_eq!(shown["00280010"]["Value"][0], 512);
        assert_eq!(
            shown["52009230"]["Value"][0]["00209113"]["Value"][0]["00200032"]["Value"],
            json!([1, 2, 3])
        );
        let uid = shown["00080018"]["Value"][0].as_str().expect("a UID");
        assert!(uid.starts_with("2.25.") && uid.len() <= 64);
        assert_ne!(shown["0020000D"], shown["0020000E"]);
    }
}
