use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use wilhelm_study::{Certainty, CodedConcept, Evidence, EvidenceSource, Finding, Laterality, Phi};

use super::{Names, OWN_SYSTEM, models, narrative, observation_status, report_status};
use crate::reference;
use crate::write::words;
use crate::{Heading, Issue, Measured, Report, Signature, StudyRef, text};

/// The report's own resource.
pub(super) fn diagnostic_report(
    report: &Report,
    issue: &Issue,
    names: &Names<'_>,
    pdf: Option<&[u8]>,
) -> Value {
    let mut resource = json!({
        "resourceType": "DiagnosticReport",
        "text": { "status": "additional", "div": narrative(report) },
        "identifier": [{ "system": OWN_SYSTEM, "value": report.id }],
        "status": report_status(report.state),
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD", "display": "Radiology",
        }] }],
        "code": {
            "coding": [{ "system": "http://loinc.org", "code": "18748-4", "display": "Diagnostic imaging study" }],
            "text": report.title,
        },
        "subject": names.to("patient"),
    });
    let fields = resource.as_object_mut().expect("an object");
    if let Some(date) = study_date(issue) {
        fields.insert("effectiveDateTime".to_owned(), json!(date));
    }
    let issued = report.signatures.last().map_or(&issue.at, |last| &last.at);
    fields.insert("issued".to_owned(), json!(issued));
    fields.insert("performer".to_owned(), json!([{ "display": "Wilhelm, research software" }]));
    if let Some(last) = report.signatures.last() {
        let signer = names.to(&format!("signer {}", names.signer(&last.by)));
        fields.insert("resultsInterpreter".to_owned(), json!([signer]));
    }
    let findings = report.findings.iter().map(|finding| names.to(&format!("finding {}", finding.id)));
    let measured = report.measured.iter().map(|one| names.to(&format!("measured {}", one.id.0)));
    let results: Vec<Value> = findings.chain(measured).collect();
    if !results.is_empty() {
        fields.insert("result".to_owned(), json!(results));
    }
    if issue.subject.study.is_some() {
        fields.insert("imagingStudy".to_owned(), json!([names.to("study")]));
    }
    let impression: Vec<&str> = report
        .sentences()
        .filter(|(heading, _)| *heading == Heading::Impression)
        .map(|(_, sentence)| sentence.text.as_str())
        .collect();
    if !impression.is_empty() {
        fields.insert("conclusion".to_owned(), json!(impression.join(" ")));
    }
    let mut forms =
        vec![attachment("text/plain; charset=utf-8", "The report as text", text(report).as_bytes())];
    forms.extend(pdf.map(|pdf| attachment("application/pdf", "The report as PDF", pdf)));
    fields.insert("presentedForm".to_owned(), json!(forms));
    let cited: Vec<Value> = report.evidence.iter().filter_map(related_artifact).collect();
    if !cited.is_empty() {
        // Behind the text, before the elements of its own.
        fields.shift_insert(2, "extension".to_owned(), json!(cited));
    }
    resource
}

/// General knowledge, or a rule that the knowledge base has, as what FHIR R4 has for citations on a `DiagnosticReport`.
///
/// # Source
/// Extension "Related Artifact", <http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact>
fn related_artifact(evidence: &Evidence) -> Option<Value> {
    let kind = match &evidence.source {
        EvidenceSource::Rule { statement: Some(_), .. } => "derived-from",
        source if source.is_general() => "citation",
        _ => return None,
    };
    let citation = match kind {
        "citation" => reference::cited(evidence),
        _ => crate::html::kind(&evidence.source),
    };
    let mut artifact =
        json!({ "type": kind, "label": evidence.id.0, "display": evidence.summary, "citation": citation });
    if let (Some(link), Some(fields)) = (reference::link(&evidence.source), artifact.as_object_mut()) {
        fields.insert("url".to_owned(), json!(link));
    }
    Some(json!({
        "url": "http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact",
        "valueRelatedArtifact": artifact,
    }))
}

fn attachment(kind: &str, title: &str, bytes: &[u8]) -> Value {
    json!({ "contentType": kind, "language": "en", "data": STANDARD.encode(bytes), "title": title })
}

/// The one place of the bundle with a patient's values, and only where the caller named a patient.
pub(super) fn patient(report: &Report, issue: &Issue) -> Value {
    let masked = json!([{
        "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked",
    }]);
    let Some(patient) = &issue.subject.patient else {
        return json!({
            "resourceType": "Patient",
            "identifier": [{ "system": OWN_SYSTEM, "value": format!("subject of report {}", report.id) }],
            "name": [{ "extension": masked }],
        });
    };
    let of =
        |value: &Option<Phi<String>>| value.as_ref().map(|value| value.expose().clone()).unwrap_or_default();
    let mut resource = json!({ "resourceType": "Patient" });
    let fields = resource.as_object_mut().expect("an object");
    let id = of(&patient.id);
    if !id.is_empty() {
        fields.insert("identifier".to_owned(), json!([{ "value": id }]));
    }
    let name = of(&patient.name);
    if !name.is_empty() {
        fields.insert("name".to_owned(), json!([human_name(&name)]));
    }
    let gender = patient.sex.and_then(|sex| match sex {
        'F' => Some("female"),
        'M' => Some("male"),
        'O' => Some("other"),
        _ => None,
    });
    if let Some(gender) = gender {
        fields.insert("gender".to_owned(), json!(gender));
    }
    if let Some(date) = date(&of(&patient.birth_date)) {
        fields.insert("birthDate".to_owned(), json!(date));
    }
    resource
}

/// A Person Name (family, given, middle, prefix, suffix) as a HumanName.
fn human_name(name: &str) -> Value {
    let group = name.split('=').next().unwrap_or_default();
    let parts: Vec<&str> = group.split('^').map(str::trim).collect();
    let at = |place: usize| parts.get(place).copied().filter(|part| !part.is_empty());
    let mut fields = Map::new();
    if parts.len() == 1 {
        // No components: the whole is a text.
        fields.insert("text".to_owned(), json!(group.trim()));
        return Value::Object(fields);
    }
    if let Some(family) = at(0) {
        fields.insert("family".to_owned(), json!(family));
    }
    let given: Vec<&str> = [at(1), at(2)].into_iter().flatten().collect();
    for (key, values) in
        [("given", given), ("prefix", at(3).into_iter().collect()), ("suffix", at(4).into_iter().collect())]
    {
        if !values.is_empty() {
            fields.insert(key.to_owned(), json!(values));
        }
    }
    Value::Object(fields)
}

/// `YYYYMMDD` as `YYYY-MM-DD`.
fn date(digits: &str) -> Option<String> {
    let is_date = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_date.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]))
}

fn study_date(issue: &Issue) -> Option<String> {
    issue.subject.study.as_ref()?.date.as_ref().and_then(|value| date(value.expose()))
}

pub(super) fn imaging_study(study: &StudyRef, names: &Names<'_>) -> Value {
    let modality =
        |term: &str| json!({ "system": "http://dicom.nema.org/resources/ontology/DCM", "code": term });
    // OT stands where the file names no modality: ImagingStudy.series.modality is required.
    let term = study.modality.as_ref().map_or("OT", |modality| modality.term());
    let instances: Vec<Value> = study
        .instances
        .iter()
        .enumerate()
        .map(|(index, instance)| {
            json!({
                "uid": instance.sop_instance.as_str(),
                "sopClass": { "system": "urn:ietf:rfc:3986", "code": format!("urn:oid:{}", instance.sop_class) },
                "number": index + 1,
            })
        })
        .collect();
    let mut resource = json!({
        "resourceType": "ImagingStudy",
        "identifier": [{ "system": "urn:dicom:uid", "value": format!("urn:oid:{}", study.study.as_str()) }],
        "status": "available",
        "subject": names.to("patient"),
        "numberOfSeries": 1,
        "numberOfInstances": instances.len(),
        "series": [{
            "uid": study.series.as_str(),
            "modality": modality(term),
            "numberOfInstances": instances.len(),
            "instance": instances,
        }],
    });
    let fields = resource.as_object_mut().expect("an object");
    if let Some(started) = study.date.as_ref().and_then(|value| date(value.expose())) {
        fields.insert("started".to_owned(), json!(started));
    }
    if let (Some(number), Some(identifiers)) =
        (&study.accession_number, fields.get_mut("identifier").and_then(Value::as_array_mut))
    {
        identifiers.push(json!({
            "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN" }] },
            "value": number.expose(),
        }));
    }
    resource
}

/// A coding of a concept, with the address FHIR has for its scheme.
pub(super) fn coding(code: &CodedConcept) -> Value {
    let system = match code.scheme.as_str() {
        "SCT" => "http://snomed.info/sct".to_owned(),
        "LN" => "http://loinc.org".to_owned(),
        "DCM" => "http://dicom.nema.org/resources/ontology/DCM".to_owned(),
        "RADLEX" => "http://www.radlex.org".to_owned(),
        "RADELEMENT" => "https://radelement.org".to_owned(),
        "UCUM" => "http://unitsofmeasure.org".to_owned(),
        scheme => format!("urn:wilhelm-scheme:{scheme}"),
    };
    json!({ "system": system, "code": code.value, "display": code.meaning })
}

pub(super) fn observation(report: &Report, finding: &Finding, issue: &Issue, names: &Names<'_>) -> Value {
    let p = &finding.probability;
    // Five decimals: more than calibration supports, and none of the exponents that some parsers refuse.
    let share = |share: f64| json!({ "value": (share * 1e5).round() / 1e5, "system": "http://unitsofmeasure.org", "code": "1" });
    let own = |code: &str, display: &str| json!({ "coding": [{ "system": OWN_SYSTEM, "code": code, "display": display }], "text": display });
    let mut codings: Vec<Value> = finding.observation.code.iter().map(coding).collect();
    codings.push(json!({
        "system": OWN_SYSTEM, "code": finding.observation.key, "display": finding.observation.name,
    }));
    // Behind our own: what stands before it is the finding's code.
    codings.extend(report.element_set(finding).map(coding));
    let mut resource = json!({
        "resourceType": "Observation",
        "identifier": [{ "system": OWN_SYSTEM, "value": finding.id.0 }],
        "status": observation_status(report.state),
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "imaging", "display": "Imaging",
        }] }],
        "code": { "coding": codings, "text": finding.observation.name },
        "subject": names.to("patient"),
    });
    let fields = resource.as_object_mut().expect("an object");
    if let Some(date) = study_date(issue) {
        fields.insert("effectiveDateTime".to_owned(), json!(date));
    }
    let (word, interpretation, display) = certainty(finding.certainty);
    fields.insert(
        "valueCodeableConcept".to_owned(),
        json!({
            "coding": [{ "system": OWN_SYSTEM, "code": word, "display": word }], "text": words::class(finding),
        }),
    );
    fields.insert(
        "interpretation".to_owned(),
        json!([{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
            "code": interpretation, "display": display,
        }] }]),
    );
    if let Some(side) = finding.laterality {
        let (code, display) = match side {
            Laterality::Left => ("7771000", "Left"),
            Laterality::Right => ("24028007", "Right"),
            Laterality::Bilateral => ("51440002", "Right and left"),
        };
        fields.insert(
            "bodySite".to_owned(),
            json!({ "coding": [{ "system": "http://snomed.info/sct", "code": code, "display": display }] }),
        );
    }
    let bearing = finding.evidence.iter().find_map(|id| {
        let evidence = report.evidence.iter().find(|evidence| &evidence.id == id)?;
        match &evidence.source {
            EvidenceSource::Model { model, .. } => Some(names.to(&format!("model {model}"))),
            _ => None,
        }
    });
    fields.insert("device".to_owned(), bearing.unwrap_or_else(|| names.to("program")));
    if issue.subject.study.is_some() {
        fields.insert("derivedFrom".to_owned(), json!([names.to("study")]));
    }
    let mut components = vec![
        json!({ "code": own("probability", "calibrated probability"), "valueQuantity": share(p.estimate.value()) }),
        json!({ "code": own("probability-low", "lower end of its interval"), "valueQuantity": share(p.low.value()) }),
        json!({ "code": own("probability-high", "upper end of its interval"), "valueQuantity": share(p.high.value()) }),
        json!({ "code": own("interval-level", "level of its interval"), "valueQuantity": share(p.level.value()) }),
    ];
    if finding.normal {
        components.push(json!({
            "code": own("state-of-health", "a state of health rather than a disease"), "valueBoolean": true,
        }));
    }
    if let Some(place) = finding.place {
        let numbers = [place.column, place.row, place.columns, place.rows, place.slice];
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        components.push(json!({
            "code": own("image-box", "where the network looked: column, row, columns, rows, slice, in pixels from 0"),
            "valueString": numbers.join(" "),
        }));
    }
    components.extend(finding.measurements.iter().map(|measurement| {
        let quantity = &measurement.quantity;
        // UCUM writes a number without a unit as 1; nobody reads that aloud.
        let code = if quantity.unit.is_empty() { "1" } else { quantity.unit.as_str() };
        let mut value = json!({
            "value": decimal(quantity.value, quantity.decimals),
            "system": "http://unitsofmeasure.org",
            "code": code,
        });
        let unit = words::unit(&quantity.unit);
        if !unit.is_empty() {
            value["unit"] = json!(unit);
        }
        json!({ "code": own("measurement", &measurement.name), "valueQuantity": value })
    }));
    for (sentence, change, compared) in report.changes_of(&finding.id) {
        let word = change.word();
        components.push(json!({
            "code": own("change", "change since the earlier examination"),
            "valueCodeableConcept": { "coding": [{ "system": OWN_SYSTEM, "code": word, "display": word }], "text": word },
        }));
        components.extend(compared.map(|compared| {
            let quantity = &compared.before;
            json!({
                "code": own("earlier-measurement", &compared.name),
                "valueQuantity": {
                    "value": decimal(quantity.value, quantity.decimals),
                    "unit": words::unit(&quantity.unit),
                    "system": "http://unitsofmeasure.org",
                    "code": quantity.unit,
                },
            })
        }));
        let notes = fields.entry("note").or_insert_with(|| json!([]));
        if let Some(notes) = notes.as_array_mut() {
            notes.push(json!({ "text": sentence.text }));
        }
    }
    fields.insert("component".to_owned(), json!(components));
    resource
}

/// The code of a measurement that no finding carries.
pub(super) const MEASURED: &str = "measured-quantity";
/// The codes of the ends of its range.
pub(super) const RANGE_LOW: &str = "range-low";
pub(super) const RANGE_HIGH: &str = "range-high";

/// A measurement that no finding carries, with the ends of its range.
pub(super) fn measurement(report: &Report, measured: &Measured, issue: &Issue, names: &Names<'_>) -> Value {
    let Measured { id, name, quantity, low, high, method, on } = measured;
    let own = |code: &str, display: &str| json!({ "coding": [{ "system": OWN_SYSTEM, "code": code, "display": display }], "text": display });
    let number = |value: f64| {
        json!({
            "value": decimal(value, quantity.decimals),
            "unit": words::unit(&quantity.unit),
            "system": "http://unitsofmeasure.org",
            "code": quantity.unit,
        })
    };
    let mut resource = json!({
        "resourceType": "Observation",
        "identifier": [{ "system": OWN_SYSTEM, "value": id.0 }],
        "status": observation_status(report.state),
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "imaging", "display": "Imaging",
        }] }],
        "code": own(MEASURED, name),
        "subject": names.to("patient"),
        "valueQuantity": number(quantity.value),
        "note": [{ "text": on }],
        "method": { "text": method },
        "device": names.to("program"),
    });
    let fields = resource.as_object_mut().expect("an object");
    if let Some(date) = study_date(issue) {
        fields.insert("effectiveDateTime".to_owned(), json!(date));
    }
    if issue.subject.study.is_some() {
        fields.insert("derivedFrom".to_owned(), json!([names.to("study")]));
    }
    fields.insert(
        "component".to_owned(),
        json!([
            { "code": own(RANGE_LOW, "lower end of its range"), "valueQuantity": number(*low) },
            { "code": own(RANGE_HIGH, "upper end of its range"), "valueQuantity": number(*high) },
        ]),
    );
    resource
}

/// A number with as many digits as it supports: FHIR's decimals keep their precision.
fn decimal(value: f64, decimals: u8) -> Value {
    let text = format!("{:.*}", usize::from(decimals), value);
    // Only where no digit is lost by it.
    match text.parse::<f64>() {
        Ok(parsed) if parsed == value => serde_json::from_str(&text).unwrap_or_else(|_| json!(value)),
        _ => json!(value),
    }
}

/// A class with the code of v3 ObservationInterpretation that comes nearest.
pub(super) const fn certainty(certainty: Certainty) -> (&'static str, &'static str, &'static str) {
    match certainty {
        Certainty::Present => ("present", "POS", "Positive"),
        Certainty::Probable => ("probable", "POS", "Positive"),
        Certainty::Indeterminate => ("indeterminate", "IND", "Indeterminate"),
        Certainty::Unlikely => ("unlikely", "NEG", "Negative"),
        Certainty::Absent => ("absent", "NEG", "Negative"),
    }
}

pub(super) fn device(name: &str, version: &str, weights_sha256: Option<&str>) -> Value {
    let mut resource = json!({ "resourceType": "Device" });
    let fields = resource.as_object_mut().expect("an object");
    if let Some(sha256) = weights_sha256 {
        let identifier = json!([{ "system": OWN_SYSTEM, "value": format!("weights SHA-256 {sha256}") }]);
        fields.insert("identifier".to_owned(), identifier);
    }
    fields.insert("deviceName".to_owned(), json!([{ "name": name, "type": "model-name" }]));
    fields.insert("version".to_owned(), json!([{ "value": version }]));
    let note = "research software, not a medical device";
    fields.insert("note".to_owned(), json!([{ "text": note }]));
    resource
}

pub(super) fn practitioner(signature: &Signature) -> Value {
    json!({ "resourceType": "Practitioner", "name": [human_name(&signature.by)] })
}

/// What made the report, who signed it, and what it was made from.
pub(super) fn provenance(report: &Report, issue: &Issue, names: &Names<'_>) -> Value {
    let kind = |code: &str| {
        json!({ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": code,
        }] })
    };
    let mut agents = vec![json!({ "type": kind("assembler"), "who": names.to("program") })];
    agents.extend(
        models(report).into_iter().map(
            |(name, ..)| json!({ "type": kind("performer"), "who": names.to(&format!("model {name}")) }),
        ),
    );
    agents.extend(report.signatures.iter().map(|signature| {
        let who = names.to(&format!("signer {}", names.signer(&signature.by)));
        json!({ "type": kind("verifier"), "who": who })
    }));
    let inputs: Vec<Value> = report
        .images
        .iter()
        .map(|image| {
            json!({ "role": "source", "what": { "identifier": {
                "system": OWN_SYSTEM, "value": format!("file SHA-256 {}", image.sha256),
            } } })
        })
        .collect();
    let mut resource = json!({
        "resourceType": "Provenance",
        "target": [names.to("report")],
        "recorded": issue.at,
        "agent": agents,
    });
    if !inputs.is_empty() {
        resource.as_object_mut().expect("an object").insert("entity".to_owned(), json!(inputs));
    }
    resource
}
