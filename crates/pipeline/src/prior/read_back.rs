//! What an earlier report left, whatever its form: our own JSON, a signed version, a FHIR bundle, an HL7 message, a
//! structured report.

use serde_json::Value;
use wilhelm_formats::Limits;
use wilhelm_formats::dicom::objects::{MeasurementReport, object_facts, read_measurement_report};
use wilhelm_report::{Report, examined, fhir, hl7};
use wilhelm_study::{EvidenceId, Measurement, Patient, Phi};

use super::{Given, Identity, PriorError};
use crate::Version;
use crate::outputs::restated;
use crate::read::sha256;

/// What bytes turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadBack {
    /// A report.
    Report {
        /// What it says.
        given: Box<Given>,
        /// SHA-256 of the image it was made from, where the form keeps it: our own does.
        image_sha256: Option<String>,
    },
    /// Something else: an image, perhaps.
    Other,
}

/// Reads a report of this program in whichever form it left.
///
/// # Errors
/// [`PriorError::Form`] for JSON and structured reports that are none of this program's.
pub fn read_back(bytes: &[u8], limits: &Limits) -> Result<ReadBack, PriorError> {
    let refused = |what: String| PriorError::Form(what);
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        let text =
            std::str::from_utf8(bytes).map_err(|error| refused(format!("it is not UTF-8: {error}")))?;
        let value: Value = serde_json::from_str(text).map_err(|error| {
            refused(format!("it is no JSON: line {}, column {}", error.line(), error.column()))
        })?;
        if value["resourceType"] == "Bundle" {
            return of_bundle(text, &value);
        }
        return of_own(text, &value);
    }
    // A message may still be in the block it traveled in.
    let message = hl7::unframe(bytes).unwrap_or(bytes);
    if message.starts_with(b"MSH") {
        return of_message(message);
    }
    let Ok(facts) = object_facts(bytes, limits) else { return Ok(ReadBack::Other) };
    if !facts.is_structured_report {
        return Ok(ReadBack::Other);
    }
    let document = read_measurement_report(bytes, limits).map_err(|error| refused(error.to_string()))?;
    let said = restated(&document).map_err(|error| refused(error.to_string()))?;
    let mut findings = said.findings;
    for finding in &mut findings {
        let tracking_id = format!("{} {}", finding.id, finding.observation.name);
        finding.measurements = measurements(&document, &tracking_id);
    }
    let identity = Identity { patient: facts.patient, date: facts.study.date, time: facts.study.time };
    Ok(report("DICOM structured report", bytes, identity, findings, examined(&said.sentences), None))
}

fn report(
    form: &str,
    bytes: &[u8],
    identity: Identity,
    findings: Vec<wilhelm_study::Finding>,
    exam: Option<wilhelm_report::Exam>,
    image_sha256: Option<String>,
) -> ReadBack {
    let source = format!("{form} of an earlier examination, SHA-256 {}", &sha256(bytes)[..16]);
    ReadBack::Report { given: Box::new(Given { identity, findings, exam, source }), image_sha256 }
}

/// A message ORU^R01.
fn of_message(message: &[u8]) -> Result<ReadBack, PriorError> {
    let text = std::str::from_utf8(message)
        .map_err(|error| PriorError::Form(format!("it is not UTF-8: {error}")))?;
    let hl7::Received { said, patient, date } =
        hl7::read(text).map_err(|error| PriorError::Form(error.to_string()))?;
    let identity = Identity { patient, date, time: None };
    Ok(report("HL7 message", message, identity, said.findings, examined(&said.sentences), None))
}

/// Our own form, or a version that holds one.
fn of_own(text: &str, value: &Value) -> Result<ReadBack, PriorError> {
    let wrong = |error: serde_json::Error| {
        PriorError::Form(format!("it is no report of this program and no FHIR bundle: {error}"))
    };
    let (form, own): (&str, Report) = if value.get("report").is_some_and(Value::is_object) {
        ("version of a report", serde_json::from_str::<Version>(text).map_err(wrong)?.report)
    } else {
        ("report", serde_json::from_str(text).map_err(wrong)?)
    };
    own.check().map_err(|error| PriorError::Form(format!("it contradicts itself: {error}")))?;
    let image = own.images.first().map(|image| image.sha256.clone());
    let form = format!("{form} {}", own.id);
    Ok(report(&form, text.as_bytes(), Identity::default(), own.findings, Some(own.exam), image))
}

fn of_bundle(text: &str, value: &Value) -> Result<ReadBack, PriorError> {
    let said = fhir::read(text).map_err(|error| PriorError::Form(error.to_string()))?;
    let resources = value["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    let of = |kind: &str| resources.clone().find(|resource| resource["resourceType"] == kind);
    let phi =
        |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(|text| Phi::new(text.to_owned()));
    let digits = |value: &Value| -> Option<Phi<String>> {
        let digits: String = value.as_str()?.chars().filter(char::is_ascii_digit).take(8).collect();
        (digits.len() == 8).then(|| Phi::new(digits))
    };
    let patient = of("Patient").map_or_else(Patient::default, |patient| {
        let name = &patient["name"][0];
        let given = name["given"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let parts: Vec<&str> = name["family"].as_str().into_iter().chain(given).collect();
        let written = (!parts.is_empty()).then(|| Phi::new(parts.join("^")));
        // An identifier of this program's own system is the report's name of a subject it withholds.
        let own = patient["identifier"][0]["system"].is_string();
        Patient {
            id: phi(&patient["identifier"][0]["value"]).filter(|_| !own),
            name: written.or_else(|| phi(&name["text"])),
            birth_date: digits(&patient["birthDate"]),
            age_years: None,
            sex: match patient["gender"].as_str() {
                Some("female") => Some('F'),
                Some("male") => Some('M'),
                _ => None,
            },
        }
    });
    let report_date = of("DiagnosticReport").and_then(|report| digits(&report["effectiveDateTime"]));
    let date = of("ImagingStudy").and_then(|study| digits(&study["started"])).or(report_date);
    let identity = Identity { patient, date, time: None };
    Ok(report("FHIR bundle", text.as_bytes(), identity, said.findings, examined(&said.sentences), None))
}

/// The measurements of a group under the names that this program gives them.
fn measurements(document: &MeasurementReport, tracking_id: &str) -> Vec<Measurement> {
    let group = document.groups.iter().find(|group| group.tracking_id == tracking_id);
    let measured = group.map_or(&[][..], |group| &group.measurements);
    measured
        .iter()
        .filter(|measured| measured.concept.value != "111012")
        .map(|measured| Measurement {
            name: match measured.concept.meaning.as_str() {
                // Two of our names have one concept: the one that findings of reports bear.
                "Long Axis" => "greatest diameter".to_owned(),
                "Attenuation Coefficient" => "mean attenuation".to_owned(),
                meaning => meaning.to_lowercase(),
            },
            quantity: measured.quantity.clone(),
            evidence: EvidenceId(String::new()),
        })
        .collect()
}
