use serde_json::Value;
use wilhelm_study::{
    Certainty, CodedConcept, EvidenceId, Finding, FindingId, ImageBox, Laterality, Measurement, Observation,
    ProbabilityInterval, Quantity,
};

use super::OWN_SYSTEM;
use super::resource::{MEASURED, RANGE_HIGH, RANGE_LOW};
use crate::{Heading, Measured, Restated, State};

/// Why a text is no bundle of this program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FhirError {
    /// Not JSON.
    #[error("not JSON: line {line}, column {column}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// Something that every bundle of this program has.
    #[error("{0} is missing")]
    Missing(String),
    /// A value of another kind than expected.
    #[error("{place} is none of what this program writes there, expected {expected}")]
    Value {
        /// Where.
        place: String,
        /// What stands there in a bundle of this program.
        expected: &'static str,
    },
}

/// Reads a bundle that [`bundle`](super::bundle) wrote: where the report stands, its sentences and its findings.
///
/// The evidence of the findings does not come back: it stays in the report's own form.
///
/// # Errors
/// [`FhirError`] for what is no such bundle.
pub fn read(text: &str) -> Result<Restated, FhirError> {
    let bundle: Value = serde_json::from_str(text)
        .map_err(|error| FhirError::Json { line: error.line(), column: error.column() })?;
    if bundle["resourceType"] != "Bundle" {
        return Err(FhirError::Missing("resourceType of the bundle".to_owned()));
    }
    let resources: Vec<&Value> =
        bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]).collect();
    let of = |kind: &'static str| {
        resources.iter().copied().filter(move |resource| resource["resourceType"] == kind)
    };
    let report = of("DiagnosticReport").next();
    let report = report.ok_or(FhirError::Value {
        place: "the bundle holds no DiagnosticReport, which".to_owned(),
        expected: "one",
    })?;
    let state = match report["status"].as_str() {
        Some("partial") => State::Draft,
        Some("preliminary") => State::Preliminary,
        Some("final") => State::Final,
        Some("amended") => State::Amended,
        Some("appended") => State::Addendum,
        _ => {
            return Err(FhirError::Value {
                place: "DiagnosticReport.status".to_owned(),
                expected: "partial, preliminary, final, amended or appended",
            });
        }
    };
    let div = report["text"]["div"].as_str();
    let div = div.ok_or_else(|| FhirError::Missing("DiagnosticReport.text.div".to_owned()))?;
    let is_measured = |resource: &&Value| resource["code"]["coding"][0]["code"] == MEASURED;
    let findings = of("Observation").filter(|r| !is_measured(r)).map(finding).collect::<Result<_, _>>()?;
    let measured = of("Observation").filter(is_measured).map(measured).collect::<Result<_, _>>()?;
    Ok(Restated { state, sentences: sentences(div), findings, measured })
}

/// What was measured and no finding carries.
fn measured(resource: &Value) -> Result<Measured, FhirError> {
    let id = resource["identifier"][0]["value"].as_str();
    let id = id.ok_or_else(|| FhirError::Missing("Observation.identifier".to_owned()))?;
    let missing = |field: &str| FhirError::Missing(format!("Observation {id}: {field}"));
    let text = |value: &Value, field: &str| value.as_str().map(str::to_owned).ok_or_else(|| missing(field));
    let end = |code: &'static str| {
        let mut parts = resource["component"].as_array().into_iter().flatten();
        let part = parts.find(|part| part["code"]["coding"][0]["code"] == code);
        part.and_then(|part| part["valueQuantity"]["value"].as_f64()).ok_or_else(|| missing(code))
    };
    let quantity = &resource["valueQuantity"];
    Ok(Measured {
        id: EvidenceId(id.to_owned()),
        name: text(&resource["code"]["text"], "code.text")?,
        quantity: Quantity {
            value: quantity["value"].as_f64().ok_or_else(|| missing("valueQuantity.value"))?,
            unit: text(&quantity["code"], "valueQuantity.code")?,
            decimals: Measured::DECIMALS,
        },
        low: end(RANGE_LOW)?,
        high: end(RANGE_HIGH)?,
        method: text(&resource["method"]["text"], "method.text")?,
        on: text(&resource["note"][0]["text"], "note.text")?,
    })
}

/// The sentences of the narrative by section.
fn sentences(div: &str) -> Vec<(Heading, String)> {
    let mut found = Vec::new();
    for part in div.split("<h2>").skip(1) {
        let Some((title, rest)) = part.split_once("</h2>") else { continue };
        let Some(heading) = Heading::ALL.into_iter().find(|heading| heading.title() == title) else {
            continue;
        };
        for paragraph in rest.split("<p id=\"").skip(1) {
            let words = paragraph.split_once("\">").and_then(|(_, words)| words.split_once("</p>"));
            if let Some((words, _)) = words {
                found.push((heading, unmarked(words)));
            }
        }
    }
    found
}

fn unmarked(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn finding(resource: &Value) -> Result<Finding, FhirError> {
    let id = resource["identifier"][0]["value"].as_str();
    let id = id.ok_or_else(|| FhirError::Missing("Observation.identifier".to_owned()))?;
    let place = |field: &str| format!("Observation {id}: {field}");
    let missing = |field: &str| FhirError::Missing(place(field));
    let codings = resource["code"]["coding"].as_array().ok_or_else(|| missing("code.coding"))?;
    let at = codings.iter().position(|coding| coding["system"] == OWN_SYSTEM);
    let at = at.ok_or_else(|| missing("the code of this program"))?;
    let own = &codings[at];
    let text = |value: &Value, field: &str| value.as_str().map(str::to_owned).ok_or_else(|| missing(field));
    let other = codings[..at].first();
    let code = other.map(|coding| -> Result<CodedConcept, FhirError> {
        let scheme = match text(&coding["system"], "code.coding.system")?.as_str() {
            "http://snomed.info/sct" => "SCT".to_owned(),
            "http://loinc.org" => "LN".to_owned(),
            "http://dicom.nema.org/resources/ontology/DCM" => "DCM".to_owned(),
            "http://www.radlex.org" => "RADLEX".to_owned(),
            "https://radelement.org" => "RADELEMENT".to_owned(),
            "http://unitsofmeasure.org" => "UCUM".to_owned(),
            system => system.trim_start_matches("urn:wilhelm-scheme:").to_owned(),
        };
        let value = text(&coding["code"], "code.coding.code")?;
        Ok(CodedConcept { scheme, value, meaning: text(&coding["display"], "code.coding.display")? })
    });
    let certainty = match resource["valueCodeableConcept"]["coding"][0]["code"].as_str() {
        Some("present") => Certainty::Present,
        Some("probable") => Certainty::Probable,
        Some("indeterminate") => Certainty::Indeterminate,
        Some("unlikely") => Certainty::Unlikely,
        Some("absent") => Certainty::Absent,
        _ => {
            let place = place("valueCodeableConcept");
            return Err(FhirError::Value { place, expected: "one of the five classes of certainty" });
        }
    };
    let laterality = match resource["bodySite"]["coding"][0]["code"].as_str() {
        None => None,
        Some("7771000") => Some(Laterality::Left),
        Some("24028007") => Some(Laterality::Right),
        Some("51440002") => Some(Laterality::Bilateral),
        Some(_) => return Err(FhirError::Value { place: place("bodySite"), expected: "a side" }),
    };
    let components: Vec<&Value> = resource["component"].as_array().into_iter().flatten().collect();
    let of = |code: &'static str| {
        components.iter().copied().filter(move |part| part["code"]["coding"][0]["code"] == code)
    };
    let share = |code: &'static str| {
        let value = of(code).next().and_then(|part| part["valueQuantity"]["value"].as_f64());
        value.ok_or_else(|| missing(code))
    };
    let probability = ProbabilityInterval::new(
        share("probability-low")?,
        share("probability")?,
        share("probability-high")?,
        share("interval-level")?,
    );
    let probability = probability.map_err(|_| FhirError::Value {
        place: place("the probability with its interval"),
        expected: "0 to 1, the interval around the estimate",
    })?;
    let image_box = of("image-box").next().map(|part| -> Result<ImageBox, FhirError> {
        let numbers: Vec<usize> = part["valueString"]
            .as_str()
            .unwrap_or_default()
            .split(' ')
            .filter_map(|number| number.parse().ok())
            .collect();
        match numbers.as_slice() {
            [column, row, columns, rows, slice] => {
                Ok(ImageBox { column: *column, row: *row, columns: *columns, rows: *rows, slice: *slice })
            }
            _ => Err(FhirError::Value { place: place("image-box"), expected: "five numbers" }),
        }
    });
    let measurements = of("measurement").map(|part| -> Result<Measurement, FhirError> {
        let quantity = &part["valueQuantity"];
        let value = quantity["value"].as_f64().ok_or_else(|| missing("the value of a measurement"))?;
        let digits = quantity["value"].to_string();
        let decimals = digits.split_once('.').map_or(0, |(_, fraction)| match fraction {
            "0" => 0,
            fraction => fraction.len(),
        });
        Ok(Measurement {
            name: text(&part["code"]["text"], "the name of a measurement")?,
            quantity: Quantity {
                value,
                unit: text(&quantity["code"], "the unit of a measurement")?,
                decimals: u8::try_from(decimals).unwrap_or(u8::MAX),
            },
            evidence: EvidenceId(String::new()),
        })
    });
    Ok(Finding {
        id: FindingId(id.to_owned()),
        observation: Observation {
            key: text(&own["code"], "the code of this program")?,
            name: text(&own["display"], "the name of the finding")?,
            synonyms: Vec::new(),
            code: code.transpose()?,
        },
        probability,
        certainty,
        laterality,
        place: image_box.transpose()?,
        measurements: measurements.collect::<Result<_, _>>()?,
        normal: of("state-of-health").any(|part| part["valueBoolean"] == true),
        evidence: Vec::new(),
    })
}
