//! A report as a FHIR R4 bundle, and such a bundle read again.
//!
//! A `DiagnosticReport` with its narrative, an `Observation` a finding and a measurement that no finding carries, the `ImagingStudy` where the source is DICOM,
//! a `Device` for each model and for the program, a `Practitioner` for each person who signed, a `Patient` (whose
//! values are withheld unless the caller names them) and a `Provenance`.
//!
//! # Source
//! HL7 FHIR Release 4 (4.0.1)

mod read;
mod resource;

pub use read::{FhirError, read};

use serde_json::{Value, json};
use wilhelm_study::EvidenceSource;

use crate::subject::uuid;
use crate::{Heading, Issue, Report, State};
use resource::{device, diagnostic_report, imaging_study, measurement, observation, patient, practitioner};

/// The code system of this program's own observations and certainties, for which nobody registered a name.
pub(crate) const OWN_SYSTEM: &str = "urn:uuid:8a0a6d0e-3a55-8c11-9d3e-7c5a1f0b7a11";

/// The bundle of a report, pretty, with a final newline; `pdf` goes with it as a presented form.
///
/// Identifiers are derived from the report, so that a later version of it updates the same resources.
///
/// # Panics
/// Never: the bundle is always JSON.
pub fn bundle(report: &Report, issue: &Issue, pdf: Option<&[u8]>) -> String {
    let names = Names { report };
    let mut entries: Vec<Value> = Vec::new();
    let mut add = |role: &str, mut resource: Value| {
        let id = uuid(report, role);
        if let Some(fields) = resource.as_object_mut() {
            fields.shift_insert(1, "id".to_owned(), json!(id));
        }
        entries.push(json!({ "fullUrl": format!("urn:uuid:{id}"), "resource": resource }));
    };
    add("report", diagnostic_report(report, issue, &names, pdf));
    add("patient", patient(report, issue));
    if let Some(study) = &issue.subject.study {
        add("study", imaging_study(study, &names));
    }
    for finding in &report.findings {
        add(&format!("finding {}", finding.id), observation(report, finding, issue, &names));
    }
    for measured in &report.measured {
        add(&format!("measured {}", measured.id.0), measurement(report, measured, issue, &names));
    }
    add("program", device("Wilhelm", &issue.program_version, None));
    for (name, version, weights) in models(report) {
        add(&format!("model {name}"), device(name, version, Some(weights)));
    }
    for (number, signature) in report.signatures.iter().enumerate() {
        if names.signer(&signature.by) == number {
            add(&format!("signer {number}"), practitioner(signature));
        }
    }
    add("provenance", resource::provenance(report, issue, &names));
    let bundle = json!({
        "resourceType": "Bundle",
        "id": uuid(report, "bundle"),
        "type": "collection",
        "timestamp": issue.at,
        "entry": entries,
    });
    let mut text = serde_json::to_string_pretty(&bundle).expect("a bundle is JSON");
    text.push('\n');
    text
}

/// References from one resource of the bundle to another.
struct Names<'a> {
    report: &'a Report,
}

impl Names<'_> {
    fn to(&self, role: &str) -> Value {
        json!({ "reference": format!("urn:uuid:{}", uuid(self.report, role)) })
    }
    /// Number of the first signature of that name.
    fn signer(&self, by: &str) -> usize {
        self.report.signatures.iter().position(|signature| signature.by == by).unwrap_or(0)
    }
}

/// The networks that bear findings: name, version, SHA-256 of the weights; each once.
fn models(report: &Report) -> Vec<(&str, &str, &str)> {
    let mut found: Vec<(&str, &str, &str)> = Vec::new();
    for evidence in &report.evidence {
        if let EvidenceSource::Model { model, version, weights_sha256, .. } = &evidence.source
            && found.iter().all(|(known, ..)| known != model)
        {
            found.push((model, version, weights_sha256));
        }
    }
    found
}

/// `DiagnosticReport.status`. A draft is partial: "data in the report may be incomplete or unverified".
const fn report_status(state: State) -> &'static str {
    match state {
        State::Draft => "partial",
        State::Preliminary => "preliminary",
        State::Final => "final",
        State::Amended => "amended",
        State::Addendum => "appended",
    }
}

/// `Observation.status`: the models' numbers never change, so nothing of them is ever amended.
const fn observation_status(state: State) -> &'static str {
    if state.is_final() { "final" } else { "preliminary" }
}

/// The narrative: one heading a section, one paragraph a sentence.
fn narrative(report: &Report) -> String {
    let mut div = format!(
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"><h1>{}</h1><p><b>{}.</b> {}</p>",
        markup(&report.title),
        report.state.title(),
        markup(&report.disclaimer)
    );
    for heading in Heading::ALL {
        let sentences: Vec<String> = report
            .sentences()
            .filter(|(of, _)| *of == heading)
            .map(|(_, sentence)| format!("<p id=\"{}\">{}</p>", markup(&sentence.id), markup(&sentence.text)))
            .collect();
        if !sentences.is_empty() {
            div.push_str(&format!("<h2>{}</h2>{}", heading.title(), sentences.concat()));
        }
    }
    div + "</div>"
}

/// A text in XHTML, without the characters that XML 1.0 cannot hold.
fn markup(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\n'))
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edit, Moment, Signer, Subject, addendum, amend, example, sign, stated, stated_in, write};
    use wilhelm_study::{Patient, Phi, ProbabilityInterval};

    pub(super) fn issue() -> Issue {
        let at = Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment");
        Issue { subject: Subject::default(), at, program_version: "0.1.0".to_owned() }
    }

    /// The report's findings as another form can say them: without the evidence that bears them, its shares to five
    /// decimals.
    fn bare(report: &Report) -> Vec<wilhelm_study::Finding> {
        report
            .findings
            .iter()
            .cloned()
            .map(|mut finding| {
                finding.evidence.clear();
                finding.measurements.iter_mut().for_each(|m| m.evidence.0.clear());
                finding.observation.synonyms.clear();
                let p = finding.probability;
                let [low, estimate, high] =
                    [p.low, p.estimate, p.high].map(|share| (share.value() * 1e5).round() / 1e5);
                finding.probability =
                    ProbabilityInterval::new(low, estimate, high, p.level.value()).expect("as before");
                finding
            })
            .collect()
    }

    fn check(report: &Report) {
        let back = read(&bundle(report, &issue(), None)).expect("a bundle");
        assert_eq!(back.state, report.state);
        assert_eq!(back.findings, bare(report));
        let sentences: Vec<_> = report.sentences().map(|(h, s)| (h, s.text.clone())).collect();
        assert_eq!(back.sentences, sentences);
        assert_eq!(stated_in(&back.sentences), stated(report));
    }

    #[test]
    fn a_bundle_read_again_makes_the_same_claims_with_the_same_numbers() {
        for case in example::all() {
            check(&write(&case));
        }
        let mut case = example::pneumonia(1.0 / 3.0);
        case.request = vec!["<b>cough & \"fever\"</b>".to_owned()];
        check(&write(&case));
    }

    #[test]
    fn a_set_of_radelement_stands_behind_our_own_code_and_is_not_taken_for_the_findings_code() {
        let mut report = write(&example::chest_ct());
        let nodule =
            report.findings.iter_mut().find(|f| f.observation.key == "pulmonary_nodule").expect("a nodule");
        nodule.observation.code =
            Some(wilhelm_study::CodedConcept::new("RADLEX", "RID50149", "pulmonary nodule"));
        check(&report);
        let parsed: Value = serde_json::from_str(&bundle(&report, &issue(), None)).expect("JSON");
        let systems: Vec<Vec<&str>> = parsed["entry"]
            .as_array()
            .expect("entries")
            .iter()
            .filter_map(|entry| entry["resource"]["code"]["coding"].as_array())
            .map(|codings| codings.iter().filter_map(|coding| coding["code"].as_str()).collect())
            .collect();
        assert!(systems.contains(&vec!["RID50149", "pulmonary_nodule", "RDES195"]), "{systems:?}");
        assert!(systems.contains(&vec!["pneumothorax", "RDES44"]), "{systems:?}");
    }

    #[test]
    fn each_state_survives() {
        let at = Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment");
        let signer = Signer { by: "Doe^Jane".to_owned(), organization: Some("Clinic".to_owned()), at };
        let draft = write(&example::chest_ct());
        let signed = sign(&draft, State::Final, &signer).expect("signed");
        check(&sign(&draft, State::Preliminary, &signer).expect("signed"));
        check(&signed);
        let added = addendum(&signed, "Seen <again>.", &signer).expect("added");
        check(&added);
        let edits = [Edit::Replace { sentence: "S1".to_owned(), text: "Not stated.".to_owned() }];
        let amended = amend(&added, &edits, &signer, "mistaken").expect("amended");
        let back = read(&bundle(&amended, &issue(), None)).expect("a bundle");
        assert_eq!(back.state, State::Amended);
        let parsed: Value = serde_json::from_str(&bundle(&amended, &issue(), None)).expect("JSON");
        let kinds: Vec<&str> = parsed["entry"]
            .as_array()
            .expect("entries")
            .iter()
            .filter_map(|entry| entry["resource"]["resourceType"].as_str())
            .collect();
        assert_eq!(
            kinds.iter().filter(|kind| **kind == "Practitioner").count(),
            1,
            "one person, one resource"
        );
    }

    #[test]
    fn a_patient_is_named_only_where_the_caller_says_so() {
        let report = write(&example::pneumonia(0.9));
        let withheld = bundle(&report, &issue(), None);
        assert!(withheld.contains("\"masked\""));
        let mut named = issue();
        named.subject.patient = Some(Patient {
            name: Some(Phi::new("Doe^Jane^Q".to_owned())),
            id: Some(Phi::new("P-1".to_owned())),
            birth_date: Some(Phi::new("19700102".to_owned())),
            age_years: Some(56.0),
            sex: Some('F'),
        });
        let text = bundle(&report, &named, None);
        for value in ["\"Doe\"", "\"Jane\"", "\"P-1\"", "\"1970-01-02\"", "\"female\""] {
            assert!(text.contains(value), "{value}");
            assert!(!withheld.contains(value), "{value}");
        }
    }

    #[test]
    fn what_is_no_bundle_of_ours_is_refused_in_words() {
        for (text, expected) in [
            ("{", "not JSON"),
            ("{}", "resourceType of the bundle is missing"),
            (r#"{"resourceType":"Bundle"}"#, "no DiagnosticReport"),
            (
                r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"DiagnosticReport","status":"odd"}}]}"#,
                "DiagnosticReport.status is none",
            ),
        ] {
            let refused = read(text).expect_err(text).to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
