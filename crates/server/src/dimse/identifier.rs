//! Identifiers of queries: read from their bytes, written as answers.
//!
//! Source: PS3.4 Section C.4.1.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use wilhelm_store::{Answer, Content, Level, Limits, StoreError, data_set_json};
use wilhelm_study::Phi;

use super::command::padded;

/// Longest identifier, in bytes.
pub(crate) const LONGEST: usize = 1 << 20;

/// What a query asks: its level, its keys with their values.
pub(crate) struct Identifier {
    pub level: Option<Level>,
    pub keys: Vec<(Tag, VR, Phi<String>)>,
}

impl Identifier {
    pub(crate) fn parse(bytes: Vec<u8>, transfer_syntax: &str, limits: &Limits) -> Result<Self, StoreError> {
        let json = data_set_json(&Content::Memory(bytes), transfer_syntax, limits)?;
        let unreadable = || StoreError::Query { key: "identifier".into(), message: "cannot be read".into() };
        let json: serde_json::Value = serde_json::from_str(&json).map_err(|_| unreadable())?;
        let mut identifier = Self { level: None, keys: Vec::new() };
        for (key, attribute) in json.as_object().ok_or_else(unreadable)? {
            let number = u32::from_str_radix(key, 16).map_err(|_| unreadable())?;
            let tag = Tag((number >> 16) as u16, (number & 0xFFFF) as u16);
            let vr = attribute["vr"].as_str().and_then(|vr| vr.as_bytes().try_into().ok());
            let vr = vr.and_then(VR::from_binary).unwrap_or(VR::UN);
            let values = attribute["Value"].as_array().map(Vec::as_slice).unwrap_or_default();
            let text = values.iter().map(text_of).collect::<Vec<_>>().join("\\");
            match tag {
                tags::QUERY_RETRIEVE_LEVEL => identifier.level = level_of(&text),
                tags::SPECIFIC_CHARACTER_SET => {}
                _ => identifier.keys.push((tag, vr, Phi::new(text))),
            }
        }
        Ok(identifier)
    }

    pub(crate) fn text(&self, tag: Tag) -> &str {
        self.keys.iter().find(|(key, ..)| *key == tag).map_or("", |(.., value)| value.expose())
    }
}

fn level_of(text: &str) -> Option<Level> {
    Some(match text {
        "PATIENT" => Level::Patient,
        "STUDY" => Level::Study,
        "SERIES" => Level::Series,
        "IMAGE" => Level::Instance,
        _ => return None,
    })
}

pub(crate) fn text_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.to_string(),
        // A name: its component groups.
        serde_json::Value::Object(groups) => {
            let group = |name| groups.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            let all = ["Alphabetic", "Ideographic", "Phonetic"].map(group).join("=");
            all.trim_end_matches('=').to_owned()
        }
        _ => String::new(),
    }
}

/// The answer to a query as a data set: the keys that were asked, with what the catalog holds.
pub(crate) fn answer(
    answer: &Answer,
    asked: &Identifier,
    level: Level,
    ae_title: &str,
    transfer_syntax: &str,
) -> Vec<u8> {
    let explicit = transfer_syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN;
    let level = match level {
        Level::Patient => "PATIENT",
        Level::Study => "STUDY",
        Level::Series => "SERIES",
        Level::Instance => "IMAGE",
    };
    let mut elements: Vec<(Tag, VR, Vec<u8>)> = vec![
        (tags::SPECIFIC_CHARACTER_SET, VR::CS, padded("ISO_IR 192", b' ')),
        (tags::QUERY_RETRIEVE_LEVEL, VR::CS, padded(level, b' ')),
        (tags::RETRIEVE_AE_TITLE, VR::AE, padded(ae_title, b' ')),
        (tags::INSTANCE_AVAILABILITY, VR::CS, padded("ONLINE", b' ')),
    ];
    for (tag, vr, _) in &asked.keys {
        let held = answer.attributes.iter().find(|attribute| attribute.tag == *tag);
        let vr = held.map_or_else(|| vr_of(*tag, *vr), |attribute| attribute.vr);
        let text = held.map_or("", |attribute| attribute.value.expose());
        let value = match vr {
            VR::US => {
                text.trim().parse::<u16>().map(|number| number.to_le_bytes().to_vec()).unwrap_or_default()
            }
            VR::UI => padded(text, 0),
            _ => padded(text, b' '),
        };
        elements.push((*tag, vr, value));
    }
    elements.sort_by_key(|(tag, ..)| *tag);
    elements.dedup_by_key(|(tag, ..)| *tag);
    let mut bytes = Vec::with_capacity(512);
    for (tag, vr, value) in elements {
        write(&mut bytes, explicit, tag, vr, &value);
    }
    bytes
}

/// The VR that an asked attribute has, empty as it is answered.
pub(crate) fn vr_of(tag: Tag, asked: VR) -> VR {
    if asked != VR::UN {
        return asked;
    }
    StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed())
}

/// A sequence with its items, each of which is a data set.
pub(crate) fn write_items(bytes: &mut Vec<u8>, explicit: bool, tag: Tag, items: &[Vec<u8>]) {
    let mut whole = Vec::new();
    for item in items {
        whole.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0]);
        whole.extend_from_slice(&u32::try_from(item.len()).unwrap_or(0).to_le_bytes());
        whole.extend_from_slice(item);
    }
    write(bytes, explicit, tag, VR::SQ, &whole);
}

/// An element in little endian.
pub(crate) fn write(bytes: &mut Vec<u8>, explicit: bool, tag: Tag, vr: VR, value: &[u8]) {
    bytes.extend_from_slice(&tag.0.to_le_bytes());
    bytes.extend_from_slice(&tag.1.to_le_bytes());
    let long = u32::try_from(value.len()).unwrap_or(0);
    if !explicit {
        bytes.extend_from_slice(&long.to_le_bytes());
    } else {
        let wide = matches!(
            vr,
            VR::OB
                | VR::OD
                | VR::OF
                | VR::OL
                | VR::OV
                | VR::OW
                | VR::SQ
                | VR::SV
                | VR::UC
                | VR::UN
                | VR::UR
                | VR::UT
                | VR::UV
        );
        bytes.extend_from_slice(vr.to_string().as_bytes());
        if wide {
            bytes.extend_from_slice(&[0, 0]);
            bytes.extend_from_slice(&long.to_le_bytes());
        } else {
            bytes.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
        }
    }
    bytes.extend_from_slice(value);
}
