use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::{Entry, Part, entry, note, span};

type Places = BTreeMap<String, Range<usize>>;

/// The sentences of a FHIR R4 bundle: conditions, medications, allergies, observations, reports, procedures, encounters, care
/// plans and family members. Each names the resource's place; a resource of another kind is passed over.
///
/// A resource that is entered in error says nothing; a condition that is refuted is denied, one that is resolved is past.
///
/// # Source
/// HL7 FHIR R4 (4.0.1), hl7.org/fhir/R4
pub(super) fn entries(bundle: &Value, places: &Places, text: &str, source: usize) -> Vec<Entry> {
    let mut found = Vec::new();
    for (index, held) in bundle["entry"].as_array().into_iter().flatten().enumerate() {
        let resource = &held["resource"];
        let base = format!("/entry/{index}/resource");
        if code_of(&resource["status"]) == "entered-in-error"
            || code_of(&resource["verificationStatus"]) == "entered-in-error"
        {
            continue;
        }
        let Some((part, sentence, place, date)) = sentence(resource) else { continue };
        let pointer = format!("{base}{place}");
        let Some(bytes) = places.get(&pointer).or_else(|| places.get(&base)) else { continue };
        let spans = vec![span(source, text, bytes.clone(), Some(pointer))];
        found.push(entry(sentence, part, spans, date));
        found.extend(conclusion(resource, &base, places, text, source));
    }
    found
}

/// The text of a report's conclusion, sentence by sentence, as it stands.
fn conclusion(resource: &Value, base: &str, places: &Places, text: &str, source: usize) -> Vec<Entry> {
    let Some(words) = resource["conclusion"].as_str() else { return Vec::new() };
    let pointer = format!("{base}/conclusion");
    let Some(bytes) = places.get(&pointer) else { return Vec::new() };
    let mut found = note::entries(words, source, None);
    for one in &mut found {
        if one.part != Part::Unplaced {
            one.part = Part::Assessment;
        }
        one.spans = vec![span(source, text, bytes.clone(), Some(pointer.clone()))];
        one.date = date(resource, &["effectiveDateTime", "issued"]);
    }
    found
}

type Said = (Part, String, &'static str, Option<String>);

fn sentence(resource: &Value) -> Option<Said> {
    Some(match resource["resourceType"].as_str()? {
        "Condition" => {
            let name = concept(&resource["code"])?;
            let date = date(resource, &["onsetDateTime", "recordedDate"]);
            let verified = code_of(&resource["verificationStatus"]);
            let clinical = code_of(&resource["clinicalStatus"]);
            let (part, said) = match (verified.as_str(), clinical.as_str()) {
                ("refuted", _) => (Part::Past, format!("No {name}.")),
                ("unconfirmed" | "provisional" | "differential", _) => {
                    (Part::Assessment, format!("Possible {name}."))
                }
                (_, "resolved" | "inactive" | "remission") => (Part::Past, format!("History of {name}.")),
                _ => (Part::Past, sentence_of(&name)),
            };
            (part, said, "/code", date)
        }
        "MedicationStatement" | "MedicationRequest" => {
            let name = concept(&resource["medicationCodeableConcept"])?;
            let dosage = resource["dosage"].get(0).or_else(|| resource["dosageInstruction"].get(0));
            let dosage = dosage
                .and_then(|dosage| dosage["text"].as_str())
                .map(|text| format!(", {text}"))
                .unwrap_or_default();
            let ended = matches!(
                resource["status"].as_str(),
                Some("stopped" | "completed" | "cancelled" | "not-taken")
            );
            let said = if ended {
                format!("No longer taken: {name}{dosage}.")
            } else {
                sentence_of(&format!("{name}{dosage}"))
            };
            (
                Part::Medications,
                said,
                "/medicationCodeableConcept",
                date(resource, &["effectiveDateTime", "authoredOn"]),
            )
        }
        "AllergyIntolerance" => {
            let name = concept(&resource["code"])?;
            let refuted = code_of(&resource["verificationStatus"]) == "refuted";
            let said = if refuted { format!("No allergy to {name}.") } else { format!("Allergy to {name}.") };
            (Part::Allergies, said, "/code", date(resource, &["recordedDate"]))
        }
        "Observation" => {
            let name = concept(&resource["code"])?;
            let date = date(resource, &["effectiveDateTime", "issued"]);
            let vital = resource["category"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|one| code_of(one) == "vital-signs");
            let part = if vital { Part::Examination } else { Part::Results };
            let (said, place) = observed(resource, &name)?;
            (part, said, place, date)
        }
        "DiagnosticReport" => {
            let name = concept(&resource["code"])?;
            (
                Part::Results,
                format!("{}.", capitalized(&name)),
                "/code",
                date(resource, &["effectiveDateTime", "issued"]),
            )
        }
        "Procedure" => {
            let name = concept(&resource["code"])?;
            let part = if resource["status"] == "completed" { Part::Past } else { Part::Plan };
            (part, sentence_of(&name), "/code", date(resource, &["performedDateTime"]))
        }
        "Encounter" => {
            let reason = concept(resource["reasonCode"].get(0)?)?;
            let start = resource["period"]["start"].as_str().and_then(day);
            (Part::ChiefComplaint, sentence_of(&reason), "/reasonCode/0", start)
        }
        "FamilyMemberHistory" => {
            let relation = concept(&resource["relationship"])?;
            let condition = concept(&resource["condition"].get(0)?["code"])?;
            (Part::Family, format!("{}: {condition}.", capitalized(&relation)), "/condition/0", None)
        }
        "CarePlan" | "ServiceRequest" => {
            let said =
                resource["description"].as_str().map(str::to_owned).or_else(|| concept(&resource["code"]))?;
            let place = if resource["description"].is_string() { "/description" } else { "/code" };
            (Part::Plan, sentence_of(&said), place, date(resource, &["authoredOn", "created"]))
        }
        _ => return None,
    })
}

/// What was measured.
fn observed(resource: &Value, name: &str) -> Option<(String, &'static str)> {
    let name = capitalized(name);
    let quantity = |value: &Value| {
        let number = value["value"].as_number()?;
        let unit = value["unit"].as_str().or(value["code"].as_str()).unwrap_or_default();
        let comparator = value["comparator"].as_str().map(|sign| format!("{sign} ")).unwrap_or_default();
        Some(format!("{comparator}{number} {unit}").trim().to_owned())
    };
    if let Some(value) = quantity(&resource["valueQuantity"]) {
        let flag = concept(resource["interpretation"].get(0).unwrap_or(&Value::Null));
        let flag = flag.map(|flag| format!(" ({flag})")).unwrap_or_default();
        return Some((format!("{name} {value}{flag}."), "/valueQuantity"));
    }
    if let Some(value) = concept(&resource["valueCodeableConcept"]) {
        return Some((format!("{name}: {value}."), "/valueCodeableConcept"));
    }
    if let Some(value) = resource["valueString"].as_str() {
        return Some((format!("{name}: {}.", value.trim().trim_end_matches('.')), "/valueString"));
    }
    let parts: Vec<String> = resource["component"]
        .as_array()?
        .iter()
        .filter_map(|part| Some(format!("{} {}", concept(&part["code"])?, quantity(&part["valueQuantity"])?)))
        .collect();
    (!parts.is_empty()).then(|| (format!("{name}: {}.", parts.join(", ")), "/component"))
}

/// The words of a CodeableConcept.
fn concept(value: &Value) -> Option<String> {
    let coded = |coding: &Value| coding["display"].as_str().map(str::to_owned);
    let text = value["text"].as_str().map(str::to_owned);
    let text = text.or_else(|| value["coding"].as_array()?.iter().find_map(coded))?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_end_matches('.').to_owned();
    (!text.is_empty()).then_some(text)
}

fn code_of(value: &Value) -> String {
    let code = value.as_str().or_else(|| value["coding"][0]["code"].as_str());
    code.unwrap_or_default().to_owned()
}

fn date(resource: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| resource[*name].as_str().and_then(day))
}

/// A FHIR date or dateTime without its time.
fn day(text: &str) -> Option<String> {
    let day = text.get(..10).unwrap_or(text);
    let fits = day.len() >= 4 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    fits.then(|| day.to_owned())
}

fn sentence_of(text: &str) -> String {
    format!("{}.", capitalized(text.trim().trim_end_matches('.')))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
