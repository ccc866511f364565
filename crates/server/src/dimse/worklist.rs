//! C-FIND in the Modality Worklist Information Model: what is scheduled, for the scanner that asks.
//!
//! Source: PS3.4 Annex K.

use std::collections::BTreeSet;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use serde_json::{Map, Value};
use wilhelm_privacy::audit::{Action, Outcome};
use wilhelm_store::{Content, ScheduledStep, data_set_json, matches_worklist, worklist_places};
use wilhelm_study::Phi;

use super::DimseError;
use super::association::Association;
use super::command::{Command, padded, status};
use super::identifier::{self, text_of, vr_of, write, write_items};
use super::link::Link;
use super::requestor::Accepted;
use super::retrieve::{BETWEEN_LOOKS, PAGE, is_canceled, refuse};
use super::service::Serving;

const STATION: [Tag; 2] = [tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::SCHEDULED_STATION_AE_TITLE];
const STATUS: [Tag; 2] = [tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::SCHEDULED_PROCEDURE_STEP_STATUS];

type Keys = Vec<(Vec<Tag>, Phi<String>)>;

/// Answers a question to the worklist.
pub(crate) fn answer(
    serving: &Serving,
    link: &mut Link,
    association: &Association,
    accepted: &Accepted,
    command: &Command,
) -> Result<(), DimseError> {
    let context = accepted.id;
    let Some(bytes) = link.small_data_set(context, identifier::LONGEST)? else {
        return refuse(link, context, command, status::OUT_OF_RESOURCES, "the identifier is too long");
    };
    let limits = serving.store.limits();
    let asked = data_set_json(&Content::Memory(bytes), &accepted.transfer_syntax, limits)
        .ok()
        .and_then(|json| serde_json::from_str::<Map<String, Value>>(&json).ok());
    let Some(asked) = asked else {
        return refuse(link, context, command, status::UNABLE_TO_PROCESS, "the identifier cannot be read");
    };
    serving.note(association, Action::Queried, None, Outcome::Done)?;
    let mut keys = Keys::new();
    collect(&asked, &[], &mut keys);
    let unsupported = keys.iter().any(|(place, value)| {
        let scheduled = place[..] == STATUS && value.expose() == "SCHEDULED";
        let letters = place[..] == [tags::SPECIFIC_CHARACTER_SET];
        !value.expose().is_empty() && !matches_worklist(place) && !scheduled && !letters
    });
    let pending = if unsupported { status::PENDING_WITH_UNSUPPORTED } else { status::PENDING };
    let asker = Asker {
        latin: keys.iter().any(|(place, value)| {
            place[..] == [tags::SPECIFIC_CHARACTER_SET] && value.expose().contains("IR 100")
        }),
        station: keys
            .iter()
            .find(|(place, _)| place[..] == STATION)
            .map(|(_, value)| value.expose().trim().to_owned())
            .filter(|value| !value.contains(['*', '?', '\\']))
            .unwrap_or_default(),
        explicit: accepted.transfer_syntax != dicom_dictionary_std::uids::IMPLICIT_VR_LITTLE_ENDIAN,
    };
    let mut offset = 0;
    loop {
        let steps = match serving.store.worklist(&keys, PAGE, offset) {
            Ok(steps) => steps,
            Err(error) if error.is_callers_fault() => {
                return refuse(link, context, command, status::UNABLE_TO_PROCESS, &error.to_string());
            }
            Err(error) => {
                tracing::error!(%error, "a worklist query failed");
                return refuse(link, context, command, status::UNABLE_TO_PROCESS, "the catalog failed");
            }
        };
        for (number, step) in steps.iter().enumerate() {
            if number % BETWEEN_LOOKS == 0 && is_canceled(link, command)? {
                return link.send(context, &command.response(status::CANCELED, false), None);
            }
            let bytes = data_set(&asked, step, &asker);
            link.send(context, &command.response(pending, true), Some(&mut bytes.as_slice()))?;
        }
        if steps.len() < PAGE as usize {
            return link.send(context, &command.response(status::SUCCESS, false), None);
        }
        offset += PAGE;
    }
}

/// What matters of who asks.
struct Asker {
    /// Whether it reads ISO 8859-1.
    latin: bool,
    /// The one station that it asks for.
    station: String,
    /// Whether VRs are written.
    explicit: bool,
}

fn tag_of(key: &str) -> Option<Tag> {
    let number = u32::from_str_radix(key, 16).ok()?;
    Some(Tag((number >> 16) as u16, (number & 0xFFFF) as u16))
}

/// The item of a sequence that is asked for; `None` where all of it is.
fn item(attribute: &Value) -> Option<&Map<String, Value>> {
    attribute["Value"].get(0).and_then(Value::as_object).filter(|item| !item.is_empty())
}

/// The keys of an identifier, those of sequences too.
fn collect(asked: &Map<String, Value>, within: &[Tag], keys: &mut Keys) {
    for (key, attribute) in asked {
        let Some(tag) = tag_of(key) else { continue };
        let place = [within, &[tag]].concat();
        if attribute["vr"] == "SQ" {
            if let Some(item) = item(attribute) {
                collect(item, &place, keys);
            }
            continue;
        }
        let values = attribute["Value"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = values.iter().map(text_of).collect::<Vec<_>>().join("\\");
        keys.push((place, Phi::new(text)));
    }
}

/// What a value is written in: seven bits, ISO 8859-1, UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    Ascii,
    Latin1,
    Utf8,
}

fn data_set(asked: &Map<String, Value>, step: &ScheduledStep, asker: &Asker) -> Vec<u8> {
    let texts = || worklist_places().map(|(place, _)| step.text(place));
    let letters = if texts().all(str::is_ascii) {
        Letters::Ascii
    } else if asker.latin && texts().all(|text| text.chars().all(|c| u32::from(c) < 0x100)) {
        Letters::Latin1
    } else {
        Letters::Utf8
    };
    let mut bytes = Vec::with_capacity(1024);
    let set = match letters {
        Letters::Ascii => None,
        Letters::Latin1 => Some("ISO_IR 100"),
        Letters::Utf8 => Some("ISO_IR 192"),
    };
    if let Some(set) = set {
        write(&mut bytes, asker.explicit, tags::SPECIFIC_CHARACTER_SET, VR::CS, &padded(set, b' '));
    }
    bytes.extend(level(Some(asked), &[], step, asker, letters));
    bytes
}

/// The attributes of one level, in the order of their tags: those asked for, or all.
fn level(
    asked: Option<&Map<String, Value>>,
    within: &[Tag],
    step: &ScheduledStep,
    asker: &Asker,
    letters: Letters,
) -> Vec<u8> {
    let wanted: BTreeSet<Tag> = match asked {
        Some(asked) => asked.keys().filter_map(|key| tag_of(key)).collect(),
        None => worklist_places()
            .filter(|(place, _)| place.len() > within.len() && place.starts_with(within))
            .map(|(place, _)| place[within.len()])
            .chain((STATUS[..1] == *within).then_some(STATUS[1]))
            .collect(),
    };
    let mut bytes = Vec::new();
    for tag in wanted {
        // Group lengths are not answered, the character set is ours.
        if tag == tags::SPECIFIC_CHARACTER_SET || tag.1 == 0 {
            continue;
        }
        let place = [within, &[tag]].concat();
        let attribute = asked.and_then(|asked| asked.get(&format!("{:04X}{:04X}", tag.0, tag.1)));
        let held = worklist_places().find(|(held, _)| held[..] == place[..]);
        let below: Vec<&[Tag]> = worklist_places()
            .map(|(held, _)| held)
            .filter(|held| held.len() > place.len() && held.starts_with(&place))
            .collect();
        if !below.is_empty() {
            let any = below.iter().any(|held| !step.text(held).is_empty());
            let items = any.then(|| level(attribute.and_then(item), &place, step, asker, letters));
            write_items(&mut bytes, asker.explicit, tag, items.as_slice());
            continue;
        }
        let vr = match (held, attribute.and_then(|attribute| attribute["vr"].as_str())) {
            (Some((_, vr)), _) => vr,
            (None, vr) => {
                let vr = vr.and_then(|vr| vr.as_bytes().try_into().ok()).and_then(VR::from_binary);
                vr_of(tag, vr.unwrap_or(VR::UN))
            }
        };
        let text = match step.text(&place) {
            "" if place[..] == STATION => asker.station.as_str(),
            "" if place[..] == STATUS => "SCHEDULED",
            text => text,
        };
        let padding = if vr == VR::UI { 0 } else { b' ' };
        let value = match letters {
            Letters::Latin1 => {
                let mut value: Vec<u8> =
                    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
                if value.len() % 2 == 1 {
                    value.push(padding);
                }
                value
            }
            _ => padded(text, padding),
        };
        write(&mut bytes, asker.explicit, tag, vr, &value);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use wilhelm_store::Limits;

    use super::*;

    fn step() -> ScheduledStep {
        ScheduledStep::default()
            .with(&[tags::PATIENT_NAME], "M\u{fc}ller^Hans")
            .with(&[tags::PATIENT_ID], "P1")
            .with(&[tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::MODALITY], "CT")
            .with(&[tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, tags::SCHEDULED_PROCEDURE_STEP_ID], "S1")
    }

    fn answered(asked: &str, latin: bool) -> Value {
        let asked: Map<String, Value> = serde_json::from_str(asked).expect("JSON");
        let asker = Asker { latin, station: "CT1".to_owned(), explicit: true };
        let bytes = data_set(&asked, &step(), &asker);
        let explicit = dicom_dictionary_std::uids::EXPLICIT_VR_LITTLE_ENDIAN;
        let json = data_set_json(&Content::Memory(bytes), explicit, &Limits::default()).expect("a data set");
        serde_json::from_str(&json).expect("JSON")
    }

    #[test]
    fn what_is_asked_for_is_answered_within_its_sequence() {
        let asked = r#"{"00100010":{"vr":"PN"},"00080050":{"vr":"SH"},"00081110":{"vr":"SQ"},
            "00400100":{"vr":"SQ","Value":[{"00080060":{"vr":"CS"},"00400001":{"vr":"AE","Value":["CT1"]}}]}}"#;
        for (latin, set) in [(true, "ISO_IR 100"), (false, "ISO_IR 192")] {
            let answer = answered(asked, latin);
            assert_eq!(answer["00080005"]["Value"][0], set);
            assert_eq!(answer["00100010"]["Value"][0]["Alphabetic"], "M\u{fc}ller^Hans");
            assert!(
                answer.get("00100020").is_none() && answer["00080050"].get("Value").is_none(),
                "{answer}"
            );
            assert_eq!(answer["00081110"]["vr"], "SQ");
            let step = &answer["00400100"]["Value"][0];
            assert_eq!(
                (&step["00080060"]["Value"][0], &step["00400001"]["Value"][0]),
                (&"CT".into(), &"CT1".into())
            );
            assert!(step.get("00400009").is_none());
        }
    }

    #[test]
    fn a_uid_ends_in_nul_beside_letters_of_latin() {
        let asked = r#"{"00100010":{"vr":"PN"},"0020000D":{"vr":"UI"}}"#;
        let asked: Map<String, Value> = serde_json::from_str(asked).expect("JSON");
        let step = step().with(&[tags::STUDY_INSTANCE_UID], "1.2.3");
        for latin in [true, false] {
            let asker = Asker { latin, station: String::new(), explicit: true };
            let bytes = data_set(&asked, &step, &asker);
            assert!(bytes.ends_with(b"UI\x06\x001.2.3\0"), "{bytes:?}");
        }
    }

    #[test]
    fn an_empty_sequence_asks_for_all_of_it() {
        let answer = answered(r#"{"00400100":{"vr":"SQ"},"00321064":{"vr":"SQ"}}"#, false);
        let step = &answer["00400100"]["Value"][0];
        assert_eq!(
            (&step["00400009"]["Value"][0], &step["00400020"]["Value"][0]),
            (&"S1".into(), &"SCHEDULED".into())
        );
        // No code is known: a sequence without items.
        assert!(
            step["00400008"].get("Value").is_none() && answer["00321064"].get("Value").is_none(),
            "{answer}"
        );
    }
}
